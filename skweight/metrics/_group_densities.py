"""Kernel densities of weighted numbers in many groups at the same points."""

import numpy as np
from scipy import fft

# Rows are spread over nodes this many to a bandwidth, with the weights of cubic interpolation. A
# density is then off by at most .0703 / 128**4 = 2.6e-10 of the kernel's height.
_NODES_PER_BANDWIDTH = 128
# With more nodes than that between two points a kernel reaches few points, and is summed at each.
_MAX_REFINEMENT = 32
# Bandwidths at which the kernel has come down to exp(-40.5) = 3e-18 of its height.
_REACH = 9
# Numbers held at once.
_MAX_CELLS = 4_000_000


class GroupDensities:
    """Gaussian kernel densities by group, at points from the smallest to the largest number.

    What does not depend on the groups is computed once, for labels that are permuted.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Numbers, not all the same.
    weight : ndarray of shape (n_samples,)
        Positive weights.
    bandwidth : float
        Standard deviation of the kernel.
    n_points : int, default=1000
        Number of points.
    """

    def __init__(self, y, weight, bandwidth, n_points=1000):
        self.weight = weight
        self.bandwidth = bandwidth
        self.n_points = n_points
        low, high = y.min(), y.max()
        spacing = (high - low) / (n_points - 1)
        refinement = max(1, int(np.ceil(min(spacing / bandwidth, 1.0) * _NODES_PER_BANDWIDTH)))
        self._binned = refinement <= _MAX_REFINEMENT
        self._refinement = refinement if self._binned else 1
        step = spacing / self._refinement
        self._width = bandwidth / step  # in steps, as everything from here on
        self._position = (y - low) / step
        self._n_nodes = (n_points - 1) * self._refinement + 1

    def __call__(self, code, n_groups):
        """Return the densities, each summing to 1 over the points.

        Parameters
        ----------
        code : ndarray of int of shape (n_samples,)
            Group of each row; a row of a negative one is left out.
        n_groups : int
            Number of groups, each with a row at least.

        Returns
        -------
        ndarray of shape (n_groups, n_points)
            The densities.
        """
        densities = np.empty((n_groups, self.n_points))
        n_chunk = max(1, _MAX_CELLS // self._n_nodes)
        for start in range(0, n_groups, n_chunk):
            end = min(start + n_chunk, n_groups)
            rows = np.flatnonzero((code >= start) & (code < end))
            sums = self._smooth_nodes if self._binned else self._sum_kernels
            densities[start:end] = sums(rows, code[rows] - start, end - start)
        totals = densities.sum(axis=1, keepdims=True)
        if not (totals > 0).all():
            raise ValueError(
                f"bandwidth={self.bandwidth:.3g} leaves a group without density at all of the "
                f"{self.n_points} points: want a larger one"
            )
        return densities / totals

    def _smooth_nodes(self, rows, code, n_groups):
        """Spread rows over four nodes each, and convolve what the nodes hold with the kernel."""
        position, weight = self._position[rows], self.weight[rows]
        node = np.minimum(position.astype(np.int64), self._n_nodes - 2)
        t = position - node
        cubic = [
            -t * (t - 1) * (t - 2) / 6,
            (t + 1) * (t - 1) * (t - 2) / 2,
            -(t + 1) * t * (t - 2) / 2,
            (t + 1) * t * (t - 1) / 6,
        ]
        n_cells = self._n_nodes + 2  # one node more at each end, for the outer two of the four
        mass = np.zeros(n_groups * n_cells)
        for shift, share in enumerate(cubic):
            mass += np.bincount(code * n_cells + node + shift, weight * share, len(mass))
        reach = int(np.ceil(min(_REACH * self._width, n_cells)))
        kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / self._width) ** 2)
        size = fft.next_fast_len(n_cells + 2 * reach, real=True)
        spectrum = fft.rfft(mass.reshape(n_groups, n_cells), size, axis=1)
        spectrum *= fft.rfft(kernel, size)
        smooth = fft.irfft(spectrum, size, axis=1)[:, 1 + reach :: self._refinement]
        return np.maximum(smooth[:, : self.n_points], 0.0)

    def _sum_kernels(self, rows, code, n_groups):
        """Add each row's kernel at the points that it reaches."""
        position, weight = self._position[rows], self.weight[rows]
        nearest = np.rint(position).astype(np.int64)
        reach = int(np.ceil(_REACH * self._width))
        density = np.zeros(n_groups * self.n_points)
        for offset in range(-reach, reach + 1):
            point = nearest + offset
            there = (point >= 0) & (point < self.n_points)
            height = np.exp(-0.5 * ((point[there] - position[there]) / self._width) ** 2)
            cell = code[there] * self.n_points + point[there]
            density += np.bincount(cell, weight[there] * height, len(density))
        return density.reshape(n_groups, self.n_points)
