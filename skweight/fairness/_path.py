"""A path of strengths: fits, loss and dependence of each in a table."""

from copy import copy
from dataclasses import dataclass

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length

from skweight._core._attributes import attributes_of, select_attributes
from skweight._core._sklearn_compat import check_sample_weight
from skweight.fairness._classifier import DistanceCovarianceClassifier
from skweight.fairness._held_out import Dependence, GroupFigures, scores_of, statistic_for
from skweight.fairness._path_common import (
    STRENGTHS,
    check_strengths,
    each_warning_once,
    follow,
    warn_of_fits,
)
from skweight.fairness._path_table import FairnessPath
from skweight.fairness._regressor import DistanceCovarianceRegressor
from skweight.metrics._groups import check_count
from skweight.metrics._js_divergence import check_divergence


def fairness_path(
    estimator,
    X,
    y,
    fairness_alphas=STRENGTHS,
    *,
    sample_weight=None,
    sensitive_features=None,
    X_val=None,
    y_val=None,
    sample_weight_val=None,
    sensitive_features_val=None,
    n_bins=5,
    min_group_size=30,
    bandwidth="scott",
):
    """Fit an estimator at several strengths and measure loss and dependence of each.

    Attributes are encoded and the problem is set up once, and every fit starts from the one of the
    next lower strength. With validation rows the table shows what a strength costs and brings on
    rows that were not fitted.

    Parameters
    ----------
    estimator : DistanceCovarianceRegressor or DistanceCovarianceClassifier
        The model, unfitted; it is cloned. Its `fairness_alpha` and `warm_start` do not matter.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Training rows.
    y : array-like of shape (n_samples,)
        Targets or labels.
    fairness_alphas : array-like of shape (n_alphas,), default=(0, 1, 3, 10, 30, 100)
        Strengths, finite and at least 0; they are sorted, and equal ones joined.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights of the rows, at least 0. None means 1 for all.
    sensitive_features : array-like or data frame of shape (n_samples,) or \
(n_samples, n_attributes), or None, default=None
        Protected attributes, where the estimator's `sensitive_columns` is None.
    X_val : {array-like, sparse matrix} of shape (n_val, n_features) or None, default=None
        Rows to measure on, with the sensitive columns if `sensitive_columns` names some. None means
        the training rows.
    y_val : array-like of shape (n_val,) or None, default=None
        Their targets or labels; needed with `X_val`.
    sample_weight_val : array-like of shape (n_val,) or None, default=None
        Their weights; None means 1 for all.
    sensitive_features_val : array-like or data frame of shape (n_val,) or (n_val, n_attributes), \
or None, default=None
        Their attributes; needed with `X_val` where `sensitive_features` is given.
    n_bins : int, default=5
        Number of quantile bins of a numeric attribute in the figures of groups.
    min_group_size : int, default=30
        Rows below which a group is left out of those figures.
    bandwidth : float or "scott", default="scott"
        Standard deviation of the kernel of the Jensen-Shannon divergence, in units of the
        predictions. "scott" takes that of `js_divergence_score` for the lowest strength, and keeps
        it for all, since divergences compare at equal bandwidth only.

    Returns
    -------
    FairnessPath
        The fitted models, and the table as arrays by name.

    Raises
    ------
    TypeError
        If the estimator is another.
    ValueError
        If there are no attributes, or the input has no meaning; the message names it.

    Warns
    -----
    ConvergenceWarning
        If fits did not reach `tol`, or predictions ran away; the strengths are named.
    UserWarning
        If fewer than two groups have `min_group_size` rows: their figures are NaN. Of other things
        as in the estimator's `fit`, each once.

    See Also
    --------
    DistanceCovarianceRegressorCV : Choose a strength by cross-validation.
    DistanceCovarianceClassifierCV : The same for classes.
    refit_within_budget : Choose among the candidates of a search.

    Notes
    -----
    Dependence is the unbiased distance covariance (the biased one on rows or weights that add up to
    at most 3), with the attributes' encoding and scale of the training rows. There weights count
    rows if all are whole numbers; others, such as exposures, are scaled so that they add up to
    their effective number of rows, ``sum(w)**2 / sum(w**2)``.

    With three or more classes the dependences of the probabilities are added up, and the figures of
    groups are those of the class for which they are largest.

    The objective is not convex, so that a path can end in another minimum than a fit of its own:
    compare `objective`, or raise the estimator's `n_init`.

    References
    ----------
    H. M. Lee, K. Antonio, B. Avanzi, L. Marchi, R. Zhou, "Machine Learning with Multitype Protected
    Attributes: Intersectional Fairness through Regularisation", arXiv 2509.08163, 2025.

    Examples
    --------
    >>> import numpy as np
    >>> from skweight.fairness import DistanceCovarianceRegressor, fairness_path
    >>> rng = np.random.default_rng(0)
    >>> s = rng.uniform(-1, 1, size=600)
    >>> X = np.column_stack([3 * s**2 - 1, rng.normal(size=600)])
    >>> y = X.sum(axis=1) + 0.5 * rng.normal(size=600)
    >>> path = fairness_path(
    ...     DistanceCovarianceRegressor(), X[:400], y[:400], [0, 20, 50],
    ...     sensitive_features=s[:400],
    ...     X_val=X[400:], y_val=y[400:], sensitive_features_val=s[400:])
    >>> path.loss.round(2)
    array([0.15, 0.25, 0.36])
    >>> bool(path.dependence[2] < 0.2 * path.dependence[0])
    True
    """
    if type(estimator) not in (DistanceCovarianceRegressor, DistanceCovarianceClassifier):
        raise TypeError(
            "estimator must be a DistanceCovarianceRegressor or a DistanceCovarianceClassifier, "
            f"got {type(estimator).__name__}; transform X before where it is a Pipeline."
        )
    base = clone(estimator)
    base._validate_params()
    strengths = check_strengths(fairness_alphas)
    rows = base._fit_rows(X, y, sample_weight, sensitive_features)
    if rows.attributes is None:
        raise ValueError(
            "fairness_path needs protected attributes: give sensitive_features, or an estimator "
            "with sensitive_columns."
        )
    val = _Given(X_val, y_val, sample_weight_val, sensitive_features_val)
    val.check(base)
    check_count(n_bins, "n_bins", 1)
    check_count(min_group_size, "min_group_size", 1)
    check_divergence(bandwidth, "share")
    with each_warning_once(stacklevel=2):
        problem, encoder = base._problem(rows)
        measured = _Measured(rows.X, problem.y, rows.weight, rows.attributes)
        if X_val is not None:  # before the fits, which may take long
            measured = val.rows(_model(base, 0.0, problem, problem.null, rows, encoder), rows.used)
        groups = GroupFigures(
            measured.attributes,
            measured.weight,
            base.sensitive_types,
            base.missing,
            n_bins,
            min_group_size,
            bandwidth,
        )
        measures = _Measures(problem.loss, encoder, measured, groups)
        rng = check_random_state(base.random_state)
        solutions = follow(problem, strengths, base.n_init, rng)
        warn_of_fits(
            strengths,
            [s.diverged for s in solutions],
            [not (s.converged or s.diverged) for s in solutions],
        )
        table = measures.table(solutions)
    return FairnessPath(
        fairness_alphas=strengths,
        objective=np.array([s.objective for s in solutions]),
        penalty=np.array([s.penalty for s in solutions]),
        collapsed=np.array([s.collapsed for s in solutions]),
        converged=np.array([s.converged for s in solutions]),
        n_iter=np.array([s.n_iter for s in solutions]),
        estimators=[
            _model(base, strength, problem, solution, rows, encoder)
            for strength, solution in zip(strengths, solutions)
        ],
        measured_on="training" if X_val is None else "validation",
        **table,
    )


