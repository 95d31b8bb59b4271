"""The compiled part of `_discrete_laplace`: the same draws of the same words, in one pass."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def combine_words(levels, lows, zeros, words, out):
    """Make draws of words, and say which of them the words do not decide.

    Loops run over thresholds outside and draws inside, without branches: what comes out changes
    neither which instructions run nor which memory they touch.
    """
    n, n_lows = len(out), len(lows)
    word = np.empty(n, np.uint32)
    rest = np.zeros(n, np.uint32)
    doubt = np.zeros(n, np.uint32)
    for i in range(n):
        word[i] = words[0, i] >> np.uint32(1)
        doubt[i] |= np.uint32(word[i] > levels[-1])
    for level in levels:
        for i in range(n):
            rest[i] += np.uint32(word[i] > level)
            doubt[i] |= np.uint32(word[i] == level)
    for i in range(n):
        out[i] = np.int64(rest[i]) << n_lows
    for j in range(n_lows):
        low = lows[j]
        for i in range(n):
            out[i] |= np.int64(words[1 + j, i] < low) << j
            doubt[i] |= np.uint32(words[1 + j, i] == low)
    last = len(words) - 1
    for zero in zeros:
        for i in range(n):
            out[i] = (out[i] + 1) * np.int64(words[last, i] >= zero)
            doubt[i] |= np.uint32(words[last, i] == zero)
    for i in range(n):
        out[i] *= 1 - 2 * np.int64(words[0, i] & np.uint32(1))
    return doubt
