"""From the predictors of an ordinal model to probabilities, labels and scores."""

import numpy as np
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import check_is_fitted, validate_data

from skweight.ordinal._likelihood import class_probabilities, exceedance
from skweight.ordinal._links import LINKS

CROSSINGS = ("project", "rearrange", "raise")

# Rows at a time: temporaries stay in the cache, and memory stays bounded.
_BLOCK = 8192
_TINY = np.finfo(np.float64).tiny


def crossed_rows(z):
    """Say which rows of predictors z (n, q) have boundaries that cross.

    Boundaries that touch come back from a change of scale with a gap of -1e-16, so only a gap
    below -1e-9 (1 + |z|) counts.
    """
    if z.shape[1] < 2:
        return np.zeros(len(z), dtype=bool)
    gap = z[:, :-1] - z[:, 1:]
    if gap.min(initial=0.0) >= 0:
        return np.zeros(len(z), dtype=bool)
    return (gap < -1e-9 * (1 + np.maximum(np.abs(z[:, :-1]), np.abs(z[:, 1:])))).any(axis=1)


def _touching(z):
    """Say which boundaries (n, q - 1) coincide with the one below to rounding."""
    gap = np.abs(z[:, :-1] - z[:, 1:])
    return gap <= 1e-9 * (1 + np.maximum(np.abs(z[:, :-1]), np.abs(z[:, 1:])))


def repair_exceedance(above, how):
    """Make P(y > k) non-increasing in k: the nearest such row ("project"), or the sorted one.

    Parameters
    ----------
    above : ndarray of shape (n, q)
        Raw exceedance probabilities.
    how : {"project", "rearrange"}
        "project" is the isotonic regression by least squares.

    Returns
    -------
    ndarray of shape (n, q)
        The repaired probabilities.
    """
    if how == "rearrange":
        return -np.sort(-above, axis=1)
    n, q = above.shape
    repaired = np.full((n, q), np.inf)
    # Min over starts of the max over ends of the mean between them: exactly monotone even in
    # floating point, and one pass for all rows.
    for start in range(q):
        means = np.cumsum(above[:, start:], axis=1) / np.arange(1, q - start + 1)
        best = np.maximum.accumulate(means[:, ::-1], axis=1)[:, ::-1]
        np.minimum(repaired[:, start:], best, out=repaired[:, start:])
    return repaired


def ranked_probabilities(family, link, z, crossing="project"):
    """Return class probabilities (n, q + 1) in rank order, non-negative and summing to 1.

    Parameters
    ----------
    family, link : str
        The model.
    z : ndarray of shape (n, q)
        Its predictors.
    crossing : {"project", "rearrange", "raise"}, default="project"
        What to do with rows whose boundaries cross.
    """
    p = class_probabilities(family, link, z)
    if family != "cumulative":
        return p
    touching = _touching(z)
    if touching.any():
        # A boundary held at its neighbour comes back with a gap of +-1e-16: the class between
        # them has probability 0, not a logarithm made of rounding.
        p[:, 1:-1][touching] = 0.0
        p /= p.sum(axis=1, keepdims=True)
    bad = (p < 0).any(axis=1)
    if not bad.any():
        return p
    if crossing == "raise":
        n_crossed = int(crossed_rows(z[bad]).sum())
        if n_crossed:
            raise ValueError(
                f"The boundaries cross in {n_crossed} of the rows of X, where some class has a "
                "negative probability: crossing must be 'project' or 'rearrange' to predict "
                "there, got 'raise'."
            )
    above = exceedance(family, link, z[bad])
    above = repair_exceedance(above, "rearrange" if crossing == "rearrange" else "project")
    ones, zeros = np.ones((len(above), 1)), np.zeros((len(above), 1))
    p[bad] = np.hstack([ones, above]) - np.hstack([above, zeros])
    return p


