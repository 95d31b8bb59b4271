"""From rows to integers by way of phases, with numpy; `_feature_kernel` compiles the same steps.

A row's integers must be a function of that row alone, to the bit, or one row could move the
integers of others and nothing would bound how far sums move. So a phase is added up over features
in their order, vectorised over frequencies and never over rows, and everything is made of single
additions, multiplications and comparisons, which IEEE 754 defines to the bit: neither numpy nor the
compiled steps fuse or reorder them, and both give the same integers on every machine. A matrix
product does not, nor do sines of a mathematical library.

Phases are in turns. What is left of one after rounding it off is exact, so that large phases lose
nothing; cosine and sine are one polynomial at two places, at most 3.4e-9 off.
"""

import numpy as np

# What the feature 1 becomes: rounded, no pair of features has a norm above LARGEST.
STEPS = (1 << 20) - 2
LARGEST = 1 << 20
# Columns that the compiled steps work on at a time.
CHUNK = 128

# sin(2 pi a) = a * p(a * a) on [-1/4, 1/4], the best polynomial.
_POLYNOMIAL = (
    6.283185160089722,
    -41.34165503147942,
    81.60100407735655,
    -76.54978238761346,
    39.53670676201484,
)


def constants(dtype, steps=STEPS):
    """Return the numbers of the arithmetic in a type.

    They are the polynomial, what rounds a number when added and taken away again, 1/4, 1/2, the
    magnitude from which on a phase means nothing, and what the feature 1 becomes.
    """
    bits = np.finfo(dtype).nmant
    rest = [1.5 * 2.0**bits, 0.25, 0.5, 2.0 ** (bits - 1), steps]
    return np.array([*_POLYNOMIAL, *rest], dtype=dtype)


def packed(weights):
    """Return a matrix of shape (n_features, n) in pieces of `CHUNK` columns, with zeros at the end.

    Its shape is (n_pieces, n_features, CHUNK).
    """
    n_features, n = weights.shape
    pieces = -(-n // CHUNK)
    out = np.zeros((n_features, pieces * CHUNK), dtype=weights.dtype)
    out[:, :n] = weights
    return np.ascontiguousarray(out.reshape(n_features, pieces, CHUNK).transpose(1, 0, 2))


def products(X, pieces, out):
    """Write the products of rows with a packed matrix, added up in the order of features."""
    n_features = X.shape[1]
    weights = pieces.transpose(1, 0, 2).reshape(n_features, -1)
    out[...] = 0
    term = np.empty_like(out)
    with np.errstate(over="ignore", invalid="ignore"):
        for k in range(n_features):
            np.multiply(X[:, k, None], weights[k], out=term)
            out += term


def sparse_products(start, columns, values, pieces, out):
    """Write the same of rows in compressed form, with columns in order: zeros add nothing."""
    X = np.zeros((len(out), pieces.shape[1]), dtype=out.dtype)
    for row in range(len(out)):
        part = slice(start[row], start[row + 1])
        X[row, columns[part]] = values[part]
    products(X, pieces, out)


def hadamard_products(X, signs, order, scales, lengths, out):
    """Write the products of rows with structured frequencies, of `_hadamard`.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Rows.
    signs, scales, lengths : ndarray of shape (size, n_blocks)
        Diagonal matrices, those of all blocks side by side.
    order : ndarray of intp of shape (size,)
        A permutation.
    out : ndarray of shape (n_rows, size * n_blocks)
        Where the products go.
    """
    size, n_blocks = signs.shape
    Z = np.zeros((len(X), size, n_blocks), dtype=X.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        Z[:, : X.shape[1]] = X[:, :, None] * signs[: X.shape[1]]
        Z = _hadamard(Z)[:, order] * scales
        out[...] = (_hadamard(Z) * lengths).reshape(len(X), -1)


def _hadamard(Z):
    n_rows, size, n_blocks = Z.shape
    half = 1
    while half < size:
        pairs = Z.reshape(n_rows, size // (2 * half), 2, half * n_blocks)
        first, second = pairs[:, :, 0], pairs[:, :, 1]
        Z = np.stack([first + second, first - second], axis=2)
        half *= 2
    return Z.reshape(n_rows, size, n_blocks)


def waves(phases, numbers, cosines, sines):
    """Write cosines and sines of phases; of those that mean nothing, zeros."""
    *polynomial, magic, quarter, half, limit, _ = numbers
    with np.errstate(over="ignore", invalid="ignore"):
        known = np.abs(phases) < limit
        turn = phases - ((phases + magic) - magic)
        for at, out in (
            (quarter - np.abs(turn), cosines),
            (np.abs(half - np.abs(turn - quarter)) - quarter, sines),
        ):
            square = at * at
            value = polynomial[4] * square + polynomial[3]
            for coefficient in polynomial[2::-1]:
                value = value * square + coefficient
            out[...] = np.where(known, at * value, 0)


def add_features(phases, numbers, weight, sums):
    """Round features to integers and add them up.

    Parameters
    ----------
    phases : ndarray of shape (n_rows, n)
        Phases in turns.
    numbers : ndarray
        From `constants`.
    weight : ndarray of int64 of shape (n_rows,) or (0,)
        Weights of rows; none for 1 each.
    sums : ndarray of int64 of shape (2, n)
        Cosines and sines are added to it.
    """
    features = np.empty((2, *phases.shape), dtype=phases.dtype)
    waves(phases, numbers, *features)
    magic, steps = numbers[5], numbers[9]
    features = ((features * steps + magic) - magic).astype(np.float64)
    integers = shrunk(*features).astype(np.int64)
    if len(weight):
        integers *= weight[:, None]
    sums += integers.sum(axis=1)


def shrunk(cosines, sines):
    """Return integers of pairs, those of a norm above `LARGEST` taken towards zero.

    None has one, by the polynomial's error. What the noise hides is this bound, so that it is
    enforced rather than trusted.
    """
    for factor in (1 - 2.0**-10, 0.0):
        wide = cosines * cosines + sines * sines > float(LARGEST**2)
        cosines, sines = (
            np.where(wide, np.trunc(part * factor), part) for part in (cosines, sines)
        )
    return np.stack([cosines, sines])
