"""Which classes there are, and in which order they stand."""

import warnings

import numpy as np
from sklearn.utils.multiclass import check_classification_targets

from skweight._core._labels import checked_labels

_MAX_RANGE = 1000


def resolve_class_order(y, class_order=None):
    """Find the classes of a target and their order.

    The order is `class_order` where it is given, else that of an ordered pandas categorical or a
    polars Enum, else that of the sorted labels.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The target as the user gave it: a conversion to numpy would lose the order of categories.
    class_order : array-like of shape (n_classes,) or None, default=None
        The labels from the lowest to the highest.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
        The labels of y, sorted.
    class_order : ndarray of shape (n_classes,)
        The labels of y from the lowest to the highest.
    codes : ndarray of shape (n_samples,), dtype intp
        The rank of each label of y in `class_order`.

    Raises
    ------
    ValueError
        If y has fewer than two classes, missing values, or labels that `class_order` lacks.

    Warns
    -----
    UserWarning
        If `class_order` lists labels that y lacks, or if three or more classes are strings and
        nothing says how they are ordered.
    """
    if y is None:
        raise ValueError("This classifier requires y to be passed, but the target y is None.")
    declared = _declared_order(y)
    if not (type(y) is np.ndarray and y.ndim == 1 and y.dtype.kind in "iu"):  # else it is clean
        y = checked_labels(y)
    if len(y) == 0:
        raise ValueError("y must hold at least two samples, but found 0 samples.")
    if y.dtype.kind not in "biuUS":  # whole numbers and strings are classes, whatever they are
        check_classification_targets(y)
    classes, codes = _classes_and_codes(y)
    if len(classes) < 2:
        raise ValueError(f"y must hold at least two classes, but it has only 1 class: {classes}.")
    given = class_order is not None
    if given:
        wanted = _as_labels(class_order)
    elif declared is not None:
        wanted = declared
    else:
        if len(classes) > 2 and all(isinstance(label, str) for label in classes):
            warnings.warn(
                f"y holds {len(classes)} string classes and nothing says how they are ordered, so "
                f"they are taken in alphabetical order {classes.tolist()}: give "
                "class_order=[lowest, ..., highest] or make y an ordered categorical.",
                UserWarning,
                stacklevel=3,
            )
        return classes, classes.copy(), codes
    ranks = _ranks(classes, wanted, warn=given)
    order = np.empty_like(classes)
    order[ranks] = classes
    return classes, order, ranks[codes]


def check_class_totals(codes, sample_weight, class_order):
    """Raise if some class has no weight, and return the weight of each class in rank order."""
    totals = np.bincount(codes, weights=sample_weight, minlength=len(class_order))
    if not np.all(totals > 0):
        empty = class_order[~(totals > 0)].tolist()
        raise ValueError(
            f"sample_weight must give every class some weight, but that of class {empty} is 0."
        )
    return totals


def _classes_and_codes(y):
    """Return the sorted labels and the rank of each row's, as `numpy.unique` does."""
    if y.dtype.kind in "iu":
        low, high = int(y.min()), int(y.max())
        # Counting is faster than sorting where whole numbers are close together.
        if high - low <= _MAX_RANGE and high <= np.iinfo(np.intp).max:
            steps = y.astype(np.intp) - low
            present = np.bincount(steps) > 0
            classes = (np.flatnonzero(present) + low).astype(y.dtype)
            return classes, (np.cumsum(present) - 1)[steps]
    return np.unique(y, return_inverse=True)


def _declared_order(y):
    """Return the categories of an ordered pandas categorical or a polars Enum, else None."""
    if getattr(y, "ndim", len(getattr(y, "shape", ()))) == 2 and y.shape[1] == 1:
        if hasattr(y, "iloc"):
            y = y.iloc[:, 0]
        elif hasattr(y, "to_series"):
            y = y.to_series()
    dtype = getattr(y, "dtype", None)
    categories = getattr(dtype, "categories", None)
    if categories is None:
        return None
    if getattr(dtype, "ordered", False) or type(dtype).__name__ == "Enum":
        return list(categories)
    return None


def _as_labels(class_order):
    if isinstance(class_order, str) or not hasattr(class_order, "__iter__"):
        raise ValueError(
            "class_order must be a list of labels from the lowest to the highest, "
            f"got {class_order!r}."
        )
    labels = [label.item() if hasattr(label, "item") else label for label in class_order]
    if len(set(labels)) < len(labels):
        raise ValueError(f"class_order must name every label once, got {labels}.")
    return labels


def _ranks(classes, wanted, warn):
    """Return the rank of each sorted class among the wanted labels that occur."""
    present = set(classes.tolist())
    unknown = [label for label in classes.tolist() if label not in wanted]
    if unknown:
        raise ValueError(
            f"class_order must list every label of y, but {list(wanted)} lacks {unknown}."
        )
    absent = [label for label in wanted if label not in present]
    if absent and warn:
        warnings.warn(
            f"class_order lists labels that y lacks, which are dropped: {absent}.",
            UserWarning,
            stacklevel=4,
        )
    rank = {label: i for i, label in enumerate(label for label in wanted if label in present)}
    return np.array([rank[label] for label in classes.tolist()], dtype=np.intp)
