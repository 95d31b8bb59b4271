"""Regression by networks."""

import numpy as np
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from skweight._core._callbacks import with_callbacks
from skweight._core._sklearn_compat import _fit_context
from skweight.neural._base import NEURAL_CONSTRAINTS, BaseNeural, checked_rows, positive_rows


class NeuralRegressorMixin(MultiOutputMixin, RegressorMixin):
    """Targets in units of their standard deviation on the way in, in their own on the way out."""

    def _scaled(self, X, y, sample_weight, reset=True):
        """Return rows of positive weight, their standardised targets and weights."""
        X, y, weight = checked_rows(
            self, X, y, sample_weight, reset=reset, multi_output=True, y_numeric=True
        )
        y = np.asarray(y, dtype=float)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        flat = y.ndim == 1
        Y = y[:, None] if flat else y
        X, weight, Y = positive_rows(X, weight, Y)
        if reset and not (self.warm_start and hasattr(self, "net_")):
            mean = np.average(Y, axis=0, weights=weight)
            scale = np.sqrt(np.average((Y - mean) ** 2, axis=0, weights=weight))
            constant = scale <= 10 * np.finfo(float).eps * np.abs(mean)
            self._moments = mean, np.where(constant, 1.0, scale), flat
        mean, scale, flat = self._moments
        if Y.shape[1] != len(mean):
            raise ValueError(
                f"y must have {len(mean)} target(s) as before, got {Y.shape[1]}: set "
                "warm_start=False."
            )
        return X, (Y - mean) / scale, weight, Y[:, 0] if flat else Y

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Train a network.

        Targets are standardised inside. Rows are used as they are: scale them in a Pipeline.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Targets.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. None means 1 for all.

        Returns
        -------
        estimator
            The fitted estimator.
        """
        if not self.warm_start:
            self._forget()
        X, Z, weight, y = self._scaled(X, y, sample_weight)
        return self._train(X, [Z], weight, Z.shape[1], seen=(X, y, weight))

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one pass over the rows, on top of what was learned before.

        The unit of the targets is that of the first call.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Targets.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0.

        Returns
        -------
        estimator
            The fitted estimator.
        """
        X, Z, weight, y = self._scaled(X, y, sample_weight, reset=not hasattr(self, "net_"))
        return self._train(X, [Z], weight, Z.shape[1], seen=(X, y, weight), incremental=True)

    def predict(self, X):
        """Predict targets.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_targets)
            Predictions.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        mean, scale, flat = self._moments
        values = mean + scale * self._outputs(X)
        return values[:, 0] if flat else values


class NeuralRegressor(NeuralRegressorMixin, BaseNeural):
    """PLACEHOLDER.
    """

    _parameter_constraints: dict = {**NEURAL_CONSTRAINTS}

    def _criterion(self):
        from torch import nn

        from skweight.neural._net import RowMean

        return RowMean(nn.MSELoss(reduction="none"))
