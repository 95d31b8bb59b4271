"""Centring of distance matrices, V and U.

A symmetric matrix K of values between rows, row i counting w_i times, is centred to
``M_ij = K_ij - a (r_i + r_j) + b t`` with the row sums ``r_i = sum_j w_j K_ij`` and their
weighted sum t. V takes ``a = 1/N, b = 1/N^2``. U takes ``a = 1/(N - 2)`` and
``b = 1/((N - 1)(N - 2))``, and its row sums leave out the row itself once.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Centring:
    """The constants of one statistic at a total weight.

    Parameters
    ----------
    statistic : {"V", "U"}
        Which centring.
    total : float
        The sum N of the weights.
    """

    statistic: str
    total: float

    @property
    def a(self):
        """The factor of the row sums."""
        return 1 / self.total if self.statistic == "V" else 1 / (self.total - 2)

    @property
    def b(self):
        """The factor of the sum of all."""
        if self.statistic == "V":
            return 1 / self.total**2
        return 1 / ((self.total - 1) * (self.total - 2))

    @property
    def kappa(self):
        """What the sum over pairs is multiplied by."""
        if self.statistic == "V":
            return 1 / self.total**2
        return 1 / (self.total * (self.total - 3))

    def row_sums(self, sums, diagonal):
        """Return the row sums to centre with, of sums that include the row itself."""
        return sums if self.statistic == "V" else sums - diagonal

    def centre(self, K, weight):
        """Return a small matrix K centred, rows counting `weight` times."""
        sums = self.row_sums(K @ weight, np.diagonal(K))
        return K - self.a * (sums[:, None] + sums) + self.b * (weight @ sums)

    def product_constant(self, sums, diagonal, weight, c, n_blocks):
        """Return the part of JdCov that no prediction changes.

        Parameters
        ----------
        sums, diagonal : ndarray of shape (n,)
            Row sums of W, the row itself included, and W between two copies of a row.
        weight : ndarray of shape (n,)
            How often each counts.
        c : float
            The constant of JdCov.
        n_blocks : int
            Number of attributes, without the prediction.

        Returns
        -------
        float
            The constant.
        """
        N, power = self.total, c ** (n_blocks + 1)
        total = weight @ sums
        if self.statistic == "V":
            return float(c * total / N**2 - power)
        constant = (c * (total - weight @ diagonal) + N * power) / (N * (N - 3))
        return float(constant - N * power / (N - 3))
