"""
Steps for the rows that are not learnt
======================================

Four fifths of these rows are nearly the same, and there is no noise. A training loop whose loss is
a :class:`~skweight.losses.LossReweightedCriterion` spends its steps on the others; at a learning
rate ten times as large it would not converge.
"""

import matplotlib.pyplot as plt
import torch
from torch import nn

from skweight.losses import LossReweightedCriterion

generator = torch.Generator().manual_seed(0)
X = torch.randn(2000, 20, generator=generator, dtype=torch.float64)
X[:1600] *= 0.1
truth = torch.randn(20, generator=generator, dtype=torch.float64)

fig, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
for strategy in ("uniform", "linupper", "quadratic", "extremes"):
    loss = LossReweightedCriterion(nn.MSELoss(reduction="none"), strategy, temperature=0.4)
    found = torch.zeros(20, dtype=torch.float64, requires_grad=True)
    steps = torch.optim.SGD([found], lr=0.02)
    errors = []
    for _ in range(400):
        rows = X[torch.randint(2000, (32,), generator=generator)]
        steps.zero_grad()
        loss(rows @ found, rows @ truth).backward()
        steps.step()
        errors.append(((found.detach() - truth) ** 2).sum().item())
    ax.semilogy(errors, label=strategy)
    print(f"{strategy:10} {errors[-1]:.1e}")
ax.set(xlabel="step", ylabel="squared error of the coefficients")
ax.legend()
plt.show()
