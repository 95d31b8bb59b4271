"""What every quantile regressor of this room predicts, and how it is scored."""

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted

from skweight.metrics import d2_weighted_interval_score
from skweight.quantile._levels import at_levels, check_quantiles, interval_levels, point_forecast


class QuantileRegressorMixin(RegressorMixin):
    """Predict from `quantiles_` and a method ``_forecast(X)`` that returns (n, m) ordered rows."""

    def predict(self, X, quantiles=None):
        """Predict a point, or quantiles.

        The point is the median. Quantiles come in columns, as `predict_quantiles` returns them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to predict.
        quantiles : None, "all" or list of float, default=None
            None asks for the median: the level 0.5, interpolated between its neighbours if it was
            not fitted, the nearest level if 0.5 is outside their range. "all" asks for every
            fitted level, a list for these levels.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_quantiles)
            The point forecast, or one column for each level.

        See Also
        --------
        predict_quantiles : The same for a list of levels.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn.linear_model import QuantileRegressor
        >>> from skweight.quantile import QuantileStackingRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> bases = [("linear", QuantileRegressor(alpha=0))]
        >>> model = QuantileStackingRegressor(bases, quantiles=[0.1, 0.5, 0.9]).fit(X, y)
        >>> model.predict(X[:2]).shape, model.predict(X[:2], quantiles="all").shape
        ((2,), (2, 3))
        """
        if quantiles is None:
            check_is_fitted(self)
            return point_forecast(self._forecast(X), self.quantiles_)
        if isinstance(quantiles, str):
            if quantiles != "all":
                raise ValueError(f"quantiles must be None, 'all' or a list, got {quantiles!r}.")
            quantiles = None
        return self.predict_quantiles(X, quantiles)

    def predict_quantiles(self, X, quantiles=None):
        """Predict quantiles.

        Levels between fitted ones are interpolated after the rows were ordered, so that they keep
        the order too; nothing is extrapolated.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to predict.
        quantiles : array-like of shape (n_quantiles,) or None, default=None
            Levels within the range of `quantiles_`, interpolated linearly between fitted ones.
            None means all of `quantiles_`.

        Returns
        -------
        ndarray of shape (n_samples, n_quantiles)
            One column for each level.

        Raises
        ------
        ValueError
            If a level is outside the range of `quantiles_`.

        See Also
        --------
        predict_interval : Central intervals.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn.linear_model import QuantileRegressor
        >>> from skweight.quantile import QuantileStackingRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> bases = [("linear", QuantileRegressor(alpha=0))]
        >>> model = QuantileStackingRegressor(bases, quantiles=[0.1, 0.5, 0.9]).fit(X, y)
        >>> model.predict_quantiles(X[:2], [0.25, 0.75]).shape
        (2, 2)
        """
        check_is_fitted(self)
        if quantiles is None:
            return self._forecast(X)
        wanted = check_quantiles(np.atleast_1d(quantiles))
        return at_levels(self._forecast(X), self.quantiles_, wanted)

    def predict_interval(self, X, coverage=0.9):
        """Predict central intervals.

        As much probability lies below an interval as above it, as far as the quantiles are right.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to predict.
        coverage : float or list of float, default=0.9
            Nominal coverage in (0, 1): the interval reaches from the level ``(1 - coverage) / 2``
            to ``(1 + coverage) / 2``.

        Returns
        -------
        ndarray of shape (n_samples, 2) or (n_samples, 2, n_coverages)
            Lower and upper ends; with a third axis if `coverage` is a list.

        Raises
        ------
        ValueError
            If an end is outside the range of `quantiles_`.

        See Also
        --------
        predict_quantiles : Any levels.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn.linear_model import QuantileRegressor
        >>> from skweight.quantile import QuantileStackingRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> bases = [("linear", QuantileRegressor(alpha=0))]
        >>> model = QuantileStackingRegressor(bases, quantiles=[0.1, 0.5, 0.9]).fit(X, y)
        >>> model.predict_interval(X[:2], coverage=0.8).shape
        (2, 2)
        """
        check_is_fitted(self)
        if np.ndim(coverage) == 0:
            return at_levels(self._forecast(X), self.quantiles_, interval_levels(coverage))
        forecast = self._forecast(X)
        pairs = [at_levels(forecast, self.quantiles_, interval_levels(c)) for c in coverage]
        return np.stack(pairs, axis=2)

    def score(self, X, y, sample_weight=None):
        """Return the share of the weighted interval score that the model explains (D2).

        One minus the weighted interval score of all fitted levels over that of the empirical
        quantiles of `y`: 1 is perfect, 0 no better than a forecast that ignores X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to predict.
        y : array-like of shape (n_samples,)
            What came out.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows.

        Returns
        -------
        float
            The score, at most 1.

        See Also
        --------
        skweight.metrics.d2_weighted_interval_score : The same of forecasts at hand.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn.linear_model import QuantileRegressor
        >>> from skweight.quantile import QuantileStackingRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> bases = [("linear", QuantileRegressor(alpha=0))]
        >>> model = QuantileStackingRegressor(bases, quantiles=[0.1, 0.5, 0.9]).fit(X, y)
        >>> bool(model.score(X, y) > 0.2)
        True
        """
        forecast = self.predict_quantiles(X)
        return d2_weighted_interval_score(
            y, forecast, quantiles=self.quantiles_, sample_weight=sample_weight
        )
