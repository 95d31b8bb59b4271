"""What else one could publish about rows in the unit cube, and exact answers to compare with.

Peers get noise in the way their users would write it: by numpy, on floating point numbers or
integers. That is enough to compare errors and not enough to publish anything.
"""

import numpy as np

from skweight._core._optional import import_optional


def exact_sums(X, Y):
    """Return sums of Manhattan distances, from sorted columns with their prefix sums."""
    sums = np.zeros(len(Y))
    for column, y in zip(X.T, Y.T):
        ordered = np.sort(column)
        below = np.concatenate([[0.0], np.cumsum(ordered)])
        k = np.searchsorted(ordered, y)
        sums += k * y - below[k] + (below[-1] - below[k]) - (len(ordered) - k) * y
    return sums


def cell_counts(X, cells):
    """Return counts of the rows in equal cells of each column, of shape (n_features, cells)."""
    counts = np.empty((X.shape[1], cells), dtype=np.int64)
    for column, out in zip(X.T, counts):
        at = np.minimum((column * cells).astype(np.intp), cells - 1)
        out[:] = np.bincount(at, minlength=cells)
    return counts


class CellSums:
    """Sums of distances to the middles of cells, by sums over all cells below made beforehand.

    Parameters
    ----------
    counts : ndarray of shape (n_features, cells)
        Counts, noisy or not.
    """

    def __init__(self, counts):
        self.cells = counts.shape[1]
        middles = (np.arange(self.cells) + 0.5) / self.cells
        below = np.pad(np.cumsum([counts, counts * middles], axis=2), ((0, 0), (0, 0), (1, 0)))
        self.counts, self.sums = below

    def distance_sum(self, Y):
        """Return the sums for queries in the unit cube."""
        total = np.zeros(len(Y))
        for counts, sums, y in zip(self.counts, self.sums, Y.T):
            k = (y * self.cells + 0.5).astype(np.intp)  # number of middles up to y
            total += (2 * counts[k] - counts[-1]) * y - 2 * sums[k] + sums[-1]
        return total


def flat_counts(X, epsilon, cells, rng):
    """Return a noisy histogram of each column, with its share of the budget for every column."""
    counts = cell_counts(X, cells)
    stop = 1 - np.exp(-epsilon / X.shape[1])
    return counts + rng.geometric(stop, counts.shape) - rng.geometric(stop, counts.shape)


def opendp_counts(X, epsilon, cells):
    """Return consistent counts of cells from OpenDP's noisy binary tree over each column."""
    opendp = import_optional("opendp.prelude", "the benchmark of private sums")
    opendp.enable_features("contrib")
    tree = opendp.t.make_b_ary_tree(
        opendp.vector_domain(opendp.atom_domain(T="i64")),
        opendp.l1_distance(T="i64"),
        leaf_count=cells,
        branching_factor=2,
    )
    noisy = tree >> opendp.m.then_laplace(scale=tree.map(1) * X.shape[1] / epsilon)
    consistent = opendp.t.make_consistent_b_ary_tree(branching_factor=2)
    # Plain integers: it takes no others.
    columns = [[int(count) for count in column] for column in cell_counts(X, cells)]
    return np.array([consistent(noisy(column)) for column in columns])


def tree_depth(n, epsilon):
    """Return a depth for OpenDP's tree that suits so many rows: cells no narrower than noise."""
    return int(np.clip(np.ceil(np.log2(n * epsilon / 15)), 6, 16))


class FloatFeatures:
    """Random features with floating point noise: what the authors of LSQ publish, by its formula.

    Features are ``sqrt(2) * cos(w . x + b)`` with b uniform on [0, 2 pi], and their means get
    Laplace noise of scale ``sqrt(2) * q / (epsilon * n)``. That takes n as public and covers a
    row that is added or removed, which is half of what it takes for one that is replaced; and
    floating point noise tells of the number below it.

    Parameters
    ----------
    n_features : int
        The number of features, q.
    bandwidth : float
        Bandwidth of the Gaussian kernel.
    rng : numpy.random.Generator
        For features and noise.

    References
    ----------
    .. [1] T. Wagner, Y. Naaman and N. Shental, "Fast Private Kernel Density Estimation via
       Locality Sensitive Quantization", ICML 2023.
    """

    def __init__(self, n_features, bandwidth, rng):
        self.n_features = n_features
        self.bandwidth = bandwidth
        self.rng = rng

    def fit(self, X):
        """Add up the features of rows."""
        self.frequencies = self.rng.normal(size=(X.shape[1], self.n_features)) / self.bandwidth
        self.shifts = self.rng.uniform(0, 2 * np.pi, self.n_features)
        self.n, self.sums = len(X), np.zeros(self.n_features)
        for start in range(0, len(X), 1024):
            self.sums += self.features(X[start : start + 1024]).sum(axis=0)
        return self

    def publish(self, epsilon):
        """Return noisy means of the features; without noise for an infinite epsilon."""
        scale = np.sqrt(2) * self.n_features / (epsilon * self.n)
        return self.sums / self.n + self.rng.laplace(0, scale, self.n_features)

    def kernel_sum(self, Y, means):
        """Return sums of similarities by what was published and the number of rows."""
        return self.n * self.features(Y) @ means / self.n_features

    def features(self, X):
        """Return features of rows or queries."""
        return np.sqrt(2) * np.cos(X @ self.frequencies + self.shifts)


def feature_sums(X, frequencies, size=1024):
    """Return sums of cosines and sines of phases, with numpy in blocks of rows."""
    sums = np.zeros((2, frequencies.shape[1]))
    for start in range(0, len(X), size):
        phases = X[start : start + size] @ frequencies
        sums[0] += np.cos(phases).sum(axis=0)
        sums[1] += np.sin(phases).sum(axis=0)
    return sums
