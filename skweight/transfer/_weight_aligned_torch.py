"""A perceptron to whose outputs more are added, and what it is trained by."""

import torch
from torch import nn
from torch.nn import functional

from skweight.neural._modules import MLP


class GrowingMLP(nn.Module):
    """A perceptron whose last layer grows with the number of classes.

    Parameters
    ----------
    n_in, n_out : int
        Number of features and of classes.
    hidden_layer_sizes : tuple of int
        Units of the hidden layers.
    activation : str
        Name of a function between layers.
    bias : bool
        Whether the last layer has biases.
    clip : bool
        Whether weights of the last layer are kept at 0 or above.
    generator : torch.Generator
        Source of the random numbers.
    dtype : torch.dtype
        Type of the weights.
    """

    def __init__(
        self, n_in, n_out, bias, clip, *, hidden_layer_sizes, activation, generator, dtype
    ):
        super().__init__()
        *hidden, self.head = MLP(
            n_in, n_out, hidden_layer_sizes, activation, generator=generator, dtype=dtype
        )
        self.features = nn.Sequential(*hidden)
        self.clip = clip
        with torch.no_grad():
            if not bias:
                self.head.bias = None
            if clip:
                self.head.weight.abs_()

    def forward(self, X):
        """Return scores of classes."""
        return self.head(self.features(X))

    def after_step(self):
        """Keep the weights of the last layer where their norms say how large scores are."""
        if self.clip:
            self.head.weight.clamp_(min=0)

    @torch.no_grad()
    def take_over(self, other):
        """Begin with another's weights; classes that it does not know keep their own."""
        self.features.load_state_dict(other.features.state_dict())
        for mine, theirs in zip(self.head.parameters(), other.head.parameters(), strict=True):
            mine[: len(theirs)] = theirs
        self.after_step()


def distilled_cross_entropy(output, places, teacher=None, *, temperature, reduction):
    """Return the cross-entropy of labels, mixed with that of an older network's probabilities.

    Parameters
    ----------
    output : Tensor of shape (n, n_classes)
        Scores.
    places : Tensor of shape (n,)
        Places of the labels.
    teacher : Tensor of shape (n, n_old) or None, default=None
        Probabilities of the first classes, which the older network knows, at that temperature.
    temperature : float
        Divides scores before they become probabilities.
    reduction : {"none", "mean"}
        Whether to return the losses of the rows or their mean.
    """
    loss = functional.cross_entropy(output, places, reduction=reduction)
    if teacher is None:
        return loss
    n_old, n_classes = teacher.shape[1], output.shape[1]
    # Of old classes alone there would be nothing left of the labels.
    share = n_old / n_classes if n_old < n_classes else 0.5
    old = output[:, :n_old] / temperature
    old_loss = functional.cross_entropy(old, teacher, reduction=reduction)
    return (1 - share) * loss + share * old_loss
