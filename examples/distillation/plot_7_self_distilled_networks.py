"""
A network that learns from its own probabilities
================================================

Kernel ridge regression has a closed form for the weight of the labels in a step of
self-distillation. A network has none, but the formula is a good estimate for it, at the price of
one more network instead of a grid. This example compares both, on digits with wrong labels.
"""

# %%
# 1,000 digits to learn from, 40 % of whose labels are replaced by wrong ones. The others are for
# tests and have right ones. A hundred of the 1,000 are held out from every network.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import PredefinedSplit, train_test_split

from skweight.datasets import add_label_noise
from skweight.distillation import SelfDistilledMLPClassifier

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X / 8 - 1, y, train_size=1000, stratify=y, random_state=0)
noisy, _ = add_label_noise(y, 0.4, kind="flip", random_state=0)
held = np.arange(1000) < 100

# %%
# Two steps: the first network learns from labels, the second from a mixture. For each weight of a
# grid it is a network more. Twenty epochs are enough here; the warning that the loss still falls
# is left out.

warnings.simplefilter("ignore", ConvergenceWarning)
options = {"learning_rate_init": 0.005, "batch_size": 100, "max_iter": 20, "random_state": 0}
one_hot, grid = np.eye(10)[noisy[held]], np.array([0.0, 0.25, 0.5, 0.75, 1.0])
errors, accuracies = [], []
for weight in grid:
    net = SelfDistilledMLPClassifier(ground_truth_weight=weight, **options)
    net.fit(X[~held], noisy[~held])
    errors.append(np.mean((net.predict_proba(X[held]) - one_hot) ** 2))
    accuracies.append(net.score(X_test, y_test))

# %%
# By the formula, which knows the rows held out and their labels, as wrong as the others.

two = SelfDistilledMLPClassifier(cv=PredefinedSplit(np.where(held, 0, -1)), **options)
two.fit(X, noisy)
print("weight of the labels:", two.ground_truth_weights_)
print(f"labels alone {accuracies[-1]:.3f}, 2 steps {two.score(X_test, y_test):.3f}")

# %%
# On the left, the error that the formula looks at, and on the right what it cannot see: accuracy
# on right labels.

fig, axes = plt.subplots(1, 2, figsize=(8.5, 3.6), layout="constrained")
found = two.ground_truth_weights_[0]
axes[0].plot(grid, errors, "o-", label="a network for each weight")
axes[0].plot(found, two.validation_errors_[1], "s", ms=9, label="by the formula")
axes[0].set(xlabel="weight of the labels", ylabel="squared error of rows held out")
axes[0].legend()
axes[1].plot(grid, accuracies, "o-")
axes[1].plot(found, two.score(X_test, y_test), "s", ms=9)
axes[1].set(xlabel="weight of the labels", ylabel="accuracy on right labels")
plt.show()

# %%
# The formula takes the error for a parabola, which it is for kernel methods. Here it is none:
# mixtures are worse than either end. The formula picks the end with the smaller error on rows held
# out, and yet the network of the labels alone finds more right ones. The squared error of
# probabilities forgives wrong labels by itself, as long as training is short; there is nothing to
# gain from a second step.
#
# Numbers that are noisy
# ----------------------
#
# For a network that is trained for long on few rows there is, but not much.

from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale

from skweight.distillation import SelfDistilledMLPRegressor

X, y = load_diabetes(return_X_y=True)
X, X_test, y, y_test = train_test_split(scale(X), y, train_size=220, random_state=0)
options |= {"batch_size": 22, "max_iter": 40}
for n_steps in (1, 2, 3):
    net = SelfDistilledMLPRegressor(n_steps, **options).fit(X, y)
    print(f"{n_steps} step(s): R2 {net.score(X_test, y_test):.2f}")
