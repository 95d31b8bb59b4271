"""All steps of kernel ridge from products with the kernel matrix alone, by Lanczos' process."""

import numpy as np
from scipy.linalg import eigh_tridiagonal

from skweight._core._array_api import namespace, to_numpy
from skweight.distillation._krylov import KrylovBasis, Remainder, Vectors, grow, normalise
from skweight.distillation._spectrum import ROUNDING, not_below_zero


class LanczosBasis(KrylovBasis):
    """The kernel matrix in the space of the targets and their products with it.

    Residuals are those of ``(K + alpha I) c = targets``, relative to the original targets.
    """

    def dual(self, coefficients):
        """Return dual coefficients, shape (n, m), for coordinates of shape (k, m)."""
        return self.path(coefficients[None, ...])[0, ...]

    def _formed(self, seen, penalties, weights):
        # K times a fit leaves the space by what is seen of the fit. The residual of a step has
        # that of its own, and of its teacher's, whose predictions are its targets.
        weights = np.asarray(weights)
        residuals = seen.copy()
        residuals[1:] -= (1 - (weights if weights.ndim == 2 else weights[:, None])) * seen[:-1]
        return residuals


class _Lanczos:
    """Lanczos' process, ``K V = V T`` but for one vector, with a tridiagonal T by column."""

    def __init__(self, product, y, scale):
        self.product, self.scale = product, scale
        self.most = y.shape[0]
        self.start, self.sizes = normalise(y.T)
        self.next = self.start
        self.vectors, self.remainder = Vectors(), Remainder()
        self.diagonal, self.beside = [], []

    @property
    def finished(self):
        return not self.beside[-1].any()

    def extend(self):
        vectors = self.next
        xp = namespace(vectors)
        self.vectors.append(vectors)
        product = self.product(vectors.T).T
        self.diagonal.append(to_numpy(xp.sum(vectors * product, axis=1)))
        self.next, lengths = self.remainder.normalise(product, self.vectors, self.most)
        self.beside.append(lengths)

    def project(self):
        diagonal, beside = np.array(self.diagonal), np.array(self.beside)
        pairs = [eigh_tridiagonal(d, b[:-1]) for d, b in zip(diagonal.T, beside.T)]
        values = np.stack([pair[0] for pair in pairs], axis=1)
        rotations = np.stack([pair[1] for pair in pairs])
        return LanczosBasis(
            values=not_below_zero(values, ROUNDING),
            targets=self.sizes * rotations[:, 0, :].T,
            ends=beside[-1] * rotations[:, -1, :].T,
            rotations=rotations,
            vectors=self.vectors,
            sizes=self.sizes,
            scale=self.scale,
        )


def lanczos(product, y, penalties, weights, tol, max_iter=None, scale=None, on_iteration=None):
    """Build the space in which all steps of kernel ridge are accurate.

    Memory is that of k vectors of n numbers by column.

    Parameters
    ----------
    product : callable
        Returns the scaled kernel matrix times an array of shape (n, m).
    y : array of shape (n, m)
        Targets, times `scale`.
    penalties : array-like of shape (n_steps,)
        Penalty of each step.
    weights : array-like of shape (n_steps - 1,) or (n_steps - 1, m), or None
        Weights of the ground truth. None if they are chosen later, in the basis: then the ordinary
        fits and all chains without ground truth are accurate, which those steps are mixtures of.
    tol : float
        Largest norm of a step's residual, relative to that of its column of y.
    max_iter : int or None, default=None
        Most iterations; None means 500.
    scale : array of shape (n, 1) or None, default=None
        Roots of the rows' weights, by which kernel and targets were multiplied.
    on_iteration : callable or None, default=None
        Called after each iteration with their number and a function that returns the basis so far;
        a true value stops.

    Returns
    -------
    LanczosBasis
        The steps' coordinates, with `n_iter`, `residual`, `converged` and `stopped`.
    """
    process = _Lanczos(product, y, scale)
    return grow(process, penalties, weights, tol, max_iter, on_iteration)
