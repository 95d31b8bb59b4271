"""What the classifiers with a dependence penalty share: labels, and predictions."""

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets

from skweight._core._labels import checked_labels
from skweight.fairness._glm_base import BaseDistanceCovariance
from skweight.fairness._losses import Binomial, Multinomial


class BaseDistanceCovarianceClassifier(ClassifierMixin, BaseDistanceCovariance):
    """Classify by a logistic model with a dependence penalty."""

    def _checked_target(self, y):
        y = checked_labels(y)
        check_classification_targets(y)
        return y

    def _target(self, rows):
        self.classes_, codes = np.unique(rows.y, return_inverse=True)
        K = len(self.classes_)
        if K < 2:
            raise ValueError(
                "y must hold at least two classes among the rows of positive weight, but it has "
                f"only 1 class: {self.classes_}."
            )
        if K == 2:
            return Binomial(), codes.astype(float)
        return Multinomial(K), np.eye(K)[codes]

    def _shaped(self, coef, intercept):
        return coef.T.copy(), intercept

    def _previous(self, rows):
        """Return the last fit's coefficients and intercepts as the solver wants them."""
        coef = getattr(self, "coef_", None)
        K = len(self.classes_)
        if coef is None or coef.shape != (1 if K == 2 else K, len(rows.used)):
            return None
        return coef[:, rows.used].T, self.intercept_

    def decision_function(self, X):
        """Compute the linear predictor.

        Attributes are not needed.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to score. With `drop_sensitive` a frame may lack the sensitive columns, the
            others in the order of `fit`; an array keeps its width, with anything (in an array of
            numbers any finite ones) in the sensitive columns.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Log-odds of ``classes_[1]`` for two classes, else scores whose softmax are the
            probabilities.

        See Also
        --------
        predict_proba : The fitted probabilities.

        Examples
        --------
        >>> from skweight.fairness import DistanceCovarianceClassifier
        >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]
        >>> model = DistanceCovarianceClassifier(fairness_alpha=0.1)
        >>> model.fit(X, y, sensitive_features=list("abba")).decision_function([[1.5]]).shape
        (1,)
        """
        scores = self._scores(X)
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def predict_proba(self, X):
        """Predict the probability of each class.

        These are what the penalty makes less dependent on the attributes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to predict, as for `decision_function`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities, columns as in `classes_`.

        See Also
        --------
        decision_function : The linear predictor.

        Examples
        --------
        >>> from skweight.fairness import DistanceCovarianceClassifier
        >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]
        >>> model = DistanceCovarianceClassifier(fairness_alpha=0.1)
        >>> model.fit(X, y, sensitive_features=list("abba")).predict_proba([[1.5]]).round(2)
        array([[0.5, 0.5]])
        """
        scores = self.decision_function(X)
        if scores.ndim == 1:
            loss = Binomial()
            return np.column_stack([loss.mean(-scores), loss.mean(scores)])
        return Multinomial(scores.shape[1]).mean(scores)

    def predict_log_proba(self, X):
        """Predict the logarithm of the probability of each class.

        It is that of `predict_proba`, to the last digit.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to predict, as for `decision_function`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Logarithms of `predict_proba`, minus infinity where that is 0.

        See Also
        --------
        predict_proba : The fitted probabilities.

        Examples
        --------
        >>> from skweight.fairness import DistanceCovarianceClassifier
        >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]
        >>> model = DistanceCovarianceClassifier(fairness_alpha=0.1)
        >>> model.fit(X, y, sensitive_features=list("abba")).predict_log_proba([[1.5]]).round(2)
        array([[-0.69, -0.69]])
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict(self, X):
        """Predict the most probable class.

        Labels may depend on attributes more than the probabilities that they are made of.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to predict, as for `decision_function`.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels.

        See Also
        --------
        predict_proba : The fitted probabilities.

        Examples
        --------
        >>> from skweight.fairness import DistanceCovarianceClassifier
        >>> X, y = [[0.0], [1.0], [2.0], [3.0]], ["no", "no", "yes", "yes"]
        >>> model = DistanceCovarianceClassifier(fairness_alpha=0.1)
        >>> model.fit(X, y, sensitive_features=list("abba")).predict([[0.5], [2.5]]).tolist()
        ['no', 'yes']
        """
        scores = self.decision_function(X)
        codes = (scores > 0).astype(np.intp) if scores.ndim == 1 else scores.argmax(axis=1)
        return self.classes_[codes]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # A column that must not be used may be what tells the classes of a check apart.
        tags.classifier_tags.poor_score = self.sensitive_columns is not None
        return tags
