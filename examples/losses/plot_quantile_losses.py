"""
Quantiles that do not cross, in a training loop of one's own
============================================================

Quantiles of a network cross, most of all with few rows. Three ways against it are modules here: a
penalty on what crosses, :class:`~skweight.losses.CrossingPenalty`; an ordering inside the network,
:class:`~skweight.losses.NonCrossing`; and sorting at the end, which needs no training. The loss is
:class:`~skweight.losses.QuantileLoss` in all cases.
"""

# %%
# The loop
# --------
#
# Diabetes progression of 442 patients, half of them left aside; nine levels, a small network, all
# rows in every step.

import numpy as np
import pandas as pd
import torch
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import scale

from skweight.losses import CrossingPenalty, NonCrossing, QuantileLoss

X, y = load_diabetes(return_X_y=True)
parts = train_test_split(scale(X), scale(y), test_size=0.5, random_state=0)
X, X_test, y, y_test = (torch.tensor(part, dtype=torch.float32) for part in parts)
levels = np.arange(1, 10) / 10
loss = QuantileLoss(levels)


def train(penalty=None, order=None, epochs=150):
    """Return the raw forecast of the test rows, and that of the ordering if there is one."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Linear(X.shape[1], 30), torch.nn.ReLU(), torch.nn.Linear(30, len(levels))
    )
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01, weight_decay=1e-3)
    for _ in range(epochs):
        optimizer.zero_grad()
        forecast = net(X)
        value = loss(forecast if order is None else order(forecast), y)
        if penalty is not None:
            value = value + 10 * penalty(forecast)
        value.backward()
        optimizer.step()
    with torch.no_grad():
        forecast = net(X_test)
        return forecast if order is None else order(forecast)


# %%
# What each of them does
# ----------------------
#
# The margin keeps levels apart by a hundredth of a standard deviation: a penalty that is silent on
# the training rows would say little of others.

ways = {
    "nothing": {},
    "penalty": {"penalty": CrossingPenalty(margin=0.01)},
    "sorted in training": {"order": NonCrossing("sort")},
    "projected in training": {"order": NonCrossing("isotonic")},
}
rows = {}
for name, options in ways.items():
    forecast = train(**options)
    ordered = NonCrossing("sort")(forecast)
    rows[name] = {
        "loss": loss(forecast, y_test).item(),
        "after sorting": loss(ordered, y_test).item(),
        "rows crossing": (forecast.diff(dim=1) < 0).any(dim=1).float().mean().item(),
    }
table = pd.DataFrame(rows).T
table.round(4)

# %%
# Sorting after the fact never raises a row's loss. The penalty is what changes the network itself.

import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(7, 3))
ax.barh(table.index[::-1], table["rows crossing"][::-1])
ax.set(xlabel="share of rows that cross")
plt.show()
