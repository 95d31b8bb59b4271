"""
A network that learns the tails of its errors
=============================================

Outcomes around a curve, far from it now and then, and a small network in plain torch. It puts out
a location, a scale and a shape for every row, and :class:`~skweight.losses.GeneralizedGaussianNLL`
is minus the likelihood of the three.
"""

# %%
# Three outputs
# -------------
#
# Scales and shapes must be above 0 and away from it. A shape of 2 is a normal distribution, and 1
# Laplace's: with a bound on both sides of 2 the same network is forced to be normal.

import numpy as np
import torch
from scipy.stats import gennorm
from torch import nn

from skweight.losses import GeneralizedGaussianNLL

rng = np.random.default_rng(0)
X = rng.uniform(-2, 2, size=(3000, 1))
y = np.sin(3 * X[:, 0]) + (0.1 + 0.2 * np.abs(X[:, 0])) * rng.laplace(size=3000)
train, test = slice(0, 1500), slice(1500, None)


def distribution(net, rows, least, most):
    """Return locations, scales and shapes, the last within bounds."""
    loc, scale, shape = net(rows).unbind(dim=1)
    scale = 1e-3 + nn.functional.softplus(scale)
    return torch.stack([loc, scale, least + (most - least) * torch.sigmoid(shape)], dim=1)


def trained(least, most):
    """Return a network that has taken 600 steps of Adam on all rows."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(1, 50), nn.Tanh(), nn.Linear(50, 3))
    rows, outcomes = (torch.tensor(part[train], dtype=torch.float32) for part in (X, y))
    loss, optimizer = GeneralizedGaussianNLL(), torch.optim.Adam(net.parameters(), lr=0.02)
    for _ in range(600):
        optimizer.zero_grad()
        loss(distribution(net, rows, least, most), outcomes).backward()
        optimizer.step()
    return net


bounds = {"learned shape": (0.5, 4.0), "normal": (2.0, 2.0)}
nets = {name: trained(*ends) for name, ends in bounds.items()}

# %%
# What they predict
# -----------------

import matplotlib.pyplot as plt

grid = torch.linspace(-2, 2, 200)[:, None]
fig, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
for ax, (name, net) in zip(axes, nets.items(), strict=True):
    with torch.inference_mode():
        rows = torch.tensor(X[test], dtype=torch.float32)
        loc, scale, shape = distribution(net, rows, *bounds[name]).numpy().T
        centre, spread, power = distribution(net, grid, *bounds[name]).numpy().T
    likelihood = gennorm.logpdf(y[test], shape, loc, scale).mean()
    low, high = gennorm.ppf([[0.05], [0.95]], power, centre, spread)
    ax.plot(X[test], y[test], ".", color="0.7", ms=2)
    ax.fill_between(grid[:, 0], low, high, alpha=0.4)
    ax.plot(grid[:, 0], centre)
    inside = np.mean(np.abs(y[test] - loc) < gennorm.ppf(0.95, shape, scale=scale))
    ax.set(title=f"{name}: log likelihood {likelihood:.3f}", xlabel="x", ylim=(-4, 4))
    print(f"{name:14} mean shape {shape.mean():.2f}, {inside:.1%} of the rows in the 90 % band")
axes[0].set_ylabel("y")
plt.show()

# %%
# Likelihoods are of rows that were not trained on. The errors were drawn from Laplace's
# distribution, whose shape is 1.
