"""Kernel sums from counts of rows in buckets of random hashes that collide as a kernel says.

A hash cuts each feature into cells of a random width from a random place on. With widths of the
law of the sum of two exponential variables of mean h, two points are in the same cell of a feature
with probability ``exp(-|u| / h)``, and of all features with ``exp(-||u||_1 / h)``, exactly. With
``h / s`` for an exponential s that is common to all features, the mean over s is
``1 / (1 + ||u||_1 / h)``. Cells are hashed on into buckets, strongly universally: different cells
share a bucket with a probability of exactly one over the number of buckets, which is allowed for.
"""

import sys

import numpy as np

from skweight.privacy._bounds import clipped, row_blocks
from skweight.privacy._frequencies import digest_of, shortened_numbers

# Kernels that this is for, and those that are the same in one dimension.
KERNELS = ("laplacian", "rational_manhattan")
KERNELS_1D = ("exponential", "rational_euclidean")
_BITS = 10
_BUCKETS = 1 << _BITS
_KERNEL = "skweight.privacy._race_kernel"
# From so many operations on, compiled steps are worth their loading.
_MANY = 1 << 26
_ROOM = 1 << 17
# Cells from here on are none: their place in the feature means nothing any more.
_MOST = 2.0**31


class RaceSketch:
    """Tables of counts; all of it but the counts is public.

    Parameters
    ----------
    kernel : str
        Name of the kernel.
    bandwidth : float
        Its bandwidth.
    bounds : ndarray of shape (2, n_features)
        Bounds that rows are clipped to.
    dtype : str
        The type that buckets are computed in.
    n_tables : int
        Number of hashes.
    seed : int
        Seed of the hashes, which are public.

    Attributes
    ----------
    name : str
        What is released.
    schema : dict
        What must agree for a merge.
    counts_rows : bool
        Whether the number of rows is in it as precisely as anything.
    largest : int
        The largest magnitude of an integer of a row.

    References
    ----------
    .. [1] B. Coleman and A. Shrivastava, "A One-Pass Distributed and Private Sketch for Kernel Sums
       with Applications to Machine Learning at Scale", CCS 2021.
    .. [2] A. Rahimi and B. Recht, "Random Features for Large-Scale Kernel Machines", NeurIPS 2007.
    """

    name = "buckets"
    counts_rows = False
    largest = 1

    def __init__(self, kernel, bandwidth, bounds, dtype, n_tables, seed):
        n_features = bounds.shape[1]
        self.bounds = bounds
        self.dtype = np.dtype(dtype)
        self.n_tables = n_tables
        self._origin = np.clip(0.0, *bounds)
        rng = np.random.RandomState(seed)
        shape = (n_features, n_tables)
        widths = bandwidth * rng.standard_gamma(2.0, size=shape)
        if kernel in ("rational_euclidean", "rational_manhattan"):
            widths /= rng.standard_exponential(n_tables)
        with np.errstate(over="ignore"):
            self._rates = shortened_numbers(1 / widths).astype(self.dtype)
        self._shifts = shortened_numbers(rng.uniform(size=shape)).astype(self.dtype)
        words = rng.randint(0, 1 << 32, size=(2, n_features + 1, n_tables), dtype=np.uint64)
        words = words[0] << np.uint64(32) | words[1]
        self._factors, self._terms = words[:-1], words[-1]
        parts = self._rates, self._shifts, words, bounds
        self.schema = {"hashes": digest_of(*parts)}

    def moved(self, copies):
        """Return by how much neighbours differ: sums of magnitudes, and of squares."""
        return copies * self.n_tables, copies * self.n_tables

    def sums(self, X, weight=None, n_jobs=None):
        """Count private rows, or add up their weights: an array of shape (n_tables, n_buckets)."""
        counts = np.zeros((self.n_tables, _BUCKETS), dtype=np.int64)
        steps = self._steps(X)
        if weight is None:
            weight = np.empty(0, dtype=np.int64)
        for rows in self._blocks(X):
            steps.count(self._buckets(X[rows], steps, clip=True), weight[rows], counts)
        return counts

    def total(self, sums):
        """Return the number of rows that sums tell, and its variance for noise of variance 1."""
        return float(sums.sum()) / self.n_tables, _BUCKETS / self.n_tables

    def kernel_sums(self, Y, sums):
        """Return sums of kernels at queries."""
        steps = self._steps(Y)
        # Without those rows that share a bucket by chance.
        excess = (sums - sums.mean(axis=1, keepdims=True)) / (1 - 1 / _BUCKETS)
        out = np.empty(Y.shape[0])
        for rows in self._blocks(Y):
            buckets = self._buckets(Y[rows], steps, clip=False)
            out[rows] = excess[np.arange(self.n_tables), buckets].mean(axis=1)
        return out

    def gains(self, Y):
        """Return variances of sums of kernels for noise of variance 1."""
        return np.full(Y.shape[0], 1 / (self.n_tables * (1 - 1 / _BUCKETS)))

    def _blocks(self, X):
        return row_blocks(X.shape[0], max(1, _ROOM // max(self.n_tables, X.shape[1])))

    def _steps(self, X):
        work = X.shape[0] * X.shape[1] * self.n_tables
        if work < _MANY and _KERNEL not in sys.modules:
            return sys.modules[__name__]
        from skweight.privacy import _race_kernel

        return _race_kernel

    def _buckets(self, X, steps, clip):
        X = X.toarray() if hasattr(X, "toarray") else X
        X = clipped(X, self.bounds) if clip else np.asarray(X, dtype=np.float64)
        X = np.ascontiguousarray((X - self._origin).astype(self.dtype))
        out = np.empty((len(X), self.n_tables), dtype=np.int64)
        steps.buckets(X, self._rates, self._shifts, self._factors, self._terms, _BITS, out)
        return out


def buckets(X, rates, shifts, factors, terms, bits, out):
    """Write the bucket of each row in each table.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Rows.
    rates, shifts : ndarray of shape (n_features, n_tables)
        The cell of a feature is ``floor(x * rate + shift)``.
    factors, terms : ndarray of uint64 of shape (n_features, n_tables) and (n_tables,)
        The hash is ``sum(factor * cell) + term`` modulo 2 ** 64, of which the first bits count.
    bits : int
        How many.
    out : ndarray of int64 of shape (n_rows, n_tables)
        Where the buckets go.
    """
    keys = np.empty(out.shape, dtype=np.uint64)
    keys[...] = terms
    with np.errstate(over="ignore", invalid="ignore"):
        for j in range(X.shape[1]):
            cells = np.floor(X[:, j, None] * rates[j] + shifts[j]).astype(np.float64)
            cells = np.where(np.abs(cells) < _MOST, cells, 0).astype(np.int64).astype(np.uint32)
            keys += cells.astype(np.uint64) * factors[j]
    out[...] = (keys >> np.uint64(64 - bits)).astype(np.int64)


def count(rows, weight, counts):
    """Add rows, or their weights, to the counts of their buckets."""
    times = weight[:, None] if len(weight) else 1
    np.add.at(counts, (np.arange(rows.shape[1]), rows), times)
