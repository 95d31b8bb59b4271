"""Moments of columns."""

import numpy as np


def root_mean_square(values, weight=None):
    """Return the root of the weighted mean of squares along the first axis.

    Squares are of shares of the largest value, so that they neither overflow nor vanish.
    """
    largest = np.abs(values).max(axis=0)
    unit = np.where(largest > 0, largest, 1.0)
    return unit * np.sqrt(np.average((values / unit) ** 2, axis=0, weights=weight))
