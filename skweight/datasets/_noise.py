"""Noise on labels and targets, to see what a method makes of it where the truth is known."""

import numpy as np
from sklearn.utils import check_array, check_random_state, column_or_1d

from skweight._core._sklearn_compat import _safe_indexing
from skweight.datasets._bunch import check_word

# Each has mean 0 and standard deviation 1; Student's t has 3 degrees of freedom.
_LAWS = {
    "gaussian": lambda rng, shape: rng.standard_normal(shape),
    "laplace": lambda rng, shape: rng.laplace(scale=np.sqrt(0.5), size=shape),
    "student_t": lambda rng, shape: rng.standard_t(3, shape) / np.sqrt(3),
}


def add_label_noise(y, rate, *, kind="uniform", random_state=None):
    """Replace labels at random, and say which.

    Add the noise to the rows that a model is fitted to, and score it on rows whose labels are
    right.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Labels of any type, of at least two classes.
    rate : float or array-like of shape (n_samples,)
        Probability in [0, 1] that a label is replaced, for all rows or for each.
    kind : {"uniform", "flip", "pair"}, default="uniform"
        What replaces a label: ``"uniform"`` any class, its own among them, so that of K classes a
        share of ``rate * (1 - 1 / K)`` becomes wrong; ``"flip"`` any other class; ``"pair"`` the
        next class in sorted order, and the first for the last.
    random_state : int, RandomState instance or None, default=None
        Seed or generator of the random numbers.

    Returns
    -------
    y_noisy : array-like of shape (n_samples,)
        The labels, of the same type as `y`.
    replaced : ndarray of bool of shape (n_samples,)
        Rows whose label was replaced.

    Raises
    ------
    ValueError
        If `y` has no labels or one class alone, or a parameter is out of its range.

    See Also
    --------
    add_target_noise : Noise for numbers.

    Notes
    -----
    Uniform numbers below `rate` mark the rows; then, except with ``"pair"``, one random integer is
    drawn for each of them.

    Examples
    --------
    >>> from skweight.datasets import add_label_noise
    >>> y = ["ham", "spam", "ham", "ham", "spam", "ham"]
    >>> noisy, replaced = add_label_noise(y, 0.5, kind="flip", random_state=0)
    >>> noisy
    ['ham', 'spam', 'ham', 'ham', 'ham', 'ham']
    >>> replaced
    array([False, False, False, False,  True, False])
    """
    check_word("kind", kind, ("uniform", "flip", "pair"))
    classes, first_row, codes = _classes_of(y)
    rate = _number_or_one_a_row("rate", rate, len(codes))
    if not ((rate >= 0) & (rate <= 1)).all():
        raise ValueError(f"rate={rate.min():g} to {rate.max():g}: want probabilities in [0, 1]")
    rng = check_random_state(random_state)
    replaced = rng.uniform(size=len(codes)) < rate
    old = codes[replaced]
    if kind == "uniform":
        new = rng.randint(0, len(classes), len(old))
    elif kind == "flip":
        new = rng.randint(0, len(classes) - 1, len(old))
        new += new >= old
    else:
        new = (old + 1) % len(classes)
    # Each row takes its label from a row that has it, so that labels keep their type.
    source = np.arange(len(codes))
    source[replaced] = first_row[new]
    noisy = _safe_indexing(y, source)
    if hasattr(y, "iloc"):
        noisy.index = y.index
    return noisy, replaced


def add_target_noise(y, scale, *, distribution="gaussian", random_state=None):
    """Add noise of mean 0 to targets, in units of their standard deviation.

    With ``scale=1`` noise and targets have the same variance. Add the noise to the rows that a
    model is fitted to, and score it on rows without.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_targets)
        Targets that vary.
    scale : float or array-like of shape (n_samples,)
        Standard deviation of the noise, at least 0, for all rows or for each, in standard
        deviations of `y` (of each target by itself).
    distribution : {"gaussian", "laplace", "student_t"}, default="gaussian"
        Law of the noise, from light to heavy tails; Student's t has 3 degrees of freedom. All have
        the standard deviation that `scale` says.
    random_state : int, RandomState instance or None, default=None
        Seed or generator of the random numbers.

    Returns
    -------
    array-like of shape (n_samples,) or (n_samples, n_targets)
        The noisy targets: of pandas if `y` is, else an array of floats.

    Raises
    ------
    ValueError
        If a target does not vary, or a parameter is out of its range.

    See Also
    --------
    add_label_noise : Noise for labels.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skweight.datasets import add_target_noise
    >>> y = load_diabetes().target
    >>> noisy = add_target_noise(y, 0.5, random_state=0)
    >>> round(float((noisy - y).std() / y.std()), 1)
    0.5
    """
    check_word("distribution", distribution, tuple(_LAWS))
    values = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
    scale = _number_or_one_a_row("scale", scale, len(values))
    if not (scale >= 0).all():
        raise ValueError(f"scale={scale.min():g}: want standard deviations of at least 0")
    spread = values.std(axis=0)
    if not (spread > 0).all():
        raise ValueError("y is constant: want targets that vary, in whose units the scale is")
    noise = spread * _LAWS[distribution](check_random_state(random_state), values.shape)
    noise *= scale.reshape(-1, *[1] * (values.ndim - 1))
    return y + noise if hasattr(y, "iloc") else values + noise


def _classes_of(y):
    """Return the classes, a row of each, and each row's class by number."""
    labels = column_or_1d(np.asarray(y))
    try:
        missing = (labels != labels).any()
        classes, first_row, codes = np.unique(labels, return_index=True, return_inverse=True)
    except TypeError:  # what cannot be compared: pandas' NA, or None among text
        missing = True
    if missing:
        raise ValueError("y has missing labels, or labels that cannot be sorted: want neither")
    if labels.dtype.kind == "f" and (classes % 1).any():
        raise ValueError("y has fractions: want labels, or add_target_noise for numbers")
    if len(classes) < 2:
        raise ValueError(f"y has the classes {classes.tolist()}: want at least two")
    return classes, first_row, codes


def _number_or_one_a_row(name, value, n_samples):
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.array(np.nan)
    if array.shape not in ((), (n_samples,)) or not np.isfinite(array).all():
        raise ValueError(
            f"{name}={value!r}: want one finite number, or one for each of {n_samples} rows"
        )
    return array
