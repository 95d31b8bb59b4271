"""CV+ intervals: order statistics of the forecasts of fold models, shifted by scores."""

from dataclasses import dataclass

import numpy as np

from skweight.quantile._conformal_scores import (
    ceil_rank,
    conformity_scores,
    enough_rows,
    exact_level,
    floor_rank,
    is_median,
    score_levels,
    warn_of_infinite,
)

# Numbers that the two algorithms below hold at once, 32 MB.
_BLOCK = 4_000_000


@dataclass
class PlusOffsets:
    """What CV+ keeps of the calibration rows.

    Attributes
    ----------
    offsets : ndarray of shape (m, n)
        What each calibration row adds to the forecast of its fold's model, sorted within folds.
    starts : ndarray of shape (n_folds + 1,)
        Where the folds begin in `offsets`, and where the last one ends.
    ranks : ndarray of int of shape (m,)
        Which smallest of the n shifted forecasts each calibrated level is; 0 is minus infinity
        and n + 1 infinity.
    median : ndarray of bool of shape (m,)
        Levels that are not calibrated but averaged over the folds.
    """

    offsets: np.ndarray
    starts: np.ndarray
    ranks: np.ndarray
    median: np.ndarray

    @property
    def sizes(self):
        """The number of rows of each fold."""
        return np.diff(self.starts)


def plus_offsets(y_folds, forecast_folds, levels, side):
    """Prepare CV+ from what each fold's model forecasts for the rows that it did not see.

    Parameters
    ----------
    y_folds : list of ndarray of shape (n_k,)
        Outcomes of the folds.
    forecast_folds : list of ndarray of shape (n_k, m)
        Forecasts of the same rows, made without them.
    levels : ndarray of shape (m,)
        Their levels.
    side : {"two", "one"}
        As in `conformity_scores`.

    Returns
    -------
    PlusOffsets
        What prediction needs.

    Warns
    -----
    UserWarning
        If some levels are infinite, since the rows are too few.
    """
    sizes = [len(y) for y in y_folds]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    n = int(starts[-1])
    offsets = np.empty((len(levels), n))
    outward = np.where(levels > 0.5, 1.0, -1.0)
    for y, forecast, start in zip(y_folds, forecast_folds, starts, strict=False):
        shifted = outward * conformity_scores(y, forecast, levels, side)
        offsets[:, start : start + len(y)] = np.sort(shifted, axis=0).T
    ranks = _plus_ranks(levels, side, n)
    median = is_median(levels)
    infinite = np.flatnonzero(~median & ((ranks < 1) | (ranks > n)))
    if len(infinite):
        wanted = score_levels(levels, side)
        warn_of_infinite(n, levels[infinite], max(enough_rows(wanted[j]) for j in infinite))
    return PlusOffsets(offsets, starts, ranks, median)


def _plus_ranks(levels, side, n):
    """Rank floor(share (n + 1)) below the median and ceil((1 - share) (n + 1)) above it."""
    ranks = []
    for level in map(exact_level, levels):
        tail = min(level, 1 - level)
        share = 2 * tail if side == "two" else tail
        ranks.append(floor_rank(share, n) if level < 1 - level else ceil_rank(1 - share, n))
    return np.array(ranks)


def plus_forecast(forecast_folds, plus):
    """Return the CV+ forecast from what every fold's model forecasts for new rows.

    Parameters
    ----------
    forecast_folds : ndarray of shape (n_folds, n_new, m)
        Forecasts of each fold's model.
    plus : PlusOffsets
        As from `plus_offsets`.

    Returns
    -------
    ndarray of shape (n_new, m)
        Calibrated levels, infinite where their rank does not exist; the median is the mean of the
        fold models' medians, weighted by the sizes of the folds.
    """
    n_folds, n_new, m = forecast_folds.shape
    n = int(plus.starts[-1])
    out = np.empty((n_new, m))
    # Selection costs about n_folds^2 log(n) a row, partition n: both give the same bits.
    few_folds = n_folds**2 * np.log2(n + 1) < n
    for j in range(m):
        shifts = np.ascontiguousarray(forecast_folds[:, :, j].T)
        rank = int(plus.ranks[j])
        if plus.median[j]:
            out[:, j] = weighted_mean(forecast_folds[:, :, j], plus.sizes)
        elif rank < 1 or rank > n:
            out[:, j] = -np.inf if rank < 1 else np.inf
        else:
            smallest = smallest_by_selection if few_folds else smallest_by_partition
            out[:, j] = smallest(shifts, plus.offsets[j], plus.starts, rank)
    return out


def weighted_mean(values, sizes):
    """Average over the first axis, weighted by the sizes of the folds."""
    return np.tensordot(sizes / sizes.sum(), values, axes=1)


def smallest_by_partition(shifts, offsets, starts, rank):
    """Return the rank-th smallest of shift + offset over all calibration rows, for each new row.

    Parameters
    ----------
    shifts : ndarray of shape (n_new, n_folds)
        Forecasts of the fold models.
    offsets : ndarray of shape (n,)
        Offsets of the calibration rows, fold by fold.
    starts : ndarray of shape (n_folds + 1,)
        Where the folds begin.
    rank : int
        Between 1 and n.

    Returns
    -------
    ndarray of shape (n_new,)
        The order statistics.
    """
    fold_of = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    out = np.empty(len(shifts))
    rows = max(1, _BLOCK // len(offsets))
    for start in range(0, len(shifts), rows):
        block = shifts[start : start + rows, fold_of]
        block += offsets
        block.partition(rank - 1, axis=1)
        out[start : start + rows] = block[:, rank - 1]
    return out


def smallest_by_selection(shifts, offsets, starts, rank):
    """Do what `smallest_by_partition` does, from offsets that are sorted within each fold.

    In each fold the element `step` ahead is looked at. Up to the smallest of these there are at
    most `rank` elements, so the `step` ones of its fold are among the first `rank`. They are passed
    over, and the search goes on for the others; the largest one passed over is the result.

    Parameters
    ----------
    shifts : ndarray of shape (n_new, n_folds)
        Forecasts of the fold models.
    offsets : ndarray of shape (n,)
        Offsets of the calibration rows, fold by fold, sorted within each.
    starts : ndarray of shape (n_folds + 1,)
        Where the folds begin.
    rank : int
        Between 1 and n.

    Returns
    -------
    ndarray of shape (n_new,)
        The order statistics.
    """
    n_folds = shifts.shape[1]
    out = np.empty(len(shifts))
    rows = max(1, _BLOCK // (8 * n_folds))
    for start in range(0, len(shifts), rows):
        block = shifts[start : start + rows]
        each = np.arange(len(block))
        passed = np.tile(starts[:-1], (len(block), 1))
        largest = np.full(len(block), -np.inf)
        left = rank
        while left:
            # At most n_folds (step - 1) + 1 <= left elements are up to the smallest one ahead.
            step = (left - 1) // n_folds + 1
            at = passed + (step - 1)
            ahead = block + offsets[np.minimum(at, len(offsets) - 1)]
            ahead[at >= starts[1:]] = np.inf
            first = ahead.argmin(axis=1)
            np.maximum(largest, ahead[each, first], out=largest)
            passed[each, first] += step
            left -= step
        out[start : start + rows] = largest
    return out
