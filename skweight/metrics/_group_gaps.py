"""Distances between the distributions of weighted numbers in many groups."""

import numpy as np
from scipy.spatial.distance import pdist, squareform

KINDS_OF_GAP = ("mean", "ks", "wasserstein")
METHODS = ("between_groups", "to_overall")

# Numbers held at once.
_MAX_CELLS = 2_000_000


class GroupGaps:
    """Gaps between groups as a function of the rows' groups; see `demographic_parity_gap`.

    The numbers are sorted once, for labels that are permuted.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Numbers.
    weight : ndarray of shape (n_samples,)
        Positive weights.
    kept : ndarray of bool of shape (n_groups,)
        Which groups are compared.
    """

    def __init__(self, y, weight, kept):
        self.kept = kept
        self.n_kept = np.count_nonzero(kept)
        self._column = np.where(kept, np.cumsum(kept) - 1, -1)  # -1: only among all rows
        self._order = np.argsort(y, kind="stable")
        self._weight = weight[self._order]
        self._y = y[self._order]
        starts = np.diff(self._y, prepend=-np.inf) > 0
        self._row = np.cumsum(starts) - 1  # which of the distinct numbers
        self._width = np.diff(self._y[starts], append=self._y[-1])  # up to the next one

    def gaps(self, code, kind, method):
        """Return all gaps of one kind.

        Parameters
        ----------
        code : ndarray of int of shape (n_samples,)
            Group of each row.
        kind : {"mean", "ks", "wasserstein"}
            Which distance.
        method : {"between_groups", "to_overall"}
            Whether groups are compared with each other, or with all rows.

        Returns
        -------
        ndarray of shape (n_pairs,) or (n_kept,)
            A gap for each pair of kept groups, in the order of ``pdist``, or for each of them.
        """
        between = method == "between_groups"
        gaps = np.zeros(self.n_kept * (self.n_kept - 1) // 2 if between else self.n_kept)
        if not len(gaps) or self._y[0] == self._y[-1]:
            return gaps
        column = self._column[code][self._order]
        if kind == "mean":
            means = self._means(column)
            overall = np.average(self._y, weights=self._weight)
            return pdist(means[:, None], "cityblock") if between else np.abs(means - overall)
        for steps, overall, width in self._distribution_functions(column):
            if kind == "wasserstein":
                steps, overall = steps * width, overall * width
            if between:
                found = pdist(steps, "chebyshev" if kind == "ks" else "cityblock")
            else:
                distance = np.abs(steps - overall)
                found = distance.max(axis=1) if kind == "ks" else distance.sum(axis=1)
            gaps = np.maximum(gaps, found) if kind == "ks" else gaps + found
        return gaps

    def largest(self, kind, method):
        """Return a function of the rows' groups: the largest gap."""
        return lambda code: float(self.gaps(code, kind, method).max())

    def table(self, gaps, method):
        """Return gaps in the shape of all groups, NaN where one of them is not kept."""
        n_groups = len(self.kept)
        if method == "to_overall":
            table = np.full(n_groups, np.nan)
            table[self.kept] = gaps
            return table
        table = np.full((n_groups, n_groups), np.nan)
        table[np.ix_(self.kept, self.kept)] = squareform(gaps) if len(gaps) else 0.0
        return table

    def _means(self, column):
        rows = column >= 0
        total = np.bincount(column[rows], self._weight[rows], self.n_kept)
        return np.bincount(column[rows], (self._weight * self._y)[rows], self.n_kept) / total

    def _distribution_functions(self, column):
        """Yield distribution functions at distinct numbers, of groups and of all, and widths."""
        rows = column >= 0
        total = np.bincount(column[rows], self._weight[rows], self.n_kept)
        share = self._weight / self._weight.sum()
        reached, all_reached = np.zeros(self.n_kept), 0.0
        n_chunk = max(1, _MAX_CELLS // self.n_kept)
        for start in range(0, len(self._width), n_chunk):
            width = self._width[start : start + n_chunk]
            chunk = slice(*np.searchsorted(self._row, [start, start + len(width)]))
            row = self._row[chunk] - start
            kept = rows[chunk]
            cell = column[chunk][kept] * len(width) + row[kept]
            mass = np.bincount(cell, self._weight[chunk][kept], self.n_kept * len(width))
            steps = np.cumsum(mass.reshape(self.n_kept, -1), axis=1) + reached[:, None]
            reached = steps[:, -1].copy()
            overall = np.cumsum(np.bincount(row, share[chunk], len(width))) + all_reached
            all_reached = overall[-1]
            yield steps / total[:, None], overall, width
