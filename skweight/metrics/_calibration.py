"""Calibration errors over bins that hold equal shares of the rows."""

import numbers

import numpy as np
from sklearn.utils import check_consistent_length, column_or_1d

from skweight.metrics._validation import check_ordinal, check_unit_interval, check_weights


def equal_frequency_calibration_error(
    y_bin, p, *, n_bins=None, squared=True, published=False, sample_weight=None
):
    """Compare predicted probabilities with the frequencies in bins of equal size.

    Rows are sorted by `p` and cut into bins of equal weight; the error is the mean over rows of
    ``(p - frequency of ones in the row's bin)**2``. It equals the usual binned calibration
    error plus the spread of `p` inside each bin.

    Parameters
    ----------
    y_bin : array-like of shape (n_samples,)
        True outcomes, 0 or 1 (or bool).
    p : array-like of shape (n_samples,)
        Predicted probabilities of a 1.
    n_bins : int, default=None
        Number of bins, at least 1; None means ``max(10, round(n / 100))`` for n rows of positive
        weight.
    squared : bool, default=True
        Whether the differences are squared; otherwise their absolute values are averaged.
    published : bool, default=False
        Whether to compute the quantity that the PRESTO paper's code computes (see Notes), in
        order to compare with its figures and for no other use. Takes no `sample_weight`.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows, of which only the ratios matter.

    Returns
    -------
    float
        The error, between 0 and 1; 0 is best.

    Raises
    ------
    ValueError
        If `y_bin` is not binary, `p` not in [0, 1] or a parameter out of its range.

    See Also
    --------
    rare_class_calibration_error : The same for the last of several ordered classes.

    Notes
    -----
    Each bin holds exactly the share ``1 / n_bins`` of the weight: a row on a border is divided
    between its two bins, and rows with equal `p` share their mean outcome. Hence the order of
    the rows does not matter, and a whole-number weight does what repeating its row does, given
    `n_bins`. For the paper's bins, which take whole rows, see ``published=True``.

    The code published with [1]_ takes the frequencies from the sorted rows, but subtracts them
    from `p` in the rows' original order, so its value depends on the order of the rows and for
    the most part measures the spread of `p`: it rewards shrinkage, not calibration.

    References
    ----------
    .. [1] G. Faletto and J. Bien, "Predicting Rare Events by Shrinking Towards Proportional
           Odds", ICML 2023, PMLR 202:9547-9602.

    Examples
    --------
    >>> from skweight.metrics import equal_frequency_calibration_error
    >>> y, p = [0, 0, 1, 0, 1, 1], [0.1, 0.2, 0.3, 0.6, 0.7, 0.8]
    >>> round(equal_frequency_calibration_error(y, p, n_bins=2), 3)
    0.016
    """
    p = check_unit_interval(p, "p", ensure_2d=False)
    p = column_or_1d(p)
    y = np.asarray(column_or_1d(y_bin))
    check_consistent_length(y, p)
    if not np.isin(y, [0, 1]).all():
        raise ValueError("y_bin holds other values than 0 and 1: want binary outcomes")
    if published and sample_weight is not None:
        raise ValueError("published=True takes no sample_weight: want None")
    weights = check_weights(sample_weight, len(p))
    error = _published_error if published else _binned_error
    return error(y.astype(float), p, _check_n_bins(n_bins, weights), squared, weights)


def rare_class_calibration_error(
    y_true, y_proba, *, labels=None, n_bins=None, squared=True, sample_weight=None
):
    """Compute the equal-frequency calibration error of the last of several ordered classes.

    Applies :func:`equal_frequency_calibration_error` to the last class in rank order against
    all the others.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels.
    y_proba : array-like of shape (n_samples, n_classes)
        Predicted probabilities, a column for each of `labels` in their order.
    labels : array-like of shape (n_classes,), default=None
        Every label from the lowest rank to the highest; None means the sorted labels of `y_true`.
    n_bins : int, default=None
        Number of bins, at least 1; None means ``max(10, round(n / 100))`` for n rows of positive
        weight.
    squared : bool, default=True
        Whether the differences are squared; otherwise their absolute values are averaged.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows, of which only the ratios matter.

    Returns
    -------
    float
        The error, between 0 and 1; 0 is best.

    Raises
    ------
    ValueError
        If a true label is not among `labels`, or `y_proba` does not hold probabilities.

    See Also
    --------
    rare_class_error : Brier score of the last class.

    Examples
    --------
    >>> from skweight.metrics import rare_class_calibration_error
    >>> y, proba = [0, 1, 2, 2], [[0.8, 0.2, 0.0], [0.5, 0.4, 0.1], [0.1, 0.2, 0.7], [0, 0, 1]]
    >>> round(rare_class_calibration_error(y, proba, n_bins=2), 3)
    0.025
    """
    rank, proba, weights = check_ordinal(y_true, y_proba, labels, sample_weight)
    last = proba.shape[1] - 1
    n_bins = _check_n_bins(n_bins, weights)
    return _binned_error((rank == last).astype(float), proba[:, last], n_bins, squared, weights)


def _check_n_bins(n_bins, weights):
    if n_bins is None:
        return max(10, round(np.count_nonzero(weights) / 100))
    if isinstance(n_bins, bool) or not isinstance(n_bins, numbers.Integral) or n_bins < 1:
        raise ValueError(f"n_bins={n_bins!r}: want a whole number of at least 1, or None")
    return int(n_bins)


def _binned_error(y, p, n_bins, squared, weights):
    """Return the error with rows cut at the borders of bins that weigh the same."""
    values, row = np.unique(p, return_inverse=True)
    mass = np.bincount(row, weights)
    kept = mass > 0
    values, mass, ones = values[kept], mass[kept], np.bincount(row, weights * y)[kept]
    # the union of both sets of borders cuts [0, 1] into pieces of one value and one bin each
    ends = np.cumsum(mass)
    ends /= ends[-1]
    borders = np.arange(1, n_bins) / n_bins
    cuts = np.unique(np.concatenate([[0.0], ends, borders]))
    length, middle = np.diff(cuts), (cuts[1:] + cuts[:-1]) / 2
    value = np.minimum(np.searchsorted(ends, middle), len(values) - 1)
    in_bin = np.searchsorted(borders, middle)
    frequency = np.bincount(in_bin, length * (ones / mass)[value], minlength=n_bins) * n_bins
    return float(length @ _loss(values[value] - frequency[in_bin], squared))


def _published_error(y, p, n_bins, squared, _):
    """Return the published quantity: predictions unsorted, frequencies of sorted rows."""
    bins = np.array_split(y[np.argsort(p, kind="stable")], min(n_bins, len(y)))
    frequency = np.concatenate([np.full(len(ys), ys.mean()) for ys in bins])
    return float(_loss(p - frequency, squared).mean())


def _loss(difference, squared):
    return difference**2 if squared else np.abs(difference)
