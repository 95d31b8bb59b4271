"""PRESTO: ordinal regression whose boundaries share strength."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_consistent_length, validate_data

from skweight._core._callbacks import CallbackSupportMixin, FitTask
from skweight._core._sklearn_compat import (
    Interval,
    StrOptions,
    _fit_context,
    check_sample_weight,
)
from skweight.ordinal._likelihood import FAMILIES
from skweight.ordinal._links import LINKS
from skweight.ordinal._order import check_class_totals, resolve_class_order
from skweight.ordinal._prediction import CROSSINGS, OrdinalPredictionMixin
from skweight.ordinal._presto_problem import PrestoProblem

# Constraints of the parameters that PrestoClassifier and PrestoClassifierCV share.
SHARED_CONSTRAINTS = {
    "l1_ratio": [Interval(Real, 0, 1, closed="both")],
    "base_penalty": [Interval(Real, 0, None, closed="left")],
    "family": [StrOptions(set(FAMILIES))],
    "link": [StrOptions(set(LINKS))],
    "penalty": [StrOptions({"l1", "group"})],
    "monotone": [StrOptions({"train", "observed", "box"})],
    "crossing": [StrOptions(set(CROSSINGS))],
    "class_order": ["array-like", None],
    "standardize": ["boolean"],
    "penalty_factor": ["array-like", None],
    "adaptive": [Interval(Real, 0, None, closed="left")],
    "positive": ["boolean"],
    "fit_intercept": ["boolean"],
    "tol": [Interval(Real, 0, None, closed="neither")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "solver": [StrOptions({"auto", "newton", "lbfgs"})],
}


class BasePresto(CallbackSupportMixin, OrdinalPredictionMixin, ClassifierMixin, BaseEstimator):
    """Share validation and fitted attributes between the classifier and its CV twin."""

    def _validate(self, X, y, sample_weight):
        """Check the input; return X, codes in rank order, weights, and set the classes."""
        classes, order, codes = resolve_class_order(y, self.class_order)
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64)
        check_consistent_length(X, codes)
        weight = check_sample_weight(sample_weight, X)
        check_class_totals(codes, weight, order)
        self.classes_, self.class_order_ = classes, order
        return X, codes, weight

    def _set_solution(self, problem, solution):
        for name, value in self._attributes(problem, solution.theta).items():
            setattr(self, name, value)
        self.objective_, self.dual_gap_ = solution.objective, solution.gap
        self.n_iter_ = solution.n_iter
        self.n_crossed_ = problem.n_crossed(solution.theta)
        self.crossing_margin_ = problem.crossing_margin(solution.theta)

    def _attributes(self, problem, theta):
        """Return the fitted attributes that prediction needs, and their readings."""
        coef, intercept, delta = problem.coefficients(theta)
        return {
            "coef_": coef,
            "intercept_": intercept,
            "thresholds_": -intercept,
            "delta_coef_": delta,
            "support_": (delta != 0).any(axis=0),
            "varying_": (delta[1:] != 0).any(axis=0),
            "classes_": self.classes_,
            "class_order_": self.class_order_,
            "n_features_in_": self.n_features_in_,
        }

    def _listener(self, task, problem):
        """Return what tells callbacks of each Newton iteration, or None if nobody listens."""
        if not task.listened:
            return None

        def on_iteration(state):
            return task.iteration("newton", lambda: self._attributes(problem, state.theta))

        return on_iteration

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


class PrestoClassifier(BasePresto):
    """Predict ordered classes, shrinking neighbouring boundaries towards each other.

    Each boundary between ordered classes has its own coefficients, and the differences between
    neighbouring boundaries are penalised (PRESTO [1]_). A rare last class so borrows from the
    common ones: less than in a proportional odds model, which gives all boundaries the same
    coefficients, more than in a logistic regression on the last class alone.

    Parameters
    ----------
    alpha : float or None, default=None
        Strength of the penalty, at least 0. None means a tenth of `alpha_max_`.
    l1_ratio : float, default=1.0
        Share of the absolute value in the penalty, from 0 to 1; the rest is the square.
    base_penalty : float, default=1.0
        Relative price of the first boundary's own coefficients, at least 0. With 0 a large alpha
        gives the proportional odds model, with 1 the class frequencies.
    family : {"cumulative", "continuation", "stopping", "adjacent"}, default="cumulative"
        What a boundary's linear predictor z describes, always upwards: P(y > k) for
        "cumulative", P(y > k | y >= k) for "continuation" and "stopping", the ratio of
        neighbouring classes for "adjacent". Only cumulative boundaries can cross.
    link : {"logit", "probit", "cloglog", "loglog"}, default="logit"
        Distribution function F, with P(y <= k) = F(-z) for "cumulative". The family "adjacent"
        needs "logit".
    penalty : {"l1", "group"}, default="l1"
        Whether differences of coefficients vanish one by one, or for a whole feature at once.
    monotone : {"train", "observed", "box"}, default="train"
        Where boundaries must not cross: at every training row, only as far as the observed
        classes say, or anywhere in the range of the training data.
    crossing : {"project", "rearrange", "raise"}, default="project"
        What `predict_proba` does where boundaries cross all the same: replace P(y > k) by the
        nearest decreasing sequence, sort it, or raise.
    class_order : array-like of shape (n_classes,) or None, default=None
        Labels from the lowest to the highest; the rare class should be last. None takes the
        order of an ordered categorical, else sorts the labels.
    standardize : bool, default=True
        Whether to penalise on columns scaled to unit variance. Coefficients are always reported
        on the scale of X.
    penalty_factor : array-like of shape (n_features,) or (n_classes - 1, n_features), default=None
        Relative price of each coefficient, finite and at least 0. The group penalty takes the
        first shape only.
    adaptive : float, default=0.0
        Power of the adaptive weights, at least 0: prices are divided by the size of a first ridge
        fit's coefficients to this power.
    positive : bool, default=False
        Whether every entry of `coef_` must be at least 0.
    fit_intercept : bool, default=True
        Whether boundaries have intercepts. False is refused for cumulative boundaries of three or
        more classes.
    tol : float, default=1e-7
        Duality gap to reach, per unit of weight, above 0.
    max_iter : int, default=100
        Newton iterations at the most.
    warm_start : bool, default=False
        Whether `fit` starts from the last solution.
    solver : {"auto", "newton", "lbfgs"}, default="auto"
        "newton" works on a set of promising features with exact second derivatives, "lbfgs"
        first comes close without them; "auto" takes the latter for many coefficients.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted; columns of `predict_proba` follow them.
    class_order_ : ndarray of shape (n_classes,)
        Labels from the lowest to the highest.
    coef_ : ndarray of shape (n_classes - 1, n_features)
        Coefficients of each boundary; a positive one pushes to higher classes.
    intercept_ : ndarray of shape (n_classes - 1,)
        Intercept of each boundary.
    thresholds_ : ndarray of shape (n_classes - 1,)
        Minus `intercept_`.
    delta_coef_ : ndarray of shape (n_classes - 1, n_features)
        First row of `coef_`, then its differences; exactly 0 where the penalty fused them.
    support_ : ndarray of bool of shape (n_features,)
        Features with any coefficient.
    varying_ : ndarray of bool of shape (n_features,)
        Features whose coefficients differ between boundaries: they break proportional odds.
    alpha_ : float
        The strength used.
    alpha_max_ : float
        The smallest strength at which every penalised coefficient is 0.
    objective_ : float
        Penalised mean loss at the solution.
    dual_gap_ : float
        Upper bound of how far `objective_` is above the optimum.
    n_iter_ : int
        Newton iterations made.
    n_crossed_ : int
        Training rows at which boundaries cross.
    crossing_margin_ : ndarray of shape (n_classes - 2,)
        Smallest distance between neighbouring boundaries' predictors over the range of the
        training data; negative where they cross somewhere in it.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X had any.

    See Also
    --------
    PrestoClassifierCV : Choose alpha by cross-validation.
    ProportionalOddsClassifier : One coefficient vector for all boundaries, with standard errors.

    Notes
    -----
    With psi the rows of `delta_coef_` on scaled columns, the fit minimises the weighted mean of
    minus the log-likelihood plus ``alpha * (base_penalty * |psi_1| + |psi_2| + ... )``. The
    optimum is certified by a duality gap; memory is one copy of X plus about 8 numbers a row.

    Keeping a selected support in a pipeline takes
    ``SelectFromModel(PrestoClassifier(), threshold=1e-12)``.

    References
    ----------
    .. [1] G. Faletto and J. Bien, "Predicting Rare Events by Shrinking Towards Proportional
       Odds", Proceedings of the 40th International Conference on Machine Learning, PMLR 202,
       2023.

    Examples
    --------
    >>> import numpy as np
    >>> from skweight.ordinal import PrestoClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(500, 4))
    >>> y = np.digitize(X[:, 0] + rng.logistic(size=500), [0, 2, 4])
    >>> model = PrestoClassifier().fit(X, y)
    >>> model.predict_proba(X[:1]).round(1)
    array([[0.5, 0.4, 0.1, 0. ]])
    >>> model.support_
    array([ True,  True, False,  True])
    """

    _parameter_constraints: dict = {
        "alpha": [Interval(Real, 0, None, closed="left"), None],
        **SHARED_CONSTRAINTS,
        "warm_start": ["boolean"],
    }

    def __init__(
        self,
        alpha=None,
        l1_ratio=1.0,
        base_penalty=1.0,
        family="cumulative",
        link="logit",
        penalty="l1",
        monotone="train",
        crossing="project",
        class_order=None,
        standardize=True,
        penalty_factor=None,
        adaptive=0.0,
        positive=False,
        fit_intercept=True,
        tol=1e-7,
        max_iter=100,
        warm_start=False,
        solver="auto",
    ):
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.base_penalty = base_penalty
        self.family = family
        self.link = link
        self.penalty = penalty
        self.monotone = monotone
        self.crossing = crossing
        self.class_order = class_order
        self.standardize = standardize
        self.penalty_factor = penalty_factor
        self.adaptive = adaptive
        self.positive = positive
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.solver = solver

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Fit the boundaries to ordered classes.

        Rows of weight 0 count in no way, except that their labels are classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows; float32 is computed in float64, sparse rows are never made dense.
        y : array-like of shape (n_samples,)
            Labels, two or more distinct ones.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0; only their ratios matter, and an integer weight equals
            that many copies of a row. None means 1 for all.

        Returns
        -------
        PrestoClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If the input or a combination of parameters has no meaning; the message names it.

        Warns
        -----
        ConvergenceWarning
            If the duality gap stays above tol.

        See Also
        --------
        presto_path : Fit a whole path of strengths.

        Examples
        --------
        >>> from skweight.ordinal import PrestoClassifier
        >>> X, y = [[0.0], [1.0], [2.0], [3.0], [4.0], [5.0]], [0, 0, 1, 0, 2, 1]
        >>> PrestoClassifier(alpha=0.05).fit(X, y).varying_
        array([False])
        """
        start = None
        if self.warm_start and hasattr(self, "coef_"):
            start = (self.class_order_, self.coef_, self.intercept_)
        X, codes, weight = self._validate(X, y, sample_weight)
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        with FitTask.root(self, X, y, metadata) as task:
            problem = PrestoProblem(X, codes, weight, len(self.classes_), vars(self))
            self.alpha_max_ = problem.alpha_max
            self.alpha_ = 0.1 * problem.alpha_max if self.alpha is None else float(self.alpha)
            theta = None
            shape = (len(self.classes_) - 1, X.shape[1])
            same = start is not None and np.array_equal(start[0], self.class_order_)
            if same and start[1].shape == shape:
                theta = problem.theta_of(*start[1:])
            solution = problem.solve(self.alpha_, theta, self._listener(task, problem))
            self._set_solution(problem, solution)
        return self
