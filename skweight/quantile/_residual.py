"""Quantiles from the residuals of a regressor that predicts a point."""

import inspect
from numbers import Integral

import numpy as np
from scipy.special import ndtri
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags, indexable
from sklearn.utils.parallel import Parallel, delayed

from skweight._core._sklearn_compat import (
    HasMethods,
    StrOptions,
    _fit_context,
    check_sample_weight,
    takes_sparse,
)
from skweight._core._wrapping import copy_feature_info, router_of, rows_of
from skweight.metrics._quantile_losses import weighted_quantile
from skweight.quantile._adapters import last_step
from skweight.quantile._levels import DEFAULT_QUANTILES, check_quantiles
from skweight.quantile._prediction import QuantileRegressorMixin
from skweight.quantile._stacking_inputs import check_target, held_out_splits, routed_params


class ResidualQuantileRegressor(QuantileRegressorMixin, MetaEstimatorMixin, BaseEstimator):
    """Predict quantiles with any regressor, from its errors on rows that it did not see.

    The quantiles of a row are the prediction plus those of out-of-fold residuals [1]_, scaled
    by the row's standard deviation where the regressor predicts one.

    Parameters
    ----------
    estimator : estimator or None, default=None
        Regressor; a fitted one in FrozenEstimator is not fitted again, and the rows of `fit` must
        then be new to it. None means ``LinearRegression()``.
    quantiles : array-like of shape (n_quantiles,), default=tuple(k / 20 for k in range(1, 20))
        Levels in (0, 1), strictly increasing.
    distribution : {"empirical", "gaussian"}, default="empirical"
        "empirical" takes the quantiles of the residuals; those of a regressor with
        ``predict(X, return_std=True)`` are divided by its standard deviations first. "gaussian"
        takes a normal distribution: with these standard deviations where they exist, and no
        folds are fitted then, else with the mean and variance of the residuals.
    cv : int, cross-validation generator, iterable or None, default=5
        Folds of the residuals. A number is that many folds of neighbouring rows, shuffled if
        `random_state` is given; None means 5. Rows in no test fold have no residual.
    random_state : int, RandomState instance or None, default=None
        Seed of the folds; the regressor brings its own.
    n_jobs : int or None, default=None
        Number of fits at the same time, as in joblib.

    Attributes
    ----------
    estimator_ : estimator
        The regressor, fitted to all rows.
    quantiles_ : ndarray of shape (n_quantiles,)
        The levels.
    residual_quantiles_ : ndarray of shape (n_quantiles,)
        What is added to the prediction, in units of its standard deviation if `uses_std_`.
    uses_std_ : bool
        Whether the regressor predicts standard deviations.
    n_features_in_ : int
        Number of features, if the regressor knows it.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if the regressor has them.

    See Also
    --------
    LevelwiseQuantileRegressor : One copy of a regressor for each level.
    QuantileStackingRegressor : Combine several regressors.

    Notes
    -----
    Residuals of the rows that a regressor was fitted to are too small, several times for a forest.
    An empirical quantile is the smallest residual at which the cumulated weight reaches the level,
    so an integer weight equals that many copies of a row, if the copies share a fold.

    Without standard deviations, all rows have the same distribution around their prediction.

    References
    ----------
    .. [1] R. F. Barber, E. J. Candès, A. Ramdas and R. J. Tibshirani, "Predictive Inference with
       the Jackknife+", Annals of Statistics 49(1), 2021.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from skweight.quantile import ResidualQuantileRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = ResidualQuantileRegressor(Ridge(), quantiles=[0.1, 0.5, 0.9]).fit(X, y)
    >>> model.residual_quantiles_.round()
    array([-70.,  -7.,  84.])
    """

    # What the base does with sample weights decides whether it ignores them.
    _wraps_one_base = True

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"]), None],
        "quantiles": ["array-like"],
        "distribution": [StrOptions({"empirical", "gaussian"})],
        "cv": ["cv_object"],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        estimator=None,
        quantiles=DEFAULT_QUANTILES,
        distribution="empirical",
        cv=5,
        random_state=None,
        n_jobs=None,
    ):
        self.estimator = estimator
        self.quantiles = quantiles
        self.distribution = distribution
        self.cv = cv
        self.random_state = random_state
        self.n_jobs = n_jobs

    # The inner estimator validates its own parameters.
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, **params):
        """Fit the regressor, and the quantiles of its residuals.

        The regressor is fitted once to all rows and once for every fold.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows, in whatever form the regressor takes.
        y : array-like of shape (n_samples,)
            Outcomes.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the residuals, passed on to the regressor too if it takes them; with metadata
            routing, if it asked for them.
        **params : dict
            Further metadata for the regressor and the splitter; needs metadata routing.

        Returns
        -------
        ResidualQuantileRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If the levels or the folds have no meaning.

        See Also
        --------
        predict_quantiles : Predict the levels.

        Examples
        --------
        >>> from skweight.quantile import ResidualQuantileRegressor
        >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 2.5, 2.5]
        >>> model = ResidualQuantileRegressor(quantiles=[0.25, 0.75], cv=2).fit(X, y)
        >>> model.predict_quantiles([[1.5]]).shape
        (1, 2)
        """
        levels = check_quantiles(self.quantiles)
        base = self._base()
        X, y = indexable(X, check_target(y))
        weight = check_sample_weight(sample_weight, X)
        given = None if sample_weight is None else weight
        routed = routed_params(
            self,
            {"estimator": base},
            given,
            params,
            "the weights are used in the quantiles of the residuals only",
        )
        fit_params = routed.fit["estimator"]
        uses_std = gives_std(base)
        needs_residuals = not (uses_std and self.distribution == "gaussian")
        frozen = isinstance(base, FrozenEstimator)
        jobs = [delayed(_fit)(clone(base), X, y, None, None, fit_params, uses_std)]
        splits = []
        if needs_residuals and not frozen:
            splits = held_out_splits(self.cv, X, y, self.random_state, routed.split)
            jobs += [
                delayed(_fit)(clone(base), X, y, train, test, fit_params, uses_std)
                for train, test in splits
            ]
        (self.estimator_, *_), *folds = Parallel(n_jobs=self.n_jobs)(jobs)
        if not needs_residuals:
            self.residual_quantiles_ = ndtri(levels)
        else:
            if frozen:
                folds, splits = [(None, *predict_scaled(base, X, uses_std))], [(None, slice(None))]
            rows = np.concatenate([np.arange(len(y))[test] for _, test in splits])
            mean = np.concatenate([mean for _, mean, _ in folds])
            std = np.concatenate([std for _, _, std in folds])
            self.residual_quantiles_ = _residual_quantiles(
                y[rows] - mean, std, weight[rows], levels, self.distribution
            )
        self.uses_std_ = uses_std
        self.quantiles_ = levels
        copy_feature_info(self, [self.estimator_])
        return self

    def _base(self):
        return LinearRegression() if self.estimator is None else self.estimator

    def _forecast(self, X):
        mean, std = predict_scaled(self.estimator_, X, self.uses_std_)
        return mean[:, None] + std[:, None] * self.residual_quantiles_

    def get_metadata_routing(self):
        """Get the metadata routing of this object.

        Without routing, sample weights go to whatever takes them.

        Returns
        -------
        MetadataRouter
            What `fit` passes on to the regressor and the splitter.

        See Also
        --------
        fit : Takes the metadata.

        Examples
        --------
        >>> from skweight.quantile import ResidualQuantileRegressor
        >>> type(ResidualQuantileRegressor().get_metadata_routing()).__name__
        'MetadataRouter'
        """
        inner = {} if self.estimator is None else {"estimator": self.estimator}
        return router_of(self, inner, self.cv)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = takes_sparse(self._base())
        tags.input_tags.allow_nan = get_tags(self._base()).input_tags.allow_nan
        return tags


