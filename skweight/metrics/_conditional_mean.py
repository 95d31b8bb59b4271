"""The mean prediction along a numeric protected attribute."""

import numpy as np
from sklearn.utils import Bunch

from skweight._core._sklearn_compat import check_sample_weight
from skweight.metrics._groups import check_count, check_numbers, quantile_bins


def conditional_mean_curve(y_pred, s, n_bins=10, sample_weight=None):
    """Compute the mean prediction in bins of a numeric attribute.

    The bins hold about equal weight; rows with the same value of the attribute stay together. A
    curve that is flat within its errors shows no dependence of the mean, and nothing of the rest
    of the distribution.

    Parameters
    ----------
    y_pred : array-like of shape (n_samples,)
        Predictions, or outcomes to set beside them.
    s : array-like of shape (n_samples,)
        Numeric attribute, such as an age.
    n_bins : int, default=10
        Number of bins; fewer where ties leave no more. With no more distinct values than that,
        each has its own.
    sample_weight : array-like of shape (n_samples,), default=None
        Frequencies of the rows, at least 0.

    Returns
    -------
    Bunch
        ``centres``, mean attribute; ``means``, mean prediction; ``standard_errors`` of the latter,
        with one degree of freedom less, NaN in a bin whose weight is no more than 1; ``counts``,
        rows of positive weight; ``weights``, their sum; all of shape (n_bins,) with the bins that
        there are. ``edges`` of shape (n_bins + 1,): a bin holds what is above its lower and up to
        its upper edge, and the first its lower edge too.

    Raises
    ------
    ValueError
        If the input or `n_bins` has no meaning; the message names it.

    See Also
    --------
    demographic_parity_gap : The largest distance between two groups.
    fairness_report : A table of groups.

    Notes
    -----
    Standard errors take weights as frequencies: of exposures, which are mostly below 1, they are
    too large.

    Examples
    --------
    >>> from skweight.metrics import conditional_mean_curve
    >>> curve = conditional_mean_curve([1.0, 3.0, 4.0, 6.0], [18, 20, 30, 60], n_bins=2)
    >>> curve.centres.tolist(), curve.means.tolist(), curve.edges.tolist()
    ([19.0, 45.0], [2.0, 5.0], [18.0, 20.0, 60.0])
    """
    n_bins = check_count(n_bins, "n_bins", 1)
    y, s = check_numbers(y_pred, "y_pred"), check_numbers(s, "s")
    if len(s) != len(y):
        raise ValueError(f"s has {len(s)} rows and y_pred {len(y)}: want as many")
    weight = check_sample_weight(sample_weight, y)
    kept = weight > 0
    y, s, weight = y[kept], s[kept], weight[kept]
    code, _, edges = quantile_bins(s, weight, n_bins)
    total = np.bincount(code, weight)
    means = np.bincount(code, weight * y) / total
    squares = np.bincount(code, weight * (y - means[code]) ** 2)
    variance = np.divide(squares, total - 1, out=np.full(len(total), np.nan), where=total > 1)
    return Bunch(
        centres=np.bincount(code, weight * s) / total,
        means=means,
        standard_errors=np.sqrt(variance / total),
        counts=np.bincount(code),
        weights=total,
        edges=edges,
    )
