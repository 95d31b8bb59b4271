"""Noisy number, sum and sum of squared norms of rows: all that squared distances need.

Rows are taken in units of the largest norm, in steps of ``2 ** -20``, rounded towards zero, so that
no bound on them grows by rounding. What is promised of the integers is enforced on each row.
"""

import math
from fractions import Fraction

import numpy as np

from skweight.privacy._bounds import row_blocks, squared_norms
from skweight.privacy._tree_split import Part, check_division, divide, noise_variance, noisy_rows

# What the largest norm, and its square, become.
STEPS = 1 << 20


def fixed_point_rows(X, norm_bound, largest_sum):
    """Return rows as integers of norm at most `STEPS`, each from its own row alone.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Rows that `shortened` has brought to the bound.
    norm_bound : float
        The largest norm.
    largest_sum : int
        The largest sum of magnitudes of a row's integers.

    Returns
    -------
    rows : ndarray of int64 of shape (n_rows, n_features)
        The rows.
    squares : ndarray of int64 of shape (n_rows,)
        Squared norms, from 0 to `STEPS`.
    """
    X = X / X.dtype.type(norm_bound)
    square = np.minimum(squared_norms(X), 1).astype(np.float64)
    rows = np.trunc(X.astype(np.float64) * STEPS).astype(np.int64)
    squares = np.floor(square * STEPS).astype(np.int64)
    # Floating point norms may be too large by a little: shrink until the integers keep the promise.
    while True:
        wide = (rows * rows).sum(axis=1) > STEPS * STEPS
        wide |= np.abs(rows).sum(axis=1) > largest_sum
        if not wide.any():
            return rows, squares
        rows -= np.sign(rows) * wide[:, None]


class MomentPlan:
    """The number, sum and squared norms of rows: all of it is public.

    Parameters
    ----------
    half_ranges : ndarray of shape (n_features,)
        The largest magnitude of a row in each feature.
    norm_bound : float
        The largest norm of a row.
    budget : Budget
        What the release may cost.
    total_known : bool, default=False
        Whether the number of rows is public, and so free.
    """

    depth = None

    def __init__(self, half_ranges, norm_bound, budget, *, total_known=False):
        self.norm_bound = float(norm_bound)
        self.n_features = len(half_ranges)
        self.budget = budget
        self.total_known = total_known
        box = math.ceil(sum(min(1.0, r / norm_bound) for r in half_ranges) * STEPS) + 1
        ball = math.isqrt(self.n_features * STEPS**2) + 1
        self.largest_sum = min(box, ball)
        copies = budget.copies
        absolute, squared = copies * self.largest_sum, (copies * STEPS) ** 2
        moved = absolute / STEPS if budget.kind == "laplace" else copies
        power = 1 / 3 if budget.kind == "laplace" else 1 / 2
        # At a query of the largest norm the number and the squares have weight 1, the sum 2. A row
        # that is replaced moves the number and the squares, never below 0, by no more than one row.
        self.parts = [
            Part("sum", 0, (4 * moved**2) ** power, absolute, squared),
            Part("squares", 0, 1, STEPS, STEPS**2),
        ]
        if not total_known:
            self.parts.append(Part("number", 0, 1, 1, 1))
        self.group, self.shares = np.zeros(1, dtype=int), [Fraction(1)]
        self.scales = divide(self.parts, self.shares, budget)
        check_division(self.parts, self.group, self.scales, budget)

    def scale_of(self, name):
        """Return the noise scale of a part."""
        return np.array([float(self.scales[0][name])])

    def variance_of(self, name):
        """Return the noise variance of a part, 0 where there is none."""
        if name not in self.scales[0]:
            return 0.0
        return noise_variance(self.budget.kind, self.scales[0][name])

    def predicted_std(self):
        """Return the standard deviation of an answer to a query of the largest norm."""
        return float(self.answer_std(self.norm_bound**2))

    def answer_std(self, square):
        """Return the standard deviation of answers to queries of a squared norm."""
        square = square / self.norm_bound**2
        variance = square**2 * self.variance_of("number")
        variance = variance + 4 * square * self.variance_of("sum") / STEPS**2
        variance = variance + self.variance_of("squares") / STEPS**2
        return np.sqrt(variance) * self.norm_bound**2

    @property
    def largest(self):
        """The largest magnitude that a row of weight 1 adds to any sum."""
        return STEPS

    def accumulate(self, block, n_rows, weight=None):
        """Add up rows.

        Parameters
        ----------
        block : callable
            From a slice of rows to these rows, of norms within the bound.
        n_rows : int
            Number of rows.
        weight : ndarray of int64 or None, default=None
            Weights of the rows.

        Returns
        -------
        dict of ndarray of int64
            "number" and "squares" of shape (1, 1), "sum" of shape (1, n_features).
        """
        total = np.zeros(self.n_features, dtype=np.int64)
        number, squares = 0, 0
        for part in row_blocks(n_rows, 1 << 14):
            rows, square = fixed_point_rows(block(part), self.norm_bound, self.largest_sum)
            if weight is not None:
                rows, square = rows * weight[part, None], square * weight[part]
            total += rows.sum(axis=0)
            squares += int(square.sum())
            number += len(rows) if weight is None else int(weight[part].sum())
        return {
            "sum": total[None],
            "squares": np.array([[squares]], dtype=np.int64),
            "number": np.array([[number]], dtype=np.int64),
        }

    def noisy_levels(self, sums, source):
        """Return all that is released, by name of the part."""
        kind = self.budget.kind
        return {
            part.name: noisy_rows(sums[part.name], part, self.group, self.scales, kind, source)
            for part in self.parts
        }

    def released(self, noisy, total=None):
        """Return what answers queries from noisy sums, and from the number of rows if public."""
        return Moments(self, noisy, total)


class Moments:
    """Squared distances from noisy moments.

    Parameters
    ----------
    plan : MomentPlan
        What is released.
    noisy : dict
        The noisy sums.
    total : float or None
        The number of rows, if that is public.
    """

    def __init__(self, plan, noisy, total):
        self.plan = plan
        self.total = float(noisy["number"][0, 0]) if total is None else total
        self._sum = noisy["sum"][0] * (plan.norm_bound / STEPS)
        self._squares = float(noisy["squares"][0, 0]) * plan.norm_bound**2 / STEPS

    def sums(self, Y):
        """Return sums of squared distances of rows to queries, both from the middle of bounds."""
        return self.total * _squares(Y) - 2 * (Y * self._sum).sum(axis=1) + self._squares

    def std(self, Y):
        """Return the standard deviation of the sums."""
        return self.plan.answer_std(_squares(Y))


def _squares(Y):
    return (Y * Y).sum(axis=1)
