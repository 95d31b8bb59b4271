"""Rows for linear models: with many zeros, off their origin, in every kind of container."""

import numpy as np
from distillation_oracles import ORIGIN, RIDGE
from scipy import sparse

SOLVERS = ("cholesky", "svd", "lsqr")
SHAPES = {"tall": (40, 6), "wide": (15, 30)}
KINDS = {
    "dense": np.asarray,
    "Fortran order": np.asfortranarray,
    "CSR": sparse.csr_matrix,
    "CSC": sparse.csc_array,
}


def data(shape="tall", n_targets=None, weighted=False, share=0.4, seed=0):
    """Return rows with many zeros, off their origin, targets, weights and new rows."""
    n, p = SHAPES.get(shape, shape)
    rng = np.random.default_rng(seed)
    X, new = (
        np.where(rng.random((k, p)) < share, rng.normal(1.0, 1.0, (k, p)), 0.0) for k in (n, 9)
    )
    signal = X @ rng.normal(size=p)
    y = signal if n_targets is None else signal[:, None] * np.arange(1, n_targets + 1)
    y = y + 5.0 + rng.normal(size=y.shape)
    weight = None
    if weighted:
        weight = rng.uniform(0.1, 3.0, n)
        weight[::4] = 0.0
    return X, y, weight, new


def peer(fit_intercept):
    return RIDGE if fit_intercept else ORIGIN
