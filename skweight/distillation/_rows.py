"""The training rows that have weight."""

import numpy as np
from scipy import sparse

from skweight._core._array_api import concat, follow, namespace, take, to_numpy
from skweight._core._sklearn_compat import check_sample_weight


def pick(values, places, axis=0):
    """Return rows, or columns, by an array of places of numpy; of sparse matrices rows alone."""
    places = places if sparse.issparse(values) else follow(values, places)[0]
    return take(values, places, axis)


class WeightedRows:
    """Training rows of positive weight.

    Parameters
    ----------
    n_rows : int
        Number of all rows.
    sample_weight : array-like of shape (n_rows,) or None
        Their weights.
    like : array
        Weights come in its namespace, in float64.

    Attributes
    ----------
    kept : ndarray of int or None
        Places of the rows of positive weight; None if these are all.
    weight : array of shape (n_kept,) or None
        Their weights.
    root : array of shape (n_kept, 1) or None
        Roots of these.
    """

    def __init__(self, n_rows, sample_weight, like):
        self.n_rows, self.like = n_rows, like
        self.kept = self.weight = self.root = None
        if sample_weight is None:
            return
        weight = check_sample_weight(to_numpy(sample_weight), np.empty((n_rows, 1)))
        if not weight.all():
            self.kept = np.flatnonzero(weight)
            weight = weight[self.kept]
        (self.weight,) = follow(like, weight)
        self.root = namespace(like).sqrt(self.weight)[:, None]

    def take(self, values, axis=0):
        """Return the rows (or columns) of positive weight."""
        return values if self.kept is None else pick(values, self.kept, axis)

    def scale(self, values):
        """Return values of the rows times the roots of their weights."""
        return values if self.root is None else self.root * values

    def take_others(self, values):
        """Return the rows without weight."""
        return pick(values, self._others)

    def merge(self, kept, others):
        """Return values of shape (..., n_rows, m), from those of rows with weight and without."""
        order = np.argsort(np.concatenate([self.kept, self._others]))
        (order,) = follow(kept, order)
        return namespace(kept).take(concat([kept, others], axis=-2), order, axis=-2)

    @property
    def _others(self):
        return np.setdiff1d(np.arange(self.n_rows), self.kept)
