"""The privacy room: classifiers that may be published, and what that costs."""

import warnings
from dataclasses import dataclass

import numpy as np

from skweight._cli.evaluate import Measure, Study
from skweight._cli.rooms.privacy_figures import figures
from skweight._cli.rooms.privacy_models import candidates
from skweight._cli.splits import SEED

__all__ = ["figures"]

TITLE = "Classifiers that give no row away"
QUESTION = (
    "What does it cost if a classifier may be published, and nobody can tell from it whether any "
    "one row was among its data?"
)
SNIPPET = """
from sklearn.datasets import load_digits
from skweight.privacy import PrivateSimilarityClassifier

X, y = load_digits(return_X_y=True)
model = PrivateSimilarityClassifier(epsilon=1.0, delta=1e-5, bounds=(0, 16), classes=range(10))
model.fit(X, y)
model.predict(X)        # as often as anybody likes
model.release_          # noisy sums: all that is kept of the rows
model.privacy_spent_    # what a row has at stake
"""
MEASURES = [
    Measure(
        "balanced",
        "balanced accuracy",
        "higher",
        "Share of rows whose label is found, averaged over classes: rare ones count as much as "
        "frequent ones. All but ours are without privacy: what ours has less is the price.",
        is_share=True,
    ),
    Measure(
        "accuracy",
        "accuracy",
        "higher",
        "Share of rows whose label is found. Ours takes no account of how frequent classes are.",
        is_share=True,
    ),
]


@dataclass(kw_only=True)
class PrivacyStudy(Study):
    """A study of labels that are told with and without privacy.

    Parameters
    ----------
    bounds : ndarray of shape (2, n_numeric) or None
        Public lows and highs of the numeric columns; None takes them from rows.
    public_classes : list or None
        Public labels; None takes them from rows.
    """

    bounds: np.ndarray | None
    public_classes: list | None


def study_of(epsilons, delta, *, bounds, public_classes, **parts):
    """Build a study with the room's candidates and measures.

    Parameters
    ----------
    epsilons : list of float
        The first is under test.
    delta : float
        Of all of them.
    bounds, public_classes
        See `PrivacyStudy`.
    **parts : dict
        The other fields of `PrivacyStudy`.

    Returns
    -------
    PrivacyStudy
        Without public bounds or classes, candidates of ours are named "not private".
    """
    private = bounds is not None and public_classes is not None
    return PrivacyStudy(
        candidates=candidates(epsilons, delta, private),
        measures=MEASURES,
        weights=None,
        bounds=bounds,
        public_classes=public_classes,
        **parts,
    )


def fit(candidate, study, rows):
    """Fit one candidate on some rows of a study and return its pipeline."""
    return candidate.build(study, rows).fit(study.frame.iloc[rows], study.target[rows])


def measure(fitted, candidate, study, test):
    """Score one fitted candidate on test rows."""
    from sklearn.metrics import accuracy_score, balanced_accuracy_score

    truth = study.target[test]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # classes or levels that few rows have
        found = fitted.predict(study.frame.iloc[test])
        scores = {
            "accuracy": accuracy_score(truth, found),
            "balanced": balanced_accuracy_score(truth, found),
        }
    return scores, {}


def warm_up():
    """Fit once on little data, so that no candidate is charged for loading compiled code."""
    from skweight.privacy import PrivateSimilarityClassifier

    X = np.random.default_rng(SEED).uniform(size=(60, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for delta in (0.0, 1e-6):
            model = PrivateSimilarityClassifier(delta=delta, bounds=(0, 1), random_state=SEED)
            model.fit(X, X[:, 0] > 0.5)


def suits(column):
    """Say why this room is taken without being asked for: never, as it needs an epsilon."""
    return None


def study_of_table(table, options):
    """Build the study of a user's own table.

    Parameters
    ----------
    table : skweight._cli.reading.Table
        As read.
    options : argparse.Namespace
        With ``target``, ``epsilon``, ``delta``, ``bounds``, ``classes``, ``groups`` and ``folds``.

    Returns
    -------
    PrivacyStudy
        With cross-validation splits.
    """
    from skweight._cli.rooms import privacy_table

    return privacy_table.study_of_table(table, options)


def to_save(outcome):
    """Give the candidate that ``--save`` writes, and words for it."""
    spent = outcome.fitted[-1].privacy_spent_
    cost = f"epsilon={spent.epsilon:g}, delta={spent.delta:g}"
    words = f"one release of {cost} for each row" if spent.valid else "not private"
    return outcome.ours, f"The pipeline of {outcome.ours.name!r} ({words})"


def predictions(pipeline, frame):
    """Give the label and the scores of new rows."""
    model = pipeline[-1]
    if not hasattr(model, "privacy_spent_"):
        return None
    columns = {"prediction": pipeline.predict(frame)}
    scores = np.atleast_2d(pipeline.decision_function(frame).T)
    labels = model.classes_ if len(scores) > 1 else model.classes_[1:]
    return columns | {f"score_{label}": score for label, score in zip(labels, scores)}


def studies(quick):
    """List functions that build the tour's studies."""
    from skweight._cli.rooms import privacy_studies

    return privacy_studies.studies(quick)
