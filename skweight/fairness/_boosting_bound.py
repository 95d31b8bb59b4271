"""A diagonal that lies above the second derivatives of the smoothed dependence.

In the predictions, the smoothed measure has the second derivatives of a graph Laplacian: the pair
(i, j) within a width eps of each other is an edge of weight ``2 kappa w_i w_j M_ij / eps``. Edges
of negative weight only lower it, and a Laplacian of positive ones lies below twice its diagonal.
"""

import numpy as np
from numba import njit

from skweight.fairness._sweep_dense import _values
from skweight.fairness._sweep_shared import window_bounds

_TILE = 512


def curvature_bound(penalty, y, width):
    """Return twice the weight of the positive edges at each row.

    Parameters
    ----------
    penalty : DependencePenalty
        The dependence; with several terms their bounds are added.
    y : ndarray of shape (n_samples,)
        Predictions.
    width : float
        Half the width of the smoothing, above 0.

    Returns
    -------
    ndarray of shape (n_samples,)
        The bound, at least 0; a row of weight w counts as w copies that move together.
    """
    order = np.argsort(y)
    z, weight = y[order], penalty.weight[order]
    total = np.zeros(len(y))
    for term, _ in penalty._terms:
        total += _positive_sums(term, z, weight, order, float(width), penalty.centring)
    bound = np.empty(len(y))
    bound[order] = 4 * penalty.centring.kappa / width * weight * total
    return bound


def _positive_sums(term, z, weight, order, width, centring):
    """Return for each of the sorted rows the sum of w_j max(M_ij, 0) over its window."""
    if term.path in ("matrix", "cells"):
        cell = order if term.path == "matrix" else term.cell[order]
        return _cells(z, weight, cell, np.maximum(term.M, 0.0), width)
    none = np.zeros((0, len(z)))
    inner, offset, sign, c = none, np.zeros(0), 1.0, 1.0
    if term.path == "tree":
        columns, ends = term.s[None], np.ones(1, np.int64)
    else:
        columns, ends = term.columns, term.ends
        inner, offset = term._prepare()[:2]
        sign, c = term.sign, term.c
    sums = term.row_sums
    level = centring.b * (term.weight @ sums)
    return _dense(
        z, weight, np.ascontiguousarray(columns[:, order]), ends,
        np.ascontiguousarray(inner[:, order]), offset, centring.a, c, sums[order], level, sign,
        width,
    )  # fmt: skip


@njit(cache=True, nogil=True)
def _cells(z, weight, cell, M, width):
    n = len(z)
    lo, hi = window_bounds(z, width)
    near, total = np.zeros(len(M)), np.empty(n)
    left = right = 0
    for i in range(n):
        while right < hi[i]:
            near[cell[right]] += weight[right]
            right += 1
        while left < lo[i]:
            near[cell[left]] -= weight[left]
            left += 1
        row, positive = M[cell[i]], 0.0
        if hi[i] - lo[i] < len(M):
            for j in range(lo[i], hi[i]):
                positive += weight[j] * row[cell[j]]
        else:
            for k in range(len(M)):
                positive += row[k] * near[k]
        # One copy of the row is the row itself, and no pair.
        total[i] = max(positive - min(weight[i], 1.0) * row[cell[i]], 0.0)
    return total


@njit(cache=True, nogil=True)
def _dense(z, weight, columns, ends, inner, offset, a, c, sums, level, sign, width):
    n = len(z)
    lo, hi = window_bounds(z, width)
    total = np.zeros(n)
    squares, values = np.empty(_TILE), np.empty(_TILE)
    for i in range(n):
        for start in range(lo[i], hi[i], _TILE):
            stop = min(start + _TILE, hi[i])
            _values(columns, ends, inner, offset, a, c, i, start, stop, squares, values)
            for j in range(start, stop):
                m = sign * (values[j - start] - a * (sums[i] + sums[j]) + level)
                if m > 0:
                    copies = max(weight[j] - 1.0, 0.0) if j == i else weight[j]
                    total[i] += copies * m
    return total
