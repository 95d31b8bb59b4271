"""Solve PRESTO: proximal Newton on a working set of columns, with a duality gap."""

from dataclasses import dataclass

import numpy as np

from skweight.ordinal._presto_penalty import duality_gap
from skweight.ordinal._presto_qp import group_qp, lasso_qp


CONVERGED, LIMIT, STOPPED = "converged", "limit", "stopped"


@dataclass
class Solution:
    """What a fit returns: see `solve`."""

    theta: np.ndarray
    objective: float
    gap: float
    n_iter: int
    converged: bool


class State:
    """A point with its predictors, loss, derivatives, and objective."""

    def __init__(self, rows, penalty, constraints, theta, z=None):
        self.rows, self.penalty, self.constraints = rows, penalty, constraints
        self.theta = theta
        self.z = rows.predictors(theta) if z is None else z
        self.loss, self.terms = rows.evaluate(self.z)
        self.objective = self.loss + penalty.value(theta)
        self.merit = self.objective
        if constraints is not None and np.isfinite(self.loss):
            self.merit += constraints.value(theta)

    def differentiate(self):
        self.raw_G = self.rows.gradient(self.terms)
        self.G, self.extra = self.raw_G, np.zeros_like(self.raw_G)
        if self.constraints is not None:
            pull, self.extra = self.constraints.derivative(self.theta)
            self.G = self.raw_G + pull
        self.effective = self.penalty.scaled(self.extra)
        self.residual = self.effective.violation(self.theta, self.G)

    def gap(self):
        """Return the duality gap, the point taken as feasible."""
        u_eta = float((self.raw_G * self.theta).sum())
        return duality_gap(
            self.objective, self.loss, u_eta, self.theta, self.G, self.penalty, self.extra
        )


def newton(rows, penalty, constraints, state, tol, max_iter, on_iteration=None):
    """Minimise the (augmented) objective by proximal Newton from a state of finite loss.

    Returns
    -------
    state : State
        The last point, differentiated.
    n_iter : int
        Newton iterations made.
    status : {"converged", "limit", "stopped"}
        Whether the duality gap (without constraints) or the optimality residual is at most tol,
        or whether `on_iteration` asked to stop.
    """
    working = np.flatnonzero((state.theta != 0).any(axis=0) | penalty.free.any(axis=0))
    limit = 20
    for iteration in range(max_iter + 1):
        state.differentiate()
        residual = state.residual.max()
        if constraints is None:
            # The gap is a bound on the objective; the residual pins the coefficients as well.
            close = state.gap() <= tol
            done = close and residual <= 1e-2 * tol
        else:
            close = done = residual <= tol
        if done or iteration == max_iter:
            return state, iteration, CONVERGED if close else LIMIT
        score = state.residual.max(axis=0)
        score[working] = 0.0
        fresh = np.argsort(-score)[: max(limit, len(working))]
        fresh = fresh[score[fresh] > 0]
        working = np.sort(np.concatenate([working, fresh]))
        step = _direction(rows, penalty, constraints, state, working)
        new = _line_search(rows, penalty, constraints, state, step)
        if new is None:
            return state, iteration, CONVERGED if close else LIMIT
        state = new
        if on_iteration is not None and on_iteration(state):
            state.differentiate()
            return state, iteration + 1, STOPPED
    raise AssertionError("unreachable")


def _direction(rows, penalty, constraints, state, columns):
    """Return the step to the minimum of the quadratic model on some columns, (q, p + 1)."""
    q, m = rows.q, len(columns)
    H = rows.hessian(state.terms, rows.restrict(columns))
    if constraints is not None:
        constraints.add_curvature(H, state.theta, columns)
    H = H.reshape(q * m, q * m)
    theta = state.theta[:, columns]
    ridge = penalty.ridge[:, columns].ravel()
    H[np.diag_indices(q * m)] += ridge
    g = state.G[:, columns].ravel() + ridge * theta.ravel()
    keep = ~penalty.frozen[:, columns].ravel()
    H, g, x = H[np.ix_(keep, keep)], g[keep], theta.ravel()[keep]
    c = g - H @ x
    lam = state.effective.l1[:, columns].ravel()[keep]
    tol = 1e-3 * float(state.residual.max())
    if penalty.has_groups:
        group = np.where(keep, np.tile(np.arange(m), q), -1)
        group[:m] = -1  # the first boundary is not in the group
        price = penalty.group[columns]
        target = group_qp(H, c, lam, x, group[keep], price, tol)
    else:
        target = lasso_qp(H, c, lam, x, tol)
    step = np.zeros((q, m))
    step.ravel()[keep] = target - x
    full = np.zeros_like(state.theta)
    full[:, columns] = step
    return full


def _line_search(rows, penalty, constraints, state, step):
    """Walk along a step to a sufficient decrease; None where rounding allows none."""
    theta = state.theta
    dz = rows.predictors(step)
    decrease = float((state.G * step).sum()) + (
        state.effective.value(theta + step) - state.effective.value(theta)
    )
    t = min(1.0, 0.95 * _to_barrier(rows, state.z, dz))
    # Below this size the decrease drowns in the rounding of the objective itself.
    noise = 1e-13 * (1.0 + abs(state.merit))
    for _ in range(40):
        moved = theta + t * step
        if t < 1.0:
            moved[(theta + step == 0) & (theta == 0)] = 0.0
        new = State(rows, penalty, constraints, moved, [a + t * b for a, b in zip(state.z, dz)])
        if new.merit <= state.merit + 1e-4 * t * decrease + noise:
            return new
        t *= 0.5
    return None


