"""Linear quantile regression, all levels at once."""

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from skweight._core._sklearn_compat import check_sample_weight
from skweight.quantile._levels import DEFAULT_QUANTILES, check_quantiles
from skweight.quantile._prediction import QuantileRegressorMixin
from skweight.quantile._weights import quantile_stacking_weights


class LinearQuantiles(QuantileRegressorMixin, BaseEstimator):
    """Fit a linear quantile regression without penalty at each level.

    A feature is a forecast that is the same at every level, so free weights of the features are
    the coefficients: the interior-point method of the weights finds all of them in one fit.

    Parameters
    ----------
    quantiles : array-like of shape (n_quantiles,), default=tuple(k / 20 for k in range(1, 20))
        Levels in (0, 1), strictly increasing.
    """

    def __init__(self, quantiles=DEFAULT_QUANTILES):
        self.quantiles = quantiles

    def fit(self, X, y, sample_weight=None):
        """Fit the coefficients of every level."""
        levels = check_quantiles(self.quantiles)
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        weight = check_sample_weight(sample_weight, X)
        # Standardised, so that the size of a column means nothing; constant ones add nothing to
        # the intercept.
        center = np.average(X, axis=0, weights=weight)
        scale = np.sqrt(np.average((X - center) ** 2, axis=0, weights=weight))
        varies = scale > 1e-10 * np.abs(X).max(axis=0)
        self.coef_ = np.zeros((len(levels), X.shape[1]))
        columns = np.ones((len(X), 1))  # the intercept alone, where nothing varies
        if varies.any():
            columns = (X[:, varies] - center[varies]) / scale[varies]
        found = quantile_stacking_weights(
            np.broadcast_to(columns[:, :, None], (*columns.shape, len(levels))),
            y,
            levels,
            constraint="none",
            fit_intercept=bool(varies.any()),
            sample_weight=weight,
        )
        if varies.any():
            self.coef_[:, varies] = found.weights / scale[varies]
            self.intercept_ = found.intercept - self.coef_ @ center
        else:
            self.intercept_ = found.weights[:, 0]
        self.quantiles_ = levels
        return self

    def _forecast(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return X @ self.coef_.T + self.intercept_
