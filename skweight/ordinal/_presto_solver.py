"""Solve PRESTO: proximal Newton on a working set of columns, with a duality gap."""

from dataclasses import dataclass

import numpy as np

from skweight.ordinal._presto_constraints import Gaps
from skweight.ordinal._presto_lbfgs import lbfgs_approach
from skweight.ordinal._presto_penalty import Penalty, duality_gap
from skweight.ordinal._presto_qp import LinearGaps, group_qp, lasso_qp
from skweight.ordinal._presto_rows import Rows

CONVERGED, LIMIT, STOPPED, SEPARATED = "converged", "limit", "stopped", "separated"

# Predictors at a start and what `Rows.evaluate` says of them, where nobody has them.
NOTHING_KNOWN = (None, None)

# A Newton step that moves some predictor by this much at the end of a fit is not near an optimum:
# the loss goes on falling along a direction without end.
_RUNAWAY = 0.3

# Columns let into the working set at once when it is still small.
_FIRST_COLUMNS = 64


@dataclass
class Solution:
    """What a fit returns: see `solve`."""

    theta: np.ndarray
    objective: float
    gap: float
    n_iter: int
    status: str
    gaps: Gaps | None = None

    @property
    def converged(self):
        return self.status in (CONVERGED, STOPPED)


@dataclass
class Objective:
    """What is minimised: the rows' mean loss, the penalty, and constraints.

    `gaps` are kept by every iterate; the constraints in `soft` have an augmented Lagrangian.
    """

    rows: Rows
    penalty: Penalty
    gaps: Gaps | None = None
    soft: tuple = ()
    solver: str = "auto"

    @property
    def constraints(self):
        return self.soft if self.gaps is None else (*self.soft, self.gaps)


class State:
    """A point with its predictors, loss, derivatives, and objective."""

    move = 0.0  # by how much the step that led here would have changed a predictor at the most

    def __init__(self, problem, theta, z=None, evaluated=None):
        self.problem, self.theta = problem, theta
        self.z = problem.rows.predictors(theta) if z is None else z
        self.loss, self.terms = problem.rows.evaluate(self.z) if evaluated is None else evaluated
        self.objective = self.loss + problem.penalty.value(theta)
        self.merit = self.objective + sum(soft.value(theta) for soft in problem.soft)

    def differentiate(self, implied=True):
        """Compute gradients, soft constraints at the multipliers implied or at their own."""
        problem = self.problem
        self.raw_G = problem.rows.gradient(self.terms)
        self.smooth_G, extra = self.raw_G, np.zeros_like(self.raw_G)
        for soft in problem.soft:
            G, wider = soft.terms(soft.pull(self.theta) if implied else soft.m)
            self.smooth_G, extra = self.smooth_G + G, extra + wider
        self.penalty = problem.penalty.scaled(extra)  # the price while soft multipliers stand
        self.G, self.extra = self.smooth_G, extra
        if problem.gaps is not None:
            G, wider = problem.gaps.terms(problem.gaps.m)
            self.G, self.extra = self.G + G, extra + wider
        priced = problem.penalty.scaled(self.extra)
        self.residual = priced.violation(self.theta, self.G)

    def gap(self):
        """Return the duality gap, the point taken as feasible."""
        u_eta = float((self.raw_G * self.theta).sum())
        return duality_gap(
            self.objective, self.loss, u_eta, self.theta, self.G, self.problem.penalty, self.extra
        )


