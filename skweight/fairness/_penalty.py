"""Dependence of predictions on protected attributes: value and exact gradient, structure kept.

Every measure here is a fixed linear functional of the distances between predictions,

    P(y) = constant + kappa sum_ij w_i w_j M_ij |y_i - y_j|,

whose matrix M depends on the attributes alone. `DependencePenalty` finds out once how the sums are
formed fastest, and then evaluates them for as many predictions as a fit needs.
"""

import warnings
from functools import partial

import numpy as np

from skweight.fairness._cells import distances, find_cells
from skweight.fairness._centring import Centring
from skweight.fairness._distance_variance import distance_variance

# Up to so many rows the matrix itself is held; numba would take longer to load.
_FEW_ROWS = 256
# Up to so many cells, one dot product a row beats the tree of one numeric attribute.
_CELLS_BEAT_TREE = 384
# Above so many rows an evaluation over all pairs takes seconds.
_MANY_ROWS = 20_000

PATHS = ("auto", "matrix", "tree", "cells", "dense")


class DependencePenalty:
    """Measure how predictions depend on attributes, again and again for the same attributes.

    Parameters
    ----------
    blocks : list of array-like of shape (n_samples,) or (n_samples, n_columns)
        The attributes, encoded as numbers and scaled.
    weight : array-like of shape (n_samples,) or None, default=None
        How often each row counts, at least 0.
    measure : {"ccdcov", "jdcov", "sum"}, default="ccdcov"
        Distance covariance with all attributes concatenated, joint distance covariance, or the sum
        over attributes.
    statistic : {"V", "U"}, default="V"
        Biased and never negative, or unbiased.
    c : float, default=1.0
        The constant of joint distance covariance, in units of the attributes' distances.
    normalize : bool, default=False
        Whether to divide by the distance variances: squared distance correlation.
    max_cells : int, default=2000
        Most distinct rows of attributes for which their matrix is held.
    path : {"auto", "matrix", "tree", "cells", "dense"}, default="auto"
        How the sums are formed; a fixed one is for tests.

    Attributes
    ----------
    constant : float
        The part of JdCov that does not depend on predictions, 0 for other measures.
    total_weight : float
        Sum of the weights.
    paths : tuple of str
        How the sums are formed, one entry for each term.

    Raises
    ------
    ValueError
        If U is asked for with a total weight of at most 3, or a parameter means nothing.

    Warns
    -----
    UserWarning
        If every evaluation goes over all pairs of many rows; it says how long that takes.
    """

    def __init__(
        self,
        blocks,
        weight=None,
        *,
        measure="ccdcov",
        statistic="V",
        c=1.0,
        normalize=False,
        max_cells=2000,
        path="auto",
    ):
        blocks = [_columns(block) for block in blocks]
        n = len(blocks[0])
        weight = np.ones(n) if weight is None else np.asarray(weight, dtype=float)
        self.total_weight = float(weight.sum())
        if statistic == "U" and not self.total_weight > 3:
            raise ValueError(
                "statistic='U' needs rows or weights that add up to more than 3, got "
                f"{self.total_weight:g}; statistic='V' takes any."
            )
        if measure == "jdcov" and normalize:
            raise ValueError("normalize=True has no meaning with measure='jdcov': want False.")
        if not 0 < c < np.inf:
            raise ValueError(f"c must be above 0, got {c}: want a finite distance.")
        self.weight = weight
        self.measure = measure
        self.statistic = statistic
        self.normalize = normalize
        self.centring = Centring(statistic, self.total_weight)
        self._constant = 0.0  # or a function that computes it when it is asked for
        self._max_cells = max_cells
        self._path = path
        if measure == "jdcov" and len(blocks) > 1:  # of two variables it is the covariance
            self._terms = [self._joint(blocks, float(c))]
        elif measure == "sum":
            self._terms = [self._single(block) for block in blocks]
        else:
            self._terms = [self._single(np.hstack(blocks))]
        self.paths = tuple(term.path for term, _ in self._terms)
        self._warn_of_time()

    @property
    def constant(self):
        """The part of the measure that no prediction changes."""
        if callable(self._constant):
            self._constant = self._constant()
        return self._constant

    @property
    def path(self):
        """How the sums are formed, in one word or several joined by a plus."""
        return "+".join(dict.fromkeys(self.paths))

    def value_and_gradient(self, y, width=0.0):
        """Return the measure, without its constant, and its gradient.

        Parameters
        ----------
        y : ndarray of shape (n_samples,)
            Predictions.
        width : float, default=0.0
            Half the width around 0 in which a distance |t| is replaced by
            ``t**2 / (2 * width)``, and by ``|t| - width / 2`` outside; in units of y. Distance
            variances of the normalised measures stay as they are.

        Returns
        -------
        value : float
            The measure less `constant`.
        gradient : ndarray of shape (n_samples,)
            Its derivative for each prediction; where predictions tie, the mean of the one-sided
            ones.
        """
        y = np.asarray(y, dtype=float)
        order = np.argsort(y)
        z = y[order]
        value, slopes = self._scaled_sums(z, order, width)
        gradient = np.empty_like(z)
        gradient[order] = 2 * slopes
        gradient *= self.centring.kappa * self.weight
        return self._normalised(y, self.centring.kappa * value, gradient)

    def value(self, y):
        """Return the measure, exact and without its constant."""
        return self.value_and_gradient(y)[0]

    def value_of_sorted(self, z, order):
        """Return the measure of predictions that are sorted, row ``order[i]`` having ``z[i]``.

        A permutation test shuffles `order` and sorts nothing again.
        """
        value = self.centring.kappa * self._scaled_sums(z, order, 0.0)[0]
        if not self.normalize:
            return value
        y = np.empty_like(z)
        y[order] = z
        return self._normalised(y, value, np.zeros_like(y))[0]

    def _scaled_sums(self, z, order, width):
        value, slopes = 0.0, 0.0
        for k, (term, variance) in enumerate(self._terms):
            term_value, term_slopes = term.sums(z, order, width)
            if self.normalize:
                if variance is None:
                    variance = self._variance_of_rows(term)
                    self._terms[k] = term, variance
                factor = 1 / np.sqrt(variance) if variance > 0 else 0.0
                term_value, term_slopes = factor * term_value, factor * term_slopes
            value, slopes = value + term_value, slopes + term_slopes
        return value, slopes

    def _normalised(self, y, value, gradient):
        if not self.normalize:
            return float(value), gradient
        variance, slope = distance_variance(y, self.weight, self.centring)
        if not variance > 0:
            return 0.0, np.zeros_like(gradient)
        root = np.sqrt(variance)
        return float(value / root), gradient / root - (0.5 * value / (root * variance)) * slope

    def _single(self, columns):
        """Return the sums of one distance matrix, and its distance variance where needed."""
        path, cells = self._path, None
        one = columns.shape[1] == 1
        if path == "tree" and not one:
            raise ValueError(f"path='tree' takes one column, got {columns.shape[1]}.")
        if path == "auto" and len(columns) <= _FEW_ROWS:
            path = "matrix"
        if path in ("auto", "cells"):
            most = min(self._max_cells, _CELLS_BEAT_TREE) if one and path == "auto" else None
            cells = find_cells(columns, most or self._max_cells)
            path = "cells" if cells else "tree" if one else "dense"
        if path == "matrix":
            from skweight.fairness._sweep_matrix import MatrixSweep

            M = self.centring.centre(distances(columns), self.weight)
            term, variance = MatrixSweep(M, self.weight), self._variance_of(M, self.weight)
        elif path == "cells":
            from skweight.fairness._sweep_cells import CellsSweep

            first, cell = cells
            count = np.bincount(cell, self.weight)
            M = self.centring.centre(distances(columns[first]), count)
            term = CellsSweep(M, cell, self.weight)
            variance = self._variance_of(M, count)
        else:
            term = self._by_rows(columns, path)
            # All pairs, so not before the warning of what they take.
            variance = None
        return term, variance

    def _by_rows(self, columns, path):
        if path == "tree":
            from skweight.fairness._sweep_tree import TreeSweep

            return TreeSweep(columns[:, 0], self.weight, self.centring)
        from skweight.fairness._sweep_dense import DenseSweep

        return DenseSweep([columns], self.weight, self.centring)

    def _joint(self, blocks, c):
        """Return the sums of JdCov, and set the constant."""
        path, cells = self._path, None
        columns = np.hstack(blocks)
        if path == "auto" and len(columns) <= _FEW_ROWS:
            path = "matrix"
        if path in ("auto", "cells"):
            cells = find_cells(columns, self._max_cells)
            path = "cells" if cells else "dense"
        if path == "matrix":
            first = cell = np.arange(len(columns))
            cells = first, cell
        if cells:
            first, cell = cells
            count = np.bincount(cell, self.weight)
            W = np.ones((len(first), len(first)))
            for block in blocks:
                W *= c - self.centring.centre(distances(block[first]), count)
            self._constant = self.centring.product_constant(
                W @ count, np.diagonal(W), count, c, len(blocks)
            )
            M = -self.centring.centre(W, count)
            if path == "matrix":
                from skweight.fairness._sweep_matrix import MatrixSweep

                return MatrixSweep(M, self.weight), 0.0
            from skweight.fairness._sweep_cells import CellsSweep

            return CellsSweep(M, cell, self.weight), 0.0
        from skweight.fairness._sweep_dense import DenseSweep

        term = DenseSweep(blocks, self.weight, self.centring, c, product=True)
        self._constant = partial(self._constant_of_rows, term, c, len(blocks))
        return term, 0.0

    def _constant_of_rows(self, term, c, n_blocks):
        return self.centring.product_constant(
            term.raw_row_sums, term.diagonal, self.weight, c, n_blocks
        )

    def _variance_of(self, M, weight):
        """Return the distance variance of attributes whose centred matrix is at hand."""
        if not self.normalize:
            return 0.0
        squares = weight @ M**2 @ weight
        if self.statistic == "U":  # a row and itself are no pair
            squares -= weight @ np.diagonal(M) ** 2
        return self.centring.kappa * squares

    def _variance_of_rows(self, term):
        sums, a, b = term.row_sums, self.centring.a, self.centring.b
        squares = term.squared_sum() - 2 * a * (self.weight @ sums**2)
        return self.centring.kappa * (squares + b * (self.weight @ sums) ** 2)

    def _warn_of_time(self):
        slow = [term for term, _ in self._terms if term.path == "dense"]
        if not slow or len(self.weight) <= _MANY_ROWS:
            return
        seconds = sum(term.seconds() for term in slow)
        warnings.warn(
            f"The attributes have more than {self._max_cells} distinct rows, so each evaluation "
            f"goes over all pairs of {len(self.weight)} rows and takes about {seconds:.2g} "
            "seconds, and a fit some hundred of them: round numeric attributes with max_levels, "
            "or fit on a sample.",
            UserWarning,
            stacklevel=3,
        )


def _columns(block):
    """Return a block as a float matrix."""
    block = np.asarray(block, dtype=float)
    return block[:, None] if block.ndim == 1 else block
