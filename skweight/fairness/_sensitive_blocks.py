"""One attribute as a block of numbers: corners of a simplex, or scaled columns."""

import warnings

import numpy as np

from skweight.fairness._mean_distance import distinct_rows, mean_distance

# Dummies of one attribute may take so many bytes.
_MOST_BYTES = 2**32


class NominalBlock:
    """Levels at the same distance from each other."""

    def __init__(self, attribute, weight, scale, metric):
        self.name = attribute.name
        values = _values(attribute)
        self.levels = _sorted_levels(set(values))
        self.n_distinct = len(self.levels)
        if 8 * len(values) * self.n_distinct > _MOST_BYTES:
            raise ValueError(
                f"The nominal attribute {self.name!r} has {self.n_distinct} levels in "
                f"{len(values)} rows, whose dummies do not fit into memory: merge levels, or say "
                "that it is numeric in sensitive_types."
            )
        distance = np.sqrt(2) if metric == "euclidean" and self.n_distinct > 2 else 1.0
        self.divisor = np.ones(1)
        if scale == "mean_distance" and self.n_distinct > 1:
            share = np.bincount(self._codes(values), weight) / weight.sum()
            self.divisor[0] = distance * (1 - share @ share)
        self.distance = distance / self.divisor[0]

    def encode(self, attribute):
        """Return corners of a simplex, with one more for levels that are new."""
        values = _values(attribute)
        code = self._codes(values)
        new = code == self.n_distinct
        if new.any():
            self._warn_of_new({values[i] for i in np.flatnonzero(new)})
        if self.n_distinct <= 2:
            block = np.zeros((len(code), 2 if self.n_distinct == 2 and new.any() else 1))
            block[code == 1, 0] = self.distance
            if block.shape[1] == 2:  # the third corner of a triangle of equal sides
                block[new] = 0.5 * self.distance, np.sqrt(0.75) * self.distance
            return block
        block = np.zeros((len(code), self.n_distinct + new.any()))
        block[np.arange(len(code)), code] = self.distance / np.sqrt(2)
        return block

    def _codes(self, values):
        """Return the places of values among the levels, and the number of levels for new ones."""
        place = {level: k for k, level in enumerate(self.levels)}
        codes = (place.get(value, self.n_distinct) for value in values)
        return np.fromiter(codes, dtype=np.int64, count=len(values))

    def _warn_of_new(self, new):
        some = _sorted_levels(new)[:5]
        more = ", ..." if len(new) > 5 else ""
        warnings.warn(
            f"The attribute {self.name!r} has levels that were not there in the fit, "
            f"{some}{more}, taken together as one new level: fit on rows of all levels, or merge "
            "rare ones before.",
            UserWarning,
            stacklevel=4,
        )


class NumericBlock:
    """Columns of numbers or places of categories, scaled, and rounded where they are too many."""

    def __init__(self, attribute, weight, scale, max_levels):
        self.name = attribute.name
        self.levels = None if attribute.categories is None else list(attribute.categories)
        columns = self._columns(attribute)
        self.low, high = columns.min(axis=0), columns.max(axis=0)
        self.range = high - self.low
        self.divisor = np.ones(columns.shape[1])
        self.steps = np.zeros(columns.shape[1], dtype=int)  # 0: not rounded
        for j, column in enumerate(columns.T):
            distinct, count = distinct_rows(column[:, None], weight)
            if max_levels is not None and len(distinct) > max_levels:
                self.steps[j] = max_levels
            if scale == "minmax" and len(distinct) > 1:
                self.divisor[j] = self.range[j]
            elif scale == "std" and len(distinct) > 1:
                share = count / count.sum()
                self.divisor[j] = np.sqrt(share @ (distinct[:, 0] - share @ distinct[:, 0]) ** 2)
        self.n_distinct = len(distinct)
        if columns.shape[1] > 1:
            self.n_distinct = 1 if not self.range.any() else np.inf
        if scale == "mean_distance" and self.n_distinct > 1:
            if columns.shape[1] > 1:
                distinct, count = distinct_rows(columns, weight)
            self.divisor[:] = mean_distance(distinct, count)

    def encode(self, attribute):
        """Return scaled columns, the smallest value of the fit at 0."""
        columns = self._columns(attribute)
        if columns.shape[1] != len(self.low):
            raise ValueError(
                f"The attribute {self.name!r} has {columns.shape[1]} column(s), and had "
                f"{len(self.low)} in the fit: want the same."
            )
        block = columns - self.low
        for j in np.flatnonzero(self.steps):
            steps = self.steps[j]
            step = np.floor(block[:, j] / self.range[j] * steps)
            step[block[:, j] == self.range[j]] = steps - 1  # the largest value of the fit
            block[:, j] = (step + 0.5) * (self.range[j] / steps)
        block /= self.divisor
        return np.ascontiguousarray(block)

    def _columns(self, attribute):
        """Return the numbers as a matrix."""
        values = attribute.values
        if self.levels is not None:
            values = self._places(values)
        columns = values.astype(float)
        return columns[:, None] if columns.ndim == 1 else columns

    def _places(self, values):
        """Return the places of categories; a new number lies between its neighbours."""
        place = {level: k for k, level in enumerate(self.levels)}
        values = values.tolist()
        new = sorted({value for value in values if value not in place}, key=str)
        if new:
            try:
                known = np.array(self.levels, dtype=float)
                between = np.interp(np.array(new, dtype=float), known, np.arange(len(known)))
                in_order = bool((np.diff(known) > 0).all())
            except (TypeError, ValueError):
                in_order = False
            if not in_order:
                raise ValueError(
                    f"The ordered attribute {self.name!r} has the value {new[0]!r}, which has no "
                    f"place among its categories {self.levels}: add it to them before the fit."
                )
            place.update(zip(new, between))
        return np.array([place[value] for value in values], dtype=float)


def _values(attribute):
    """Return values that equal themselves: None, not NaN, where one is missing."""
    if attribute.values.dtype == object:
        return attribute.values
    pairs = zip(attribute.values.tolist(), attribute.missing())
    return [None if gone else value for value, gone in pairs]


def _sorted_levels(levels):
    """Return distinct levels in an order that does not depend on rows, None last."""
    named = [level for level in levels if level is not None]
    try:
        named.sort()
    except TypeError:  # numbers beside text
        named.sort(key=lambda level: (str(type(level)), str(level)))
    return named + [None] * (None in levels)
