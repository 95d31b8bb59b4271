"""
Values of states from transitions
=================================

A walk along a line of 19 states, which ends where the line does. Every step pays something, with
errors that are large now and then. :class:`~skweight.quantile.GeneralizedGaussianTDRegressor`
learns what the rest of a walk pays from single transitions.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skweight.quantile import GeneralizedGaussianTDRegressor

# %%
# Two walks
# ---------
# One always goes to the right, the other to either side. Rows are states that are left, rewards,
# states that are reached, and whether the walk ended. True values solve Bellman's equation.

DISCOUNT, N_STATES = 0.9, 19
place = np.linspace(-1, 1, N_STATES)
mean_reward = np.sin(3 * place)
walks = {"to the right": [1], "to either side": [-1, 1]}


def transitions(steps):
    """Return 500 transitions between states, and the values of all states."""
    rng = np.random.default_rng(0)
    state = rng.integers(N_STATES, size=500)
    ahead = state + rng.choice(steps, size=500)
    done = (ahead < 0) | (ahead >= N_STATES)
    reward = mean_reward[state] + 0.5 * rng.standard_t(2, size=500)
    moves = sum(np.eye(N_STATES, k=step) for step in steps) / len(steps)
    values = np.linalg.solve(np.eye(N_STATES) - DISCOUNT * moves, mean_reward)
    X, X_next = place[state, None], place[np.clip(ahead, 0, N_STATES - 1), None]
    return (X, reward, X_next, done), values


# %%
# The values
# ----------
# Normal errors are a shape of 2. By default the shape is learned between 1, which is Laplace's
# distribution, and 4.

options = {"discount": DISCOUNT, "hidden_layer_sizes": (20,), "target_update": 5}
models = {
    "learned shape": GeneralizedGaussianTDRegressor(3, **options, max_iter=150, random_state=0),
    "shape 2": GeneralizedGaussianTDRegressor(
        3, **options, max_iter=150, shape_bounds=(2, 2), random_state=0
    ),
}
fig, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for ax, (walk, steps) in zip(axes, walks.items(), strict=True):
    rows, values = transitions(steps)
    ax.plot(place, values, "k--", label="Bellman's equation")
    for name, model in models.items():
        with warnings.catch_warnings():
            # Targets move as long as training goes on.
            warnings.simplefilter("ignore", ConvergenceWarning)
            X, reward, X_next, done = rows
            model.fit(X, reward, X_next=X_next, done=done)
        found = model.predict(place[:, None])
        error = np.sqrt(np.mean((found - values) ** 2))
        _, _, shape = model.predict_distribution(place[:, None])
        print(f"{walk:14} {name:13} mean shape {shape.mean():.2f}, error of values {error:.2f}")
        (line,) = ax.plot(place, found, label=name)
        low, high = model.predict_quantile(place[:, None], [0.05, 0.95]).T
        ax.fill_between(place, low, high, color=line.get_color(), alpha=0.2)
    ax.set(title=walk, xlabel="state")
axes[0].set_ylabel("value, and 90 % of the targets")
axes[0].legend(frameon=False)

# %%
# A distribution is that of a target, which is the reward plus the discounted value of the next
# state; the return of a walk spreads wider. Its location is the mean, which a value is, if targets
# are symmetric. To the right they are, as the next state is certain, and learned tails keep a few
# large errors from moving the values. To either side targets have two modes: 500 of them are few
# for both models, and over several seeds there is little between these two (the guide has the
# figures). Where rewards are rare and large targets are skewed: then set ``shape_bounds=(2, 2)``,
# for which the location is the mean whatever the errors are.
