"""The optim room: networks that differ in how their weights move."""

import warnings

import numpy as np

from skweight._cli.own_table import parts_of_study
from skweight._cli.rooms.neural import NeuralStudy, fit, measure, measures, predictions, suits
from skweight._cli.rooms.neural_figures import figures
from skweight._cli.rooms.optim_models import TWINS, candidates
from skweight._cli.splits import SEED

__all__ = ["figures", "fit", "measure", "predictions", "suits"]

TITLE = "How the weights of networks move"
QUESTION = "Do steps that leave norms alone, or bounds on weights, make a network more accurate?"
SNIPPET = """
from sklearn.datasets import load_wine
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skweight.optim import NormalizedMLPClassifier

X, y = load_wine(return_X_y=True)
network = NormalizedMLPClassifier(
    (50,), norm="batch", optimizer="adamp", learning_rate_init=0.01, random_state=0
)
model = make_pipeline(StandardScaler(), network).fit(X, y)
model[-1].module_            # layers of torch, each normalised
"""
_TWINS = (
    " Of AdamP, of SGDP, of bounds: a network beside the same with AdamW, with SGD, without bounds."
)


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
        candidates=candidates(outcome),
        measures=measures(outcome, _TWINS),
        twins=TWINS,
        **parts,
    )


def warm_up():
    """Fit once on little data, so that no candidate is charged for loading code."""
    from skweight.optim import CompandedMLPClassifier, NormalizedMLPClassifier

    X = np.random.default_rng(SEED).normal(size=(60, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for model in (NormalizedMLPClassifier, CompandedMLPClassifier):
            model((5,), max_iter=2, early_stopping=True, random_state=SEED).fit(X, X[:, 0] > 0)


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


def studies(quick):
    """List functions that build the tour's studies."""
    from skweight._cli.rooms import optim_studies

    return optim_studies.studies(quick)
