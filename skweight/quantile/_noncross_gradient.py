"""Gradients through the operators that put quantiles into order."""

import numpy as np

from skweight.quantile._noncross import check_forecast, find_anchor
from skweight.quantile._noncross_pava import project_rows


def noncross_vjp(forecast, gradient, method="sort", *, quantiles=None):
    """Carry a gradient back through an ordering of quantiles.

    A training loop that orders its forecasts before the loss needs the gradient in the raw
    forecasts: the transposed Jacobian of the operator times the gradient in the ordered ones.

    Parameters
    ----------
    forecast : array-like of shape (n_samples, n_quantiles)
        Raw quantiles, before the ordering; finite.
    gradient : array-like of shape (n_samples, n_quantiles)
        Gradient of the loss in the ordered quantiles.
    method : {"sort", "isotonic", "minmax"}, default="sort"
        The operator.
    quantiles : array-like of shape (n_quantiles,) or None, default=None
        Levels, which only "minmax" needs, as in `noncross_minmax`.

    Returns
    -------
    ndarray of shape (n_samples, n_quantiles)
        Gradient of the loss in the raw quantiles, in the precision of `gradient`.

    Raises
    ------
    ValueError
        If the shapes differ, `method` is none of the three, or `forecast` is no forecast.

    See Also
    --------
    noncross_sort, noncross_isotonic, noncross_minmax : The operators.
    crossing_penalty : A term of the loss that crossings cost.

    Notes
    -----
    The Jacobian of sorting is the permutation that sorts; that of the isotonic projection averages
    within each pooled block; that of the min-max sweep sends each output to the input it is a copy
    of. Where the operator has a kink (ties), one of its one-sided Jacobians is taken; rows that
    are in order pass the gradient on as it is.

    References
    ----------
    .. [1] R. Fakoor, T. Kim, J. Mueller, A. J. Smola, R. J. Tibshirani, "Flexible Model
       Aggregation for Quantile Regression", Journal of Machine Learning Research 24(162), 2023.

    Examples
    --------
    >>> from skweight.quantile import noncross_vjp
    >>> noncross_vjp([[1.0, 3.0, 2.0]], [[0.0, 1.0, 0.0]], "isotonic")
    array([[0. , 0.5, 0.5]])
    """
    forecast = check_forecast(forecast)
    gradient = np.asarray(gradient)
    if gradient.dtype not in (np.float16, np.float32, np.float64):
        gradient = gradient.astype(np.float64)
    if gradient.shape != forecast.shape:
        raise ValueError(
            f"gradient must have the shape of forecast, {forecast.shape}, got {gradient.shape}."
        )
    if not np.isfinite(forecast).all():
        raise ValueError("forecast must be finite to have a gradient, got infinite values.")
    if method == "sort":
        return _sort_vjp(forecast, gradient)
    if method == "isotonic":
        return _isotonic_vjp(forecast, gradient)
    if method == "minmax":
        return _minmax_vjp(forecast, gradient, find_anchor(forecast.shape[1], quantiles))
    raise ValueError(f"method must be 'sort', 'isotonic' or 'minmax', got {method!r}.")


def _sort_vjp(forecast, gradient):
    out = np.empty_like(gradient)
    order = np.argsort(forecast, axis=1, kind="stable")  # ties stay where they are
    np.put_along_axis(out, order, gradient, axis=1)
    return out


def _isotonic_vjp(forecast, gradient):
    out = np.array(gradient)
    crossed = np.flatnonzero((forecast[:, :-1] > forecast[:, 1:]).any(axis=1))
    # In double precision, so that blocks whose means differ are not rounded to the same value.
    levels = project_rows(forecast[crossed].astype(np.float64))
    starts = np.ones(levels.shape, dtype=bool)
    starts[:, 1:] = levels[:, 1:] > levels[:, :-1]
    block = np.cumsum(starts.ravel()) - 1
    sums = np.bincount(block, weights=gradient[crossed].ravel().astype(np.float64))
    means = sums / np.bincount(block)
    out[crossed] = means[block].reshape(levels.shape)
    return out


def _minmax_vjp(forecast, gradient, anchor):
    n, m = forecast.shape
    source = np.empty((n, m), dtype=np.intp)  # the column each output is a copy of
    source[:, anchor] = anchor
    for columns, exceeds in (
        (range(anchor + 1, m), np.greater_equal),
        (range(anchor - 1, -1, -1), np.less_equal),
    ):
        extreme, at = forecast[:, anchor].copy(), np.full(n, anchor)
        for k in columns:
            new = exceeds(forecast[:, k], extreme)
            extreme[new], at[new] = forecast[new, k], k
            source[:, k] = at
    places = source + m * np.arange(n)[:, None]
    sums = np.bincount(places.ravel(), weights=gradient.ravel(), minlength=n * m)
    return sums.reshape(n, m).astype(gradient.dtype)
