"""What the Krylov solvers share: their vectors, the steps in these, and when there are enough.

A fit of any penalty, and so every step, lies nearly in the space of the targets and their products
with the matrix. In that space the problem is small, and diagonal in coordinates of its own, so that
all steps cost nothing. Each column of the targets has a space of its own; the columns are worked on
together because one product with many columns costs little more than with one.
"""

import numpy as np

from skweight._core._array_api import follow, namespace, to_numpy, zeros
from skweight.distillation._steps import run_steps

_MAX_ITER = 500
_CHUNK = 32  # vectors by which memory grows
# What is left of a vector below this part of the largest product is rounding.
_ROUNDING = 10 * np.finfo(np.float64).eps


class Vectors:
    """Orthonormal vectors of length n for each of m columns, with memory for little more."""

    def __init__(self):
        self.chunks = []
        self.count = 0

    def append(self, vectors):
        """Add one vector to each column, shape (m, n)."""
        place = self.count % _CHUNK
        if place == 0:
            m, n = vectors.shape
            self.chunks.append(zeros((m, _CHUNK, n), like=vectors))
        self.chunks[-1][:, place, :] = vectors
        self.count += 1

    def orthogonalise(self, vectors):
        """Return what vectors of shape (m, n) have outside the stored ones."""
        xp = namespace(vectors)
        # Once leaves rounding errors that are large where little is left; twice is enough.
        for _ in range(2):
            for _, chunk in self._filled():
                along = chunk @ vectors[:, :, None]
                along = xp.reshape(along, (along.shape[0], 1, -1))
                vectors = vectors - (along @ chunk)[:, 0, :]
        return vectors

    def combine(self, column, coefficients):
        """Return sums of the vectors of a column, shape (n, c), with coefficients (count, c)."""
        return sum(
            chunk[column, :, :].T @ coefficients[start : start + chunk.shape[1], :]
            for start, chunk in self._filled()
        )

    def _filled(self):
        for start, chunk in zip(range(0, self.count, _CHUNK), self.chunks):
            yield start, chunk[:, : self.count - start, :]


def normalise(vectors, floor=0.0):
    """Return vectors of shape (m, n) with length 1, and the lengths they had.

    A vector that is not longer than `floor` counts as 0, and stays 0.
    """
    xp = namespace(vectors)
    lengths = to_numpy(xp.sqrt(xp.sum(vectors**2, axis=1)))
    lengths = np.where(lengths > floor, lengths, 0.0)
    (factors,) = follow(vectors, np.divide(1.0, lengths, where=lengths > 0, out=lengths.copy()))
    return vectors * factors[:, None], lengths


class Remainder:
    """Decide when what is left of a product is rounding: below a part of the largest product."""

    def __init__(self):
        self.largest = 0.0

    def normalise(self, product, vectors, full):
        """Return the next vectors and their lengths.

        Parameters
        ----------
        product : array of shape (m, n)
            A product with the matrix.
        vectors : Vectors
            To which the next are orthogonal.
        full : int
            How many vectors there can be.
        """
        xp = namespace(product)
        lengths = to_numpy(xp.sqrt(xp.sum(product**2, axis=1)))
        self.largest = np.maximum(self.largest, lengths)
        left = vectors.orthogonalise(product)
        return normalise(left, np.inf if vectors.count >= full else _ROUNDING * self.largest)


