"""Values of distance covariances against dcor, kernels, constants and the double sums."""

from itertools import combinations

import numpy as np
import pytest
from dependence_oracle import (
    FORMS,
    MEASURES,
    REAL,
    STATISTICS,
    centred,
    dependent_predictions,
    distances,
    expansion,
    joint,
    measure_value,
    mixed_blocks,
    one_hot,
    repeated,
    tolerances,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from skweight._core._attributes import attributes_of
from skweight.fairness import (
    concatenated_distance_covariance,
    distance_correlation,
    distance_covariance,
    joint_distance_covariance,
)
from skweight.fairness._penalty import DependencePenalty
from skweight.fairness._sensitive import SensitiveEncoder

PATHS = ("auto", "matrix", "cells", "dense")
# name: (y, s) of so many rows
PAIRS = {
    "continuous": lambda rng, n: (lambda s: (s**2 + rng.normal(size=n), s))(rng.normal(size=n)),
    "ties in both": lambda rng, n: (rng.permutation(n) % 4, rng.permutation(n) % 3),
    "ties in y": lambda rng, n: (rng.permutation(n) % 2, rng.normal(size=n)),
    "far from 0": lambda rng, n: (1e6 + rng.normal(size=n), -1e6 + rng.normal(size=n).round(2)),
    "two columns": lambda rng, n: (rng.normal(size=n), rng.normal(size=(n, 2))),
    "indicators": lambda rng, n: (rng.normal(size=n).round(1), one_hot(rng.integers(0, 5, n))),
}


def dcor_function(what, statistic):
    """Return a function of dcor that forms all pairs, as nothing here does."""
    dcor = pytest.importorskip("dcor", reason="dcor is the oracle")
    name = f"distance_{what}_sqr" if statistic == "V" else f"u_distance_{what}_sqr"
    return lambda x, y: getattr(dcor, name)(x, y, method="naive")


@pytest.mark.parametrize("n", [4, 5, 40, 600])
@pytest.mark.parametrize("kind", PAIRS)
@pytest.mark.parametrize("statistic", STATISTICS)
def test_covariance_is_that_of_dcor(kind, n, statistic):
    function = dcor_function("covariance", statistic)
    y, s = (np.asarray(part, dtype=float) for part in PAIRS[kind](np.random.default_rng(n), n))
    # U passes through 0: what counts is the bound of the covariance.
    size = np.sqrt(abs(function(y, y) * function(s, s)))
    value = distance_covariance(y, s, statistic=statistic)
    assert_allclose(value, function(y, s), rtol=0, atol=1e-12 * size + 1e-16)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("n", [4, 30, 500])
@pytest.mark.parametrize("ties", [False, True])
def test_concatenated_is_that_of_dcor(ties, n, statistic):
    function = dcor_function("covariance", statistic)
    rng = np.random.default_rng(n)
    blocks = mixed_blocks(rng, n, ties)
    y = dependent_predictions(rng, blocks, ties)
    columns = np.column_stack(blocks)
    size = np.sqrt(abs(function(y, y) * function(columns, columns)))
    value = concatenated_distance_covariance(y, blocks, statistic=statistic)
    assert_allclose(value, function(y, columns), rtol=0, atol=1e-12 * size)


@pytest.mark.parametrize("n", [8, 60, 600])
@pytest.mark.parametrize("kind", PAIRS)
@pytest.mark.parametrize("statistic", STATISTICS)
def test_correlation_is_that_of_dcor(kind, n, statistic):
    function = dcor_function("correlation", statistic)
    y, s = (np.asarray(part, dtype=float) for part in PAIRS[kind](np.random.default_rng(n), n))
    value = distance_correlation(y, s, statistic=statistic)
    assert_allclose(value, function(y, s), rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", [kind for kind in PAIRS if kind != "far from 0"])
def test_four_times_the_kernel_criterion(kind):
    # HSIC of the kernels (|x| + |x'| - |x - x'|) / 2, centred by matrices.
    y, s = PAIRS[kind](np.random.default_rng(1), 50)
    grams = []
    for x in (y, s):
        size = distances(np.vstack([np.asarray(x).reshape(50, -1), np.zeros_like(x[:1]).ravel()]))
        norm = size[-1, :-1]
        grams.append((norm[:, None] + norm[None, :] - size[:-1, :-1]) / 2)
    H = np.eye(50, dtype=REAL) - REAL(1) / 50
    hsic = np.trace(H @ grams[0] @ H @ grams[1]) / 50**2
    assert_allclose(distance_covariance(y, s), float(4 * hsic), rtol=1e-12)


@pytest.mark.parametrize("kind", PAIRS)
@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("n", [30, 500])
def test_correlation_is_the_ratio(kind, statistic, n):
    rng = np.random.default_rng(3)
    y, s = PAIRS[kind](rng, n)
    for weight in (None, rng.integers(0, 4, n)):
        expected = float(measure_value(y, [s], weight, statistic=statistic, normalize=True))
        value = distance_correlation(y, s, statistic=statistic, sample_weight=weight)
        assert_allclose(value, expected, rtol=0, atol=1e-12)


def test_root():
    rng = np.random.default_rng(0)
    y, s = PAIRS["continuous"](rng, 40)
    assert_allclose(distance_covariance(y, s, squared=False) ** 2, distance_covariance(y, s))
    assert_allclose(distance_correlation(y, s, squared=False) ** 2, distance_correlation(y, s))
    assert_allclose(distance_correlation(3 - 2 * s, s, squared=False), 1, rtol=1e-12)


# XOR: neither attribute alone tells anything about y, both together tell all.


def xor(copies):
    a, b = np.repeat([0, 0, 1, 1], copies), np.repeat([0, 1, 0, 1], copies)
    return a ^ b, [a, b]


@pytest.mark.parametrize("copies", [1, 2, 5, 100, 1001])
def test_xor_constants_of_v(copies):
    y, (a, b) = xor(copies)
    # Of the order of rounding: all terms are at most 1.
    assert abs(distance_covariance(y, a) + distance_covariance(y, b)) < 1e-15
    expected = (2 - np.sqrt(2)) / 8
    assert_allclose(concatenated_distance_covariance(y, [a, b]), expected, rtol=1e-13)
    assert_allclose(expected, 0.0732233047, atol=5e-11)
    assert_allclose(joint_distance_covariance([y, a, b], c=1.0), 1 / 8, rtol=1e-13)


def test_xor_constants_of_u():
    y, blocks = xor(5)
    expected = {"sum": -0.03095975232, "ccdcov": 0.05971926279, "jdcov": 0.09206452664}
    for measure, value in expected.items():
        for path in PATHS:
            penalty = DependencePenalty(blocks, measure=measure, statistic="U", path=path)
            total = penalty.value(y.astype(float)) + penalty.constant
            assert_allclose(total, value, rtol=0, atol=5e-12)


def test_xor_tells_the_sign_of_the_centred_matrices():
    y, blocks = xor(3)
    matrices = [distances(part) for part in (y, *blocks)]
    assert_allclose(float(joint(matrices, 1.0, sign=1)), -1 / 8, rtol=1e-13)


# Joint distance covariance.


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("c", [0.01, 1.0, 2.5, 100.0])
@pytest.mark.parametrize("n", [5, 40, 400])
def test_joint_of_two_is_the_covariance(n, c, statistic):
    rng = np.random.default_rng(n)
    y, s = PAIRS["continuous"](rng, n)
    weight = rng.integers(1, 4, n)
    for w in (None, weight):
        expected = distance_covariance(y, s, statistic=statistic, sample_weight=w)
        value = joint_distance_covariance([y, s], c=c, statistic=statistic, sample_weight=w)
        # c^2 is subtracted from a sum that holds it.
        assert_allclose(value, expected, rtol=1e-11, atol=1e-14 * c**2)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("c", [0.3, 1.0, 3.0])
def test_expansion_of_three(c, statistic):
    rng = np.random.default_rng(5)
    n = 60
    a, b = rng.normal(size=n).round(1), one_hot(rng.integers(0, 3, n))
    y = a * b[:, 0] + rng.normal(size=n).round(1)
    weight = rng.integers(0, 4, n).astype(REAL)
    A, B, Y = (centred(distances(x), weight, statistic) for x in (a, b, y))
    total = weight.sum()
    pairs = np.outer(weight, weight)
    kappa = 1 / total**2
    if statistic == "U":
        pairs = pairs - np.diag(weight)
        kappa = 1 / (total * (total - 3))
    two = [kappa * (pairs * P * Q).sum() for P, Q in ((Y, A), (Y, B), (A, B))]
    three = kappa * (pairs * (-Y) * (-A) * (-B)).sum()
    value = joint_distance_covariance([y, a, b], c=c, statistic=statistic, sample_weight=weight)
    assert abs(three) > 1e-3  # it is a term that could be forgotten
    assert_allclose(value, float(c * sum(two) + three), rtol=1e-12)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("path", PATHS)
def test_expansion_over_subsets(path, statistic):
    rng = np.random.default_rng(6)
    blocks = [*mixed_blocks(rng, 50), rng.integers(0, 3, 50)]
    y = dependent_predictions(rng, blocks[:3])
    penalty = DependencePenalty(blocks, measure="jdcov", statistic=statistic, c=0.7, path=path)
    matrices = [distances(part) for part in (y, *blocks)]
    expected = float(expansion(matrices, 0.7, statistic=statistic))
    assert_allclose(penalty.value(y) + penalty.constant, expected, rtol=1e-12)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("path", PATHS)
def test_joint_of_a_constant_is_its_constant(path, statistic):
    rng = np.random.default_rng(7)
    blocks = mixed_blocks(rng, 60)
    blocks[2] = (blocks[0] > 0).astype(float)  # attributes that depend on each other
    penalty = DependencePenalty(blocks, measure="jdcov", statistic=statistic, path=path)
    y = np.full(60, 0.1)
    value, gradient = penalty.value_and_gradient(y)
    assert_allclose(value, 0, atol=1e-15)
    assert_allclose(gradient, 0, atol=1e-15)
    expected = float(measure_value(y, blocks, measure="jdcov", statistic=statistic))
    assert abs(expected) > 0.01
    assert_allclose(penalty.constant, expected, rtol=1e-12)
    assert_allclose(
        joint_distance_covariance([y, *blocks], statistic=statistic), expected, rtol=1e-12
    )


def test_other_measures_have_no_constant():
    rng = np.random.default_rng(0)
    for measure in ("sum", "ccdcov"):
        assert DependencePenalty(mixed_blocks(rng, 20), measure=measure).constant == 0


# Sign, and what the statistics estimate.

SMALL = st.lists(st.integers(-3, 3), min_size=2, max_size=12)


@settings(max_examples=300, deadline=None)
@given(SMALL, st.integers(0, 2**32 - 1), st.sampled_from([0.01, 1.0, 30.0]), st.booleans())
def test_v_is_never_negative(y, seed, c, near):
    rng = np.random.default_rng(seed)
    y = np.array(y) * (1e-3 if near else 1 / 3)
    n = len(y)
    blocks = [rng.integers(0, 3, n) / 3, rng.integers(0, 2, n)]
    weight = rng.integers(0, 3, n)
    weight[rng.integers(n)] += 1
    assert distance_covariance(y, blocks[0], sample_weight=weight) >= 0
    assert concatenated_distance_covariance(y, blocks, sample_weight=weight) >= 0
    assert joint_distance_covariance([y, *blocks], c=c, sample_weight=weight) >= 0
    penalty = DependencePenalty(blocks, weight, measure="jdcov", c=c)
    value_size, _, constant_size = tolerances(y, blocks, weight, "jdcov", c=c)
    assert penalty.constant >= -constant_size
    assert penalty.value(y) >= -value_size


@pytest.mark.parametrize("measure", ["ccdcov", "sum"])
@pytest.mark.parametrize(("n", "size"), [(8, 4), (8, 6), (9, 5)])
def test_subsets_of_u_average_to_u(measure, n, size):
    rng = np.random.default_rng(n)
    blocks = [rng.normal(size=n), rng.integers(0, 2, n).astype(float)]
    y = rng.normal(size=n).round(1)
    values = []
    for rows in combinations(range(n), size):
        rows = list(rows)
        part = [block[rows] for block in blocks]
        values.append(DependencePenalty(part, measure=measure, statistic="U").value(y[rows]))
    whole = DependencePenalty(blocks, measure=measure, statistic="U").value(y)
    assert np.ptp(values) > 0.1
    assert_allclose(np.mean(values), whole, rtol=0, atol=1e-14)


# Weights.


@pytest.mark.parametrize("n", [12, 300])
@pytest.mark.parametrize(("measure", "normalize"), FORMS)
@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("width", [0.0, 1e-4, 0.3])
def test_integer_weights_are_repetition(n, measure, statistic, normalize, width):
    rng = np.random.default_rng(n)
    blocks = mixed_blocks(rng, n)
    y = dependent_predictions(rng, blocks, ties=True)
    weight = rng.integers(0, 4, n)
    if n == 300:  # rows of weight 0 hold the extremes
        extreme = np.argmax(blocks[0])
        weight[extreme] = weight[np.argmax(y)] = 0
    options = {"measure": measure, "statistic": statistic, "c": 0.8, "normalize": normalize}
    long_y, *long_blocks = repeated(weight, y, *blocks)
    whole = DependencePenalty(long_blocks, **options)
    expected, slopes = whole.value_and_gradient(long_y, width)
    # All copies of a row move together.
    slopes = np.bincount(np.repeat(np.arange(n), weight), slopes, minlength=n)
    for path in PATHS:
        penalty = DependencePenalty(blocks, weight, path=path, **options)
        value, gradient = penalty.value_and_gradient(y, width)
        assert_allclose(value, expected, rtol=1e-12)
        assert_allclose(gradient, slopes, rtol=0, atol=1e-12 * np.abs(slopes).max())
        assert_allclose(penalty.constant, whole.constant, rtol=1e-12, atol=1e-15)
        assert_array_equal(gradient[weight == 0], 0)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_integer_weights_are_repetition_in_functions(statistic):
    rng = np.random.default_rng(4)
    blocks = mixed_blocks(rng, 40)
    y = dependent_predictions(rng, blocks, ties=True)
    weight = rng.integers(0, 4, 40)
    long_y, *longs = repeated(weight, y, *blocks)
    for function, short, long in (
        (distance_covariance, (y, blocks[0]), (long_y, longs[0])),
        (distance_correlation, (y, blocks[1]), (long_y, longs[1])),
        (concatenated_distance_covariance, (y, blocks), (long_y, longs)),
        (joint_distance_covariance, ([y, *blocks],), ([long_y, *longs],)),
    ):
        value = function(*short, statistic=statistic, sample_weight=weight)
        assert_allclose(value, function(*long, statistic=statistic), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("measure", MEASURES)
def test_v_does_not_change_when_weights_are_multiplied(measure):
    rng = np.random.default_rng(2)
    blocks = mixed_blocks(rng, 80)
    y = dependent_predictions(rng, blocks)
    weight = rng.uniform(0, 3, 80)
    one, other = (DependencePenalty(blocks, w, measure=measure) for w in (weight, weight * 1e-7))
    assert_allclose(one.value(y), other.value(y), rtol=1e-12)
    assert_allclose(one.constant, other.constant, rtol=1e-11)
    penalties = [
        DependencePenalty(blocks, w, measure=measure, statistic="U") for w in (weight, weight * 2)
    ]
    assert abs(penalties[0].value(y) / penalties[1].value(y) - 1) > 1e-3


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("measure", MEASURES)
def test_fractional_weights(measure, statistic):
    rng = np.random.default_rng(8)
    blocks = mixed_blocks(rng, 50)
    y = dependent_predictions(rng, blocks)
    weight = rng.uniform(0, 2, 50)
    penalty = DependencePenalty(blocks, weight, measure=measure, statistic=statistic)
    expected = float(measure_value(y, blocks, weight, measure, statistic))
    assert_allclose(penalty.value(y) + penalty.constant, expected, rtol=1e-12)


# Rounding attributes.


@pytest.mark.parametrize("max_levels", [3, 10, 50])
def test_rounded_attributes_stay_within_the_bound(max_levels):
    rng = np.random.default_rng(12)
    n = 400
    age, income = rng.gamma(3, size=n), rng.normal(size=n)
    y = age * income + rng.normal(size=n)
    attributes = attributes_of(np.column_stack([age, income]))
    blocks, rounded = (
        SensitiveEncoder(max_levels=levels).fit(attributes, np.ones(n)).transform(attributes)
        for levels in (None, max_levels)
    )
    assert len(np.unique(rounded[0])) <= max_levels
    change = distances(np.hstack(rounded)) - distances(np.hstack(blocks))
    bound = np.mean(np.abs(centred(distances(y), np.ones(n, REAL), "V")) * np.abs(change))
    values = [concatenated_distance_covariance(y, part) for part in (blocks, rounded)]
    assert 0 < abs(values[1] - values[0]) <= bound
