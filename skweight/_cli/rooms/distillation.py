"""The distillation room: models that are fitted again to their own predictions."""

import warnings
from dataclasses import dataclass

import numpy as np

from skweight._cli.evaluate import Measure
from skweight._cli.noisy import NoisyStudy, fit_taught
from skweight._cli.own_table import parts_of_study
from skweight._cli.rooms.distillation_figures import figures
from skweight._cli.rooms.distillation_models import MOST_EXACT, STEP, candidates, learner, twins
from skweight._cli.splits import SEED

__all__ = ["figures"]

TITLE = "Models that learn from their own predictions"
QUESTION = (
    "Does it help to fit a model again, to a mixture of the targets and its own predictions, above "
    "all where targets are noisy?"
)
SNIPPET = """
from sklearn.datasets import load_diabetes
from sklearn.ensemble import GradientBoostingRegressor
from skweight.distillation import SelfDistillation, SelfDistilledRidgeCV

X, y = load_diabetes(return_X_y=True)
model = SelfDistilledRidgeCV(alphas=[0.01, 0.1, 1, 10]).fit(X, y)
model.alpha_, model.best_step_, model.ground_truth_weights_   # found by leave-one-out
model.scores_                 # of each penalty and step; step 1 is the ordinary fit
boosting = SelfDistillation(GradientBoostingRegressor(random_state=0), n_steps=2).fit(X, y)
boosting.predict(X, step=1)   # without self-distillation
"""
_TWINS = (
    " Followed by a kind of model, it sets the one of that kind in steps beside the same without, "
    "which chooses its penalty in the same way if it chooses one."
)
_STEP = Measure(
    "step",
    "step",
    None,
    "The step that was chosen by rows left out, 1 being the ordinary fit; mean over splits.",
)
_MEASURES = {
    "numbers": [
        Measure("error", "squared error", "lower", "Mean squared error." + _TWINS),
        Measure("r2", "R2", None, "Share of the targets' variance that is explained."),
        _STEP,
    ],
    "classes": [
        Measure(
            "accuracy",
            "accuracy",
            "higher",
            "Share of rows whose label is found." + _TWINS,
            is_share=True,
        ),
        Measure(
            "balanced",
            "balanced accuracy",
            "higher",
            "The same averaged over classes: rare ones count as much as frequent ones.",
            is_share=True,
        ),
        _STEP,
    ],
}


@dataclass(kw_only=True)
class DistillationStudy(NoisyStudy):
    """A study of models with and without steps.

    Parameters
    ----------
    exact : bool
        Whether kernels are not approximated.
    """

    exact: bool


def study_of(outcome, **parts):
    """Build a study with the room's candidates and measures.

    Parameters
    ----------
    outcome : {"numbers", "classes"}
        What is predicted.
    **parts : dict
        The other fields of `DistillationStudy`.

    Returns
    -------
    DistillationStudy
        With a note on what is left out.
    """
    exact = max(len(train) for train, _ in parts["splits"]) <= MOST_EXACT
    found, notes = candidates(outcome, exact, parts.get("groups") is not None)
    return DistillationStudy(
        outcome=outcome,
        exact=exact,
        candidates=found,
        measures=_MEASURES[outcome],
        twins=twins(found),
        notes=[*parts.pop("notes", []), *notes],
        **parts,
    )


def fit(candidate, study, rows):
    """Fit one candidate on some rows of a study and return its pipeline."""
    return fit_taught(candidate, study, rows, STEP)


def measure(fitted, candidate, study, test):
    """Score one fitted candidate on test rows and keep the errors of its steps."""
    from sklearn.metrics import (
        balanced_accuracy_score,
        mean_squared_error,
        r2_score,
        zero_one_loss,
    )

    truth = study.target[test]
    given = {"sample_weight": None if study.weights is None else study.weights[test]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # classes or levels that few rows have
        rows = fitted[:-1].transform(study.frame.iloc[test])
        found = fitted[-1].predict(rows)
        if study.outcome == "numbers":
            error = mean_squared_error
            scores = {"error": error(truth, found, **given), "r2": r2_score(truth, found, **given)}
        else:
            error = zero_one_loss
            scores = {
                "accuracy": 1 - error(truth, found, **given),
                "balanced": balanced_accuracy_score(truth, found, **given),
            }
        steps = [error(truth, step, **given) for step in _staged(fitted[-1], rows) or [found]]
    chosen = getattr(learner(fitted), "best_step_", None) if candidate.ours else None
    if chosen is not None:
        scores["step"] = chosen
    return scores, {"steps": np.array(steps), "chosen": chosen}


def _staged(last, rows):
    """Give the predictions of each step, none for a model without steps."""
    model = learner([last])
    if not hasattr(model, "ground_truth_weights_"):
        return []
    steps = list(model.staged_predict(rows))
    if model is last:
        return steps
    # The targets were scaled before the fit.
    return [last.transformer_.inverse_transform(step.reshape(-1, 1)).ravel() for step in steps]


def warm_up():
    """Fit once on little data, so that no candidate is charged for loading code."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    from skweight.distillation import SelfDistillation, SelfDistilledKernelRidgeCV

    generator = np.random.default_rng(SEED)
    X = generator.normal(size=(60, 2))
    y = X[:, 0] + generator.normal(size=60)
    SelfDistilledKernelRidgeCV().fit(X, y)
    SelfDistillation(HistGradientBoostingRegressor(max_iter=2), cv=2).fit(X, y)


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
    DistillationStudy
        With cross-validation splits.
    """
    outcome, parts = parts_of_study(table, options, "steps")
    return study_of(outcome, **parts)


def predictions(pipeline, frame):
    """Give predicted numbers or labels of new rows."""
    if pipeline.steps[-1][0] != STEP:
        return None
    return {"prediction": pipeline.predict(frame)}


def studies(quick):
    """List functions that build the tour's studies."""
    from skweight._cli.rooms import distillation_studies

    return distillation_studies.studies(quick)
