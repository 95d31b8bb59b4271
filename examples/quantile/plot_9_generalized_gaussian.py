"""
The tails of errors around a line
=================================

Least squares takes errors for normal, median regression for Laplace's.
:class:`~skweight.quantile.GeneralizedGaussianLinearRegressor` has both as shapes of one family of
distributions, and finds the shape of the largest likelihood. Networks predict scale and shape for
every row, and a stack takes quantiles of both.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import gennorm
from sklearn.datasets import load_diabetes
from sklearn.linear_model import QuantileRegressor
from sklearn.metrics import mean_pinball_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skweight.quantile import (
    GeneralizedGaussianLinearRegressor,
    GeneralizedGaussianRegressor,
    QuantileStackingRegressor,
)

# %%
# The shape
# ---------
# A shape of 2 is a normal distribution. Errors on the diabetes data have lighter tails.

X, y = load_diabetes(return_X_y=True)
model = GeneralizedGaussianLinearRegressor().fit(X, y)
normal = GeneralizedGaussianLinearRegressor(shape_bounds=(2, 2)).fit(X, y)
laplace = GeneralizedGaussianLinearRegressor(shape_bounds=(1, 1)).fit(X, y)
for name, fitted in {"found": model, "normal": normal, "Laplace": laplace}.items():
    likelihood = fitted.score_samples(X, y).mean()
    print(f"{name:8} shape {fitted.shape_:.2f}, mean log density {likelihood:.4f}")

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
errors = y - model.predict(X)
grid = np.linspace(errors.min(), errors.max(), 200)
left.hist(errors, bins=30, density=True, color="0.85")
for name, fitted in {"found": model, "normal": normal, "Laplace": laplace}.items():
    left.plot(grid, gennorm.pdf(grid, fitted.shape_, scale=fitted.scale_), label=name)
left.set(xlabel="error", ylabel="density")
left.legend(frameon=False)

# %%
# Quantiles
# ---------
# Quantiles come from the distribution, so they never cross, and they are those of the errors as
# far as the form is right. One shape serves all rows: the share of rows below each line says
# nothing of single rows.

levels = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
quantiles = model.predict_quantile(X, levels)
right.plot(levels, levels, color="0.6", lw=1)
right.plot(levels, (y[:, None] <= quantiles).mean(axis=0), "o")
right.set(xlabel="level", ylabel="share of rows below")

# %%
# A stack
# -------
# Models with ``predict_quantile`` are base models of a stack. The weights are those of a model at a
# level, found on rows that it was not trained on.

X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.4, random_state=0)
scaler = StandardScaler().fit(X_train)
X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)
options = {"hidden_layer_sizes": (20,), "early_stopping": True, "random_state": 0}
bases = [
    ("line", GeneralizedGaussianLinearRegressor()),
    ("networks", GeneralizedGaussianRegressor(**options)),
    ("linear quantiles", QuantileRegressor(alpha=0)),
]
stack = QuantileStackingRegressor(bases, quantiles=levels, cv=3)
stack.fit(X_train, y_train)


def pinball(quantiles):
    """Return the mean pinball loss of quantiles on the test rows."""
    return np.mean([mean_pinball_loss(y_test, q, alpha=a) for a, q in zip(levels, quantiles.T)])


print(f"{'stack':16} {pinball(stack.predict_quantiles(X_test)):.3f}")
for name, base in bases:
    alone = QuantileStackingRegressor([(name, base)], quantiles=levels, cv=3)
    print(f"{name:16} {pinball(alone.fit(X_train, y_train).predict_quantiles(X_test)):.3f}")

fig, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
base = np.zeros(len(levels))
for (name, _), weight in zip(bases, stack.weights_.T, strict=True):
    axes.bar(levels.astype(str), weight, bottom=base, label=name)
    base += weight
axes.set(xlabel="level", ylabel="weight")
axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
