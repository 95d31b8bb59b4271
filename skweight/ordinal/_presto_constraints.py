"""Constraints of a PRESTO fit as one augmented Lagrangian.

Every constraint is a concave function h(theta) >= 0 with a multiplier m >= 0, and adds
``(max(0, m - mu h)^2 - m^2) / (2 mu)`` to the objective. With M = max(0, m - mu h), its
derivative is -M h' and its curvature mu h'h'^T where M > 0. Three kinds:

- cuts (``monotone="train"``): the gap z_{k-1} - z_k of one training row, -Z_i . theta_k;
- box (``monotone="box"``): the smallest gap over the bounding box of the data,
  -theta_k0 - middle . psi_k - half . |psi_k| with the box's middle and half-widths: its M
  raises the l1 price of psi_k by M * half, and is otherwise one more row, the middle;
- positive: a coefficient, beta_kj = theta_0j + ... + theta_kj.
"""

import numpy as np
import scipy.sparse as sp


class Constraints:
    """Augmented Lagrangian of the crossing and sign constraints.

    Parameters
    ----------
    rows : Rows
        The training rows.
    monotone : {"observed", "train", "box"}
        Which gaps must not be negative.
    positive : bool
        Whether coefficients must not be negative.
    columns_used : ndarray of bool of shape (p + 1,)
        Columns that may have coefficients.
    """

    def __init__(self, rows, monotone, positive, columns_used):
        q, width = rows.q, rows.n_columns
        self.rows, self.monotone, self.positive = rows, monotone, positive
        self.used = columns_used.copy()
        self.used[0] = False
        self.mu = 1.0
        self.cuts = {k: (rows.Z[:0], np.zeros(0), np.zeros(0, dtype=int)) for k in range(1, q)}
        if monotone == "box":
            self.middle = np.append(1.0, 0.5 * (rows.low + rows.high))
            self.half = np.append(0.0, 0.5 * (rows.high - rows.low))
            self.box = np.zeros(q)
        if positive:
            self.nu = np.zeros((q, width))

    def _active_cuts(self):
        return ((k, V, m) for k, (V, m, _) in self.cuts.items() if len(m))

    def _box_values(self, theta):
        h = -theta @ self.middle - np.abs(theta) @ self.half
        h[0] = np.inf  # there is no boundary below the first
        return h

    def value(self, theta):
        """Return what the constraints add to the objective."""
        total = 0.0
        for k, V, m in self._active_cuts():
            total += self._term(m, -(V @ theta[k]))
        if self.monotone == "box":
            total += self._term(self.box[1:], self._box_values(theta)[1:])
        if self.positive:
            beta = np.cumsum(theta, axis=0)[:, self.used]
            total += self._term(self.nu[:, self.used], beta)
        return total

    def _term(self, m, h):
        return float((np.maximum(0.0, m - self.mu * h) ** 2 - m**2).sum() / (2 * self.mu))

    def _pull(self, m, h):
        return np.maximum(0.0, m - self.mu * h)

    def derivative(self, theta):
        """Return the gradient's smooth part and the extra l1 price, both (q, p + 1)."""
        return self.multiplier_terms(self.pulls(theta))

    def pulls(self, theta):
        """Return the multipliers M at theta (cuts, box, nu)."""
        cuts = {k: self._pull(m, -(V @ theta[k])) for k, V, m in self._active_cuts()}
        box = self._pull(self.box, self._box_values(theta)) if self.monotone == "box" else None
        nu = None
        if self.positive:
            nu = np.where(self.used, self._pull(self.nu, np.cumsum(theta, axis=0)), 0.0)
        return cuts, box, nu

    def multiplier_terms(self, multipliers):
        """Return what given multipliers add to the gradient and to the l1 price."""
        cuts, box, nu = multipliers
        shape = (self.rows.q, self.rows.n_columns)
        G, extra = np.zeros(shape), np.zeros(shape)
        for k, m in cuts.items():
            G[k] += self.cuts[k][0].T @ m
        if box is not None:
            G += box[:, None] * self.middle
            extra += box[:, None] * self.half
        if nu is not None:
            G -= np.cumsum(nu[::-1], axis=0)[::-1]
        return G, extra

    def add_curvature(self, H, theta, columns):
        """Add mu h'h'^T of the active constraints to H of shape (q, m, q, m), in place."""
        cuts, box, nu = self.pulls(theta)
        for k, M in cuts.items():
            V = self.cuts[k][0][M > 0][:, columns]
            square = V.T @ V
            H[k, :, k, :] += self.mu * (square.toarray() if sp.issparse(square) else square)
        if box is not None:
            for k in np.flatnonzero(box > 0):
                row = (self.middle + self.half * np.sign(theta[k]))[columns]
                H[k, :, k, :] += self.mu * np.outer(row, row)
        if nu is not None:
            active = (nu[:, columns] > 0).astype(float)
            from_here = np.cumsum(active[::-1], axis=0)[::-1]  # how many k >= m are active
            index = np.arange(len(columns))
            for i in range(len(H)):
                for j in range(len(H)):
                    H[i, index, j, index] += self.mu * from_here[max(i, j)]

    def violation(self, theta):
        """Return the largest violation, letting in training rows seen to be violated."""
        worst = 0.0
        if self.monotone == "train":
            worst = self._cut(theta)
        if self.monotone == "box":
            worst = max(worst, -self._box_values(theta).min())
        if self.positive:
            beta = np.cumsum(theta, axis=0)[:, self.used]
            worst = max(worst, -beta.min(initial=0.0))
        return worst

    def _cut(self, theta):
        worst, found = 0.0, {k: [] for k in self.cuts}
        for start, _, gaps in self.rows.gaps(theta):
            low = gaps.min(initial=0.0)
            if low < 0:
                worst = max(worst, -low)
                for k in self.cuts:
                    found[k].append(start + np.flatnonzero(gaps[k - 1] < 0))
        for k, index in found.items():
            _, m, known = self.cuts[k]
            fresh = np.setdiff1d(np.concatenate(index), known) if index else known[:0]
            if len(fresh):
                known = np.concatenate([known, fresh])
                m = np.concatenate([m, np.zeros(len(fresh))])
                self.cuts[k] = (self.rows.Z[known], m, known)
        return worst

    def update(self, theta):
        """Take the pulls at theta as the new multipliers."""
        cuts, box, nu = self.pulls(theta)
        for k, m in cuts.items():
            self.cuts[k] = (self.cuts[k][0], m, self.cuts[k][2])
        if box is not None:
            self.box = box
        if nu is not None:
            self.nu = nu

    @property
    def multipliers(self):
        cuts = {k: m for k, (_, m, _) in self.cuts.items() if len(m)}
        box = self.box if self.monotone == "box" else None
        return cuts, box, self.nu if self.positive else None

    def active_rows(self, theta, boundary, column):
        """Return values, multipliers and derivatives of the constraints with multipliers.

        Derivatives are taken in the coordinates ``theta[boundary, column]`` only; a constraint
        that does not touch them is left out, and `set_active` leaves its multiplier alone.
        """
        width, h, m, A = len(boundary), [], [], []
        self._where = []
        for k, V, all_m in self._active_cuts():
            index = np.flatnonzero(all_m > 0)
            V = V[index]
            h.append(-(V @ theta[k]))
            m.append(all_m[index])
            here = np.flatnonzero(boundary == k)
            rows = np.zeros((len(index), width))
            picked = V[:, column[here]]
            rows[:, here] = -(picked.toarray() if sp.issparse(picked) else picked)
            A.append(rows)
            self._where += [(all_m, i) for i in index]
        if self.monotone == "box":
            index = np.flatnonzero(self.box > 0)
            h.append(self._box_values(theta)[index])
            m.append(self.box[index])
            slope = -self.middle - self.half * np.sign(theta)
            A.append(np.where(boundary == index[:, None], slope[boundary, column], 0.0))
            self._where += [(self.box, i) for i in index]
        if self.positive:
            k, j = np.nonzero(self.nu > 0)
            h.append(np.cumsum(theta, axis=0)[k, j])
            m.append(self.nu[k, j])
            A.append(((boundary <= k[:, None]) & (column == j[:, None])).astype(float))
            self._where += [(self.nu, pair) for pair in zip(k, j)]
        h, m = np.concatenate([*h, []]), np.concatenate([*m, []])
        A = np.vstack([*A, np.zeros((0, width))])
        seen = (A != 0).any(axis=1)
        self._where = [place for place, kept in zip(self._where, seen) if kept]
        return h[seen], m[seen], A[seen]

    def set_active(self, m):
        """Store the multipliers of the constraints last returned by `active_rows`."""
        for (store, place), value in zip(self._where, m):
            store[place] = value

    def snapshot(self):
        """Return a copy of the multipliers for `restore`."""
        cuts, box, nu = self.multipliers
        copied = {k: m.copy() for k, m in cuts.items()}
        return copied, None if box is None else box.copy(), None if nu is None else nu.copy()

    def restore(self, saved):
        """Put the multipliers of a `snapshot` back."""
        for k, m in saved[0].items():
            self.cuts[k] = (self.cuts[k][0], m, self.cuts[k][2])
        if saved[1] is not None:
            self.box = saved[1]
        if saved[2] is not None:
            self.nu = saved[2]

    def feasible(self, theta):
        """Move theta into the constraints (by as much as it violates them)."""
        theta = theta.copy()
        if self.positive:
            beta = np.cumsum(theta, axis=0)
            held = self.used & (self.nu > 0)
            beta[held] = 0.0
            beta[:, self.used] = np.maximum(beta[:, self.used], 0.0)
            # A step of exactly 0 stays exactly 0: equal neighbours are clipped alike.
            theta[:, self.used] = np.diff(beta[:, self.used], axis=0, prepend=0.0)
        if self.monotone == "train":
            low = np.zeros(self.rows.q - 1)
            for _, _, gaps in self.rows.gaps(theta):
                low = np.minimum(low, gaps.min(axis=1))
            theta[1:, 0] += low
        if self.monotone == "box":
            theta[1:, 0] += np.minimum(self._box_values(theta)[1:], 0.0)
        return theta