class OrdinalPredictionMixin:
    """Predict with a fitted ordinal model.

    The estimator has the attributes `family`, `link` and `crossing`, and once fitted `coef_`,
    `intercept_`, `classes_` (sorted) and `class_order_`; where its predictors are not linear it
    overrides `_predictors`.
    """

    def _predictors(self, X):
        """Return z (n, K-1) for validated X; a single coefficient vector serves all boundaries."""
        slopes = safe_sparse_dot(X, np.atleast_2d(self.coef_).T, dense_output=True)
        return slopes + self.intercept_

    def _blocks(self, X, function, n_columns):
        """Apply a function of predictors to X, block by block, into an array of n_columns."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, accept_sparse=["csr", "csc"], dtype=np.float64)
        if hasattr(X, "tocsr"):
            X = X.tocsr()  # rows are cut below
        out = np.empty((X.shape[0], n_columns))
        for start in range(0, X.shape[0], _BLOCK):
            rows = slice(start, start + _BLOCK)
            out[rows] = function(self._predictors(X[rows]))
        return out

    def _ranked_proba(self, X):
        """Return repaired probabilities with columns in the order of `class_order_`."""

        def probabilities(z):
            return ranked_probabilities(self.family, self.link, z, self.crossing)

        return self._blocks(X, probabilities, len(self.class_order_))

    def predict_proba(self, X):
        """Predict the probability of each class.

        Rows where the boundaries cross are repaired as the parameter `crossing` says, so every
        probability is at least 0 and every row sums to 1.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities with columns as in `classes_`, which is sorted whatever the order of the
            classes.

        See Also
        --------
        predict_exceedance : Probabilities of lying above each boundary, without repair.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.ordinal import ProportionalOddsClassifier
        >>> X = np.arange(9.0).reshape(-1, 1)
        >>> y = [0, 0, 1, 0, 1, 2, 1, 2, 2]
        >>> model = ProportionalOddsClassifier().fit(X, y)
        >>> model.predict_proba([[4.0]]).round(2)
        array([[0.13, 0.74, 0.13]])
        """
        check_is_fitted(self)
        ranked = self._ranked_proba(X)
        return ranked[:, np.argsort(self.class_order_)]

    def _log_proba(self, X):
        """Return log-probabilities clipped at log(tiny): merged classes have probability 0.

        There is no public `predict_log_proba`: scikit-learn demands that it equal the logarithm
        of `predict_proba` to the last infinity.
        """
        return np.log(np.maximum(self.predict_proba(X), _TINY))

    def predict_exceedance(self, X):
        """Predict the probability of lying above each boundary, P(y > k).

        These are the model's own numbers, before any repair of crossing boundaries: the last
        column is the probability of the last class, even where it is very small.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_classes - 1)
            Column k is the probability of a class above ``class_order_[k]``.

        See Also
        --------
        predict_proba : Probabilities of the single classes, repaired.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.ordinal import ProportionalOddsClassifier
        >>> X = np.arange(9.0).reshape(-1, 1)
        >>> model = ProportionalOddsClassifier().fit(X, [0, 0, 1, 0, 1, 2, 1, 2, 2])
        >>> model.predict_exceedance([[4.0], [6.0]]).round(2)
        array([[0.87, 0.13],
               [0.99, 0.64]])
        """
        check_is_fitted(self)

        def above(z):
            return exceedance(self.family, self.link, z)

        return self._blocks(X, above, len(self.class_order_) - 1)

    def decision_function(self, X):
        """Compute the score by which a class is predicted.

        With two classes it is the log-odds of ``classes_[1]``, also where `class_order_` puts
        that class first; with more it is the logarithm of `predict_proba`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to score.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Log-odds for two classes, else log-probabilities with columns as in `classes_`, at
            least about -708.

        See Also
        --------
        predict : The class with the highest score.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.ordinal import ProportionalOddsClassifier
        >>> X = np.arange(6.0).reshape(-1, 1)
        >>> model = ProportionalOddsClassifier().fit(X, [0, 0, 1, 0, 1, 1])
        >>> model.decision_function(X).round(1) > 0
        array([False, False, False,  True,  True,  True])
        """
        check_is_fitted(self)
        if len(self.classes_) > 2:
            return self._log_proba(X)
        odds = self._blocks(X, self._log_odds, 1)[:, 0]
        return odds if self.class_order_[0] == self.classes_[0] else -odds

    def _log_odds(self, z):
        """Return the log-odds of the higher of two classes."""
        if self.link == "logit":
            return z
        functions = LINKS[self.link]
        with np.errstate(over="ignore"):
            if self.family == "continuation":
                above, below = functions.log_cdf(z), functions.log_sf(z)
            else:
                above, below = functions.log_sf(-z), functions.log_cdf(-z)
        lowest = np.log(_TINY)
        return np.maximum(above, lowest) - np.maximum(below, lowest)

    def predict(self, X):
        """Predict the most probable class.

        Of classes with the same probability the lowest in `class_order_` is predicted.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to predict.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels.

        See Also
        --------
        predict_median : The middle class, which a rare class pulls less.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.ordinal import ProportionalOddsClassifier
        >>> X = np.arange(9.0).reshape(-1, 1)
        >>> model = ProportionalOddsClassifier().fit(X, [0, 0, 1, 0, 1, 2, 1, 2, 2])
        >>> model.predict([[1.0], [4.0], [8.0]])
        array([0, 1, 2])
        """
        check_is_fitted(self)
        if len(self.classes_) == 2:
            return self.classes_[(self.decision_function(X) > 0).astype(np.intp)]
        return self.class_order_[np.argmax(self._ranked_proba(X), axis=1)]

    def predict_median(self, X):
        """Predict the median class.

        It is the lowest class at or below which at least half of the probability lies, and it
        minimises the expected distance in ranks.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to predict.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels.

        See Also
        --------
        predict : The most probable class.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.ordinal import ProportionalOddsClassifier
        >>> X = np.arange(9.0).reshape(-1, 1)
        >>> model = ProportionalOddsClassifier().fit(X, [0, 0, 1, 0, 1, 2, 1, 2, 2])
        >>> model.predict_median([[1.0], [4.0], [8.0]])
        array([0, 1, 2])
        """
        check_is_fitted(self)
        above = np.cumsum(self._ranked_proba(X)[:, :0:-1], axis=1)[:, ::-1]
        return self.class_order_[(above > 0.5).sum(axis=1)]
