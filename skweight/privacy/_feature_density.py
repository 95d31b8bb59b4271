"""Kernel sums from sums of random features, and how many of them help."""

from dataclasses import replace
from functools import lru_cache

import numpy as np

from skweight.privacy._even_points import even_points
from skweight.privacy._feature_sums import FeatureMap, random_projection
from skweight.privacy._frequencies import draw_frequencies
from skweight.privacy._hadamard import HadamardFrequencies
from skweight.privacy._kernels import exact_sums

_FEWEST, _MOST = 16, 4096
# Numbers of features that are tried; others follow from them.
_TRIED = (32, 128, 512)
_N_ROWS, _N_QUERIES, _N_CLUSTERS = 256, 64, 8


class FeatureSketch:
    """Sums of random features; all of it but the sums is public.

    Parameters
    ----------
    rows : FeatureMap
        The map from rows to features.

    Attributes
    ----------
    name : str
        What is released.
    schema : dict
        What must agree for a merge.
    counts_rows : bool
        Whether the number of rows is in it.
    largest : int
        The largest magnitude of an integer of a row.
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


def feature_map(options, bounds, n_random):
    """Return the map from rows to random features.

    Parameters
    ----------
    options : DensityOptions
        Parameters.
    bounds : ndarray of shape (2, n_features)
        Bounds of rows.
    n_random : int
        Number of frequencies.

    Returns
    -------
    FeatureMap
        The map.
    """
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


def helpful_features(options, bounds, noise):
    """Return the number of random features with the least error, or nearly.

    How random features are is found out on points that are made up, in clusters within the bounds,
    so that the number depends on public quantities alone.

    Parameters
    ----------
    options : DensityOptions
        Parameters.
    bounds : ndarray of shape (2, n_features)
        Bounds of rows.
    noise : callable
        From numbers of features to the standard deviation of the noise on a sum of kernels.

    Returns
    -------
    int
        A power of 2, or as many as the terms of a rational kernel.
    """
    # What does not change the law of the features is left out.
    kept = replace(
        options, algorithm="features", n_features=None, n_hint=1, compute_dtype="float64"
    )
    constant, exponent = _random_error(kept, tuple(map(tuple, bounds.tolist())))
    numbers = 2 ** np.arange(_FEWEST.bit_length() - 1, _MOST.bit_length())
    errors = np.hypot(options.n_hint * constant * numbers**-exponent, noise(numbers))
    # Fewer take less time.
    number = int(numbers[np.argmax(errors <= 1.05 * errors.min())])
    return number if options.rational_terms == "random" else max(number, options.rational_terms)


@lru_cache(maxsize=64)
def _random_error(options, bounds):
    """Return c and a of the random error ``c * q ** -a`` of a mean kernel with q features."""
    low, high = bounds = np.array(bounds)
    rng = np.random.RandomState(0)
    centres = even_points(_N_CLUSTERS, len(low), rng)
    points = centres[rng.randint(_N_CLUSTERS, size=_N_ROWS + _N_QUERIES)]
    points = np.clip(points + 0.1 * rng.standard_normal(points.shape), 0, 1)
    points = low + points * (high - low)
    rows, queries = points[:_N_ROWS], points[_N_ROWS:]
    exact = exact_sums(options.kernel, options.bandwidth, rows, queries)
    errors = []
    for number in _TRIED:
        features = feature_map(options, bounds, number)
        wrong = features.kernel_sums(queries, features.sums(rows)) - exact
        errors.append(np.sqrt(np.mean(wrong**2)) / _N_ROWS + 1e-12)
    slope = np.polyfit(np.log(_TRIED), np.log(errors), 1)[0]
    exponent = float(np.clip(-slope, 0.4, 1.5))
    constant = np.exp(np.mean(np.log(errors) + exponent * np.log(_TRIED)))
    return float(constant), exponent
