"""What a calibrated regressor predicts: a point, and the levels that were calibrated."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skweight._core._wrapping import rows_of
from skweight.quantile._conformal_fits import forecast_of
from skweight.quantile._conformal_plus import plus_forecast, weighted_mean
from skweight.quantile._conformal_scores import mirror_levels
from skweight.quantile._levels import (
    check_quantiles,
    find_level,
    interval_levels,
    point_forecast,
)
from skweight.quantile._noncross import noncross_minmax
from skweight.quantile._prediction import QuantileRegressorMixin

# Rows whose forecasts by every fold's model are held at once.
_BLOCK = 65_536


class CalibratedPredictionMixin(QuantileRegressorMixin):
    """Predict calibrated levels, and nothing between them.

    Needs `quantiles_`, the models `_models`, and either `_split` or `_plus`.
    """

    def _forecasts(self, X, calibrate=True):
        """Return the levels before and after calibration (None if not asked for), (n, m) each."""
        if self._plus is None:
            raw = forecast_of(self._models[0], X, self.quantiles_)
            moved = self._split.move(X, raw) if calibrate else None
        else:
            raw, moved = zip(*(self._plus_forecasts(x, calibrate) for x in _blocks(X)), strict=True)
            raw, moved = np.concatenate(raw), np.concatenate(moved) if calibrate else None
        # Outward only, so that coverage is kept.
        return raw, noncross_minmax(moved, quantiles=self.quantiles_) if calibrate else None

    def _plus_forecasts(self, X, calibrate):
        by_fold = np.stack([forecast_of(model, X, self.quantiles_) for model in self._models])
        moved = plus_forecast(by_fold, self._plus) if calibrate else None
        return weighted_mean(by_fold, self._plus.sizes), moved

    def _forecast(self, X):
        return self._forecasts(X)[1]

    def predict(self, X, quantiles=None):
        """Predict a point, or calibrated quantiles.

        The point is the model's median, which calibration leaves as it is.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to predict.
        quantiles : None, "all" or list of float, default=None
            None asks for the level 0.5 before calibration, interpolated between its neighbours if
            it is not in `quantiles_` (and held between them after calibration), the nearest level
            if 0.5 is outside their range; it is always finite. "all" asks for every calibrated
            level, a list for these levels.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_quantiles)
            The point forecast, or one column for each level.

        See Also
        --------
        predict_interval : Calibrated intervals.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn.linear_model import QuantileRegressor
        >>> from skweight.quantile import ConformalQuantileRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> model = ConformalQuantileRegressor(QuantileRegressor(alpha=0), [0.1, 0.5, 0.9])
        >>> model.fit(X, y).predict(X[:2]).shape
        (2,)
        """
        check_is_fitted(self)
        if quantiles is not None:
            return super().predict(X, quantiles)
        levels = self.quantiles_
        above = int(np.searchsorted(levels, 0.5))
        between = find_level(levels, 0.5) is None and 0 < above < len(levels)
        raw, calibrated = self._forecasts(X, calibrate=between)
        point = point_forecast(raw, levels)
        return np.clip(point, *calibrated[:, above - 1 : above + 1].T) if between else point

    def predict_quantiles(self, X, quantiles=None):
        """Predict calibrated quantiles.

        With ``side="two"`` the pair of a level and its mirror is calibrated, not each of the two.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to predict.
        quantiles : array-like of shape (n_quantiles,) or None, default=None
            Levels among `quantiles_`. None means all of them.

        Returns
        -------
        ndarray of shape (n_samples, n_quantiles)
            One column for each level; infinite where the calibration rows are too few.

        Raises
        ------
        ValueError
            If a level was not calibrated; the message lists those that were.

        See Also
        --------
        predict_interval : Calibrated intervals.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn.linear_model import QuantileRegressor
        >>> from skweight.quantile import ConformalQuantileRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> model = ConformalQuantileRegressor(QuantileRegressor(alpha=0), [0.1, 0.5, 0.9])
        >>> model.fit(X, y).predict_quantiles(X[:2], [0.9]).shape
        (2, 1)
        """
        check_is_fitted(self)
        if quantiles is not None:
            wanted = check_quantiles(np.atleast_1d(quantiles))
            bad = [level for level in wanted.tolist() if find_level(self.quantiles_, level) is None]
            if bad:
                raise ValueError(
                    f"quantiles must be among the calibrated levels {self.quantiles_.tolist()}, "
                    f"got {bad}: a level interpolated between them would not be calibrated."
                )
        return super().predict_quantiles(X, quantiles)

    def predict_interval(self, X, coverage=0.9):
        """Predict calibrated central intervals.

        Each reaches from a level below 0.5 to its mirror, 1 minus the level.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to predict.
        coverage : float or list of float, default=0.9
            Nominal coverage: ``1 - 2 * level`` of a level below 0.5 whose mirror was calibrated
            too.

        Returns
        -------
        ndarray of shape (n_samples, 2) or (n_samples, 2, n_coverages)
            Lower and upper ends, infinite where the calibration rows are too few; with a third
            axis if `coverage` is a list.

        Raises
        ------
        ValueError
            If a coverage was not calibrated; the message lists those that were.

        See Also
        --------
        predict_quantiles : The levels one by one.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn.linear_model import QuantileRegressor
        >>> from skweight.quantile import ConformalQuantileRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> model = ConformalQuantileRegressor(QuantileRegressor(alpha=0), [0.1, 0.5, 0.9])
        >>> model.fit(X, y).predict_interval(X[:2], coverage=0.8).shape
        (2, 2)
        """
        check_is_fitted(self)
        for each in np.ravel(coverage).tolist():
            if None in [find_level(self.quantiles_, end) for end in interval_levels(each)]:
                low = self.quantiles_[(mirror_levels(self.quantiles_) >= 0)]
                there = [round(1 - 2 * level, 9) for level in low[low < 0.5][::-1].tolist()]
                raise ValueError(
                    f"coverage must be one of the calibrated {there}, got {each!r}: an interval "
                    "between other levels would not be calibrated."
                )
        return super().predict_interval(X, coverage)


def _blocks(X):
    """Yield X in blocks of rows, X itself where it is no longer than one."""
    n = X.shape[0] if hasattr(X, "shape") else len(X) if hasattr(X, "__len__") else 0
    if n <= _BLOCK:
        yield X
        return
    for start in range(0, n, _BLOCK):
        yield rows_of(X, np.arange(start, min(start + _BLOCK, n)))
