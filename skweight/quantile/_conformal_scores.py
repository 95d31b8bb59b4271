"""Ranks, scores and margins of split conformal calibration."""

import warnings
from fractions import Fraction

import numpy as np

from skweight.quantile._levels import SNAP, find_level


def exact_level(level):
    """Return the fraction that a level in floating point stands for: 1/20 for 0.05."""
    return Fraction(float(level)).limit_denominator(10**6)


def ceil_rank(level, n):
    """Return ceil(level * (n + 1)) of an exact level; above n it is a rank that does not exist."""
    # In floats (1 - 0.7) * 10 is above 3, and 0.35 * 700000 below 245000.
    return -(-level.numerator * (n + 1) // level.denominator)


def floor_rank(level, n):
    """Return floor(level * (n + 1)) of an exact level; 0 is a rank that does not exist."""
    return level.numerator * (n + 1) // level.denominator


def mirror_levels(levels):
    """Return for each level the index of its mirror 1 - level, -1 where there is none."""
    found = [find_level(levels, 1 - level) for level in levels]
    return np.array([-1 if k is None else k for k in found])


def is_median(levels):
    """Tell which levels are the median, that is left as it is."""
    return np.abs(levels - 0.5) <= SNAP


def score_levels(levels, side):
    """Return how often the score of each level shall lie below its margin.

    Parameters
    ----------
    levels : ndarray of shape (m,)
        Quantile levels.
    side : {"two", "one"}
        Pairs of a level and its mirror, or each level for itself.

    Returns
    -------
    list of Fraction
        1 - 2t for the pair t, 1 - t; the level, or one minus it below the median, for one side.
    """
    lower = [min(exact_level(level), 1 - exact_level(level)) for level in levels]
    return [1 - 2 * t if side == "two" else 1 - t for t in lower]


def conformity_scores(y, forecast, levels, side):
    """Return how far each outcome lies outside each level, negative where inside.

    Parameters
    ----------
    y : ndarray of shape (n,)
        Outcomes.
    forecast : ndarray of shape (n, m)
        Quantiles of a model that did not see these rows.
    levels : ndarray of shape (m,)
        Their levels.
    side : {"two", "one"}
        With "two" a level and its mirror share the score max(lower - y, y - upper).

    Returns
    -------
    ndarray of shape (n, m)
        The scores; zeros for the median.
    """
    above = levels > 0.5
    scores = np.where(above, y[:, None] - forecast, forecast - y[:, None])
    if side == "two":
        scores = np.maximum(scores, scores[:, mirror_levels(levels)])
    scores[:, is_median(levels)] = 0.0
    return scores


def split_margins(scores, wanted, median):
    """Return the conformal margin of each level: the order statistic of its scores.

    Parameters
    ----------
    scores : ndarray of shape (n, m)
        Conformity scores of the calibration rows.
    wanted : list of Fraction
        As from `score_levels`.
    median : ndarray of bool of shape (m,)
        Levels that keep a margin of 0.

    Returns
    -------
    ndarray of shape (m,)
        Margins; inf where the rank is above n, never the largest score in its place.
    """
    n, m = scores.shape
    margins = np.zeros(m)
    for j in np.flatnonzero(~median):
        rank = ceil_rank(wanted[j], n)
        margins[j] = np.partition(scores[:, j], rank - 1)[rank - 1] if rank <= n else np.inf
    return margins


def sorted_scores(scores, ratios):
    """Sort the scores of each level and cumulate the likelihood ratios along them.

    Parameters
    ----------
    scores : ndarray of shape (n, m)
        Conformity scores of the calibration rows.
    ratios : ndarray of shape (n,)
        Likelihood ratios of the rows.

    Returns
    -------
    tuple of two ndarrays of shape (m, n)
        Scores in increasing order, and what their ratios sum to up to each.
    """
    order = np.argsort(scores, axis=0, kind="stable")
    return np.take_along_axis(scores, order, axis=0).T, np.cumsum(ratios[order], axis=0).T


def weighted_margins(ordered, reached, new_ratios, wanted, median):
    """Return the margins of new rows under a likelihood ratio.

    The margin of a row is the smallest score up to which the calibration rows' ratios sum to the
    wanted share of the total, to which the new row's own ratio belongs.

    Parameters
    ----------
    ordered, reached : ndarray of shape (m, n)
        As from `sorted_scores`.
    new_ratios : ndarray of shape (n_new,)
        Likelihood ratios of the new rows.
    wanted : list of Fraction
        As from `score_levels`.
    median : ndarray of bool of shape (m,)
        Levels that keep a margin of 0.

    Returns
    -------
    ndarray of shape (n_new, m)
        Margins; inf where all ratios do not reach the share.
    """
    m, n = ordered.shape
    margins = np.zeros((len(new_ratios), m))
    for j in np.flatnonzero(~median):
        # Both sides times the denominator are whole numbers where the ratios are: exact, as the
        # ranks without weights. Sums of other ratios are known to about 1e-13 of themselves only.
        target = wanted[j].numerator * (reached[j, -1] + new_ratios) * (1 - 1e-13)
        first = np.searchsorted(reached[j] * wanted[j].denominator, target)
        margins[:, j] = np.append(ordered[j], np.inf)[np.minimum(first, n)]
    return margins


def interval_widths(forecast, levels):
    """Return the width of the pair that each level belongs to, negative where the two cross."""
    sign = np.where(levels > 0.5, 1.0, -1.0)
    return sign * (forecast - forecast[:, mirror_levels(levels)])


def move_outward(forecast, margins, levels):
    """Move levels above the median up by their margins, and those below down."""
    return forecast + np.where(levels > 0.5, margins, -margins)


def enough_rows(wanted):
    """Return the smallest n at which ceil(wanted (n + 1)) is a rank that exists."""
    return -(-wanted.numerator // (wanted.denominator - wanted.numerator))


def warn_of_infinite(n, levels, enough):
    """Warn that n calibration rows are too few for some levels, and how many would do."""
    warnings.warn(
        f"{n} calibration rows are too few for the levels "
        f"{[round(level, 6) for level in levels.tolist()]}: their bounds are infinite. At least "
        f"{enough} rows are needed.",
        UserWarning,
        stacklevel=5,
    )
