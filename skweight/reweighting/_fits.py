"""Fit an estimator to weighted rows, and ask for the loss of each row."""

import numpy as np
from sklearn.base import clone, is_classifier

from skweight._core._wrapping import of_rows, take_rows
from skweight.losses._loss_based_weights import RANGE_FLOOR

# Smaller probabilities are taken for it: losses have to be finite.
_SMALLEST = 1e-15


class Fits:
    """Fit clones of an estimator, whole or batch by batch, to rows with weights.

    Parameters
    ----------
    estimator : estimator
        The one that is cloned.
    X : array-like of shape (n, n_features)
        All rows.
    y : ndarray of shape (n,) or (n, n_targets)
        Their labels or targets.
    keyword : str
        The one under which weights are taken.
    params : dict
        Further metadata of the fit; what has n entries is taken row by row.
    loss : "auto" or callable
        As the parameter of the estimators.
    """

    def __init__(self, estimator, X, y, keyword, params, loss):
        self.estimator = estimator
        self.X = X
        self.y = y
        self.keyword = keyword
        self.params = params
        self.loss = loss
        self.every = np.arange(len(y))

    def fit(self, weight, rows=None):
        """Return a clone fitted to all rows, or to some; weights may be None."""
        rows = self.every if rows is None else rows
        given = {} if weight is None else {self.keyword: weight[rows]}
        return clone(self.estimator).fit(
            self._take(rows), self.y[rows], **self._params_of(rows), **given
        )

    def go_on(self, model, weight, rows, classes):
        """Update a model by one batch of rows, whose weights these are."""
        known = {} if classes is None else {"classes": classes}
        given = {**known, self.keyword: weight, **self._params_of(rows)}
        model.partial_fit(self._take(rows), self.y[rows], **given)

    def losses(self, model, rows=None, train=None):
        """Return losses of all rows, or of some, by a model fitted to the rows `train`."""
        rows = self.every if rows is None else rows
        return row_losses(model, self._take(rows, train), self.y[rows], self.loss)

    def held_out_losses(self, weight, splits, classes):
        """Return losses of all rows by models that were fitted to the others."""
        losses = np.empty(len(self.every))
        for train, test in splits:
            model = self.fit(weight, train)
            if classes is not None and len(model.classes_) != len(classes):
                raise ValueError(
                    f"cv must leave rows of each of {len(classes)} classes to fit on, got a fold "
                    f"with {len(model.classes_)}."
                )
            losses[test] = self.losses(model, test, train)
        return losses

    def range_floor(self, given):
        """Return the range below which losses are taken for equal, in their unit.

        Parameters
        ----------
        given : ndarray of shape (n,)
            Weights of the rows.

        Returns
        -------
        float
            For squared errors it goes with the variance of the targets.
        """
        if is_classifier(self.estimator) or callable(self.loss):
            return RANGE_FLOOR
        centred = self.y - np.average(self.y, axis=0, weights=given)
        return RANGE_FLOOR * float(np.average(centred**2, axis=0, weights=given).mean())

    def _params_of(self, rows):
        n = len(self.every)
        return {name: of_rows(value, rows, n) for name, value in self.params.items()}

    def _take(self, rows, train=None):
        return take_rows(self.estimator, self.X, rows, len(self.every), train)


def row_losses(model, X, y, loss="auto"):
    """Return the loss of each row by a fitted model.

    Parameters
    ----------
    model : estimator
        A classifier or a regressor.
    X : array-like of shape (n, n_features)
        Rows.
    y : ndarray of shape (n,) or (n, n_targets)
        Labels or targets.
    loss : "auto" or callable, default="auto"
        The log loss, or the hinge loss of scores where there are no probabilities; for regressors
        the squared error. A callable takes labels or targets, and probabilities, scores or
        predictions.

    Returns
    -------
    ndarray of shape (n,)
        The losses.
    """
    probabilistic = is_classifier(model) and hasattr(model, "predict_proba")
    if probabilistic:
        raw = model.predict_proba(X)
    else:
        raw = model.decision_function(X) if is_classifier(model) else model.predict(X)
    raw = np.asarray(raw, dtype=float)
    if callable(loss):
        losses = np.asarray(loss(y, raw), dtype=float)
        if losses.shape != (len(y),):
            raise ValueError(
                f"loss must return the loss of each row, shape ({len(y)},), got {losses.shape}."
            )
        return losses
    if not is_classifier(model):
        squares = (np.asarray(y) - raw.reshape(np.shape(y))) ** 2
        return squares.reshape(len(squares), -1).mean(axis=1)
    # Some models do not know classes of which all rows weigh 0: any loss will do for these.
    codes = np.searchsorted(model.classes_, y).clip(max=len(model.classes_) - 1)
    if probabilistic:
        return -np.log(raw[np.arange(len(y)), codes].clip(_SMALLEST, 1))
    return _hinge(codes, raw)


def _hinge(codes, scores):
    """Return how far the true class's score falls short of the best other one's by a margin."""
    if scores.ndim == 1:
        return (1 - np.where(codes == 1, scores, -scores)).clip(0)
    every = np.arange(len(codes))
    others = scores.copy()
    others[every, codes] = -np.inf
    return (1 + others.max(axis=1) - scores[every, codes]).clip(0)
