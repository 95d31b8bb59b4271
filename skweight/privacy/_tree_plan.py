"""What is counted in trees, with which noise, and what answers come out of it."""

from functools import cached_property

import numpy as np

from skweight.privacy import _tree, _tree_error, _tree_offsets
from skweight.privacy._accumulator import LARGEST_SUM, largest
from skweight.privacy._rings import n_rings, ring_answers
from skweight.privacy._tree_split import (
    CONSISTENT,
    MAX_DEPTH,
    MIN_DEPTH,
    Part,
    check_division,
    coordinate_groups,
    divide,
    noise_variance,
    noisy_rows,
    rough_variances,
)


class TreePlan:
    """Trees over some coordinates: all of it is public, and fixed before a row is read.

    Parameters
    ----------
    importance : array-like of shape (n_coordinates,)
        What a distance in units of the interval is worth: the range, to the power of p.
    budget : Budget
        What the release may cost.
    n_hint : int
        About how many rows there are.
    method : {"integrated", "sums", "rings"}, default="integrated"
        What answers are made from.
    consistency : bool, default=True
        Whether integrated counts are made consistent.
    isotonic : bool, default=False
        Whether consistent counts are made to be at least 0 in all.
    p : float, default=1.0
        The power of distances.
    alpha : float, default=0.1
        Relative error of rings.
    total_known : bool, default=False
        Whether the number of rows is public.
    depth : int or None, default=None
        The deepest level; None for what suits `n_hint`.
    """

    def __init__(
        self,
        importance,
        budget,
        n_hint,
        *,
        method="integrated",
        consistency=True,
        isotonic=False,
        p=1.0,
        alpha=0.1,
        total_known=False,
        depth=None,
    ):
        self.importance = np.asarray(importance, dtype=float)
        # Variances are in this unit: the square of an importance may overflow.
        self.unit = float(self.importance.max())
        self.relative = self.importance / self.unit
        self.budget = budget
        self.method = method
        self.consistent = method == "integrated" and consistency
        self.isotonic = isotonic
        self.p = float(p)
        self.alpha = alpha
        self.total_known = total_known
        self.rings = n_rings(n_hint, alpha, p) if method == "rings" else None
        self.group, self.shares = coordinate_groups(self.importance, budget.kind)
        self._choose_depth(n_hint, depth)

    def _choose_depth(self, n_hint, depth):
        """Take the least depth at which rows that all lie at edges bias less than the noise."""
        if depth is None and self.method == "rings":
            depth = min(max((n_hint - 1).bit_length(), MIN_DEPTH), MAX_DEPTH)
        for candidate in range(MIN_DEPTH, MAX_DEPTH + 1) if depth is None else [depth]:
            self.depth = candidate
            self.parts = self._parts()
            bias = self.p * self.relative.sum() / 2 ** (candidate + 1)
            if n_hint * self.budget.units * bias <= self.predicted_std() / self.unit:
                break

    def _parts(self):
        levels = range(1, self.depth + 1)
        power = 1 / 3 if self.budget.kind == "laplace" else 1 / 2
        if self.method == "rings":
            return [self._part("counts", level, 1.0) for level in levels]
        if self.method == "sums":
            # Queries are one node and its twelfth away from the middle of a sibling, on average.
            heights = {level: _tree_offsets.offset_height(self.depth, level) for level in levels}
            return [
                self._part("counts", level, (13 / 12 * 4.0**-level) ** power) for level in levels
            ] + [
                self._part("offsets", level, (1 / 4 * 4.0**-level) ** power, height)
                for level, height in heights.items()
            ]
        weights = {level: 2.0 ** (-level * power) for level in levels}
        if self.consistent and self.budget.kind == "laplace":
            weights = CONSISTENT[self.total_known].get(self.depth, weights)
        return [self._part("counts", level, weight) for level, weight in weights.items()]

    def _part(self, kind, level, weight, height=1):
        # A row that is replaced leaves one node and enters another. If it stays in its node, its
        # offset may change by two heights and its count does not: in squares that is twice as much
        # for offsets, and still less in all, because offsets have less of the budget than counts.
        copies = self.budget.copies
        return Part(f"{kind}_{level}", level, weight, copies * height, copies * height**2)

    # ---- noise

    @cached_property
    def scales(self):
        """For each group, from the name of a part to the scale of its noise."""
        scales = divide(self.parts, self.shares, self.budget)
        check_division(self.parts, self.group, scales, self.budget)
        return scales

    def scale_of(self, name):
        """Return the noise scale of each coordinate in a part."""
        return np.array([float(self.scales[g][name]) for g in self.group.tolist()])

    def variances(self, kind="counts"):
        """Return the noise variances of each coordinate, by level."""
        found = {}
        for part in self.parts:
            if part.name.startswith(kind):
                by_group = [
                    noise_variance(self.budget.kind, each[part.name]) for each in self.scales
                ]
                found[part.level] = np.array(by_group)[self.group]
        return found

    def predicted_std(self):
        """Return about the standard deviation of an answer at an end of all intervals."""
        rough = rough_variances(self.parts, self.shares, self.budget)
        variances, offsets = (
            {part.level: rough[part.name][self.group] for part in self.parts if kind in part.name}
            for kind in ("counts", "offsets")
        )
        if self.consistent:
            refined = _tree.refined_variances(variances, self.depth)
            each = 0.25 * refined[0] * (not self.total_known)
            each = each + sum(refined[level + 1] * 2.0**-level / 8 for level in range(self.depth))
        elif self.method == "sums":
            each = sum(2.25 * 4.0**-level * v for level, v in variances.items())
            unit = _tree_offsets.offset_unit(self.depth)
            each = each + sum(unit**2 * v for v in offsets.values())
        else:
            each = sum(2.0**-level / 2 * v for level, v in variances.items())
        variance = (each * self.relative**2).sum() * self.p**2 / (2 * self.p - 1)
        return float(np.sqrt(variance)) * self.unit

    # ---- rows

    @property
    def largest(self):
        """The largest magnitude that a row of weight 1 adds to any sum."""
        return max(_tree_offsets.offset_height(self.depth, 1), 1)

    def accumulate(self, columns, n_rows, weight=None):
        """Add up cells of rows.

        Parameters
        ----------
        columns : callable
            From a slice of rows to an iterator over coordinates of (values, low, width): values
            that are within the interval.
        n_rows : int
            Number of rows.
        weight : ndarray of int64 or None, default=None
            Weights of the rows.

        Returns
        -------
        dict of ndarray of int64
            Sums over cells, of shape (n_coordinates, 2 ** depth).
        """
        size = (n_rows, len(self.importance), 1 << self.depth)

        def cells(rows):
            for values, low, width in columns(rows):
                yield _tree.cell_indices(values, low, width, 1 << self.depth), None

        def offsets(rows):
            for values, low, width in columns(rows):
                yield _tree_offsets.cells_and_offsets(values, low, width, self.depth)

        sums = {"counts": _tree.cell_sums(cells, *size, weight)}
        if self.method == "sums":
            sums["offsets"] = _tree.cell_sums(offsets, *size, weight)
        return sums

    def noisy_levels(self, sums, source):
        """Return all that is released, by name of the part."""
        levels = {}
        if largest(sums["counts"]) * self.largest * sums["counts"].shape[1] >= LARGEST_SUM:
            raise ValueError("There are too many rows for sums of 64 bits.")
        if self.method == "sums":
            exact = _tree_offsets.offsets_on_levels(sums["counts"], sums["offsets"])
            levels.update({f"offsets_{level}": array for level, array in exact.items()})
        for part in self.parts:
            if part.name not in levels:
                levels[part.name] = _tree.on_level(sums["counts"], part.level)
        return {
            part.name: noisy_rows(
                levels[part.name], part, self.group, self.scales, self.budget.kind, source
            )
            for part in self.parts
        }

    def released(self, noisy, total=None):
        """Return what answers queries from noisy sums, and from the number of rows if public."""
        counts = {
            part.level: noisy[part.name] for part in self.parts if part.name.startswith("counts")
        }
        if self.method == "integrated":
            return IntegratedTrees(self, counts, total)
        return QueriedTrees(self, counts, noisy, total)


