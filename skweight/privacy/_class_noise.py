"""How much noise the sums of each class get, and their counts; all of it is public.

A row is in one class, so that classes share a budget and do not divide it: one row that comes or
goes moves the sums of one class. A row that is replaced may leave one class and enter another.
What is promised is checked in exact arithmetic.
"""

import math
from fractions import Fraction

from skweight.privacy._calibration import gaussian_z
from skweight.privacy._noise import LaplaceNoise, RoundedGaussian, add_noise, rounded_up
from skweight.privacy._tree_split import noise_variance, written

# Share of the counts where none is given: of epsilon, and of the precisions of Gaussian noise.
COUNT_SHARES = {"laplace": 0.15, "gaussian": 0.5}
# Noise of a larger scale cannot be drawn.
_LARGEST = {"laplace": 2**56, "gaussian": 2**44}


class ClassNoise:
    """Noise for sums and counts of every class.

    Parameters
    ----------
    budget : Budget
        What the release may cost.
    absolute, squared : int
        Bounds on the sum of magnitudes, and of squares, of the integers of a row of weight 1.
    count_share : float or None
        Share of the counts in the budget, in [0, 1); None for the one that suits the noise.

    Attributes
    ----------
    scales : dict
        Scale of the noise of "sums", and of "counts" unless their share is 0: a Fraction for
        discrete Laplace noise, a float for the standard deviation of Gaussian noise.
    """

    def __init__(self, budget, absolute, squared, count_share):
        self.budget = budget
        if count_share is None:
            count_share = COUNT_SHARES[budget.kind]
        share = Fraction(float(count_share))
        if budget.kind == "laplace":
            self.scales = self._laplace(absolute, share)
        else:
            self.scales = self._gaussian(squared, share)
        if max(self.scales.values()) > _LARGEST[budget.kind]:
            raise ValueError(
                "epsilon is too small for noise that fits into 64 bits: want a larger one."
            )

    def _laplace(self, absolute, share):
        epsilon = written(self.budget.epsilon)
        moved = self.budget.copies * self.budget.units
        scales = {"sums": rounded_up(moved * absolute / (epsilon * (1 - share)))}
        if share > 0:
            scales["counts"] = rounded_up(moved / (epsilon * share))
        spent = moved * absolute / scales["sums"]
        spent += moved / scales["counts"] if share > 0 else 0
        _check(spent <= epsilon)
        return scales

    def _gaussian(self, squared, share):
        epsilon = float(written(self.budget.epsilon))
        allowed = 1 / Fraction(gaussian_z(epsilon, self.budget.delta)) ** 2
        squared *= self.budget.units**2
        if self.budget.copies == 1:
            precise = {"sums": (1 - share) * allowed / squared}
            counts = share * allowed
        else:
            # Within a class the sums move by twice a row and the counts not at all; between
            # classes both move, each in two places. The counts get what is left of the latter.
            precise = {"sums": min(Fraction(1, 4), (1 - share) / 2) * allowed / squared}
            counts = allowed / 2 - precise["sums"] * squared
        if share > 0:
            precise["counts"] = counts / self.budget.units**2
        scales = {
            name: math.sqrt(1 / precision) * (1 + 1e-12) for name, precision in precise.items()
        }
        sums = squared / Fraction(scales["sums"]) ** 2
        counts = self.budget.units**2 / Fraction(scales["counts"]) ** 2 if share > 0 else 0
        if self.budget.copies == 1:
            _check(sums + counts <= allowed)
        else:
            _check(max(4 * sums, 2 * sums + 2 * counts) <= allowed)
        return scales

    def variance(self, name):
        """Return the variance of the noise in "sums" or "counts"; 0 where there are none."""
        if name not in self.scales:
            return 0.0
        return noise_variance(self.budget.kind, self.scales[name])

    def mechanisms(self):
        """Return a function from sums and a source of words to noisy sums, for each name."""
        kind = LaplaceNoise if self.budget.kind == "laplace" else RoundedGaussian
        return {name: _adding(kind(scale)) for name, scale in self.scales.items()}


def _adding(mechanism):
    return lambda sums, source: add_noise(sums, mechanism, source)


def _check(kept):
    if not kept:
        raise ArithmeticError("The noise is less than epsilon and delta allow.")