def gives_std(estimator):
    """Tell whether ``predict`` of a regressor, or of the last step of a Pipeline, gives a std."""
    if isinstance(estimator, Pipeline) and estimator.steps:
        return gives_std(estimator.steps[-1][1])
    try:
        return "return_std" in inspect.signature(estimator.predict).parameters
    except (AttributeError, TypeError, ValueError):
        return False


def predict_scaled(fitted, X, uses_std):
    """Return predictions and their standard deviations, ones where they are not used."""
    if not uses_std:
        mean = np.asarray(fitted.predict(X), dtype=np.float64)
        if mean.ndim == 2 and mean.shape[1] == 1:
            mean = mean[:, 0]
        return mean, np.ones(len(mean))
    last, X = last_step(fitted, X)
    mean, std = last.predict(X, return_std=True)
    return np.asarray(mean, dtype=np.float64), np.asarray(std, dtype=np.float64)


def _fit(model, X, y, train, test, params, uses_std):
    """Fit to all rows, or to some and predict others."""
    if train is None:
        return model.fit(X, y, **params), None, None
    params = {name: rows_of(value, train) for name, value in params.items()}
    model.fit(rows_of(X, train), y[train], **params)
    return None, *predict_scaled(model, rows_of(X, test), uses_std)


def _residual_quantiles(residual, std, weight, levels, distribution):
    """Return what the quantiles add to a prediction, in units of `std`."""
    if not weight.any():
        raise ValueError("sample_weight must give some held out row a positive weight.")
    if distribution == "gaussian":  # without standard deviations
        mean = np.average(residual, weights=weight)
        spread = np.sqrt(np.average((residual - mean) ** 2, weights=weight))
        return mean + spread * ndtri(levels)
    # A row that is certain says nothing of the errors in units of its standard deviation.
    used = (weight > 0) & (std > 0)
    if not used.any():
        return np.zeros(len(levels))
    return weighted_quantile(residual[used] / std[used], weight[used], levels)
