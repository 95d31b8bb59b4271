"""Exact discrete Laplace noise in bulk: P(x) proportional to exp(-|x| / scale) over the integers.

A magnitude above 0 is one more than a geometric number. The low bits of a geometric number are
independent of each other and of the rest, which is geometric again: so each low bit is a Bernoulli
draw, and the rest, whose scale is small, is looked up in a table of its distribution function.
Thresholds are exact to any length (`_thresholds`), and beyond the end of the table the geometric
law starts anew: no draw is truncated or approximated. Each draw takes the same work, except for
ties and ends of tables that occur once in millions.
"""

from decimal import Decimal

import numpy as np

from skweight.privacy._search import count_below
from skweight.privacy._thresholds import Probability, bernoulli, beyond, floors

# A scale above this is halved, one low bit at a time, before the table is made.
_TABLE_SCALE = 32
# The table ends where the tail is exp(-_TABLE_ENDS), about one draw in ten million.
_TABLE_ENDS = 16


class DiscreteLaplace:
    """Discrete Laplace noise of one scale.

    Parameters
    ----------
    scale : fractions.Fraction
        The scale, above 0. With integer sensitivity D, ``scale >= D / epsilon`` is epsilon-DP.

    Attributes
    ----------
    scale : fractions.Fraction
        The scale.
    variance : float
        Variance of a draw, ``1 / (2 sinh(1 / (2 scale)) ** 2)``.
    """

    def __init__(self, scale):
        if not scale > 0:
            raise ValueError(f"scale must be above 0, got {scale}.")
        self.scale = scale
        self.variance = float(1 / (2 * np.sinh(min(1 / (2 * float(scale)), 350.0)) ** 2))
        self.n_low_bits = 0
        while scale > _TABLE_SCALE * 2**self.n_low_bits:
            self.n_low_bits += 1
        top = scale / 2**self.n_low_bits
        size = max(8, int(_TABLE_ENDS * top) + 1)
        if self.n_low_bits:
            levels = [_geometric(top, k) for k in range(size)]
        else:
            levels = [_magnitude(scale, k) for k in range(size)]
        self._levels = levels
        self._table = floors(levels, 63, np.uint64)
        self._low = [_low_bit(scale, i) for i in range(self.n_low_bits)]
        self._low_floors = floors(self._low, 32, np.uint32)
        self._zero = _zero(scale)
        self._zero_floor = np.uint32(self._zero.floor(32))
        self._again = _geometric(top, 0)

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
            The noise; it saturates beyond 2 ** 62, which no scale in use ever reaches.
        """
        words = source.words(n, np.uint64)
        sign = 1 - 2 * (words & np.uint64(1)).astype(np.int64)
        value = self._look_up(words >> np.uint64(1), source)
        if self.n_low_bits:
            for i, (low, floor) in enumerate(zip(self._low, self._low_floors)):
                value |= bernoulli(low, floor, n, source).astype(np.int64) << i
            value += 1
            value[bernoulli(self._zero, self._zero_floor, n, source)] = 0
        return sign * value

    def _look_up(self, words, source):
        """Return the table's entries of 63-bit words, moved up by the low bits."""
        value = count_below(self._table, words)
        last = len(self._table) - 1
        ties = self._table[np.minimum(value, last)] == words
        for i in np.flatnonzero(ties | (value > last)):
            value[i] = self._resolve(int(value[i]), int(words[i]), source)
        return value << self.n_low_bits

    def _resolve(self, k, word, source):
        """Finish a draw whose first bits do not decide, or that the table does not hold."""
        bits = 63
        while k < len(self._levels):
            reached, word, bits = beyond(self._levels[k], word, bits, source)
            if not reached:
                return k
            k += 1
        # No memory: beyond the end, one more step each time with the same probability.
        floor = self._again.floor(32)
        while not bernoulli(self._again, floor, 1, source)[0]:
            k += 1
            if k << self.n_low_bits >= 1 << 61:
                break
        return k


def _decimal(fraction):
    return Decimal(fraction.numerator) / Decimal(fraction.denominator)


def _ratio(scale):
    """Return exp(-1 / scale)."""
    return (-1 / _decimal(scale)).exp()


def _magnitude(scale, k):
    """P(|X| <= k)."""

    def compute():
        r = _ratio(scale)
        return 1 - 2 * r ** (k + 1) / (1 + r)

    return Probability(compute)


def _geometric(scale, k):
    """P(G <= k) for a geometric number with ratio exp(-1 / scale)."""
    return Probability(lambda: 1 - (-(k + 1) / _decimal(scale)).exp())


def _low_bit(scale, i):
    """P(bit i of a geometric number is 1)."""
    return Probability(lambda: 1 / (1 + (2**i / _decimal(scale)).exp()))


def _zero(scale):
    """P(X = 0)."""

    def compute():
        r = _ratio(scale)
        return (1 - r) / (1 + r)

    return Probability(compute)
