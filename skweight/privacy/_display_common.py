"""What the plots of this room share."""

import numpy as np
from scipy.spatial.distance import cdist

from skweight._core._optional import import_optional
from skweight.privacy._kernels import exact_sums
from skweight.privacy._private_labels import codes_of_labels

# Okabe and Ito's colours, which people with colour-blindness tell apart; yellow is too pale.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "osD^vPX"

# The methods whose answers are sums over rows, of which `standard_error` speaks.
SUMS = ("distance_sum", "kernel_sum", "similarity_sum")

# Pairs of rows and queries whose distances are held at a time.
_ROOM = 1 << 22


def axes_for(ax, purpose, size):
    """Return the axes to draw on, on a new figure if there are none."""
    pyplot = import_optional("matplotlib.pyplot", purpose)
    if ax is None:
        _, ax = pyplot.subplots(figsize=size, layout="constrained")
    return ax


def tidy(ax):
    """Take away the lines of the frame that carry no scale."""
    ax.spines[["top", "right"]].set_visible(False)


def answers_of(model):
    """Return the name of the method of a private estimator that gives sums over rows."""
    for name in SUMS:
        if hasattr(model, name):
            return name
    listed = ", ".join(SUMS)
    raise TypeError(f"estimator must have one of the methods {listed}, got {type(model).__name__}.")


def exact_answers(model, X, Y, y=None):
    """Return what a fitted private estimator would answer if there were no noise.

    It is computed pair by pair, from the rows as they are.

    Parameters
    ----------
    model : PrivateDistanceSum, PrivateKernelDensity or PrivateSimilarityClassifier
        The fitted estimator.
    X : array-like of shape (n_samples, n_features)
        Rows.
    Y : array-like of shape (n_queries, n_features)
        Queries.
    y : array-like of shape (n_samples,) or None, default=None
        Labels of the rows, for the classifier.

    Returns
    -------
    ndarray of shape (n_queries,) or (n_queries, n_classes)
        The sums.
    """
    X, Y = (np.asarray(each, dtype=np.float64) for each in (X, Y))
    name = answers_of(model)
    if name == "kernel_sum":
        return exact_sums(model.kernel, model.bandwidth_, X, Y)
    if name == "similarity_sum":
        if y is None:
            raise ValueError("y must be given, the labels of X, for a classifier's exact answers.")
        codes = codes_of_labels(np.asarray(y), model.classes_)
        rows = model._rows_
        return rows.queries(Y) @ rows.class_sums(X, codes, len(model.classes_)).T
    metric, power = {
        "manhattan": ("minkowski", 1.0),
        "minkowski_power": ("minkowski", 2.0),
        "sqeuclidean": ("sqeuclidean", None),
        "euclidean": ("euclidean", None),
    }[model.metric]
    if power is not None and model.p is not None:
        power = float(model.p)
    found = []
    for part in np.array_split(Y, max(1, len(X) * len(Y) // _ROOM)):
        if power is None:
            found.append(cdist(part, X, metric).sum(axis=1))
        else:
            found.append((cdist(part, X, metric, p=power) ** power).sum(axis=1))
    return np.concatenate(found)
