"""Quadratic subproblems of proximal Newton: an exact active-set lasso, and its group form."""

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotrs

# Inequalities let into a subproblem at once.
_ROWS_AT_ONCE = 32

# Systems solved in a subproblem with inequalities of more coordinates than the first number: an
# unfinished subproblem still gives a good step, and the next one starts where it ended.
_LARGE, _PIVOTS_WHEN_LARGE = 250, 25


def solve_psd(A, b):
    """Solve A x = b for a positive semi-definite A; see `psd_solver`."""
    return psd_solver(A)(b)


def psd_solver(A):
    """Factor a positive semi-definite A; return a function that solves A x = b for arrays b.

    If A is singular it gives the minimum-norm solution, plus a long way along the directions
    without curvature in which b has a component.
    """
    diagonal = np.sqrt(np.maximum(np.diag(A), np.finfo(float).tiny))
    # LAPACK itself: these systems are small, and the wrappers cost more than the work.
    factor, info = dpotrf(A / (diagonal[:, None] * diagonal), lower=1, clean=0)
    # A tiny pivot means that Cholesky passed by rounding alone.
    if info == 0 and np.diag(factor).min() > 1e-6:

        def solve_regular(b):
            scale = diagonal if b.ndim == 1 else diagonal[:, None]
            return dpotrs(factor, b / scale, lower=1)[0] / scale

        return solve_regular
    values, vectors = np.linalg.eigh(A)
    largest = max(values[-1], np.finfo(float).tiny)
    flat = values <= 1e-12 * largest
    ridge = 1e-5 * largest
    values = np.where(flat, ridge, values)

    def solve_singular(b):
        along = vectors.T @ b
        # Rounding must not move x along flat directions, but a slope along one must, and far: it
        # ends where a coordinate reaches zero.
        loudest = np.abs(along).max(axis=0, initial=np.finfo(float).tiny)
        along[flat] = np.where(np.abs(along[flat]) > 1e-9 * loudest, along[flat], 0.0)
        if b.ndim == 2:
            return vectors @ (along / values[:, None])
        far = np.sign(along) * np.maximum(1.0, np.abs(along) / ridge)
        return vectors @ np.where(flat, far, along / values)

    return solve_singular


def lasso_qp(H, c, lam, x, tol, gaps=None, max_pivots=200):
    """Minimise ``x'Hx/2 + c'x + lam'|x|`` exactly, starting from x.

    An active-set method: solve for the signs at hand, walk to the best point on the way at which
    a coordinate reaches zero, let in the zeros whose gradient exceeds their threshold.

    Parameters
    ----------
    H : ndarray of shape (m, m)
        Positive semi-definite.
    c, lam, x : ndarray of shape (m,)
        ``lam >= 0``; a coordinate with ``lam = 0`` is free.
    tol : float
        Violation of the threshold below which a zero stays out.
    gaps : LinearGaps or None, default=None
        Inequalities that x satisfies and the solution must.
    max_pivots : int, default=200
        Systems solved at the most.

    Returns
    -------
    ndarray of shape (m,)
        The solution, its zeros exact.
    """
    x = x.copy()
    free = lam == 0
    if gaps is not None and gaps.half is not None:
        free &= ~gaps.half.any(axis=0)  # a box has a kink at zero, whatever the price
    sign = np.where(free, 0.0, np.sign(x))
    active = free | (x != 0)
    entering, one_by_one = False, False
    if gaps is not None and len(x) > _LARGE:
        max_pivots = min(max_pivots, _PIVOTS_WHEN_LARGE)
    for _ in range(max_pivots):
        target, kept = _solve_signed(H, c, lam, x, sign, active, free, gaps)
        if entering and not kept:
            if one_by_one:
                break  # not even the steepest zero moves: what is left is rounding
            one_by_one = True
        elif kept:
            one_by_one = False
        flips = (~free) & (x * target < 0)
        if flips.any():
            x = _best_breakpoint(H, c, lam, x, target - x, flips, gaps)
        else:
            x = target
        x[~active] = 0.0
        sign = np.where(free, 0.0, np.sign(x))
        active = free | (x != 0)
        entering = False
        if flips.any():
            continue
        gradient, threshold = H @ x + c, lam
        if gaps is not None:
            gradient, threshold = gradient - gaps.pull(sign), lam + gaps.widening()
        excess = np.where(active, 0.0, np.abs(gradient) - threshold)
        worst = excess.max(initial=0.0)
        if worst <= tol:
            break
        enter = excess >= (worst if one_by_one else max(tol, 0.3 * worst))
        active = active | enter
        sign = np.where(enter, -np.sign(gradient), sign)
        entering = True
    return x


