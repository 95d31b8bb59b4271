"""The normal quantile, the same work for every number: no branch, no table.

The rational functions are those of algorithm AS 241, PPND16 (M. J. Wichura, Applied Statistics 37,
1988). Both of them are computed for every number, and one is taken.
"""

import numpy as np

# The second of AS 241's three ranges ends at exp(-LEAST_LOG): below it, numbers are not read here.
_LEAST_ROOT = 5.0
LEAST = float(np.exp(-(_LEAST_ROOT**2)))
# The error is below TRUST * (1 + quantile). Sixteen roundings of terms that are all positive, above
# and below the bar, and two functions of the library are off by less than a third of that together,
# and the largest error that was seen by a thirtieth.
TRUST = 2e-14

_CENTRE = (
    (
        2.5090809287301226727e3,
        3.3430575583588128105e4,
        6.7265770927008700853e4,
        4.5921953931549871457e4,
        1.3731693765509461125e4,
        1.9715909503065514427e3,
        1.3314166789178437745e2,
        3.3871328727963666080e0,
    ),
    (
        5.2264952788528545610e3,
        2.8729085735721942674e4,
        3.9307895800092710610e4,
        2.1213794301586595867e4,
        5.3941960214247511077e3,
        6.8718700749205790830e2,
        4.2313330701600911252e1,
        1.0,
    ),
)
_TAIL = (
    (
        7.74545014278341407640e-4,
        2.27238449892691845833e-2,
        2.41780725177450611770e-1,
        1.27045825245236838258e0,
        3.64784832476320460504e0,
        5.76949722146069140550e0,
        4.63033784615654529590e0,
        1.42343711074968357734e0,
    ),
    (
        1.05075007164441684324e-9,
        5.47593808499534494600e-4,
        1.51986665636164571966e-2,
        1.48103976427480074590e-1,
        6.89767334985100004550e-1,
        1.67638483018380384940e0,
        2.05319162663775882187e0,
        1.0,
    ),
)


def upper_quantile(tail):
    """Return the numbers that a standard normal variable exceeds with given probabilities.

    Parameters
    ----------
    tail : ndarray of shape (n,)
        Probabilities in [LEAST, 0.5]. Smaller ones give numbers that mean nothing.

    Returns
    -------
    ndarray of shape (n,)
        The quantiles, at least 0.
    """
    from_half = 0.5 - tail
    centre = from_half * _ratio(_CENTRE, 0.180625 - from_half * from_half)
    root = np.sqrt(-np.log(tail))
    far = _ratio(_TAIL, root - 1.6)
    return np.where(from_half <= 0.425, centre, far)


def _ratio(coefficients, x):
    above, below = (_polynomial(part, x) for part in coefficients)
    above /= below
    return above


def _polynomial(coefficients, x):
    value = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        value *= x
        value += coefficient
    return value
