"""The imbalance room: rare classes, and models that are judged by F1 or by balanced accuracy."""

from dataclasses import dataclass

import numpy as np

from skweight._cli.evaluate import Measure, Study
from skweight._cli.own_table import parts_of_study
from skweight._cli.rooms.imbalance_figures import figures
from skweight._cli.rooms.imbalance_models import (
    BALANCED,
    F1,
    GMEAN,
    LOGISTIC,
    STEP,
    candidates,
)
from skweight._cli.splits import SEED

__all__ = ["figures"]

TITLE = "Rare classes: models that are trained for the metric"
QUESTION = (
    "My positive class is rare and I am judged by F1 or balanced accuracy: does it help to train "
    "for that?"
)
SNIPPET = """
from sklearn.datasets import make_classification
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skweight.imbalance import AnyLossClassifier

X, y = make_classification(500, weights=[0.9], flip_y=0.1, random_state=1)
model = make_pipeline(StandardScaler(), AnyLossClassifier("f1")).fit(X, y)
model.predict(X)             # one fit, no threshold to search for
model[-1].coef_              # it is linear and needs no torch
"""


@dataclass(kw_only=True)
class ImbalanceStudy(Study):
    """A study of labels of which some are rare.

    Parameters
    ----------
    positive : label or None
        The rarer of two labels, which F1 is about; None for more labels.
    groups : ndarray of shape (n_samples,) or None, default=None
        Rows of one group stay together, in the folds inside of training rows as well.
    """

    positive: object
    groups: np.ndarray | None = None


def study_of(networks=False, **parts):
    """Build a study with the room's candidates and measures.

    Parameters
    ----------
    networks : bool, default=False
        Whether to compare a network, too, if torch is installed.
    **parts : dict
        The other fields of `ImbalanceStudy`.

    Returns
    -------
    ImbalanceStudy
        With a note on what is left out.
    """
    labels, counts = np.unique(parts["target"], return_counts=True)
    positive = labels[counts.argmin()] if len(labels) == 2 else None
    found, notes = candidates(positive is not None, networks)
    return ImbalanceStudy(
        positive=positive,
        candidates=found,
        measures=measures(positive),
        # By F1: the same linear model, fitted for it and fitted to the likelihood.
        twins={"of one linear fit": (F1, LOGISTIC)},
        notes=[*parts.pop("notes", []), *notes],
        **parts,
    )


def measures(positive):
    """List the scores; each loss is under test by the metric that it is made of."""
    about = "the mean of F1 over classes"
    if positive is not None:
        about = f"harmonic mean of precision and recall of {positive}"
    found = [
        Measure(
            "f1",
            "F1",
            "higher",
            f"What is found and right: {about}. Followed by a kind of model, it sets the one "
            "trained for F1 beside the one trained for the likelihood.",
            ours=F1,
            is_share=True,
        ),
        Measure(
            "balanced",
            "balanced accuracy",
            "higher",
            "Share of rows whose label is found, averaged over classes (mean recall).",
            ours=BALANCED,
            is_share=True,
        ),
        Measure(
            "gmean",
            "G-mean",
            "higher",
            "Geometric mean of the recalls: 0 if a class is never found.",
            ours=GMEAN,
            is_share=True,
        ),
    ]
    if positive is not None:
        found += [
            Measure("precision", "precision", None, f"Share of {positive} among those called so."),
            Measure("recall", "recall", None, f"Share of {positive} that is found."),
        ]
    return found


def fit(candidate, study, rows):
    """Fit one candidate on some rows of a study and return its pipeline."""
    weights = None if study.weights is None else study.weights[rows]
    return candidate.build(study, rows).fit(
        study.frame.iloc[rows], study.target[rows], **{f"{STEP}__sample_weight": weights}
    )


def measure(fitted, candidate, study, test):
    """Score one fitted candidate on test rows."""
    import warnings

    from sklearn.metrics import f1_score, precision_score, recall_score

    truth = study.target[test]
    given = {"sample_weight": None if study.weights is None else study.weights[test]}
    given["zero_division"] = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # levels of a category unseen in training
        found = fitted.predict(study.frame.iloc[test])
    present = np.unique(truth)
    recalls = recall_score(truth, found, labels=present, average=None, **given)
    scores = {"balanced": recalls.mean(), "gmean": recalls.prod() ** (1 / len(present))}
    if study.positive is None:
        scores["f1"] = f1_score(truth, found, labels=present, average="macro", **given)
    else:
        given["pos_label"] = study.positive
        for key, score in (("f1", f1_score), ("precision", precision_score),
                           ("recall", recall_score)):  # fmt: skip
            scores[key] = score(truth, found, **given)
    return scores, {}


def warm_up():
    """Fit once on little data, so that no candidate is charged for loading code."""
    from skweight.imbalance import AnyLossClassifier

    X = np.random.default_rng(SEED).normal(size=(60, 2))
    AnyLossClassifier(tol=1.0, n_iter_no_change=1).fit(X, X[:, 0] > 1)


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
    ImbalanceStudy
        With cross-validation splits.
    """
    _, parts = parts_of_study(table, options, "rare classes", outcome="classes")
    study = study_of(networks=True, **parts)
    if study.positive is not None:
        study.notes.append(f"F1 is that of {study.positive}, the rarer label of {options.target!r}")
    return study


def predictions(pipeline, frame):
    """Give predicted labels of new rows."""
    if pipeline.steps[-1][0] != STEP:
        return None
    return {"prediction": pipeline.predict(frame)}


def studies(quick):
    """List functions that build the tour's studies."""
    from skweight._cli.rooms import imbalance_studies

    return imbalance_studies.studies(quick)
