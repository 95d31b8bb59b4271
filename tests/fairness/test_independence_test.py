"""The permutation test: level, power, groups, weights, and its own arithmetic."""

from itertools import permutations

import numpy as np
import pytest
from dependence_oracle import STATISTICS, measure_value, mixed_blocks, one_hot, repeated
from numpy.testing import assert_allclose, assert_array_equal

from skweight.fairness import (
    IndependenceTest,
    concatenated_distance_covariance,
    independence_test,
)


def test_p_is_uniform_under_independence():
    p = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        s = rng.normal(size=40)
        # Attributes that depend on each other, not on y.
        blocks = [s, (s + rng.normal(size=40) > 0).astype(float)]
        y = rng.exponential(size=40)
        p.append(independence_test(y, blocks, n_permutations=99, random_state=seed).p_value)
    p = np.array(p)
    assert (p < 0.05).mean() <= 0.10
    # 200 draws of the uniform on 0.01, ..., 1: four standard errors each.
    for level in (0.25, 0.5, 0.75):
        assert abs((p <= level).mean() - level) < 4 * np.sqrt(level * (1 - level) / 200)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("n", [60, 500])
def test_p_is_smallest_under_strong_dependence(n, statistic):
    rng = np.random.default_rng(0)
    s = rng.normal(size=n)
    result = independence_test(s**2, [s], statistic=statistic, n_permutations=99, random_state=1)
    assert result.p_value == 1 / 100
    assert result.permuted.shape == (99,)


def test_intersections_are_seen():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 2, size=(2, 200))
    result = independence_test(a ^ b, [a, b], n_permutations=199, random_state=0)
    assert result.p_value == 1 / 200
    assert independence_test(a ^ b, [a], n_permutations=199, random_state=0).p_value > 0.05


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("n", [30, 600])
def test_statistic_and_p_value(statistic, n):
    rng = np.random.default_rng(2)
    blocks = mixed_blocks(rng, n)
    y = blocks[0] + 3 * rng.normal(size=n)
    result = independence_test(
        y, blocks, statistic=statistic, n_permutations=49, random_state=rng.integers(99)
    )
    assert isinstance(result, IndependenceTest)
    expected = concatenated_distance_covariance(y, blocks, statistic=statistic)
    assert_allclose(result.statistic, expected, rtol=1e-12)
    assert result.p_value == (1 + (result.permuted >= result.statistic).sum()) / 50
    assert "n_permutations=49" in repr(result)


def test_permuted_statistics_are_those_of_permuted_rows():
    # So few rows that every permutation can be listed.
    y, s = np.array([0.0, 1.0, 3.0, 3.5]), np.array([2.0, 0.0, 1.0, 7.0])
    every = [float(measure_value(y[list(order)], [s])) for order in permutations(range(4))]
    result = independence_test(y, [s], n_permutations=2000, random_state=0)
    where = np.abs(result.permuted[:, None] - np.array(every)).argmin(axis=1)
    assert_allclose(result.permuted, np.array(every)[where], rtol=1e-12)
    # And all of them are about equally frequent, among those with distinct values.
    values, counts = np.unique(np.round(result.permuted, 12), return_counts=True)
    truth, copies = np.unique(np.round(every, 12), return_counts=True)
    assert len(values) == len(truth)
    share = copies / 24
    spread = np.sqrt(2000 * share * (1 - share))
    assert (np.abs(counts - 2000 * share) < 4.5 * spread).all()


def test_seeds():
    rng = np.random.default_rng(3)
    y, s = rng.normal(size=(2, 50))
    first, again, other = (
        independence_test(y, [s], n_permutations=20, random_state=seed) for seed in (5, 5, 6)
    )
    assert_array_equal(first.permuted, again.permuted)
    assert (first.permuted != other.permuted).any()
    state = np.random.RandomState(5)
    assert_array_equal(
        independence_test(y, [s], n_permutations=20, random_state=state).permuted, first.permuted
    )
    with pytest.raises(AttributeError):
        first.p_value = 0.5


# Groups.


@pytest.mark.parametrize("kind", [int, str])
def test_groups_are_not_mixed(kind):
    rng = np.random.default_rng(4)
    groups = np.repeat([0, 1, 2], 40)
    # Within groups y is independent of s; between them both move together.
    s = groups + 0.1 * rng.normal(size=120)
    y = groups + 0.1 * rng.normal(size=120)
    rows = rng.permutation(120)
    y, s, groups = y[rows], s[rows], groups[rows].astype(kind)
    free = independence_test(y, [s], n_permutations=99, random_state=0)
    within = independence_test(y, [s], n_permutations=99, groups=groups, random_state=0)
    assert free.p_value == 1 / 100
    assert within.p_value > 0.05
    assert within.permuted.min() > free.permuted.max()


