"""All steps of ridge from products with the rows alone, by Golub and Kahan's process."""

import numpy as np

from skweight._core._array_api import namespace
from skweight.distillation._krylov import KrylovBasis, Remainder, Vectors, grow, normalise


class GolubKahanBasis(KrylovBasis):
    """The rows in the spaces of the targets and their products with ``X X'``.

    Residuals are those of the normal equations, ``X' (targets - X w) - alpha w``, relative to
    ``X'`` times the original targets.
    """

    def coef(self, coefficients):
        """Return coefficients of features, shape (p, m), for coordinates of shape (k, m)."""
        return self.path(coefficients[None, ...])[0, ...]

    def _formed(self, seen, penalties, weights):
        # Predictions stay in the space of targets, and what a fit leaves of its targets is the
        # penalty times its dual coefficients: X' takes that out of the space by one vector.
        return np.asarray(penalties)[:, None] * seen


class CentredRows:
    """Products with rows about their mean, times factors; the rows stay as they are, and sparse.

    Parameters
    ----------
    X : {array, sparse matrix} of shape (n, p)
        The rows.
    scale : array of shape (n, 1) or None, default=None
        Factors of the rows.
    mean : array of shape (1, p) or None, default=None
        What is taken off each row.
    """

    def __init__(self, X, scale=None, mean=None):
        self.X, self.scale, self.mean = X, scale, mean

    def forward(self, V):
        """Return the products of the rows with an array of shape (p, m)."""
        values = self.X @ V
        if self.mean is not None:
            values = values - self.mean @ V
        return values if self.scale is None else self.scale * values

    def back(self, U):
        """Return the products of the columns with an array of shape (n, m)."""
        U = U if self.scale is None else self.scale * U
        values = self.X.T @ U
        if self.mean is not None:
            values = values - self.mean.T @ namespace(U).sum(U, axis=0, keepdims=True)
        return values


class _GolubKahan:
    """``X V = U B`` and ``X' U = V B'`` but for one vector, with a lower bidiagonal B by column."""

    def __init__(self, rows, y):
        self.rows = rows
        self.most = min(rows.X.shape)
        self.start, self.first = normalise(y.T)
        self.left, self.right = Vectors(), Vectors()
        self.forth, self.back = Remainder(), Remainder()
        self.diagonal, self.below = [], []
        self.left.append(self.start)
        self._step_back(self.start)

    @property
    def finished(self):
        return not self.length.any()

    def extend(self):
        self.right.append(self.next)
        self.diagonal.append(self.length)
        product = self.rows.forward(self.next.T).T
        vectors, lengths = self.forth.normalise(product, self.left, self.rows.X.shape[0])
        self.left.append(vectors)
        self.below.append(lengths)
        self._step_back(vectors)

    def _step_back(self, vectors):
        product = self.rows.back(vectors.T).T
        self.next, self.length = self.back.normalise(product, self.right, self.rows.X.shape[1])

    def project(self):
        k, m = len(self.diagonal), len(self.first)
        B = np.zeros((m, k + 1, k))
        places = np.arange(k)
        B[:, places, places] = np.array(self.diagonal).T
        B[:, places + 1, places] = np.array(self.below).T
        # The last left vector has no partner: it holds what no coefficients reach.
        left, singular, right = np.linalg.svd(B, full_matrices=True)
        rotations = np.zeros((m, k, k + 1))
        rotations[:, :, :k] = right.transpose(0, 2, 1) * singular[:, None, :]
        return GolubKahanBasis(
            values=np.vstack([singular.T**2, np.zeros((1, m))]),
            targets=self.first * left[:, 0, :].T,
            ends=self.length * left[:, -1, :].T,
            rotations=rotations,
            vectors=self.right,
            sizes=self.first * self.diagonal[0],
        )


def golub_kahan(
    X, y, penalties, weights, tol, max_iter=None, scale=None, mean=None, on_iteration=None
):
    """Build the spaces in which all steps of ridge are accurate.

    Memory is that of k vectors of n + p numbers by column.

    Parameters
    ----------
    X : {array, sparse matrix} of shape (n, p)
        The rows, neither centred nor scaled.
    y : array of shape (n, m)
        Targets, about their weighted mean if the rows are, and times `scale`.
    penalties : array-like of shape (n_steps,)
        Penalty of each step.
    weights : array-like of shape (n_steps - 1,) or (n_steps - 1, m), or None
        Weights of the ground truth. None if they are chosen later, in the basis: then the ordinary
        fits and all chains without ground truth are accurate, which those steps are mixtures of.
    tol : float
        Largest norm of a step's residual in the normal equations, relative to ``X'`` times its
        column of y.
    max_iter : int or None, default=None
        Most iterations; None means 500.
    scale : array of shape (n, 1) or None, default=None
        Roots of the rows' weights.
    mean : array of shape (1, p) or None, default=None
        Weighted mean of the rows, with an intercept.
    on_iteration : callable or None, default=None
        Called after each iteration with their number and a function that returns the basis so far;
        a true value stops.

    Returns
    -------
    GolubKahanBasis
        The steps' coordinates, with `n_iter`, `residual`, `converged` and `stopped`.
    """
    process = _GolubKahan(CentredRows(X, scale, mean), y)
    return grow(process, penalties, weights, tol, max_iter, on_iteration)
