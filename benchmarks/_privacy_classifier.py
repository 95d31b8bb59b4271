"""Classes of handwritten digits under a budget, beside diffprivlib and DP-SGD by Opacus."""

import functools
import json
import subprocess
import tempfile
import warnings
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from benchmarks import _privacy_rivals as rivals
from benchmarks import _report
from benchmarks._fairness_common import figure
from benchmarks._privacy_environment import environment
from benchmarks._timing import measure
from skweight.privacy import PrivateSimilarityClassifier

SPLITS, OPACUS_SPLITS = 20, 5
# Accuracies to come near to with Gaussian noise, by epsilon, and how near.
WANTED, NEAR = {0.5: 0.81, 1.0: 0.88, 3.0: 0.90}, 0.02
TIMES = 100
DIFFPRIVLIB = ("diffprivlib==0.6.6", "scikit-learn==1.6.1")
OPACUS = ("opacus==1.6.0", "torch==2.13.0")

DIFFPRIVLIB_NOTE = """*diffprivlib* is pure. GaussianNB gets public bounds, logistic regression unit
rows with a `data_norm` of 1, and the best C in sight of the results; both take the labels that they
see for public."""
GRADIENT_NOTE = f"""DP-SGD by Opacus trains a softmax regression on unit rows, delta =
{rivals.DELTA:g}. Of {len(rivals.RECIPES)} recipes here is the quickest whose accuracy is at most
{NEAR} below ours, or the most accurate where none is; such a choice in sight of the results would
cost budget that is not charged here. Its CPU time is that of the steps of one fit, and, before
them, of the search for the noise that epsilon asks for; ours is the whole of `fit`. Over
{OPACUS_SPLITS} splits:

"""


def digits(n_splits):
    """Return rows in the cube from -1 to 1 by their public bounds, labels, and training rows."""
    X, y = load_digits(return_X_y=True)
    splits = np.zeros((n_splits, len(y)), dtype=bool)
    for seed, train in enumerate(splits):
        rows = train_test_split(np.arange(len(y)), test_size=0.3, random_state=seed)[0]
        train[rows] = True
    return X / 8 - 1, y, splits


def ours(epsilon, delta, rule):
    """Return our classifier."""
    return PrivateSimilarityClassifier(
        epsilon=epsilon,
        delta=delta,
        rule=rule,
        bounds=(-1, 1),
        classes=np.arange(10),
        n_hint=2000,
    )


def accuracies(X, y, splits, model):
    """Return accuracies on the rows that are left out, over splits."""
    return [model.fit(X[train], y[train]).score(X[~train], y[~train]) for train in splits]


