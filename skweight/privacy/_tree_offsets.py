"""Distance sums from noisy counts and noisy sums of offsets on all levels of a tree.

The rows on one side of a query are those of the siblings along its path, and their distances to it
follow from how many they are and the sum of their offsets from the middle of their node. Only the
rows in the query's own cell are known by their number alone.
"""

import numpy as np

from skweight.privacy._tree import cell_indices

# A cell is cut into 2 ** _BITS steps; offsets count halves of them, from the middle of a node.
_BITS = 10


def offset_height(depth, level):
    """Return the largest offset from the middle of a node of a level, in half steps."""
    return 1 << (depth - level + _BITS)


def offset_unit(depth):
    """Return the length of half a step, in units of the interval."""
    return 1 / (1 << (depth + _BITS + 1))


def cells_and_offsets(column, low, width, depth):
    """Return the cell of each value and its offset from the middle of it, from the value alone."""
    fine = cell_indices(column, low, width, 1 << (depth + _BITS))
    cell = fine >> _BITS
    return cell, 2 * (fine - (cell << _BITS)) + 1 - (1 << _BITS)


def offsets_on_levels(counts, offsets):
    """Return exact sums of offsets from the middles of the nodes of each level.

    Parameters
    ----------
    counts, offsets : ndarray of int64 of shape (n_coordinates, 2 ** depth)
        Sums over cells.

    Returns
    -------
    dict
        From each level to an array of int64 of shape (n_coordinates, 2 ** level).
    """
    depth = counts.shape[1].bit_length() - 1
    levels = {depth: offsets}
    for level in range(depth - 1, 0, -1):
        shift = offset_height(depth, level + 1)
        # The middle of a parent is half a child away from those of its children.
        levels[level] = (
            offsets[:, 0::2] + offsets[:, 1::2] + shift * (counts[:, 1::2] - counts[:, 0::2])
        )
        counts, offsets = counts[:, 0::2] + counts[:, 1::2], levels[level]
    return levels


def offset_answers(noisy, variances, depth, position):
    """Return sums of distances, and their variances, for each query and coordinate.

    Parameters
    ----------
    noisy, variances : dict of dict
        For "counts" and "offsets", from each level to noisy sums of shape (n_coordinates,
        2 ** level) and to noise variances of shape (n_coordinates,).
    depth : int
        The deepest level.
    position : ndarray of shape (n_queries, n_coordinates)
        The queries, in cells.

    Returns
    -------
    sums, variance : ndarray of shape (n_queries, n_coordinates)
        In units of the interval, and its square.
    """
    n_cells = 1 << depth
    unit = offset_unit(depth)
    cell = np.clip(position, 0, n_cells - 1).astype(np.intp)
    coordinate = np.arange(position.shape[1])
    y = position / n_cells
    sums, variance = np.zeros(position.shape), np.zeros(position.shape)

    def add(level, node, side):
        """Add the rows of nodes that lie above (1) or below (-1) the query, or around it (0)."""
        nonlocal sums, variance
        distance = side * ((node + 0.5) * 2.0**-level - y)
        within = np.where(side == 0, 0.5 * ((y * n_cells - node) ** 2), 0.0)
        within += np.where(side == 0, 0.5 * (1 - (y * n_cells - node)) ** 2, 0.0)
        distance = np.where(side == 0, within / n_cells, distance)
        sums += distance * noisy["counts"][level][coordinate, node]
        sums += side * unit * noisy["offsets"][level][coordinate, node]
        variance += distance**2 * variances["counts"][level]
        variance += (side * unit) ** 2 * variances["offsets"][level]

    for level in range(1, depth + 1):
        node = cell >> (depth - level)
        add(level, node ^ 1, np.where(node & 1, -1, 1))
    add(depth, cell, np.where(position < 0, 1, np.where(position > n_cells, -1, 0)))
    return sums, variance
