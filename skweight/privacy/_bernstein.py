"""Kernel sums in up to three dimensions from noisy ones on a lattice, by Bernstein polynomials.

The Bernstein polynomial of a function on [0, 1] is the mean of its values at i / k over binomial i,
which smooths it; iterated, it takes the smoothing away again, and the limit interpolates. Features
are treated one after the other.
"""

import math
from functools import lru_cache

import numpy as np

from skweight.privacy._bounds import clipped, row_blocks
from skweight.privacy._kernels import DISTANCES, profile

# What a kernel of 1 becomes.
_STEPS = 1 << 20
_DEGREES = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
_ORDERS = (1, 2, 4, 8, 16, 32, 64)
_MOST_POINTS = 1 << 13
_ROOM = 1 << 20

# 2 ** -f on [-1/2, 1/2], to 1e-11, by powers of f.
_POWERS = [(-math.log(2)) ** k / math.factorial(k) for k in range(10)]
_MAGIC = 1.5 * 2.0**52


class BernsteinSketch:
    """Kernel values of rows on a lattice in the bounds; all of it is public.

    Parameters
    ----------
    kernel : str
        Name of the kernel.
    bandwidth : float
        Its bandwidth.
    bounds : ndarray of shape (2, n_features)
        Bounds that rows are clipped to, which are the ends of the lattice.
    dtype : str
        The type that rows are clipped in.
    degree : int
        Degree of the polynomials: the lattice has ``degree + 1`` points for each feature.
    order : int
        How often Bernstein's operator is iterated.

    Attributes
    ----------
    name : str
        What is released.
    schema : dict
        What must agree for a merge.
    counts_rows : bool
        Whether the number of rows is in it.
    largest : int
        The largest magnitude of an integer of a row.

    References
    ----------
    .. [1] F. Alda and B. I. P. Rubinstein, "The Bernstein Mechanism: Function Release under
       Differential Privacy", AAAI 2017.
    """

    name = "values"
    counts_rows = False
    largest = _STEPS

    def __init__(self, kernel, bandwidth, bounds, dtype, degree, order):
        self.kernel = kernel
        self.bounds = bounds
        self.dtype = np.dtype(dtype)
        self.degree = degree
        self.order = order
        self.schema = {"degree": degree, "order": order}
        self._low, self._width = bounds[0], bounds[1] - bounds[0]
        self._rates = self._width / bandwidth
        self._n = bounds.shape[1]
        self.absolute, self.squared = _largest_norms(kernel, tuple(self._rates.tolist()), degree)

    def moved(self, copies):
        """Return by how much neighbours differ: sums of magnitudes, and of squares.

        Kernels are at least 0, so that those of two rows are no farther apart than if each were 0
        where the other is not.
        """
        return copies * self.absolute, copies * self.squared

    def sums(self, X, weight=None, n_jobs=None):
        """Add up the integers of private rows, an array with one axis for each feature."""
        sums = np.zeros((self.degree + 1) ** self._n, dtype=np.int64)
        for rows in row_blocks(X.shape[0], max(1, _ROOM // len(sums))):
            block = X[rows]
            block = block.toarray() if hasattr(block, "toarray") else block
            block = clipped(block, self.bounds, self.dtype).astype(np.float64)
            values = self._integers((block - self._low) / self._width)
            if weight is not None:
                values *= weight[rows, None]
            sums += values.sum(axis=0)
        return sums.reshape((self.degree + 1,) * self._n)

    def _integers(self, positions):
        """Return kernel values on the lattice in steps, with the norms that noise hides."""
        values = lattice_values(self.kernel, self._rates, self.degree, positions)
        return limited(values, self.absolute, self.squared)

    def total(self, sums):
        """Return None: a lattice does not tell the number of rows."""
        return None

    def kernel_sums(self, Y, sums):
        """Return sums of kernels at queries, which are taken to the bounds."""
        out = np.empty(Y.shape[0])
        for rows, weights in self._weights(Y):
            part = np.broadcast_to(
                np.asarray(sums, dtype=float) / _STEPS, (len(weights[0]), *sums.shape)
            )
            for weight in weights:
                part = np.einsum("ij...,ij->i...", part, weight)
            out[rows] = part
        return out

    def gains(self, Y):
        """Return variances of sums of kernels for noise of variance 1."""
        out = np.empty(Y.shape[0])
        for rows, weights in self._weights(Y):
            out[rows] = np.prod([(weight**2).sum(axis=1) for weight in weights], axis=0)
        return out / _STEPS**2

    def _weights(self, Y):
        """Yield queries and, for each feature, what the points of the lattice count."""
        for rows in row_blocks(Y.shape[0], max(1, _ROOM // (self.degree + 1) ** self._n)):
            positions = np.clip((Y[rows] - self._low) / self._width, 0, 1)
            yield rows, [point_weights(self.degree, self.order, y) for y in positions.T]


def lattice_values(kernel, rates, degree, positions):
    """Return the kernel between rows and lattice points in whole steps, rounded down.

    Parameters
    ----------
    kernel : str
        Name of the kernel.
    rates : ndarray of shape (n_features,)
        Widths of the bounds in bandwidths.
    degree : int
        One less than the points of a feature.
    positions : ndarray of shape (n_rows, n_features)
        Rows in units of the bounds.

    Returns
    -------
    ndarray of int64 of shape (n_rows, n_points)
        Each from its own row alone: single additions, multiplications and roots, which are the
        same wherever a row is computed, and no exponential of a mathematical library.
    """
    points = np.arange(degree + 1) / degree
    distance = np.zeros((len(positions), 1))
    for rate, position in zip(rates, positions.T):
        apart = (position[:, None] - points) * rate
        apart = np.abs(apart) if DISTANCES[kernel] == "manhattan" else apart * apart
        distance = (distance[:, :, None] + apart[:, None, :]).reshape(len(positions), -1)
    if kernel == "gaussian":
        values = _exponential(0.5 * distance)
    elif kernel in ("exponential", "laplacian"):
        values = _exponential(distance if kernel == "laplacian" else np.sqrt(distance))
    elif kernel == "rational_euclidean":
        values = 1 / (1 + np.sqrt(distance))
    else:
        values = 1 / (1 + distance)
    return np.floor(np.minimum(values, 1) * _STEPS).astype(np.int64)


def _exponential(t):
    """Return exp(-t) for t at least 0."""
    t = np.minimum(t, 700) * (1 / math.log(2))
    whole = (t + _MAGIC) - _MAGIC
    part = t - whole
    value = np.full_like(part, _POWERS[-1])
    for power in _POWERS[-2::-1]:
        value = value * part + power
    return np.ldexp(value, -whole.astype(np.int32))


def limited(values, absolute, squared):
    """Return integers of rows, at least 0, taken towards 0 where a norm is above its bound."""
    total = values.sum(axis=1, keepdims=True)
    values = np.where(total > absolute, values * absolute // np.maximum(total, 1), values)
    squares = (values * values).sum(axis=1, keepdims=True)
    factor = np.sqrt(float(squared) / np.maximum(squares, 1).astype(float)) * (1 - 2.0**-20)
    factor = np.floor(np.minimum(factor, 1) * _STEPS).astype(np.int64)
    return np.where(squares > squared, values * factor // _STEPS, values)


@lru_cache(maxsize=256)
def _largest_norms(kernel, rates, degree):
    """Return bounds on a row's sums of magnitudes and of squares, a little above the largest.

    Rows that should be above it all the same are limited to it, so that it need not be proved.
    """
    n = len(rates)
    # Kernel sums over a lattice are largest near its middle.
    cell = (degree - 1) // 2
    near = (cell + np.linspace(0, 1, 9)) / degree
    far = np.arange(degree + 1) / degree if n == 1 else np.array([0.0, 0.5])
    axis = np.unique(np.clip(np.concatenate([near, far]), 0, 1))
    positions = np.stack(np.meshgrid(*[axis] * n, indexing="ij"), axis=-1).reshape(-1, n)
    absolute = squared = 1
    for rows in row_blocks(len(positions), max(1, _ROOM // (degree + 1) ** n)):
        values = lattice_values(kernel, np.array(rates), degree, positions[rows])
        absolute = max(absolute, int(values.sum(axis=1).max()))
        squared = max(squared, int((values * values).sum(axis=1).max()))
    return math.ceil(absolute * 1.001) + 1, math.ceil(squared * 1.002) + 1


def point_weights(degree, order, y):
    """Return what values at i / degree count in the iterated Bernstein polynomial at y.

    Parameters
    ----------
    degree, order : int
        Of the polynomial, and of the iteration.
    y : ndarray of shape (n_queries,)
        Queries in [0, 1].

    Returns
    -------
    ndarray of shape (n_queries, degree + 1)
        The weights.
    """
    return _basis(degree, y) @ _iterated(degree, order)


def _basis(degree, y):
    from scipy.stats import binom

    return binom.pmf(np.arange(degree + 1), degree, np.asarray(y)[:, None])


@lru_cache(maxsize=256)
def _iterated(degree, order):
    """Return the sum over j < order of (I - B)^j, for the operator B on the lattice's values."""
    identity = np.eye(degree + 1)
    rest = identity - _basis(degree, np.arange(degree + 1) / degree)
    out = identity
    for _ in range(order - 1):
        out = identity + rest @ out
    return out


@lru_cache(maxsize=256)
def lattice_size(kernel, rates, n_hint, noise, degree=None):
    """Return a degree and order with which polynomials are about as wrong as the noise is large.

    Parameters
    ----------
    kernel : str
        Name of the kernel.
    rates : tuple of float
        Widths of the bounds in bandwidths.
    n_hint : int
        About how many rows there are.
    noise : tuple (str, float)
        Kind, and standard deviation on a sum of sensitivity 1.
    degree : int or None, default=None
        The degree, if that is given.

    Returns
    -------
    degree, order : int
        What they should be.
    error : float
        How large both errors are together, about.
    """
    kind, deviation = noise
    n = len(rates)
    grid = (np.arange(40) + 0.5) / 40
    apart = np.abs(grid[:, None] - grid)
    exact = {rate: profile(kernel, apart * rate) for rate in set(rates)}
    means = np.array([exact[rate].mean() for rate in rates])
    best = None
    for k in _DEGREES if degree is None else (degree,):
        if degree is None and (k + 1) ** n > _MOST_POINTS:
            break
        norms = np.array(_largest_norms(kernel, rates, k)) / [_STEPS, _STEPS**2]
        moved = norms[0] if kind == "laplace" else math.sqrt(norms[1])
        points = np.arange(k + 1) / k
        lattice = {
            rate: profile(kernel, np.abs(grid[:, None] - points) * rate) for rate in set(rates)
        }
        for order in _ORDERS:
            weights = point_weights(k, order, grid)
            gain = (weights**2).sum(axis=1).mean() ** n
            wrong = [((lattice[rate] @ weights.T - exact[rate]) ** 2).mean() for rate in rates]
            others = np.prod(means) / means
            bias = n_hint**2 * float((wrong * others**2).sum())
            error = bias + (moved * deviation) ** 2 * gain
            if best is None or error < best[0]:
                best = error, k, order
    return best[1], best[2], math.sqrt(best[0])
