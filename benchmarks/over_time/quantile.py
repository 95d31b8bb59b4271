"""Timings of the quantile room that asv follows over the history of the project."""

import warnings

import numpy as np
from sklearn.datasets import load_diabetes

from benchmarks._quantile_forecasts import draw
from skweight.quantile import (
    QuantileStackingRegressor,
    noncross_isotonic,
    noncross_sort,
    quantile_stacking_weights,
)

warnings.simplefilter("ignore")

MODELS = 6


class Weights:
    """Weights of ready forecasts, few and many rows, with and without crossing allowed."""

    params = (
        [(2000, 19, "coarse"), (2000, 19, "medium"), (100_000, 20, "coarse"), (1000, 9, "fine")],
    )
    param_names = ("shape and weighting",)
    timeout = 120

    def setup(self, case):
        n, m, self.weighting = case
        self.forecasts = draw(n, MODELS, m)

    def time_weights(self, case):
        quantile_stacking_weights(*self.forecasts, weighting=self.weighting)

    def peakmem_weights(self, case):
        quantile_stacking_weights(*self.forecasts, weighting=self.weighting)

    def track_iterations(self, case):
        return quantile_stacking_weights(*self.forecasts, weighting=self.weighting).n_iter


class NonCrossing:
    """Weights under hard constraints."""

    timeout = 120

    def setup(self):
        self.forecasts = draw(500, MODELS, 19)

    def time_weights(self):
        quantile_stacking_weights(*self.forecasts, noncrossing=True)


class Repair:
    """Rows that cross, put in order."""

    params = ([(100_000, 99), (1_000_000, 20)],)
    param_names = ("shape",)

    def setup(self, shape):
        self.forecast = np.random.default_rng(0).normal(size=shape)
        noncross_isotonic(self.forecast)  # compiles

    def time_isotonic(self, shape):
        noncross_isotonic(self.forecast)

    def time_sort(self, shape):
        noncross_sort(self.forecast)


class Estimator:
    """The stack with its default base models, and predictions."""

    timeout = 120

    def setup(self):
        self.X, self.y = load_diabetes(return_X_y=True)
        self.fitted = QuantileStackingRegressor(random_state=0).fit(self.X, self.y)

    def time_fit(self):
        QuantileStackingRegressor(random_state=0).fit(self.X, self.y)

    def time_predict_quantiles(self):
        self.fitted.predict_quantiles(self.X)
