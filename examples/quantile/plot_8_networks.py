"""
Quantiles of a network: many outputs, a level as an input, or a normal distribution
===================================================================================

A network can be made to predict quantiles in three ways, which
:class:`~skweight.quantile.QuantileMLPRegressor` has as its `method`. What do they cost, and how
often do their quantiles cross? And what do they add to a stack?
"""

# %%
# Three networks
# --------------
#
# Strengths of concrete; a third of the rows is left aside. "multi" has an output for each level,
# "level" is asked for one level at a time, and "gaussian" predicts a mean and a standard deviation.
# Rows held out end the training. Levels are not sorted here, to see them cross.

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skweight.datasets import load_concrete
from skweight.metrics import interval_coverage, weighted_interval_score
from skweight.quantile import QuantileMLPRegressor, QuantileStackingRegressor

X, y = load_concrete(return_X_y=True)
X, X_test, y, y_test = train_test_split(X, y, test_size=0.33, random_state=0)
levels = np.arange(1, 10) / 10


def network(method):
    net = QuantileMLPRegressor(
        levels, method=method, early_stopping=True, noncrossing=None, random_state=0
    )
    return make_pipeline(StandardScaler(), net)


models = {method: network(method) for method in ("multi", "level", "gaussian")}
rows = {}
for name, model in models.items():
    forecast = model.fit(X, y).predict(X_test, quantiles="all")
    rows[name] = {
        "WIS, MPa": weighted_interval_score(y_test, forecast, quantiles=levels),
        "inside 10-90%": interval_coverage(y_test, forecast[:, [0, -1]]),
        "rows crossing": (np.diff(forecast, axis=1) < 0).any(axis=1).mean(),
        "epochs": model[-1].n_iter_,
    }
pd.DataFrame(rows).T.round(3)

# %%
# A normal distribution has quantiles in order by nature, at the price of its shape. A network that
# is asked for a level hardly crosses, since its answers change smoothly with what it is asked. Many
# outputs do cross, and are sorted unless one asks them not to. All three are a little too sure.
#
# How they learned
# ----------------

import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(7, 3.4))
for name in ("multi", "level"):
    ax.plot(-np.array(models[name][-1].validation_scores_), label=name)
ax.set(xlabel="epoch", ylabel="pinball loss of rows held out", yscale="log")
ax.legend()

# %%
# Together
# --------
#
# Stacked, they are better than each of them.

stack = QuantileStackingRegressor(
    list(models.items()), levels, weighting="coarse", cv=3, random_state=0
).fit(X, y)
score = weighted_interval_score(y_test, stack.predict_quantiles(X_test), quantiles=levels)
print(f"WIS of the stack: {score:.3f} MPa, with weights {stack.weights_.round(2)}")
plt.show()
