"""Metrics of the confusion matrix as losses that have a gradient, for arrays."""

import numpy as np
from scipy.special import expit, softmax
from sklearn.utils import check_array, column_or_1d

from skweight._core._sklearn_compat import check_sample_weight
from skweight.losses._confusion_metrics import check_metric, metric_function

# Rows of float32 probabilities miss 1 by some 1e-7; what is none misses it by far more.
_ROW_SUM_TOLERANCE = 1e-4


def soft_confusion_matrix(y, p, *, amplification=73.0, sample_weight=None):
    r"""Count soft decisions, which are near 0 or 1 but have a gradient.

    Probabilities are pushed towards 0 and 1 by a steep curve [1]_ and then counted as decisions
    are in `sklearn.metrics.confusion_matrix`.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Classes, as whole numbers 0, 1, ..., n_classes - 1.
    p : array-like of shape (n_samples,) or (n_samples, n_classes)
        Probabilities in [0, 1] of class 1, or of each class.
    amplification : float, default=73.0
        Steepness, above 0. At 73, a probability of 0 counts as 1.4e-16: what doubles can tell from
        0 only just.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights of the rows, at least 0. None means 1 for all.

    Returns
    -------
    ndarray of shape (n_classes, n_classes)
        Sums of weights: rows are true classes, columns are soft decisions.

    Raises
    ------
    ValueError
        If `y` are no such classes, `p` are no probabilities, or `amplification` is not above 0.

    See Also
    --------
    anyloss : Losses made of it.

    Notes
    -----
    Of two classes, the soft decision for class 1 is :math:`1 / (1 + \exp(-L (p - 1/2)))`, where L
    is the amplification: 1/2 stays 1/2. Of more, the soft decisions are the softmax of
    :math:`L p / 2`, which for two classes is the same number. The curve on each probability by
    itself would not do: at the start of training they are all 1 / n_classes, where it is flat.

    References
    ----------
    .. [1] D. Han, N. Moniz and N. V. Chawla, "AnyLoss: Transforming Classification Metrics into
       Loss Functions", 2024, arXiv 2405.14745.

    Examples
    --------
    >>> from skweight.losses import soft_confusion_matrix
    >>> soft_confusion_matrix([0, 0, 1], [0.1, 0.6, 0.9]).round(3)
    array([[1.001, 0.999],
           [0.   , 1.   ]])
    """
    check_metric("accuracy", 1.0, amplification)
    y, p, weight = _checked(y, p, sample_weight)
    return confusion(y, soft_decisions(p, amplification), weight)


def anyloss(y, p, metric="f1", *, beta=1.0, amplification=73.0, pos_label=1, sample_weight=None):
    """Compute 1 minus a metric of soft decisions.

    Unlike the metric itself it has a gradient in the probabilities, so that a model can be trained
    for what it is judged by [1]_.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Classes, as whole numbers 0, 1, ..., n_classes - 1.
    p : array-like of shape (n_samples,) or (n_samples, n_classes)
        Probabilities in [0, 1] of class 1, or of each class.
    metric : str or callable, default="f1"
        "accuracy", "balanced_accuracy" (mean recall), "f1", "fbeta", "gmean" (geometric mean of
        the recalls), "jaccard" or "mcc" (Matthews' correlation). For more than two classes "f1",
        "fbeta" and "jaccard" are means over classes. A callable takes true positives, false
        negatives, false positives and true negatives, which are numbers for two classes, else
        arrays with an entry for each class, and returns a number.
    beta : float, default=1.0
        Of "fbeta": how many times as important recall is as precision, at least 0.
    amplification : float, default=73.0
        Steepness of the soft decisions, above 0.
    pos_label : {0, 1}, default=1
        The positive class of two.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights of the rows, at least 0. None means 1 for all.

    Returns
    -------
    float
        The loss. For probabilities of 0 and 1 it is 1 minus scikit-learn's metric; there, as here,
        0 / 0 is 0.

    Raises
    ------
    ValueError
        If there is no such metric, or another argument is not as described.

    See Also
    --------
    soft_confusion_matrix : What the metric is computed from.
    AnyLoss : The same as a module of torch.
    skweight.imbalance.AnyLossClassifier : Trains a model with it.

    References
    ----------
    .. [1] D. Han, N. Moniz and N. V. Chawla, "AnyLoss: Transforming Classification Metrics into
       Loss Functions", 2024, arXiv 2405.14745.

    Examples
    --------
    >>> from skweight.losses import anyloss
    >>> y, p = [0, 0, 1, 1], [0.1, 0.6, 0.9, 0.8]
    >>> round(anyloss(y, p, "f1"), 3)
    0.2
    >>> round(anyloss(y, p, lambda tp, fn, fp, tn: tn / (tn + fp)), 3)  # specificity
    0.5
    """
    check_metric(metric, beta, amplification)
    y, p, weight = _checked(y, p, sample_weight)
    if pos_label not in (0, 1):
        raise ValueError(f"pos_label must be 0 or 1, got {pos_label!r}.")
    if p.ndim == 2 and p.shape[1] > 2 and pos_label != 1:
        raise ValueError(
            f"pos_label is for two classes, got {pos_label!r} with {p.shape[1]} columns of p."
        )
    matrix = confusion(y, soft_decisions(p, amplification), weight)
    value, _, _ = metric_function(metric, beta, pos_label)(*parts(matrix))
    return 1.0 - float(value)