class KrylovBasis:
    """Coordinates in which all steps of all penalties are diagonal, for each column its own.

    It serves `run_steps` as a `Spectrum` does, with eigenvalues by column.

    Parameters
    ----------
    values : array of shape (k, m)
        Eigenvalues of the projected matrix, at least 0.
    targets : array of shape (k, m)
        Coordinates of the targets.
    ends : ndarray of shape (k, m)
        What the vector that comes next would see of coefficients.
    rotations : array of shape (m, n_vectors, k)
        From coordinates to the stored vectors.
    vectors : Vectors
        The stored vectors.
    sizes : ndarray of shape (m,)
        What residuals are relative to.
    scale : array of shape (n, 1) or None
        Factors of the rows of what is returned.

    Attributes
    ----------
    n_iter : int
        Number of vectors.
    residual : float
        Largest relative residual of a step and column.
    converged : bool
        Whether it was small enough.
    stopped : bool
        Whether the caller's hook asked to stop.
    """

    n_iter = 0
    residual = np.inf
    converged = stopped = False

    def __init__(self, values, targets, ends, rotations, vectors, sizes, scale=None):
        self.values, self.targets, self.ends = values, targets, ends
        self.rotations, self.vectors = rotations, vectors
        self.sizes, self.scale = sizes, scale

    def response(self, penalties):
        """Return the function that `run_steps` wants, for penalties by step."""

        def respond(t, targets):
            coefficients = targets / (self.values + float(penalties[t]))
            return coefficients, self.values * coefficients

        return respond

    def path(self, coefficients):
        """Return the coefficients of rows or features of all steps.

        Parameters
        ----------
        coefficients : array of shape (n_steps, k, m)
            Coefficients of the steps in these coordinates.

        Returns
        -------
        array of shape (n_steps, n, m)
            Theirs in the coordinates of the problem.
        """
        xp = namespace(coefficients)
        columns = []
        for j in range(coefficients.shape[2]):
            rotated = self.rotations[j, ...] @ coefficients[:, :, j].T
            column = self.vectors.combine(j, rotated)
            columns.append((column if self.scale is None else self.scale * column).T)
        return xp.stack(columns, axis=-1)

    def residuals(self, coefficients, penalties, weights):
        """Return the relative residual of every step, given the step before.

        Parameters
        ----------
        coefficients : array of shape (n_steps, k, m)
            Coefficients of the steps in these coordinates.
        penalties : ndarray of shape (n_steps,)
            Penalty of each step.
        weights : ndarray of shape (n_steps - 1,) or (n_steps - 1, m)
            Weights of the ground truth.

        Returns
        -------
        ndarray of shape (n_steps, m)
            0 for columns of zeros.
        """
        seen = np.sum(self.ends * to_numpy(coefficients), axis=1)
        formed = np.abs(self._formed(seen, penalties, weights))
        return np.divide(formed, self.sizes, where=self.sizes > 0, out=np.zeros_like(formed))

    def _largest_residual(self, penalties, weights):
        """Return the largest relative residual of all steps."""
        chains = [(penalties, weights)]
        if weights is None:
            # Whatever weights are chosen later mix chains without ground truth, each of which
            # starts at some step. With one penalty all of them are parts of the first.
            starts = range(len(penalties)) if (penalties != penalties[0]).any() else [0]
            chains = [(penalties[s:], np.zeros(len(penalties) - s - 1)) for s in starts]
        largest = 0.0
        for lams, w in chains:
            steps, _ = run_steps(
                self.targets,
                self.response(lams),
                len(lams),
                lambda t, first, student, w=w: w[t - 1],
                same_penalty=bool((lams == lams[0]).all()),
            )
            largest = max(largest, self.residuals(steps, lams, w).max(initial=0.0))
        return float(largest)


def grow(process, penalties, weights, tol, max_iter=None, on_iteration=None):
    """Add vectors until every step is accurate, and return the basis.

    Parameters
    ----------
    process : object
        ``extend()`` adds a vector to each column, ``project()`` returns a `KrylovBasis` of numpy's
        arrays; ``start`` holds the first vectors, ``most`` says how many there can be, and
        ``finished`` that the next would be 0 in every column.
    penalties : array-like of shape (n_steps,)
        Penalty of each step.
    weights : array-like of shape (n_steps - 1,) or (n_steps - 1, m), or None
        Weights of the ground truth; None if they are chosen later.
    tol : float
        Largest relative residual.
    max_iter : int or None, default=None
        Most vectors; None means 500.
    on_iteration : callable or None, default=None
        Called after each vector with their number and a function that returns a basis of them; a
        true value stops.

    Returns
    -------
    KrylovBasis
        With `n_iter`, `residual`, `converged` and `stopped` set.
    """
    penalties = np.asarray(penalties, dtype=float)
    weights = None if weights is None else np.asarray(weights, dtype=float)
    most = min(_MAX_ITER if max_iter is None else max_iter, process.most)
    due = 1
    for k in range(1, most + 1):
        process.extend()
        stopped = on_iteration is not None and bool(on_iteration(k, lambda: _so_far(process)))
        if not (k in (due, most) or stopped or process.finished):
            continue
        basis = process.project()
        basis.n_iter, basis.stopped = k, stopped
        basis.residual = basis._largest_residual(penalties, weights)
        basis.converged = basis.residual <= tol
        if basis.converged or stopped or process.finished:
            break
        # The projected problem is solved so rarely that it costs little beside the products.
        due = k + 1 + k // 10
    return _in_place(basis, process)


def _so_far(process):
    """Return a basis of the vectors there are."""
    return _in_place(process.project(), process)


def _in_place(basis, process):
    """Return a basis whose arrays are of the kind, and in the place, of the vectors."""
    basis.values, basis.targets, basis.rotations = follow(
        process.start, basis.values, basis.targets, basis.rotations
    )
    return basis


def convergence_message(basis, alpha, max_iter, tol, exact):
    """Return the sentence that tells a user of a basis that is too small.

    Parameters
    ----------
    basis : KrylovBasis
        The basis.
    alpha : float or array-like of shape (n_steps,)
        The user's penalty.
    max_iter : int or None
        The user's limit.
    tol : float
        The user's tolerance.
    exact : str
        A solver that needs no iterations.
    """
    return (
        f"After {basis.n_iter} iterations (max_iter={max_iter}) with alpha={np.min(alpha):g} a "
        f"relative residual is still {basis.residual:.1e}, above tol={tol:g}: raise max_iter, "
        f"alpha or tol, or use solver={exact!r}."
    )
