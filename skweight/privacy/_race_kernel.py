"""The compiled part of `_race`: the same buckets, and their counts in one pass."""

import numpy as np
from numba import njit

_MOST = 2.0**31


@njit(cache=True, nogil=True)
def buckets(X, rates, shifts, factors, terms, bits, out):
    """Write the bucket of each row in each table."""
    n_tables = len(terms)
    key = np.empty(n_tables, np.uint64)
    for i in range(X.shape[0]):
        key[:] = terms
        for j in range(X.shape[1]):
            x, rate, shift, factor = X[i, j], rates[j], shifts[j], factors[j]
            for t in range(n_tables):
                cell = np.float64(np.floor(x * rate[t] + shift[t]))
                cell = cell if abs(cell) < _MOST else 0.0
                key[t] += np.uint64(np.uint32(np.int64(cell))) * factor[t]
        for t in range(n_tables):
            out[i, t] = np.int64(key[t] >> np.uint64(64 - bits))


@njit(cache=True, nogil=True)
def count(rows, weight, counts):
    """Add rows, or their weights, to the counts of their buckets."""
    for i in range(rows.shape[0]):
        times = weight[i] if len(weight) else 1
        for t in range(rows.shape[1]):
            counts[t, rows[i, t]] += times
