"""Searches over penalties, steps and weights beside refits and other searches."""

import numpy as np
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import RidgeCV

from benchmarks import _report
from benchmarks._distillation_common import N_STEPS, REPEATS, draw, medians, refits
from benchmarks._distillation_peers import himalaya_cv
from skweight.distillation import SelfDistilledKernelRidgeCV, SelfDistilledRidgeCV

ALPHAS = np.logspace(-2, 2, 20)
GAMMA, ROWS, LINEAR_ROWS, LINEAR_COLUMNS = 0.05, 2000, 20_000, 100
TIMED = 2  # penalties whose refits are run
TARGET = 15

STEPS, REFITS, HIMALAYA = "penalties, steps and weights", "KernelRidge, refits", "himalaya"


def kernel_race(n=ROWS, alphas=ALPHAS, repeats=REPEATS):
    """Return median CPU seconds of the searches of kernel ridge regression, by contestant."""
    X, y = draw(n)
    some = np.asarray(alphas)[:: max(1, len(alphas) // TIMED)]

    def chains():
        peers = [KernelRidge(alpha=alpha, kernel="rbf", gamma=GAMMA) for alpha in some]
        return sum(refits(peer, X, y)[0] for peer in peers) * len(alphas) / len(some)

    model = SelfDistilledKernelRidgeCV(alphas, gamma=GAMMA, n_steps=N_STEPS)
    tasks = {STEPS: lambda: model.fit(X, y), REFITS: chains}
    himalaya = himalaya_cv(alphas, GAMMA)
    if himalaya is not None:
        himalaya.fit(X[:50], y[:50])  # imports
        tasks[HIMALAYA] = lambda: himalaya.fit(X, y)
    return medians(tasks, repeats)


def linear_race(n=LINEAR_ROWS, p=LINEAR_COLUMNS, alphas=ALPHAS, repeats=REPEATS):
    """Return median CPU seconds of the searches of ridge regression, by contestant."""
    X, y = draw(n, p)
    steps, plain = SelfDistilledRidgeCV(alphas, n_steps=N_STEPS), RidgeCV(alphas)
    return medians({STEPS: lambda: steps.fit(X, y), "RidgeCV": lambda: plain.fit(X, y)}, repeats)


def table(seconds, models):
    """Return the table of a race; `models` says how many models each contestant compares."""
    rows = [
        [name, models[name], _report.significant(took), f"{took / seconds[STEPS]:.1f}"]
        for name, took in seconds.items()
    ]
    return _report.table(["searched", "models", "CPU seconds", "ratio"], rows)


def section(quick, targets):
    """Race the searches and return the report's section."""
    n, rows = (500, 2000) if quick else (ROWS, LINEAR_ROWS)
    kernel, linear = kernel_race(n), linear_race(rows)
    ratio = kernel[REFITS] / kernel[STEPS]
    targets.check(
        f"n = {n:,}: {len(ALPHAS)} penalties x {N_STEPS} steps with leave-one-out at least "
        f"{TARGET} times as fast as the refits without it",
        f"{ratio:.1f} times",
        ratio >= TARGET,
    )
    steps = f"{len(ALPHAS)} x {N_STEPS}, leave-one-out"
    kernel_models = {
        STEPS: steps,
        REFITS: f"{len(ALPHAS)} x {N_STEPS}, no error",
        HIMALAYA: f"{len(ALPHAS)}, five folds",
    }
    linear_models = {STEPS: steps, "RidgeCV": f"{len(ALPHAS)}, leave-one-out"}
    return f"""## Searches

Penalty, step and weights at once, by exact leave-one-out. RBF kernel, {n:,} rows, 20 features;
medians of {REPEATS} repeats. The refits run for {TIMED} of the {len(ALPHAS)} penalties, with a
given weight, and their seconds are multiplied by {len(ALPHAS) // TIMED}; they know no error on rows
left out. himalaya compares penalties alone. Ratio: seconds over ours.

{table(kernel, kernel_models)}

Linear models, {rows:,} rows, {LINEAR_COLUMNS} features:

{table(linear, linear_models)}"""
