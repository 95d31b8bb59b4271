"""Independent oracle for distance covariances: dense, slow, written from the definitions.

Nothing here imports the package's mathematics.  Every value is a double sum over centred matrices
in extended precision; weights enter as the number of copies of a row, and a matrix holds on its
diagonal the value *between two copies* of a row.  Gradients come in two ways that share nothing
but the value: from the fixed matrix M of the linear functional, and as central differences.
"""

from itertools import combinations

import numpy as np

REAL = np.longdouble
MEASURES = ("ccdcov", "jdcov", "sum")
STATISTICS = ("V", "U")
# What can be asked for: a measure, and whether it is normalised.
FORMS = (("ccdcov", False), ("jdcov", False), ("sum", False), ("ccdcov", True), ("sum", True))


def as_block(s):
    """Return an attribute as an extended precision array of shape (n, d)."""
    s = np.asarray(s, dtype=float).astype(REAL)
    return s[:, None] if s.ndim == 1 else s


def distances(s):
    """Return all Euclidean distances between the rows of one attribute."""
    s = as_block(s)
    total = np.zeros((len(s), len(s)), dtype=REAL)
    for column in s.T:
        total += (column[:, None] - column[None, :]) ** 2
    return np.sqrt(total)


def weights_of(weight, n):
    """Return weights in extended precision, ones where there are none."""
    return np.ones(n, dtype=REAL) if weight is None else np.asarray(weight, dtype=REAL)


def factor(weight, statistic):
    """Return what the double sums are multiplied by."""
    n = weight.sum()
    return 1 / n**2 if statistic == "V" else 1 / (n * (n - 3))


def pair_sum(matrix, weight, statistic):
    """Sum over all pairs of rows, copies among them; for U without a row and itself."""
    total = weight @ matrix @ weight
    return total if statistic == "V" else total - weight @ np.diag(matrix)


def centred(matrix, weight, statistic):
    """Centre doubly; for U over the pairs of different rows, where copies are different."""
    n = weight.sum()
    if statistic == "V":
        rows = matrix @ weight / n
        return matrix - rows[:, None] - rows[None, :] + pair_sum(matrix, weight, "V") / n**2
    rows = (matrix @ weight - np.diag(matrix)) / (n - 2)
    total = pair_sum(matrix, weight, "U") / ((n - 1) * (n - 2))
    return matrix - rows[:, None] - rows[None, :] + total


def concatenated(blocks):
    """Return all columns of all attributes side by side."""
    return np.hstack([as_block(block) for block in blocks])


def covariance(a, b, weight=None, statistic="V"):
    """Return the squared distance covariance of two matrices of distances."""
    weight = weights_of(weight, len(a))
    product = centred(a, weight, statistic) * centred(b, weight, statistic)
    return factor(weight, statistic) * pair_sum(product, weight, statistic)


def joint(matrices, c, weight=None, statistic="V", sign=-1):
    """Return the squared joint distance covariance of matrices of distances."""
    weight = weights_of(weight, len(matrices[0]))
    n = weight.sum()
    product = np.ones_like(matrices[0])
    for matrix in matrices:
        product = product * (sign * centred(matrix, weight, statistic) + REAL(c))
    c_d = REAL(c) ** len(matrices)
    if statistic == "V":
        return pair_sum(product, weight, "V") / n**2 - c_d
    # n rows stand beside themselves, where every centred matrix is 0.
    return (pair_sum(product, weight, "U") + n * c_d) / (n * (n - 3)) - n * c_d / (n - 3)


def expansion(matrices, c, weight=None, statistic="V"):
    """Return the joint distance covariance as a sum over the subsets of two or more blocks."""
    weight = weights_of(weight, len(matrices[0]))
    flipped = [-centred(matrix, weight, statistic) for matrix in matrices]
    d, total = len(flipped), REAL(0)
    for size in range(2, d + 1):
        for subset in combinations(flipped, size):
            product = np.prod(np.stack(subset), axis=0)
            term = factor(weight, statistic) * pair_sum(product, weight, statistic)
            total += REAL(c) ** (d - size) * term
    return total


