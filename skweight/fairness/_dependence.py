"""Distance covariance of predictions and attributes as functions of arrays, with gradients."""

import warnings

import numpy as np
from sklearn.utils import check_array

from skweight._core._sklearn_compat import check_sample_weight
from skweight.fairness._penalty import DependencePenalty


def distance_covariance(
    y, s, *, statistic="V", squared=True, sample_weight=None, smoothing=0.0, return_gradient=False
):
    """Measure how much a variable depends on an attribute, numeric or encoded in several columns.

    The squared distance covariance is 0 in the population exactly where the two are independent,
    whatever the form of the dependence. It costs O(n log n) for one numeric attribute, O(n K) for
    attributes with K distinct rows, and otherwise O(n^2) time and O(n) memory.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        A variable, such as predictions.
    s : array-like of shape (n_samples,) or (n_samples, n_columns)
        The attribute, as numbers; rows are compared by Euclidean distance.
    statistic : {"V", "U"}, default="V"
        V is biased upwards and never negative, U is unbiased and can be negative.
    squared : bool, default=True
        False returns the root, of V only and without a gradient.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        How often each row counts, at least 0. Integer weights are repeated rows. V does not change
        when all are multiplied; U does, so there they must be frequencies.
    smoothing : float, default=0.0
        Half-width, in units of y and at least 0, of the interval around 0 in which the absolute
        difference of two values of y is replaced by a parabola (Huber's function).
    return_gradient : bool, default=False
        Whether to return the derivative for each y as well.

    Returns
    -------
    value : float
        The squared distance covariance, in units of y times units of s.
    gradient : ndarray of shape (n_samples,)
        Only with `return_gradient`. Exact; where values of y tie, the mean of the one-sided
        derivatives.

    Raises
    ------
    ValueError
        If y has more than one column, lengths differ, U is asked for with weights of at most 3 in
        sum, or the root with U or a gradient.

    Warns
    -----
    UserWarning
        If U meets weights that are not whole.

    See Also
    --------
    distance_correlation : The same without units.
    concatenated_distance_covariance : Several attributes and their intersections.
    independence_test : A p value.

    References
    ----------
    .. [1] G. J. Szekely, M. L. Rizzo and N. K. Bakirov, "Measuring and Testing Dependence by
       Correlation of Distances", Annals of Statistics, 35(6), 2007.

    Examples
    --------
    >>> import numpy as np
    >>> from skweight.fairness import distance_covariance
    >>> s = np.linspace(-1, 1, 101)
    >>> y = s**2  # not correlated with s
    >>> round(distance_covariance(y, s), 4)
    0.0229
    >>> value, gradient = distance_covariance(y, s, return_gradient=True)
    >>> gradient.shape
    (101,)
    """
    y, blocks, weight = _check(y, {"s": s}, sample_weight, smoothing)
    penalty = _once(blocks, weight, statistic=_check_statistic(statistic))
    return _answer(penalty, y, smoothing, squared, return_gradient)


def distance_correlation(
    y, s, *, statistic="V", squared=True, sample_weight=None, smoothing=0.0, return_gradient=False
):
    """Measure dependence without units: squared distance covariance over distance variances.

    It is 0 in the population exactly where the two are independent, and 1 where one is a linear
    function of the other.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        A variable, such as predictions.
    s : array-like of shape (n_samples,) or (n_samples, n_columns)
        The attribute, as numbers; rows are compared by Euclidean distance.
    statistic : {"V", "U"}, default="V"
        V is biased upwards and never negative, U is nearly unbiased and can be negative.
    squared : bool, default=True
        True returns the ratio of squared quantities, False its root, of V only and without a
        gradient.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        How often each row counts, at least 0, as in `distance_covariance`.
    smoothing : float, default=0.0
        As in `distance_covariance`; it applies to the covariance, not to the variances.
    return_gradient : bool, default=False
        Whether to return the derivative for each y as well.

    Returns
    -------
    value : float
        At most 1, and 0 where y or s is constant.
    gradient : ndarray of shape (n_samples,)
        Only with `return_gradient`; 0 where y is constant.

    Raises
    ------
    ValueError
        As in `distance_covariance`.

    Warns
    -----
    UserWarning
        If U meets weights that are not whole.

    See Also
    --------
    distance_covariance : The same with units.

    References
    ----------
    .. [1] G. J. Szekely, M. L. Rizzo and N. K. Bakirov, "Measuring and Testing Dependence by
       Correlation of Distances", Annals of Statistics, 35(6), 2007.

    Examples
    --------
    >>> import numpy as np
    >>> from skweight.fairness import distance_correlation
    >>> s = np.linspace(-1, 1, 101)
    >>> round(distance_correlation(3 * s + 2, s), 6)
    1.0
    >>> round(distance_correlation(s**2, s), 3)
    0.242
    """
    y, blocks, weight = _check(y, {"s": s}, sample_weight, smoothing)
    statistic = _check_statistic(statistic)
    penalty = _once(blocks, weight, statistic=statistic, normalize=True)
    return _answer(penalty, y, smoothing, squared, return_gradient)


