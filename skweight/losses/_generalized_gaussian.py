"""Likelihood of generalised Gaussian errors, and weights of rows by how sure an ensemble is."""

import numpy as np
from scipy.optimize import brentq
from scipy.special import gammaln
from sklearn.utils import check_array

from skweight._core._sklearn_compat import check_sample_weight

ESTIMATORS = ("mbbe", "sample")
# Variances are at least this part of their mean: rows on which all members agree count, but not
# alone.
_LEAST_VARIANCE = 1e-6


def ggd_nll(error, scale=1.0, shape=2.0):
    r"""Compute minus the log density of generalised Gaussian errors.

    The density falls with the distance from 0 as :math:`\exp(-(|e|/\text{scale})^{\text{shape}})`
    [1]_: a shape of 2 is a normal distribution of the variance scale\ :sup:`2` / 2, and 1 is
    Laplace's.

    Parameters
    ----------
    error : array-like
        Errors, of any shape.
    scale : array-like, default=1.0
        Scales above 0, of a shape that broadcasts with that of `error`.
    shape : array-like, default=2.0
        Shapes above 0, of a shape that broadcasts with that of `error`.

    Returns
    -------
    ndarray
        The loss of each error.

    Raises
    ------
    ValueError
        If a scale or a shape is not above 0.

    See Also
    --------
    GeneralizedGaussianNLL : The same as a module of torch, for ensembles.
    skweight.quantile.GeneralizedGaussianLinearRegressor : Minimises it.

    Notes
    -----
    For a scale :math:`a` and a shape :math:`b` it is

    .. math:: (|e| / a)^b + \log(2 a) - \log b + \log \Gamma(1 / b) ,

    the negative of ``scipy.stats.gennorm.logpdf(error, shape, scale=scale)``.

    References
    ----------
    .. [1] S. Kim, J. Lee, N. Cho, S. Han and W. Hwang, "Generalized Gaussian Temporal Difference
       Error for Uncertainty-aware Reinforcement Learning", 2024, arXiv 2408.02295.

    Examples
    --------
    >>> from skweight.losses import ggd_nll
    >>> ggd_nll([0.0, 1.0, 3.0], scale=1.0, shape=1.0).round(4)
    array([0.6931, 1.6931, 3.6931])
    """
    error, scale, shape = (np.asarray(part, dtype=np.float64) for part in (error, scale, shape))
    for name, part in (("scale", scale), ("shape", shape)):
        if not (part > 0).all():
            raise ValueError(
                f"{name} must be above 0 everywhere, got a least value of {part.min()}."
            )
    return (np.abs(error) / scale) ** shape + np.log(2 * scale / shape) + gammaln(1 / shape)


