"""Ensembles of networks that predict generalised Gaussian distributions, and their loss."""

import itertools
import math

import torch
from torch import nn

from skweight.losses._generalized_gaussian_torch import (
    batch_inverse_error_variance_weights,
)
from skweight.neural._modules import ACTIVATIONS, gain_of


class EnsembleLinear(nn.Module):
    """A linear layer of every member, all of which are computed at once.

    Weights and biases of each begin as those of `skweight.neural.MLP` do.

    Parameters
    ----------
    n_members, n_in, n_out : int
        Number of members, and of a member's inputs and outputs.
    generator : torch.Generator or None
        Source of the random numbers.
    dtype : torch.dtype or None
        Type of the weights.
    gain : float, default=6.0
        The bound is the root of this over the number of inputs and outputs.
    """

    def __init__(self, n_members, n_in, n_out, generator, dtype, gain=6.0):
        super().__init__()
        bound = math.sqrt(gain / (n_in + n_out))
        self.weight = nn.Parameter(torch.empty(n_members, n_in, n_out, dtype=dtype))
        # Flat, as what has one dimension only is not penalised.
        self.bias = nn.Parameter(torch.empty(n_members * n_out, dtype=dtype))
        for part in (self.weight, self.bias):
            nn.init.uniform_(part, -bound, bound, generator=generator)
        self.out_features = n_members * n_out  # numbers of a row

    def forward(self, X):
        """Return outputs (members, n, n_out) of rows (n, n_in), or (members, n, n_in)."""
        members = len(self.weight)
        return torch.baddbmm(self.bias.view(members, 1, -1), X.expand(members, -1, -1), self.weight)


class EnsembleMLP(nn.Sequential):
    """Perceptrons side by side, each with its share of the outputs.

    The first output of a member begins at random, the others at 0.

    Parameters
    ----------
    n_in, n_out : int
        Number of features, and of outputs of all members.
    n_members : int
        Number of members.
    hidden_layer_sizes : tuple of int
        Units of a member's hidden layers.
    activation : str
        Name of a function between layers.
    generator : torch.Generator or None, default=None
        Source of the random numbers.
    dtype : torch.dtype or None, default=None
        Type of the weights.
    """

    def __init__(
        self,
        n_in,
        n_out,
        n_members,
        hidden_layer_sizes,
        activation,
        *,
        generator=None,
        dtype=None,
    ):
        options = {"generator": generator, "dtype": dtype}
        options["gain"] = gain_of(activation)
        layers = []
        sizes = [n_in, *hidden_layer_sizes]
        for before, after in itertools.pairwise(sizes):
            layers += [EnsembleLinear(n_members, before, after, **options)]
            layers += [ACTIVATIONS[activation]()]
        last = EnsembleLinear(n_members, sizes[-1], n_out // n_members, **options)
        with torch.no_grad():
            last.weight[..., 1:] = 0
            last.bias.view(n_members, -1)[:, 1:] = 0
        super().__init__(*layers, last)

    def forward(self, X):
        """Return outputs of shape (n, n_out), those of a member side by side."""
        return super().forward(X).transpose(0, 1).flatten(1)


class Heads(nn.Module):
    """Make locations, scales and shapes of numbers without bounds.

    Three zeros are a normal distribution of variance 1, or what is next to it within the bounds.

    Parameters
    ----------
    n_members : int
        Number of members.
    scale : float or None
        The scale where it is not learned.
    scale_floor : float
        Scales that are learned are above it.
    shape_bounds : tuple of (float, float)
        Least and largest shape.
    """

    def __init__(self, n_members, scale, scale_floor, shape_bounds):
        super().__init__()
        self.n_members, self.scale, self.scale_floor = n_members, scale, scale_floor
        lower, upper = shape_bounds
        self.least_shape, self.shape_range = lower, upper - lower
        # Not at a bound, where the derivative is 0.
        share = min(max((2 - lower) / (upper - lower), 0.01), 0.99) if upper > lower else 0.5
        self.shape_start = math.log(share / (1 - share))
        self.scale_start = math.log(math.expm1(math.sqrt(2) - scale_floor))

    def forward(self, raw):
        """Return (n, 3, members): locations, scales and shapes."""
        loc, scale, shape = raw.view(len(raw), self.n_members, 3).unbind(-1)
        shape = self.least_shape + self.shape_range * torch.sigmoid(shape + self.shape_start)
        if self.scale is None:
            scale = self.scale_floor + nn.functional.softplus(scale + self.scale_start)
        else:
            scale = torch.full_like(loc, self.scale)
        return torch.stack([loc, scale, shape], dim=1)


class DistributionNetwork(nn.Module):
    """A network whose outputs become locations, scales and shapes.

    Parameters
    ----------
    build_network : callable
        Returns a module with three outputs for each member.
    heads : Heads
        What becomes of the outputs.
    """

    def __init__(self, build_network, heads):
        super().__init__()
        self.network = build_network()
        self.heads = heads

    def forward(self, X):
        """Return (n, 3, members): locations, scales and shapes."""
        return self.heads(self.network(X))


class EnsembleLoss(nn.Module):
    """The loss of the members' distributions, and their errors where they agree.

    Parameters
    ----------
    likelihood : GeneralizedGaussianNLL
        The loss of the distributions.
    epistemic_weight : float
        Factor of the absolute errors, in a mean by the members' agreement; 0 leaves them out.
    agreement : dict
        How `batch_inverse_error_variance_weights` measures it.
    """

    def __init__(self, likelihood, epistemic_weight, **agreement):
        super().__init__()
        self.likelihood = likelihood
        self.epistemic_weight = epistemic_weight
        self.agreement = agreement

    def forward(self, output, target, *unused, weight=None):
        """Return the loss of a batch: divided by the sum of its weights."""
        loss = self.likelihood(output, target, weight)
        if self.epistemic_weight == 0:
            return loss
        errors = target[:, None] - output[:, 0]
        shares = batch_inverse_error_variance_weights(
            errors, sample_weight=weight, **self.agreement
        )
        return loss + self.epistemic_weight * shares.dot(errors.abs().sum(dim=1))
