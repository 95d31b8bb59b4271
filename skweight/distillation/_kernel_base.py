"""Kernel ridge models of several steps: which solver runs, what is kept, prediction."""

import warnings
from functools import partial
from numbers import Real

import numpy as np
from sklearn.metrics.pairwise import PAIRWISE_KERNEL_FUNCTIONS

from skweight._core import _array_api
from skweight._core._array_api import as_type, float64_of, follow, namespace
from skweight._core._callbacks import FitTask
from skweight._core._sklearn_compat import Interval, StrOptions
from skweight.distillation._base import BaseSelfDistilled, warn_of_growth
from skweight.distillation._kernel_rows import KernelRows, check_columns, check_kernel, kernel_times
from skweight.distillation._kernel_solvers import SOLVERS
from skweight.distillation._problem import Problem
from skweight.distillation._rules import Rule

KERNEL_CONSTRAINTS = {
    "kernel": [StrOptions(set(PAIRWISE_KERNEL_FUNCTIONS) | {"precomputed"}), callable],
    "gamma": [Interval(Real, 0, None, closed="left"), None],
    "degree": [Interval(Real, 0, None, closed="left")],
    "coef0": [Interval(Real, None, None, closed="neither")],
    "kernel_params": [dict, None],
    "solver": [StrOptions({"auto", "cholesky", "eigh", "lanczos"})],
}
# An eigendecomposition costs about as much as so many Cholesky factorisations, at the least.
_CHOLESKY_PER_EIGH = 4


