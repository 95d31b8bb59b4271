"""Means as predictions, and the share of deviance that they explain."""

import numpy as np
from sklearn.metrics import r2_score
from sklearn.utils import check_array
from sklearn.utils.validation import check_consistent_length, column_or_1d

from skweight._core._sklearn_compat import check_sample_weight


class PredictsMeans:
    """Predictions and score of a model with raw scores (`_scores`) and a loss (`_glm_loss`)."""

    def _checked_target(self, y):
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y", estimator=self)
        return column_or_1d(y, warn=True)

    def predict(self, X):
        """Predict the mean of the target.

        Attributes are not needed.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to predict. With `drop_sensitive` a frame may lack the sensitive columns, the
            others in the order of `fit`; an array keeps its width, with anything (in an array of
            numbers any finite ones) in the sensitive columns.

        Returns
        -------
        ndarray of shape (n_samples,)
            Predicted means.

        See Also
        --------
        score : The share of deviance explained.

        Examples
        --------
        >>> from skweight.fairness import DistanceCovarianceRegressor
        >>> X, y = [["a", 0.0], ["b", 1.0], ["a", 2.0], ["b", 3.0]], [0.0, 1.0, 2.0, 3.0]
        >>> model = DistanceCovarianceRegressor(sensitive_columns=[0]).fit(X, y)
        >>> model.predict([["b", 1.5]]).round(1)
        array([1.5])
        """
        scores = self._scores(X)
        return self._glm_loss.mean(scores)

    def score(self, X, y, sample_weight=None):
        """Return the share of deviance explained.

        For squared error it is the coefficient of determination, R^2; the dependence on attributes
        does not enter.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, as for `predict`.
        y : array-like of shape (n_samples,)
            Their targets.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows; None means 1 for all.

        Returns
        -------
        float
            ``1 - deviance / deviance of the weighted mean of y``, at most 1.

        See Also
        --------
        predict : The fitted means.

        Examples
        --------
        >>> from skweight.fairness import DistanceCovarianceRegressor
        >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 2.0, 3.0]
        >>> model = DistanceCovarianceRegressor(fairness_alpha=0)
        >>> round(model.fit(X, y, sensitive_features=list("abab")).score(X, y), 3)
        1.0
        """
        scores = self._scores(X)
        loss = self._glm_loss
        if loss.name == "squared_error":
            return r2_score(y, loss.mean(scores), sample_weight=sample_weight)
        y = self._checked_target(y)
        check_consistent_length(scores, y)
        weight = check_sample_weight(sample_weight, scores)
        mean = np.average(y, weights=weight)
        loss.check_target(y, mean)
        best = weight @ loss.saturated(y)
        null = weight @ loss.value(y, np.full_like(y, loss.link(mean)))
        return float(1 - (weight @ loss.value(y, scores) - best) / (null - best))
