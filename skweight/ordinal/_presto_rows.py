"""The smooth part of a PRESTO fit: rows sorted by class, loss, gradients and Hessians.

Parameters live in delta coding: ``theta`` has shape (q, p + 1), its column 0 holds the steps
between intercepts, the others the steps psi between coefficient vectors, and the predictors are
``z_k = Z @ theta[: k + 1].sum(axis=0)`` with ``Z = [1, X]``. Signs are those of P(y > k).
"""

import numpy as np
import scipy.sparse as sp

from skweight.ordinal._likelihood import class_terms, null_intercepts, touched

# Doubles of one row block and its scaled copy: small enough to stay in the second-level cache.
_BLOCK_SIZE = 1 << 16

# Columns up to which half the work of a symmetric product is not worth taking square roots.
_NARROW = 32

# Rows whose losses are computed at once.
_LOSS_ROWS = 8192

# Doubles up to which a block of sparse columns may be made dense (8 MiB).
_DENSE_SIZE = 1 << 20


def _row_blocks(start, stop, width):
    rows = max(128, _BLOCK_SIZE // max(width, 1))
    for low in range(start, stop, rows):
        yield low, min(low + rows, stop)


class Rows:
    """Training rows sorted by class, scaled, with a leading column of ones.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n, p), float64
        Rows of positive weight.
    codes : ndarray of shape (n,)
        Classes 0..q in rank order.
    weight : ndarray of shape (n,)
        Positive weights.
    n_boundaries : int
        q.
    family, link : str
        The likelihood.
    standardize : bool
        Divide columns by their weighted standard deviation.
    center : bool
        Subtract the weighted mean of dense columns; with free intercepts this changes the
        conditioning and nothing else, so sparse columns are left alone.

    Attributes
    ----------
    Z : ndarray or CSR matrix of shape (n, p + 1)
        The columns the solver sees.
    shift, scale : ndarray of shape (p,)
        ``Z[:, 1:] = (X - shift) / scale``; a constant column has ``constant`` True and is zero.
    """

    def __init__(self, X, codes, weight, n_boundaries, family, link, standardize, center):
        self.q, self.family, self.link = n_boundaries, family, link
        n, p = X.shape
        # The stable sort of small integers is a radix sort.
        order = np.argsort(codes.astype(np.min_scalar_type(n_boundaries)), kind="stable")
        self.order = order
        edges = np.searchsorted(codes[order], np.arange(n_boundaries + 2))
        self.slices = [
            (c, int(edges[c]), int(edges[c + 1]))
            for c in range(n_boundaries + 1)
            if edges[c + 1] > edges[c]
        ]
        self.w = weight[order] / weight.sum()
        self.sparse = sp.issparse(X)
        low, high = _column_range(X)
        self.constant = low == high
        self.shift, self.scale = np.zeros(p), np.ones(p)
        if standardize or center:
            mean, deviation = _moments(X, weight)
            if standardize:
                self.scale = np.where(self.constant, 1.0, deviation)
            if center and not self.sparse:
                self.shift = np.where(self.constant, low, mean)
        self.low, self.high = (low - self.shift) / self.scale, (high - self.shift) / self.scale
        if self.sparse:
            ones = sp.csr_matrix(np.ones((n, 1)))
            Z = sp.hstack([ones, X[order] @ sp.diags(1.0 / self.scale)], format="csr")
            self.Z = Z
        else:
            self.Z = np.empty((n, p + 1))
            self.Z[:, 0] = 1.0
            for start, stop in _row_blocks(0, n, 2 * p):
                block = self.Z[start:stop, 1:]
                np.subtract(X[order[start:stop]], self.shift, out=block)
                block /= self.scale
        self.touched = {c: list(touched(family, c, n_boundaries)) for c, _, _ in self.slices}
        self._parts = [_row_range(self.Z, start, stop) for _, start, stop in self.slices]
        self._restricted = (None, None)

    @property
    def n_columns(self):
        return self.Z.shape[1]

    def class_weights(self):
        """Return the share of each class, (q + 1,)."""
        shares = np.zeros(self.q + 1)
        for c, start, stop in self.slices:
            shares[c] = self.w[start:stop].sum()
        return shares

    def null_theta(self, fit_intercept=True):
        """Return theta of the model without features that has the classes' frequencies."""
        theta = np.zeros((self.q, self.n_columns))
        if fit_intercept:
            intercepts = null_intercepts(self.family, self.link, self.class_weights())
            theta[:, 0] = np.diff(intercepts, prepend=0.0)
        return theta

    def predictors(self, theta):
        """Return, per class, the predictors of its touched boundaries, each (t, n_c)."""
        beta = np.cumsum(theta, axis=0)
        z = []
        for (c, _, _), part in zip(self.slices, self._parts):
            rows = beta[self.touched[c]]
            product = (part @ rows.T).T if self.sparse else rows @ part.T
            z.append(np.ascontiguousarray(product))
        return z

    def evaluate(self, z, order=2):
        """Evaluate the mean loss at given predictors, with as many derivatives as `order` says.

        Returns
        -------
        loss : float
            inf where boundaries of observed classes cross.
        terms : list of (gradient, hessian) per class, or None
            Weighted row derivatives in z.
        """
        total, terms = 0.0, []
        for (c, start, stop), zc in zip(self.slices, z):
            loss, *derivatives = self._class_loss(c, self.w[start:stop], zc, order)
            total += loss
            if not np.isfinite(total):
                return np.inf, None
            terms.append(derivatives)
        return total, terms if order else None

    def _class_loss(self, c, w, z, order):
        """Return the weighted loss of one class, gradient and Hessian, blocks of rows at a time.

        The loss has some dozen temporaries a row, which cost most where the cache loses them.
        """
        blocks = [
            self._block_loss(c, w[i : i + _LOSS_ROWS], z[:, i : i + _LOSS_ROWS], order)
            for i in range(0, len(w), _LOSS_ROWS)
        ]
        loss = sum(block[0] for block in blocks)
        if not order or not np.isfinite(loss):
            return loss, None, None
        if len(blocks) == 1:
            return blocks[0]
        gradient = np.concatenate([block[1] for block in blocks], axis=1)
        hessian = {
            pair: np.concatenate([block[2][pair] for block in blocks]) for pair in blocks[0][2]
        }
        return loss, gradient, hessian

    def _block_loss(self, c, w, z, order):
        loss, gradient, hessian = class_terms(self.family, self.link, c, self.q, z, order)
        loss = float(w @ loss)
        if not order or not np.isfinite(loss):
            return np.inf if np.isnan(loss) else loss, None, None
        gradient *= w
        hessian = {pair: w * h for pair, h in hessian.items()} if order > 1 else {}
        if self.link != "logit" and not _finite(gradient, *hessian.values()):
            return np.inf, None, None  # so far out that the link's tails overflow
        return loss, gradient, hessian

    def gradient(self, terms):
        """Return the gradient in theta, (q, p + 1), from the row derivatives."""
        G = np.zeros((self.q, self.n_columns))
        for (c, _, _), part, (u, _) in zip(self.slices, self._parts, terms):
            G[self.touched[c]] += (part.T @ u.T).T if self.sparse else u @ part
        return np.cumsum(G[::-1], axis=0)[::-1]

    def restrict(self, columns):
        """Return Z of some columns only (no copy when it is all of them).

        A few sparse columns come back dense: products of small sparse matrices cost far more in
        bookkeeping than in arithmetic.
        """
        everything = len(columns) == self.n_columns
        if everything and not self.sparse:
            return self.Z
        if not np.array_equal(columns, self._restricted[0]):
            if self.sparse:
                block = self.Z if everything else self.Z[:, columns]
            else:  # contiguous rows, which an index would not give
                block = np.take(self.Z, columns, axis=1, mode="clip")
            if self.sparse and block.shape[0] * block.shape[1] <= _DENSE_SIZE:
                block = block.toarray()
            self._restricted = (columns, block)
        return self._restricted[1]

    def hessian(self, terms, Zc):
        """Return the Hessian in theta restricted to the columns of Zc, as (q, m, q, m)."""
        q, m = self.q, Zc.shape[1]
        H = np.zeros((q, q, m, m))
        # The classes that touch a pair of boundaries are neighbours, so their rows are one range.
        pairs = {}
        for (c, start, _), (_, weights) in zip(self.slices, terms):
            boundaries = self.touched[c]
            for (i, j), h in weights.items():
                pair = boundaries[i], boundaries[j]
                pairs.setdefault(pair, (start, []))[1].append(h)
        for (k, l), (start, parts) in pairs.items():
            h = parts[0] if len(parts) == 1 else np.concatenate(parts)
            # The cross term of the cumulative family is never positive.
            negative = k != l and self.family == "cumulative"
            block = _gram(Zc, start, start + len(h), -h if negative else h)
            H[k, l] = -block if negative else block
            if k != l:
                H[l, k] = H[k, l]  # each block is symmetric
        # Delta coding: theta_m enters every boundary k >= m.
        for k in range(q - 2, -1, -1):
            H[k] += H[k + 1]
        for l in range(q - 2, -1, -1):
            H[:, l] += H[:, l + 1]
        return np.ascontiguousarray(H.transpose(0, 2, 1, 3))

    def gaps(self, theta):
        """Yield (start, stop, gaps) over row blocks: z_{k-1} - z_k for k = 1..q-1, (q - 1, r)."""
        steps = np.ascontiguousarray(-theta[1:].T)
        for start, stop in _row_blocks(0, self.Z.shape[0], 2 * self.n_columns):
            yield start, stop, np.asarray(self.Z[start:stop] @ steps).T


def _row_range(Z, start, stop):
    """Return rows of an array or a CSR matrix as a view."""
    if not sp.issparse(Z):
        return Z[start:stop]
    low, high = Z.indptr[start], Z.indptr[stop]
    parts = (Z.data[low:high], Z.indices[low:high], Z.indptr[start : stop + 1] - low)
    return sp.csr_matrix(parts, shape=(stop - start, Z.shape[1]), copy=False)


def _finite(*arrays):
    return all(np.isfinite(array).all() for array in arrays)


def _gram(Z, start, stop, h):
    """Return Z' diag(h) Z over a range of rows, for h >= 0."""
    if Z.shape[1] <= _NARROW and not sp.issparse(Z):
        return sum(
            Z[low:high].T @ (Z[low:high] * h[low - start : high - start, None])
            for low, high in _row_blocks(start, stop, 2 * Z.shape[1])
        )
    root = np.sqrt(np.maximum(h, 0))
    if sp.issparse(Z):
        scaled = Z[start:stop]
        scaled.data *= np.repeat(root, np.diff(scaled.indptr))
        return (scaled.T @ scaled).toarray()
    out = None
    for low, high in _row_blocks(start, stop, 2 * Z.shape[1]):
        scaled = Z[low:high] * root[low - start : high - start, None]
        block = scaled.T @ scaled  # BLAS sees A'A and does half the work
        out = block if out is None else np.add(out, block, out=out)
    return out


def _column_range(X):
    """Return the smallest and the largest entry of each column (implicit zeros count)."""
    if sp.issparse(X):
        return X.min(axis=0).toarray().ravel(), X.max(axis=0).toarray().ravel()
    if X.shape[1] > 50:
        return X.min(axis=0), X.max(axis=0)
    # numpy reduces many short rows slowly: turn them around while they are in the cache.
    low, high = [], []
    for start, stop in _row_blocks(0, len(X), 2 * X.shape[1]):
        block = np.ascontiguousarray(X[start:stop].T)
        low.append(block.min(axis=1))
        high.append(block.max(axis=1))
    return np.min(low, axis=0), np.max(high, axis=0)


def _moments(X, weight):
    """Return weighted means and population standard deviations of columns, in two passes."""
    share = weight / weight.sum()
    mean = np.asarray(X.T @ share).ravel()
    if sp.issparse(X):
        # sum w (x - m)^2 over stored entries, and m^2 for the weight of the implicit zeros.
        X = X.tocsr()
        row_share = np.repeat(share, np.diff(X.indptr))
        square = row_share * (X.data - mean[X.indices]) ** 2
        variance = np.bincount(X.indices, square, minlength=X.shape[1])
        stored = np.bincount(X.indices, row_share, minlength=X.shape[1])
        return mean, np.sqrt(variance + np.maximum(1.0 - stored, 0) * mean**2)
    variance = np.zeros(X.shape[1])
    for start, stop in _row_blocks(0, X.shape[0], 2 * X.shape[1]):
        centered = X[start:stop] - mean
        variance += share[start:stop] @ (centered * centered)
    return mean, np.sqrt(variance)
