"""What the parts of ``python -m benchmarks.distillation`` share: rows to fit, seconds, refits."""

import time
import warnings

import numpy as np

WEIGHT = 0.3  # of the ground truth, from the second step on
N_STEPS = 10
REPEATS = 5


def draw(n, p=20, seed=0):
    """Return simulated rows, standard normal, and a smooth function of them with noise."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    return X, np.sin(X[:, 0]) + X[:, 1] * X[:, 2] / 2 + rng.normal(size=n)


def clock(task):
    """Return the CPU seconds of a task and what it returns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.process_time()
        value = task()
        return time.process_time() - start, value


def medians(tasks, repeats=REPEATS):
    """Return the median CPU seconds of each task; the tasks take turns.

    A busy moment of the machine then falls on all of them.

    Parameters
    ----------
    tasks : dict of str to callable
        What to run. A task that returns a float has measured its own seconds.
    repeats : int, default=REPEATS
        How often.

    Returns
    -------
    dict of str to float
        Median seconds.
    """
    seconds = {name: [] for name in tasks}
    for _ in range(repeats):
        for name, task in tasks.items():
            took, value = clock(task)
            seconds[name].append(value if isinstance(value, float) else took)
    return {name: float(np.median(values)) for name, values in seconds.items()}


def refits(peer, X, y, n_steps=N_STEPS, timed=None):
    """Distil with any regressor, by one fit for each step.

    Parameters
    ----------
    peer : object
        Has ``fit(X, y)`` and ``predict(X)``.
    X : ndarray of shape (n, p)
        Rows.
    y : ndarray of shape (n,)
        Targets.
    n_steps : int, default=N_STEPS
        Fits, with predictions for the training rows between them.
    timed : int or None, default=None
        Fits to run if not all; their seconds are scaled up.

    Returns
    -------
    seconds : float
        CPU seconds of `n_steps` fits and the `n_steps` - 1 predictions between them.
    fitted : ndarray of shape (n,)
        Predictions for the training rows by the last of the fits.
    """
    timed = timed or n_steps
    fits, predictions, targets = [], [], y
    for step in range(timed):
        took, _ = clock(lambda: peer.fit(X, targets))  # noqa: B023
        fits.append(took)
        took, fitted = clock(lambda: peer.predict(X))
        if step < n_steps - 1:  # the last fit is not asked for what it predicts
            predictions.append(took)
        targets = WEIGHT * y + (1 - WEIGHT) * fitted
    return float(np.mean(fits) * n_steps + np.mean(predictions) * (n_steps - 1)), fitted
