"""Constraints of a PRESTO fit: boundaries that must not cross, slopes that must not be negative.

Crossing (`Gaps`) is linear enough to sit in every quadratic subproblem, so all iterates are
feasible. Signs (`Signs`) bind at features that should vanish altogether, which no feasible
iterate does gracefully; they get an augmented Lagrangian, and so do gaps under the group penalty,
whose subproblem is not quadratic. It adds ``(max(0, m - mu h)^2 - m^2) / (2 mu)`` for a constraint
h >= 0 with multiplier m, whose derivative is -max(0, m - mu h) h'.

Both classes have the multipliers ``m``, ``values(theta)``, ``pull(theta)`` (the multipliers that
theta implies), ``terms(m)`` (what multipliers add to the gradient and to the l1 price),
``add_curvature``, ``equations`` (active constraints, linearised), ``violation`` and ``feasible``.
"""

import numpy as np
import scipy.sparse as sp


class _Augmented:
    """The parts of the augmented Lagrangian that need no more than `values` and `m`."""

    mu = 1.0

    def value(self, theta):
        """Return what the constraints add to the objective."""
        return float((self.pull(theta) ** 2 - self.m**2).sum() / (2 * self.mu))

    def pull(self, theta):
        """Return the multipliers that theta implies."""
        return np.maximum(0.0, self.m - self.mu * self.values(theta))

    def violation(self, theta):
        """Return by how much theta is outside (0 if it is inside)."""
        return max(0.0, -float(self.values(theta).min(initial=0.0)))


class Gaps(_Augmented):
    """Gaps z_{k-1} - z_k >= 0 at training rows ("train") or over their bounding box ("box").

    The gap of row i at boundary k is ``-Z_i . theta_k``. Over the box, the smallest gap is
    ``-middle . theta_k - half . |psi_k|`` with the box's middle and half-widths: where signs are
    known it is one more row; where psi_kj = 0 its multiplier m raises the price of psi_kj by
    m * half_j.

    Parameters
    ----------
    rows : Rows
        The training rows.
    box : bool
        Whether the box is meant, not the rows.
    """

    def __init__(self, rows, box):
        self.rows, self.box = rows, box
        if box:
            self.boundary = np.arange(1, rows.q)
            middle = np.append(1.0, 0.5 * (rows.low + rows.high))
            self.V = np.tile(middle, (rows.q - 1, 1))
            self.half = np.append(0.0, 0.5 * (rows.high - rows.low))
        else:
            self.boundary, self.row = np.zeros(0, dtype=int), np.zeros(0, dtype=int)
            self.V, self.half = rows.Z[:0], None
        self.m = np.zeros(len(self.boundary))

    def values(self, theta):
        """Return the gaps of the constraints at hand."""
        if self.box:
            return -(self.V * theta[1:]).sum(axis=1) - np.abs(theta[1:]) @ self.half
        if sp.issparse(self.V):
            return -np.asarray(self.V.multiply(theta[self.boundary]).sum(axis=1)).ravel()
        return -np.einsum("ij,ij->i", self.V, theta[self.boundary])

    def terms(self, m):
        """Return what multipliers add to the gradient and to the l1 price, (q, p + 1)."""
        shape = (self.rows.q, self.rows.n_columns)
        G, extra = np.zeros(shape), np.zeros(shape)
        for k in range(1, shape[0]):
            here = (self.boundary == k) & (m > 0)
            if here.any():
                G[k] = self.V[here].T @ m[here]
                if self.box:
                    extra[k] = m[here][0] * self.half
        return G, extra

    def _slopes(self, theta, columns):
        """Return the constraints' derivatives at the signs of theta, (n, q * width)."""
        A, half = self.restrict(columns)
        return A if half is None else A - half * np.sign(theta[:, columns]).ravel()

    def add_curvature(self, H, theta, columns):
        """Add the curvature to H of shape (q, m, q, m), in place."""
        A = self._slopes(theta, columns)[self.pull(theta) > 0]
        H += self.mu * (A.T @ A).reshape(H.shape)

    def equations(self, theta, boundary, column):
        """Return indices, values and derivatives of the active constraints in some coordinates."""
        columns, where = np.unique(column, return_inverse=True)
        index = np.flatnonzero(self.m > 0)
        A = self._slopes(theta, columns)[index][:, boundary * len(columns) + where]
        return index, self.values(theta)[index], A

    def restrict(self, columns):
        """Return the constraints in the coordinates (boundary, column), flattened."""
        q, width = self.rows.q, len(columns)
        V = self.V[:, columns]
        V = V.toarray() if sp.issparse(V) else V
        A = np.zeros((len(V), q, width))
        A[np.arange(len(V)), self.boundary] = -V
        half = None
        if self.box:
            half = np.zeros((len(V), q, width))
            half[np.arange(len(V)), self.boundary] = self.half[columns]
            half = half.reshape(len(V), q * width)
        return A.reshape(len(V), q * width), half

    def violation(self, theta):
        """Return the largest violation, letting in the training rows that show one."""
        if self.box:
            return super().violation(theta)
        worst, found = 0.0, []
        for start, _, gaps in self.rows.gaps(theta):
            low = gaps.min(initial=0.0)
            if low < 0:
                worst = max(worst, -float(low))
                k, i = np.nonzero(gaps < 0)
                found.append(np.column_stack([k + 1, start + i]))
        if found:
            found = np.vstack(found)
            n = self.rows.Z.shape[0]
            known = self.boundary * n + self.row
            found = found[~np.isin(found[:, 0] * n + found[:, 1], known)]
            self.boundary = np.concatenate([self.boundary, found[:, 0]])
            self.row = np.concatenate([self.row, found[:, 1]])
            self.V = self.rows.Z[self.row]
            self.m = np.concatenate([self.m, np.zeros(len(found))])
        return worst

    def feasible(self, theta):
        """Return theta with intercepts moved apart by as much as they are too close."""
        theta = theta.copy()
        if self.box:
            theta[1:, 0] += np.minimum(self.values(theta), 0.0)
            return theta
        low = np.zeros(self.rows.q - 1)
        for _, _, gaps in self.rows.gaps(theta):
            low = np.minimum(low, gaps.min(axis=1))
        theta[1:, 0] += low
        return theta


