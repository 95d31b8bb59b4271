"""Timings of the privacy room that asv follows over the history of the project."""

import warnings
from fractions import Fraction

import numpy as np
from sklearn.datasets import load_digits

from skweight.privacy import (
    PrivateDistanceSum,
    PrivateKernelDensity,
    PrivateSimilarityClassifier,
    SketchKernelDensity,
)
from skweight.privacy._noise import LaplaceNoise, RoundedGaussian, noise_source

warnings.simplefilter("ignore")


class Noise:
    """Numbers of noise in bulk."""

    params = (["laplace", "gaussian"], [10, 100_000])
    param_names = ("kind", "scale")

    def setup(self, kind, scale):
        self.noise = LaplaceNoise(Fraction(scale)) if kind == "laplace" else RoundedGaussian(scale)
        self.time_draw(kind, scale)  # compiles

    def time_draw(self, kind, scale):
        self.noise.draw(1 << 20, noise_source(None)[0])


class Distances:
    """Sums of distances: a release, and queries in one batch and alone."""

    params = ([(1_000_000, 1), (100_000, 100)], ["integrated", "sums", "rings"])
    param_names = ("shape", "method")
    timeout = 120

    def setup(self, shape, method):
        rng = np.random.default_rng(0)
        self.X = rng.random(shape)
        self.Y = rng.random((50 if method == "rings" else 10_000, shape[1]))
        self.model = PrivateDistanceSum(bounds=(0, 1), method=method).fit(self.X)

    def time_fit(self, shape, method):
        PrivateDistanceSum(bounds=(0, 1), method=method).fit(self.X)

    def time_queries(self, shape, method):
        self.model.distance_sum(self.Y)

    def time_one_query(self, shape, method):
        self.model.distance_sum(self.Y[:1])

    def peakmem_fit(self, shape, method):
        PrivateDistanceSum(bounds=(0, 1), method=method).fit(self.X)


class Kernels:
    """Random features: a release, and queries."""

    params = (["float64", "float32"], [False, True])
    param_names = ("compute_dtype", "structured")
    timeout = 120

    def setup(self, dtype, structured):
        self.X = np.random.default_rng(0).random((10_000, 100))
        self.parameters = {
            "bandwidth": 1.5,
            "delta": 1e-6,
            "bounds": (0, 1),
            "compute_dtype": dtype,
            "structured": structured,
        }
        self.model = PrivateKernelDensity(**self.parameters).fit(self.X)

    def time_fit(self, dtype, structured):
        PrivateKernelDensity(**self.parameters).fit(self.X)

    def time_queries(self, dtype, structured):
        self.model.kernel_sum(self.X[:1000])


class Sketch:
    """Densities without privacy."""

    params = ([1, 2, 10],)
    param_names = ("columns",)

    def setup(self, columns):
        self.X = np.random.default_rng(0).random((50_000, columns))
        self.model = SketchKernelDensity(bandwidth=0.3, random_state=0).fit(self.X)

    def time_fit(self, columns):
        SketchKernelDensity(bandwidth=0.3, random_state=0).fit(self.X)

    def time_queries(self, columns):
        self.model.score_samples(self.X[:500])


class Digits:
    """The classifier on real rows."""

    params = ([0.0, 1e-5],)
    param_names = ("delta",)

    def setup(self, delta):
        self.X, self.y = load_digits(return_X_y=True)
        self.model = PrivateSimilarityClassifier(delta=delta, bounds=(0, 16), classes=range(10))

    def time_fit(self, delta):
        self.model.fit(self.X, self.y)

    def track_accuracy(self, delta):
        return np.mean([self.model.fit(self.X, self.y).score(self.X, self.y) for _ in range(10)])
