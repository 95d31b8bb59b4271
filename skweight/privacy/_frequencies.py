"""Public random frequencies whose waves average to a kernel.

Every kernel here is ``k(x - y) = E cos(w . (x - y))`` over a law of frequencies w, so that the
average over frequencies drawn from that law is an unbiased estimate of it. They are drawn by points
that are spread evenly, which leaves the law of each as it is and makes their average less random:
by a factor of 3 to 50 with two features, and of 1.5 to 2 with a hundred.
"""

import hashlib
from functools import lru_cache

import numpy as np
from scipy.special import ndtri

from skweight.privacy._even_points import even_points
from skweight.privacy._feature_steps import CHUNK, packed
from skweight.privacy._kernels import RATIONAL

# Largest magnitude of a frequency, so that arithmetic with it stays finite where rows do.
_LARGEST = 1e150
# Dimensions of a point that go into the length of a frequency.
N_LENGTHS = 2
# Nodes of the quadrature of 1 / (1 + t): logarithms of the first, and steps, that are tried.
_TOPS = np.linspace(-0.5, 3.0, 36)
_STEPS = np.linspace(0.3, 2.5, 45)


class Frequencies:
    """Frequencies in turns for each unit of the features, with weights.

    Parameters
    ----------
    turns : ndarray of shape (n_features, n_frequencies)
        The frequencies over 2 pi.
    factors : ndarray of shape (n_frequencies,)
        Weights: the kernel is estimated by ``sum(factors * cos(2 pi turns . (x - y)))``.

    Attributes
    ----------
    width : int
        Number of products that are made, the first ``len(factors)`` of which count.
    """

    def __init__(self, turns, factors):
        self.turns = turns
        self.factors = factors
        self.n_features = turns.shape[0]
        self.width = -(-turns.shape[1] // CHUNK) * CHUNK
        self._pieces = None

    def __getstate__(self):
        return {**vars(self), "_pieces": None}  # the same numbers again

    @property
    def digest(self):
        """A short name of these very numbers: what differs in a bit has another."""
        return digest_of(self.turns, self.factors)

    def in_type(self, dtype):
        """Return a function (steps, rows, out) that writes products, in a type.

        Rows may also be a triple of the start of each row, columns and values.
        """
        if self._pieces is None or self._pieces.dtype != dtype:
            with np.errstate(over="ignore"):
                self._pieces = packed(self.turns.astype(dtype))
        pieces = self._pieces

        def write(steps, X, out):
            if isinstance(X, tuple):
                steps.sparse_products(*X, pieces, out)
            else:
                steps.products(X, pieces, out)

        return write


def digest(self):
    """A short name of these very numbers: what differs in a bit has another."""
    return digest(self.turns, self.factors)


def digest_of(*arrays):
    """Return a short name of the bits of arrays."""
    state = hashlib.sha256()
    for array in arrays:
        state.update(repr((array.shape, array.dtype.str)).encode())
        state.update(np.ascontiguousarray(array).tobytes())
    return state.hexdigest()[:16]


def draw_frequencies(kernel, bandwidth, n_features, n_frequencies, seed, *, rational_terms):
    """Draw frequencies, each of the law of the kernel, and spread evenly all together.

    Parameters
    ----------
    kernel : str
        Name of the kernel.
    bandwidth : float
        Its bandwidth.
    n_features : int
        Number of features of rows.
    n_frequencies : int
        Number of frequencies.
    seed : int
        Seed, which is public.
    rational_terms : "random" or int
        For the rational kernels, whether the exponents are random or so many fixed ones.

    Returns
    -------
    Frequencies
        The frequencies.
    """
    # This generator's stream is the same in all versions of numpy.
    rng = np.random.RandomState(seed)
    points = even_points(n_frequencies, N_LENGTHS + n_features, rng)
    lengths, factors = frequency_lengths(kernel, points, rational_terms=rational_terms)
    directions = points[:, N_LENGTHS:]
    if kernel in ("laplacian", "rational_manhattan"):
        directions = np.tan(np.pi * (directions - 0.5))  # Cauchy
    else:
        directions = ndtri(directions)  # normal
    turns = directions * (lengths / (2 * np.pi))[:, None] / bandwidth
    return Frequencies(shortened_numbers(turns.T), factors)


def frequency_lengths(kernel, points, *, rational_terms):
    """Return what standard normal, or Cauchy, vectors are multiplied with at a bandwidth of 1.

    Parameters
    ----------
    kernel : str
        Name of the kernel.
    points : ndarray of shape (n_frequencies, N_LENGTHS or more)
        Points of the unit cube, which the lengths are made of.
    rational_terms : "random" or int
        As in `draw_frequencies`.

    Returns
    -------
    lengths, factors : ndarray of shape (n_frequencies,)
        Multipliers, and the weights of the frequencies in the estimate.
    """
    n_frequencies = len(points)
    lengths = np.ones(n_frequencies)
    factors = np.full(n_frequencies, 1 / n_frequencies)
    if kernel in ("exponential", "rational_euclidean"):
        # A normal vector over an independent normal number: exp(-|u|) is a mixture of Gaussians.
        lengths /= np.abs(ndtri(points[:, 0]))
    if kernel in RATIONAL:
        # 1 / (1 + t) is the mean of exp(-s t) over a standard exponential s.
        if rational_terms == "random":
            exponents = -np.log1p(-points[:, 1])
        else:
            exponents, factors = fixed_exponents(rational_terms, n_frequencies)
        lengths *= np.sqrt(2 * exponents) if kernel == "rational_sqeuclidean" else exponents
    return lengths, factors


def fixed_exponents(n_terms, n_frequencies):
    """Divide frequencies among the terms of a sum of exponentials, in proportion to its weights.

    Returns
    -------
    exponents, factors : ndarray of shape (n_frequencies,)
        The term of each frequency, and its weight over the number of frequencies of the term.
    """
    exponents, weights, _ = exponential_sum(n_terms)
    wanted = weights / weights.sum() * (n_frequencies - n_terms)
    counts = np.floor(wanted).astype(int) + 1  # none goes without
    left = n_frequencies - counts.sum()
    counts[np.argsort(np.floor(wanted) - wanted, kind="stable")[:left]] += 1
    return np.repeat(exponents, counts), np.repeat(weights / counts, counts)


@lru_cache(maxsize=64)
def exponential_sum(n_terms):
    """Return the sum of exponentials that is closest to 1 / (1 + t) for all t at least 0.

    It is the trapezoidal rule in the logarithm of s for ``int exp(-s) exp(-s t) ds``.

    Parameters
    ----------
    n_terms : int
        Number of terms.

    Returns
    -------
    exponents, weights : ndarray of shape (n_terms,)
        The sum is ``sum(weights * exp(-exponents * t))``.
    error : float
        Its largest error.

    References
    ----------
    .. [1] S. Sachdeva and N. K. Vishnoi, "Faster Algorithms via Approximation Theory", Foundations
       and Trends in Theoretical Computer Science 9, 2014.
    """
    t = np.concatenate([[0.0], np.geomspace(1e-4, 1e8, 400)])
    best = None
    for step in _STEPS:
        # Errors of all first nodes at once: nodes of shape (n_tops, n_terms, 1).
        nodes = np.exp(_TOPS[:, None] - step * np.arange(n_terms))[:, :, None]
        terms = step * nodes * np.exp(-nodes * (1 + t))
        errors = np.abs(terms.sum(axis=1) - 1 / (1 + t)).max(axis=1)
        k = int(errors.argmin())
        if best is None or errors[k] < best[2]:
            exponents = nodes[k, :, 0]
            best = exponents, step * exponents * np.exp(-exponents), float(errors[k])
    return best


def shortened_numbers(values):
    """Round to 24 bits: workers that differ in the last bit of a logarithm still agree."""
    mantissa, exponent = np.frexp(np.clip(values, -_LARGEST, _LARGEST))
    return np.ldexp(np.rint(mantissa * 2.0**24), exponent - 24)
