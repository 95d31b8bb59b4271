"""Distance sums from noisy counts of rows in rings around a query: the paper's Algorithm 3."""

import math

import numpy as np

# Numbers in a temporary array.
_ROOM = 1 << 20


def n_rings(n_hint, alpha, p):
    """Return the number of rings on each side: within the last, rows count as the query."""
    return math.ceil(math.log(max(n_hint, 2)) / math.log1p(alpha / p)) + 1


def ring_answers(noisy, variances, depth, position, alpha, p, rings):
    """Return sums of distances to the power of p, and their variances.

    Ring i holds the rows between ``r / (1 + alpha / p) ** (i + 1)`` and ``r / (1 + alpha / p)
    ** i`` from the query, and all of them count with its outer radius; r reaches the farther end
    of the interval. A ring's count is the sum of the fewest dyadic nodes.

    Parameters
    ----------
    noisy, variances : dict
        From each level to noisy counts of shape (n_coordinates, 2 ** level) and to noise variances
        of shape (n_coordinates,).
    depth : int
        The deepest level.
    position : ndarray of shape (n_queries, n_coordinates)
        The queries, in cells.
    alpha : float
        Relative error that the rings allow, above 0.
    p : float
        The power, at least 1.
    rings : int
        How many there are on each side.

    Returns
    -------
    sums, variance : ndarray of shape (n_queries, n_coordinates)
        In units of the interval to the power of p, and its square.
    """
    n_cells = 1 << depth
    sums, variance = np.zeros(position.shape), np.zeros(position.shape)
    shrink = (1 + alpha / p) ** -np.arange(rings + 1.0)
    size = max(1, _ROOM // rings)
    for j in range(position.shape[1]):
        for first in range(0, len(position), size):
            rows = slice(first, first + size)
            y = position[rows, j, None]
            radii = np.maximum(np.maximum(y, n_cells - y), n_cells) * shrink
            weight = (radii[:, :-1] / n_cells) ** p
            for sign in (1, -1):
                edges = np.clip(np.floor(y + sign * radii + 0.5), 0, n_cells).astype(np.intp)
                low, high = edges[:, 1:], edges[:, :-1]
                if sign < 0:
                    low, high = high, low
                counts, nodes = _interval_counts(noisy, variances, j, depth, low, high)
                sums[rows, j] += (weight * counts).sum(axis=1)
                variance[rows, j] += (weight**2 * nodes).sum(axis=1)
    return sums, variance


def _interval_counts(noisy, variances, j, depth, low, high):
    """Return noisy counts of the cells from low to below high, and their variances."""
    count, variance = np.zeros(low.shape), np.zeros(low.shape)
    for level in range(depth, 0, -1):
        nodes = np.append(noisy[level][j], 0)  # an index past the end that is not used
        first = (low < high) & (low & 1 == 1)
        last = (low < high) & (high & 1 == 1)
        count += np.where(first, nodes[low], 0) + np.where(last, nodes[high - 1], 0)
        variance += (first.astype(float) + last) * variances[level][j]
        low, high = low + first, high - last
        low, high = low >> 1, high >> 1
    # What is left is the whole interval, which is both nodes of level 1.
    whole = low < high
    count += np.where(whole, noisy[1][j].sum(), 0)
    variance += np.where(whole, 2 * variances[1][j], 0.0)
    return count, variance
