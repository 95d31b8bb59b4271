"""What rows and queries become before distances are added up; all of it is public.

A frame holds no rows. It yields the values of rows that are counted, one coordinate after the
other, each from its own row and public numbers alone.
"""

import math

import numpy as np

from skweight.privacy._bounds import clipped, shortened

# Bounds of numbers where only their norm is bounded.
_HUGE = 1e300


class BoxFrame:
    """Features in their bounds.

    Parameters
    ----------
    bounds : ndarray of shape (2, n_features)
        Lows and highs.
    dtype : str
        The type that is computed in.
    p : float
        The power of distances.
    """

    factor = 1.0

    def __init__(self, bounds, dtype, p):
        self.bounds = bounds
        self.dtype = np.dtype(dtype)
        self.p = p
        self.widths = bounds[1] - bounds[0]
        with np.errstate(over="ignore"):
            self.importance = self.widths**p
        if not (np.isfinite(self.importance).all() and (self.importance > 0).all()):
            raise ValueError(f"bounds must have finite powers {p:g} of what is between them.")

    def columns(self, X):
        """Return a function of a slice of rows that yields each coordinate's values."""
        lows, widths = in_type(self.dtype, self.bounds[0], self.widths)

        def yield_columns(rows):
            block = np.ascontiguousarray(clipped(X[rows], self.bounds, self.dtype).T)
            yield from zip(block, lows, widths)

        return yield_columns

    def positions(self, Y):
        """Return queries in units of the intervals."""
        return (Y - self.bounds[0]) / self.widths


class CentredFrame:
    """Rows from the middle of their bounds, of a norm within a bound.

    Parameters
    ----------
    bounds : ndarray of shape (2, n_features) or None
        Lows and highs; None where only the norm is bounded.
    norm_bound : float or None
        The largest norm; None for half of the diagonal of the bounds.
    n_features : int
        Number of features.
    dtype : str
        The type that is computed in.
    """

    factor = 1.0

    def __init__(self, bounds, norm_bound, n_features, dtype):
        self.dtype = np.dtype(dtype)
        self.middle = np.zeros(n_features)
        self.half_ranges = np.full(n_features, np.inf if norm_bound is None else norm_bound)
        self.norm_bound = norm_bound
        # Nothing of a norm within the bound is outside of these.
        self.bounds = np.array([-self.half_ranges, self.half_ranges])
        self._clip = np.array([[-_HUGE], [_HUGE]]) + np.zeros(n_features)
        if bounds is not None:
            self.bounds = self._clip = bounds
            self.middle = bounds[0] + 0.5 * (bounds[1] - bounds[0])
            self.half_ranges = 0.5 * (bounds[1] - bounds[0])
            diagonal = math.hypot(*self.half_ranges)
            self.norm_bound = diagonal if norm_bound is None else min(norm_bound, diagonal)

    def block(self, X):
        """Return a function from a slice of rows to these rows, ready to be counted."""

        def rows_of(rows):
            # In float64 up to here: bounds that are far out may not exist in a narrower type.
            block = clipped(X[rows], self._clip) - self.middle
            return shortened(block, self.norm_bound).astype(self.dtype)

        return rows_of

    def positions(self, Y):
        """Return queries from the middle."""
        return Y - self.middle


class ProjectedFrame(CentredFrame):
    """Random projections of rows from the middle of their bounds.

    A projection of a difference has, on average over the directions, a magnitude in proportion to
    its norm.

    Parameters
    ----------
    bounds, norm_bound, n_features, dtype
        As in `CentredFrame`.
    n_projections : int
        Number of directions.
    seed : int
        Seed of the directions, which are public.
    n_hint : int
        About how many rows there are: no projection of that many is expected outside its interval.
    """

    def __init__(self, bounds, norm_bound, n_features, dtype, n_projections, seed, n_hint):
        super().__init__(bounds, norm_bound, n_features, dtype)
        # This generator's stream is the same in all versions of numpy.
        directions = np.random.RandomState(seed).normal(size=(n_projections, n_features))
        self.directions = directions
        likely = self.norm_bound * math.sqrt(2 * math.log(2 * n_hint * n_projections))
        possible = self.norm_bound * np.sqrt((directions**2).sum(axis=1))
        in_box = np.abs(directions) @ self.half_ranges
        self.halves = np.minimum(np.minimum(likely, possible), in_box)
        self.importance = 2 * self.halves
        self.factor = math.sqrt(math.pi / 2) / n_projections

    def columns(self, X):
        """Return a function of a slice of rows that yields each projection's values."""
        block = self.block(X)
        directions = self.directions.T.astype(self.dtype)
        lows, highs, widths = in_type(self.dtype, -self.halves, self.halves, self.importance)

        def yield_columns(rows):
            values = block(rows)
            projected = np.zeros((len(values), directions.shape[1]), dtype=self.dtype)
            # Not a matrix product, whose rounding depends on which rows are side by side.
            for j, direction in enumerate(directions):
                projected += values[:, j, None] * direction
            np.clip(projected, lows, highs, out=projected)
            yield from zip(np.ascontiguousarray(projected.T), lows, widths)

        return yield_columns

    def positions(self, Y):
        """Return projected queries in units of the intervals."""
        return ((Y - self.middle) @ self.directions.T + self.halves) / self.importance


def in_type(dtype, *arrays):
    """Return public arrays, the last of them of widths, in the type that is computed in."""
    with np.errstate(over="ignore"):
        arrays = [array.astype(dtype) for array in arrays]
    if not (np.isfinite(arrays).all() and (arrays[-1] > 0).all()):
        raise ValueError(f"bounds are too wide or too narrow for compute_dtype={dtype.name!r}.")
    return arrays
