"""Scores of quantile forecasts: pinball loss, weighted interval score, CRPS and their D2."""

import warnings

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from skweight.metrics._quantile_losses import (
    check_forecasts,
    mean_pinball_by_level,
    weighted_quantile,
)


def mean_quantile_loss(
    y_true, y_quantiles, *, quantiles, sample_weight=None, multilevel="uniform_average"
):
    r"""Compute the mean pinball loss over rows and levels, the lower the better.

    The loss of a forecast q at level tau is ``tau (y - q)`` where y is above q and
    ``(1 - tau) (q - y)`` where it is below. The true quantiles minimise its expectation.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        What came out.
    y_quantiles : array-like of shape (n_samples, n_quantiles)
        Forecasts, a column for each level. An infinite one costs inf; NaN is refused.
    quantiles : array-like of shape (n_quantiles,)
        Levels in (0, 1), strictly increasing.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows, of which only the ratios matter.
    multilevel : {"uniform_average", "raw_values"}, default="uniform_average"
        Whether to return the mean over levels, or one loss for each.

    Returns
    -------
    float or ndarray of shape (n_quantiles,)
        The loss, at least 0.

    Raises
    ------
    ValueError
        If the levels are not those of the columns, or a forecast is NaN.

    See Also
    --------
    weighted_interval_score : Twice this number.
    sklearn.metrics.mean_pinball_loss : The same for one level.

    References
    ----------
    .. [1] R. Koenker and G. Bassett, "Regression Quantiles", Econometrica 46 (1978), 33-50.

    Examples
    --------
    >>> from skweight.metrics import mean_quantile_loss
    >>> forecast = [[1.0, 2.0, 4.0], [2.0, 3.0, 5.0]]
    >>> round(mean_quantile_loss([3.0, 3.0], forecast, quantiles=[0.1, 0.5, 0.9]), 6)
    0.183333
    """
    if multilevel not in ("uniform_average", "raw_values"):
        raise ValueError(f"multilevel={multilevel!r}: want 'uniform_average' or 'raw_values'")
    y, forecast, weight, levels = check_forecasts(y_true, y_quantiles, quantiles, sample_weight)
    losses = mean_pinball_by_level(y, forecast, weight, levels)
    return losses if multilevel == "raw_values" else float(losses.mean())


def weighted_interval_score(
    y_true, y_quantiles, *, quantiles, level_weights=None, sample_weight=None
):
    r"""Compute the weighted interval score, the lower the better.

    Twice the pinball loss, averaged over rows and levels. For levels that are symmetric around
    the median this is the mean score of the central intervals, each weighted by half its alpha,
    and of the median [1]_: width, and misses on either side.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        What came out.
    y_quantiles : array-like of shape (n_samples, n_quantiles)
        Forecasts, a column for each level. An infinite one costs inf; NaN is refused.
    quantiles : array-like of shape (n_quantiles,)
        Levels in (0, 1), strictly increasing.
    level_weights : array-like of shape (n_quantiles,), default=None
        How much each level counts, at least 0; only the ratios matter. None means equally.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows, of which only the ratios matter.

    Returns
    -------
    float
        The score, at least 0, in units of `y_true`.

    Raises
    ------
    ValueError
        If the levels are not those of the columns, a forecast is NaN or a weight negative.

    See Also
    --------
    crps_from_quantiles : An approximation of the CRPS, also for uneven levels.
    d2_weighted_interval_score : The same against forecasts that ignore the features.
    interval_score : Score of one central interval.

    Notes
    -----
    Sorting the forecasts of a row never raises its score, as long as the levels count equally;
    with `level_weights` it may.

    References
    ----------
    .. [1] J. Bracher, E. L. Ray, T. Gneiting and N. G. Reich, "Evaluating epidemic forecasts in
           an interval format", PLOS Computational Biology 17 (2021), e1008618.

    Examples
    --------
    >>> from skweight.metrics import weighted_interval_score
    >>> forecast = [[1.0, 2.0, 4.0], [2.0, 3.0, 5.0]]
    >>> round(weighted_interval_score([3.0, 3.0], forecast, quantiles=[0.1, 0.5, 0.9]), 6)
    0.366667
    """
    y, forecast, weight, levels = check_forecasts(y_true, y_quantiles, quantiles, sample_weight)
    shares = _level_shares(level_weights, len(levels))
    return _twice_mean(mean_pinball_by_level(y, forecast, weight, levels), shares)


def _level_shares(level_weights, n_levels):
    """Return level weights that sum to 1."""
    if level_weights is None:
        return np.full(n_levels, 1.0 / n_levels)
    shares = np.asarray(level_weights, dtype=np.float64)
    if shares.shape != (n_levels,):
        raise ValueError(
            f"level_weights has shape {shares.shape}: want ({n_levels},), one for each of quantiles"
        )
    if not (np.isfinite(shares) & (shares >= 0)).all() or not shares.any():
        raise ValueError("level_weights: want no negative weight, and a positive one at least")
    return shares / shares.sum()


