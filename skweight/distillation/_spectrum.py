"""One decomposition of the training rows, in which every step of every penalty is diagonal.

Rows of weight s enter as ``sqrt(s)`` times themselves, so that the scaled kernel matrix
``diag(sqrt(s)) K diag(sqrt(s))`` takes the place of K. Rows without weight are left out before.
"""

from dataclasses import dataclass

import numpy as np

from skweight._core._array_api import eigh, follow, namespace, svd, take, to_numpy, zeros

# Relative error that a kernel matrix may have: it may have been computed in float32 once.
ROUNDING = 1e-6
# Rows lighter than this share of the heaviest would lose digits if they were read off eigenvectors,
# whose entries are exact to the size of the largest alone.
_LIGHT = 1e-4
_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Eigenvectors and eigenvalues of the scaled kernel matrix of n rows of positive weight.

    Attributes
    ----------
    vectors : array of shape (n, r)
        Orthonormal columns.
    values : array of shape (r,)
        Eigenvalues, at least 0.
    scale : array of shape (n, 1) or None
        Roots of the rows' weights; None without weights.
    share : array of shape (n, 1) or None
        Weights divided by their sum, where there is an intercept: its leverage.
    outside : array of shape (n, 1) or None
        Squared length of each unit vector's part that neither the vectors nor the intercept reach;
        None if they reach everything.
    light : array of int of shape (n_light,) or None
        Places of rows with a small share of the heaviest row's weight; None if no row has.
    images : array of shape (n_light, r) or None
        Coefficients to fitted values at these rows.
    """

    vectors: object
    values: object
    scale: object = None
    share: object = None
    outside: object = None
    light: object = None
    images: object = None

    @property
    def n_rows(self):
        return self.vectors.shape[0]

    def centre(self, y):
        """Return targets about their weighted mean, and the mean; 0 without intercept."""
        xp = namespace(self.vectors)
        if self.share is None:
            return y, zeros((1, y.shape[1]), like=self.vectors)
        mean = xp.sum(self.share * y, axis=0, keepdims=True)
        return y - mean, mean

    def project(self, y):
        """Return the coordinates of centred targets, shape (r, m)."""
        return self.vectors.T @ self._scaled(y)

    def beyond(self, y, coordinates):
        """Return the part of centred targets that no fit reaches, or None if there is none."""
        if self.outside is None:
            return None
        return y - self.rows(coordinates)

    def rows(self, coordinates):
        """Return for coordinates of shape (r, ...) the values at the rows, shape (n, ...)."""
        xp = namespace(self.vectors)
        flat = xp.reshape(coordinates, (coordinates.shape[0], -1))
        values = self.vectors @ flat
        if self.scale is not None:
            values = values / self.scale
        return xp.reshape(values, (self.n_rows, *coordinates.shape[1:]))

    def at_light(self, coefficients):
        """Return for coefficients of shape (r, ...) the fitted values at light rows."""
        xp = namespace(self.vectors)
        flat = xp.reshape(coefficients, (coefficients.shape[0], -1))
        return xp.reshape(self.images @ flat, (-1, *coefficients.shape[1:]))

    def dual(self, coefficients):
        """Return dual coefficients for the coordinates of coefficients, shape (n, ...)."""
        xp = namespace(self.vectors)
        flat = xp.reshape(coefficients, (coefficients.shape[0], -1))
        values = self._scaled(self.vectors @ flat)
        return xp.reshape(values, (self.n_rows, *coefficients.shape[1:]))

    @property
    def dual_vectors(self):
        """Dual coefficients for each coordinate's unit vector, shape (n, r)."""
        return self._scaled(self.vectors)

    def response(self, penalty):
        """Return the function that `run_steps` wants, for penalties by step."""

        def respond(t, targets):
            coefficients = targets / (self.values[:, None] + float(penalty[t]))
            return coefficients, self.values[:, None] * coefficients

        return respond

    def _scaled(self, values):
        return values if self.scale is None else self.scale * values


