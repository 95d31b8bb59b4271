"""Rounded Gaussian noise: exact where words leave a doubt, and no more delta than promised."""

import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
from scipy.special import erfc, log_ndtr
from scipy.stats import chi2, kstwo, norm

from skweight.privacy._calibration import gaussian_z
from skweight.privacy._discrete_laplace import SATURATION
from skweight.privacy._keystream import SeededWords
from skweight.privacy._normal_quantile import LEAST, TRUST, upper_quantile
from skweight.privacy._rounded_gaussian import RoundedGaussian, two_sided_tail

mpmath = pytest.importorskip("mpmath")


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


# ------------------------------------------------------------------ the quantile and the tail


def test_the_quantile_is_well_within_its_bound():
    rng = np.random.RandomState(0)
    tail = np.concatenate(
        [
            rng.uniform(0, 0.5, 3000),
            0.5 - 10 ** rng.uniform(-16, -1, 2000),
            10 ** rng.uniform(math.log10(LEAST), math.log10(0.5), 3000),
            [0.5, 0.5 - 2**-54, 0.25, LEAST, 2 * LEAST, math.nextafter(LEAST, 1)],
            # Where one formula ends and the other begins.
            [0.075, math.nextafter(0.075, 0), math.nextafter(0.075, 1)],
            0.075 + rng.uniform(-1e-6, 1e-6, 500),
        ]
    )
    quantile = upper_quantile(tail)
    assert quantile.min() == 0.0
    worst = 0
    with mpmath.workdps(50):
        for p, x in zip(tail.tolist(), quantile.tolist()):
            # One step of Newton's method is the error, to its own square.
            excess = mpmath.erfc(x / mpmath.sqrt(2)) / 2 - mpmath.mpf(p)
            error = excess * mpmath.sqrt(2 * mpmath.pi) * mpmath.exp(mpmath.mpf(x) ** 2 / 2)
            worst = max(worst, float(abs(error) / (1 + x)))
    assert worst < TRUST / 10


def test_the_quantile_of_a_number_depends_on_no_other():
    tail = np.random.RandomState(1).uniform(LEAST, 0.5, 1003)
    together = upper_quantile(tail)
    for start in (1, 2, 3, 5):
        np.testing.assert_allclose(upper_quantile(tail[start:]), together[start:], rtol=TRUST / 10)


@pytest.mark.parametrize("bits", [31, 63, 200, 1000])
def test_tail_bits(bits):
    limits = [Fraction(1, 10**9), Fraction(1, 2), Fraction(1), Fraction(31, 10), Fraction(95, 10)]
    with mpmath.workdps(400):
        for limit in [*limits, Fraction(40), Fraction(10**6)]:
            # An integral, which has nothing in common with series of erfc.
            x = mpmath.mpf(limit.numerator) / limit.denominator
            exact = mpmath.erfc(x / mpmath.sqrt(2))
            assert abs(two_sided_tail(limit, bits) - exact * 2**bits) < 2
    with mpmath.workdps(30):
        by_integral = mpmath.quad(lambda t: mpmath.exp(-t * t / 2), [2, 4, 8, 16])
        by_integral *= mpmath.sqrt(2 / mpmath.pi)
    assert two_sided_tail(Fraction(2), 60) == pytest.approx(float(by_integral) * 2**60, rel=1e-15)


# ------------------------------------------------------------------ doubts


def interval(k, sigma):
    """Return P(|round(N)| > k) and P(|round(N)| > k - 1)."""
    with mpmath.workdps(60):
        root = mpmath.mpf(sigma) * mpmath.sqrt(2)
        above = mpmath.erfc((mpmath.mpf(k) + 0.5) / root)
        return above, mpmath.erfc((mpmath.mpf(k) - 0.5) / root) if k else mpmath.mpf(1)


@pytest.mark.parametrize("sigma", [0.05, 0.3, 1.0, 7.3, 1e3, 1e6, 1e9, 3e12, 2.0**44])
def test_bounds_hold_the_magnitude_that_the_words_mean(sigma):
    rng = np.random.RandomState(0)
    bits = np.concatenate(
        [
            np.frombuffer(rng.bytes(8 * 150), np.uint64) >> np.uint64(1),
            (2.0 ** rng.uniform(0, 63, 100)).astype(np.uint64),
            np.array([0, 1, 2, 3, 2**62, 2**63 - 1], dtype=np.uint64),
        ]
    )
    value, least, most = RoundedGaussian(sigma)._magnitudes(bits)
    assert (least <= value).all()
    with mpmath.workdps(60):
        for i, word in enumerate(bits.tolist()):
            low, high = mpmath.mpf(word) / 2**63, mpmath.mpf(word + 1) / 2**63
            # All numbers of these first bits have magnitudes from `least` to `most`.
            assert high <= interval(int(least[i]), sigma)[1]
            if most[i] != SATURATION:
                assert low >= interval(int(most[i]), sigma)[0]


