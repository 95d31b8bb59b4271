"""Networks distilled into themselves, beside the plain networks and beside kernel ridge."""

import warnings

import numpy as np
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from benchmarks import _report
from benchmarks._fairness_common import figure
from skweight.datasets import add_label_noise
from skweight.distillation import (
    SelfDistilledKernelRidgeClassifierCV,
    SelfDistilledKernelRidgeCV,
    SelfDistilledMLPClassifier,
    SelfDistilledMLPRegressor,
)
from skweight.neural import NeuralClassifier, NeuralRegressor

WRONG = 0.4
NET = {"learning_rate_init": 0.005, "max_iter": 40, "tol": 0.0}
TWO, KERNEL = "2 steps", "kernel ridge, distilled"
STOPPED, FEWER = "plain, early stopping", "plain, squared error, nine tenths of the rows"
# Steps, weights and losses of the chains.
CHAINS = {
    TWO: {},
    "5 steps": {"n_steps": 5},
    "2 steps, of predictions alone": {"ground_truth_weight": 0.0},
    "2 steps, half of each": {"ground_truth_weight": 0.5},
}
DIGITS = {
    "plain, cross-entropy": NeuralClassifier(**NET),
    STOPPED: NeuralClassifier(early_stopping=True, **NET),
    "plain, squared error": SelfDistilledMLPClassifier(1, **NET),
    FEWER: SelfDistilledMLPClassifier(1, **NET),
    **{name: SelfDistilledMLPClassifier(**NET, **chain) for name, chain in CHAINS.items()},
    "2 steps, cross-entropy": SelfDistilledMLPClassifier(loss="log_loss", **NET),
    KERNEL: SelfDistilledKernelRidgeClassifierCV(gamma=0.01),
}
DIABETES = {
    "plain, squared error": NeuralRegressor(**NET),
    FEWER: NeuralRegressor(**NET),
    STOPPED: NeuralRegressor(early_stopping=True, **NET),
    **{name: SelfDistilledMLPRegressor(**NET, **chain) for name, chain in CHAINS.items()},
    KERNEL: SelfDistilledKernelRidgeCV(gamma=0.02),
}
# Rows to learn from and of a batch, such that the last batch of an epoch is no smaller than the
# others, with a tenth of the rows held out and without.
DATA = {
    f"digits, {WRONG:.0%} of the labels to learn from wrong": (DIGITS, load_digits, 1000, 100),
    "diabetes": (DIABETES, load_diabetes, 220, 22),
}


def study(models, load, n_train, batch_size, seeds):
    """Return test scores by model, and the weights of the truth that were found.

    Scores are the accuracy on right labels, or the share of the variance that is predicted.
    """
    X, y = load(return_X_y=True)
    labels = load is load_digits
    scores, weights = {name: [] for name in models}, {name: [] for name in models}
    for seed in range(seeds):
        X_train, X_test, y_train, y_test = train_test_split(
            X, y, train_size=n_train, stratify=y if labels else None, random_state=seed
        )
        scaler = StandardScaler().fit(X_train)
        X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)
        if labels:
            y_train, _ = add_label_noise(y_train, WRONG, kind="flip", random_state=seed)
        else:
            y_train, y_test = (part / y_train.std() for part in (y_train, y_test))
        for name, model in models.items():
            if name != KERNEL:
                model.set_params(random_state=seed, batch_size=batch_size)
            n = n_train * 9 // 10 if name == FEWER else n_train
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.fit(X_train[:n], y_train[:n])
            scores[name].append(model.score(X_test, y_test))
            if name != KERNEL and getattr(model, "ground_truth_weight", None) == "auto":
                weights[name].extend(model.ground_truth_weights_)
    return {name: np.array(values) for name, values in scores.items()}, weights


def section(quick, targets):
    """Return the report's section, and check distilled networks against plain ones."""
    import torch

    torch.set_num_threads(1)
    seeds, parts = 2 if quick else 3, []
    for data, (models, *how) in DATA.items():
        if quick:
            models = {name: models[name] for name in (FEWER, TWO)}
        scores, weights = study(models, *how, seeds)
        rows = [[name, figure(values), _span(weights[name])] for name, values in scores.items()]
        measure = "accuracy" if how[0] is load_digits else "R2"
        parts.append(f"{data}:")
        parts.append(_report.table(["", measure, "weights of the truth"], rows))
        for name in [name for name in models if name.startswith("plain")]:
            gain = scores[TWO] - scores[name]
            targets.check(f"{data}: {TWO}, less {name}, at least 0", figure(gain), gain.mean() >= 0)
    text = "\n\n".join(parts)
    return f"""## Networks distilled into themselves

Means of {seeds} splits with standard errors. One hidden layer of 100 units, Adam, {NET["max_iter"]}
epochs in ten batches. Weights are found on a tenth of the rows where nothing else is said.

{text}"""


def _span(weights):
    return f"{min(weights):.2f} to {max(weights):.2f}" if weights else ""
