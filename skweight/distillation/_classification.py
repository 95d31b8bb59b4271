"""What classifiers of several steps do with labels: targets of +1 and -1, and scores."""

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, validate_data

from skweight._core._array_api import float_types, follow, namespace, take, to_numpy
from skweight._core._labels import checked_labels
from skweight._core._sklearn_compat import StrOptions, check_sample_weight

CLASS_CONSTRAINTS = {"class_weight": [dict, StrOptions({"balanced"}), None]}


class SelfDistilledClassifierMixin(ClassifierMixin):
    """Code labels on the way in, and find the class of the highest score on the way out."""

    def _checked(self, X, y, sample_weight, accept_sparse):
        """Return checked rows, targets of +1 and -1 of shape (n, m), and weights of the rows.

        There is one column for two classes, else one for each. Only classes of rows with weight
        count; `class_weight` is in the weights that are returned.
        """
        y = y if y is None else checked_labels(y)
        X, y = validate_data(self, X, y, accept_sparse=accept_sparse, dtype=float_types(X))
        check_classification_targets(y)
        labels, weight = to_numpy(y), sample_weight
        if sample_weight is not None:
            weight = check_sample_weight(to_numpy(sample_weight), labels[:, None])
        classes = np.unique(labels if weight is None else labels[weight > 0])
        if len(classes) < 2:
            raise ValueError(
                "y must hold at least two classes among the rows of positive weight, but it has "
                f"only 1 class: {classes}."
            )
        self._flat = len(classes) == 2
        self.classes_ = follow(y, classes)[0]
        is_class = labels[:, None] == classes
        if self.class_weight is not None:
            weight = np.ones(len(labels)) if weight is None else weight
            weight = weight * (is_class @ self._factors(classes, weight @ is_class))
        return X, self._coded(is_class, X), weight

    def _factors(self, classes, totals):
        """Return the factor of each class, given the sum of its rows' weights."""
        if self.class_weight == "balanced":
            return totals.sum() / (len(classes) * totals)
        factors = compute_class_weight(self.class_weight, classes=classes, y=classes)
        if not (factors >= 0).all() or not factors.any():
            raise ValueError(
                "class_weight must be at least 0, and above 0 for some class, got "
                f"{self.class_weight!r}."
            )
        return factors

    def _coded(self, is_class, X):
        """Return targets where a matrix tells which class each row has."""
        targets = np.where(is_class[:, 1:] if self._flat else is_class, 1.0, -1.0)
        return follow(X, targets)[0]

    def _held_out_targets(self, X_val, y_val, n_targets):
        """Return the targets of rows held out, shape (n_val, m)."""
        labels = to_numpy(checked_labels(y_val))
        check_consistent_length(X_val, labels)
        is_class = labels[:, None] == to_numpy(self.classes_)
        unknown = ~is_class.any(axis=1)
        if unknown.any():
            raise ValueError(
                f"y_val must hold classes of y only, got {np.unique(labels[unknown]).tolist()}."
            )
        return self._coded(is_class, X_val)

    def _labels(self, scores):
        """Return the class of the highest score, or for two classes that of the sign."""
        xp = namespace(scores)
        places = scores > 0 if scores.ndim == 1 else xp.argmax(scores, axis=1)
        (places,) = follow(self.classes_, to_numpy(places).astype(np.int64))
        labels = take(self.classes_, places)
        is_text = isinstance(labels, np.ndarray) and labels.dtype.kind not in "biuf"
        return labels if is_text else follow(scores, labels)[0]

    def decision_function(self, X, step=None):
        """Compute the scores of the classes.

        They are fits to targets of +1 and -1, and no probabilities: `CalibratedClassifierCV`
        makes such of them.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows; with a precomputed kernel their kernel with the training rows.
        step : int or float or None, default=None
            Step from 1 to `n_steps`, or infinity for the limit. None means `best_step_`.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes the score of ``classes_[1]``, above 0 where that is predicted; else one
            for each class.

        Raises
        ------
        ValueError
            If there is no such step.

        See Also
        --------
        predict : Predict the class of the highest score.

        Examples
        --------
        >>> from skweight.distillation import SelfDistilledRidgeClassifier
        >>> X, y = [[0.0], [1.0], [2.0], [3.0]], ["low", "low", "high", "high"]
        >>> model = SelfDistilledRidgeClassifier(alpha=1.0, n_steps=3).fit(X, y)
        >>> model.classes_
        array(['high', 'low'], dtype='<U4')
        >>> model.decision_function([[0.0], [3.0]]).round(2)
        array([ 0.88, -0.88])
        """
        return self._at_step(X, step, "decision_function")

    def predict(self, X, step=None):
        """Predict the class of the highest score.

        Every step of the fit can predict, and so can the limit of infinitely many steps, where
        there is one.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows; with a precomputed kernel their kernel with the training rows.
        step : int or float or None, default=None
            Step from 1 to `n_steps`, or infinity for the limit. None means `best_step_`.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels.

        Raises
        ------
        ValueError
            If there is no such step.

        See Also
        --------
        decision_function : Compute the scores of the classes.

        Examples
        --------
        >>> from skweight.distillation import SelfDistilledRidgeClassifier
        >>> X, y = [[0.0], [1.0], [2.0], [3.0]], ["low", "low", "high", "high"]
        >>> model = SelfDistilledRidgeClassifier(alpha=1.0, n_steps=3).fit(X, y)
        >>> model.predict([[0.2], [2.5]], step=1)
        array(['low', 'high'], dtype='<U4')
        """
        return self._labels(self._at_step(X, step, "predict"))

    def staged_decision_function(self, X):
        """Compute the scores of the classes by every step in turn.

        All steps share one pass over the rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows; with a precomputed kernel their kernel with the training rows.

        Yields
        ------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Scores of the steps 1 to `n_steps`, as `decision_function` returns them; of the last one
            alone, with "loo-joint".

        See Also
        --------
        decision_function : Compute the scores by one step.

        Examples
        --------
        >>> from skweight.distillation import SelfDistilledRidgeClassifier
        >>> X, y = [[0.0], [1.0], [2.0], [3.0]], ["low", "low", "high", "high"]
        >>> model = SelfDistilledRidgeClassifier(alpha=1.0, n_steps=3).fit(X, y)
        >>> [float(scores[0].round(2)) for scores in model.staged_decision_function([[0.0]])]
        [1.0, 0.92, 0.88]
        """
        yield from self._at_every_step(X, "staged_decision_function")

    def staged_predict(self, X):
        """Predict the class of the highest score by every step in turn.

        All steps share one pass over the rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows; with a precomputed kernel their kernel with the training rows.

        Yields
        ------
        ndarray of shape (n_samples,)
            Labels of the steps 1 to `n_steps`; of the last one alone, with "loo-joint".

        See Also
        --------
        predict : Predict by one step.

        Examples
        --------
        >>> from skweight.distillation import SelfDistilledRidgeClassifier
        >>> X, y = [[0.0], [1.0], [2.0], [3.0]], ["low", "low", "high", "high"]
        >>> model = SelfDistilledRidgeClassifier(alpha=1.0, n_steps=3).fit(X, y)
        >>> [str(labels[0]) for labels in model.staged_predict([[0.2]])]
        ['low', 'low', 'low']
        """
        for scores in self._at_every_step(X, "staged_predict"):
            yield self._labels(scores)
