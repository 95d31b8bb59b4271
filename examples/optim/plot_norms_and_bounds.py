"""
Norms that do not matter, and weights that are bounded
======================================================

Two ways to change how a network moves: optimisers that leave the norms of normalised layers alone,
and weights that are a bounded function of what is trained.
"""

# %%
# Norms that do not matter
# ------------------------
#
# After batch normalisation only the direction of a row of weights matters. A step of momentum makes
# the row longer, and the next step turns it by less: the effective learning rate is the learning
# rate over the squared norm. :class:`~skweight.optim.AdamP` and :class:`~skweight.optim.SGDP`
# remove what is along the row; :class:`~skweight.optim.EffectiveLearningRate` records what happens.

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from skweight.optim import (
    CompandedMLPClassifier,
    EffectiveLearningRate,
    NormalizedMLPClassifier,
)

# All train for the same number of epochs.
warnings.simplefilter("ignore", ConvergenceWarning)
X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X / 16, y, train_size=300, stratify=y, random_state=0
)
optimizers = {"adamw": 0.01, "adamp": 0.01, "sgd": 0.1, "sgdp": 0.1}
fig, ax = plt.subplots(figsize=(6.5, 3.6), layout="constrained")
for k, (name, rate) in enumerate(optimizers.items()):
    net = NormalizedMLPClassifier(
        (128, 128),
        optimizer=name,
        learning_rate_init=rate,
        batch_size=64,
        max_iter=25,
        tol=0.0,
        n_iter_no_change=25,
        callbacks=[EffectiveLearningRate()],
        random_state=0,
    ).fit(X_train, y_train)
    history = pd.DataFrame(dict(net.net_.callbacks_)["EffectiveLearningRate"].history_)
    second = history[history["name"] == "3.weight"]
    shares = second["effective_learning_rate"] / rate
    style = {"color": f"C{k // 2}", "linestyle": "-" if name.endswith("p") else "--"}
    ax.plot(second["epoch"], shares / shares.iloc[0], label=name, **style)
    print(
        f"{name:6} accuracy {net.score(X_test, y_test):.3f}, "
        f"share of projected steps {second['projected'].mean():.2f}"
    )
ax.set(
    xlabel="epoch",
    ylabel="effective learning rate,\nas a share of that of epoch 1",
    title="Second layer",
    ylim=(0, 1.05),
)
ax.legend()

# %%
# The projecting optimisers keep the pace, and the others lose some of it. On these few rows that
# makes no difference to accuracy: what it is good for are long trainings.
#
# Weights that are bounded
# ------------------------
#
# In a :class:`~skweight.optim.CompandedMLPClassifier` a weight is :math:`a \arctan(v / b)`.

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
v = np.linspace(-1, 1, 201)
for k, (a, b) in enumerate([(1e4, 1e4), (1.0, 1.0), (0.3, 0.1)]):
    net = CompandedMLPClassifier(
        (128, 128),
        a=a,
        b=b,
        optimizer="sgd",
        learning_rate_init=0.1,
        batch_size=64,
        max_iter=25,
        random_state=0,
    ).fit(X_train, y_train)
    name = "plain" if a > 100 else f"a = {a:g}, b = {b:g}"
    print(f"{name:16} accuracy {net.score(X_test, y_test):.3f}")
    left.plot(v, a * np.arctan(v / b), color=f"C{k}", label=name)
    weights = net.coefs_[1].ravel()
    right.hist(weights, np.linspace(-0.4, 0.4, 80), histtype="step", color=f"C{k}", label=name)
left.set(xlabel="v", ylabel="w", title="The function")
right.set(xlabel="w", ylabel="number of weights", title="Second layer, trained")
left.legend()
plt.show()

# %%
# Nothing goes beyond :math:`a \pi / 2`. The accuracies are alike: like any penalty, a and b are
# there to be searched over, and a plain network is the first thing to compare them with.
