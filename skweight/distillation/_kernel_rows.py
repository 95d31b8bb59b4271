"""The training rows of a kernel model that have weight, and their kernel matrices."""

import numpy as np
from sklearn.metrics.pairwise import pairwise_kernels
from sklearn.utils import gen_batches

from skweight._core._array_api import as_type, concat, float64_of, follow, namespace, take, zeros
from skweight.distillation._rows import WeightedRows
from skweight.distillation._spectrum import ROUNDING, kernel_spectrum, scaled

_BLOCK = 2**23  # numbers of one part of a kernel matrix: 64 MiB in float64
_HELD = 2**27  # numbers of a matrix with other rows that is kept for later products: 1 GiB


def kernel_of(model, X, Y=None):
    """Return a kernel matrix by the parameters of a model, in the type of X."""
    if callable(model.kernel):
        params = model.kernel_params or {}
    else:
        params = {"gamma": model.gamma, "degree": model.degree, "coef0": model.coef0}
    return pairwise_kernels(X, Y, metric=model.kernel, filter_params=True, **params)


def check_kernel(K, name="X with kernel='precomputed'"):
    """Raise if a kernel matrix of the training rows is not square or not symmetric."""
    xp = namespace(K)
    n = K.shape[0]
    if K.shape[1] != n:
        raise ValueError(
            f"{name} must be a square kernel matrix of the training rows, got shape "
            f"{tuple(K.shape)}."
        )
    gap = largest = 0.0
    for part in gen_batches(n, max(1, _BLOCK // n)):
        rows, columns = K[part, part.start :], K[part.start :, part].T
        gap = max(gap, float(xp.max(xp.abs(rows - columns))))
        largest = max(largest, float(xp.max(xp.abs(rows))))
    if gap > rounding_of(K) * largest:
        raise ValueError(
            f"{name} must be a symmetric kernel matrix, got entries that differ by {gap:.2g} from "
            "those across the diagonal."
        )


def check_columns(X_val, n_rows):
    """Raise if the kernel of rows held out is not with the rows of the fit."""
    if X_val is not None and np.ndim(X_val) == 2 and np.shape(X_val)[1] != n_rows:
        raise ValueError(
            "X_val with kernel='precomputed' must be the kernel of the rows held out with the "
            f"training rows, got shape {np.shape(X_val)} beside {n_rows} rows; a search cuts the "
            "rows, and cannot cut these columns: take ground_truth_weight='loo' there."
        )


def rounding_of(X):
    """Return the relative error that a kernel matrix in the type of X may have."""
    return 10 * ROUNDING if "float32" in str(X.dtype) else ROUNDING


def kernel_times(model, X, fitted, coefficients):
    """Return the kernel matrix of other rows with those of a fit, times their coefficients.

    The matrix is made in parts, so that memory is bounded for any number of rows.

    Parameters
    ----------
    model : estimator
        Holds the parameters of the kernel.
    X : {array, sparse matrix} of shape (n, p)
        Rows, or their kernel matrix if it is precomputed.
    fitted : {array, sparse matrix} of shape (n_fit, p)
        Rows of the fit; not used with a precomputed kernel.
    coefficients : array of shape (n_fit, c)
        Dual coefficients; the product is computed in their type.

    Returns
    -------
    array of shape (n, c)
        The product.
    """
    if model.kernel == "precomputed":
        return as_type(X, coefficients.dtype) @ coefficients
    parts = [
        as_type(kernel_of(model, X[part, :], fitted), coefficients.dtype) @ coefficients
        for part in gen_batches(X.shape[0], max(1, _BLOCK // coefficients.shape[0]))
    ]
    return parts[0] if len(parts) == 1 else concat(parts)


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

    Attributes
    ----------
    rounding : float
        Relative error that the kernel matrix may have.
    """

    def __init__(self, model, X, sample_weight, like):
        super().__init__(X.shape[0], sample_weight, like)
        self.model = model
        self.is_precomputed = model.kernel == "precomputed"
        self.X = X if self.is_precomputed else self.take(X)
        self.rounding = rounding_of(X)

    @property
    def all_weights(self):
        """Weights of all rows, or None."""
        return None if self.weight is None else self.spread(self.weight[:, None])[:, 0]

    def kernel(self):
        """Return the kernel matrix in float64, and whether it may be lost."""
        if not self.is_precomputed:
            return float64_of(kernel_of(self.model, self.X)), True
        K = float64_of(self.take(self.take(self.X), axis=1))
        # Another object need not be a copy: arrays of a subclass are views of the user's own.
        return K, self.kept is not None or K.dtype != self.X.dtype

    def scaled_kernel(self):
        """Return the kernel matrix, rows and columns times the roots of weights, as `kernel`."""
        K, owned = self.kernel()
        return (K, owned) if self.root is None else (scaled(K, self.root, owned), True)

    def spectrum(self):
        """Return the decomposition of the kernel matrix."""
        K, owned = self.kernel()
        return kernel_spectrum(K, self.weight, owned, self.rounding)

    def block(self, rows, columns):
        """Return a part of the kernel matrix, for two slices."""
        if self.is_precomputed:
            rows, columns = self._places(rows), self._places(columns)
            return take(take(self.X, rows), columns, axis=1)
        return kernel_of(self.model, self.X[rows, :], self.X[columns, :])

    def _places(self, part):
        places = np.arange(self.n_rows) if self.kept is None else self.kept
        return follow(self.X, places[part])[0]

    def predictor(self, X):
        """Return the function from dual coefficients to the values of other rows, in float64."""
        if self.is_precomputed:
            X = self.take(X, axis=1)
        elif X.shape[0] * self.X.shape[0] <= _HELD:
            K = float64_of(kernel_of(self.model, X, self.X))
            return lambda dual: K @ dual
        return lambda dual: kernel_times(self.model, X, self.X, dual)

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
