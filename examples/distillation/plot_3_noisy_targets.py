"""
Noisy targets, and a penalty that is tuned already
==================================================

Kernel ridge regression is usually given a list of penalties, of which leave-one-out takes the best.
:class:`~skweight.distillation.SelfDistilledKernelRidgeCV` searches penalty, step and weights
together, from the same decomposition. When is that better than the penalty alone? This example
looks at it on the progression of diabetes and on the strength of concrete, split by split.
"""

# %%
# Penalties and steps in one picture
# ----------------------------------
#
# 442 patients, ten measurements, and how far their disease had come a year later. To the targets of
# the training rows we add noise as large as they vary. The rows set aside stay clean.

import itertools

import numpy as np
from scipy.spatial.distance import pdist
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skweight.datasets import add_target_noise, load_concrete

data = {
    "diabetes": load_diabetes(return_X_y=True),
    "concrete": load_concrete(return_X_y=True),
}


def split(name, noise, seed):
    """Return 300 rows to train on, with noise, and the others, all standardised."""
    X, X_test, y, y_test = train_test_split(*data[name], train_size=300, random_state=seed)
    scaler = StandardScaler().fit(X)
    y, y_test = (y - y.mean()) / y.std(), (y_test - y.mean()) / y.std()
    if noise:
        y = add_target_noise(y, noise, random_state=1000 + seed)
    return scaler.transform(X), y - y.mean(), scaler.transform(X_test), y_test - y.mean()


X, y, X_test, y_test = split("diabetes", noise=1, seed=0)
gamma = 1 / np.median(pdist(X, "sqeuclidean"))

# %%
# The search shows its leave-one-out errors, a line for each penalty. On the left of each line is
# the ordinary fit. Those with small penalties gain a lot from the steps, the best one next to
# nothing, and lines come together: steps do much of what a penalty does.

from skweight.distillation import SelfDistilledKernelRidgeCV, StepErrorDisplay

search = SelfDistilledKernelRidgeCV(np.logspace(-2, 2, 9), gamma=gamma).fit(X, y)
StepErrorDisplay.from_estimator(search)

# %%
# The ordinary fit of every penalty was in the race. It is scikit-learn's.

from sklearn.kernel_ridge import KernelRidge

ordinary = KernelRidge(alpha=search.alpha_, kernel="rbf", gamma=gamma).fit(X, y).predict(X_test)
print(f"chosen: penalty {search.alpha_:.3g}, step {search.best_step_}")
print("step 1 is KernelRidge:", np.allclose(search.predict(X_test, step=1), ordinary))

# %%
# Split by split
# --------------
#
# One split says little. So twenty of each set, with noise and without, with two lists of penalties:
# the short default and a fine one. With ``n_steps=1`` the search is one of penalties alone. For
# linear models scikit-learn has that as ``RidgeCV``, and beside it we put
# :class:`~skweight.distillation.SelfDistilledRidgeCV`. All errors are of the rows set aside. The
# difference is that of the search with steps minus that without, with its standard error.

import pandas as pd
from sklearn.linear_model import RidgeCV

from skweight.distillation import SelfDistilledRidgeCV


def errors(name, noise, alphas, seed):
    """Return errors on the rows set aside: two searches of kernel models, two of linear ones."""
    X, y, X_test, y_test = split(name, noise, seed)
    gamma = 1 / np.median(pdist(X, "sqeuclidean"))
    models = [SelfDistilledKernelRidgeCV(alphas, gamma=gamma, n_steps=n) for n in (1, 5)]
    models += [RidgeCV(alphas), SelfDistilledRidgeCV(alphas)]
    return [np.mean((model.fit(X, y).predict(X_test) - y_test) ** 2) for model in models]


lists = {"3": (0.1, 1, 10), "13": np.logspace(-3, 3, 13)}
rows, gains = {}, {}
for name, noise, label in itertools.product(data, (0, 1), lists):
    found = np.array([errors(name, noise, lists[label], seed) for seed in range(20)])
    row = rows[name, noise, label] = {}
    for kind, (plain, steps) in {"kernel": found.T[:2], "linear": found.T[2:]}.items():
        row[kind, "penalty"] = plain.mean()
        row[kind, "difference"] = (steps - plain).mean()
        row[kind, "its error"] = (steps - plain).std(ddof=1) / np.sqrt(len(plain))
    gains[f"{name}, noise {noise}, {label} penalties"] = 100 * (found[:, 1] / found[:, 0] - 1)
pd.DataFrame(rows).T.rename_axis(["data", "noise", "penalties"]).round(4) + 0

# %%
# The kernel models again, a dot for each split.

import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(8, 3.8))
for place, gain in enumerate(gains.values()):
    ax.scatter(gain, np.full(len(gain), place), s=16, alpha=0.5, color="C0")
    ax.plot(gain.mean(), place, "|", ms=16, mew=2, color="C1")
ax.axvline(0, color="0.4", lw=1)
ax.set_yticks(range(len(gains)), gains)
ax.invert_yaxis()
ax.set_xlabel("error with steps against without, per cent")
plt.show()

# %%
# Steps are good for a list of penalties that is too coarse, or ends too early: with three of them
# there are sets on which they take some per cent off the error. With thirteen there is next to
# nothing to take off, and linear models of ten columns or eight have nothing at all. Many dots are
# at 0: unless a chain of steps gains enough on the rows left out, the search returns the ordinary
# fit. Look at the splits, not at one of them: single ones say anything.
