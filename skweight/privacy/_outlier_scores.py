"""How much a point lies among private rows, from one noisy release.

Features are taken in units of the range between their bounds, so that scores have a public range
whatever the features are measured in. Scores of private rows decide about the offset: they are
added up feature by feature, never as a matrix product, so that the score of a row depends on that
row and public numbers alone, to the bit.
"""

import math

import numpy as np

from skweight.privacy import _tree
from skweight.privacy._bounds import clipped, shortened, squared_norms
from skweight.privacy._class_noise import ClassNoise
from skweight.privacy._distance_frames import BoxFrame
from skweight.privacy._feature_sums import FeatureMap
from skweight.privacy._frequencies import draw_frequencies
from skweight.privacy._kernels import DISTANCES
from skweight.privacy._moments import STEPS, MomentPlan
from skweight.privacy._tree_plan import IntegratedTrees, TreePlan


class ManhattanScore:
    """Mean distance in the cube over the number of features, with its sign changed.

    Parameters
    ----------
    n_features : int
        Number of features.
    budget : Budget
        What the release may cost.
    options : dict
        The estimator's parameters.

    Attributes
    ----------
    largest : int
        The largest magnitude that a row adds to any sum.
    scales : dict
        Scale of the noise in each of the noisy sums.
    """

    def __init__(self, n_features, budget, options):
        self._dtype = options["compute_dtype"]
        self._n_features = n_features
        self._plan = TreePlan(
            np.full(n_features, 1 / n_features),
            budget,
            int(options["n_hint"]),
            total_known=budget.copies == 2,
        )
        self.largest = self._plan.largest

    @property
    def scales(self):
        """Scale of the noise in each of the noisy sums."""
        return {part.name: self._plan.scale_of(part.name) for part in self._plan.parts}

    def predicted_std(self):
        """Return the standard deviation of a sum of scores."""
        return self._plan.predicted_std()

    def accumulate(self, Z):
        """Add up rows of the cube from 0 to 1."""
        frame = BoxFrame(_cube(self._n_features), self._dtype, 1.0)
        return self._plan.accumulate(frame.columns(Z), len(Z))

    def draw(self, arrays, source):
        """Return noisy sums."""
        return self._plan.noisy_levels(arrays, source)

    def finish(self, noisy, total):
        """Take the noisy sums, and the number of rows where it is public."""
        self._answer = _Table(self._plan, _levels(self._plan, noisy), total)
        self.noisy_n = self._answer.total

    def score(self, Z):
        """Return scores of points of the cube or around it."""
        return -self._answer.sums(Z) / max(self.noisy_n, 1.0)

    def std(self, Z):
        """Return the standard deviation of scores by the noise in sums."""
        return self._answer.std(Z) / max(self.noisy_n, 1.0)

    def range(self):
        """Return between what the scores of all points of the cube are."""
        low, high = self._answer.extremes()
        return -high / max(self.noisy_n, 1.0), -low / max(self.noisy_n, 1.0)


class _Table(IntegratedTrees):
    """Distance sums, added up feature by feature."""

    def sums(self, position):
        last = self._table.shape[1] - 1.0
        cells = position * last
        inside = np.clip(cells, 0, last)
        beyond = np.abs(cells - inside) / last * self._slopes
        return _in_order(_tree.interpolate(self._table, inside) + beyond)

    def extremes(self):
        return self._table.min(axis=1).sum(), self._table.max(axis=1).sum()


class SquaredScore:
    """Mean squared distance in the cube over the number of features, with its sign changed.

    Parameters and attributes are those of `ManhattanScore`.
    """

    largest = STEPS

    def __init__(self, n_features, budget, options):
        self._dtype = np.dtype(options["compute_dtype"])
        self._norm_bound = 0.5 * math.sqrt(n_features)
        self._n_features = n_features
        halves = np.full(n_features, 0.5)
        known = budget.copies == 2
        self._plan = MomentPlan(halves, self._norm_bound, budget, total_known=known)

    @property
    def scales(self):
        """Scale of the noise in each of the noisy sums."""
        return {part.name: self._plan.scale_of(part.name) for part in self._plan.parts}

    def predicted_std(self):
        """Return the standard deviation of a sum of scores."""
        return self._plan.predicted_std() / self._n_features

    def accumulate(self, Z):
        """Add up rows of the cube from 0 to 1."""

        def block(rows):
            return shortened((Z[rows] - 0.5).astype(self._dtype), self._norm_bound)

        return self._plan.accumulate(block, len(Z))

    def draw(self, arrays, source):
        """Return noisy sums."""
        return self._plan.noisy_levels(arrays, source)

    def finish(self, noisy, total):
        """Take the noisy sums, and the number of rows where it is public."""
        self.noisy_n = float(noisy["number"][0, 0]) if total is None else total
        unit = self._norm_bound / STEPS / max(self.noisy_n, 1.0)
        self._mean = noisy["sum"][0] * unit
        self._mean_square = float(noisy["squares"][0, 0]) * unit * self._norm_bound

    def score(self, Z):
        """Return scores of points of the cube or around it."""
        Z = Z - 0.5
        distance = squared_norms(Z) - 2 * _in_order(Z * self._mean) + self._mean_square
        return -distance / self._n_features

    def std(self, Z):
        """Return the standard deviation of scores by the noise in sums."""
        noise = self._plan.answer_std(squared_norms(Z - 0.5))
        return noise / self._n_features / max(self.noisy_n, 1.0)

    def range(self):
        """Return between what the scores of all points of the cube are."""
        nearest = np.clip(self._mean, -0.5, 0.5)
        farthest = np.where(self._mean > 0, -0.5, 0.5)
        return tuple(float(self.score(Z[None] + 0.5)[0]) for Z in (farthest, nearest))


