"""Lines that must not cross: where they do, and whether weights can keep them apart."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.optimize import linprog

# Crossings below this share of the scale of y are rounding.
CROSSED = 1e-9


@dataclass
class Crossing:
    """Rows at which the forecast of line k must not exceed that of line k + 1.

    Attributes
    ----------
    low, high : ndarray of shape (r, d)
        Columns of the row in line k and in line k + 1.
    pair : ndarray of int of shape (r,)
        The k of each row, ascending.
    """

    low: np.ndarray
    high: np.ndarray
    pair: np.ndarray

    def excess(self, w, group_of):
        """Return A w, (r,): by how much the lines cross."""
        low, high = group_of[self.pair], group_of[self.pair + 1]
        excess = np.einsum("rd,rd->r", self.low, w[low]) - np.einsum("rd,rd->r", self.high, w[high])
        same = low == high  # what both lines share, such as an intercept, cancels exactly
        if same.any():
            step = self.low[same] - self.high[same]
            excess[same] = np.einsum("rd,rd->r", step, w[low[same]])
        return excess

    def joined(self, other):
        """Return these rows and others."""
        order = np.argsort(np.concatenate([self.pair, other.pair]), kind="stable")
        parts = ((self.low, other.low), (self.high, other.high), (self.pair, other.pair))
        return Crossing(*(np.concatenate(both)[order] for both in parts))

    def pull(self, x, group_of, shape):
        """Return A'x, (n_groups, d)."""
        out = np.zeros(shape)
        np.add.at(out, group_of[self.pair], x[:, None] * self.low)
        np.subtract.at(out, group_of[self.pair + 1], x[:, None] * self.high)
        return out

    def add_curvature(self, H, weight, group_of):
        """Add A' diag(weight) A to H, (n_groups, d, n_groups, d)."""
        edges = np.flatnonzero(np.diff(self.pair, prepend=-1, append=len(group_of)))
        for start, stop in pairwise(edges):
            k = self.pair[start]
            low, high, x = self.low[start:stop], self.high[start:stop], weight[start:stop, None]
            g, h = group_of[k], group_of[k + 1]
            if g == h:
                H[g, :, g] += (low - high).T @ (x * (low - high))
                continue
            across = low.T @ (x * high)
            H[g, :, g] += low.T @ (x * low)
            H[h, :, h] += high.T @ (x * high)
            H[g, :, h] -= across
            H[h, :, g] -= across.T


def worst_crossings(problem, w, most):
    """Return the rows at which neighbouring lines cross most, None where none does.

    Parameters
    ----------
    problem : AggregationProblem
        The problem.
    w : ndarray of shape (n_groups, d)
        Its weights.
    most : int
        Rows of each pair of lines at the most.

    Returns
    -------
    Crossing or None
        The rows.
    """
    pairs = problem.m - 1
    excess, where = [[] for _ in range(pairs)], [[] for _ in range(pairs)]
    for rows in problem.blocks():
        r = problem.residuals(w, rows)
        over = r[1:] - r[:-1]  # what line k has above line k + 1
        for k in np.flatnonzero((over > CROSSED).any(axis=1)):
            worst = _largest(over[k], most)
            excess[k].append(over[k, worst])
            where[k].append(worst + rows.start)
    low, high, pair = [], [], []
    for k in range(pairs):
        if not excess[k]:
            continue
        worst = _largest(np.concatenate(excess[k]), most)
        chosen = np.sort(np.concatenate(where[k])[worst])
        columns = problem.design(chosen)
        low.append(columns[0 if problem.fine else k].T)
        high.append(columns[0 if problem.fine else k + 1].T)
        pair.append(np.full(len(chosen), k))
    if not pair:
        return None
    return Crossing(np.concatenate(low), np.concatenate(high), np.concatenate(pair))


def _largest(over, most):
    """Return the indices of the largest violations."""
    found = np.flatnonzero(over > CROSSED)
    if len(found) > most:
        found = found[np.argpartition(-over[found], most - 1)[:most]]
    return found


def check_feasible(problem):
    """Raise if at some row the simplex leaves lines no way not to cross.

    The test is necessary only: rows may also contradict each other.
    """
    if not problem.unit_sum or problem.fine:
        return
    same = np.diff(problem.group_of) == 0
    distinct = problem.n_groups == problem.m
    n_crossed = 0
    for rows in problem.blocks():
        Q = problem.design(rows)[:, : problem.n_models]
        alike = (Q[:-1] - Q[1:]).min(axis=1) > CROSSED  # every model crosses
        lowest, highest = Q.min(axis=1), Q.max(axis=1)
        if distinct:  # no line may lie wholly below one that comes earlier
            lowest = np.maximum.accumulate(lowest, axis=0)
        apart = lowest[:-1] - highest[1:] > CROSSED
        if problem.fit_intercept:
            apart[:] = False  # lines of different groups are shifted apart
        n_crossed += int(np.where(same[:, None], alike, apart).any(axis=0).sum())
    if n_crossed:
        raise ValueError(infeasible(f"at {n_crossed} of {problem.n} rows all models cross"))


def refuse_if_infeasible(problem, crossing):
    """Raise if no weights satisfy the crossing rows at hand, by a small linear programme."""
    if not problem.unit_sum:
        return
    G, d = problem.n_groups, problem.d
    A = np.zeros((len(crossing.pair), G, d))
    rows = np.arange(len(A))
    np.add.at(A, (rows, problem.group_of[crossing.pair]), crossing.low)
    np.subtract.at(A, (rows, problem.group_of[crossing.pair + 1]), crossing.high)
    A = np.column_stack([A.reshape(len(A), G * d), -np.ones(len(A))])
    sums = np.zeros((G, G, d))
    sums[np.arange(G), np.arange(G)] = problem.signed
    sums = np.column_stack([sums.reshape(G, G * d), np.zeros(G)])
    low = np.append(np.where(np.tile(problem.signed, G), 0.0, -np.inf), 0.0)
    bounds = np.column_stack([low, np.full(G * d + 1, np.inf)])
    cost = np.append(np.zeros(G * d), 1.0)
    found = linprog(cost, A_ub=A, b_ub=np.zeros(len(A)), A_eq=sums, b_eq=np.ones(G), bounds=bounds)
    if found.status == 0 and found.fun > 1e-8:
        raise ValueError(infeasible("some rows, taken together, leave no weights that do not"))


def infeasible(why):
    """Return the sentence of an error that says why and what to do."""
    return (
        "Non-crossing quantiles are impossible with weights that sum to 1: "
        f"{why}; use sort_base=True, weighting='fine' or constraint='none'."
    )
