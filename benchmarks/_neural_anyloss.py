"""Rare positives by losses made of metrics, and by what one would otherwise do about them.

The data are those of the paper's first table that anyone can make: 10,000 rows, a tenth of them
positive, in two principal components.
"""

import warnings

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, make_classification
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    fbeta_score,
    recall_score,
)
from sklearn.model_selection import StratifiedKFold, TunedThresholdClassifierCV

from benchmarks import _report
from benchmarks._fairness_common import figure
from skweight.imbalance import AnyLossClassifier


def gmean_score(y, decided):
    """Return the geometric mean of both recalls."""
    return np.sqrt(np.prod(recall_score(y, decided, average=None)))


METRICS = {
    "accuracy": accuracy_score,
    "F1": lambda y, decided: fbeta_score(y, decided, beta=1),
    "F0.5": lambda y, decided: fbeta_score(y, decided, beta=0.5),
    "F2": lambda y, decided: fbeta_score(y, decided, beta=2),
    "G-mean": gmean_score,
    "balanced accuracy": balanced_accuracy_score,
}
# Loss -> the model that it trains; each is to win the column of its own name.
LOSSES = {
    "cross-entropy": LogisticRegression(C=np.inf),
    "accuracy": AnyLossClassifier("accuracy"),
    "F1": AnyLossClassifier("f1"),
    "F0.5": AnyLossClassifier("fbeta", beta=0.5),
    "F2": AnyLossClassifier("fbeta", beta=2.0),
    "G-mean": AnyLossClassifier("gmean"),
    "balanced accuracy": AnyLossClassifier("balanced_accuracy"),
}
RIVALS = {
    "LogisticRegression": LogisticRegression(),
    'class_weight="balanced"': LogisticRegression(class_weight="balanced"),
    "threshold tuned for F1": TunedThresholdClassifierCV(LogisticRegression(), scoring="f1", cv=5),
    "threshold tuned for balanced accuracy": TunedThresholdClassifierCV(
        LogisticRegression(), scoring="balanced_accuracy", cv=5
    ),
}
# Means over the same folds by plain gradient descent of 1000 steps, computed independently.
REFERENCE = {
    "cross-entropy": (0.9215, 0.5469, 0.6245, 0.4868, 0.6648, 0.7149),
    "accuracy": (0.9220, 0.5402, 0.6280, 0.4747, 0.6548, 0.7089),
    "F1": (0.9139, 0.6324, 0.5946, 0.6759, 0.8145, 0.8233),
    "F0.5": (0.9235, 0.5726, 0.6371, 0.5205, 0.6908, 0.7325),
    "F2": (0.8726, 0.5893, 0.4933, 0.7319, 0.8726, 0.8728),
    "G-mean": (0.8570, 0.5688, 0.4659, 0.7302, 0.8759, 0.8763),
    "balanced accuracy": (0.8533, 0.5631, 0.4595, 0.7272, 0.8745, 0.8751),
}


def data():
    """Return rows and labels."""
    X, y = make_classification(
        n_samples=10000,
        weights=[0.9, 0.1],
        class_sep=1.2,
        n_features=5,
        n_informative=3,
        n_redundant=1,
        n_clusters_per_class=1,
        random_state=0,
    )
    return PCA(2).fit_transform(X), y


def tumours():
    """Return features of all benign tumours and of 36 malignant ones, which are 1, standardised."""
    X, y = load_breast_cancer(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0, ddof=1)
    chosen = np.random.RandomState(100).choice((y == 0).sum(), size=36, replace=False)
    X = np.vstack([X[y == 1], X[y == 0][chosen]])
    return X, np.repeat([0, 1], [len(X) - 36, 36])


def fold_scores(models, X, y, n_repeats=1, n_splits=10):
    """Return test scores.

    Returns
    -------
    ndarray of shape (len(models), len(METRICS), n_repeats * n_splits)
        Scores by fold. The first repeat has the folds of the paper.
    """
    found = []
    for repeat in range(n_repeats):
        folds = StratifiedKFold(n_splits, shuffle=True, random_state=2 + repeat)
        for train, test in folds.split(X, y):
            row = []
            for model in models.values():
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", ConvergenceWarning)
                    decided = clone(model).fit(X[train], y[train]).predict(X[test])
                row.append([score(y[test], decided) for score in METRICS.values()])
            found.append(row)
    return np.moveaxis(np.array(found), 0, -1)


def anyloss_table(n_repeats=1):
    """Return the table of losses and rivals by metric: means over folds and standard errors."""
    return _table({**LOSSES, **RIVALS}, *data(), n_repeats)


def reproduction():
    """Return by loss how far means by the steps of the paper are from `REFERENCE` at most."""
    steps = {"optimizer": "sgd", "learning_rate_init": 0.01, "max_iter": 1000, "tol": 0.0}
    models = {
        name: clone(model).set_params(**steps)
        for name, model in LOSSES.items()
        if name != "cross-entropy"
    }
    means = fold_scores(models, *data()).mean(axis=-1)
    distances = np.abs(means - [REFERENCE[name] for name in models]).max(axis=1)
    return dict(zip(models, distances.tolist(), strict=True))


def tumours_table(n_repeats=1):
    """Return the same of few tumours, without the losses that are for other metrics."""
    models = {name: LOSSES[name] for name in ("F1", "G-mean")}
    return _table({**models, **RIVALS}, *tumours(), n_repeats)


def _table(models, X, y, n_repeats):
    scores = fold_scores(models, X, y, n_repeats)
    rows = [
        [name, *(figure(folds) for folds in by_metric)]
        for name, by_metric in zip(models, scores, strict=True)
    ]
    return _report.table(["trained for, or by", *METRICS], rows)


def section(quick, targets):
    """Return the report's section, and check the figures against independent ones."""
    X, y = data()
    scores = fold_scores(LOSSES, X, y, n_splits=3 if quick else 10)
    means = scores.mean(axis=-1)
    names = list(LOSSES)
    away = np.abs(means - [REFERENCE[name] for name in names]).max()
    targets.check(
        "10,000 rows: means over folds within .01 of an independent computation",
        f"at most {away:.4f} away",
        away <= 0.01,
    )
    for column, metric in enumerate(METRICS):
        best = names[means[:, column].argmax()]
        own = means[names.index(metric), column]
        targets.check(
            f"{metric}: the loss for it wins its column, by .002",
            f"{best} {means[:, column].max():.4f}, its own {own:.4f}",
            own >= means[:, column].max() - 0.002,
        )
    gain = scores[names.index("F1"), 1] - scores[names.index("cross-entropy"), 1]
    targets.check(
        "F1 after the loss for it, less that after cross-entropy, at least .07",
        figure(gain),
        gain.mean() >= 0.07,
    )
    tables = [] if quick else [anyloss_table(), "Thirty-six malignant tumours:", tumours_table()]
    text = "\n\n".join(tables)
    return f"""## Models trained for a metric

A tenth of 10,000 rows is positive; means of ten folds with standard errors.

{text}"""
