"""Check labels, probabilities and weights once, for every metric."""

import warnings

import numpy as np
from sklearn.utils import check_array, check_consistent_length, column_or_1d

# Rows of float32 softmax outputs miss 1 by some 1e-6; a wrong matrix misses it by far more.
_ROW_SUM_TOLERANCE = 1e-4


def check_weights(sample_weight, n_samples):
    """Return weights that sum to 1.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,) or None
        One weight for each row; None means equal weights.
    n_samples : int
        Number of rows.

    Returns
    -------
    ndarray of shape (n_samples,)
        The weights over their sum.
    """
    if sample_weight is None:
        return np.full(n_samples, 1.0 / n_samples)
    weights = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight"
    )
    if weights.shape != (n_samples,):
        raise ValueError(
            f"sample_weight has shape {weights.shape}: want ({n_samples},), one for each row"
        )
    if (weights < 0).any() or not weights.any():
        raise ValueError("sample_weight: want no negative weight, and a positive one at least")
    return weights / weights.sum()


def check_unit_interval(values, name, **kwargs):
    """Return finite floats in [0, 1], rounding errors clipped.

    Parameters
    ----------
    values : array-like
        The probabilities.
    name : str
        Name of the argument, for the error's sentence.
    **kwargs : dict
        Passed on to :func:`sklearn.utils.check_array`.

    Returns
    -------
    ndarray
        The probabilities as float64.
    """
    values = check_array(values, dtype=np.float64, input_name=name, **kwargs)
    if values.min() < -1e-9 or values.max() > 1 + 1e-9:
        raise ValueError(
            f"{name} reaches from {values.min():.6g} to {values.max():.6g}: want probabilities "
            "in [0, 1]"
        )
    return np.clip(values, 0.0, 1.0)


def check_ordinal(y_true, y_proba, labels, sample_weight, *, ranked=True):
    """Return the rank of each true label, the probabilities and the weights.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels.
    y_proba : array-like of shape (n_samples, n_classes)
        Probabilities, columns as `labels`.
    labels : array-like of shape (n_classes,) or None
        Labels in rank order; None means the sorted labels of `y_true`.
    sample_weight : array-like of shape (n_samples,) or None
        One weight for each row.
    ranked : bool, default=True
        Whether the order of the labels matters to the caller.

    Returns
    -------
    rank : ndarray of int of shape (n_samples,)
        Column of each true label.
    proba : ndarray of float of shape (n_samples, n_classes)
        The checked probabilities.
    weights : ndarray of shape (n_samples,)
        The weights, summing to 1.
    """
    proba = check_unit_interval(y_proba, "y_proba")
    check_consistent_length(y_true, proba)
    worst = np.abs(proba.sum(axis=1) - 1).max()
    if worst > _ROW_SUM_TOLERANCE:
        raise ValueError(f"y_proba has a row whose sum is {worst:.3g} off: want rows that sum to 1")
    if labels is None and ranked:
        _check_order_is_known(y_true)
    present, inverse = np.unique(column_or_1d(np.asarray(y_true)), return_inverse=True)
    if labels is None:
        labels = present
        if ranked and len(labels) > 2 and isinstance(labels[0], str):
            warn_alphabetical()
    labels = np.asarray(labels).tolist()
    if len(set(labels)) != len(labels):
        raise ValueError(f"labels={labels}: want each label once")
    if len(labels) != proba.shape[1]:
        raise ValueError(
            f"labels={labels} are {len(labels)}, but y_proba has {proba.shape[1]} columns: want "
            "labels to name every column of y_proba, from the lowest rank to the highest"
        )
    rank_of = {label: rank for rank, label in enumerate(labels)}
    unseen = [label for label in present.tolist() if label not in rank_of]
    if unseen:
        raise ValueError(
            f"y_true holds {unseen}, not among labels={labels}: want known labels only"
        )
    rank = np.array([rank_of[label] for label in present.tolist()])[inverse]
    return rank, proba, check_weights(sample_weight, len(rank))


def warn_alphabetical():
    """Warn that text labels are ranked by the alphabet."""
    warnings.warn(
        "Text labels are ranked alphabetically: pass labels, from the lowest rank to the highest",
        UserWarning,
        stacklevel=4,
    )


def _check_order_is_known(y_true):
    """Raise for an ordered categorical whose order is not the sorted one of predict_proba."""
    dtype = getattr(y_true, "dtype", None)
    if getattr(dtype, "ordered", False):
        categories = list(dtype.categories)
        if categories != sorted(categories):
            raise ValueError(
                f"y_true is ordered {categories}, not as sorted, so the columns of y_proba could "
                "follow either order: want labels, naming the columns from the lowest rank to "
                "the highest"
            )
