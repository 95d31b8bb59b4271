"""The transfer room: labels that arrive in tasks, and models that do not forget the old ones."""

import warnings
from dataclasses import dataclass

import numpy as np

from skweight._cli import CommandError
from skweight._cli.evaluate import Measure, Study
from skweight._cli.margins import margins
from skweight._cli.own_table import parts_of_study
from skweight._cli.rooms.transfer_models import ALIGNED, STEP, candidates, tasks_of
from skweight._cli.splits import SEED

_FEWEST_LABELS = 3
TITLE = "New classes: models that learn them without forgetting the old ones"
QUESTION = "My classes arrive over time and few rows of the old ones are left: what is forgotten?"
SNIPPET = """
from sklearn.datasets import load_digits
from skweight.transfer import WeightAlignedClassifier

X, y = load_digits(return_X_y=True)
model = WeightAlignedClassifier(memory_per_class=20, tol=0.01, random_state=0)
for rows in (y < 5, y >= 5):          # a task each, of all rows of its classes
    model.partial_fit(X[rows] / 16, y[rows])
model.predict(X / 16)                 # labels of both
model.gamma_history_                  # by what new weights were rescaled
"""


@dataclass(kw_only=True)
class TransferStudy(Study):
    """A study of labels that arrive in tasks.

    Parameters
    ----------
    tasks : list of ndarray
        The labels of each, in the order of arrival.
    """

    tasks: list


def study_of(**parts):
    """Build a study with the room's candidates and measures.

    Parameters
    ----------
    **parts : dict
        The other fields of `Study`.

    Returns
    -------
    TransferStudy
        With a note on which labels arrive when.
    """
    tasks = tasks_of(np.unique(parts["target"]))
    told = "; ".join(", ".join(map(str, labels)) for labels in tasks)
    notes = [*parts.pop("notes", []), f"labels arrive in this order: {told}"]
    return TransferStudy(
        tasks=tasks, candidates=candidates(), measures=_measures(tasks), notes=notes, **parts
    )


def _measures(tasks):
    """List the scores after the last task."""
    first, last = (", ".join(map(str, tasks[place])) for place in (0, -1))
    return [
        Measure(
            "balanced",
            "balanced accuracy",
            "higher",
            "After the last task: share of rows whose label is found, averaged over labels.",
            ours=ALIGNED,
            is_share=True,
        ),
        Measure(
            "old",
            "first labels",
            "higher",
            f"The same of the labels of the first task: {first}. Forgetting shows here.",
            ours=ALIGNED,
            is_share=True,
        ),
        Measure("new", "last labels", None, f"The same of the labels of the last task: {last}."),
    ]


def fit(candidate, study, rows):
    """Fit one candidate on some rows of a study, task by task, and return its pipeline."""
    weights = None if study.weights is None else study.weights[rows]
    return candidate.build(study, rows).fit(
        study.frame.iloc[rows], study.target[rows], **{f"{STEP}__sample_weight": weights}
    )


def measure(fitted, candidate, study, test):
    """Score one fitted candidate on test rows."""
    from sklearn.metrics import recall_score

    truth = study.target[test]
    weights = None if study.weights is None else study.weights[test]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # levels of a category unseen in training
        found = fitted.predict(study.frame.iloc[test])

    def recall(labels):
        present = np.intersect1d(labels, truth)
        recalls = recall_score(
            truth, found, labels=present, average=None, sample_weight=weights, zero_division=0
        )
        return float(np.mean(recalls)) if len(present) else np.nan

    first, *_, last = study.tasks
    return {"balanced": recall(truth), "old": recall(first), "new": recall(last)}, {}


def figures(outcome):
    """Draw the plots of one study."""
    return [margins(outcome)]


def warm_up():
    """Fit once on little data, so that no candidate is charged for loading code."""
    from skweight.transfer import WeightAlignedClassifier

    X = np.random.default_rng(SEED).normal(size=(60, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        WeightAlignedClassifier(max_iter=2).fit(X, X[:, 0] > 0)


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
    TransferStudy
        With cross-validation splits.
    """
    _, parts = parts_of_study(table, options, "new classes", outcome="classes")
    labels = np.unique(parts["target"])
    if len(labels) < _FEWEST_LABELS:
        raise CommandError(
            f"--room transfer wants {_FEWEST_LABELS} labels or more, which arrive one after the "
            f"other; {options.target!r} has {len(labels)}"
        )
    del parts["groups"]  # nothing is held out inside of training rows
    return study_of(**parts)


def predictions(pipeline, frame):
    """Give predicted labels of new rows."""
    if pipeline.steps[-1][0] != STEP:
        return None
    return {"prediction": pipeline.predict(frame)}


def studies(quick):
    """List functions that build the tour's studies."""
    from skweight._cli.rooms import transfer_studies

    return transfer_studies.studies(quick)
