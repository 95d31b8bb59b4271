"""Simulated ordinal data whose true class probabilities are known."""

import numpy as np
from scipy.special import expit
from sklearn.utils import check_random_state

# The designs are drawn anew when they fail; a setting that fails this often is the user's.
_MAX_DRAWS = 1000
_MAX_DRAWS_OF_X = 10


def make_ordinal(
    n_samples=2500,
    n_features=10,
    *,
    intercepts=(0.0, 3.0, 5.0),
    design="sparse",
    sparsity=1 / 3,
    base=0.5,
    deviation=0.5,
    coef=False,
    random_state=None,
):
    """Generate ordered classes with a rare last one, and their true probabilities.

    These are the simulation designs of the PRESTO paper. Features are uniform on [-1, 1], and
    ``P(y <= k | x) = expit(intercepts[k] + x @ slopes[k])``: the slopes differ from one boundary
    to the next, so proportional odds fails, but they differ in few places (``"sparse"``) or by
    little (``"dense"``). Slopes and features are drawn anew when the boundaries cross in any
    row, the features alone when a class is missing.

    Parameters
    ----------
    n_samples : int, default=2500
        Number of rows, at least the number of classes.
    n_features : int, default=10
        Number of features, at least 1.
    intercepts : array-like of shape (n_classes - 1,), default=(0.0, 3.0, 5.0)
        Strictly increasing cut points on the logit scale; the larger the last, the rarer the
        last class.
    design : {"sparse", "dense"}, default="sparse"
        ``"sparse"``: each first slope is `base` with probability `sparsity`, else 0, and each
        step to the next boundary is plus or minus `deviation` with probability `sparsity`, else
        0. ``"dense"``: first slopes and steps are uniform on [-`deviation`, `deviation`].
    sparsity : float, default=1/3
        Probability in [0, 1] that a slope or a step is not 0; used by ``"sparse"`` alone.
    base : float, default=0.5
        Size of the first boundary's slopes; used by ``"sparse"`` alone.
    deviation : float, default=0.5
        Size of the steps between neighbouring boundaries, at least 0.
    coef : bool, default=False
        Whether to return the true coefficients and intercepts too.
    random_state : int, RandomState instance or None, default=None
        Seed or generator of the random numbers.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
        The features.
    y : ndarray of shape (n_samples,)
        The classes 0, 1, ..., each present.
    proba : ndarray of shape (n_samples, n_classes)
        The true class probabilities of each row.
    coef_ : ndarray of shape (n_classes - 1, n_features)
        The true slopes of ``logit P(y > k | x)``, the sign that `PrestoClassifier` reports.
        Only with ``coef=True``.
    intercept_ : ndarray of shape (n_classes - 1,)
        The true intercepts of ``logit P(y > k | x)``: minus `intercepts`.
        Only with ``coef=True``.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or no draw has every class and no crossing.

    See Also
    --------
    skweight.metrics.rare_class_mse : Error of the last class against known probabilities.

    References
    ----------
    .. [1] G. Faletto and J. Bien, "Predicting Rare Events by Shrinking Towards Proportional
           Odds", ICML 2023, PMLR 202:9547-9602.

    Examples
    --------
    >>> from skweight.datasets import make_ordinal
    >>> X, y, proba = make_ordinal(random_state=0)
    >>> X.shape, proba.shape
    ((2500, 10), (2500, 4))
    >>> round(float(proba[:, -1].mean()), 3)  # the last class is rare
    0.008
    """
    cuts = _check_make_ordinal(n_samples, n_features, intercepts, design, sparsity, base, deviation)
    rng = check_random_state(random_state)
    for _ in range(_MAX_DRAWS):
        slopes = _draw_slopes(rng, len(cuts), n_features, design, sparsity, base, deviation)
        drawn = _draw_rows(rng, n_samples, cuts, slopes)
        if drawn is not None:
            return (*drawn, -slopes, -cuts) if coef else drawn
    raise ValueError(
        f"intercepts={tuple(cuts.tolist())} with deviation={deviation} and n_samples={n_samples} "
        f"gave crossing boundaries or a missing class in {_MAX_DRAWS} draws: want cut points "
        "further apart, a smaller deviation or more rows"
    )


def _check_make_ordinal(n_samples, n_features, intercepts, design, sparsity, base, deviation):
    """Return the cut points as an array, or raise for a parameter out of range."""
    cuts = np.array(intercepts, dtype=float)
    if cuts.ndim != 1 or len(cuts) < 1 or not np.isfinite(cuts).all() or (np.diff(cuts) <= 0).any():
        raise ValueError(
            f"intercepts={intercepts!r}: want at least one finite number, strictly increasing"
        )
    for name, value, least in [
        ("n_samples", n_samples, len(cuts) + 1),
        ("n_features", n_features, 1),
    ]:
        if not isinstance(value, (int, np.integer)) or value < least:
            raise ValueError(f"{name}={value!r}: want a whole number of at least {least}")
    if design not in ("sparse", "dense"):
        raise ValueError(f"design={design!r}: want 'sparse' or 'dense'")
    if not 0 <= sparsity <= 1:
        raise ValueError(f"sparsity={sparsity!r}: want a probability in [0, 1]")
    if not np.isfinite(base):
        raise ValueError(f"base={base!r}: want a finite number")
    if not (np.isfinite(deviation) and deviation >= 0):
        raise ValueError(f"deviation={deviation!r}: want a finite number of at least 0")
    return cuts


def _draw_slopes(rng, n_boundaries, n_features, design, sparsity, base, deviation):
    """Draw slopes of logit P(y <= k), shape (n_boundaries, n_features)."""
    shape = (n_boundaries, n_features)
    if design == "dense":
        steps = rng.uniform(-deviation, deviation, size=shape)
    else:
        kept = rng.uniform(size=shape) < sparsity
        steps = kept * deviation * rng.choice([-1.0, 1.0], size=shape)
        steps[0] = kept[0] * base
    return np.cumsum(steps, axis=0)


def _draw_rows(rng, n_samples, cuts, slopes):
    """Draw rows and classes, or return None when a row crosses or a class stays missing."""
    n_classes = len(cuts) + 1
    for _ in range(_MAX_DRAWS_OF_X):
        X = rng.uniform(-1.0, 1.0, size=(n_samples, slopes.shape[1]))
        exceedance = expit(-(cuts + X @ slopes.T))  # P(y > k): small tails keep their digits
        edges = np.hstack([np.ones((n_samples, 1)), exceedance, np.zeros((n_samples, 1))])
        proba = -np.diff(edges, axis=1)
        if (proba < 0).any():
            return None
        y = (rng.uniform(size=(n_samples, 1)) < exceedance).sum(axis=1)
        if len(np.unique(y)) == n_classes:
            return X, y, proba
    return None
