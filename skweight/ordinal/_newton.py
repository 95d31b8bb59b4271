"""Maximum likelihood for ordinal models without a penalty, by Newton's method.

The parameters are the q intercepts and the free entries of the delta-coded slopes: a free entry
(k, j) adds its value times column j to the predictors of the boundaries k, k + 1, ..., q - 1.
Free entries at boundary 0 alone make proportional odds; all of them free make the non-parallel
model; any subset lies between.
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from skweight.ordinal._likelihood import class_terms, null_intercepts, touched

# Pivots below this, on axes where the diagonal is 1, count as singular.
_SINGULAR = 1e-11


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


@dataclass
class MaximumLikelihood:
    """The result of `maximise`.

    Attributes
    ----------
    theta : ndarray of shape (n_parameters,)
        Intercepts and free entries, on the axes of the rows.
    loss : float
        Mean of minus the log-likelihood.
    hessian : ndarray of shape (n_parameters, n_parameters)
        Second derivatives of the mean loss.
    n_iter : int
        Newton steps taken.
    converged : bool
        Whether the gradient met the tolerance.
    runaway : ndarray of shape (n_parameters,)
        The direction in which the likelihood has no maximum, because a combination of columns
        separates classes; zeros where there is none.
    stopped : bool
        Whether a callback asked to stop.
    """

    theta: np.ndarray
    loss: float
    hessian: np.ndarray
    n_iter: int
    converged: bool
    runaway: np.ndarray
    stopped: bool = False


class _Likelihood:
    """The likelihood at a moving point: it keeps every row's predictors and their direction."""

    def __init__(self, rows, entries, family, link, theta):
        self.rows, self.entries, self.family, self.link = rows, entries, family, link
        self.q = entries.q
        self.theta = theta
        self.z = self._predictors(theta)

    def _seen(self, block):
        return touched(self.family, block.c, self.q)

    def _predictors(self, theta):
        return [self.entries.predictors(b, self._seen(b), theta) for b in self.rows.blocks]

    def sums(self):
        """Return the loss and its derivatives at the current point."""

        def terms(number, block):
            loss, u, h = class_terms(self.family, self.link, block.c, self.q, self.z[number])
            u *= block.weight
            h = {pair: second * block.weight for pair, second in h.items()}
            return self._seen(block), block.weight @ loss, u, h

        return accumulate(self.rows, self.entries, terms)

    def aim(self, step):
        """Prepare to move along a step; return its largest change of any predictor."""
        self.step = step
        self.dz = self._predictors(step)
        return max(np.abs(dz).max() for dz in self.dz)

    def barrier(self):
        """Return the distance along the step at which some row's class would vanish."""
        distance = np.inf
        if self.family != "cumulative":
            return distance
        for block, z, dz in zip(self.rows.blocks, self.z, self.dz):
            if 0 < block.c < self.q:
                width, change = z[0] - z[1], dz[0] - dz[1]
                closing = change < 0
                if closing.any():
                    distance = min(distance, np.min(width[closing] / -change[closing]))
        return distance

    def shorten(self, size, loss, square):
        """Halve the step until the loss falls enough; return None where it never does."""
        while size > 1e-10:
            size /= 2
            if self._loss_ahead(size) <= loss - 1e-4 * size * square:
                return size
        return None

    def _loss_ahead(self, size):
        loss = 0.0
        for block, z, dz in zip(self.rows.blocks, self.z, self.dz):
            value = class_terms(self.family, self.link, block.c, self.q, z + size * dz, order=0)[0]
            loss += block.weight @ value
        return loss

    def move(self, size):
        """Move along the step."""
        self.theta = self.theta + size * self.step
        for z, dz in zip(self.z, self.dz):
            z += size * dz


