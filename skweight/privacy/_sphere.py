"""Rows on the unit sphere, as integers: the similarity of two rows is their inner product.

A row is put into the cube from -1 to 1 by its public bounds, gets a constant coordinate, and is
divided by its norm: its integers depend on nothing but itself and public numbers.
"""

import math

import numpy as np

from skweight.privacy._bounds import clipped, row_blocks
from skweight.privacy._moments import STEPS, fixed_point_rows


class Sphere:
    """The map from rows to the sphere; all of it is public.

    Parameters
    ----------
    bounds : ndarray of float64 of shape (2, n_features)
        Lows and highs.
    lift : float
        The constant coordinate, at least 0; without it, with 0, the middle of the bounds has no
        direction and becomes zeros.
    dtype : str
        The type that integers are computed in.

    Attributes
    ----------
    steps : int
        What a coordinate of 1 becomes.
    width : int
        Number of coordinates.
    largest : int
        The largest magnitude of an integer.
    absolute, squared : int
        Bounds on the sum of magnitudes, and of squares, of a row's integers.
    """

    steps = STEPS
    largest = STEPS

    def __init__(self, bounds, lift, dtype):
        self.bounds = bounds
        self.lift = float(lift)
        self.dtype = np.dtype(dtype)
        self.width = bounds.shape[1] + (lift > 0)
        self.squared = STEPS**2
        self.absolute = math.isqrt(self.width * self.squared)
        # Where squares of all coordinates vanish, so does the row.
        self._tiny = float(np.finfo(self.dtype).tiny) * 2**60

    def _points(self, X, dtype):
        """Return points on the sphere as floating point numbers."""
        low, high = self.bounds
        half = 0.5 * (high - low)
        Z = np.empty((len(X), self.width), dtype=dtype)
        Z[:, : X.shape[1]] = (clipped(X, self.bounds) - (low + half)) / half
        Z[:, X.shape[1] :] = self.lift
        square = np.zeros(len(Z), dtype=dtype)
        for j in range(self.width):  # one order of summation, whatever the layout
            square += Z[:, j] * Z[:, j]
        zero = square < self._tiny
        norm = np.sqrt(np.where(zero, 1, square))
        return Z * np.where(zero, 0, 1 / norm).astype(dtype)[:, None]

    def rows(self, X):
        """Return private rows as integers of shape (n_rows, width), of norm at most `steps`."""
        return fixed_point_rows(self._points(X, self.dtype), 1.0, self.absolute)[0]

    def class_sums(self, X, codes, n_classes, weight=None):
        """Add up rows by class.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
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
        for part in row_blocks(len(X), max(1, (1 << 20) // self.width)):
            rows = self.rows(X[part])
            if weight is not None:
                rows *= weight[part, None]
            for k in range(n_classes):
                sums[k] += rows[codes[part] == k].sum(axis=0)
        return sums

    def queries(self, Y):
        """Return queries of which the product with a class's sum is a sum of similarities."""
        return self._points(Y, np.dtype(np.float64)) / self.steps

    def query_norms(self, Y):
        """Return the norms of queries."""
        return np.sqrt((self.queries(Y) ** 2).sum(axis=1))
