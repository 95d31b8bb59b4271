"""What the metrics of quantile forecasts share: checks of their input, and pinball losses."""

import numpy as np
from sklearn.utils import check_array, column_or_1d

from skweight._core._quantiles import check_quantiles
from skweight.metrics._validation import check_weights

# Numbers in one block of rows, whose few temporaries then stay in the processor's cache.
_BLOCK = 1 << 15

# Cumulated weights carry rounding errors, and tau W must not miss the row that it hits exactly.
_GUARD = 1e-12


def check_forecasts(y_true, y_quantiles, quantiles, sample_weight):
    """Return outcomes, forecasts and weights of the rows that count, and the levels.

    Rows of weight 0 are left out, since 0 times an infinite loss would be NaN.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        What came out, finite.
    y_quantiles : array-like of shape (n_samples, n_quantiles)
        Forecasts: infinite ones are allowed, NaN is not.
    quantiles : array-like of shape (n_quantiles,)
        Levels in (0, 1), strictly increasing.
    sample_weight : array-like of shape (n_samples,) or None
        Weights of the rows.

    Returns
    -------
    y : ndarray of shape (n,)
        Outcomes.
    forecast : ndarray of shape (n, n_quantiles)
        Forecasts, float64 or float32.
    weight : ndarray of shape (n,)
        Positive weights that sum to 1.
    levels : ndarray of shape (n_quantiles,)
        The levels.
    """
    levels = check_quantiles(quantiles)
    y = _check_outcomes(y_true)
    forecast = _check_table(y_quantiles, "y_quantiles", len(levels), "one for each of quantiles")
    _check_as_many(y, forecast, "y_quantiles")
    y, forecast, weight = _rows_that_count(sample_weight, y, forecast)
    return y, forecast, weight, levels


def check_intervals(y_true, y_interval, sample_weight):
    """Return outcomes, lower and upper ends and weights of the rows that count.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or None
        What came out, finite; None where only the intervals matter.
    y_interval : array-like of shape (n_samples, 2)
        Lower and upper ends: infinite ones are allowed, NaN is not.
    sample_weight : array-like of shape (n_samples,) or None
        Weights of the rows.

    Returns
    -------
    y : ndarray of shape (n,) or None
        Outcomes.
    low, high : ndarray of shape (n,), float64
        The ends.
    weight : ndarray of shape (n,)
        Positive weights that sum to 1.
    """
    ends = _check_table(y_interval, "y_interval", 2, "the lower and the upper end")
    ends = ends.astype(np.float64, copy=False)
    y = ends[:, 0] if y_true is None else _check_outcomes(y_true)
    _check_as_many(y, ends, "y_interval")
    y, ends, weight = _rows_that_count(sample_weight, y, ends)
    return None if y_true is None else y, ends[:, 0], ends[:, 1], weight


def _check_outcomes(y_true):
    y = check_array(y_true, ensure_2d=False, dtype=np.float64, input_name="y_true")
    return column_or_1d(y)


def _check_table(table, name, n_columns, meaning):
    """Return a float table with this many columns and without NaN."""
    table = check_array(
        table,
        dtype=[np.float64, np.float32],
        ensure_2d=False,
        ensure_all_finite=False,
        input_name=name,
    )
    if table.ndim != 2 or table.shape[1] != n_columns:
        raise ValueError(
            f"{name} has shape {table.shape}: want {n_columns} columns, {meaning}, and a row for "
            "each sample"
        )
    if np.isnan(np.min(table)):  # passes NaN on, without an array of booleans
        raise ValueError(f"{name} holds NaN: want numbers, infinite ones included")
    return table


def _check_as_many(y, table, name):
    if len(y) != len(table):
        raise ValueError(f"y_true has {len(y)} rows and {name} {len(table)}: want as many")


def _rows_that_count(sample_weight, y, table):
    weight = check_weights(sample_weight, len(y))
    counts = weight > 0
    if counts.all():
        return y, table, weight
    return y[counts], table[counts], weight[counts]


def pinball(residual, level):
    """Return the pinball loss of residuals, inf of infinite ones.

    Parameters
    ----------
    residual : ndarray
        Outcomes less forecasts.
    level : float or ndarray that broadcasts
        Levels in (0, 1).

    Returns
    -------
    ndarray
        The losses.
    """
    return np.maximum(level * residual, (level - 1) * residual)


def mean_pinball_by_level(y, forecast, weight, levels):
    """Return the weighted mean pinball loss of each level, in float64, block by block.

    Parameters
    ----------
    y : ndarray of shape (n,), float64
        Outcomes.
    forecast : ndarray of shape (n, m)
        Forecasts.
    weight : ndarray of shape (n,)
        Positive weights that sum to 1.
    levels : ndarray of shape (m,)
        The levels.

    Returns
    -------
    ndarray of shape (m,)
        The losses.
    """
    losses = np.zeros(len(levels))
    for rows in _blocks(forecast):
        losses += weight[rows] @ pinball(y[rows, None] - forecast[rows], levels)
    return losses


def share_below_by_level(y, forecast, weight):
    """Return the weighted share of outcomes at or below the forecast of each level.

    Parameters
    ----------
    y : ndarray of shape (n,), float64
        Outcomes.
    forecast : ndarray of shape (n, m)
        Forecasts.
    weight : ndarray of shape (n,)
        Positive weights that sum to 1.

    Returns
    -------
    ndarray of shape (m,)
        The shares, exactly 1 where all are below.
    """
    shares = np.zeros(forecast.shape[1])
    everywhere = np.ones(forecast.shape[1], dtype=bool)
    for rows in _blocks(forecast):
        below = y[rows, None] <= forecast[rows]
        shares += weight[rows] @ below
        everywhere &= below.all(axis=0)
    return np.where(everywhere, 1.0, np.minimum(shares, 1.0))


def _blocks(table):
    """Yield slices of rows that hold some thousand numbers each."""
    n_rows = max(1, _BLOCK // table.shape[1])
    for start in range(0, len(table), n_rows):
        yield slice(start, start + n_rows)


def weighted_quantile(y, weight, levels):
    """Return the smallest values whose cumulated weight reaches the levels.

    The inverse of the weighted empirical distribution: a minimiser of the weighted pinball loss,
    and the same for integer weights as for repeated rows, neither of which holds of a quantile
    that interpolates.

    Parameters
    ----------
    y : ndarray of shape (n,)
        Values.
    weight : ndarray of shape (n,)
        Weights of at least 0, not all 0.
    levels : ndarray of shape (m,)
        Levels in (0, 1).

    Returns
    -------
    ndarray of shape (m,)
        The quantiles, each one of the values.
    """
    counts = weight > 0
    y, weight = y[counts], weight[counts]
    order = np.argsort(y, kind="stable")
    reached = np.cumsum(weight[order])
    wanted = np.asarray(levels) * reached[-1] * (1 - _GUARD)
    return y[order][np.searchsorted(reached, wanted)]
