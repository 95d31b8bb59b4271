"""What else finds weights of quantile models: HiGHS on two forms of the programme, others.

Each takes (Q, y, levels, weighting) and returns weights in the shape of
`skweight.quantile.quantile_stacking_weights`, with unit sum and no negative weight.
"""

import itertools

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

ROUNDS = 100


def lines_of(Q, weighting):
    """Return the columns (n, d) that the forecast of each level is made of."""
    n, p, m = Q.shape
    if weighting == "fine":
        return [Q.reshape(n, p * m)] * m
    return [Q[:, :, k] for k in range(m)]


def shaped(w, shape, weighting):
    """Bring weights (groups, d) to their shape, exactly on the simplex."""
    w = np.maximum(w, 0.0)
    w /= w.sum(axis=1, keepdims=True)
    if weighting == "coarse":
        return w[0]
    return w.reshape(-1, *shape[1:]) if weighting == "fine" else w


def programme(Q, y, levels, weighting, crossing_rows=None):
    """Write the linear programme down.

    Weights of all groups, then the parts of the residuals above and below zero; an equality for
    each observation and group, an inequality for each pair of levels at rows that must not cross.

    Returns
    -------
    dict
        The arguments of `scipy.optimize.linprog`.
    """
    n, _, m = Q.shape
    lines = [sparse.csr_matrix(line) for line in lines_of(Q, weighting)]
    stack = sparse.vstack if weighting == "coarse" else sparse.block_diag
    fitted = stack(lines, format="csr")
    groups, d = (1 if weighting == "coarse" else m), lines[0].shape[1]
    N, eye = n * m, sparse.identity(n * m)
    sums = sparse.kron(sparse.identity(groups), np.ones((1, d)))
    A = sparse.bmat([[fitted, eye, -eye], [sums, None, None]], format="csc")
    up = np.repeat(levels, n)
    found = {
        "c": np.concatenate([np.zeros(groups * d), up, 1 - up]),
        "A_eq": A,
        "b_eq": np.concatenate([np.tile(y, m), np.ones(groups)]),
        "bounds": (0, None),
    }
    if crossing_rows is not None:
        by_level = [fitted[k * n : (k + 1) * n][crossing_rows] for k in range(m)]
        above = sparse.vstack([low - high for low, high in itertools.pairwise(by_level)])
        none = sparse.csr_matrix((above.shape[0], 2 * N))
        found["A_ub"] = sparse.hstack([above, none], format="csc")
        found["b_ub"] = np.zeros(above.shape[0])
    return found


def highs(Q, y, levels, weighting, crossing_rows=None, method="highs-ipm"):
    """Solve the programme by scipy's HiGHS."""
    lp = programme(Q, y, levels, weighting, crossing_rows)
    found = linprog(**lp, method=method)
    if found.x is None:
        raise RuntimeError(found.message)
    groups = 1 if weighting == "coarse" else len(levels)
    w = found.x[: len(found.x) - 2 * len(y) * len(levels)].reshape(groups, -1)
    return shaped(w, Q.shape, weighting)


def highs_without_crossover(Q, y, levels, weighting):
    """Solve the programme by the interior-point method of HiGHS, and stop there.

    scipy has no such option, so it goes through highspy; None where that is not installed.
    """
    try:
        import highspy
    except ImportError:
        return None
    given = programme(Q, y, levels, weighting)
    A, n_columns = given["A_eq"], len(given["c"])
    lp = highspy.HighsLp()
    lp.num_row_, lp.num_col_ = A.shape
    lp.col_cost_, lp.row_lower_, lp.row_upper_ = given["c"], given["b_eq"], given["b_eq"]
    lp.col_lower_, lp.col_upper_ = np.zeros(n_columns), np.full(n_columns, np.inf)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = A.indptr, A.indices, A.data
    solver = highspy.Highs()
    for option, value in (
        ("output_flag", False),
        ("threads", 1),
        ("solver", "ipm"),
        ("run_crossover", "off"),
    ):
        solver.setOptionValue(option, value)
    solver.passModel(lp)
    solver.run()
    x = np.array(solver.getSolution().col_value)
    groups = 1 if weighting == "coarse" else len(levels)
    weights = x[: n_columns - 2 * len(y) * len(levels)].reshape(groups, -1)
    return shaped(weights, Q.shape, weighting)


def highs_dual(Q, y, levels, weighting):
    """Solve the dual programme by the dual simplex method of HiGHS.

    It has one bounded variable for each observation and one constraint for each weight, much
    smaller than the programme itself; with weights of their own, levels are solved one by one.
    """
    n, _, m = Q.shape
    lines = lines_of(Q, weighting)
    if weighting == "coarse":
        w = _dual(np.concatenate(lines), np.tile(y, m), np.repeat(levels, n))[None]
    else:
        w = np.stack([_dual(line, y, np.full(n, t)) for line, t in zip(lines, levels)])
    return shaped(w, Q.shape, weighting)


def _dual(D, y, level):
    """Return the weights of one group: multipliers of max_j D_j'a <= b."""
    d = D.shape[1]
    A = sparse.hstack([sparse.csr_matrix(D.T), -np.ones((d, 1))], format="csc")
    bounds = np.column_stack([np.append(level - 1, -np.inf), np.append(level, np.inf)])
    cost = np.append(-y, 1.0)
    found = linprog(cost, A_ub=A, b_ub=np.zeros(d), bounds=bounds, method="highs-ds")
    if found.x is None:
        raise RuntimeError(found.message)
    return -found.ineqlin.marginals


def clarabel(Q, y, levels, weighting):
    """Solve by cvxpy with CLARABEL; the seconds include what cvxpy takes to set it up."""
    import cvxpy as cp

    lines = lines_of(Q, weighting)
    groups = 1 if weighting == "coarse" else len(levels)
    w = cp.Variable((groups, lines[0].shape[1]), nonneg=True)
    loss = 0
    for k, (line, level) in enumerate(zip(lines, levels)):
        residual = y - line @ w[k if groups > 1 else 0]
        loss += level * cp.sum(residual) + cp.sum(cp.pos(-residual))
    cp.Problem(cp.Minimize(loss), [cp.sum(w, axis=1) == 1]).solve(solver="CLARABEL")
    return shaped(w.value, Q.shape, weighting)


def greedy(Q, y, levels, weighting, rounds=ROUNDS):
    """Select an ensemble greedily, with replacement, as AutoGluon does.

    Caruana et al., "Ensemble selection from libraries of models", ICML 2004: each round adds the
    model with which the mean of all chosen so far is best, and the best round counts.
    """
    if weighting != "coarse":
        raise ValueError("greedy selection has one weight for each model")
    p = Q.shape[1]
    total, counts = np.zeros((len(y), len(levels))), np.zeros(p)
    best, best_loss = None, np.inf
    for r in range(1, rounds + 1):
        losses = [_loss(y, (total + Q[:, j]) / r, levels) for j in range(p)]
        j = int(np.argmin(losses))
        total += Q[:, j]
        counts[j] += 1
        if losses[j] < best_loss:
            best, best_loss = counts / r, losses[j]
    return best


def _loss(y, forecast, levels):
    residual = y[:, None] - forecast
    return float(np.maximum(levels * residual, (levels - 1) * residual).mean())
