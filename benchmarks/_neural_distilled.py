"""Teachers compressed into students by an order of the classes, and by what one would otherwise do.

Teachers are asked out of fold, and every student of a split learns from the same answers.
"""

import time
import warnings
from functools import partial

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits, make_classification
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import StratifiedShuffleSplit, cross_val_predict
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from benchmarks import _report
from benchmarks._fairness_common import figure
from skweight.datasets import add_label_noise
from skweight.distillation import DistilledClassifier
from skweight.losses import plackett_luce_distillation_loss
from skweight.losses._plackett_luce import ranking_loss, teacher_ranking

N_BINS = 15
LOSSES = {
    "cross-entropy": {"loss": "cross_entropy"},
    "the same, alpha=10": {"loss": "cross_entropy", "alpha": 10.0},
    "kl, temperature 2": {"loss": "kl", "temperature": 2.0},
    "Plackett-Luce": {"loss": "plackett_luce"},
}
STUDENTS = {
    "linear": {},
    "(32,)": {"hidden_layer_sizes": (32,), "learning_rate_init": 0.01, "max_iter": 40},
}
TEACHERS = {
    "perceptron": MLPClassifier((100,), learning_rate_init=5e-3, max_iter=60, random_state=0),
    "extra trees": ExtraTreesClassifier(100, random_state=0),
}
# Data, share of labels to learn from that are drawn anew, teacher, students.
CELLS = [
    ("digits", 0.0, "perceptron", ("linear", "(32,)")),
    ("20 classes", 0.0, "perceptron", ("linear", "(32,)")),
    ("digits", 0.0, "extra trees", ("linear",)),
    ("digits", 0.2, "extra trees", ("linear",)),
]


def calibration_error(y, p):
    """Return the expected calibration error of the largest probability, by 15 equal bins."""
    sure, right = p.max(axis=1), p.argmax(axis=1) == y
    bins = np.minimum((sure * N_BINS).astype(int), N_BINS - 1)
    sums = [np.bincount(bins, values, minlength=N_BINS) for values in (sure, right)]
    return np.abs(sums[0] - sums[1]).sum() / len(y)


MEASURES = {
    "accuracy": lambda y, p: accuracy_score(y, p.argmax(axis=1)),
    "log-loss": lambda y, p: log_loss(y, p, labels=range(p.shape[1])),
    "calibration error": calibration_error,
}


def tables():
    """Return rows and labels of each data set, and how many rows to learn from."""
    many = make_classification(
        3000,
        n_features=20,
        n_informative=12,
        n_redundant=0,
        n_classes=20,
        n_clusters_per_class=1,
        class_sep=1.5,
        random_state=0,
    )
    return {"digits": (*load_digits(return_X_y=True), 800), "20 classes": (*many, 1000)}


class Answers(FrozenEstimator):
    """A teacher that was asked before, out of fold."""

    def __init__(self, estimator, answers=None):
        super().__init__(estimator)
        self.answers = answers

    def predict_proba(self, X):
        """Return what it answered."""
        return self.answers


def lessons(students):
    """Return pairs of a student and a loss; the penalty of a linear model is none of networks."""
    return [(s, loss) for s in students for loss in LOSSES if s == "linear" or "alpha" not in loss]


def predicted(X, y, X_test, teacher, students):
    """Return the test probabilities of a teacher, and of each student after each loss."""
    answers = cross_val_predict(teacher, X, y, cv=5, method="predict_proba")
    fitted = clone(teacher).fit(X, y)
    found = [fitted.predict_proba(X_test)]
    for student, loss in lessons(students):
        model = DistilledClassifier(Answers(fitted, answers), random_state=0)
        model.set_params(**STUDENTS[student], **LOSSES[loss])
        found.append(model.fit(X, y).predict_proba(X_test))
    return found


def split_scores(X, y, n_train, noise, teacher, students, n_splits):
    """Return test scores.

    Returns
    -------
    ndarray of shape (1 + len(lessons(students)), len(MEASURES), n_splits)
        Scores of the teacher, and of each student after each loss.
    """
    found = []
    folds = StratifiedShuffleSplit(n_splits, train_size=n_train, random_state=0)
    for seed, (train, test) in enumerate(folds.split(X, y)):
        taught = add_label_noise(y[train], noise, random_state=seed)[0] if noise else y[train]
        scaler = StandardScaler().fit(X[train])
        rows = scaler.transform(X[train]), taught, scaler.transform(X[test])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            proba = predicted(*rows, teacher, students)
        found.append([[measure(y[test], p) for measure in MEASURES.values()] for p in proba])
    return np.moveaxis(np.array(found), 0, -1)


