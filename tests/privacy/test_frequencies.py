"""Frequencies: each of the right law, all together evenly spread, the same on every machine."""

import numpy as np
import pytest
from scipy.stats import kstest, norm

from skweight.privacy._even_points import even_points
from skweight.privacy._frequencies import (
    digest_of,
    draw_frequencies,
    exponential_sum,
    fixed_exponents,
    shortened_numbers,
)
from skweight.privacy._hadamard import HadamardFrequencies
from skweight.privacy._kernels import DISTANCES, exact_sums

EUCLIDEAN = [kernel for kernel in DISTANCES if DISTANCES[kernel] == "euclidean"]
RATIONAL = [kernel for kernel in DISTANCES if kernel.startswith("rational")]
u = np.array([0.3, -0.5, 0.2])


def formula(kernel, u, h):
    """The kernels again, written out."""
    one, two = np.abs(u).sum() / h, np.sqrt((u**2).sum()) / h
    return {
        "gaussian": np.exp(-(two**2) / 2),
        "exponential": np.exp(-two),
        "laplacian": np.exp(-one),
        "rational_sqeuclidean": 1 / (1 + two**2),
        "rational_euclidean": 1 / (1 + two),
        "rational_manhattan": 1 / (1 + one),
    }[kernel]


def dense(frequencies):
    """Frequencies as a matrix: what the products of unit vectors are."""
    from skweight.privacy import _feature_steps

    out = np.empty((frequencies.n_features, frequencies.width))
    frequencies.in_type(np.float64)(_feature_steps, np.eye(frequencies.n_features), out)
    return out[:, : len(frequencies.factors)]


def estimate(frequencies, u):
    return frequencies.factors @ np.cos(2 * np.pi * (u @ dense(frequencies)))


@pytest.mark.parametrize("kernel", DISTANCES)
def test_exact_sums_are_the_formulas(kernel):
    X = np.array([[0.0, 0.0, 0.0], [0.1, 0.2, 0.3]])
    expected = formula(kernel, u, 0.7) + 3 * formula(kernel, u - X[1], 0.7)
    got = exact_sums(kernel, 0.7, X, u[None], np.array([1.0, 3.0]))
    np.testing.assert_allclose(got, expected, rtol=1e-13)


def averages(draw, kernel, **keywords):
    values = [estimate(draw(kernel, 0.7, 3, 16, seed, **keywords), u) for seed in range(2000)]
    return np.mean(values), np.std(values) / np.sqrt(2000)


@pytest.mark.parametrize("kernel", DISTANCES)
def test_estimates_are_unbiased_over_seeds(kernel):
    mean, error = averages(draw_frequencies, kernel, rational_terms="random")
    assert abs(mean - formula(kernel, u, 0.7)) < 4 * error
    assert error < 0.02


@pytest.mark.parametrize("kernel", EUCLIDEAN)
def test_structured_estimates_are_unbiased_over_seeds(kernel):
    mean, error = averages(HadamardFrequencies, kernel, rational_terms="random")
    assert abs(mean - formula(kernel, u, 0.7)) < 4 * error
    assert error < 0.02


def test_structured_estimates_are_unbiased_along_an_axis():
    # Here products of signs and Hadamard matrices alone are off by 0.035.
    axis = np.zeros(8)
    axis[0] = 1.2
    values = [
        estimate(HadamardFrequencies("gaussian", 1.0, 8, 8, s, rational_terms="random"), axis)
        for s in range(4000)
    ]
    error = np.std(values) / np.sqrt(4000)
    assert error < 0.005
    assert abs(np.mean(values) - np.exp(-0.72)) < 4 * error


@pytest.mark.parametrize("kernel", RATIONAL)
def test_fixed_terms_are_unbiased_but_for_the_error_of_the_sum(kernel):
    mean, error = averages(draw_frequencies, kernel, rational_terms=8)
    assert abs(mean - formula(kernel, u, 0.7)) < 4 * error + exponential_sum(8)[2]


@pytest.mark.parametrize(
    ("n_terms", "bound"), [(6, 0.0044), (10, 7.1e-4), (16, 6e-5), (30, 1.1e-6)]
)
def test_the_sum_of_exponentials_is_as_close_as_it_says(n_terms, bound):
    exponents, weights, error = exponential_sum(n_terms)
    t = np.concatenate([[0], np.geomspace(1e-6, 1e12, 20_000)])
    wrong = np.abs(np.exp(-np.outer(t, exponents)) @ weights - 1 / (1 + t)).max()
    assert len(exponents) == n_terms
    assert wrong <= error * 1.05
    assert error <= bound


@pytest.mark.parametrize(("n_terms", "n"), [(6, 6), (6, 7), (10, 100), (16, 4096), (40, 41)])
def test_terms_divide_the_frequencies_by_their_weights(n_terms, n):
    exponents, factors = fixed_exponents(n_terms, n)
    known, weights, _ = exponential_sum(n_terms)
    assert len(exponents) == len(factors) == n
    for exponent, weight in zip(known, weights):
        np.testing.assert_allclose(factors[exponents == exponent].sum(), weight)
    # Noise is least where the share is the weight: with that, the sum of squares is (sum w)^2 / n.
    if n > 20 * n_terms:
        assert (factors**2).sum() < 1.1 * weights.sum() ** 2 / n


