"""The penalty on crossings and its margins: brute force, finite differences, scaling."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skweight.quantile import crossing_margins, crossing_penalty, noncross_sort

LEVELS = np.array([0.1, 0.25, 0.5, 0.75, 0.9])


def draw(n=9, m=5, seed=0):
    return np.random.default_rng(seed).normal(size=(n, m))


def margins(m, seed=1):
    return np.random.default_rng(seed).uniform(0, 0.5, size=(m, m))


def brute_force(forecast, margin, weight=None):
    n, m = forecast.shape
    weight = np.ones(n) if weight is None else weight
    total = 0.0
    for i in range(n):
        for a in range(m):
            for b in range(a + 1, m):
                total += weight[i] * max(forecast[i, a] - forecast[i, b] + margin[a, b], 0)
    return total / (weight.sum() * m * (m - 1) / 2)


def test_value_is_the_mean_over_all_pairs():
    forecast, margin = draw(), margins(5)
    weight = np.arange(9.0)
    assert_allclose(crossing_penalty(forecast, margin)[0], brute_force(forecast, margin))
    value, _ = crossing_penalty(forecast, margin, sample_weight=weight)
    assert_allclose(value, brute_force(forecast, margin, weight))
    assert_allclose(crossing_penalty(forecast, 0.2)[0], brute_force(forecast, np.full((5, 5), 0.2)))


@pytest.mark.parametrize("weight", [None, np.arange(9.0)])
def test_gradient_is_that_of_finite_differences(weight):
    forecast, margin, step = draw(), margins(5), 1e-6
    _, gradient = crossing_penalty(forecast, margin, sample_weight=weight)
    for i, k in np.ndindex(forecast.shape):
        move = np.zeros_like(forecast)
        move[i, k] = step
        ahead, _ = crossing_penalty(forecast + move, margin, sample_weight=weight)
        behind, _ = crossing_penalty(forecast - move, margin, sample_weight=weight)
        assert_allclose(gradient[i, k], (ahead - behind) / (2 * step), rtol=0, atol=1e-8)


def test_rows_in_order_cost_nothing_unless_nearer_than_the_margin():
    forecast = noncross_sort(draw())
    value, gradient = crossing_penalty(forecast)
    assert value == 0
    assert not gradient.any()
    gap = np.diff(forecast, axis=1).min()
    assert crossing_penalty(forecast, 0.99 * gap)[0] == 0
    assert crossing_penalty(forecast, 1.01 * gap)[0] > 0


def test_only_margins_above_the_diagonal_count():
    forecast, margin = draw(), margins(5)
    assert (
        crossing_penalty(forecast, margin)[0] == crossing_penalty(forecast, np.triu(margin, 1))[0]
    )


def test_blocks_of_rows_change_nothing():
    forecast = draw(70_000, 3)  # several blocks
    value, gradient = crossing_penalty(forecast, 0.1)
    parts = [crossing_penalty(forecast[i : i + 10_000], 0.1) for i in range(0, 70_000, 10_000)]
    assert_allclose(value, np.mean([v for v, _ in parts]), rtol=1e-12)
    assert_allclose(gradient, np.concatenate([g for _, g in parts]) / 7, rtol=1e-12, atol=0)
    weight = np.random.default_rng(0).integers(0, 3, size=2000)
    repeated = crossing_penalty(np.repeat(forecast[:2000], weight, axis=0), 0.1)[0]
    weighted = crossing_penalty(forecast[:2000], 0.1, sample_weight=weight)[0]
    assert_allclose(weighted, repeated, rtol=1e-12)


def test_scale_moves_with_the_outcome():
    forecast, margin = draw(), margins(5)
    value, gradient = crossing_penalty(forecast, margin)
    scaled, same = crossing_penalty(3 * forecast + 7, 3 * margin)
    assert_allclose(scaled, 3 * value, rtol=1e-12)
    assert_array_equal(same, gradient)
    assert_allclose(gradient.sum(axis=1), 0, atol=1e-15)  # a shift of a row costs nothing


def test_sizes_precision_and_input():
    assert crossing_penalty(draw(4, 1))[0] == 0.0
    assert crossing_penalty(np.empty((0, 3)))[1].shape == (0, 3)
    forecast = draw().astype(np.float32)
    forecast.setflags(write=False)
    value, gradient = crossing_penalty(forecast)
    assert gradient.dtype == np.float32
    assert_allclose(value, crossing_penalty(forecast.astype(float))[0], rtol=1e-15)


# ---- margins -----------------------------------------------------------------------------------


def test_margins_by_definition():
    residuals = np.random.default_rng(0).gamma(2.0, size=200)
    q = np.quantile(residuals, LEVELS)
    single = crossing_margins("single", LEVELS, 0.005)
    adapt = crossing_margins("adapt", LEVELS, 0.05, residuals=residuals)
    vec = crossing_margins("vec", LEVELS, 0.1)
    for a in range(5):
        for b in range(5):
            above = b > a
            assert single[a, b] == (0.005 if above else 0)
            assert_allclose(adapt[a, b], 0.05 * (q[b] - q[a]) if above else 0)
            assert_allclose(vec[a, b], 0.1 * 0.01 * (LEVELS[b] - LEVELS[a]) if above else 0)


def test_adaptive_margins_follow_the_outcome():
    residuals = np.random.default_rng(0).normal(size=100)
    margin = crossing_margins("adapt", LEVELS, 0.05, residuals=residuals)
    moved = crossing_margins("adapt", LEVELS, 0.05, residuals=10 * residuals + 3)
    assert_allclose(moved, 10 * margin, rtol=1e-12)
    # Quantiles of the residuals themselves, rank by rank, are apart by more than their margins.
    assert crossing_penalty(np.quantile(residuals, LEVELS)[None], margin)[0] == 0


def test_bad_input():
    forecast = draw()
    with pytest.raises(ValueError, match=r"margin must be a number or have shape \(5, 5\)"):
        crossing_penalty(forecast, np.zeros(5))
    with pytest.raises(ValueError, match="margin must be finite"):
        crossing_penalty(forecast, np.nan)
    with pytest.raises(ValueError, match="forecast must be finite"):
        crossing_penalty([[np.inf, 1.0]])
    with pytest.raises(ValueError, match="forecast must not contain NaN"):
        crossing_penalty([[np.nan, 1.0]])
    with pytest.raises(ValueError, match="sample_weight must be at least 0"):
        crossing_penalty(forecast, sample_weight=-np.ones(9))
    with pytest.raises(ValueError, match="kind must be 'single', 'adapt' or 'vec'"):
        crossing_margins("none", LEVELS, 0.1)
    for scale in (-1, np.nan, np.inf, "0.1"):
        with pytest.raises(ValueError, match="scale must be a finite number of at least 0"):
            crossing_margins("single", LEVELS, scale)
    with pytest.raises(ValueError, match="residuals must be an array for kind='adapt'"):
        crossing_margins("adapt", LEVELS, 0.1)
    with pytest.raises(ValueError, match="residuals must be None for kind='vec'"):
        crossing_margins("vec", LEVELS, 0.1, residuals=[1.0])
    with pytest.raises(ValueError, match="residuals must be finite"):
        crossing_margins("adapt", LEVELS, 0.1, residuals=[1.0, np.nan])
