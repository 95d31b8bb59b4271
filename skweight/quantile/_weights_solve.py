"""Drive the solvers of quantile stacking: which observations, which crossing rows, how good."""

import numpy as np

from skweight.quantile._weights_certificate import dual_bound
from skweight.quantile._weights_ipm import Band, interior_point

# Gaps are relative to the objective, or to this share of the scale of y where it is smaller.
_FLOOR = 1e-3


class Solution:
    """Weights (n_groups, d) with their objective and gap, in units of the problem's scale."""

    def __init__(self, w, objective, gap, n_iter, stopped=False):
        self.w, self.objective, self.gap = w, objective, gap
        self.n_iter, self.stopped = n_iter, stopped


def full_band(problem):
    """Return all observations of a problem, costs scaled to a mean of 1, and that scale."""
    m, n = problem.m, problem.n
    factor = n * m / 2.0
    return Band(
        problem.design(slice(0, n)),
        np.broadcast_to(problem.y, (m, n)),
        np.broadcast_to(problem.cost * factor, (m, n)),
        problem.levels,
        problem.group_of,
        np.zeros((problem.n_groups, problem.d)),
    ), factor


def solve(problem, noncrossing, tol, max_iter, on_iteration=None):
    """Minimise by the interior-point method."""
    band, factor = full_band(problem)
    found = interior_point(
        band,
        problem.signed,
        problem.unit_sum,
        start=problem.start(),
        tol=0.1 * tol,
        floor=_FLOOR * factor,
        max_iter=max_iter,
        on_iteration=None if on_iteration is None else lambda w: on_iteration(problem.clean(w)),
    )
    w = problem.clean(found.w)
    objective = problem.objective(w)
    bound = dual_bound(band, found.a, w, problem.signed, problem.unit_sum) / factor
    return Solution(w, objective, max(objective - bound, 0.0), found.n_iter, found.status == "stopped")


def good_enough(solution, tol):
    """Say whether a gap meets a relative tolerance."""
    return solution.gap <= tol * max(abs(solution.objective), _FLOOR)
