"""
Labels and a teacher in one loss
================================

A student can learn from labels and from a teacher's probabilities at once.
:class:`~skweight.losses.DistillationMSELoss` is the squared error beside both, in a training loop
of PyTorch. Its weight may be negative, too: then the student leans away from the labels.
"""

# %%
# Two moons, and a fifth of the labels wrong.

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import make_moons
from torch import nn

from skweight.datasets import add_label_noise
from skweight.losses import DistillationMSELoss

X, y = make_moons(200, noise=0.2, random_state=0)
noisy, _ = add_label_noise(y, 0.2, kind="flip", random_state=0)
rows = torch.tensor(X, dtype=torch.float32)
labels = torch.tensor(noisy)


def train(loss, *targets):
    """Train a network of 30 units for 300 steps."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(2, 30), nn.ReLU(), nn.Linear(30, 2))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.05, weight_decay=1e-3)
    for _ in range(300):
        optimizer.zero_grad()
        loss(net(rows), *targets).backward()
        optimizer.step()
    return net


@torch.no_grad()
def probabilities(net, X):
    return torch.softmax(net(torch.as_tensor(X, dtype=torch.float32)), dim=1)


# %%
# The teacher has learned the labels. Students get its probabilities, and the labels by weight.

teacher = train(nn.CrossEntropyLoss(), labels)
taught = probabilities(teacher, X)
X_test, y_test = make_moons(2000, noise=0.2, random_state=1)
nets = {"teacher": teacher}
for weight in (-0.5, 0.0, 0.5):
    nets[f"weight {weight:g}"] = train(DistillationMSELoss(weight), labels, taught)
for name, net in nets.items():
    found = probabilities(net, X_test).argmax(dim=1).numpy()
    print(f"{name:12} accuracy on right labels {np.mean(found == y_test):.3f}")

# %%
# The probability of the second moon. Students are smoother than the teacher, which was trained by
# another loss, and no better here: the more the labels weigh, the more is right.

fig, axes = plt.subplots(1, 4, figsize=(12, 3), layout="constrained", sharey=True)
across, up = np.meshgrid(np.linspace(-1.6, 2.6, 90), np.linspace(-1.1, 1.6, 70))
for ax, (name, net) in zip(axes, nets.items()):
    grid = probabilities(net, np.column_stack([across.ravel(), up.ravel()]))[:, 1]
    ax.contourf(across, up, grid.reshape(across.shape), np.linspace(0, 1, 11), cmap="RdBu_r")
    ax.scatter(*X.T, c=noisy, cmap="RdBu_r", s=8, edgecolors="k", linewidths=0.3)
    ax.set_title(name)
plt.show()
