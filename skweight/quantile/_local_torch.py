"""Weights of quantile models as a function of the row: the network and its loss."""

import torch
from torch import nn

from skweight.losses import CrossingPenalty, QuantileLoss


class LocalWeights(nn.Module):
    """Weights of at least 0 that sum to 1, from a network's outputs and from where they start.

    Parameters
    ----------
    network : Module
        Makes one number for each weight; its last linear layer begins at zero.
    start : Tensor
        Weights above 0 that every row begins with; they sum to 1 along the last axis.
    """

    def __init__(self, network, start):
        super().__init__()
        self.network = network
        layers = [part for part in network.modules() if isinstance(part, nn.Linear)]
        for last in layers[-1:]:
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
        self.register_buffer("start", torch.log(start))

    def forward(self, X):
        """Return weights of shape (n, *start.shape)."""
        logits = self.network(X).reshape(len(X), *self.start.shape)
        return torch.softmax(logits + self.start, dim=-1)


class LocalCombination(nn.Module):
    """Quantiles of base models, combined by weights that depend on features.

    A row holds the features, then the levels of the first model, and so on.

    Parameters
    ----------
    weights : LocalWeights
        Of shape (n, p), (n, m, p) or (n, m, p * m) for n rows.
    n_features, n_models, n_levels : int
        What a row holds.
    """

    def __init__(self, weights, n_features, n_models, n_levels):
        super().__init__()
        self.weights = weights
        self.n_features, self.shape = n_features, (n_models, n_levels)

    def forward(self, rows):
        """Return combined quantiles of shape (n, m)."""
        weights = self.weights(rows[:, : self.n_features])
        Q = rows[:, self.n_features :].reshape(-1, *self.shape)
        if weights.ndim == 2:
            return torch.bmm(weights[:, None, :], Q)[:, 0]
        if weights.shape[2] == self.shape[0]:
            return (weights * Q.transpose(1, 2)).sum(dim=2)
        return torch.bmm(weights, Q.reshape(len(Q), -1, 1))[:, :, 0]


def build_combination(build_network, start, n_features, n_models, n_levels):
    """Build the module in the precision of its network."""
    network = build_network()
    weights = LocalWeights(network, torch.tensor(start))
    module = LocalCombination(weights, n_features, n_models, n_levels)
    return module.to(next(network.parameters()).dtype)


class CombinationLoss(nn.Module):
    """Pinball loss and penalty on crossing of a batch.

    Parameters
    ----------
    quantiles : ndarray of shape (m,)
        Levels.
    weight : float
        Factor of the penalty.
    margin : float or ndarray of shape (m, m)
        How far apart levels shall be.
    share : float
        More of it: this share of how far they are apart in a reference forecast.
    """

    def __init__(self, quantiles, weight, margin, share):
        super().__init__()
        self.loss, self.penalty = QuantileLoss(quantiles), CrossingPenalty(margin)
        self.factor, self.share = weight, share

    def forward(self, forecast, target, reference, weight=None):
        """Return the loss, divided by the sum of the rows' weights."""
        loss = self.loss(forecast, target, weight)
        if self.factor == 0:
            return loss
        # Where this is in order, the forecast's levels are that share of the reference's apart.
        return loss + self.factor * self.penalty(forecast - self.share * reference, weight)
