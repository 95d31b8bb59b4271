"""CPU seconds of an epoch, the same network and batches, by three packages."""

import time
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from benchmarks import _report
from benchmarks._neural_peers import models, rows

SIZES = ((10_000, 20), (100_000, 50))


def seconds_per_epoch(task, n, p, dtype, epochs, repeats=5):
    """Return the seconds of an epoch by package: the best of some repeats, in turns.

    A fit of one epoch is subtracted from one of more, so that neither checks of rows nor the
    making of the network count.
    """
    X, y = rows(n, p, task)
    y = y.reshape(-1, 1) if task == "regression" else y
    best = {}
    for _ in range(repeats):
        for name, long in models(task, p, epochs + 1).items():
            # skorch has no float64: its module would have to be cast by hand.
            A = X if name == "skorch" else X.astype(dtype)
            b = y.ravel() if name != "skorch" and task == "regression" else y
            short = models(task, p, 1)[name]
            took = _clock(long, A, b) - _clock(short, A, b)
            best[name] = min(best.get(name, np.inf), took / epochs)
    return best


def _clock(model, X, y):
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y)
    return time.process_time() - start


def section(quick, targets):
    """Return the report of the epochs."""
    lines = []
    for task in ("classification", "regression"):
        for n, p in SIZES[:1] if quick else SIZES:
            for dtype in ("float32", "float64"):
                epochs = 10 if n <= 10_000 else 2
                took = seconds_per_epoch(task, n, p, dtype, epochs, repeats=2 if quick else 5)
                ours, bare, mlp = took["skweight"], took["skorch"], took["scikit-learn"]
                lines.append(
                    [
                        task,
                        f"{n:,} x {p}",
                        dtype,
                        *(_report.significant(each) for each in (ours, bare, mlp)),
                        f"{bare / ours:.1f}",
                        f"{ours / mlp:.2f}",
                    ]
                )
                if task == "classification" and n == 10_000:
                    name = f"an epoch of 10,000 x 20, {dtype}"
                    targets.check(
                        f"{name}: at least 3 times as fast as skorch's loader",
                        f"{bare / ours:.1f} times",
                        bare >= 3 * ours,
                    )
                    targets.check(
                        f"{name}: at most 1.2 times the seconds of MLPClassifier",
                        f"{ours / mlp:.2f} times",
                        ours <= 1.2 * mlp,
                    )
    header = [
        "task",
        "rows x features",
        "type",
        "skweight",
        "skorch",
        "scikit-learn",
        "skorch / ours",
        "ours / scikit-learn",
    ]
    return f"""## An epoch

One hidden layer of 100 units, Adam, 200 rows a step; CPU seconds, best of
{2 if quick else 5} in turns. skorch trains in float32 in both lines of a task.

{_report.table(header, lines)}"""
