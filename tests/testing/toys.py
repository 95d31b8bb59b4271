"""A small honest classifier and a small honest transformer to hold the checks against."""

import warnings
from numbers import Integral, Real

import numpy as np
from scipy import sparse
from scipy.special import softmax
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    OneToOneFeatureMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from skweight._core._callbacks import CallbackSupportMixin, FitTask, with_callbacks


def checked_weights(sample_weight, X):
    """Return float weights, refusing those that mean nothing."""
    weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    if not weights.any():
        raise ValueError("sample_weight must hold a positive number, got zeros only.")
    return weights


class ToyClassifier(CallbackSupportMixin, ClassifierMixin, BaseEstimator):
    """Multinomial regression with a ridge penalty, by Newton's method.

    Parameters
    ----------
    penalty : float, default=0.01
        Ridge penalty for each unit of weight.
    max_iter : int, default=100
        Largest number of iterations.
    tol : float, default=1e-10
        Largest entry of the gradient at the solution.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    coef_ : ndarray of shape (n_classes, n_features)
        Slopes.
    intercept_ : ndarray of shape (n_classes,)
        Intercepts.
    n_iter_ : int
        Iterations run.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns.
    """

    _parameter_constraints = {
        "penalty": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(self, penalty=0.01, max_iter=100, tol=1e-10):
        self.penalty = penalty
        self.max_iter = max_iter
        self.tol = tol

    def __sklearn_tags__(self):
        """Sparse input is fine."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _checked_weights(self, sample_weight, X):
        return checked_weights(sample_weight, X)

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Fit."""
        X, y = validate_data(self, X, y, accept_sparse=["csr", "csc"], dtype=np.float64)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError("y must hold at least two classes, got one class.")
        weights = self._checked_weights(sample_weight, X)
        metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
        self._iterate(X, y, codes, weights, metadata)
        return self

    def _iterate(self, X, y, codes, weights, metadata):
        n_classes = len(self.classes_)
        rows = np.hstack([X.toarray() if sparse.issparse(X) else X, np.ones((X.shape[0], 1))])
        weights = weights / weights.sum()
        target = np.eye(n_classes)[codes]
        beta = np.zeros((n_classes, rows.shape[1]))
        ridge = self.penalty * np.eye(beta.size)
        with FitTask.root(self, X, y, metadata, max_subtasks=self.max_iter) as task:
            for n_iter in range(1, self.max_iter + 1):
                self.n_iter_ = n_iter
                P = softmax(rows @ beta.T, axis=1)
                gradient = ((P - target) * weights[:, None]).T @ rows + self.penalty * beta
                if abs(gradient).max() <= self.tol:
                    break
                blocks = -np.einsum("i,ik,il,ia,ib->kalb", weights, P, P, rows, rows, optimize=True)
                for k in range(n_classes):
                    blocks[k, :, k] += (rows * (weights * P[:, k])[:, None]).T @ rows
                hessian = blocks.reshape(ridge.shape) + ridge
                beta = beta - np.linalg.solve(hessian, gradient.ravel()).reshape(beta.shape)
                self.coef_, self.intercept_ = beta[:, :-1], beta[:, -1]
                if task.iteration("Newton step", lambda: {"coef_": self.coef_}):
                    break
            else:
                warnings.warn("raise max_iter.", ConvergenceWarning, stacklevel=3)

    def predict_proba(self, X):
        """Return the probabilities of the classes."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=True, reset=False, dtype=np.float64)
        return softmax(X @ self.coef_.T + self.intercept_, axis=1)

    def predict(self, X):
        """Return the most probable class."""
        most_probable = self.predict_proba(X).argmax(axis=1)
        return self.classes_[most_probable]


class ToyTransformer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Subtract the weighted mean.

    Attributes
    ----------
    mean_ : ndarray of shape (n_features_in_,)
        Means of the columns.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns.
    """

    def fit(self, X, y=None, sample_weight=None):
        """Fit."""
        X = validate_data(self, X, dtype=np.float64)
        self.mean_ = np.average(X, axis=0, weights=checked_weights(sample_weight, X))
        return self

    def transform(self, X):
        """Transform."""
        check_is_fitted(self)
        return validate_data(self, X, reset=False, dtype=np.float64) - self.mean_
