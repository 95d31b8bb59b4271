"""Where private estimators get their noise: integers, by exact mechanisms, from secure words.

Laplace noise is exact discrete Laplace: epsilon-differential privacy with nothing left over.
Gaussian noise is the rounded continuous one, which keeps the guarantee of the continuous
mechanism. Neither ever meets a floating point number that depends on rows.
"""

import math
import warnings
from fractions import Fraction

import numpy as np
from sklearn.utils import check_random_state

from skweight._core._optional import import_optional
from skweight.privacy._discrete_laplace import SATURATION, DiscreteLaplace
from skweight.privacy._exceptions import PrivacyLeakWarning
from skweight.privacy._keystream import SecureWords, SeededWords
from skweight.privacy._rounded_gaussian import RoundedGaussian

__all__ = ["LaplaceNoise", "RoundedGaussian", "add_noise", "noise_source", "rounded_up"]

# Up to so many numbers OpenDP draws them, which is slower and more widely reviewed.
_FEW = 1000
# Sums of rows are kept below it, and noisy sums below twice as much.
_SUMS_END = 1 << 61


class LaplaceNoise(DiscreteLaplace):
    """Discrete Laplace noise, by OpenDP where a release is small, else by our own sampler."""

    kind = "laplace"

    def draw(self, n, source):
        """Draw n integers of noise."""
        # OpenDP has its own randomness, so that it cannot stand in for a source that is given.
        if 0 < n <= _FEW and isinstance(source, SecureWords):
            return _opendp_laplace(self.scale, n)
        return super().draw(n, source)


def _opendp_laplace(scale, n):
    opendp = import_optional("opendp.prelude", "private Laplace noise")
    opendp.enable_features("contrib")
    domain = opendp.vector_domain(opendp.atom_domain(T="i64"))
    # A scale is a float there, which must not be below ours.
    nearest = float(scale)
    if nearest < scale:
        nearest = math.nextafter(nearest, math.inf)
    mechanism = opendp.m.make_laplace(domain, opendp.l1_distance(T="i64"), scale=nearest)
    noise = np.array(mechanism([0] * n), dtype=np.int64)
    return np.clip(noise, -SATURATION, SATURATION)


def add_noise(sums, mechanism, source):
    """Return sums of rows with noise, the only form in which they may leave.

    The result is that of unbounded integers, saturated at ``2 ** 62``: what happens beyond is part
    of no privacy loss.

    Parameters
    ----------
    sums : ndarray of int64
        Sums, of any shape. Beyond ``2 ** 61`` they saturate.
    mechanism : LaplaceNoise or RoundedGaussian
        The noise.
    source : SecureWords or SeededWords
        Random words.

    Returns
    -------
    ndarray of int64
        The noisy sums, of the same shape.
    """
    noise = mechanism.draw(sums.size, source).reshape(sums.shape)
    # Noise saturates at 1.5 * 2 ** 62 - 1: no sum overflows, and none that it changes counts.
    noise += np.clip(sums, 1 - _SUMS_END, _SUMS_END - 1)
    return np.clip(noise, -2 * _SUMS_END, 2 * _SUMS_END)


def noise_source(random_state):
    """Return where a release gets its words from, and whether that is secret.

    Parameters
    ----------
    random_state : int, RandomState instance or None
        None for words that nobody can repeat.

    Returns
    -------
    source : SecureWords or SeededWords
        For one release: it must not outlive it.
    secret : bool
        Whether the guarantee holds.

    Warns
    -----
    PrivacyLeakWarning
        If the noise is seeded.
    """
    if random_state is None:
        return SecureWords(), True
    warnings.warn(
        "random_state seeds the noise: whoever knows it can subtract the noise, so nothing is "
        "private. Want random_state=None outside of tests.",
        PrivacyLeakWarning,
        stacklevel=5,
    )
    return SeededWords(check_random_state(random_state)), False


def rounded_up(value, bits=40):
    """Return a fraction not below a positive number, with a short numerator.

    Parameters
    ----------
    value : float or Fraction
        Above 0.
    bits : int, default=40
        Length of the numerator.

    Returns
    -------
    fractions.Fraction
        Larger by at most ``2 ** (1 - bits)`` of itself.
    """
    exact = Fraction(value)
    shift = bits - (exact.numerator.bit_length() - exact.denominator.bit_length())
    unit = Fraction(2) ** -shift
    return math.ceil(exact / unit) * unit
