"""
Right on average, wrong in high season: intervals by group
==========================================================

An interval with 90 % coverage can hold 99 times in a hundred for easy rows and 75 times for hard
ones. This example prices the nights of a hotel: intervals that are right over the year fail in
the peak season, when rates scatter most. ``group_by`` calibrates each season by itself, and then
each has its coverage.
"""

# %%
# A point forecast with an interval around it
# -------------------------------------------
#
# 15,402 bookings, what a night cost, and what rooms used to cost on such days, which makes four
# seasons. The model is a good one for the mean; the interval is the usual "plus or minus" from its
# errors, calibrated.

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import train_test_split

from skweight.datasets import load_hotel_rates
from skweight.quantile import (
    ConformalQuantileRegressor,
    LevelwiseQuantileRegressor,
    ResidualQuantileRegressor,
)

hotel = load_hotel_rates(as_frame=True)
X, X_test, y, y_test = train_test_split(hotel.data, hotel.target, train_size=6000, random_state=0)
seasons = np.array(["low", "mid", "high", "peak"])


def season(X):
    """Name the season of each row."""
    return seasons[np.digitize(X["historical_adr"], [60, 100, 150])]


levels = [0.05, 0.5, 0.95]
boosting = HistGradientBoostingRegressor(
    max_iter=60, max_leaf_nodes=12, categorical_features="from_dtype"
)
point = ResidualQuantileRegressor(boosting, levels, random_state=0)
marginal = ConformalQuantileRegressor(point, random_state=0).fit(X, y)

# %%
# For whom?
# ---------
#
# Over all rows the promise is kept. By season it is not: the width is the same all year.

import pandas as pd


def by_season(model):
    """Tabulate coverage and width over all rows and in each season."""
    low, high = model.predict_interval(X_test, coverage=0.9).T
    rows = pd.DataFrame({"inside": (low <= y_test) & (y_test <= high), "width": high - low})
    table = rows.groupby(season(X_test)).mean().reindex(seasons)
    table.loc["all"] = rows.mean()
    return table


by_season(marginal).round(3)

# %%
# A margin for each season
# ------------------------
#
# ``group_by`` takes the name of a column, its number, or a function such as ours. With :math:`n_g`
# calibration rows in a group, its coverage is :math:`\lceil 0.9 (n_g + 1) \rceil / (n_g + 1)` on
# average; ``groups_`` counts them.

grouped = ConformalQuantileRegressor(point, group_by=season, random_state=0).fit(X, y)
print(grouped.groups_)
margins = pd.DataFrame(grouped.conformity_quantiles_, grouped.groups_, levels)
margins.reindex(seasons).round(1)  # how far each level moves outward; negative is inward

# %%
# A quantile model
# ----------------
#
# Boosting fitted to the quantiles themselves has a width for each row. Nobody told it of seasons,
# and it is nearly right in each; calibrated by season, it has the guarantee too.

by_level = LevelwiseQuantileRegressor(boosting, levels)
models = {
    "point forecast": marginal,
    "point forecast, by season": grouped,
    "quantiles": ConformalQuantileRegressor(by_level, random_state=0).fit(X, y),
    "quantiles, by season": ConformalQuantileRegressor(
        by_level, group_by=season, random_state=0
    ).fit(X, y),
}
tables = {name: by_season(model) for name, model in models.items()}

import matplotlib.pyplot as plt

fig, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2))
for i, (name, table) in enumerate(tables.items()):
    place = np.arange(5) + 0.2 * (i - 1.5)
    style = {"color": f"C{i // 2}", "alpha": 0.9 if i % 2 else 0.4}
    left.bar(place, table["inside"] - 0.9, 0.18, label=name, **style)
    right.bar(place, table["width"], 0.18, **style)
left.axhline(0, color="0.3", lw=1)
left.set(ylabel="coverage, above or below 90 %", title="Is the promise kept?")
left.yaxis.set_major_formatter(lambda value, _: f"{value:+.0%}")
right.set(ylabel="mean width of the interval", title="What it costs")
for ax in (left, right):
    ax.set_xticks(range(5), tables["quantiles"].index)
    ax.set_xlabel("season")
fig.legend(loc="outside lower center", ncols=4)

# %%
# Calibration by season narrows the intervals of the low season and widens those of the peak. The
# average width is about the same; it is spent where it is needed. Intervals of the quantile model
# are wider here: outer quantiles are harder to learn than a mean. A score tells which of two
# models that keep their promise to take, coverage does not.
#
# Groups too small
# ----------------
#
# A group must have rows of its own: nine for 90 %. With fewer the honest answer is an infinite
# interval, and a warning says which group it is. Of all the bookings, 162 were made for a group.

import warnings

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    few = ConformalQuantileRegressor(point, group_by="customer_type", random_state=0)
    few.fit(X, y)
print(few.groups_)
print(*(warning.message for warning in caught), sep="\n")
plt.show()

# %%
# What a guarantee by group does not say: anything of a single night, or of a group that was chosen
# after looking at the outcomes. And bookings have dates; for nights to come, calibrate
# on the latest ones and keep watching.
