"""Models with predict_quantile as base models of a stack."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_diabetes
from sklearn.linear_model import QuantileRegressor

from skweight.quantile import (
    GeneralizedGaussianLinearRegressor,
    GeneralizedGaussianRegressor,
    QuantileStackingRegressor,
)
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


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_stack_takes_the_networks_beside_the_line():
    pytest.importorskip("torch")
    X, y = load_diabetes(return_X_y=True)
    X, y = X[:120], y[:120]
    small = {"hidden_layer_sizes": (4,), "max_iter": 5, "random_state": 0}
    networks = GeneralizedGaussianRegressor(2, **small)
    bases = [("errors", GeneralizedGaussianLinearRegressor()), ("networks", networks)]
    stack = QuantileStackingRegressor(bases, quantiles=LEVELS, cv=2).fit(X, y)
    assert len(stack.estimators_) == 2
    # Fitted again on all rows, the networks are those that one fits alone.
    expected = networks.fit(X, y).predict_quantile(X, LEVELS)
    alone = QuantileStackingRegressor(bases[1:], quantiles=LEVELS, cv=2).fit(X, y)
    assert_allclose(alone.predict_quantiles(X), expected, rtol=1e-10)
