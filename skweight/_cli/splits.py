"""Rows to fit and rows to test, the same for all candidates of a study."""

import numpy as np

SEED = 0
_FOLDS_INSIDE = 3


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


def groups_of(study, rows):
    """Give the groups of some rows of a study, None if it has none."""
    return None if study.groups is None else study.groups[rows]


def folds_inside(groups, *, stratified=False):
    """Give folds of training rows, of whole groups where there are enough of them.

    Parameters
    ----------
    groups : ndarray of shape (n_rows,) or None
        Groups of the training rows.
    stratified : bool, default=False
        Whether folds without groups have equal shares of labels.

    Returns
    -------
    list of (train, test) or cross-validation generator
        For the parameter `cv` of a model.
    """
    from sklearn.model_selection import KFold, StratifiedKFold

    if (folds := whole_groups(groups)) is not None:
        return folds
    kind = StratifiedKFold if stratified else KFold
    return kind(_FOLDS_INSIDE, shuffle=True, random_state=SEED)


def whole_groups(groups):
    """Give folds of whole groups, None where rows are in none or groups are too few."""
    from sklearn.model_selection import GroupKFold

    if groups is None or len(np.unique(groups)) < _FOLDS_INSIDE:
        return None
    return list(GroupKFold(_FOLDS_INSIDE).split(np.zeros(len(groups)), groups=groups))


def rows_to_stop_by(groups):
    """Give the split of training rows whose held-out part, a tenth, says when a network stops.

    Groups are held out whole; None where there are none, as networks then draw rows themselves.
    """
    from sklearn.model_selection import GroupShuffleSplit

    if groups is None or len(np.unique(groups)) < 2:
        return None
    splitter = GroupShuffleSplit(1, test_size=0.1, random_state=SEED)
    return list(splitter.split(np.zeros(len(groups)), groups=groups))
