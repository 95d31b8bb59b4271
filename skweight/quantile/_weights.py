"""The weights of quantile models that minimise the weighted interval score: one entry point."""

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.validation import column_or_1d

from skweight._core._sklearn_compat import check_sample_weight
from skweight.quantile._levels import check_quantiles
from skweight.quantile._weights_columns import solve_by_columns
from skweight.quantile._weights_crossing import worst_crossings
from skweight.quantile._weights_first_order import solve_first_order
from skweight.quantile._weights_highs import solve_highs
from skweight.quantile._weights_problem import AggregationProblem
from skweight.quantile._weights_solve import Solution, solve

WEIGHTINGS = ("coarse", "medium", "fine")
CONSTRAINTS = ("simplex", "nonneg", "none")
SOLVERS = ("auto", "ipm", "first-order", "highs")

# Columns up to which fine weights are solved for all at once.
_DENSE_COLUMNS = 150

# Observations up to which HiGHS is asked where the interior-point method stalls.
_SMALL = 20_000

# Weights below this are what an interior point leaves of 0.
_TINY = 1e-7


@dataclass
class StackingWeights:
    """What `quantile_stacking_weights` returns.

    Attributes
    ----------
    weights : ndarray
        (p,) for coarse, (m, p) for medium and tied levels, (m, p, m) for fine, whose axes are
        output level, model, input level.
    intercept : ndarray of shape (m,)
        Added to each level; zeros without an intercept.
    objective : float
        Mean over rows and levels of twice the pinball loss.
    dual_gap : float
        Bound of how far `objective` is above the optimum; inf where no bound is known.
    n_iter : int
        Iterations made.
    converged : bool
        Whether the gap met the tolerance.
    stopped : bool
        Whether a callback asked to stop.
    """

    weights: np.ndarray
    intercept: np.ndarray
    objective: float
    dual_gap: float
    n_iter: int
    converged: bool
    stopped: bool = False


def combine(Q, weights, intercept):
    """Combine base quantiles into the ensemble's, before any ordering.

    Parameters
    ----------
    Q : ndarray of shape (n, p, m)
        Quantiles of each model.
    weights : ndarray of shape (p,), (m, p) or (m, p, m)
        As in `StackingWeights`.
    intercept : ndarray of shape (m,)
        Added to each level.

    Returns
    -------
    ndarray of shape (n, m)
        The ensemble's quantiles.
    """
    n, p, m = Q.shape
    if weights.ndim == 1:
        out = np.tensordot(Q, weights, axes=(1, 0))
    elif weights.ndim == 2:
        out = np.einsum("ijk,kj->ik", Q, weights)
    else:
        out = Q.reshape(n, p * m) @ weights.reshape(m, p * m).T
    return out + intercept


