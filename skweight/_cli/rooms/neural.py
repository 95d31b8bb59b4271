"""The neural room: networks as estimators of scikit-learn, beside its own and boosted trees."""

import warnings
from dataclasses import dataclass

import numpy as np

from skweight._cli.evaluate import Measure, Study
from skweight._cli.own_table import parts_of_study
from skweight._cli.rooms.neural_figures import figures
from skweight._cli.rooms.neural_models import STEP, TWINS, candidates, learner
from skweight._cli.splits import SEED

__all__ = ["figures"]

TITLE = "Networks that are estimators"
QUESTION = "What do networks of torch bring on a table, beside scikit-learn's and boosted trees?"
SNIPPET = """
from sklearn.datasets import load_diabetes
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skweight.neural import NeuralRegressor, ResidualMLP

X, y = load_diabetes(return_X_y=True)
network = NeuralRegressor((64, 64), module=ResidualMLP, early_stopping=True, random_state=0)
model = make_pipeline(StandardScaler(), network).fit(X, y)
model[-1].module_            # the module of torch
model[-1].n_iter_            # epochs, until rows held out no longer gained
"""
_TWINS = (
    " Of perceptrons: ours beside scikit-learn's, with the same layers and the same way to stop."
)


def measures(outcome, twins):
    """List the scores of networks.

    Parameters
    ----------
    outcome : {"numbers", "classes"}
        What is predicted.
    twins : str
        What the pairs are that the first score is a verdict on.
    """
    epochs = Measure("epochs", "epochs", None, "Passes over the training rows, until it stopped.")
    if outcome == "numbers":
        return [
            Measure("error", "squared error", "lower", "Mean squared error." + twins),
            Measure("r2", "R2", None, "Share of the targets' variance that is explained."),
            epochs,
        ]
    return [
        Measure("loss", "log-loss", "lower", "How surprised it is by the labels." + twins),
        Measure(
            "accuracy", "accuracy", "higher", "Share of rows whose label is found.", is_share=True
        ),
        epochs,
    ]


@dataclass(kw_only=True)
class NeuralStudy(Study):
    """A study of networks.

    Parameters
    ----------
    outcome : {"numbers", "classes"}
        What is predicted.
    groups : ndarray of shape (n_samples,) or None, default=None
        Rows of one group stay together, in what our networks hold out as well.
    """

    outcome: str
    groups: np.ndarray | None = None


def study_of(outcome, **parts):
    """Build a study with the room's candidates and measures.

    Parameters
    ----------
    outcome : {"numbers", "classes"}
        What is predicted.
    **parts : dict
        The other fields of `NeuralStudy`.
    """
    return NeuralStudy(
        outcome=outcome,
        candidates=candidates(outcome, bool(parts["columns"].categorical)),
        measures=measures(outcome, _TWINS),
        twins=TWINS,
        **parts,
    )


def fit(candidate, study, rows):
    """Fit one candidate on some rows of a study and return its pipeline."""
    weights = {}
    if study.weights is not None:
        weights[f"{STEP}__sample_weight"] = study.weights[rows]
    return candidate.build(study, rows).fit(study.frame.iloc[rows], study.target[rows], **weights)


def measure(fitted, candidate, study, test):
    """Score one fitted candidate on test rows and keep its losses by epoch."""
    from sklearn.metrics import accuracy_score, log_loss, mean_squared_error, r2_score

    truth, frame = study.target[test], study.frame.iloc[test]
    given = {"sample_weight": None if study.weights is None else study.weights[test]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # levels of a category unseen in training
        found = fitted.predict(frame)
        if study.outcome == "numbers":
            scores = {
                "error": mean_squared_error(truth, found, **given),
                "r2": r2_score(truth, found, **given),
            }
        else:
            loss = log_loss(truth, fitted.predict_proba(frame), labels=fitted.classes_, **given)
            scores = {"loss": loss, "accuracy": accuracy_score(truth, found, **given)}
    network = learner(fitted)
    kept = {}
    if hasattr(network, "loss_curve_"):
        scores["epochs"] = network.n_iter_
    if candidate.ours and network.validation_scores_ is not None:
        kept["held_out"] = -np.array(network.validation_scores_)
    return scores, kept


def warm_up():
    """Fit once on little data, so that no candidate is charged for loading code."""
    from sklearn.neural_network import MLPClassifier

    from skweight.neural import NeuralClassifier

    X = np.random.default_rng(SEED).normal(size=(60, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for model in (NeuralClassifier, MLPClassifier):
            model((5,), max_iter=2, early_stopping=True, random_state=SEED).fit(X, X[:, 0] > 0)


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
    NeuralStudy
        With cross-validation splits.
    """
    outcome, parts = parts_of_study(table, options, "networks")
    return study_of(outcome, **parts)


def predictions(pipeline, frame):
    """Give predicted numbers or labels of new rows."""
    if pipeline.steps[-1][0] != STEP:
        return None
    return {"prediction": pipeline.predict(frame)}


def studies(quick):
    """List functions that build the tour's studies."""
    from skweight._cli.rooms import neural_studies

    return neural_studies.studies(quick)
