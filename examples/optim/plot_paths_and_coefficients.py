"""
Where steps go, and a linear model whose weights are bounded
============================================================

The optimisers in a loop of one's own, in two dimensions, where one can watch them; the bound on
weights in a linear model, where one can read them.
"""

# %%
# Two weights of which only the direction matters
# -----------------------------------------------
#
# The loss below depends on where two weights point, not on how long they are, as behind batch
# normalisation. :class:`~skweight.optim.AdamP` and :class:`~skweight.optim.SGDP` are torch's kind
# of optimisers.

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from scipy.optimize import lsq_linear
from sklearn.datasets import load_diabetes
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch.nn.utils.parametrize import register_parametrization

from skweight.neural import NeuralRegressor
from skweight.optim import (
    SGDP,
    AdamP,
    CompandedMLPRegressor,
    NormalizedMLPRegressor,
    WeightCompander,
)


def path(optimizer, n_steps=60, **options):
    """Return where two weights are after each step."""
    w = torch.nn.Parameter(torch.tensor([[1.0, 0.3]]))
    optimizer = optimizer([w], **options)
    places = [w.detach().numpy()[0].copy()]
    for _ in range(n_steps):
        optimizer.zero_grad()
        (-w[0, 1] / w.norm()).backward()  # least where the weights point upwards
        optimizer.step()
        places.append(w.detach().numpy()[0].copy())
    return np.array(places)


momentum = {"lr": 0.1, "momentum": 0.9}
paths = {
    "SGD": path(torch.optim.SGD, **momentum),
    "SGDP": path(SGDP, **momentum),
    "Adam": path(torch.optim.Adam, lr=0.1),
    "AdamP": path(AdamP, lr=0.1),
}
fig, axes = plt.subplots(1, 2, figsize=(7.5, 4.6), layout="constrained", sharey=True)
for ax, names in zip(axes, (["SGD", "SGDP"], ["Adam", "AdamP"]), strict=True):
    ax.add_patch(plt.Circle((0, 0), np.hypot(1, 0.3), fill=False, color="0.8"))
    for name in names:
        x, y = paths[name].T
        ax.plot(x, y, ".-", markersize=4, label=f"{name}, length {np.hypot(x[-1], y[-1]):.2f}")
    ax.plot(1.0, 0.3, "ko")
    ax.set(aspect="equal", xlabel="first weight", xlim=(-1.4, 2.2), ylim=(-0.2, 4.1))
    ax.legend(loc="upper right")
axes[0].set_ylabel("second weight")

# %%
# The grey circle is where the weights would stay if their length did not change.
#
# A linear model whose weights are bounded
# ----------------------------------------
#
# Among the ten columns of these patients are kinds of cholesterol that nearly repeat each other,
# and least squares gives them large weights of opposite signs. With a
# :class:`~skweight.optim.WeightCompander` no weight of the layer can leave the bound
# :math:`a \pi / 2`. That pays in a network; for a line there is an exact solver as well, which
# shows where the training should lead.

X, y = load_diabetes(return_X_y=True, as_frame=True)
names = list(X.columns)
X, target = StandardScaler().fit_transform(X), ((y - y.mean()) / y.std(ddof=0)).to_numpy()
bound = 0.25

layer = torch.nn.Linear(X.shape[1], 1, bias=False, dtype=torch.float64)
torch.nn.init.zeros_(layer.weight)
register_parametrization(layer, "weight", WeightCompander(a=2 * bound / np.pi, b=0.1))
optimizer = torch.optim.Adam(layer.parameters(), lr=0.02)
rows, values = torch.tensor(X), torch.tensor(target)
for _ in range(1000):
    optimizer.zero_grad()
    ((layer(rows)[:, 0] - values) ** 2).mean().backward()
    optimizer.step()

weights = pd.DataFrame(
    {
        "least squares": np.linalg.lstsq(X, target, rcond=None)[0],
        "companded": layer.weight.detach()[0],
        "bounded least squares": lsq_linear(X, target, (-bound, bound)).x,
    },
    index=names,
)
ax = weights.plot.bar(figsize=(8, 3.6), width=0.8, rot=0)
ax.axhspan(-bound, bound, color="0.93", zorder=0)
ax.set_ylabel("weight")
ax.figure.set_layout_engine("constrained")
print(weights.round(3))
plt.show()

# %%
# Do they predict better?
# -----------------------
#
# Five-fold :math:`R^2` of networks with a hidden layer, plain,
# :class:`bounded <skweight.optim.CompandedMLPRegressor>` and
# :class:`normalised <skweight.optim.NormalizedMLPRegressor>`, and of ridge regression.

networks = {"learning_rate_init": 0.01, "max_iter": 40, "tol": 1e-3, "random_state": 0}
models = {
    "ridge regression": RidgeCV(np.logspace(-1, 3, 20)),
    "plain": NeuralRegressor((20,), **networks),
    "bounded": CompandedMLPRegressor((20,), a=0.4, b=0.4, **networks),
    "normalised": NormalizedMLPRegressor((20,), **networks),
}
folds = KFold(5, shuffle=True, random_state=0)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    for name, model in models.items():
        scores = cross_val_score(make_pipeline(StandardScaler(), model), X, y, cv=folds)
        error = scores.std(ddof=1) / np.sqrt(len(scores))
        print(f"{name:16} {scores.mean():.3f} ({error:.3f})")

# %%
# Neither bounds nor normalisation beat ridge regression on so few patients.
