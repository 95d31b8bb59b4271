"""What networks trained for a metric differ in: their start, and their batches."""

import torch

from skweight.imbalance._batches import stratified_batches
from skweight.neural._modules import MLP
from skweight.neural._rows import TensorBatches

# What the usual initial weights of the last layer are multiplied by.
_FIRST_SCORES = 0.01


def undecided_mlp(n_in, n_out, hidden_layer_sizes, activation, *, generator, dtype):
    """Return a perceptron that gives classes nearly the same probability at first.

    Rows of which it was sure would have no gradient. Where all probabilities were equal to the
    bit, some metrics would have a gradient of rounding errors in the last biases, which Adam makes
    as large as any. The parameters are those of `skweight.neural.MLP`.
    """
    net = MLP(n_in, n_out, hidden_layer_sizes, activation, generator=generator, dtype=dtype)
    with torch.no_grad():
        for values in net[-1].parameters():
            values.mul_(_FIRST_SCORES)
    return net


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
