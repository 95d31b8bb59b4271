"""The PRESTO penalty: what it costs, and the certificate that nothing costs less.

Per coordinate of theta (intercepts included, at price 0) the penalty is

    l1 * |theta| + ridge / 2 * theta^2,

plus, with ``penalty="group"``, ``group_j * ||theta[1:, j]||_2`` per column.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass
class Penalty:
    """Prices of the coordinates of theta.

    Attributes
    ----------
    l1, ridge : ndarray of shape (q, p + 1)
        Absolute and squared prices.
    group : ndarray of shape (p + 1,)
        Price of the norm of a column's rows 1..q-1.
    frozen : ndarray of bool of shape (q, p + 1)
        Coordinates that stay 0 (constant columns, absent intercepts, columns left out).
    """

    l1: np.ndarray
    ridge: np.ndarray
    group: np.ndarray
    frozen: np.ndarray

    @cached_property
    def free(self):
        """Coordinates that nothing holds back: their gradient vanishes at the optimum."""
        free = ~self.frozen & (self.l1 == 0) & (self.ridge == 0)
        free[1:] &= self.group == 0
        return free

    @cached_property
    def has_groups(self):
        return bool(self.group.any())

    def value(self, theta):
        total = float((self.l1 * np.abs(theta)).sum() + 0.5 * (self.ridge * theta**2).sum())
        if self.has_groups:
            total += float(self.group @ np.sqrt((theta[1:] ** 2).sum(axis=0)))
        return total

    def slope(self, theta):
        """Return the derivative of the penalty, the sign of a zero taken as 0."""
        slope = self.ridge * theta + self.l1 * np.sign(theta)
        if self.has_groups:
            norm = np.sqrt((theta[1:] ** 2).sum(axis=0))
            slope[1:] += theta[1:] * (self.group / np.where(norm > 0, norm, 1.0))
        return slope

    def curvature(self, theta, boundary, column):
        """Return the Hessian of the penalty in some non-zero coordinates of theta."""
        H = np.diag(self.ridge[boundary, column])
        if self.has_groups:
            norm = np.sqrt((theta[1:] ** 2).sum(axis=0))[column]
            bound = (boundary > 0) & (norm > 0)
            norm = np.where(bound, norm, 1.0)
            price = np.where(bound, self.group[column], 0.0) / norm
            v = np.where(bound, theta[boundary, column], 0.0) / norm
            same = column[:, None] == column
            H += np.diag(price) - np.where(same, price[:, None] * np.outer(v, v), 0.0)
        return H

    def violation(self, theta, G):
        """Return the optimality residual of each coordinate, (q, p + 1)."""
        pull = G + self.slope(theta)
        live = (theta[1:] != 0).any(axis=0)
        residual = np.where(theta != 0, np.abs(pull), np.maximum(np.abs(pull) - self.l1, 0.0))
        if self.has_groups:
            dead = (self.group > 0) & ~live
            rest = residual[1:, dead]
            size = np.sqrt((rest**2).sum(axis=0))
            shrink = np.maximum(size - self.group[dead], 0.0) / np.where(size > 0, size, 1.0)
            residual[1:, dead] = rest * shrink
        residual[self.frozen] = 0.0
        return residual

    def scaled(self, extra_l1):
        """Return the penalty with more l1 (a box multiplier's share)."""
        return Penalty(self.l1 + extra_l1, self.ridge, self.group, self.frozen)


def duality_gap(objective, loss, u_eta, theta, G, penalty, dual_l1):
    """Bound how far the objective is above the optimum.

    Parameters
    ----------
    objective, loss : float
        Penalised and mean loss at a feasible point.
    u_eta : float
        ``sum_ik u_ik eta_ik``, u the row derivatives (with the multipliers of constraints).
    theta : ndarray of shape (q, p + 1)
        The point.
    G : ndarray of shape (q, p + 1)
        ``Z'u`` in delta coding, multipliers included.
    penalty : Penalty
        Prices.
    dual_l1 : ndarray of shape (q, p + 1)
        What box multipliers add to the l1 threshold; it scales together with u.

    Returns
    -------
    float
        By Fenchel duality, ``-L*(c u) - penalty*(-c Z'u) <= optimum`` with ``L*(u) = u'eta - L``
        and ``L*(c u) <= c L*(u)`` for 0 <= c <= 1. Coordinates that must have gradient 0 enter
        by |G| (1 + |theta|).
    """
    E = np.where(penalty.frozen, 0.0, np.maximum(np.abs(G) - dual_l1, 0.0))
    free = penalty.free
    gap = float((E[free] * (1.0 + np.abs(theta[free]))).sum())
    E = np.where(free, 0.0, E)
    squared, rows = 0.0, [(E[:1], penalty.l1[:1], penalty.ridge[:1])]
    if penalty.has_groups:
        norm = np.sqrt((np.maximum(E[1:] - penalty.l1[1:], 0.0) ** 2).sum(axis=0))
        rows.append((norm, penalty.group, penalty.ridge[-1]))
    else:
        rows.append((E[1:], penalty.l1[1:], penalty.ridge[1:]))
    scale = 1.0
    for size, price, ridge in rows:
        held = ridge > 0
        squared += float((np.maximum(size - price, 0.0)[held] ** 2 / (2 * ridge[held])).sum())
        hard = ~held & (size > price)
        if hard.any():
            scale = min(scale, float((price[hard] / size[hard]).min()))
    # With a ridge nothing is infeasible, so nothing needs to be scaled.
    return gap + squared + objective + scale * (u_eta - loss)
