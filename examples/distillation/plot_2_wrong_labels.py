"""
Digits, of which many carry a wrong label
=========================================

Somebody labelled in a hurry. Can a classifier be taught better by its own scores than by the labels
it was given? This example counts, step by step, for penalties that are too small, right and too
large, and then lets leave-one-out on the wrong labels find penalty, step and weights.
"""

# %%
# 40 % of the labels drawn anew
# -----------------------------
#
# 1,000 handwritten digits to train on, and the others with clean labels to count on.
# :func:`~skweight.datasets.add_label_noise` picks four labels of ten and draws them anew from all
# ten digits, so that some are right by luck.

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skweight.datasets import add_label_noise


def split(seed):
    """Return digits to train on, their wrong labels and right ones, and digits to test on."""
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, train_size=1000, random_state=seed)
    noisy, _ = add_label_noise(y, 0.4, random_state=seed)
    return X, noisy, y, X_test, y_test


X, noisy, y, X_test, y_test = split(0)
print(f"{np.mean(noisy != y):.0%} of the labels are wrong")

# %%
# Accuracy by step
# ----------------
#
# :class:`~skweight.distillation.SelfDistilledKernelRidgeClassifier` fits +1 and -1 for each digit,
# as ``RidgeClassifier`` does. After the first step it learns from scores: on the left from nothing
# else, on the right from mixtures whose weights are found by leave-one-out.

import matplotlib.pyplot as plt

from skweight.distillation import SelfDistilledKernelRidgeClassifier, StepErrorDisplay

fig, axes = plt.subplots(1, 2, figsize=(9, 3.8), sharey=True)
models = {}
for ax, weight, title in zip(axes, (0, "loo"), ("no ground truth", "weights by leave-one-out")):
    for alpha in (0.1, 1, 10):
        models[weight, alpha] = SelfDistilledKernelRidgeClassifier(
            alpha, gamma=0.1, n_steps=6, ground_truth_weight=weight
        ).fit(X, noisy)
    shown = {f"penalty {alpha:g}": models[weight, alpha] for alpha in (0.1, 1, 10)}
    StepErrorDisplay.from_estimator(shown, X_test, y_test, ax=ax)
    ax.set_title(title)
axes[1].set_ylabel("")

# %%
# Three stories in one picture. With a penalty that is too small, the ordinary fit has learnt many
# wrong labels, and half of its errors go with one step or two. With the right penalty there is
# nothing to gain, and a penalty that is too large gets worse without ground truth. The weights tell
# which of the three it is, and are found without a right label: below 1 is smoother than the
# ordinary fit, above 1 undoes some of its penalty.

for alpha in (0.1, 1, 10):
    print(f"penalty {alpha:4}: weights", *models["loo", alpha].ground_truth_weights_.round(2))

# %%
# And the best of them end where the right penalty begins: what steps do, a better penalty does too.
#
# The wrong labels themselves
# ---------------------------
#
# What do the steps say of digits whose label is wrong? Of the model with the small penalty, the
# ordinary fit repeats many of these labels, and the last step does not. Ten of those on which the
# two differ:

model = models[0, 0.1]
steps = {1: model.predict(X, step=1), 6: model.predict(X)}
wrong = noisy != y
for step, said in steps.items():
    repeated, right = np.mean(said[wrong] == noisy[wrong]), np.mean(said == y)
    print(f"step {step}: {repeated:.0%} of the wrong labels repeated, {right:.0%} right in all")

fig, axes = plt.subplots(1, 10, figsize=(9, 1.7), subplot_kw={"xticks": [], "yticks": []})
for ax, row in zip(axes, np.flatnonzero(wrong & (steps[1] != steps[6]))):
    ax.imshow(X[row].reshape(8, 8), cmap="Greys")
    ax.set_title(f"label {noisy[row]}\nsays {steps[6][row]}", fontsize="small")

# %%
# Everything by leave-one-out
# ---------------------------
#
# :class:`~skweight.distillation.SelfDistilledKernelRidgeClassifierCV` searches penalties, steps and
# weights at once. With ``n_steps=1`` it searches penalties for the ordinary fit, in the same way.
# First a list of penalties that are all too small, then one that has a good one; the second is also
# given to the linear :class:`~skweight.distillation.SelfDistilledRidgeClassifierCV` and to
# scikit-learn's ``RidgeClassifierCV``. Accuracy on the clean digits, over four splits.

import pandas as pd
from sklearn.linear_model import RidgeClassifierCV

from skweight.distillation import (
    SelfDistilledKernelRidgeClassifierCV,
    SelfDistilledRidgeClassifierCV,
)

kernels = SelfDistilledKernelRidgeClassifierCV
small, good = (0.01, 0.1), (0.1, 1, 10)
searches = {
    ("kernel, small penalties", 1): kernels(small, gamma=0.1, n_steps=1),
    ("kernel, small penalties", 5): kernels(small, gamma=0.1),
    ("kernel, a good penalty", 1): kernels(good, gamma=0.1, n_steps=1),
    ("kernel, a good penalty", 5): kernels(good, gamma=0.1),
    ("linear, a good penalty", 1): RidgeClassifierCV(good),
    ("linear, a good penalty", 5): SelfDistilledRidgeClassifierCV(good),
}
accuracy = {name: [] for name in searches}
for seed in range(4):
    X, noisy, _, X_test, y_test = split(seed)
    for name, search in searches.items():
        accuracy[name].append(search.fit(X, noisy).score(X_test, y_test))
table = pd.DataFrame(accuracy).T
table.index.names = ["penalties", "steps"]
table.assign(mean=table.mean(axis=1)).round(3)

# %%
# Steps are worth a lot where the penalties at hand are too small. Where a good one is on the list,
# the search with steps neither wins nor loses by more than a few digits. It is an insurance, and
# costs little: both searches rest on one decomposition of the kernel matrix.

plt.show()
