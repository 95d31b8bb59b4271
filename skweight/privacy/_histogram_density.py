"""Kernel sums in one dimension from noisy numbers of rows on a grid.

A row between two nodes of the grid is divided between them so that its position stays the same.
That touches two sums and moves them by one row in all, as a plain count does, and what the grid
does to a smooth kernel is the square of its step. The part of that which is common to all rows is
taken away again from the noisy sums.
"""

import math

import numpy as np

from skweight.privacy._bounds import clipped, row_blocks
from skweight.privacy._kernels import profile

# What a row is divided into.
_UNITS = 1 << 10
_FEWEST, _MOST = 16, 1 << 16
# Beyond so many bandwidths kernels are below 1e-17; those that are not here never are.
_REACH = {"gaussian": 9.0, "exponential": 40.0, "laplacian": 40.0}
_ROOM = 1 << 20


class HistogramSketch:
    """Rows on a grid; all of it is public.

    Parameters
    ----------
    kernel : str
        Name of the kernel.
    bandwidth : float
        Its bandwidth.
    bounds : ndarray of shape (2, 1)
        Bounds that rows are clipped to, which are the ends of the grid.
    dtype : str
        The type that integers are computed in.
    n_cells : int
        Number of steps of the grid.

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
    """

    name = "cells"
    counts_rows = True
    largest = _UNITS

    def __init__(self, kernel, bandwidth, bounds, dtype, n_cells):
        self.kernel = kernel
        self.bandwidth = bandwidth
        self.bounds = bounds
        self.dtype = np.dtype(dtype)
        self.n_cells = n_cells
        self.schema = {"n_cells": n_cells}
        self._low = float(bounds[0, 0])
        self._step = float(bounds[1, 0] - bounds[0, 0]) / n_cells

    def moved(self, copies):
        """Return by how much neighbours differ: sums of magnitudes, and of squares.

        Integers of a row are at least 0, so that those of two rows are no farther apart than if
        they were in other places.
        """
        return copies * _UNITS, copies * _UNITS**2

    def sums(self, X, weight=None, n_jobs=None):
        """Add up the integers of private rows, an array of shape (n_cells + 1,)."""
        n_nodes = self.n_cells + 1
        sums = np.zeros(n_nodes, dtype=np.int64)
        low, width = (self.dtype.type(value) for value in (self._low, self._step * self.n_cells))
        for rows in row_blocks(X.shape[0]):
            block = X[rows]
            block = block.toarray() if hasattr(block, "toarray") else block
            column = clipped(block, self.bounds, self.dtype)[:, 0]
            position = (column - low) / width * self.dtype.type(self.n_cells)
            node = np.clip(position.astype(np.int64), 0, self.n_cells - 1)
            part = np.rint((position - node.astype(self.dtype)) * self.dtype.type(_UNITS))
            part = np.clip(part.astype(np.int64), 0, _UNITS)
            for at, units in ((node, _UNITS - part), (node + 1, part)):
                if weight is not None:
                    units = units * weight[rows]
                # Sums of a block stay far below 2 ** 53, where floats are exact integers.
                block_sums = np.bincount(at, weights=units.astype(float), minlength=n_nodes)
                sums += block_sums.astype(np.int64)
        return sums

    def total(self, sums):
        """Return the number of rows that sums tell, and its variance for noise of variance 1."""
        return float(sums.sum()) / _UNITS, len(sums) / _UNITS**2

    def kernel_sums(self, Y, sums):
        """Return sums of kernels at queries of shape (n_queries, 1)."""
        half = self._half_window()
        padded = np.pad(np.asarray(sums, dtype=float) / _UNITS, half + 1)
        out = np.empty(len(Y))
        for rows, first, weights in self._weights(Y, half):
            out[rows] = (padded[first[:, None] + np.arange(weights.shape[1])] * weights).sum(axis=1)
        return out

    def gains(self, Y):
        """Return variances of sums of kernels for noise of variance 1."""
        half = self._half_window()
        inside = np.pad(np.ones(self.n_cells + 1), half + 1)
        out = np.empty(len(Y))
        for rows, first, weights in self._weights(Y, half):
            out[rows] = (inside[first[:, None] + np.arange(weights.shape[1])] * weights**2).sum(1)
        return out / _UNITS**2

    def _half_window(self):
        if self.kernel not in _REACH:
            return self.n_cells
        return min(self.n_cells, math.ceil(_REACH[self.kernel] * self.bandwidth / self._step) + 1)

    def _weights(self, Y, half):
        """Yield queries, the first node of each in a padded grid, and what nodes count from there.

        A row between nodes is read as ``f (1 - f) step ** 2 / 2`` times the second derivative of
        the kernel too high, a twelfth of it on average, which a second difference takes away.
        """
        window = np.arange(-half - 1, half + 2)
        for rows in row_blocks(len(Y), max(1, _ROOM // len(window))):
            position = (np.asarray(Y)[rows, 0] - self._low) / self._step
            nearest = np.clip(np.rint(position), 0, self.n_cells).astype(np.intp)
            apart = (position - nearest)[:, None] - window
            values = profile(self.kernel, np.abs(apart) * (self._step / self.bandwidth))
            middle = values[:, 1:-1]
            weights = middle - (values[:, 2:] - 2 * middle + values[:, :-2]) / 12
            yield rows, nearest + 1, weights


def histogram_cells(kernel, bandwidth, width, n_hint, deviation):
    """Return a number of cells with which what the grid does is about as large as the noise.

    Parameters
    ----------
    kernel : str
        Name of the kernel.
    bandwidth : float
        Its bandwidth.
    width : float
        Length of the grid.
    n_hint : int
        About how many rows there are.
    deviation : float
        Standard deviation of the noise on a count.

    Returns
    -------
    int
        The number.
    """
    apart = np.linspace(0, width / bandwidth, 4096)
    values = profile(kernel, apart)
    # Mean kernel of rows that are spread evenly, and the integral of its square.
    mean = values.mean()
    square = 2 * (values**2).mean() * width / bandwidth
    steps = 2.0 ** np.arange(-6, 0.1, 0.25)  # in bandwidths
    bias = n_hint * mean * steps**2 / 24
    noise = deviation**2 * square / steps
    step = float(steps[(bias**2 + noise).argmin()])
    return int(np.clip(math.ceil(width / (step * bandwidth)), _FEWEST, _MOST))
