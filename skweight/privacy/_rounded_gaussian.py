"""Gaussian noise rounded to integers, exactly, in bulk.

On integers f, ``f + round(N(0, sigma^2))`` is the rounded output of the continuous Gaussian
mechanism, so it has that mechanism's guarantee in any dimension. The rounded normal is drawn by
inverting its distribution function in floating point, with a bound on all that is not known: bits
that were not drawn, and errors of the arithmetic. Where the bound leaves a choice of integers,
exact arithmetic and further bits decide. So the distribution is exact.
"""

from fractions import Fraction

import numpy as np

from skweight._core._optional import import_optional
from skweight.privacy._discrete_laplace import SATURATION
from skweight.privacy._normal_quantile import LEAST, TRUST, upper_quantile
from skweight.privacy._thresholds import Probability, reached

# Beyond it, nearly every draw would be left to the exact arithmetic.
_LARGEST = 2.0**44
# Draws made at a time.
_CHUNK = 8192


class RoundedGaussian:
    """Rounded Gaussian noise of one standard deviation.

    Parameters
    ----------
    sigma : float
        Standard deviation before rounding, above 0 and at most 2 ** 44.

    Attributes
    ----------
    sigma : float
        The standard deviation.
    variance : float
        Variance of a draw, ``sigma ** 2 + 1 / 12`` unless sigma is small.
    """

    kind = "gaussian"

    def __init__(self, sigma):
        if not 0 < sigma <= _LARGEST:
            raise ValueError(f"sigma must be above 0 and at most 2 ** 44, got {sigma}.")
        self.sigma = float(sigma)
        self.variance = _variance(self.sigma)

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
        out = np.empty(n, dtype=np.int64)
        for start in range(0, n, _CHUNK):
            part = out[start : start + _CHUNK]
            words = source.words(len(part), np.uint64)
            bits = words >> np.uint64(1)  # 63 bits of the probability of larger magnitudes
            value, least, most = self._magnitudes(bits)
            for i in np.flatnonzero(least < most):
                value[i] = self._exact(int(least[i]), int(most[i]), int(bits[i]), source)
            negative = (words & np.uint64(1)).astype(np.int64)
            np.multiply(value, 1 - 2 * negative, out=part)
        return out

    def _magnitudes(self, bits):
        """Return magnitudes, and the least and the largest that 63 bits leave possible."""
        # The probability lies in [bits, bits + 1] / 2 ** 63, half of it above and half below.
        tail = (bits.astype(float) + 0.5) * 2.0**-64
        size = upper_quantile(np.maximum(tail, LEAST))
        # Half an interval over the density, which is at least tail / 1.26 everywhere in it, as the
        # tail is a million intervals or more. TRUST also covers the roundings here: those of
        # bits, of the product and, where sigma is large enough to reach 1, of the sum with 0.5.
        unknown = 2.0**-64 / tail + TRUST * (1 + size)
        middle, reach = self.sigma * size + 0.5, self.sigma * unknown
        least = np.maximum(np.floor(middle - reach), 0).astype(np.int64)
        most = np.floor(middle + reach).astype(np.int64)
        # One in 3e10 is beyond the range of the quantile: then any larger one is possible.
        most = np.where(tail <= LEAST * (1 + TRUST), SATURATION, most)
        return np.floor(middle).astype(np.int64), least, most

    def _exact(self, least, most, word, source):
        """Return the magnitude in [least, most] that a uniform number of 63 first bits means."""
        bits = 63
        step = 1 + int(self.sigma)
        while least < most:
            # From below while there is no end above, then by halves.
            middle = least + step if most == SATURATION else (least + most) // 2
            middle = min(middle, most - 1)
            above, word, bits = reached(self._larger(middle), word, bits, source)
            if above:
                most = middle
            else:
                least = middle + 1
                step *= 2
        return least

    def _larger(self, k):
        """P(a larger magnitude than k)."""
        limit = Fraction(2 * k + 1, 2) / Fraction(self.sigma)
        return Probability(lambda bits: two_sided_tail(limit, bits))


def two_sided_tail(limit, bits):
    """Return P(|N(0, 1)| > limit) times 2 ** bits as an integer, to within 2.

    Parameters
    ----------
    limit : fractions.Fraction
        A number above 0.
    bits : int
        Number of bits after the point.
    """
    # These functions are given the precision; the ones of mpmath.mp share one among all threads.
    libmp = import_optional("mpmath.libmp", "private Gaussian noise")
    precision = bits + 80
    half_square = limit * limit / 2
    square = libmp.from_rational(half_square.numerator, half_square.denominator, precision)
    value = libmp.mpf_erfc(libmp.mpf_sqrt(square, precision), precision)
    return int(libmp.to_fixed(value, bits))


def _variance(sigma):
    """Return the variance of a rounded normal variable."""
    if sigma > 2:  # what is left out is below 1e-31
        return sigma**2 + 1 / 12
    from scipy.special import erfc

    k = np.arange(64)
    return float(((2 * k + 1) * erfc((k + 0.5) / (sigma * np.sqrt(2)))).sum())
