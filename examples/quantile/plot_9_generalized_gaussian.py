"""
The tails of errors around a line
=================================

Least squares takes errors for normal, median regression for Laplace's.
:class:`~skweight.quantile.GeneralizedGaussianLinearRegressor` has both as shapes of one family of
distributions, and finds the shape of the largest likelihood.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import gennorm
from sklearn.datasets import load_diabetes

from skweight.quantile import GeneralizedGaussianLinearRegressor

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
