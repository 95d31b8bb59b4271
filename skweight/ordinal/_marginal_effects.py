"""Marginal effects of features on class probabilities."""

import numpy as np
from scipy import sparse, stats
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted, validate_data

from skweight._core._optional import import_optional
from skweight._core._sklearn_compat import check_sample_weight
from skweight.ordinal._likelihood import class_probabilities, class_terms, touched
from skweight.ordinal._links import LINKS
from skweight.ordinal._tables import feature_names

_BLOCK = 8192


class MarginalEffects(Bunch):
    """Hold effects, standard errors and p values, each (n_classes, n_features)."""

    def to_frame(self, key="effects"):
        """Return one of the arrays as a DataFrame with a row per class and a column per feature."""
        pandas = import_optional("pandas", "MarginalEffects.to_frame")
        return pandas.DataFrame(self[key], index=self.class_order, columns=self.feature_names)


def marginal_effects(estimator, X, at="average", sample_weight=None):
    """Compute how class probabilities change with each feature.

    For a continuous feature it is the derivative of the probability of each class, for one with
    two values the difference that the higher value makes.

    Parameters
    ----------
    estimator : PrestoClassifier, PrestoClassifierCV or ProportionalOddsClassifier
        A fitted estimator.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows over which to average; their columns say which features have two values.
    at : {"average", "mean"}, default="average"
        Whether to average the effects over the rows, or to take the effects at the average row.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights of the rows in the averages.

    Returns
    -------
    MarginalEffects
        `effects`, ndarray of shape (n_classes, n_features) whose columns sum to 0, with rows as
        in `class_order`; `standard_errors` and `p_values` of the same shape for a
        ProportionalOddsClassifier, else None; `two_valued`, ndarray of bool of shape
        (n_features,); `class_order`; `feature_names`. ``to_frame()`` makes a DataFrame of the
        effects, ``to_frame("standard_errors")`` of those.

    See Also
    --------
    ProportionalOddsClassifier : Standard errors of the coefficients themselves.
    ExceedanceDisplay : Plot probabilities along a feature.

    Notes
    -----
    Effects are those of the model's own probabilities, before any repair of crossing boundaries.
    Standard errors come from the covariance of the estimates by the delta method, with X taken as
    fixed. After a penalty there are none that hold, so none are given.

    Examples
    --------
    >>> import numpy as np
    >>> from skweight.ordinal import ProportionalOddsClassifier, marginal_effects
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(500, 2))
    >>> y = np.digitize(X @ [1, -1] + rng.logistic(size=500), [-1, 2])
    >>> model = ProportionalOddsClassifier().fit(X, y)
    >>> marginal_effects(model, X).effects.round(2)
    array([[-0.18,  0.17],
           [ 0.05, -0.05],
           [ 0.13, -0.12]])
    """
    if at not in ("average", "mean"):
        raise ValueError(f"at must be 'average' or 'mean', got {at!r}.")
    check_is_fitted(estimator)
    if not (hasattr(estimator, "class_order_") and hasattr(estimator, "coef_")):
        raise ValueError(
            "estimator must be a fitted linear classifier of this package for ordered classes, got "
            f"{type(estimator).__name__}."
        )
    X = validate_data(estimator, X, reset=False, accept_sparse="csr", dtype=np.float64)
    weight = check_sample_weight(sample_weight, X)
    X, weight = X[weight > 0], weight[weight > 0] / weight.sum()
    low, high, two_valued = _two_values(X)
    if at == "mean":
        X, weight = np.asarray(X.T @ weight).reshape(1, -1), np.ones(1)
    parts = _Parts(estimator)
    for start in range(0, len(weight), _BLOCK):
        rows = slice(start, start + _BLOCK)
        parts.add(X[rows], weight[rows], low, high, two_valued)
    effects, errors = parts.effects(two_valued), None
    if hasattr(estimator, "covariance_"):
        errors = parts.standard_errors(two_valued, estimator.covariance_)
    p_values = None
    if errors is not None:
        with np.errstate(divide="ignore", invalid="ignore"):
            p_values = 2 * stats.norm.sf(np.abs(np.nan_to_num(effects / errors)))
    return MarginalEffects(
        effects=effects,
        standard_errors=errors,
        p_values=p_values,
        two_valued=two_valued,
        class_order=estimator.class_order_,
        feature_names=np.array(feature_names(estimator, X.shape[1]), dtype=object),
    )


