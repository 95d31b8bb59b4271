"""Timings of the fairness room that asv follows over the history of the project."""

import warnings

import numpy as np

from benchmarks._fairness_values import draw_mixture, draw_numeric
from skweight.fairness import (
    DistanceCovarianceClassifier,
    DistanceCovarianceRegressor,
    concatenated_distance_covariance,
    distance_covariance,
)

warnings.simplefilter("ignore")


class OneAttribute:
    """Value and gradient for one numeric attribute."""

    params = ([10_000, 100_000],)
    param_names = ("rows",)

    def setup(self, n):
        self.y, s = draw_numeric(n)
        self.s = s[:, 0]
        distance_covariance(self.y, self.s, return_gradient=True)  # compiles

    def time_exact(self, n):
        distance_covariance(self.y, self.s, return_gradient=True)

    def time_smoothed(self, n):
        distance_covariance(self.y, self.s, smoothing=1e-4, return_gradient=True)


class Mixture:
    """Value and gradient for a mixture of discrete attributes, some 700 cells."""

    params = ([10_000, 100_000],)
    param_names = ("rows",)

    def setup(self, n):
        self.y, self.blocks = draw_mixture(n)
        concatenated_distance_covariance(self.y, self.blocks, return_gradient=True)  # compiles

    def time_value_and_gradient(self, n):
        concatenated_distance_covariance(self.y, self.blocks, return_gradient=True)

    def peakmem_value_and_gradient(self, n):
        concatenated_distance_covariance(self.y, self.blocks, return_gradient=True)


class ManyAttributes:
    """Value and gradient for eight numeric attributes, over all pairs of rows."""

    timeout = 120

    def setup(self):
        self.y, self.s = draw_numeric(10_000, 8)
        distance_covariance(self.y, self.s, return_gradient=True)  # compiles

    def time_value_and_gradient(self):
        distance_covariance(self.y, self.s, return_gradient=True)

    def peakmem_value_and_gradient(self):
        distance_covariance(self.y, self.s, return_gradient=True)


class Fits:
    """Whole fits on simulated rows, two attributes of which two columns are stand-ins."""

    params = ([0, 3, 30],)
    param_names = ("fairness_alpha",)
    timeout = 120

    def setup(self, strength):
        rng = np.random.default_rng(0)
        n = 5000
        sex, age = rng.integers(0, 2, size=n), rng.integers(18, 97, size=n)
        self.sensitive = np.column_stack([sex, age])
        self.X = rng.normal(size=(n, 10))
        self.X[:, 0] += sex
        self.X[:, 1] += (age - 57) / 20
        eta = self.X[:, :3].sum(axis=1)
        self.labels = (rng.uniform(size=n) < 1 / (1 + np.exp(-eta))).astype(int)
        self.counts = rng.poisson(0.1 * np.exp(0.3 * eta))
        self.time_classifier(strength)  # compiles

    def time_classifier(self, strength):
        model = DistanceCovarianceClassifier(strength)
        model.fit(self.X, self.labels, sensitive_features=self.sensitive)

    def time_poisson(self, strength):
        model = DistanceCovarianceRegressor(strength, loss="poisson")
        model.fit(self.X, self.counts, sensitive_features=self.sensitive)

    def track_iterations(self, strength):
        model = DistanceCovarianceClassifier(strength)
        return model.fit(self.X, self.labels, sensitive_features=self.sensitive).n_iter_
