"""One numeric attribute: a Fenwick tree over its ranks, O(n log n) time and O(n) memory.

The sum of ``w_j |s_i - s_j|`` over any set of rows needs the weight and the weighted sum of the
attribute among those of them whose rank is not above that of row i: two prefix sums of a Fenwick
tree that holds the set. One tree holds the rows below the window. Rows in the window are summed
one by one where they are few, and by a second tree where they are many.
"""

import numpy as np
from numba import njit

from skweight.fairness._sweep_shared import REBASE, assemble, window_bounds

# Up to so many pairs of rows in a window for each row, they are summed one by one.
_FEW = 24


class TreeSweep:
    """Sum over all pairs of rows through the ranks of one numeric attribute.

    Parameters
    ----------
    s : ndarray of shape (n,)
        The attribute.
    weight : ndarray of shape (n,)
        Weights of the rows.
    centring : Centring
        The constants of the statistic.
    """

    path = "tree"

    def __init__(self, s, weight, centring):
        self.s = s - (weight @ s) / weight.sum()
        self.weight = weight
        self.centring = centring
        by_size = np.argsort(self.s)
        ordered, w = self.s[by_size], weight[by_size]
        self.rank = np.empty(len(s), np.int64)
        self.rank[by_size] = np.arange(len(s))
        upto, sums = np.cumsum(w), np.cumsum(w * ordered)
        self.row_sums = np.empty(len(s))
        self.row_sums[by_size] = ordered * (2 * upto - upto[-1]) - (2 * sums - sums[-1])

    def sums(self, z, order, width):
        """Return the value and slopes, as `MatrixSweep.sums` does."""
        weight, row_sums, width = self.weight[order], self.row_sums[order], float(width)
        lo, hi = window_bounds(z, width)
        s, rank, none = self.s[order], self.rank[order], np.zeros(len(z))
        raw = _raw(z, weight, s, rank, row_sums, lo, hi, width, REBASE)
        a, b = self.centring.a, self.centring.b
        return assemble(z, weight, row_sums, none, a, b, lo, hi, width, *raw)

    def squared_sum(self):
        """Return the sum over pairs of the squared distances."""
        total = self.weight.sum()
        return 2 * (total * (self.weight @ self.s**2) - (self.weight @ self.s) ** 2)


@njit(cache=True, nogil=True)
def _raw(z, weight, s, rank, row_sums, lo, hi, width, rebase):
    """Return the raw sums that `assemble` centres, of |s_i - s_j|."""
    n = len(z)
    outer, inner, window = np.empty(n), np.zeros(n), np.zeros(n)
    pairs = 0
    for i in range(n):
        pairs += hi[i] - lo[i]
    if pairs <= _FEW * n:
        for i in range(n):
            for j in range(lo[i], hi[i]):
                m = weight[j] * abs(s[i] - s[j])
                window[i] += m
                if width > 0:
                    inner[i] += m * ((z[i] - z[j]) / width)
    else:
        _window_sums(z, weight, s, rank, lo, hi, width, rebase, inner, window)
    tree = np.zeros((n + 1, 2))
    total = total_s = 0.0
    left = 0
    for i in range(n):
        while left < lo[i]:
            w, ws = weight[left], weight[left] * s[left]
            total += w
            total_s += ws
            node = rank[left] + 1
            while node <= n:
                tree[node, 0] += w
                tree[node, 1] += ws
                node += node & -node
            left += 1
        node = rank[i]
        w = ws = 0.0
        while node > 0:
            w += tree[node, 0]
            ws += tree[node, 1]
            node &= node - 1
        below = s[i] * (2 * w - total) - (2 * ws - total_s)
        outer[i] = 2 * below + window[i] - row_sums[i]
    return outer, inner, window


@njit(cache=True, nogil=True)
def _window_sums(z, weight, s, rank, lo, hi, width, rebase, inner, window):
    """Sum over wide windows by a tree that holds w, w s, w (z - base) and w (z - base) s."""
    n = len(z)
    tree = np.zeros((n + 1, 4))
    totals, found, entry = np.zeros(4), np.zeros(4), np.empty(4)
    left = right = start = 0
    base = z[0]
    for i in range(n):
        if z[i] - base > rebase * width:  # fresh sums from a base nearby, without drift
            for j in range(start, right):
                node = rank[j] + 1
                while node <= n:
                    tree[node, :] = 0.0
                    node += node & -node
            totals[:] = 0.0
            left = start = right = lo[i]
            base = z[i]
        while right < hi[i]:
            _change(tree, totals, entry, weight[right], s[right], z[right] - base, rank[right])
            right += 1
        while left < lo[i]:
            _change(tree, totals, entry, -weight[left], s[left], z[left] - base, rank[left])
            left += 1
        found[:] = 0.0
        node = rank[i]
        while node > 0:
            for f in range(4):
                found[f] += tree[node, f]
            node &= node - 1
        window[i] = s[i] * (2 * found[0] - totals[0]) - (2 * found[1] - totals[1])
        if width > 0:
            products = s[i] * (2 * found[2] - totals[2]) - (2 * found[3] - totals[3])
            inner[i] = ((z[i] - base) * window[i] - products) / width


@njit(cache=True, nogil=True)
def _change(tree, totals, entry, w, s, z, rank):
    entry[0], entry[1], entry[2], entry[3] = w, w * s, w * z, w * z * s
    for f in range(4):
        totals[f] += entry[f]
    node = rank + 1
    while node < len(tree):
        for f in range(4):
            tree[node, f] += entry[f]
        node += node & -node
