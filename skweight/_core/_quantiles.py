"""Quantile levels: what a valid list of them is, and when two levels are the same."""

from numbers import Real

import numpy as np

# 5 %, 10 %, ..., 95 %.
DEFAULT_QUANTILES = tuple(k / 20 for k in range(1, 20))

# Levels closer than this are the same: (1 - 0.9) / 2 is 0.04999999999999999.
SNAP = 1e-9


def check_quantiles(quantiles, name="quantiles"):
    """Return quantile levels as an array, or say what is wrong with them.

    Parameters
    ----------
    quantiles : array-like of shape (m,)
        Levels in (0, 1), strictly increasing.
    name : str, default="quantiles"
        The parameter, for the error's sentence.

    Returns
    -------
    ndarray of shape (m,), float64
        The levels.

    Raises
    ------
    ValueError
        If they are none, not numbers, not in (0, 1) or not strictly increasing.
    """
    try:
        levels = np.asarray(quantiles, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be a list of levels, got {quantiles!r}.") from error
    if levels.ndim != 1 or len(levels) == 0:
        raise ValueError(f"{name} must be a list of at least one level, got {quantiles!r}.")
    if not ((levels > 0) & (levels < 1)).all():  # NaN too
        outside = [level for level in levels.tolist() if not 0 < level < 1]
        raise ValueError(f"{name} must lie strictly between 0 and 1, got {outside}.")
    if not (np.diff(levels) > SNAP).all():
        raise ValueError(f"{name} must be strictly increasing, got {levels.tolist()}.")
    return levels


def check_coverage(coverage, name="coverage"):
    """Return a nominal coverage, or say what is wrong with it.

    Parameters
    ----------
    coverage : float
        A number in (0, 1).
    name : str, default="coverage"
        The parameter, for the error's sentence.

    Returns
    -------
    float
        The coverage.

    Raises
    ------
    ValueError
        If it is not a number in (0, 1).
    """
    if not (isinstance(coverage, Real) and 0 < coverage < 1):
        raise ValueError(f"{name} must lie strictly between 0 and 1, got {coverage!r}.")
    return float(coverage)


def anchor_index(levels):
    """Return the index of the first level of at least 0.5, the last one if there is none."""
    return min(int(np.searchsorted(levels, 0.5 - SNAP)), len(levels) - 1)
