"""
Losses of pairs are ways to weigh pairs
=======================================

:class:`~skweight.losses.GeneralPairWeighting` trains a network such that rows of one class become
similar. Five losses do it by name, and one function that weighs pairs by itself. Here each leads
wines of three cultivars to a circle, on which rows of the test half should form three heaps.
"""

# %%
# Six ways to weigh
# -----------------
#
# All rows are one batch. :class:`~skweight.losses.MultiSimilarityLoss` is the first by its own
# name.

import numpy as np
import torch
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler

from skweight.losses import GeneralPairWeighting, MultiSimilarityLoss
from skweight.metrics import mean_average_precision_at_r

X, y = load_wine(return_X_y=True)
X = StandardScaler().fit_transform(X)
train, test = np.arange(len(y)) % 2 == 0, np.arange(len(y)) % 2 == 1


def all_alike(S, positive, negative):
    """Weigh pairs of a kind alike, whatever their similarity."""
    parts = (kind / kind.sum(dim=1, keepdim=True).clamp(min=1) for kind in (positive, negative))
    return sum(parts)


losses = {"multi-similarity": MultiSimilarityLoss()}
for name in ("contrastive", "triplet", "lifted", "binomial"):
    losses[name] = GeneralPairWeighting(name)
losses["all pairs alike"] = GeneralPairWeighting(all_alike)

embedded = {}
rows, classes = torch.tensor(X[train], dtype=torch.float32), torch.tensor(y[train])
for name, loss in losses.items():
    torch.manual_seed(0)
    net = torch.nn.Linear(X.shape[1], 2, bias=False)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    for _ in range(150):
        optimizer.zero_grad()
        loss(net(rows), classes).backward()
        optimizer.step()
    with torch.no_grad():
        E = net(torch.tensor(X[test], dtype=torch.float32)).numpy()
    embedded[name] = E / np.linalg.norm(E, axis=1, keepdims=True)
    print(f"{name:17} mAP@R {mean_average_precision_at_r(E, y[test]):.3f}")

# %%
# On the circle
# -------------
#
# Distances from the centre are drawn at random, to tell rows apart that have the same angle.

import matplotlib.pyplot as plt

radius = np.random.default_rng(0).uniform(0.75, 1, size=(test.sum(), 1))
fig, axes = plt.subplots(2, 3, figsize=(8, 5.6), layout="constrained")
for ax, (name, E) in zip(axes.flat, embedded.items()):
    for k in range(3):
        ax.plot(*(radius * E)[y[test] == k].T, "o", ms=4, alpha=0.7)
    ax.set(title=name, aspect="equal", xlim=(-1.1, 1.1), ylim=(-1.1, 1.1), xticks=[], yticks=[])
fig.suptitle("Wines that were not trained on, by cultivar")
plt.show()

# %%
# Three classes are easy: all losses find them, and even equal weights do. Where classes are many
# they differ, see :ref:`representation_when`.
