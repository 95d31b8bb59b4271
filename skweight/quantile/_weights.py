"""The weights of quantile models that minimise the weighted interval score: one entry point."""

from dataclasses import dataclass

import numpy as np

from skweight.quantile._levels import check_quantiles
from skweight.quantile._weights_problem import AggregationProblem
from skweight.quantile._weights_solve import good_enough, solve


@dataclass
class StackingWeights:
    """What `quantile_stacking_weights` returns.

    Attributes
    ----------
    weights : ndarray
        (p,) for coarse, (m, p) for medium and tied levels, (m, p, m) for fine, whose axes are
        output level, model, input level.
    intercept : ndarray of shape (m,)
        Added to each level; zeros without an intercept.
    objective : float
        Mean over rows and levels of twice the pinball loss.
    dual_gap : float
        Bound of how far `objective` is above the optimum; inf where no bound is known.
    n_iter : int
        Iterations made.
    converged : bool
        Whether the gap met the tolerance.
    stopped : bool
        Whether a callback asked to stop.
    """

    weights: np.ndarray
    intercept: np.ndarray
    objective: float
    dual_gap: float
    n_iter: int
    converged: bool
    stopped: bool = False


def combine(Q, weights, intercept):
    """Combine base quantiles into the ensemble's, before any ordering.

    Parameters
    ----------
    Q : ndarray of shape (n, p, m)
        Quantiles of each model.
    weights : ndarray of shape (p,), (m, p) or (m, p, m)
        As in `StackingWeights`.
    intercept : ndarray of shape (m,)
        Added to each level.

    Returns
    -------
    ndarray of shape (n, m)
        The ensemble's quantiles.
    """
    n, p, m = Q.shape
    if weights.ndim == 1:
        out = np.tensordot(Q, weights, axes=(1, 0))
    elif weights.ndim == 2:
        out = np.einsum("ijk,kj->ik", Q, weights)
    else:
        out = Q.reshape(n, p * m) @ weights.reshape(m, p * m).T
    return out + intercept


def quantile_stacking_weights(
    Q,
    y,
    quantiles,
    *,
    weighting="medium",
    level_groups=None,
    constraint="simplex",
    fit_intercept=False,
    noncrossing=False,
    sample_weight=None,
    solver="auto",
    tol=1e-9,
    max_iter=200,
    on_iteration=None,
):
    """Find the weights of quantile models that minimise the weighted interval score.

    Parameters
    ----------
    Q : array of shape (n_samples, n_models, n_quantiles)
        Forecasts of each model.
    y : array-like of shape (n_samples,)
        What came out.
    quantiles : array-like of shape (n_quantiles,)
        Levels in (0, 1), strictly increasing.

    Returns
    -------
    StackingWeights
        The weights, and how good they are.
    """
    levels = check_quantiles(quantiles)
    y = np.asarray(y, dtype=np.float64)
    m = len(levels)
    if weighting == "coarse":
        group_of = np.zeros(m, dtype=np.intp)
    elif level_groups is not None:
        group_of = np.unique(level_groups, return_inverse=True)[1].astype(np.intp)
    else:
        group_of = np.arange(m)
    problem = AggregationProblem(
        Q, y, levels, group_of, weighting == "fine", constraint, fit_intercept, sample_weight
    )

    def report(w):
        weights, intercept = problem.raw(w)
        return on_iteration(weights[0] if weighting == "coarse" else weights, intercept)

    found = solve(problem, noncrossing, tol, max_iter, None if on_iteration is None else report)
    weights, intercept = problem.raw(found.w)
    return StackingWeights(
        weights[0] if weighting == "coarse" else weights,
        intercept,
        found.objective * problem.scale,
        found.gap * problem.scale,
        found.n_iter,
        good_enough(found, tol),
        found.stopped,
    )
