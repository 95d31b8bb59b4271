"""Which rows are held out, such as for early stopping."""

import numpy as np
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit, check_cv


def hold_out(estimator, X, classes, seed, reason="early_stopping=True"):
    """Return the places of the rows to train on and of those held out.

    Parameters
    ----------
    estimator : BaseNeural
        Holds `validation_fraction` and `cv`, of which the first split is taken.
    X : ndarray of shape (n, p)
        Rows.
    classes : ndarray of shape (n,) or None
        Classes, each of which the rows held out have their share of.
    seed : int
        Of a random split.
    reason : str, default="early_stopping=True"
        Parameter that asks for it.

    Returns
    -------
    kept, held : ndarray of int
        The places.

    Raises
    ------
    ValueError
        If there are too few rows.
    """
    if estimator.cv is not None:
        splitter = check_cv(estimator.cv, classes, classifier=classes is not None)
        return next(iter(splitter.split(X, classes)))
    fraction = estimator.validation_fraction
    if classes is None:
        if X.shape[0] < 2:
            raise ValueError(
                f"{reason} holds rows out and needs 2 rows at least, got n_samples={X.shape[0]}."
            )
        splitter = ShuffleSplit(1, test_size=fraction, random_state=seed)
        return next(splitter.split(X))
    labels, counts = np.unique(classes, return_counts=True)
    n_held = int(np.ceil(fraction * X.shape[0]))
    if counts.min() < 2 or n_held < len(labels):
        raise ValueError(
            f"{reason} with validation_fraction={fraction} holds {n_held} row(s) out, "
            "which needs 2 rows of each class at least and a row for each class, got counts "
            f"{counts.tolist()}."
        )
    splitter = StratifiedShuffleSplit(1, test_size=fraction, random_state=seed)
    return next(splitter.split(X, classes))
