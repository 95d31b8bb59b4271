"""What the reweighting room compares: models with weights by loss, and the same without."""

from functools import partial

from skweight._cli.columns import encoder
from skweight._cli.evaluate import Candidate
from skweight._cli.splits import SEED

STEP = "weighted"  # name of the last step of a pipeline of this room
LINEAR = {"numbers": "Ridge", "classes": "Logistic"}
BOOSTING = "Boosting"
STRATEGIES = ("linupper", "quadratic", "extremes")
_BOOSTING = {"max_iter": 40, "max_leaf_nodes": 8, "random_state": SEED}


def weighted(name, strategy):
    """Name the candidate that is another one with weights."""
    return f"{name}, {strategy}"


def candidates(outcome):
    """List ours and what a user would otherwise pick for an outcome of some kind.

    Parameters
    ----------
    outcome : {"numbers", "classes"}
        What is predicted.

    Returns
    -------
    list of Candidate
        The linear model weighted by linupper first, plain models last.
    """
    kind = "Classifier" if outcome == "classes" else "Regressor"
    linear = LINEAR[outcome]
    model = "LogisticRegression" if outcome == "classes" else "Ridge"
    ours = f"DynamicLossReweighted{kind}"
    return [
        *(
            Candidate(weighted(linear, strategy), partial(_linear, strategy=strategy), ours=True,
                      note=f'{ours} of {model}, strategy="{strategy}"')
            for strategy in STRATEGIES
        ),
        Candidate(linear, _linear, note=f'{model}, which strategy="uniform" is'),
        Candidate(BOOSTING, _boosting, note=f"HistGradientBoosting{kind}"),
    ]  # fmt: skip


def _linear(study, rows, *, strategy=None):
    from sklearn.linear_model import LogisticRegression, Ridge

    from skweight import reweighting

    is_class = study.outcome == "classes"
    model = LogisticRegression(max_iter=2000) if is_class else Ridge()
    if strategy is not None:
        kind = "Classifier" if is_class else "Regressor"
        around = getattr(reweighting, f"DynamicLossReweighted{kind}")
        model = around(model, strategy=strategy)
    return _pipeline(study, model)


def _boosting(study, rows):
    from sklearn import ensemble

    kind = "Classifier" if study.outcome == "classes" else "Regressor"
    codes = list(range(len(study.columns.categorical))) or None
    model = getattr(ensemble, f"HistGradientBoosting{kind}")(
        categorical_features=codes, **_BOOSTING
    )
    return _pipeline(study, model, native=True)


def _pipeline(study, model, native=False):
    from sklearn.pipeline import Pipeline

    return Pipeline([("columns", encoder(study.columns, native=native)), (STEP, model)])
