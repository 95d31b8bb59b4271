"""An interior-point method for quantile stacking that never builds the linear programme.

Mehrotra's predictor and corrector on

    minimise sum c (tau u + (1 - tau) v) + linear'w
    subject to D w + u - v = y,  sum of a group's w = 1,  w >= 0,  A w + s = 0,  u, v, s >= 0,

whose dual has one number a in [-c (1 - tau), c tau] per observation. Everything but the d weights
of a group is eliminated row by row, so a step costs one weighted Gram matrix of the columns and a
few passes over the observations, in blocks that stay in the cache.
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg

# Observations of a block: some dozen temporaries of it fit in the second-level cache.
_BLOCK = 8192

# How close to the boundary a step may go.
_FRACTION = 0.9995

# By how much a crossing row may be violated, on the scale of y.
_FEASIBLE = 1e-10

# What is added to the diagonal of a system, relative to it: the first that works.
_RIDGES = (1e-14, 1e-12, 1e-10, 1e-8)

# Corrections of each solution against the system without that.
_REFINEMENTS = 2

# Size of a joint system from which its block tridiagonal form pays.
_DENSE = 256

# Columns up to which the groups' systems are solved together by inversion and one correction.
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
    constant : float
        Sum of a y over them.
    """

    D: np.ndarray
    y: np.ndarray
    cost: np.ndarray
    levels: np.ndarray
    group_of: np.ndarray
    linear: np.ndarray
    constant: float = 0.0

    @property
    def shared(self):
        return len(self.D) < len(self.levels)

    def blocks(self):
        """Return (lines, observations) slices, each contiguous in an (m, r) array."""
        m, (_, d, r) = len(self.levels), self.D.shape
        step = _BLOCK if d <= _NARROW else max(256, _NARROW * _BLOCK // d)
        if r >= step or self.shared:
            return [
                (slice(k, k + 1), slice(i, min(i + step, r)))
                for k in range(m)
                for i in range(0, r, step)
            ]
        lines = max(1, step // max(r, 1))
        return [(slice(k, min(k + lines, m)), slice(0, r)) for k in range(0, m, lines)]

    def columns(self, lines, rows):
        return self.D[:, :, rows] if self.shared else self.D[lines, :, rows]


@dataclass
class InteriorPoint:
    """Where the method ended.

    Attributes
    ----------
    w : ndarray of shape (n_groups, d)
        Weights, positive where they must not be negative.
    a : ndarray of shape (m, r)
        Multipliers of the observations, inside their box.
    crossing : ndarray of shape (n_crossing,)
        Multipliers of the crossing rows, positive.
    n_iter : int
        Iterations made.
    status : {"converged", "limit", "stalled", "stopped"}
        Why it ended.
    infeasibility : float
        Largest violation of a crossing row.
    """

    w: np.ndarray
    a: np.ndarray
    crossing: np.ndarray
    n_iter: int
    status: str
    infeasibility: float = 0.0


class _Method:
    """The iterate and its passes over the observations."""

    def __init__(self, band, signed, unit_sum, crossing, w):
        self.band, self.crossing = band, crossing
        self.signed, self.unit_sum = signed, unit_sum
        self.G, self.d = w.shape
        self.models = signed if unit_sum else np.zeros_like(signed)  # whose sum is 1
        m, r = len(band.levels), band.D.shape[2]
        self.blocks = band.blocks()
        self.tau = band.levels[:, None]
        self.w = np.where(signed, np.maximum(w, 1e-2 / self.d), w)
        if unit_sum:
            self.w[:, signed] /= self.w[:, signed].sum(axis=1, keepdims=True)
        self.u, self.v = np.empty((m, r)), np.empty((m, r))
        # The distances of a from its bounds, not a itself: they matter long after a has rounded.
        self.su = band.cost * self.tau
        self.sv = band.cost - self.su
        for lines, rows in self.blocks:
            residual = band.y[lines, rows] - self._times(self.w, lines, rows)
            self.u[lines, rows] = np.maximum(residual, 0.0)
            self.v[lines, rows] = np.maximum(-residual, 0.0)
        size = float((self.u + self.v).mean())
        shift = max(0.1 * size, 1e-4)
        self.u += shift
        self.v += shift
        self.theta, self.t = np.empty((m, r)), np.empty((m, r))
        self.du, self.dv, self.da = np.empty((m, r)), np.empty((m, r)), np.empty((m, r))
        h = band.linear.copy()
        z = max(1.0, float(np.abs(h).max(initial=0.0)), 0.1 * m * r / self.G) * max(size, 1e-3)
        self.b = -(h[:, signed].max(axis=1) + z) if unit_sum else np.zeros(self.G)
        self.z = np.where(signed, np.maximum(-h - self.b[:, None], z), 0.0)
        self.s = self.lam = np.empty(0)
        if crossing is not None:
            excess = crossing.excess(self.w, band.group_of)
            self.s = np.maximum(-excess, 0.1 * np.abs(excess).mean() + 1e-3)
            self.lam = np.full(len(self.s), shift * r / len(self.s)) / self.s
        self.n_pairs = 2 * m * r + self.G * int(signed.sum()) + len(self.s)

    def _times(self, w, lines, rows):
        """Return D w of a block."""
        columns = self.band.columns(lines, rows)
        return np.matmul(w[self.band.group_of[lines], None, :], columns)[:, 0]

    def _gather(self, out, lines, values):
        """Add what lines give to their groups."""
        np.add.at(out, self.band.group_of[lines], values)

    def multipliers(self, lines=slice(None), rows=slice(None)):
        """Return a."""
        cost, tau = self.band.cost[lines, rows], self.tau[lines]
        return 0.5 * (self.sv[lines, rows] - self.su[lines, rows]) + (tau - 0.5) * cost

    def form(self):
        """Compute the Gram matrices, the predictor's right side and what measures progress."""
        G, d = self.G, self.d
        self.gram, self.rhs = np.zeros((G, d, d)), np.zeros((G, d))
        self.h = self.band.linear.copy()
        self.value, self.bound, self.product = self.band.constant, self.band.constant, 0.0
        for lines, rows in self.blocks:
            u, v = self.u[lines, rows], self.v[lines, rows]
            su, sv = self.su[lines, rows], self.sv[lines, rows]
            a = self.multipliers(lines, rows)
            theta = 1.0 / (u / su + v / sv)
            self.theta[lines, rows] = theta
            r = u - v
            columns = self.band.columns(lines, rows)
            self._gather(self.gram, lines, _weighted_gram(columns, theta))
            self._gather(self.rhs, lines, _apply(columns, theta * r))
            self._gather(self.h, lines, _apply(columns, a))
            self.product += np.vdot(u, su) + np.vdot(v, sv)
            cost, tau = self.band.cost[lines, rows], self.tau[lines]
            loss = np.maximum(tau * r, (tau - 1) * r)
            loss *= cost
            self.value += float(loss.sum())
            self.bound += float(np.vdot(self.band.y[lines, rows], a))
        # Far observations have a at a bound, where the loss is a (y - D w).
        self.value -= float((self.band.linear * self.w).sum())
        self.product += float((self.z * self.w).sum() + self.lam @ self.s)
        self.mu = self.product / self.n_pairs
        group_of = self.band.group_of
        self.excess = np.empty(0)
        if self.crossing is not None:
            self.h -= self.crossing.pull(self.lam, group_of, self.h.shape)
            self.excess = self.crossing.excess(self.w, group_of)
        self.dual_residual = self.h + np.where(self.models, self.b[:, None], 0.0) + self.z
        self.sum_residual = 1.0 - self.w[:, self.models].sum(axis=1)

    def gap(self):
        """Estimate the gap: exact under the simplex, else as far as the dual is feasible."""
        infeasible = 0.0
        if self.unit_sum:
            models = self.h[:, self.models]
            bound = self.bound - float(models.max(axis=1).sum())
            free = self.h[:, ~self.models]
        else:
            bound, free = self.bound, np.where(self.signed, np.maximum(self.h, 0.0), self.h)
            infeasible = 0.0
        slack = (1.0 + np.abs(self.w[:, ~self.models] if self.unit_sum else self.w)) * np.abs(free)
        infeasible += float(slack.sum())
        if self.crossing is not None:
            # A point that violates crossing rows may lie below the bound.
            infeasible += float(self.lam @ np.maximum(self.excess, 0.0))
        return abs(self.value - bound) + infeasible

    def factor(self, ridge):
        """Factor the reduced system, its diagonal raised by a share of itself."""
        self.diagonal = np.where(self.signed, self.z / self.w, 0.0)
        if self.crossing is None:
            H = self.gram.copy()
            H[:, np.arange(self.d), np.arange(self.d)] += self.diagonal
            self.solve = _batched_solver(H, ridge)
        else:
            size = self.G * self.d
            H = np.zeros((self.G, self.d, self.G, self.d))
            H[np.arange(self.G), :, np.arange(self.G)] = self.gram
            self.crossing.add_curvature(H, self.lam / self.s, self.band.group_of)
            H = H.reshape(size, size)
            H[np.diag_indices(size)] += self.diagonal.ravel()
            steps = np.diff(self.band.group_of)
            tridiagonal = bool((np.abs(steps) <= 1).all())
            self.solve = _joint_solver(H, self.G, self.d, ridge, tridiagonal)
        if self.unit_sum:
            # Columns of the inverse for the sums: one per group, joint where groups are coupled.
            unit = np.where(self.models, 1.0, 0.0)
            if self.crossing is None:
                self.sums = self.solve(np.tile(unit, (self.G, 1)))
                self.schur = self.sums[:, self.models].sum(axis=1)
            else:
                self.sums = self.solve(np.eye(self.G)[:, :, None] * unit)
                self.schur = self.sums[:, :, self.models].sum(axis=2).T

    def direction(self, rhs, r_w, r_l):
        """Solve for the step of w, b, z, s and lambda; rhs holds D'(theta rho)."""
        rhs = rhs + self.dual_residual + np.where(self.signed, r_w / self.w, 0.0)
        group_of = self.band.group_of
        if self.crossing is not None:
            r_s = -(self.excess + self.s)
            rhs -= self.crossing.pull((r_l - self.lam * r_s) / self.s, group_of, rhs.shape)
        dw, db = self.solve(rhs), np.zeros(self.G)
        if self.unit_sum:
            missing = self.sum_residual - dw[:, self.models].sum(axis=1)
            if self.crossing is None:
                db = missing / self.schur
                dw = dw + db[:, None] * self.sums
            else:
                db = np.linalg.solve(self.schur, missing)
                dw = dw + np.tensordot(db, self.sums, axes=1)
        dz = np.where(self.signed, (r_w - self.z * dw) / np.where(self.signed, self.w, 1.0), 0.0)
        ds = dlam = np.empty(0)
        if self.crossing is not None:
            ds = r_s - self.crossing.excess(dw, group_of)
            dlam = (r_l - self.lam * ds) / self.s
        return dw, db, dz, ds, dlam

    def predict(self):
        """Compute the affine step, the centring it suggests, and the corrector's right side."""
        r_w = -self.z * self.w
        r_l = -self.lam * self.s
        dw, _, dz, ds, dlam = self.direction(self.rhs, r_w, r_l)
        worst_primal = max(1e-300, _largest(-dw / self.w, self.signed), _largest(-ds / self.s))
        worst_dual = max(1e-300, _largest(-dz, self.signed, self.z), _largest(-dlam / self.lam))
        sums = np.zeros(6)
        for lines, rows in self.blocks:
            su, sv = self.su[lines, rows], self.sv[lines, rows]
            u, v = self.u[lines, rows], self.v[lines, rows]
            da = (u - v) - self._times(dw, lines, rows)
            da *= self.theta[lines, rows]
            eu, ev = da / su, da / sv
            worst_primal = max(worst_primal, 1 - float(eu.min()), 1 + float(ev.max()))
            worst_dual = max(worst_dual, float(eu.max()), -float(ev.min()))
            uu, vv = u * su, v * sv
            uue, vve = uu * eu, vv * ev
            sums += (
                uu.sum(), uue.sum(), np.vdot(uue, eu), vv.sum(), vve.sum(), np.vdot(vve, ev)
            )  # fmt: skip
            self.du[lines, rows] = eu
            self.dv[lines, rows] = ev
        p, q = min(1.0, 1 / worst_primal), min(1.0, 1 / worst_dual)
        # u (1 + p (eu - 1)) su (1 - q eu), and the same for v
        u0, u1, u2, v0, v1, v2 = sums
        after = (1 - p) * u0 + (p - q * (1 - p)) * u1 - p * q * u2
        after += (1 - p) * v0 + (q * (1 - p) - p) * v1 - p * q * v2
        after += float(((self.w + p * dw) * (self.z + q * dz))[:, self.signed].sum())
        after += float((self.s + p * ds) @ (self.lam + q * dlam))
        sigma = (max(after, 0.0) / self.product) ** 3
        target = sigma * self.mu
        rhs = np.zeros_like(self.rhs)
        for lines, rows in self.blocks:
            su, sv = self.su[lines, rows], self.sv[lines, rows]
            u, v = self.u[lines, rows], self.v[lines, rows]
            eu, ev = self.du[lines, rows], self.dv[lines, rows]
            rho = (u - v) - target * (1 / su - 1 / sv) - u * eu * (eu - 1) + v * ev * (1 + ev)
            self.t[lines, rows] = rho
            columns = self.band.columns(lines, rows)
            self._gather(rhs, lines, _apply(columns, self.theta[lines, rows] * rho))
        r_w = np.where(self.signed, target - self.z * self.w - dz * dw, 0.0)
        r_l = target - self.lam * self.s - ds * dlam
        return rhs, r_w, r_l, target

    def correct(self, rhs, r_w, r_l, target):
        """Compute the whole step and its lengths."""
        step = dw, _, dz, ds, dlam = self.direction(rhs, r_w, r_l)
        worst_primal = max(1e-300, _largest(-dw / self.w, self.signed), _largest(-ds / self.s))
        worst_dual = max(1e-300, _largest(-dz, self.signed, self.z), _largest(-dlam / self.lam))
        for lines, rows in self.blocks:
            su, sv = self.su[lines, rows], self.sv[lines, rows]
            u, v = self.u[lines, rows], self.v[lines, rows]
            eu = self.du[lines, rows]
            moved = self._times(dw, lines, rows)
            da = self.theta[lines, rows] * (self.t[lines, rows] - moved)
            du = target / su - u + u * (eu - 1) * eu + u * (da / su)
            dv = du + moved
            worst_primal = max(worst_primal, -float((du / u).min()), -float((dv / v).min()))
            worst_dual = max(worst_dual, float((da / su).max()), -float((da / sv).min()))
            self.du[lines, rows], self.dv[lines, rows], self.da[lines, rows] = du, dv, da
        return step, min(1.0, _FRACTION / worst_primal), min(1.0, _FRACTION / worst_dual)

    def move(self, step, p, q):
        """Take a step."""
        dw, db, dz, ds, dlam = step
        self.w = self.w + p * dw
        self.b, self.z = self.b + q * db, self.z + q * dz
        self.s, self.lam = self.s + p * ds, self.lam + q * dlam
        for lines, rows in self.blocks:
            self.u[lines, rows] += p * self.du[lines, rows]
            self.v[lines, rows] += p * self.dv[lines, rows]
            self.su[lines, rows] -= q * self.da[lines, rows]
            self.sv[lines, rows] += q * self.da[lines, rows]


def _weighted_gram(columns, theta):
    """Return D diag(theta) D' of each line, (l, d, d)."""
    if columns.shape[1] > _NARROW:  # BLAS sees A A' and does half the work
        scaled = columns * np.sqrt(theta)[:, None, :]
        return np.stack([line @ line.T for line in scaled])
    return np.matmul(columns * theta[:, None, :], columns.transpose(0, 2, 1))


def _apply(columns, x):
    """Return D x of each line, (l, d)."""
    return np.matmul(columns, x[:, :, None])[:, :, 0]


def _largest(ratio, signed=None, divisor=None):
    """Return the largest entry in the columns that are signed, 0 if there is none."""
    if signed is not None:
        ratio = ratio[:, signed]
        if divisor is not None:
            ratio = ratio / divisor[:, signed]
    return float(ratio.max(initial=0.0))


def _unit_diagonal(H):
    """Return H scaled to a unit diagonal, and the scale."""
    diagonal = np.diagonal(H, axis1=-2, axis2=-1)
    scale = 1.0 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    return H * scale[..., None] * scale[..., None, :], scale


def _batched_solver(H, ridge):
    """Factor the groups' matrices (G, d, d); return a function that solves for (G, d)."""
    scaled, scale = _unit_diagonal(H)
    d = H.shape[-1]
    if d <= _NARROW:
        try:
            inverse = np.linalg.inv(scaled + ridge * d * np.eye(d))
        except np.linalg.LinAlgError:
            inverse = np.full_like(scaled, np.nan)

        def solve(b):
            b = (b * scale)[:, :, None]
            x = np.matmul(inverse, b)
            for _ in range(_REFINEMENTS):
                x = x + np.matmul(inverse, b - np.matmul(scaled, x))
            return x[:, :, 0] * scale

        return solve
    factors = [_factor(block, ridge) for block in scaled]
    return lambda b: np.stack([f(c) for f, c in zip(factors, b * scale)]) * scale


def _joint_solver(H, n_groups, d, ridge, tridiagonal):
    """Factor one matrix for all groups; return a function that solves for (..., n_groups, d)."""
    scaled, scale = _unit_diagonal(H)
    banded = tridiagonal and n_groups > 4 and len(H) > _DENSE
    solve = (_factor_band if banded else _factor)(scaled, ridge, 2 * d - 1)

    def solve_groups(b):
        x = solve(b.reshape(-1, len(H)).T * scale[:, None])
        return (x * scale[:, None]).T.reshape(b.shape)

    return solve_groups


def _factor(H, ridge, _width=None):
    """Return a function that solves with a positive definite matrix; it gives NaN for others."""
    try:
        factor = linalg.cho_factor(
            H + ridge * len(H) * np.eye(len(H)), lower=True, check_finite=False
        )
    except linalg.LinAlgError:
        return lambda b: np.full_like(b, np.nan)
    return _refined(H, lambda b: linalg.cho_solve(factor, b, check_finite=False))


def _factor_band(H, ridge, width):
    """Do the same for a matrix with `width` diagonals on each side of the main one."""
    size = len(H)
    band = np.zeros((width + 1, size))
    for offset in range(width + 1):
        band[offset, : size - offset] = np.diagonal(H, -offset)
    band[0] += ridge * size
    try:
        factor = linalg.cholesky_banded(band, lower=True, check_finite=False)
    except linalg.LinAlgError:
        return lambda b: np.full_like(b, np.nan)
    return _refined(H, lambda b: linalg.cho_solve_banded((factor, True), b, check_finite=False))


def _refined(H, solve):
    """Return a function that solves and corrects against H itself."""

    def refined(b):
        x = solve(b)
        for _ in range(_REFINEMENTS):
            x = x + solve(b - H @ x)
        return x

    return refined


def interior_point(
    band, signed, unit_sum, *, start, tol, floor, max_iter, crossing=None, on_iteration=None
):
    """Minimise the pinball loss of a band.

    Parameters
    ----------
    band : Band
        The observations.
    signed : ndarray of bool of shape (d,)
        Columns whose weights must not be negative.
    unit_sum : bool
        Whether the signed weights of each group sum to 1.
    start : ndarray of shape (n_groups, d)
        First weights.
    tol, floor : float
        Gap to reach: tol times the objective, or times `floor` where that is more.
    max_iter : int
        Iterations at the most.
    crossing : Crossing or None, default=None
        Rows that must not cross.
    on_iteration : callable or None, default=None
        Called with the weights; a true answer stops.

    Returns
    -------
    InteriorPoint
        The end.
    """
    if crossing is not None and len(crossing.pair) == 0:
        crossing = None
    method = _Method(band, signed, unit_sum, crossing, start)
    best, kept, waited, status, n_iter = np.inf, None, 0, "limit", 0
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        while True:
            method.form()
            gap = method.gap()
            if not np.isfinite(gap):
                status = "stalled"
                break
            violation = float(np.maximum(method.excess, 0.0).max(initial=0.0))
            waited = 0 if gap < 0.9 * best else waited + 1
            if gap < best:
                best = gap
                # Near the end rounding may spoil what was better before.
                near = gap < 1e-4 * max(method.value, floor)
                kept = (method.w, method.multipliers(), method.lam, violation) if near else None
            if gap <= tol * max(method.value, floor) and violation <= _FEASIBLE:
                status = "converged"
                break
            if waited > 15:
                status = "stalled"
                break
            if n_iter >= max_iter:
                break
            for ridge in _RIDGES:  # more where the system is singular to rounding
                method.factor(ridge)
                step, p, q = method.correct(*method.predict())
                if np.isfinite(step[0]).all() and np.isfinite(p * q):
                    break
            else:
                status = "stalled"
                break
            method.move(step, p, q)
            n_iter += 1
            if on_iteration is not None and on_iteration(method.w):
                status = "stopped"
                break
    if kept is None or status == "stopped":
        kept = method.w, method.multipliers(), method.lam, violation
    return InteriorPoint(*kept[:3], n_iter, status, kept[3])