def measure_value(y, blocks, weight=None, measure="ccdcov", statistic="V", c=1.0, normalize=False):
    """Return a measure, its constant included, from its definition."""
    a = distances(y)
    if measure == "jdcov":
        return joint([a, *map(distances, blocks)], c, weight, statistic)
    parts = [concatenated(blocks)] if measure == "ccdcov" else blocks
    total = REAL(0)
    for part in parts:
        b = distances(part)
        value = covariance(a, b, weight, statistic)
        if normalize:
            product = covariance(a, a, weight, statistic) * covariance(b, b, weight, statistic)
            value = value / np.sqrt(product) if product > 0 else REAL(0)
        total += value
    return total


def functional(blocks, weight=None, measure="ccdcov", statistic="V", c=1.0):
    """Return M and the constant: the measure is a constant plus sums of M times distances."""
    n = len(as_block(blocks[0]))
    weight = weights_of(weight, n)
    total = weight.sum()
    if measure == "ccdcov":
        return centred(distances(concatenated(blocks)), weight, statistic), REAL(0)
    if measure == "sum":
        parts = [centred(distances(block), weight, statistic) for block in blocks]
        return np.sum(parts, axis=0), REAL(0)
    product = np.ones((n, n), dtype=REAL)
    for block in blocks:
        product = product * (REAL(c) - centred(distances(block), weight, statistic))
    c_d = REAL(c) ** (len(blocks) + 1)
    pairs = pair_sum(product, weight, statistic)
    if statistic == "V":
        constant = c * pairs / total**2 - c_d
    else:
        constant = (c * pairs + total * c_d) / (total * (total - 3)) - total * c_d / (total - 3)
    return -centred(product, weight, statistic), constant


def huber(t, width):
    """Return |t| with its kink replaced by a parabola over (-width, width)."""
    size = np.abs(t)
    if width == 0:
        return size
    width = REAL(width)
    return np.where(size <= width, t * t / (2 * width), size - width / 2)


def slope(t, width):
    """Return the derivative of `huber`."""
    return np.sign(t) if width == 0 else np.clip(t / REAL(width), -1, 1)


def functional_value(y, m, weight=None, statistic="V", width=0.0):
    """Return kappa times the sum of M times (smoothed) distances of predictions."""
    y = as_block(y)[:, 0]
    weight = weights_of(weight, len(y))
    kernel = m * huber(y[:, None] - y[None, :], width)
    return factor(weight, statistic) * (weight @ kernel @ weight)


def functional_gradient(y, m, weight=None, statistic="V", width=0.0):
    """Return the derivative of `functional_value` for every prediction."""
    y = as_block(y)[:, 0]
    weight = weights_of(weight, len(y))
    sums = (m * slope(y[:, None] - y[None, :], width)) @ weight
    return 2 * factor(weight, statistic) * weight * sums


def value_and_gradient(
    y, blocks, weight=None, measure="ccdcov", statistic="V", c=1.0, normalize=False, width=0.0
):
    """Return a measure without its constant, and its gradient, from the matrix M."""
    y = np.asarray(y, dtype=float)
    if not normalize:
        m, _ = functional(blocks, weight, measure, statistic, c)
        return (
            functional_value(y, m, weight, statistic, width),
            functional_gradient(y, m, weight, statistic, width),
        )
    a = distances(y)
    weight = weights_of(weight, len(y))
    variance = covariance(a, a, weight, statistic)
    a_gradient = 2 * functional_gradient(y, centred(a, weight, statistic), weight, statistic)
    value, gradient = REAL(0), np.zeros(len(y), dtype=REAL)
    for part in [concatenated(blocks)] if measure == "ccdcov" else blocks:
        b = distances(part)
        product = variance * covariance(b, b, weight, statistic)
        if product <= 0:
            continue
        m = centred(b, weight, statistic)
        top = functional_value(y, m, weight, statistic, width)
        ratio = top / np.sqrt(product)
        value += ratio
        gradient += functional_gradient(y, m, weight, statistic, width) / np.sqrt(product)
        gradient -= ratio / (2 * variance) * a_gradient
    return value, gradient