def _solve_signed(H, c, lam, x, sign, active, free, gaps):
    """Minimise over the active coordinates with fixed signs.

    Coordinates that start at zero and would move against their sign are dropped (in place).
    """
    while True:
        index = np.flatnonzero(active)
        target = np.zeros_like(x)
        if not len(index):
            return target, 0
        block = H[np.ix_(index, index)]
        # Solve for the step, so that nothing moves along flat directions without a reason.
        slope = block @ x[index] + c[index] + lam[index] * sign[index]
        if gaps is None:
            target[index] = x[index] - solve_psd(block, slope)
        else:
            target[index] = x[index] + gaps.step(block, slope, x, index, sign)
        fresh = active & ~free & (x == 0)
        wrong = fresh & (sign * target <= 0)
        if not wrong.any():
            return target, int(fresh.sum())
        active[wrong] = False
        sign[wrong] = 0.0


def _best_breakpoint(H, c, lam, x, direction, flips, gaps):
    """Move from x towards x + direction, on which some coordinates cross zero.

    Returns
    -------
    ndarray of shape (m,)
        The best point at which one of them is zero, or the far end with all of them set to zero
        if that is better (it might not keep the gaps).
    """
    index = np.flatnonzero(flips)
    steps = -x[index] / direction[index]
    order = np.argsort(steps)
    index, steps = index[order], steps[order]
    slope = H @ x + c
    if gaps is not None and gaps.half is not None:
        trial = steps[:1]  # beyond a change of sign the box's gap is another row
    else:
        trial = np.append(steps, 1.0)
    penalty = np.array([lam @ np.abs(x + t * direction) for t in trial])
    curvature = 0.5 * direction @ (H @ direction)
    values = (slope @ direction) * trial + curvature * trial**2 + penalty
    best = int(np.argmin(values))
    clipped = np.where(flips, 0.0, x + direction)
    move = clipped - x
    value = slope @ move + 0.5 * move @ (H @ move) + lam @ np.abs(clipped)
    if gaps is None and value <= values[best]:
        return clipped
    x = x + trial[best] * direction
    if best < len(index):
        x[index[best]] = 0.0
    return x


class LinearGaps:
    """Inequalities ``A x - half |x| >= 0`` of a quadratic subproblem, and their multipliers.

    Parameters
    ----------
    A : ndarray of shape (n, m)
        Rows.
    half : ndarray of shape (n, m) or None
        Half-widths of a box, or None.
    m : ndarray of shape (n,)
        First guess of the multipliers.
    """

    def __init__(self, A, half, m):
        self.A, self.half, self.m = A, half, m

    def _rows(self, sign):
        return self.A if self.half is None else self.A - self.half * sign

    def pull(self, sign):
        """Return what the multipliers take off the gradient."""
        return self.m @ self._rows(sign)

    def widening(self):
        """Return what the multipliers add to the threshold of zeros."""
        return 0.0 if self.half is None else self.m @ self.half

    def step(self, H, slope, x, index, sign):
        """Minimise ``d'Hd/2 + slope'd`` with non-negative gaps at x + d, in some coordinates."""
        A = self._rows(sign)[:, index]
        now = A @ x[index]
        solve = psd_solver(H)
        free_step = -solve(slope)
        # Most inequalities never bind: only those that did, and the most violated ones, enter.
        seen = np.flatnonzero(self.m > 0)
        response = solve(A[seen].T)
        while True:
            at_free = now[seen] + A[seen] @ free_step
            m = nonnegative_qp(A[seen] @ response, at_free, self.m[seen])
            d = free_step + response @ m
            self.m = np.zeros(len(A))
            self.m[seen] = m
            gaps = now + A @ d
            noise = 1e-10 * (1 + np.abs(gaps).max(initial=0.0))
            gaps[seen] = np.inf
            worst = np.argsort(gaps)[:_ROWS_AT_ONCE]
            fresh = worst[gaps[worst] < -noise]
            if not len(fresh):
                return d
            seen = np.concatenate([seen, fresh])
            response = np.column_stack([response, solve(A[fresh].T)])


def nonnegative_qp(K, v, m, max_iter=500):
    """Minimise ``m'Km/2 + v'm`` over m >= 0 by the active-set method of Lawson and Hanson.

    Parameters
    ----------
    K : ndarray of shape (n, n)
        Positive semi-definite.
    v, m : ndarray of shape (n,)
        Linear term, and a first guess whose positive entries start active.

    Returns
    -------
    ndarray of shape (n,)
        The solution.
    """
    tol = 1e-12 * max(np.abs(v).max(initial=0.0), 1e-3)
    passive = m > 0
    m = np.where(passive, m, 0.0)
    for iteration in range(max_iter):
        if iteration or not passive.any():
            slope = np.where(passive, np.inf, K @ m + v)
            enter = int(np.argmin(slope)) if len(slope) else 0
            if not len(slope) or slope[enter] >= -tol:
                return m
            passive[enter] = True
        while passive.any():
            index = np.flatnonzero(passive)
            target = solve_psd(K[np.ix_(index, index)], -v[index])
            if target.min() > 0:
                m = np.zeros_like(m)
                m[index] = target
                break
            sinking = target <= 0
            drop = m[index][sinking] - target[sinking]
            step = (m[index][sinking] / np.where(drop > 0, drop, 1.0)).min()
            moved = m[index] + step * (target - m[index])
            gone = sinking & (moved <= 1e-14 * max(moved.max(), 1e-300))
            m[index] = np.where(gone, 0.0, moved)
            passive[index[gone]] = False
        else:
            m = np.zeros_like(m)
    return m