def newton(problem, state, tol, max_iter, on_iteration=None):
    """Minimise by proximal Newton from a feasible state of finite loss.

    The augmented Lagrangian of soft constraints is minimised for the multipliers at hand.

    Returns
    -------
    state : State
        The last point, differentiated.
    n_iter : int
        Newton iterations made.
    status : {"converged", "limit", "stopped", "separated"}
        Whether the duality gap (with soft constraints, the optimality residual) is at most tol,
        `on_iteration` asked to stop, or features without a price separate the classes.
    """
    penalty = problem.penalty
    unbounded = penalty.free[:, 1:].any()
    approached = problem.solver == "newton"
    working = np.flatnonzero((state.theta != 0).any(axis=0) | penalty.free.any(axis=0))
    for iteration in range(max_iter + 1):
        state.differentiate()
        residual = state.residual.max()
        # The gap is a bound on the objective; the residual pins the coefficients as well.
        close = residual <= tol if problem.soft else state.gap() <= tol
        done = close and (problem.soft or residual <= 1e-2 * tol)
        if done or iteration == max_iter:
            if unbounded and state.move > _RUNAWAY:
                return state, iteration, SEPARATED
            return state, iteration, CONVERGED if close else LIMIT
        if not approached and _prefers_lbfgs(problem, state):
            approached = True
            theta = lbfgs_approach(problem.rows, penalty, state.theta, rtol=1e-8)
            near = State(problem, theta)
            if near.merit < state.merit:
                state = near
                working = np.flatnonzero((theta != 0).any(axis=0) | penalty.free.any(axis=0))
                continue
        working = _grow(working, state)
        step = _direction(problem, state, working)
        new = _line_search(problem, state, step)
        if new is None:
            return state, iteration, CONVERGED if close else LIMIT
        state = new
        if on_iteration is not None and on_iteration(state):
            state.differentiate()
            return state, iteration + 1, STOPPED
    raise AssertionError("unreachable")


def _prefers_lbfgs(problem, state):
    """Say whether the Hessians ahead cost more than the gradients that would replace them."""
    if problem.constraints or problem.penalty.has_groups:
        return False
    if problem.solver == "lbfgs":
        return True
    if problem.penalty.free[:, 1:].any():
        return False  # Newton's minimum-norm steps say what to do without a finite optimum
    n, width = problem.rows.Z.shape
    m = int(((state.residual > 0) | (state.theta != 0)).any(axis=0).sum())
    # Flops of a Newton step (Grams, factorisations) against those of some hundred gradients,
    # which memory makes ten times slower per flop.
    return 3 * n * m**2 + 3 * (problem.rows.q * m) ** 3 > 1000 * n * width


def _grow(working, state):
    """Let in the columns that violate their conditions most, at most doubling the set."""
    width = state.theta.shape[1]
    if width <= _FIRST_COLUMNS:
        return np.arange(width)
    score = state.residual.max(axis=0)
    score[working] = 0.0
    fresh = np.argsort(-score)[: max(_FIRST_COLUMNS, len(working))]
    return np.sort(np.concatenate([working, fresh[score[fresh] > 0]]))


def _direction(problem, state, columns):
    """Return the step to the minimum of the quadratic model on some columns, (q, p + 1)."""
    rows, penalty = problem.rows, problem.penalty
    q, m = rows.q, len(columns)
    H = rows.hessian(state.terms, rows.restrict(columns))
    for soft in problem.soft:
        soft.add_curvature(H, state.theta, columns)
    H = H.reshape(q * m, q * m)
    theta = state.theta[:, columns]
    ridge = penalty.ridge[:, columns].ravel()
    H[np.diag_indices(q * m)] += ridge
    g = state.smooth_G[:, columns].ravel() + ridge * theta.ravel()
    keep = ~penalty.frozen[:, columns].ravel()
    H, g, x = H[np.ix_(keep, keep)], g[keep], theta.ravel()[keep]
    c = g - H @ x
    lam = state.penalty.l1[:, columns].ravel()[keep]
    tol = 1e-3 * float(state.residual.max())
    gaps = None
    if problem.gaps is not None:
        A, half = problem.gaps.restrict(columns)
        gaps = LinearGaps(A[:, keep], None if half is None else half[:, keep], problem.gaps.m)
    if penalty.has_groups:
        group = np.tile(np.arange(m), q)
        group[:m] = -1  # the first boundary is not in the group
        target = group_qp(H, c, lam, x, group[keep], penalty.group[columns], tol)
    else:
        target = lasso_qp(H, c, lam, x, tol, gaps)
    if gaps is not None:
        problem.gaps.m = gaps.m
    step = np.zeros((q, m))
    step.ravel()[keep] = target - x
    full = np.zeros_like(state.theta)
    full[:, columns] = step
    return full


