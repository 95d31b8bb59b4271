"""Counts over cells of an interval, on every level of halving it, and what noise leaves of them.

Arrays have one row for each coordinate. Level l has ``2 ** l`` nodes; the cells are the nodes of
the deepest level. The unit of length is the interval.
"""

import numpy as np

from skweight.privacy._bounds import row_blocks


def cell_indices(column, low, width, n_cells):
    """Return the cell of each value of a clipped column, from that value alone."""
    position = (column - low) / width * column.dtype.type(n_cells)
    index = position.astype(np.int64)
    np.clip(index, 0, n_cells - 1, out=index)
    return index


def cell_sums(columns, n_rows, n_coordinates, n_cells, weight=None):
    """Add up what rows put into cells.

    Parameters
    ----------
    columns : callable
        From a slice of rows to an iterator of (indices, values): the cell of each row, and what it
        puts there, or None for 1, for one coordinate after the other.
    n_rows, n_coordinates, n_cells : int
        How many there are.
    weight : ndarray of int64 of shape (n_rows,) or None, default=None
        Factor of what a row puts in.

    Returns
    -------
    ndarray of int64 of shape (n_coordinates, n_cells)
        The sums.
    """
    sums = np.zeros((n_coordinates, n_cells), dtype=np.int64)
    for rows in row_blocks(n_rows, max(1 << 16, n_cells)):
        for j, (index, value) in enumerate(columns(rows)):
            if weight is not None:
                value = weight[rows] if value is None else value * weight[rows]
            if value is None:
                sums[j] += np.bincount(index, minlength=n_cells)
            else:
                # Sums of a block stay far below 2 ** 53, where floats are exact integers.
                part = np.bincount(index, weights=value.astype(np.float64), minlength=n_cells)
                sums[j] += part.astype(np.int64)
    return sums


def on_level(cells, level):
    """Return sums over the nodes of a level, of shape (n_coordinates, 2 ** level)."""
    n_coordinates, n_cells = cells.shape
    return cells.reshape(n_coordinates, 2**level, n_cells >> level).sum(axis=2)


def refined_variances(variances, depth):
    """Return the variance of each level's best estimate from itself and the levels below.

    Parameters
    ----------
    variances : dict
        From a released level to the noise variances of shape (n_coordinates,).
    depth : int
        The deepest level, which is released.

    Returns
    -------
    ndarray of shape (depth + 1, n_coordinates)
        Row l for level l; row 0 is the variance of the total.
    """
    refined = [np.asarray(variances[depth], dtype=float)]
    for level in range(depth - 1, -1, -1):
        own = 1 / np.asarray(variances[level], dtype=float) if level in variances else 0.0
        refined.append(1 / (own + 1 / (2 * refined[-1])))
    return np.array(refined[::-1])


def consistent_cells(noisy, variances, depth, total=None):
    """Return the best linear unbiased estimate of all cells from noisy counts on several levels.

    All coordinates count the same rows, so that they share one total.

    Parameters
    ----------
    noisy : dict
        From a released level to noisy counts of shape (n_coordinates, 2 ** level).
    variances : dict
        From a released level to noise variances of shape (n_coordinates,).
    depth : int
        The deepest level, which is released.
    total : float or None, default=None
        The number of rows, if that is public.

    Returns
    -------
    cells : ndarray of shape (n_coordinates, 2 ** depth)
        The estimate.
    total : float
        The estimated, or known, number of rows.

    References
    ----------
    .. [1] M. Hay, V. Rastogi, G. Miklau and D. Suciu, "Boosting the Accuracy of Differentially
       Private Histograms Through Consistency", VLDB 2010.
    """
    refined = refined_variances(variances, depth)
    up = {depth: noisy[depth].astype(float)}
    for level in range(depth - 1, 0, -1):
        below = _pairs(up[level + 1])
        if level in noisy:
            gain = refined[level] / np.asarray(variances[level], dtype=float)
            below += gain[:, None] * (noisy[level] - below)
        up[level] = below
    sums = up[1].sum(axis=1)
    if total is None:
        precision = 1 / refined[0]
        total = float(precision @ sums / precision.sum())
    down = up.pop(1) + 0.5 * (total - sums)[:, None]
    for level in range(2, depth + 1):
        part = up.pop(level)
        part += np.repeat(0.5 * (down - _pairs(part)), 2, axis=1)
        down = part
    return down, total


