"""
Learn a teacher's order of the classes
======================================

:class:`~skweight.losses.PlackettLuceDistillationLoss` takes the place of the cross-entropy where a
network has a teacher: the true class first, the others as the teacher ranks them. This example
trains a layer with it, and shows what the loss does to probabilities.
"""

# %%
# A training loop
# ---------------
#
# A forest is the teacher of a linear layer that reads digits. It is asked of rows that it did not
# see. The target of the loss is a pair: the teacher's logits, which may be logarithms of
# probabilities, and the labels.

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.model_selection import cross_val_predict

from skweight.losses import PlackettLuceDistillationLoss, plackett_luce_distillation_loss

X, y = load_digits(return_X_y=True)
X, y = X[:800] / 16, y[:800]
forest = ExtraTreesClassifier(50, random_state=0)
taught = cross_val_predict(forest, X, y, cv=3, method="predict_proba")
rows, target = torch.tensor(X), (torch.tensor(taught).clamp(1e-12).log(), torch.tensor(y))

net = torch.nn.Linear(64, 10, dtype=torch.float64)
torch.nn.init.zeros_(net.weight)
torch.nn.init.zeros_(net.bias)
criterion = PlackettLuceDistillationLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
curve = []
for _ in range(200):
    optimizer.zero_grad()
    loss = criterion(net(rows), target)
    loss.backward()
    optimizer.step()
    curve.append(loss.item())
print(f"loss {curve[0]:.2f}, after 200 steps {curve[-1]:.2f}")

# %%
# The same number for arrays needs no torch, and comes with its gradient:

scores = net(rows).detach().numpy()
value, gradient = plackett_luce_distillation_loss(scores, target[0].numpy(), y, return_grad=True)
print(f"{value:.2f}", gradient.shape)

# %%
# Surer than the truth
# --------------------
#
# Two classes, of which the second has some probability, and a teacher who knows it. Which
# probability has the smallest expected loss? For the cross-entropy it is the truth. Here it is not,
# since a choice counts by the teacher's trust, and the likelier class is trusted more.

truths, answers = np.linspace(0.02, 0.98, 49), np.linspace(0.001, 0.999, 999)
scores = np.column_stack([np.zeros_like(answers), np.log(answers / (1 - answers))])
best = {"perfect": [], "says .7 whatever is true": []}
for truth in truths:
    for name, trust in zip(best, (truth, 0.7)):
        teacher = np.tile(np.log([1 - trust, trust]), (len(answers), 1))
        losses = [
            plackett_luce_distillation_loss(scores, teacher, np.full(999, k), reduction="none")
            for k in (0, 1)
        ]
        risk = (1 - truth) * losses[0] + truth * losses[1]
        best[name].append(answers[risk.argmin()])

plt.axline((0, 0), slope=1, color="0.6", linestyle="--", label="cross-entropy")
for name, values in best.items():
    plt.plot(truths, values, label=f"teacher: {name}")
plt.xlabel("probability of the second class")
plt.ylabel("what the best student says")
plt.legend()
plt.show()

# %%
# Decisions after a perfect teacher are right, and probabilities are too extreme: calibrate them
# where they matter. A teacher who is wrong moves the decisions as well.
