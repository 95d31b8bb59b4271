"""Seconds until rows held out are predicted as well as scikit-learn's network does in the end."""

import time
import warnings

import numpy as np
from sklearn.base import is_classifier
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.model_selection import train_test_split

from benchmarks import _report
from benchmarks._neural_peers import models, rows

CASES = (
    ("classification", 10_000, 20, 30),
    ("regression", 10_000, 20, 30),
    ("classification", 100_000, 50, 8),
    ("regression", 100_000, 50, 8),
)


def curve(model, X, y, X_test, y_test, epochs):
    """Return seconds of training and losses on rows held out after every epoch."""
    seconds, losses = [], []
    took = 0.0
    flat = np.ravel(y) if type(model).__module__.startswith("sklearn") else y
    for epoch in range(epochs):
        start = time.process_time()
        first = {"classes": np.unique(y)} if is_classifier(model) and epoch == 0 else {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.partial_fit(X, flat, **first)
        took += time.process_time() - start
        seconds.append(took)
        if is_classifier(model):
            losses.append(log_loss(y_test, model.predict_proba(X_test)))
        else:
            losses.append(mean_squared_error(y_test, model.predict(X_test)))
    return np.array(seconds), np.array(losses)


def race(task, n, p, epochs, seed):
    """Return seconds to the loss that scikit-learn's network ends at, and final losses."""
    X, y = rows(n, p, task, seed)
    y = y.reshape(-1, 1) if task == "regression" else y
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.2, random_state=seed)
    curves = {}
    for name, model in models(task, p, 1, seed).items():
        targets = y if name == "skorch" or task == "classification" else y.ravel()
        curves[name] = curve(model, X, targets, X_test, y_test, epochs)
    wanted = curves["scikit-learn"][1].min() * 1.02
    reached = {}
    for name, (seconds, losses) in curves.items():
        there = np.flatnonzero(losses <= wanted)
        reached[name] = seconds[there[0]] if len(there) else np.inf
    return reached, {name: losses.min() for name, (_, losses) in curves.items()}


def section(quick, targets):
    """Return the report of the learning curves."""
    lines = []
    for task, n, p, epochs in CASES[:1] if quick else CASES:
        seeds = range(2 if quick or n > 10_000 else 5)
        runs = [race(task, n, p, 5 if quick else epochs, seed) for seed in seeds]
        for name in runs[0][0]:
            seconds = np.array([reached[name] for reached, _ in runs])
            losses = np.array([best[name] for _, best in runs])
            there = seconds[np.isfinite(seconds)]
            error = losses.std(ddof=1) / np.sqrt(len(losses))
            lines.append(
                [
                    task,
                    f"{n:,} x {p}",
                    name,
                    f"{len(there)} of {len(seconds)}",
                    _report.significant(there.mean()) if len(there) else "",
                    f"{losses.mean():.4f} ± {error:.4f}",
                ]
            )
    header = ["task", "rows x features", "package", "reached", "seconds", "least loss"]
    return f"""## Seconds to an equal loss

Epochs by `partial_fit`, all with the same settings; a fifth of the rows is held out. "Reached" is
in how many seeds the loss of rows held out came within 2 % of the least of scikit-learn's network;
"seconds" is the mean CPU time of the training until then. skorch has no penalty, the others have
alpha=1e-4. Loss: log-loss and squared error, with standard errors over seeds.

{_report.table(header, lines)}"""
