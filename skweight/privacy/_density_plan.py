"""Which sketch a private kernel density releases, and with how much noise; all of it is public."""

import math

import numpy as np

from skweight.privacy._bernstein import BernsteinSketch, lattice_size
from skweight.privacy._calibration import gaussian_z
from skweight.privacy._class_noise import ClassNoise
from skweight.privacy._density_options import check_options
from skweight.privacy._distance_frames import in_type
from skweight.privacy._feature_density import FeatureSketch, feature_map, helpful_features
from skweight.privacy._feature_steps import LARGEST
from skweight.privacy._histogram_density import HistogramSketch, histogram_cells
from skweight.privacy._race import RaceSketch
from skweight.privacy._tree_split import Budget

# Hashes where their number is not given, at the least and at the most.
_FEWEST_HASHES, _MOST_HASHES = 16, 1024
# Noise of a larger scale cannot be drawn.
_LARGEST_SCALES = {"laplace": 2**56, "gaussian": 2**44}
_TOO_MUCH = (
    "epsilon is too small for noise that fits into 64 bits: want a larger one, or fewer n_features."
)


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
    in_type(np.dtype(dtype), *bounds, bounds[1] - bounds[0])
    if algorithm == "histogram":
        width = float(bounds[1, 0] - bounds[0, 0])
        deviation = noise_deviation(budget) * math.sqrt(budget.copies)
        n_cells = histogram_cells(kernel, bandwidth, width, options.n_hint, deviation)
        return HistogramSketch(kernel, bandwidth, bounds, dtype, n_cells)
    if algorithm == "bernstein":
        degree, order, _ = _lattice(options, bounds, budget)
        return BernsteinSketch(kernel, bandwidth, bounds, dtype, degree, order)
    n_random = number_of_features(options, bounds, budget, algorithm)
    if algorithm == "race":
        return RaceSketch(kernel, bandwidth, bounds, dtype, n_random, options.projection_seed)
    return FeatureSketch(feature_map(options, bounds, n_random))


def number_of_features(options, bounds, budget, algorithm):
    """Return the number of frequencies or hashes: that given, or as many as help."""
    if options.n_features is not None:
        return options.n_features
    if algorithm == "features":
        return helpful_features(options, bounds, lambda n: _feature_noise(n, budget))
    most = _MOST_HASHES
    if budget.kind == "laplace":
        # The random error and the noise are about the same where the kernel is a quarter.
        most = min(most, int(0.35 * options.n_hint * budget.epsilon / budget.copies))
    return max(most, _FEWEST_HASHES)


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
    # What a row that is replaced moves is in the numbers of the sketch. It does not move a number
    # of rows, and moves a sum of weights by one weight.
    one = Budget(budget.epsilon, budget.delta, budget.kind, 1, budget.units)
    noise = ClassNoise(one, absolute, squared, share)
    if noise.scales["sums"] > _LARGEST_SCALES[budget.kind]:
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
        The standard deviation of the noise, for "bernstein" with the error of polynomials. With as
        many random features as help, pure noise counts as the worse.
    """
    algorithm = check_options(options, n_features)
    pure = budget.kind == "laplace"
    n_random = options.n_features
    if algorithm == "features" and n_random is not None:
        noise = _feature_noise(n_random, budget)
        # On the integers, of which an answer is an average.
        if noise * math.sqrt(n_random) * LARGEST * budget.units > _LARGEST_SCALES[budget.kind] / 4:
            raise ValueError(_TOO_MUCH)
        return noise
    if algorithm == "bernstein" and bounds is not None:
        return _lattice(options, bounds, budget)[2]
    if algorithm == "histogram" or (algorithm == "race" and n_random is not None):
        moved = n_random or 1
        absolute = moved * budget.copies
        squared = moved * budget.copies
        return noise_deviation(budget) * (absolute if pure else math.sqrt(squared))
    return math.inf if pure else 0.0


def noise_deviation(budget):
    """Return the standard deviation of noise for a sensitivity of 1."""
    if budget.kind == "laplace":
        return math.sqrt(2) / budget.epsilon
    return gaussian_z(budget.epsilon, budget.delta)


def _feature_noise(n_random, budget):
    """Return the standard deviation of the noise on a sum of kernels, from some features."""
    moved = np.sqrt(2.0 * n_random) if budget.kind == "laplace" else 1.0
    return noise_deviation(budget) * budget.copies * moved * np.ones(np.shape(n_random))


def _lattice(options, bounds, budget):
    rates = tuple(((bounds[1] - bounds[0]) / options.bandwidth).tolist())
    noise = budget.kind, noise_deviation(budget) * math.sqrt(budget.copies)
    return lattice_size(options.kernel, rates, options.n_hint, noise, options.bernstein_degree)
