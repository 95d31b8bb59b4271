"""
The 30 % quantile above the 40 %: fixing crossings
==================================================

Models that are fitted level by level know nothing of each other, and so their quantiles *cross*:
the forecast says that the outcome is below 180,000 with probability 0.4 and below 185,000 with
probability 0.3. With boosted trees this happens in nearly every row. This example counts crossings,
puts rows into order in three ways, and then finds weights of a stack under which none is left.
"""

# %%
# House prices in Ames, and gradient boosting once for each of nineteen levels.
# :class:`~skweight.quantile.LevelwiseQuantileRegressor` makes one regressor of them; with
# ``noncrossing=None`` it leaves the rows as they come.

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import train_test_split

from skweight.datasets import load_ames
from skweight.quantile import LevelwiseQuantileRegressor

houses = load_ames(as_frame=True)
X = houses.data.select_dtypes("number")
X, X_test, y, y_test = train_test_split(X, houses.target / 1000, test_size=0.4, random_state=0)
levels = np.arange(1, 20) / 20
boosting = LevelwiseQuantileRegressor(
    HistGradientBoostingRegressor(max_iter=80, max_leaf_nodes=8),
    quantiles=levels,
    noncrossing=None,
).fit(X, y)
raw = boosting.predict_quantiles(X_test)

# %%
# Where they cross
# ----------------
#
# Each step is a pair of neighbouring levels. In the middle, where quantiles are close together,
# about a third of the pairs are in the wrong order, and no row is free of it.

from skweight.quantile import CrossingDisplay

CrossingDisplay.from_estimator(boosting, X_test, name="boosting")

# %%
# Three ways to put a row into order
# ----------------------------------
#
# Sorting; the nearest ordered row by least squares (*isotonic*); and running extremes outward from
# the median (*minmax*). Here is what they do to one of the worst rows:

import matplotlib.pyplot as plt

from skweight.quantile import noncross_isotonic, noncross_minmax, noncross_sort

ordered = {
    "sort": noncross_sort(raw),
    "isotonic": noncross_isotonic(raw),
    "minmax": noncross_minmax(raw, quantiles=levels),
}
row = np.argmax(np.clip(-np.diff(raw), 0, None).sum(axis=1) / np.ptp(raw, axis=1))
fig, axes = plt.subplots(1, 3, figsize=(10, 3.4), sharey=True)
for ax, (name, forecast), color in zip(axes, ordered.items(), ["C1", "C2", "C3"]):
    ax.plot(levels, raw[row], "o", color="0.65", ms=5, label="as fitted")
    ax.plot(levels, forecast[row], ".-", color=color, label=name)
    ax.set(title=name, xlabel="quantile level")
axes[0].set_ylabel("price of one house, 1000 $")
axes[0].legend(loc="upper left")

# %%
# The three differ in what they promise. For each row and any outcome, sorting and the isotonic
# projection never raise the score, that is, the pinball loss summed over the levels. The sweep has
# no such guarantee, but never makes an interval around the median narrower, which is what
# calibration needs.

import pandas as pd

from skweight.metrics import interval_width, weighted_interval_score


def losses(forecast):
    """Return the score of each row."""
    error = np.asarray(y_test)[:, None] - forecast
    return 2 * np.maximum(levels * error, (levels - 1) * error).mean(axis=1)


print(f"as fitted: {weighted_interval_score(y_test, raw, quantiles=levels):.3f}")
table = {}
for name, forecast in ordered.items():
    change = losses(forecast) - losses(raw)
    table[name] = {
        "WIS": weighted_interval_score(y_test, forecast, quantiles=levels),
        "rows better": (change < -1e-9).mean(),
        "rows worse": (change > 1e-9).mean(),
        "width 5-95%": interval_width(forecast[:, [0, -1]]),
    }
pd.DataFrame(table).T.round(3)

# %%
# In a Pipeline
# -------------
#
# :class:`~skweight.quantile.NonCrossingTransformer` is the same for forecasts that come as columns,
# for instance from a table that somebody else made. Here it orders the forecast before its
# columns become a data frame.

from skweight.quantile import NonCrossingTransformer

order = NonCrossingTransformer("isotonic", quantiles=levels).set_output(transform="pandas")
sheet = pd.DataFrame(raw, columns=[f"q{level:.2f}" for level in levels])
order.fit_transform(sheet).iloc[:3, ::6].round(1)

# %%
# Or not cross in the first place
# -------------------------------
#
# A stack of quantile models can be asked for weights under which no row crosses: ``"constrain"`` is
# part of the optimisation, not a repair. Two learners, nine levels, each model sorted by itself
# (``sort_base``): where all models cross at the same levels, no weights of these could mend it.

from sklearn.ensemble import RandomForestRegressor

from skweight.quantile import QuantileAggregator, QuantileStackingRegressor

models = [
    ("boosting", HistGradientBoostingRegressor(max_iter=40, max_leaf_nodes=8)),
    ("forest", RandomForestRegressor(40, min_samples_leaf=5, random_state=0)),
]
few = np.arange(1, 10) / 10
stack = QuantileStackingRegressor(
    models, quantiles=few, noncrossing=None, sort_base=True, store_oof=True, cv=3, random_state=0
).fit(X, y)
seen = stack.oof_quantiles_.reshape(len(X), -1)
new = np.hstack([model.predict_quantiles(X_test, few) for model in stack.estimators_])

forecasts = {}
for weighting in ["medium", "fine"]:
    for how in [None, "constrain"]:
        weights = QuantileAggregator(few, weighting=weighting, noncrossing=how, sort_base=True)
        weights.fit(seen, y).set_params(noncrossing=None)  # to see what the weights alone do
        name = f"{weighting}, {'free' if how is None else 'constrained'}"
        forecasts[name] = weights.predict_quantiles(new)
        print(
            f"{name:20} crossing in training {weights.crossing_rate_:6.2%}, "
            f"score there {weights.objective_:.4f}, on other rows "
            f"{weighted_interval_score(y_test, forecasts[name], quantiles=few):.4f}"
        )
CrossingDisplay.from_predictions(forecasts, quantiles=few)
plt.show()

# %%
# Order on the training rows costs next to nothing. On *other* rows a constraint promises order only
# where a row lies between those it was imposed on, so a few can still cross, and predicting with
# ``noncrossing="constrain"`` sorts these.
