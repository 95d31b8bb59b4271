"""The parameters that all neural estimators share: their constraints, and how they are kept."""

from numbers import Integral, Real

import numpy as np

from skweight._core._sklearn_compat import HasMethods, Interval, StrOptions

# Name -> class of torch.optim.
OPTIMIZERS = {
    "adam": "Adam",
    "adamw": "AdamW",
    "nadam": "NAdam",
    "radam": "RAdam",
    "rmsprop": "RMSprop",
    "sgd": "SGD",
}
# What torch has a fused kernel for, on CPUs and GPUs.
FUSED = {"adam", "adamw", "sgd"}
ACTIVATION_NAMES = {"elu", "gelu", "identity", "logistic", "relu", "silu", "tanh"}

NEURAL_CONSTRAINTS = {
    "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
    "activation": [StrOptions(ACTIVATION_NAMES)],
    "optimizer": [StrOptions(set(OPTIMIZERS)), callable],
    "optimizer_params": [dict, None],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left"), None],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "shuffle": ["boolean"],
    "tol": [Interval(Real, 0, None, closed="left")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "cv": ["cv_object", None],
    "warm_start": ["boolean"],
    "random_state": ["random_state"],
    "device": [str],
    "dtype": [StrOptions({"auto", "float32", "float64"})],
    "compile": ["boolean"],
    "amp": ["boolean"],
    "module": [callable, None],
    "categorical_features": ["array-like", None],
    "iterator_train": [callable, None],
    "callbacks": [list, tuple, HasMethods(["on_epoch_end"]), None],
}


def store_parameters(estimator, arguments):
    """Keep what ``__init__`` was called with, every argument under its own name.

    Parameters
    ----------
    estimator : estimator
        The estimator under construction.
    arguments : dict
        The ``locals()`` of its ``__init__``.
    """
    for name, value in arguments.items():
        if name not in ("self", "__class__"):
            setattr(estimator, name, value)


def layer_sizes(hidden_layer_sizes):
    """Return the sizes of hidden layers as a tuple of ints."""
    sizes = np.atleast_1d(np.asarray(hidden_layer_sizes))
    if sizes.size == 0:
        return ()
    if sizes.ndim != 1 or sizes.dtype.kind not in "iu" or (sizes < 1).any():
        raise ValueError(
            f"hidden_layer_sizes must hold whole numbers above 0, got {hidden_layer_sizes!r}."
        )
    return tuple(int(size) for size in sizes)


def categorical_places(categorical_features, X_names, n_features):
    """Return the places of categorical columns, ascending.

    Parameters
    ----------
    categorical_features : array-like of bool, int or str, or None
        The parameter.
    X_names : ndarray of str or None
        Names of the columns.
    n_features : int
        Number of columns.
    """
    if categorical_features is None:
        return np.empty(0, dtype=int)
    chosen = np.asarray(categorical_features)
    kind = chosen.dtype.kind
    if chosen.size == 0:
        return np.empty(0, dtype=int)
    if kind == "b" and chosen.shape == (n_features,):
        return np.flatnonzero(chosen)
    if (
        kind in "iu"
        and chosen.ndim == 1
        and -n_features <= chosen.min() <= chosen.max() < n_features
    ):
        return np.unique(chosen % n_features)
    if kind in "UOT" and chosen.ndim == 1 and X_names is not None:
        names = list(X_names)
        if all(name in names for name in chosen):
            return np.unique([names.index(name) for name in chosen])
    known = "columns without names" if X_names is None else f"the columns {list(X_names)}"
    raise ValueError(
        "categorical_features must be a mask, or hold places or names of columns, got "
        f"{categorical_features!r} for {n_features} feature(s), {known}."
    )
