"""Networks that predict quantiles: one that is asked for a level, and the loss of a normal one."""

import torch
from torch import nn

# Standard deviations are above this, in units of that of the outcome.
LEAST_SCALE = 1e-3


class LevelNetwork(nn.Module):
    """Ask a network that takes a level as its last input for several levels of each row.

    Parameters
    ----------
    build_network : callable
        Returns a module with an input more than there are features, and one output.
    quantiles : ndarray of shape (m,)
        Levels; the input is the level minus a half.
    """

    def __init__(self, build_network, quantiles):
        super().__init__()
        self.network = build_network()
        dtype = next(self.network.parameters()).dtype
        self.register_buffer("inputs", torch.tensor(quantiles, dtype=dtype) - 0.5)

    def forward(self, X):
        """Return quantiles of shape (n, m)."""
        if not self.training:  # m times the rows would need m times the memory
            return torch.cat([self._ask(X, level.expand(len(X))) for level in self.inputs], dim=1)
        n, m = len(X), len(self.inputs)
        return self._ask(X.repeat_interleave(m, dim=0), self.inputs.repeat(n)).reshape(n, m)

    def _ask(self, X, levels):
        return self.network(torch.cat([X, levels[:, None]], dim=1))


class GaussianLoss(nn.Module):
    """Minus the log likelihood of normal outcomes, but for a constant.

    The first output is their mean; softplus of the second, and a little more, the deviation.
    """

    def forward(self, output, target, weight=None):
        """Return the weighted mean over rows."""
        scale = nn.functional.softplus(output[:, 1]) + LEAST_SCALE
        losses = torch.log(scale) + 0.5 * ((target - output[:, 0]) / scale) ** 2
        if weight is None:
            return losses.mean()
        return weight @ losses / weight.sum()
