"""Linear models with generalised Gaussian errors, against least squares, medians and scipy."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from scipy.special import digamma
from scipy.stats import gennorm
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression, QuantileRegressor, Ridge

from skweight.losses import ggd_nll
from skweight.quantile import GeneralizedGaussianLinearRegressor


@pytest.fixture
def data():
    X, y = load_diabetes(return_X_y=True)
    return X[:150], y[:150]


def fixed(shape, **options):
    return GeneralizedGaussianLinearRegressor((shape, shape), **options)


def test_shape_2_is_least_squares(data):
    assert_allclose(fixed(2).fit(*data).coef_, LinearRegression().fit(*data).coef_, rtol=1e-9)


def test_shape_2_with_a_penalty_is_ridge_regression(data):
    expected = Ridge(alpha=0.01 * len(data[1])).fit(*data)
    found = fixed(2, alpha=0.01).fit(*data)
    assert_allclose(found.coef_, expected.coef_, rtol=1e-8)
    assert_allclose(found.intercept_, expected.intercept_, rtol=1e-9)


def test_shape_1_is_the_median_regression(data):
    expected = QuantileRegressor(alpha=0).fit(*data)
    assert_allclose(fixed(1).fit(*data).coef_, expected.coef_, rtol=1e-8)


@pytest.mark.parametrize("shape", [1.2, 1.5, 2.5, 3.0, 4.0, 8.0])
def test_gradient_is_zero(data, shape):
    X, y = data
    model = fixed(shape).fit(X, y)
    residual = y - model.predict(X)
    slopes = np.abs(residual) ** (shape - 1)
    columns = np.column_stack([X, np.ones(len(y))])
    assert model.converged_
    assert (np.abs(columns.T @ (slopes * np.sign(residual))) <= 2e-8 * slopes.sum()).all()


@pytest.mark.parametrize("shape", [1.001, 1.02, 1.05, 1.1, 1.15])
def test_near_a_shape_of_1_some_rows_are_met(data, shape):
    X, y = data
    model = fixed(shape).fit(X, y)
    assert model.converged_
    assert model.n_iter_ < 100
    # No line between this one and least squares or medians is better.
    for other in (fixed(1).fit(X, y), fixed(2).fit(X, y)):
        for part in (1e-6, 1e-3, 0.1):
            line = (1 - part) * model.predict(X) + part * other.predict(X)
            least = (np.abs(y - model.predict(X)) ** shape).sum()
            assert (np.abs(y - line) ** shape).sum() >= least * (1 - 1e-12)


def test_below_a_shape_of_1_the_line_of_medians_is_kept(data):
    X, y = data
    expected = fixed(1).fit(X, y)
    found = fixed(0.7).fit(X, y)
    assert_allclose(found.coef_, expected.coef_, rtol=1e-12)
    assert found.converged_
    powers = np.abs(y - expected.predict(X)) ** 0.7
    assert_allclose(found.scale_**0.7, 0.7 * powers.mean(), rtol=1e-10)


def test_below_a_shape_of_1_with_a_penalty_steps_begin_at_1(data):
    X, y = data
    model = fixed(0.8, alpha=1e-3).fit(X, y)
    start = fixed(1, alpha=1e-3).fit(X, y)
    penalty = 1e-3 * model.coef_ @ model.coef_, 1e-3 * start.coef_ @ start.coef_
    norms = [(np.abs(y - line.predict(X)) ** 0.8).mean() ** 2.5 for line in (model, start)]
    assert norms[0] + penalty[0] <= (norms[1] + penalty[1]) * (1 + 1e-12)


def test_shape_and_scale_are_those_of_scipy(data):
    X, y = data[0][:, :3], data[1]

    def loss(p):
        error = y - X @ p[:3] * 100 - p[3] * 100
        return ggd_nll(error, np.exp(p[4]), np.exp(p[5])).mean()

    start = np.r_[np.zeros(3), y.mean() / 100, np.log(y.std()), np.log(2)]
    rival = minimize(loss, start, method="BFGS", options={"gtol": 1e-9})
    model = GeneralizedGaussianLinearRegressor((1, 10)).fit(X, y)
    assert -model.score_samples(X, y).mean() <= rival.fun + 1e-9
    assert_allclose(model.shape_, np.exp(rival.x[5]), rtol=1e-5)
    assert_allclose(model.scale_, np.exp(rival.x[4]), rtol=1e-5)


def test_shape_has_no_slope_at_the_optimum():
    draws = gennorm.rvs(1.3, scale=2, size=4000, random_state=np.random.default_rng(12345))
    model = GeneralizedGaussianLinearRegressor().fit(np.zeros((4000, 1)), draws)
    distance, b = np.abs(draws - model.intercept_), model.shape_
    powers = distance**b
    score = 1 + digamma(1 / b) / b - powers @ np.log(distance) / powers.sum()
    assert abs(score + np.log(b * powers.mean()) / b) < 1e-5
    assert_allclose(model.scale_**b, b * powers.mean(), rtol=1e-10)
    # Around 0, as found by scipy.
    model = GeneralizedGaussianLinearRegressor(fit_intercept=False).fit(np.zeros((4000, 1)), draws)
    shape, _, scale = gennorm.fit(draws, floc=0)
    assert_allclose([model.shape_, model.scale_], [shape, scale], rtol=1e-4)
    assert_allclose([model.shape_, model.scale_], [1.344361, 2.045460], rtol=1e-6)
    assert_allclose(-model.score_samples(np.zeros((4000, 1)), draws).mean(), 2.066709, rtol=1e-6)


@pytest.mark.parametrize(("shape", "location"), [(1, np.median), (2, np.mean)])
def test_a_location_alone_is_the_median_or_the_mean(shape, location):
    y = np.random.default_rng(0).lognormal(size=101)
    assert_allclose(fixed(shape).fit(np.zeros((101, 1)), y).intercept_, location(y), rtol=1e-10)


def test_weights_equal_repetition(data):
    X, y = data
    counts = np.random.default_rng(0).integers(0, 4, size=len(y))
    model = GeneralizedGaussianLinearRegressor()
    weighted = model.fit(X, y, sample_weight=counts).coef_, model.scale_, model.shape_
    model.fit(X.repeat(counts, axis=0), y.repeat(counts))
    for found, expected in zip(weighted, (model.coef_, model.scale_, model.shape_), strict=True):
        assert_allclose(found, expected, rtol=1e-10)


@pytest.mark.parametrize("shape", [1.02, 1.05])
def test_copies_of_rows_next_to_shape_1(shape, data):
    X, y = data[0][:150], data[1][:150]
    counts = np.random.default_rng(0).integers(0, 4, size=len(y))
    for n_copies in (np.full(len(y), 3), counts):
        weighted = fixed(shape).fit(X, y, sample_weight=n_copies)
        repeated = fixed(shape).fit(X.repeat(n_copies, axis=0), y.repeat(n_copies))
        assert repeated.converged_
        assert_allclose(repeated.coef_, weighted.coef_, rtol=1e-10)


@pytest.mark.parametrize("unit", [1e-300, 1e-170, 1e160, 1e200])
def test_the_unit_of_outcomes_does_not_matter(unit, data):
    X, y = data[0][:100], data[1][:100]
    model = GeneralizedGaussianLinearRegressor()
    coef, shape = model.fit(X, y).coef_, model.shape_
    model.fit(X, y * unit)
    assert_allclose(model.coef_ / unit, coef, rtol=1e-6)
    assert_allclose(model.shape_, shape, rtol=1e-6)


def test_predicted_quantiles(data):
    X, y = data
    model = GeneralizedGaussianLinearRegressor().fit(X, y)
    q = model.predict_quantile(X, [0.1, 0.5, 0.9])
    loc, scale, shape = model.predict_distribution(X)
    assert_allclose(q[:, 1], model.predict(X), rtol=1e-12)
    assert_allclose(gennorm.cdf(q, shape[:, None], loc[:, None], scale[:, None])[:, 2], 0.9)
    assert_allclose(model.predict_quantile(X, 0.1), q[:, 0])
    expected = gennorm.var(shape, loc, scale)
    assert_allclose(model.aleatoric_variance(X), expected, rtol=1e-10)


def test_a_shape_on_a_bound_is_said():
    y = np.linspace(-1, 1, 101)
    with pytest.warns(UserWarning, match="The shape is on its bound 4"):
        GeneralizedGaussianLinearRegressor().fit(np.zeros((101, 1)), y)


def test_a_constant_outcome_is_said():
    with pytest.warns(UserWarning, match="y is constant"):
        model = GeneralizedGaussianLinearRegressor().fit([[1.0], [2.0]], [3.0, 3.0])
    assert model.predict([[5.0]]) == 3


@pytest.mark.parametrize("bounds", [(0, 1), (2, 1), (1, 21), (1,), "ab", (1, np.nan)])
def test_bounds_that_mean_nothing(data, bounds):
    with pytest.raises(ValueError, match="shape_bounds"):
        GeneralizedGaussianLinearRegressor(bounds).fit(*data)
