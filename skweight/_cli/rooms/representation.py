"""The representation room: do rows of one class lie close together?"""

import warnings

import numpy as np

from skweight._cli.evaluate import Measure, Study
from skweight._cli.margins import margins
from skweight._cli.own_table import parts_of_study
from skweight._cli.rooms.representation_models import DEEP, STEP, candidates
from skweight._cli.splits import SEED

TITLE = "Embeddings: neighbours of one class"
QUESTION = "Do neighbours share a class, and more often after an embedding is learned from labels?"
SNIPPET = """
from sklearn.datasets import load_wine
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skweight.representation import MultiSimilarityEmbedding

X, y = load_wine(return_X_y=True)
embedding = MultiSimilarityEmbedding(8, random_state=0)
model = make_pipeline(StandardScaler(), embedding, KNeighborsClassifier()).fit(X, y)
model.predict(X)             # by the nearest rows
model[:-1].transform(X)      # rows of unit length, to search among
"""
_MEASURES = [
    Measure(
        "precision",
        "mAP@R",
        "higher",
        "Among test rows: of the R nearest to one, R being the others of its class, how many are "
        "of it, the nearest first. 1 if classes hold together.",
        ours=DEEP,
        is_share=True,
    ),
    Measure(
        "accuracy",
        "accuracy",
        "higher",
        "Share of test rows whose class most of the five nearest training rows have.",
        ours=DEEP,
        is_share=True,
    ),
    Measure(
        "recall",
        "recall at 1",
        None,
        "Share of test rows the nearest of which is of the same class.",
    ),
]


def study_of(**parts):
    """Build a study with the room's candidates and measures.

    Parameters
    ----------
    **parts : dict
        The other fields of `Study`.

    Returns
    -------
    Study
        Without weights: a pair of rows has none.
    """
    return Study(candidates=candidates(), measures=_MEASURES, **parts)


def fit(candidate, study, rows):
    """Fit one candidate on some rows of a study and return its pipeline."""
    return candidate.build(study, rows).fit(study.frame.iloc[rows], study.target[rows])


def measure(fitted, candidate, study, test):
    """Score one fitted candidate on test rows."""
    from skweight.metrics import mean_average_precision_at_r, recall_at_k

    truth, frame = study.target[test], study.frame.iloc[test]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # levels of a category unseen in training
        embedded, predicted = fitted[:-1].transform(frame), fitted.predict(frame)
    return {
        "precision": mean_average_precision_at_r(embedded, truth, metric="euclidean"),
        "accuracy": float(np.mean(predicted == truth)),
        "recall": recall_at_k(embedded, truth, metric="euclidean"),
    }, {}


def figures(outcome):
    """Draw the plots of one study."""
    return [margins(outcome)]


def warm_up():
    """Fit once on little data, so that no candidate is charged for loading code."""
    from skweight.representation import MultiSimilarityEmbedding

    X = np.random.default_rng(SEED).normal(size=(60, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        MultiSimilarityEmbedding(2, max_iter=2).fit(X, X[:, 0] > 0)


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
    Study
        With cross-validation splits.
    """
    _, parts = parts_of_study(table, options, "neighbours", outcome="classes")
    del parts["groups"]  # nothing is held out inside of training rows
    if parts.pop("weights") is not None:
        parts["notes"].append("weights are not used: a pair of rows has none")
    return study_of(weights=None, **parts)


def predictions(pipeline, frame):
    """Give predicted labels of new rows."""
    if pipeline.steps[-1][0] != STEP:
        return None
    return {"prediction": pipeline.predict(frame)}


def studies(quick):
    """List functions that build the tour's studies."""
    from skweight._cli.rooms import representation_studies

    return representation_studies.studies(quick)
