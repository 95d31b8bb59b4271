"""One fold: a path on its training rows, loss and unfairness on the rows held out."""

import warnings
from dataclasses import dataclass

import numpy as np

from skweight.fairness._held_out import Dependence, GroupFigures, scores_of
from skweight.fairness._path_common import follow
from skweight.fairness._sensitive_rows import FitRows


@dataclass(frozen=True)
class HeldOut:
    """Rows to measure on, all of positive weight.

    Attributes
    ----------
    X : {ndarray, CSR matrix} of shape (n, n_columns)
        The columns that enter the model.
    target : ndarray of shape (n,) or (n, n_classes)
        Targets as the solver has them.
    weight : ndarray of shape (n,)
        Weights.
    attributes : list of Attribute or None
        The protected attributes.
    given : object or None
        The same as the user gave them, for a measure of the user's.
    """

    X: object
    target: np.ndarray
    weight: np.ndarray
    attributes: list | None
    given: object


@dataclass(frozen=True)
class FoldScores:
    """What a fold has to say of each strength.

    Attributes
    ----------
    loss, unfairness : ndarray of shape (n_alphas,)
        On the rows held out; unfairness is NaN without attributes.
    diverged, unfinished : ndarray of bool of shape (n_alphas,)
        Whether a prediction ran away, whether the fit did not reach its tolerance.
    said : list of (type, str)
        Warnings.
    """

    loss: np.ndarray
    unfairness: np.ndarray
    diverged: np.ndarray
    unfinished: np.ndarray
    said: list


def some_rows(rows, places):
    """Return some of the rows of a fit."""
    attributes = rows.attributes and [attribute.take(places) for attribute in rows.attributes]
    return FitRows(rows.X[places], rows.y[places], rows.weight[places], attributes, rows.used)


def score_fold(estimator, train, test, strengths, unfairness, statistic, seed):
    """Follow a path of strengths and measure each on held-out rows.

    Parameters
    ----------
    estimator : DistanceCovarianceRegressor or DistanceCovarianceClassifier
        The model, unfitted.
    train : FitRows
        The rows to fit.
    test : HeldOut
        The rows to measure on.
    strengths : ndarray of shape (n_alphas,)
        Increasing, 0 first.
    unfairness : {"ccdcov", "js_divergence", "ks"} or callable
        What to measure.
    statistic : {"U", "V"}
        Which one "ccdcov" is.
    seed : int
        Of random starts.

    Returns
    -------
    FoldScores
        The measures.
    """
    # Another process would keep its warnings to itself.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        problem, encoder = estimator._problem(train)
        rng = np.random.RandomState(seed)
        solutions = follow(problem, strengths, estimator.n_init, rng)
        measure = None
        if encoder is not None:
            measure = _measure_of(unfairness, test, encoder, statistic, estimator)
        share = test.weight / test.weight.sum()
        scores = np.full((len(strengths), 2), np.nan)
        for i, solution in enumerate(solutions):
            eta = scores_of(test.X, solution.coef, solution.intercept)
            y_pred = problem.loss.mean(eta)
            scores[i, 0] = share @ problem.loss.value(test.target, eta)
            if measure is not None and np.isfinite(y_pred).all():
                scores[i, 1] = measure(y_pred)
    return FoldScores(
        loss=scores[:, 0],
        unfairness=scores[:, 1],
        diverged=np.array([s.diverged for s in solutions]),
        unfinished=np.array([not (s.converged or s.diverged) for s in solutions]),
        said=[(w.category, str(w.message)) for w in caught],
    )


def _measure_of(unfairness, test, encoder, statistic, estimator):
    """Return a function of predictions of the held-out rows."""
    if callable(unfairness):
        return lambda y_pred: float(unfairness(y_pred, test.given, sample_weight=test.weight))
    if unfairness == "ccdcov":
        return Dependence(encoder.transform(test.attributes), test.weight, statistic)
    groups = GroupFigures(
        test.attributes, test.weight, estimator.sensitive_types, estimator.missing
    )
    return groups.js_divergence if unfairness == "js_divergence" else groups.ks_gap