@pytest.mark.parametrize("sigma", [0.3, 7.3, 1e3, 1e9, 2.0**44])
def test_draws_in_doubt_are_finished_exactly(sigma):
    noise = RoundedGaussian(sigma)
    rng = np.random.RandomState(1)
    for _ in range(40):
        word = int(rng.randint(2**31)) << 32 | int(rng.randint(2**31))
        middle = int(sigma * norm.isf(word / 2**64))
        reach = 3 + int(sigma * 1e-9)
        source = Words([int(more) for more in rng.randint(2**31, size=20)])
        k = noise._exact(max(0, middle - reach), middle + reach, word, source)
        above, below = interval(k, sigma)
        assert above <= mpmath.mpf(word + 1) / 2**63
        assert mpmath.mpf(word) / 2**63 < below


@pytest.mark.parametrize(("sigma", "k"), [(0.3, 0), (0.3, 1), (7.3, 0), (7.3, 12), (1e6, 777)])
def test_a_tie_is_decided_by_further_bits(sigma, k):
    noise = RoundedGaussian(sigma)
    threshold = noise._larger(k)
    word, more = threshold.floor(63), threshold.floor(95) % 2**32
    assert 0 < more < 2**32 - 1
    for sign in (0, 1):
        for further, magnitude in (([more - 1], k + 1), ([more + 1], k)):
            source = Words([2 * word + sign, *further])
            assert noise.draw(1, source)[0] == (-1) ** sign * magnitude
            assert source.all_used()
    # A second tie takes a third word.
    further = threshold.floor(127) % 2**32
    source = Words([2 * word, more, further + 1])
    assert noise.draw(1, source)[0] == k
    assert source.all_used()


@pytest.mark.parametrize("sigma", [0.05, 1.0, 1e3, 1e9])
def test_no_draw_is_truncated(sigma):
    # 63 bits of 0 are followed by others: the deeper they go, the larger the noise.
    noise = RoundedGaussian(sigma)
    for n_zeros in (0, 1, 3):
        further = [0] * n_zeros + [2**31]
        source = Words([0, *further, *[1] * 5])
        k = int(noise.draw(1, source)[0])
        above, below = interval(k, sigma)
        probability = mpmath.mpf(2) ** -(63 + 32 * n_zeros + 1)
        assert above <= probability * (1 + 1e-8)
        assert probability < below
    # 0.05 reaches 1 at ten standard deviations, which 63 bits cannot tell from 0.
    assert noise.draw(1, Words([0, 0, 1, *[1] * 8]))[0] > 8 * sigma - 0.5


def test_the_search_without_an_upper_end_ends():
    for sigma in (1.0, 2.0**44):
        k = RoundedGaussian(sigma)._exact(5, SATURATION, 0, Words([0] * 64 + [1] * 9))
        assert 53.9 * sigma < k < 55 * sigma
        above, below = interval(k, sigma)
        first_one = 63 + 64 * 32 + 32
        assert above < mpmath.mpf(2) ** (1 - first_one)
        assert mpmath.mpf(2) ** -first_one < below


@pytest.mark.parametrize("sigma", [0, -1.0, 2.0**44 * 1.01, math.inf, math.nan])
def test_sigma_out_of_range_has_its_sentence(sigma):
    with pytest.raises(ValueError, match=r"sigma must be above 0 and at most 2 \*\* 44"):
        RoundedGaussian(sigma)


# ------------------------------------------------------------------ draws against the law


def p_value(draws, sigma):
    width = max(1, round(sigma / 6))
    edges = np.arange(-40 * width, 41 * width, width) - 0.5
    expected = np.diff(np.concatenate([[0], norm.cdf(edges / sigma), [1]])) * len(draws)
    observed = np.histogram(draws.astype(float), np.concatenate([[-np.inf], edges, [np.inf]]))[0]
    keep = expected > 5
    expected = np.append(expected[keep], expected[~keep].sum())
    observed = np.append(observed[keep], observed[~keep].sum())
    some = expected > 0
    statistic = ((observed - expected)[some] ** 2 / expected[some]).sum()
    return chi2.sf(statistic, some.sum() - 1)


@pytest.mark.parametrize("sigma", [0.2, 0.3, 1.0, 4.2247, 31.7, 1e3, 1e6, 1e9])
def test_draws_follow_the_law(sigma):
    n = 300_000
    noise = RoundedGaussian(sigma)
    draws = noise.draw(n, seeded(1))
    assert draws.dtype == np.int64
    assert p_value(draws, sigma) > 1e-4
    fourth = np.mean(draws.astype(float) ** 4) / noise.variance**2
    assert abs(draws.mean()) < 6 * math.sqrt(noise.variance / n)
    assert abs(draws.var() / noise.variance - 1) < 6 * math.sqrt(fourth / n)
    if sigma > 100:
        distance = np.abs(np.sort(norm.cdf(draws / sigma)) - (np.arange(n) + 0.5) / n).max()
        assert kstwo.sf(distance, n) > 1e-4


