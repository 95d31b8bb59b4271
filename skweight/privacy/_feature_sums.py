"""Random features of private rows as integers, summed, and features of queries."""

import math
import sys
from itertools import pairwise

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from scipy import sparse

from skweight.privacy import _feature_steps
from skweight.privacy._bounds import clipped
from skweight.privacy._feature_steps import LARGEST, STEPS, constants
from skweight.privacy._frequencies import Frequencies, digest_of, shortened_numbers

_KERNEL = "skweight.privacy._feature_kernel"
# From so many operations on, compiled steps are worth their loading.
_MANY = 1 << 28
# Numbers in a block of phases, and the fewest rows it has.
_ROOM, _FEWEST_ROWS = 1 << 16, 32


class FeatureMap:
    """The map from rows to pairs of a cosine and a sine, as integers; all of it is public.

    The product of the features of a row and a query is an estimate of a kernel.

    Parameters
    ----------
    bounds : ndarray of float64 of shape (2, n_features)
        Lows and highs that rows are clipped to.
    frequencies : Frequencies or HadamardFrequencies
        What phases are made with.
    dtype : str
        The type that integers are computed in.
    projection : ndarray of shape (n_features, n_components) or None, default=None
        What rows are multiplied with before.

    Attributes
    ----------
    steps : int
        What a feature of 1 becomes.
    width : int
        Number of features: first cosines, then sines.
    largest : int
        The largest magnitude of an integer.
    absolute, squared : int
        Bounds on the sum of magnitudes, and of squares, of a row's integers.
    digest : str
        A short name of all public numbers in it.
    """

    steps = STEPS
    largest = LARGEST

    def __init__(self, bounds, frequencies, dtype, projection=None):
        self.bounds = bounds
        self.frequencies = frequencies
        self.dtype = np.dtype(dtype)
        self.projection = None if projection is None else Frequencies(projection, np.empty(0))
        # The point of the bounds that is nearest to 0: a zero of a sparse row stays one.
        self.origin = np.clip(0.0, *bounds)
        self._n = len(frequencies.factors)
        self.width = 2 * self._n
        self.squared = self._n * LARGEST**2
        self.absolute = math.isqrt(2 * (self._n * LARGEST) ** 2) + 1
        projected = "" if projection is None else self.projection.digest
        self.digest = digest_of(bounds) + projected + frequencies.digest

    def sums(self, X, weight=None, n_jobs=None):
        """Add up the integers of private rows.

        Parameters
        ----------
        X : {ndarray, CSR matrix} of shape (n_samples, n_features)
            Private rows.
        weight : ndarray of int64 of shape (n_samples,) or None, default=None
            Weights of the rows.
        n_jobs : int or None, default=None
            Number of threads; sums are the same to the bit for any.

        Returns
        -------
        ndarray of int64 of shape (width,)
            The sums.
        """
        n_rows = X.shape[0]
        if sparse.issparse(X):
            X = _canonical(X)
        if weight is None:
            weight = np.empty(0, dtype=np.int64)
        steps = _steps(n_rows * self._n * (X.shape[1] + 30))
        write = self._writer(self.dtype)
        numbers = constants(self.dtype)
        size = max(_FEWEST_ROWS, _ROOM // self.frequencies.width)

        def add_up(first, last):
            sums = np.zeros((2, self.frequencies.width), dtype=np.int64)
            for start in range(first, last, size):
                rows = slice(start, min(start + size, last))
                phases = write(steps, self._prepared(X[rows], self.dtype))
                steps.add_features(phases, numbers, weight[rows], sums)
            return sums

        n_threads = min(effective_n_jobs(n_jobs), max(1, n_rows // size))
        if n_threads == 1:
            return add_up(0, n_rows)[:, : self._n].ravel()
        cuts = np.linspace(0, n_rows, n_threads + 1).astype(int).tolist()
        parts = Parallel(n_jobs=n_threads, require="sharedmem")(
            delayed(add_up)(*part) for part in pairwise(cuts)
        )
        return sum(parts)[:, : self._n].ravel()

    def class_sums(self, X, codes, n_classes, weight=None):
        """Add up the integers of private rows by class.

        Parameters
        ----------
        X : {ndarray, CSR matrix} of shape (n_samples, n_features)
            Private rows.
        codes : ndarray of intp of shape (n_samples,)
            Class of each row, -1 for rows that are left out.
        n_classes : int
            Number of classes.
        weight : ndarray of int64 of shape (n_samples,) or None, default=None
            Weights of the rows.

        Returns
        -------
        ndarray of int64 of shape (n_classes, width)
            The sums.
        """
        sums = np.zeros((n_classes, self.width), dtype=np.int64)
        for k in range(n_classes):
            rows = np.flatnonzero(codes == k)
            sums[k] = self.sums(X[rows], None if weight is None else weight[rows])
        return sums

    def queries(self, Y):
        """Return features of queries, of which the product with sums is a sum of kernels.

        Parameters
        ----------
        Y : {ndarray, CSR matrix} of shape (n_queries, n_features)
            Queries; they are not clipped.

        Returns
        -------
        ndarray of shape (n_queries, width)
            Features in units of ``1 / steps``, with the weights of the frequencies.
        """
        factors = self.frequencies.factors / self.steps

        def features(cosines, sines):
            return np.hstack([cosines * factors, sines * factors])

        return self._query_blocks(Y, features)

    def kernel_sums(self, Y, sums):
        """Return estimated sums of kernels, from sums of features.

        Parameters
        ----------
        Y : {ndarray, CSR matrix} of shape (n_queries, n_features)
            Queries.
        sums : ndarray of shape (width,)
            Sums, with noise or without.

        Returns
        -------
        ndarray of shape (n_queries,)
            The estimates.
        """
        # Weights go onto the sums, of which there are fewer than features of queries.
        weighted = np.reshape(sums, (2, -1)) * (self.frequencies.factors / self.steps)
        return self._query_blocks(Y, lambda c, s: c @ weighted[0] + s @ weighted[1])

    def query_norms(self, Y):
        """Return the norms of the features of queries, which are all the same."""
        norm = math.sqrt(float((self.frequencies.factors**2).sum())) / self.steps
        return np.full(Y.shape[0], norm)

    def _query_blocks(self, Y, function):
        dtype = np.dtype(np.float64)
        if sparse.issparse(Y):
            Y = _canonical(Y)
        steps = _steps(Y.shape[0] * self._n * (Y.shape[1] + 30))
        write = self._writer(dtype)
        numbers = constants(dtype)
        size = max(_FEWEST_ROWS, _ROOM // self.frequencies.width)
        parts = []
        for start in range(0, max(1, Y.shape[0]), size):
            phases = write(steps, self._prepared(Y[start : start + size], dtype, clip=False))
            cosines, sines = np.empty((2, *phases.shape))
            steps.waves(phases, numbers, cosines, sines)
            parts.append(function(cosines[:, : self._n], sines[:, : self._n]))
        return np.concatenate(parts)

    def _writer(self, dtype):
        """Return a function from steps and prepared rows to phases."""
        write = self.frequencies.in_type(dtype)
        project = None if self.projection is None else self.projection.in_type(dtype)
        structured = not isinstance(self.frequencies, Frequencies)

        def phases_of(steps, rows):
            X, n_rows = rows
            if project is not None:
                out = np.empty((n_rows, self.projection.width), dtype=dtype)
                project(steps, X, out)
                X = np.ascontiguousarray(out[:, : self.frequencies.n_features])
            elif structured and isinstance(X, tuple):
                X = _dense(X, self.frequencies.n_features, dtype)
            out = np.empty((n_rows, self.frequencies.width), dtype=dtype)
            write(steps, X, out)
            return out

        return phases_of

    def _prepared(self, X, dtype, clip=True):
        """Return rows from the origin, each value by itself, and their number."""
        if not sparse.issparse(X):
            X = clipped(X, self.bounds) if clip else np.asarray(X, dtype=np.float64)
            return np.ascontiguousarray((X - self.origin).astype(dtype)), len(X)
        columns = X.indices.astype(np.int64)
        values = X.data.astype(np.float64)
        if clip:
            values = clipped(values, self.bounds[:, columns])
        values -= self.origin[columns]
        if not clip and self.origin.any():  # a zero of a query may be outside of the bounds
            dense = X.toarray().astype(np.float64) - self.origin
            return np.ascontiguousarray(dense.astype(dtype)), X.shape[0]
        return (X.indptr.astype(np.int64), columns, values.astype(dtype)), X.shape[0]


def random_projection(n_features, n_components, seed):
    """Return a public random matrix that keeps distances of rows, about."""
    rng = np.random.RandomState([seed, 1])
    directions = rng.standard_normal((n_features, n_components)) / math.sqrt(n_components)
    return shortened_numbers(directions)


def _steps(work):
    """Return the module of steps that takes less time; its integers are the same."""
    if work < _MANY and _KERNEL not in sys.modules:
        return _feature_steps
    from skweight.privacy import _feature_kernel

    return _feature_kernel


def _canonical(X):
    """Return sparse rows with sorted columns that come once each."""
    X = X.tocsr()
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X


def _dense(rows, n_features, dtype):
    start, columns, values = rows
    X = np.zeros((len(start) - 1, n_features), dtype=dtype)
    X[np.repeat(np.arange(len(X)), np.diff(start)), columns] = values
    return X
