"""Give the forecasts of any quantile regressor the coverage that they promise."""

from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_consistent_length, check_random_state, get_tags, indexable
from sklearn.utils.metadata_routing import process_routing

from skweight._core._sklearn_compat import (
    HasMethods,
    StrOptions,
    _fit_context,
    _routing_enabled,
    takes_sparse,
)
from skweight._core._wrapping import copy_feature_info, router_of, rows_of
from skweight.quantile._adapters import quantile_model
from skweight.quantile._conformal_fits import (
    fit_folds,
    folds,
    forecast_of,
    one_split,
    quantiles_of,
)
from skweight.quantile._conformal_nested import fit_nested
from skweight.quantile._conformal_plus import plus_offsets
from skweight.quantile._conformal_prediction import CalibratedPredictionMixin
from skweight.quantile._conformal_scores import is_median, mirror_levels
from skweight.quantile._conformal_split import SplitCalibration
from skweight.quantile._levels import DEFAULT_QUANTILES, check_quantiles
from skweight.quantile._stacking_inputs import check_target


class ConformalQuantileRegressor(MetaEstimatorMixin, CalibratedPredictionMixin, BaseEstimator):
    """Calibrate quantile forecasts so that their intervals hold as often as they say.

    Conformalised quantile regression around any regressor: rows that a model was not fitted to
    tell how far its levels have to move. Coverage then holds in finite samples, whatever the
    model and the distribution, as long as rows are exchangeable.

    Parameters
    ----------
    estimator : estimator or None, default=None
        What forecasts quantiles: an estimator of this room, a quantile regressor of another
        package, or any regressor, whose residuals then give the quantiles. A model that is fitted
        already comes in `FrozenEstimator`: with ``method="split"`` all rows calibrate it. (A
        frozen point regressor predicts no quantiles; its residual distribution is fitted to the
        training part.) None means ``QuantileStackingRegressor()``.
    quantiles : array-like of shape (n_quantiles,) or None, default=None
        Levels in (0, 1), strictly increasing, to calibrate. None means those of `estimator` if it
        has `quantiles`, else 0.05, 0.10, ..., 0.95. With ``side="two"`` each level but 0.5 needs
        its mirror, 1 minus the level.
    method : {"split", "cv+", "nested-cv+"}, default="split"
        "split" fits one model to a part of the rows and calibrates it on the others. "cv+" fits
        one model for each fold, calibrates with the rows that each did not see, and predicts from
        all of them. "nested-cv+" gives exactly the intervals of "cv+" around a
        `QuantileStackingRegressor` whose inner folds are the other outer folds, with about half
        of the fits; the stack's own `cv` is ignored.
    side : {"two", "one"}, default="two"
        "two" calibrates each pair of a level and its mirror: the interval between them has the
        coverage, its ends by themselves need not. "one" calibrates each level by itself, as a
        one-sided bound, so that an interval between two of them is a little too wide.
    cv : int, cross-validation generator, iterable or None, default=None
        Splits into rows that fit and rows that calibrate. None is one random split with 20 % of
        the rows for calibration with ``method="split"``, which takes one split only, and five
        shuffled folds otherwise. Rows may calibrate in one fold at most; rows in none only fit.
        For "nested-cv+" the folds must hold all rows. A number of folds is shuffled only where
        `random_state` is set. With a frozen `estimator` it must be None.
    scale : {"width"}, callable or None, default=None
        What scores are divided by, so that the move outward is larger where the scale is. "width"
        is the width of the pair that a level belongs to, a callable takes X and returns a positive
        number for each row. It must know nothing of the calibration rows. "split" only.
    group_by : str, int, callable or None, default=None
        Groups that are calibrated separately, so that each has the coverage: a column's name, its
        index, or a function of X that returns a label for each row. "split" only.
    likelihood_ratio : callable or None, default=None
        Takes X and returns, up to a factor, how much likelier each row is where the model predicts
        than where the rows of `fit` come from: calibration under covariate shift. "split" only.
    random_state : int, RandomState instance or None, default=None
        Seed of the splits, and of the default estimator.
    n_jobs : int or None, default=None
        How many models of "cv+" are fitted at once; None is 1, -1 all processors.

    Attributes
    ----------
    estimators_ : list of estimator
        The fitted models: one of "split", which is `estimator_` as well, one for each fold
        otherwise. A regressor that needs one is inside an adapter.
    quantiles_ : ndarray of shape (n_quantiles,)
        The calibrated levels.
    n_calibration_ : int
        Number of rows that calibrated.
    conformity_quantiles_ : ndarray of shape (n_quantiles,) or (n_groups, n_quantiles), or None
        How far "split" moves each level outward, in units of the scale; negative where it moves
        inward, inf where the calibration rows are too few, 0 for the median. None where it depends
        on the row: with "cv+" and with `likelihood_ratio`.
    groups_ : dict or None
        From the label of each group to the number of its calibration rows, in the order of the
        rows of `conformity_quantiles_`. None without `group_by`.
    n_features_in_ : int
        Number of features, if the fitted models know it.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if the fitted models have them.

    See Also
    --------
    QuantileStackingRegressor : The default model, and the one that "nested-cv+" is for.
    noncross_minmax : The repair of levels that cross after calibration.

    Notes
    -----
    With n calibration rows, a pair at nominal coverage c uses the score of rank
    ``ceil(c (n + 1))``; "split" covers with at least that rank over n + 1, with equality if scores
    have no ties. Where the rank is above n the bounds are infinite and a warning says so; no
    interval between the calibration rows could keep the promise. "cv+" covers with at least
    1 - 2 (1 - c) minus a term of order sqrt(2 / n) for folds of equal size, in practice with
    about c.

    Calibrated levels that cross are repaired outward only, from the first level of at least 0.5:
    intervals around the median and one-sided bounds never become narrower.

    Sample weights go to the fit of the models. Calibration ignores them: ranks count rows, and
    only `likelihood_ratio` changes them. "split" keeps no rows; with `likelihood_ratio`, and with
    "cv+", one number for each calibration row and level is kept, since prediction needs it.

    The point forecast is not calibrated. It is the median of the model ("cv+": the mean of the
    fold models' medians, weighted by the sizes of the folds), and is finite where bounds are not.

    References
    ----------
    .. [1] Y. Romano, E. Patterson, E. J. Candes, "Conformalized Quantile Regression", NeurIPS 2019.
    .. [2] R. F. Barber, E. J. Candes, A. Ramdas, R. J. Tibshirani, "Predictive Inference with the
       Jackknife+", Annals of Statistics 49(1), 2021.
    .. [3] R. J. Tibshirani, R. F. Barber, E. J. Candes, A. Ramdas, "Conformal Prediction Under
       Covariate Shift", NeurIPS 2019.
    .. [4] R. Fakoor, T. Kim, J. Mueller, A. J. Smola, R. J. Tibshirani, "Flexible Model
       Aggregation for Quantile Regression", Journal of Machine Learning Research 24(162), 2023.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import QuantileRegressor
    >>> from skweight.quantile import ConformalQuantileRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> linear = QuantileRegressor(alpha=0)
    >>> model = ConformalQuantileRegressor(linear, quantiles=[0.1, 0.5, 0.9], random_state=0)
    >>> model.fit(X, y).predict_interval(X[:2], coverage=0.8).shape
    (2, 2)
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit"]), None],
        "quantiles": ["array-like", None],
        "method": [StrOptions({"split", "cv+", "nested-cv+"})],
        "side": [StrOptions({"two", "one"})],
        "cv": ["cv_object"],
        "scale": [StrOptions({"width"}), callable, None],
        "group_by": [str, Integral, callable, None],
        "likelihood_ratio": [callable, None],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        estimator=None,
        quantiles=None,
        method="split",
        side="two",
        cv=None,
        scale=None,
        group_by=None,
        likelihood_ratio=None,
        random_state=None,
        n_jobs=None,
    ):
        self.estimator = estimator
        self.quantiles = quantiles
        self.method = method
        self.side = side
        self.cv = cv
        self.scale = scale
        self.group_by = group_by
        self.likelihood_ratio = likelihood_ratio
        self.random_state = random_state
        self.n_jobs = n_jobs

    # The inner estimator validates its own parameters.
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, **fit_params):
        """Fit the models and calibrate them.

        Rows that calibrate a model are never among those that it was fitted to.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows, in whatever form the model takes.
        y : array-like of shape (n_samples,)
            Outcomes.
        **fit_params : dict
            Metadata. With metadata routing the model and the splitter get what they request,
            without it the model's ``fit`` gets everything. A `sample_weight` is for the fit of
            the model alone: calibration ignores it.

        Returns
        -------
        ConformalQuantileRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If parameters do not fit together, a level lacks its mirror, or `cv` does not give
            splits of the kind that `method` needs.

        See Also
        --------
        predict_interval : The intervals.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn.linear_model import QuantileRegressor
        >>> from skweight.quantile import ConformalQuantileRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> model = ConformalQuantileRegressor(QuantileRegressor(alpha=0), [0.1, 0.9])
        >>> model.fit(X, y).n_calibration_
        89
        """
        y = check_target(y)
        X, y = indexable(X, y)
        levels = self._levels()
        self._check_combination()
        estimator, params, split_params = self._routed(y, fit_params)
        frozen = quantile_model(estimator, levels).is_frozen
        if frozen:
            splits = [(np.arange(0), np.arange(len(y)))]
        elif self.method == "split":
            splits = one_split(self.cv, X, y, self.random_state, split_params)
        else:
            splits = folds(self.cv, X, y, self.random_state, split_params, self.method)
        fit_all = fit_nested if self.method == "nested-cv+" else fit_folds
        fitted = fit_all(estimator, levels, X, y, splits, params, self.n_jobs)
        self._split = self._plus = self.conformity_quantiles_ = self.groups_ = None
        if self.method == "split":
            self._calibrate(*fitted[0], X, y, *splits[0], levels)
        else:
            self._plus = plus_offsets(
                [y[test] for _, test in splits],
                [forecast for _, forecast in fitted],
                levels,
                self.side,
            )
        self._models = [model for model, _ in fitted]
        self.estimators_ = [model.estimator for model in self._models]
        self.quantiles_ = levels
        self.n_calibration_ = sum(len(test) for _, test in splits)
        copy_feature_info(self, self.estimators_)
        return self

    def _calibrate(self, model, forecast, X, y, train, test, levels):
        training_forecast = None
        if self.scale == "width" and len(train):
            training_forecast = forecast_of(model, rows_of(X, train), levels)
        how = (self.scale, self.group_by, self.likelihood_ratio)
        self._split = SplitCalibration(levels, self.side, *how)
        self._split.calibrate(rows_of(X, test), y[test], forecast, training_forecast)
        margins, groups = self._split.margins, self._split.groups
        if margins is not None:
            self.conformity_quantiles_ = margins[0] if groups is None else margins
        if groups is not None:
            self.groups_ = dict(zip(groups, self._split.sizes.tolist(), strict=True))

    @property
    def estimator_(self):
        """The fitted model of ``method="split"``.

        The models of the other methods are in `estimators_`.

        Returns
        -------
        estimator
            The fitted model, inside an adapter where it needs one.

        See Also
        --------
        fit : Fits it.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn.linear_model import QuantileRegressor
        >>> from skweight.quantile import ConformalQuantileRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> model = ConformalQuantileRegressor(QuantileRegressor(alpha=0), [0.1, 0.9]).fit(X, y)
        >>> model.estimator_ is model.estimators_[0]
        True
        """
        if not hasattr(self, "estimators_") or self._split is None:
            raise AttributeError(
                "estimator_ is there after a fit with method='split'; other methods keep one "
                "model for each fold in estimators_."
            )
        return self.estimators_[0]

    def _levels(self):
        """Return the levels to calibrate, after a look at whether they can be."""
        quantiles = self.quantiles
        if quantiles is None:
            quantiles = None if self.estimator is None else quantiles_of(self.estimator)
        levels = check_quantiles(DEFAULT_QUANTILES if quantiles is None else quantiles)
        median = is_median(levels)
        if median.all():
            raise ValueError(
                "quantiles must hold a level besides 0.5: the median is not calibrated."
            )
        alone = levels[(mirror_levels(levels) < 0) & ~median]
        if self.side == "two" and len(alone):
            raise ValueError(
                f"quantiles must hold 1 - level for each level with side='two', got "
                f"{alone.tolist()} without it; side='one' calibrates each level by itself."
            )
        if self.scale == "width" and len(alone):
            raise ValueError(
                f"scale='width' needs 1 - level for each level in quantiles, got {alone.tolist()} "
                "without it."
            )
        return levels

    def _check_combination(self):
        frozen = isinstance(self.estimator, FrozenEstimator)
        if frozen and self.cv is not None:
            raise ValueError(
                f"cv must be None with a FrozenEstimator, got {self.cv!r}: it is not fitted again, "
                "and every row calibrates."
            )
        if self.method == "split":
            return
        if frozen:
            raise ValueError(
                f"method must be 'split' with a FrozenEstimator, got {self.method!r}, which fits "
                "a model for each fold."
            )
        for name in ("scale", "group_by", "likelihood_ratio"):
            if getattr(self, name) is not None:
                raise ValueError(
                    f"{name} must be None with method={self.method!r}, got "
                    f"{getattr(self, name)!r}: it needs method='split'."
                )

    def _routed(self, y, params):
        """Return the estimator to fit, and what goes to its fit and to the splitter."""
        estimator = self.estimator
        if estimator is None:
            seed = self.random_state
            if not (seed is None or isinstance(seed, Integral)):
                seed = check_random_state(seed).randint(2**31 - 1)
            estimator = _default(seed)
        if "sample_weight" in params and params["sample_weight"] is None:
            params = {name: value for name, value in params.items() if name != "sample_weight"}
        if "sample_weight" in params:
            check_consistent_length(y, params["sample_weight"])
        if not _routing_enabled():
            return estimator, params, {}
        if not params:
            return estimator, {}, {}
        routed = process_routing(self, "fit", **params)
        split_params = routed.splitter.split if "splitter" in routed else {}
        return estimator, routed.estimator.fit, split_params

    def get_metadata_routing(self):
        """Get the metadata routing of this object.

        The inner estimator and the splitter receive what they request; the default estimator
        receives weights without a request.

        Returns
        -------
        MetadataRouter
            The routing.

        See Also
        --------
        fit : Takes the metadata.

        Examples
        --------
        >>> from skweight.quantile import ConformalQuantileRegressor
        >>> type(ConformalQuantileRegressor().get_metadata_routing()).__name__
        'MetadataRouter'
        """
        estimator = self.estimator
        if estimator is None:
            estimator = _default()
            if _routing_enabled():
                estimator.set_fit_request(sample_weight=True)
        return router_of(self, {"estimator": estimator}, self.cv)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = _default() if self.estimator is None else self.estimator
        tags.input_tags.sparse = takes_sparse(inner)
        tags.input_tags.allow_nan = get_tags(inner).input_tags.allow_nan
        return tags


def _default(random_state=None):
    from skweight.quantile import QuantileStackingRegressor

    return QuantileStackingRegressor(random_state=random_state)