@pytest.mark.parametrize("sigma", [0.3, 1.0, 31.7, 1e6])
def test_noise_that_is_wrong_is_found_out(sigma):
    assert p_value(RoundedGaussian(sigma / 2).draw(300_000, seeded(1)), sigma) < 1e-12
    assert p_value(RoundedGaussian(sigma * 0.98).draw(300_000, seeded(1)), sigma) < 1e-4


def test_variance_is_that_of_the_rounded_noise():
    k = np.arange(1, 2000)
    for sigma in (0.1, 0.3, 0.7, 1.99, 2.01, 31.7):
        mass = erfc((k - 0.5) / sigma / math.sqrt(2)) - erfc((k + 0.5) / sigma / math.sqrt(2))
        assert RoundedGaussian(sigma).variance == pytest.approx((k**2 * mass).sum(), rel=1e-12)
    assert RoundedGaussian(5.0).variance == pytest.approx(25 + 1 / 12, rel=1e-15)


def test_a_draw_has_its_shape_and_can_be_pickled():
    noise = RoundedGaussian(3.0)
    for n in (0, 1, 8193):
        assert noise.draw(n, seeded()).shape == (n,)
    again = pickle.loads(pickle.dumps(noise))
    np.testing.assert_array_equal(again.draw(99, seeded()), noise.draw(99, seeded()))


# ------------------------------------------------------------------ the guarantee


def rounded_pmf(sigma, reach):
    x = np.arange(-reach, reach + 1)
    upper = np.where(x > 0, -(x - 0.5), x + 0.5) / sigma  # from the side that does not cancel
    lower = np.where(x > 0, -(x + 0.5), x - 0.5) / sigma
    return np.exp(log_ndtr(upper)) - np.exp(log_ndtr(lower))


def discrete_pmf(sigma, reach):
    mass = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return mass / mass.sum()


def delta_of_counts(epsilon, sigmas, pmf):
    """Return the exact delta of counts of which each moves by one."""
    joint, moved = np.ones(1), np.ones(1)
    for sigma in sigmas:
        mass = pmf(sigma, math.ceil(14 * sigma) + 2)
        joint = np.multiply.outer(joint, np.append(mass, 0.0)).ravel()
        moved = np.multiply.outer(moved, np.append(0.0, mass)).ravel()
    return np.maximum(joint - math.exp(epsilon) * moved, 0).sum()


SPLITS = [[1.0], [0.5, 0.5], [0.2, 0.8], [0.2, 0.3, 0.5]]  # of 1 / z ** 2 among counts


@pytest.mark.parametrize("shares", SPLITS, ids=str)
@pytest.mark.parametrize("epsilon", [1.0, 3.0, 8.0])
def test_counts_with_rounded_noise_keep_epsilon_and_delta(epsilon, shares):
    delta = 1e-6
    sigmas = [gaussian_z(epsilon, delta) / math.sqrt(share) for share in shares]
    assert delta_of_counts(epsilon, sigmas, rounded_pmf) <= delta
    # Rounding gains by itself where sigma is below 1, but not as much as that.
    less = [0.7 * sigma for sigma in sigmas]
    assert delta_of_counts(epsilon, less, rounded_pmf) > delta


@pytest.mark.parametrize(("epsilon", "excess"), [(1.0, 1.02), (3.0, 1.38), (8.0, 3.0)])
def test_the_discrete_gaussian_would_not_keep_them(epsilon, excess):
    # Which is why it is not in use with this calibration.
    exact = delta_of_counts(epsilon, [gaussian_z(epsilon, 1e-6)], discrete_pmf)
    assert exact == pytest.approx(excess * 1e-6, rel=0.01)


def test_the_composed_loss_distribution_of_a_tree_keeps_them():
    losses = pytest.importorskip("dp_accounting.pld.privacy_loss_distribution")
    levels = np.arange(1, 7)
    for epsilon in (1.0, 3.0, 8.0):
        shares = 2.0 ** (-levels / 2) / (2.0 ** (-levels / 2)).sum()
        composed = None
        for share in shares:
            sigma = gaussian_z(epsilon, 1e-6) / math.sqrt(share)
            mass = np.log(rounded_pmf(sigma, math.ceil(9 * sigma)))
            x = range(-(len(mass) // 2), len(mass) // 2 + 1)
            one = losses.from_two_probability_mass_functions(
                dict(zip(x, mass)),
                dict(zip((k + 1 for k in x), mass)),
                pessimistic_estimate=False,
                value_discretization_interval=1e-4,
            )
            composed = one if composed is None else composed.compose(one)
        # The estimate is from below, and by how much is the grid's business.
        assert 0.5e-6 < composed.get_delta_for_epsilon(epsilon) <= 1e-6
