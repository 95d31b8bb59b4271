"""The weights of quantile models that minimise the weighted interval score: one entry point."""

from dataclasses import dataclass

import numpy as np


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
