"""Fit clones of any estimator to real targets, or to shares of classes, of some of the rows."""

import numpy as np
from sklearn.base import clone

from skweight._core._wrapping import of_rows, take_rows


class RegressionLearner:
    """Fit clones of a regressor.

    Parameters
    ----------
    estimator : estimator
        The regressor, left unfitted.
    X : array-like of shape (n, n_features)
        All rows.
    targets : ndarray of shape (n,) or (n, m)
        Their ground truth.
    weight : dict of ndarray of shape (n,)
        Weights of the rows under the keyword that the regressor takes them by; empty without.
    params : dict
        Further metadata of its ``fit``; what has n entries is taken row by row.
    """

    def __init__(self, estimator, X, targets, weight, params):
        self.estimator = estimator
        self.X = X
        self.targets = targets
        self.weight = weight
        self.params = params
        self.every = np.arange(len(targets))

    def fit(self, rows, targets):
        """Return a clone fitted to some rows of targets, which has the shape of all."""
        weight = {name: values[rows] for name, values in self.weight.items()}
        return self._fit(rows, targets[rows], weight)

    def predict(self, model, rows, train):
        """Return what a clone fitted to the rows `train` says of others."""
        predicted = np.asarray(model.predict(self._take(rows, train)), dtype=float)
        return self._finite(predicted.reshape(len(rows), *self.targets.shape[1:]))

    def _fit(self, rows, y, weight):
        n = len(self.every)
        params = {name: of_rows(value, rows, n) for name, value in self.params.items()}
        return clone(self.estimator).fit(self._take(rows), y, **params, **weight)

    def _take(self, rows, train=None):
        return take_rows(self.estimator, self.X, rows, len(self.every), train)

    def _finite(self, predicted):
        if not np.isfinite(predicted).all():
            raise ValueError(
                "estimator must predict finite numbers, but those of "
                f"{type(self.estimator).__name__} hold NaN or infinity."
            )
        return predicted


class ClassificationLearner(RegressionLearner):
    """Fit clones of a classifier; targets are shares of classes, of shape (n, n_classes).

    A row becomes one copy for each class, with the share of the class as its weight: the loss of
    the copies is the cross-entropy with the shares, where the classifier's is the log loss.

    Parameters
    ----------
    estimator, X, targets, weight, params
        As for the parent. One weight is there under its keyword even if it is None.
    classes : ndarray of shape (n_classes,)
        Labels of the columns of the targets.
    """

    def __init__(self, estimator, X, targets, weight, params, classes):
        super().__init__(estimator, X, targets, weight, params)
        self.classes = classes

    def fit(self, rows, targets):
        """Return a clone fitted to some rows of shares; copies of weight 0 are left out."""
        ((keyword, given),) = self.weight.items()
        shares = targets[rows] if given is None else given[rows, None] * targets[rows]
        copies, codes = np.nonzero(shares > 0)
        shares = shares[copies, codes]
        # Plain labels without weights are fitted as the classifier would be without this class.
        plain = given is None and (shares == 1).all()
        weight = {} if plain else {keyword: shares}
        return self._fit(rows[copies], self.classes[codes], weight)

    def predict(self, model, rows, train):
        """Return the probabilities that a clone fitted to the rows `train` gives to others."""
        return self._finite(probabilities(model, self._take(rows, train), self.classes))


def probabilities(model, X, classes):
    """Return probabilities in the columns of all classes, 0 for those that a model never met."""
    proba = np.asarray(model.predict_proba(X), dtype=float)
    known = np.searchsorted(classes, model.classes_)
    aligned = np.zeros((len(proba), len(classes)))
    aligned[:, known] = proba
    return aligned
