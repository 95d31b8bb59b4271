"""Products with a kernel matrix that need not fit in memory."""

from skweight._core._array_api import float64_of, zeros

_BUDGET = 4 * 2**30
_BLOCK = 128 * 2**20
_NUMBER = 8  # bytes of a float64


class KernelProduct:
    """Multiply a kernel matrix with vectors.

    The matrix is symmetric, so that blocks of rows from the diagonal on are enough. They are kept
    from the first product on as far as memory allows, and the others computed again each time.

    Parameters
    ----------
    block : callable
        ``block(rows, columns)`` returns a part of the matrix for two slices.
    n : int
        Number of rows.
    scale : array of shape (n, 1) or None, default=None
        Factors of rows and columns.
    budget : int, default=4 GiB
        Bytes of the blocks that are kept.
    block_size : int, default=128 MiB
        Bytes of one block, about, with at least one row.

    Attributes
    ----------
    n_computed : int
        Entries of the matrix that were computed so far.
    """

    def __init__(self, block, n, scale=None, budget=_BUDGET, block_size=_BLOCK):
        self.block, self.n, self.scale = block, n, scale
        self.n_computed = 0
        self._kept, self._left = {}, budget
        self._limits = [0]
        while self._limits[-1] < n:
            start = self._limits[-1]
            self._limits.append(min(n, start + max(1, block_size // (_NUMBER * (n - start)))))

    def __call__(self, vectors):
        """Return the products with an array of shape (n, m)."""
        vectors = vectors if self.scale is None else self.scale * vectors
        # A few long rows from the left are faster than columns from the right, for half of it much.
        rows = vectors.T
        values = zeros(rows.shape, like=rows)
        for start, stop in zip(self._limits, self._limits[1:]):
            part = self._part(start, stop)
            values[:, start:stop] += rows[:, start:] @ part.T
            values[:, stop:] += rows[:, start:stop] @ part[:, stop - start :]
        return values.T if self.scale is None else self.scale * values.T

    def _part(self, start, stop):
        """Return rows of the matrix from the diagonal on, kept or computed."""
        if start in self._kept:
            return self._kept[start]
        part = float64_of(self.block(slice(start, stop), slice(start, self.n)))
        n_entries = (stop - start) * (self.n - start)
        self.n_computed += n_entries
        if _NUMBER * n_entries <= self._left:
            self._left -= _NUMBER * n_entries
            self._kept[start] = part
        return part
