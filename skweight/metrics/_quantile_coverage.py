"""Intervals and quantiles against what came out: score, coverage, width and calibration."""

import numpy as np

from skweight._core._quantiles import check_coverage
from skweight.metrics._quantile_losses import (
    check_forecasts,
    check_intervals,
    pinball,
    share_below_by_level,
)


def interval_score(y_true, y_interval, *, coverage, sample_weight=None):
    r"""Compute the interval score of central intervals, the lower the better.

    The width, plus ``2 / alpha`` times the distance of an outcome outside, where ``alpha`` is
    ``1 - coverage`` [1]_. The true quantiles ``alpha / 2`` and ``1 - alpha / 2`` minimise its
    expectation.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        What came out.
    y_interval : array-like of shape (n_samples, 2)
        Lower and upper ends, as ``predict_interval`` returns them. An infinite one costs inf; NaN
        is refused.
    coverage : float
        Nominal coverage in (0, 1).
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows, of which only the ratios matter.

    Returns
    -------
    float
        The score, at least 0, in units of `y_true`.

    Raises
    ------
    ValueError
        If `coverage` is not in (0, 1), or an end is NaN.

    See Also
    --------
    weighted_interval_score : Score of many levels.
    interval_coverage : Share of outcomes inside.
    interval_width : Mean width.

    References
    ----------
    .. [1] T. Gneiting and A. E. Raftery, "Strictly Proper Scoring Rules, Prediction, and
           Estimation", Journal of the American Statistical Association 102 (2007), 359-378.

    Examples
    --------
    >>> from skweight.metrics import interval_score
    >>> round(interval_score([3.0, 6.0], [[1.0, 4.0], [2.0, 5.0]], coverage=0.8), 6)
    8.0
    """
    alpha = 1 - check_coverage(coverage)
    y, low, high, weight = check_intervals(y_true, y_interval, sample_weight)
    # Equal to the formula above, also of crossed ends, and never inf - inf.
    losses = pinball(y - low, alpha / 2) + pinball(y - high, 1 - alpha / 2)
    return 2 / alpha * float(weight @ losses)


def interval_coverage(y_true, y_interval, *, sample_weight=None):
    """Compute the share of outcomes inside their interval.

    An interval that is valid covers its nominal share on average over samples; that it does says
    nothing of its width.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        What came out.
    y_interval : array-like of shape (n_samples, 2)
        Lower and upper ends, which belong to the interval. They may be infinite; NaN is refused.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows, of which only the ratios matter.

    Returns
    -------
    float
        The share, between 0 and 1.

    Raises
    ------
    ValueError
        If an end is NaN.

    See Also
    --------
    interval_width : What the coverage costs.
    quantile_coverage : The same for quantiles.

    Examples
    --------
    >>> from skweight.metrics import interval_coverage
    >>> interval_coverage([3.0, 6.0], [[1.0, 4.0], [2.0, 5.0]])
    0.5
    """
    y, low, high, weight = check_intervals(y_true, y_interval, sample_weight)
    inside = (low <= y) & (y <= high)
    # Weights sum to 1 up to rounding only, and all rows are to be exactly 1.
    return 1.0 if inside.all() else min(1.0, float(weight @ inside))


def interval_width(y_interval, *, sample_weight=None):
    """Compute the mean width of intervals.

    Of intervals with the same coverage the narrower ones say more.

    Parameters
    ----------
    y_interval : array-like of shape (n_samples, 2)
        Lower and upper ends. An infinite end makes the width inf; NaN is refused. An interval
        whose ends have crossed is empty and has width 0.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows, of which only the ratios matter.

    Returns
    -------
    float
        The width, at least 0.

    Raises
    ------
    ValueError
        If an end is NaN.

    See Also
    --------
    interval_coverage : What the width buys.

    Examples
    --------
    >>> from skweight.metrics import interval_width
    >>> interval_width([[1.0, 4.0], [2.0, 7.0]])
    4.0
    """
    _, low, high, weight = check_intervals(None, y_interval, sample_weight)
    holds_some = low < high
    return float(weight[holds_some] @ (high[holds_some] - low[holds_some]))


def quantile_coverage(y_true, y_quantiles, *, quantiles, sample_weight=None):
    """Compute the share of outcomes at or below the forecast of each level.

    For true quantiles of a continuous outcome the expected share is the level.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        What came out.
    y_quantiles : array-like of shape (n_samples, n_quantiles)
        Forecasts, a column for each level. They may be infinite; NaN is refused.
    quantiles : array-like of shape (n_quantiles,)
        Levels in (0, 1), strictly increasing.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows, of which only the ratios matter.

    Returns
    -------
    ndarray of shape (n_quantiles,)
        The shares, to be compared with `quantiles`.

    Raises
    ------
    ValueError
        If the levels are not those of the columns, or a forecast is NaN.

    See Also
    --------
    quantile_calibration_error : How far the shares are from the levels.
    interval_coverage : The same for intervals.

    Examples
    --------
    >>> from skweight.metrics import quantile_coverage
    >>> forecast = [[1.0, 4.0], [2.0, 5.0], [3.0, 6.0], [4.0, 7.0]]
    >>> quantile_coverage([3.0, 6.0, 3.0, 9.0], forecast, quantiles=[0.25, 0.75])
    array([0.25, 0.5 ])
    """
    y, forecast, weight, _ = check_forecasts(y_true, y_quantiles, quantiles, sample_weight)
    return share_below_by_level(y, forecast, weight)


def quantile_calibration_error(y_true, y_quantiles, *, quantiles, sample_weight=None):
    r"""Compute how far the coverage of quantiles is from their levels, the lower the better.

    The mean over levels of ``|share of outcomes at or below the forecast - level|``.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        What came out.
    y_quantiles : array-like of shape (n_samples, n_quantiles)
        Forecasts, a column for each level. They may be infinite; NaN is refused.
    quantiles : array-like of shape (n_quantiles,)
        Levels in (0, 1), strictly increasing.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows, of which only the ratios matter.

    Returns
    -------
    float
        The error, between 0 and 1.

    Raises
    ------
    ValueError
        If the levels are not those of the columns, or a forecast is NaN.

    See Also
    --------
    quantile_coverage : The shares behind it.
    weighted_interval_score : A proper score.

    Notes
    -----
    It is not proper: quantiles that ignore the features are calibrated as well. Nor is it 0 for
    true quantiles in a finite sample: of n rows with equal weights a share misses its level tau by
    about :math:`\sqrt{2 \tau (1 - \tau) / (\pi n)}` on average, which makes 0.03 for n = 100 and
    levels 0.05 to 0.95. Compare models on the same rows. Outcomes tied with the forecast count as
    below it, so that discrete outcomes have shares above the levels even with true quantiles.

    Examples
    --------
    >>> from skweight.metrics import quantile_calibration_error
    >>> forecast = [[1.0, 4.0], [2.0, 5.0], [3.0, 6.0], [4.0, 7.0]]
    >>> quantile_calibration_error([3.0, 6.0, 3.0, 9.0], forecast, quantiles=[0.25, 0.75])
    0.125
    """
    shares = quantile_coverage(
        y_true, y_quantiles, quantiles=quantiles, sample_weight=sample_weight
    )
    return float(np.abs(shares - np.asarray(quantiles, dtype=np.float64)).mean())