def run_rivals(package, requirements, *data):
    """Return accuracies and seconds of another package by epsilon and name, None without it."""
    with environment(*requirements) as python, tempfile.TemporaryDirectory() as folder:
        if python is None:
            return None
        file = Path(folder) / "digits.npz"
        np.savez(file, **dict(zip(("X", "y", "splits"), data)))
        command = [str(python), rivals.__file__, package, str(file)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def best_of(found, start):
    """Return the best accuracies of diffprivlib's classifiers that start with a name."""
    row = []
    for epsilon in rivals.EPSILONS:
        names = [name for name in found if name.startswith(f"{epsilon:g}: {start}")]
        row.append(max((found[name][0] for name in names), key=np.mean))
    return row


def accuracy_table(X, y, splits, quick, targets):
    """Return the table of accuracies, and what is said about it."""
    rows, best = [], {}
    for delta in (rivals.DELTA, 0.0):
        for rule in ("direction", "average"):
            row = [f"ours, {rule}", f"{delta:g}"]
            for epsilon in (0.1, *rivals.EPSILONS):
                scores = accuracies(X, y, splits, ours(epsilon, delta, rule))
                row.append(figure(scores, ".3f"))
                best[delta, epsilon] = max(best.get((delta, epsilon), 0.0), np.mean(scores))
            rows.append(row)
    targets.check(
        f"digits, delta = {rivals.DELTA:g}: accuracy within {NEAR} of "
        f"{', '.join(f'{value:g}' for value in WANTED.values())} at epsilon "
        f"{', '.join(f'{epsilon:g}' for epsilon in WANTED)}",
        ", ".join(f"{best[rivals.DELTA, epsilon]:.3f}" for epsilon in WANTED),
        all(best[rivals.DELTA, e] >= value - NEAR for e, value in WANTED.items()),
    )
    theirs = None if quick else run_rivals("diffprivlib", DIFFPRIVLIB, X, y, splits)
    note = "diffprivlib is not here: pip could not install it into an environment of its own."
    if theirs is not None:
        note = DIFFPRIVLIB_NOTE
        for name in ("GaussianNB", "LogisticRegression"):
            found = best_of(theirs, name)
            rows.append([f"diffprivlib, {name}", "0", "-", *(figure(s, ".3f") for s in found)])
        pairs = [
            (best[0.0, epsilon], np.mean(scores))
            for epsilon, scores in zip(rivals.EPSILONS, best_of(theirs, "GaussianNB"))
        ]
        targets.check(
            "digits, pure: accuracy above that of diffprivlib's GaussianNB at equal epsilon",
            ", ".join(f"{mine:.3f} against {other:.3f}" for mine, other in pairs),
            all(mine > other for mine, other in pairs),
        )
    header = ["classifier", "delta", *(f"epsilon {e:g}" for e in (0.1, *rivals.EPSILONS))]
    return _report.table(header, rows), note


def comparable(found, epsilon, least):
    """Return the quickest DP-SGD of an accuracy, or the most accurate: name, scores, seconds."""
    tried = {name: value for name, value in found.items() if name.startswith(f"{epsilon:g}: ")}
    enough = [name for name, value in tried.items() if np.mean(value[0]) >= least]
    if enough:
        name = min(enough, key=lambda name: tried[name][1])
    else:
        name = max(tried, key=lambda name: np.mean(tried[name][0]))
    return name.split(": ")[1], *tried[name]


def _fitted(model, X, y):
    return len(model.fit(X, y).classes_)


def gradient_text(X, y, splits, quick, targets):
    """Return what is said about DP-SGD beside ours."""
    splits = splits[:OPACUS_SPLITS]
    theirs = None if quick else run_rivals("opacus", OPACUS, X, y, splits)
    if theirs is None:
        return "DP-SGD is not here: pip could not install Opacus into an environment of its own."
    rows, alone, whole = [], [], []
    for epsilon in rivals.EPSILONS:
        model = ours(epsilon, rivals.DELTA, "direction")
        task = functools.partial(_fitted, model, X[splits[0]], y[splits[0]])
        seconds = measure(task).seconds
        mine = accuracies(X, y, splits, model)
        name, scores, training, before = comparable(theirs, epsilon, np.mean(mine) - NEAR)
        alone.append(training / seconds)
        whole.append((training + before) / seconds)
        row = [f"{epsilon:g}", figure(mine, ".3f"), 1e3 * seconds, name, figure(scores, ".3f")]
        row += [1e3 * training, 1e3 * before]
        rows.append([v if isinstance(v, str) else _report.significant(v) for v in row])
        rows[-1].append(f"{alone[-1]:.0f}, {whole[-1]:.0f}")
    targets.check(
        f"digits: more than {TIMES} times as fast as DP-SGD of comparable accuracy by Opacus",
        f"{min(whole):.0f} to {max(whole):.0f} times, {min(alone):.0f} to {max(alone):.0f} times "
        "without its search for the noise",
        min(alone) > TIMES,
    )
    header = ["epsilon", "ours", "CPU ms", "DP-SGD", "accuracy", "CPU ms, steps"]
    header += ["before them", "over ours, without and with what is before"]
    return GRADIENT_NOTE + _report.table(header, rows)


def section(quick, targets):
    """Return the report's section."""
    X, y, splits = digits(3 if quick else SPLITS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table, note = accuracy_table(X, y, splits, quick, targets)
        beside = gradient_text(X, y, splits, quick, targets)
    return f"""## Classes of digits

scikit-learn's digits (1797 rows, 64 features, 10 classes), 30 % left out; accuracy over
{len(splits)} splits, with its standard error. *Ours* is `PrivateSimilarityClassifier` by its two
rules. {note}

{table}

{beside}"""