class IntegratedTrees:
    """A table of distance sums at cell edges, one coordinate after the other.

    Parameters
    ----------
    plan : TreePlan
        What is released.
    counts : dict
        From each level to noisy counts.
    total : float or None
        The number of rows, if that is public.
    """

    def __init__(self, plan, counts, total):
        self.plan = plan
        variances = plan.variances()
        if plan.consistent:
            cells, self.total = _tree.consistent_cells(counts, variances, plan.depth, total)
            if plan.isotonic:
                cells = _tree.increasing_cells(cells, self.total)
            prefix = np.zeros((len(cells), cells.shape[1] + 1))
            np.cumsum(cells, axis=1, out=prefix[:, 1:])
            slopes = np.full(len(cells), prefix[:, -1].mean())
            suffix = slopes[:, None] - prefix
        else:
            prefix, suffix = _tree.prefix_and_suffix(counts, plan.depth)
            slopes = prefix[:, -1]
            self.total = mean_total(slopes, variances[1]) if total is None else total
        self._slopes = slopes * plan.importance
        self._table = _tree.distance_table(prefix, suffix, plan.p) * plan.importance[:, None]

    def sums(self, position):
        """Return the sum over coordinates and rows, for positions in units of the interval."""
        cells = position * (self._table.shape[1] - 1.0)
        inside = np.clip(cells, 0, self._table.shape[1] - 1.0)
        answers = _tree.interpolate(self._table, inside).sum(axis=1)
        outside = np.abs(cells - inside)
        if self.plan.p == 1 and outside.any():
            answers += (outside * self._slopes).sum(axis=1) / (self._table.shape[1] - 1.0)
        return answers

    def std(self, position):
        """Return the standard deviation of the sums."""
        plan = self.plan
        cells = position * (1 << plan.depth)
        variances = plan.variances()
        if not plan.consistent:
            variance = _tree_error.plain_variance(variances, plan.relative, cells, plan.p)
            return np.sqrt(variance) * plan.unit
        refined = _tree.refined_variances(variances, plan.depth)
        total = 0.0 if plan.total_known else 1 / (1 / refined[0]).sum()
        known = (refined, total, plan.relative, cells)
        if plan.p == 1:
            variance = _tree_error.consistent_variance(*known)
        else:
            variance = _tree_error.consistent_power_variance(*known, plan.p)
        return np.sqrt(variance) * plan.unit


