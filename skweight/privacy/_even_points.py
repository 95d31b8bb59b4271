"""Random points that fill the cube more evenly than independent ones."""

import warnings

import numpy as np
from scipy.stats import qmc

_BITS = 30
_MOST = 21_201  # dimensions that the sequence is known for


def even_points(n, n_dimensions, rng):
    """Draw points of which each is uniform in the cube, and all together are spread evenly.

    They are Sobol's sequence, scrambled by random binary matrices and shifts, so that whatever is
    averaged over them is unbiased, and less random the smoother it is.

    Parameters
    ----------
    n : int
        Number of points.
    n_dimensions : int
        Number of dimensions; beyond 21201, points are independent.
    rng : RandomState
        Random numbers.

    Returns
    -------
    ndarray of shape (n, n_dimensions)
        Points in the open cube from 0 to 1.

    References
    ----------
    .. [1] J. Matousek, "On the L2-Discrepancy for Anchored Boxes", Journal of Complexity 14, 1998.
    """
    if n_dimensions > _MOST:
        return (rng.randint(0, 1 << _BITS, size=(n, n_dimensions)) + 0.5) * 2.0**-_BITS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # where n is no power of 2
        points = qmc.Sobol(n_dimensions, scramble=False, bits=_BITS).random(n)
    points = np.rint(points * 2.0**_BITS).astype(np.uint32)
    # Each bit stays, is added to a random choice of the bits after it, and to a random bit.
    words = rng.randint(0, 1 << _BITS, size=(_BITS, n_dimensions), dtype=np.uint32)
    out = np.empty_like(points)
    out[...] = rng.randint(0, 1 << _BITS, size=n_dimensions, dtype=np.uint32)
    for i in range(_BITS):
        own = np.uint32(1 << i)
        out ^= (points >> np.uint32(i) & np.uint32(1)) * (words[i] & (own - np.uint32(1)) | own)
    return (out + 0.5) * 2.0**-_BITS
