"""What a distilled model of any kind predicts, by any of its steps."""

from numbers import Integral

import numpy as np
from sklearn.base import is_classifier
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skweight.distillation._self_distillation_learners import probabilities


def _gives_probabilities(self):
    inner = self._inner()
    return is_classifier(inner) and hasattr(inner, "predict_proba")


class StepPredictionMixin:
    """Predict by the models of `estimators_`; `_inner` returns the unfitted one."""

    def _model(self, step):
        check_is_fitted(self, "estimators_")
        n_steps = len(self.estimators_)
        if step is None:
            return self.estimator_
        whole = isinstance(step, Integral) and not isinstance(step, bool)
        if not (whole and 1 <= step <= n_steps):
            raise ValueError(
                f"step must be None or a whole number from 1 to {n_steps}, the number of steps, "
                f"got {step!r}."
            )
        return self.estimators_[step - 1]

    def _predict(self, model, X):
        predicted = model.predict(X)
        if not hasattr(self, "classes_"):
            return predicted
        # Labels may come back in a wider type than that of y, such as whole numbers of 8 bits.
        return np.asarray(predicted).astype(self.classes_.dtype, copy=False)

    def predict(self, X, step=None):
        """Predict targets or labels.

        Every step of the fit can predict.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, in whatever form the model takes.
        step : int or None, default=None
            Step from 1, the ordinary fit, to `n_steps`. None means the last one.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_targets)
            Predictions.

        Raises
        ------
        ValueError
            If there is no such step.

        See Also
        --------
        staged_predict : Predict by every step.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from skweight.distillation import SelfDistillation
        >>> X, y = load_diabetes(return_X_y=True)
        >>> SelfDistillation().fit(X, y).predict(X[:2], step=1).round()
        array([183.,  91.])
        """
        return self._predict(self._model(step), X)

    def staged_predict(self, X):
        """Predict by every step in turn.

        The last prediction is that of `predict`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, in whatever form the model takes.

        Yields
        ------
        ndarray of shape (n_samples,) or (n_samples, n_targets)
            Predictions of the steps 1 to `n_steps`.

        See Also
        --------
        predict : Predict by one step.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from skweight.distillation import SelfDistillation
        >>> X, y = load_diabetes(return_X_y=True)
        >>> len(list(SelfDistillation(n_steps=3).fit(X, y).staged_predict(X)))
        3
        """
        check_is_fitted(self, "estimators_")
        for model in self.estimators_:
            yield self._predict(model, X)

    @available_if(_gives_probabilities)
    def predict_proba(self, X, step=None):
        """Predict the probability of each class.

        There for classifiers alone.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, in whatever form the model takes.
        step : int or None, default=None
            Step from 1, the ordinary fit, to `n_steps`. None means the last one.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities, columns as in `classes_`.

        Raises
        ------
        ValueError
            If there is no such step.

        See Also
        --------
        predict : Predict labels.

        Examples
        --------
        >>> from sklearn.datasets import load_wine
        >>> from sklearn.naive_bayes import GaussianNB
        >>> from skweight.distillation import SelfDistillation
        >>> X, y = load_wine(return_X_y=True)
        >>> model = SelfDistillation(GaussianNB(), ground_truth_weight=0.5).fit(X, y)
        >>> model.predict_proba(X[:1], step=1).round(2)
        array([[1., 0., 0.]])
        """
        return probabilities(self._model(step), X, self.classes_)

    def score(self, X, y, sample_weight=None):
        """Score the predictions: accuracy of a classifier, R2 of a regressor.

        The last step predicts.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, in whatever form the model takes.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            True targets or labels.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows.

        Returns
        -------
        float
            The score.

        See Also
        --------
        predict : What is scored.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from skweight.distillation import SelfDistillation
        >>> X, y = load_diabetes(return_X_y=True)
        >>> round(SelfDistillation().fit(X, y).score(X, y), 2)
        0.51
        """
        measure = accuracy_score if is_classifier(self) else r2_score
        return measure(y, self.predict(X), sample_weight=sample_weight)
