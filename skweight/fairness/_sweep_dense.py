"""Any attributes: distances computed again in each evaluation, O(n^2 p) time and O(n) memory.

Rows are gone through in the order of the predictions, so that the sign of a pair is known without a
comparison, and each pair is visited once for both of its rows. Distances are formed in tiles that
stay in the fastest cache.
"""

import numpy as np
from numba import njit

from skweight.fairness._sweep_shared import assemble, window_bounds

_TILE = 512
_FLAGS = {"reassoc", "contract", "nsz"}


class DenseSweep:
    """Sum over all pairs of rows by forming each pair's distances.

    Parameters
    ----------
    blocks : list of ndarray of shape (n, n_columns)
        The attributes. Several are multiplied as JdCov does; concatenate them for distances of the
        whole.
    weight : ndarray of shape (n,)
        Weights of the rows.
    centring : Centring
        The constants of the statistic.
    c : float
        The constant of JdCov, used where `product`.
    product : bool
        Whether K is the product over blocks of ``c - (centred distance)``, instead of a distance.
    """

    path = "dense"

    def __init__(self, blocks, weight, centring, c=1.0, product=False):
        self.weight = weight
        self.centring = centring
        self.c = float(c)
        self.product = product
        self.sign = -1.0 if product else 1.0
        # One row for each column: a tile of it is contiguous.
        self.columns = np.ascontiguousarray(np.hstack(blocks).T)
        self.ends = np.cumsum([block.shape[1] for block in blocks])
        self._sums = None

    def _prepare(self):
        """Return row sums of each block, of K, and K between copies of a row, once computed."""
        if self._sums is None:
            n, n_blocks = len(self.weight), len(self.ends)
            a, b = self.centring.a, self.centring.b
            inner = np.zeros((n_blocks if self.product else 0, n))
            offset = np.zeros(len(inner))
            starts = np.concatenate([[0], self.ends[:-1]])
            for k in range(len(inner)):
                block = self.columns[starts[k] : self.ends[k]]
                _row_sums(
                    block, self.ends[k : k + 1] - starts[k], self.weight, inner[:0], offset[:0],
                    a, self.c, inner[k],
                )  # fmt: skip
                offset[k] = b * (self.weight @ inner[k])
            sums = np.zeros(n)
            _row_sums(self.columns, self.ends, self.weight, inner, offset, a, self.c, sums)
            diagonal = np.zeros(n)
            if self.product:
                diagonal = np.prod(self.c + 2 * a * inner - offset[:, None], axis=0)
                sums += self.weight * diagonal
            self._sums = inner, offset, sums, diagonal
        return self._sums

    @property
    def raw_row_sums(self):
        """Sums of w_j K_ij, the row itself included."""
        return self._prepare()[2]

    @property
    def diagonal(self):
        """K between two copies of a row."""
        return self._prepare()[3]

    @property
    def row_sums(self):
        """The row sums that K is centred with."""
        return self.centring.row_sums(self.raw_row_sums, self.diagonal)

    def sums(self, z, order, width):
        """Return the value and slopes, as `MatrixSweep.sums` does."""
        inner, offset, _, diagonal = self._prepare()
        weight = self.weight[order]
        left_out = np.zeros(len(z)) if self.centring.statistic == "V" else diagonal[order]
        width = float(width)
        lo, hi = window_bounds(z, width)
        columns, inner = self._sorted(order, inner)
        a, b = self.centring.a, self.centring.b
        raw = _raw(
            z, weight, columns, self.ends, inner, offset, a, self.c, diagonal[order], hi, width
        )
        row_sums = self.row_sums[order]
        value, slopes = assemble(z, weight, row_sums, left_out, a, b, lo, hi, width, *raw)
        return self.sign * value, self.sign * slopes

    def positive_sums(self, z, order, width):
        """Return for each of the sorted rows the sum of w_j max(M_ij, 0) over its window.

        One copy of a row is the row itself, and no pair.
        """
        inner, offset = self._prepare()[:2]
        sums = self.row_sums
        level = self.centring.b * (self.weight @ sums)
        lo, hi = window_bounds(z, float(width))
        columns, inner = self._sorted(order, inner)
        weight, a = self.weight[order], self.centring.a
        return _positive_sums(
            weight,
            columns,
            self.ends,
            inner,
            offset,
            a,
            self.c,
            sums[order],
            level,
            self.sign,
            lo,
            hi,
        )

    def _sorted(self, order, inner):
        return tuple(np.ascontiguousarray(array[:, order]) for array in (self.columns, inner))

    def squared_sum(self):
        """Return the sum over pairs of the squared distances."""
        weight, total = self.weight, self.weight.sum()
        centred = self.columns - (self.columns @ weight)[:, None] / total
        return 2 * (total * (centred**2 @ weight).sum() - ((centred @ weight) ** 2).sum())

    def seconds(self, n_rows=1000):
        """Estimate how long one evaluation takes, from one on a few of the rows.

        Parameters
        ----------
        n_rows : int, default=1000
            How many rows to time.

        Returns
        -------
        float
            Seconds.
        """
        from time import perf_counter

        rows = np.linspace(0, len(self.weight) - 1, min(n_rows, len(self.weight))).astype(int)
        columns = np.ascontiguousarray(self.columns[:, rows])
        n_inner = len(self.ends) if self.product else 0
        inner, offset = np.zeros((n_inner, len(rows))), np.zeros(n_inner)
        times = []
        for m in (2, len(rows)):  # the first call may compile
            start = perf_counter()
            _row_sums(
                columns[:, :m].copy(), self.ends, self.weight[rows[:m]], inner[:, :m].copy(),
                offset, self.centring.a, self.c, np.zeros(m),
            )  # fmt: skip
            times.append(perf_counter() - start)
        return times[-1] * (len(self.weight) / len(rows)) ** 2