def test_a_group_of_its_own_for_every_row_leaves_nothing_to_permute():
    rng = np.random.default_rng(5)
    y, s = rng.normal(size=(2, 30))
    result = independence_test(y, [s], groups=np.arange(30), n_permutations=9, random_state=0)
    assert result.p_value == 1
    assert_array_equal(result.permuted, result.statistic)


# Weights.


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("with_groups", [False, True])
def test_integer_weights_are_repetition(statistic, with_groups):
    rng = np.random.default_rng(6)
    n = 40
    blocks = [rng.normal(size=n), one_hot(np.arange(n) % 3)]
    y = blocks[0] + rng.normal(size=n)
    weight = rng.integers(0, 4, n)
    groups = np.arange(n) % 2 if with_groups else None
    long_y, *long_blocks = repeated(weight, y, *blocks)
    long_groups = np.repeat(groups, weight) if with_groups else None
    options = {"statistic": statistic, "n_permutations": 30, "random_state": 7}
    short = independence_test(y, blocks, sample_weight=weight, groups=groups, **options)
    long = independence_test(long_y, long_blocks, groups=long_groups, **options)
    assert short.statistic == long.statistic
    assert short.p_value == long.p_value
    assert_array_equal(short.permuted, long.permuted)
    # The same numbers as weights of the statistic.
    expected = concatenated_distance_covariance(
        y, blocks, statistic=statistic, sample_weight=weight
    )
    assert_allclose(short.statistic, expected, rtol=1e-12)


def test_fractional_weights():
    y = np.arange(10.0)
    for weight in (np.full(10, 0.5), np.r_[np.ones(9), 1.0000001]):
        with pytest.raises(ValueError, match=r"^sample_weight must hold whole numbers, since"):
            independence_test(y, [y], sample_weight=weight)


# Ties of the statistic.


@pytest.mark.parametrize("n", [40, 600, 2000])
@pytest.mark.parametrize("kind", ["numeric", "levels", "columns"])
@pytest.mark.parametrize("statistic", STATISTICS)
def test_constant_predictions_depend_on_nothing(n, kind, statistic):
    if kind == "columns" and n == 2000:
        n = 300
    for seed in range(5):
        rng = np.random.default_rng(seed)
        s = {
            "numeric": rng.normal(size=n),
            "levels": rng.integers(0, 5, n) / 3,
            "columns": rng.normal(size=(n, 2)),
        }[kind]
        y = np.full(n, rng.normal())
        result = independence_test(
            y, [s], statistic=statistic, n_permutations=19, random_state=seed
        )
        assert result.p_value == 1
        assert result.statistic == 0


@pytest.mark.parametrize("copies", [5, 100])
def test_exact_independence_is_the_smallest_statistic(copies):
    a, b = np.repeat([0, 1, 0, 1], copies), np.repeat([0, 0, 1, 1], copies)
    for seed in range(30):
        rng = np.random.default_rng(seed)
        y, s = a * rng.normal() + rng.normal(), b * rng.normal()
        # 0 but for rounding, which may put any permutation with 0 below it.
        result = independence_test(y, [s], n_permutations=99, random_state=seed)
        assert abs(result.statistic) < 1e-15
        assert result.p_value == 1


def test_equal_statistics_reach_each_other():
    # Of two rows, both orders give the same value.
    result = independence_test([0.1, 0.7], [[0.3, 0.2]], n_permutations=30, random_state=0)
    assert result.p_value == 1


# Bad input.


@pytest.mark.parametrize("n_permutations", [0, -1, 9.0, "9", True, None])
def test_number_of_permutations(n_permutations):
    with pytest.raises(ValueError, match=r"^n_permutations must be an integer of at least 1, got"):
        independence_test(np.arange(9), [np.arange(9)], n_permutations=n_permutations)


def test_shape_of_groups():
    for groups in (np.zeros(8), np.zeros((9, 1))):
        with pytest.raises(ValueError, match=r"^groups must have the shape \(9,\), got"):
            independence_test(np.arange(9), [np.arange(9)], groups=groups)
