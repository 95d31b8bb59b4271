"""
Tuning a stack: weights, models and order in one search
=======================================================

A stack is a scikit-learn estimator: it goes into a ``Pipeline`` and under ``GridSearchCV``, with
the parameters of its base models reachable by name. What a search needs besides is a score that
sees the *quantiles* and not only the median. :func:`~skweight.metrics.quantile_scorer` makes one
of any metric of quantile forecasts.
"""

# %%
# The data
# --------
#
# What diamonds cost, as a logarithm. The grades of cut, colour and clarity are ordered, so numbers
# serve all three models alike.

import numpy as np
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler

from skweight.datasets import load_diamonds

diamonds = load_diamonds(as_frame=True)
X, X_test, y, y_test = train_test_split(
    diamonds.data, np.log10(diamonds.target), train_size=1200, test_size=5000, random_state=0
)
grades = X.select_dtypes("category").columns
encoder = make_column_transformer(
    (
        make_pipeline(
            OrdinalEncoder(categories=[X[c].cat.categories for c in grades]), StandardScaler()
        ),
        grades,
    ),
    (StandardScaler(), make_column_selector(dtype_include="number")),
)

# %%
# A search
# --------
#
# ``weighting`` and ``noncrossing`` belong to the stack, ``forest__min_samples_leaf`` to one of its
# models; ``forest="drop"`` would leave it out. Without a scorer a search would tune the stack's
# own ``score``, one minus the weighted interval score over that of a forecast which ignores the
# features: that, too, sees every level. With scorers several numbers are computed in one search.

from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsRegressor

from skweight.metrics import interval_coverage, quantile_scorer, weighted_interval_score
from skweight.quantile import QuantileStackingRegressor

stack = QuantileStackingRegressor(
    [
        ("ridge", Ridge()),
        ("forest", RandomForestRegressor(20, random_state=0)),
        ("neighbors", KNeighborsRegressor(10, weights="distance")),
    ],
    quantiles=np.arange(1, 10) / 10,
    cv=3,
    random_state=0,
)
search = GridSearchCV(
    make_pipeline(encoder, stack),
    {
        "quantilestackingregressor__weighting": ["coarse", "medium", "fine"],
        "quantilestackingregressor__forest__min_samples_leaf": [2, 10],
        "quantilestackingregressor__noncrossing": [None, "isotonic"],
    },
    scoring={
        "WIS": quantile_scorer(weighted_interval_score),
        "coverage": quantile_scorer(interval_coverage, coverage=0.8, greater_is_better=True),
    },
    refit="WIS",
    cv=3,
).fit(X, y)
print({name.rpartition("__")[2]: value for name, value in search.best_params_.items()})

# %%
# Greater is better for a search, so the score has a minus sign.

import pandas as pd

results = pd.DataFrame(search.cv_results_)
results.columns = [name.removeprefix("param_quantilestackingregressor__") for name in results]
results["noncrossing"] = results["noncrossing"].fillna("None")
results = results.rename(
    columns={
        "forest__min_samples_leaf": "leaf",
        "mean_test_WIS": "-WIS",
        "mean_test_coverage": "coverage of 80%",
    }
)
shown = ["weighting", "leaf", "noncrossing", "-WIS", "coverage of 80%"]
results[shown].sort_values("-WIS", ascending=False, ignore_index=True).head(6).round(5)

# %%
# What the search saw
# -------------------
#
# Mean and standard error over folds. The forest's own parameter matters most, and fine weights gain
# with either value of it. Order matters least: these models hardly cross.

import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(7.5, 3.6))
folds = -results[[f"split{k}_test_WIS" for k in range(3)]].to_numpy()
results["WIS"], results["error"] = folds.mean(axis=1), folds.std(axis=1, ddof=1) / np.sqrt(3)
for i, (leaf, order) in enumerate([(2, "None"), (2, "isotonic"), (10, "None"), (10, "isotonic")]):
    part = results[(results["leaf"] == leaf) & (results["noncrossing"] == order)]
    ax.errorbar(
        np.arange(3) + 0.12 * (i - 1.5),
        part["WIS"],
        yerr=part["error"],
        fmt="os"[i % 2],
        capsize=3,
        color=f"C{i // 2}",
        mfc="white" if order == "None" else None,
        label=f"leaf {leaf}, {'as it comes' if order == 'None' else order}",
    )
ax.set_xticks(range(3), ["coarse", "medium", "fine"])
ax.set(xlabel="weights", ylabel="weighted interval score")
ax.legend(fontsize="small", ncols=2)

# %%
# On the rows left aside
# ----------------------
#
# A ``Pipeline`` has no ``predict_quantiles``, but its ``predict`` hands ``quantiles`` on. (That of
# a search does not: ask for its best estimator.) Scorers and displays find the stack inside by
# themselves.

forecast = search.best_estimator_.predict(X_test, quantiles="all")
levels = search.best_estimator_[-1].quantiles_
print(f"WIS      {weighted_interval_score(y_test, forecast, quantiles=levels):.5f}")
print(f"coverage {interval_coverage(y_test, forecast[:, [0, -1]]):.3f}")
print(f"score    {search.best_estimator_.score(X_test, y_test):.3f}")

# %%
# And what the best stack made of its models. Of fine weights the picture shows the sum over input
# levels.

from skweight.quantile import StackingWeightsDisplay

StackingWeightsDisplay.from_estimator(search)
plt.show()
