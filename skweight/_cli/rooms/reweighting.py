"""The reweighting room: models that are fitted again to rows weighted by their losses."""

import warnings

import numpy as np

from skweight._cli.evaluate import Measure
from skweight._cli.margins import margins
from skweight._cli.noisy import NoisyStudy, fit_taught
from skweight._cli.own_table import parts_of_study
from skweight._cli.rooms.reweighting_models import LINEAR, STEP, STRATEGIES, candidates, weighted
from skweight._cli.splits import SEED

TITLE = "Rows weighted by their losses"
QUESTION = "Does it help to weight rows by their loss, and what if labels are wrong?"
SNIPPET = """
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skweight.reweighting import DynamicLossReweightedClassifier

X, y = load_breast_cancer(return_X_y=True)
weighted = DynamicLossReweightedClassifier(LogisticRegression(), strategy="linupper")
model = make_pipeline(StandardScaler(), weighted).fit(X, y)
model[-1].effective_sample_size_     # how many equal rows the last weights are worth
model[-1].loss_curve_                # mean loss after each fit, the plain one first
"""
_TWINS = (
    " Followed by a strategy, it sets the linear model with such weights beside the same without."
)
_SMALLEST = 1e-15  # probability: the log loss of a label that was not to be expected is finite
_MEASURES = {
    "numbers": [
        Measure("error", "squared error", "lower", "Mean squared error." + _TWINS),
        Measure("absolute", "absolute error", "lower", "Mean absolute error."),
        Measure("r2", "R2", None, "Share of the targets' variance that is explained."),
    ],
    "classes": [
        Measure(
            "loss",
            "log loss",
            "lower",
            "Minus the logarithm of the probability of the right label." + _TWINS,
        ),
        Measure(
            "accuracy", "accuracy", "higher", "Share of rows whose label is found.", is_share=True
        ),
    ],
}


def study_of(outcome, **parts):
    """Build a study with the room's candidates and measures.

    Parameters
    ----------
    outcome : {"numbers", "classes"}
        What is predicted.
    **parts : dict
        The other fields of `NoisyStudy`.

    Returns
    -------
    NoisyStudy
        Of models with weights and without.
    """
    linear = LINEAR[outcome]
    return NoisyStudy(
        outcome=outcome,
        candidates=candidates(outcome),
        measures=_MEASURES[outcome],
        # The same linear model with weights and without.
        twins={f"by {name}": (weighted(linear, name), linear) for name in STRATEGIES},
        **parts,
    )


def fit(candidate, study, rows):
    """Fit one candidate on some rows of a study and return its pipeline."""
    return fit_taught(candidate, study, rows, STEP)


def measure(fitted, candidate, study, test):
    """Score one fitted candidate on test rows."""
    from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

    truth, frame = study.target[test], study.frame.iloc[test]
    weights = None if study.weights is None else study.weights[test]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # levels of a category unseen in training
        if study.outcome == "numbers":
            found = fitted.predict(frame)
            scores = {"error": mean_squared_error, "absolute": mean_absolute_error, "r2": r2_score}
            return {
                key: score(truth, found, sample_weight=weights) for key, score in scores.items()
            }, {}
        probabilities = fitted.predict_proba(frame)
    is_right = truth[:, None] == fitted.classes_
    losses = -np.log((probabilities * is_right).sum(axis=1).clip(_SMALLEST, 1))
    hits = fitted.classes_[probabilities.argmax(axis=1)] == truth
    return {
        "loss": np.average(losses, weights=weights),
        "accuracy": np.average(hits, weights=weights),
    }, {}


def figures(outcome):
    """Draw the plots of one study."""
    return [margins(outcome)]


def warm_up():
    """Fit once on little data, so that no candidate is charged for loading code."""
    from skweight.reweighting import DynamicLossReweightedClassifier

    X = np.random.default_rng(SEED).normal(size=(60, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        DynamicLossReweightedClassifier(max_iter=2).fit(X, X[:, 0] > 0)


def suits(column):
    """Say why this room is taken without being asked for: never, as others suit all targets."""
    return None


def study_of_table(table, options):
    """Build the study of a user's own table.

    Parameters
    ----------
    table : skweight._cli.reading.Table
        As read.
    options : argparse.Namespace
        With ``target``, ``weights``, ``groups`` and ``folds``.

    Returns
    -------
    NoisyStudy
        With cross-validation splits, and no noise but the table's own.
    """
    outcome, parts = parts_of_study(table, options, "weights by loss")
    return study_of(outcome, **parts)


def predictions(pipeline, frame):
    """Give predicted numbers or labels of new rows."""
    if pipeline.steps[-1][0] != STEP:
        return None
    return {"prediction": pipeline.predict(frame)}


def studies(quick):
    """List functions that build the tour's studies."""
    from skweight._cli.rooms import reweighting_studies

    return reweighting_studies.studies(quick)
