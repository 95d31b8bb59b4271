"""A penalty on quantiles that cross, or come too near to it, with its gradient."""

from numbers import Real

import numpy as np
from sklearn.utils.validation import column_or_1d

from skweight._core._sklearn_compat import check_sample_weight
from skweight.quantile._levels import check_quantiles
from skweight.quantile._noncross import check_forecast

# Values at a time: the differences of a block stay in the cache.
_BLOCK = 65_536


def crossing_penalty(forecast, margin=0.0, *, sample_weight=None):
    r"""Compute a penalty on crossing quantiles, and its gradient.

    The penalty is the mean, over rows and over all pairs of levels, of how far the lower quantile
    exceeds the higher one, plus a margin, where this is positive. It is 0 where all rows are in
    order with at least the margins between them.

    Parameters
    ----------
    forecast : array-like of shape (n_samples, n_quantiles)
        Quantiles, lowest level first; finite.
    margin : float or array-like of shape (n_quantiles, n_quantiles), default=0.0
        How far apart levels a < b shall be, in the units of `forecast`: the same for every pair,
        or ``margin[a, b]``, of which the entries above the diagonal count.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights of the rows, at least 0.

    Returns
    -------
    value : float
        The penalty, at least 0.
    gradient : ndarray of shape (n_samples, n_quantiles)
        Its gradient in `forecast`, in float64 or the precision of `forecast`. At a kink, where a
        pair is apart by exactly its margin, the pair adds nothing.

    Raises
    ------
    ValueError
        If `forecast` is no forecast, or `margin` has another shape or is not finite.

    See Also
    --------
    crossing_margins : Margins that suit the levels.
    noncross_vjp : Gradients through an ordering instead.

    Notes
    -----
    For quantiles :math:`g_{ik}` it is [1]_

    .. math:: \frac{2}{n m (m - 1)} \sum_i \sum_{a < b} (g_{ia} - g_{ib} + \delta_{ab})_+ .

    The cost is that of all pairs, the memory that of a block of rows.

    References
    ----------
    .. [1] R. Fakoor, T. Kim, J. Mueller, A. J. Smola, R. J. Tibshirani, "Flexible Model
       Aggregation for Quantile Regression", Journal of Machine Learning Research 24(162), 2023.

    Examples
    --------
    >>> from skweight.quantile import crossing_penalty
    >>> value, gradient = crossing_penalty([[1.0, 4.0, 2.5]])
    >>> value
    0.5
    >>> gradient.round(3)
    array([[ 0.   ,  0.333, -0.333]])
    """
    forecast = check_forecast(forecast)
    if not np.isfinite(forecast).all():
        raise ValueError("forecast must be finite to be penalised, got infinite values.")
    n, m = forecast.shape
    margin = _check_margin(margin, m)
    gradient = np.zeros(forecast.shape, dtype=forecast.dtype)
    if n == 0 or m == 1:
        return 0.0, gradient
    weight = check_sample_weight(sample_weight, forecast)
    share = weight / weight.sum() * (2 / (m * (m - 1)))
    value = 0.0
    step = max(1, _BLOCK // m)
    for start in range(0, n, step):
        rows = slice(start, start + step)
        block_value, block_gradient = _penalise(forecast[rows].T.astype(np.float64), margin)
        value += float(share[rows] @ block_value)
        gradient[rows] = (block_gradient * share[rows]).T
    return value, gradient


def crossing_margins(kind, quantiles, scale, *, residuals=None):
    """Compute how far apart a penalty shall keep each pair of quantiles.

    Without margins the penalty is silent as soon as no pair crosses on the training rows, which
    says little about new ones.

    Parameters
    ----------
    kind : {"single", "adapt", "vec"}
        The same margin `scale` for every pair; `scale` times the distance of the two quantiles of
        pilot residuals, which follows the spread and shape of the outcome; or ``scale / 100``
        times the distance of the two levels.
    quantiles : array-like of shape (n_quantiles,)
        Levels, strictly increasing in (0, 1).
    scale : float
        Size of the margins, at least 0: in units of the outcome for "single" and "vec", without a
        unit for "adapt". The paper searches 0.0001 to 0.0099 for "single" and 0.0001 to 0.1 for
        "adapt", with a standardised outcome.
    residuals : array-like of shape (n_samples,) or None, default=None
        Outcomes minus a pilot forecast of their median, such as the median of the base models'
        medians. Only "adapt" takes them, and needs them.

    Returns
    -------
    ndarray of shape (n_quantiles, n_quantiles)
        Margins of pairs a < b at ``[a, b]``, zeros elsewhere.

    Raises
    ------
    ValueError
        If `kind` is none of the three, `scale` is negative or not finite, or `residuals` are
        missing, not finite or not wanted.

    See Also
    --------
    crossing_penalty : The penalty that takes them.

    References
    ----------
    .. [1] R. Fakoor, T. Kim, J. Mueller, A. J. Smola, R. J. Tibshirani, "Flexible Model
       Aggregation for Quantile Regression", Journal of Machine Learning Research 24(162), 2023.

    Examples
    --------
    >>> from skweight.quantile import crossing_margins
    >>> crossing_margins("adapt", [0.25, 0.5, 0.75], 0.1, residuals=[-2.0, -1.0, 0.0, 3.0, 9.0])
    array([[0. , 0.1, 0.4],
           [0. , 0. , 0.3],
           [0. , 0. , 0. ]])
    """
    levels = check_quantiles(quantiles)
    if kind not in ("single", "adapt", "vec"):
        raise ValueError(f"kind must be 'single', 'adapt' or 'vec', got {kind!r}.")
    if not (isinstance(scale, Real) and 0 <= scale < np.inf):
        raise ValueError(f"scale must be a finite number of at least 0, got {scale!r}.")
    if (residuals is None) == (kind == "adapt"):
        want = "an array" if kind == "adapt" else "None"
        raise ValueError(f"residuals must be {want} for kind={kind!r}, got {type(residuals)}.")
    if kind == "single":
        return np.triu(np.full((len(levels), len(levels)), float(scale)), 1)
    if kind == "vec":
        places = levels / 100
    else:
        residuals = column_or_1d(residuals).astype(np.float64)
        if len(residuals) == 0 or not np.isfinite(residuals).all():
            raise ValueError("residuals must be finite numbers, at least one of them.")
        places = np.quantile(residuals, levels)
    # Quantiles rise with their level, but for rounding.
    return scale * np.triu(np.maximum(places[None, :] - places[:, None], 0), 1)


def _check_margin(margin, m):
    margin = np.asarray(margin, dtype=np.float64)
    if margin.shape not in ((), (m, m)):
        raise ValueError(
            f"margin must be a number or have shape ({m}, {m}), a margin for each pair of the "
            f"columns of forecast, got shape {margin.shape}."
        )
    if not np.isfinite(margin).all():
        raise ValueError("margin must be finite, got NaN or infinite values.")
    return np.broadcast_to(margin, (m, m))


def _penalise(columns, margin):
    """Return sums over the pairs of each row, (n,), and their gradient in the columns (m, n)."""
    m, n = columns.shape
    value, gradient = np.zeros(n), np.zeros((m, n))
    for a in range(m - 1):
        excess = columns[a] - columns[a + 1 :] + margin[a, a + 1 :, None]
        active = excess > 0
        value += np.maximum(excess, 0, out=excess).sum(axis=0)
        gradient[a] += active.sum(axis=0)
        gradient[a + 1 :] -= active
    return value, gradient
