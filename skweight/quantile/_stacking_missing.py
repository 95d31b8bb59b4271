"""Ready forecasts in which some models are missing in some rows."""

import numpy as np

from skweight.quantile._weights import combine

# Weights of the present models that sum to less say nothing of how to share them.
_NOTHING = 1e-12


def missing_models(Q):
    """Tell which models lack any level in a row: bool of shape (n, p).

    Raises
    ------
    ValueError
        If a row has no model at all.
    """
    missing = np.isnan(Q).any(axis=2)
    empty = missing.all(axis=1)
    if empty.any():
        raise ValueError(
            "X must have at least one model without NaN in every row, but "
            f"{empty.sum()} of the rows have none."
        )
    return missing


def fill_missing(Q, missing):
    """Replace missing models by the equal mean of the present ones at the same row and level."""
    if not missing.any():
        return Q
    filled = np.array(Q)
    rows = np.flatnonzero(missing.any(axis=1))
    means = mean_of_present(Q[rows], missing[rows])
    filled[rows] = np.where(missing[rows][:, :, None], means[:, None, :], Q[rows])
    return filled


def mean_of_present(Q, missing):
    """Return the equal mean of the present models: shape (n, m)."""
    present = ~missing
    total = np.where(present[:, :, None], Q, 0.0).sum(axis=1)
    return total / present.sum(axis=1)[:, None]


def combine_present(Q, missing, weights, intercept):
    """Combine with the weights of the models present in each row, scaled to the unit sum.

    Rows in which no model is missing get what `combine` gives them, bit by bit.
    """
    some = missing.any(axis=1)
    if not some.any():
        return combine(Q, weights, intercept)
    out = np.empty((len(Q), Q.shape[2]))
    if not some.all():
        out[~some] = combine(Q[~some], weights, intercept)
    Q, missing = Q[some], missing[some]
    present = ~missing
    none = np.zeros_like(intercept)
    total = combine(np.where(present[:, :, None], Q, 0.0), weights, none)
    # Sums of the weights present, one for each output level.
    by_model = weights.sum(axis=2) if weights.ndim == 3 else np.atleast_2d(weights)
    share = np.broadcast_to(present @ by_model.T, total.shape)
    safe = share >= _NOTHING
    ratio = np.divide(total, share, out=np.zeros(total.shape), where=safe)
    out[some] = np.where(safe, ratio, mean_of_present(Q, missing)) + intercept
    return out
