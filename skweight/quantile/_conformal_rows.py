"""What calibration asks of the rows themselves: groups, scales and likelihood ratios."""

import numpy as np
from scipy import sparse

from skweight._core._sklearn_compat import _safe_indexing


def row_numbers(function, X, n, name):
    """Call a function of X that gives each row a positive number.

    Parameters
    ----------
    function : callable
        What the user gave.
    X : array-like of shape (n, n_features)
        The rows.
    n : int
        How many they are.
    name : str
        The parameter, for the errors' sentences.

    Returns
    -------
    ndarray of shape (n,)
        The numbers.

    Raises
    ------
    ValueError
        If there are not n numbers, or one is not positive and finite.
    """
    try:
        numbers = np.asarray(function(X), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must return one number for each row: {error}") from error
    if numbers.shape != (n,):
        raise ValueError(
            f"{name} must return one number for each of the {n} rows, got shape {numbers.shape}."
        )
    bad = ~(np.isfinite(numbers) & (numbers > 0))
    if bad.any():
        raise ValueError(
            f"{name} must return positive finite numbers, got {numbers[bad][0]} for row "
            f"{np.flatnonzero(bad)[0]}."
        )
    return numbers


def row_labels(group_by, X, n):
    """Return the group of each row.

    Parameters
    ----------
    group_by : str, int or callable
        A column's name, a column's index, or a function of X that returns labels.
    X : array-like of shape (n, n_features)
        The rows.
    n : int
        How many they are.

    Returns
    -------
    list of length n
        The labels.

    Raises
    ------
    ValueError
        If the column is not there, there are not n labels, or one is missing.
    """
    if callable(group_by):
        labels = group_by(X)
    else:
        try:
            if sparse.issparse(X):
                labels = X[:, [group_by]].toarray()[:, 0]
            else:
                labels = _safe_indexing(
                    np.asarray(X) if isinstance(X, list) else X, group_by, axis=1
                )
        except (ValueError, IndexError, KeyError) as error:
            raise ValueError(
                f"group_by must be a column of X, its index or a function of X, got {group_by!r}: "
                f"{error}"
            ) from error
    labels = labels.tolist() if hasattr(labels, "tolist") else list(labels)
    if len(labels) != n or any(isinstance(label, list) for label in labels):
        raise ValueError(
            f"group_by must give one label to each of the {n} rows, got {len(labels)} entries"
            f"{' of several labels' if len(labels) == n else ''}."
        )
    missing = [i for i, label in enumerate(labels) if _is_missing(label)]
    if missing:
        raise ValueError(
            f"group_by must give a label to each row, but it is missing for {len(missing)} rows, "
            f"the first of them row {missing[0]}."
        )
    return labels


def _is_missing(label):
    # pandas.NA and NaT are neither equal to themselves nor, the first, true or false.
    return label is None or type(label).__name__ in ("NAType", "NaTType") or label != label


def index_labels(labels):
    """Number distinct labels in the order of their first row.

    Parameters
    ----------
    labels : list
        Labels of rows.

    Returns
    -------
    dict
        From each label to its number.
    """
    return {label: number for number, label in enumerate(dict.fromkeys(labels))}


def label_codes(labels, index):
    """Return the number of each row's label as an array, -1 where it has none."""
    return np.array([index.get(label, -1) for label in labels], dtype=np.intp)
