"""What the estimators with a dependence penalty share: input, attributes, fit and prediction."""

import warnings
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from skweight._core._attributes import attributes_of, drop_columns, select_attributes
from skweight._core._callbacks import CallbackSupportMixin, FitTask
from skweight._core._sklearn_compat import Interval, StrOptions, check_sample_weight
from skweight.fairness._glm import GLMProblem
from skweight.fairness._penalty import DependencePenalty
from skweight.fairness._sensitive import SensitiveEncoder

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


@dataclass
class FitRows:
    """The rows of a fit, those of weight 0 left out.

    Attributes
    ----------
    X : {ndarray, CSR matrix} of shape (n, n_columns)
        The columns that enter the model.
    y : ndarray of shape (n,)
        Targets as they were given: numbers, or labels.
    weight : ndarray of shape (n,)
        Weights, above 0.
    attributes : list of Attribute or None
        The protected attributes of the same rows.
    used : ndarray of bool of shape (n_features_in_,)
        Which columns of the user's X enter the model.
    """

    X: object
    y: np.ndarray
    weight: np.ndarray
    attributes: list | None
    used: np.ndarray


class BaseDistanceCovariance(CallbackSupportMixin, BaseEstimator):
    """Fit and predict a generalised linear model with a dependence penalty.

    A subclass has `_target` (loss and target of the solver, from rows), `_shaped` (coefficients
    and intercepts as its users expect them) and `_previous` (the reverse, for warm starts).
    """

    # ---------------------------------------------------------------- input

    def _rows(self, X, y, sample_weight, sensitive_features):
        """Check the input of fit, set the number and names of features, drop rows of weight 0."""
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y "
                "is None."
            )
        if sensitive_features is not None and self.sensitive_columns is not None:
            raise ValueError(
                "sensitive_features must be None where sensitive_columns names columns of X, got "
                "both."
            )
        if self.normalize and self.measure == "jdcov":
            raise ValueError(
                "normalize must be False with measure='jdcov', which has no correlation, got True."
            )
        attributes = None
        if self.sensitive_columns is None:
            X = validate_data(self, X, accept_sparse="csr", dtype=np.float64)
            used = np.ones(X.shape[1], dtype=bool)
            if sensitive_features is not None:
                attributes = attributes_of(sensitive_features)
        else:
            X, attributes, used = self._split_off(X)
        y = self._checked_target(y)
        check_consistent_length(X, y)
        for attribute in attributes or ():
            if len(attribute.values) != X.shape[0]:
                raise ValueError(
                    f"sensitive_features must have one row for each of the {X.shape[0]} rows of "
                    f"X, got {len(attribute.values)}."
                )
        weight = check_sample_weight(sample_weight, X)
        kept = weight > 0
        if not kept.all():
            X, y, weight = X[kept], y[kept], weight[kept]
            attributes = attributes and [attribute.take(kept) for attribute in attributes]
        return FitRows(X, y, weight, attributes, used)

    def _split_off(self, X):
        """Return the columns that enter the model, the attributes among X, and which entered."""
        if not _is_frame(X):
            X = check_array(
                _as_array(X),
                accept_sparse="csr",
                dtype=None,
                ensure_all_finite=False,
                estimator=self,
                input_name="X",
            )
        validate_data(self, X, skip_check_array=True)
        attributes, mask = select_attributes(X, self.sensitive_columns)
        used = ~mask if self.drop_sensitive else np.ones(len(mask), dtype=bool)
        if not used.any():
            raise ValueError(
                "sensitive_columns must leave a column of X to predict from, got all of its "
                f"{len(mask)} feature(s)."
            )
        if not used.all():
            X = drop_columns(X, mask)
        return self._numeric(X), attributes, used

    def _numeric(self, X):
        return check_array(X, accept_sparse="csr", dtype=np.float64, estimator=self, input_name="X")

    # ---------------------------------------------------------------- fit

    def _fit(self, X, y, sample_weight, sensitive_features):
        rows = self._rows(X, y, sample_weight, sensitive_features)
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
        penalty = encoder = None
        if rows.attributes is not None:
            _warn_of_target(rows)
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

    def _prediction_columns(self, X):
        """Return checked columns, and which of the features they are where some are left out."""
        used = self._used_columns
        frame = _is_frame(X)
        if used.all() or not (frame or _is_text(X)):
            X = validate_data(self, X, accept_sparse=["csr", "csc"], dtype=np.float64, reset=False)
            return X, None
        if frame and _columns_are(X, getattr(self, "feature_names_in_", None), used):
            return self._numeric(X), used
        if not frame:
            X = check_array(
                _as_array(X), dtype=None, ensure_all_finite=False, estimator=self, input_name="X"
            )
        validate_data(self, X, reset=False, skip_check_array=True)
        return self._numeric(drop_columns(X, ~used)), used

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _say(message, category=UserWarning):
    # Out of `_warn`, `_fit`, `fit` and scikit-learn's wrapper of it.
    warnings.warn(message, category, stacklevel=6)


def _is_frame(X):
    return hasattr(X, "columns") and hasattr(X, "shape")


def _is_text(X):
    """Tell whether an array may hold text, in columns that are not used."""
    return not sparse.issparse(X) and np.asarray(X).dtype.kind in "OUS"


def _as_array(X):
    """Return lists as an array in which text does not turn numbers into text."""
    if hasattr(X, "dtype"):
        return X
    array = np.asarray(X)
    return np.array(X, dtype=object) if array.dtype.kind in "US" else array


def _columns_are(X, names, used):
    return names is not None and list(X.columns) == list(names[used])


def _warn_of_target(rows):
    for attribute in rows.attributes:
        if attribute.values.ndim == 1 and _same(attribute, rows.y):
            warnings.warn(
                f"The attribute {attribute.name!r} is the target y: predictions can only be "
                "independent of it by saying nothing about y.",
                UserWarning,
                stacklevel=6,
            )


def _same(attribute, y):
    """Tell whether an attribute holds the values of the target, under whatever names if nominal."""
    values = attribute.values
    if attribute.kind == "numeric":
        return y.dtype.kind in "biuf" and np.array_equal(values, y)
    pairs = set(zip(values.tolist(), y.tolist()))
    one_to_one = len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
    return one_to_one and 1 < len(pairs) < len(y)
