"""What a teacher says of the rows that a student learns from."""

from numbers import Integral

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.parallel import Parallel, delayed

from skweight._core._folds import check_partition, make_splits
from skweight._core._wrapping import of_rows
from skweight.distillation._self_distillation_learners import RegressionLearner

# Probabilities below this one are taken for it: their logarithms have to be finite.
_SMALLEST = 1e-12
# Rows of float32 probabilities miss 1 by some 1e-7; what are none miss it by far more.
_ROW_SUM_TOLERANCE = 1e-3


class TeacherLearner(RegressionLearner):
    """Fit clones of a teacher to the labels of some rows.

    Parameters
    ----------
    teacher : estimator
        The classifier; one that is frozen stays what it is.
    X : array-like of shape (n, n_features)
        All rows.
    y : ndarray of shape (n,)
        Their labels.
    params : dict
        Metadata of its ``fit``, weights included; what has n entries is taken row by row.
    classes : ndarray of shape (n_classes,)
        Labels, sorted.
    """

    def __init__(self, teacher, X, y, params, classes):
        super().__init__(teacher, X, y, {}, params)
        self.classes = classes

    def fit_rows(self, rows):
        """Return a clone fitted to some rows."""
        return self.fit(rows, self.targets)

    def logits(self, model, rows, train):
        """Return what a clone fitted to the rows `train` says of others."""
        return teacher_logits(model, self._take(rows, train), self.classes)


def check_teacher(teacher):
    """Raise unless a teacher is a classifier with scores."""
    name = type(teacher).__name__
    if not is_classifier(teacher):
        raise ValueError(f"teacher must be a classifier, got {name}.")
    if not (hasattr(teacher, "predict_proba") or hasattr(teacher, "decision_function")):
        raise ValueError(f"teacher must have predict_proba or decision_function, got {name}.")


def taught_logits(learner, rows, splits, n_jobs):
    """Fit a teacher, and return it with its logits for the rows it was fitted to.

    Parameters
    ----------
    learner : TeacherLearner
        Fits it.
    rows : ndarray of int of shape (m,)
        Places of the rows to be used.
    splits : list of tuple or None
        Numbers among them, to fit on and held out; None holds out none.
    n_jobs : int or None
        Teachers fitted at the same time.

    Returns
    -------
    teacher : estimator
        Fitted to all rows.
    logits : ndarray of shape (m, n_classes)
        The logits.
    """
    teacher = learner.fit_rows(rows)
    if splits is None:
        return teacher, learner.logits(teacher, rows, rows)
    parts = Parallel(n_jobs=n_jobs)(
        delayed(_fold_logits)(learner, rows[train], rows[test]) for train, test in splits
    )
    logits = np.empty((len(rows), len(learner.classes)))
    for (_, test), part in zip(splits, parts):
        logits[test] = part
    return teacher, logits


def _fold_logits(learner, train, test):
    return learner.logits(learner.fit_rows(train), test, train)


def teacher_splits(cv, rows, n, places, classes, params):
    """Return how rows are held out from the teachers that are asked of them.

    Parameters
    ----------
    cv : int, cross-validation generator or iterable
        The parameter.
    rows : ndarray of int of shape (m,)
        Places of the rows to be used, among n.
    n : int
        Number of all rows, which pairs in a list count.
    places : ndarray of int of shape (m,)
        Classes of the rows to be used.
    classes : ndarray of shape (n_classes,)
        Their labels.
    params : dict
        Metadata of the splitter, for all rows.

    Returns
    -------
    list of tuple
        Pairs of numbers among the rows to be used, to fit on and held out.
    """
    if isinstance(cv, Integral) or hasattr(cv, "split"):
        params = {name: of_rows(value, rows, n) for name, value in params.items()}
        splits = make_splits(_folds(cv, places, classes), rows, places, True, params)
        check_partition(splits, len(rows))
    else:
        every = np.arange(n)
        splits = make_splits(cv, every, every, True, params)
        check_partition(splits, n)
        number = np.full(n, -1)
        number[rows] = np.arange(len(rows))
        splits = [[number[part] for part in pair] for pair in splits]
        splits = [tuple(part[part >= 0] for part in pair) for pair in splits]
    for train, _ in splits:
        _check_fold(places[train], classes)
    return splits


def _folds(cv, places, classes):
    """Return a number of folds of which each has rows of every class, or a splitter as it is."""
    if not isinstance(cv, Integral):
        return cv
    counts = np.bincount(places, minlength=len(classes))
    if counts.min() < 2:
        raise ValueError(
            f"cv={cv} asks teachers of rows that they did not see and needs 2 rows of each class, "
            f"got 1 row of class {classes.tolist()[counts.argmin()]!r}: set cv=None or leave it "
            "out."
        )
    return min(int(cv), int(counts.min()))


def _check_fold(places, classes):
    missing = np.bincount(places, minlength=len(classes)) == 0
    if missing.any():
        raise ValueError(
            "cv must leave the teacher rows of every class in each split, got one without the "
            f"class {classes.tolist()[missing.argmax()]!r}."
        )


def teacher_logits(model, X, classes):
    """Return a fitted teacher's logits for rows, a column for each class.

    Parameters
    ----------
    model : estimator
        A classifier with `predict_proba`, or with `decision_function`.
    X : array-like of shape (n, n_features)
        The rows.
    classes : ndarray of shape (n_classes,)
        Labels of the columns, sorted.

    Returns
    -------
    ndarray of shape (n, n_classes)
        Logarithms of probabilities, or scores.

    Raises
    ------
    ValueError
        If the teacher knows other classes, or its scores are none.
    """
    name, known = type(model).__name__, np.asarray(model.classes_)
    if len(known) != len(classes) or not np.isin(known, classes).all():
        raise ValueError(
            f"teacher must know the classes of y, {classes.tolist()}, but those of {name} are "
            f"{known.tolist()}."
        )
    if hasattr(model, "predict_proba"):
        how, scores = "predict_proba", np.asarray(model.predict_proba(X), dtype=np.float64)
    else:
        how, scores = "decision_function", np.asarray(model.decision_function(X), dtype=np.float64)
        if scores.ndim == 1 and len(classes) == 2:
            scores = np.column_stack([np.zeros(len(scores)), scores])
    if scores.shape[1:] != (len(classes),):
        raise ValueError(
            f"teacher must have a score for each class, but {how} of {name} returned shape "
            f"{scores.shape} for {len(classes)} classes."
        )
    if not np.isfinite(scores).all():
        raise ValueError(f"teacher must have finite scores, but {how} of {name} returned others.")
    if how == "decision_function" and len(classes) > 2:
        # Of three classes there are as many pairs.
        agree = known[scores.argmax(axis=1)] == model.predict(X)
        if agree.mean() < 0.5:
            raise ValueError(
                f"teacher must have a score for each class, but the largest of {how} of {name} is "
                f"that of the class it predicts for {agree.mean():.0%} of the rows only."
            )
    if how == "predict_proba":
        away = np.abs(scores.sum(axis=1) - 1).max(initial=0.0)
        if away > _ROW_SUM_TOLERANCE:
            raise ValueError(
                f"teacher must give probabilities that sum to 1, but rows of {name} miss it by up "
                f"to {away:.2g}."
            )
        scores = np.log(np.clip(scores, _SMALLEST, 1))
    logits = np.empty_like(scores)
    logits[:, np.searchsorted(classes, known)] = scores
    return logits
