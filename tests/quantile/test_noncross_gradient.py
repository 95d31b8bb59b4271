"""Gradients through the orderings: finite differences, known Jacobians, ties."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skweight.quantile import (
    noncross_isotonic,
    noncross_minmax,
    noncross_sort,
    noncross_vjp,
)

METHODS = {"sort": noncross_sort, "isotonic": noncross_isotonic, "minmax": noncross_minmax}
methods = pytest.mark.parametrize("method", METHODS)


def draw(n=12, m=7, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, m)), rng.normal(size=(n, m))


def jacobian(row, method, quantiles=None):
    """Return d ordered / d raw of one row, one output a row."""
    m = len(row)
    rows = np.tile(row, (m, 1))
    return noncross_vjp(rows, np.eye(m), method, quantiles=quantiles)


ONE_SIDED = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99]


@pytest.mark.parametrize(
    ("method", "levels"), [*((method, None) for method in METHODS), ("minmax", ONE_SIDED)]
)
def test_finite_differences(method, levels):
    forecast, gradient = draw()
    order = METHODS[method]
    options = {} if levels is None else {"quantiles": levels}
    result = noncross_vjp(forecast, gradient, method, quantiles=levels)
    step = 1e-6  # far below the gaps: the operators are linear there
    for k in range(forecast.shape[1]):
        move = np.zeros_like(forecast)
        move[:, k] = step
        ahead, behind = order(forecast + move, **options), order(forecast - move, **options)
        slope = ((ahead - behind) * gradient).sum(axis=1) / (2 * step)
        assert_allclose(result[:, k], slope, rtol=0, atol=1e-8)


def test_projection_averages_over_pooled_blocks():
    row = np.array([1.0, 5.0, 4.0, 3.0, 6.0, 8.0, 7.0])
    expected = np.zeros((7, 7))
    for block in ([0], [1, 2, 3], [4], [5, 6]):
        expected[np.ix_(block, block)] = 1 / len(block)
    assert_array_equal(jacobian(row, "isotonic"), expected)


def test_sorting_is_a_permutation_and_the_sweep_copies():
    row = np.array([3.0, 1.0, 2.0, 0.5, 9.0])
    assert_array_equal(jacobian(row, "sort") @ row, np.sort(row))
    swept = jacobian(row, "minmax")
    assert_array_equal(swept.sum(axis=1), np.ones(5))
    assert_array_equal(swept @ row, noncross_minmax(row[None])[0])
    # Anchor at 2: downward 1.0, then 1.0 again; upward 2.0, 9.0.
    assert_array_equal(np.argmax(swept, axis=1), [1, 1, 2, 2, 4])


@methods
def test_jacobians_reproduce_the_operator(method):
    # All three are piecewise linear with no constant: ordered = Jacobian times raw.
    for row in draw(30, 9, seed=1)[0]:
        ordered = METHODS[method](row[None])[0]
        assert_allclose(jacobian(row, method) @ row, ordered, rtol=0, atol=1e-14)


@methods
@pytest.mark.parametrize("row", [[1.0, 2.0, 3.0], [1.0, 1.0, 1.0], [0.0, 0.0, 1.0]])
def test_rows_in_order_pass_the_gradient_on(method, row):
    gradient = np.array([[0.1, 0.2, 0.7]])
    assert_array_equal(noncross_vjp([row], gradient, method), gradient)


def test_equal_values_within_a_pooled_block_are_one_block():
    assert_array_equal(jacobian(np.array([3.0, 2.0, 2.0, 1.0]), "isotonic"), np.full((4, 4), 0.25))


def test_blocks_that_single_precision_would_merge_stay_apart():
    a = np.float32(1) + np.array([0, 2, 1, 3], np.float32) * np.finfo(np.float32).eps
    row = np.array([1.0, a[1], a[2], a[1]], np.float32)
    blocks = jacobian(row, "isotonic")
    assert_array_equal(blocks[3], [0, 0, 0, 1])
    assert_array_equal(blocks[1], [0, 0.5, 0.5, 0])


@methods
def test_precision_sizes_and_inputs(method):
    forecast, gradient = draw()
    assert noncross_vjp(forecast, gradient.astype(np.float32), method).dtype == np.float32
    assert noncross_vjp(forecast[:0], gradient[:0], method).shape == (0, 7)
    assert_array_equal(noncross_vjp(forecast[:, :1], gradient[:, :1], method), gradient[:, :1])
    before = forecast.copy(), gradient.copy()
    forecast.setflags(write=False)
    gradient.setflags(write=False)
    result = noncross_vjp(forecast, gradient, method)
    assert_array_equal(forecast, before[0])
    assert_array_equal(gradient, before[1])
    result[...] = 0  # a new array
    assert_array_equal(gradient, before[1])


def test_bad_input():
    with pytest.raises(ValueError, match=r"gradient must have the shape of forecast, \(1, 2\)"):
        noncross_vjp([[1.0, 2.0]], [[1.0]])
    with pytest.raises(ValueError, match="method must be 'sort', 'isotonic' or 'minmax'"):
        noncross_vjp([[1.0, 2.0]], [[1.0, 2.0]], "pava")
    with pytest.raises(ValueError, match="forecast must be finite"):
        noncross_vjp([[1.0, np.inf]], [[1.0, 2.0]])
