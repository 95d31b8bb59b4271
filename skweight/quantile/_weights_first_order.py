"""Quantile stacking by accelerated gradients: for systems too large to factor."""

import numpy as np

from skweight.quantile._weights_band import all_observations
from skweight.quantile._weights_certificate import dual_bound
from skweight.quantile._weights_solve import Solution

# Widths over which the kink of the pinball loss is smoothed, on the scale of y.
_WIDTHS = (0.3, 0.1, 0.03, 0.01, 0.003, 0.001)

# Steps between two looks at the gap.
_LOOK = 10


def solve_first_order(problem, tol, max_iter, on_iteration=None):
    """Minimise the smoothed loss, less and less smoothed, by Nesterov's method with restarts.

    The slopes of the smoothed loss are multipliers within their box, so every look gives a bound
    of the true optimum.

    Parameters
    ----------
    problem : AggregationProblem
        What to minimise.
    tol : float
        Gap to reach, relative to the objective, or to the problem's scale if that is more.
    max_iter : int
        Looks at the most, with ten steps each.
    on_iteration : callable or None, default=None
        Called after each look with feasible weights (n_groups, d); a true answer stops.

    Returns
    -------
    Solution
        The best weights seen.
    """
    factor = problem.n * problem.m / 2.0
    band = all_observations(problem, factor)
    steps = _Steps(problem, band)
    w = problem.start()
    best = Solution(w, problem.objective(w), np.inf, 0)
    bound, n_iter = -np.inf, 0
    for number, width in enumerate(_WIDTHS):
        share = max_iter * (number + 1) // len(_WIDTHS)
        last = np.inf
        steps.restart(w, width)
        while n_iter < max(share, number + 1) and n_iter < max_iter:
            for _ in range(_LOOK):
                steps.take()
            n_iter += 1
            w = problem.clean(steps.w)
            objective = problem.objective(w)
            if n_iter % 5 == 0 or n_iter == max_iter:
                a = steps.multipliers(w)
                bound = max(
                    bound, dual_bound(band, a, w, problem.signed, problem.unit_sum)[0] / factor
                )
            if objective < best.objective:
                best = Solution(w, objective, np.inf, n_iter)
            if on_iteration is not None and on_iteration(best.w):
                best.stopped = True
            best.n_iter, best.gap = n_iter, max(best.objective - bound, 0.0)
            if best.stopped or best.good_enough(tol):
                return best
            if objective > last - 1e-3 * width * abs(last):
                break  # as good as this width allows
            last = objective
    return best


class _Steps:
    """Projected gradient steps with momentum on one smoothed loss."""

    def __init__(self, problem, band):
        self.problem, self.band = problem, band
        self.up = band.cost * band.levels[:, None]
        self.down = band.cost - self.up
        self.curvature = self._largest_curvature()

    def _largest_curvature(self):
        """Return the largest eigenvalue of each group's D diag(c) D', by the power method."""
        w = np.ones((self.problem.n_groups, self.problem.d))
        size = 1.0
        for _ in range(20):
            w = self._gather(self.band.cost * self.problem.fitted(w, self.band.D))
            size = np.linalg.norm(w, axis=1, keepdims=True)
            w = w / np.where(size > 0, size, 1.0)
        return 1.05 * np.maximum(size, np.finfo(float).tiny)

    def _gather(self, x):
        """Return D x summed over the lines of each group."""
        band = self.band
        lines = x @ band.D[0].T if band.shared else np.matmul(band.D, x[:, :, None])[:, :, 0]
        out = np.zeros((self.problem.n_groups, self.problem.d))
        np.add.at(out, band.group_of, lines)
        return out

    def restart(self, w, width):
        self.w, self.ahead, self.t, self.width = w, w, 1.0, width

    def multipliers(self, w):
        """Return the slopes of the smoothed loss."""
        r = self.band.y - self.problem.fitted(w, self.band.D)
        return np.clip(r * (self.band.cost / self.width), -self.down, self.up)

    def take(self):
        """Take one step."""
        gradient = -self._gather(self.multipliers(self.ahead))
        new = self._project(self.ahead - gradient * (self.width / self.curvature))
        if ((self.ahead - new) * (new - self.w)).sum() > 0:
            self.t = 1.0  # momentum has turned uphill
        t = 0.5 * (1 + np.sqrt(1 + 4 * self.t**2))
        self.ahead = new + (self.t - 1) / t * (new - self.w)
        self.w, self.t = new, t

    def _project(self, w):
        models = w[:, : self.problem.n_models]
        if self.problem.unit_sum:
            models[:] = project_on_simplex(models)
        elif self.problem.constraint == "nonneg":
            np.maximum(models, 0.0, out=models)
        return w


def project_on_simplex(w):
    """Return the nearest point of the unit simplex to each row of w."""
    ordered = -np.sort(-w, axis=1)
    over = (np.cumsum(ordered, axis=1) - 1.0) / np.arange(1, w.shape[1] + 1)
    count = (ordered > over).sum(axis=1)
    return np.maximum(w - over[np.arange(len(w)), count - 1][:, None], 0.0)
