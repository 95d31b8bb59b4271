"""A permutation test of independence."""

from dataclasses import dataclass
from numbers import Integral

import numpy as np
from sklearn.utils import check_random_state

from skweight.fairness._dependence import _check, _check_statistic, _named
from skweight.fairness._penalty import DependencePenalty


@dataclass(frozen=True)
class IndependenceTest:
    """Hold the outcome of `independence_test`.

    The p value counts the rows as they are among the permutations, so it is never 0.

    Parameters
    ----------
    statistic : float
        The squared distance covariance of the rows as they are.
    p_value : float
        The share of permutations, the rows as they are among them, with a statistic at least as
        large; never 0.
    permuted : ndarray of shape (n_permutations,)
        The statistics after permuting.

    See Also
    --------
    independence_test : Where it comes from.

    Examples
    --------
    >>> import numpy as np
    >>> from skweight.fairness import IndependenceTest
    >>> IndependenceTest(0.5, 0.25, np.array([0.1, 0.2, 0.6]))
    IndependenceTest(statistic=0.5, p_value=0.25, n_permutations=3)
    """

    statistic: float
    p_value: float
    permuted: np.ndarray

    def __repr__(self):
        return (
            f"IndependenceTest(statistic={self.statistic:.6g}, p_value={self.p_value:.6g}, "
            f"n_permutations={len(self.permuted)})"
        )


def independence_test(
    y,
    blocks,
    *,
    statistic="V",
    n_permutations=999,
    groups=None,
    sample_weight=None,
    random_state=None,
):
    """Test whether a variable is independent of attributes jointly, by permutations.

    The attributes stay together, so they may depend on each other. The test is valid on rows that
    were not used to fit: predictions for training rows were tuned towards independence.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        A variable, such as predictions for new rows.
    blocks : list of array-like of shape (n_samples,) or (n_samples, n_columns)
        The attributes, as numbers; a nominal one is a block of indicators.
    statistic : {"V", "U"}, default="V"
        Of the concatenated distance covariance.
    n_permutations : int, default=999
        Number of permutations, at least 1. The smallest p value is one over one more.
    groups : array-like of shape (n_samples,) or None, default=None
        Permute within these groups only, where rows of different ones cannot be exchanged.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Whole numbers: how often each row is there.
    random_state : int, RandomState instance or None, default=None
        Seed of the permutations.

    Returns
    -------
    IndependenceTest
        With `statistic`, `p_value` and `permuted`.

    Raises
    ------
    ValueError
        If weights are not whole, or the input is as `concatenated_distance_covariance` refuses it.

    See Also
    --------
    concatenated_distance_covariance : The statistic.

    References
    ----------
    .. [1] G. J. Szekely, M. L. Rizzo and N. K. Bakirov, "Measuring and Testing Dependence by
       Correlation of Distances", Annals of Statistics, 35(6), 2007.

    Examples
    --------
    >>> import numpy as np
    >>> from skweight.fairness import independence_test
    >>> rng = np.random.default_rng(0)
    >>> age = rng.uniform(20, 80, size=300)
    >>> independence_test((age - 50) ** 2, [age], n_permutations=99, random_state=0).p_value
    0.01
    """
    y, blocks, weight = _check(y, _named(blocks), sample_weight, 0.0)
    whole = isinstance(n_permutations, Integral) and not isinstance(n_permutations, bool)
    if not (whole and n_permutations >= 1):
        raise ValueError(f"n_permutations must be an integer of at least 1, got {n_permutations}.")
    rows = _repeated(weight, len(y))
    members = _members(groups, len(y))
    if rows is not None:
        y, blocks, members = y[rows], [block[rows] for block in blocks], members[rows]
    penalty = DependencePenalty(blocks, statistic=_check_statistic(statistic))
    rng = check_random_state(random_state)
    order = np.argsort(y, kind="stable")
    z, members = y[order], members[order]
    positions = [np.flatnonzero(members == member) for member in np.unique(members)]
    observed = penalty.value_of_sorted(z, order)
    permuted = np.empty(n_permutations)
    for b in range(n_permutations):
        shuffled = order.copy()
        for group in positions:
            shuffled[group] = order[rng.permutation(group)]
        permuted[b] = penalty.value_of_sorted(z, shuffled)
    # Equal up to rounding is equal, of what the statistic can be: it may be 0 but for rounding.
    slack = 1e-12 * max(abs(observed), np.abs(permuted).max())
    reached = (permuted >= observed - slack).sum()
    return IndependenceTest(observed, float((1 + reached) / (n_permutations + 1)), permuted)


def _repeated(weight, n):
    """Return the rows, each as often as it is there, or None where each is there once."""
    if weight is None:
        return None
    if (weight != np.round(weight)).any():
        raise ValueError(
            "sample_weight must hold whole numbers, since a permutation exchanges rows, got "
            f"{weight[weight != np.round(weight)][0]:g}."
        )
    return np.repeat(np.arange(n), weight.astype(int))


def _members(groups, n):
    if groups is None:
        return np.zeros(n, dtype=int)
    groups = np.asarray(groups)
    if groups.shape != (n,):
        raise ValueError(f"groups must have the shape ({n},), got {groups.shape}.")
    return np.unique(groups, return_inverse=True)[1].reshape(-1)