def test_even_points_are_uniform_each_and_even_together():
    first = np.array([even_points(4, 3, np.random.RandomState(s))[1] for s in range(2000)])
    for column in first.T:
        assert kstest(column, "uniform").pvalue > 1e-4
    points = even_points(256, 20, np.random.RandomState(0))
    assert points.min() > 0
    assert points.max() < 1
    # One in each 256th of every axis.
    assert (np.sort((points * 256).astype(int), axis=0) == np.arange(256)[:, None]).all()


def test_even_points_are_independent_over_seeds():
    points = np.array([even_points(2, 2, np.random.RandomState(s)).ravel() for s in range(2000)])
    correlation = np.corrcoef(points.T)
    # Two axes, and two seeds; two points of one sequence share halves of an axis and not more.
    assert abs(correlation[0, 1]) < 0.1
    assert abs(np.corrcoef(points[:-1, 0], points[1:, 0])[0, 1]) < 0.1


def test_beyond_the_known_dimensions_points_are_independent():
    points = even_points(2, 21_202, np.random.RandomState(0))
    assert points.shape == (2, 21_202)
    assert kstest(points.ravel(), "uniform").pvalue > 1e-4


def test_even_frequencies_are_less_random():
    error = {}
    for name in ("even", "independent"):
        wrong = []
        for seed in range(100):
            if name == "even":
                turns = draw_frequencies(
                    "gaussian", 1.0, 2, 256, seed, rational_terms="random"
                ).turns
            else:
                turns = np.random.RandomState(seed).normal(size=(2, 256)) / (2 * np.pi)
            wrong.append(np.cos(2 * np.pi * (u[:2] @ turns)).mean() - np.exp(-(u[:2] @ u[:2]) / 2))
        error[name] = np.sqrt(np.mean(np.square(wrong)))
    assert error["even"] < 0.1 * error["independent"]


@pytest.mark.parametrize("n_features", [1, 2, 3, 8])
def test_structured_frequencies_are_what_the_matrices_say(n_features):
    drawn = HadamardFrequencies("gaussian", 0.5, n_features, 20, 3, rational_terms="random")
    size, blocks = drawn.signs.shape
    assert size == 2 ** int(np.ceil(np.log2(n_features)))
    from scipy.linalg import hadamard

    H = hadamard(size)
    expected = np.empty((size, size, blocks))
    for b in range(blocks):
        G = np.diag(drawn.scales[:, b])
        matrix = H @ G @ H[drawn.order] @ np.diag(drawn.signs[:, b])
        # Rows have one length: directions are made apart from lengths.
        np.testing.assert_allclose((matrix**2).sum(axis=1), 1, rtol=1e-6)
        expected[:, :, b] = np.diag(drawn.lengths[:, b]) @ matrix
    expected = expected.transpose(1, 0, 2).reshape(size, -1)[:n_features, :20]
    np.testing.assert_allclose(dense(drawn), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("draw", [draw_frequencies, HadamardFrequencies])
def test_each_frequency_is_normal(draw):
    values = np.concatenate(
        [
            dense(draw("gaussian", 0.5, 5, 24, seed, rational_terms="random"))[:, 7]
            for seed in range(1000)
        ]
    )
    assert kstest(values * (2 * np.pi) * 0.5, norm.cdf).pvalue > 1e-4


def test_numbers_have_24_bits():
    values = np.array([np.pi, -1 / 3, 1e-300, -1e300, 0.0])
    short = shortened_numbers(values)
    np.testing.assert_array_equal(short[:2].astype(np.float32), short[:2])
    np.testing.assert_allclose(short[:3], values[:3], rtol=2.0**-24)
    assert np.isfinite(short * 1e150).all()
    # What differs in the last bits becomes the same.
    np.testing.assert_array_equal(shortened_numbers(np.nextafter(values, 9))[:4], short[:4])


def test_a_digest_tells_bits_apart():
    a = draw_frequencies("gaussian", 1.0, 3, 8, 0, rational_terms="random")
    b = draw_frequencies("gaussian", 1.0, 3, 8, 0, rational_terms="random")
    c = draw_frequencies("gaussian", 1.0, 3, 8, 1, rational_terms="random")
    assert a.digest == b.digest != c.digest
    b.turns[0, 0] = np.nextafter(b.turns[0, 0], 9)
    assert a.digest != b.digest
    assert digest_of(np.zeros(2)) != digest_of(np.zeros((2, 1)))


def test_structured_frequencies_need_a_euclidean_kernel():
    with pytest.raises(ValueError, match="for Euclidean kernels, not 'laplacian'"):
        HadamardFrequencies("laplacian", 1.0, 3, 8, 0, rational_terms="random")
