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

from skweight.quantile._weights_band import apply, dots, weighted_gram
from skweight.quantile._weights_systems import batched_solver, joint_solver

# What is added to the positive and the negative part of a residual, as a share of its mean size.
# The smaller one where a starts at 0.
_SHIFT, _SMALL_SHIFT = 0.3, 0.1

# How close to the boundary a step may go.
_FRACTION = 0.9995

# Iterations without progress after which a group is given up.
_PATIENCE = 15

# By how much a crossing row may be violated, on the scale of y.
_FEASIBLE = 1e-10

# What is added to the diagonal of a system, relative to it: the first that works.
_RIDGES = (1e-14, 1e-12, 1e-10, 1e-8)

# A rate at which no bound is ever reached.
_NEVER = 1e-300


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
    """The iterate and its passes over the observations.

    Groups that no crossing row couples are problems of their own: each has its own centring and
    step lengths, and is closed when it is done.
    """

    def __init__(self, band, signed, unit_sum, crossing, w):
        self.band, self.crossing, self.group_of = band, crossing, band.group_of
        self.signed, self.unit_sum = signed, unit_sum
        self.G, self.d = w.shape
        self.models = signed if unit_sum else np.zeros_like(signed)  # whose sum is 1
        m, r = len(band.levels), band.D.shape[2]
        self.tau = band.levels[:, None]
        self.reopen(np.ones(self.G, dtype=bool))
        self.w = np.where(signed, np.maximum(w, 1e-2 / self.d), w)
        if unit_sum:
            self.w[:, signed] /= self.w[:, signed].sum(axis=1, keepdims=True)
        self.u, self.v = np.empty((m, r)), np.empty((m, r))
        for lines, rows in self.blocks:
            residual = band.y[lines, rows] - self._times(self.w, lines, rows)
            self.u[lines, rows] = np.maximum(residual, 0.0)
            self.v[lines, rows] = np.maximum(-residual, 0.0)
        free_start = unit_sum and signed.all() and crossing is None  # any a is feasible
        size = float((self.u + self.v).mean())
        shift = max((_SHIFT if free_start else _SMALL_SHIFT) * size, 1e-4)
        self.u += shift
        self.v += shift
        # The distances of a from its bounds, not a itself: they matter long after a has rounded.
        if free_start:
            # With u su = v sv each observation is in the centre for some mu.
            self.su = band.cost * (self.v / (self.u + self.v))
        else:
            self.su = band.cost * self.tau  # a = 0, which leaves the others their way
        self.sv = band.cost - self.su
        self.theta, self.t = np.empty((m, r)), np.empty((m, r))
        self.du, self.dv, self.da = np.empty((m, r)), np.empty((m, r)), np.empty((m, r))
        h, mu = band.linear.copy(), np.zeros(self.G)
        for lines, rows in self.blocks:
            a = self.multipliers(lines, rows)
            self._add(h, lines, apply(band.columns(lines, rows), a))
            self._add(mu, lines, dots(self.u[lines, rows], self.su[lines, rows]))
        z = max(1.0, float(np.abs(h).max(initial=0.0)), 0.1 * m * r / self.G) * max(size, 1e-3)
        if free_start:
            z = (self.d * mu / (r * np.bincount(self.group_of)))[:, None]
        self.b = -(h[:, signed].max(axis=1) + np.ravel(z)) if unit_sum else np.zeros(self.G)
        self.z = np.where(signed, np.maximum(-h - self.b[:, None], z), 0.0)
        self.s = self.lam = self.excess = np.empty(0)
        if crossing is not None:
            excess = crossing.excess(self.w, self.group_of)
            self.s = np.maximum(-excess, 0.1 * np.abs(excess).mean() + 1e-3)
            self.lam = np.full(len(self.s), shift * r / len(self.s)) / self.s
        self.n_pairs = 2.0 * r * np.bincount(self.group_of) + int(signed.sum())
        self.gram, self.rhs = np.zeros((self.G, self.d, self.d)), np.zeros(w.shape)
        self.h = np.zeros(w.shape)
        self.value, self.bound, self.product = np.zeros((3, self.G))

    def reopen(self, open_groups):
        """Say which groups are worked on from now."""
        self.open = open_groups
        self.blocks = self.band.blocks(open_groups[self.group_of])

    def _times(self, w, lines, rows):
        """Return D w of a block."""
        columns = self.band.columns(lines, rows)
        return np.matmul(w[self.group_of[lines], None, :], columns)[:, 0]

    def _add(self, out, lines, values):
        """Add what lines give to their groups."""
        np.add.at(out, self.group_of[lines], values)

    def _raise(self, out, lines, *values):
        """Raise the groups' maxima to those of lines."""
        for value in values:
            np.maximum.at(out, self.group_of[lines], value)

    def _common(self, values, reduce):
        """Return one value for all groups where crossing rows couple them."""
        return values if self.crossing is None else np.full(self.G, reduce(values))

    def multipliers(self, lines=slice(None), rows=slice(None)):
        """Return a."""
        cost, tau = self.band.cost[lines, rows], self.tau[lines]
        return 0.5 * (self.sv[lines, rows] - self.su[lines, rows]) + (tau - 0.5) * cost

    def form(self):
        """Compute the Gram matrices, the predictor's right side and what measures progress."""
        fresh = self.open
        self.gram[fresh] = self.rhs[fresh] = self.product[fresh] = 0.0
        self.h[fresh] = self.band.linear[fresh]
        self.value[fresh] = self.bound[fresh] = self.band.constant[fresh]
        for lines, rows in self.blocks:
            u, v = self.u[lines, rows], self.v[lines, rows]
            su, sv = self.su[lines, rows], self.sv[lines, rows]
            a = self.multipliers(lines, rows)
            theta = 1.0 / (u / su + v / sv)
            self.theta[lines, rows] = theta
            r = u - v
            columns = self.band.columns(lines, rows)
            self._add(self.gram, lines, weighted_gram(columns, theta))
            self._add(self.rhs, lines, apply(columns, theta * r))
            self._add(self.h, lines, apply(columns, a))
            self._add(self.product, lines, dots(u, su) + dots(v, sv))
            cost, tau = self.band.cost[lines, rows], self.tau[lines]
            loss = np.maximum(tau * r, (tau - 1) * r)
            self._add(self.value, lines, dots(loss, cost))
            self._add(self.bound, lines, dots(self.band.y[lines, rows], a))
        # Far observations have a at a bound, where the loss is a (y - D w).
        self.value[fresh] -= (self.band.linear * self.w)[fresh].sum(axis=1)
        self.product[fresh] += (self.z * self.w)[fresh].sum(axis=1)
        self.mu = self.product / self.n_pairs
        if self.crossing is not None:
            total = self.product.sum() + self.lam @ self.s
            self.mu = np.full(self.G, total / (self.n_pairs.sum() + len(self.s)))
            self.h -= self.crossing.pull(self.lam, self.group_of, self.h.shape)
            self.excess = self.crossing.excess(self.w, self.group_of)
        self.dual_residual = self.h + np.where(self.models, self.b[:, None], 0.0) + self.z
        self.sum_residual = 1.0 - self.w[:, self.models].sum(axis=1)

    def gaps(self):
        """Estimate each group's gap: exact under the simplex, else as far as h has its signs."""
        if self.unit_sum:
            bound = self.bound - self.h[:, self.models].max(axis=1)
            free, w = self.h[:, ~self.models], self.w[:, ~self.models]
        else:
            free, w = np.where(self.signed, np.maximum(self.h, 0.0), self.h), self.w
            bound = self.bound
        slack = ((1.0 + np.abs(w)) * np.abs(free)).sum(axis=1)
        if self.crossing is None:
            return np.abs(self.value - bound) + slack
        # A point that violates crossing rows may lie below the bound.
        slack = slack.sum() + self.lam @ np.maximum(self.excess, 0.0)
        slack += self.n_pairs.sum() * max(self.violation() - _FEASIBLE, 0.0)
        gap = abs(float((self.value - bound).sum())) + slack
        return np.full(self.G, gap / self.G)

    def violation(self):
        """Return by how much crossing rows are violated at the most."""
        return float(self.excess.max(initial=0.0))

    def factor(self, ridge):
        """Factor the reduced system, its diagonal raised by a share of itself."""
        diagonal = np.where(self.signed, self.z / self.w, 0.0)
        unit = np.where(self.models, 1.0, 0.0)
        if self.crossing is None:
            H = self.gram.copy()
            H[:, np.arange(self.d), np.arange(self.d)] += diagonal
            self.solve = batched_solver(H, ridge)
            if self.unit_sum:  # the columns of the inverse that belong to the sums
                self.sums = self.solve(np.tile(unit, (self.G, 1)))
                self.schur = self.sums[:, self.models].sum(axis=1)
            return
        size = self.G * self.d
        H = np.zeros((self.G, self.d, self.G, self.d))
        H[np.arange(self.G), :, np.arange(self.G)] = self.gram
        self.crossing.add_curvature(H, self.lam / self.s, self.group_of)
        H = H.reshape(size, size)
        H[np.diag_indices(size)] += diagonal.ravel()
        tridiagonal = bool((np.abs(np.diff(self.group_of)) <= 1).all())
        self.solve = joint_solver(H, self.G, self.d, ridge, tridiagonal)
        if self.unit_sum:
            self.sums = self.solve(np.eye(self.G)[:, :, None] * unit)
            self.schur = self.sums[:, :, self.models].sum(axis=2).T

    def direction(self, rhs, r_w, r_l):
        """Solve for the step of w, b, z, s and lambda; rhs holds D'(theta rho)."""
        rhs = rhs + self.dual_residual + np.where(self.signed, r_w / self.w, 0.0)
        if self.crossing is not None:
            r_s = -(self.excess + self.s)
            rhs -= self.crossing.pull((r_l - self.lam * r_s) / self.s, self.group_of, rhs.shape)
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
            ds = r_s - self.crossing.excess(dw, self.group_of)
            dlam = (r_l - self.lam * ds) / self.s
        return dw, db, dz, ds, dlam

    def _worst(self, step):
        """Return how fast w and s, z and lambda run to their bounds, for each group."""
        dw, _, dz, ds, dlam = step
        primal = (-dw / self.w)[:, self.signed].max(axis=1, initial=_NEVER)
        dual = (-dz[:, self.signed] / self.z[:, self.signed]).max(axis=1, initial=_NEVER)
        primal = np.maximum(primal, (-ds / self.s).max(initial=_NEVER))
        return primal, np.maximum(dual, (-dlam / self.lam).max(initial=_NEVER))

    def predict(self):
        """Compute the affine step, the centring it suggests, and the corrector's right side."""
        step = self.direction(self.rhs, -self.z * self.w, -self.lam * self.s)
        dw, _, dz, ds, dlam = step
        primal, dual = self._worst(step)
        sums = np.zeros((self.G, 6))
        for lines, rows in self.blocks:
            su, sv = self.su[lines, rows], self.sv[lines, rows]
            u, v = self.u[lines, rows], self.v[lines, rows]
            da = (u - v) - self._times(dw, lines, rows)
            da *= self.theta[lines, rows]
            eu, ev = da / su, da / sv
            self._raise(primal, lines, 1 - eu.min(axis=1), 1 + ev.max(axis=1))
            self._raise(dual, lines, eu.max(axis=1), -ev.min(axis=1))
            uu, vv = u * su, v * sv
            uue, vve = uu * eu, vv * ev
            parts = (
                uu.sum(axis=1), uue.sum(axis=1), dots(uue, eu),
                vv.sum(axis=1), vve.sum(axis=1), dots(vve, ev),
            )  # fmt: skip
            self._add(sums, lines, np.stack(parts, axis=1))
            self.du[lines, rows] = eu
            self.dv[lines, rows] = ev
        p = self._common(np.minimum(1.0, 1 / primal), np.min)
        q = self._common(np.minimum(1.0, 1 / dual), np.min)
        # u (1 + p (eu - 1)) su (1 - q eu), and the same for v
        u0, u1, u2, v0, v1, v2 = sums.T
        after = (1 - p) * u0 + (p - q * (1 - p)) * u1 - p * q * u2
        after += (1 - p) * v0 + (q * (1 - p) - p) * v1 - p * q * v2
        ahead = (self.w + p[:, None] * dw) * (self.z + q[:, None] * dz)
        after += ahead[:, self.signed].sum(axis=1)
        if self.crossing is None:
            shrink = after / self.product
        else:
            after = after.sum() + (self.s + p[0] * ds) @ (self.lam + q[0] * dlam)
            shrink = np.full(self.G, after / (self.product.sum() + self.lam @ self.s))
        target = np.maximum(shrink, 0.0) ** 3 * self.mu
        rhs = np.zeros_like(self.rhs)
        for lines, rows in self.blocks:
            su, sv = self.su[lines, rows], self.sv[lines, rows]
            u, v = self.u[lines, rows], self.v[lines, rows]
            eu, ev = self.du[lines, rows], self.dv[lines, rows]
            aim = target[self.group_of[lines], None]
            rho = (u - v) - aim * (1 / su - 1 / sv) - u * eu * (eu - 1) + v * ev * (1 + ev)
            self.t[lines, rows] = rho
            columns = self.band.columns(lines, rows)
            self._add(rhs, lines, apply(columns, self.theta[lines, rows] * rho))
        r_w = np.where(self.signed, target[:, None] - self.z * self.w - dz * dw, 0.0)
        r_l = target[:1] - self.lam * self.s - ds * dlam
        return rhs, r_w, r_l, target

    def correct(self, rhs, r_w, r_l, target):
        """Compute the whole step and its lengths."""
        step = self.direction(rhs, r_w, r_l)
        primal, dual = self._worst(step)
        for lines, rows in self.blocks:
            su, sv = self.su[lines, rows], self.sv[lines, rows]
            u, v = self.u[lines, rows], self.v[lines, rows]
            eu = self.du[lines, rows]
            moved = self._times(step[0], lines, rows)
            da = self.theta[lines, rows] * (self.t[lines, rows] - moved)
            aim = target[self.group_of[lines], None]
            du = aim / su - u + u * (eu - 1) * eu + u * (da / su)
            dv = du + moved
            self._raise(primal, lines, -(du / u).min(axis=1), -(dv / v).min(axis=1))
            self._raise(dual, lines, (da / su).max(axis=1), -(da / sv).min(axis=1))
            self.du[lines, rows], self.dv[lines, rows], self.da[lines, rows] = du, dv, da
        p = self._common(np.minimum(1.0, _FRACTION / primal), np.min)
        q = self._common(np.minimum(1.0, _FRACTION / dual), np.min)
        return step, p, q

    def move(self, step, p, q):
        """Take a step."""
        p, q = np.where(self.open, p, 0.0), np.where(self.open, q, 0.0)
        dw, db, dz, ds, dlam = (np.where(np.isfinite(part), part, 0.0) for part in step)
        self.w = self.w + p[:, None] * dw
        self.b, self.z = self.b + q * db, self.z + q[:, None] * dz
        self.s, self.lam = self.s + p[0] * ds, self.lam + q[0] * dlam
        for lines, rows in self.blocks:
            along, across = (x[self.group_of[lines], None] for x in (p, q))
            self.u[lines, rows] += along * self.du[lines, rows]
            self.v[lines, rows] += along * self.dv[lines, rows]
            change = across * self.da[lines, rows]
            self.su[lines, rows] -= change
            self.sv[lines, rows] += change