class BaseKernelSelfDistilled(BaseSelfDistilled):
    """Fit and predict by kernel ridge models of several steps."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.kernel == "precomputed"
        tags.input_tags.sparse = self.kernel != "precomputed"
        tags.array_api_support = _array_api.SUPPORTED
        return tags

    @property
    def _formats(self):
        return False if self.kernel == "precomputed" else super()._formats

    # ---------------------------------------------------------------- fit

    def _fit(self, X, y, sample_weight, held_out):
        """Fit all steps to rows as the user gave them, with data held out or three times None."""
        metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
        with FitTask.root(self, X, y, metadata) as task:
            X, y, weight = self._checked(X, y, sample_weight, self._formats)
            if self.kernel == "precomputed":
                check_kernel(X)
                check_columns(held_out[0], X.shape[0])
            validation = self._checked_validation(*held_out, y.shape[1])
            rule, penalties = self._rule(y.shape[1], validation)
            solver = self._choose_solver(rule, penalties)
            rows = KernelRows(self, X, weight, like=y)
            predictor = validation and rows.predictor(validation[0])
            attributes = partial(self._attributes, X, rows, penalties)
            iterates = solver == "lanczos"
            problem = Problem(
                rule,
                penalties,
                want_loo=self._wants_loo(rule),
                held_out=validation and (predictor, *validation[1:]),
                limit_alpha=self._limit_penalty(penalties),
                tol=self.tol,
                max_iter=self.max_iter,
                on_iteration=_reporter(task, attributes) if iterates and task.listened else None,
            )
            fit, ran = self._solve(rows, rows.take(y), problem, solver)
            last = None
            if not iterates:
                first = self.n_steps - fit.path.shape[0] + 1
                last = self._report_steps(task, partial(attributes, fit, ran), first)
            self._replace(attributes(fit, ran, last))
        warn_of_growth(fit.distilled.weights)
        return self

    def _solve(self, rows, y, problem, solver):
        """Return all steps, and the solver that found them."""
        try:
            return _solve_or_fall_back(rows, y, problem, solver)
        except MemoryError as error:
            raise MemoryError(
                f"The kernel matrix of n_samples={rows.n_rows} rows or its decomposition does not "
                "fit in memory: take solver='lanczos', which needs parts of it at a time, or "
                "make_pipeline(Nystroem(), SelfDistilledRidge()) for an approximate kernel."
            ) from error

    def _attributes(self, X, rows, penalties, fit, solver, last=None):
        """Return the fitted attributes as they are up to a last step."""
        attributes = self._step_attributes(penalties, fit.distilled, last)
        for name in ("ground_truth_weights_", "loo_mse_"):
            if name in attributes:
                (attributes[name],) = follow(rows.like, attributes[name])
        n_kept = attributes["_last_step"] - attributes["_first_step"] + 1
        path = rows.spread(fit.path[:n_kept, ...])
        if fit.distilled.loo is not None:
            loo = self._all_loo(rows, X, path, fit.distilled.loo[:n_kept, ...])
            attributes["loo_predictions_"] = self._shaped(as_type(loo, X.dtype))
        path = self._shaped(as_type(path, X.dtype))
        return {
            **attributes,
            "dual_coef_path_": path,
            "dual_coef_": path[attributes["best_step_"] - attributes["_first_step"], ...],
            "solver_": "cholesky" if solver == "inverse" else solver,
            "n_iter_": fit.n_iter,
            "X_fit_": X,
            # What the limit needs.
            "_fit_weight": rows.all_weights,
            "_fit_alpha": float(penalties[0]),
            "_limit": None if fit.limit is None else as_type(rows.spread(fit.limit), X.dtype),
        }

    def _choose_solver(self, rule, penalties):
        """Return the solver that runs."""
        needs_diagonals = self._wants_loo(rule) or rule.kind == "gcv"
        if self.solver in ("cholesky", "lanczos") and needs_diagonals:
            raise ValueError(
                f"solver={self.solver!r} has no leave-one-out and no generalised cross-validation: "
                "want solver='auto' or 'eigh' for ground_truth_weight='loo', 'loo-joint' or 'gcv', "
                "step_selection='loo' and store_loo=True."
            )
        if self.solver != "auto":
            return self.solver
        different = len(np.unique(penalties))
        if needs_diagonals:
            short = len(penalties) <= 2 and different == 1
            return "inverse" if short and rule.kind in ("fixed", "loo", "gcv") else "eigh"
        return "cholesky" if different <= _CHOLESKY_PER_EIGH else "eigh"

    # ---------------------------------------------------------------- prediction

    @property
    def _path(self):
        """Dual coefficients of the steps, shape (n_steps, n, m)."""
        path = self.dual_coef_path_
        return path[:, :, None] if self._flat else path

    def _decide(self, X, places):
        """Return values of some places of the path, each of shape (n_samples, m)."""
        X = self._checked_rows(X)
        xp, path = namespace(X), self._path
        chosen = [self._limit_dual() if place == np.inf else path[place, ...] for place in places]
        dual = xp.stack(chosen, axis=1)
        if dual.dtype != X.dtype:
            dual = float64_of(dual)
        values = kernel_times(self, X, self.X_fit_, xp.reshape(dual, (dual.shape[0], -1)))
        values = xp.reshape(values, (values.shape[0], *dual.shape[1:]))
        return [values[:, j, :] for j in range(len(places))]

    def _limit_dual(self):
        """Return the dual coefficients of infinitely many steps."""
        if self._limit is not None:
            return self._limit
        # They are those of an ordinary fit, for which the targets are found again from the first
        # step: K c + alpha c / weight = y.
        path = self._path
        rows = KernelRows(self, self.X_fit_, self._fit_weight, like=path)
        first = float64_of(rows.take(path[0, ...]))
        left = self._fit_alpha * first
        y = rows.predictor(rows.take(self.X_fit_))(first)
        y = y + (left if rows.weight is None else left / rows.weight[:, None])
        problem = Problem(
            Rule("fixed", np.empty(0)),
            np.array([self.limit_alpha_]),
            tol=self.tol,
            max_iter=self.max_iter,
        )
        fit, _ = self._solve(rows, y, problem, self.solver_)
        return as_type(rows.spread(fit.path)[0, ...], path.dtype)

    def _all_loo(self, rows, X, path, loo):
        """Return leave-one-out predictions of all rows: without weight, the plain ones."""
        if rows.kept is None:
            return loo
        predict = rows.predictor(rows.take_others(X))
        plain = [predict(rows.take(path[t, ...])) for t in range(path.shape[0])]
        return rows.merge(loo, namespace(loo).stack(plain))


def _solve_or_fall_back(rows, y, problem, solver):
    """Return all steps, and the solver that found them: "eigh" where a factorisation fails."""
    try:
        return SOLVERS[solver](rows, y, problem), solver
    except np.linalg.LinAlgError:
        warnings.warn(
            f"The kernel matrix with alpha={problem.penalties.min():g} on its diagonal is not "
            "positive definite in floating point: its eigenvalues are used instead, those that "
            "rounding leaves below 0 as 0. Raise alpha to be spared this.",
            UserWarning,
            stacklevel=5,
        )
        return SOLVERS["eigh"](rows, y, problem), "eigh"


def _reporter(task, attributes):
    """Return what an iterative solver calls after each iteration."""
    return lambda fit: task.iteration("lanczos", lambda: attributes(fit(), "lanczos"))