def batch_inverse_error_variance_weights(
    errors, min_effective_size=16, estimator="mbbe", sample_weight=None
):
    r"""Weight the rows of a batch by how well the members of an ensemble agree on their errors.

    A weight is the inverse of the variance of the row's errors over members, plus a number that
    keeps a few rows from having all the weight [1]_.

    Parameters
    ----------
    errors : array-like of shape (n_samples, n_members)
        Errors of at least 2 members.
    min_effective_size : float, default=16
        Rows that the weights must be worth, at least 1; at most the rows that there are, less one.
    estimator : {"mbbe", "sample"}, default="mbbe"
        How a variance is estimated: with the least mean squared error among multiples of the sample
        variance, which depends on the kurtosis of the row's errors, or by the sample variance. With
        less than 4 members, which have no kurtosis, both are the second.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights of the rows, at least 0. None means 1 for all.

    Returns
    -------
    ndarray of shape (n_samples,)
        Weights that sum to 1.

    Raises
    ------
    ValueError
        If there are less than 2 members, or an argument is not as described.

    See Also
    --------
    GeneralizedGaussianNLL : The loss that a mean with these weights is added to.

    Notes
    -----
    With weights :math:`s_t` of rows and variances :math:`v_t`, weights are

    .. math:: w_t = \frac{s_t u_t}{\sum_i s_i u_i}, \qquad u_t = \frac{1}{v_t + \xi},

    with the least :math:`\xi \ge 0` for which :math:`(\sum_t s_t u_t)^2 / \sum_t s_t u_t^2`, the
    effective number of rows, reaches `min_effective_size`, or :math:`\sum_t s_t - 1` where that is
    less. For equal rows of weight 1 the effective number is their number, and an integer weight
    counts as so many rows. The estimate "mbbe" is

    .. math:: v_t = \frac{S_t^2}{\kappa_t / n + (n + 1) / (n - 1)}

    with the sample variance :math:`S_t^2` and the unbiased excess kurtosis :math:`\kappa_t` of the
    errors of :math:`n` members. Variances below a millionth of their mean count as that.

    References
    ----------
    .. [1] S. Kim, J. Lee, N. Cho, S. Han and W. Hwang, "Generalized Gaussian Temporal Difference
       Error for Uncertainty-aware Reinforcement Learning", 2024, arXiv 2408.02295.

    Examples
    --------
    >>> from skweight.losses import batch_inverse_error_variance_weights
    >>> errors = [[0.0, 0.1], [0.1, 0.0], [1.0, 2.0], [-2.0, 2.0]]
    >>> weights = batch_inverse_error_variance_weights(errors, min_effective_size=3)
    >>> weights.round(3), (1 / (weights**2).sum()).round(3).item()
    (array([0.378, 0.378, 0.215, 0.028]), 3.0)
    """
    errors = check_array(errors, dtype=np.float64, input_name="errors")
    if errors.shape[1] < 2:
        raise ValueError(
            f"errors must have a column for each of 2 members at least, got shape {errors.shape}."
        )
    if estimator not in ESTIMATORS:
        raise ValueError(f"estimator must be one of {ESTIMATORS}, got {estimator!r}.")
    if not min_effective_size >= 1:
        raise ValueError(f"min_effective_size must be at least 1, got {min_effective_size!r}.")
    weight = check_sample_weight(sample_weight, errors)
    return agreement_weights(errors, min_effective_size, estimator, weight)


def agreement_weights(errors, min_effective_size, estimator, weight):
    """Return the weights of rows with valid errors (n, members) and weights (n,)."""
    largest = np.abs(errors).max()
    if not 0 < largest < np.inf:  # nothing to compare; what is not finite shows in the loss
        return weight / weight.sum()
    variance = member_variances(errors / largest, estimator)
    mean = weight @ variance / weight.sum()
    if mean == 0:  # nobody disagrees
        return weight / weight.sum()
    variance = np.maximum(variance / mean, _LEAST_VARIANCE)
    shares = weight / (variance + _offset(variance, weight, min_effective_size))
    return shares / shares.sum()


def member_variances(errors, estimator):
    """Return estimates of the variances of errors (n, members) over the members."""
    n = errors.shape[1]
    squares = (errors - errors.mean(axis=1, keepdims=True)) ** 2
    second = squares.mean(axis=1)
    sample = second * n / (n - 1)
    if estimator == "sample" or n < 4:  # a kurtosis needs four numbers
        return sample
    # Of squares in units of their mean, which neither overflow nor vanish where errors are small.
    parts = np.divide(squares.T, second, out=np.ones(errors.T.shape), where=second > 0)
    kurtosis = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * ((parts**2).mean(axis=0) - 3) + 6)
    kurtosis[second == 0] = 0  # it has none
    return sample / (kurtosis / n + (n + 1) / (n - 1))  # by at least 1 / 6


def _offset(variance, weight, min_effective_size):
    """Return the least number, added to the variances, with which the weights are worth enough."""
    total = weight.sum()
    wanted = min(total - 1, min_effective_size)

    def missing(offset):
        inverse = 1 / (variance + offset)
        shares = weight * inverse
        return wanted - shares.sum() ** 2 / (shares @ inverse)

    if wanted <= 0 or missing(0.0) <= 0:
        return 0.0
    # At a ratio r of the largest to the smallest sum, the effective size is at least
    # 4 r / (1 + r)^2 of the total (Kantorovich); this r makes it what is wanted.
    room = total / wanted - 1
    ratio = 1 + 2 * room + 2 * np.sqrt(room * (room + 1))
    seen = variance[weight > 0]
    enough = (seen.max() - ratio * seen.min()) / (ratio - 1)
    return brentq(missing, 0.0, 2 * enough, xtol=1e-300, rtol=1e-15, maxiter=200)
