"""Searches that are tested, and data for them."""

import numpy as np
from distillation_oracles import rbf_data
from sklearn.base import clone
from sklearn.model_selection import KFold

from skweight.distillation import (
    SelfDistilledKernelRidgeClassifierCV,
    SelfDistilledKernelRidgeCV,
    SelfDistilledRidgeClassifierCV,
    SelfDistilledRidgeCV,
)

ALPHAS = (0.05, 0.5, 5.0)
SEARCHES = {
    "kernel": SelfDistilledKernelRidgeCV(ALPHAS, gamma=0.5, n_steps=3),
    "linear": SelfDistilledRidgeCV(ALPHAS, n_steps=3),
}
CLASSIFIERS = {
    "kernel": SelfDistilledKernelRidgeClassifierCV(ALPHAS, gamma=0.5, n_steps=3),
    "linear": SelfDistilledRidgeClassifierCV(ALPHAS, n_steps=3),
}
CV = {"deletion": None, "folds": KFold(3)}


def search_data(n=40, n_targets=None, seed=0):
    X, _, y, new, _ = rbf_data(n=n, n_targets=n_targets, seed=seed)
    return X, y + 2.0, new


def search(kind, **params):
    return clone(SEARCHES[kind]).set_params(**params)


def positive(n, seed=1):
    return np.random.default_rng(seed).uniform(0.2, 3.0, n)
