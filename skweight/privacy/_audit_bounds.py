"""What two samples of a statistic say about epsilon: a threshold, and then a bound.

If a release is (epsilon, delta)-private, every event has P(event | one data set) at most
``exp(epsilon) * P(event | its neighbour) + delta``. Two proportions, each with an exact bound, turn
that around into a lower bound on epsilon.
"""

import numpy as np
from scipy.special import betaincinv

# About so many thresholds are tried, close together in both tails, where events tell most.
_N_TRIED = 400


def clopper_pearson(hits, n, error):
    """Return one-sided exact bounds on a probability.

    Parameters
    ----------
    hits : array-like of int
        How often an event happened.
    n : int
        Number of trials, at least 1.
    error : float
        With what probability each of the bounds may be wrong, in (0, 1).

    Returns
    -------
    lower, upper : ndarray
        The bounds, of the shape of `hits`.
    """
    hits = np.asarray(hits, dtype=float)
    low = betaincinv(np.maximum(hits, 1), n - hits + 1, error)
    high = betaincinv(hits + 1, np.maximum(n - hits, 1), 1 - error)
    return np.where(hits > 0, low, 0.0), np.where(hits < n, high, 1.0)


def epsilon_from_counts(hits, n, hits_neighbour, n_neighbour, delta, confidence):
    """Return lower bounds on epsilon from how often events happened in two samples.

    Parameters
    ----------
    hits, hits_neighbour : array-like of int
        How often they happened on one data set, where they are said to be likelier, and on the
        other.
    n, n_neighbour : int
        Number of releases of each.
    delta : float
        The delta that is taken as given.
    confidence : float
        With what probability at least a bound holds.

    Returns
    -------
    ndarray
        The bounds, at least 0.
    """
    # Either of the two proportions may be off, each with half the probability.
    error = (1 - confidence) / 2
    likelier = clopper_pearson(hits, n, error)[0] - delta
    other = clopper_pearson(hits_neighbour, n_neighbour, error)[1]
    return np.log(np.maximum(likelier / other, 1.0))


class Event:
    """A one-sided event, and on which data set it is said to be likelier.

    Parameters
    ----------
    threshold : float
        Where it begins.
    above : bool
        Whether it is "above the threshold", rather than "at most the threshold".
    swapped : bool
        Whether it is likelier on the neighbour.
    """

    def __init__(self, threshold, above, swapped):
        self.threshold, self.above, self.swapped = threshold, above, swapped

    def hits(self, sample):
        """Return how often the event happened."""
        above = int(np.count_nonzero(sample > self.threshold))
        return above if self.above else len(sample) - above

    def epsilon(self, sample, neighbour, delta, confidence):
        """Return the lower bound on epsilon, and how often the event happened in either sample."""
        counts = self.hits(sample), self.hits(neighbour)
        pairs = [(counts[0], len(sample)), (counts[1], len(neighbour))]
        first, second = reversed(pairs) if self.swapped else pairs
        return float(epsilon_from_counts(*first, *second, delta, confidence)), counts


def best_event(sample, neighbour, delta, confidence):
    """Return the event that would bound epsilon best, if these were the samples to bound it with.

    Parameters
    ----------
    sample, neighbour : ndarray of shape (n,)
        Values of the statistic on both data sets.
    delta : float
        The delta that is taken as given.
    confidence : float
        With what probability a bound must hold.

    Returns
    -------
    Event
        The event.
    """
    sample, neighbour = np.sort(sample), np.sort(neighbour)
    tried = _tried(np.unique(np.concatenate([sample, neighbour])))
    sizes = len(sample), len(neighbour)
    above = [
        size - np.searchsorted(values, tried, side="right")
        for size, values in zip(sizes, (sample, neighbour))
    ]
    best, found = -1.0, None
    for is_above in (True, False):
        hits = above if is_above else [size - count for size, count in zip(sizes, above)]
        for swapped in (False, True):
            first, second = (1, 0) if swapped else (0, 1)
            bounds = epsilon_from_counts(
                hits[first], sizes[first], hits[second], sizes[second], delta, confidence
            )
            k = int(bounds.argmax())
            if bounds[k] > best:
                best, found = bounds[k], Event(float(tried[k]), is_above, swapped)
    return found


def _tried(values):
    if len(values) <= _N_TRIED:
        return values
    even = np.linspace(0, len(values) - 1, _N_TRIED // 2)
    tail = np.geomspace(1, len(values), _N_TRIED // 4) - 1
    ranks = np.concatenate([even, tail, len(values) - 1 - tail])
    return values[np.unique(ranks.astype(int))]
