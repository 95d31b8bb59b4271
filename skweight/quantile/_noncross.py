"""Rows of quantiles put into order: sorting, isotonic projection, min-max sweep."""

import numpy as np

from skweight.quantile._levels import anchor_index, check_quantiles
from skweight.quantile._noncross_pava import project_rows

ORDERINGS = ("sort", "isotonic", "minmax", "constrain")

# Rows at a time: the columns of a block stay in the cache while the sweep passes over them.
_BLOCK = 512


def noncross_sort(forecast):
    """Sort the quantiles of each row.

    It never raises the pinball loss summed over the levels of a row, whatever the outcome.

    Parameters
    ----------
    forecast : array-like of shape (n_samples, n_quantiles)
        Quantiles, one column for each level, lowest level first. Infinite values are allowed, NaN
        is not. Floats keep their precision, everything else becomes float64.

    Returns
    -------
    ndarray of shape (n_samples, n_quantiles)
        A new array with non-decreasing rows.

    Raises
    ------
    ValueError
        If `forecast` is not two-dimensional, has no column or contains NaN.

    See Also
    --------
    noncross_isotonic : The nearest ordered row, by least squares.
    noncross_minmax : Keep the middle and only push outward.
    NonCrossingTransformer : The same inside a Pipeline.

    Notes
    -----
    The guarantee on the loss holds where all levels count the same, and row by row: the sum over
    the levels does not rise, the loss of a single level may [1]_.

    References
    ----------
    .. [1] R. Fakoor, T. Kim, J. Mueller, A. J. Smola, R. J. Tibshirani, "Flexible Model
       Aggregation for Quantile Regression", Journal of Machine Learning Research 24(162), 2023.
    .. [2] V. Chernozhukov, I. Fernandez-Val, A. Galichon, "Quantile and Probability Curves Without
       Crossing", Econometrica 78(3), 2010.

    Examples
    --------
    >>> from skweight.quantile import noncross_sort
    >>> noncross_sort([[1.0, 3.0, 2.0]])
    array([[1., 2., 3.]])
    """
    return np.sort(check_forecast(forecast), axis=1)


def noncross_isotonic(forecast, *, n_jobs=None):
    """Project each row onto the non-decreasing rows, by least squares.

    Levels that cross share their mean, so that the mean of the row stays. As sorting, it never
    raises the pinball loss summed over the levels of a row, whatever the outcome.

    Parameters
    ----------
    forecast : array-like of shape (n_samples, n_quantiles)
        Quantiles, one column for each level, lowest level first. Floats keep their precision (sums
        are made in double precision), everything else becomes float64. NaN is not allowed; minus
        infinity is allowed at the start of a row and infinity at its end, where they cross
        nothing: a mean with one of them is not a forecast.
    n_jobs : int or None, default=None
        Number of threads, None for one, -1 for as many as there are processors. The result does
        not depend on it.

    Returns
    -------
    ndarray of shape (n_samples, n_quantiles)
        A new array with non-decreasing rows.

    Raises
    ------
    ValueError
        If `forecast` is not two-dimensional, has no column, contains NaN or has an infinite value
        that crosses its neighbour.

    See Also
    --------
    noncross_sort : Sorted rows.
    noncross_minmax : Keep the middle and only push outward.
    NonCrossingTransformer : The same inside a Pipeline.
    sklearn.isotonic.isotonic_regression : One row, with weights.

    Notes
    -----
    The algorithm is pool adjacent violators, one pass over a row. Small arrays go through the
    interpreter, larger ones through a compiled version that the first such call waits for; both
    give the same bits.

    References
    ----------
    .. [1] R. Fakoor, T. Kim, J. Mueller, A. J. Smola, R. J. Tibshirani, "Flexible Model
       Aggregation for Quantile Regression", Journal of Machine Learning Research 24(162), 2023.
    .. [2] R. E. Barlow, D. J. Bartholomew, J. M. Bremner, H. D. Brunk, "Statistical Inference under
       Order Restrictions", Wiley, 1972.

    Examples
    --------
    >>> from skweight.quantile import noncross_isotonic
    >>> noncross_isotonic([[1.0, 3.0, 2.0]])
    array([[1. , 2.5, 2.5]])
    """
    forecast = check_forecast(forecast)
    _check_infinite(forecast)
    return project_rows(forecast, n_jobs)


