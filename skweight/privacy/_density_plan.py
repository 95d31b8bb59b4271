"""Which sketch a private kernel density releases, and with how much noise; all of it is public."""

import math
from dataclasses import dataclass

import numpy as np

from skweight.privacy import _race
from skweight.privacy._bernstein import BernsteinSketch, lattice_size
from skweight.privacy._calibration import gaussian_z
from skweight.privacy._class_noise import ClassNoise
from skweight.privacy._feature_steps import LARGEST
from skweight.privacy._feature_sums import FeatureMap, random_projection
from skweight.privacy._frequencies import draw_frequencies
from skweight.privacy._hadamard import HadamardFrequencies
from skweight.privacy._histogram_density import HistogramSketch, histogram_cells
from skweight.privacy._kernels import DISTANCES
from skweight.privacy._tree_split import Budget

# Random features where their number is not given: at the least, and at the most.
_FEWEST, _MOST = 16, 4096
# More pure features than this times the number of rows times epsilon make things worse.
_PURE_SHARE = 0.35
_MOST_BERNSTEIN = 3
# Noise of a larger scale cannot be drawn.
LARGEST_SCALES = {"laplace": 2**56, "gaussian": 2**44}
_TOO_MUCH = (
    "epsilon is too small for noise that fits into 64 bits: want a larger one, or fewer n_features."
)


@dataclass(frozen=True)
class DensityOptions:
    """The public parameters of a sketch, as in `PrivateKernelDensity`.

    Parameters
    ----------
    kernel, bandwidth, algorithm, n_features, n_components, structured, rational_terms
        See there; the bandwidth is a number.
    bernstein_degree, projection_seed, compute_dtype, n_hint
        See there.
    """

    kernel: str
    bandwidth: float
    algorithm: str
    n_features: int | None
    n_components: int | None
    structured: bool
    rational_terms: str | int
    bernstein_degree: int | None
    projection_seed: int
    compute_dtype: str
    n_hint: int


class FeatureSketch:
    """Sums of random features, as in `FeatureMap`.

    Parameters
    ----------
    rows : FeatureMap
        The map from rows to features.
    """

    name = "features"
    counts_rows = False

    def __init__(self, rows):
        self.rows = rows
        self.largest = rows.largest
        self.schema = {"frequencies": rows.digest}

    def moved(self, copies):
        """Return by how much neighbours differ: sums of magnitudes, and of squares."""
        return copies * self.rows.absolute, copies**2 * self.rows.squared

    def sums(self, X, weight=None, n_jobs=None):
        """Add up the integers of private rows."""
        return self.rows.sums(X, weight, n_jobs)

    def total(self, sums):
        """Return None: features do not tell the number of rows."""
        return None

    def kernel_sums(self, Y, sums):
        """Return estimated sums of kernels at queries."""
        return self.rows.kernel_sums(Y, np.asarray(sums, dtype=float))

    def gains(self, Y):
        """Return variances of sums of kernels for noise of variance 1."""
        return self.rows.query_norms(Y) ** 2


def check_options(options, n_features):
    """Return the algorithm, or raise where it does not go with other parameters."""
    kernel, algorithm = options.kernel, options.algorithm
    if algorithm == "auto":
        one = n_features == 1 and options.n_components is None
        algorithm = "histogram" if one else "features"
    if algorithm == "histogram" and n_features != 1:
        raise ValueError(f"algorithm='histogram' needs one feature, got {n_features}.")
    if algorithm == "bernstein" and n_features > _MOST_BERNSTEIN:
        raise ValueError(
            f"algorithm='bernstein' needs at most {_MOST_BERNSTEIN} features, got {n_features}."
        )
    known = _race.KERNELS + (_race.KERNELS_1D if n_features == 1 else ())
    if algorithm == "race" and kernel not in known:
        raise ValueError(
            f"algorithm='race' is for kernel='laplacian' or 'rational_manhattan', got {kernel!r}."
        )
    if options.n_components is not None and algorithm != "features":
        raise ValueError(f"n_components needs algorithm='features', got {algorithm!r}.")
    if algorithm == "features" and DISTANCES[kernel] != "euclidean":
        for name, value in (
            ("structured=True", options.structured),
            ("n_components", options.n_components is not None),
        ):
            if value:
                raise ValueError(f"{name} is for kernels of Euclidean distances, got {kernel!r}.")
    return algorithm


def number_of_features(options, kind, epsilon, copies):
    """Return the number of random features: with pure noise, no more than help."""
    if options.n_features is not None:
        return options.n_features
    most = _MOST
    if kind == "laplace":
        most = int(min(_MOST, _PURE_SHARE * options.n_hint * epsilon / copies))
    least = _FEWEST if options.rational_terms == "random" else options.rational_terms
    return max(least, most)


