"""
Digits with twenty labels each: neighbours of one class
=======================================================

Two hundred handwritten digits have labels, and sixteen hundred have none. This example learns from
the labels an embedding in which digits of one class are neighbours, with
:class:`~skweight.representation.MultiSimilarityEmbedding`, and asks of those without: are the rows
nearest to a digit the same digit? And then it asks the same of digits that no label was given for.
"""

# %%
# Twenty labels each
# ------------------

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.neighbors import NeighborhoodComponentsAnalysis
from sklearn.preprocessing import FunctionTransformer

from skweight.metrics import mean_average_precision_at_r, recall_at_k
from skweight.representation import MultiSimilarityEmbedding

X, y = load_digits(return_X_y=True)
X = X / 16
rng = np.random.default_rng(0)
places = [rng.choice(np.flatnonzero(y == digit), 20, replace=False) for digit in range(10)]
labelled = np.isin(np.arange(len(y)), np.concatenate(places))


def embeddings():
    """Return what is compared, not fitted yet."""
    return {
        "pixels": FunctionTransformer(),
        "PCA": PCA(16, random_state=0),
        "NCA": NeighborhoodComponentsAnalysis(16, max_iter=30, random_state=0),
        "multi-similarity": MultiSimilarityEmbedding(16, max_iter=100, tol=1e-2, random_state=0),
    }


def compare(train, test):
    """Return the embedded test rows of each, after printing what their neighbours are."""
    table, embedded = {}, {}
    for name, model in embeddings().items():
        embedded[name] = model.fit(X[train], y[train]).transform(X[test])
        table[name] = {
            "recall at 1": recall_at_k(embedded[name], y[test]),
            "mAP@R": mean_average_precision_at_r(embedded[name], y[test]),
        }
    print(pd.DataFrame(table).T.round(3))
    return embedded


embedded = compare(labelled, ~labelled)

# %%
# The single nearest row is of the same class nearly always, in pixels even more often: there are
# many digits, and one of them looks like the one that is looked for. But the *classes* hold
# together only in the embedding, which the mean average precision tells: of all rows of the class,
# how many are the nearest?
#
# A picture of similarities
# -------------------------
#
# Rows are sorted by class. A perfect embedding has ten white squares and black around them.

import matplotlib.pyplot as plt

digits = y[~labelled]
chosen = np.concatenate([np.flatnonzero(digits == digit)[:40] for digit in range(10)])
fig, axes = plt.subplots(1, 3, figsize=(10, 3.8), layout="constrained")
for ax, name in zip(axes, ("pixels", "NCA", "multi-similarity")):
    E = embedded[name][chosen]
    E = E / np.linalg.norm(E, axis=1, keepdims=True)
    image = ax.imshow(E @ E.T, cmap="gray", vmin=-0.2, vmax=1)
    ax.set(title=name, xticks=20 + 40 * np.arange(10), yticks=20 + 40 * np.arange(10))
    ax.set_xticklabels(range(10))
    ax.set_yticklabels(range(10))
fig.colorbar(image, ax=axes, label="similarity", shrink=0.8)
fig.suptitle("Digits that had no label")

# %%
# A loop of one's own
# -------------------
#
# The parts can be had alone. :class:`~skweight.representation.BalancedBatchSampler` draws batches
# with several rows of a class, for :class:`~skweight.losses.MultiSimilarityLoss` or another way to
# weigh pairs by :class:`~skweight.losses.GeneralPairWeighting`, here the five most similar
# negatives of each row.

import torch

from skweight.losses import GeneralPairWeighting, MultiSimilarityLoss
from skweight.representation import BalancedBatchSampler


def five_negatives(S, positive, negative):
    """Weigh all positive pairs, and the five hardest negative ones of each row."""
    similar = torch.where(negative, S, -torch.inf)
    fifth = similar.topk(5, dim=1).values[:, -1:]
    return positive / 4 + (similar >= fifth) / 5


rows, classes = torch.tensor(X[labelled], dtype=torch.float32), torch.tensor(y[labelled])
for loss in (MultiSimilarityLoss(), GeneralPairWeighting(five_negatives)):
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 16))
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
    sampler = BalancedBatchSampler(y[labelled], random_state=0)
    for _ in range(50):
        for batch in sampler:
            optimizer.zero_grad()
            loss(net(rows[batch]), classes[batch]).backward()
            optimizer.step()
    with torch.no_grad():
        E = net(torch.tensor(X[~labelled], dtype=torch.float32)).numpy()
    print(f"{type(loss).__name__:22} {mean_average_precision_at_r(E, digits):.3f}")

# %%
# Digits that were never seen
# ---------------------------
#
# Such embeddings are also used for classes that are not among the training rows. Here that fails:
# what tells 0 to 4 apart does not tell 5 to 9 apart, and the pixels are best.

embedded = compare(y < 5, y >= 5)
plt.show()
