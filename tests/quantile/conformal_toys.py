"""Models for the tests of conformal calibration: cheap, wrong on purpose, and counted."""

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LinearRegression


class Columns(RegressorMixin, BaseEstimator):
    """Forecast normal quantiles around the first column of X, with a wrong spread."""

    def __init__(self, spread=0.7, quantiles=None):
        self.spread = spread
        self.quantiles = quantiles

    def fit(self, X, y, sample_weight=None):
        self.n_features_in_ = np.shape(X)[1]
        self.weight_ = sample_weight
        return self

    def predict_quantiles(self, X, quantiles):
        from scipy.stats import norm

        return np.asarray(X)[:, :1] + self.spread * norm.ppf(quantiles)

    def predict(self, X):
        return np.asarray(X)[:, 0]


class CountedLine(RegressorMixin, BaseEstimator):
    """Forecast a fitted line plus quantiles of its residuals, and count the fits of the class."""

    fits = 0

    def __init__(self, fit_intercept=True):
        self.fit_intercept = fit_intercept

    def fit(self, X, y, sample_weight=None):
        type(self).fits += 1
        self.line_ = LinearRegression(fit_intercept=self.fit_intercept).fit(X, y, sample_weight)
        self.residuals_ = y - self.line_.predict(X)
        return self

    def predict_quantiles(self, X, quantiles):
        return self.line_.predict(X)[:, None] + np.quantile(self.residuals_, quantiles)

    def predict(self, X):
        return self.line_.predict(X)


def draw(rng, n, n_features=2):
    """Draw rows with outcomes around their first column, the noisier the larger the second is."""
    X = rng.normal(size=(n, n_features))
    return X, X[:, 0] + rng.normal(size=n) * np.exp(X[:, 1] / 2)


def line(n=120, seed=0):
    """Draw rows for `CountedLine`."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    return X, X @ [1.0, -2.0, 0.0] + rng.standard_t(4, size=n)
