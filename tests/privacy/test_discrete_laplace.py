"""Discrete Laplace noise: exact probabilities, forced ties and ends, and draws against the law."""

import copy
import decimal
import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import chi2

from skweight.privacy import _discrete_laplace as module
from skweight.privacy._discrete_laplace import (
    SATURATION,
    DiscreteLaplace,
    _exact,
    _Law,
    combine_words,
)
from skweight.privacy._discrete_laplace_kernel import combine_words as compiled
from skweight.privacy._keystream import SeededWords
from skweight.privacy._thresholds import Probability, reached

mpmath = pytest.importorskip("mpmath")

SCALES = [
    Fraction(1, 40),
    Fraction(1, 7),
    Fraction(1, 2),
    Fraction(1),
    Fraction(1000001, 1000000),
    Fraction(3, 2),
    Fraction(2),
    Fraction(9, 2),
    Fraction(200),
    Fraction(1234567, 11),
    Fraction(10**12, 7),
    Fraction(1 << 56),
]


class Words:
    """A source that gives the words it is told, and no more."""

    def __init__(self, words):
        self._words = list(words)

    def words(self, n, dtype):
        taken, self._words = self._words[:n], self._words[n:]
        assert len(taken) == n, "more words were drawn than a draw may take"
        return np.array(taken, dtype=dtype)

    def all_used(self):
        return not self._words


def seeded(seed=0):
    return SeededWords(np.random.RandomState(seed))


def exact_numbers(scale):
    """Return what a law's probabilities should be, from mpmath alone."""
    t = mpmath.mpf(scale.numerator) / scale.denominator
    n_lows = 0
    while scale > 2**n_lows:
        n_lows += 1
    if not n_lows:
        law = [1 - 2 * mpmath.exp(-(k + 1) / t) / (1 + mpmath.exp(-1 / t)) for k in range(16)]
        return [*law, mpmath.exp(-1 / t)]
    rest = [1 - mpmath.exp(-(k + 1) * 2**n_lows / t) for k in range(16)]
    lows = [1 / (1 + mpmath.exp(2**i / t)) for i in range(n_lows)]
    return [*rest, *lows, mpmath.tanh(1 / (2 * t)), mpmath.exp(-(2**n_lows) / t)]


# ------------------------------------------------------------------ exact probabilities


@pytest.mark.parametrize("scale", SCALES, ids=float)
def test_stored_thresholds_are_the_first_bits_of_the_probabilities(scale):
    law = _Law(scale)
    with mpmath.workdps(600):
        exact = exact_numbers(scale)
        assert len(exact) == law.n_words + 16
        stored = [*law.levels, *law.lows, *law.zeros]
        for i, number in enumerate(exact):
            if i < len(stored):
                assert int(stored[i]) == int(number * 2 ** (31 if i < 16 else 32))
            # And so are all further bits, as many as anybody may ask for.
            for bits in (31, 63, 160, 1000):
                assert law.probability(i).floor(bits) == int(number * 2**bits)


@pytest.mark.parametrize("scale", [s for s in SCALES if s < 5000], ids=float)
def test_probabilities_of_values_are_exact(scale):
    """Multiply the events of a draw out, for every value that the thresholds hold."""
    law = _Law(scale)
    bits = 400
    numbers = [Fraction(law.probability(i).floor(bits), 2**bits) for i in range(law.n_words + 15)]
    levels, events = numbers[:16], numbers[16:]
    rest = np.diff([Fraction(0), *levels])
    with mpmath.workdps(150):
        t = mpmath.mpf(scale.numerator) / scale.denominator
        centre = mpmath.tanh(1 / (2 * t))
        for value in range(min(16 << law.n_lows, 500)):
            if law.n_lows:
                lows, zero = events[:-1], events[-1]
                k, probability = value - 1, 1 - zero
                if value == 0:
                    probability = zero
                else:
                    probability *= rest[k >> law.n_lows] / 2
                    for i, low in enumerate(lows):
                        probability *= low if k >> i & 1 else 1 - low
            else:
                probability = rest[value] / (1 if value == 0 else 2)
            exact = centre * mpmath.exp(-value / t)
            ours = mpmath.mpf(probability.numerator) / probability.denominator
            assert abs(ours - exact) < mpmath.mpf(10) ** -100


