"""Scores and thresholds of conformal intervals of classes."""

import numpy as np


def entry_masses(p):
    """Return the probability gathered when each class enters a growing interval of classes.

    The interval starts at the most probable class and takes in the more probable of its two
    neighbours, the upper one where they are equal.

    Parameters
    ----------
    p : ndarray of shape (n, n_classes)
        Probabilities in rank order.

    Returns
    -------
    ndarray of shape (n, n_classes)
        The mass of the interval with each class as its last.
    """
    n, n_classes = p.shape
    rows = np.arange(n)
    low = high = np.argmax(p, axis=1)
    mass = p[rows, low]
    entered = np.empty((n, n_classes))
    entered[rows, low] = mass
    padded = np.full((n, n_classes + 2), -np.inf)
    padded[:, 1:-1] = p
    for _ in range(n_classes - 1):
        below, above = padded[rows, low], padded[rows, high + 2]
        up = above >= below
        mass = mass + np.where(up, above, below)
        low, high = np.where(up, low, low - 1), np.where(up, high + 1, high)
        entered[rows, np.where(up, high, low)] = mass
    return entered


def conformal_threshold(scores, weight, level):
    """Return the smallest score t with weight of scores <= t at least level * (total + 1).

    Parameters
    ----------
    scores : ndarray of shape (m,)
        Scores of the calibration rows.
    weight : ndarray of shape (m,)
        How often each counts.
    level : float
        Coverage wanted; the 1 stands for the row to be predicted.

    Returns
    -------
    float
        The threshold, inf where the rows are too few.
    """
    order = np.argsort(scores, kind="stable")
    reached = np.cumsum(weight[order])
    # The tolerance: 100 * .55 is 55.00000000000001, and its rank is 55.
    wanted = level * (reached[-1] + 1) - 1e-9 if len(reached) else 1.0
    first = np.searchsorted(reached, wanted)
    return scores[order[first]] if first < len(reached) else np.inf
