"""Drive the solvers of quantile stacking: which observations, which crossing rows, how good."""

from dataclasses import dataclass

import numpy as np

from skweight.quantile._weights_band import (
    all_observations,
    band_of,
    evaluate,
    nearest,
    sample_of,
)
from skweight.quantile._weights_certificate import dual_bound
from skweight.quantile._weights_crossing import (
    check_feasible,
    refuse_if_infeasible,
    worst_crossings,
)
from skweight.quantile._weights_ipm import interior_point

# Gaps are relative to the objective, or to the scale of y where that is more. The method aims at
# this share of the scale.
FLOOR = 1e-3

# Observations up to which all of them are worked on at once.
_SMALL = 20_000

# The first sample has this many times (d N)^(2/3) of N observations, and this many rows at least;
# the first band is so many times as large, and wider by a factor each time that it does not hold.
_SAMPLE, _LEAST = 2.5, 200
_BAND, _WIDEN = 1.3, 1.3

# Weights that crossing rows may couple: their joint system has half a gigabyte.
_LARGEST_JOINT = 8000

# Crossing rows of each pair of lines let in at once, and how often.
_ROWS_AT_ONCE, _ROUNDS = 20, 100


@dataclass
class Solution:
    """Weights (n_groups, d), their objective and gap in units of the problem's scale.

    Attributes
    ----------
    w : ndarray of shape (n_groups, d)
        The weights.
    objective, gap : float
        What they reach, and by how much at most that is above the optimum.
    n_iter : int
        Iterations made.
    stopped : bool
        Whether a callback asked to stop.
    limited : bool
        Whether iterations ran out.
    """

    w: np.ndarray
    objective: float
    gap: float
    n_iter: int
    stopped: bool = False
    limited: bool = False

    def good_enough(self, tol):
        """Say whether the gap meets a relative tolerance."""
        return self.gap <= tol * max(abs(self.objective), 1.0)


def solve(problem, noncrossing, tol, max_iter, on_iteration=None):
    """Minimise by the interior-point method.

    Many observations are reduced: those whose residual is far from zero at the solution of a
    sample keep their sign, and cost what a line costs. Since the pinball loss is never below such
    a line, the optimum of the rest bounds that of all from below, and the difference to what the
    solution costs on all observations is a gap. The band is widened until the gap is small.

    Rows that must not cross are let in as they are violated, the worst first, and never dropped:
    the multipliers of all others are 0, so the gap holds for the whole problem.

    Parameters
    ----------
    problem : AggregationProblem
        What to minimise.
    noncrossing : bool
        Whether lines must not cross at any row.
    tol : float
        Gap to reach, relative to the objective, or to the problem's scale if that is more.
    max_iter : int
        Iterations of one run of the method at the most.
    on_iteration : callable or None, default=None
        Called with feasible weights (n_groups, d); a true answer stops.

    Returns
    -------
    Solution
        The weights.

    Raises
    ------
    ValueError
        If no weights keep the lines from crossing.
    """
    constrained = noncrossing and problem.m > 1
    if constrained and problem.n_groups * problem.d > _LARGEST_JOINT:
        raise ValueError(
            f"noncrossing='constrain' couples all {problem.n_groups} x {problem.d} weights here, "
            f"more than {_LARGEST_JOINT}: want weighting='medium', fewer levels or models, or "
            "noncrossing='sort'."
        )
    if constrained:
        check_feasible(problem)
    run = Run(problem, tol, max_iter, on_iteration)
    solution = run.minimise()
    for _ in range(_ROUNDS if constrained else 0):
        violated = worst_crossings(problem, solution.w, max(_ROWS_AT_ONCE, 2 * problem.d))
        if violated is None:
            return solution
        if run.over:
            break
        run.crossing = violated if run.crossing is None else run.crossing.joined(violated)
        solution = run.minimise()
    if constrained and worst_crossings(problem, solution.w, 1) is not None:
        solution.gap = np.inf  # a bound of the optimum is none of weights that cross
    return solution


