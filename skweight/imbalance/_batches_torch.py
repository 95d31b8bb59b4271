"""Batches of tensors in which every class has its share."""

import torch

from skweight.imbalance._batches import stratified_batches
from skweight.neural._rows import TensorBatches


class StratifiedBatches(TensorBatches):
    """Batches with rows of every class.

    Parameters
    ----------
    dataset : TensorRows
        The rows, whose first target is their class.
    batch_size : int
        Rows of a batch, more where a class would not have a row in each; -1 or more than there are
        means all of them.
    shuffle : bool, default=False
        Whether every pass has a new order.
    generator : torch.Generator or None, default=None
        Source of the orders.
    """

    def __init__(self, dataset, batch_size, shuffle=False, generator=None):
        super().__init__(dataset, batch_size, shuffle, generator)
        self.classes = dataset.targets[0].cpu().numpy()

    def __len__(self):
        return len(self._dealt(torch.arange(len(self.dataset))))

    def __iter__(self):
        n = len(self.dataset)
        if self.batch_size == n:
            yield self.dataset[slice(0, n)]
            return
        order = torch.randperm(n, generator=self.generator) if self.shuffle else torch.arange(n)
        for places in self._dealt(order):
            yield self.dataset[torch.from_numpy(places).to(self.dataset.X.device)]

    def _dealt(self, order):
        return stratified_batches(self.classes, order.numpy(), self.batch_size)
