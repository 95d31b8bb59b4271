"""Rows to fit and rows to test, the same for all candidates of a study."""

import numpy as np

SEED = 0


def cross_validation(target, folds, groups=None, *, stratified):
    """Split into folds at random, rows of one group together.

    Parameters
    ----------
    target : ndarray of shape (n_rows,)
        Labels or numbers.
    folds : int
        How many.
    groups : ndarray of shape (n_rows,) or None, default=None
        Rows of one group stay together.
    stratified : bool
        Whether folds have equal shares of labels.

    Returns
    -------
    list of (train, test)
        Row numbers.
    """
    from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

    if stratified:
        kind = StratifiedKFold if groups is None else StratifiedGroupKFold
        splitter = kind(folds, shuffle=True, random_state=SEED)
    elif groups is None:
        splitter = KFold(folds, shuffle=True, random_state=SEED)
    else:
        splitter = GroupKFold(folds)
    return list(splitter.split(np.zeros(len(target)), target, groups))


def separate_samples(n_rows, n_samples, n_train, most_test):
    """Draw training samples without a common row, all tested on the same other rows.

    Parameters
    ----------
    n_rows, n_samples, n_train : int
        Rows of the table, how many samples, and the rows of each.
    most_test : int
        Test rows at the most.

    Returns
    -------
    list of (train, test)
        Row numbers.
    """
    rows = np.random.default_rng(SEED).permutation(n_rows)
    test = rows[n_samples * n_train :][:most_test]
    return [(rows[part * n_train :][:n_train], test) for part in range(n_samples)]