class _Best:
    """The best point of each group so far: near the end rounding may spoil it."""

    def __init__(self, method):
        self.method, G = method, method.G
        self.gap, self.mu = np.full((2, G), np.inf)
        self.waited = np.zeros(G, dtype=int)
        self.w, self.a, self.lam = method.w, None, method.lam
        self.violation = np.inf

    def look(self, gaps, near):
        """Compare with what was best; keep what is better if it is near the optimum."""
        method = self.method
        better = (gaps < self.gap) & method.open
        progress = (gaps < 0.9 * self.gap) | (method.mu < 0.9 * self.mu)
        self.waited = np.where(progress, 0, self.waited + 1)
        self.gap = np.where(better, gaps, self.gap)
        self.mu = np.minimum(self.mu, np.where(np.isfinite(method.mu), method.mu, np.inf))
        if self.a is None and near:
            self.a = method.multipliers()
        if self.a is None:
            better = method.open  # nothing is worth keeping yet: the last point is
        self.w = np.where(better[:, None], method.w, self.w)
        if self.a is not None:
            for k in np.flatnonzero(better[method.group_of]):
                self.a[k] = method.multipliers(slice(k, k + 1))[0]
        if better.any():
            self.lam, self.violation = method.lam, method.violation()


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
    best, status, n_iter = _Best(method), "limit", 0
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        while True:
            method.form()
            gaps = method.gaps()
            value = max(float(method.value.sum()), floor)
            best.look(gaps, near=gaps.sum() < 1e-4 * value)
            if best.gap.sum() <= tol * value and best.violation <= _FEASIBLE:
                status = "converged"
                break
            still = method.open & np.isfinite(gaps) & (best.waited <= _PATIENCE)
            if crossing is None:
                still &= best.gap > tol * value / method.G
            elif not still.all():
                still[:] = False
            if not still.any():
                status = "stalled"
                break
            if n_iter >= max_iter:
                break
            if (still != method.open).any():
                method.reopen(still)
            for ridge in _RIDGES:  # more where the system is singular to rounding
                method.factor(ridge)
                step, p, q = method.correct(*method.predict())
                sound = np.isfinite(step[0]).all(axis=1) & np.isfinite(p * q)
                if sound[method.open].all():
                    break
            else:
                best.waited[~sound] = _PATIENCE + 1
            method.move(step, np.where(sound, p, 0.0), np.where(sound, q, 0.0))
            n_iter += 1
            if on_iteration is not None and on_iteration(method.w):
                best.w, best.a = method.w, method.multipliers()
                status = "stopped"
                break
    a = method.multipliers() if best.a is None else best.a
    return InteriorPoint(best.w, a, best.lam, n_iter, status, best.violation)
