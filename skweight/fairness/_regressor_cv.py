"""Regression whose dependence on protected attributes stays within a budget."""

from numbers import Real

from skweight._core._sklearn_compat import Interval, StrOptions
from skweight.fairness._cv_base import CV_CONSTRAINTS, BaseDistanceCovarianceCV
from skweight.fairness._path_common import STRENGTHS
from skweight.fairness._regressor import DistanceCovarianceRegressor
from skweight.fairness._regressor_base import BaseDistanceCovarianceRegressor


class DistanceCovarianceRegressorCV(BaseDistanceCovarianceCV, BaseDistanceCovarianceRegressor):
    """Regress with the least loss among strengths that keep dependence within a budget.

    In every fold a path of strengths is fitted, each from the one before, and loss and unfairness
    are measured on the rows held out. The strength chosen by their means is fitted to all rows. A
    search for the lowest loss alone would always take the weakest penalty.

    Parameters
    ----------
    fairness_alphas : array-like of shape (n_alphas,), default=(0, 1, 3, 10, 30, 100)
        Strengths to choose among, finite and at least 0; they are sorted, and 0 is added where it
        is missing.
    fairness_budget : float, default=0.25
        Unfairness allowed on held-out rows, at least 0: a share of the one at strength 0 or, with
        ``budget_type="absolute"``, in units of the measure.
    budget_type : {"relative", "absolute"}, default="relative"
        What the budget is relative to.
    rule : {"budget", "knee"}, default="budget"
        "budget" takes the lowest mean held-out loss within the budget; "knee" the strength with the
        largest ``1 - x - y``, where x and y are mean unfairness and loss scaled to 0 to 1 over the
        strengths that no other beats in both.
    unfairness : {"ccdcov", "js_divergence", "ks"} or callable, default="ccdcov"
        What is measured on held-out rows, lower is better. "ccdcov" is the unbiased distance
        covariance with all attributes jointly; "js_divergence" and "ks" compare the intersections
        of attributes that have 30 rows in the fold, as `js_divergence_score` and
        `demographic_parity_gap` do. A callable is called as ``unfairness(y_pred,
        sensitive_features, sample_weight=...)`` with the attributes as they were passed to `fit`,
        or a list of attributes with ``name``, ``values`` and ``kind`` if they are columns of X.
    cv : int, splitter, iterable of splits or None, default=None
        Folds; a number means that many folds of neighbouring rows, None means 5.
    n_jobs : int or None, default=None
        Number of folds fitted at once; None means 1.
    loss : {"squared_error", "poisson", "gamma", "tweedie", "inverse_gaussian"}, \
default="squared_error"
        Half the deviance to minimise, also on held-out rows.
    power : float or None, default=None
        Power of the variance for ``loss="tweedie"``, at most 0 or at least 1; None for all other
        losses.
    link : {"auto", "identity", "log"}, default="auto"
        How the mean is made of the linear predictor; see `DistanceCovarianceRegressor`.
    measure : {"ccdcov", "jdcov", "sum"}, default="ccdcov"
        Dependence that is penalised; see `DistanceCovarianceRegressor`.
    statistic : {"V", "U"}, default="V"
        Biased or unbiased statistic in the penalty.
    normalize : bool, default=False
        Whether to penalise the squared distance correlation instead. Not with "jdcov".
    c : float, default=1.0
        Constant of "jdcov", above 0.
    sensitive_columns : str, int, list, mask, callable, dict or None, default=None
        Which columns of X hold the attributes. None if attributes are passed to `fit`, or if there
        are none: then the model is the plain one.
    drop_sensitive : bool, default=True
        Whether `sensitive_columns` are kept out of the model.
    sensitive_types : "auto" or dict, default="auto"
        Kind by attribute, "nominal", "ordered" or "numeric", where the values do not tell it.
    nominal_metric : {"euclidean", "discrete"}, default="euclidean"
        Distance between different levels of a nominal attribute of three or more: the root of 2,
        or 1.
    missing : {"error", "category"}, default="error"
        Whether a missing value of a nominal attribute is an error or a level of its own.
    scale : {"minmax", "std", "mean_distance"} or None, default="minmax"
        Unit of the attributes' distances, found anew in every fold.
    max_levels : int or None, default=None
        Round numeric attributes to so many equal steps of their range, at least 2.
    penalize : {"response", "linear"}, default="response"
        Whether predicted means or linear predictors should be independent. Unfairness is measured
        on predicted means either way.
    alpha : float, default=1e-4
        Strength of the ridge penalty ``alpha / 2 * |coef_|^2``, at least 0.
    fit_intercept : bool, default=True
        Whether to fit an intercept, which no penalty touches.
    smoothing : float, default=1e-4
        Width within which two predictions count as nearly tied, in standard deviations of the
        predictions at strength 0, at least 0.
    solver : {"lbfgs"}, default="lbfgs"
        How the objective is minimised.
    max_iter : int, default=500
        Steps of each run at the most.
    tol : float, default=1e-6
        Stop when no entry of the gradient is larger, above 0.
    n_init : int, default=1
        Number of runs at each strength, of which the one with the lowest objective is kept.
    random_state : int, RandomState instance or None, default=None
        Source of random starts, used if `n_init` is above 2.

    Attributes
    ----------
    fairness_alpha_ : float
        The chosen strength.
    fairness_alphas_ : ndarray of shape (n_alphas,)
        The strengths, increasing and 0 first; 0 alone without attributes.
    best_index_ : int
        Index of the chosen one.
    loss_path_ : ndarray of shape (n_alphas, n_folds)
        Weighted mean loss on held-out rows, half the deviance without
        its constants.
    unfairness_path_ : ndarray of shape (n_alphas, n_folds)
        Unfairness on held-out rows; NaN without attributes.
    coef_ : ndarray of shape (n_features_in_,)
        Coefficients, exactly 0 for columns that were kept out.
    intercept_ : float
        Intercept.
    objective_ : float
        The objective on all rows, exact: without smoothing, the constant of "jdcov" included.
    penalty_ : float
        The penalised dependence on all rows, exact, without the constant of "jdcov" and not
        multiplied by `fairness_alpha_`; 0 without attributes.
    penalty_constant_ : float
        The part of "jdcov" that no prediction changes; 0 for other measures.
    converged_ : bool
        Whether the last fit reached `tol`.
    collapsed_ : bool
        Whether the model is constant because no other had a lower objective.
    smoothing_ : float
        Absolute width of the smoothing, in units of the predictions.
    sensitive_encoder_ : SensitiveEncoder or None
        Encoding and scale of the attributes, for held-out rows. It holds no rows.
    n_iter_ : int
        Steps of the last fit.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X had any.

    See Also
    --------
    DistanceCovarianceRegressor : The same at one given strength.
    fairness_path : All strengths in a table.
    refit_within_budget : The same choice for a search over other parameters too.

    Notes
    -----
    If no strength meets the budget, the least unfair one is taken; if the unfairness at strength 0
    is not above 0 and the budget is relative, or if there is no knee, strength 0; each time with a
    warning. Losses within 1e-12 of each other, relatively, are equal: then the smaller unfairness
    counts, then the smaller strength.

    Held-out rows are measured with the attributes' encoding and scale of the training rows of their
    fold. Weights count rows there if all are whole numbers; others, such as exposures, are scaled
    so that they add up to their effective number of rows, ``sum(w)**2 / sum(w**2)``. Where a fold
    holds out rows or weights that add up to at most 3, "ccdcov" is the biased statistic in all
    folds.

    References
    ----------
    H. M. Lee, K. Antonio, B. Avanzi, L. Marchi, R. Zhou, "Machine Learning with Multitype Protected
    Attributes: Intersectional Fairness through Regularisation", arXiv 2509.08163, 2025.

    Examples
    --------
    >>> from skweight.datasets import make_motor_portfolio
    >>> from skweight.fairness import DistanceCovarianceRegressorCV
    >>> motor = make_motor_portfolio(n_samples=2000, random_state=0)
    >>> model = DistanceCovarianceRegressorCV(loss="poisson", cv=3)
    >>> model = model.fit(
    ...     motor.data, motor.target / motor.exposure, sample_weight=motor.exposure,
    ...     sensitive_features=motor.sensitive_features)
    >>> means = model.unfairness_path_.mean(axis=1)
    >>> bool(means[model.best_index_] <= 0.25 * means[0])
    True
    """

    _plain_class = DistanceCovarianceRegressor

    _parameter_constraints: dict = {
        **CV_CONSTRAINTS,
        "loss": [StrOptions({"squared_error", "poisson", "gamma", "tweedie", "inverse_gaussian"})],
        "power": [Interval(Real, None, None, closed="neither"), None],
        "link": [StrOptions({"auto", "identity", "log"})],
    }

    def __init__(
        self,
        fairness_alphas=STRENGTHS,
        fairness_budget=0.25,
        budget_type="relative",
        rule="budget",
        unfairness="ccdcov",
        cv=None,
        n_jobs=None,
        loss="squared_error",
        power=None,
        link="auto",
        measure="ccdcov",
        statistic="V",
        normalize=False,
        c=1.0,
        sensitive_columns=None,
        drop_sensitive=True,
        sensitive_types="auto",
        nominal_metric="euclidean",
        missing="error",
        scale="minmax",
        max_levels=None,
        penalize="response",
        alpha=1e-4,
        fit_intercept=True,
        smoothing=1e-4,
        solver="lbfgs",
        max_iter=500,
        tol=1e-6,
        n_init=1,
        random_state=None,
    ):
        self.fairness_alphas = fairness_alphas
        self.fairness_budget = fairness_budget
        self.budget_type = budget_type
        self.rule = rule
        self.unfairness = unfairness
        self.cv = cv
        self.n_jobs = n_jobs
        self.loss = loss
        self.power = power
        self.link = link
        self.measure = measure
        self.statistic = statistic
        self.normalize = normalize
        self.c = c
        self.sensitive_columns = sensitive_columns
        self.drop_sensitive = drop_sensitive
        self.sensitive_types = sensitive_types
        self.nominal_metric = nominal_metric
        self.missing = missing
        self.scale = scale
        self.max_levels = max_levels
        self.penalize = penalize
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.smoothing = smoothing
        self.solver = solver
        self.max_iter = max_iter
        self.tol = tol
        self.n_init = n_init
        self.random_state = random_state
