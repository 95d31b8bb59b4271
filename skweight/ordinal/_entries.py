"""Which entries of a model are parameters, and sums over the rows by them.

The parameters are the q intercepts and the free entries of the delta-coded slopes: a free entry
(k, j) adds its value times column j to the predictors of the boundaries k, k + 1, ..., q - 1.
Free entries at boundary 0 alone make proportional odds; all of them free make the non-parallel
model; any subset lies between.
"""

from dataclasses import dataclass

import numpy as np


class FreeEntries:
    """Which entries of the delta-coded slopes are parameters.

    Parameters
    ----------
    free : ndarray of bool of shape (q, n_features)
        True where an entry is a parameter.
    """

    def __init__(self, free):
        self.q, self.n_features = free.shape
        self.boundary, self.feature = np.nonzero(free)
        self.size = self.q + len(self.boundary)
        self._levels = {}

    @classmethod
    def parallel(cls, rows):
        """Return the entries of proportional odds: one slope per feature that varies."""
        free = np.zeros((rows.n_boundaries, rows.n_features), dtype=bool)
        free[0] = True
        if rows.rotation is None:
            free[0] = ~rows.constant
        return cls(free)

    def levels(self, seen):
        """Group the parameters by the first of the seen boundaries that they enter.

        Parameters
        ----------
        seen : range
            The boundaries that enter the likelihood of some rows.

        Returns
        -------
        list of _Group
            The groups that are not empty.
        """
        if seen not in self._levels:
            first = np.searchsorted(np.asarray(seen), self.boundary)
            self._levels[seen] = [
                _Group(level, self.q + at, self.feature[at], self.n_features)
                for level in range(len(seen))
                for at in [np.flatnonzero(first == level)]
                if len(at)
            ]
        return self._levels[seen]

    def slopes(self, theta):
        """Return the slopes (q, n_features) of every boundary."""
        delta = np.zeros((self.q, self.n_features))
        delta[self.boundary, self.feature] = theta[self.q :]
        return np.cumsum(delta, axis=0)

    def predictors(self, block, seen, theta):
        """Return the predictors (len(seen), rows) of a block at the seen boundaries."""
        intercepts = theta[seen.start : seen.stop, None]
        groups = self.levels(seen)
        # Slopes that start below all seen boundaries, as in proportional odds, need one product.
        parallel = len(groups) == 1 and groups[0].level == 0
        columns = np.zeros((self.n_features, 1 if parallel else len(seen)))
        for group in groups:
            values = np.bincount(group.feature, theta[group.place], minlength=self.n_features)
            columns[:, group.level :] += values[:, None]
        return block.times(columns).T + intercepts


class _Group:
    """Parameters that enter the same boundaries of the rows of one class.

    ``place`` is where they stand in the parameter vector, ``feature`` the column of each, ``used``
    the distinct columns, and ``spread`` which of these each parameter has: several parameters of
    one column then share a single Gram matrix.
    """

    def __init__(self, level, place, feature, n_features):
        self.level = level
        self.feature = feature
        used, self.spread = np.unique(feature, return_inverse=True)
        self.distinct = len(used) == len(feature)
        self.used = _as_slice(used, n_features)
        self.place = _as_slice(place)


def _as_slice(index, length=None):
    """Turn consecutive numbers into a slice, the full one where `length` says that it is."""
    start, stop = int(index[0]), int(index[-1]) + 1
    if len(index) != stop - start or not np.array_equal(index, np.arange(start, stop)):
        return index
    return slice(None) if (start, stop) == (0, length) else slice(start, stop)


def _cross(rows, columns):
    """Index the block of a matrix where these rows and columns meet."""
    if isinstance(rows, slice) or isinstance(columns, slice):
        return rows, columns
    return np.ix_(rows, columns)


@dataclass
class Sums:
    """Sums over the rows: the mean loss, its gradient and its second derivatives."""

    loss: float
    gradient: np.ndarray
    hessian: np.ndarray


def accumulate(rows, entries, terms):
    """Sum a function of the rows over all blocks.

    Parameters
    ----------
    rows : Rows
        The training rows.
    entries : FreeEntries
        The parameters.
    terms : callable
        Takes the number of a block and the block; returns the boundaries seen (a range), the
        summed loss, the first derivatives (len(seen), rows) in the predictors and the second ones,
        a dict {(i, j): (rows,)} for i <= j; the derivatives include the weights.

    Returns
    -------
    Sums
        The sums.
    """
    loss, gradient, hessian = 0.0, np.zeros(entries.size), np.zeros((entries.size, entries.size))
    grams = {}
    for number, block in enumerate(rows.blocks):
        seen, value, u, h = terms(number, block)
        loss += value
        intercepts = slice(seen.start, seen.stop)
        gradient[intercepts] += u.sum(axis=1)
        for (i, j), second in h.items():
            total = second.sum()
            hessian[seen[i], seen[j]] += total
            if i != j:
                hessian[seen[j], seen[i]] += total
        groups = entries.levels(seen)
        for group in groups:
            # A slope that starts at this level enters every boundary from here on.
            mixed = np.zeros((1 + len(seen), u.shape[1]))
            mixed[0] = u[group.level :].sum(axis=0)
            for (i, j), second in h.items():
                if j >= group.level:
                    mixed[1 + i] += second
                if i != j and i >= group.level:
                    mixed[1 + j] += second
            products = block.transposed_times(mixed.T)[group.feature]
            gradient[group.place] += products[:, 0]
            hessian[intercepts, group.place] += products[:, 1:].T
        for a, low in enumerate(groups):
            for high in groups[a:]:
                weight = _tail_weight(h, low.level, high.level, u.shape[1])
                gram = block.gram(weight, low.used, high.used)
                key = (seen, low.level, high.level)
                if key in grams:
                    gram += grams[key][2]
                grams[key] = (low, high, gram)
    for low, high, gram in grams.values():
        if not (low.distinct and high.distinct):
            gram = gram[np.ix_(low.spread, high.spread)]
        hessian[_cross(low.place, high.place)] += gram
        if low is not high:
            hessian[_cross(high.place, low.place)] += gram.T
    q = entries.q
    hessian[q:, :q] = hessian[:q, q:].T
    return Sums(loss, gradient, hessian)


def _tail_weight(h, low, high, n_rows):
    """Sum the second derivatives over boundaries i >= low and j >= high, both orders of a pair."""
    weight = np.zeros(n_rows)
    for (i, j), second in h.items():
        if i >= low and j >= high:
            weight += second
        if i != j and j >= low and i >= high:
            weight += second
    return weight