class KernelScore:
    """Mean kernel between a point and the rows, by random features.

    Parameters and attributes are those of `ManhattanScore`.
    """

    def __init__(self, n_features, budget, options):
        kernel = options["similarity"]
        manhattan = DISTANCES[kernel] == "manhattan"
        frequencies = draw_frequencies(
            kernel,
            options["bandwidth"] * (n_features if manhattan else math.sqrt(n_features)),
            n_features,
            options["n_features"],
            options["projection_seed"],
            rational_terms="random",
        )
        self._rows = FeatureMap(_cube(n_features), frequencies, options["compute_dtype"])
        known = budget.copies == 2
        # Where rows are replaced the number is public, and is drawn no noise for.
        share = 0.0 if known else _COUNT_SHARE
        self._noise = ClassNoise(budget, self._rows.absolute, self._rows.squared, share)
        self.largest = self._rows.largest

    @property
    def scales(self):
        """Scale of the noise in each of the noisy sums."""
        names = {"sums": "features", "counts": "number"}
        return {names[name]: float(scale) for name, scale in self._noise.scales.items()}

    def predicted_std(self):
        """Return the standard deviation of a sum of scores."""
        deviation = math.sqrt(self._noise.variance("sums"))
        return deviation * float(self._rows.query_norms(np.zeros((1, 1)))[0])

    def accumulate(self, Z):
        """Add up rows of the cube from 0 to 1."""
        arrays = {"features": self._rows.sums(Z)}
        if "counts" in self._noise.scales:
            arrays["number"] = np.array([len(Z)], dtype=np.int64)
        return arrays

    def draw(self, arrays, source):
        """Return noisy sums."""
        mechanisms = self._noise.mechanisms()
        noisy = {"features": mechanisms["sums"](arrays["features"], source)}
        if "counts" in mechanisms:
            noisy["number"] = mechanisms["counts"](arrays["number"], source)
        return noisy

    def finish(self, noisy, total):
        """Take the noisy sums, and the number of rows where it is public."""
        self.noisy_n = float(noisy["number"][0]) if total is None else total
        self._mean = noisy["features"] / max(self.noisy_n, 1.0)

    def score(self, Z):
        """Return scores of points of the cube or around it."""
        scores = [
            _in_order(self._rows.queries(Z[start : start + _BLOCK]) * self._mean)
            for start in range(0, max(1, len(Z)), _BLOCK)
        ]
        return np.concatenate(scores)

    def std(self, Z):
        """Return the standard deviation of scores by the noise in sums."""
        return np.full(len(Z), self.predicted_std() / max(self.noisy_n, 1.0))

    def range(self):
        """Return between what the scores of all points of the cube are, but for noise."""
        return 0.0, 1.0


# Share of the number of rows in the budget of a kernel.
_COUNT_SHARE = 0.1
_BLOCK = 1024


def _cube(n_features):
    return np.array([np.zeros(n_features), np.ones(n_features)])


def in_cube(X, bounds):
    """Return points in units of the bounds, each value by itself."""
    return (X - bounds[0]) / (bounds[1] - bounds[0])


def private_in_cube(X, bounds):
    """Return private rows in units of the bounds, none outside."""
    return np.clip(in_cube(clipped(X, bounds), bounds), 0, 1)


def make_score(n_features, budget, options):
    """Return the score for the parameter `similarity`."""
    kinds = {"manhattan": ManhattanScore, "sqeuclidean": SquaredScore}
    return kinds.get(options["similarity"], KernelScore)(n_features, budget, options)


def _levels(plan, noisy):
    return {part.level: noisy[part.name] for part in plan.parts}


def _in_order(values):
    """Return the sum over columns, added up in their order for each row by itself."""
    total = np.zeros(len(values))
    for column in np.ascontiguousarray(values.T):
        total += column
    return total
