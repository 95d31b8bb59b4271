"""Gaussian noise rounded to integers, exactly, in bulk.

On integers f, ``f + round(N(0, sigma^2))`` is the rounded output of the continuous Gaussian
mechanism, so it has that mechanism's guarantee in any dimension. The rounded normal is drawn by
inverting its distribution function in floating point; where a word's bits or the arithmetic leave a
doubt about which integer it is, exact arithmetic and further bits decide.
"""

from decimal import Decimal
from fractions import Fraction

import numpy as np
from scipy.special import ndtri

from skweight._core._optional import import_optional
from skweight.privacy._thresholds import Probability, beyond

# Error allowed to the floating point inverse, relative to the result; it is below 1e-14.
_TRUST = 1e-12


class RoundedGaussian:
    """Rounded Gaussian noise of one standard deviation.

    Parameters
    ----------
    sigma : float
        Standard deviation before rounding, above 0.

    Attributes
    ----------
    sigma : float
        The standard deviation.
    variance : float
        Variance of a draw, ``sigma ** 2 + 1 / 12``.
    """

    kind = "gaussian"

    def __init__(self, sigma):
        if not (0 < sigma < 2.0**58):
            raise ValueError(f"sigma must be above 0 and below 2 ** 58, got {sigma}.")
        self.sigma = float(sigma)
        self.variance = self.sigma**2 + 1 / 12

    def draw(self, n, source):
        """Draw noise.

        Parameters
        ----------
        n : int
            Number of draws.
        source : SecureWords or SeededWords
            Random words.

        Returns
        -------
        ndarray of int64 of shape (n,)
            The noise.
        """
        words = source.words(n, np.uint64)
        sign = 1 - 2 * (words & np.uint64(1)).astype(np.int64)
        words = words >> np.uint64(1)  # 63 bits of P(a larger magnitude)
        tail = (words.astype(float) + 0.5) * 2.0**-64
        size = -ndtri(tail)
        with np.errstate(over="ignore"):
            doubt = 2.0**-64 * np.sqrt(2 * np.pi) * np.exp(0.5 * size**2)
        doubt = self.sigma * (_TRUST * (1 + size) + doubt)
        size = self.sigma * size
        value = np.floor(size + 0.5)
        unsure = np.abs(size + 0.5 - np.round(size + 0.5)) <= doubt
        value = value.astype(np.int64)
        for i in np.flatnonzero(unsure):
            least = max(0, int(np.floor(size[i] - doubt[i] + 0.5)))
            value[i] = self._resolve(least, int(words[i]), source)
        return sign * value

    def _resolve(self, k, word, source):
        """Return the magnitude, at least k, whose probability interval a word lies in."""
        bits = 63
        while True:
            reached, word, bits = beyond(self._tail(k), word, bits, source)
            if reached:
                return k
            k += 1

    def _tail(self, k):
        """P(|round(N)| > k)."""
        return Probability(lambda: _tail(Fraction(2 * k + 1, 2) / Fraction(self.sigma)))


def _tail(t):
    """Return P(|N(0, 1)| > t) as a Decimal, to the precision of the decimal context."""
    from decimal import getcontext

    mpmath = import_optional("mpmath", "private Gaussian noise")
    digits = getcontext().prec
    with mpmath.workdps(digits + 15):
        ratio = mpmath.mpf(t.numerator) / mpmath.mpf(t.denominator)
        value = mpmath.erfc(ratio / mpmath.sqrt(2))
        return Decimal(mpmath.nstr(value, digits + 5, strip_zeros=False))
