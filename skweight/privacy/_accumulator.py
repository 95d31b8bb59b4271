"""What is known of private rows before the noise: sums of integers, and what they are sums of."""

import warnings

import numpy as np

from skweight.privacy._exceptions import PrivacyLeakWarning

# No sum may reach this: then none wraps around, or is where noisy sums saturate.
LARGEST_SUM = 2**61


class Accumulator:
    """Sums of integers of private rows. This is raw data: it is released with noise, or not at all.

    Parameters
    ----------
    schema : dict
        All that must agree before two of them may be added: names and hashable values.
    arrays : dict of ndarray of int64
        The sums.
    blocks : iterable of hashable, default=()
        Names of the blocks of rows that are in it.
    """

    def __init__(self, schema, arrays, blocks=()):
        for name, array in arrays.items():
            if array.dtype != np.int64:
                raise TypeError(f"{name} must be an array of int64, got {array.dtype}.")
        self.schema = dict(schema)
        self.arrays = dict(arrays)
        self.blocks = frozenset(blocks)

    def add(self, other):
        """Add the sums of other rows in place, or raise and change nothing."""
        self._check_addable(other)
        for name, array in self.arrays.items():
            array += other.arrays[name]
        self.blocks |= other.blocks
        return self

    def _check_addable(self, other):
        for name in [*self.schema, *other.schema]:
            if self.schema.get(name) != other.schema.get(name):
                raise ValueError(f"{name} must be the same in all that is added up.")
        both = self.blocks & other.blocks
        if both:
            raise ValueError(
                f"block_id must name rows that are not in yet, got {min(map(repr, both))} a second "
                "time: a row that is counted twice has twice the influence."
            )
        shapes, others = (
            {name: array.shape for name, array in each.arrays.items()} for each in (self, other)
        )
        if shapes != others:
            raise ValueError("The arrays must have the same names and shapes in all that is added.")
        for name, array in self.arrays.items():
            if largest(array) + largest(other.arrays[name]) >= LARGEST_SUM:
                raise ValueError("There are too many rows for sums of 64 bits: release them first.")

    def wipe(self):
        """Overwrite the sums with zeros; copies made elsewhere are out of reach."""
        for array in self.arrays.values():
            array[...] = 0
        self.arrays = {}

    def __reduce__(self):
        warnings.warn(
            "An accumulator that was not released is raw private data, and so is its pickle or "
            "copy: hand it to nobody who may not see the rows.",
            PrivacyLeakWarning,
            stacklevel=2,
        )
        return Accumulator, (self.schema, self.arrays, self.blocks)

    def __repr__(self):
        return "Accumulator(unreleased)"


def largest(array):
    """Return the largest magnitude in an array of integers, as a Python integer."""
    return max(int(array.max()), -int(array.min()), 0) if array.size else 0


def hashable(value):
    """Return a parameter's value in a form that equal values share: tuples for all sequences."""
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        return value.item()
    if isinstance(value, (list, tuple, np.ndarray)):
        return tuple(hashable(part) for part in value)
    if isinstance(value, dict):
        return tuple((name, hashable(part)) for name, part in value.items())
    try:
        hash(value)
    except TypeError:
        return hashable(np.asarray(value))
    return value