def _line_search(problem, state, step):
    """Walk along a step to a sufficient decrease; None where rounding allows none."""
    theta, penalty = state.theta, state.penalty
    dz = problem.rows.predictors(step)
    decrease = float((state.smooth_G * step).sum())
    decrease += penalty.value(theta + step) - penalty.value(theta)
    t = min(1.0, 0.95 * _to_barrier(problem.rows, state.z, dz))
    # Below this size the decrease drowns in the rounding of the objective itself.
    noise = 1e-13 * (1.0 + abs(state.merit))
    for _ in range(40):
        new = State(problem, theta + t * step, [a + t * b for a, b in zip(state.z, dz)])
        if new.merit <= state.merit + 1e-4 * t * decrease + noise:
            new.move = max(float(np.abs(b).max()) for b in dz)
            return new
        t *= 0.5
    return None


def _to_barrier(rows, z, dz):
    """Return the largest t for which observed cumulative boundaries do not cross."""
    fastest = 0.0
    if rows.family == "cumulative":
        for zc, dc in zip(z, dz):
            if len(zc) == 2:
                # closing / width, and not its inverse, so that steps of zero divide nothing
                fastest = max(fastest, float(((dc[1] - dc[0]) / (zc[0] - zc[1])).max()))
    return 1.0 / fastest if fastest > 0 else np.inf


def solve(problem, theta, tol, max_iter, on_iteration=None, known=NOTHING_KNOWN):
    """Minimise the penalised mean loss under the constraints.

    Parameters
    ----------
    problem : Objective
        What to minimise; gaps that come with multipliers are taken to bind from the start.
    theta : ndarray of shape (q, p + 1)
        Start, with finite loss.
    tol : float
        Duality gap to reach.
    max_iter : int
        Newton iterations at the most.
    on_iteration : callable, default=None
        Receives each `State`; a true return stops the fit.
    known : tuple, default=NOTHING_KNOWN
        Predictors at theta and what `Rows.evaluate` says of them, where somebody has them.

    Returns
    -------
    Solution
        The point, its objective, duality gap, number of iterations, status, and gaps.
    """
    rows, penalty, gaps = problem.rows, problem.penalty, problem.gaps
    theta, n_iter = np.where(penalty.frozen, 0.0, theta), 0
    if gaps is None or not gaps.m.any():
        # Constraints seldom bind: solve without them first.
        relaxed = Objective(rows, penalty, solver=problem.solver)
        state = State(relaxed, theta, *known)
        bound = problem.constraints != ()
        limit = (max_iter + 1) // 2 if bound else max_iter  # leave some to the constraints
        state, n_iter, status = newton(relaxed, state, tol, limit, on_iteration)
        theta = state.theta
        if status == STOPPED or not _violated(problem, theta, 0.0):
            return Solution(theta, state.objective, state.gap(), n_iter, status, gaps)
    soft = [c for c in problem.soft if c.violation(theta) > 0]
    if gaps is not None and penalty.has_groups:
        soft, gaps = [*soft, gaps], None
    while True:
        bound = Objective(rows, penalty, gaps, tuple(soft))
        start = State(bound, theta if gaps is None else gaps.feasible(theta))
        if gaps is not None:
            # Pulling boundaries far apart can be worse than to start again without features.
            null = State(bound, np.where(penalty.frozen, 0.0, rows.null_theta()))
            start = null if null.merit < start.merit else start
        run = _augmented if soft else newton
        state, used, status = run(bound, start, tol, max_iter - n_iter, on_iteration)
        n_iter, theta = n_iter + used, state.theta
        if (
            status in (STOPPED, SEPARATED)
            or n_iter >= max_iter
            or not _violated(problem, theta, 1e-12)
        ):
            break
        soft += [c for c in problem.soft if c not in soft and c.violation(theta) > 0]
    state = _certified(state)
    gap = state.gap()
    if gap > tol and status == LIMIT and not soft:
        # Steps along flat directions are short; equations for the active gaps know the way.
        finished = _polish(state.problem, state.theta)
        if finished is not None:
            other = _certified(State(state.problem, finished))
            if other.gap() < gap:
                state, gap = other, other.gap()
    if status != STOPPED and on_iteration is not None:
        on_iteration(state)  # who watches sees the point that is kept
    if status not in (STOPPED, SEPARATED):
        status = CONVERGED if gap <= tol else LIMIT
    return Solution(state.theta, state.objective, gap, n_iter, status, problem.gaps)


def _violated(problem, theta, tol):
    """Say whether theta violates any constraint."""
    return max((c.violation(theta) for c in problem.constraints), default=0.0) > tol