def make_sketch(options, bounds, budget):
    """Return the sketch.

    Parameters
    ----------
    options : DensityOptions
        Parameters.
    bounds : ndarray of shape (2, n_features)
        Bounds of rows.
    budget : Budget
        What the release may cost.

    Returns
    -------
    FeatureSketch, HistogramSketch, BernsteinSketch or RaceSketch
        The sketch.
    """
    kernel, bandwidth, dtype = options.kernel, options.bandwidth, options.compute_dtype
    algorithm = check_options(options, bounds.shape[1])
    count_noise = noise_deviation(budget) * budget.copies**0.5
    if algorithm == "histogram":
        width = float(bounds[1, 0] - bounds[0, 0])
        n_cells = histogram_cells(kernel, bandwidth, width, options.n_hint, count_noise)
        return HistogramSketch(kernel, bandwidth, bounds, dtype, n_cells)
    if algorithm == "bernstein":
        rates = tuple(((bounds[1] - bounds[0]) / bandwidth).tolist())
        noise = budget.kind, count_noise
        size = lattice_size(kernel, rates, options.n_hint, noise, options.bernstein_degree)
        return BernsteinSketch(kernel, bandwidth, bounds, dtype, *size[:2])
    n_random = number_of_features(options, budget.kind, budget.epsilon, budget.copies)
    if algorithm == "race":
        return _race.RaceSketch(kernel, bandwidth, bounds, dtype, n_random, options.projection_seed)
    return FeatureSketch(feature_map(options, bounds, n_random))


def feature_map(options, bounds, n_random):
    """Return the map from rows to random features."""
    n_columns = bounds.shape[1]
    projection = None
    if options.n_components is not None:
        seed = options.projection_seed
        projection = random_projection(n_columns, options.n_components, seed)
        n_columns = options.n_components
    draw = HadamardFrequencies if options.structured else draw_frequencies
    frequencies = draw(
        options.kernel,
        options.bandwidth,
        n_columns,
        n_random,
        options.projection_seed,
        rational_terms=options.rational_terms,
    )
    return FeatureMap(bounds, frequencies, options.compute_dtype, projection)


def make_noise(sketch, budget, count_share):
    """Return the noise of the sketch, and of the number of rows unless its share is 0.

    Parameters
    ----------
    sketch : object
        The sketch.
    budget : Budget
        What the release may cost.
    count_share : float
        Share of epsilon with Laplace noise, and weight of a constant feature with Gaussian noise.

    Returns
    -------
    ClassNoise
        Noise of "sums" and "counts".
    """
    absolute, squared = sketch.moved(budget.copies)
    share = count_share if budget.kind == "laplace" else count_share / (1 + count_share)
    # A row that is replaced moves the sums by twice as much, as they say; it does not move a number
    # of rows, and moves a sum of weights by one weight.
    one = Budget(budget.epsilon, budget.delta, budget.kind, 1, budget.units)
    noise = ClassNoise(one, absolute, squared, share)
    if noise.scales["sums"] > LARGEST_SCALES[budget.kind]:
        raise ValueError(_TOO_MUCH)
    return noise


def predicted_error(options, n_features, budget, bounds):
    """Return how wrong sums of kernels are, up to what both kinds of noise have in common.

    Parameters
    ----------
    options : DensityOptions
        Parameters.
    n_features : int
        Number of features of rows.
    budget : Budget
        What the release may cost, with the kind of noise.
    bounds : ndarray of shape (2, n_features) or None
        Bounds of rows, if they are known.

    Returns
    -------
    float
        The standard deviation of the noise, for "bernstein" with the error of polynomials.
    """
    algorithm = check_options(options, n_features)
    deviation, copies = noise_deviation(budget), budget.copies
    pure = budget.kind == "laplace"
    n_random = number_of_features(options, budget.kind, budget.epsilon, copies)
    if algorithm == "features":
        scale = n_random * LARGEST * copies * budget.units
        scale *= math.sqrt(2) / budget.epsilon if pure else deviation / math.sqrt(n_random)
        if scale > LARGEST_SCALES[budget.kind] / 4:
            raise ValueError(_TOO_MUCH)
        return deviation * copies * (math.sqrt(2 * n_random) if pure else 1)
    if algorithm == "bernstein":
        if bounds is None:
            return math.inf if pure else 0.0
        rates = tuple(((bounds[1] - bounds[0]) / options.bandwidth).tolist())
        noise = budget.kind, deviation * copies**0.5
        return lattice_size(options.kernel, rates, options.n_hint, noise, options.bernstein_degree)[
            2
        ]
    deviation *= copies if pure else math.sqrt(copies)
    return deviation * (math.sqrt(n_random) if pure and algorithm == "race" else 1)


def noise_deviation(budget):
    """Return the standard deviation of noise for a sensitivity of 1."""
    if budget.kind == "laplace":
        return math.sqrt(2) / budget.epsilon
    return gaussian_z(budget.epsilon, budget.delta)
