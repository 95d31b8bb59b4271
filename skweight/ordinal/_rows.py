"""Training rows sorted by class, standardised, and cut into blocks."""

import numpy as np
from scipy import linalg, sparse
from sklearn.utils.sparsefuncs import min_max_axis

# Numbers per block: a block, its weighted copy and the temporaries of its rows fit in the cache.
_BLOCK_NUMBERS = 1 << 18
_BLOCK_ROWS = 8192


class Block:
    """Some rows of one class: their columns, their weights, and the means left in sparse columns.

    Sparse columns are scaled but not centred, so every product subtracts `shift` itself.
    """

    def __init__(self, c, X, weight, shift):
        self.c = c
        self.X = X
        self.weight = weight
        self.shift = shift

    def times(self, V):
        """Return X V, (rows, columns of V)."""
        product = self.X @ V
        return product if self.shift is None else product - self.shift @ V

    def transposed_times(self, U):
        """Return X' U, (features, columns of U)."""
        product = self.X.T @ U
        return product if self.shift is None else product - np.outer(self.shift, U.sum(axis=0))

    def gram(self, weight, left, right):
        """Return X[:, left]' diag(weight) X[:, right]; left and right are slices or indices."""
        if self.shift is not None:
            return self._sparse_gram(weight, left, right)
        if left is right and np.all(weight >= 0):
            half = self.X[:, left] * np.sqrt(weight)[:, None]
            return half.T @ half  # half the work: BLAS knows that it is symmetric
        return (self.X[:, left] * weight[:, None]).T @ self.X[:, right]

    def _sparse_gram(self, weight, left, right):
        A, B = self.X[:, left], self.X[:, right]
        a, b = self.shift[left], self.shift[right]
        weighted = sparse.csr_matrix(B.multiply(weight[:, None]))
        gram = (A.T @ weighted).toarray()
        gram -= np.outer(A.T @ weight, b)
        gram -= np.outer(a, np.asarray(weighted.sum(axis=0)).ravel())
        return gram + np.outer(a, b * weight.sum())


