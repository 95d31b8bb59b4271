"""Labels of private rows: no word of an error about them tells which there are."""

import warnings

import numpy as np
from sklearn.exceptions import DataConversionWarning

from skweight.privacy._exceptions import PrivacyLeakWarning

_NUMBERS = "biuf"


def private_labels(y, n_samples, name, *, public_classes):
    """Return labels as an array of one dimension.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or None
        Private labels.
    n_samples : int
        Number of rows.
    name : str
        Name of the classifier.
    public_classes : bool
        Whether the classes are given: then whatever is not among them is let pass here, and left
        out later, as it is nobody's business that it is there.

    Returns
    -------
    ndarray of shape (n_samples,)
        The labels.

    Raises
    ------
    ValueError
        If they are not one for each row, or are no labels although the classes are not given.
    """
    if y is None:
        raise ValueError(f"{name} requires y to be passed, but the target y is None.")
    given, y = y, _without_extension(y)
    try:
        y, ragged = np.asarray(y), False
    except ValueError:
        y, ragged = np.empty((0, 0, 0)), True
    if public_classes and isinstance(given, (list, tuple)) and (ragged or y.ndim == 1):
        # Each label by itself: one of another type must not change what becomes of the others.
        y = np.empty(len(given), dtype=object)
        y[:] = given
    if y.ndim == 2 and y.shape[1] == 1:
        warnings.warn(
            "A column-vector y was passed when a 1d array was expected.",
            DataConversionWarning,
            stacklevel=6,
        )
        y = y[:, 0]
    if y.ndim != 1:
        raise ValueError("y must be a 1d array of labels.")
    if len(y) != n_samples:
        raise ValueError("X and y must have the same length, got inconsistent ones.")
    if not public_classes:
        _check_labels(y)
    return y


def _without_extension(y):
    """Keep whole numbers and booleans of pandas what they are, where none is missing."""
    dtype = getattr(getattr(y, "dtype", None), "numpy_dtype", None)
    if dtype is None or np.any(y.isna()):
        return y
    return y.to_numpy(dtype=dtype)


def _check_labels(y):
    """Raise where labels are missing or numbers with decimals."""
    missing = "Input y contains NaN: a label is missing."
    if y.dtype.kind == "f":
        if np.isnan(y).any():
            raise ValueError(missing)
        if np.isinf(y).any():
            raise ValueError("Input y contains infinity, which is no label.")
        if (y != np.floor(y)).any():
            raise ValueError("Unknown label type: continuous. y must hold labels of classes.")
    elif y.dtype.kind not in _NUMBERS and any(v is None or v != v for v in _comparable(y)):
        raise ValueError(missing)


def _comparable(y):
    # A missing value of pandas equals neither itself nor anything else, and is no truth value.
    return [None if type(v).__name__ == "NAType" else v for v in y.tolist()]


def public_classes(classes):
    """Return classes that are given, sorted.

    Parameters
    ----------
    classes : array-like of shape (n_classes,)
        The labels.

    Returns
    -------
    ndarray of shape (n_classes,)
        The labels, each once.

    Raises
    ------
    ValueError
        If they are not at least two labels of one kind.
    """
    wanted = "classes must be an array of at least two labels that can be sorted"
    try:
        labels = np.asarray(classes)
        if labels.ndim != 1 or isinstance(classes, (str, bytes)):
            raise ValueError
        # Numbers and text side by side would all become text.
        if labels.dtype.kind in "US" and not all(isinstance(v, (str, bytes)) for v in classes):
            raise ValueError
        labels = np.unique(labels)
    except (ValueError, TypeError):
        raise ValueError(f"{wanted}, got {classes!r}.") from None
    if len(labels) < 2:
        raise ValueError(f"{wanted}, got {classes!r}.")
    if any(v is None or v != v for v in _comparable(labels)):
        raise ValueError(f"{wanted}, with none missing, got {classes!r}.")
    return labels


def classes_of_labels(y):
    """Return the classes that private labels are of, which publishes that they occur.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Private labels.

    Returns
    -------
    ndarray of shape (n_classes,)
        The labels, sorted.

    Raises
    ------
    ValueError
        If there are fewer than two, or they cannot be sorted.

    Warns
    -----
    PrivacyLeakWarning
        Always.
    """
    warnings.warn(
        "classes are taken from y, which publishes the labels that occur, so nothing is private. "
        "Want public classes=[...].",
        PrivacyLeakWarning,
        stacklevel=7,
    )
    try:
        classes = np.unique(y)
    except TypeError:
        classes = None
    if classes is None:
        raise ValueError("y must hold labels of one kind that can be sorted.")
    if len(classes) < 2:
        raise ValueError("y holds one class, and a classifier needs two: give the public classes.")
    return classes


def codes_of_labels(y, classes):
    """Return the position of each label among the classes, -1 where it is none of them.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Private labels.
    classes : ndarray of shape (n_classes,)
        Sorted classes.

    Returns
    -------
    ndarray of intp of shape (n_samples,)
        The positions.

    Raises
    ------
    ValueError
        If the type of y is of numbers and the classes are not, or the other way round.
    """
    kinds = [each.dtype.kind for each in (y, classes)]
    numbers = [kind in _NUMBERS for kind in kinds]
    if len(y) and "O" not in kinds and numbers[0] != numbers[1]:
        raise ValueError("y must be of the kind of classes: both numbers, or both text.")
    if not all(numbers):
        places = {label: k for k, label in enumerate(classes.tolist())}
        return np.array([_place(places, label) for label in y.tolist()], dtype=np.intp)
    if y.dtype.kind == "b":
        y = y.astype(np.int8)
    if classes.dtype.kind == "b":
        classes = classes.astype(np.int8)
    places = np.minimum(np.searchsorted(classes, y), len(classes) - 1)
    return np.where(classes[places] == y, places, -1)


def _place(places, label):
    try:
        return places.get(label, -1)
    except TypeError:  # unhashable, so no label
        return -1