def central_differences(function, y, step):
    """Return the derivatives of a function of y, coordinate by coordinate."""
    y = np.asarray(y, dtype=float)
    slopes = np.empty(len(y), dtype=REAL)
    for i in range(len(y)):
        ends = np.repeat(y[None, :], 2, axis=0)
        ends[0, i] -= step
        ends[1, i] += step
        # What the step is after rounding.
        width = REAL(ends[1, i]) - REAL(ends[0, i])
        slopes[i] = (function(ends[1]) - function(ends[0])) / width
    return slopes


def _terms(matrix, weight, statistic):
    """Return the sums of the absolute terms that centring a nonnegative matrix adds up."""
    n = weight.sum()
    a, b = (1 / n, 1 / n**2) if statistic == "V" else (1 / (n - 2), 1 / ((n - 1) * (n - 2)))
    rows = matrix @ weight
    return matrix + abs(a) * (rows[:, None] + rows[None, :]) + abs(b) * (weight @ rows)


def tolerances(
    y, blocks, weight=None, measure="ccdcov", statistic="V", c=1.0, rel=1e-12, width=0.0
):
    """Return how far value, gradient and constant may be from the truth by rounding alone.

    That is `rel` of what they could be, with these distances: for the value the Cauchy-Schwarz
    bound sqrt(dCov2(y, y) <M, M>), since the value itself passes through 0; for the gradient the
    largest sum of absolute terms of M.  Where M itself is what is left of larger terms (one row
    with nearly all the weight, a large c), a few units in the last place of those terms come on
    top.
    """
    m, constant = functional(blocks, weight, measure, statistic, c)
    y = as_block(y)[:, 0]
    weight = weights_of(weight, len(m))
    n = weight.sum()
    kappa = factor(weight, statistic)
    if measure == "jdcov":
        parts = np.ones_like(m)
        for block in blocks:
            parts = parts * (c + _terms(distances(block), weight, statistic))
        raw = parts
    else:
        parts = [concatenated(blocks)] if measure == "ccdcov" else blocks
        raw = sum(distances(part) for part in parts)
    terms = _terms(raw, weight, statistic)
    a = np.abs(y[:, None] - y[None, :])
    inner = [abs(pair_sum(x**2, weight, statistic)) for x in (centred(a, weight, statistic), m)]
    value = rel * kappa * np.sqrt(inner[0] * inner[1])
    # Pairs outside the window count |t| - width / 2, so the width is rounded with the distances.
    value += 4e-15 * kappa * (weight @ (terms * (a + np.minimum(width, a.max()))) @ weight)
    gradient = rel * 2 * kappa * (weight * (np.abs(m) @ weight)).max()
    gradient += 4e-15 * 2 * kappa * (weight * (terms @ weight)).max()
    power = REAL(c) ** (len(blocks) + 1) * (1 if statistic == "V" else n / (n - 3))
    size = rel * abs(constant) + 4e-15 * (power + kappa * c * (weight @ raw @ weight))
    size = size if measure == "jdcov" else 0.0
    # What is left of rounding twice where the truth is 0.
    floor = 1e-27 * (1 + np.abs(y).max()) * (1 + np.abs(concatenated(blocks)).max())
    return float(value + floor), float(gradient + floor), float(size)


def one_hot(codes):
    """Return indicators of integer codes, one column for each that occurs."""
    return (np.asarray(codes)[:, None] == np.unique(codes)).astype(float)


def mixed_blocks(rng, n, ties=True):
    """Return three attributes: numeric, nominal with four levels, binary."""
    age = rng.normal(size=n)
    return [
        age.round(1) if ties else age,
        one_hot(rng.permutation(np.arange(n) % 4)),
        rng.permutation(np.arange(n) % 2).astype(float),
    ]


def dependent_predictions(rng, blocks, ties=False):
    """Return predictions that depend on the attributes and on their intersection."""
    numeric, binary = as_block(blocks[0])[:, 0], as_block(blocks[-1])[:, 0]
    y = rng.normal(size=len(numeric)) + np.asarray(numeric * (1 + binary), dtype=float)
    return y.round(1) if ties else y


def repeated(weight, *arrays):
    """Return every row as often as its integer weight says."""
    return tuple(np.repeat(array, weight, axis=0) for array in arrays)