class Signs(_Augmented):
    """Coefficients beta_kj = theta_0j + ... + theta_kj >= 0.

    Parameters
    ----------
    used : ndarray of bool of shape (p + 1,)
        Columns that may have coefficients.
    n_boundaries : int
        q.
    """

    def __init__(self, used, n_boundaries):
        self.used = used.copy()
        self.used[0] = False
        self.m = np.zeros((n_boundaries, len(used)))

    def values(self, theta):
        """Return the coefficients, 0 where nothing is asked of them."""
        return np.where(self.used, np.cumsum(theta, axis=0), 0.0)

    def terms(self, m):
        """Return what multipliers add to the gradient and to the l1 price, (q, p + 1)."""
        return -np.cumsum(m[::-1], axis=0)[::-1], np.zeros_like(m)

    def add_curvature(self, H, theta, columns):
        """Add the curvature to H of shape (q, m, q, m), in place."""
        active = (self.pull(theta)[:, columns] > 0).astype(float)
        from_here = np.cumsum(active[::-1], axis=0)[::-1]  # active ones among k >= m
        index = np.arange(len(columns))
        for i in range(len(H)):
            for j in range(len(H)):
                H[i, index, j, index] += self.mu * from_here[max(i, j)]

    def equations(self, theta, boundary, column):
        """Return indices, values and derivatives of the active constraints in some coordinates.

        Those of a feature that is out have no derivative there, and are left out.
        """
        k, j = np.nonzero(self.m > 0)
        A = ((boundary <= k[:, None]) & (column == j[:, None])).astype(float)
        seen = A.any(axis=1)
        k, j = k[seen], j[seen]
        return (k, j), self.values(theta)[k, j], A[seen]

    def feasible(self, theta):
        """Return theta with negative coefficients, and those held at 0, set to 0."""
        beta = np.cumsum(theta, axis=0)
        beta[self.used & (self.m > 0)] = 0.0
        beta[:, self.used] = np.maximum(beta[:, self.used], 0.0)
        theta = theta.copy()
        # A step of exactly 0 stays exactly 0: equal neighbours are clipped alike.
        theta[:, self.used] = np.diff(beta[:, self.used], axis=0, prepend=0.0)
        return theta
