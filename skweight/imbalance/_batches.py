"""Batches in which every class has its share."""

import numpy as np


def stratified_batches(classes, order, batch_size):
    """Deal rows to batches, class by class.

    Parameters
    ----------
    classes : ndarray of int of shape (n,)
        Class of each row.
    order : ndarray of int of shape (n,)
        The places 0 to n - 1, in the order in which the rows of a class are dealt.
    batch_size : int
        Rows of a batch. Batches are fewer, and larger, where a class would not have a row in each.

    Returns
    -------
    list of ndarray of int
        Places of the rows of each batch: sizes differ by 1 at the most, so do those of a class.
    """
    n = len(classes)
    rarest = np.unique(classes, return_counts=True)[1].min()
    n_batches = min(-(-n // batch_size), rarest)
    by_class = order[np.argsort(classes[order], kind="stable")]
    # Each class is a run in this order, at least as long as there are batches.
    return [by_class[first::n_batches] for first in range(n_batches)]
