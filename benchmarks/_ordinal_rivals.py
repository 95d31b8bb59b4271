"""Other ways to the optimum of PRESTO with ``monotone="observed"`` and the l1 penalty.

Two first-order solvers work on our own loss and gradient, so that a function costs them what it
costs us, and stop at the first point they see within the accuracy wanted of a known optimum: a
favour, since no user knows the optimum. The third is cvxpy with CLARABEL. All of them include
what a fit has to do before it can start: sorting and scaling the rows.
"""

import itertools

import numpy as np
from scipy.optimize import minimize

from skweight.ordinal._presto_rows import Rows

MAX_ITER = 20_000


class Composite:
    """The objective: mean loss plus alpha times the absolute steps between coefficients.

    Parameters
    ----------
    X : ndarray of shape (n, p)
        Features.
    y : ndarray of shape (n,)
        Classes 0, 1, ..., each present.
    alpha : float
        Strength of the penalty.
    """

    def __init__(self, X, y, alpha):
        weight = np.ones(len(y))
        self.rows = Rows(X, y, weight, int(y.max()), "cumulative", "logit", True, True)
        self.start = self.rows.null_theta()
        self.alpha = alpha

    def alpha_max(self):
        """Return the smallest alpha at which every coefficient is 0."""
        _, G = self.loss_gradient(self.rows.predictors(self.start))
        return float(np.abs(G[:, 1:]).max())

    def penalty(self, theta):
        return self.alpha * float(np.abs(theta[:, 1:]).sum())

    def value(self, theta):
        loss, _ = self.rows.evaluate(self.rows.predictors(theta), order=0)
        return loss + self.penalty(theta)

    def loss_gradient(self, z):
        """Return the loss and its gradient at predictors; (inf, None) where classes cross."""
        loss, terms = self.rows.evaluate(z, order=1)
        return loss, None if terms is None else self.rows.gradient(terms)


class _CloseEnough(StopIteration):
    """Raised from inside scipy's solver."""


def lbfgs_split(problem, target):
    """Minimise by L-BFGS-B over the positive and the negative parts of the coefficients.

    Returns
    -------
    theta : ndarray of shape (q, p + 1)
        The first point seen with an objective of at most target, else the best one.
    count : int
        Function evaluations.
    """
    q, width = problem.start.shape
    size = q * (width - 1)
    best = {"value": np.inf, "theta": problem.start}
    last, seen, count = {}, {}, 0

    def merge(v):
        parts = v[q:].reshape(2, q, width - 1)
        return np.column_stack([v[:q], parts[0] - parts[1]])

    def function(v):
        nonlocal count
        count += 1
        theta = merge(v)
        loss, G = problem.loss_gradient(problem.rows.predictors(theta))
        if G is None:
            # Pretend to the line search that the slope turned: it interpolates a shorter step.
            rise = abs(float(last["gradient"] @ (v - last["v"])))
            return last["value"] + rise, -last["gradient"]
        value = loss + problem.penalty(theta)
        if value < best["value"]:
            best.update(value=value, theta=theta)
            if value <= target:
                raise _CloseEnough
        slopes = G[:, 1:].ravel()
        gradient = np.concatenate([G[:, 0], slopes + problem.alpha, problem.alpha - slopes])
        seen.update(v=v.copy(), value=loss + problem.alpha * float(v[q:].sum()), gradient=gradient)
        if not last:
            last.update(seen)
        return seen["value"], gradient

    def accepted(_):
        last.update(seen)

    steps = problem.start[:, 1:].ravel()
    v = np.concatenate([problem.start[:, 0], np.maximum(steps, 0), np.maximum(-steps, 0)])
    bounds = [(None, None)] * q + [(0.0, None)] * (2 * size)
    options = {"maxiter": MAX_ITER, "maxfun": MAX_ITER, "ftol": 0.0, "gtol": 0.0, "maxcor": 10}
    try:
        for _ in range(20):  # scipy gives up at times where rounding ends a line search
            v = minimize(
                function,
                v,
                jac=True,
                method="L-BFGS-B",
                bounds=bounds,
                callback=accepted,
                options=options,
            ).x
    except _CloseEnough:
        pass
    return best["theta"], count


def fista(problem, target):
    """Minimise by accelerated proximal gradient steps with backtracking and restarts.

    Returns
    -------
    theta : ndarray of shape (q, p + 1)
        The first point seen with an objective of at most target, else the last one.
    count : int
        Iterations.
    """
    rows = problem.rows
    x = y = problem.start
    z_x = z_y = rows.predictors(x)
    step, momentum = 1.0, 1.0
    for count in range(1, MAX_ITER + 1):
        loss, G = problem.loss_gradient(z_y)
        if G is None:  # the extrapolation crossed classes: fall back to the last point
            y, z_y, momentum = x, z_x, 1.0
            loss, G = problem.loss_gradient(z_y)
        step *= 1.1
        while True:
            new = y - step * G
            slopes = new[:, 1:]
            new[:, 1:] = slopes - np.clip(slopes, -step * problem.alpha, step * problem.alpha)
            z_new = rows.predictors(new)
            new_loss, _ = rows.evaluate(z_new, order=0)
            move = new - y
            model = loss + float((G * move).sum()) + float((move**2).sum()) / (2 * step)
            if new_loss <= model + 1e-14 * abs(model):
                break
            step *= 0.5
        if new_loss + problem.penalty(new) <= target:
            return new, count
        if float(((y - new) * (new - x)).sum()) > 0:  # moving against the gradient: restart
            momentum = 1.0
        following = 0.5 * (1 + np.sqrt(1 + 4 * momentum**2))
        ahead = (momentum - 1) / following
        y = new + ahead * (new - x)
        z_y = [a + ahead * (a - b) for a, b in zip(z_new, z_x)]
        x, z_x, momentum = new, z_new, following
    return x, count


def cvxpy_clarabel(problem, accuracy):
    """Minimise with cvxpy and CLARABEL at a relative accuracy; return theta and iterations.

    The variables are the coefficients of each boundary, not their steps: a row then touches
    two of them, which keeps the matrices that CLARABEL factorises sparse.
    """
    import cvxpy as cp

    rows, q = problem.rows, problem.rows.q
    beta = [cp.Variable(rows.n_columns) for _ in range(q)]
    terms = []
    for c, start, stop in rows.slices:
        Z, w = rows.Z[start:stop], rows.w[start:stop]
        low = Z @ beta[c - 1] if c > 0 else None
        high = Z @ beta[c] if c < q else None
        if low is not None:
            terms.append(w @ cp.logistic(-low))
        if high is not None:
            terms.append(w @ cp.logistic(high))
        if low is not None and high is not None:
            terms.append(-(w @ cp.log(1 - cp.exp(high - low))))
    steps = [beta[0], *(b - a for a, b in itertools.pairwise(beta))]
    terms += [problem.alpha * cp.norm1(step[1:]) for step in steps]
    programme = cp.Problem(cp.Minimize(sum(terms)))
    tolerances = dict.fromkeys(("tol_gap_abs", "tol_gap_rel", "tol_feas"), accuracy)
    programme.solve(solver=cp.CLARABEL, max_threads=1, **tolerances)
    theta = np.diff([b.value for b in beta], axis=0, prepend=0.0)
    return theta, programme.solver_stats.num_iters
