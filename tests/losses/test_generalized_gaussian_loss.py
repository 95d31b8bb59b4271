"""Likelihood of generalised Gaussian errors, and weights by the agreement of an ensemble."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import gennorm, kurtosis, laplace, norm

from skweight.losses import batch_inverse_error_variance_weights, ggd_nll
from skweight.losses._generalized_gaussian import member_variances


def ensemble(n=60, members=5, seed=0):
    """Errors of members that agree on some rows and not on others."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 1)) + rng.lognormal(sigma=1.2, size=(n, 1)) * rng.normal(
        size=(n, members)
    )


def effective_size(weights):
    return weights.sum() ** 2 / (weights**2).sum()


@pytest.mark.parametrize("shape", [0.2, 0.7, 1.0, 1.3, 2.0, 4.0, 15.0])
def test_likelihood_is_that_of_scipy(shape):
    error = np.r_[0.0, np.random.default_rng(0).normal(size=30)]
    scale = np.linspace(0.5, 3, 31)
    expected = -gennorm.logpdf(error, shape, scale=scale)
    assert_allclose(ggd_nll(error, scale, shape), expected, rtol=1e-12, atol=1e-12)


def test_likelihood_of_normal_and_laplace():
    error = np.random.default_rng(1).normal(size=(5, 4))
    assert_allclose(ggd_nll(error, np.sqrt(2) * 3, 2), -norm.logpdf(error, scale=3), rtol=1e-13)
    assert_allclose(ggd_nll(error, 3, 1), -laplace.logpdf(error, scale=3), rtol=1e-13)


@pytest.mark.parametrize("bad", [{"scale": 0.0}, {"scale": [1.0, -1.0]}, {"shape": 0.0}])
def test_scale_and_shape_must_be_positive(bad):
    with pytest.raises(ValueError, match=f"{next(iter(bad))} must be above 0"):
        ggd_nll([1.0, 2.0], **bad)


@pytest.mark.parametrize("bound", [10, 16, 40])
@pytest.mark.parametrize("estimator", ["mbbe", "sample"])
def test_effective_size_is_what_was_asked_for(estimator, bound):
    errors = ensemble()
    assert effective_size(1 / member_variances(errors, estimator)) < bound  # something to do
    weights = batch_inverse_error_variance_weights(errors, bound, estimator)
    assert_allclose(weights.sum(), 1, rtol=1e-14)
    assert_allclose(effective_size(weights), bound, rtol=1e-8)
    # Of the form 1 / (v + xi), with one number xi above 0.
    variance = member_variances(errors, estimator)
    slope, offset = np.polyfit(variance, 1 / weights, 1)
    assert_allclose(1 / weights, slope * variance + offset, rtol=1e-7)
    assert offset > 0


def test_effective_size_of_a_small_batch():
    weights = batch_inverse_error_variance_weights(ensemble(n=7), 16)
    assert_allclose(effective_size(weights), 6, rtol=1e-8)


def test_no_offset_where_weights_are_worth_enough():
    errors = np.random.default_rng(0).normal(size=(200, 8))
    weights = batch_inverse_error_variance_weights(errors, 2, "sample")
    inverse = 1 / errors.var(axis=1, ddof=1)
    assert effective_size(inverse) > 2
    assert_allclose(weights, inverse / inverse.sum(), rtol=1e-12)


@pytest.mark.parametrize("estimator", ["mbbe", "sample"])
def test_weights_have_no_units(estimator):
    errors = ensemble()
    weights = batch_inverse_error_variance_weights(errors, 10, estimator)
    for factor in (1e-300, 1e-9, 1e9, 1e300):
        scaled = batch_inverse_error_variance_weights(factor * errors, 10, estimator)
        assert_allclose(scaled, weights, rtol=1e-9)


@pytest.mark.parametrize("estimator", ["mbbe", "sample"])
@pytest.mark.parametrize("bound", [3, 25, 1000])
def test_sample_weights_equal_repetition(estimator, bound):
    errors, counts = ensemble(n=20), np.random.default_rng(0).integers(0, 4, size=20)
    counts[:2] = 0, 3
    weighted = batch_inverse_error_variance_weights(errors, bound, estimator, counts)
    repeated = batch_inverse_error_variance_weights(errors.repeat(counts, axis=0), bound, estimator)
    summed = np.bincount(np.arange(20).repeat(counts), repeated, minlength=20)
    assert_allclose(weighted, summed, rtol=1e-9)
    assert weighted[0] == 0


def test_equal_variances_give_equal_weights():
    errors = np.arange(6.0)[:, None] + [-1.0, 0.0, 1.0]
    assert_allclose(batch_inverse_error_variance_weights(errors, 2), 1 / 6, rtol=1e-12)
    alike = np.arange(6.0)[:, None] + np.zeros(5)
    assert_allclose(batch_inverse_error_variance_weights(alike, 2), 1 / 6, rtol=1e-12)


def test_rows_without_variance_do_not_take_all_the_weight():
    errors = ensemble(n=30)
    errors[3] = 1.0
    weights = batch_inverse_error_variance_weights(errors, 10)
    assert weights.argmax() == 3
    assert np.isfinite(weights).all()
    assert_allclose(effective_size(weights), 10, rtol=1e-8)
    errors[3] = 1e-100 * errors[4]  # a variance whose square is 0
    assert_allclose(batch_inverse_error_variance_weights(errors, 10), weights, rtol=1e-6)


def test_one_row():
    assert batch_inverse_error_variance_weights([[1.0, 2.0]]).tolist() == [1.0]


@pytest.mark.parametrize("members", [4, 5, 9])
def test_variance_uses_the_kurtosis(members):
    errors = ensemble(members=members)
    factor = kurtosis(errors, axis=1, bias=False) / members + (members + 1) / (members - 1)
    expected = errors.var(axis=1, ddof=1) / factor
    assert_allclose(member_variances(errors, "mbbe"), expected, rtol=1e-10)


def test_variance_is_the_best_multiple_of_the_sample_variance():
    """Over samples of a known distribution, no other factor has a smaller squared error."""
    n, shape = 8, 1.0
    draws = gennorm.rvs(shape, size=(200_000, n), random_state=0)
    true, excess = gennorm.stats(shape, moments="vk")
    sample = draws.var(axis=1, ddof=1)
    best = true * sample.mean() / (sample**2).mean()
    assert_allclose(1 / (excess / n + (n + 1) / (n - 1)), best, rtol=0.01)


@pytest.mark.parametrize("members", [2, 3])
def test_few_members_have_no_kurtosis(members):
    errors = ensemble(members=members)
    assert_allclose(member_variances(errors, "mbbe"), errors.var(axis=1, ddof=1), rtol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1.0], [2.0]],), "errors must have a column for each of 2 members"),
        (([[1.0, 2.0]], 16, "best"), "estimator must be one of"),
        (([[1.0, 2.0]], 0.5), "min_effective_size must be at least 1"),
        (([[1.0, 2.0]], 16, "mbbe", [-1.0]), "sample_weight must be at least 0"),
    ],
)
def test_what_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        batch_inverse_error_variance_weights(*arguments)
