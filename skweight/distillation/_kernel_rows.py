"""The training rows of a kernel model that have weight, and their kernel matrices."""

import numpy as np
from sklearn.metrics.pairwise import pairwise_kernels

from skweight._core._array_api import float64_of, follow, namespace, zeros
from skweight.distillation._rows import WeightedRows


def kernel_of(model, X, Y=None):
    """Return a kernel matrix by the parameters of a model, in the type of X."""
    if callable(model.kernel):
        params = model.kernel_params or {}
    else:
        params = {"gamma": model.gamma, "degree": model.degree, "coef0": model.coef0}
    return pairwise_kernels(X, Y, metric=model.kernel, filter_params=True, **params)


def check_kernel(K):
    """Raise if a precomputed kernel matrix of the training rows is not square or not symmetric."""
    xp = namespace(K)
    if K.shape[0] != K.shape[1]:
        raise ValueError(
            "X must be a square kernel matrix of the training rows with kernel='precomputed', got "
            f"shape {tuple(K.shape)}."
        )
    gap = float(xp.max(xp.abs(K - K.T)))
    if gap > 1e-8 * float(xp.max(xp.abs(K))):
        raise ValueError(
            "X must be a symmetric kernel matrix with kernel='precomputed', got entries that "
            f"differ by {gap:.2g} from those across the diagonal."
        )


class KernelRows(WeightedRows):
    """Training rows of positive weight, of a kernel model.

    Parameters
    ----------
    model : estimator
        Holds the parameters of the kernel.
    X : {array, sparse matrix} of shape (n, p)
        All rows, or their kernel matrix if it is precomputed.
    sample_weight : array-like of shape (n,) or None
        Their weights.
    like : array
        Weights come in its namespace, in float64.
    """

    def __init__(self, model, X, sample_weight, like):
        super().__init__(X.shape[0], sample_weight, like)
        self.model = model
        self.X = X

    def kernel(self):
        """Return the kernel matrix in float64, and whether it may be lost."""
        if self.model.kernel == "precomputed":
            K = self.take(self.take(self.X), axis=1)
        else:
            K = kernel_of(self.model, self.take(self.X))
        K64 = float64_of(K)
        return K64, K64 is not self.X

    def scaled_kernel(self):
        """Return the kernel matrix, rows and columns times the roots of weights, as `kernel`."""
        K, owned = self.kernel()
        return (K, owned) if self.root is None else (self.root * K * self.root.T, True)

    def kernel_with(self, X):
        """Return the kernel matrix in float64 of other rows with these."""
        if self.model.kernel == "precomputed":
            return float64_of(self.take(X, axis=1))
        return float64_of(kernel_of(self.model, X, self.take(self.X)))

    def spread(self, values):
        """Return values of shape (..., n_kept, m) for all rows, 0 where there is no weight."""
        if self.kept is None:
            return values
        xp = namespace(values)
        places = np.full(self.n_rows, len(self.kept))
        places[self.kept] = np.arange(len(self.kept))
        padded = zeros((*values.shape[:-2], values.shape[-2] + 1, values.shape[-1]), like=values)
        padded[..., :-1, :] = values
        (places,) = follow(values, places)
        return xp.take(padded, places, axis=-2)
