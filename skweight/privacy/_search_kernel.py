"""The compiled part of `_search`."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def count_below_kernel(table, words):
    """Count entries below each word in a table padded to a power of two by its last possible value.

    The steps of the bisection are the same for all words, so that their time tells nothing.
    """
    n = len(words)
    counts = np.empty(n, np.int64)
    half = len(table) >> 1
    for i in range(n):
        word = words[i]
        position = 0
        step = half
        while step > 0:
            position += step * (table[position + step - 1] < word)
            step >>= 1
        counts[i] = position
    return counts
