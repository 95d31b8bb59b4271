"""Metrics of a soft confusion matrix, with their derivatives.

A metric is a function of the matrix's diagonal, of the sums of its rows, which do not change while
a model learns, and of the sums of its columns. What is written here is arithmetic that arrays of
numpy and tensors of torch share: both get the same losses, and the same guards.
"""

from functools import partial
from numbers import Real

import numpy as np

# Below this share of its rows found, a class counts with this one in the G-mean's derivative,
# which is infinite at 0.
_LEAST_RECALL = 1e-12
# Step of central differences, relative to the sum of weights.
_STEP = 1e-6


def _accuracy(hits, rows, columns, positive, beta):
    n = rows.sum()
    return hits.sum() / n, 0 * hits + 1 / n, 0 * hits


def _balanced_accuracy(hits, rows, columns, positive, beta):
    share = 1 / len(rows)
    return share * _ratio(hits, rows).sum(), share * _ratio(1.0, rows), 0 * hits


def _gmean(hits, rows, columns, positive, beta):
    share = 1 / len(rows)
    recall = _ratio(hits, rows)
    least = recall.clip(_LEAST_RECALL)
    # Roots before the product, which many classes would make 0.
    slope = (least**share).prod() * share * _ratio(1 / least, rows)
    return (recall**share).prod(), slope, 0 * hits


def _fbeta(hits, rows, columns, positive, beta):
    share = _averaged(rows, positive)
    gain = 1 + beta**2
    total = beta**2 * rows + columns
    score = _ratio(gain * hits, total)
    return (share * score).sum(), share * _ratio(gain, total), -share * _ratio(score, total)


def _f1(hits, rows, columns, positive, beta):
    return _fbeta(hits, rows, columns, positive, 1.0)


def _jaccard(hits, rows, columns, positive, beta):
    share = _averaged(rows, positive)
    union = rows + columns - hits
    score = _ratio(hits, union)
    return (
        (share * score).sum(),
        share * _ratio(1 + score, union),
        -share * _ratio(score, union),
    )


def _mcc(hits, rows, columns, positive, beta):
    n = rows.sum()
    rows, columns = rows / n, columns / n
    spread = (rows * (1 - rows)).sum()
    covered = (columns * (1 - columns)).sum()
    root = (spread * covered) ** 0.5
    if not root > 0:  # all rows in one class, or all decisions for one
        return 0 * hits.sum(), 0 * hits, 0 * hits
    score = (hits.sum() / n - (rows * columns).sum()) / root
    return score, 0 * hits + 1 / (n * root), (score * columns / covered - rows / root) / n


METRICS = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "f1": _f1,
    "fbeta": _fbeta,
    "gmean": _gmean,
    "jaccard": _jaccard,
    "mcc": _mcc,
}


def check_metric(metric, beta, amplification):
    """Raise if there is no such metric, or a number is out of range."""
    if not callable(metric) and (not isinstance(metric, str) or metric not in METRICS):
        raise ValueError(f"metric must be one of {sorted(METRICS)} or a callable, got {metric!r}.")
    if not isinstance(beta, Real) or not 0 <= beta < np.inf:
        raise ValueError(f"beta must be a finite number of at least 0, got {beta!r}.")
    if beta != 1 and metric != "fbeta":
        raise ValueError(f"beta is for metric='fbeta', got beta={beta!r} with metric={metric!r}.")
    if not isinstance(amplification, Real) or not 0 < amplification < np.inf:
        raise ValueError(f"amplification must be a finite number above 0, got {amplification!r}.")


def metric_function(metric, beta=1.0, positive=1):
    """Return a metric as a function of a soft confusion matrix.

    Parameters
    ----------
    metric : str or callable
        A name among `METRICS`, or a function of true positives, false negatives, false positives
        and true negatives: numbers for two classes, else arrays with an entry for each class.
    beta : float, default=1.0
        Of the F-score.
    positive : int, default=1
        The class whose counts they are where there are two.

    Returns
    -------
    callable
        Takes the diagonal and the sums of rows and of columns, all of shape (n_classes,). Returns
        the metric and its derivatives with respect to the diagonal and to the sums of columns.
    """
    if callable(metric):
        return partial(_by_differences, metric=metric, positive=positive)
    return partial(METRICS[metric], positive=positive, beta=float(beta))


def metric_of_counts(metric, hits, rows, columns, positive):
    """Return what a user's function makes of the counts."""
    counts = (hits, rows - hits, columns - hits, rows.sum() - rows - columns + hits)
    if len(rows) == 2:
        counts = [part[positive] for part in counts]
    return metric(*counts)


def _by_differences(hits, rows, columns, metric, positive):
    """Return a user's metric, and its derivatives by differences within what counts can be."""
    n = rows.sum()
    by_hits = _slopes(
        lambda hits: _value(metric, hits, rows, columns, positive),
        hits,
        np.maximum(rows + columns - n, 0),
        np.minimum(rows, columns),
        _STEP * n,
    )
    by_columns = _slopes(
        lambda columns: _value(metric, hits, rows, columns, positive),
        columns,
        hits,
        n - rows + hits,
        _STEP * n,
    )
    return _value(metric, hits, rows, columns, positive), by_hits, by_columns


def _value(metric, hits, rows, columns, positive):
    found = np.asarray(metric_of_counts(metric, hits, rows, columns, positive))
    if found.ndim or not np.isfinite(found):
        raise ValueError(
            f"metric must return one finite number, got {found.tolist()} from "
            f"{getattr(metric, '__name__', metric)!r}."
        )
    return float(found)


def _slopes(function, at, low, high, step):
    """Return central differences, one-sided at the ends of a range."""
    slopes = np.zeros_like(at)
    for k in range(len(at)):
        before, after = at.copy(), at.copy()
        before[k] = max(at[k] - step, min(low[k], at[k]))
        after[k] = min(at[k] + step, max(high[k], at[k]))
        if after[k] > before[k]:
            slopes[k] = (function(after) - function(before)) / (after[k] - before[k])
    return slopes


def _averaged(rows, positive):
    """Return the shares of the classes in a mean: of two, the positive one is all."""
    if len(rows) > 2:
        return 0 * rows + 1 / len(rows)
    share = 0 * rows
    share[positive] = 1
    return share


def _ratio(numerator, denominator):
    """Return a quotient, in which 0 / 0 is 0 as in scikit-learn's metrics."""
    return numerator / (denominator + (denominator == 0))
