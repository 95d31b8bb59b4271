"""Probabilities as binary fractions of any length, and words compared with them without error.

A uniform number is never drawn in full. Its first bits are compared with the first bits of a
probability; where they are equal, which is rare, further bits of both decide. So an event has its
probability exactly, whatever the length of a word.
"""

import decimal

import numpy as np

# What an approximation is off by at the most, in units of its last bit.
_SLACK = 2


class Probability:
    """A real number in (0, 1) that is no binary fraction, known to any number of bits.

    Parameters
    ----------
    approximate : callable
        Maps a number of bits to an integer within 2 of the number times ``2 ** bits``.
    """

    def __init__(self, approximate):
        self._approximate = approximate

    def floor(self, bits):
        """Return the integer part of the number times 2 ** bits."""
        more, last = 32, (1 << bits) - 1
        while True:
            value = self._approximate(bits + more)
            # A number in (0, 1) has no other floors than these, however close to an end it is.
            low = max((value - _SLACK) >> more, 0)
            high = min((value + _SLACK) >> more, last)
            if low == high:
                return low
            more *= 2


def decimals(bits):
    """Return a context of so many bits after the point and 25 digits more.

    The user's own context is no part of it, whose rounding or limits could be any.
    """
    traps = [decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow]
    return decimal.localcontext(
        decimal.Context(
            prec=int(bits * 0.30103) + 25,
            rounding=decimal.ROUND_HALF_EVEN,
            Emin=decimal.MIN_EMIN,
            Emax=decimal.MAX_EMAX,
            traps=traps,
        )
    )


def as_decimal(fraction):
    """Return a fraction, rounded to the context."""
    return decimal.Decimal(fraction.numerator) / decimal.Decimal(fraction.denominator)


def reached(probability, word, bits, source):
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
