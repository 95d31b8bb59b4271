"""A diagonal that lies above the second derivatives of the smoothed dependence.

In the predictions, the smoothed measure has the second derivatives of a graph Laplacian: the pair
(i, j) within a width eps of each other is an edge of weight ``2 kappa w_i w_j M_ij / eps``. Edges
of negative weight only lower it, and a Laplacian of positive ones lies below twice its diagonal.
"""

import numpy as np

from skweight.fairness._sweep_cells import CellsSweep
from skweight.fairness._sweep_dense import DenseSweep


def curvature_bound(penalty, y, width):
    """Return twice the weight of the positive edges at each row.

    Parameters
    ----------
    penalty : DependencePenalty
        The dependence; with several terms their bounds are added.
    y : ndarray of shape (n_samples,)
        Predictions.
    width : float
        Half the width of the smoothing, above 0.

    Returns
    -------
    ndarray of shape (n_samples,)
        The bound, at least 0; a row of weight w counts as w copies that move together.
    """
    order = np.argsort(y)
    z, weight = y[order], penalty.weight[order]
    total = np.zeros(len(y))
    for term, _ in penalty._terms:
        total += _positive_sums(term, z, order, width)
    bound = np.empty(len(y))
    bound[order] = 4 * penalty.centring.kappa / width * weight * total
    return bound


def _positive_sums(term, z, order, width):
    """Return for each of the sorted rows the sum of w_j max(M_ij, 0) over its window."""
    if term.path == "tree":  # the same distances, formed pair by pair
        term = DenseSweep([term.s[:, None]], term.weight, term.centring)
    if term.path == "matrix":
        term = CellsSweep(term.M, np.arange(len(z)), term.weight)
    return term.positive_sums(z, order, width)
