"""Where releases get their noise: sources, small releases, and sums that never wrap."""

import math
import warnings
from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import chi2

from skweight.privacy import PrivacyLeakWarning, _noise
from skweight.privacy._discrete_laplace import SATURATION, DiscreteLaplace
from skweight.privacy._keystream import SecureWords, SeededWords
from skweight.privacy._noise import (
    LaplaceNoise,
    RoundedGaussian,
    add_noise,
    noise_source,
    rounded_up,
)


def test_unseeded_noise_is_secret_and_seeded_noise_says_that_it_is_not():
    pytest.importorskip("cryptography")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        source, secret = noise_source(None)
    assert isinstance(source, SecureWords)
    assert secret is True
    for seed in (0, np.random.RandomState(0)):
        with pytest.warns(PrivacyLeakWarning, match="random_state seeds the noise"):
            source, secret = noise_source(seed)
        assert isinstance(source, SeededWords)
        assert secret is False


def test_global_seeds_do_not_touch_secret_noise():
    pytest.importorskip("cryptography")
    draws = []
    for _ in range(2):
        np.random.seed(0)  # noqa: NPY002
        draws.append(DiscreteLaplace(1000).draw(20, noise_source(None)[0]).tolist())
    assert draws[0] != draws[1]


def test_small_releases_are_opendps_and_large_ones_ours(monkeypatch):
    pytest.importorskip("opendp")
    calls = []
    theirs = _noise._opendp_laplace
    monkeypatch.setattr(
        _noise, "_opendp_laplace", lambda scale, n: calls.append(n) or theirs(scale, n)
    )
    noise = LaplaceNoise(Fraction(7, 3))
    for n in (0, 1, 1000, 1001):
        drawn = noise.draw(n, SecureWords())
        assert drawn.shape == (n,)
        assert drawn.dtype == np.int64
    noise.draw(5, SeededWords(np.random.RandomState(0)))
    assert calls == [1, 1000]


@pytest.mark.parametrize("scale", [Fraction(1, 3), Fraction(7, 3), Fraction(40)], ids=float)
def test_small_releases_follow_the_law(scale):
    pytest.importorskip("opendp")
    noise = LaplaceNoise(scale)
    draws = np.concatenate([noise.draw(1000, SecureWords()) for _ in range(20)])
    r = math.exp(-1 / float(scale))
    edges = np.unique(np.round(np.linspace(-4, 4, 24) * float(scale)))
    below = np.where(edges < 0, r ** (-edges) / (1 + r), 1 - r ** (edges + 1) / (1 + r))
    expected = np.diff(np.concatenate([[0], below, [1]])) * len(draws)
    observed = np.histogram(draws, np.concatenate([[-np.inf], edges + 0.5, [np.inf]]))[0]
    statistic = ((observed - expected) ** 2 / expected).sum()
    assert chi2.sf(statistic, len(edges)) > 1e-9  # not seeded: once in a billion runs


def test_opendp_gets_a_scale_that_is_not_below_ours(monkeypatch):
    opendp = pytest.importorskip("opendp.prelude")
    given = []

    def make_laplace(*space, scale):
        given.append(scale)
        return lambda zeros: zeros

    monkeypatch.setattr(opendp.m, "make_laplace", make_laplace)
    scales = [Fraction(1, 3), Fraction(2, 3), Fraction(10, 7), Fraction(5), Fraction(0.1)]
    for scale in scales:
        LaplaceNoise(scale).draw(1, SecureWords())
        assert scale <= Fraction(given[-1]) <= scale * (1 + Fraction(1, 2**52))
    assert given[-2:] == [5.0, 0.1]


class Fixed:
    """A mechanism that draws what it is told."""

    def __init__(self, *values):
        self._values = values

    def draw(self, n, source):
        assert n == len(self._values)
        return np.array(self._values, dtype=np.int64)


def test_noisy_sums_are_those_of_unbounded_integers():
    largest = (1 << 61) - 1
    noises = [0, 5, -5, 1 << 61, -(1 << 61), 1 << 62, SATURATION, -SATURATION]
    for total in (0, 17, -17, largest, -largest):
        sums = np.full((2, 4), total, dtype=np.int64)
        noisy = add_noise(sums, Fixed(*noises), None)
        assert noisy.shape == (2, 4)
        assert noisy.dtype == np.int64
        # Saturated noise stands for anything beyond it.
        beyond = [n * 2**20 if abs(n) == SATURATION else n for n in noises]
        expected = [max(-(1 << 62), min(1 << 62, total + n)) for n in beyond]
        assert noisy.ravel().tolist() == expected
        assert (sums == total).all()


def test_sums_that_are_too_large_saturate_before_the_noise():
    ends = np.array([np.iinfo(np.int64).max, np.iinfo(np.int64).min])
    assert add_noise(ends, Fixed(3, 3), None).tolist() == [(1 << 61) + 2, 4 - (1 << 61)]


@pytest.mark.parametrize("make", [lambda: LaplaceNoise(Fraction(3)), lambda: RoundedGaussian(3.0)])
def test_mechanisms_are_alike(make):
    mechanism = make()
    assert mechanism.kind in ("laplace", "gaussian")
    sums = np.zeros((300, 20), dtype=np.int64)
    noisy = add_noise(sums, mechanism, SeededWords(np.random.RandomState(0)))
    assert noisy.std() == pytest.approx(math.sqrt(mechanism.variance), rel=0.1)
    assert add_noise(np.int64(0), mechanism, SeededWords(np.random.RandomState(0))).shape == ()


@pytest.mark.parametrize("value", [0.1, 1.0, 3, Fraction(1, 3), 1e-9, 1e300, Fraction(10**30, 7)])
def test_scales_are_rounded_up_and_hardly(value):
    rounded = rounded_up(value)
    assert Fraction(value) <= rounded <= Fraction(value) * (1 + Fraction(1, 2**38))
    assert rounded.numerator.bit_length() - 1 <= 40 or rounded.denominator == 1
    assert rounded_up(2 * Fraction(value)) == 2 * rounded
    assert rounded_up(1.5) == Fraction(3, 2)
