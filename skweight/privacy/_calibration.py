"""How much Gaussian noise (epsilon, delta)-differential privacy takes: the analytic mechanism."""

import math

from scipy.special import log_ndtr


def gaussian_delta(epsilon, z):
    """Return the smallest delta of Gaussian noise with standard deviation z and sensitivity 1."""
    a, b = 1 / (2 * z), epsilon * z
    first = float(log_ndtr(a - b))
    # The difference of two terms that may be close, without cancellation of their logarithms.
    second = epsilon + float(log_ndtr(-a - b))
    return math.exp(first) * -math.expm1(second - first) if second < first else 0.0


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
    return high * (1 + 1e-9)