class QueriedTrees:
    """Noisy sums on all levels, out of which each answer is put together.

    Parameters
    ----------
    plan : TreePlan
        What is released.
    counts : dict
        From each level to noisy counts.
    noisy : dict
        All noisy sums.
    total : float or None
        The number of rows, if that is public.
    """

    def __init__(self, plan, counts, noisy, total):
        self.plan = plan
        self.total = total
        if total is None:
            self.total = mean_total(counts[1].sum(axis=1), plan.variances()[1])
        self._counts = counts
        self._offsets = {
            part.level: noisy[part.name] for part in plan.parts if part.name.startswith("offsets")
        }

    def _answers(self, position):
        plan = self.plan
        cells = position * (1 << plan.depth)
        if plan.method == "rings":
            if plan.p != 1:
                cells = np.clip(cells, 0, 1 << plan.depth)
            return ring_answers(
                self._counts, plan.variances(), plan.depth, cells, plan.alpha, plan.p, plan.rings
            )
        noisy = {"counts": self._counts, "offsets": self._offsets}
        variances = {name: plan.variances(name) for name in noisy}
        return _tree_offsets.offset_answers(noisy, variances, plan.depth, cells)

    def sums(self, position):
        """Return the sum over coordinates and rows, for positions in units of the interval."""
        return (self._answers(position)[0] * self.plan.importance).sum(axis=1)

    def std(self, position):
        """Return the standard deviation of the sums."""
        variance = (self._answers(position)[1] * self.plan.relative**2).sum(axis=1)
        return np.sqrt(variance) * self.plan.unit


def mean_total(totals, variances):
    """Return the best mean of noisy numbers of the same rows."""
    precision = 1 / variances
    return float(precision @ totals / precision.sum())