def _pairs(nodes):
    return nodes[:, 0::2] + nodes[:, 1::2]


def increasing_cells(cells, total):
    """Return cells that are at least 0 and sum to a total of at least 0: the nearest cumulation."""
    from sklearn.isotonic import isotonic_regression

    total = max(total, 0.0)
    prefix = np.cumsum(cells, axis=1)[:, :-1]
    prefix = np.array([isotonic_regression(row, y_min=0.0, y_max=total) for row in prefix])
    ends = np.zeros((len(cells), 1))
    return np.diff(np.hstack([ends, prefix, ends + total]), axis=1)


def prefix_and_suffix(noisy, depth):
    """Return noisy numbers of rows below and above each cell edge, each from the fewest nodes.

    A prefix adds up left children alone, a suffix right ones; the whole interval takes both nodes
    of level 1.

    Parameters
    ----------
    noisy : dict
        From every level to noisy counts of shape (n_coordinates, 2 ** level).
    depth : int
        The deepest level.

    Returns
    -------
    prefix, suffix : ndarray of shape (n_coordinates, 2 ** depth + 1)
        The numbers.
    """
    whole = noisy[1].sum(axis=1).astype(float)
    zero = np.zeros_like(whole)
    prefix, suffix = np.stack([zero, whole], axis=1), np.stack([whole, zero], axis=1)
    for level in range(1, depth + 1):
        nodes = noisy[level]
        left, right = prefix[:, :-1] + nodes[:, 0::2], suffix[:, 1:] + nodes[:, 1::2]
        prefix, suffix = _between(prefix, left), _between(suffix, right)
    return prefix, suffix


def _between(edges, middles):
    out = np.empty((len(edges), edges.shape[1] + middles.shape[1]))
    out[:, 0::2], out[:, 1::2] = edges, middles
    return out


def distance_table(prefix, suffix, p=1.0):
    """Return sums of distances to the power of p at all cell edges.

    It is the integral of ``p * |y - t| ** (p - 1)`` against the number of rows beyond t, which is
    taken to be linear inside a cell: rows are spread evenly over their cell.

    Parameters
    ----------
    prefix, suffix : ndarray of shape (n_coordinates, n_cells + 1)
        Numbers of rows below and above each edge.
    p : float, default=1.0
        The power, at least 1.

    Returns
    -------
    ndarray of shape (n_coordinates, n_cells + 1)
        The sums.
    """
    n_cells = prefix.shape[1] - 1
    table = np.zeros(prefix.shape)
    if p == 1:
        below, above = prefix[:, :-1] + prefix[:, 1:], suffix[:, :-1] + suffix[:, 1:]
        np.cumsum(below, axis=1, out=table[:, 1:])
        table[:, :-1] += np.cumsum(above[:, ::-1], axis=1)[:, ::-1]
        return table * (0.5 / n_cells)
    near, far = edge_weights(n_cells, p)
    table[:, 1:] += _before(prefix[:, 1:], near) + _before(prefix[:, :-1], far)
    table[:, :-1] += (_before(suffix[:, -2::-1], near) + _before(suffix[:, :0:-1], far))[:, ::-1]
    return table


def edge_weights(n_cells, p):
    """Return the weights of the two edges of a cell, by its distance from the query in cells."""
    edges = np.arange(n_cells + 1) / n_cells
    mean = np.diff(edges ** (p + 1)) / (p + 1) * n_cells
    return mean - edges[:-1] ** p, edges[1:] ** p - mean


def _before(values, weights):
    """Return at each place the values up to there, weighted by how far back they are."""
    from scipy.signal import fftconvolve

    return fftconvolve(values, weights[None], axes=1)[:, : values.shape[1]]


def interpolate(table, position):
    """Read a table between its edges.

    Parameters
    ----------
    table : ndarray of shape (n_coordinates, n_cells + 1)
        Values at the edges.
    position : ndarray of shape (n_queries, n_coordinates)
        Positions in cells, from 0 to n_cells.

    Returns
    -------
    ndarray of shape (n_queries, n_coordinates)
        Values there.
    """
    n_coordinates, n_edges = table.shape
    cell = np.minimum(position.astype(np.intp), n_edges - 2)
    fraction = position - cell
    cell += np.arange(n_coordinates) * n_edges
    flat = table.ravel()
    start = flat.take(cell)
    cell += 1
    return start + fraction * (flat.take(cell) - start)
