"""What stacking is compared with: base models alone, their average, the best of them."""

import joblib
import numpy as np
from sklearn.base import BaseEstimator

from skweight._cli.remember import recall
from skweight.metrics import weighted_interval_score
from skweight.quantile import QuantileStackingRegressor
from skweight.quantile._adapters import quantile_model
from skweight.quantile._levels import check_quantiles
from skweight.quantile._prediction import QuantileRegressorMixin


class OneModel(QuantileRegressorMixin, BaseEstimator):
    """One regressor, made to predict quantiles in the way that stacking would do it.

    Candidates that fit it to the same rows share the fit.

    Parameters
    ----------
    estimator : estimator
        Any regressor.
    quantiles : array-like of shape (n_quantiles,)
        Levels.
    """

    def __init__(self, estimator=None, quantiles=(0.5,)):
        self.estimator = estimator
        self.quantiles = quantiles

    def fit(self, X, y, sample_weight=None):
        """Fit the regressor, unless the same fit is remembered."""
        self.quantiles_ = check_quantiles(self.quantiles)
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}

        def build():
            return quantile_model(self.estimator, self.quantiles_).fit(X, y, **weights)

        asked = self.estimator, self.quantiles_, np.asarray(X), np.asarray(y), sample_weight
        self.fitted_ = recall(joblib.hash(asked), build)
        self.n_features_in_ = X.shape[1]
        return self

    def _forecast(self, X):
        return self.fitted_.predict_quantiles(X)


class AverageOfModels(QuantileRegressorMixin, BaseEstimator):
    """The mean of several models' quantiles, level by level.

    Parameters
    ----------
    estimators : list of (str, OneModel)
        The models.
    quantiles : array-like of shape (n_quantiles,)
        Levels.
    """

    def __init__(self, estimators=None, quantiles=(0.5,)):
        self.estimators = estimators
        self.quantiles = quantiles

    def fit(self, X, y, sample_weight=None):
        """Fit every model."""
        self.quantiles_ = check_quantiles(self.quantiles)
        self.estimators_ = [
            OneModel(model.estimator, self.quantiles).fit(X, y, sample_weight)
            for _, model in self.estimators
        ]
        self.n_features_in_ = X.shape[1]
        return self

    def _forecast(self, X):
        return np.mean([model.predict_quantiles(X) for model in self.estimators_], axis=0)


class BestModel(QuantileRegressorMixin, BaseEstimator):
    """The model with the best weighted interval score on rows held out within the training rows.

    Parameters
    ----------
    estimators : list of (str, OneModel)
        The models.
    quantiles : array-like of shape (n_quantiles,)
        Levels.
    cv : int, cross-validation generator or list of splits, default=5
        The folds that stacking uses as well.
    """

    def __init__(self, estimators=None, quantiles=(0.5,), cv=5):
        self.estimators = estimators
        self.quantiles = quantiles
        self.cv = cv

    def fit(self, X, y, sample_weight=None):
        """Fit every model in folds, and the best one to all rows."""
        self.quantiles_ = check_quantiles(self.quantiles)
        stack = QuantileStackingRegressor(
            self.estimators, self.quantiles, weighting="coarse", cv=self.cv, store_oof=True
        ).fit(X, y, sample_weight)
        scores = [
            weighted_interval_score(
                y, np.sort(forecast, axis=1), quantiles=self.quantiles_, sample_weight=sample_weight
            )
            for forecast in stack.oof_quantiles_.transpose(1, 0, 2)
        ]
        self.estimator_ = stack.estimators_[int(np.argmin(scores))]
        self.n_features_in_ = X.shape[1]
        return self

    def _forecast(self, X):
        return self.estimator_.predict_quantiles(X)
