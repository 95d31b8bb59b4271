"""Fine weights over many columns: a line at a time, on the few columns that matter."""

import numpy as np

from skweight.quantile._weights_problem import AggregationProblem
from skweight.quantile._weights_solve import FLOOR, Run, Solution

# Columns of each line let in at once.
_COLUMNS_AT_ONCE = 20

# Violation of a column's sign that is rounding, as a share of the column's costs.
_ROUNDING = 1e-9


class _Line(AggregationProblem):
    """One line of a problem on some of its columns, itself a problem of a single line."""

    fine, m, n_groups = False, 1, 1

    def __init__(self, problem, whole, k, columns):
        self.whole, self.columns = whole, columns
        self.n, self.y, self.cost = problem.n, problem.y, problem.cost
        self.levels, self.group_of = problem.levels[k : k + 1], np.zeros(1, dtype=np.intp)
        self.constraint, self.fit_intercept = problem.constraint, problem.fit_intercept
        self.p = self.n_models = int((columns < problem.n_models).sum())
        self.d = len(columns)

    def design(self, rows):
        return self.whole[None, self.columns, rows]


def solve_by_columns(problem, tol, max_iter, on_iteration=None):
    """Minimise over fine weights that are not negative, which are mostly 0.

    Each line starts with its own level and the neighbouring ones of every model. Multipliers of
    its optimum price the columns left out; those that would pay are let in, until none would. The
    bound is taken over all columns, so the gap is that of the whole problem.

    Parameters
    ----------
    problem : AggregationProblem
        With fine weights.
    tol : float
        Gap to reach, relative to the objective, or to the problem's scale if that is more.
    max_iter : int
        Iterations of one run of the interior-point method at the most.
    on_iteration : callable or None, default=None
        Called with feasible weights (n_groups, d); a true answer stops.

    Returns
    -------
    Solution
        The weights.
    """
    whole = problem.design(slice(0, problem.n))[0]
    w = problem.start()
    objective, bound, n_iter, stopped = 0.0, 0.0, 0, False
    for k in range(problem.m):
        if stopped:
            objective += _Line(problem, whole, k, np.arange(problem.d)).objective(w[k : k + 1])
            bound = -np.inf
            continue

        def listen(part, k=k, columns=None):
            w[k] = 0.0
            w[k, columns] = part[0]
            return on_iteration(w)

        found, line_bound = _solve_line(
            problem, whole, k, tol, max_iter, None if on_iteration is None else listen
        )
        w[k] = found.w[0]
        objective, bound = objective + found.objective, bound + line_bound
        n_iter, stopped = n_iter + found.n_iter, found.stopped
    return Solution(w, objective, max(objective - bound, 0.0), n_iter, stopped)


def _solve_line(problem, whole, k, tol, max_iter, listen):
    """Solve one line; return its solution on all columns and the bound of its objective."""
    levels = np.arange(max(k - 1, 0), min(k + 2, problem.m))
    own = (np.arange(problem.p)[:, None] * problem.m + levels).ravel()
    columns = np.append(own, np.arange(problem.n_models, problem.d))
    n_iter, w, best = 0, np.zeros((1, problem.d)), -np.inf
    size = np.abs(whole) @ problem.cost
    while True:
        line = _Line(problem, whole, k, columns)
        told = None if listen is None else lambda part, c=columns: listen(part, columns=c)
        run = Run(line, tol, max_iter, told)
        solution = run.minimise()
        n_iter += solution.n_iter
        w[:] = 0.0
        w[0, columns] = solution.w[0]
        inside = solution.objective - solution.gap
        h = whole @ run.multipliers()[0]
        own = columns[columns < problem.n_models]
        level = float(h[own].max()) if problem.unit_sum else 0.0
        h[columns] = -np.inf
        excess = np.maximum(h[: problem.n_models] - level, 0.0)
        if problem.unit_sum:
            best = max(best, inside - float(excess.max()))
        elif (excess <= _ROUNDING * size[: problem.n_models]).all():
            best = max(best, inside - float(excess.sum()))
        solution = Solution(w, solution.objective, solution.objective - best, n_iter, run.stopped)
        fresh = np.argsort(-excess)[:_COLUMNS_AT_ONCE]
        fresh = fresh[excess[fresh] > 0]
        close = solution.gap <= 0.1 * tol * max(solution.objective, FLOOR / problem.m)
        if close or run.over or not len(fresh):
            return solution, best
        columns = np.sort(np.concatenate([columns, fresh]))
