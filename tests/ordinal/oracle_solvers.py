"""General-purpose solvers on the dense `Problem` of oracles.py, each returning theta and value."""

import warnings

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, minimize


def solve_cvxpy(problem):
    """Return theta and optimal value of the logit problem from cvxpy, and whether it converged.

    CLARABEL is asked for 1e-12 and says when it stopped short of that.
    """
    import cvxpy as cp

    assert problem.link == "logit"
    A, y, w, q = problem.A, problem.y, problem.w, problem.q
    theta = cp.Variable(A.shape[2])
    D = cp.reshape(theta[problem.n_b :], (q, problem.p), order="C")
    terms = []
    if problem.family == "cumulative":
        for c in range(q + 1):
            rows = y == c
            if c > 0:
                a = -A[rows, c - 1] @ theta
                terms.append(w[rows] @ cp.logistic(a))
            if c < q:
                b = -A[rows, c] @ theta
                terms.append(w[rows] @ cp.logistic(-b))
            if 0 < c < q:
                terms.append(-w[rows] @ cp.log(1 - cp.exp(a - b)))
    elif problem.family == "adjacent":
        cumulated = np.cumsum(A, axis=1)
        scores = [np.zeros(len(y))] + [cumulated[:, k] @ theta for k in range(q)]
        chosen = np.where(y[:, None] > 0, cumulated[np.arange(len(y)), y - 1], 0.0)
        terms.append(w @ cp.log_sum_exp(cp.vstack(scores), axis=0) - (w @ chosen) @ theta)
    else:
        for k in range(q):
            sign = np.where(y > k, -1.0, 1.0)[y >= k]
            score = cp.multiply(sign, A[y >= k, k] @ theta)
            terms.append(w[y >= k] @ cp.logistic(score))
    ridge = cp.sum(cp.multiply(problem.pf, cp.square(D))) * ((1 - problem.l1_ratio) / 2)
    if problem.penalty == "group":
        lasso = problem.pf[0] @ cp.abs(D[0])
        if q > 1:
            lasso = lasso + problem.pf[1] @ cp.norm(D[1:], 2, axis=0)
    else:
        lasso = cp.sum(cp.multiply(problem.pf, cp.abs(D)))
    if problem.alpha > 0:
        terms.append(problem.alpha * (problem.l1_ratio * lasso + ridge))
    constraints = [problem.C @ theta >= 0] if len(problem.C) else []
    programme = cp.Problem(cp.Minimize(sum(terms)), constraints)
    accuracy = {"tol_gap_abs": 1e-12, "tol_gap_rel": 1e-12, "tol_feas": 1e-12, "max_iter": 300}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Solution may be inaccurate")
        programme.solve(solver=cp.CLARABEL, **accuracy)
    return theta.value, programme.value, programme.status == cp.OPTIMAL


def solve_trust_constr(problem, gtol=1e-13):
    """Return theta and the optimal value from scipy's trust-constr on split variables.

    Deltas are written P - N with P, N >= 0, which makes the l1 penalty linear.  The gaps of the
    classes seen in the rows stay positive along the way (`keep_feasible`): the loss is infinite
    outside.
    """
    assert problem.penalty == "l1"
    n_b, size = problem.n_b, problem.A.shape[2]
    n_d = size - n_b
    merge = np.zeros((size, size + n_d))
    merge[:, :size] = np.eye(size)
    merge[n_b:, size:] = -np.eye(n_d)
    lam = problem.alpha * problem.pf.ravel()
    slope = np.r_[np.zeros(n_b), lam, lam] * problem.l1_ratio
    ridge = merge.T @ np.diag(np.r_[np.zeros(n_b), lam]) @ merge * (1 - problem.l1_ratio)

    def value(v):
        return problem.loss(merge @ v) + slope @ v + v @ ridge @ v / 2

    def gradient(v):
        return merge.T @ problem.loss_gradient(merge @ v) + slope + ridge @ v

    def hessian(v):
        return merge.T @ problem.loss_hessian(merge @ v) @ merge + ridge

    constraints = []
    if len(problem.C):
        constraints.append(LinearConstraint(problem.C @ merge, 0, np.inf))
    middle = (problem.y > 0) & (problem.y < problem.q)
    if problem.family == "cumulative" and middle.any():
        rows, k = np.flatnonzero(middle), problem.y[middle]
        seen = (problem.A[rows, k - 1] - problem.A[rows, k]) @ merge
        constraints.append(LinearConstraint(seen, 0, np.inf, keep_feasible=True))
    start = np.full(size + n_d, 1e-3)
    start[:n_b] = problem.null_intercepts()[:n_b]
    bounds = Bounds(np.r_[np.full(n_b, -np.inf), np.zeros(2 * n_d)], np.full(size + n_d, np.inf))
    options = {"gtol": gtol, "xtol": 1e-14, "barrier_tol": 1e-12, "maxiter": 3000}
    found = minimize(
        value,
        start,
        jac=gradient,
        hess=hessian,
        method="trust-constr",
        bounds=bounds,
        constraints=constraints,
        options=options,
    )
    theta = merge @ found.x
    return theta, problem.objective(theta)


def solve_lbfgsb(problem):
    """Return theta and its objective from L-BFGS-B on split variables (no constraints)."""
    assert problem.penalty == "l1"
    assert not len(problem.C)
    n_b, size = problem.n_b, problem.A.shape[2]
    lam = problem.alpha * problem.pf.ravel()

    def merged(v):
        return np.r_[v[:n_b], v[n_b:size] - v[size:]]

    def fun(v):
        theta = merged(v)
        g = problem.loss_gradient(theta)
        d = g[n_b:] + lam * (1 - problem.l1_ratio) * theta[n_b:]
        value = problem.loss(theta) + lam * problem.l1_ratio @ (v[n_b:size] + v[size:])
        value += lam @ theta[n_b:] ** 2 * (1 - problem.l1_ratio) / 2
        if not np.isfinite(value):
            return 1e10, np.zeros_like(v)
        return value, np.r_[g[:n_b], d + lam * problem.l1_ratio, -d + lam * problem.l1_ratio]

    start = np.zeros(2 * size - n_b)
    start[:n_b] = problem.null_intercepts()[:n_b]
    bounds = [(None, None)] * n_b + [(0, None)] * (2 * (size - n_b))
    options = {"maxiter": 20000, "maxfun": 50000, "ftol": 1e-16, "gtol": 1e-11, "maxcor": 50}
    found = minimize(fun, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    theta = merged(found.x)
    return theta, problem.objective(theta)
