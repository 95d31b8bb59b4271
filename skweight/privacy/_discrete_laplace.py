"""Exact discrete Laplace noise in bulk: P(x) proportional to exp(-|x| / scale) over the integers.

A magnitude above 0 is one more than a geometric number. The low bits of a geometric number are
independent of each other and of the rest, which is geometric again. So each low bit is an event of
its own, and the rest, whose scale is at most 1, is compared with each of the few thresholds of its
distribution function: every draw does the same work on the same memory, whatever comes out.

No draw is rounded or truncated. Where the bits of a word do not decide, or the thresholds end,
which happens once in millions of draws, `_exact` finishes the draw from thresholds of any length.
"""

from fractions import Fraction
from functools import lru_cache

import numpy as np

from skweight.privacy._thresholds import Probability, as_decimal, decimals, reached

# The rest's distribution function has so many thresholds; it goes on beyond exp(-16).
_LEVELS = 16
# Scales up to it need integers of 64 bits.
_LARGEST = 1 << 56
# Noise saturates here. Sums that saturate at 2 ** 62, of at most 2 ** 61, cannot tell: `_noise`.
SATURATION = (1 << 62) + (1 << 61) - 1
# Draws made at a time.
_CHUNK = 8192
# From so many draws on, numba is worth its loading.
_MANY = 1 << 17


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
        if not 0 < scale <= _LARGEST:
            raise ValueError(f"scale must be above 0 and at most 2 ** 56, got {float(scale):g}.")
        self.scale = Fraction(scale)
        # Below 1 / 700 the variance is no floating point number above 0.
        half = 0.5 / max(float(self.scale), 1 / 700)
        self.variance = float(0.5 / np.sinh(half) ** 2)

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
        if n < _MANY:
            combine = combine_words
        else:
            from skweight.privacy._discrete_laplace_kernel import combine_words as combine
        law = _law(self.scale)
        out = np.empty(n, dtype=np.int64)
        for start in range(0, n, _CHUNK):
            part = out[start : start + _CHUNK]
            words = source.words(law.n_words * len(part), np.uint32).reshape(law.n_words, -1)
            doubt = combine(law.levels, law.lows, law.zeros, words, part)
            for i in np.flatnonzero(doubt):
                part[i] = _exact(law, [int(word) for word in words[:, i]], source)
        return out


def combine_words(levels, lows, zeros, words, out):
    """Make draws of words, and say which of them the words do not decide.

    Parameters
    ----------
    levels : ndarray of uint32 of shape (n_levels,)
        First 31 bits of P(rest <= k), increasing.
    lows : ndarray of uint32 of shape (n_lows,)
        First 32 bits of the probabilities that the low bits are 1.
    zeros : ndarray of uint32 of shape (0,) or (1,)
        First 32 bits of the probability of 0; none where the rest is the magnitude itself.
    words : ndarray of uint32 of shape (1 + n_lows + n_zeros, n)
        Random words.
    out : ndarray of int64 of shape (n,)
        Where the draws go.

    Returns
    -------
    ndarray of bool of shape (n,)
        Where a draw is in doubt.
    """
    n_lows = len(lows)
    word = words[0] >> np.uint32(1)
    rest = np.zeros(len(out), dtype=np.uint8)
    doubt = word > levels[-1]
    for level in levels:
        rest += word > level
        doubt |= word == level
    out[:] = rest
    out <<= n_lows
    for i in range(n_lows):
        out |= (words[1 + i] < lows[i]).astype(np.int64) << i
        doubt |= words[1 + i] == lows[i]
    for zero in zeros:
        out += 1
        out *= words[-1] >= zero
        doubt |= words[-1] == zero
    negative = (words[0] & np.uint32(1)).astype(np.int64)
    out *= 1 - 2 * negative
    return doubt


def _exact(law, words, source):
    """Make one draw of its words and of as many more as it takes."""
    word, bits, rest = words[0] >> 1, 31, 0
    while rest < _LEVELS:
        above, word, bits = reached(law.probability(rest), word, bits, source)
        if not above:
            break
        rest += 1
    else:
        # A geometric number has no memory: each further step has the same probability.
        while _event(law.probability(-1), int(source.words(1, np.uint32)[0]), source):
            rest += 1
    magnitude = rest << law.n_lows
    for i in range(law.n_lows):
        magnitude |= _event(law.probability(_LEVELS + i), words[1 + i], source) << i
    if law.n_zeros:
        magnitude += 1
        if _event(law.probability(_LEVELS + law.n_lows), words[-1], source):
            magnitude = 0
    magnitude = min(magnitude, SATURATION)
    return -magnitude if words[0] & 1 else magnitude


def _event(probability, word, source):
    """Tell whether an event of a probability happens, with its first word."""
    return not reached(probability, word, 32, source)[0]


class _Law:
    """The thresholds of one scale. They are public."""

    def __init__(self, scale):
        self.n_lows = max(0, (-(-scale.numerator // scale.denominator) - 1).bit_length())
        self.n_zeros = int(self.n_lows > 0)
        self.n_words = 1 + self.n_lows + self.n_zeros
        self._scale = scale
        self._known = {}
        first = [self.probability(i).floor(31) for i in range(_LEVELS)]
        other = [self.probability(_LEVELS + i).floor(32) for i in range(self.n_words - 1)]
        self.levels = np.array(first, dtype=np.uint32)
        self.lows = np.array(other[: self.n_lows], dtype=np.uint32)
        self.zeros = np.array(other[self.n_lows :], dtype=np.uint32)

    def probability(self, i):
        """Return the i-th of: P(rest <= k), P(a low bit is 1), P(0), P(a step more)."""
        return Probability(lambda bits: self._approximate(bits)[i])

    def _approximate(self, bits):
        if bits not in self._known:
            with decimals(bits):
                self._known[bits] = [int(number * (1 << bits)) for number in self._numbers()]
        return self._known[bits]

    def _numbers(self):
        """Return the probabilities in decimals, each from a few operations on one exponential."""
        step = (-as_decimal(2**self.n_lows / self._scale)).exp()
        ratio, lows = step, []
        for _ in range(self.n_lows):
            ratio = ratio.sqrt()  # exp(-2 ** i / scale), i falling to 0
            lows.insert(0, ratio / (1 + ratio))
        tail = 1 if self.n_lows else 2 / (1 + ratio)
        levels = []
        for _ in range(_LEVELS):
            tail *= step
            levels.append(1 - tail)
        zeros = [(1 - ratio) / (1 + ratio)] * self.n_zeros
        return [*levels, *lows, *zeros, step]


_law = lru_cache(maxsize=4096)(_Law)
