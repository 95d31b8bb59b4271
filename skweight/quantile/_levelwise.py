"""One model for each quantile level."""

from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.linear_model import QuantileRegressor
from sklearn.utils import get_tags, indexable
from sklearn.utils.parallel import Parallel, delayed

from skweight._core._sklearn_compat import (
    HasMethods,
    StrOptions,
    _fit_context,
    check_sample_weight,
    takes_sparse,
)
from skweight._core._wrapping import copy_feature_info, router_of
from skweight.quantile._adapters import check_increasing, level_parameters
from skweight.quantile._levels import DEFAULT_QUANTILES, check_quantiles
from skweight.quantile._noncross import order_rows
from skweight.quantile._prediction import QuantileRegressorMixin
from skweight.quantile._stacking_inputs import check_target, routed_params


class LevelwiseQuantileRegressor(QuantileRegressorMixin, MetaEstimatorMixin, BaseEstimator):
    """Fit one copy of a regressor for each quantile level.

    Most quantile regressors [1]_ predict one level, a parameter of theirs. This makes one regressor
    of several levels out of any of them, also inside a Pipeline.

    Parameters
    ----------
    estimator : estimator or None, default=None
        Regressor with a parameter for the level. None means ``QuantileRegressor(alpha=0)``.
    quantiles : array-like of shape (n_quantiles,), default=tuple(k / 20 for k in range(1, 20))
        Levels in (0, 1), strictly increasing.
    level_param : str or None, default=None
        Name of the parameter that takes the level, such as ``"quantile"`` or ``"step__tau"``; what
        else the loss needs must be set in `estimator`. None sets everything for known classes:
        QuantileRegressor, HistGradientBoostingRegressor and GradientBoostingRegressor of
        scikit-learn, LGBMRegressor, XGBRegressor and CatBoostRegressor, also inside a Pipeline
        or TransformedTargetRegressor.
    noncrossing : {"sort", "isotonic", "minmax"} or None, default="sort"
        How the quantiles of a row are ordered, since models fitted apart cross. None leaves them.
    n_jobs : int or None, default=None
        Number of levels fitted at the same time, as in joblib.

    Attributes
    ----------
    estimators_ : list of estimator
        The fitted copies, in the order of the levels.
    quantiles_ : ndarray of shape (n_quantiles,)
        The levels.
    n_features_in_ : int
        Number of features, if the copies know it.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if the copies have them.

    See Also
    --------
    ResidualQuantileRegressor : Quantiles from a regressor that has no level.
    QuantileStackingRegressor : Combine several regressors.

    References
    ----------
    .. [1] R. Koenker and G. Bassett, "Regression Quantiles", Econometrica 46(1), 1978.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.ensemble import GradientBoostingRegressor
    >>> from skweight.quantile import LevelwiseQuantileRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> base = GradientBoostingRegressor(n_estimators=20, random_state=0)
    >>> model = LevelwiseQuantileRegressor(base, quantiles=[0.1, 0.5, 0.9]).fit(X, y)
    >>> model.predict_quantiles(X[:2]).shape
    (2, 3)
    """

    # Sample weights go to the base or nowhere.
    _wraps_one_base = True

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"]), None],
        "quantiles": ["array-like"],
        "level_param": [str, None],
        "noncrossing": [StrOptions({"sort", "isotonic", "minmax"}), None],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        estimator=None,
        quantiles=DEFAULT_QUANTILES,
        level_param=None,
        noncrossing="sort",
        n_jobs=None,
    ):
        self.estimator = estimator
        self.quantiles = quantiles
        self.level_param = level_param
        self.noncrossing = noncrossing
        self.n_jobs = n_jobs

    # The inner estimator validates its own parameters.
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, **params):
        """Fit one copy of the regressor for each level.

        The regressor given stays unfitted.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows, in whatever form the regressor takes.
        y : array-like of shape (n_samples,)
            Outcomes.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, passed on if the regressor takes them; with metadata routing, if it
            asked for them.
        **params : dict
            Further metadata for the regressor; needs metadata routing.

        Returns
        -------
        LevelwiseQuantileRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If the regressor has no such parameter, or the levels have no meaning.

        See Also
        --------
        predict_quantiles : Predict the levels.

        Examples
        --------
        >>> from skweight.quantile import LevelwiseQuantileRegressor
        >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 2.5, 2.5]
        >>> LevelwiseQuantileRegressor(quantiles=[0.5]).fit(X, y).predict([[1.5]]).shape
        (1,)
        """
        levels = check_quantiles(self.quantiles)
        base = self._base()
        copies = [self._copy_at(base, tau) for tau in levels.tolist()]
        X, y = indexable(X, check_target(y))
        if sample_weight is not None:
            sample_weight = check_sample_weight(sample_weight, X)
        routed = routed_params(
            self, {"estimator": base}, sample_weight, params, "the weights are ignored"
        )
        self.estimators_ = Parallel(n_jobs=self.n_jobs)(
            delayed(_fit)(copy, X, y, routed.fit["estimator"]) for copy in copies
        )
        self.quantiles_ = levels
        copy_feature_info(self, self.estimators_)
        return self

    def _base(self):
        if self.estimator is None:
            return QuantileRegressor(alpha=0.0)
        return self.estimator

    def _copy_at(self, base, tau):
        name = type(base).__name__
        if self.level_param is None:
            values = level_parameters(base, tau)
            if values is None:
                raise ValueError(
                    f"estimator: {name} is no class whose quantile level is known: name its "
                    "parameter in level_param, or use ResidualQuantileRegressor."
                )
        else:
            values = {self.level_param: tau}
            if self.level_param not in base.get_params():
                raise ValueError(f"level_param: {name} has no parameter {self.level_param!r}.")
        return clone(base).set_params(**values)

    def _forecast(self, X):
        columns = [np.asarray(model.predict(X), dtype=np.float64) for model in self.estimators_]
        forecast = np.column_stack([column.reshape(len(column)) for column in columns])
        return order_rows(forecast, self.noncrossing, self.quantiles_)

    def get_metadata_routing(self):
        """Get the metadata routing of this object.

        Without routing, sample weights go to whatever takes them.

        Returns
        -------
        MetadataRouter
            What `fit` passes on to the regressor.

        See Also
        --------
        fit : Takes the metadata.

        Examples
        --------
        >>> from skweight.quantile import LevelwiseQuantileRegressor
        >>> type(LevelwiseQuantileRegressor().get_metadata_routing()).__name__
        'MetadataRouter'
        """
        inner = {} if self.estimator is None else {"estimator": self.estimator}
        return router_of(self, inner)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = takes_sparse(self._base())
        tags.input_tags.allow_nan = get_tags(self._base()).input_tags.allow_nan
        return tags


def _fit(model, X, y, params):
    model.fit(X, y, **params)
    check_increasing(model, y)
    return model
