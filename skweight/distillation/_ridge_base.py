"""Linear ridge models of several steps: which solver runs, what is kept, prediction."""

import warnings
from functools import partial

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier

from skweight._core import _array_api
from skweight._core._array_api import as_type, concat, follow, namespace
from skweight._core._callbacks import FitTask
from skweight._core._sklearn_compat import StrOptions
from skweight.distillation._base import (
    STEP_CONSTRAINTS,
    BaseSelfDistilled,
    warn_of_growth,
)
from skweight.distillation._problem import Problem
from skweight.distillation._ridge_rows import RidgeRows, products
from skweight.distillation._ridge_solvers import SOLVERS

RIDGE_CONSTRAINTS = {
    "fit_intercept": ["boolean"],
    **STEP_CONSTRAINTS,
    "solver": [StrOptions({"auto", "cholesky", "svd", "lsqr"})],
}
# The larger the matrix of sparse rows or features that would be factorised, the more iterations
# cost less than it does.
_LARGE = 5000


class BaseRidgeSelfDistilled(BaseSelfDistilled):
    """Fit and predict by linear ridge models of several steps."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.array_api_support = _array_api.SUPPORTED
        return tags

    # ---------------------------------------------------------------- fit

    def _fit(self, X, y, sample_weight, held_out):
        """Fit all steps to rows as the user gave them, with data held out or three times None."""
        metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
        with FitTask.root(self, X, y, metadata) as task:
            X, y, weight = self._checked(X, y, sample_weight, ("csr",))
            validation = self._checked_validation(*held_out, y.shape[1])
            rule, penalties = self._rule(y.shape[1], validation)
            solver = self._choose_solver(X, rule)
            rows = RidgeRows(X, y, weight, self.fit_intercept)
            attributes = partial(self._attributes, X, rows, penalties)
            iterates = solver == "lsqr"
            problem = Problem(
                rule,
                penalties,
                want_loo=self._wants_loo(rule),
                held_out=validation and (partial(rows.predict, validation[0]), *validation[1:]),
                limit_alpha=self._limit_penalty(penalties),
                tol=self.tol,
                max_iter=self.max_iter,
                on_iteration=_reporter(task, attributes) if iterates and task.listened else None,
            )
            fit, ran = _solve(rows, problem, solver)
            last = None
            if not iterates:
                first = self.n_steps - fit.path.shape[0] + 1
                last = self._report_steps(task, partial(attributes, fit, ran), first)
            self._replace(attributes(fit, ran, last))
        warn_of_growth(fit.distilled.weights)
        return self

    def _choose_solver(self, X, rule):
        """Return the solver that runs."""
        needs_diagonals = self._wants_loo(rule) or rule.kind == "gcv"
        if self.solver in ("cholesky", "lsqr") and needs_diagonals:
            raise ValueError(
                f"solver={self.solver!r} has no leave-one-out and no generalised cross-validation: "
                "want solver='auto' or 'svd' for ground_truth_weight='loo', 'loo-joint' or 'gcv', "
                "step_selection='loo' and store_loo=True."
            )
        if self.solver != "auto":
            return self.solver
        if needs_diagonals:
            return "svd"
        return "lsqr" if sparse.issparse(X) and min(X.shape) > _LARGE else "cholesky"

    def _attributes(self, X, rows, penalties, fit, solver, last=None):
        """Return the fitted attributes as they are up to a last step."""
        attributes = self._step_attributes(penalties, fit.distilled, last)
        for name in ("ground_truth_weights_", "loo_mse_"):
            if name in attributes:
                (attributes[name],) = follow(rows.like, attributes[name])
        n_kept = attributes["_last_step"] - attributes["_first_step"] + 1
        steps = fit.path[:n_kept, ...]
        if fit.distilled.loo is not None:
            loo = _all_loo(rows, X, steps, fit.distilled.loo[:n_kept, ...])
            attributes["loo_predictions_"] = self._shaped(as_type(loo, X.dtype))
        path, intercepts = self._as_ridge(rows, steps)
        best = attributes["best_step_"] - attributes["_first_step"]
        return {
            **attributes,
            "coef_path_": path,
            "intercept_path_": intercepts,
            "coef_": path[best, ...],
            "intercept_": intercepts[best, ...],
            "solver_": solver,
            "n_iter_": fit.n_iter,
            "_limit": None if fit.limit is None else self._as_ridge(rows, fit.limit[None, ...]),
        }

    def _as_ridge(self, rows, coef):
        """Return coefficients of shape (T, p, m), and intercepts, as `Ridge` and its like do."""
        coef, intercept = (as_type(a, rows.X.dtype) for a in (coef, rows.intercept(coef)))
        if self._flat and not is_classifier(self):
            return coef[:, :, 0], intercept[:, 0]
        return namespace(coef).moveaxis(coef, 1, -1), intercept

    # ---------------------------------------------------------------- prediction

    def _decide(self, X, places):
        """Return predictions by some places of the path, each of shape (n_samples, m)."""
        X = self._checked_rows(X)
        xp = namespace(self.coef_path_)
        coef, intercept = [], []
        for place in places:
            path, intercepts = self.coef_path_, self.intercept_path_
            if place == np.inf:
                (path, intercepts), place = self._limit, 0
            coef.append(xp.reshape(path[place, ...], (-1, X.shape[1])))
            intercept.append(xp.reshape(intercepts[place, ...], (-1,)))
        values = products(X, concat(coef).T) + concat(intercept)
        m = coef[0].shape[0]
        return [values[:, k * m : (k + 1) * m] for k in range(len(places))]


def _solve(rows, problem, solver):
    """Return all steps, and the solver that found them."""
    try:
        return SOLVERS[solver](rows, problem), solver
    except np.linalg.LinAlgError:
        warnings.warn(
            f"The products of the features, or of the rows, with alpha={problem.penalties.min():g} "
            "on the diagonal are not positive definite in floating point: singular values are used "
            "instead. Raise alpha to be spared this.",
            UserWarning,
            stacklevel=5,
        )
        return SOLVERS["svd"](rows, problem), "svd"


def _all_loo(rows, X, path, loo):
    """Return leave-one-out predictions of all rows: without weight, the plain ones."""
    if rows.kept is None:
        return loo
    others = rows.take_others(X)
    plain = [rows.predict(others, path[t, ...]) for t in range(path.shape[0])]
    return rows.merge(loo, namespace(loo).stack(plain))


def _reporter(task, attributes):
    """Return what an iterative solver calls after each iteration."""
    return lambda fit: task.iteration("lsqr", lambda: attributes(fit(), "lsqr"))
