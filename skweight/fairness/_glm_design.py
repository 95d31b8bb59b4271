"""The columns of a generalised linear model, in coordinates where its loss is nearly a sphere.

Columns are centred through the intercept, so that sparse ones stay sparse, and the coordinates are
those in which the null model's expected Hessian is the identity. Few gradients are then needed,
the size of one has the same meaning for all columns and units, and directions that the data do not
determine are seen and left at 0.
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse

# Up to this many columns a matrix of their products is decomposed; beyond, columns are only scaled.
MAX_WHITENED = 500

# Rows at a time, so that no centred copy of all rows is made.
_BLOCK_NUMBERS = 1 << 19


@dataclass
class _Transform:
    """Coordinates of one direction of the scores: coefficients = to_coef @ coordinates."""

    to_coef: np.ndarray | None
    from_coef: np.ndarray | None
    scale: np.ndarray | None = None  # instead of matrices, where columns are only scaled

    @property
    def size(self):
        return len(self.scale) if self.to_coef is None else self.to_coef.shape[1]

    def coef(self, z):
        return self.scale * z if self.to_coef is None else self.to_coef @ z

    def coordinates(self, coef):
        if self.to_coef is None:
            return np.divide(coef, self.scale, out=np.zeros_like(coef), where=self.scale > 0)
        return self.from_coef @ coef

    def gradient(self, g):
        return self.scale * g if self.to_coef is None else self.to_coef.T @ g


class Design:
    """Map coordinates to scores, and gradients in the scores back to gradients in coordinates.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n, n_columns)
        The columns; never written to, copied or made dense.
    share : ndarray of shape (n,)
        Weights of the rows, summing to 1.
    curvature : float or ndarray of shape (n_scores, n_scores)
        Expected second derivative of the loss of a row in its scores, at the null model.
    alpha : float
        Strength of the ridge penalty.
    fit_intercept : bool
        Whether there is an intercept.

    Attributes
    ----------
    size : int
        Number of coordinates.
    """

    def __init__(self, X, share, curvature, alpha, fit_intercept):
        self.X = X.tocsr() if sparse.issparse(X) else X
        self.n_columns = X.shape[1]
        self.fit_intercept = fit_intercept
        self.shift = self.X.T @ share if fit_intercept else np.zeros(self.n_columns)
        curvature = np.atleast_2d(curvature)
        values, directions = np.linalg.eigh(curvature)
        kept = values > 1e-12 * values.max()  # softmax scores may all rise together: leave that
        self.curvatures, self.directions = values[kept], directions[:, kept]
        if len(curvature) == 1:
            self.directions = np.ones((1, 1))
        self.transforms = self._transforms(share, alpha)
        sizes = [fit_intercept + transform.size for transform in self.transforms]
        self.ends = np.cumsum(sizes)[:-1]
        self.size = sum(sizes)

    def _transforms(self, share, alpha):
        products = None
        if self.n_columns > MAX_WHITENED:
            moment = _second_moments(self.X, share, self.shift)
        else:
            moment, products = _products(self.X, share, self.shift)
        if products is None:
            roots = [_inverse_root(c * moment + alpha * (moment > 0)) for c in self.curvatures]
            return [_Transform(None, None, root) for root in roots]
        scale = _inverse_root(moment)
        products *= scale[:, None] * scale
        return [_whiten(c * products, alpha, scale) for c in self.curvatures]

    def split(self, z):
        """Return coefficients (n_columns, n_scores) and intercepts (n_scores,) of coordinates."""
        coef = np.zeros((self.n_columns, len(self.directions)))
        intercept = np.zeros(len(self.directions))
        for part, transform, c, u in self._parts(z):
            if self.fit_intercept:
                intercept += u * (part[0] / np.sqrt(c))
                part = part[1:]
            coef += np.outer(transform.coef(part), u)
        return coef, intercept - self.shift @ coef

    def join(self, coef, intercept):
        """Return the coordinates of coefficients (n_columns, n_scores) and intercepts."""
        centred = intercept + self.shift @ coef
        parts = []
        for transform, c, u in zip(self.transforms, self.curvatures, self.directions.T):
            if self.fit_intercept:
                parts.append([np.sqrt(c) * (centred @ u)])
            parts.append(transform.coordinates(coef @ u))
        return np.concatenate(parts) if parts else np.zeros(0)

    def scores(self, coef, intercept):
        """Return X coef + intercept, (n,) for a single score, else (n, n_scores)."""
        if coef.shape[1] == 1:
            return self.X @ coef[:, 0] + intercept[0]
        return self.X @ coef + intercept

    def gradient(self, slopes, coef_slopes):
        """Return the gradient in coordinates.

        Parameters
        ----------
        slopes : ndarray of shape (n,) or (n, n_scores)
            Gradient in the scores.
        coef_slopes : ndarray of shape (n_columns, n_scores)
            Gradient of what depends on the coefficients alone, such as a ridge penalty.

        Returns
        -------
        ndarray of shape (size,)
            The gradient.
        """
        total = np.atleast_1d(slopes.sum(axis=0))
        raw = (self.X.T @ slopes).reshape(self.n_columns, -1)
        raw = raw - np.outer(self.shift, total) + coef_slopes
        parts = []
        for transform, c, u in zip(self.transforms, self.curvatures, self.directions.T):
            if self.fit_intercept:
                parts.append([(total @ u) / np.sqrt(c)])
            parts.append(transform.gradient(raw @ u))
        return np.concatenate(parts) if parts else np.zeros(0)

    def _parts(self, z):
        return zip(np.split(z, self.ends), self.transforms, self.curvatures, self.directions.T)


def _inverse_root(values):
    """Return values ** -1/2, and 0 where a value is 0."""
    return np.divide(1.0, np.sqrt(values), out=np.zeros_like(values), where=values > 0)


def _whiten(gram, alpha, scale):
    """Return the coordinates in which a scaled matrix of products plus a ridge is the identity.

    Parameters
    ----------
    gram : ndarray of shape (n_columns, n_columns)
        Curvature of the loss in scaled columns.
    alpha : float
        Strength of the ridge penalty, on unscaled coefficients.
    scale : ndarray of shape (n_columns,)
        Unscaled by scaled coefficients; 0 for columns that are left out.
    """
    values, vectors = np.linalg.eigh(gram + np.diag(alpha * scale**2))
    kept = values > 4 * len(scale) * np.finfo(float).eps * values.max(initial=0.0)
    root = np.sqrt(values[kept])
    to_coef = scale[:, None] * vectors[:, kept] / root
    stretch = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
    from_coef = root[:, None] * vectors[:, kept].T * stretch
    lost = scale[:, None] * vectors[:, ~kept]
    if lost.any():  # of all coefficients with the same scores take the smallest ones
        basis = linalg.orth(lost)
        to_coef -= basis @ (basis.T @ to_coef)
    return _Transform(to_coef, from_coef)


def _second_moments(X, share, shift):
    """Return the weighted mean squares of the centred columns."""
    if sparse.issparse(X):
        n, p = X.shape
        present = np.bincount(X.indices, np.repeat(share, np.diff(X.indptr)), minlength=p)
        full = np.bincount(X.indices, minlength=p) == n
        absent = np.where(full, 0.0, np.maximum(1 - present, 0.0))
        deviation = X.copy()
        deviation.data = (X.data - shift[X.indices]) ** 2
        moment = deviation.T @ share + absent * shift**2
    else:
        moment = np.zeros(X.shape[1])
        for rows in _blocks(X):
            moment += share[rows] @ (X[rows] - shift) ** 2
    return _without_constants(moment, shift)


def _without_constants(moment, shift):
    """Return mean squares with 0 for columns that differ from their mean by rounding alone."""
    return np.where(moment <= (1e-13 * shift) ** 2, 0.0, moment)


def _products(X, share, shift):
    """Return mean squares and products of the centred columns, None where rounding spoils these."""
    if sparse.issparse(X):
        moment = _second_moments(X, share, shift)
        lost = np.divide(shift**2, moment, out=np.zeros_like(moment), where=moment > 0)
        if lost.max(initial=0.0) * np.finfo(float).eps > 1e-12:
            return moment, None
        products = (X.T @ X.multiply(share[:, None]).tocsr()).toarray() - np.outer(shift, shift)
    else:
        products = np.zeros((X.shape[1], X.shape[1]))
        for rows in _blocks(X):
            block = (X[rows] - shift) * np.sqrt(share[rows])[:, None]
            products += block.T @ block
        moment = _without_constants(np.diagonal(products).copy(), shift)
    return moment, products


def _blocks(X):
    step = max(256, _BLOCK_NUMBERS // X.shape[1])
    return [slice(start, start + step) for start in range(0, X.shape[0], step)]
