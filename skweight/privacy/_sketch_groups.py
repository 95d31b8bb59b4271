"""Several independent sketches of the same rows, which tell how wrong their mean is."""

from dataclasses import replace

import numpy as np
from scipy import sparse
from scipy.stats import t as student

from skweight.privacy._density_options import check_options
from skweight.privacy._feature_density import FeatureSketch, feature_map
from skweight.privacy._histogram_density import HistogramSketch
from skweight.privacy._race import RaceSketch

# Rows are not clipped; this keeps arithmetic finite.
_HUGE = 1e300
# Steps of a grid for each bandwidth, and the most in all.
_FINE, _MOST_CELLS = 32, 1 << 16
# Bits of the largest weight, and of all sums together.
_WEIGHT_BITS, _SUM_BITS = 20, 62
# Below, what a grid says is rounding.
_LEAST = 1e-12
# Queries are answered from so many sketches first, and from all where that is not enough.
_FIRST = 3


class SketchGroups:
    """Sketches with independent randomness, and the sums of rows in them.

    Parameters
    ----------
    options : DensityOptions
        The sketch, with `n_features` of all of them.
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Rows.
    weight : ndarray of shape (n_samples,) or None
        Weights above 0.
    seeds : list of int
        Seeds, at least as many as sketches.
    n_jobs : int or None
        Number of threads.

    Attributes
    ----------
    sketches : list
        The sketches.
    sums : list of ndarray
        Mean features of rows, for each.
    """

    n_groups = 8

    def __init__(self, options, X, weight, seeds, n_jobs):
        algorithm = check_options(options, X.shape[1])
        self.sketches = []
        if algorithm == "histogram":
            self.sketches = [_grid(options, X)]
        else:
            least = 1 if options.rational_terms == "random" else options.rational_terms
            each = max(least, options.n_features // self.n_groups)
            for seed in seeds[: self.n_groups]:
                self.sketches.append(_random_sketch(algorithm, options, X.shape[1], each, seed))
        integers, unit = _integer_weights(weight, X.shape[0], self.sketches[0].largest)
        total = X.shape[0] if weight is None else float(integers.sum()) * unit
        self.sums = [sketch.sums(X, integers, n_jobs) * (unit / total) for sketch in self.sketches]

    def means(self, Y, rtol):
        """Return mean kernels at queries, with what is known of their errors.

        Parameters
        ----------
        Y : {ndarray, CSR matrix} of shape (n_queries, n_features)
            Queries.
        rtol : float or None
            Relative error that is allowed; None takes what all sketches give.

        Returns
        -------
        means, errors : ndarray of shape (n_queries,)
            Means, and their standard errors.
        wrong : ndarray of bool of shape (n_queries,)
            Where the error may be larger than allowed.
        """
        n_queries, n_groups = Y.shape[0], len(self.sketches)
        means, errors = np.empty(n_queries), np.zeros(n_queries)
        if n_groups == 1:
            dense = Y.toarray() if sparse.issparse(Y) else Y
            means = self.sketches[0].kernel_sums(dense, self.sums[0])
            return means, errors, means < _LEAST
        values = np.empty((n_groups, n_queries))
        wrong = np.ones(n_queries, dtype=bool)
        done = 0
        for stop in (n_groups,) if rtol is None else (_FIRST, n_groups):
            at = np.flatnonzero(wrong)
            if len(at) == 0:
                break
            for g in range(done, stop):
                values[g, at] = self.sketches[g].kernel_sums(Y[at], self.sums[g])
            means[at] = values[:stop, at].mean(axis=0)
            errors[at] = values[:stop, at].std(axis=0, ddof=1) / np.sqrt(stop)
            if rtol is not None:
                reach = student.ppf(0.975, stop - 1) * errors[at]
                wrong[at] = ~(reach <= rtol * means[at])
            done = stop
        return means, errors, wrong


def _grid(options, X):
    column = X.toarray() if sparse.issparse(X) else X
    low, high = float(column.min()), float(column.max())
    room = max(options.bandwidth, 1e-6 * (high - low))
    bounds = np.array([[low - room], [high + room]])
    cells = int(min(np.ceil((high - low + 2 * room) / options.bandwidth * _FINE), _MOST_CELLS))
    return HistogramSketch(options.kernel, options.bandwidth, bounds, "float64", cells)


def _random_sketch(algorithm, options, n_columns, n_random, seed):
    bounds = np.array([np.full(n_columns, -_HUGE), np.full(n_columns, _HUGE)])
    options = replace(options, projection_seed=seed)
    if algorithm == "features":
        return FeatureSketch(feature_map(options, bounds, n_random))
    return RaceSketch(options.kernel, options.bandwidth, bounds, "float64", n_random, seed)


def _integer_weights(weight, n_rows, largest):
    """Return weights in units that are a power of 2, so that integer weights stay exact."""
    if weight is None:
        return None, 1.0
    room = _SUM_BITS - int(largest).bit_length() - int(n_rows).bit_length()
    bits = min(_WEIGHT_BITS, room)
    exponent = int(np.frexp(weight.max())[1]) - bits
    return np.rint(np.ldexp(weight, -exponent)).astype(np.int64), float(2.0**exponent)
