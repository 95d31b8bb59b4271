"""
A dependence penalty in a training loop
=======================================

A network of one's own, in plain torch, whose predictions should not depend on an attribute. The
penalty is :class:`~skweight.losses.DistanceCovarianceLoss`. One feature follows the square of the
attribute, so that no correlation shows between the two.
"""

# %%
# Three lines more than without
# -----------------------------
#
# The penalty sees a batch of predictions and the attribute of the same rows; the network never sees
# the attribute.

import numpy as np
import torch
from torch import nn

from skweight.losses import DistanceCovarianceLoss

rng = np.random.default_rng(0)
s = rng.uniform(-1, 1, size=2000)
proxy = 3 * s**2 - 1 + 0.3 * rng.normal(size=2000)
other = rng.normal(size=2000)
y = proxy + other + 0.5 * rng.normal(size=2000)
print(f"correlation of the proxy with the attribute: {np.corrcoef(proxy, s)[0, 1]:.3f}")

X = torch.tensor(np.column_stack([proxy, other]), dtype=torch.float32)
s, y = (torch.tensor(values, dtype=torch.float32) for values in (s, y))


def train(strength, epochs=15):
    """Train a small network, and return it."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
    dependence = DistanceCovarianceLoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(epochs):
        for rows in torch.randperm(len(y)).split(100):
            y_pred = net(X[rows])[:, 0]
            loss = nn.functional.mse_loss(y_pred, y[rows]) / 2
            loss = loss + strength * dependence(y_pred, s[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return net


# %%
# What it does
# ------------
#
# Means of the predictions along the attribute. The curve is what the plain network gives away, and
# what the penalty takes out; what the other feature says remains.

import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(6, 4))
edges = np.linspace(-1, 1, 21)
middles = (edges[1:] + edges[:-1]) / 2
place = np.digitize(s, edges[1:-1])
for strength in (0, 10, 100):
    y_pred = train(strength)(X).detach()[:, 0]
    score = DistanceCovarianceLoss()(y_pred, s).item()
    means = np.bincount(place, y_pred) / np.bincount(place)
    fit = np.corrcoef(y_pred, other)[0, 1]
    ax.plot(middles, means, marker=".", label=f"strength {strength}")
    print(f"strength {strength:3}: dependence {score:.4f}, correlation with the rest {fit:.2f}")
ax.set(xlabel="attribute", ylabel="mean prediction")
ax.legend()
plt.show()
