"""Quantile stacking as one large linear programme, by HiGHS: slow, and an independent oracle."""

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

from skweight.quantile._weights_band import all_observations
from skweight.quantile._weights_certificate import dual_bound
from skweight.quantile._weights_crossing import Crossing, infeasible


def solve_highs(problem, crossing_rows=None, method="highs"):
    """Solve the linear programme with scipy's HiGHS.

    Parameters
    ----------
    problem : AggregationProblem
        What to solve; its whole design goes into one sparse matrix.
    crossing_rows : ndarray of int or None, default=None
        Rows at which neighbouring lines must not cross.
    method : {"highs", "highs-ipm", "highs-ds"}, default="highs"
        Which of the solvers of HiGHS.

    Returns
    -------
    w : ndarray of shape (n_groups, d)
        The weights.
    bound : float
        Lower bound of the objective, from the multipliers of HiGHS.
    n_iter : int
        Iterations made.

    Raises
    ------
    ValueError
        If the constraints have no common point.
    """
    n, m, d, G = problem.n, problem.m, problem.d, problem.n_groups
    D = problem.design(slice(0, n))
    lines = [sparse.csr_matrix(D[0 if problem.fine else k].T) for k in range(m)]
    fitted = _by_group(lines, problem.group_of, G)
    eye = sparse.identity(n * m, format="csr")
    A_eq = [sparse.hstack([fitted, eye, -eye])]
    b_eq = [np.tile(problem.y, m)]
    if problem.unit_sum:
        ones = np.zeros(d)
        ones[: problem.n_models] = 1.0
        sums = sparse.kron(sparse.identity(G), ones[None])
        A_eq.append(sparse.hstack([sums, sparse.csr_matrix((G, 2 * n * m))]))
        b_eq.append(np.ones(G))
    up = np.repeat(problem.levels, n) * np.tile(problem.cost, m)
    down = np.repeat(1 - problem.levels, n) * np.tile(problem.cost, m)
    size = n * m  # the programme is scaled so that a typical cost is 1
    cost = np.concatenate([np.zeros(G * d), size * up, size * down])
    bounds = np.zeros((len(cost), 2))
    bounds[:, 1] = np.inf
    bounds[: G * d, 0] = np.where(np.tile(problem.signed, G), 0.0, -np.inf)
    A_ub, r = None, 0
    if crossing_rows is not None and m > 1:
        r = len(crossing_rows)
        D0 = problem.design(crossing_rows)
        rows = [sparse.csr_matrix(D0[0 if problem.fine else k].T) for k in range(m)]
        low = _by_group(rows[:-1], problem.group_of[:-1], G)
        high = _by_group(rows[1:], problem.group_of[1:], G)
        A_ub = sparse.hstack([low - high, sparse.csr_matrix((r * (m - 1), 2 * n * m))])
    found = linprog(
        cost,
        A_ub=A_ub,
        b_ub=None if A_ub is None else np.zeros(A_ub.shape[0]),
        A_eq=sparse.vstack(A_eq).tocsr(),
        b_eq=np.concatenate(b_eq),
        bounds=bounds,
        method=method,
        options={"primal_feasibility_tolerance": 1e-9, "dual_feasibility_tolerance": 1e-9},
    )
    if found.status == 2 and A_ub is not None:
        raise ValueError(infeasible("HiGHS finds no weights that do not"))
    if found.x is None:
        raise RuntimeError(f"HiGHS ended with: {found.message}")
    w = found.x[: G * d].reshape(G, d)
    band = all_observations(problem, size / 2.0)
    a = 0.5 * found.eqlin.marginals[: n * m].reshape(m, n)
    crossing = lam = None
    if A_ub is not None:
        lam = np.maximum(-0.5 * found.ineqlin.marginals, 0.0)
        pulling = np.flatnonzero(lam)
        pair, row = np.divmod(pulling, r)
        columns = D0[np.zeros_like(pair) if problem.fine else pair, :, row]
        above = D0[np.zeros_like(pair) if problem.fine else pair + 1, :, row]
        crossing, lam = Crossing(columns, above, pair), lam[pulling]
    bound, _ = dual_bound(band, a, w, problem.signed, problem.unit_sum, crossing, lam)
    return w, bound / (size / 2.0), int(found.nit)


def _by_group(lines, group_of, n_groups):
    """Put the columns of each line (r, d) where its group's weights stand, (lines * r, G * d)."""
    blocks = [[None] * n_groups for _ in lines]
    r, d = lines[0].shape
    for k, g in enumerate(group_of):
        blocks[k] = [line if h == g else None for h, line in enumerate([lines[k]] * n_groups)]
    if n_groups > 1:  # an empty column of blocks has no width of its own
        blocks = [
            [sparse.csr_matrix((r, d)) if block is None else block for block in row]
            for row in blocks
        ]
    return sparse.bmat(blocks, format="csr")
