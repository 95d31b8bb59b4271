"""What networks that embed rows differ in: a linear map, their batches, and their criterion."""

import torch
from torch import nn

from skweight.neural._modules import MLP
from skweight.neural._rows import TensorBatches
from skweight.representation._batches import BalancedBatchSampler


def embedding_mlp(n_in, n_out, hidden_layer_sizes, activation, *, generator, dtype):
    """Return a perceptron, which without hidden layers is a linear map without biases."""
    net = MLP(n_in, n_out, hidden_layer_sizes, activation, generator=generator, dtype=dtype)
    if not hidden_layer_sizes:
        net[0].bias = None
    return net


class BalancedBatches(TensorBatches):
    """Batches of a `BalancedBatchSampler`.

    Parameters
    ----------
    dataset : TensorRows
        The rows, whose first target is their class.
    batch_size : int
        Not used.
    shuffle : bool, default=False
        Not used.
    generator : torch.Generator or None, default=None
        Source of the draws.
    n_classes_per_batch, n_per_class
        Parameters of `BalancedBatchSampler`.
    """

    def __init__(
        self,
        dataset,
        batch_size,
        shuffle=False,
        generator=None,
        *,
        n_classes_per_batch=None,
        n_per_class=5,
    ):
        self.dataset = dataset
        seed = torch.randint(2**31 - 1, (), generator=generator).item()
        classes = dataset.targets[0].cpu().numpy()
        self.sampler = BalancedBatchSampler(classes, n_classes_per_batch, n_per_class, seed)

    def __len__(self):
        return len(self.sampler)

    def __iter__(self):
        device = self.dataset.X.device
        for places in self.sampler:
            yield self.dataset[torch.tensor(places, device=device)]


class PairCriterion(nn.Module):
    """A loss of embedded rows and their classes, as the criterion of a net.

    Parameters
    ----------
    loss : callable
        Takes rows of unit length and their classes, and returns a number.
    knows_rows : bool
        Whether it takes ``rows``, which say what row of the data each is.
    """

    def __init__(self, loss, knows_rows):
        super().__init__()
        self.loss = loss
        self.knows_rows = knows_rows

    def forward(self, output, classes, rows, weight=None):
        """Return the loss of a batch, all rows of which count the same."""
        if not self.training and len(classes.unique()) == len(classes):
            raise ValueError(
                "early_stopping=True must hold out two rows of a class at least, got "
                f"{len(classes)} row(s) of different ones: raise validation_fraction."
            )
        output = nn.functional.normalize(output)
        options = {"rows": rows} if self.knows_rows else {}
        loss = self.loss(output, classes, **options)
        if not isinstance(loss, torch.Tensor) or loss.numel() != 1:
            found = f"shape {tuple(loss.shape)}" if hasattr(loss, "shape") else repr(loss)
            raise ValueError(f"loss must return a tensor of one number, got {found}.")
        return loss.reshape(())
