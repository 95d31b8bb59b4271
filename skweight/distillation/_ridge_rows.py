"""The training rows of a linear model, their Gram matrices and their decomposition."""

from dataclasses import replace

import numpy as np
from scipy import sparse

from skweight._core._array_api import concat, float64_of, namespace, zeros
from skweight.distillation._golub_kahan import CentredRows
from skweight.distillation._rows import WeightedRows
from skweight.distillation._spectrum import kernel_spectrum, reach, row_spectrum

_BLOCK = 8 * 2**20  # numbers of a part of the rows
# Above this share of entries that are not 0, parts made dense are multiplied faster.
_DENSE = 0.05


class RidgeRows(WeightedRows):
    """Training rows of positive weight, and targets, about weighted means if there is an intercept.

    The rows are neither copied nor made dense as a whole.

    Parameters
    ----------
    X : {array, CSR matrix} of shape (n, p)
        All rows.
    y : array of shape (n, m)
        Their targets, in float64.
    sample_weight : array-like of shape (n,) or None
        Their weights.
    fit_intercept : bool
        Whether there is an intercept.

    Attributes
    ----------
    X, y : {array, CSR matrix} of shape (n_kept, p) and array of shape (n_kept, m)
        What has positive weight, neither centred nor scaled.
    share : array of shape (n_kept, 1) or None
        Weights divided by their sum; None without intercept.
    mean, y_mean : array of shape (1, p) and of shape (1, m), or None
        Weighted means; None without intercept.
    targets : array of shape (n_kept, m)
        Targets about their mean, times the roots of weights.
    """

    def __init__(self, X, y, sample_weight, fit_intercept):
        super().__init__(X.shape[0], sample_weight, like=y)
        self.X, self.y = self.take(X), self.take(y)
        self.share = self.mean = self.y_mean = None
        centred = self.y
        if fit_intercept:
            xp = namespace(self.y)
            weight = xp.ones_like(self.y[:, 0]) if self.weight is None else self.weight
            self.share = (weight / xp.sum(weight))[:, None]
            self.mean = self._mean_row()
            self.y_mean = self.share.T @ self.y
            centred = self.y - self.y_mean
        self.targets = self.scale(centred)

    @property
    def is_wide(self):
        """Whether there are more features than rows."""
        return self.X.shape[1] > self.X.shape[0]

    @property
    def _is_thin(self):
        """Whether nearly all entries are 0, and not stored."""
        return sparse.issparse(self.X) and self.X.nnz < _DENSE * self.X.shape[0] * self.X.shape[1]

    def _mean_row(self):
        if sparse.issparse(self.X):
            return (self.X.T @ self.share).T
        return sum(self.share[rows, :].T @ float64_of(self.X[rows, :]) for rows in self._parts(0))

    def _parts(self, axis, whole=False):
        """Yield slices of rows (0) or columns (1) whose entries fit in a small part of memory."""
        length, across = self.X.shape[axis], self.X.shape[1 - axis]
        size = length if whole else max(1, _BLOCK // across)
        for start in range(0, length, size):
            yield slice(start, min(start + size, length))

    @property
    def _is_ready(self):
        """Whether entries can be multiplied as they are."""
        return not sparse.issparse(self.X) and self.mean is None and self.X.dtype == self.y.dtype

    def _centred(self, rows, columns):
        """Return entries in float64, dense, about the mean."""
        values = self.X[rows, columns]
        values = float64_of(values.toarray() if sparse.issparse(values) else values)
        return values if self.mean is None else values - self.mean[:, columns]

    def gram(self):
        """Return the products of the features with each other and with the targets."""
        if self._is_thin:
            X = self.X.astype(np.float64)
            X = X if self.root is None else sparse.diags(self.root[:, 0]) @ X
            products = (X.T @ X).toarray()
            if self.mean is not None:
                total = X.shape[0] if self.weight is None else self.weight.sum()
                products -= total * self.mean.T @ self.mean
            return products, self.back(self.targets)
        products = targets = 0.0
        for part in self._parts(0, whole=self._is_ready and self.root is None):
            values = self._centred(part, slice(None))
            values = values if self.root is None else self.root[part, :] * values
            products += values.T @ values
            targets += values.T @ self.targets[part, :]
        return products, targets

    def kernel(self):
        """Return the products of the rows with each other, not scaled."""
        if self._is_thin:
            X = self.X.astype(np.float64)
            products = (X @ X.T).toarray()
            if self.mean is not None:
                along = X @ self.mean.T - 0.5 * np.sum(self.mean**2)
                products -= along + along.T
            return products
        parts = self._parts(1, whole=self._is_ready)
        blocks = (self._centred(slice(None), part) for part in parts)
        return sum(values @ values.T for values in blocks)

    def scaled_kernel(self):
        """Return the products of the rows, times the roots of their weights, with each other."""
        return self.kernel() if self.root is None else self.root * self.kernel() * self.root.T

    def back(self, values):
        """Return coefficients, shape (p, ...), of scaled dual ones of shape (n_kept, ...)."""
        xp = namespace(values)
        flat = xp.reshape(values, (values.shape[0], -1))
        if sparse.issparse(self.X):
            flat = CentredRows(self.X, self.root, self.mean).back(flat)
        else:
            flat, parts = self.scale(flat), self._parts(1, whole=self._is_ready)
            flat = concat([self._centred(slice(None), part).T @ flat for part in parts])
        return xp.reshape(flat, (self.X.shape[1], *values.shape[1:]))

    def predict(self, X, coef):
        """Return predictions for any rows by coefficients of shape (p, m)."""
        return products(X, coef) + self.intercept(coef)

    def intercept(self, coef):
        """Return the intercepts, shape (..., m), for coefficients of shape (..., p, m)."""
        if self.mean is None:
            return zeros((*coef.shape[:-2], coef.shape[-1]), like=coef)
        return self.y_mean[0, :] - (self.mean @ coef)[..., 0, :]

    def spectrum(self):
        """Return the decomposition of the rows, and the way to coefficients of shape (p, m)."""
        if sparse.issparse(self.X) and self.is_wide:
            return self._wide_spectrum()
        X = float64_of(self.X.toarray() if sparse.issparse(self.X) else self.X)
        spectrum, directions, _ = row_spectrum(X, self.weight, self.mean is not None)
        values = spectrum.values[:, None]
        return spectrum, lambda coordinates: directions.T @ (values * coordinates)

    def _wide_spectrum(self):
        """Return the same from the products of the rows, without making these dense."""
        K = self.kernel()
        if self.mean is not None:
            # The intercept's direction, which centred rows leave empty, gets the largest value, so
            # that rounding mixes it with no other, and is then left out.
            K += 2 * abs(np.sum(self.share[:, 0] * K.diagonal())) or 1.0
        spectrum = kernel_spectrum(K, self.weight, overwrite=True, rounding=np.inf)
        # Directions that copies of rows leave empty hold rounding.
        held = spectrum.values > len(K) * np.finfo(np.float64).eps * spectrum.values[-1]
        if self.mean is not None:
            held[-1] = False
        vectors, images = spectrum.vectors[:, held], spectrum.images
        spectrum = replace(
            spectrum,
            vectors=vectors,
            values=spectrum.values[held],
            share=self.share,
            outside=reach(vectors, self.share),
            images=None if images is None else images[:, held],
        )
        return spectrum, lambda coordinates: self.back(vectors @ coordinates)


def products(X, coef):
    """Return the products of rows with coefficients, in their type, or in float64 if it differs."""
    if X.dtype != coef.dtype:
        coef = float64_of(coef)
        X = X if sparse.issparse(X) else float64_of(X)  # scipy makes the finer type
    return X @ coef
