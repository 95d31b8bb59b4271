"""Maximum likelihood for ordinal models without a penalty, by Newton's method."""

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from skweight.ordinal._entries import accumulate
from skweight.ordinal._likelihood import class_terms, null_intercepts, touched

# Pivots below this, on axes where the diagonal is 1, count as singular.
_SINGULAR = 1e-11


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