def _twice_mean(losses, shares):
    counts = shares > 0  # 0 times an infinite loss would be NaN
    return 2.0 * float(shares[counts] @ losses[counts])


def crps_from_quantiles(y_true, y_quantiles, *, quantiles, weighting="uniform", sample_weight=None):
    r"""Approximate the continuous ranked probability score from quantiles, the lower the better.

    The CRPS is the integral of twice the pinball loss over all levels [1]_; here it is a sum over
    the levels at hand.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        What came out.
    y_quantiles : array-like of shape (n_samples, n_quantiles)
        Forecasts, a column for each level. An infinite one costs inf; NaN is refused.
    quantiles : array-like of shape (n_quantiles,)
        Levels in (0, 1), strictly increasing.
    weighting : {"uniform", "midpoint"}, default="uniform"
        What a level stands for. "uniform": an equal share, which is the weighted interval score
        and fits levels such as ``(k - 0.5) / m`` or ``k / (m + 1)``. "midpoint": the levels
        nearest to it, a cell that ends halfway to its neighbours, at 0 and at 1; for uneven
        levels.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows, of which only the ratios matter.

    Returns
    -------
    float
        The score, at least 0, in units of `y_true`.

    Raises
    ------
    ValueError
        If the levels are not those of the columns, or a forecast is NaN.

    See Also
    --------
    weighted_interval_score : The same number for uniform weighting.

    References
    ----------
    .. [1] F. Laio and S. Tamea, "Verification tools for probabilistic forecasts of continuous
           hydrological variables", Hydrology and Earth System Sciences 11 (2007), 1267-1277.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.stats import norm
    >>> from skweight.metrics import crps_from_quantiles
    >>> levels = np.arange(1, 200) / 200
    >>> forecast = norm.ppf(levels)[None, :]
    >>> round(crps_from_quantiles([0.0], forecast, quantiles=levels), 2)  # sqrt(2/pi) - 1/sqrt(pi)
    0.23
    """
    y, forecast, weight, levels = check_forecasts(y_true, y_quantiles, quantiles, sample_weight)
    if weighting == "uniform":
        shares = _level_shares(None, len(levels))
    elif weighting == "midpoint":
        shares = np.diff(np.concatenate([[0.0], (levels[1:] + levels[:-1]) / 2, [1.0]]))
    else:
        raise ValueError(f"weighting={weighting!r}: want 'uniform' or 'midpoint'")
    return _twice_mean(mean_pinball_by_level(y, forecast, weight, levels), shares)


def d2_weighted_interval_score(y_true, y_quantiles, *, quantiles, sample_weight=None):
    r"""Compute the share of the weighted interval score that forecasts explain, at most 1.

    One minus the weighted interval score over that of the empirical quantiles of `y_true`: 1 is
    perfect, 0 no better than the best forecast that ignores the features, and the greater the
    better.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        What came out.
    y_quantiles : array-like of shape (n_samples, n_quantiles)
        Forecasts, a column for each level. An infinite one makes the score -inf; NaN is refused.
    quantiles : array-like of shape (n_quantiles,)
        Levels in (0, 1), strictly increasing.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows, of which only the ratios matter. They enter the empirical quantiles
        as well.

    Returns
    -------
    float
        The score. If `y_true` is constant, 1 for perfect forecasts and 0 for others; NaN, with a
        warning, for fewer than two rows.

    Raises
    ------
    ValueError
        If the levels are not those of the columns, or a forecast is NaN.

    See Also
    --------
    weighted_interval_score : The score behind it.
    sklearn.metrics.d2_pinball_score : The same for one level.

    Notes
    -----
    The empirical quantile is the smallest outcome whose cumulated weight reaches the level. It
    minimises the weighted pinball loss and treats an integer weight as repeated rows; a quantile
    that interpolates between outcomes does neither.

    Examples
    --------
    >>> from skweight.metrics import d2_weighted_interval_score
    >>> forecast = [[0.0, 1.0], [1.0, 3.0], [4.0, 6.0], [6.0, 8.0]]
    >>> y = [0.5, 2.0, 5.0, 7.0]
    >>> round(d2_weighted_interval_score(y, forecast, quantiles=[0.25, 0.75]), 3)
    0.731
    """
    y, forecast, weight, levels = check_forecasts(y_true, y_quantiles, quantiles, sample_weight)
    if len(y) < 2:
        warnings.warn(
            "D^2 is not defined for fewer than two rows of positive weight.",
            UndefinedMetricWarning,
            stacklevel=2,
        )
        return float("nan")
    reference = np.broadcast_to(weighted_quantile(y, weight, levels), forecast.shape)
    loss = mean_pinball_by_level(y, forecast, weight, levels).mean()
    reference_loss = mean_pinball_by_level(y, reference, weight, levels).mean()
    if reference_loss == 0:
        return 1.0 if loss == 0 else 0.0
    return float(1 - loss / reference_loss)
