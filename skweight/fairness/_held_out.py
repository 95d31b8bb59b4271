"""Loss and unfairness of predictions on rows of their own, the same rows for every strength."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from skweight._core._attributes import Attribute, check_types
from skweight._core._sklearn_compat import _safe_indexing
from skweight.fairness._penalty import DependencePenalty
from skweight.metrics import (
    between_group_variance_ratio,
    demographic_parity_gap,
    js_divergence_score,
)


def scores_of(X, coef, intercept):
    """Return raw scores, (n,) for a single one."""
    eta = X @ coef + intercept
    return eta[:, 0] if eta.shape[1] == 1 else eta


def counts(weight):
    """Return weights in which the unbiased statistic may see counts of rows.

    Whole numbers are counts. Others, such as exposures, are multiplied so that their sum is their
    effective number of rows, ``sum(w)**2 / sum(w**2)``: the bias of V is inversely proportional to
    it, so that it goes, to first order.
    """
    if np.array_equal(weight, np.floor(weight)):
        return weight
    return weight * (weight.sum() / (weight @ weight))


def statistic_for(weights):
    """Name the statistic that all of several sets of rows allow: U, or V where one is too small."""
    return "U" if all(counts(weight).sum() > 3 for weight in weights) else "V"


class Dependence:
    """Measure the distance covariance of predictions with attributes, summed over classes.

    Parameters
    ----------
    blocks : list of ndarray of shape (n_samples, n_columns)
        The attributes, encoded.
    weight : ndarray of shape (n_samples,)
        Weights of the rows, above 0.
    statistic : {"V", "U"}
        Which statistic; U reads weights by `counts`.
    """

    def __init__(self, blocks, weight, statistic):
        weight = counts(weight) if statistic == "U" else weight
        self._penalty = DependencePenalty(blocks, weight, statistic=statistic)

    def __call__(self, y_pred):
        """Return the squared distance covariance, exact."""
        columns = y_pred.reshape(len(y_pred), -1).T.copy()
        return float(sum(self._penalty.value(column) for column in columns))


class GroupFigures:
    """Compare predictions between intersections of attributes; of several classes the worst counts.

    Parameters
    ----------
    attributes : list of Attribute
        The attributes as they came.
    weight : ndarray of shape (n_samples,)
        Weights of the rows, above 0.
    types : "auto" or dict
        Kinds of attributes that the user says.
    missing : {"error", "category"}
        "category" makes missing values of nominal attributes a level.
    n_bins : int, default=5
        Quantile bins of a numeric attribute.
    min_group_size : int, default=30
        Rows below which a group is left out.
    bandwidth : float or "scott", default="scott"
        Of the densities. "scott" is taken of the predictions that are measured first, and kept:
        divergences compare at equal bandwidth only.
    """

    def __init__(
        self, attributes, weight, types, missing, n_bins=5, min_group_size=30, bandwidth="scott"
    ):
        attributes = check_types(attributes, types)
        if missing == "category":
            attributes = [_with_level(attribute) for attribute in attributes]
        self._given = {
            "sensitive_features": attributes,
            "sample_weight": weight,
            "sensitive_types": types,
            "n_bins": n_bins,
            "min_group_size": min_group_size,
        }
        self.bandwidth = bandwidth
        self._bandwidths = None

    def js_divergence(self, y_pred):
        """Return the generalised Jensen-Shannon divergence."""
        columns = _columns(y_pred)
        if self._bandwidths is None:
            self._bandwidths = [self._bandwidth(column) for column in columns]
        pairs = zip(columns, self._bandwidths)
        return max(
            js_divergence_score(column, **self._given, bandwidth=width) for column, width in pairs
        )

    def _bandwidth(self, column):
        constant = np.ptp(column) <= 1e-12 * np.abs(column).max()
        if self.bandwidth != "scott" or constant:
            return self.bandwidth
        return js_divergence_score(column, **self._given, return_details=True).bandwidth

    def bandwidth_used(self):
        """Return the bandwidth of each class, a number where there is one; NaN if never needed."""
        widths = np.array([np.nan if w == "scott" else float(w) for w in self._bandwidths])
        return float(widths[0]) if len(widths) == 1 else widths

    def variance_ratio(self, y_pred):
        """Return the variance between groups' means over that of all predictions."""
        return max(between_group_variance_ratio(c, **self._given) for c in _columns(y_pred))

    def ks_gap(self, y_pred):
        """Return the largest Kolmogorov-Smirnov distance between two groups."""
        return max(demographic_parity_gap(c, **self._given, kind="ks") for c in _columns(y_pred))


def _columns(y_pred):
    return [y_pred] if y_pred.ndim == 1 else list(y_pred.T)


def _with_level(attribute):
    """Return a nominal attribute in which missing values are a level like others."""
    missing = attribute.missing()
    if attribute.kind != "nominal" or not missing.any():
        return attribute
    values = attribute.values.astype(object)
    values[missing] = "(missing)"
    return replace(attribute, values=values)


def rows_of(given, rows):
    """Return some rows of whatever holds attributes, in the form in which it came."""
    if isinstance(given, Mapping):
        return {name: _safe_indexing(values, rows) for name, values in given.items()}
    if isinstance(given, (list, tuple)) and given and isinstance(given[0], Attribute):
        return [attribute.take(rows) for attribute in given]
    return _safe_indexing(given, rows)
