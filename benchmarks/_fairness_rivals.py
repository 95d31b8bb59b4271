"""What others offer for values: dcor, automatic differentiation, a plain loop, distances alone."""

import numpy as np
from numba import njit
from scipy.spatial.distance import cdist

# Rows of a tile that cdist compares with all rows; from 64 to 2048 its speed hardly changes.
TILE = 256


def dcor_mergesort(y, s):
    """Return dcor's squared distance covariance of two variables, O(n log n)."""
    import dcor

    return dcor.distance_covariance_sqr(y, s, method="mergesort")


def dcor_avl(y, s):
    """Return the same by dcor's other fast method."""
    import dcor

    return dcor.distance_covariance_sqr(y, s, method="avl")


def dcor_naive(y, s):
    """Return dcor's value of an attribute of several columns, O(n^2) memory."""
    import dcor

    return dcor.distance_covariance_sqr(y[:, None], s)


def torch_module():
    """Return torch, or None where it is not installed."""
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(1)
    return torch


def autograd(y, s):
    """Return value and gradient as torch differentiates them through centred matrices.

    Parameters
    ----------
    y : ndarray of shape (n,)
        Predictions.
    s : ndarray of shape (n, n_columns)
        The attribute.

    Returns
    -------
    value : float
        Squared distance covariance, V statistic.
    gradient : ndarray of shape (n,)
        Its derivatives.
    """
    torch = torch_module()
    y = torch.tensor(y, requires_grad=True)
    s = torch.tensor(s)

    def centred(distance):
        by_row = distance.mean(dim=1)
        return distance - by_row[:, None] - by_row + by_row.mean()

    exact = "donot_use_mm_for_euclid_dist"  # its faster way loses half of the digits
    distance = torch.cdist(s, s, compute_mode=exact)
    value = (centred((y[:, None] - y).abs()) * centred(distance)).mean()
    value.backward()
    return value.item(), y.grad.numpy()


def sort_and_axpys(y, cell, M):
    """Sort predictions and add, row by row, the row of M of each row's cell to one vector."""
    return _axpys(np.argsort(y), cell, M)


@njit
def _axpys(order, cell, M):
    total = np.zeros(M.shape[1])
    for i in order:
        row = M[cell[i]]
        for k in range(len(row)):
            total[k] += row[k]
    return total


def distances_in_tiles(X):
    """Form the distances of all pairs of rows in tiles, and keep none."""
    n = len(X)
    tile = np.empty((TILE, n))
    for start in range(0, n, TILE):
        rows = X[start : start + TILE]
        cdist(rows, X, out=tile[: len(rows)])
