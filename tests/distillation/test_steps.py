"""Filters, polynomials and limit of the steps, against chains of refits."""

import numpy as np
import pytest
from distillation_oracles import PRECOMPUTED, by_step, dual_coefficients, predictions, rbf_data
from numpy.testing import assert_allclose

from skweight.distillation import (
    self_distillation_coefficients,
    self_distillation_filters,
    self_distillation_limit,
)

# name: (penalty, weight) of five steps
CHAINS = {
    "no ground truth": (0.3, 0.0),
    "the paper's": (0.3, 0.35),
    "ground truth alone": (0.3, 1.0),
    "beyond both": (0.3, [1.5, -0.4, 2.2, 0.7]),
    "penalties by step": ([0.3, 0.1, 2.0, 0.05, 1.0], 0.35),
    "all by step": ([0.3, 0.1, 2.0, 0.05, 1.0], [0.2, 1.3, -0.3, 0.6]),
}
EIGENVALUES = np.geomspace(1e-6, 30.0, 25)


@pytest.mark.parametrize("chain", CHAINS)
def test_filters_are_those_of_refits(chain):
    alpha, weight = CHAINS[chain]
    _, K, y, _, _ = rbf_data(n_targets=2)
    values, vectors = np.linalg.eigh(K)
    filters = self_distillation_filters(values.clip(0), alpha, weight, 5)
    fitted = np.einsum("ij,tj,jk->tik", vectors, filters, vectors.T @ y)
    assert_allclose(fitted, predictions(PRECOMPUTED, K, y, alpha, weight, 5), rtol=0, atol=1e-12)


@pytest.mark.parametrize("chain", [name for name, (a, _) in CHAINS.items() if np.ndim(a) == 0])
def test_coefficients_make_every_step_of_the_first(chain):
    alpha, weight = CHAINS[chain]
    _, K, y, _, _ = rbf_data()
    refitted = dual_coefficients(K, y, alpha, weight, 5)
    smoother = K @ np.linalg.inv(K + alpha * np.eye(len(K)))
    powers = [refitted[0]]
    for _ in range(4):
        powers.append(smoother @ powers[-1])
    polynomials = self_distillation_coefficients(weight, 5)
    assert_allclose(polynomials @ np.array(powers), refitted, rtol=0, atol=1e-11)
    assert_allclose(polynomials.sum(axis=1), 1.0, rtol=0, atol=1e-14)
    assert_allclose(polynomials, np.tril(polynomials), rtol=0, atol=0)


def product_formula(weights, t):
    """Return the polynomial of step t, from sums and products of weights."""
    w = dict(enumerate(weights, start=2))
    row = np.zeros(len(weights) + 1)
    for k in range(t - 1):
        row[k] = w[t - k] * np.prod([1 - w[j] for j in range(t - k + 1, t + 1)])
    row[t - 1] += np.prod([1 - w[j] for j in range(2, t + 1)])
    return row


@pytest.mark.parametrize("weight", [0.0, 0.35, [0.2, 1.3, -0.3, 0.6, 0.1]])
def test_coefficients_are_products_of_weights(weight):
    weights = by_step(weight, 5)
    expected = [product_formula(weights, t) for t in range(1, 7)]
    assert_allclose(self_distillation_coefficients(weight, 6), expected, rtol=0, atol=1e-14)


def test_filters_are_smoother_times_polynomials():
    weight, alpha = [0.2, 1.3, -0.3], 0.7
    a = EIGENVALUES / (EIGENVALUES + alpha)
    expected = a * (self_distillation_coefficients(weight) @ a ** np.arange(4)[:, None])
    filters = self_distillation_filters(EIGENVALUES, alpha, weight)
    assert_allclose(filters, expected, rtol=1e-13)


@pytest.mark.parametrize("weight", [0.05, 0.5, 1.0, 1.5, 2.0])
def test_one_weight_ends_geometrically_in_its_limit(weight):
    alpha, n_steps = 0.7, 12
    a = EIGENVALUES / (EIGENVALUES + alpha)
    end = EIGENVALUES / (EIGENVALUES + self_distillation_limit(alpha, weight))
    steps = np.arange(n_steps)[:, None]
    filters = self_distillation_filters(EIGENVALUES, alpha, weight, n_steps)
    assert_allclose(filters, end + (a - end) * ((1 - weight) * a) ** steps, rtol=0, atol=1e-13)
    distance = np.abs(filters - end)
    assert (distance[1:] <= abs(1 - weight) * a.max() * distance[:-1] + 1e-15).all()


@pytest.mark.parametrize("weight", [0.05, 0.5, 1.0, 1.5, 2.0])
def test_many_steps_reach_the_limit(weight):
    filters = self_distillation_filters(EIGENVALUES, 0.7, weight, 1500)
    end = EIGENVALUES / (EIGENVALUES + 0.7 / weight)
    assert_allclose(filters[-1], end, rtol=1e-12)


def test_no_ground_truth_ends_in_nothing():
    filters = self_distillation_filters(EIGENVALUES, 0.7, 0.0, 3000)
    assert (filters[-1] < 1e-12).all()
    assert (np.diff(filters, axis=0) <= 0).all()


