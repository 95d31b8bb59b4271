"""Folds: what a teacher says of rows that it did not see, and weights by cross-fitting."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils.parallel import Parallel, delayed

from skweight.distillation._weights import self_distillation_weights


def teacher_predictions(learner, targets, rows, model=None, splits=None, n_jobs=None):
    """Return what the teacher of a step says of its own training rows.

    Parameters
    ----------
    learner : RegressionLearner
        Fits and predicts.
    targets : ndarray of shape (n,) or (n, m)
        What the teacher is fitted to.
    rows : ndarray of int
        Its training rows.
    model : estimator or None, default=None
        The teacher, fitted to all of `rows`; needed without `splits`.
    splits : list of tuple or None, default=None
        Row numbers to fit on and to predict, each of `rows` once: out-of-fold predictions.
    n_jobs : int or None, default=None
        Fits at the same time.

    Returns
    -------
    ndarray of shape (n,) or (n, m)
        Predictions; NaN in other rows.
    """
    taught = np.full(targets.shape, np.nan)
    if splits is None:
        taught[rows] = learner.predict(model, rows, rows)
        return taught
    parts = Parallel(n_jobs=n_jobs)(
        delayed(_fit_and_predict)(learner, targets, train, test) for train, test in splits
    )
    for (_, test), part in zip(splits, parts):
        taught[test] = part
    return taught


def _fit_and_predict(learner, targets, train, test):
    return learner.predict(learner.fit(train, targets), test, train)


@dataclass(frozen=True, eq=False)
class Fold:
    """Rows that fit, rows held out, and the splits of the former for out-of-fold teachers."""

    train: np.ndarray
    test: np.ndarray
    inner: list | None = None


def make_folds(splits, out_of_fold):
    """Return the folds of the cross-fitting.

    Out-of-fold teachers inside a fold are held out by the other folds, so that rows that belong
    together stay together.

    Parameters
    ----------
    splits : list of tuple
        Row numbers to fit on and held out.
    out_of_fold : bool
        Whether teachers predict rows that they did not see.

    Returns
    -------
    list of Fold
        One for each split.

    Raises
    ------
    ValueError
        If the folds are too few for folds inside of them.
    """
    if not out_of_fold:
        return [Fold(train, test) for train, test in splits]
    if len(splits) < 3:
        raise ValueError(
            "cv must give at least three folds with ground_truth_weight='auto' and "
            f"teacher_predictions='out-of-fold', got {len(splits)}."
        )
    folds = []
    for train, test in splits:
        inner = [tuple(part[np.isin(part, train)] for part in other) for other in splits]
        folds.append(Fold(train, test, [(a, b) for a, b in inner if len(b)]))
    return folds


def cross_fitted_weights(learner, folds, weight, bounds, n_jobs):
    """Yield the weight of the ground truth of the second step, the third, and so on.

    Every fold has a chain of its own, and each weight is the best one for the held-out rows of all
    folds together: for learners that are linear in their targets. Others may take a step with it
    that is worse than the ordinary fit; then it is 1, which is that fit, if the bounds allow it.

    Parameters
    ----------
    learner : RegressionLearner
        Fits and predicts.
    folds : list of Fold
        The folds.
    weight : ndarray of shape (n,) or None
        Weights of the rows in the error that is minimised.
    bounds : tuple of (float, float)
        Lowest and highest weight.
    n_jobs : int or None
        Folds at the same time.

    Yields
    ------
    float
        The weight.
    """
    truth = learner.targets
    held = np.concatenate([fold.test for fold in folds])
    weight = np.ones(len(held)) if weight is None else weight[held]
    if not weight.any():
        raise ValueError(
            "sample_weight must give some row that cv holds out a positive weight, got zeros."
        )
    low, high = bounds
    parallel = Parallel(n_jobs=n_jobs)

    def run(job, *by_fold):
        """Return predictions for the held-out rows, and what teachers say, by fold."""
        results = parallel(delayed(job)(learner, *given) for given in zip(folds, *by_fold))
        held_out, taught = zip(*results)
        return np.concatenate(held_out), taught

    def error(predicted):
        return np.tensordot(weight, (truth[held] - predicted) ** 2, axes=1).sum()

    targets = [truth] * len(folds)
    first, ordinary = run(_fit_step, targets)
    taught = ordinary
    while True:
        student, taught = run(_fit_student, targets, taught)
        w = self_distillation_weights(
            truth[held], first, student, sample_weight=weight, bounds=bounds
        )
        targets = [w * truth + (1 - w) * part for part in taught]
        step, taught = run(_fit_step, targets)
        if low <= 1 <= high and error(step) > error(first):
            w, targets, taught = 1.0, [truth] * len(folds), ordinary
        yield w


def _fit_step(learner, fold, targets):
    """Fit a step of one fold; return what it says of held-out rows, and of its own as a teacher."""
    model = learner.fit(fold.train, targets)
    taught = None  # out of fold, it is found by other models, and where there is a next step
    if fold.inner is None:
        taught = teacher_predictions(learner, targets, fold.train, model)
    return learner.predict(model, fold.test, fold.train), taught


def _fit_student(learner, fold, targets, taught):
    """Fit a student to a teacher alone; return what it says of held-out rows, and the teacher."""
    if taught is None:
        taught = teacher_predictions(learner, targets, fold.train, splits=fold.inner)
    student = learner.fit(fold.train, taught)
    return learner.predict(student, fold.test, fold.train), taught
