"""The exact variance, from noise, of what is read off a table of noisy distance sums.

An answer is linear in the noisy counts. Consistent counts are the total and, at every node, half of
the difference of its children, all of them independent, so that the variance of an answer is a sum
over nodes. Without consistency, it is a sum over the nodes that prefixes and suffixes add up.

Positions are in cells, with the first edge at 0; lengths are in units of the interval.
"""

import numpy as np

from skweight.privacy._tree import edge_weights

# Numbers in a temporary array of the direct formulas.
_ROOM = 1 << 20


def split_position(position, n_cells):
    """Return the cell of a position, how far into it, and how far outside of the interval."""
    inside = np.clip(position, 0, n_cells)
    cell = np.minimum(inside.astype(np.intp), n_cells - 1)
    return cell, inside - cell, np.abs(position - inside) / n_cells


def consistent_variance(refined, total_variance, importance, position):
    """Return variances of sums of absolute distances from consistent counts.

    Parameters
    ----------
    refined : ndarray of shape (depth + 1, n_coordinates)
        From `refined_variances`.
    total_variance : float
        Variance of the total that the coordinates share.
    importance : ndarray of shape (n_coordinates,)
        Factor of each coordinate.
    position : ndarray of shape (n_queries, n_coordinates)
        The queries.

    Returns
    -------
    ndarray of shape (n_queries,)
        The variances.
    """
    depth = len(refined) - 1
    n_cells = 1 << depth
    cell, fraction, outside = split_position(position, n_cells)
    beyond = outside > 0
    start, stop = cell / n_cells, (cell + 1) / n_cells

    def between(function):
        return (1 - fraction) * function(start) + fraction * function(stop)

    mean = between(lambda y: 0.5 * (y**2 + (1 - y) ** 2))
    mean = np.where(beyond, 0.5 + outside, mean)
    variance = total_variance * (mean @ importance) ** 2
    square = importance**2
    for level in range(depth):
        width = 2.0**-level
        half = 0.5 * width
        left = (cell >> (depth - level)) * width

        def difference(y, left=left, half=half):
            # Mean distances to the two halves of the node around a query, one minus the other.
            t = (y - left) / half
            return half * np.where(t <= 1, 1 - t**2, (2 - t) ** 2 - 1)

        around = np.where(beyond, half**2, between(difference) ** 2)
        others = (2.0**level - 1) * half**2
        variance += (around + others) @ (0.5 * refined[level + 1] * square)
    return variance


def consistent_power_variance(refined, total_variance, importance, position, p):
    """Return the same for distances to any power, in time that grows with the cells."""
    depth = len(refined) - 1
    n_cells = 1 << depth
    n_queries, n_coordinates = position.shape
    means, variance = np.zeros(n_queries), np.zeros(n_queries)
    for j in range(n_coordinates):
        for rows, integral in _integrals(position[:, j], n_cells, p):
            means[rows] += importance[j] * (integral[:, -1] - integral[:, 0])
            for level in range(depth):
                mean = np.diff(integral[:, :: n_cells >> (level + 1)], axis=1) * 2.0 ** (level + 1)
                spread = ((mean[:, 0::2] - mean[:, 1::2]) ** 2).sum(axis=1)
                variance[rows] += 0.5 * refined[level + 1, j] * importance[j] ** 2 * spread
    return variance + total_variance * means**2


def _integrals(position, n_cells, p):
    """Yield, for some queries at a time, integrals of the power of the distance up to each edge."""
    steps = np.arange(-n_cells, n_cells + 1) / n_cells
    whole = np.sign(steps) * np.abs(steps) ** (p + 1) / (p + 1)
    cell, fraction, _ = split_position(position, n_cells)
    edges = np.arange(n_cells + 1) + n_cells
    size = max(1, _ROOM // n_cells)
    for first in range(0, len(position), size):
        rows = slice(first, first + size)
        at, part = edges - cell[rows, None], fraction[rows, None]
        yield rows, (1 - part) * whole[at] + part * whole[at - 1]


def plain_variance(variances, importance, position, p):
    """Return variances of sums of distances to a power from prefixes and suffixes.

    Parameters
    ----------
    variances : dict
        From every level to noise variances of shape (n_coordinates,).
    importance : ndarray of shape (n_coordinates,)
        Factor of each coordinate.
    position : ndarray of shape (n_queries, n_coordinates)
        The queries.
    p : float
        The power, at least 1; positions outside the interval need 1.

    Returns
    -------
    ndarray of shape (n_queries,)
        The variances.
    """
    depth = max(variances)
    n_cells = 1 << depth
    n_queries, n_coordinates = position.shape
    variance = np.zeros(n_queries)
    _, _, outside = split_position(position, n_cells)
    for j in range(n_coordinates):
        mirrored = n_cells - position[:, j]
        below, above = (_edge_sums(y, n_cells, p) for y in (position[:, j], mirrored))
        for (rows, low), (_, high) in zip(below, above):
            for level in range(1, depth + 1):
                left, right = _node_weights(low, level), _node_weights(high, level)[:, ::-1]
                if level == 1:
                    # The whole interval takes both nodes.
                    both = sum(sums[:, -1:] - sums[:, -2:-1] for sums in (low, high))
                    both = both + outside[rows, j, None]
                    left, right = left + both, right + both
                squares = (left**2).sum(axis=1) + (right**2).sum(axis=1)
                variance[rows] += variances[level][j] * importance[j] ** 2 * squares
    return variance


def _node_weights(sums, level):
    """Return the weights of left children: prefixes that end in their right siblings use them."""
    width = (sums.shape[1] - 2) >> level
    return sums[:, 2 * width : -1 : 2 * width] - sums[:, width : -1 : 2 * width]


def _edge_sums(position, n_cells, p):
    """Yield, for some queries at a time, the weights of all prefixes of fewer than i cells."""
    near, far = edge_weights(n_cells, p)
    # Weight of the prefix that ends d cells before the query; 0 beyond it, where d is negative.
    weights = np.concatenate([near, [0.0]]) + np.concatenate([[0.0], far])
    weights = np.concatenate([weights, np.zeros(n_cells + 1)])
    cell, fraction, _ = split_position(position, n_cells)
    edges = np.arange(n_cells + 1)
    size = max(1, _ROOM // n_cells)
    for first in range(0, len(position), size):
        rows = slice(first, first + size)
        at, part = cell[rows, None] - edges, fraction[rows, None]
        sums = np.zeros((len(at), n_cells + 2))
        np.cumsum((1 - part) * weights[at] + part * weights[at + 1], axis=1, out=sums[:, 1:])
        yield rows, sums
