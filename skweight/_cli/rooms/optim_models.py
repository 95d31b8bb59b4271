"""What the optim room compares: networks that differ in how weights move, and the usual models."""

from functools import partial

from skweight._cli.columns import encoder
from skweight._cli.evaluate import Candidate
from skweight._cli.rooms import neural_models
from skweight._cli.rooms.neural_models import PERCEPTRON, THEIRS, how_to_train, kind_of

ADAMP, ADAMW = "Normalised, AdamP", "Normalised, AdamW"
SGDP, SGD = "Normalised, SGDP", "Normalised, SGD"
BOUNDED = "Bounded weights"
# Pairs that differ in nothing else.
TWINS = {
    "of AdamP": (ADAMP, ADAMW),
    "of SGDP": (SGDP, SGD),
    "of bounds": (BOUNDED, PERCEPTRON),
}
_STEPS = {ADAMP: ("adamp", 0.01), ADAMW: ("adamw", 0.01), SGDP: ("sgdp", 0.1), SGD: ("sgd", 0.1)}
_BOUND = {"a": 0.5, "b": 0.5}  # the identity near zero, like the plain perceptron


def candidates(outcome):
    """List ours and what a user would otherwise pick for an outcome of some kind.

    Parameters
    ----------
    outcome : {"numbers", "classes"}
        What is predicted.

    Returns
    -------
    list of Candidate
        The normalised network of AdamP first.
    """
    kind = "Classifier" if outcome == "classes" else "Regressor"
    usual = {candidate.name: candidate for candidate in neural_models.candidates(outcome, False)}
    return [
        *(
            Candidate(name, partial(_normalized, name=name), ours=True,
                      note=f'NormalizedMLP{kind}(optimizer="{optimizer}"), early stopping')
            for name, (optimizer, _) in _STEPS.items()
        ),
        Candidate(BOUNDED, _bounded, ours=True,
                  note=f"CompandedMLP{kind}(a={_BOUND['a']}, b={_BOUND['b']}), early stopping"),
        *(usual[name] for name in (PERCEPTRON, THEIRS, "Linear")),
    ]  # fmt: skip


def _normalized(study, rows, *, name):
    optimizer, rate = _STEPS[name]
    options = {"optimizer": optimizer, "learning_rate_init": rate}
    return _network("NormalizedMLP", study, rows, options)


def _bounded(study, rows):
    return _network("CompandedMLP", study, rows, _BOUND)


def _network(family, study, rows, options):
    from skweight import optim

    model = getattr(optim, f"{family}{kind_of(study)}")
    model = model(neural_models.LAYERS, **how_to_train(study, rows), **options)
    return neural_models.pipeline(encoder(study.columns), model)
