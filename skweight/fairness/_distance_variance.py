"""Distance variance of predictions and its gradient, by sorting alone."""

import numpy as np


def distance_variance(y, weight, centring):
    """Return the squared distance covariance of predictions with themselves, and its gradient.

    Parameters
    ----------
    y, weight : ndarray of shape (n_samples,)
        Predictions and weights.
    centring : Centring
        The constants of the statistic.

    Returns
    -------
    value : float
        The distance variance, at least 0.
    gradient : ndarray of shape (n_samples,)
        Its derivative for each prediction; where predictions tie, the mean of the one-sided ones.
    """
    total = weight.sum()
    centre = (weight @ y) / total
    order = np.argsort(y)
    ordered, w = y[order], weight[order]
    # Rows that tie share what lies below and above them.
    lo, hi = np.searchsorted(ordered, ordered, "left"), np.searchsorted(ordered, ordered, "right")
    z = ordered - centre
    below, above = _below(w, lo), _above(w, hi)
    sign = below - above
    sums = z * sign - (_below(w * z, lo) - _above(w * z, hi))
    signed_sums = _below(w * sums, lo) - _above(w * sums, hi)
    whole = w @ sums
    squares = 2 * (total * (w @ z**2) - (w @ z) ** 2)
    a, b, kappa = centring.a, centring.b, centring.kappa
    value = kappa * (squares - 2 * a * (w @ sums**2) + b * whole**2)
    slope = 4 * (total * z - w @ z) - 4 * a * (sums * sign + signed_sums) + 4 * b * whole * sign
    gradient = np.empty_like(z)
    gradient[order] = kappa * w * slope
    # All predictions equal, up to rounding of the sums: no spread that could be divided by.
    if not value > 1e-14 * kappa * squares or z[-1] == z[0]:
        return 0.0, np.zeros_like(z)
    return float(value), gradient


def _below(f, lo):
    return np.concatenate([[0.0], np.cumsum(f)])[lo]


def _above(f, hi):
    return np.concatenate([np.cumsum(f[::-1])[::-1], [0.0]])[hi]