def group_qp(H, c, lam, x, group, price, tol, max_iter=600):
    """Minimise ``x'Hx/2 + c'x + lam'|x| + sum_j price_j ||x_group j||`` by FISTA and Newton.

    Parameters
    ----------
    H, c, lam, x, tol
        As in `lasso_qp`.
    group : ndarray of int of shape (m,)
        The group of each coordinate, -1 for none.
    price : ndarray of shape (n_groups,)
        The price of each group's norm.
    max_iter : int, default=600
        Proximal steps at the most.

    Returns
    -------
    ndarray of shape (m,)
        The solution, its zeros exact.
    """
    member = group >= 0
    free = (lam == 0) & ~(member & (price[group] > 0))
    # The free block is ill-scaled against the rest and has no kink: eliminate it.
    F, R = np.flatnonzero(free), np.flatnonzero(~free)
    solve_F = np.linalg.pinv(H[np.ix_(F, F)], 1e-12, hermitian=True)
    back = solve_F @ H[np.ix_(F, R)]
    S = H[np.ix_(R, R)] - H[np.ix_(R, F)] @ back
    values, vectors = np.linalg.eigh(0.5 * (S + S.T))
    S = (vectors * np.maximum(values, 0.0)) @ vectors.T  # rounding must not bend it downwards
    s = c[R] - H[np.ix_(R, F)] @ (solve_F @ c[F])
    groups, lam_R = group[R], lam[R]
    y = _group_fista(S, s, lam_R, x[R], groups, price, tol, max_iter)
    result = np.empty_like(x)
    result[R] = y
    result[F] = -solve_F @ c[F] - back @ y
    return result


def _group_norms(y, groups, n_groups):
    member = groups >= 0
    return np.sqrt(np.bincount(groups[member], y[member] ** 2, minlength=n_groups))


def _group_prox(y, step, lam, groups, price):
    y = np.sign(y) * np.maximum(np.abs(y) - step * lam, 0.0)
    norm = _group_norms(y, groups, len(price))
    shrink = np.where(norm > step * price, 1 - step * price / np.where(norm > 0, norm, 1), 0.0)
    return np.where(groups >= 0, y * shrink[groups], y)


def _group_fista(S, s, lam, y, groups, price, tol, max_iter):
    """Run FISTA with restart, trying a Newton step on the live groups now and then."""
    if not len(y):
        return y
    lipschitz = max(float(np.linalg.norm(S, 2)), np.finfo(float).tiny)
    step, momentum, ahead = 1.0 / lipschitz, 1.0, y
    for iteration in range(max_iter):
        new = _group_prox(ahead - step * (S @ ahead + s), step, lam, groups, price)
        move = new - y
        if (ahead - new) @ move > 0:
            momentum = 1.0
        following = 0.5 * (1 + np.sqrt(1 + 4 * momentum**2))
        ahead = new + (momentum - 1) / following * move
        momentum, y = following, new
        if iteration % 20 == 19:
            polished = _group_newton(S, s, lam, y, groups, price)
            for candidate in (y, polished):
                image = _group_prox(
                    candidate - step * (S @ candidate + s), step, lam, groups, price
                )
                if np.abs(image - candidate).max() * lipschitz <= tol:
                    return candidate
    return y


def _group_newton(S, s, lam, y, groups, price, steps=4):
    """Take Newton steps on the live coordinates; stop where one of them would change side."""
    for _ in range(steps):
        live = np.flatnonzero(y != 0)
        if not len(live):
            return y
        norm = _group_norms(y, groups, len(price))
        member = groups[live] >= 0
        size = np.where(member, norm[groups[live]], 1.0)
        cost = np.where(member, price[groups[live]], 0.0)
        v = np.where(member, y[live] / size, 0.0)
        gradient = S[live] @ y + s[live] + lam[live] * np.sign(y[live]) + cost * v
        same = (groups[live][:, None] == groups[live]) & member[:, None]
        H = S[np.ix_(live, live)] - np.where(same, (cost / size)[:, None] * np.outer(v, v), 0.0)
        H[np.diag_indices(len(live))] += cost / size
        new = y.copy()
        new[live] -= solve_psd(H, gradient)
        if (new[live] * y[live] < 0).any() and lam[live].any():
            return y
        y = new
    return y
