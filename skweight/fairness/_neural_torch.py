"""What fair networks are trained on: a loss, and what it costs to depend on attributes."""

import torch
from torch import nn

from skweight.losses._distance_covariance_torch import DistanceCovarianceLoss

__all__ = ["Deviance", "DistanceCovarianceLoss", "Penalised", "probabilities"]


class Penalised(nn.Module):
    """A loss of predictions, plus a multiple of their dependence on attributes.

    Parameters
    ----------
    loss : Module
        Takes outputs, targets and ``weight=``, and returns a mean over rows.
    strength : float
        What the dependence is multiplied by.
    dependence : DistanceCovarianceLoss
        The dependence.
    response : callable
        Makes of outputs what is to be independent, such as probabilities.
    widths : list of int
        Columns of each attribute in the last target, which holds them side by side.
    count : float
        What weights are multiplied by to count rows.
    """

    def __init__(self, loss, strength, dependence, response, widths, count):
        super().__init__()
        self.loss = loss
        self.strength = strength
        self.dependence = dependence
        self.response = response
        self.widths = widths
        self.count = count

    def forward(self, output, *targets, weight=None):
        """Return the penalised loss of a batch."""
        *targets, attributes = targets
        loss = self.loss(output, *targets, weight=weight)
        if self.strength == 0:
            return loss
        blocks = attributes.split(self.widths, dim=1)
        weight = None if weight is None else self.count * weight
        return loss + self.strength * self.dependence(self.response(output), blocks, weight)


class Deviance:
    """Half the deviance of a Tweedie distribution with the log link, as scikit-learn has it.

    Parameters
    ----------
    power : float
        The variance is the mean to this power.
    """

    def __init__(self, power):
        self.power = power

    def __call__(self, output, y, reduction):
        """Return the loss of each row, or their mean."""
        p = self.power
        if p == 0:
            losses = 0.5 * (torch.exp(output) - y) ** 2
        elif p == 1:
            losses = torch.exp(output) - y * output
        elif p == 2:
            losses = output + y * torch.exp(-output)
        else:
            upper, lower = torch.exp((2 - p) * output), y * torch.exp((1 - p) * output)
            losses = upper / (2 - p) - lower / (1 - p)
        return losses.mean() if reduction == "mean" else losses


def probabilities(output):
    """Return the probability of the second of two classes, else of all classes."""
    shares = torch.softmax(output, dim=1)
    return shares[:, 1:] if shares.shape[1] == 2 else shares
