"""
Forecasts from elsewhere, some of them missing
==============================================

Often the models are not yours: forecasters hand in quantiles, again and again, and not every one of
them every time. :class:`~skweight.quantile.QuantileAggregator` takes such a table as it is, a
column for each forecaster and level, learns how much each should count, and goes on when one is
absent. :func:`~skweight.quantile.quantile_stacking_weights` is the same for a loop of your own.
"""

# %%
# Four forecasters
# ----------------
#
# Wages of men in the United States in 1988, as logarithms. The forecasters below stand for
# people of whom we see nothing but their quantiles: what they know of a man, and how they go about
# it, differs.

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.linear_model import QuantileRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer, StandardScaler

from skweight.datasets import load_cps_wages
from skweight.quantile import LevelwiseQuantileRegressor, ResidualQuantileRegressor

wages = load_cps_wages()
X, y = wages.data, np.log(wages.target)
rows = np.random.default_rng(0).permutation(len(y))[:9000]
X, y = X[rows], y[rows]
levels = np.array([0.05, 0.25, 0.5, 0.75, 0.95])

linear = make_pipeline(StandardScaler(), QuantileRegressor(alpha=0))
curved = make_pipeline(SplineTransformer(5), StandardScaler(), QuantileRegressor(alpha=0.001))
trees = ExtraTreesRegressor(40, min_samples_leaf=5, random_state=0)
everything, two = list(range(X.shape[1])), [0, 1]  # education and experience
forecasters = {
    "Anna": (LevelwiseQuantileRegressor(curved, levels), two),
    "Ben": (LevelwiseQuantileRegressor(linear, levels), everything),
    "Chen": (ResidualQuantileRegressor(trees, levels, cv=3, random_state=0), everything),
    "Dora": (LevelwiseQuantileRegressor(linear, levels), two[:1]),
}
handed_in = []
for model, columns in forecasters.values():
    model.fit(X[:1500][:, columns], y[:1500])
    handed_in.append(model.predict_quantiles(X[1500:][:, columns]))
Q, outcome = np.stack(handed_in, axis=1), y[1500:]
Q.shape  # people, forecasters, levels

# %%
# Not everybody, every time
# -------------------------
#
# Anna hands in for every second man, Ben for four in five, Dora always. A missing forecast is NaN.

rng = np.random.default_rng(1)
share = np.array([0.5, 0.8, 0.9, 1.0])
Q[rng.random(Q.shape[:2]) > share] = np.nan
past, new = slice(0, 2500), slice(2500, None)  # whose outcomes are known, and whose are not
table = Q.reshape(len(Q), -1)  # four forecasters, five columns each

# %%
# Weights
# -------
#
# ``missing="renormalize"`` gives the weights of those who are absent to those who are there. A
# forecaster who hands in seldom is not punished for it: what counts is how good the forecasts
# are.

from skweight.quantile import QuantileAggregator, StackingWeightsDisplay

model = QuantileAggregator(levels, missing="renormalize").fit(table[past], outcome[past])
StackingWeightsDisplay.from_estimator(model, model_names=list(forecasters))

# %%
# Does it pay?
# ------------
#
# Scores for the new men. Each forecaster is compared with the others on the men that he or she
# handed in for, since these are not the same for everybody.

import pandas as pd

from skweight.metrics import weighted_interval_score

combined = model.predict_quantiles(table[new])
average = np.nanmean(Q[new], axis=1)
truth = outcome[new]


def score(forecast, among):
    """Return the weighted interval score among some rows."""
    return weighted_interval_score(truth[among], forecast[among], quantiles=levels)


scores = {}
for j, name in enumerate(forecasters):
    there = ~np.isnan(Q[new][:, j, 0])
    scores[name] = {
        "people": there.sum(),
        "alone": score(Q[new][:, j], there),
        "average": score(average, there),
        "weighted": score(combined, there),
    }
pd.DataFrame(scores).T.astype({"people": int}).round(4)

# %%
# Chen has most of the weight. Where Chen is absent the forecast is worse, and still better than
# the average of those who are there:

import matplotlib.pyplot as plt

who = ~np.isnan(Q[new][:, :, 0])
groups = {
    "all four": who.all(axis=1),
    "without Anna": ~who[:, 0],
    "without Chen": ~who[:, 2],
    "without Anna and Chen": ~who[:, 0] & ~who[:, 2],
}
fig, ax = plt.subplots(figsize=(7, 3))
labels = [f"{label} ({among.sum()})" for label, among in groups.items()]
for (label, forecast), marker in zip({"average": average, "weighted": combined}.items(), "so"):
    ax.plot([score(forecast, among) for among in groups.values()], labels, marker, label=label)
ax.invert_yaxis()
ax.set(xlabel="weighted interval score of the logarithm of the wage")
ax.legend()

# %%
# A loop of your own
# ------------------
#
# The function takes forecasts of shape (rows, models, levels) without gaps, and returns weights,
# their score, and how far from the optimum it can be at most. Here the weights are learned again
# as outcomes come in, with one set of weights for the lower, the middle and the upper levels. With
# few outcomes the weights jump about. Where two forecasters are alike it does not matter which of
# them counts, so the score jumps less.

from skweight.quantile import quantile_stacking_weights

complete = ~np.isnan(Q).any(axis=(1, 2))
history = []
sizes = [25, 50, 100, 200, 400, 800]
for n in sizes:
    known = np.flatnonzero(complete)[:n]
    found = quantile_stacking_weights(
        Q[known], outcome[known], levels, level_groups=["low", "low", "mid", "high", "high"]
    )
    history.append(found.weights[2])  # those of the median
print(f"score {found.objective:.4f}, above the optimum by at most {found.dual_gap:.0e}")

fig, ax = plt.subplots(figsize=(7, 3.2))
ax.plot(sizes, history, "o-", label=list(forecasters))
ax.set(xscale="log", xlabel="outcomes known", ylabel="weight at the median", ylim=(-0.03, 1.03))
ax.set_xticks(sizes, sizes)
ax.minorticks_off()
ax.legend(ncols=4, loc="upper center")
plt.show()