def kernel_spectrum(K, weight=None, overwrite=False, rounding=ROUNDING):
    """Decompose a kernel matrix.

    Parameters
    ----------
    K : array of shape (n, n)
        Symmetric, positive semi-definite.
    weight : array of shape (n,) or None, default=None
        Weights of the rows, all above 0.
    overwrite : bool, default=False
        Whether K may be lost.
    rounding : float, default=1e-6
        Relative error that K may have.

    Returns
    -------
    Spectrum
        Eigenvalues below 0, which are rounding, become 0.

    Raises
    ------
    ValueError
        If an eigenvalue is further below 0 than that.
    """
    xp = namespace(K)
    if weight is None:
        values, vectors = eigh(K, overwrite)
        return Spectrum(vectors, not_below_zero(values, rounding))
    scale = xp.sqrt(weight)[:, None]
    K = scaled(K, scale, overwrite)
    light = light_rows(weight)
    rows = None if light is None else take(K, light)
    values, vectors = eigh(K, overwrite=True)
    values = not_below_zero(values, rounding)
    images = None if light is None else (rows @ vectors) / take(scale, light)
    return Spectrum(vectors, values, scale, light=light, images=images)


def scaled(K, scale, overwrite=False):
    """Return a matrix with rows and columns times factors, (n, 1); in place if it may be lost."""
    if overwrite:
        K *= scale
    else:
        K = scale * K
    K *= scale.T
    return K


def not_below_zero(values, rounding):
    """Return eigenvalues with 0 for those that rounding left below; raise if it was not rounding.

    `rounding` is relative to the largest.
    """
    xp = namespace(values)
    lowest, largest = float(xp.min(values)), float(xp.max(values))
    if lowest < -rounding * max(largest, 0.0):
        raise ValueError(
            "kernel must be positive semi-definite, got a kernel matrix with an eigenvalue of "
            f"{lowest:.2g} beside a largest one of {largest:.2g}."
        )
    return xp.where(values > 0, values, xp.zeros_like(values))


def row_spectrum(X, weight=None, fit_intercept=True):
    """Decompose the rows of a dense matrix, for a linear kernel.

    Parameters
    ----------
    X : array of shape (n, p)
        The rows.
    weight : array of shape (n,) or None, default=None
        Weights of the rows, all above 0.
    fit_intercept : bool, default=True
        Whether the rows are centred at their weighted mean first.

    Returns
    -------
    spectrum : Spectrum
        Of the rank of the rows.
    directions : array of shape (r, p)
        Right singular vectors divided by singular values: coordinates times these times the
        eigenvalues are coefficients of features.
    mean : array of shape (1, p)
        Weighted mean of the rows, 0 without intercept.
    """
    xp = namespace(X)
    n = X.shape[0]
    share = None
    mean = zeros((1, X.shape[1]), like=X)
    if fit_intercept:
        share = xp.ones_like(X[:, :1]) / n if weight is None else (weight / xp.sum(weight))[:, None]
        mean = xp.sum(share * X, axis=0, keepdims=True)
        X = X - mean
    scale = None if weight is None else xp.sqrt(weight)[:, None]
    U, s, Vt = svd(X if scale is None else scale * X)
    floor = float(s[0]) * max(X.shape) * _EPS if s.shape[0] else 0.0
    rank = int(xp.sum(xp.astype(s > floor, xp.int64) if hasattr(xp, "astype") else s > floor))
    U, s, Vt = U[:, :rank], s[:rank], Vt[:rank, :]
    light = None if weight is None else light_rows(weight)
    images = None if light is None else (take(X, light) @ Vt.T) * s
    spectrum = Spectrum(U, s**2, scale, share, reach(U, share), light, images)
    return spectrum, Vt / s[:, None], mean


def light_rows(weight):
    """Return the places of rows with a small share of the heaviest row's weight, or None."""
    share = to_numpy(weight) / float(namespace(weight).max(weight))
    places = np.flatnonzero(share < _LIGHT)
    return follow(weight, places)[0] if len(places) else None


def reach(vectors, share):
    """Return what is left of each unit vector outside the vectors and the intercept, or None."""
    xp = namespace(vectors)
    n, rank = vectors.shape
    # Where nothing is left, rounding would drown a small penalty.
    if rank >= n - (share is not None):
        return None
    left = 1 - xp.sum(vectors**2, axis=1, keepdims=True)
    if share is not None:
        left = left - share
    return xp.where(left > 0, left, xp.zeros_like(left))
