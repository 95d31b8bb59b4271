"""Rows as whole tensors, and batches that are slices of them."""

from numbers import Integral

import numpy as np
import torch

# Rows are put into a new order at once up to this size, else batch by batch.
_GATHER_BYTES = 256 * 2**20


class TensorRows:
    """Rows, their targets and weights.

    Parameters
    ----------
    X : Tensor of shape (n, ...) or SparseRows
        The rows.
    targets : tuple of Tensor
        What the loss compares with, each with n rows.
    weight : Tensor of shape (n,) or None
        Weights; None counts every row once.
    """

    def __init__(self, X, targets, weight=None):
        self.X = X
        self.targets = tuple(targets)
        self.weight = weight

    def __len__(self):
        return len(self.X)

    def __getitem__(self, places):
        """Return rows and (targets, weight), as a loader of torch wants single rows, too."""
        targets = tuple(part[places] for part in self.targets)
        if self.weight is None:
            return self.X[places], (targets,)
        return self.X[places], (targets, self.weight[places])

    def some(self, places):
        """Return some of the rows."""
        weight = None if self.weight is None else self.weight[places]
        return TensorRows(self.X[places], [part[places] for part in self.targets], weight)

    def to(self, device):
        """Return the rows on a device."""
        weight = None if self.weight is None else self.weight.to(device)
        return TensorRows(self.X.to(device), [part.to(device) for part in self.targets], weight)

    @property
    def nbytes(self):
        """Bytes that a copy of the rows takes."""
        parts = [self.X, *self.targets] + ([] if self.weight is None else [self.weight])
        return sum(part.nbytes for part in parts)


class SparseRows:
    """Rows of a sparse matrix, which become dense batch by batch.

    Parameters
    ----------
    X : sparse matrix of shape (n, p)
        The rows.
    dtype : torch.dtype
        Type of the batches.
    device : str, default="cpu"
        Where the batches go.
    """

    def __init__(self, X, dtype, device="cpu"):
        self.X = X.tocsr()
        self.dtype, self.device = dtype, device
        self.nbytes = 2**62  # never all of them at once

    def __len__(self):
        return self.X.shape[0]

    def __getitem__(self, places):
        """Return rows: sparse ones by an array of places, else dense ones or a single one."""
        if isinstance(places, np.ndarray):
            return SparseRows(self.X[places], self.dtype, self.device)
        if isinstance(places, torch.Tensor):
            places = places.cpu().numpy()
        rows = self.X[places].toarray()
        rows = rows.ravel() if isinstance(places, Integral) else rows
        return torch.as_tensor(rows, dtype=self.dtype, device=self.device)

    def to(self, device):
        """Return the rows such that batches go to a device."""
        return SparseRows(self.X, self.dtype, device)


class TensorBatches:
    """Batches of rows as slices of whole tensors, with no Python loop over rows.

    A last batch of a single row joins the one before, which batch normalisation needs and nothing
    else minds. A single batch of all rows keeps their order, so that sums are the same every time.

    Parameters
    ----------
    dataset : TensorRows
        The rows.
    batch_size : int
        Rows of a batch; -1 or more than there are means all of them.
    shuffle : bool, default=False
        Whether every pass has a new order.
    generator : torch.Generator or None, default=None
        Source of the orders.
    """

    def __init__(self, dataset, batch_size, shuffle=False, generator=None):
        self.dataset = dataset
        n = len(dataset)
        self.batch_size = n if batch_size == -1 else min(batch_size, n)
        self.shuffle = shuffle and len(self._starts()) > 1
        self.generator = generator

    def __len__(self):
        return len(self._starts())

    def _starts(self):
        n = len(self.dataset)
        starts = list(range(0, n, self.batch_size))
        if len(starts) > 1 and n - starts[-1] == 1:
            starts.pop()
        return starts

    def __iter__(self):
        rows, n = self.dataset, len(self.dataset)
        order = None
        if self.shuffle:
            order = torch.randperm(n, generator=self.generator).to(rows.X.device)
            if rows.nbytes <= _GATHER_BYTES:
                rows, order = rows.some(order), None
        starts = self._starts()
        for start, stop in zip(starts, [*starts[1:], n]):
            places = slice(start, stop) if order is None else order[start:stop]
            yield rows[places]
