"""Attributes with few distinct rows: one dot product of a row of the cells' matrix for each row.

Rows with equal attributes form a cell. While the sorted predictions are gone through, histograms
over the cells say how much weight lies below, in and above the window of the current row; updating
one costs nothing, and row i then needs the dot product of its cell's row of M with it. O(n log n +
n K) time and O(n + K^2) memory for K cells.
"""

import numpy as np
from numba import njit

from skweight.fairness._sweep_shared import REBASE, window_bounds

_FLAGS = {"reassoc", "contract", "nsz"}


class CellsSweep:
    """Sum over all pairs of rows through the cells of their attributes.

    Parameters
    ----------
    M : ndarray of shape (n_cells, n_cells)
        The centred matrix; its diagonal is the value between two rows of one cell.
    cell : ndarray of shape (n,)
        The cell of each row.
    weight : ndarray of shape (n,)
        Weights of the rows.
    """

    path = "cells"

    def __init__(self, M, cell, weight):
        self.M = np.ascontiguousarray(M)
        self.cell = cell
        self.weight = weight
        self.count = np.bincount(cell, weight, minlength=len(M))
        self.row_sums = self.M @ self.count

    def sums(self, z, order, width):
        """Return the value and slopes, as `MatrixSweep.sums` does."""
        weight, cell, width = self.weight[order], self.cell[order], float(width)
        lo, hi = window_bounds(z, width)
        return _sweep(z, weight, cell, self.M, self.count, self.row_sums, lo, hi, width, REBASE)

    def positive_sums(self, z, order, width):
        """Return what `DenseSweep.positive_sums` does."""
        lo, hi = window_bounds(z, float(width))
        return positive_cell_sums(self.weight[order], self.cell[order], self.M, lo, hi)


@njit(cache=True, nogil=True, fastmath=_FLAGS)
def _dot(row, histogram):
    total = 0.0
    for k in range(len(row)):
        total += row[k] * histogram[k]
    return total


@njit(cache=True, nogil=True, fastmath=_FLAGS)
def _two_dots(row, first, second):
    total = other = 0.0
    for k in range(len(row)):
        total += row[k] * first[k]
        other += row[k] * second[k]
    return total, other


@njit(cache=True, nogil=True)
def _sweep(z, weight, cell, M, count, row_sums, lo, hi, width, rebase):
    n, n_cells = len(z), len(M)
    balance = -count  # weight below the window less weight above it, by cell
    near, product = np.zeros(n_cells), np.zeros(n_cells)  # over the window: w and w (z - base)
    left = right = start = 0
    base = z[0]
    # Only the value takes predictions near 0: small differences would lose digits by a shift.
    centre = np.sum(weight * z) / np.sum(weight)
    value, slopes = 0.0, np.empty(n)
    for i in range(n):
        row = M[cell[i]]
        if z[i] - base > rebase * width:  # fresh sums from a base nearby, without drift
            for j in range(start, right):
                near[cell[j]] = 0.0
                product[cell[j]] = 0.0
            start, base = lo[i], z[i]
            for j in range(left, lo[i]):  # they were in the window, which reached past row i - 1
                balance[cell[j]] += weight[j]
            left = lo[i]
            for j in range(left, right):
                near[cell[j]] += weight[j]
                product[cell[j]] += weight[j] * (z[j] - base)
        while right < hi[i]:
            c = cell[right]
            balance[c] += weight[right]
            near[c] += weight[right]
            product[c] += weight[right] * (z[right] - base)
            right += 1
        while left < lo[i]:
            c = cell[left]
            balance[c] += weight[left]
            near[c] -= weight[left]
            product[c] -= weight[left] * (z[left] - base)
            left += 1
        # Nothing is outside a window over all rows: exactly, for little else may be left.
        outer = _dot(row, balance) if hi[i] - lo[i] < n else 0.0
        inner = window = 0.0
        if width > 0:
            if 4 * (hi[i] - lo[i]) < n_cells:
                for j in range(lo[i], hi[i]):
                    m = weight[j] * row[cell[j]]
                    window += m
                    inner += m * (z[i] - z[j])
            else:
                window, inner = _two_dots(row, near, product)
                inner = (z[i] - base) * window - inner
            inner /= width
        slopes[i] = outer + inner
        term = (z[i] - centre) * (2 * outer + inner)
        if width > 0 and hi[i] - lo[i] < n:
            term -= 0.5 * width * (row_sums[cell[i]] - window)
        value += weight[i] * term
    return value, slopes


@njit(cache=True, nogil=True)
def positive_cell_sums(weight, cell, M, lo, hi):
    """Return for each row the sum of w_j max(M_ij, 0) over its window, less one copy of itself."""
    n, n_cells = len(weight), len(M)
    near, total = np.zeros(n_cells), np.empty(n)
    left = right = 0
    for i in range(n):
        while right < hi[i]:
            near[cell[right]] += weight[right]
            right += 1
        while left < lo[i]:
            near[cell[left]] -= weight[left]
            left += 1
        row, positive = M[cell[i]], 0.0
        if hi[i] - lo[i] < n_cells:
            for j in range(lo[i], hi[i]):
                positive += weight[j] * max(row[cell[j]], 0.0)
        else:
            for k in range(n_cells):
                positive += max(row[k], 0.0) * near[k]
        total[i] = max(positive - min(weight[i], 1.0) * max(row[cell[i]], 0.0), 0.0)
    return total
