"""Rows weighted by their loss beside plain fits: a toy, wrong labels, repeated rows, seconds."""

import time
import warnings

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from benchmarks import _report
from benchmarks._fairness_common import figure
from skweight.datasets import add_label_noise
from skweight.reweighting import DynamicLossReweightedClassifier, loss_based_weights

STRATEGIES = ("uniform", "linupper", "quadratic", "extremes")
BASE = LogisticRegression(max_iter=1000)


def toy_error(strategy, rate, seed, n_steps=400):
    """Return the squared error of the coefficients after gradient steps on batches of 32 rows.

    There is no noise, and four fifths of the rows have features that are ten times as small.
    """
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(2000, 20)) * np.where(np.arange(2000) < 1600, 0.1, 1.0)[:, None]
    truth, found = rng.normal(size=20), np.zeros(20)
    for _ in range(n_steps):
        rows = X[rng.choice(2000, size=32, replace=False)]
        errors = rows @ (found - truth)
        w = loss_based_weights(errors**2, strategy, 0.4, sum_to=1)
        found = found - rate * 2 * (w * errors) @ rows
        if not np.isfinite(found).all() or np.abs(found).max() > 1e6:
            return np.inf
    return float(((found - truth) ** 2).sum())


def split(condition, seed):
    """Return rows to fit on and to test on, spoiled or repeated."""
    X, y = load_breast_cancer(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.5, stratify=y, random_state=seed)
    scaler = StandardScaler().fit(X)
    X, X_test = scaler.transform(X), scaler.transform(X_test)
    if condition == "a fifth of labels drawn anew":
        y = add_label_noise(y, 0.2, random_state=seed)[0]
    elif condition == "a tenth of rows 20 times":
        rows = np.repeat(np.arange(len(y)), np.where(np.arange(len(y)) % 10 == 0, 20, 1))
        X, y = X[rows], y[rows]
    return X, y, X_test, y_test


def losses_of(condition, seeds):
    """Return log losses of test rows by strategy and seed."""
    found = []
    for seed in seeds:
        X, y, X_test, y_test = split(condition, seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            models = [
                DynamicLossReweightedClassifier(BASE, strategy=s, max_iter=5).fit(X, y)
                for s in STRATEGIES
            ]
        found.append([log_loss(y_test, model.predict_proba(X_test)) for model in models])
    return np.array(found).T


def seconds_of_boosting():
    """Return a table of what weights cost two trees of scikit-learn's histogram boosting."""
    rng = np.random.default_rng(0)
    X, weight = rng.normal(size=(3000, 30)), rng.uniform(size=3000)
    y, rows = X[:, 0] > 0, []
    for max_bins in (255, 32):
        model = HistGradientBoostingClassifier(max_iter=2, max_bins=max_bins)
        spent = []
        for sample_weight in (None, weight):
            start = time.process_time()
            model.fit(X, y, sample_weight)
            spent.append(time.process_time() - start)
        rows.append([max_bins, *(f"{seconds:.2f}" for seconds in spent)])
    return _report.table(["max_bins", "plain, s", "weighted, s"], rows)


def section(quick, targets):
    """Return the report's section, and check the order of strategies on the toy."""
    seeds, rows = range(4 if quick else 20), []
    for rate in (0.02, 0.05, 0.2):
        errors = [np.median([toy_error(s, rate, seed) for seed in seeds]) for s in STRATEGIES]
        rows.append([f"{rate:g}", *(f"{error:.1e}" for error in errors)])
        if rate < 0.1:
            targets.check(
                f"toy, learning rate {rate:g}: linupper before quadratic before uniform",
                " ".join(rows[-1][1:]),
                errors[1] < errors[2] < errors[0],
            )
    toy = _report.table(["learning rate", *STRATEGIES], rows)
    rows = []
    for condition in ("as they are", "a fifth of labels drawn anew", "a tenth of rows 20 times"):
        losses = losses_of(condition, range(2 if quick else 5))
        gains = [figure(losses[0] - other) for other in losses[1:]]
        rows.append([condition, figure(losses[0]), *gains])
    gains = [f"less by {name}" for name in STRATEGIES[1:]]
    real = _report.table(["rows", "log loss, uniform", *gains], rows)
    return f"""## Rows weighted by their loss

Toy without noise, batches of 32, 400 steps, temperature 0.4: median squared error.

{toy}

Logistic regression on half of breast cancer: mean log loss of the others with standard
errors, and what five fits by each strategy take off it.

{real}

CPU seconds of scikit-learn's histogram boosting, two trees on 3,000 rows of 30 columns, plain and
with weights:

{seconds_of_boosting()}"""