class Rows:
    """The training rows of an unpenalised fit, on axes where every column has mean 0 and sd 1.

    Rows of weight 0 are dropped first. Constant columns are set to 0.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Validated features; never written to, and sparse X is never made dense.
    codes : ndarray of shape (n_samples,)
        Ranks of the classes, 0..q.
    weight : ndarray of shape (n_samples,)
        Non-negative weights.

    Attributes
    ----------
    blocks : list of Block
        The rows, sorted by class; weights are divided by their total.
    total : float
        The sum of the weights.
    frequencies : ndarray of shape (n_classes,)
        Weighted class frequencies.
    mean, scale : ndarray of shape (n_features,)
        Weighted means and standard deviations (1 for a constant column).
    constant : ndarray of bool of shape (n_features,)
        Which columns are constant over the rows of positive weight.
    n_features : int
        Number of columns of the blocks, fewer than those of X after `reduce`.
    """

    def __init__(self, X, codes, weight):
        used = np.flatnonzero(weight > 0)
        used = used[np.argsort(codes[used], kind="stable")]
        X, codes, weight = X[used], codes[used], weight[used]
        self.total = weight.sum()
        weight = weight / self.total
        self.frequencies = np.bincount(codes, weights=weight)
        self.n_features = X.shape[1]
        self.rotation = None
        X, shift = self._standardise(X, weight)
        ends = np.cumsum(np.bincount(codes))
        length = max(256, min(_BLOCK_ROWS, _BLOCK_NUMBERS // max(1, X.shape[1])))
        self.blocks = [
            Block(c, X[start:stop], weight[start:stop], shift)
            for c, end in enumerate(ends)
            for start in range(ends[c - 1] if c else 0, end, length)
            for stop in [min(start + length, end)]
        ]

    @property
    def n_boundaries(self):
        """Number of boundaries between classes."""
        return len(self.frequencies) - 1

    @property
    def n_rows(self):
        """Number of rows of positive weight."""
        return sum(len(block.weight) for block in self.blocks)

    def _standardise(self, X, weight):
        """Standardise in place the copy that sorting made."""
        if sparse.issparse(X):
            X.sum_duplicates()
            self.mean = X.T @ weight
            low, high = min_max_axis(X, axis=0)
            # A column without implicit zeros can be centred where it stands. With at least one
            # zero the mean is at most about sqrt(n) standard deviations, so little cancels.
            full = np.bincount(X.indices, minlength=X.shape[1]) == X.shape[0]
            pattern = X.copy()
            pattern.data = np.ones_like(X.data)
            absent = np.where(full, 0.0, 1 - pattern.T @ weight)
            X.data -= np.where(full, self.mean, 0.0)[X.indices]
            shift = np.where(full, 0.0, self.mean)
            deviation = X.copy()
            deviation.data = (X.data - shift[X.indices]) ** 2
            variance = deviation.T @ weight + absent * self.mean**2
        else:
            self.mean = weight @ X
            low, high = X.min(axis=0), X.max(axis=0)
            X -= self.mean
            variance = np.einsum("i,ij,ij->j", weight, X, X)
        self.constant = low == high
        with np.errstate(invalid="ignore"):
            self.scale = np.where(self.constant, 1.0, np.sqrt(variance))
        self.scale[~(self.scale > 0)] = 1.0  # underflow: as good as constant
        factor = np.where(self.constant, 0.0, 1 / self.scale)
        if sparse.issparse(X):
            X.data *= factor[X.indices]
            return X, shift * factor
        X *= factor
        return X, None

    def reduce(self):
        """Rotate wide rows onto their row space.

        With as many columns as rows the coefficients are not unique, and those of smallest norm
        lie in the row space; there the problem has at most one column per row.
        """
        stack = sparse.vstack if self.blocks[0].shift is not None else np.vstack
        X, shift = stack([block.X for block in self.blocks]), self.blocks[0].shift
        if shift is None:
            left, singular, rotation = linalg.svd(X, full_matrices=False, check_finite=False)
            keep = singular > 1e-10 * singular[0]
            left, singular, rotation = left[:, keep], singular[keep], rotation[keep]
        else:  # the kernel is as small as the rows are few, and X stays sparse
            cross = X @ shift
            kernel = (X @ X.T).toarray() + shift @ shift - cross[:, None] - cross
            squares, left = linalg.eigh(kernel)
            keep = squares > 1e-12 * squares[-1]
            left, singular = left[:, keep], np.sqrt(squares[keep])
            rotation = (X.T @ left - np.outer(shift, left.sum(axis=0))).T / singular[:, None]
        self.rotation = rotation / singular[:, None]
        self.n_features = len(singular)
        start = 0
        for block in self.blocks:
            stop = start + len(block.weight)
            block.X, block.shift = np.ascontiguousarray(left[start:stop]), None
            start = stop

    def raw(self, intercept, slopes):
        """Bring intercepts (q,) and slopes (q, n_features) back to the axes of X."""
        if self.rotation is not None:
            slopes = slopes @ self.rotation
        slopes = slopes / self.scale
        slopes[:, self.constant] = 0.0
        return intercept - slopes @ self.mean, slopes

    def raw_jacobian(self, entries, by_entry=False):
        """Return the matrix that turns parameters into raw intercepts and raw slopes.

        Parameters
        ----------
        entries : FreeEntries
            What the parameters are.
        by_entry : bool, default=False
            Whether the slopes are one per entry, or one per column of X; the latter is for
            proportional odds only.

        Returns
        -------
        ndarray of shape (q + n_slopes, n_parameters)
            Rows for the q intercepts, then for the slopes.
        """
        q, features, starts = entries.q, entries.feature, entries.boundary
        if self.rotation is not None:
            slopes = (self.rotation / self.scale).T
            means = self.mean @ slopes
        else:
            slopes = np.diag(1 / self.scale[features])
            means = self.mean[features] / self.scale[features]
            if not by_entry:
                wide = np.zeros((self.n_features, len(features)))
                wide[features] = slopes
                slopes = wide
        jacobian = np.zeros((q + len(slopes), entries.size))
        jacobian[:q, :q] = np.eye(q)
        jacobian[:q, q:] = -means * (starts <= np.arange(q)[:, None])
        jacobian[q:, q:] = slopes
        return jacobian

    def undetermined(self, jacobian, directions):
        """Say which raw parameters move along directions that leave the likelihood alone.

        Parameters
        ----------
        jacobian : ndarray of shape (q + n_slopes, n_parameters)
            From `raw_jacobian`.
        directions : ndarray of shape (n_parameters, n_directions)
            On the axes of the rows.

        Returns
        -------
        ndarray of bool of shape (q + n_slopes,)
            As the rows of `jacobian`; a coefficient of a constant column counts too.
        """
        q = self.n_boundaries
        size = np.linalg.norm(jacobian, axis=1)[:, None] * np.linalg.norm(directions, axis=0)
        lost = (np.abs(jacobian @ directions) > 1e-6 * size).any(axis=1) | ~jacobian.any(axis=1)
        if self.rotation is not None:
            # Outside the row space nothing is determined.
            basis = self.rotation / np.linalg.norm(self.rotation, axis=1, keepdims=True)
            lost[q:] |= (basis**2).sum(axis=0) < 1 - 1e-8
            center = self.mean / self.scale
            outside = center - basis.T @ (basis @ center)
            lost[:q] |= np.linalg.norm(outside) > 1e-6 * np.linalg.norm(center)
        return lost