@njit(cache=True, nogil=True, fastmath=_FLAGS)
def _values(columns, ends, inner, offset, a, c, i, start, stop, squares, values):
    """Write K between row i and the rows from start to stop into values."""
    m = stop - start
    first = 0
    if len(inner):
        values[:m] = 1.0
    for k in range(len(ends)):
        last = ends[k]
        x = columns[first, i]
        other = columns[first, start:stop]
        for j in range(m):
            squares[j] = (other[j] - x) ** 2
        first += 1
        while first + 3 <= last:
            x, y, v = columns[first, i], columns[first + 1, i], columns[first + 2, i]
            xs = columns[first, start:stop]
            ys = columns[first + 1, start:stop]
            vs = columns[first + 2, start:stop]
            for j in range(m):
                squares[j] += (xs[j] - x) ** 2 + (ys[j] - y) ** 2 + (vs[j] - v) ** 2
            first += 3
        while first < last:
            x = columns[first, i]
            other = columns[first, start:stop]
            for j in range(m):
                squares[j] += (other[j] - x) ** 2
            first += 1
        if len(inner):
            own = c + a * inner[k, i] - offset[k]
            rows = inner[k, start:stop]
            for j in range(m):
                values[j] *= own + a * rows[j] - np.sqrt(squares[j])
        else:
            for j in range(m):
                values[j] = np.sqrt(squares[j])


@njit(cache=True, nogil=True, fastmath=_FLAGS)
def _row_sums(columns, ends, weight, inner, offset, a, c, sums):
    """Add to sums the weighted row sums of K, without the row itself."""
    n = len(weight)
    squares, values = np.empty(_TILE), np.empty(_TILE)
    for start in range(0, n, _TILE):
        stop = min(start + _TILE, n)
        for i in range(stop):
            begin = max(start, i + 1)
            if begin >= stop:
                continue
            _values(columns, ends, inner, offset, a, c, i, begin, stop, squares, values)
            w, total = weight[i], 0.0
            ws, out = weight[begin:stop], sums[begin:stop]
            for j in range(stop - begin):
                total += ws[j] * values[j]
                out[j] += w * values[j]
            sums[i] += total


@njit(cache=True, nogil=True, fastmath=_FLAGS)
def _raw(z, weight, columns, ends, inner_sums, offset, a, c, diagonal, hi, width):
    """Return the raw sums that `assemble` centres."""
    n = len(z)
    outer, inner, window = np.zeros(n), np.zeros(n), weight * diagonal
    squares, values = np.empty(_TILE), np.empty(_TILE)
    for start in range(0, n, _TILE):
        stop = min(start + _TILE, n)
        for i in range(stop):
            begin = max(start, i + 1)
            if begin >= stop:
                continue
            _values(columns, ends, inner_sums, offset, a, c, i, begin, stop, squares, values)
            w, total = weight[i], 0.0
            split = min(max(hi[i], begin), stop)
            for j in range(begin, split):  # in the window
                value = values[j - begin]
                window[i] += weight[j] * value
                window[j] += w * value
                if width > 0:
                    slope = value * ((z[j] - z[i]) / width)
                    inner[i] -= weight[j] * slope
                    inner[j] += w * slope
            skip = split - begin
            ws, out = weight[split:stop], outer[split:stop]
            for j in range(stop - split):
                value = values[skip + j]
                total += ws[j] * value
                out[j] += w * value
            outer[i] -= total
    return outer, inner, window


@njit(cache=True, nogil=True)
def _positive_sums(weight, columns, ends, inner, offset, a, c, sums, level, sign, lo, hi):
    n = len(weight)
    total = np.zeros(n)
    squares, values = np.empty(_TILE), np.empty(_TILE)
    for i in range(n):
        for start in range(lo[i], hi[i], _TILE):
            stop = min(start + _TILE, hi[i])
            _values(columns, ends, inner, offset, a, c, i, start, stop, squares, values)
            for j in range(start, stop):
                m = sign * (values[j - start] - a * (sums[i] + sums[j]) + level)
                if m > 0:
                    copies = max(weight[j] - 1.0, 0.0) if j == i else weight[j]
                    total[i] += copies * m
    return total
