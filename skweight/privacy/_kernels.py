"""The kernels: how similar two points are, as a function of their distance in bandwidths."""

import math

import numpy as np
from scipy.special import logsumexp
from sklearn.metrics.pairwise import manhattan_distances

# From the name of a kernel to the distance t that it is a function of, in units of the bandwidth.
DISTANCES = {
    "gaussian": "euclidean",
    "exponential": "euclidean",
    "laplacian": "manhattan",
    "rational_sqeuclidean": "euclidean",
    "rational_euclidean": "euclidean",
    "rational_manhattan": "manhattan",
}
# Those that are an average over s of exp(-s t), or of exp(-s t^2), for exponential s.
RATIONAL = ("rational_sqeuclidean", "rational_euclidean", "rational_manhattan")

# Rows of a block of exact kernel values have so many of them.
_ROOM = 1 << 20


def profile(kernel, t):
    """Return the kernel at distances of t bandwidths.

    Parameters
    ----------
    kernel : str
        Name of the kernel.
    t : ndarray
        Distances, at least 0.

    Returns
    -------
    ndarray
        Values in [0, 1].
    """
    if kernel == "gaussian":
        return np.exp(-0.5 * t * t)
    if kernel in ("exponential", "laplacian"):
        return np.exp(-t)
    if kernel == "rational_sqeuclidean":
        return 1 / (1 + t * t)
    return 1 / (1 + t)


def log_profile(kernel, t):
    """Return the logarithm of the kernel, also where the kernel itself is too small a number."""
    if kernel == "gaussian":
        return -0.5 * t * t
    if kernel in ("exponential", "laplacian"):
        return -t
    return -np.log1p(t * t if kernel == "rational_sqeuclidean" else t)


def log_normaliser(kernel, bandwidth, n_features):
    """Return the logarithm of a kernel's integral over space, 0 where that is infinite."""
    d, log_h = n_features, math.log(bandwidth)
    if kernel == "gaussian":
        return d * (0.5 * math.log(2 * math.pi) + log_h)
    if kernel == "exponential":
        sphere = math.log(2) + 0.5 * d * math.log(math.pi) - math.lgamma(0.5 * d)
        return sphere + math.lgamma(d) + d * log_h
    if kernel == "laplacian":
        return d * (math.log(2) + log_h)
    if kernel == "rational_sqeuclidean" and d == 1:
        return math.log(math.pi) + log_h
    return 0.0


def exact_sums(kernel, bandwidth, X, Y, weight=None):
    """Return sums of the kernel between rows and queries, one pair after the other.

    Parameters
    ----------
    kernel : str
        Name of the kernel.
    bandwidth : float
        Unit of distances.
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Rows.
    Y : {ndarray, sparse matrix} of shape (n_queries, n_features)
        Queries.
    weight : ndarray of shape (n_samples,) or None, default=None
        Weights of the rows.

    Returns
    -------
    ndarray of shape (n_queries,)
        The sums.
    """
    sums = np.zeros(Y.shape[0])
    for part, t in _distance_blocks(kernel, bandwidth, X, Y):
        values = profile(kernel, t)
        sums[part] = values.sum(axis=1) if weight is None else values @ weight
    return sums


def exact_log_sums(kernel, bandwidth, X, Y, weight=None):
    """Return the logarithms of `exact_sums`, also where the sums are too small for a number."""
    sums = np.empty(Y.shape[0])
    for part, t in _distance_blocks(kernel, bandwidth, X, Y):
        sums[part] = logsumexp(log_profile(kernel, t), axis=1, b=weight)
    return sums


def _distance_blocks(kernel, bandwidth, X, Y):
    """Yield some queries at a time, and their distances from all rows in bandwidths."""
    size = max(1, _ROOM // max(1, X.shape[0]))
    for start in range(0, Y.shape[0], size):
        part = slice(start, start + size)
        yield part, _distances(kernel, X, Y[part]) / bandwidth


def _distances(kernel, X, Y):
    from scipy.sparse import issparse
    from scipy.spatial.distance import cdist
    from sklearn.metrics.pairwise import euclidean_distances

    metric = DISTANCES[kernel]
    if not (issparse(X) or issparse(Y)):
        return cdist(Y, X, "cityblock" if metric == "manhattan" else metric)
    return manhattan_distances(Y, X) if metric == "manhattan" else euclidean_distances(Y, X)
