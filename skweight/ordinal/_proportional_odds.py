"""Proportional odds: one coefficient vector for all boundaries, by maximum likelihood."""

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from skweight._core._callbacks import CallbackSupportMixin, FitTask
from skweight._core._sklearn_compat import (
    Interval,
    StrOptions,
    _fit_context,
    check_sample_weight,
)
from skweight.ordinal._entries import FreeEntries, accumulate
from skweight.ordinal._likelihood import class_terms, touched
from skweight.ordinal._links import LINKS
from skweight.ordinal._newton import inverse_information, maximise
from skweight.ordinal._order import check_class_totals, resolve_class_order
from skweight.ordinal._prediction import OrdinalPredictionMixin
from skweight.ordinal._rows import Rows
from skweight.ordinal._tables import boundary_names, feature_names, wald_table


class ProportionalOddsClassifier(
    CallbackSupportMixin, OrdinalPredictionMixin, ClassifierMixin, BaseEstimator
):
    """Predict ordered classes by proportional odds, with standard errors.

    This is ordered logistic regression (ordered probit with ``link="probit"``): one coefficient
    vector for all boundaries between classes and one intercept for each, by maximum likelihood
    without a penalty. It is what `PrestoClassifier` shrinks towards.

    Parameters
    ----------
    link : {"logit", "probit", "cloglog", "loglog"}, default="logit"
        The distribution function F in ``P(y <= k) = F(-(intercept_[k] + coef_ . x))``.
    class_order : array-like of shape (n_classes,) or None, default=None
        Labels from the lowest to the highest. None takes the order of an ordered categorical,
        else sorts the labels.
    cov_type : {"nonrobust", "robust"}, default="nonrobust"
        Covariance of the estimates: the inverse observed information, with weights as counts of
        rows, or the sandwich that stays valid where the model is wrong and does not depend on the
        scale of the weights.
    tol : float, default=1e-8
        Newton decrement at which to stop, above 0; it bounds the gradient of the mean loss on
        standardised columns.
    max_iter : int, default=100
        Newton iterations at the most.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted; columns of `predict_proba` follow them.
    class_order_ : ndarray of shape (n_classes,)
        Labels from the lowest to the highest.
    coef_ : ndarray of shape (n_features,)
        Coefficients; a positive one pushes to higher classes. That of a constant column is 0.
    intercept_ : ndarray of shape (n_classes - 1,)
        Intercept of each boundary.
    thresholds_ : ndarray of shape (n_classes - 1,)
        Minus `intercept_`, the cut points of other software.
    covariance_ : ndarray of shape (n_classes - 1 + n_features, n_classes - 1 + n_features)
        Covariance of `intercept_` followed by `coef_`.
    standard_errors_ : ndarray of shape (n_classes - 1 + n_features,)
        Square roots of its diagonal, inf for what the data do not determine.
    loglik_ : float
        Log-likelihood at the estimates, with weights as counts.
    n_iter_ : int
        Newton iterations made.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X had any.

    See Also
    --------
    PrestoClassifier : Let the coefficients differ between boundaries.
    proportionality_test : Test whether they do.
    marginal_effects : Effects on probabilities instead of log-odds.

    Notes
    -----
    The time grows with n p^2 and memory is one copy of X, a matrix of p times p and about 8
    numbers a row. Sparse X is never made dense. Where classes are separated or columns are
    collinear, the coefficients stay finite, those without a unique estimate get an infinite
    standard error, and a ConvergenceWarning says so.

    References
    ----------
    .. [1] P. McCullagh, "Regression Models for Ordinal Data", Journal of the Royal Statistical
       Society: Series B, 42(2), 1980.

    Examples
    --------
    >>> import numpy as np
    >>> from skweight.ordinal import ProportionalOddsClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(500, 2))
    >>> y = np.digitize(X @ [1, -2] + rng.logistic(size=500), [-1, 1])
    >>> model = ProportionalOddsClassifier().fit(X, y)
    >>> model.coef_.round(1)
    array([ 1.1, -1.9])
    >>> model.standard_errors_.round(1)
    array([0.1, 0.1, 0.1, 0.1])
    """

    _parameter_constraints: dict = {
        "link": [StrOptions(set(LINKS))],
        "class_order": ["array-like", None],
        "cov_type": [StrOptions({"nonrobust", "robust"})],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
    }

    # What the shared prediction code asks for; with equal slopes boundaries never cross.
    family = "cumulative"
    crossing = "project"

    def __init__(
        self, link="logit", class_order=None, cov_type="nonrobust", tol=1e-8, max_iter=100
    ):
        self.link = link
        self.class_order = class_order
        self.cov_type = cov_type
        self.tol = tol
        self.max_iter = max_iter

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Fit coefficients and intercepts by maximum likelihood.

        Rows of weight 0 count in no way, except that their labels are classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows; float32 is computed in float64, sparse rows are never made dense.
        y : array-like of shape (n_samples,)
            Labels, two or more distinct ones.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            How often each row counts, at least 0. None means once.

        Returns
        -------
        ProportionalOddsClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If y has one class only, or a class without weight, or the input is not finite.

        Warns
        -----
        ConvergenceWarning
            If `max_iter` is reached, or if the data do not determine every coefficient.

        See Also
        --------
        summary : The estimates with their standard errors and p values.

        Examples
        --------
        >>> from skweight.ordinal import ProportionalOddsClassifier
        >>> X, y = [[0.0], [1.0], [2.0], [3.0], [4.0], [5.0]], [0, 0, 1, 0, 2, 1]
        >>> ProportionalOddsClassifier().fit(X, y).coef_.round(2)
        array([0.95])
        """
        self.classes_, self.class_order_, codes = resolve_class_order(y, self.class_order)
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64)
        check_consistent_length(X, codes)
        weight = check_sample_weight(sample_weight, X)
        check_class_totals(codes, weight, self.class_order_)
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        with FitTask.root(self, X, y, metadata) as task:
            self._fit(Rows(X, codes, weight), task)
        return self

    def _fit(self, rows, task):
        if rows.n_features >= rows.n_rows:
            rows.reduce()
        entries = FreeEntries.parallel(rows)

        def attributes(theta):
            intercept, coef = rows.raw(theta[: entries.q], entries.slopes(theta)[:1])
            return {
                "coef_": coef[0],
                "intercept_": intercept,
                "thresholds_": -intercept,
                "classes_": self.classes_,
                "class_order_": self.class_order_,
                "n_features_in_": self.n_features_in_,
            }

        def on_step(theta):
            return task.iteration("newton", lambda: attributes(theta))

        result = maximise(
            rows,
            entries,
            self.family,
            self.link,
            tol=self.tol,
            max_iter=self.max_iter,
            on_step=on_step if task.listened else None,
        )
        for name, value in attributes(result.theta).items():
            setattr(self, name, value)
        self.loglik_ = -result.loss * rows.total
        self.n_iter_ = result.n_iter
        lost = self._set_covariance(rows, entries, result)
        _warn(result, lost, rows)

    def _set_covariance(self, rows, entries, result):
        """Set the covariance; return which parameters the data do not determine."""
        inverse, null = inverse_information(result.hessian)
        if self.cov_type == "robust":
            spread = outer_products(rows, entries, self.family, self.link, result.theta)
            covariance = inverse @ spread @ inverse
        else:
            covariance = inverse / rows.total
        to_raw = rows.raw_jacobian(entries)
        covariance = to_raw @ covariance @ to_raw.T
        lost = rows.undetermined(to_raw, np.column_stack([null, result.runaway]))
        covariance[lost] = covariance[:, lost] = 0.0
        covariance[lost, lost] = np.inf
        self.covariance_ = covariance
        self.standard_errors_ = np.sqrt(np.diagonal(covariance))
        return lost

    def summary(self, confidence_level=0.95):
        """Tabulate the estimates with standard errors, z values, p values and intervals.

        The tests are Wald tests of a parameter being 0, the intervals are symmetric.

        Parameters
        ----------
        confidence_level : float, default=0.95
            Coverage of the intervals, between 0 and 1.

        Returns
        -------
        InferenceTable
            Arrays `name`, `estimate`, `standard_error`, `z`, `p_value`, `low` and `high` with one
            entry per intercept, then one per feature. It prints as a table, and ``to_frame()``
            makes a DataFrame of it.

        See Also
        --------
        proportionality_test : Test of the model's main assumption.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.ordinal import ProportionalOddsClassifier
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(500, 1))
        >>> y = np.digitize(X[:, 0] + rng.logistic(size=500), [-1, 1])
        >>> table = ProportionalOddsClassifier().fit(X, y).summary()
        >>> bool(table.p_value[-1] < 0.001)
        True
        """
        check_is_fitted(self)
        names = boundary_names(self.family, self.class_order_)
        names += feature_names(self, len(self.coef_))
        estimates = np.concatenate([self.intercept_, self.coef_])
        return wald_table(names, estimates, self.standard_errors_, confidence_level)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        # The check's three blobs stand in no order along any direction, so a single coefficient
        # vector, however well estimated, cannot reach the accuracy that it asks for.
        tags.classifier_tags.poor_score = True
        return tags


def outer_products(rows, entries, family, link, theta):
    """Sum the outer products of the weighted rows' gradients: the middle of the sandwich."""
    q = entries.q

    def terms(number, block):
        seen = touched(family, block.c, q)
        z = entries.predictors(block, seen, theta)
        _, u, _ = class_terms(family, link, block.c, q, z)
        u *= block.weight
        pairs = {(i, j): u[i] * u[j] for i in range(len(u)) for j in range(i, len(u))}
        return seen, 0.0, u, pairs

    return accumulate(rows, entries, terms).hessian


def _warn(result, lost, rows):
    if result.runaway.any():
        message = (
            "Some combination of features separates classes, so their likelihood has no maximum: "
            "the coefficients stop at finite values and their standard errors are inf. Drop such "
            "features or use PrestoClassifier, whose penalty keeps coefficients finite."
        )
    elif lost[rows.n_boundaries :][~rows.constant].any():
        message = (
            "The features are collinear, so some coefficients are not unique: the ones of "
            "smallest norm are returned, with standard errors inf. Drop redundant features."
        )
    elif not (result.converged or result.stopped):
        message = (
            f"Newton's method did not reach tol in {result.n_iter} iterations: increase max_iter "
            "or tol."
        )
    else:
        return
    warnings.warn(message, ConvergenceWarning, stacklevel=4)
