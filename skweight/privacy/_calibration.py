"""How much Gaussian noise (epsilon, delta)-differential privacy takes: the analytic mechanism."""

import math
from functools import lru_cache

import numpy as np
from scipy.special import erfcx, log_ndtr

# By how much of itself the standard deviation is rounded up. That covers errors of delta of 1e-11.
_ROUNDED_UP = 1e-9

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(20)


def gaussian_delta(epsilon, z):
    """Return the smallest delta of Gaussian noise with standard deviation z and sensitivity 1."""
    a, b = 1 / (2 * z), epsilon * z
    if a - b > 5:  # much more noise than privacy: the second term is small beside the first
        return math.exp(log_ndtr(a - b)) - math.exp(epsilon + log_ndtr(-a - b))
    # With x, y = (b -+ a) / sqrt(2) it is exp(-x^2) / 2 times erfcx(x) - erfcx(y): what is left of
    # the difference, where the two are close, is the integral of the derivative in between.
    x, y = (b - a) / math.sqrt(2), (b + a) / math.sqrt(2)
    if y - x > 0.5:
        fall = erfcx(x) - erfcx(y)
    else:
        t = x + (y - x) * (_NODES + 1) / 2
        fall = a / math.sqrt(2) * float(_WEIGHTS @ _negative_slope(t))
    return 0.5 * math.exp(-x * x) * float(fall)


def _negative_slope(t):
    """Return minus the derivative of erfcx."""
    plain = 2 / math.sqrt(math.pi) - 2 * t * erfcx(t)
    # Its asymptotic series where that cancels; the first term left out is below 1e-12 of the sum.
    u = 1 / (2 * np.maximum(t, 30.0) ** 2)
    series = u * (1 - u * (3 - u * (15 - u * (105 - 945 * u)))) * 2 / math.sqrt(math.pi)
    return np.where(t > 30, series, plain)


@lru_cache(maxsize=1024)
def gaussian_z(epsilon, delta):
    """Return the standard deviation of Gaussian noise, in units of the sensitivity.

    Parameters
    ----------
    epsilon : float
        Above 0.
    delta : float
        In (0, 1).

    Returns
    -------
    float
        The smallest z with which the Gaussian mechanism is (epsilon, delta)-differentially private,
        rounded up by 1e-9 of itself.

    References
    ----------
    .. [1] B. Balle and Y.-X. Wang, "Improving the Gaussian Mechanism for Differential Privacy:
       Analytical Calibration and Optimal Denoising", ICML 2018.
    """
    low = high = 1.0
    while gaussian_delta(epsilon, high) > delta:
        high *= 2
    while gaussian_delta(epsilon, low) <= delta:
        low /= 2
    while high - low > 1e-12 * high:
        middle = 0.5 * (low + high)
        if gaussian_delta(epsilon, middle) > delta:
            low = middle
        else:
            high = middle
    return high * (1 + _ROUNDED_UP)
