"""
Eleven points, taught by themselves
===================================

A model is fitted to noisy targets, then to what it said of them, and so on. What happens, and where
does it end? This example looks at every step of
:class:`~skweight.distillation.SelfDistilledKernelRidge` on the eleven points that the papers on
self-distillation draw, of which the truth is known.
"""

# %%
# Steps without and with ground truth
# -----------------------------------
#
# Points of a sine wave with noise, and the kernel and penalty of the papers. The first step is
# ordinary kernel ridge regression. Each later one is fitted to a mixture of the targets and of the
# predictions of the step before, and ``ground_truth_weight`` is the share of the targets. All steps
# come from one factorisation, and ``staged_predict`` goes through them.

import matplotlib.pyplot as plt
import numpy as np

from skweight.datasets import load_self_distillation_toy
from skweight.distillation import SelfDistilledKernelRidge

toy = load_self_distillation_toy()
models = {
    f"weight {w:g}": SelfDistilledKernelRidge(
        toy.alpha, gamma=toy.gamma, n_steps=7, ground_truth_weight=w
    ).fit(toy.data, toy.target)
    for w in (0, 0.25)
}

fig, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True)
colors = plt.colormaps["viridis"](np.linspace(0, 0.82, 7))
for ax, (name, model) in zip(axes, models.items()):
    for step, fit in enumerate(model.staged_predict(toy.grid), start=1):
        label = f"step {step}" if step in (1, 4, 7) else None
        ax.plot(toy.grid, fit, color=colors[step - 1], lw=1.2, label=label)
    ax.plot(toy.grid, toy.truth, color="0.5", ls=":", label="truth")
    ax.plot(toy.data, toy.target, "o", color="0.2", ms=4)
    ax.set(title=name, xlabel="x")
limit = models["weight 0.25"].predict(toy.grid, step=np.inf)
axes[1].plot(toy.grid, limit, color="C1", ls="--", label="infinitely many steps")
axes[1].legend(fontsize="small")

# %%
# Without ground truth every step is flatter than the one before, and in the end there is nothing.
# A quarter of ground truth stops that: the steps settle on a curve. It is an old acquaintance, the
# ordinary fit with four times the penalty.

from sklearn.kernel_ridge import KernelRidge

alpha = models["weight 0.25"].limit_alpha_
ordinary = KernelRidge(alpha=alpha, kernel="rbf", gamma=toy.gamma).fit(toy.data, toy.target)
print(f"penalty {alpha:g}, differs by {np.abs(ordinary.predict(toy.grid) - limit).max():.0e}")

# %%
# The error of every step
# -----------------------
#
# From the truth, along the whole wave. The penalty of the papers is too small, and the first steps
# are better than the ordinary fit. Those without ground truth soon are worse. With it the error
# falls below that of the limit, dashed, and comes back to it.

from skweight.distillation import StepErrorDisplay

display = StepErrorDisplay.from_estimator(models, toy.grid, toy.truth)

# %%
# Is that more than an ordinary fit can do? With the best of many penalties it gets nearly as far.
# What steps repair here is a penalty that is too small.

errors = {}
for alpha in np.logspace(-2, 1, 100):
    ordinary.set_params(alpha=alpha).fit(toy.data, toy.target)
    errors[alpha] = np.mean((ordinary.predict(toy.grid) - toy.truth) ** 2)
best = min(errors, key=errors.get)
print(f"ordinary fit, penalty {toy.alpha:.2f}: {display.errors['weight 0'][0]:.4f}")
print(f"ordinary fit, penalty {best:.2f}: {errors[best]:.4f}")
for name, steps in display.errors.items():
    print(f"{name}, step {steps.argmin() + 1}: {steps.min():.4f}")

# %%
# Why
# ---
#
# Along an eigenvector of the kernel matrix, fitted values are the targets times a factor. Large
# eigenvalues belong to smooth curves, and small ones to wiggles. Without ground truth the factors
# are powers of those of the ordinary fit: each step presses all of them down, the small ones most.
# With it they end in the factors of a larger penalty.

from skweight.distillation import FilterFactorsDisplay

fig, axes = plt.subplots(1, 2, figsize=(9.5, 3.8), sharey=True)
for ax, (name, model) in zip(axes, models.items()):
    FilterFactorsDisplay.from_estimator(model, ax=ax)
    ax.set_title(name)
axes[0].get_legend().remove()
axes[1].set_ylabel("")

# %%
# Their sum says how flexible a fit is. At 11 it would go through all the points.

from skweight.distillation import EffectiveDegreesOfFreedomDisplay

EffectiveDegreesOfFreedomDisplay.from_estimator(models)

# %%
# Where nobody knows the truth
# ----------------------------
#
# Weights can be found by leave-one-out, for each step a formula, and the predictions for the points
# left out are those of as many refits. But leave one out of eleven points on a line, and what is
# asked of the others is to bridge a gap twice as wide. That is another task, which likes more
# flexible fits. So the errors of the points left out fall, and those from the truth do not.

chosen = SelfDistilledKernelRidge(
    toy.alpha, gamma=toy.gamma, n_steps=4, ground_truth_weight="loo"
).fit(toy.data, toy.target)
truth = [np.mean((fit - toy.truth) ** 2) for fit in chosen.staged_predict(toy.grid)]
print("weights:", *chosen.ground_truth_weights_.round(2))
print("left out:", *chosen.loo_mse_.round(3))
print("truth:", *np.round(truth, 3))
plt.show()

# %%
# Eleven equally spaced points are good for a picture. The next examples have hundreds of rows of
# real data, where rows left out are like those to come.
