"""Probabilities as binary fractions of any length, and words compared with them without error.

A uniform number is never drawn in full. Its first bits are compared with the first bits of a
probability; where they are equal, which is rare, further words and further bits decide. So an event
has its probability exactly, whatever the length of a word.
"""

from decimal import Decimal, localcontext

import numpy as np


class Probability:
    """A real number in (0, 1) that is no binary fraction, known to any number of bits.

    Parameters
    ----------
    compute : callable
        Returns the number as a `decimal.Decimal`, in whose context it is called, with an error of
        at most ``10 ** (5 - precision)``.
    """

    def __init__(self, compute):
        self._compute = compute

    def floor(self, bits):
        """Return the integer part of the number times 2 ** bits."""
        digits = int(bits * 0.30103) + 30
        while True:
            with localcontext() as context:
                context.prec = digits
                value = self._compute()
            with localcontext() as context:
                context.prec = 2 * digits
                scaled = value * 2**bits
                slack = Decimal(10) ** (5 - digits) * 2**bits
                low, high = int(scaled - slack), int(scaled + slack)
            if low == high:
                return low
            digits *= 2


def beyond(probability, word, bits, source):
    """Tell whether a uniform number is at least a probability, from as many bits as it takes.

    Parameters
    ----------
    probability : Probability
        What it is compared with.
    word : int
        Its first bits.
    bits : int
        How many they are.
    source : SecureWords or SeededWords
        Where further bits come from.

    Returns
    -------
    reached : bool
        The answer.
    word, bits : int
        All bits drawn so far.
    """
    while True:
        floor = probability.floor(bits)
        if word != floor:
            return word > floor, word, bits
        word = (word << 32) | int(source.words(1, np.uint32)[0])
        bits += 32


def floors(probabilities, bits, dtype):
    """Return the first bits of probabilities as an array."""
    return np.array([probability.floor(bits) for probability in probabilities], dtype=dtype)


def bernoulli(probability, floor, n, source):
    """Return n independent draws, True with the given probability.

    Parameters
    ----------
    probability : Probability
        The probability.
    floor : int
        Its first 32 bits.
    n : int
        Number of draws.
    source : SecureWords or SeededWords
        Random words.

    Returns
    -------
    ndarray of bool of shape (n,)
        The draws.
    """
    words = source.words(n, np.uint32)
    below = words < floor
    for i in np.flatnonzero(words == floor):
        below[i] = not beyond(probability, int(words[i]), 32, source)[0]
    return below
