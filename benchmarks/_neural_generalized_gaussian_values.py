"""Values of states by temporal differences: tails that are learned, and normal ones."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from benchmarks import _report
from benchmarks._fairness_common import figure
from skweight.quantile import GeneralizedGaussianTDRegressor

DISCOUNT, N_STATES, N_ROWS = 0.9, 19, 400
PLACE = np.linspace(-1, 1, N_STATES)
REWARD = np.sin(3 * PLACE)
WALKS = {"to the right": [1], "to the left or the right": [-1, 1]}
SHAPES = {"1 to 4, the default": (1.0, 4.0), "0.2 to 4": (0.2, 4.0), "2": (2.0, 2.0)}


def transitions(steps, seed):
    """Return rows, rewards with errors of t(2), next rows, and whether a walk ended."""
    rng = np.random.default_rng(seed)
    state = rng.integers(N_STATES, size=N_ROWS)
    ahead = state + rng.choice(steps, size=N_ROWS)
    done = (ahead < 0) | (ahead >= N_STATES)
    reward = REWARD[state] + 0.5 * rng.standard_t(2, size=N_ROWS)
    return PLACE[state, None], reward, PLACE[np.clip(ahead, 0, N_STATES - 1), None], done


def section(quick, targets):
    """Return a table of errors of values, root mean squares over states."""
    rows, gains = [], {}
    for walk, steps in WALKS.items():
        moves = sum(np.eye(N_STATES, k=step) for step in steps) / len(steps)
        values = np.linalg.solve(np.eye(N_STATES) - DISCOUNT * moves, REWARD)
        errors = {name: [] for name in SHAPES}
        for seed in range(1 if quick else 4):
            X, reward, ahead, done = transitions(steps, seed)
            for name, bounds in SHAPES.items():
                model = GeneralizedGaussianTDRegressor(
                    3,
                    discount=DISCOUNT,
                    shape_bounds=bounds,
                    hidden_layer_sizes=(20,),
                    target_update=5,
                    max_iter=20 if quick else 150,
                    random_state=seed,
                )
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", ConvergenceWarning)
                    model.fit(X, reward, X_next=ahead, done=done)
                errors[name].append(np.sqrt(np.mean((model.predict(PLACE[:, None]) - values) ** 2)))
        gains[walk] = np.subtract(errors["2"], errors["1 to 4, the default"])
        rows += [[walk, name, figure(found, ".3f")] for name, found in errors.items()]
    if not quick:
        targets.check(
            "errors of values below those of shape 2 where the next state is certain",
            ", ".join(f"{walk} {figure(gain, '.3f')}" for walk, gain in gains.items()),
            gains["to the right"].mean() > 0,
        )
    return _report.table(["steps", "shapes", "root mean squared error"], rows)
