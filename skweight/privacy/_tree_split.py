"""How a privacy budget is divided over coordinates and levels, and how deep the levels go.

Everything here follows from public quantities. What is promised is checked in exact arithmetic:
Laplace scales are fractions with ``sum(sensitivity / scale) <= epsilon``, and Gaussian deviations
have ``sum(sensitivity ** 2 / sigma ** 2) <= 1 / z ** 2``.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from skweight.privacy._calibration import gaussian_z
from skweight.privacy._discrete_laplace import DiscreteLaplace
from skweight.privacy._noise import add_noise, rounded_up
from skweight.privacy._rounded_gaussian import RoundedGaussian

MIN_DEPTH, MAX_DEPTH = 6, 16

# Thousandths of epsilon on each level of a tree whose counts are made consistent, by depth, where
# the number of rows is private and where it is public. Levels that are not here are not worth
# their share. They minimise the variance of a distance sum, averaged over queries in the interval.
CONSISTENT = {
    False: {
        6: {2: 549, 4: 262, 6: 189},
        7: {2: 528, 5: 333, 7: 139},
        8: {2: 508, 5: 322, 8: 170},
        9: {2: 489, 5: 308, 7: 119, 9: 84},
        10: {2: 478, 5: 304, 8: 155, 10: 63},
        11: {2: 470, 5: 298, 8: 153, 11: 79},
        12: {2: 461, 5: 293, 8: 150, 10: 56, 12: 40},
        13: {2: 457, 5: 290, 8: 149, 11: 74, 13: 30},
        14: {2: 453, 5: 287, 8: 148, 11: 74, 14: 38},
        15: {2: 449, 5: 286, 8: 146, 11: 73, 13: 27, 15: 19},
        16: {2: 447, 5: 285, 8: 146, 11: 73, 14: 34, 16: 15},
    },
    True: {
        6: {3: 618, 6: 382},
        7: {3: 562, 5: 256, 7: 182},
        8: {3: 541, 6: 325, 8: 134},
        9: {3: 521, 6: 316, 9: 163},
        10: {3: 502, 6: 302, 8: 115, 10: 81},
        11: {3: 492, 6: 298, 9: 149, 11: 61},
        12: {3: 483, 6: 293, 9: 148, 12: 76},
        13: {3: 475, 6: 288, 9: 145, 11: 54, 13: 38},
        14: {3: 470, 6: 285, 9: 144, 12: 72, 14: 29},
        15: {3: 467, 6: 283, 9: 142, 12: 71, 15: 37},
        16: {3: 463, 6: 280, 9: 142, 12: 71, 14: 26, 16: 18},
    },
}


@dataclass(frozen=True)
class Part:
    """One array of sums that gets noise of one scale for each coordinate.

    Parameters
    ----------
    name : str
        Its name.
    level : int
        Level of the tree, 0 where there is none.
    weight : float or int
        Share of the budget that is wanted, in any unit.
    absolute : int
        By how much neighbours differ in the sums of one coordinate at the most, where a row has
        weight 1: sum of magnitudes, which Laplace noise must hide.
    squared : int
        The same for the sum of squares, which Gaussian noise must hide.
    """

    name: str
    level: int
    weight: float
    absolute: int
    squared: int


@dataclass(frozen=True)
class Budget:
    """What there is to divide.

    Parameters
    ----------
    epsilon, delta : float
        The privacy parameters; `delta` is 0 for Laplace noise.
    kind : {"laplace", "gaussian"}
        The noise.
    copies : int
        How many rows neighbours differ in: 1 where a row comes or goes, 2 where it is replaced.
    units : int
        What a row counts at the most.
    """

    epsilon: float
    delta: float
    kind: str
    copies: int
    units: int


def written(value):
    """Return a number as it is written, or as it is stored if that is less."""
    value = float(value)
    return min(Fraction(value), Fraction(repr(value)))


def coordinate_groups(importance, kind):
    """Return shares of coordinates by their importance, alike ones in groups.

    A sum of distances has the range of a coordinate, its importance, as a factor. Noise is least
    with shares of epsilon in proportion to importance to the power of 2 / 3, and with shares of
    ``1 / sigma ** 2`` in proportion to importance.

    Parameters
    ----------
    importance : array-like of shape (n_coordinates,)
        Factors above 0.
    kind : {"laplace", "gaussian"}
        The noise.

    Returns
    -------
    group : ndarray of shape (n_coordinates,)
        Which group a coordinate is in.
    shares : list of Fraction
        Share of each coordinate of a group; they sum to 1 over coordinates.
    """
    exponent = np.log2(importance) * (2 / 3 if kind == "laplace" else 1.0)
    # Steps of a quarter of a factor of two, so that few scales occur; nothing gets next to nothing.
    step = np.maximum(np.rint(4 * (exponent - exponent.max())), -4 * 16).astype(int)
    steps, group = np.unique(step, return_inverse=True)
    sizes = [Fraction(2.0 ** (k / 4)) for k in steps.tolist()]
    total = sum(sizes[g] for g in group.tolist())
    return group, [size / total for size in sizes]


def divide(parts, shares, budget):
    """Return the noise scale of each group in each part.

    Parameters
    ----------
    parts : list of Part
        What is released for each coordinate.
    shares : list of Fraction
        Share of one coordinate of each group.
    budget : Budget
        What there is to divide.

    Returns
    -------
    list of dict
        For each group, from the name of a part to a Fraction (Laplace) or float (Gaussian).
    """
    weights = [Fraction(part.weight) for part in parts]
    weights = [weight / sum(weights) for weight in weights]
    epsilon = written(budget.epsilon)
    z = None if budget.kind == "laplace" else gaussian_z(float(epsilon), budget.delta)
    scales = []
    for share in shares:
        scales.append({})
        for part, weight in zip(parts, weights):
            if z is None:
                scale = rounded_up(part.absolute * budget.units / (epsilon * share * weight))
            else:
                moved = part.squared * budget.units**2
                squared = moved * Fraction(z) ** 2 / (share * weight)
                scale = math.sqrt(squared) * (1 + 1e-12)
            scales[-1][part.name] = scale
    return scales


def rough_variances(parts, shares, budget):
    """Return, by name of the part, about the noise variance in each group: quickly, for planning.

    Parameters
    ----------
    parts, shares, budget
        As in `divide`.

    Returns
    -------
    dict of ndarray of shape (n_groups,)
        The variances, of continuous noise.
    """
    shares = np.array([float(share) for share in shares])
    total = float(sum(part.weight for part in parts))
    if budget.kind == "laplace":
        one = {
            part.name: 2 * (part.absolute * budget.units / budget.epsilon) ** 2 for part in parts
        }
        power = 2
    else:
        z = gaussian_z(budget.epsilon, budget.delta)
        one = {part.name: part.squared * (budget.units * z) ** 2 for part in parts}
        power = 1
    return {part.name: one[part.name] / (shares * (part.weight / total)) ** power for part in parts}


def check_division(parts, group, scales, budget):
    """Raise unless the scales keep to the budget, in exact arithmetic."""
    spent = Fraction(0)
    sizes = np.bincount(group, minlength=len(scales)).tolist()
    for size, each in zip(sizes, scales):
        for part in parts:
            scale = Fraction(each[part.name])
            if budget.kind == "laplace":
                spent += size * part.absolute * budget.units / scale
            else:
                spent += size * part.squared * budget.units**2 / scale**2
    epsilon = written(budget.epsilon)
    if budget.kind == "laplace":
        allowed = epsilon
    else:
        allowed = 1 / Fraction(gaussian_z(float(epsilon), budget.delta)) ** 2
    if spent > allowed:
        raise ArithmeticError("The noise is less than epsilon and delta allow.")


def mechanism(kind, scale):
    """Return the noise of one scale."""
    return DiscreteLaplace(scale) if kind == "laplace" else RoundedGaussian(scale)


def noisy_rows(sums, part, group, scales, kind, source):
    """Return sums of shape (n_coordinates, k) with noise added."""
    noisy = np.empty_like(sums)
    for g, each in enumerate(scales):
        rows = group == g
        noisy[rows] = add_noise(sums[rows], mechanism(kind, each[part.name]), source)
    return noisy


def noise_variance(kind, scale):
    """Return the variance of noise on the integers."""
    return mechanism(kind, scale).variance
