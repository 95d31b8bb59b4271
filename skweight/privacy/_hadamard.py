"""Structured frequencies: products of signs, normal numbers and Hadamard transforms.

A block of frequencies is the rows of ``L H G P H B``: B holds random signs, P permutes, G holds
standard normal numbers divided by their norm, H is the Hadamard matrix and L holds lengths. The
products of a row with all of them take ``size * log(size)`` additions instead of ``size ** 2``.

Each frequency by itself has exactly the law of an unstructured one, so that the estimate is
unbiased. Row j of H G P H B is a sum over i of ``H[j, i] G[i]`` times row i of P H B. Those rows
are orthogonal and have one norm, and ``H[j, i] = +-1`` leaves normal numbers normal, so that row j
is a multiple of a normal vector over that vector's norm: a uniform direction, of a fixed length.
Its length in L is drawn on its own as that of a normal vector. Frequencies of one block are
uncorrelated and not independent. Signs alone, as in "HDHDHD", give no row the right law, and so a
biased estimate.

The size is the number of features rounded up to a power of 2. Frequencies of a Euclidean kernel
have no preferred direction, so that this is for such kernels alone.
"""

import numpy as np
from scipy.special import gammaincinv

from skweight.privacy._even_points import even_points
from skweight.privacy._frequencies import (
    N_LENGTHS,
    digest_of,
    frequency_lengths,
    shortened_numbers,
)
from skweight.privacy._kernels import DISTANCES


class HadamardFrequencies:
    """Frequencies in turns for each unit of the features, in structured form.

    Parameters
    ----------
    kernel : str
        Name of a kernel of Euclidean distances.
    bandwidth : float
        Its bandwidth.
    n_features : int
        Number of features of rows.
    n_frequencies : int
        Number of frequencies.
    seed : int
        Seed, which is public.
    rational_terms : "random" or int
        As in `draw_frequencies`.

    Attributes
    ----------
    factors : ndarray of shape (n_frequencies,)
        Weights: the kernel is estimated by ``sum(factors * cos(2 pi w . (x - y)))``.
    width : int
        Number of products that are made, the first `n_frequencies` of which count.
    """

    def __init__(self, kernel, bandwidth, n_features, n_frequencies, seed, *, rational_terms):
        if DISTANCES[kernel] != "euclidean":
            raise ValueError(f"Structured frequencies are for Euclidean kernels, not {kernel!r}.")
        self.n_features = n_features
        size = 1 << (n_features - 1).bit_length()
        blocks = -(-n_frequencies // size)
        self.width = size * blocks
        rng = np.random.RandomState(seed)
        self.signs = rng.choice([-1.0, 1.0], size=(size, blocks))
        self.order = rng.permutation(size)
        normal = rng.standard_normal((size, blocks))
        points = even_points(n_frequencies, N_LENGTHS + 1, rng)
        lengths, self.factors = frequency_lengths(kernel, points, rational_terms=rational_terms)
        # Without scaling, each transform has rows of norm sqrt(size).
        self.scales = shortened_numbers(normal / np.sqrt((normal**2).sum(axis=0)) / size**0.5)
        norms = np.sqrt(2 * gammaincinv(size / 2, points[:, N_LENGTHS]))
        turns = np.zeros(self.width)
        turns[:n_frequencies] = norms * lengths / (2 * np.pi) / bandwidth
        self.lengths = shortened_numbers(turns).reshape(size, blocks)

    @property
    def digest(self):
        """A short name of these very numbers: what differs in a bit has another."""
        return digest_of(self.signs, self.order, self.scales, self.lengths, self.factors)

    def in_type(self, dtype):
        """Return a function (steps, rows, out) that writes products, in a type."""
        with np.errstate(over="ignore"):
            signs, scales, lengths = (
                array.astype(dtype) for array in (self.signs, self.scales, self.lengths)
            )
        order = self.order

        def write(steps, X, out):
            steps.hadamard_products(X, signs, order, scales, lengths, out)

        return write