class Run:
    """What one call of `solve` shares: limits, callbacks, the band and the crossing rows."""

    def __init__(self, problem, tol, max_iter, on_iteration):
        self.problem, self.tol, self.max_iter = problem, tol, max_iter
        self.n_iter, self.over, self.stopped, self.crossing = 0, False, False, None
        self.listener = None
        if on_iteration is not None:
            self.listener = lambda w: on_iteration(problem.clean(w))
        self.factor = problem.n * problem.m / 2.0
        self.w, self.residuals = problem.start(), None
        self.band = self.kept = self.a = None
        self.size = _sample_size(problem)

    def minimise(self):
        """Return the solution under the crossing rows at hand."""
        problem, n = self.problem, self.problem.n
        if self.size >= n / 3:
            self.band = self.band or all_observations(problem, self.factor)
            found = self._interior_point(self.band, self.tol)
            self.w = problem.clean(found.w)
            return self._solution(self.w, problem.objective(self.w), found)
        if self.residuals is None:
            rows = np.sort(np.random.default_rng(0).permutation(n)[: self.size])
            found = self._interior_point(sample_of(problem, rows, self.factor), 1e-4)
            self.w = problem.clean(found.w)
            self.residuals, self.objective = evaluate(problem, self.w)
            self.size = min(n, int(_BAND * self.size))
            if self.over:
                return Solution(self.w, self.objective, np.inf, self.n_iter, self.stopped, True)
        while True:
            self.kept, self.far = nearest(self.residuals, self.size), self.residuals
            self.band = band_of(problem, self.residuals, self.kept, self.factor)
            found = self._interior_point(self.band, self.tol)
            w = problem.clean(found.w)
            residuals, objective = evaluate(problem, w)
            solution = self._solution(w, objective, found)
            # Crossing rows may cost; without them a worse point says that the band has no minimum.
            if self.crossing is not None or objective <= self.objective:
                self.w, self.residuals, self.objective = w, residuals, objective
            if solution.good_enough(self.tol) or self.size == n or self.over:
                return solution
            # Free columns leave a band without a minimum; all observations have one.
            bounded = problem.unit_sum and not problem.fit_intercept
            self.size = min(n, int(_WIDEN * self.size)) if bounded else n

    def multipliers(self):
        """Return those of all observations, (m, n), in the objective's own units."""
        problem = self.problem
        if self.kept is None:
            return self.a / self.factor
        levels = problem.levels[:, None]
        a = np.where(self.far > 0, levels, levels - 1) * problem.cost
        np.put_along_axis(a, self.kept, self.a / self.factor, axis=1)
        return a

    def _interior_point(self, band, tol):
        found = interior_point(
            band,
            self.problem.signed,
            self.problem.unit_sum,
            start=self.w,
            tol=0.1 * tol,
            floor=FLOOR * self.factor,
            max_iter=self.max_iter,
            crossing=self.crossing,
            on_iteration=self.listener,
        )
        self.n_iter += found.n_iter
        self.over |= found.status in ("stopped", "limit")
        self.stopped = found.status == "stopped"
        if self.crossing is not None and found.infeasibility > 1e-7 and not self.over:
            refuse_if_infeasible(self.problem, self.crossing)
        return found

    def _solution(self, w, objective, found):
        problem = self.problem
        with np.errstate(over="ignore", invalid="ignore"):  # columns beyond all scales
            bound, self.a = dual_bound(
                self.band,
                found.a,
                w,
                problem.signed,
                problem.unit_sum,
                self.crossing,
                found.crossing,
            )
        gap = max(objective - bound / self.factor, 0.0)
        return Solution(w, objective, gap, self.n_iter, self.stopped, self.over)


def _sample_size(problem):
    """Return how many rows the first sample has."""
    lines = np.bincount(problem.group_of).min()
    n = problem.n
    if n * problem.m <= _SMALL:
        return n
    return max(_LEAST, int(_SAMPLE * (problem.d * n * lines) ** (2 / 3) / lines))
