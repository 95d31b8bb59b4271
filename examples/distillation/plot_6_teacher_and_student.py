"""
A forest, compressed into ten weights for each pixel
====================================================

A forest reads handwritten digits better than a linear model. It is also large, and slow.
:class:`~skweight.distillation.DistilledClassifier` lets a linear student learn from the labels and
from the order in which the forest ranks the ten classes. When is the student better than a linear
model that learns from the labels alone? This example finds a case where it is, and one where it is
not.
"""

# %%
# What a student learns
# ---------------------
#
# The true class comes first, then the others as the teacher ranks them. To choose classes in this
# order one after the other, each among those left, is a chain of decisions. Each has a probability,
# and its logarithm counts as much as the teacher trusts the class that is chosen.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skweight.distillation import DistilledClassifier
from skweight.losses import plackett_luce_distillation_loss

student, teacher = [[0.3, -1.2, 2.0, 0.5, 0.0]], [[1.0, 3.0, -0.5, 2.0, 0.25]]
for true in range(5):
    print(true, round(plackett_luce_distillation_loss(student, teacher, [true]), 3))

# %%
# Right labels, and wrong ones
# ----------------------------
#
# 800 digits to learn from, and the others to test on. Then the same with labels of which a share is
# drawn anew, so that some are wrong. The forest is asked of rows that it did not see: ``cv=5``.


def digits(noise, seed):
    """Return images to learn from, with some wrong labels, and others with right ones."""
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, train_size=800, random_state=seed, stratify=y)
    scaler, rng = StandardScaler().fit(X), np.random.default_rng(seed)
    y = np.where(rng.random(len(y)) < noise, rng.integers(10, size=len(y)), y)
    return scaler.transform(X), y, scaler.transform(X_test), y_test


forest = ExtraTreesClassifier(50, random_state=0)
models = {
    "labels alone": DistilledClassifier(loss="cross_entropy", alpha=1.0),
    "labels alone, more penalty": DistilledClassifier(loss="cross_entropy", alpha=10.0),
    "mixed with the forest's probabilities": DistilledClassifier(
        forest, loss="kl", temperature=2.0, alpha=1.0
    ),
    "the forest's order": DistilledClassifier(forest, alpha=1.0),
    "the forest's order, in sample": DistilledClassifier(forest, cv=None, alpha=1.0),
}
noises = (0.0, 0.1, 0.2, 0.4)
accuracy = {name: [] for name in ["the forest", *models]}
surprise = {name: [] for name in accuracy}
for noise in noises:
    X, y, X_test, y_test = digits(noise, seed=0)
    fitted = {"the forest": forest.fit(X, y)}
    fitted |= {name: model.fit(X, y) for name, model in models.items()}
    for name, model in fitted.items():
        p = model.predict_proba(X_test)
        accuracy[name].append(np.mean(p.argmax(axis=1) == y_test))
        surprise[name].append(-np.log(p[np.arange(len(p)), y_test].clip(1e-12)).mean())

fig, axes = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained")
for axis, scores, title in zip(axes, (accuracy, surprise), ("accuracy", "log-loss")):
    for name, values in scores.items():
        style = {"color": "0.5", "linestyle": "--"} if name == "the forest" else {}
        style |= {"linewidth": 3} if name == "the forest's order" else {}
        style |= {"linestyle": ":"} if name.endswith("in sample") else {}  # upon another line
        axis.plot(noises, values, marker="o", label=name, **style)
    axis.set(title=title, xlabel="share of labels drawn anew")
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
plt.show()

# %%
# With right labels the best linear model is the one that looks at nothing else: to tell it what the
# forest thinks of the other classes does not help, and where the forest hesitates the label itself
# counts for less. With wrong labels just this is the gain. A forest that did not see the row
# trusts a wrong label little, and the student learns little from it. A large penalty does something
# of that, too.
#
# In sample the student is the model of the labels alone: trees that are grown to the end know the
# label of every row by heart, whatever it is, and trust it fully.
#
# Small and fast
# --------------
#
# The student is ten weights for each pixel, and a product with a matrix.

import pickle
import time

X, y, X_test, y_test = digits(0.2, seed=0)
student = models["the forest's order"].fit(X, y)
for name, model in {"forest": student.teacher_, "student": student}.items():
    start = time.perf_counter()
    model.predict(X_test)
    print(f"{name}: {1e3 * (time.perf_counter() - start):.1f} ms for {len(X_test)} digits")
print("numbers in the student:", student.coef_.size + student.intercept_.size)
print("bytes of the forest:", len(pickle.dumps(student.teacher_)))

# %%
# The probabilities of the student are not to be trusted as they are. The loss is no proper
# scoring rule: of two classes, for a true probability :math:`\eta` and a teacher who is right
# about it, the best student says :math:`\eta^2 / (\eta^2 + (1 - \eta)^2)`, which is .94 for .8.
# Calibrate it where that matters, or take ``loss="kl"``.
