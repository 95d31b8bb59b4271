"""What the neural room compares: our networks, scikit-learn's, trees and a linear model."""

import numpy as np

from skweight._cli.columns import encoder
from skweight._cli.evaluate import Candidate
from skweight._cli.splits import SEED, groups_of, rows_to_stop_by

STEP = "network"  # name of the last step of a pipeline of this room
PERCEPTRON, THEIRS = "Perceptron", "Perceptron of scikit-learn"
VECTORS, RESIDUAL = "Perceptron with vectors", "Residual network"
TWINS = {"of perceptrons": (PERCEPTRON, THEIRS)}
LAYERS = (100,)
BLOCKS = (64, 64)  # width of the residual network, once for each block
_MOST_EPOCHS = 200
_HELD_OUT = 0.1  # share of the training rows that all perceptrons hold out by default


def candidates(outcome, has_categories):
    """List ours and what a user would otherwise pick for an outcome of some kind.

    Parameters
    ----------
    outcome : {"numbers", "classes"}
        What is predicted.
    has_categories : bool
        Whether there are categories, which may become vectors.

    Returns
    -------
    list of Candidate
        The perceptron first, which differs from scikit-learn's in nothing but the code.
    """
    kind = "Classifier" if outcome == "classes" else "Regressor"
    ours = {PERCEPTRON: (_perceptron, f"Neural{kind}({LAYERS}), early stopping")}
    if has_categories:
        ours[VECTORS] = _vectors, "the same with categorical_features: a vector for each category"
    ours[RESIDUAL] = _residual, f"Neural{kind}({BLOCKS}, module=ResidualMLP), early stopping"
    linear = "LogisticRegression" if outcome == "classes" else "RidgeCV"
    others = {
        THEIRS: (_their_perceptron, f"MLP{kind}({LAYERS}), early stopping"),
        "Gradient boosting": (_boosting, f"HistGradientBoosting{kind}"),
        "Linear": (_linear, linear),
    }
    return [
        Candidate(name, build, ours=mine, note=note)
        for mine, found in ((True, ours), (False, others))
        for name, (build, note) in found.items()
    ]


def learner(fitted):
    """Give the model of a fitted pipeline, out of what scales its targets."""
    return getattr(fitted[-1], "regressor_", fitted[-1])


def _perceptron(study, rows):
    return pipeline(encoder(study.columns), _network(study, rows, LAYERS))


def _vectors(study, rows):
    places = list(range(len(study.columns.categorical)))  # codes come first
    network = _network(study, rows, LAYERS, categorical_features=places)
    return pipeline(encoder(study.columns, vectors=True), network)


def _residual(study, rows):
    from skweight.neural import ResidualMLP

    return pipeline(encoder(study.columns), _network(study, rows, BLOCKS, module=ResidualMLP))


def _network(study, rows, sizes, **options):
    from skweight import neural

    model = getattr(neural, f"Neural{kind_of(study)}")
    return model(sizes, **how_to_train(study, rows), **options)


def how_to_train(study, rows):
    """Give the options that all our networks are trained with."""
    return {
        "max_iter": _MOST_EPOCHS,
        "early_stopping": _can_stop(study, rows),
        "cv": rows_to_stop_by(groups_of(study, rows)),
        "random_state": SEED,
    }


def _can_stop(study, rows):
    """Whether each class has rows to learn from and rows to hold out."""
    if study.outcome == "numbers":
        return True
    counts = np.unique(study.target[rows], return_counts=True)[1]
    return bool(counts.min() >= 2 and np.ceil(_HELD_OUT * len(rows)) >= len(counts))


def _their_perceptron(study, rows):
    from sklearn import neural_network
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.preprocessing import StandardScaler

    model = getattr(neural_network, f"MLP{kind_of(study)}")(
        hidden_layer_sizes=LAYERS,
        max_iter=_MOST_EPOCHS,
        early_stopping=_can_stop(study, rows),
        random_state=SEED,
    )
    if study.outcome == "numbers":  # ours scales targets by itself
        model = TransformedTargetRegressor(model, transformer=StandardScaler())
    return pipeline(encoder(study.columns), model)


def _boosting(study, rows):
    from sklearn import ensemble

    codes = list(range(len(study.columns.categorical))) or None
    model = getattr(ensemble, f"HistGradientBoosting{kind_of(study)}")
    model = model(categorical_features=codes, random_state=SEED)
    return pipeline(encoder(study.columns, native=True), model)


def _linear(study, rows):
    from sklearn.linear_model import LogisticRegression, RidgeCV

    classes = study.outcome == "classes"
    model = LogisticRegression(max_iter=2000) if classes else RidgeCV(np.logspace(-3, 3, 13))
    return pipeline(encoder(study.columns), model)


def kind_of(study):
    """Give how names of estimators for the study's outcome end."""
    return "Classifier" if study.outcome == "classes" else "Regressor"


def pipeline(columns, model):
    """Put a model behind what prepares its columns."""
    from sklearn.pipeline import Pipeline

    return Pipeline([("columns", columns), (STEP, model)])