def speed(n, n_classes, repeats=7):
    """Return least CPU seconds of loss and gradient, by arrays and by torch, in turns."""
    import torch

    from skweight.losses import PlackettLuceDistillationLoss

    rng = np.random.default_rng(0)
    s, t = rng.standard_normal((2, n, n_classes))
    y = rng.integers(n_classes, size=n)
    order, weights = teacher_ranking(t, y)
    places, shares = torch.tensor(order), torch.tensor(weights)
    teacher = torch.tensor(t), torch.tensor(y)

    def by_autograd():
        scores = torch.tensor(s, requires_grad=True)
        ranked = scores.gather(1, places)
        left = torch.logcumsumexp(ranked.flip(1), dim=1).flip(1)
        (shares * (left - ranked)).sum().backward()
        return scores.grad

    def by_module():
        scores = torch.tensor(s, requires_grad=True)
        PlackettLuceDistillationLoss(reduction="sum")(scores, teacher).backward()
        return scores.grad

    tasks = {
        "arrays, teacher sorted before": lambda: ranking_loss(s, order, weights)[1],
        "arrays, sorting included": partial(_whole, s, t, y),
        "torch logcumsumexp with autograd, sorted before": by_autograd,
        "PlackettLuceDistillationLoss, sorting included": by_module,
    }
    seconds = {name: [] for name in tasks}
    for _ in range(repeats):
        for name, task in tasks.items():
            start = time.process_time()
            gradient = task()
            seconds[name].append(time.process_time() - start)
            assert np.allclose(gradient, tasks["arrays, sorting included"](), atol=1e-10)
    return {name: min(spent) for name, spent in seconds.items()}


def _whole(s, t, y):
    return plackett_luce_distillation_loss(s, t, y, reduction="sum", return_grad=True)[1]


def section(quick, targets):
    """Return the report's section: students by loss, and seconds of the loss."""
    import torch

    torch.set_num_threads(1)
    n_splits, data_sets = 2 if quick else 10, tables()
    parts, gains = [], {}
    for data, noise, name, students in CELLS[-1:] if quick else CELLS:
        X, y, n_train = data_sets[data]
        scores = split_scores(X, y, n_train, noise, TEACHERS[name], students, n_splits)
        data += f" with {noise:.0%} of labels drawn anew" if noise else ""
        labels = [("teacher", name), *lessons(students)]
        rows = [
            [*label, *(figure(values) for values in by_measure)]
            for label, by_measure in zip(labels, scores, strict=True)
        ]
        parts.append(f"{data}, teacher {name}:")
        parts.append(_report.table(["student", "learns by", *MEASURES], rows))
        accuracy = dict(zip(labels, scores[:, 0], strict=True))
        for student, loss in lessons(students):
            if loss != "Plackett-Luce":
                gain = accuracy[student, "Plackett-Luce"] - accuracy[student, loss]
                gains[data, name, student, loss] = gain
    for (data, name, student, loss), gain in gains.items():
        targets.check(
            f"{data}, {name}, {student}: accuracy by Plackett-Luce, less by {loss}, at least 0",
            figure(gain),
            gain.mean() >= 0,
        )
    reference = _logistic_distance()
    targets.check(
        "a linear student of labels alone is LogisticRegression, to 1e-4 in probability",
        f"{reference:.1e} away",
        reference <= 1e-4,
    )
    n, n_classes = (2000, 20) if quick else (10_000, 100)
    spent = speed(n, n_classes)
    first, _, by_autograd, _ = spent.values()
    if not quick:
        targets.check(
            "loss and gradient of 10,000 rows and 100 classes within 60 ms",
            f"{1e3 * first:.0f} ms",
            first <= 0.06,
        )
    targets.check(
        "loss and gradient by arrays no slower than by torch's autograd",
        f"{1e3 * first:.1f} against {1e3 * by_autograd:.1f} ms",
        first <= by_autograd,
    )
    parts.append(f"Loss and gradient, {n:,} rows, {n_classes} classes, float64, CPU milliseconds:")
    parts.append(_report.table(["by", "ms"], [[k, f"{1e3 * v:.1f}"] for k, v in spent.items()]))
    text = "\n\n".join(parts)
    return f"""## Teachers compressed into students

Means of {n_splits} splits with standard errors; 800 rows of the digits, 1000 of the 20 classes.
Teachers are asked out of fold; alpha is 0.1 where nothing else is said.

{text}"""


def _logistic_distance():
    X, y = load_digits(return_X_y=True)
    X, y = X[:500] / 16, y[:500]
    student = DistilledClassifier(loss="cross_entropy", alpha=1.0).fit(X, y)
    expected = LogisticRegression(tol=1e-8, max_iter=2000).fit(X, y)
    return np.abs(student.predict_proba(X) - expected.predict_proba(X)).max()
