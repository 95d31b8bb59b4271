"""Mean distance between two rows, by sorting or in tiles."""

import numpy as np
from scipy.spatial.distance import cdist

# Distances held at a time: 16 MB.
_TILE = 2**21


def distinct_rows(columns, weight):
    """Return the distinct rows of a matrix in order, and the weight of each.

    What is computed from them does not depend on the order of rows, and is the same to the last
    digit for integer weights and for repeated rows.
    """
    if columns.shape[1] == 1:
        distinct, place = np.unique(columns[:, 0], return_inverse=True)
        return distinct[:, None], np.bincount(place, weight)
    distinct, place = np.unique(columns, axis=0, return_inverse=True)
    return distinct, np.bincount(place.reshape(-1), weight)


def mean_distance(distinct, count):
    """Return the mean Euclidean distance of two rows drawn with replacement.

    Parameters
    ----------
    distinct : ndarray of shape (n_distinct, n_columns)
        Distinct rows; of one column, in increasing order.
    count : ndarray of shape (n_distinct,)
        How often each occurs.

    Returns
    -------
    float
        sum_ij count_i count_j |row_i - row_j| / N^2, N being the sum of counts.
    """
    total = count.sum()
    if distinct.shape[1] == 1:
        below = np.cumsum(count)[:-1]
        return float(2 * (np.diff(distinct[:, 0]) @ (below * (total - below))) / total**2)
    step = max(1, _TILE // len(distinct))
    whole = 0.0
    for start in range(0, len(distinct), step):
        tile = slice(start, start + step)
        pairs = cdist(distinct[tile], distinct[start:])
        size = len(pairs)
        # Rows of the tile meet each other twice here, and all rows after it once.
        whole += count[tile] @ pairs[:, :size] @ count[tile]
        whole += 2 * (count[tile] @ pairs[:, size:] @ count[start + size :])
    return float(whole / total**2)
