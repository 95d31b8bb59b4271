"""Quantiles from the leaves of scikit-learn's forests: one fit for every level."""

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, clone

# Numbers of one dense block of weights: 32 MB.
_BLOCK = 4_000_000

# Cumulated weights below a level by no more than this have reached it.
_GUARD = 1e-12


class ForestLeafQuantiles(BaseEstimator):
    """Predict quantiles of the training outcomes that share leaves with a row.

    A training row weighs as much as its share of the leaf, averaged over the trees (Meinshausen,
    "Quantile Regression Forests", JMLR 7, 2006); a quantile is the smallest outcome at which the
    weights reach its level.

    Parameters
    ----------
    estimator : estimator
        A forest of scikit-learn, or a Pipeline or TransformedTargetRegressor around one.
    """

    _hands_fit_params_on = True

    def __init__(self, estimator):
        self.estimator = estimator

    def fit(self, X, y, **params):
        """Fit the forest and keep the outcomes by leaf."""
        self.estimator_ = clone(self.estimator).fit(X, y, **params)
        y = np.asarray(y, dtype=np.float64)
        weight = [v for k, v in params.items() if k.endswith("sample_weight") and v is not None]
        weight = np.asarray(weight[0], dtype=np.float64) if weight else np.ones(len(y))
        order = np.argsort(y, kind="stable")
        order = order[weight[order] > 0]
        forest, leaves = self._leaves(X)
        sizes = [tree.tree_.node_count for tree in forest.estimators_]
        self.offsets_ = np.concatenate([[0], np.cumsum(sizes)])
        leaves = leaves[order] + self.offsets_[:-1]
        n, n_trees = leaves.shape
        weights = np.repeat(weight[order], n_trees)
        total = np.bincount(leaves.ravel(), weights=weights, minlength=self.offsets_[-1])
        shares = weights / total[leaves.ravel()] / n_trees
        rows = np.repeat(np.arange(n), n_trees)
        shape = (self.offsets_[-1], n)
        self.shares_ = sparse.csr_matrix((shares, (leaves.ravel(), rows)), shape=shape)
        self.values_ = y[order]
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))
        return self

    def predict_quantiles(self, X, quantiles):
        """Return quantiles of shape (n_samples, n_quantiles)."""
        _, leaves = self._leaves(X)
        leaves = leaves + self.offsets_[:-1]
        n, n_trees = leaves.shape
        levels = np.asarray(quantiles, dtype=np.float64) - _GUARD
        out = np.empty((n, len(levels)))
        step = max(1, _BLOCK // len(self.values_))
        for start in range(0, n, step):
            block = leaves[start : start + step]
            pointers = np.arange(0, block.size + 1, n_trees)
            shape = (len(block), self.offsets_[-1])
            inside = sparse.csr_matrix((np.ones(block.size), block.ravel(), pointers), shape=shape)
            reached = np.cumsum((inside @ self.shares_).toarray(), axis=1)
            for i, row in enumerate(reached):
                at = np.minimum(np.searchsorted(row, levels), len(row) - 1)
                out[start + i] = self.values_[at]
        return out

    def _leaves(self, X):
        """Return the forest inside, and its leaf of each row in each tree."""
        from skweight.quantile._adapters import last_step

        forest, X = last_step(self.estimator_, X)
        return forest, np.asarray(forest.apply(X), dtype=np.intp)