@pytest.mark.parametrize("weight", [0.0, -0.3, 2.0000001, 2.5, [0.5, 0.5], [0.3], "loo"])
def test_no_limit_without_one_weight_above_0_and_at_most_2(weight):
    with pytest.raises(ValueError, match="ground_truth_weight"):
        self_distillation_limit(1.0, weight)


@pytest.mark.parametrize("alpha", [[1.0, 2.0], [1.0]])
def test_no_limit_with_penalties_by_step(alpha):
    with pytest.raises(ValueError, match="alpha"):
        self_distillation_limit(alpha, 0.5)


def ratios(weight, n_steps=30):
    """Return how much more each step keeps of an eigenvector than of the next smaller one."""
    filters = self_distillation_filters(EIGENVALUES[::-1], 0.7, weight, n_steps)
    return filters[:, :-1] / filters[:, 1:]


def test_no_ground_truth_sharpens_at_every_step():
    assert (np.diff(ratios(0.0), axis=0) > 0).all()


@pytest.mark.parametrize("weight", [0.05, 0.35, 0.9])
def test_ground_truth_never_undoes_the_sharpening(weight):
    by_steps = ratios(weight)
    end = EIGENVALUES / (EIGENVALUES + 0.7 / weight)
    assert (by_steps[1:] > by_steps[0]).all()
    assert (end[1:] / end[:-1] > by_steps[0][::-1]).all()


def test_sharpening_overshoots_its_limit():
    by_steps = ratios(0.05, n_steps=60)
    assert (by_steps.max(axis=0) > by_steps[-1] * 1.01).any()
    assert (np.diff(by_steps, axis=0) < -1e-6).any()


def test_n_steps_comes_from_an_array():
    assert self_distillation_filters([1.0], 1.0, [0.5, 0.5]).shape == (3, 1)
    assert self_distillation_filters([1.0], [1.0, 2.0], 0.5).shape == (2, 1)
    assert self_distillation_coefficients([0.5, 0.5, 0.5]).shape == (4, 4)


def test_one_step_is_the_ordinary_fit_for_any_weight():
    expected = EIGENVALUES / (EIGENVALUES + 0.3)
    for weight in (0.0, 0.5, 7.0, []):
        assert_allclose(self_distillation_filters(EIGENVALUES, 0.3, weight, 1)[0], expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([-1.0], 1.0, 0.5, 2), "eigenvalues"),
        (([np.nan], 1.0, 0.5, 2), "eigenvalues"),
        (([[1.0]], 1.0, 0.5, 2), "eigenvalues"),
        (([1.0], 0.0, 0.5, 2), "alpha must be above 0, got 0"),
        (([1.0], -2.0, 0.5, 2), "alpha must be above 0, got -2"),
        (([1.0], [1.0, 0.0], 0.5, 2), "alpha must be above 0, got 0"),
        (([1.0], np.nan, 0.5, 2), "alpha must be finite, got nan"),
        (([1.0], np.inf, 0.5, 2), "alpha must be finite, got inf"),
        (([1.0], [1.0, 2.0, 3.0], 0.5, 2), r"alpha .*n_steps=2.*\(3,\)"),
        (([1.0], "much", 0.5, 2), "alpha must be a number.*'much'"),
        (([1.0], 1.0, np.nan, 2), "ground_truth_weight must be finite, got nan"),
        (([1.0], 1.0, [0.5, np.inf], 3), "ground_truth_weight must be finite"),
        (([1.0], 1.0, [0.5, 0.5], 2), r"ground_truth_weight .*n_steps=2.*\(2,\)"),
        (([1.0], 1.0, [[0.5]], 2), r"ground_truth_weight .*\(1, 1\)"),
        (([1.0], 1.0, "half", 2), "ground_truth_weight must be a number.*'half'"),
        (([1.0], 1.0, 0.5, 0), "n_steps must be a whole number of at least 1, got 0"),
        (([1.0], 1.0, 0.5, 2.5), "n_steps must be a whole number of at least 1, got 2.5"),
        (([1.0], 1.0, 0.5, True), "n_steps must be a whole number of at least 1, got True"),
        (([1.0], 1.0, 0.5, -1), "n_steps must be a whole number of at least 1, got -1"),
        (([1.0], 1.0, 0.5, None), "n_steps must be given"),
        (([1.0], [1.0, 2.0], [0.5, 0.5, 0.5], None), "alpha .*n_steps=4"),
    ],
)
def test_bad_input_of_filters(arguments, message):
    with pytest.raises(ValueError, match=message):
        self_distillation_filters(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.nan, 2), "ground_truth_weight must be finite"),
        (([0.5], 3), "ground_truth_weight"),
        ((0.5, 0), "n_steps must be a whole number of at least 1, got 0"),
        ((0.5,), "n_steps must be given"),
    ],
)
def test_bad_input_of_coefficients(arguments, message):
    with pytest.raises(ValueError, match=message):
        self_distillation_coefficients(*arguments)


@pytest.mark.parametrize("alpha", [0.0, -1.0, np.nan, np.inf])
def test_bad_penalty_of_the_limit(alpha):
    with pytest.raises(ValueError, match="alpha"):
        self_distillation_limit(alpha, 0.5)