def concatenated_distance_covariance(
    y, blocks, *, statistic="V", sample_weight=None, smoothing=0.0, return_gradient=False
):
    """Measure how much a variable depends on several attributes and on their intersections.

    This is the squared distance covariance with all columns of all attributes concatenated
    (CCdCov). It is 0 in the population exactly where y is independent of the attributes jointly.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        A variable, such as predictions.
    blocks : list of array-like of shape (n_samples,) or (n_samples, n_columns)
        The attributes, as numbers; a nominal one is a block of indicators. Their scales decide how
        much each counts.
    statistic : {"V", "U"}, default="V"
        V is biased upwards and never negative, U is unbiased and can be negative.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        How often each row counts, at least 0, as in `distance_covariance`.
    smoothing : float, default=0.0
        As in `distance_covariance`.
    return_gradient : bool, default=False
        Whether to return the derivative for each y as well.

    Returns
    -------
    value : float
        The squared distance covariance.
    gradient : ndarray of shape (n_samples,)
        Only with `return_gradient`.

    Raises
    ------
    ValueError
        As in `distance_covariance`.

    Warns
    -----
    UserWarning
        If more than 20 000 rows have more than 2 000 distinct combinations of attributes: all
        pairs of rows are visited, and the warning says how long that takes. If U meets weights
        that are not whole.

    See Also
    --------
    joint_distance_covariance : Mutual independence, with a term for each subset of attributes.

    References
    ----------
    .. [1] H. M. Lee, K. Antonio, B. Avanzi, L. Marchi and R. Zhou, "Machine Learning with Multitype
       Protected Attributes: Intersectional Fairness through Regularisation", arXiv 2509.08163,
       2025.

    Examples
    --------
    >>> import numpy as np
    >>> from skweight.fairness import concatenated_distance_covariance, distance_covariance
    >>> a, b = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    >>> y = a ^ b  # depends on neither, only on both
    >>> distance_covariance(y, a) + distance_covariance(y, b)
    0.0
    >>> round(concatenated_distance_covariance(y, [a, b]), 5)
    0.07322
    """
    y, blocks, weight = _check(y, _named(blocks), sample_weight, smoothing)
    penalty = _once(blocks, weight, statistic=_check_statistic(statistic))
    return _answer(penalty, y, smoothing, True, return_gradient)


