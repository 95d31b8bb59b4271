"""A private quantile of scores, from noisy counts of them in a public range, on three levels."""

import math
from fractions import Fraction

import numpy as np

from skweight.privacy import _tree
from skweight.privacy._calibration import gaussian_z
from skweight.privacy._tree_split import (
    Budget,
    Part,
    check_division,
    divide,
    noise_variance,
    noisy_rows,
    written,
)

# The levels that are counted: with eight nodes under each, a rank takes the fewest and least noisy.
LEVELS = (3, 6, 9)
N_CELLS = 2 ** LEVELS[-1]
_NARROWEST = 1e-300


class ScoreTree:
    """Noisy counts of scores.

    Parameters
    ----------
    budget : Budget
        What the release may cost.

    Attributes
    ----------
    scales : dict
        Scale of the noise in each of the noisy counts.
    """

    def __init__(self, budget):
        self._budget = budget
        copies = budget.copies
        self._parts = [Part(f"offset_{level}", level, 1, copies, copies) for level in LEVELS]
        self._group = np.zeros(1, dtype=int)
        self._scales = divide(self._parts, [Fraction(1)], budget)
        check_division(self._parts, self._group, self._scales, budget)

    @property
    def scales(self):
        """Scale of the noise in each of the noisy counts."""
        return {part.name: np.array([float(self._scales[0][part.name])]) for part in self._parts}

    def cells(self, scores, score_range):
        """Count private scores in cells of the range; those outside count as at its ends."""
        low, high = score_range
        position = np.clip((scores - low) / max(high - low, _NARROWEST), 0, 1)
        index = np.minimum((position * N_CELLS).astype(np.intp), N_CELLS - 1)
        return np.bincount(index, minlength=N_CELLS).astype(np.int64)[None]

    def draw(self, cells, source):
        """Return noisy counts on all levels."""
        kind = self._budget.kind
        return {
            part.name: noisy_rows(
                _tree.on_level(cells, part.level), part, self._group, self._scales, kind, source
            )
            for part in self._parts
        }

    def quantile(self, noisy, total, q, score_range):
        """Return the score with about a share of q of all scores below it."""
        counts = {part.level: noisy[part.name] for part in self._parts}
        variances = {
            part.level: np.array([noise_variance(self._budget.kind, self._scales[0][part.name])])
            for part in self._parts
        }
        cells, total = _tree.consistent_cells(counts, variances, LEVELS[-1], total)
        below = np.cumsum(_tree.increasing_cells(cells, total)[0])
        edges = np.linspace(*score_range, N_CELLS + 1)
        # Where there are no scores to speak of, the lowest one: nothing is an outlier.
        if below[-1] <= 0:
            return float(edges[0])
        return float(np.interp(q * below[-1], np.concatenate([[0.0], below]), edges))


def two_budgets(budget, share):
    """Divide a budget into that of a first release and of a second, which has a share.

    Parameters
    ----------
    budget : Budget
        What both may cost. The second may depend on what came out of the first.
    share : float
        Share of the second in epsilon, or of Gaussian noise in what inverse variances add up to.

    Returns
    -------
    first, second : Budget
        The parts.
    """
    if budget.kind == "laplace":
        epsilons = _parts_of_epsilon(float(budget.epsilon), share)
    else:
        # What two Gaussian releases tell adds up as their inverse variances do, also where the
        # second depends on the first.
        z = gaussian_z(float(written(budget.epsilon)), budget.delta)
        epsilons = [_epsilon_of(z / math.sqrt(part), budget.delta) for part in (1 - share, share)]
        told = sum(1 / Fraction(gaussian_z(float(written(e)), budget.delta)) ** 2 for e in epsilons)
        if told > 1 / Fraction(z) ** 2:
            raise ArithmeticError("The noise is less than epsilon and delta allow.")
    return [
        Budget(epsilon, budget.delta, budget.kind, budget.copies, budget.units)
        for epsilon in epsilons
    ]


def _parts_of_epsilon(epsilon, share):
    second = share * epsilon
    first = epsilon - second
    while written(first) + written(second) > written(epsilon):
        first = math.nextafter(first, 0)
    return first, second


def _epsilon_of(z, delta):
    """Return the epsilon that Gaussian noise of a deviation gives, rounded down."""
    low, high = 0.0, 1.0
    while gaussian_z(high, delta) > z:
        low, high = high, 2 * high
    for _ in range(80):
        middle = 0.5 * (low + high)
        if gaussian_z(middle, delta) > z * (1 + 1e-12):
            low = middle
        else:
            high = middle
    if low == 0:
        raise ValueError("epsilon and delta are too small for a private offset: give a public one.")
    return low
