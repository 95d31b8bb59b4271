"""The observations that a run works on: all, a sample, or a band near the quantiles."""

from dataclasses import dataclass

import numpy as np

# Observations of a block: some dozen temporaries of it fit in the second-level cache.
_BLOCK = 16384

# Columns from which half the work of a symmetric product is worth taking square roots.
_NARROW = 32


@dataclass
class Band:
    """Observations in lines of equal length, with a linear cost for those left out.

    Attributes
    ----------
    D : ndarray of shape (m, d, r), or (1, d, r) where all lines see the same columns
        Columns.
    y, cost : ndarray of shape (m, r)
        Targets and costs c, perhaps broadcast.
    levels : ndarray of shape (m,)
        Levels tau.
    group_of : ndarray of int of shape (m,)
        Whose weights a line uses.
    linear : ndarray of shape (n_groups, d)
        Sum of a D over the observations left out, whose a is at a bound.
    constant : ndarray of shape (n_groups,)
        Sum of a y over them.
    """

    D: np.ndarray
    y: np.ndarray
    cost: np.ndarray
    levels: np.ndarray
    group_of: np.ndarray
    linear: np.ndarray
    constant: np.ndarray

    @property
    def shared(self):
        return len(self.D) < len(self.levels)

    def blocks(self, chosen):
        """Return (lines, observations) slices of chosen lines, contiguous in an (m, r) array."""
        _, d, r = self.D.shape
        step = _BLOCK if d <= _NARROW else max(256, _NARROW * _BLOCK // d)
        lines_at_once = 1 if self.shared else max(1, step // max(r, 1))
        edges = np.flatnonzero(np.diff(chosen, prepend=False, append=False))
        return [
            (slice(k, min(k + lines_at_once, stop)), slice(i, min(i + step, r)))
            for start, stop in edges.reshape(-1, 2)
            for k in range(start, stop, lines_at_once)
            for i in range(0, r, step)
        ]

    def columns(self, lines, rows):
        return self.D[:, :, rows] if self.shared else self.D[lines, :, rows]


def all_observations(problem, factor):
    """Return all observations of a problem, costs multiplied by a factor."""
    m, n = problem.m, problem.n
    return Band(
        problem.design(slice(0, n)),
        np.broadcast_to(problem.y, (m, n)),
        np.broadcast_to(problem.cost * factor, (m, n)),
        problem.levels,
        problem.group_of,
        np.zeros((problem.n_groups, problem.d)),
        np.zeros(problem.n_groups),
    )


def sample_of(problem, rows, factor):
    """Return some rows as if they were all."""
    m, r = problem.m, len(rows)
    cost = problem.cost[rows] * (factor * problem.cost.sum() / problem.cost[rows].sum())
    return Band(
        problem.design(rows),
        np.broadcast_to(problem.y[rows], (m, r)),
        np.broadcast_to(cost, (m, r)),
        problem.levels,
        problem.group_of,
        np.zeros((problem.n_groups, problem.d)),
        np.zeros(problem.n_groups),
    )


def evaluate(problem, w):
    """Return the residuals (m, n), in single precision, and the objective."""
    residuals = np.empty((problem.m, problem.n), dtype=np.float32)
    objective = 0.0
    for rows in problem.blocks():
        r = problem.residuals(w, rows)
        objective += problem.pinball(r, rows)
        with np.errstate(over="ignore"):  # a band without a minimum sends weights far out
            residuals[:, rows] = r
    return residuals, objective


def nearest(residuals, size):
    """Return the indices of the smallest residuals of each line, (m, size), ascending."""
    m, n = residuals.shape
    kept = np.empty((m, size), dtype=np.intp)
    for k in range(m):
        near = np.argpartition(np.abs(residuals[k]), size - 1)[:size] if size < n else np.arange(n)
        kept[k] = np.sort(near)
    return kept


def band_of(problem, residuals, kept, factor):
    """Return some observations of each line, and the linear cost of the others.

    Parameters
    ----------
    problem : AggregationProblem
        The problem.
    residuals : ndarray of shape (m, n)
        At weights close to the solution: their signs are those of the others.
    kept : ndarray of int of shape (m, size)
        Rows of each line to keep, ascending.
    factor : float
        Multiplies the costs.

    Returns
    -------
    Band
        The observations kept.
    """
    m, d, size = problem.m, problem.d, kept.shape[1]
    D = np.empty((m, d, size))
    linear, constant = np.zeros((problem.n_groups, d)), np.zeros(problem.n_groups)
    levels = problem.levels[:, None]
    for rows in problem.blocks():
        columns = problem.design(rows)
        a = np.where(residuals[:, rows] > 0, levels, levels - 1) * (problem.cost[rows] * factor)
        for k in range(m):
            low, high = np.searchsorted(kept[k], [rows.start, rows.stop])
            inside = kept[k, low:high] - rows.start
            a[k, inside] = 0.0
            line = columns[0 if problem.fine else k]
            D[k, :, low:high] = line[:, inside]
            linear[problem.group_of[k]] += line @ a[k]
        np.add.at(constant, problem.group_of, a @ problem.y[rows])
    return Band(
        D,
        problem.y[kept],
        problem.cost[kept] * factor,
        problem.levels,
        problem.group_of,
        linear,
        constant,
    )


def weighted_gram(columns, theta):
    """Return D diag(theta) D' of each line, (l, d, d)."""
    if columns.shape[1] > _NARROW:  # BLAS sees A A' and does half the work
        scaled = columns * np.sqrt(theta)[:, None, :]
        return np.stack([line @ line.T for line in scaled])
    return np.matmul(columns * theta[:, None, :], columns.transpose(0, 2, 1))


def apply(columns, x):
    """Return D x of each line, (l, d)."""
    return np.matmul(columns, x[:, :, None])[:, :, 0]


def dots(x, y):
    """Return the scalar product of each line."""
    return np.einsum("lr,lr->l", x, y)