@dataclass(frozen=True)
class _Measured:
    """The rows that figures are taken on, all of positive weight."""

    X: object  # (n, n_columns), the columns that enter the model
    target: np.ndarray  # as the solver has it
    weight: np.ndarray
    attributes: list


@dataclass(frozen=True)
class _Given:
    """Validation rows as they were given."""

    X: object
    y: object
    sample_weight: object
    sensitive_features: object

    def check(self, estimator):
        """Raise if something is missing, or there is nothing that it could belong to."""
        if self.X is None:
            for name in ("y", "sample_weight", "sensitive_features"):
                if getattr(self, name) is not None:
                    raise ValueError(f"{name}_val needs X_val, which is None.")
            return
        if self.y is None:
            raise ValueError("y_val must be given with X_val, got None.")
        if estimator.sensitive_columns is None and self.sensitive_features is None:
            raise ValueError(
                "sensitive_features_val must be given with X_val, as the attributes of the "
                "training rows come by sensitive_features; got None."
            )
        if estimator.sensitive_columns is not None and self.sensitive_features is not None:
            raise ValueError(
                "sensitive_features_val must be None where sensitive_columns names columns of X."
            )

    def rows(self, model, used):
        """Return the rows as a fitted model and the measures take them."""
        X, some = model._prediction_columns(self.X)
        X = X[:, used] if some is None else X
        y = model._checked_target(self.y)
        if model.sensitive_columns is None:
            attributes = attributes_of(self.sensitive_features, "sensitive_features_val")
        else:
            attributes = select_attributes(self.X, model.sensitive_columns)[0]
        check_consistent_length(X, y)
        for attribute in attributes:
            if len(attribute.values) != len(y):
                raise ValueError(
                    f"sensitive_features_val must have one row for each of the {len(y)} rows of "
                    f"X_val, got {len(attribute.values)}."
                )
        weight = check_sample_weight(self.sample_weight, X)
        kept = np.flatnonzero(weight)
        target = _target_of(model, y[kept])
        attributes = [attribute.take(kept) for attribute in attributes]
        return _Measured(X[kept], target, weight[kept], attributes)