def _certified(state):
    """Return a feasible state whose gradient holds the multipliers as they are."""
    problem, theta = state.problem, state.theta
    for constraint in problem.constraints:
        theta = constraint.feasible(theta)
    final = State(problem, theta)
    if np.isfinite(final.loss):
        final.differentiate(implied=False)
    else:
        final.gap = lambda: np.inf
    return final


def _augmented(problem, state, tol, max_iter, on_iteration):
    """Minimise under soft constraints: multipliers find the active ones, Newton finishes."""
    intercept = problem.rows.restrict(np.array([0]))
    mu = 10.0 * max(float(problem.rows.hessian(state.terms, intercept).max()), 1e-3)
    last, n_iter, best = np.inf, 0, (np.inf, None, None)
    while n_iter < max_iter:
        for soft in problem.soft:
            soft.mu = mu
        inner = max(1e-10, 1e-3 * min(1.0, last))
        state = State(problem, state.theta)
        state, used, status = newton(problem, state, inner, max_iter - n_iter, on_iteration)
        n_iter += max(used, 1)
        for soft in problem.soft:
            soft.m = soft.pull(state.theta)
        if status == STOPPED:
            return state, n_iter, STOPPED
        implied = [constraint.m.copy() for constraint in problem.constraints]
        for theta in (_polish(problem, state.theta), state.theta):
            if theta is not None:
                final = _certified(State(problem, theta))
                gap = final.gap()
                if gap < best[0]:
                    best = (gap, final, [c.m.copy() for c in problem.constraints])
                if gap <= tol:
                    return final, n_iter, CONVERGED
            # Equations for the wrong constraints leave multipliers that mean nothing.
            _set_multipliers(problem, implied)
        violation = max(soft.violation(state.theta) for soft in problem.soft)
        if violation > 0.25 * last:
            mu *= 4.0
        last = violation
    if best[1] is None:
        return state, n_iter, LIMIT
    _set_multipliers(problem, best[2])
    return best[1], n_iter, LIMIT


def _set_multipliers(problem, multipliers):
    """Give constraints copies of earlier multipliers; rows let in since then had none."""
    for constraint, m in zip(problem.constraints, multipliers):
        constraint.m = np.zeros_like(constraint.m)
        constraint.m[: len(m)] = m


def _polish(problem, theta, steps=8):
    """Take Newton steps with the active constraints as equations and the zeros held.

    Returns
    -------
    ndarray or None
        The point, its multipliers stored in the constraints; None if the signs do not hold, and
        then the multipliers are as before.
    """
    rows, penalty = problem.rows, problem.penalty
    before = [constraint.m.copy() for constraint in problem.constraints]
    boundary, column = np.nonzero((theta != 0) | penalty.free)
    columns, where = np.unique(column, return_inverse=True)
    flat = boundary * len(columns) + where
    size = rows.q * len(columns)
    for _ in range(steps):
        state = State(Objective(rows, penalty), theta)
        if not np.isfinite(state.loss):
            break
        H = rows.hessian(state.terms, rows.restrict(columns)).reshape(size, size)
        H = H[np.ix_(flat, flat)] + penalty.curvature(theta, boundary, column)
        g = (rows.gradient(state.terms) + penalty.slope(theta))[boundary, column]
        active = [c.equations(theta, boundary, column) for c in problem.constraints]
        h = np.concatenate([values for _, values, _ in active])
        step, m = _equality_step(H, g, np.vstack([A for _, _, A in active]), h)
        ends = np.cumsum([len(values) for _, values, _ in active])[:-1]
        for constraint, (index, _, _), new_m in zip(problem.constraints, active, np.split(m, ends)):
            constraint.m[index] = np.maximum(new_m, 0.0)
        if m.min(initial=0.0) < 0:
            continue  # without the constraints that would rather not be active
        new = theta.copy()
        new[boundary, column] += step
        flipped = (penalty.l1 > 0) & (theta * new < 0)
        if (np.abs(new[flipped]) > 1e-9).any():
            break
        new[flipped] = 0.0
        theta = new
        if np.abs(step).max(initial=0.0) <= 1e-12:
            return theta
    _set_multipliers(problem, before)
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