def soft_decisions(p, amplification):
    """Return soft decisions of shape (n, n_classes) for probabilities of class 1, or of each."""
    if p.ndim == 2:
        return softmax(amplification / 2 * p, axis=1)
    steep = amplification * (p - 0.5)
    return np.column_stack([expit(-steep), expit(steep)])


def decisions_of_scores(scores, amplification):
    """Return probabilities and soft decisions for scores of shape (n, 1) or (n, n_classes)."""
    p = expit(scores[:, 0]) if scores.shape[1] == 1 else softmax(scores, axis=1)
    return p, soft_decisions(p, amplification)


def score_slopes(y, p, soft, by_hits, by_columns, amplification):
    """Return the derivatives of a metric in the scores, for rows of weight 1.

    Parameters
    ----------
    y : ndarray of int of shape (n,)
        Classes.
    p, soft : ndarray
        As `decisions_of_scores` returns them.
    by_hits, by_columns : ndarray of shape (n_classes,)
        Derivatives of the metric in the diagonal and in the sums of columns of the soft confusion
        matrix.
    amplification : float
        Steepness of the soft decisions.

    Returns
    -------
    ndarray of shape (n, 1) or (n, n_classes)
        The derivatives.
    """
    if p.ndim == 1:
        gain = np.array([-by_hits[0], by_hits[1]]) + by_columns[1] - by_columns[0]
        slope = amplification * soft[:, 0] * soft[:, 1] * p * (1 - p)
        return (gain[y] * slope)[:, None]
    by_soft = by_columns + np.diag(by_hits)[y]
    by_p = amplification / 2 * _through_softmax(by_soft, soft)
    return _through_softmax(by_p, p)


def steepness(p, soft, amplification):
    """Return about how much the soft decisions of each row change with its scores."""
    if p.ndim == 1:
        p = np.column_stack([1 - p, p])
    spreads = [(part * (1 - part)).max(axis=1) for part in (p, soft)]
    return amplification * spreads[0] * spreads[1]


def _through_softmax(gradient, shares):
    """Return the gradient in the arguments of a softmax, from that in its values."""
    return shares * (gradient - (shares * gradient).sum(axis=1, keepdims=True))


def confusion(y, soft, weight):
    """Return the sums of soft decisions by true class."""
    K = soft.shape[1]
    columns = [
        np.bincount(y, soft[:, k] if weight is None else weight * soft[:, k], minlength=K)
        for k in range(K)
    ]
    return np.column_stack(columns)


def parts(matrix):
    """Return a confusion matrix's diagonal and the sums of its rows and of its columns."""
    return matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)


def _checked(y, p, sample_weight):
    """Return classes, probabilities and weights (None if none were given)."""
    p = check_array(p, dtype=np.float64, ensure_2d=False, input_name="p")
    if p.ndim == 2 and p.shape[1] == 1:
        p = p[:, 0]
    if p.ndim > 2:
        raise ValueError(f"p must have one or two dimensions, got shape {p.shape}.")
    if p.min() < 0 or p.max() > 1:
        raise ValueError(f"p must be in [0, 1], got values from {p.min()} to {p.max()}.")
    if p.ndim == 2 and np.abs(p.sum(axis=1) - 1).max() > _ROW_SUM_TOLERANCE:
        raise ValueError("p must have rows that sum to 1, got other sums.")
    y = column_or_1d(y)
    K = 2 if p.ndim == 1 else p.shape[1]
    if len(y) != len(p):
        raise ValueError(f"y and p must have as many rows, got {len(y)} and {len(p)}.")
    if y.dtype.kind not in "biuf" or not np.isin(y, range(K)).all():
        raise ValueError(f"y must hold whole numbers from 0 to {K - 1}, got {np.unique(y)}.")
    weight = None if sample_weight is None else check_sample_weight(sample_weight, p)
    return y.astype(np.intp), p, weight
