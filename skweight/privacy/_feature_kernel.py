"""The steps of `_feature_steps`, compiled: the same integers, and the same loops inside them.

Nothing here may be compiled with ``fastmath`` or in parallel: additions and multiplications must be
done one by one and in this order, so that a row has the same integers wherever it is computed.
"""

import numpy as np
from numba import njit

# As in `_feature_steps`: if it were imported, its change would not renew what is compiled here.
CHUNK = 128
_MOST = 2.0**40
_LESS = 1 - 2.0**-10
# Rows that share what is read of the frequencies.
_TILE = 8
# Features of a piece that stay close to the processor.
_FEATURES = 128


@njit(cache=True, nogil=True)
def products(X, pieces, out):
    """Write the products of rows with a packed matrix, added up in the order of features."""
    n_rows, n_features = X.shape
    out[...] = 0
    for piece in range(pieces.shape[0]):
        for start in range(0, n_features, _FEATURES):
            stop = min(start + _FEATURES, n_features)
            for first in range(0, n_rows, _TILE):
                rows = slice(first, min(first + _TILE, n_rows))
                _add_products(X[rows], pieces[piece], start, stop, out[rows], piece * CHUNK)


@njit(cache=True, nogil=True)
def _add_products(X, weights, start, stop, out, column):
    """Add up a few features, four at a time, which come one after the other all the same."""
    k = start
    while k + 4 <= stop:
        w0, w1, w2, w3 = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
        for i in range(X.shape[0]):
            x0, x1, x2, x3 = X[i, k], X[i, k + 1], X[i, k + 2], X[i, k + 3]
            sums = out[i, column : column + CHUNK]
            for j in range(CHUNK):
                sums[j] = (((sums[j] + x0 * w0[j]) + x1 * w1[j]) + x2 * w2[j]) + x3 * w3[j]
        k += 4
    while k < stop:
        w0 = weights[k]
        for i in range(X.shape[0]):
            x0 = X[i, k]
            sums = out[i, column : column + CHUNK]
            for j in range(CHUNK):
                sums[j] += x0 * w0[j]
        k += 1


@njit(cache=True, nogil=True)
def sparse_products(start, columns, values, pieces, out):
    """Write the same of rows in compressed form, with columns in order: zeros add nothing."""
    for piece in range(pieces.shape[0]):
        weights = pieces[piece]
        for i in range(out.shape[0]):
            sums = out[i, piece * CHUNK : (piece + 1) * CHUNK]
            for j in range(CHUNK):
                sums[j] = 0
            for k in range(start[i], start[i + 1]):
                x0 = values[k]
                w0 = weights[columns[k]]
                for j in range(CHUNK):
                    sums[j] += x0 * w0[j]


@njit(cache=True, nogil=True)
def hadamard_products(X, signs, order, scales, lengths, out):
    """Write the products of rows with structured frequencies, of `_hadamard`."""
    size, n_blocks = signs.shape
    first = np.empty(size * n_blocks, X.dtype)
    second = np.empty(size * n_blocks, X.dtype)
    for i in range(X.shape[0]):
        first[:] = 0
        for k in range(X.shape[1]):
            x, sign, at = X[i, k], signs[k], first[k * n_blocks : (k + 1) * n_blocks]
            for b in range(n_blocks):
                at[b] = x * sign[b]
        _hadamard(first, n_blocks)
        for k in range(size):
            start = order[k] * n_blocks
            of, scale = first[start : start + n_blocks], scales[k]
            at = second[k * n_blocks : (k + 1) * n_blocks]
            for b in range(n_blocks):
                at[b] = of[b] * scale[b]
        _hadamard(second, n_blocks)
        for k in range(size):
            of, length = second[k * n_blocks : (k + 1) * n_blocks], lengths[k]
            at = out[i, k * n_blocks : (k + 1) * n_blocks]
            for b in range(n_blocks):
                at[b] = of[b] * length[b]


@njit(cache=True, nogil=True)
def _hadamard(Z, n_blocks):
    half = n_blocks
    while half < len(Z):
        for start in range(0, len(Z), 2 * half):
            a, b = Z[start : start + half], Z[start + half : start + 2 * half]
            for j in range(half):
                x, y = a[j], b[j]
                a[j] = x + y
                b[j] = x - y
        half *= 2


@njit(cache=True, nogil=True)
def waves(phases, numbers, cosines, sines):
    """Write cosines and sines of phases; of those that mean nothing, zeros."""
    n = phases.shape[1]
    for i in range(phases.shape[0]):
        for first in range(0, n, CHUNK):
            last = min(first + CHUNK, n)
            _waves(phases[i, first:last], numbers, cosines[i, first:last], sines[i, first:last])


@njit(cache=True, nogil=True)
def _waves(phases, numbers, cosines, sines):
    p0, p1, p2, p3, p4 = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]
    magic, quarter, half, limit = numbers[5], numbers[6], numbers[7], numbers[8]
    zero = quarter - quarter
    for j in range(len(phases)):
        known = abs(phases[j]) < limit
        turn = phases[j] - ((phases[j] + magic) - magic)
        at = quarter - abs(turn)
        square = at * at
        value = at * ((((p4 * square + p3) * square + p2) * square + p1) * square + p0)
        cosines[j] = value if known else zero
        at = abs(half - abs(turn - quarter)) - quarter
        square = at * at
        value = at * ((((p4 * square + p3) * square + p2) * square + p1) * square + p0)
        sines[j] = value if known else zero


@njit(cache=True, nogil=True)
def add_features(phases, numbers, weight, sums):
    """Round features to integers and add them up."""
    n = phases.shape[1]
    magic, steps = numbers[5], numbers[9]
    cosines, sines = np.empty(CHUNK, phases.dtype), np.empty(CHUNK, phases.dtype)
    for first in range(0, n, CHUNK):
        last = min(first + CHUNK, n)
        c, s = cosines[: last - first], sines[: last - first]
        c_sums, s_sums = sums[0, first:last], sums[1, first:last]
        for i in range(phases.shape[0]):
            _waves(phases[i, first:last], numbers, c, s)
            wide = 0
            for j in range(len(c)):
                c[j] = (c[j] * steps + magic) - magic
                s[j] = (s[j] * steps + magic) - magic
                x, y = np.float64(c[j]), np.float64(s[j])
                wide |= x * x + y * y > _MOST
            if wide:
                _shrink(c, s)
            if len(weight):
                times = weight[i]
                for j in range(len(c)):
                    c_sums[j] += np.int64(np.int32(c[j])) * times
                    s_sums[j] += np.int64(np.int32(s[j])) * times
            else:
                for j in range(len(c)):
                    c_sums[j] += np.int64(np.int32(c[j]))
                    s_sums[j] += np.int64(np.int32(s[j]))


@njit(cache=True, nogil=True)
def _shrink(c, s):
    for j in range(len(c)):
        x, y = np.float64(c[j]), np.float64(s[j])
        if x * x + y * y > _MOST:
            x, y = np.trunc(x * _LESS), np.trunc(y * _LESS)
            if x * x + y * y > _MOST:
                x = y = 0.0
            c[j], s[j] = x, y
