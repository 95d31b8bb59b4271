"""
A network that is trained for F1
================================

A rare class in the middle of a common one, and a small network in plain torch. Trained by
cross-entropy it calls a row rare where that is more likely than not; trained by
:class:`~skweight.losses.AnyLoss` it calls as many as F1 wants.
"""

# %%
# One line differs
# ----------------
#
# The last layer starts from 0, so that every row has a say: rows of which the network is sure have
# no gradient. All rows are one batch, since the metric of a small batch is another loss.

import numpy as np
import torch
from torch import nn

from skweight.losses import AnyLoss

rng = np.random.default_rng(0)
X = rng.normal(size=(3000, 2))
y = (rng.uniform(size=3000) < 0.7 * np.exp(-((X - 0.5) ** 2).sum(axis=1) * 2)).astype(int)
train, test = slice(0, 2000), slice(2000, None)
print(f"{y.mean():.1%} are rare")


def trained(loss):
    """Return a network that has taken 600 steps of Adam."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 20), nn.Tanh(), nn.Linear(20, 1))
    nn.init.zeros_(net[-1].weight)
    nn.init.zeros_(net[-1].bias)
    rows, labels = torch.tensor(X[train], dtype=torch.float32), torch.tensor(y[train])
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(600):
        optimizer.zero_grad()
        loss(net(rows), labels).backward()
        optimizer.step()
    return net


def cross_entropy(output, labels):
    """Return the cross-entropy of labels 0 and 1."""
    return nn.functional.binary_cross_entropy_with_logits(output[:, 0], labels.float())


losses = {"cross-entropy": cross_entropy, "F1": AnyLoss("f1"), "G-mean": AnyLoss("gmean")}
nets = {name: trained(loss) for name, loss in losses.items()}

# %%
# What they call rare
# -------------------

import matplotlib.pyplot as plt
from sklearn.metrics import f1_score

grid = np.linspace(-3, 3, 200)
points = torch.tensor(np.stack(np.meshgrid(grid, grid), axis=-1), dtype=torch.float32)
fig, axes = plt.subplots(1, 3, figsize=(10, 3.6), sharex=True, sharey=True, layout="constrained")
for ax, (name, net) in zip(axes, nets.items()):
    with torch.inference_mode():
        surface = net(points)[..., 0].numpy()
        decided = net(torch.tensor(X[test], dtype=torch.float32))[:, 0].numpy() > 0
    ax.plot(*X[y == 0].T, ".", color="0.8", ms=2)
    ax.plot(*X[y == 1].T, ".", color="C3", ms=3)
    ax.contourf(grid, grid, surface > 0, levels=[0.5, 1], colors=["C0"], alpha=0.3, zorder=3)
    title = f"{name} loss: F1 of {f1_score(y[test], decided):.2f}"
    ax.set(title=title, xlabel="first feature", xlim=(-2.5, 2.5), ylim=(-2.5, 2.5))
axes[0].set_ylabel("second feature")
plt.show()

# %%
# The scores in the titles are of rows that were not trained on. Cross-entropy calls rare what is so
# more likely than not. F1 accepts more false alarms for more rows found, and the G-mean, to which
# all of the common class is worth as much as all of the rare one, still more of them.
