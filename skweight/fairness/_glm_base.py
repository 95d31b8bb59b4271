"""What the estimators with a dependence penalty share: input, attributes, fit and prediction."""

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skweight._core._callbacks import CallbackSupportMixin, FitTask
from skweight._core._sklearn_compat import Interval, StrOptions
from skweight.fairness._glm import GLMProblem
from skweight.fairness._penalty import DependencePenalty
from skweight.fairness._sensitive import SensitiveEncoder
from skweight.fairness._sensitive_rows import SensitiveRows

# Constraints of the parameters that all these estimators share.
SHARED_CONSTRAINTS = {
    "measure": [StrOptions({"ccdcov", "jdcov", "sum"})],
    "statistic": [StrOptions({"V", "U"})],
    "normalize": ["boolean"],
    "c": [Interval(Real, 0, None, closed="neither")],
    "sensitive_columns": [str, Integral, "array-like", dict, callable, None],
    "drop_sensitive": ["boolean"],
    "sensitive_types": [StrOptions({"auto"}), dict],
    "nominal_metric": [StrOptions({"euclidean", "discrete"})],
    "missing": [StrOptions({"error", "category"})],
    "scale": [StrOptions({"minmax", "std", "mean_distance"}), None],
    "max_levels": [Interval(Integral, 2, None, closed="left"), None],
    "penalize": [StrOptions({"response", "linear"})],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "fit_intercept": ["boolean"],
    "smoothing": [Interval(Real, 0, None, closed="left")],
    "solver": [StrOptions({"lbfgs"})],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "tol": [Interval(Real, 0, None, closed="neither")],
    "n_init": [Interval(Integral, 1, None, closed="left")],
    "random_state": ["random_state"],
}


class BaseDistanceCovariance(SensitiveRows, CallbackSupportMixin, BaseEstimator):
    """Fit and predict a generalised linear model with a dependence penalty.

    A subclass has `_target` (loss and target of the solver, from rows), `_shaped` (coefficients
    and intercepts as its users expect them) and `_previous` (the reverse, for warm starts).
    """

    # ---------------------------------------------------------------- fit

    def _fit(self, X, y, sample_weight, sensitive_features):
        rows = self._fit_rows(X, y, sample_weight, sensitive_features)
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        with FitTask.root(self, X, y, metadata) as task:
            problem, encoder = self._problem(rows)
            start = self._previous(rows) if self.warm_start else None
            solution = problem.solve(
                self.fairness_alpha,
                start=start,
                n_init=self.n_init,
                rng=check_random_state(self.random_state),
                on_step=self._listener(task, problem.loss, rows),
                narrow=start is not None,
            )
            self._set_solution(problem, solution, rows, encoder)
        self._warn(problem, solution)
        return self

    def _problem(self, rows):
        """Return what is to be solved, and the encoder of the attributes."""
        if self.normalize and self.measure == "jdcov":
            raise ValueError(
                "normalize must be False with measure='jdcov', which has no correlation, got True."
            )
        penalty = encoder = None
        if rows.attributes is not None:
            rows.warn_of_target(stacklevel=6)
            encoder = SensitiveEncoder(
                types=self.sensitive_types,
                nominal_metric=self.nominal_metric,
                missing=self.missing,
                scale=self.scale,
                max_levels=self.max_levels,
            ).fit(rows.attributes, rows.weight)
            penalty = DependencePenalty(
                encoder.transform(rows.attributes),
                rows.weight,
                measure=self.measure,
                statistic=self.statistic,
                c=self.c,
                normalize=self.normalize,
            )
        loss, target = self._target(rows)
        problem = GLMProblem(
            rows.X,
            target,
            rows.weight,
            loss,
            alpha=self.alpha,
            fit_intercept=self.fit_intercept,
            penalty=penalty,
            penalize=self.penalize,
            smoothing=self.smoothing,
            tol=self.tol,
            max_iter=self.max_iter,
        )
        return problem, encoder

    def _listener(self, task, loss, rows):
        """Return what tells callbacks of each step, or None if nobody listens."""
        if not task.listened:
            return None

        def on_step(coef, intercept):
            return task.iteration("lbfgs", lambda: self._attributes(loss, coef, intercept, rows))

        return on_step

    def _attributes(self, loss, coef, intercept, rows):
        """Return the fitted attributes that prediction needs."""
        full = np.zeros((len(rows.used), coef.shape[1]))
        full[rows.used] = coef
        coef, intercept = self._shaped(full, intercept)
        names = ("n_features_in_", "feature_names_in_", "classes_")
        known = {name: getattr(self, name) for name in names if hasattr(self, name)}
        return {
            "coef_": coef,
            "intercept_": intercept,
            "_used_columns": rows.used,
            "_glm_loss": loss,
            **known,
        }

    def _set_solution(self, problem, solution, rows, encoder):
        """Set the fitted attributes."""
        attributes = self._attributes(problem.loss, solution.coef, solution.intercept, rows)
        for name, value in attributes.items():
            setattr(self, name, value)
        self.n_iter_ = solution.n_iter
        self.objective_ = solution.objective
        self.penalty_ = solution.penalty
        self.penalty_constant_ = problem.constant
        self.converged_ = solution.converged
        self.collapsed_ = solution.collapsed
        self.smoothing_ = 0.0 if problem.penalty is None else problem.width
        self.sensitive_encoder_ = encoder

    def _warn(self, problem, solution):
        penalised = problem.penalty is not None and self.fairness_alpha > 0
        unbiased = penalised and self.statistic == "U"
        if problem.penalty is None:
            _say(
                f"This {type(self).__name__} knows no protected attributes and is a plain "
                "generalised linear model: give sensitive_columns, or sensitive_features to fit."
            )
        if solution.diverged:
            remedy = "use statistic='V', which bounds the objective, or " if unbiased else ""
            _say(
                "A prediction went to 1e13 times the mean of y or to 1e-13 times, and the last "
                f"finite step is returned: {remedy}raise alpha.",
                ConvergenceWarning,
            )
        elif not (solution.converged or solution.stopped):
            _say(
                f"The fit did not reach tol in {solution.n_iter} steps: raise max_iter or tol, or "
                "smoothing if it is 0.",
                ConvergenceWarning,
            )
        if unbiased and solution.penalty < 0:
            _say(
                f"The unbiased penalty is below 0 ({solution.penalty:.3g}), where it rewards noise "
                "instead of removing dependence: use statistic='V' or a lower fairness_alpha."
            )
        if solution.collapsed:
            _say(
                f"fairness_alpha={self.fairness_alpha:g} leaves a constant model: no coefficients "
                "with a lower objective were found. Lower it for predictions that differ."
            )

    # ---------------------------------------------------------------- prediction

    def _scores(self, X):
        """Return the raw scores, (n,) for a single one."""
        check_is_fitted(self)
        X, used = self._prediction_columns(X)
        coef = self.coef_ if used is None else self.coef_[..., used]
        return X @ coef.T + self.intercept_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _say(message, category=UserWarning):
    # Out of `_warn`, `_fit`, `fit` and scikit-learn's wrapper of it.
    warnings.warn(message, category, stacklevel=6)
