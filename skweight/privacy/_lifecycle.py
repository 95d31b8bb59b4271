"""The life of a private estimator: add up integers of rows, add noise once, forget the rows.

Everything that touches rows or randomness goes through this file and its steps.
"""

from skweight._core._sklearn_compat import _fit_context
from skweight.privacy._accumulator import Accumulator
from skweight.privacy._lifecycle_steps import (
    SHARED_CONSTRAINTS,
    WEIGHT_CONSTRAINT,
    WEIGHT_UNITS,
    PrivateSteps,
    Public,
    n_columns,
    unless_released,
)

__all__ = [
    "SHARED_CONSTRAINTS",
    "WEIGHT_CONSTRAINT",
    "WEIGHT_UNITS",
    "Accumulator",
    "PrivateEstimator",
    "Public",
]


class PrivateEstimator(PrivateSteps):
    """Release noisy sums over private rows once, and answer from them ever after.

    Subclasses implement `_public`, `_accumulate`, `_mechanisms` and `_finish`, and may override
    `_cost`, `_needs_rows`, `_check_public_parameters` and `_checked` (all in `_lifecycle_steps`).
    One that has a parameter `max_weight` takes `sample_weight`. A query begins with
    ``self._check_released()``, and answers from fitted attributes alone, never from parameters.
    """

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, **params):
        """Add up private rows, add noise and release the sums.

        The budget is spent before a row is read, and stays spent if fitting fails.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Private rows; values outside `bounds` count as the nearest bound.
        y : array-like of shape (n_samples,) or None, default=None
            Private labels, for classifiers; ignored by others.
        **params : dict
            Metadata: `sample_weight`, private weights of shape (n_samples,), which need the public
            parameter `max_weight`.

        Returns
        -------
        estimator
            The fitted estimator, which holds noisy sums and no rows.

        Raises
        ------
        ValueError
            If a parameter means nothing, or the input is not finite.
        BudgetExceededError
            If `accountant` has less left than the release costs.

        Warns
        -----
        PrivacyLeakWarning
            If bounds are taken from the rows, or the noise is seeded.

        See Also
        --------
        partial_fit : Add up rows that come in blocks.
        release : Release what was added up.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.privacy import PrivateDistanceSum
        >>> X = np.random.default_rng(0).uniform(size=(1000, 2))
        >>> PrivateDistanceSum(epsilon=1.0, bounds=(0, 1)).fit(X).n_features_in_
        2
        """
        unknown = params.keys() - {"sample_weight"}
        if unknown:
            raise TypeError(f"fit takes sample_weight besides X and y, got {min(unknown)!r}.")
        self._check_public_parameters()
        weight = params.get("sample_weight")
        self._check_weights_allowed(weight)
        self._reserve(n_columns(X))
        self._forget()
        self._start(X, y, weight)
        self._release()
        return self

    @unless_released
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, *, sample_weight=None, block_id=None):
        """Add up more private rows; nothing is spent or can be queried before `release`.

        Until then the estimator holds raw sums, and its pickle or copy is raw private data. A
        parameter other than `accountant` and `random_state` must not change on the way.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Private rows. Pass each row once: passed twice, it has twice the influence that
            `epsilon` allows, and nothing notices.
        y : array-like of shape (n_samples,) or None, default=None
            Private labels, for classifiers; ignored by others.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Private weights, which need the public parameter `max_weight`.
        block_id : hashable or None, default=None
            A name of these rows: a second block of that name is refused, also by `merge`.

        Returns
        -------
        estimator
            Itself, holding raw sums until `release`.

        Raises
        ------
        ValueError
            If it has been released, a block comes twice, or a parameter changed.

        Warns
        -----
        PrivacyLeakWarning
            If bounds are taken from the rows, which are those of the first call.

        See Also
        --------
        merge : Add up what several estimators hold.
        release : Release what was added up.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.privacy import PrivateDistanceSum
        >>> rng = np.random.default_rng(0)
        >>> model = PrivateDistanceSum(epsilon=1.0, bounds=(0, 1))
        >>> for k in range(3):
        ...     model = model.partial_fit(rng.uniform(size=(1000, 2)), block_id=k)
        >>> model.release().distance_sum([[0.5, 0.5]]).shape
        (1,)
        """
        if self._holds_rows():
            self._check_unchanged()
        else:
            self._check_public_parameters()
        self._check_weights_allowed(sample_weight)
        try:
            blocks = frozenset(() if block_id is None else (block_id,))
        except TypeError:
            raise ValueError(f"block_id must be hashable, got {type(block_id).__name__}.") from None
        self._start(X, y, sample_weight, blocks)
        return self

    def merge(self, other):
        """Add the rows of another estimator that was not released either.

        Sums are integers, so they are the same to the bit in any order.

        Parameters
        ----------
        other : estimator
            One of the same class and parameters, with `partial_fit` rows; it loses them.

        Returns
        -------
        estimator
            Itself, with the rows of both.

        Raises
        ------
        ValueError
            If parameters differ, a block is in both, or either was released or has bounds that were
            taken from its rows.

        See Also
        --------
        partial_fit : Add up rows.
        release : Release what was added up.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.privacy import PrivateDistanceSum
        >>> rng = np.random.default_rng(0)
        >>> one, two = (
        ...     PrivateDistanceSum(bounds=(0, 1)).partial_fit(rng.uniform(size=(1000, 2)))
        ...     for _ in range(2)
        ... )
        >>> one.merge(two).release().n_features_in_
        2
        """
        self._refuse_after_release("merge")
        if type(other) is not type(self) or other is self or not other._holds_rows():
            raise ValueError(
                f"other must be another {type(self).__name__} with rows that were not released."
            )
        if not self._holds_rows():
            raise ValueError("merge needs an estimator that has rows: call partial_fit first.")
        for estimator in (self, other):
            estimator._check_unchanged()
            if estimator._frozen.reasons:
                raise ValueError("merge needs bounds, and all that is public, to be given.")
        names = [getattr(each, "feature_names_in_", None) for each in (self, other)]
        if all(part is not None for part in names) and list(names[0]) != list(names[1]):
            raise ValueError("feature_names_in_ must be the same in all that is added up.")
        self._accumulator.add(other._accumulator)
        other._drop_rows()
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def release(self):
        """Add noise to the sums, once, and forget them.

        The budget is spent here. Raw sums are overwritten; copies of them made elsewhere, as by
        pickling, are out of reach.

        Returns
        -------
        estimator
            Itself, ready for queries.

        Raises
        ------
        ValueError
            If there is nothing to release, or a parameter changed since the first rows came.
        BudgetExceededError
            If `accountant` has less left than the release costs.

        Warns
        -----
        PrivacyLeakWarning
            If the noise is seeded.

        See Also
        --------
        partial_fit : Add up rows.
        fit : Add up rows and release, in one step.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.privacy import PrivateDistanceSum
        >>> model = PrivateDistanceSum(epsilon=1.0, bounds=(0, 1))
        >>> model = model.partial_fit(np.random.default_rng(0).uniform(size=(1000, 2)))
        >>> model.release().privacy_spent_.epsilon
        1.0
        """
        self._refuse_after_release("release")
        if not self._holds_rows():
            raise ValueError("release needs rows: call partial_fit first.")
        self._check_unchanged()
        self._reserve(self.n_features_in_)
        self._release()
        return self
