"""Distinct rows of attributes, counted before anything of their size is allocated."""

import numpy as np


def find_cells(columns, most):
    """Number the distinct rows of attributes, or give up.

    Parameters
    ----------
    columns : ndarray of shape (n_samples, n_columns)
        The attributes.
    most : int
        How many distinct rows there may be.

    Returns
    -------
    tuple of (ndarray, ndarray) or None
        The first row of each cell, and the cell of each row; None if there are more than `most`.
    """
    # A few rows can tell that there are too many, at a fraction of the cost.
    if len(columns) > 4 * most and find_cells(columns[: 4 * most], most) is None:
        return None
    cell = np.zeros(len(columns), dtype=np.int64)
    first = np.zeros(1, dtype=np.int64)
    for column in columns.T:
        _, level = np.unique(column, return_inverse=True)
        n_levels = level.max() + 1
        if n_levels > most:
            return None
        # Cells so far and levels are both few, so their pairs have small numbers.
        _, first, cell = np.unique(cell * n_levels + level, return_index=True, return_inverse=True)
        if len(first) > most:
            return None
    return first, cell


def distances(rows):
    """Return Euclidean distances between a few rows."""
    squares = np.zeros((len(rows), len(rows)))
    for column in rows.T:
        squares += np.subtract.outer(column, column) ** 2
    return np.sqrt(squares)
