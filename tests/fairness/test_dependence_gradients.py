"""Gradients and smoothing: central differences, the fixed matrix, and laws that hold for both."""

import numpy as np
import pytest
from dependence_oracle import (
    FORMS,
    MEASURES,
    REAL,
    STATISTICS,
    central_differences,
    centred,
    covariance,
    dependent_predictions,
    distances,
    functional,
    functional_gradient,
    functional_value,
    huber,
    measure_value,
    mixed_blocks,
    value_and_gradient,
)
from numpy.testing import assert_allclose, assert_array_equal

from skweight.fairness import (
    concatenated_distance_covariance,
    distance_correlation,
    distance_covariance,
    joint_distance_covariance,
)
from skweight.fairness._penalty import DependencePenalty

PATHS = ("matrix", "cells", "dense")
WEIGHTS = {
    "none": lambda rng, n: None,
    "integer": lambda rng, n: rng.integers(0, 4, n),
    "fractional": lambda rng, n: rng.uniform(0, 3, n),
}


def design(seed, n=26, ties=True, weight="none"):
    rng = np.random.default_rng(seed)
    blocks = mixed_blocks(rng, n)
    y = dependent_predictions(rng, blocks, ties=ties)
    if ties:  # the block of equal predictions may not be at an end only
        y[: n // 4] = np.median(y)
        assert len(np.unique(y)) < n - 5
    return y, blocks, WEIGHTS[weight](rng, n)


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("measure", MEASURES)
def test_gradient_is_central_differences(measure, statistic, ties, weight):
    y, blocks, w = design(0, ties=ties, weight=weight)

    def value(z):
        return measure_value(z, blocks, w, measure, statistic, 0.9)

    # The value is linear up to the next prediction: any step below the gaps is exact.
    gaps = np.diff(np.unique(y))
    expected = central_differences(value, y, 0.3 * gaps.min()).astype(float)
    assert np.abs(expected).max() > 1e-3
    for path in PATHS:
        penalty = DependencePenalty(
            blocks, w, measure=measure, statistic=statistic, c=0.9, path=path
        )
        _, gradient = penalty.value_and_gradient(y)
        assert_allclose(gradient, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("measure", ["ccdcov", "sum"])
def test_normalised_gradient_is_central_differences(measure, statistic, ties, weight):
    y, blocks, w = design(1, ties=ties, weight=weight)

    def value(z):
        return measure_value(z, blocks, w, measure, statistic, normalize=True)

    # At ties a ratio of functions with kinks has an error of the order of the step.
    expected = central_differences(value, y, 1e-9).astype(float)
    for path in PATHS:
        penalty = DependencePenalty(
            blocks, w, measure=measure, statistic=statistic, normalize=True, path=path
        )
        _, gradient = penalty.value_and_gradient(y)
        assert_allclose(gradient, expected, rtol=0, atol=1e-8)
        _, formula = value_and_gradient(y, blocks, w, measure, statistic, normalize=True)
        assert_allclose(gradient, formula.astype(float), rtol=0, atol=1e-13)


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("width", [1e-4, 0.05, 0.5, 20.0])
def test_smoothed_gradient_is_central_differences(width, measure, statistic, weight):
    y, blocks, w = design(2, weight=weight)
    m, _ = functional(blocks, w, measure, statistic)

    def value(z):
        return functional_value(z, m, w, statistic, width)

    # The value is quadratic but for pairs that enter or leave the window within the step.
    expected = central_differences(value, y, 1e-6 * width).astype(float)
    formula = functional_gradient(y, m, w, statistic, width).astype(float)
    assert_allclose(formula, expected, rtol=0, atol=1e-8)
    for path in PATHS:
        penalty = DependencePenalty(blocks, w, measure=measure, statistic=statistic, path=path)
        _, gradient = penalty.value_and_gradient(y, width)
        assert_allclose(gradient, formula, rtol=0, atol=1e-13)


@pytest.mark.parametrize("measure", ["ccdcov", "sum"])
def test_smoothed_normalised_gradient(measure):
    y, blocks, w = design(3, weight="integer")
    value, gradient = value_and_gradient(y, blocks, w, measure, normalize=True, width=0.3)
    penalty = DependencePenalty(blocks, w, measure=measure, normalize=True)
    found, slopes = penalty.value_and_gradient(y, 0.3)
    assert_allclose(found, float(value), rtol=1e-12)
    assert_allclose(slopes, gradient.astype(float), rtol=0, atol=1e-13)


@pytest.mark.parametrize("path", ["tree", "matrix", "cells", "dense"])
@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("width", [0.0, 1e-3, 0.4])
def test_one_numeric_attribute(path, statistic, width):
    rng = np.random.default_rng(4)
    s = np.r_[rng.normal(size=20), [0.5] * 6]
    y = np.r_[rng.normal(size=13), [0.25] * 13]
    weight = rng.uniform(0, 2, 26)
    m, _ = functional([s], weight, "ccdcov", statistic)
    expected = functional_gradient(y, m, weight, statistic, width).astype(float)
    penalty = DependencePenalty([s], weight, statistic=statistic, path=path)
    _, gradient = penalty.value_and_gradient(y, width)
    assert_allclose(gradient, expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_gradient_of_functions(statistic):
    y, blocks, w = design(5, weight="integer")
    for function, first, options in (
        (distance_covariance, (y, blocks[0]), {"blocks": blocks[:1]}),
        (distance_correlation, (y, blocks[1]), {"blocks": blocks[1:2], "normalize": True}),
        (concatenated_distance_covariance, (y, blocks), {"blocks": blocks}),
        (joint_distance_covariance, ([y, *blocks],), {"blocks": blocks, "measure": "jdcov"}),
    ):
        for width in (0.0, 0.2):
            _, expected = value_and_gradient(
                y, weight=w, statistic=statistic, width=width, **options
            )
            value, gradient = function(
                *first,
                statistic=statistic,
                sample_weight=w,
                smoothing=width,
                return_gradient=True,
            )
            assert gradient.shape == y.shape
            assert_allclose(gradient, expected.astype(float), rtol=0, atol=1e-13)
            alone = function(*first, statistic=statistic, sample_weight=w, smoothing=width)
            assert value == alone


# Smoothing.


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("width", [1e-12, 1e-3, 0.2, 3.0, 1e3, 1e8])
def test_smoothed_value_is_the_double_sum_within_its_bound(measure, statistic, width):
    rng = np.random.default_rng(9)
    blocks = mixed_blocks(rng, 70)
    y = dependent_predictions(rng, blocks, ties=True)
    weight = rng.uniform(0, 2, 70)
    m, _ = functional(blocks, weight, measure, statistic)
    expected = float(functional_value(y, m, weight, statistic, width))
    penalty = DependencePenalty(blocks, weight, measure=measure, statistic=statistic)
    value, _ = penalty.value_and_gradient(y, width)
    assert_allclose(value, expected, rtol=1e-11)
    total = weight.sum()
    kappa = 1 / total**2 if statistic == "V" else 1 / (total * (total - 3))
    bound = width / 2 * kappa * float(weight @ np.abs(m) @ weight)
    assert abs(value - penalty.value(y)) <= bound * (1 + 1e-9) + 1e-15


@pytest.mark.parametrize("statistic", STATISTICS)
def test_smoothing_of_functions(statistic):
    rng = np.random.default_rng(10)
    blocks = mixed_blocks(rng, 50)
    y = dependent_predictions(rng, blocks)
    for function, first, part, measure in (
        (distance_covariance, (y, blocks[0]), blocks[:1], "ccdcov"),
        (concatenated_distance_covariance, (y, blocks), blocks, "ccdcov"),
        (joint_distance_covariance, ([y, *blocks],), blocks, "jdcov"),
    ):
        m, constant = functional(part, None, measure, statistic)
        expected = float(functional_value(y, m, None, statistic, 0.4) + constant)
        value = function(*first, statistic=statistic, smoothing=0.4)
        assert_allclose(value, expected, rtol=1e-12)


def test_smoothing_leaves_distance_variances_alone():
    rng = np.random.default_rng(11)
    s = rng.normal(size=40)
    y = s**2 + rng.normal(size=40)
    a, b = distances(y), distances(s)
    top = np.mean(centred(b, np.ones(40, REAL), "V") * huber(y[:, None] - y[None, :], 0.5))
    expected = float(top / np.sqrt(covariance(a, a) * covariance(b, b)))
    assert_allclose(distance_correlation(y, s, smoothing=0.5), expected, rtol=1e-12)


# Laws of a functional that is linear in distances.


@pytest.mark.parametrize("width", [0.0, 0.1])
@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize(("measure", "normalize"), FORMS)
@pytest.mark.parametrize("path", PATHS)
def test_gradient_sums_to_zero(path, measure, statistic, normalize, width):
    y, blocks, w = design(6, weight="fractional")
    penalty = DependencePenalty(
        blocks, w, measure=measure, statistic=statistic, normalize=normalize, path=path
    )
    _, gradient = penalty.value_and_gradient(y, width)
    assert_allclose(gradient.sum(), 0, atol=1e-14)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("path", PATHS)
def test_homogeneous_of_degree_one(path, measure, statistic):
    y, blocks, w = design(7, weight="integer")
    penalty = DependencePenalty(blocks, w, measure=measure, statistic=statistic, path=path)
    value, gradient = penalty.value_and_gradient(y)
    for factor, shift in ((2.0, 0.0), (-3.0, 7.0), (1e-6, -1.0), (1e6, 1e7)):
        other, slopes = penalty.value_and_gradient(factor * y + shift)
        # Products and sums are rounded, so differences of predictions are too.
        rounding = 4 * np.spacing(abs(shift) + abs(factor)) / abs(factor)
        assert_allclose(other / abs(factor), value, rtol=1e-12, atol=10 * rounding)
        if rounding < 1e-12:  # predictions that tied tie still
            assert_allclose(slopes, np.sign(factor) * gradient, rtol=0, atol=1e-13)
    assert_allclose(value, float(gradient @ (y - y.mean())), rtol=1e-12)  # Euler


def test_with_its_constant_jdcov_is_not_homogeneous():
    y, blocks, _ = design(8)
    constant = DependencePenalty(blocks, measure="jdcov").constant
    assert constant > 1e-3
    once, twice = (joint_distance_covariance([t * y, *blocks]) for t in (1, 2))
    assert_allclose(twice - constant, 2 * (once - constant), rtol=1e-12)
    assert abs(twice - 2 * once) > constant / 2


@pytest.mark.parametrize("statistic", STATISTICS)
def test_correlation_has_no_units(statistic):
    y, blocks, w = design(9, weight="integer")
    s = blocks[0]
    options = {"statistic": statistic, "sample_weight": w, "return_gradient": True}
    value, gradient = distance_correlation(y, s, **options)
    other, slopes = distance_correlation(-8 * y, s / 4, **options)
    assert_allclose(other, value, rtol=1e-12)
    assert_allclose(slopes, -gradient / 8, rtol=0, atol=1e-13)
    assert_allclose(gradient @ y, 0, atol=1e-13)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("width", [0.0, 1e-3])
def test_constant_predictions_have_no_slope(path, measure, statistic, width):
    _, blocks, w = design(10, weight="fractional")
    y = np.full(26, 0.1)
    penalty = DependencePenalty(blocks, w, measure=measure, statistic=statistic, path=path)
    value, gradient = penalty.value_and_gradient(y, width)
    assert value == 0
    assert_array_equal(gradient, 0)


@pytest.mark.parametrize("width", [0.0, 1e-3])
def test_constant_predictions_have_no_slope_in_a_tree(width):
    rng = np.random.default_rng(0)
    penalty = DependencePenalty([rng.normal(size=900)], rng.uniform(0, 2, 900))
    assert penalty.path == "tree"
    value, gradient = penalty.value_and_gradient(np.full(900, 0.1), width)
    assert value == 0
    assert_array_equal(gradient, 0)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("path", [*PATHS, "tree"])
def test_constant_attribute_counts_nothing(path, statistic):
    rng = np.random.default_rng(11)
    y = rng.normal(size=40)
    for measure, normalize in (("ccdcov", False), ("ccdcov", True), ("jdcov", False)):
        penalty = DependencePenalty(
            [np.full(40, 0.3)],
            rng.uniform(0, 2, 40),
            measure=measure,
            statistic=statistic,
            normalize=normalize,
            path=path,
        )
        value, gradient = penalty.value_and_gradient(y)
        assert_allclose(value, 0, atol=1e-15)
        assert_allclose(gradient, 0, atol=1e-15)
    # Beside others it changes nothing.
    blocks = mixed_blocks(rng, 40)
    for measure in MEASURES:
        with_it, without = (
            DependencePenalty(part, measure=measure, statistic=statistic)
            for part in ([*blocks, np.full(40, 0.3)], blocks)
        )
        assert_allclose(with_it.value(y), without.value(y), rtol=1e-12)
        assert_allclose(with_it.constant, without.constant, rtol=1e-12)