def joint_distance_covariance(
    blocks, c=1.0, *, statistic="V", sample_weight=None, smoothing=0.0, return_gradient=False
):
    """Measure how far several variables are from mutual independence (JdCov).

    Expanded, it holds the squared distance covariance of every pair of blocks and a term for every
    larger subset. Pairs of attributes are among them, so it does not go to 0 where attributes
    depend on each other.

    Parameters
    ----------
    blocks : list of array-like of shape (n_samples,) or (n_samples, n_columns)
        First the variable, such as predictions, in one column, then the attributes as numbers.
    c : float, default=1.0
        Above 0, in units of a distance: pairs count ``c**(d - 2)`` for d blocks, triples
        ``c**(d - 3)`` and so on.
    statistic : {"V", "U"}, default="V"
        V is biased upwards and never negative. U is unbiased for two blocks, nearly so for more,
        and can be negative.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        How often each row counts, at least 0, as in `distance_covariance`.
    smoothing : float, default=0.0
        As in `distance_covariance`, for the first block.
    return_gradient : bool, default=False
        Whether to return the derivative for each value of the first block as well.

    Returns
    -------
    value : float
        The squared joint distance covariance.
    gradient : ndarray of shape (n_samples,)
        Only with `return_gradient`.

    Raises
    ------
    ValueError
        As in `distance_covariance`, or if there are fewer than two blocks or c is not above 0.

    Warns
    -----
    UserWarning
        As in `concatenated_distance_covariance`.

    See Also
    --------
    concatenated_distance_covariance : Independence of the first block from all others.

    References
    ----------
    .. [1] S. Chakraborty and X. Zhang, "Distance Metrics for Measuring Joint Dependence with
       Application to Causal Inference", Journal of the American Statistical Association, 114(528),
       2019.

    Examples
    --------
    >>> import numpy as np
    >>> from skweight.fairness import joint_distance_covariance
    >>> a, b = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    >>> joint_distance_covariance([a ^ b, a, b])  # any two of them are independent
    0.125
    """
    blocks = _listed(blocks)
    if len(blocks) < 2:
        raise ValueError(
            f"blocks must hold the variable and at least one attribute, got {len(blocks)} block(s)."
        )
    y, others, weight = _check(
        blocks[0], _named(blocks[1:], 1), sample_weight, smoothing, "blocks[0]"
    )
    statistic = _check_statistic(statistic)
    penalty = _once(others, weight, measure="jdcov", statistic=statistic, c=c)
    return _answer(penalty, y, smoothing, True, return_gradient)


def _listed(blocks):
    """Return blocks as a list; rows of an array or names of a frame are no attributes."""
    if not isinstance(blocks, (list, tuple)):
        raise ValueError(
            f"blocks must be a list with one array for each attribute, got {type(blocks).__name__}."
        )
    return list(blocks)


def _named(blocks, first=0):
    blocks = _listed(blocks)
    if not blocks:
        raise ValueError("blocks must hold at least one attribute, got none.")
    return {f"blocks[{first + k}]": block for k, block in enumerate(blocks)}


def _check(y, blocks, sample_weight, smoothing, y_name="y"):
    """Return y, the blocks and the weights as float arrays, or say what is wrong."""
    y = np.asarray(y)
    if y.ndim != 1 and not (y.ndim == 2 and y.shape[1] == 1):
        raise ValueError(f"{y_name} must have one dimension, got the shape {y.shape}.")
    y = check_array(y.reshape(-1), ensure_2d=False, dtype=np.float64, input_name=y_name)
    checked = []
    for name, block in blocks.items():
        block = check_array(block, ensure_2d=False, dtype=np.float64, input_name=name)
        checked.append(block[:, None] if block.ndim == 1 else block)
        if len(block) != len(y):
            raise ValueError(
                f"{name} must have as many rows as {y_name}, {len(y)}, got {len(block)}."
            )
    if not 0 <= smoothing < np.inf:
        raise ValueError(f"smoothing must be at least 0 and finite, got {smoothing}.")
    if sample_weight is None:
        return y, checked, None
    if np.shape(sample_weight) != y.shape:
        raise ValueError(
            f"sample_weight must have the shape {y.shape}, got {np.shape(sample_weight)}."
        )
    return y, checked, check_sample_weight(sample_weight, y)


def _check_statistic(statistic):
    if statistic not in ("V", "U"):
        raise ValueError(f"statistic must be 'V' or 'U', got {statistic!r}.")
    return statistic


def _once(blocks, weight, **options):
    """Return a penalty for one evaluation: a matrix of nearly all rows would not pay."""
    most = max(256, min(2000, len(blocks[0]) // 2))
    return DependencePenalty(blocks, weight, max_cells=most, **options)


def _answer(penalty, y, smoothing, squared, return_gradient):
    if not squared and (penalty.statistic == "U" or return_gradient):
        raise ValueError(
            "squared=False is the root, which is there for statistic='V' without a gradient only: "
            "want squared=True."
        )
    if penalty.statistic == "U" and (penalty.weight % 1).any():
        warnings.warn(
            "statistic='U' takes weights as frequencies, and some are not whole numbers: pass "
            "frequencies, or statistic='V', which needs only ratios.",
            UserWarning,
            stacklevel=3,
        )
    value, gradient = penalty.value_and_gradient(y, float(smoothing))
    value += penalty.constant
    if penalty.statistic == "V" and smoothing == 0:
        value = max(value, 0.0)  # below by rounding alone
    if not squared:
        return float(np.sqrt(max(value, 0.0)))
    return (value, gradient) if return_gradient else value
