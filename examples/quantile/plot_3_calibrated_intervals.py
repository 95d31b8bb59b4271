"""
Nine times in ten: calibrated intervals
=======================================

A quantile model that says 90 % is right nine times in ten on the rows it was fitted to, and less
often on others. :class:`~skweight.quantile.ConformalQuantileRegressor` holds back rows, looks at
how far outcomes fall outside, and moves the levels until the promise is kept, for any model, in
finite samples. It makes a model honest; how narrow the intervals are is up to the model.
"""

# %%
# House prices in Ames, as logarithms: an error of 0.1 is about ten per cent of the price. A
# thousand rows to learn from, and the others to check the promise.

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skweight.datasets import load_ames
from skweight.quantile import LevelwiseQuantileRegressor, ResidualQuantileRegressor

houses = load_ames(as_frame=True)
X, y = houses.data.select_dtypes("number"), np.log(houses.target)
X, X_test, y, y_test = train_test_split(X, y, train_size=1000, random_state=1)
levels = [0.05, 0.25, 0.5, 0.75, 0.95]
ridge = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-1, 3, 9)))
models = {
    "boosting": LevelwiseQuantileRegressor(
        HistGradientBoostingRegressor(max_iter=50, learning_rate=0.15), levels
    ),
    "ridge and residuals": ResidualQuantileRegressor(ridge, levels, random_state=0),
}

# %%
# Before
# ------
#
# Boosting has a level for each model. The ridge regression predicts a point, and
# :class:`~skweight.quantile.ResidualQuantileRegressor` adds the quantiles of its errors on rows
# that it did not see. Reliable forecasts are at zero: as many outcomes below a quantile as its
# level says. The grey band is what chance allows.

import matplotlib.pyplot as plt

from skweight.quantile import ConformalQuantileRegressor, QuantileReliabilityDisplay

before = {name: model.fit(X, y) for name, model in models.items()}
calibrated = {
    "boosting, split": ConformalQuantileRegressor(models["boosting"], random_state=0),
    "boosting, CV+": ConformalQuantileRegressor(models["boosting"], method="cv+", random_state=0),
    "ridge, split": ConformalQuantileRegressor(models["ridge and residuals"], random_state=0),
}
after = {name: model.fit(X, y) for name, model in calibrated.items()}

fig, axes = plt.subplots(1, 2, figsize=(11, 4.2), sharey=True)
for ax, shown, title in zip(axes, [before, after], ["As fitted", "Calibrated"]):
    QuantileReliabilityDisplay.from_estimator(shown, X_test, y_test, difference=True, ax=ax)
    ax.set_title(title)
    ax.legend(loc="upper right", fontsize="small")
axes[1].set_ylabel("")

# %%
# Boosting saw the rows by whose loss it was chosen, and is too sure of itself. The residuals of the
# ridge regression come from rows that it did not see, and need no mending on average. Calibrated
# levels may still be off by themselves: the promise is about pairs.
#
# What the promise is about
# -------------------------
#
# The *pair* of levels is calibrated: the interval between 0.05 and 0.95 holds nine outcomes in ten.
# How far a split has moved each level outward, and how many rows told it so:

split = after["boosting, split"]
for level, margin in zip(split.quantiles_, split.conformity_quantiles_):
    print(f"level {level:.2f}: outward by {margin:.3f}, from {split.n_calibration_} rows")

# %%
# A *split* spends a fifth of the rows on calibration. *CV+* fits one model a fold and calibrates
# each row by the model that did not see it: all rows serve both purposes, at five times the cost.
#
# Coverage and width
# ------------------
#
# A model on its dashed line keeps its promise. Of those that do, the one furthest left does so with
# the narrowest intervals.

import pandas as pd

from skweight.metrics import weighted_interval_score
from skweight.quantile import IntervalWidthDisplay

everything = {**before, **after}
IntervalWidthDisplay.from_estimator(
    everything, X_test, y_test, coverage=[0.5, 0.9], against="coverage"
)

# %%
# Calibration costs width, and it should: the narrow intervals were wrong. The weighted interval
# score, which pays for both width and misses, hardly changes: it is not what calibration is for.

scores = {
    name: weighted_interval_score(y_test, model.predict_quantiles(X_test), quantiles=levels)
    for name, model in everything.items()
}
pd.Series(scores, name="WIS of log price").to_frame().round(4)

# %%
# Is one split luck?
# ------------------
#
# The promise is about the mean over calibration sets. With :math:`n` rows the coverage of one set
# scatters around it, by about :math:`\sqrt{0.9 \cdot 0.1 / n}`. To see it we calibrate one fitted
# model (in ``FrozenEstimator``, so that every row of ``fit`` calibrates) on many draws of 100 and
# of 400 rows.

from sklearn.frozen import FrozenEstimator

frozen = ConformalQuantileRegressor(FrozenEstimator(before["ridge and residuals"]))
rng = np.random.default_rng(0)
fig, ax = plt.subplots(figsize=(7, 3.2))
for n in [100, 400]:
    shares = []
    for _ in range(200):
        rows = rng.permutation(len(X_test))
        frozen.fit(X_test.iloc[rows[:n]], y_test.iloc[rows[:n]])
        low, high = frozen.predict_interval(X_test.iloc[rows[n:]], coverage=0.9).T
        shares.append(((low <= y_test.iloc[rows[n:]]) & (y_test.iloc[rows[n:]] <= high)).mean())
    label = f"{n} rows, mean {np.mean(shares):.3f}"
    ax.hist(shares, bins=np.arange(0.8, 1.0, 0.01), alpha=0.55, label=label)
ax.axvline(0.9, color="0.3", ls="--", lw=1)
ax.set(xlabel="share of outcomes in the 90 % interval", ylabel="draws of calibration rows")
ax.legend()

# %%
# A stack, calibrated
# -------------------
#
# The same goes for a stack. ``method="nested-cv+"`` calibrates it without a row held back, and
# shares fits between the folds of the calibration and those of the stack.

from skweight.quantile import QuantileStackingRegressor

stack = QuantileStackingRegressor(
    [
        ("ridge", ridge),
        ("forest", RandomForestRegressor(30, min_samples_leaf=5, random_state=0)),
    ],
    quantiles=levels,
)
nested = ConformalQuantileRegressor(stack, method="nested-cv+", cv=4, random_state=0).fit(X, y)
low, high = nested.predict_interval(X_test, coverage=0.9).T
print(f"covered {((low <= y_test) & (y_test <= high)).mean():.3f}, width {np.mean(high - low):.3f}")
plt.show()
