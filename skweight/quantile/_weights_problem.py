"""The linear programme of quantile stacking: its rows in blocks, its objective, its variables.

Each output level k has a *line* of observations ``y_i - D_ik w_g(k)``: D_ik holds the models'
forecasts of row i (with ``fine`` weights those of all levels), the group g(k) says which lines
share their weights. An intercept is one more column of ones, free of any constraint.
"""

import numpy as np

# Share of the largest eigenvalue below which columns of free weights depend on others.
_DEPENDENT = 1e-14

# Doubles of one block of rows, so that it and what is computed from it stay in the cache.
_BLOCK_SIZE = 1 << 18


class AggregationProblem:
    """Rows of positive weight, shifted and scaled, and how weights are shared and constrained.

    Parameters
    ----------
    Q : array of shape (n, p, m)
        Base quantiles of any float type, perhaps memory-mapped; read in blocks, never copied
        whole.
    y : ndarray of shape (n,)
        Targets.
    levels : ndarray of shape (m,)
        Quantile levels.
    group_of : ndarray of int of shape (m,)
        The weight group of each line, 0, 1, ...
    fine : bool
        Whether each line sees the forecasts of every level.
    constraint : {"simplex", "nonneg", "none"}
        What weights must obey.
    fit_intercept : bool
        Whether each group has an intercept.
    sample_weight : ndarray of shape (n,) or None
        Weights of the rows.
    """

    def __init__(self, Q, y, levels, group_of, fine, constraint, fit_intercept, sample_weight):
        self.Q, self.levels, self.fine = Q, levels, fine
        self.constraint, self.fit_intercept = constraint, fit_intercept
        self.group_of, self.n_groups = group_of, int(group_of.max()) + 1
        n = len(y)
        self.rows = None  # all of them
        share = np.ones(n) if sample_weight is None else sample_weight / sample_weight.max()
        share = share / share.sum()
        if not (share > 0).all():
            self.rows = np.flatnonzero(share > 0)
            y, share = y[self.rows], share[self.rows]
        self.n, (self.p, self.m) = len(y), Q.shape[1:]
        self.n_models = self.p * self.m if fine else self.p
        self.d = self.n_models + fit_intercept
        # What is far from zero costs digits; a common location can go where it cancels.
        self.location = float(share @ y) if constraint == "simplex" or fit_intercept else 0.0
        spread = float(share @ np.abs(y - self.location))
        size = float(np.abs(y).max(initial=0.0))
        constant = spread <= 1e-12 * size  # rounding is no spread
        self.scale = (size or 1.0) if constant else spread
        self.y = (y - self.location) / self.scale
        self.cost = 2.0 / self.m * share  # they sum to 2 over rows and levels
        self.basis = None
        if constraint == "none":
            self.basis = self._orthonormal_basis()

    @property
    def signed(self):
        """Columns that must not be negative, (d,)."""
        signed = np.zeros(self.d, dtype=bool)
        signed[: self.n_models] = self.constraint != "none"
        return signed

    @property
    def unit_sum(self):
        """Whether the weights of a group sum to 1."""
        return self.constraint == "simplex"

    def block_rows(self):
        """Return how many rows make a block."""
        return max(64, _BLOCK_SIZE // (self.p * self.m))

    def blocks(self):
        """Yield slices of the rows."""
        step = self.block_rows()
        for start in range(0, self.n, step):
            yield slice(start, min(start + step, self.n))

    def design(self, rows):
        """Return the columns of some rows, one line's after the other.

        Parameters
        ----------
        rows : slice or ndarray of int
            Among the rows of positive weight.

        Returns
        -------
        ndarray of shape (m, d, r), or (1, d, r) for fine weights, whose lines see the same.
        """
        chosen = rows if self.rows is None else self.rows[rows]
        Q = (np.asarray(self.Q[chosen], dtype=np.float64) - self.location) / self.scale
        lines = 1 if self.fine else self.m
        D = np.empty((lines, self.d, len(Q)))
        if self.fine:
            D[0, : self.n_models] = Q.reshape(len(Q), -1).T
        else:
            D[:, : self.n_models] = Q.transpose(2, 1, 0)
        if self.fit_intercept:
            D[:, -1] = 1.0
        if self.basis is not None:
            basis = self.basis if self.fine else self.basis[self.group_of]
            D = np.matmul(basis.transpose(0, 2, 1), D)
        return D

    def _orthonormal_basis(self):
        """Return new axes for free weights, (n_groups, d, d), or (1, d, d) for fine weights.

        On them the columns of a group are orthonormal over its rows. Columns that depend on
        others have no axis of their own (zeros), so that weights stay as small as can be.
        """
        # Differences from the first model first: a location far from 0 leaves them few digits.
        basis = np.eye(self.d)[None]
        basis[0, 0, 1 : self.n_models] = -1.0
        basis = np.repeat(basis, 1 if self.fine else self.n_groups, axis=0)
        for _ in range(2):  # the second time on the axes of the first, which rounding has bent
            self.basis, gram = basis, np.zeros((1 if self.fine else self.n_groups, self.d, self.d))
            for rows in self.blocks():
                D = self.design(rows)
                lines = np.matmul(D * self.cost[rows], D.transpose(0, 2, 1))
                np.add.at(gram, [0] if self.fine else self.group_of, lines)
            size = np.sqrt(np.diagonal(gram, axis1=1, axis2=2))
            # Differences that are rounding errors are none.
            size = np.where(size > _DEPENDENT * size.max(axis=1, keepdims=True), size, np.inf)
            values, vectors = np.linalg.eigh(gram / size[:, :, None] / size[:, None, :])
            kept = values > _DEPENDENT * values[:, -1:]
            scale = np.where(kept, 1.0 / np.sqrt(np.where(kept, values, 1.0)), 0.0)
            axes = vectors * scale[:, None, :] / size[:, :, None]
            basis = np.matmul(basis, axes)
        return basis

    def residuals(self, w, rows):
        """Return the residuals (m, r) of some rows at weights w (n_groups, d)."""
        return self.y[rows] - self.fitted(w, self.design(rows))

    def fitted(self, w, D):
        """Return the forecasts (m, r) of weights w (n_groups, d) on columns D."""
        lines = w[self.group_of]
        return lines @ D[0] if self.fine else np.matmul(lines[:, None, :], D)[:, 0]

    def pinball(self, r, rows):
        """Return the objective's part of residuals (m, r) of some rows."""
        loss = np.maximum(self.levels[:, None] * r, (self.levels[:, None] - 1) * r)
        return float(loss.sum(axis=0) @ self.cost[rows])

    def objective(self, w):
        """Return the objective at weights (n_groups, d), in units of `scale`."""
        return sum(self.pinball(self.residuals(w, rows), rows) for rows in self.blocks())

    def start(self):
        """Return equal weights where they must sum to 1 or stay positive, else zeros."""
        w = np.zeros((self.n_groups, self.d))
        if self.constraint != "none":
            w[:, : self.n_models] = 1.0 / self.n_models
        return w

    def clean(self, w):
        """Return weights that obey the constraints exactly."""
        w = w.copy()
        models = w[:, : self.n_models]
        if self.constraint != "none":
            np.maximum(models, 0.0, out=models)
        if self.unit_sum:
            models /= models.sum(axis=1, keepdims=True)
        return w

    def raw(self, w):
        """Bring weights (n_groups, d) to the user's form and scale: weights, intercept (m,)."""
        if self.basis is not None:
            w = np.matmul(self.basis, w[:, :, None])[:, :, 0]
        models = w[:, : self.n_models]
        intercept = np.zeros(self.n_groups)
        if self.fit_intercept:
            intercept = self.scale * w[:, -1] + self.location * (1.0 - models.sum(axis=1))
        if self.fine:
            weights = models.reshape(self.m, self.p, self.m)[self.group_of]
        else:
            weights = models[self.group_of]
        return weights, intercept[self.group_of]
