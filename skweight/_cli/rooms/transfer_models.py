"""What the transfer room compares: ways to learn labels that arrive in tasks."""

from functools import partial

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone

from skweight._cli.columns import encoder
from skweight._cli.evaluate import Candidate
from skweight._cli.splits import SEED

STEP = "arrivals"  # name of the last step of a pipeline of this room
ALIGNED, TUNED = "Weight aligning", "Fine-tuning"
BAYES, MEANS, ALL = "Naive Bayes", "Class means", "Network, all rows kept"
_MEMORY = 5
_MOST_EPOCHS = 30
_MOST_TASKS = 5


def tasks_of(labels):
    """Split sorted labels into tasks of two or more, the last of which may have one."""
    return np.array_split(labels, min(_MOST_TASKS, (len(labels) + 1) // 2))


def candidates():
    """List ours, the same network without its parts, and what needs no memory or all of it."""
    kept = f"{_MEMORY} rows of each label kept"
    return [
        Candidate(ALIGNED, _aligned, ours=True, note=f"WeightAlignedClassifier, {kept}"),
        Candidate(TUNED, _fine_tuned, note=f"the same network trained further, {kept}"),
        Candidate(BAYES, _bayes, note="GaussianNB.partial_fit, no rows kept"),
        Candidate(MEANS, _means, note="the nearest mean of a label, no rows needed"),
        Candidate(ALL, _all_rows, on_par=False, note="NeuralClassifier, with all rows at once"),
    ]


class InTasks(ClassifierMixin, BaseEstimator):
    """A model whose `partial_fit` is called once for each task.

    Parameters
    ----------
    model : estimator
        With `partial_fit`.
    tasks : list of ndarray
        The labels of each task.
    """

    def __init__(self, model=None, tasks=()):
        self.model = model
        self.tasks = tasks

    def fit(self, X, y, sample_weight=None):
        """Teach a copy of the model the tasks, one after the other."""
        self.classes_, self.model_ = np.unique(y), clone(self.model)
        for labels in self.tasks:
            rows = np.isin(y, labels)
            if rows.any():
                weights = None if sample_weight is None else sample_weight[rows]
                with np.errstate(divide="ignore"):  # naive Bayes: labels that are still to come
                    self.model_.partial_fit(
                        X[rows], y[rows], classes=self.classes_, sample_weight=weights
                    )
        return self

    def predict(self, X):
        """Give labels of any task."""
        return self.model_.predict(X)


def _aligned(study, rows, **parts):
    from skweight.transfer import WeightAlignedClassifier

    model = WeightAlignedClassifier(_MEMORY, max_iter=_MOST_EPOCHS, random_state=SEED, **parts)
    return _pipeline(study, InTasks(model, study.tasks))


_fine_tuned = partial(_aligned, distillation=False, align=False, clip_weights=False)


def _bayes(study, rows):
    from sklearn.naive_bayes import GaussianNB

    return _pipeline(study, InTasks(GaussianNB(var_smoothing=0.01), study.tasks))


def _means(study, rows):
    return _pipeline(study, ClassMeans())


def _all_rows(study, rows):
    from skweight.neural import NeuralClassifier

    model = NeuralClassifier(
        (128, 64),
        optimizer="sgd",
        learning_rate_init=0.05,
        batch_size=64,
        max_iter=_MOST_EPOCHS,
        random_state=SEED,
    )
    return _pipeline(study, model)


class ClassMeans(ClassifierMixin, BaseEstimator):
    """The nearest weighted mean of a label, which is the same whatever the order of arrival."""

    def fit(self, X, y, sample_weight=None):
        """Take means."""
        self.classes_, places = np.unique(y, return_inverse=True)
        shares = np.eye(len(self.classes_))[places].T
        if sample_weight is not None:
            shares = shares * sample_weight
        self.means_ = shares @ X / shares.sum(axis=1, keepdims=True)
        return self

    def predict(self, X):
        """Give the label of the nearest mean."""
        from sklearn.metrics import pairwise_distances_argmin

        return self.classes_[pairwise_distances_argmin(X, self.means_)]


def _pipeline(study, model):
    from sklearn.pipeline import Pipeline

    return Pipeline([("columns", encoder(study.columns)), (STEP, model)])
