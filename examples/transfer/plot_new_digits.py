"""
Digits that arrive two by two
=============================

A network that is trained on new classes, with few rows of the old ones at hand, takes old rows for
new ones. :class:`~skweight.transfer.WeightAlignedClassifier` keeps few rows of each class, learns
from what the network said before, and brings the output weights of new classes to the scale of the
old ones.
"""

# %%
# Five tasks of two digits each. Of what is past five rows of each class are left. Fine-tuning is
# the same network with the same rows, and nothing else; naive Bayes needs no rows, as it is made of
# means and variances. Thirty epochs a task are enough here; the warning that the loss still falls
# is left out.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB

from skweight.transfer import WeightAlignedClassifier

warnings.simplefilter("ignore", ConvergenceWarning)
X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X / 16, y, test_size=0.3, stratify=y, random_state=0)
options = {"memory_per_class": 5, "max_iter": 30, "tol": 0.0, "random_state": 0}
models = {
    "weight aligning": WeightAlignedClassifier(**options),
    "fine-tuning": WeightAlignedClassifier(
        distillation=False, align=False, clip_weights=False, **options
    ),
    "naive Bayes": GaussianNB(var_smoothing=0.01),
}

# %%
# Each call of ``partial_fit`` is a task, with as many epochs as a fit.

found = {name: [] for name in models}
for task in range(5):
    rows, seen = y // 2 == task, y_test < 2 * task + 2
    for name, model in models.items():
        with np.errstate(divide="ignore"):  # naive Bayes: classes that are still to come
            model.partial_fit(X[rows], y[rows], classes=np.arange(10))
            found[name].append(np.mean(model.predict(X_test[seen]) == y_test[seen]))

for name, accuracies in found.items():
    print(f"{name:16}", np.round(accuracies, 3))
aligned = models["weight aligning"]
print("factors of new weights:", np.round(aligned.gamma_history_, 2))

# %%
# Factors of later tasks are below 1: without them the newest digits would have the largest weights.
# On the right, which digits each network takes test rows for after the last task.

fig, axes = plt.subplots(1, 3, figsize=(11, 3.7), layout="constrained")
for (name, accuracies), marker in zip(found.items(), "osD"):
    axes[0].plot(np.arange(2, 11, 2), accuracies, marker=marker, label=name)
axes[0].set(xlabel="digits seen so far", ylabel="accuracy on these", xticks=range(2, 11, 2))
axes[0].legend(loc="lower left")
for ax, name in zip(axes[1:], models):
    counts = confusion_matrix(y_test, models[name].predict(X_test))
    ax.imshow(counts, cmap="Blues")
    ax.set(title=name, xlabel="predicted", ylabel="digit", xticks=range(10), yticks=range(10))
plt.show()

# %%
# Weight aligning forgets less than fine-tuning. It is not the best way to learn these digits:
# naive Bayes, whose means and variances forget nothing, is above both networks after the last
# task. The network is for rows whose classes such simple shapes do not tell apart.