def _two_values(X):
    """Return the smallest and largest value of each column, and whether there are no others."""
    if sparse.issparse(X):
        columns = X.tocsc()
        values = [columns.data[a:b] for a, b in zip(columns.indptr[:-1], columns.indptr[1:])]
        values = [np.append(v, 0.0) if len(v) < X.shape[0] else v for v in values]
    else:
        values = list(X.T)
    low, high = np.array([v.min() for v in values]), np.array([v.max() for v in values])
    within = [np.all((v == a) | (v == b)) for v, a, b in zip(values, low, high)]
    return low, high, np.array(within) & (low < high)


class _Parts:
    """Weighted sums over rows from which effects and their gradients are put together.

    With D[c, k] the derivative of the probability of class c in the predictor z_k, the effect of a
    continuous feature j is ``mean(D) @ coef_[:, j]``, and its own gradient needs the second
    derivatives, which for proportional odds are one number per class and boundary.
    """

    def __init__(self, estimator):
        self.family, self.link = estimator.family, estimator.link
        self.intercept = estimator.intercept_
        q = len(self.intercept)
        coef = np.atleast_2d(estimator.coef_)
        self.coef = np.broadcast_to(coef, (q, coef.shape[1]))
        p = coef.shape[1]
        self.parallel = hasattr(estimator, "covariance_")
        self.first = np.zeros((q + 1, q))
        self.difference = np.zeros((q + 1, p))
        # Gradients in intercepts and coefficients of the sum of D over k, and of the differences.
        self.second = np.zeros((q + 1, q + p))
        self.jump = np.zeros((q + 1, p, q + p)) if self.parallel else None

    def add(self, X, weight, low, high, two_valued):
        z = X @ self.coef.T + self.intercept
        self.first += np.einsum("i,ick->ck", weight, self._slopes(z))
        if self.parallel:
            curvature = self._curvatures(z) * weight[:, None, None]
            q = len(self.intercept)
            self.second[:, :q] += curvature.sum(axis=0)
            self.second[:, q:] += (X.T @ curvature.sum(axis=2)).T
        for j in np.flatnonzero(two_valued):
            column = X[:, [j]]
            column = column.toarray() if sparse.issparse(column) else column
            for value, sign in ((high[j], 1), (low[j], -1)):
                self._add_value(X, weight, z, column, j, value, sign)

    def _add_value(self, X, weight, z, column, j, value, sign):
        """Add the probabilities with feature j at one of its two values."""
        moved = z + (value - column) * self.coef[:, j]
        p = class_probabilities(self.family, self.link, moved)
        self.difference[:, j] += sign * (weight @ p)
        if self.parallel:
            q = len(self.intercept)
            slopes = self._slopes(moved) * (sign * weight)[:, None, None]
            total = slopes.sum(axis=2)
            self.jump[:, j, :q] += slopes.sum(axis=0)
            gradient = (X.T @ total).T
            gradient[:, j] = value * total.sum(axis=0)
            self.jump[:, j, q:] += gradient

    def _slopes(self, z):
        """Return D of shape (n, q + 1, q)."""
        n, q = z.shape
        D = np.zeros((n, q + 1, q))
        k = np.arange(q)
        if self.family == "cumulative":  # also where boundaries cross
            density = np.exp(LINKS[self.link].log_pdf(-z))
            D[:, k, k], D[:, k + 1, k] = -density, density
            return D
        p = class_probabilities(self.family, self.link, z)
        for c in range(q + 1):
            seen = touched(self.family, c, q)
            _, gradient, _ = class_terms(self.family, self.link, c, q, z.T[seen.start : seen.stop])
            D[:, c, seen.start : seen.stop] = -p[:, [c]] * gradient.T
        return D

    def _curvatures(self, z):
        """Return the second derivatives (n, q + 1, q) of cumulative probabilities."""
        n, q = z.shape
        functions = LINKS[self.link]
        slope = np.exp(functions.log_pdf(-z)) * functions.score(-z)
        second = np.zeros((n, q + 1, q))
        k = np.arange(q)
        second[:, k, k], second[:, k + 1, k] = slope, -slope
        return second

    def effects(self, two_valued):
        return np.where(two_valued, self.difference, self.first @ self.coef)

    def standard_errors(self, two_valued, covariance):
        q, p = self.coef.shape
        gradient = self.coef[0][:, None] * self.second[:, None, :]
        features = np.arange(p)
        gradient[:, features, q + features] += self.first.sum(axis=1)[:, None]
        gradient[:, two_valued] = self.jump[:, two_valued]
        lost = np.isinf(np.diagonal(covariance))
        known = np.where(lost | lost[:, None], 0.0, covariance)
        variance = np.einsum("cjm,mn,cjn->cj", gradient, known, gradient, optimize=True)
        variance[(gradient[:, :, lost] != 0).any(axis=2)] = np.inf
        return np.sqrt(np.maximum(variance, 0.0))
