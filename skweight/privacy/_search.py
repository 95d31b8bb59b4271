"""Look up words in a sorted table, every one with the same number of steps."""

import numpy as np

# Below so many words numpy is done before numba is loaded.
_FEW = 1 << 14


def count_below(table, words):
    """Count for each word the entries of a sorted table below it.

    Parameters
    ----------
    table : ndarray of uint64 of shape (m,)
        Sorted thresholds.
    words : ndarray of uint64 of shape (n,)
        Words.

    Returns
    -------
    ndarray of int64 of shape (n,)
        The counts.
    """
    if len(words) < _FEW:
        return np.searchsorted(table, words, side="left").astype(np.int64)
    from skweight.privacy._search_kernel import count_below_kernel

    size = 1 << len(table).bit_length()
    padded = np.full(size, np.iinfo(np.uint64).max, dtype=np.uint64)
    padded[: len(table)] = table
    return count_below_kernel(padded, words)
