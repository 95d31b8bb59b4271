"""
When boundaries cross
=====================

A model with its own slopes at each boundary can contradict itself: at some :math:`x` it may find
"more than 95 %" likelier than "more than 85 %", and the class between the two gets a negative
probability. This example makes that happen on real data, and shows the two remedies: constraints
while fitting (``monotone``), and repair while predicting (``crossing``).
"""

# %%
# How often it happens
# --------------------
#
# Four hundred and forty-two patients with diabetes; the outcome is how far the disease had moved
# on after a year, in five steps of which the last has 2 %. The smaller the penalty, the freer the
# boundaries. Without constraints, in the end about every second new row crosses; constraints at
# the training rows (``"train"``) leave little of that, and constraints on the box around them
# (``"box"``) nothing.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split

from skweight.datasets import load_diabetes_progression
from skweight.metrics import ranked_probability_score
from skweight.ordinal import PrestoClassifier

X, y = load_diabetes_progression(return_X_y=True)
X, X_test, y, y_test = train_test_split(X, y, test_size=0.5, stratify=y, random_state=0)

rules = ["observed", "train", "box"]
alphas = PrestoClassifier().fit(X, y).alpha_max_ * np.logspace(-2.7, 0, 10)
crossed = {rule: [] for rule in rules}
error = {rule: [] for rule in rules}
for alpha in alphas:
    for rule in rules:
        model = PrestoClassifier(alpha=alpha, monotone=rule, max_iter=500).fit(X, y)
        above = model.predict_exceedance(X_test)
        crossed[rule].append((np.diff(above, axis=1) > 1e-9).any(axis=1).mean())
        error[rule].append(ranked_probability_score(y_test, model.predict_proba(X_test)))

fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6))
for rule, marker in zip(rules, "os^"):
    left.plot(alphas, crossed[rule], marker=marker, ms=4, label=rule)
    right.plot(alphas, error[rule], marker=marker, ms=4, label=rule)
left.set(ylabel="share of new rows", title="Rows where boundaries cross")
right.set(
    ylabel="ranked probability score", title="Error on new rows, after repair (less is better)"
)
for ax in (left, right):
    ax.set(xscale="log", xlabel="alpha")
    ax.invert_xaxis()
left.legend(title="monotone")

# %%
# The right picture has two messages. Constraints do not only make the model consistent: where it
# is too free, they make it better, as prior knowledge does. And the best penalty is one at which
# hardly anything crosses: *many crossings are a sign of too small a penalty*.
#
# What repair does to a row
# -------------------------
#
# Take a model that is too free and the row of the test set that it contradicts most.
# ``"project"`` moves its exceedance probabilities to the nearest ordered ones, ``"rearrange"``
# sorts them.

model = PrestoClassifier(alpha=alphas[2], monotone="observed").fit(X, y)
raw = model.predict_exceedance(X_test)
worst = np.diff(raw, axis=1).max(axis=1).argmax()

shown = {"raw": -np.diff(raw[worst], prepend=1.0, append=0.0)}
for repair in ["project", "rearrange"]:
    shown[repair] = model.set_params(crossing=repair).predict_proba(X_test[[worst]])[0]

names = load_diabetes_progression().target_names
fig, axes = plt.subplots(1, 2, figsize=(10, 3.6))
for i, (label, p) in enumerate(shown.items()):
    tail = 1 - np.cumsum(p)[:-1]
    axes[0].plot(range(4), tail, "os^"[i] + "-", ms=6 - i, label=label, alpha=0.85)
    axes[1].bar(np.arange(5) + 0.27 * (i - 1), p, width=0.25, label=label)
cuts = [f"> {name.split('-')[1].strip(' %')} %" for name in names[:-1]]
axes[0].set_xticks(range(4), cuts)
axes[0].set(title="P(progression > cut) of one patient", ylabel="probability")
axes[1].set_xticks(range(5), names)
axes[1].axhline(0, color="0.4", lw=1)
axes[1].set(title="Class probabilities of the same patient")
axes[0].legend()

# %%
# Neither can make the ranked probability score of a row worse, whatever its true class turns out
# to be. There is no such guarantee for the Brier score, and the probability of the last class can
# change too. Whoever wants the model's own risk of the last class takes it from
# ``predict_exceedance``, which is never repaired.
#
# Certainty instead of repair
# ---------------------------
#
# Three ways to be sure: ``monotone="box"`` for rows inside the range of the training data,
# ``crossing="raise"`` to be told, or a family that cannot cross.

for params in [{"monotone": "observed"}, {"monotone": "box"}, {"family": "continuation"}]:
    model = PrestoClassifier(alpha=alphas[3], crossing="raise", **params).fit(X, y)
    try:
        score = ranked_probability_score(y_test, model.predict_proba(X_test))
        print(params, f"ranked probability score {score:.3f}")
    except ValueError as error:
        print(params, error)
plt.show()