def maximise(rows, entries, family, link, *, start=None, tol=1e-8, max_iter=100, on_step=None):
    """Maximise the likelihood of an ordinal model.

    Parameters
    ----------
    rows : Rows
        The training rows.
    entries : FreeEntries
        The parameters.
    family, link : str
        The model.
    start : ndarray of shape (n_parameters,) or None, default=None
        Where to begin; None is the model without features.
    tol : float, default=1e-8
        Stop when the Newton decrement, which bounds the gradient on standardised axes, is at most
        this. It depends neither on the scale of X nor on how repeated rows are written.
    max_iter : int, default=100
        Largest number of steps.
    on_step : callable or None, default=None
        Called with the parameters after each step; a true answer stops.

    Returns
    -------
    MaximumLikelihood
        The solution.
    """
    if start is None:
        start = np.zeros(entries.size)
        start[: entries.q] = null_intercepts(family, link, rows.frequencies)
    point = _Likelihood(rows, entries, family, link, start)
    sums = point.sums()
    runaway = np.zeros(entries.size)
    converged = stopped = False
    last_reach = 0.0
    n_iter = 0
    while n_iter < max_iter:
        step = newton_step(sums.hessian, sums.gradient)
        square = -(sums.gradient @ step)  # of the Newton decrement, about twice the excess loss
        reach = point.aim(step)
        # Towards a maximum steps shrink quadratically; where classes are separated they do not,
        # however small the gradient has become.
        endless = reach > 1e-3 and reach > 0.5 * last_reach
        if endless and square <= min(tol, 1e-8):
            runaway = step
            break
        last_reach = reach
        size = min(1.0, 0.95 * point.barrier())
        if square <= tol**2:
            point.move(size)
            converged = True
            break
        point.move(size)
        with np.errstate(over="ignore", invalid="ignore"):
            ahead = point.sums()
        # Where the expected gain drowns in rounding, the full step needs no proof.
        tiny = size == 1.0 and square < 1e-10 * abs(sums.loss)
        if not (tiny or ahead.loss <= sums.loss - 1e-4 * size * square):
            point.move(-size)
            size = point.shorten(size, sums.loss, square)
            if size is None:
                break
            point.move(size)
            ahead = point.sums()
        sums = ahead
        n_iter += 1
        if on_step is not None and on_step(point.theta):
            stopped = True
            break
    return MaximumLikelihood(
        point.theta, sums.loss, sums.hessian, n_iter, converged, runaway, stopped
    )


def newton_step(hessian, gradient):
    """Return -H^-1 g, or the shortest such step where H is singular."""
    scale = _unit_diagonal(hessian)
    scaled = hessian * scale * scale[:, None]
    factor = _cholesky(scaled)
    if factor is not None:
        half = (factor, True)
        return -scale * linalg.cho_solve(half, scale * gradient, check_finite=False)
    values, vectors = linalg.eigh(scaled, check_finite=False)
    keep = values > _SINGULAR * values[-1]
    vectors = vectors[:, keep]
    return -scale * (vectors @ ((vectors.T @ (scale * gradient)) / values[keep]))


def _unit_diagonal(hessian):
    diagonal = np.diagonal(hessian)
    return 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))


def inverse_information(hessian):
    """Invert an information matrix as far as it can be.

    Parameters
    ----------
    hessian : ndarray of shape (n, n)
        Positive semi-definite.

    Returns
    -------
    inverse : ndarray of shape (n, n)
        The inverse, or the pseudo-inverse of a singular matrix.
    null : ndarray of shape (n, n_null)
        A basis of the directions without information.
    """
    scale = _unit_diagonal(hessian)
    scaled = hessian * scale * scale[:, None]
    factor = _cholesky(scaled)
    if factor is not None:
        half = scale * linalg.solve_triangular(
            factor, np.eye(len(factor)), lower=True, check_finite=False
        )
        return half.T @ half, np.empty((len(hessian), 0))
    values, vectors = linalg.eigh(scaled, check_finite=False)
    keep = values > _SINGULAR * values[-1]
    basis = scale[:, None] * vectors[:, keep]
    return (basis / values[keep]) @ basis.T, scale[:, None] * vectors[:, ~keep]


def _cholesky(scaled):
    """Return the lower factor of a matrix with unit diagonal, None where it is singular."""
    try:
        factor = linalg.cholesky(scaled, lower=True, check_finite=False)
    except linalg.LinAlgError:
        return None
    return factor if np.diagonal(factor).min() ** 2 > _SINGULAR else None
