"""Quantile levels: which are asked for, which are there, and what lies between them."""

import numpy as np

from skweight._core._quantiles import (
    DEFAULT_QUANTILES,
    SNAP,
    anchor_index,
    check_coverage,
    check_quantiles,
)

__all__ = [
    "DEFAULT_QUANTILES",
    "SNAP",
    "anchor_index",
    "at_levels",
    "check_quantiles",
    "find_level",
    "interval_levels",
    "point_forecast",
]


def find_level(levels, wanted):
    """Return the index of a level, None where it is not there."""
    nearest = int(np.argmin(np.abs(levels - wanted)))
    return nearest if abs(levels[nearest] - wanted) <= SNAP else None


def at_levels(forecast, levels, wanted):
    """Interpolate forecasts linearly between levels.

    Parameters
    ----------
    forecast : ndarray of shape (n, m)
        Quantiles, increasing along each row where order is to be kept.
    levels : ndarray of shape (m,)
        Their levels.
    wanted : ndarray of shape (k,)
        Levels inside the range of `levels`; those within 1e-9 of one snap to it.

    Returns
    -------
    ndarray of shape (n, k)
        The quantiles wanted.

    Raises
    ------
    ValueError
        If a level is outside the range.
    """
    out = np.empty((len(forecast), len(wanted)))
    for j, level in enumerate(wanted):
        k = find_level(levels, level)
        if k is not None:
            out[:, j] = forecast[:, k]
            continue
        k = int(np.searchsorted(levels, level))
        if k in (0, len(levels)):
            raise ValueError(
                f"quantiles must lie within the fitted levels {levels[0]:.6g} to "
                f"{levels[-1]:.6g}, got {level:.6g}: nothing is extrapolated."
            )
        share = (level - levels[k - 1]) / (levels[k] - levels[k - 1])
        low, high = forecast[:, k - 1], forecast[:, k]
        # A convex combination of the two, that stays between them in floating point as well.
        out[:, j] = np.clip(
            low + share * (high - low), np.minimum(low, high), np.maximum(low, high)
        )
    return out


def point_forecast(forecast, levels):
    """Return the median of each row: interpolated, or the nearest level if 0.5 is outside."""
    middle = np.clip(0.5, levels[0], levels[-1])
    return at_levels(forecast, levels, [middle])[:, 0]


def interval_levels(coverage, name="coverage"):
    """Return the levels (1 - coverage) / 2 and (1 + coverage) / 2 of a central interval."""
    coverage = check_coverage(coverage, name)
    return (1 - coverage) / 2, (1 + coverage) / 2
