"""
Which model is right where: weights that depend on the row
==========================================================

Young concrete and old concrete are two problems: what hardens in the first week says little about
the rest. Weights that are the same for all mixtures cannot say that one model is to be trusted with
the young ones and another with the old; how they are found is told in
:ref:`sphx_glr_auto_examples_quantile_plot_1_combining_models.py`. With
:class:`~skweight.quantile.LocalQuantileStackingRegressor` a small network chooses the weights of
each row.
"""

# %%
# Two stacks of the same models
# -----------------------------
#
# 1,030 tests of concrete; a third of the rows is left aside. The network looks at all features,
# standardised; a penalty keeps the quantiles from crossing. It starts from the best weights that
# are the same for all rows, and ends when rows held out no longer get better.

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
from sklearn.linear_model import QuantileRegressor
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skweight.datasets import load_concrete
from skweight.metrics import weighted_interval_score
from skweight.quantile import LocalQuantileStackingRegressor, QuantileStackingRegressor

data = load_concrete()
X, X_test, y, y_test = train_test_split(data.data, data.target, test_size=0.33, random_state=0)
levels = np.arange(1, 10) / 10
models = [
    ("linear", make_pipeline(StandardScaler(), QuantileRegressor(alpha=0))),
    ("trees", ExtraTreesRegressor(50, min_samples_leaf=5, random_state=0)),
    ("boosting", HistGradientBoostingRegressor(max_leaf_nodes=8, max_iter=60)),
]
stacks = {
    "global fine": QuantileStackingRegressor(models, levels, weighting="fine", random_state=0),
    "local fine": LocalQuantileStackingRegressor(models, levels, random_state=0),
}
for name, stack in stacks.items():
    stack.fit(X, y)
    score = weighted_interval_score(y_test, stack.predict_quantiles(X_test), quantiles=levels)
    print(f"{name}: WIS {score:.3f} MPa, {stack.crossing_rate_:.1%} of rows crossed before sorting")

# %%
# How the training went
# ---------------------
#
# Losses of the rows that were trained on and of those held out. The network of the best epoch is
# the one that predicts.

import matplotlib.pyplot as plt

local = stacks["local fine"]
fig, ax = plt.subplots(figsize=(7, 3.4))
ax.plot(local.loss_curve_, label="rows trained on")
ax.plot(-np.array(local.validation_scores_), label="rows held out")
ax.set(xlabel="epoch", ylabel="pinball loss plus penalty", yscale="log")
ax.legend()

# %%
# Who counts where
# ----------------
#
# Weights of the median, summed over the levels that it draws on, against the age. Without the
# feature there would be three horizontal lines.

age = X_test[:, list(data.feature_names).index("age")]
weights = local.local_weights(X_test)[:, 4].sum(axis=2)  # rows, models
order = np.argsort(age, kind="stable")
fig, ax = plt.subplots(figsize=(7, 3.8))
for j, (name, _) in enumerate(models):
    ax.plot(age[order], weights[order, j], "o", ms=3, alpha=0.5, label=name)
ax.set(xlabel="age (days)", ylabel="weight in the median", xscale="log", ylim=(0, 1))
ax.legend()
plt.show()
