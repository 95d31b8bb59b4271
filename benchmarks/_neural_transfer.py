"""Digits that arrive two by two: weight aligning, its parts, and other ways to add classes."""

import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import NearestCentroid

from benchmarks import _report
from skweight.neural import NeuralClassifier
from skweight.transfer import WeightAlignedClassifier

EPOCHS = 40
# Its parts, one added after the other.
ARMS = {
    "fine-tuning (CE)": {"distillation": False, "align": False, "clip_weights": False},
    "CE and distillation": {"align": False, "clip_weights": False},
    "CE and alignment": {"distillation": False, "clip_weights": False},
    "all, without clipping": {"clip_weights": False},
    "weight aligning": {},
}
# Rows kept of a class -> arm -> accuracy after the last task, and the mean over tasks, of an
# independent computation with splits and first weights of its own.
REFERENCE = {
    5: dict(zip(ARMS, [(0.759, 0.872), (0.699, 0.844), (0.745, 0.877), (0.568, 0.763),
                       (0.836, 0.913)])),
    2: dict(zip(ARMS, [(0.589, 0.733), (0.458, 0.668), (0.696, 0.770), (0.387, 0.629),
                       (0.607, 0.716)])),
}  # fmt: skip


def tasks_of(seed):
    """Return the rows of five tasks, as (X, y), and test rows."""
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, test_size=0.3, stratify=y, random_state=seed)
    tasks = [(X[y // 2 == task], y[y // 2 == task]) for task in range(5)]
    return tasks, X_test, y_test


def run_network(tasks, X_test, y_test, memory, seed, arm):
    """Return accuracies by task, and the factors of alignment."""
    model = WeightAlignedClassifier(
        memory, exemplar_selection="random", max_iter=EPOCHS, tol=0.0, random_state=seed, **arm
    )
    found = []
    for X, y in tasks:
        model.partial_fit(X, y)
        found.append(accuracy(model, X_test, y_test, 2 * len(found) + 2))
    return found, model.gamma_history_[1:]


def accuracy(model, X_test, y_test, n_seen):
    """Return the share of test rows of the classes seen so far that are found."""
    seen = y_test < n_seen
    return np.mean(model.predict(X_test[seen]) == y_test[seen])


def run_rivals(tasks, X_test, y_test, memory, seed):
    """Return by rival its accuracies by task."""
    rng = np.random.default_rng(seed)
    linear, bayes = (
        SGDClassifier(loss="log_loss", random_state=seed),
        GaussianNB(var_smoothing=0.01),
    )
    kept, labels = np.empty((0, 64)), np.empty(0, dtype=int)
    seen_X, seen_y = kept, labels
    names = [f"SGDClassifier.partial_fit, {EPOCHS} passes over the same rows",
             "GaussianNB.partial_fit", "nearest class mean",
             "network of all rows so far"]  # fmt: skip
    found = {name: [] for name in names}
    for X, y in tasks:
        with_kept = np.concatenate([kept, X]), np.concatenate([labels, y])
        for _ in range(EPOCHS):
            order = rng.permutation(len(with_kept[0]))
            linear.partial_fit(with_kept[0][order], with_kept[1][order], classes=np.arange(10))
        bayes.partial_fit(X, y, classes=np.arange(10))
        seen_X, seen_y = np.concatenate([seen_X, X]), np.concatenate([seen_y, y])
        means = NearestCentroid().fit(seen_X, seen_y)
        everything = NeuralClassifier(
            (128, 64), optimizer="sgd", learning_rate_init=0.05, batch_size=64, max_iter=EPOCHS,
            tol=0.0, random_state=seed,
        ).fit(seen_X, seen_y)  # fmt: skip
        for name, model in zip(names, (linear, bayes, means, everything)):
            found[name].append(accuracy(model, X_test, y_test, seen_y.max() + 1))
        chosen = np.concatenate(
            [rng.permutation(np.flatnonzero(y == label))[:memory] for label in np.unique(y)]
        )
        kept, labels = np.concatenate([kept, X[chosen]]), np.concatenate([labels, y[chosen]])
    return found


def study(memory, seeds, arms, rivals=True):
    """Return by name the accuracies of shape (seeds, tasks), and factors of alignment."""
    found, gammas = {}, {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", RuntimeWarning)  # classes that naive Bayes has not seen
        warnings.simplefilter("ignore", UserWarning)  # pixels that are always 0
        for seed in range(seeds):
            rows = tasks_of(seed)
            for name in arms:
                accuracies, gamma = run_network(*rows, memory, seed, ARMS[name])
                found.setdefault(name, []).append(accuracies)
                gammas.setdefault(name, []).append(gamma)
            if rivals:
                for name, accuracies in run_rivals(*rows, memory, seed).items():
                    found.setdefault(name, []).append(accuracies)
    return {name: np.array(values) for name, values in found.items()}, gammas


def table(found, gammas, memory):
    """Return the table of one memory."""
    rows = []
    for name, accuracies in found.items():
        last, mean = accuracies[:, -1], accuracies.mean(axis=1)
        told = REFERENCE.get(memory, {}).get(name, ("", ""))
        factors = np.array(gammas.get(name, [1.0]))
        aligned = f"{factors.min():.2f} to {factors.max():.2f}" if (factors != 1).any() else ""
        rows.append([name, spread(last), spread(mean), *told, aligned])
    return _report.table(
        ["", "after the last task", "mean over tasks", "reference, last", "mean", "factors"], rows
    )


def spread(values):
    """Return a mean and the standard deviation over seeds."""
    return f"{values.mean():.3f} ± {values.std(ddof=1):.3f}"


def section(quick, targets):
    """Return the report's section, and check what the method promises."""
    seeds, arms = (2, ["fine-tuning (CE)", "weight aligning"]) if quick else (3, list(ARMS))
    parts = []
    for memory in (5,) if quick else (5, 2):
        found, gammas = study(memory, seeds, arms, rivals=not quick)
        parts.append(f"{memory} rows kept of each class:\n\n{table(found, gammas, memory)}")
        last = {name: accuracies[:, -1].mean() for name, accuracies in found.items()}
        if memory == 5:
            check(last, gammas, targets)
    text = "\n\n".join(parts)
    return f"""## Classes that arrive later

Digits in five tasks of two classes; accuracy on test rows of the classes seen so far, means over
{seeds} seeds with standard deviations. A network of 128 and 64 units, {EPOCHS} epochs a task in
batches of 64; rows are kept at random. Naive Bayes and class means remember all rows by their
moments, and the last line is what a network could reach.

{text}"""


def check(last, gammas, targets):
    """Check what is known of five rows a class."""
    ours = last["weight aligning"]
    gain = ours - last["fine-tuning (CE)"]
    targets.check("after the last task .04 over fine-tuning", f"{gain:.3f}", gain >= 0.04)
    if "all, without clipping" not in last:
        return
    gain = ours - last["all, without clipping"]
    targets.check("after the last task .15 over alignment without clipping", f"{gain:.3f}",
                  gain >= 0.15)  # fmt: skip
    for name, (reference, _) in REFERENCE[5].items():
        away = last[name] - reference
        targets.check(f"{name}: within .03 of the reference", f"{away:+.3f}", abs(away) <= 0.03)
    clipped, not_clipped = (
        np.mean(gammas[name]) for name in ("weight aligning", "all, without clipping")
    )
    targets.check(
        "factors of alignment below 1 with clipping and above without, on average",
        f"{clipped:.2f} and {not_clipped:.2f}",
        clipped < 1 < not_clipped,
    )