def test_the_users_decimal_context_plays_no_part():
    expected = _Law(Fraction(77, 3))
    with decimal.localcontext() as context:
        context.prec = 2
        context.rounding = decimal.ROUND_UP
        context.Emax, context.Emin = 3, -3
        context.traps[decimal.Inexact] = context.traps[decimal.Underflow] = True
        again = _Law(Fraction(77, 3))
    for name in ("levels", "lows", "zeros"):
        np.testing.assert_array_equal(getattr(again, name), getattr(expected, name))


def test_floors_take_as_many_bits_as_they_need():
    # Within 2 ** -200 of a binary fraction, on either side, and of 0 and 1.
    for exact in (
        Fraction(1, 2) + Fraction(1, 2**200),
        Fraction(1, 2) - Fraction(1, 2**200),
        Fraction(1, 2**300),
        1 - Fraction(1, 2**300),
    ):
        for error in (-1, 0, 1):
            probability = Probability(lambda bits: int(exact * 2**bits) + error)  # noqa: B023
            for bits in (31, 32, 63):
                assert probability.floor(bits) == int(exact * 2**bits)


# ------------------------------------------------------------------ ties, ends, saturation


def test_a_tie_is_decided_by_further_bits():
    third = Probability(lambda bits: 2**bits // 3)
    floor = 2**32 // 3
    bits = 0x55555555  # the next bits of one third, again and again
    for words, answer in [
        ([0], False),
        ([2**32 - 1], True),
        ([bits - 1], False),
        ([bits + 1], True),
        ([bits, bits, bits - 1], False),
        ([bits, bits, bits, bits + 1], True),
    ]:
        source = Words(words)
        above, word, drawn = reached(third, floor, 32, source)
        assert above is answer
        assert source.all_used()
        assert drawn == 32 * (1 + len(words))
        assert word % 2**32 == words[-1]
    for word, answer in ((floor - 1, False), (floor + 1, True)):
        assert reached(third, word, 32, Words([]))[0] is answer


def low_and_high(law, i, bits=32):
    """Return words that continue a tie with probability i, below and above it."""
    more = law.probability(i).floor(bits + 32) % 2**32
    assert 0 < more < 2**32 - 1
    return [more - 1], [more + 1]


def plain_words(law):
    """Return words of a draw that decides: rest 0, low bits 0, not the value 0."""
    return [2 * 5, *[2**32 - 1] * (law.n_words - 1)]


@pytest.mark.parametrize("scale", [Fraction(1, 2), Fraction(200)], ids=float)
def test_ties_of_the_table_are_flagged_and_decided(scale):
    law = _Law(scale)
    for k in (0, 3, 15):
        words = plain_words(law)
        words[0] = 2 * int(law.levels[k])
        below, above = low_and_high(law, k, 31)
        for more, rest in ((below, k), (above, k + 1)):
            # A word just beyond the last threshold goes on; a largest one stops at once.
            source = [*more, *([2**32 - 1] if rest == 16 else [])]
            expected = (rest << law.n_lows) + law.n_zeros
            for draw in (draw_words, exact_words):
                assert draw(law, words, Words(source)) == expected
            negative = [words[0] + 1, *words[1:]]
            assert draw_words(law, negative, Words(source)) == -expected


def test_ties_of_low_bits_and_of_zero_are_flagged_and_decided():
    law = _Law(Fraction(200))
    for i in range(law.n_lows):
        words = plain_words(law)
        words[1 + i] = int(law.lows[i])
        below, above = low_and_high(law, 16 + i)
        assert draw_words(law, words, Words(below)) == 1 + (1 << i)
        assert draw_words(law, words, Words(above)) == 1
    words = plain_words(law)
    words[-1] = int(law.zeros[0])
    below, above = low_and_high(law, 16 + law.n_lows)
    assert draw_words(law, words, Words(below)) == 0
    assert draw_words(law, words, Words(above)) == 1


def exact_words(law, words, source):
    return _exact(law, words, source)


def draw_words(law, words, source):
    """Make a draw of words in both fast ways, which must flag it, and finish it."""
    columns = np.array(words, dtype=np.uint32).reshape(-1, 1)
    for combine in (combine_words, compiled):
        out = np.empty(1, dtype=np.int64)
        assert combine(law.levels, law.lows, law.zeros, columns, out)[0]
    value = _exact(law, words, source)
    assert source.all_used()
    return value


@pytest.mark.parametrize("scale", [Fraction(1), Fraction(200)], ids=float)
def test_beyond_the_end_of_the_table_steps_go_on(scale):
    law = _Law(scale)
    words = plain_words(law)
    words[0] = 2**32 - 2  # the largest word, positive
    for steps in (0, 1, 40):
        source = Words([*[0] * steps, 2**32 - 1])
        expected = ((16 + steps) << law.n_lows) + law.n_zeros
        assert draw_words(law, words, source) == expected


def test_noise_saturates_and_never_wraps():
    law = _Law(Fraction(1 << 56))
    for sign, word in ((1, 2**32 - 2), (-1, 2**32 - 1)):
        words = [word, *[0] * law.n_lows, 2**32 - 1]  # all low bits are 1
        largest = [0] * 100
        assert draw_words(law, words, Words([*largest, 2**32 - 1])) == sign * SATURATION
    words = [2 * (int(law.levels[-1]) - 1), *[0] * law.n_lows, 2**32 - 1]
    out = np.empty(1, dtype=np.int64)
    columns = np.array(words, dtype=np.uint32).reshape(-1, 1)
    for combine in (combine_words, compiled):
        assert not combine(law.levels, law.lows, law.zeros, columns, out)[0]
        assert (
            out[0] == 16 << 56
        )  # the largest draw that words decide: (15 << 56) + 2 ** 56 - 1 + 1


def test_tiny_scales_give_zero_and_end():
    for scale in (Fraction(1, 10**3), Fraction(1, 10**9), Fraction(1, 10**300)):
        noise = DiscreteLaplace(scale)
        assert not noise.draw(10_000, seeded()).any()
        assert noise.variance >= 0
        law = _Law(scale)
        assert _exact(law, [2**32 - 2], Words([2**32 - 1, 5])) == 0


# ------------------------------------------------------------------ ways to the same draws


@pytest.mark.parametrize("scale", SCALES, ids=float)
def test_all_ways_make_the_same_draws_of_the_same_words(scale):
    law = _Law(scale)
    words = seeded().words(law.n_words * 20_000, np.uint32).reshape(law.n_words, -1)
    words[0, :32] = [min(2 * int(level) + i, 2**32 - 1) for level in law.levels for i in (2, 3)]
    words[:, 32], words[:, 33] = 0, 2**32 - 1
    outs, doubts = [], []
    for combine in (combine_words, compiled):
        out = np.empty(20_000, dtype=np.int64)
        doubts.append(np.asarray(combine(law.levels, law.lows, law.zeros, words, out)) != 0)
        outs.append(out)
    np.testing.assert_array_equal(doubts[0], doubts[1])
    sure = np.flatnonzero(~doubts[0])
    assert len(sure) > 19_900
    np.testing.assert_array_equal(outs[0][sure], outs[1][sure])
    for i in [*sure[:300], *sure[-300:]]:
        column = [int(word) for word in words[:, i]]
        assert outs[0][i] == _exact(law, column, Words([]))


@pytest.mark.parametrize("scale", [Fraction(1, 2), Fraction(200)], ids=float)
def test_small_and_large_draws_agree(scale, monkeypatch):
    draws = []
    for many in (0, 1 << 60):
        monkeypatch.setattr(module, "_MANY", many)
        draws.append(DiscreteLaplace(scale).draw(100_000, seeded(5)))
    np.testing.assert_array_equal(draws[0], draws[1])


def test_a_draw_has_its_shape_and_type():
    noise = DiscreteLaplace(Fraction(10))
    for n in (0, 1, 8191, 8192, 8193):
        drawn = noise.draw(n, seeded())
        assert drawn.shape == (n,)
        assert drawn.dtype == np.int64
    assert pickle.loads(pickle.dumps(noise)).scale == copy.deepcopy(noise).scale == 10


@pytest.mark.parametrize("scale", [0, -1, Fraction(-1, 2), (1 << 56) + 1])
def test_scales_out_of_range_have_their_sentence(scale):
    with pytest.raises(ValueError, match=r"scale must be above 0 and at most 2 \*\* 56"):
        DiscreteLaplace(scale)


# ------------------------------------------------------------------ draws against the law


def chi_square(draws, scale, n_bins=80):
    """Return the statistic and its degrees, with bins of values, and of all that is beyond."""
    width = max(1, round(float(scale) / 8))
    top = width * n_bins // 2
    edges = np.arange(-top, top + width, width) - 0.5
    t = float(scale)
    r = math.exp(-1 / t)

    def below(x):  # P(X < x) for x between integers
        k = np.floor(x)
        tail = np.exp(-np.abs(np.where(k < 0, k, k + 1)) / t) / (1 + r)
        return np.where(k < 0, tail, 1 - tail)

    expected = np.diff(np.concatenate([[0], below(edges), [1]])) * len(draws)
    inside = np.concatenate([[-np.inf], edges, [np.inf]])
    observed = np.histogram(draws.astype(float), bins=inside)[0]
    keep = expected > 5
    expected = np.append(expected[keep], expected[~keep].sum())
    observed = np.append(observed[keep], observed[~keep].sum())
    some = expected > 0
    statistic = ((observed - expected)[some] ** 2 / expected[some]).sum()
    return statistic, some.sum() - 1


def p_value(draws, scale):
    statistic, degrees = chi_square(draws, scale)
    return chi2.sf(statistic, degrees)


DRAWN = [
    Fraction(1, 7),
    Fraction(1, 2),
    Fraction(1),
    Fraction(11, 10),
    Fraction(5, 2),
    Fraction(23),
    Fraction(200),
    Fraction(70_001, 2),
    Fraction(10**9),
]


@pytest.mark.parametrize("scale", DRAWN, ids=float)
def test_draws_follow_the_law(scale):
    n = 400_000
    draws = DiscreteLaplace(scale).draw(n, seeded(1))
    assert p_value(draws, scale) > 1e-4
    # Six standard errors of mean and variance; the fourth moment is at most 6 variances squared
    # for large scales, and that of rare values for small ones.
    noise = DiscreteLaplace(scale)
    std = math.sqrt(noise.variance)
    fourth = np.mean(draws.astype(float) ** 4) / noise.variance**2
    assert abs(draws.mean()) < 6 * std / math.sqrt(n)
    assert abs(draws.var() / noise.variance - 1) < 6 * math.sqrt(fourth / n)


@pytest.mark.parametrize("scale", DRAWN[1:], ids=float)
def test_noise_that_is_wrong_is_found_out(scale):
    draws = DiscreteLaplace(scale / 2).draw(400_000, seeded(1))
    assert p_value(draws, scale) < 1e-12
    barely = DiscreteLaplace(scale * Fraction(97, 100)).draw(400_000, seeded(1))
    assert p_value(barely, scale) < 1e-4


def test_the_bits_of_a_draw_are_independent():
    # Neighbouring draws, and sign and magnitude, share no words.
    draws = DiscreteLaplace(Fraction(40)).draw(400_000, seeded(2))
    for a, b in ((draws[:-1], draws[1:]), (np.abs(draws), np.sign(draws))):
        assert abs(np.corrcoef(a, b)[0, 1]) < 6 / math.sqrt(400_000)


def test_opendp_draws_the_same_law():
    dp = pytest.importorskip("opendp.prelude")
    dp.enable_features("contrib")
    for scale in (1.5, 30.0):
        space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l1_distance(T="i64")
        theirs = np.array(dp.m.make_laplace(*space, scale=scale)([0] * 20_000))
        ours = DiscreteLaplace(Fraction(scale)).draw(20_000, seeded(3))
        edges = np.unique(np.quantile(ours, np.linspace(0, 1, 30))) + 0.5
        edges = np.concatenate([[-np.inf], edges[:-1], [np.inf]])
        a, b = (np.histogram(draws.astype(float), edges)[0] for draws in (ours, theirs))
        some = a + b > 0
        statistic = ((a - b)[some] ** 2 / (a + b)[some]).sum()
        assert chi2.sf(statistic, some.sum() - 1) > 1e-6
        assert p_value(theirs, scale) > 1e-6
