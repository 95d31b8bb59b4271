"""Regression by generalised linear models that pay for depending on protected attributes."""

from numbers import Real

from skweight._core._sklearn_compat import Interval, StrOptions, _fit_context
from skweight.fairness._glm_base import SHARED_CONSTRAINTS
from skweight.fairness._regressor_base import BaseDistanceCovarianceRegressor


class DistanceCovarianceRegressor(BaseDistanceCovarianceRegressor):
    """Regress by a generalised linear model whose predictions depend little on attributes.

    The mean loss of a linear, Poisson, Gamma, Tweedie or inverse Gaussian regression is minimised
    together with `fairness_alpha` times a distance covariance between predictions and protected
    attributes [1]_. Attributes may be nominal, ordered or numeric, several at once, and the joint
    measures see their intersections. Predictions never need the attributes.

    Parameters
    ----------
    fairness_alpha : float, default=1.0
        Strength of the dependence penalty, at least 0. It has the unit of the loss divided by
        that of a prediction: see Notes.
    loss : {"squared_error", "poisson", "gamma", "tweedie", "inverse_gaussian"}, \
default="squared_error"
        Half the deviance to minimise.
    power : float or None, default=None
        Power of the variance for ``loss="tweedie"``, at most 0 or at least 1; None for all other
        losses.
    link : {"auto", "identity", "log"}, default="auto"
        How the mean is made of the linear predictor. "auto" is the identity for squared error
        (and the power 0), else the logarithm, which only squared error may do without.
    measure : {"ccdcov", "jdcov", "sum"}, default="ccdcov"
        Distance covariance with all attributes taken as one vector, joint distance covariance, or
        the sum over the attributes, which does not see intersections.
    statistic : {"V", "U"}, default="V"
        The biased statistic, which is never negative, or the unbiased one, in which weights are
        counts of rows; with a log link its objective may have no minimum.
    normalize : bool, default=False
        Whether to penalise the squared distance correlation instead. Not with "jdcov".
    c : float, default=1.0
        Constant of "jdcov", above 0, in units of the attributes' distances: the larger, the more
        pairs count beside higher orders.
    sensitive_columns : str, int, list, mask, callable, dict or None, default=None
        Which columns of X hold the attributes: names, positions, a boolean mask or a function of
        X, resolved in each fit; a dict gives columns by attribute, for an attribute that is several
        columns. None if attributes are passed to `fit`, or if there are none.
    drop_sensitive : bool, default=True
        Whether `sensitive_columns` are kept out of the model. Their coefficients are then exactly
        0, and they may hold text.
    sensitive_types : "auto" or dict, default="auto"
        Kind by attribute, "nominal", "ordered" or "numeric", where the values do not tell it.
    nominal_metric : {"euclidean", "discrete"}, default="euclidean"
        Distance between different levels of a nominal attribute: the root of 2 for three or more
        levels and 1 for two, or 1 for any number.
    missing : {"error", "category"}, default="error"
        Whether a missing value of a nominal attribute is an error or a level of its own.
    scale : {"minmax", "std", "mean_distance"} or None, default="minmax"
        Unit of the attributes' distances, which the penalty is proportional to: range or standard
        deviation of the numeric ones, or mean distance of every one.
    max_levels : int or None, default=None
        Round numeric attributes to so many equal steps of their range, at least 2, which makes
        the penalty much faster for continuous ones.
    penalize : {"response", "linear"}, default="response"
        Whether predicted means or linear predictors should be independent.
    alpha : float, default=1e-4
        Strength of the ridge penalty ``alpha / 2 * |coef_|^2``, at least 0.
    fit_intercept : bool, default=True
        Whether to fit an intercept, which no penalty touches.
    smoothing : float, default=1e-4
        Width within which two predictions count as nearly tied, in standard deviations of the
        predictions without dependence penalty, at least 0.
    solver : {"lbfgs"}, default="lbfgs"
        How the objective is minimised.
    max_iter : int, default=500
        Steps of each run at the most.
    tol : float, default=1e-6
        Stop when no entry of the gradient is larger, above 0. Coordinates are those in which the
        constant model's expected Hessian is the identity, and the unit is the root of half its
        mean deviance, so that units of X and y do not matter. Stop, too, when ten steps lower the
        objective by less than ``(100 * tol)**2`` of the latter.
    n_init : int, default=1
        Number of runs, of which the one with the lowest objective is kept: from the model without
        dependence penalty (or the last fit, with `warm_start`), from the constant model, then from
        random multiples of the former's coefficients. Only the first begins with wide smoothing,
        and not with `warm_start`.
    random_state : int, RandomState instance or None, default=None
        Source of the random starts, used if `n_init` is above 2.
    warm_start : bool, default=False
        Whether `fit` starts from the last fit.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features_in_,)
        Coefficients, exactly 0 for columns that were kept out.
    intercept_ : float
        Intercept.
    objective_ : float
        The objective, exact: without smoothing, the constant of "jdcov" included.
    penalty_ : float
        The dependence on the training rows, exact, without the constant of "jdcov" and not
        multiplied by `fairness_alpha`; 0 without attributes.
    penalty_constant_ : float
        The part of "jdcov" that no prediction changes; 0 for other measures.
    converged_ : bool
        Whether `tol` was reached.
    collapsed_ : bool
        Whether the model is constant because no other had a lower objective.
    smoothing_ : float
        Absolute width of the smoothing, in units of the predictions.
    sensitive_encoder_ : SensitiveEncoder or None
        Encoding and scale of the attributes, for held-out rows. It holds no rows.
    n_iter_ : int
        Steps of the run that was kept.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X had any.

    See Also
    --------
    DistanceCovarianceClassifier : The same for classes.

    Notes
    -----
    The objective is ``sum(w * loss) / sum(w) + alpha / 2 * |coef_|^2 + fairness_alpha * penalty``,
    with losses and ridge as in scikit-learn: at ``fairness_alpha=0`` the fit is that of
    ``PoissonRegressor(alpha=alpha)``, or of ``Ridge(alpha=alpha * sum(w))``. If y is multiplied by
    t, the same model needs `fairness_alpha` times t for squared error and ``t**(1 - power)`` for
    the other losses. For claim counts with an exposure take ``y = counts / exposure`` and
    ``sample_weight = exposure``: then rates are penalised, weighted by exposure.

    The objective is not convex. A fit therefore begins with the penalty smoothed over three
    standard deviations of the predictions, where it is convex in them for ``statistic="V"``, and
    narrows the smoothing in steps of ten. A strong penalty with ``statistic="V"`` leaves a constant
    model.

    What is driven down is the dependence of predictions on the given attributes in the training
    rows. Nothing follows for errors or calibration within groups, or for attributes not given.

    References
    ----------
    .. [1] H. M. Lee, K. Antonio, B. Avanzi, L. Marchi, R. Zhou, "Machine Learning with Multitype
       Protected Attributes: Intersectional Fairness through Regularisation", arXiv 2509.08163,
       2025.

    Examples
    --------
    The feature follows the square of the attribute, so that no correlation shows between them.

    >>> import numpy as np
    >>> from skweight.fairness import DistanceCovarianceRegressor
    >>> rng = np.random.default_rng(0)
    >>> s = rng.uniform(-1, 1, size=500)
    >>> proxy = 3 * s**2 - 1 + 0.3 * rng.normal(size=500)
    >>> X = np.column_stack([proxy, rng.normal(size=500)])
    >>> y = X.sum(axis=1) + 0.5 * rng.normal(size=500)
    >>> for strength in [0, 20, 200]:
    ...     model = DistanceCovarianceRegressor(fairness_alpha=strength)
    ...     print(model.fit(X, y, sensitive_features=s).coef_.round(1))
    [1. 1.]
    [0.5 1.1]
    [0.  0.9]
    """

    _parameter_constraints: dict = {
        "fairness_alpha": [Interval(Real, 0, None, closed="left")],
        "loss": [StrOptions({"squared_error", "poisson", "gamma", "tweedie", "inverse_gaussian"})],
        "power": [Interval(Real, None, None, closed="neither"), None],
        "link": [StrOptions({"auto", "identity", "log"})],
        **SHARED_CONSTRAINTS,
        "warm_start": ["boolean"],
    }

    def __init__(
        self,
        fairness_alpha=1.0,
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
        warm_start=False,
    ):
        self.fairness_alpha = fairness_alpha
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
        self.warm_start = warm_start

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, *, sensitive_features=None):
        """Fit the coefficients.

        Attributes are columns of X that `sensitive_columns` names, or come beside it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows; sparse ones are never made dense.
        y : array-like of shape (n_samples,)
            Targets, in the range of the loss.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. An integer weight equals that many copies of a row, and
            a row of weight 0 counts nowhere, nor do its attributes. None means 1 for all.
        sensitive_features : array-like or data frame of shape (n_samples,) or \
(n_samples, n_attributes), or None, default=None
            Protected attributes by position of the rows, where `sensitive_columns` is None.

        Returns
        -------
        DistanceCovarianceRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If the input or a combination of parameters has no meaning; the message names it.

        Warns
        -----
        UserWarning
            If there are no attributes, if the model is constant, or if an unbiased penalty is
            below 0.
        ConvergenceWarning
            If `tol` was not reached, or predictions ran away.

        See Also
        --------
        predict : The fitted means.

        Examples
        --------
        >>> from skweight.fairness import DistanceCovarianceRegressor
        >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 2.0, 3.0]
        >>> model = DistanceCovarianceRegressor().fit(X, y, sensitive_features=list("abab"))
        >>> model.coef_.round(2)
        array([0.9])
        """
        return self._fit(X, y, sample_weight, sensitive_features)