def _model(base, strength, problem, solution, rows, encoder):
    """Return a fitted estimator."""
    model = copy(base)
    model.fairness_alpha = float(strength)
    model._set_solution(problem, solution, rows, encoder)
    return model


def _target_of(model, y):
    """Return targets of further rows as the solver has them."""
    if not hasattr(model, "classes_"):
        model._glm_loss.check_target(y, 1.0)  # of these rows the mean does not matter
        return y
    code = {label: k for k, label in enumerate(model.classes_.tolist())}
    new = sorted({str(label) for label in y.tolist() if label not in code})
    if new:
        raise ValueError(f"y_val must hold labels that y holds too, got also {new}.")
    codes = np.array([code[label] for label in y.tolist()], dtype=np.intp)
    return codes.astype(float) if len(code) == 2 else np.eye(len(code))[codes]


class _Measures:
    """All figures of predictions on the measured rows."""

    def __init__(self, loss, encoder, rows, groups):
        self.loss, self.rows, self.groups = loss, rows, groups
        self.names = encoder.names_
        self.share = rows.weight / rows.weight.sum()
        self.statistic = statistic_for([rows.weight])
        blocks = encoder.transform(rows.attributes)
        self.joint = Dependence(blocks, rows.weight, self.statistic)
        # A single attribute is all of them: no second structure is built.
        single = len(blocks) == 1
        self.each = [
            self.joint if single else Dependence([block], rows.weight, self.statistic)
            for block in blocks
        ]

    def table(self, solutions):
        """Return columns by name, with a value for each solution."""
        lines = [self._line(solution) for solution in solutions]
        columns = {name: np.array([line[name] for line in lines]) for name in lines[0]}
        each = columns.pop("each")
        return {
            **columns,
            "dependence_by_attribute": dict(zip(self.names, each.T)),
            "statistic": self.statistic,
            "bandwidth": self.groups.bandwidth_used(),
        }

    def _line(self, solution):
        eta = scores_of(self.rows.X, solution.coef, solution.intercept)
        y_pred = self.loss.mean(eta)
        return {
            "loss": self.share @ self.loss.value(self.rows.target, eta),
            "dependence": self.joint(y_pred),
            "each": [measure(y_pred) for measure in self.each],
            "js_divergence": self.groups.js_divergence(y_pred),
            "variance_ratio": self.groups.variance_ratio(y_pred),
            "ks_gap": self.groups.ks_gap(y_pred),
        }