def noncross_minmax(forecast, *, quantiles=None):
    """Push crossing quantiles outward from the middle of each row.

    From the anchor upward each quantile becomes the largest so far, from the anchor downward the
    smallest so far. The anchor stays as it is, quantiles above it never fall and those below never
    rise, so that intervals around the middle only grow. Unlike the other two, it may raise the
    pinball loss.

    Parameters
    ----------
    forecast : array-like of shape (n_samples, n_quantiles)
        Quantiles, one column for each level, lowest level first. Infinite values are allowed, NaN
        is not. Floats keep their precision, everything else becomes float64.
    quantiles : array-like of shape (n_quantiles,) or None, default=None
        The levels, strictly increasing in (0, 1). The anchor is the first of at least 0.5, the
        last one if there is none. None takes the column ``n_quantiles // 2``, which is the same
        for levels that lie symmetrically around 0.5.

    Returns
    -------
    ndarray of shape (n_samples, n_quantiles)
        A new array with non-decreasing rows.

    Raises
    ------
    ValueError
        If `forecast` is not two-dimensional, has no column or contains NaN, or `quantiles` are
        not its levels.

    See Also
    --------
    noncross_sort : Sorted rows.
    noncross_isotonic : The nearest ordered row, by least squares.
    NonCrossingTransformer : The same inside a Pipeline.

    References
    ----------
    .. [1] R. Fakoor, T. Kim, J. Mueller, A. J. Smola, R. J. Tibshirani, "Flexible Model
       Aggregation for Quantile Regression", Journal of Machine Learning Research 24(162), 2023.

    Examples
    --------
    >>> from skweight.quantile import noncross_minmax
    >>> noncross_minmax([[1.0, 3.0, 2.0, 5.0, 4.0]], quantiles=[0.1, 0.3, 0.5, 0.7, 0.9])
    array([[1., 2., 2., 5., 5.]])
    """
    forecast = check_forecast(forecast)
    m = forecast.shape[1]
    anchor = find_anchor(m, quantiles)
    ordered = np.empty(forecast.shape, dtype=forecast.dtype)
    for start in range(0, len(ordered), _BLOCK):
        rows = ordered[start : start + _BLOCK]
        rows[...] = forecast[start : start + _BLOCK]
        for k in range(anchor + 1, m):
            np.maximum(rows[:, k], rows[:, k - 1], out=rows[:, k])
        for k in range(anchor - 1, -1, -1):
            np.minimum(rows[:, k], rows[:, k + 1], out=rows[:, k])
    return ordered


def order_rows(forecast, how, levels, n_jobs=None):
    """Put the rows of a forecast into order.

    Parameters
    ----------
    forecast : ndarray of shape (n, m)
        Quantiles.
    how : {None, "sort", "isotonic", "minmax", "constrain"}
        None returns `forecast` itself. "constrain" sorts: weights that were constrained in fit
        keep the order where they were constrained, and sorting guards the other rows.
    levels : ndarray of shape (m,)
        Their levels.
    n_jobs : int or None, default=None
        Threads of "isotonic".

    Returns
    -------
    ndarray of shape (n, m)
        The ordered rows.
    """
    if how is None:
        return forecast
    if how in ("sort", "constrain"):
        return noncross_sort(forecast)
    if how == "isotonic":
        return noncross_isotonic(forecast, n_jobs=n_jobs)
    if how == "minmax":
        return noncross_minmax(forecast, quantiles=levels)
    raise ValueError(f"noncrossing must be None or one of {ORDERINGS}, got {how!r}.")


def crossing_rate(forecast, tol=0.0):
    """Return the share of rows where some quantile exceeds the next by more than tol."""
    if len(forecast) == 0:
        return 0.0
    return float((forecast[:, :-1] > forecast[:, 1:] + tol).any(axis=1).mean())


def check_forecast(forecast):
    """Return a forecast as an array of floats without NaN, the same one where it is that."""
    forecast = np.asarray(forecast)
    if forecast.dtype not in (np.float16, np.float32, np.float64):
        forecast = forecast.astype(np.float64)
    if forecast.ndim != 2 or forecast.shape[1] == 0:
        raise ValueError(
            "forecast must have one row for each sample and one column for each quantile, got "
            f"shape {forecast.shape}."
        )
    if len(forecast) and np.isnan(forecast.min()):
        missing = np.isnan(forecast).any(axis=1).sum()
        raise ValueError(
            f"forecast must not contain NaN, got it in {missing} of {len(forecast)} rows."
        )
    return forecast


def find_anchor(m, quantiles):
    """Return the column that the min-max sweep starts from."""
    if quantiles is None:
        return m // 2
    levels = check_quantiles(quantiles)
    if len(levels) != m:
        raise ValueError(
            f"quantiles must have one level for each of the {m} columns of forecast, got "
            f"{len(levels)}."
        )
    return anchor_index(levels)


def _check_infinite(forecast):
    if len(forecast) == 0 or (np.isfinite(forecast.min()) and np.isfinite(forecast.max())):
        return
    low, high = forecast[:, :-1], forecast[:, 1:]
    bad = ((low > high) & (np.isinf(low) | np.isinf(high))).any(axis=1).sum()
    if bad:
        raise ValueError(
            "forecast must have infinite values only where they cross nothing (minus infinity at "
            f"the start of a row, infinity at its end) for an isotonic projection, got {bad} rows "
            f"of {len(forecast)} with others: sort them, or use the min-max sweep."
        )
