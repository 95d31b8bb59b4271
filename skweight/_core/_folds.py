"""Splits of rows into those to fit on and those held out."""

import numpy as np
from sklearn.model_selection import check_cv


def make_splits(cv, X, y, classifier, params):
    """Return pairs of row numbers, to fit on and held out, of all parts that hold out some."""
    cv, every = check_cv(cv, y, classifier=classifier), np.arange(len(y))
    # Masks are taken too, as by scikit-learn's own cross-validation.
    splits = [(every[train], every[test]) for train, test in cv.split(X, y, **params)]
    splits = [(train, test) for train, test in splits if len(test)]
    if not splits:
        raise ValueError("cv must hold out some rows, but its test folds are empty.")
    return splits


def check_partition(splits, n, when=""):
    """Raise unless each row is held out once."""
    times = np.bincount(np.concatenate([test for _, test in splits]), minlength=n)
    if (times != 1).any():
        raise ValueError(
            f"cv must hold out every row exactly once{when}, but row "
            f"{np.argmax(times != 1)} is held out {times[np.argmax(times != 1)]} times."
        )
