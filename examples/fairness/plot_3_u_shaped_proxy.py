"""
A proxy that correlation does not see
=====================================

The usual way to take a protected attribute out of the features is to regress them on it and go on
with the residuals. That removes correlation. A feature that is high for the young and for the old,
and low in between, has no correlation with age, and passes. Distance covariance sees it.
"""

# %%
# Two features, one of which knows
# --------------------------------
#
# The attribute ``s`` is uniform: say, age on a scale from -1 to 1. The first feature follows its
# square, the second has nothing to do with it, and the outcome needs both.

import numpy as np

rng = np.random.default_rng(0)
s = rng.uniform(-1, 1, 2000)
proxy = 3 * s**2 - 1 + 0.3 * rng.normal(size=2000)
other = rng.normal(size=2000)
X = np.column_stack([proxy, other])
y = proxy + other + 0.5 * rng.normal(size=2000)
train, test = np.arange(1000), np.arange(1000, 2000)

for name, column in {"proxy": proxy, "other": other}.items():
    print(f"correlation of s and {name}: {np.corrcoef(s, column)[0, 1]:+.3f}")

# %%
# Four models
# -----------
#
# A correlation remover is two lines of numpy. After it comes least squares, and so does it after
# nothing. The others are :class:`~skweight.fairness.DistanceCovarianceRegressor` at two strengths.

from sklearn.linear_model import LinearRegression

from skweight.fairness import DistanceCovarianceRegressor

centred = s - s[train].mean()
residuals = X - np.outer(centred, centred[train] @ X[train] / (centred[train] @ centred[train]))

plain = LinearRegression().fit(X[train], y[train])
remover = LinearRegression().fit(residuals[train], y[train])
mild, strong = (
    DistanceCovarianceRegressor(strength).fit(X[train], y[train], sensitive_features=s[train])
    for strength in (50, 200)
)
predictions = {
    "plain": plain.predict(X[test]),
    "correlation removed": remover.predict(residuals[test]),
    "strength 50": mild.predict(X[test]),
    "strength 200": strong.predict(X[test]),
}

from skweight.fairness import ConditionalMeanDisplay

ConditionalMeanDisplay.from_predictions(predictions, s[test], x_name="s")

# %%
# In numbers
# ----------
#
# On the rows set aside, where a permutation test of independence is valid: on training rows the
# predictions were made to look independent. The squared distance correlation is the unbiased one,
# which is 0 on average where nothing is left.

import pandas as pd
from sklearn.metrics import r2_score

from skweight.fairness import IndependenceTest, distance_correlation, independence_test


def figures(y_pred):
    """Say what predictions are worth, and what they know of s."""
    tested: IndependenceTest = independence_test(y_pred, [s[test]], random_state=0)
    return {
        "R2": r2_score(y[test], y_pred),
        "correlation": np.corrcoef(s[test], y_pred)[0, 1],
        "distance correlation": distance_correlation(y_pred, s[test], statistic="U"),
        "p value": tested.p_value,
    }


pd.DataFrame({name: figures(y_pred) for name, y_pred in predictions.items()}).T.round(3)

# %%
# The remover has removed nothing, as there was no correlation. At strength 200 the test finds
# no dependence any more. What is lost was to be lost: a good part of the outcome *is* the square of
# ``s``.
#
# If you know the shape
# ---------------------
#
# Residuals of a regression on ``s`` and its square would do as well here:

shapes = np.column_stack([np.ones(2000), s, s**2])
residuals = X - shapes @ np.linalg.lstsq(shapes[train], X[train], rcond=None)[0]
informed = LinearRegression().fit(residuals[train], y[train]).predict(residuals[test])
pd.DataFrame({"square removed": figures(informed)}).T.round(3)

# %%
# But somebody has to know that it is a square, for every feature, attribute and intersection. And
# residuals need ``s`` for every prediction, where it may not be known, or may not be used.
#
# The dependence itself
# ---------------------
#
# :func:`~skweight.fairness.distance_covariance` is an ordinary function of arrays, with a gradient:
# where predictions would have to go. Of the plain predictions, those of rows at both ends are to
# come down and those in the middle to go up.

import matplotlib.pyplot as plt

from skweight.fairness import distance_covariance

value, gradient = distance_covariance(predictions["plain"], s[test], return_gradient=True)
fig, ax = plt.subplots(figsize=(7, 3.6))
points = ax.scatter(s[test], predictions["plain"], c=-gradient * len(test), s=12, cmap="coolwarm")
fig.colorbar(points, label="less dependence: down or up")
ax.set(xlabel="s", ylabel="plain prediction", title=f"distance covariance {value:.3f}, squared")
plt.show()
