"""What `fairness_path` returns: arrays by name that print and become a data frame."""

from dataclasses import dataclass

import numpy as np

from skweight._core._optional import import_optional

# Columns that are shown; a data frame has all.
_SHOWN = (
    "loss",
    "dependence",
    "js_divergence",
    "variance_ratio",
    "ks_gap",
    "collapsed",
    "converged",
)


@dataclass(frozen=True, eq=False, repr=False)
class FairnessPath:
    """Hold the fits along a path of strengths, and what to choose one by.

    It prints as a table.

    Parameters
    ----------
    fairness_alphas : ndarray of shape (n_alphas,)
        The strengths, increasing.
    loss : ndarray of shape (n_alphas,)
        Weighted mean loss on the measured rows, half the deviance without its constants.
    objective : ndarray of shape (n_alphas,)
        The minimised objective, exact, on the training rows.
    penalty : ndarray of shape (n_alphas,)
        The estimator's measure of dependence on the training rows, exact, not multiplied by its
        strength and without the constant of "jdcov".
    dependence : ndarray of shape (n_alphas,)
        Squared distance covariance of predictions with all attributes jointly, on the measured
        rows.
    dependence_by_attribute : dict of str to ndarray of shape (n_alphas,)
        The same with each attribute alone, by its name.
    js_divergence : ndarray of shape (n_alphas,)
        Generalised Jensen-Shannon divergence between the intersections of all attributes, in bits.
    variance_ratio : ndarray of shape (n_alphas,)
        Variance of the intersections' mean predictions over the variance of all predictions.
    ks_gap : ndarray of shape (n_alphas,)
        Largest Kolmogorov-Smirnov distance between two intersections.
    collapsed : ndarray of bool of shape (n_alphas,)
        Whether the model is constant.
    converged : ndarray of bool of shape (n_alphas,)
        Whether the fit reached `tol`.
    n_iter : ndarray of int of shape (n_alphas,)
        Steps of each fit.
    estimators : list of estimator
        The fitted models, in the order of the strengths.
    measured_on : {"training", "validation"}
        Which rows loss and dependence were measured on.
    statistic : {"U", "V"}
        Which statistic `dependence` is: the unbiased one, or the biased one of very few rows.
    bandwidth : float or ndarray of shape (n_classes,)
        Of the densities in `js_divergence`, for each class where there are three or more; NaN if
        predictions are constant at the lowest strength.

    See Also
    --------
    fairness_path : Makes it.
    FairnessFrontierDisplay : Draws loss against dependence.

    References
    ----------
    H. M. Lee, K. Antonio, B. Avanzi, L. Marchi, R. Zhou, "Machine Learning with Multitype Protected
    Attributes: Intersectional Fairness through Regularisation", arXiv 2509.08163, 2025.

    Examples
    --------
    >>> from skweight.fairness import DistanceCovarianceClassifier, fairness_path
    >>> X = [[0.0], [1.0], [2.0], [3.0], [4.0], [5.0]]
    >>> path = fairness_path(
    ...     DistanceCovarianceClassifier(alpha=0.1), X, [0, 1, 0, 1, 0, 1], [0, 1],
    ...     sensitive_features=list("aababb"), min_group_size=3)
    >>> path.estimators[1].fairness_alpha
    1.0
    """

    fairness_alphas: np.ndarray
    loss: np.ndarray
    objective: np.ndarray
    penalty: np.ndarray
    dependence: np.ndarray
    dependence_by_attribute: dict
    js_divergence: np.ndarray
    variance_ratio: np.ndarray
    ks_gap: np.ndarray
    collapsed: np.ndarray
    converged: np.ndarray
    n_iter: np.ndarray
    estimators: list
    measured_on: str
    statistic: str
    bandwidth: object

    def _columns(self):
        """Return the table as columns by name."""
        names = ("loss", "objective", "penalty", "dependence")
        more = ("js_divergence", "variance_ratio", "ks_gap", "collapsed", "converged", "n_iter")
        return {
            "fairness_alpha": self.fairness_alphas,
            **{name: getattr(self, name) for name in names},
            **{f"dependence_{name}": v for name, v in self.dependence_by_attribute.items()},
            **{name: getattr(self, name) for name in more},
        }

    def to_frame(self):
        """Return the table as a pandas data frame.

        It has a row for each strength.

        Returns
        -------
        pandas.DataFrame
            The arrays as columns, ``fairness_alpha`` first, and ``dependence_<name>`` for each
            attribute.

        Raises
        ------
        ImportError
            If pandas is not installed.

        See Also
        --------
        fairness_path : Makes the path.

        Examples
        --------
        >>> from skweight.fairness import DistanceCovarianceRegressor, fairness_path
        >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 2.0, 3.0]
        >>> path = fairness_path(
        ...     DistanceCovarianceRegressor(), X, y, [0, 1, 3],
        ...     sensitive_features={"sex": list("abab")}, min_group_size=2)
        >>> path.to_frame().shape
        (3, 12)
        """
        pandas = import_optional("pandas", "FairnessPath.to_frame")
        return pandas.DataFrame(self._columns())

    def __repr__(self):
        columns = self._columns()
        cells = [[f"{alpha:g}" for alpha in self.fairness_alphas]]
        for name in _SHOWN:
            values = columns[name].tolist()
            cells.append([str(v) if isinstance(v, bool) else f"{v:.4g}" for v in values])
        titled = [[title, *column] for title, column in zip(("fairness_alpha", *_SHOWN), cells)]
        widths = [max(map(len, column)) for column in titled]
        lines = ("  ".join(c.rjust(w) for c, w in zip(line, widths)) for line in zip(*titled))
        title = f"FairnessPath, loss and dependence ({self.statistic}) on {self.measured_on} rows"
        return "\n".join([title, *lines])
