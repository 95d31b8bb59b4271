"""
What is unusual, from patients nobody can tell
==============================================

A clinic has measured 357 tumours that turned out to be benign. Another doctor wants to know whether
the one that she sees is like those. :class:`~skweight.privacy.PrivateOutlierDetector` publishes
noisy sums of the clinic's rows, from which she reads how far her own is from all of them. How
unusual a row is tells something: malignant tumours, none of which the detector ever saw, score
lower.
"""

# %%
# Rows and bounds
# ---------------
#
# Ten measurements of cell nuclei. Bounds are set by hand, as what such a measurement can be; they
# must not come from these rows. 250 of the benign tumours are the clinic's; the others and the
# malignant ones come to the doctor.

import numpy as np
from sklearn.datasets import load_breast_cancer

data = load_breast_cancer(as_frame=True)
bounds_of = {
    "mean radius": (5, 30),
    "mean texture": (5, 40),
    "mean perimeter": (30, 200),
    "mean area": (100, 2500),
    "mean smoothness": (0.05, 0.2),
    "mean compactness": (0, 0.4),
    "mean concavity": (0, 0.5),
    "mean concave points": (0, 0.25),
    "mean symmetry": (0.1, 0.35),
    "mean fractal dimension": (0.04, 0.1),
}
X, benign = data.data[list(bounds_of)], data.target == 1
low, high = zip(*bounds_of.values())
clinic = X[benign].sample(250, random_state=0)
others, malignant = X[benign].drop(clinic.index), X[~benign]

# %%
# One release
# -----------
#
# Scores are mean distances to the clinic's rows, each column in units of its bounds, with the sign
# changed. With ten columns and 250 rows, Gaussian noise and a *delta* are worth it.

from skweight.privacy import PrivateOutlierDetector

model = PrivateOutlierDetector(epsilon=1.0, delta=1e-5, bounds=(low, high), n_hint=300)
model.fit(clinic)
scores = {"benign": model.score_samples(others), "malignant": model.score_samples(malignant)}
noise = model.standard_error(others).mean()
for name, values in scores.items():
    print(f"{name:10} {values.mean():.3f} on average, give or take {noise:.3f} for the noise")

# %%
# What epsilon costs
# ------------------
#
# The share of malignant tumours that score lower than a benign one, over ten releases for each
# epsilon. Between 0.3 and 1 the noise stops to matter: it is smooth in the query, so that it moves
# scores of similar rows together and changes their order little.

import matplotlib.pyplot as plt
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

epsilons = [0.1, 0.3, 1, 3, 10]
query = np.vstack([others, malignant])
is_benign = np.repeat([True, False], [len(others), len(malignant)])
fig, ax = plt.subplots(figsize=(7, 3.6))
for delta, color in ((1e-5, "C0"), (0.0, "C1")):
    areas = []
    for epsilon in epsilons:
        each = clone(model).set_params(epsilon=epsilon, delta=delta)
        fits = [each.fit(clinic.to_numpy()).score_samples(query) for _ in range(10)]
        areas.append([roc_auc_score(is_benign, values) for values in fits])
    ax.plot(epsilons, np.median(areas, axis=1), color=color, label=f"delta={delta:g}")
    ax.plot(epsilons, areas, "o", color=color, ms=3, alpha=0.4)
ax.set(xscale="log", xlabel="epsilon", ylabel="area under the ROC curve")
ax.set_xticks(epsilons, epsilons)
ax.legend(loc="lower right")

# %%
# Where to draw the line
# ----------------------
#
# There is no ``contamination``: an exact share of the private rows is what no private release can
# give. Without a public ``offset``, three tenths of the budget buy a noisy 5 % quantile of the
# clinic's scores. Below, the offsets of twelve releases. A quantile takes more rows than an order:
# with 250 of them, one epsilon buys a line that may be anywhere in the tail, or beyond; ten draw it
# well.

fig, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharex=True)
bins = np.linspace(-0.5, 0, 51)
for ax, epsilon in zip(axes, (1, 10)):
    each = clone(model).set_params(epsilon=epsilon)
    for _ in range(12):
        each.fit(clinic.to_numpy())
        ax.axvline(each.offset_, color="0.2", lw=0.8, ls="--")
    for name, rows, color in (("benign", others, "C0"), ("malignant", malignant, "C1")):
        values = each.score_samples(rows.to_numpy())
        ax.hist(values, bins, color=color, alpha=0.5, density=True, label=name)
    ax.set(title=f"epsilon {epsilon}", xlabel="score", yticks=[])
axes[1].legend(loc="upper left")
plt.show()

# %%
# So take an offset that is public: from the literature, from patients who agreed, or from the rows
# of the one who asks. It costs nothing, all of epsilon goes to the scores, and rows may come in
# blocks (``partial_fit``).

public = clone(model).set_params(offset=-0.13).fit(clinic)
for name, rows in {"benign": others, "malignant": malignant}.items():
    print(f"{name:10} {np.mean(public.predict(rows) == -1):.0%} unusual")
