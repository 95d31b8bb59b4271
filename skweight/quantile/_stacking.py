"""Stack any quantile models: weights from out-of-fold predictions."""

from numbers import Integral

import numpy as np
from sklearn.base import MetaEstimatorMixin
from sklearn.utils import Bunch, get_tags, indexable
from sklearn.utils.validation import check_consistent_length

from skweight._core._callbacks import CallbackSupportMixin, FitTask
from skweight._core._sklearn_compat import (
    _BaseComposition,
    _fit_context,
    _VisualBlock,
    check_sample_weight,
    takes_sparse,
)
from skweight._core._wrapping import copy_feature_info, router_of, rows_of
from skweight.quantile._adapters import QuantileModel, quantile_model
from skweight.quantile._levels import DEFAULT_QUANTILES, check_quantiles
from skweight.quantile._stacking_base import (
    WEIGHT_CONSTRAINTS,
    BaseQuantileStacking,
    sorted_base,
)
from skweight.quantile._stacking_folds import fit_models
from skweight.quantile._stacking_inputs import check_target, routed_params
from skweight.quantile._stacking_library import check_pairs, default_estimators, is_dropped
from skweight.quantile._weights import combine


class QuantileStackingRegressor(
    CallbackSupportMixin, BaseQuantileStacking, MetaEstimatorMixin, _BaseComposition
):
    """Combine quantile models by weights learned on rows that the models did not see.

    Every base model is fitted in folds; weights that minimise the weighted interval score of its
    out-of-fold quantiles are found exactly [1]_; then the base models are fitted to all rows. Any
    regressor can be a base model.

    Parameters
    ----------
    estimators : list of (str, estimator) or None, default=None
        Names and base models; "drop" in place of a model leaves it out. None stacks a linear
        quantile regression, the leaves of extremely randomized trees, and the residuals of
        histogram gradient boosting. See Notes for how others come to predict quantiles.
    quantiles : array-like of shape (n_quantiles,), default=tuple(k / 20 for k in range(1, 20))
        Levels in (0, 1), strictly increasing.
    weighting : {"coarse", "medium", "fine"}, default="medium"
        What has a weight: each model; each model at each level; each model, input level and output
        level.
    level_groups : array-like of shape (n_quantiles,) or None, default=None
        Labels; levels with the same label share their weights. Only with "medium".
    constraint : {"simplex", "nonneg", "none"}, default="simplex"
        Weights of at least 0 that sum to 1, of at least 0, or any.
    fit_intercept : bool, default=False
        Whether a shift is added, one for each group of weights.
    noncrossing : {"sort", "isotonic", "minmax", "constrain"} or None, default="sort"
        How the levels of a row are ordered: the first three when predicting. "constrain" finds
        weights under which no out-of-fold row crosses, and sorts the others when predicting.
    sort_base : bool, default=False
        Whether the quantiles of each base model are sorted before they are combined.
    cv : int, cross-validation generator, iterable or None, default=5
        Folds. A number is that many folds of neighbouring rows, shuffled if `random_state` is
        given, which sorted data need; None means 5. For groups give a list of splits. Rows in no
        test fold, as the first ones of a TimeSeriesSplit, do not enter the weights.
    solver : {"auto", "ipm", "first-order", "highs"}, default="auto"
        What finds the weights, as in `quantile_stacking_weights`; "auto" chooses by the problem.
    tol : float, default=1e-9
        Duality gap to reach, above 0, relative to the objective or to the mean deviation of `y`,
        whichever is larger; see `quantile_stacking_weights`.
    max_iter : int, default=200
        Iterations of the weights' solver at the most.
    store_oof : bool, default=False
        Whether to keep the out-of-fold quantiles.
    n_jobs : int or None, default=None
        Number of base models fitted at the same time, as in joblib.
    random_state : int, RandomState instance or None, default=None
        Seed of the folds and of the default base models; others bring their own.

    Attributes
    ----------
    estimators_ : list of estimator
        The base models, fitted to all rows, without dropped ones. What predicts no quantiles by
        itself stands inside the regressor that makes it do so.
    named_estimators_ : Bunch
        The same by name, "drop" included.
    weights_ : ndarray of shape (p,), (n_quantiles, p) or (n_quantiles, p, n_quantiles)
        Weights of the p base models for "coarse", "medium" and "fine"; the axes of the last are
        output level, model and input level.
    intercept_ : ndarray of shape (n_quantiles,)
        Shift of each level.
    objective_ : float
        Weighted interval score of the out-of-fold rows: mean over rows and levels of twice the
        pinball loss, before rows are ordered.
    dual_gap_ : float
        Upper bound of how far `objective_` is above the optimum, inf where no bound is known.
    n_iter_ : int
        Iterations of the weights' solver.
    oof_quantiles_ : ndarray of shape (n_samples, p, n_quantiles)
        Out-of-fold quantiles, NaN where there are none; None without `store_oof`.
    quantiles_ : ndarray of shape (n_quantiles,)
        The levels.
    crossing_rate_ : float
        Weighted share of out-of-fold rows at which the ensemble crosses before it is ordered.
    base_crossing_rate_ : ndarray of shape (p,)
        The same share for each base model.
    n_features_in_ : int
        Number of features, if a base model knows it.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if a base model has them.

    See Also
    --------
    QuantileAggregator : The same on forecasts that are there already.
    LevelwiseQuantileRegressor : One copy of a regressor for each level.
    ResidualQuantileRegressor : Quantiles from the residuals of a regressor.
    sklearn.ensemble.StackingRegressor : Stack point predictions.

    Notes
    -----
    A base model predicts quantiles in the first way that it has: a method ``predict_quantiles``;
    a parameter `quantiles` of ``predict``, as in quantile-forest; its class being known, also
    inside a Pipeline or TransformedTargetRegressor with an increasing transform (one copy for each
    level of scikit-learn's QuantileRegressor, HistGradientBoostingRegressor and
    GradientBoostingRegressor and of LGBMRegressor; one fit for all levels of XGBRegressor,
    CatBoostRegressor and scikit-learn's RandomForestRegressor and ExtraTreesRegressor, from
    the outcomes in their leaves); else the quantiles of its out-of-fold residuals.

    A fitted model comes in FrozenEstimator. It is not fitted again, so the rows of `fit` must be
    new to it.

    With the levels ordered by "sort" or "isotonic" the score of a row never gets worse. Weights
    equal repeated rows where the base models have that property and copies of a row share a fold.

    References
    ----------
    .. [1] R. Fakoor, T. Kim, J. Mueller, A. J. Smola and R. J. Tibshirani, "Flexible Model
       Aggregation for Quantile Regression", Journal of Machine Learning Research 24(162), 2023.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.ensemble import RandomForestRegressor
    >>> from sklearn.linear_model import QuantileRegressor
    >>> from skweight.quantile import QuantileStackingRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> bases = [
    ...     ("linear", QuantileRegressor(alpha=0)),
    ...     ("forest", RandomForestRegressor(min_samples_leaf=5, random_state=0)),
    ... ]
    >>> model = QuantileStackingRegressor(bases, quantiles=[0.1, 0.5, 0.9]).fit(X, y)
    >>> model.weights_.shape
    (3, 2)
    >>> model.predict_interval(X[:1], coverage=0.8).shape
    (1, 2)
    """

    _parameter_constraints: dict = {
        "estimators": [list, None],
        **WEIGHT_CONSTRAINTS,
        "cv": ["cv_object"],
        "store_oof": ["boolean"],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimators=None,
        quantiles=DEFAULT_QUANTILES,
        weighting="medium",
        level_groups=None,
        constraint="simplex",
        fit_intercept=False,
        noncrossing="sort",
        sort_base=False,
        cv=5,
        solver="auto",
        tol=1e-9,
        max_iter=200,
        store_oof=False,
        n_jobs=None,
        random_state=None,
    ):
        self.estimators = estimators
        self.quantiles = quantiles
        self.weighting = weighting
        self.level_groups = level_groups
        self.constraint = constraint
        self.fit_intercept = fit_intercept
        self.noncrossing = noncrossing
        self.sort_base = sort_base
        self.cv = cv
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.store_oof = store_oof
        self.n_jobs = n_jobs
        self.random_state = random_state

    # The base models validate their own parameters.
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, **params):
        """Fit the base models and their weights.

        Each base model is fitted once to all rows and once for every fold.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows, in whatever form the base models take.
        y : array-like of shape (n_samples,)
            Outcomes.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. They enter the score that is minimised, and the fits of
            the base models that take them; with metadata routing, of those that asked for them.
        **params : dict
            Further metadata, such as `groups` for the splitter; needs metadata routing.

        Returns
        -------
        QuantileStackingRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If the input or a combination of parameters has no meaning; the message names it.

        Warns
        -----
        ConvergenceWarning
            If the duality gap of the weights stays above tol.
        UserWarning
            If base models take no weights; the message names them.

        See Also
        --------
        predict_quantiles : Predict the levels.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn.linear_model import BayesianRidge, QuantileRegressor
        >>> from skweight.quantile import QuantileStackingRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> bases = [("linear", QuantileRegressor(alpha=0)), ("bayes", BayesianRidge())]
        >>> model = QuantileStackingRegressor(bases, [0.1, 0.5, 0.9], weighting="coarse")
        >>> round(model.fit(X, y).weights_.sum(), 6)
        np.float64(1.0)
        """
        levels = check_quantiles(self.quantiles)
        estimators = self._bases(self.random_state)
        kept = {name: e for name, e in estimators.items() if not is_dropped(e)}
        y = check_target(y)
        check_consistent_length(X, y)
        X, y = indexable(X, y)
        weight = check_sample_weight(sample_weight, X)
        models = {name: quantile_model(e, levels) for name, e in kept.items()}
        routed = routed_params(
            self,
            {name: model.estimator for name, model in models.items()},
            None if sample_weight is None else weight,
            params,
            "the weights are used in the stacking only",
        )
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        with FitTask.root(self, X, y, metadata) as task:
            models, Q = self._fit_models(models, X, y, routed)
            self.estimators_ = [model.estimator for model in models.values()]
            fitted = dict(zip(models, self.estimators_, strict=True))
            self.named_estimators_ = Bunch(**{**dict.fromkeys(estimators, "drop"), **fitted})
            copy_feature_info(self, self.estimators_)
            covered = np.isfinite(Q[:, 0, 0])
            if not weight[covered].any():
                raise ValueError(
                    "sample_weight must give some row that cv holds out a positive weight."
                )
            held = Q[covered]
            forecast = self._fit_combination(
                sorted_base(held, self.sort_base),
                rows_of(X, np.flatnonzero(covered)),
                y[covered],
                weight[covered],
                levels,
                task,
            )
            self._set_crossing_rates(held, forecast, y[covered], weight[covered])
            self.oof_quantiles_ = Q if self.store_oof else None
        return self

    def _fit_models(self, models, X, y, routed):
        # A method of its own, so that nested CV+ can bring models that are fitted already.
        how = (self.cv, self.random_state, routed.split, self.n_jobs)
        return fit_models(models, X, y, routed.fit, *how)

    def _fit_combination(self, Q, X, y, weight, levels, task):
        """Fit the weights of ready base quantiles, and return the ensemble's of the same rows."""
        self._fit_weights(Q, y, weight, levels, task, self._needed_to_predict)
        return self._combined(Q, X)

    def _combined(self, Q, X):
        return combine(Q, self.weights_, self.intercept_)

    def _needed_to_predict(self):
        names = ("estimators_", "named_estimators_", "n_features_in_", "feature_names_in_")
        return {name: getattr(self, name) for name in names if hasattr(self, name)}

    def _bases(self, random_state=None):
        """Return names and unfitted base models, dropped ones included."""
        if self.estimators is None:
            return dict(default_estimators(random_state))
        check_pairs(self.estimators)
        self._validate_names([name for name, _ in self.estimators])
        return dict(self.estimators)

    def _forecast(self, X):
        models = [QuantileModel(e, self.quantiles_) for e in self.estimators_]
        Q = np.stack([model.predict_quantiles(X) for model in models], axis=1)
        return self._ordered(self._combined(sorted_base(Q, self.sort_base), X))

    def get_params(self, deep=True):
        """Get the parameters, those of the base models included.

        A search over them reaches every parameter of every base model.

        Parameters
        ----------
        deep : bool, default=True
            Whether to add the base models by name and their parameters as ``name__parameter``.

        Returns
        -------
        dict
            Names and values.

        See Also
        --------
        set_params : Set them.

        Examples
        --------
        >>> from sklearn.linear_model import QuantileRegressor
        >>> from skweight.quantile import QuantileStackingRegressor
        >>> model = QuantileStackingRegressor([("linear", QuantileRegressor(alpha=0.1))])
        >>> model.get_params()["linear__alpha"]
        0.1
        """
        return self._get_params("estimators", deep=deep)

    def set_params(self, **params):
        """Set parameters, also those of the base models.

        The list of base models is replaced first, if it is given, then single ones.

        Parameters
        ----------
        **params : dict
            Values by name: of this estimator, ``name`` for a base model ("drop" leaves it out), and
            ``name__parameter`` for a parameter of one.

        Returns
        -------
        QuantileStackingRegressor
            The estimator.

        See Also
        --------
        get_params : Get them.

        Examples
        --------
        >>> from sklearn.linear_model import QuantileRegressor
        >>> from skweight.quantile import QuantileStackingRegressor
        >>> model = QuantileStackingRegressor([("linear", QuantileRegressor(alpha=0.1))])
        >>> model.set_params(linear__alpha=0.5).estimators
        [('linear', QuantileRegressor(alpha=0.5))]
        """
        self._set_params("estimators", **params)
        return self

    def get_metadata_routing(self):
        """Get the metadata routing of this object.

        Without routing, sample weights go to whatever takes them.

        Returns
        -------
        MetadataRouter
            What `fit` passes on to the base models and the splitter.

        See Also
        --------
        fit : Takes the metadata.

        Examples
        --------
        >>> from skweight.quantile import QuantileStackingRegressor
        >>> type(QuantileStackingRegressor().get_metadata_routing()).__name__
        'MetadataRouter'
        """
        given = {name: e for name, e in self.estimators or [] if not is_dropped(e)}
        return router_of(self, given, self.cv)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        try:
            kept = [e for e in self._bases().values() if not is_dropped(e)]
            tags.input_tags.sparse = all(map(takes_sparse, kept))
            tags.input_tags.allow_nan = all(get_tags(e).input_tags.allow_nan for e in kept)
        except (AttributeError, TypeError, ValueError):
            pass  # fit says what is wrong with them
        return tags

    def _sk_visual_block_(self):
        names, estimators = zip(*self._bases().items(), strict=True)
        return _VisualBlock("parallel", list(estimators), names=list(names), dash_wrapped=False)
