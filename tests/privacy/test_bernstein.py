"""Bernstein polynomials: operators against their definition, integers against their bounds."""

import math

import numpy as np
import pytest

from skweight.privacy import _bernstein
from skweight.privacy._bernstein import (
    BernsteinSketch,
    lattice_size,
    lattice_values,
    limited,
    point_weights,
)
from skweight.privacy._kernels import DISTANCES, exact_sums


def box(d):
    return np.array([np.zeros(d), np.ones(d)])


def clusters(n, d, seed=0):
    rng = np.random.default_rng(seed)
    centres = rng.uniform(0.2, 0.8, size=(5, d))
    return np.clip(centres[rng.integers(0, 5, n)] + 0.1 * rng.normal(size=(n, d)), 0, 1)


def test_weights_are_the_polynomials():
    y = np.linspace(0, 1, 9)
    for k in (1, 2, 5, 40):
        basis = np.array([math.comb(k, i) * y**i * (1 - y) ** (k - i) for i in range(k + 1)]).T
        np.testing.assert_allclose(point_weights(k, 1, y), basis, atol=1e-12)
        np.testing.assert_allclose(point_weights(k, 7, y).sum(axis=1), 1, atol=1e-10)


def test_iterating_is_what_it_says():
    # The polynomial of order h is sum over i of binomial(h, i) (-1)^(i - 1) B^i f.
    k, y = 6, np.linspace(0, 1, 9)
    points = np.arange(k + 1) / k
    B = point_weights(k, 1, points)
    for order in (1, 2, 5):
        expected = sum(
            math.comb(order, i) * (-1) ** (i - 1) * np.linalg.matrix_power(B, i - 1)
            for i in range(1, order + 1)
        )
        np.testing.assert_allclose(
            point_weights(k, order, y), point_weights(k, 1, y) @ expected, atol=1e-9
        )


def test_high_orders_interpolate():
    k = 6
    points = np.arange(k + 1) / k
    values = np.exp(points)
    once, often = (point_weights(k, order, points) @ values for order in (1, 4096))
    assert np.abs(often - values).max() < 1e-6 < 1e-2 < np.abs(once - values).max()


@pytest.mark.parametrize("kernel", DISTANCES)
@pytest.mark.parametrize("d", [1, 2, 3])
def test_lattice_values_are_the_kernel(kernel, d):
    X = np.random.default_rng(0).uniform(size=(40, d))
    axis = np.arange(5) / 4
    points = np.stack(np.meshgrid(*[axis] * d, indexing="ij"), axis=-1).reshape(-1, d)
    rates = np.array([2.0, 3.0, 0.5])[:d]
    got = lattice_values(kernel, rates, 4, X)
    expected = np.array([exact_sums(kernel, 1.0, p[None] * rates, X * rates) for p in points]).T
    assert got.shape == expected.shape
    assert np.abs(got - expected * 2**20).max() < 1.001
    assert (got <= expected * 2**20 * (1 + 1e-9) + 1e-6).all()  # rounded down


def test_the_exponential_is_one():
    t = np.concatenate([np.random.default_rng(0).uniform(0, 700, 10**5), [0.0, 1e-300, 700.0]])
    np.testing.assert_allclose(_bernstein._exponential(t), np.exp(-t), rtol=1e-11)
    assert _bernstein._exponential(np.array([1e308]))[0] < 1e-300


def test_integers_of_a_row_are_its_own():
    X = np.random.default_rng(0).normal(0.5, 1, size=(97, 2))
    for kernel in DISTANCES:
        sketch = BernsteinSketch(kernel, 0.3, box(2), "float64", 5, 3)
        whole = sketch.sums(X)
        assert whole.shape == (6, 6)
        np.testing.assert_array_equal(whole, sum(sketch.sums(X[i : i + 1]) for i in range(97)))
        np.testing.assert_array_equal(whole, sketch.sums(np.asfortranarray(X)[::-1]))
        weight = np.arange(97)
        np.testing.assert_array_equal(
            sketch.sums(X, weight), sum(sketch.sums(X[i : i + 1]) * i for i in range(97))
        )


@pytest.mark.parametrize("kernel", DISTANCES)
@pytest.mark.parametrize(("d", "degree"), [(1, 1), (1, 7), (1, 64), (2, 8), (3, 4)])
@pytest.mark.parametrize("bandwidth", [0.02, 0.3, 10.0])
def test_no_row_has_to_be_limited(kernel, d, degree, bandwidth):
    sketch = BernsteinSketch(kernel, bandwidth, box(d), "float64", degree, 1)
    rng = np.random.default_rng(0)
    X = np.vstack([rng.uniform(size=(400, d)), rng.integers(0, degree + 1, size=(99, d)) / degree])
    values = lattice_values(kernel, sketch._rates, degree, X)
    assert values.sum(axis=1).max() <= sketch.absolute
    assert (values**2).sum(axis=1).max() <= sketch.squared


def test_rows_above_a_bound_are_limited():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 2**20, size=(200, 50))
    values[0] = 0
    for absolute, squared in ((10**7, 10**30), (10**18, 10**12), (10**6, 10**11), (1, 1)):
        got = limited(values, absolute, squared)
        assert got.sum(axis=1).max() <= absolute
        assert (got**2).sum(axis=1).max() <= squared
        assert (got <= values).all()
        assert (got >= 0).all()
    np.testing.assert_array_equal(limited(values, 10**12, 2**60), values)


@pytest.mark.parametrize(("kernel", "d"), [("gaussian", 1), ("gaussian", 3), ("laplacian", 2)])
def test_answers_are_kernel_sums(kernel, d):
    X, Y = clusters(500, d), clusters(40, d, seed=1)
    exact = exact_sums(kernel, 0.5, X, Y)
    errors = []
    for degree, order in ((4, 1), (8, 8), (12, 64)):
        sketch = BernsteinSketch(kernel, 0.5, box(d), "float64", degree, order)
        errors.append(np.abs(sketch.kernel_sums(Y, sketch.sums(X)) - exact).max() / 500)
    assert errors[2] < errors[1] < errors[0]
    assert errors[2] < (1e-3 if kernel == "gaussian" else 0.02)


def test_ranges_may_differ():
    bounds = np.array([[0.0, -50.0], [1.0, 150.0]])
    X = bounds[0] + clusters(300, 2) * (bounds[1] - bounds[0])
    sketch = BernsteinSketch("gaussian", 60.0, bounds, "float64", 8, 16)
    exact = exact_sums("gaussian", 60.0, X, X[:20])
    np.testing.assert_allclose(sketch.kernel_sums(X[:20], sketch.sums(X)), exact, rtol=0.01)


def test_gains_are_the_squares_of_what_points_count():
    sketch = BernsteinSketch("gaussian", 0.5, box(2), "float64", 3, 5)
    Y = clusters(6, 2)
    unit = np.eye(16, dtype=np.int64).reshape(16, 4, 4)
    counts = np.array([sketch.kernel_sums(Y, values) for values in unit])
    np.testing.assert_allclose((counts**2).sum(axis=0), sketch.gains(Y), rtol=1e-9)


def test_the_degree_follows_rows_and_noise():
    few = lattice_size("gaussian", (5.0, 5.0), 100, ("laplace", 14.0))
    many = lattice_size("gaussian", (5.0, 5.0), 10**7, ("laplace", 0.14))
    assert few[0] < many[0]
    assert lattice_size("gaussian", (5.0, 5.0), 100, ("laplace", 1.0), degree=9)[0] == 9
    assert (many[0] + 1) ** 2 <= 1 << 13
