"""Public bounds of private columns, and rows clipped to them one value at a time."""

import warnings

import numpy as np

from skweight.privacy._exceptions import PrivacyLeakWarning

# What bounds taken from rows stay within, so that their difference is finite.
_HUGE = 1e300


def check_bounds(bounds, n_features, name="bounds"):
    """Return bounds as an array of lows and highs.

    Parameters
    ----------
    bounds : (low, high)
        Numbers, or arrays with one number for each feature.
    n_features : int
        Number of features.
    name : str, default="bounds"
        What errors call it.

    Returns
    -------
    ndarray of float64 of shape (2, n_features)
        Lows and highs.

    Raises
    ------
    ValueError
        If it is no pair of finite numbers with low below high in every feature.
    """
    wanted = f"{name} must be a pair (low, high) of numbers, or of arrays of {n_features} numbers"
    try:
        low, high = bounds
        pair = [np.asarray(side, dtype=np.float64) for side in (low, high)]
        pair = np.array([np.broadcast_to(side, (n_features,)) for side in pair])
    except (TypeError, ValueError):
        pair = None
    if pair is None:
        raise ValueError(f"{wanted}.")
    with np.errstate(over="ignore"):
        finite = np.isfinite(pair).all() and np.isfinite(pair[1] - pair[0]).all()
    if not finite:
        raise ValueError(f"{wanted}, and they and their differences must be finite.")
    if not (pair[0] < pair[1]).all():
        raise ValueError(f"{name} must have low below high in every feature.")
    return pair


def bounds_of_rows(X):
    """Return the bounds that private rows have themselves, which publishes extreme rows.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Private rows, at least one.

    Returns
    -------
    ndarray of float64 of shape (2, n_features)
        Lows and highs, apart from each other also where a column is constant.

    Warns
    -----
    PrivacyLeakWarning
        Always.
    """
    warnings.warn(
        "bounds are taken from the rows, which publishes the extreme ones, so nothing is private. "
        "Want public bounds=(low, high).",
        PrivacyLeakWarning,
        stacklevel=7,
    )
    X = np.asarray(X, dtype=np.float64)
    finite = np.isfinite(X)
    low = np.where(finite, X, np.inf).min(axis=0)
    high = np.where(finite, X, -np.inf).max(axis=0)
    empty = low > high  # not one finite value
    low, high = np.where(empty, 0.0, low), np.where(empty, 0.0, high)
    low, high = np.clip(low, -_HUGE, _HUGE), np.clip(high, -_HUGE, _HUGE)
    # A constant column gets room around it, and no column less than arithmetic can tell apart.
    room = np.maximum(0.5, np.abs(low) * 2.0**-20)
    narrow = high - low < np.abs(low) * 2.0**-20
    narrow |= high == low
    return np.array([np.where(narrow, low - room, low), np.where(narrow, high + room, high)])


def clipped(X, bounds, dtype=np.float64):
    """Return rows clipped to bounds, NaN in the middle, in the type that is computed in.

    Each value depends on itself and the bounds alone, whatever comes with it.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Private rows, float64 or float32.
    bounds : ndarray of float64 of shape (2, n_features)
        Lows and highs.
    dtype : dtype, default=np.float64
        Type of the result.

    Returns
    -------
    ndarray of shape (n_samples, n_features)
        New rows.
    """
    X = X.astype(np.float64)  # exact, and a copy
    # The same work whether anything is missing or not.
    np.copyto(X, bounds[0] + 0.5 * (bounds[1] - bounds[0]), where=np.isnan(X))
    np.clip(X, bounds[0], bounds[1], out=X)
    return X.astype(dtype, copy=False)


def squared_norms(X):
    """Return squared norms of rows, summed in one order whatever the layout and the other rows."""
    square = np.zeros(len(X), dtype=X.dtype)
    for j in range(X.shape[1]):
        square += X[:, j] * X[:, j]
    return square


def shortened(X, norm_bound):
    """Return rows with those of a norm above the bound shortened to it, each by itself."""
    bound = X.dtype.type(norm_bound)
    largest = np.zeros(len(X), dtype=X.dtype)
    for j in range(X.shape[1]):
        np.maximum(largest, np.abs(X[:, j]), out=largest)
    # First by the largest entry, so that squares do not overflow.
    with np.errstate(over="ignore"):
        X = X / np.maximum(largest / bound, 1)[:, None]
    return X / np.maximum(np.sqrt(squared_norms(X / bound)), 1)[:, None]


def row_blocks(n_samples, size=1 << 16):
    """Return slices that cut rows into blocks of a size that memory bears."""
    return [slice(start, start + size) for start in range(0, n_samples, size)]
