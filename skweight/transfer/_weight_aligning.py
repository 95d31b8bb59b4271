"""Mathematics of classes that arrive over time: alignment of weights, and choice of examples."""

import numpy as np


def align_weights(coef, old, new):
    r"""Rescale weights of new classes such that their norms are those of old ones.

    A classifier that is trained further on new classes, with few rows of the old ones or none,
    gives the new ones larger weights, and so takes rows of old classes for new ones. All weights
    of new classes are multiplied by the mean norm of the old ones over that of the new ones [1]_.

    Parameters
    ----------
    coef : array-like of shape (n_classes, n_features)
        Weights, a row for each class.
    old : array-like of int or bool
        Rows of classes that were known before, as places or as a mask.
    new : array-like of int or bool
        Rows of classes that are new.

    Returns
    -------
    ndarray of shape (n_classes, n_features)
        Weights, of which those of new classes are rescaled.

    Raises
    ------
    ValueError
        If there are no old or no new classes, if a class is both or is none of `coef`, or if the
        old or the new ones have weights of 0 alone.

    See Also
    --------
    WeightAlignedClassifier : A network that does so after each task.

    Notes
    -----
    With weights :math:`w_c` the factor is

    .. math:: \gamma = \frac{\operatorname{mean}_{c\ \text{old}} \|w_c\|}
        {\operatorname{mean}_{c\ \text{new}} \|w_c\|}.

    Intercepts stay. The norm says how large scores are only where features and weights are not
    negative; otherwise the factor may as well do harm.

    References
    ----------
    .. [1] B. Zhao, X. Xiao, G. Gan, B. Zhang and S.-T. Xia, "Maintaining Discrimination and
       Fairness in Class Incremental Learning", CVPR 2020, arXiv 1911.07053.

    Examples
    --------
    >>> from skweight.transfer import align_weights
    >>> align_weights([[3.0, 4.0], [0.0, 3.0], [8.0, 0.0]], old=[0, 1], new=[2])
    array([[3., 4.],
           [0., 3.],
           [4., 0.]])
    """
    coef = np.array(coef, dtype=np.result_type(np.asarray(coef).dtype, np.float32))
    if coef.ndim != 2:
        raise ValueError(f"coef must have two axes, got an array of shape {coef.shape}.")
    old, new = _places(old, len(coef), "old"), _places(new, len(coef), "new")
    if np.intersect1d(old, new).size:
        raise ValueError(
            f"old and new must have no class in common, got {np.intersect1d(old, new)} in both."
        )
    norms = np.linalg.norm(coef, axis=1)
    for places, name in ((old, "old"), (new, "new")):
        if not norms[places].any():
            raise ValueError(
                f"coef has weights of 0 alone for {name} classes, which have no scale."
            )
    coef[new] *= norms[old].mean() / norms[new].mean()
    return coef


def _places(classes, n_classes, name):
    """Return places of classes, each once."""
    classes = np.asarray(classes)
    try:
        places = np.unique(np.arange(n_classes)[classes if classes.size else slice(0)])
    except IndexError:
        raise ValueError(
            f"{name} must hold places or be a mask of the {n_classes} rows of coef, got {classes}."
        ) from None
    if not places.size:
        raise ValueError(f"{name} must name a class at least, got {classes}.")
    return places


def herd(features, n_chosen):
    """Choose rows whose running means stay near the mean of all, best first.

    Parameters
    ----------
    features : ndarray of shape (n, d)
        Rows of one class.
    n_chosen : int
        How many to choose; all of them if there are fewer.

    Returns
    -------
    ndarray of int of shape (min(n_chosen, n),)
        Places, in the order of the choice. The first are the best choice of fewer.
    """
    mean, total = features.mean(axis=0), np.zeros(features.shape[1])
    left, chosen = np.ones(len(features), dtype=bool), []
    for k in range(1, min(n_chosen, len(features)) + 1):
        distances = np.square(mean - (total + features) / k).sum(axis=1)
        chosen.append(np.where(left, distances, np.inf).argmin())
        left[chosen[-1]] = False
        total += features[chosen[-1]]
    return np.array(chosen, dtype=int)