def quantile_stacking_weights(
    Q,
    y,
    quantiles,
    *,
    weighting="medium",
    level_groups=None,
    constraint="simplex",
    fit_intercept=False,
    noncrossing=False,
    sample_weight=None,
    solver="auto",
    tol=1e-9,
    max_iter=200,
    on_iteration=None,
):
    """Find the weights of quantile models that minimise the weighted interval score.

    It is the mathematics of `QuantileStackingRegressor` for forecasts at hand, which must not have
    seen `y`: weights learned on fitted rows go to the model that overfits most.

    Parameters
    ----------
    Q : array-like of shape (n_samples, n_models, n_quantiles)
        Forecasts of each model at each level. float32 and memory-mapped arrays are read in
        blocks and computed in float64.
    y : array-like of shape (n_samples,)
        What came out.
    quantiles : array-like of shape (n_quantiles,)
        Levels in (0, 1), strictly increasing.
    weighting : {"coarse", "medium", "fine"}, default="medium"
        One weight for each model, for each model and level, or for each model, level and output
        level.
    level_groups : array-like of shape (n_quantiles,) or None, default=None
        Labels; levels of one label share their weights. With "medium" only.
    constraint : {"simplex", "nonneg", "none"}, default="simplex"
        Whether weights are at least 0 and sum to 1, are at least 0, or are free.
    fit_intercept : bool, default=False
        Whether a constant is added, one for each group of levels that share their weights.
    noncrossing : bool, default=False
        Whether the quantiles of every row of positive weight must not cross.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights of the rows, at least 0; only their ratios matter.
    solver : {"auto", "ipm", "first-order", "highs"}, default="auto"
        "ipm" is an interior-point method, "first-order" accelerated gradients, "highs" scipy's
        linear programming. "auto" takes the first, on the columns that matter where fine weights
        have more than 150, the second only where those are also free, and the third for small
        problems that stall the first.
    tol : float, default=1e-9
        Gap to reach, above 0, relative to the objective or to the mean absolute deviation of `y`,
        whichever is larger (its mean absolute value without the unit sum and an intercept).
    max_iter : int, default=200
        Iterations of one run of the solver at the most.
    on_iteration : callable or None, default=None
        Called as ``on_iteration(weights, intercept)`` after each iteration; a true answer stops.

    Returns
    -------
    StackingWeights
        The attributes ``weights`` (of shape (p,) for coarse, (m, p) for medium, (m, p, m) for
        fine: output level, model, input level), ``intercept`` (m,), ``objective``, ``dual_gap``
        (how far the objective is above the optimum at the most; inf where no bound is known),
        ``n_iter``, ``converged`` and ``stopped``.

    Raises
    ------
    ValueError
        If shapes or options do not fit together, or no weights keep the quantiles from crossing.

    See Also
    --------
    QuantileStackingRegressor : Fits the models too, out of fold.
    QuantileAggregator : The same as an estimator of ready forecasts.

    Notes
    -----
    The objective is the mean over rows and levels of twice the pinball loss, a linear programme.
    Its cost is linear in the rows. Beyond 20 000 observations (rows times levels) a sample is
    solved first, then only what lies near its quantiles; the gap is that of all rows. Memory is
    one copy of what is worked on, and 4 bytes for each row and level.

    Under the unit sum or with an intercept the location of `y` is taken off first, and free
    weights work on orthonormal axes. With "nonneg" and no intercept neither is possible: forecasts
    a million times as large as their errors cost the last digits of the objective.

    References
    ----------
    .. [1] R. Fakoor, T. Kim, J. Mueller, A. J. Smola and R. J. Tibshirani, "Flexible Model
       Aggregation for Quantile Regression", Journal of Machine Learning Research 24(162), 2023.
    .. [2] S. Portnoy and R. Koenker, "The Gaussian Hare and the Laplacian Tortoise", Statistical
       Science 12(4), 1997.

    Examples
    --------
    >>> import numpy as np
    >>> from skweight.quantile import quantile_stacking_weights
    >>> rng = np.random.default_rng(0)
    >>> y = rng.normal(size=400)
    >>> good = np.tile([-0.67, 0.0, 0.67], (400, 1))
    >>> Q = np.stack([good, good + 1.0], axis=1)
    >>> found = quantile_stacking_weights(Q, y, [0.25, 0.5, 0.75], weighting="coarse")
    >>> found.weights.round(1)
    array([1., 0.])
    """
    levels = check_quantiles(quantiles)
    Q, y = _check_forecasts(Q, y, len(levels))
    if sample_weight is not None:
        sample_weight = check_sample_weight(sample_weight, y)
    _check_options(weighting, level_groups, constraint, solver, noncrossing, tol, max_iter)
    group_of = _groups(weighting, level_groups, len(levels))
    fine = weighting == "fine"
    problem = AggregationProblem(
        Q, y, levels, group_of, fine, constraint, fit_intercept, sample_weight
    )

    def shaped(w):
        weights, intercept = problem.raw(w)
        return weights[0] if weighting == "coarse" else weights, intercept

    report = None if on_iteration is None else (lambda w: on_iteration(*shaped(w)))
    found = _solve(problem, solver, noncrossing, tol, max_iter, report)
    if not found.stopped:
        _tidy(problem, found, noncrossing, tol)
    return StackingWeights(
        *shaped(found.w),
        found.objective * problem.scale,
        found.gap * problem.scale,
        found.n_iter,
        found.good_enough(tol),
        found.stopped,
    )


