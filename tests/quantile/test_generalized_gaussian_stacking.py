"""Models with predict_quantile as base models of a stack."""

import numpy as np
from numpy.testing import assert_allclose
from sklearn.datasets import load_diabetes
from sklearn.linear_model import QuantileRegressor

from skweight.quantile import GeneralizedGaussianLinearRegressor, QuantileStackingRegressor
from skweight.quantile._adapters import quantile_model

LEVELS = np.array([0.1, 0.5, 0.9])


def test_quantiles_are_the_distributions():
    X, y = load_diabetes(return_X_y=True)
    found = quantile_model(GeneralizedGaussianLinearRegressor(), LEVELS).fit(X, y)
    expected = GeneralizedGaussianLinearRegressor().fit(X, y).predict_quantile(X, LEVELS)
    assert_allclose(found.predict_quantiles(X), expected, rtol=1e-12)
    assert_allclose(found.predict_quantiles(X, [0.5]), expected[:, 1:2], rtol=1e-12)


def test_a_stack_takes_it():
    X, y = load_diabetes(return_X_y=True)
    bases = [
        ("errors", GeneralizedGaussianLinearRegressor()),
        ("median", QuantileRegressor(alpha=1)),
    ]
    stack = QuantileStackingRegressor(bases, quantiles=LEVELS).fit(X, y)
    alone = QuantileStackingRegressor(bases[1:], quantiles=LEVELS).fit(X, y)
    assert stack.score(X, y) > alone.score(X, y)
