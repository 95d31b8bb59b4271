"""Tables of estimates with their standard errors."""

from itertools import pairwise

import numpy as np
from scipy import stats
from sklearn.utils import Bunch

from skweight._core._optional import import_optional


class InferenceTable(Bunch):
    """Hold one column of numbers per key, one row per estimate; print as a table.

    Every value is an array of the same length, reached as ``table.p_value`` or
    ``table["p_value"]``; the key `name` says what each row is.
    """

    def to_frame(self):
        """Return the table as a pandas DataFrame with `name` as its index."""
        pandas = import_optional("pandas", "InferenceTable.to_frame")
        return pandas.DataFrame(dict(self)).set_index("name")

    def __repr__(self):
        columns = [[key, *(_cell(value, key) for value in values)] for key, values in self.items()]
        widths = [max(map(len, column)) for column in columns]
        lines = [
            "  ".join(
                cell.ljust(width) if i == 0 else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths))
            ).rstrip()
            for row in zip(*columns)
        ]
        return "\n".join(lines)

    __str__ = __repr__


def _cell(value, key):
    if isinstance(value, str):
        return value
    if key == "p_value" and value < 1e-4:
        return "<0.0001"
    return str(value) if isinstance(value, (int, np.integer)) else f"{value:.4f}"


def wald_table(names, estimates, standard_errors, confidence_level):
    """Build the table of z values, two-sided p values and confidence limits.

    Parameters
    ----------
    names : list of str
        What is estimated.
    estimates, standard_errors : ndarray of shape (n,)
        The numbers; an infinite standard error gives z = 0, p = 1 and infinite limits.
    confidence_level : float
        Coverage of the intervals, between 0 and 1.

    Returns
    -------
    InferenceTable
        With `name`, `estimate`, `standard_error`, `z`, `p_value`, `low` and `high`.
    """
    if not 0 < confidence_level < 1:
        raise ValueError(
            f"confidence_level must be a number between 0 and 1, got {confidence_level!r}."
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.nan_to_num(estimates / standard_errors)
    margin = stats.norm.isf((1 - confidence_level) / 2) * standard_errors
    return InferenceTable(
        name=np.array(names, dtype=object),
        estimate=estimates,
        standard_error=standard_errors,
        z=z,
        p_value=2 * stats.norm.sf(np.abs(z)),
        low=estimates - margin,
        high=estimates + margin,
    )


def feature_names(estimator, n_features):
    """Return the names seen in fit, or x0, x1, ..."""
    names = getattr(estimator, "feature_names_in_", None)
    return [f"x{j}" for j in range(n_features)] if names is None else [str(name) for name in names]


def boundary_names(family, class_order):
    """Name what the predictor of each boundary describes."""
    labels = class_order.tolist()
    if family == "cumulative":
        return [f"P(y > {label})" for label in labels[:-1]]
    if family == "adjacent":
        return [f"P({high}) : P({low})" for low, high in pairwise(labels)]
    return [f"P(y > {label} | y >= {label})" for label in labels[:-1]]