def _to_barrier(rows, z, dz):
    """Return the largest t for which observed cumulative boundaries do not cross."""
    limit = np.inf
    if rows.family == "cumulative":
        for zc, dc in zip(z, dz):
            if len(zc) == 2:
                closing = dc[1] - dc[0]
                width = zc[0] - zc[1]
                # max of closing / width avoids dividing by the steps that are zero
                rate = float((closing / width).max(initial=0.0))
                limit = min(limit, 1.0 / rate if rate > 0 else np.inf)
    return limit


def solve(rows, penalty, constraints, theta, tol, max_iter, on_iteration=None):
    """Minimise the penalised mean loss under the constraints.

    Parameters
    ----------
    rows : Rows
        Training rows.
    penalty : Penalty
        Prices.
    constraints : Constraints or None
        Crossing and sign constraints.
    theta : ndarray of shape (q, p + 1)
        Start, with finite loss.
    tol : float
        Duality gap to reach.
    max_iter : int
        Newton iterations at the most.
    on_iteration : callable, default=None
        Receives each `State`; a true return stops the fit.

    Returns
    -------
    Solution
        The point, its objective, duality gap, number of iterations, whether the gap is below tol.
    """
    state = State(rows, penalty, None, np.where(penalty.frozen, 0.0, theta))
    state, n_iter, status = newton(rows, penalty, None, state, tol, max_iter, on_iteration)
    if constraints is None or constraints.violation(state.theta) <= 0:
        return Solution(state.theta, state.objective, state.gap(), n_iter, status != LIMIT)
    best, used, status = _constrained(
        rows, penalty, constraints, state, tol, max_iter - n_iter, on_iteration, status
    )
    if status != STOPPED and on_iteration is not None:
        on_iteration(best)  # who watches sees the point that is kept
    return Solution(best.theta, best.objective, best.gap(), n_iter + used, status != LIMIT)


def _constrained(rows, penalty, constraints, state, tol, max_iter, on_iteration, status):
    """Minimise under violated constraints: multipliers find the active ones, Newton finishes."""
    intercept = rows.restrict(np.array([0]))
    constraints.mu = 10.0 * max(float(rows.hessian(state.terms, intercept).max()), 1e-3)
    theta, last, n_iter = state.theta, np.inf, 0
    best = _certified(rows, penalty, constraints, theta)
    while n_iter < max_iter and status != STOPPED:
        state = State(rows, penalty, constraints, theta)
        inner = max(1e-10, 1e-3 * min(1.0, last))
        state, used, status = newton(
            rows, penalty, constraints, state, inner, max_iter - n_iter, on_iteration
        )
        n_iter += max(used, 1)
        constraints.update(state.theta)
        theta = state.theta
        for candidate in (_polish(rows, penalty, constraints, theta), theta):
            if candidate is None:
                continue
            violation = constraints.violation(candidate)
            final = _certified(rows, penalty, constraints, candidate)
            if final.gap() < best.gap():
                best = final
            if best.gap() <= tol and violation <= 1e-9:
                return best, n_iter, CONVERGED
        if violation > 0.25 * last:
            constraints.mu *= 4.0
        last = violation
    if status != STOPPED:
        status = CONVERGED if best.gap() <= tol else LIMIT
    return best, n_iter, status


def _polish(rows, penalty, constraints, theta, steps=8):
    """Take Newton steps with the active constraints as equations and the zeros held.

    Returns
    -------
    ndarray or None
        The point, its multipliers stored in the constraints; None if the signs do not hold, and
        then the multipliers are as before.
    """
    before = constraints.snapshot()
    boundary, column = np.nonzero((theta != 0) | penalty.free)
    columns, where = np.unique(column, return_inverse=True)
    flat = boundary * len(columns) + where
    for _ in range(steps):
        state = State(rows, penalty, None, theta)
        if not np.isfinite(state.loss):
            break
        H = rows.hessian(state.terms, rows.restrict(columns))
        size = rows.q * len(columns)
        H = H.reshape(size, size)[np.ix_(flat, flat)]
        H += penalty.curvature(theta, boundary, column)
        g = (rows.gradient(state.terms) + penalty.slope(theta))[boundary, column]
        h, _, A = constraints.active_rows(theta, boundary, column)
        step, m = _equality_step(H, g, A, h)
        if m.min(initial=0.0) < 0:
            constraints.set_active(np.where(m > 0, m, 0.0))
            continue
        constraints.set_active(m)
        new = theta.copy()
        new[boundary, column] += step
        priced = (penalty.l1 > 0) & (theta * new < 0)
        if (np.abs(new[priced]) > 1e-9).any():
            break
        new[priced] = 0.0
        theta = new
        if np.abs(step).max(initial=0.0) <= 1e-12:
            return theta
    constraints.restore(before)
    return None


def _equality_step(H, g, A, h):
    """Solve min g'd + d'Hd/2 with h + A d = 0; return d and the multipliers of h."""
    size, count = len(g), len(h)
    # One scale for both blocks, so that the least-squares cut-off treats them alike.
    unit = np.sqrt(np.maximum(np.diag(H), np.finfo(float).tiny))
    K = np.zeros((size + count, size + count))
    K[:size, :size] = H / (unit[:, None] * unit)
    K[size:, :size] = -A / unit
    K[:size, size:] = K[size:, :size].T
    solution = np.linalg.lstsq(K, np.concatenate([-g / unit, h]), rcond=1e-13)[0]
    return solution[:size] / unit, solution[size:]


def _certified(rows, penalty, constraints, theta):
    """Return a feasible state whose gradient holds the multipliers as they are."""
    final = State(rows, penalty, None, constraints.feasible(theta))
    if not np.isfinite(final.loss):
        final.gap = lambda: np.inf
        return final
    final.differentiate()
    pull, final.extra = constraints.multiplier_terms(constraints.multipliers)
    final.G = final.raw_G + pull
    return final
