"""Simulated outcomes whose spread and shape vary, with known conditional quantiles."""

import numpy as np
from scipy import special
from sklearn.utils import check_random_state

from skweight._core._quantiles import DEFAULT_QUANTILES, check_quantiles

_N_GROUPS = 4
_DEGREES_OF_FREEDOM = 3


def make_heteroscedastic(
    n_samples=1000,
    n_features=5,
    *,
    design="normal",
    quantiles=None,
    random_state=None,
):
    r"""Generate outcomes of varying spread, and their true conditional quantiles.

    Features are uniform on [-1, 1]; only the first two matter (with ``"groups"`` the first
    three), and those that `n_features` leaves out count as 0. The outcome is drawn from the law
    whose quantiles are returned.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of rows, at least 1.
    n_features : int, default=5
        Number of features, at least 1.
    design : {"linear", "normal", "lognormal", "student", "groups"}, default="normal"
        The law of the outcome, see Notes.
    quantiles : array-like of shape (n_quantiles,), default=None
        Levels in (0, 1), strictly increasing. None means 0.05, 0.10, ..., 0.95.
    random_state : int, RandomState instance or None, default=None
        Seed or generator of the random numbers.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
        The features.
    y : ndarray of shape (n_samples,)
        The outcomes.
    Q : ndarray of shape (n_samples, n_quantiles)
        The true quantiles of each row.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    See Also
    --------
    skweight.metrics.weighted_interval_score : Score to compare a model's quantiles with `Q` by.

    Notes
    -----
    With :math:`z_\tau` the standard normal quantile, :math:`t_\tau` that of Student's t with 3
    degrees of freedom, :math:`m(x) = \sin(\pi x_1) + x_2` and
    :math:`s(x) = 0.6 + 0.4 x_1 + 0.1 x_2` in [0.1, 1.1], the quantile at level :math:`\tau` is

    - ``"linear"``: :math:`x_1 - x_2 / 2 + s(x) z_\tau`, so that linear quantile regression is
      right at every level;
    - ``"normal"``: :math:`m(x) + s(x) z_\tau`;
    - ``"lognormal"``: :math:`m(x) + \exp(s(x) z_\tau)`, skewed to the right, the more so the
      larger the spread;
    - ``"student"``: :math:`m(x) + s(x) t_\tau`, with heavy tails;
    - ``"groups"``: :math:`m(x_2, x_3) + 2^{g - 2} z_\tau`, where the first feature is a group
      :math:`g` in 0, 1, 2, 3: intervals that are valid on average need not be so in each group.

    Examples
    --------
    >>> from skweight.datasets import make_heteroscedastic
    >>> X, y, Q = make_heteroscedastic(2000, quantiles=[0.1, 0.5, 0.9], random_state=0)
    >>> X.shape, Q.shape
    ((2000, 5), (2000, 3))
    >>> (y[:, None] <= Q).mean(axis=0).round(1)
    array([0.1, 0.5, 0.9])
    """
    _check_count("n_samples", n_samples)
    _check_count("n_features", n_features)
    levels = check_quantiles(DEFAULT_QUANTILES if quantiles is None else quantiles)
    if not isinstance(design, str) or design not in _LAWS:
        raise ValueError(f"design={design!r}: want one of {sorted(_LAWS)}")
    rng = check_random_state(random_state)
    X = rng.uniform(-1.0, 1.0, size=(n_samples, n_features))
    if design == "groups":
        X[:, 0] = rng.randint(_N_GROUPS, size=n_samples)
    quantile_at = _LAWS[design](X)
    # An outcome is the quantile at a random level, which must not be 0, the quantile -inf.
    y = quantile_at(np.maximum(rng.uniform(size=n_samples), 2.0**-54)[:, None])[:, 0]
    return X, y, quantile_at(levels)


def _check_count(name, value):
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"{name}={value!r}: want an integer of at least 1")


def _column(X, k):
    """Return one feature as a column, zeros if there are not so many."""
    return X[:, [k]] if k < X.shape[1] else np.zeros((len(X), 1))


def _waves(X, first=0):
    return np.sin(np.pi * _column(X, first)) + _column(X, first + 1)


def _spread(X):
    return 0.6 + 0.4 * _column(X, 0) + 0.1 * _column(X, 1)


# Each law takes the features and returns a function of levels, one for all rows or a column.
_LAWS = {
    "linear": lambda X: (
        lambda level: _column(X, 0) - _column(X, 1) / 2 + _spread(X) * special.ndtri(level)
    ),
    "normal": lambda X: lambda level: _waves(X) + _spread(X) * special.ndtri(level),
    "lognormal": lambda X: lambda level: _waves(X) + np.exp(_spread(X) * special.ndtri(level)),
    "student": lambda X: (
        lambda level: _waves(X) + _spread(X) * special.stdtrit(_DEGREES_OF_FREEDOM, level)
    ),
    "groups": lambda X: (
        lambda level: _waves(X, first=1) + 2.0 ** (_column(X, 0) - 2) * special.ndtri(level)
    ),
}