def _check_forecasts(Q, y, n_levels):
    """Return forecasts as a float array of three axes, which is not copied, and y."""
    if np.iscomplexobj(Q):
        raise ValueError("Q must hold real forecasts, got complex numbers.")
    if np.ma.is_masked(Q):
        raise ValueError("Q has masked entries: want finite forecasts of every model.")
    if not (isinstance(Q, np.ndarray) and Q.dtype.kind == "f"):
        Q = np.asarray(Q, dtype=np.float64)
    if Q.ndim != 3 or 0 in Q.shape:
        raise ValueError(
            f"Q must have shape (n_samples, n_models, n_quantiles), all above 0, got {Q.shape}."
        )
    if Q.shape[2] != n_levels:
        raise ValueError(f"Q has {Q.shape[2]} levels, but quantiles are {n_levels}.")
    y = check_array(column_or_1d(y), ensure_2d=False, dtype=np.float64, input_name="y")
    check_consistent_length(Q, y)
    step = max(1, (1 << 20) // (Q.shape[1] * Q.shape[2]))
    for start in range(0, len(Q), step):
        if not np.isfinite(Q[start : start + step]).all():
            raise ValueError("Q contains NaN or infinity: want finite forecasts of every model.")
    return Q, y


def _check_options(weighting, level_groups, constraint, solver, noncrossing, tol, max_iter):
    for name, value, allowed in (
        ("weighting", weighting, WEIGHTINGS),
        ("constraint", constraint, CONSTRAINTS),
        ("solver", solver, SOLVERS),
    ):
        if value not in allowed:
            raise ValueError(f"{name} must be one of {list(allowed)}, got {value!r}.")
    if level_groups is not None and weighting != "medium":
        raise ValueError(f"level_groups needs weighting='medium', got weighting={weighting!r}.")
    if not tol > 0:
        raise ValueError(f"tol must be above 0, got {tol!r}.")
    if not max_iter >= 1:
        raise ValueError(f"max_iter must be at least 1, got {max_iter!r}.")
    if solver == "first-order" and noncrossing:
        raise ValueError(
            "solver='first-order' cannot keep quantiles from crossing: want solver='ipm' or "
            "'highs' with noncrossing='constrain'."
        )


def _groups(weighting, level_groups, m):
    """Return the number of each level's group of weights, numbered by first appearance."""
    if weighting == "coarse":
        return np.zeros(m, dtype=np.intp)
    if level_groups is None:
        return np.arange(m)
    labels = list(level_groups) if np.iterable(level_groups) else []
    if len(labels) != m:
        raise ValueError(
            f"level_groups must hold one label for each of the {m} levels, got {level_groups!r}."
        )
    numbers = {}
    return np.array([numbers.setdefault(label, len(numbers)) for label in labels])


def _solve(problem, solver, noncrossing, tol, max_iter, report):
    """Choose a solver and run it."""
    if solver == "highs":
        return _solve_by_highs(problem, noncrossing)
    many = problem.fine and problem.n_models > _DENSE_COLUMNS and not noncrossing
    if solver == "first-order" or (solver == "auto" and many and problem.constraint == "none"):
        return solve_first_order(problem, tol, max_iter, report)
    if solver == "auto" and many:
        return solve_by_columns(problem, tol, max_iter, report)
    found = solve(problem, noncrossing, tol, max_iter, report)
    small = problem.n * problem.m <= _SMALL and problem.n_models <= _DENSE_COLUMNS
    if solver == "auto" and small and not (found.good_enough(tol) or found.limited):
        # Constraints without an interior may stall the method: corners do not mind.
        with suppress(RuntimeError, ValueError):
            other = _solve_by_highs(problem, noncrossing)
            other.n_iter += found.n_iter
            found = min(found, other, key=lambda solution: solution.gap)
    return found


def _solve_by_highs(problem, noncrossing):
    rows = np.arange(problem.n) if noncrossing else None
    w, bound, n_iter = solve_highs(problem, rows)
    w = problem.clean(w)
    objective = problem.objective(w)
    return Solution(w, objective, max(objective - bound, 0.0), n_iter)


def _tidy(problem, found, noncrossing, tol):
    """Set to 0 what an interior point leaves of it, if that costs nothing."""
    if problem.constraint == "none":
        return
    w = found.w.copy()
    models = w[:, : problem.n_models]
    models[models < _TINY * models.max(axis=1, keepdims=True)] = 0.0
    w = problem.clean(w)
    objective = problem.objective(w)
    if objective > found.objective + 0.1 * tol * abs(found.objective):
        return
    if noncrossing and worst_crossings(problem, w, 1) is not None:
        return
    found.gap = max(found.gap + objective - found.objective, 0.0)
    found.w, found.objective = w, objective
