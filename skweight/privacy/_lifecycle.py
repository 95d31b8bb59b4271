"""The life of a private estimator: add up integers of rows, add noise once, forget the rows.

A subclass says what is public, how rows become integers, which noise goes onto which sum, and what
to make of the noisy sums. Everything that touches rows or randomness goes through this file.
"""

import math
import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data
from skweight.privacy._accounting import PrivacyAccountant, PrivacySpent

from skweight._core._sklearn_compat import Interval, StrOptions, _fit_context
from skweight.privacy._exceptions import PrivacyLeakWarning
from skweight.privacy._noise import noise_source

# Constraints of the parameters that every private estimator has.
SHARED_CONSTRAINTS = {
    "epsilon": [Interval(Real, 0, None, closed="neither")],
    "delta": [Interval(Real, 0, 1, closed="left")],
    "bounds": ["array-like", None],
    "adjacency": [StrOptions({"add_remove", "replace"})],
    "n_hint": [Interval(Integral, 1, None, closed="left")],
    "accountant": [PrivacyAccountant, None],
    "compute_dtype": [StrOptions({"float64", "float32"})],
    "nonfinite": [StrOptions({"error", "clip"})],
    "random_state": ["random_state"],
}


class Accumulator:
    """Sums of integers of private rows. This is raw data: it is released with noise, or not at all.

    Parameters
    ----------
    schema : dict
        All that must agree before two of them may be added: names and hashable values.
    arrays : dict of ndarray of int64
        The sums.
    blocks : iterable of hashable, default=()
        Names of the blocks of rows that are in it.
    """

    def __init__(self, schema, arrays, blocks=()):
        self.schema = dict(schema)
        self.arrays = {name: np.asarray(array, dtype=np.int64) for name, array in arrays.items()}
        self.blocks = frozenset(blocks)

    def add(self, other):
        """Add the sums of other rows in place."""
        for name in [*self.schema, *other.schema]:
            if self.schema.get(name) != other.schema.get(name):
                raise ValueError(
                    f"{name} must be the same in what is merged, got {other.schema.get(name)!r} "
                    f"where {self.schema.get(name)!r} is wanted."
                )
        both = self.blocks & other.blocks
        if both:
            raise ValueError(
                f"block_id must name rows that are not in yet, got {min(map(repr, both))} a second "
                "time: a row that is counted twice has twice the influence."
            )
        for name, array in self.arrays.items():
            array += other.arrays[name]
        self.blocks |= other.blocks
        return self

    def wipe(self):
        """Overwrite the sums with zeros."""
        for array in self.arrays.values():
            array[...] = 0
        self.arrays = {}

    def __reduce__(self):
        warnings.warn(
            "An accumulator that was not released is raw private data, and so is its pickle: "
            "send it to nobody who may not see the rows.",
            PrivacyLeakWarning,
            stacklevel=2,
        )
        return Accumulator, (self.schema, self.arrays, self.blocks)

    def __repr__(self):
        return "Accumulator(unreleased)"


class Public:
    """What a release is made of besides rows: nothing in it may depend on them.

    Parameters
    ----------
    schema : dict
        What must agree for a merge.
    reasons : tuple of str, default=()
        Why it does depend on rows after all, as where bounds were taken from them.
    **values
        Anything else that the subclass needs, as attributes.
    """

    def __init__(self, schema, reasons=(), **values):
        self.schema = schema
        self.reasons = tuple(reasons)
        self.__dict__.update(values)


class PrivateEstimator(BaseEstimator):
    """Release noisy sums over private rows once, and answer from them ever after.

    Subclasses implement `_public`, `_accumulate`, `_mechanisms` and `_finish`.
    """

    # ------------------------------------------------------------ hooks

    def _public(self, X, y):
        """Return a `Public` made from parameters; X only where bounds are missing."""
        raise NotImplementedError

    def _accumulate(self, public, X, y):
        """Return a dict of int64 arrays, sums over rows of integers of each row alone."""
        raise NotImplementedError

    def _mechanisms(self, public):
        """Return a dict of functions (array, source) -> noisy array, one for each sum."""
        raise NotImplementedError

    def _finish(self, public, noisy):
        """Make what queries need from the noisy sums, and set it as fitted attributes."""
        raise NotImplementedError

    def _check_public_parameters(self):
        """Raise where parameters mean nothing together; a subclass extends it."""
        if not math.isfinite(self.epsilon):
            raise ValueError(f"epsilon must be finite, got {self.epsilon}.")
        if self.delta >= 1 / self.n_hint and self.delta > 0:
            warnings.warn(
                f"delta={self.delta:g} is at least 1 / n_hint: that allows publishing some row as "
                "it is. Want a delta well below one over the number of rows.",
                UserWarning,
                stacklevel=3,
            )

    # ------------------------------------------------------------ life

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Add up private rows, add noise and release the sums.

        The budget is spent before a row is read, and stays spent if fitting fails.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Private rows; values outside `bounds` count as the nearest bound.
        y : array-like of shape (n_samples,) or None, default=None
            Private labels, for classifiers.

        Returns
        -------
        estimator
            The fitted estimator, which holds noisy sums and no rows.

        Raises
        ------
        ValueError
            If a parameter means nothing, or the input is not finite.
        BudgetExceededError
            If `accountant` has less left than `epsilon` and `delta`.

        Warns
        -----
        PrivacyLeakWarning
            If bounds are taken from the rows, or the noise is seeded.
        """
        self._check_public_parameters()
        self._reserve()
        self._forget()
        self._start(X, y)
        self._release()
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, *, block_id=None):
        """Add up more private rows; nothing is spent or can be queried before `release`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Private rows, each of them in one call only.
        y : array-like of shape (n_samples,) or None, default=None
            Private labels, for classifiers.
        block_id : hashable or None, default=None
            A name of these rows: a second block of that name is refused, also by `merge`.

        Returns
        -------
        estimator
            Itself, holding raw sums until `release`.

        Raises
        ------
        ValueError
            If it has been released, or a block comes twice.
        """
        self._refuse_after_release("partial_fit")
        self._check_public_parameters()
        blocks = () if block_id is None else (block_id,)
        self._start(X, y, blocks)
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
        """
        self._refuse_after_release("merge")
        if type(other) is not type(self) or getattr(other, "_accumulator", None) is None:
            raise ValueError(
                f"other must be a {type(self).__name__} with rows that were not released."
            )
        if getattr(self, "_accumulator", None) is None:
            raise ValueError("merge needs an estimator that has rows: call partial_fit first.")
        for estimator in (self, other):
            if estimator._frozen.reasons:
                raise ValueError(
                    "merge needs public bounds, got an estimator that took them from its rows."
                )
        self._accumulator.add(other._accumulator)
        other._accumulator.wipe()
        other._accumulator = other._frozen = None
        return self

    def release(self):
        """Add noise to the sums, once, and forget them.

        Returns
        -------
        estimator
            Itself, ready for queries.

        Raises
        ------
        ValueError
            If there is nothing to release.
        BudgetExceededError
            If `accountant` has less left than `epsilon` and `delta`.
        """
        if getattr(self, "_accumulator", None) is None:
            raise ValueError(
                "release needs rows that were not released yet: call partial_fit first."
            )
        self._check_public_parameters()
        self._reserve()
        self._release()
        return self

    # ------------------------------------------------------------ inside

    def _reserve(self):
        if self.accountant is not None:
            self.accountant.reserve(self.epsilon, self.delta, label=type(self).__name__)

    def _forget(self):
        """Drop what an earlier fit left."""
        for name in [name for name in vars(self) if name.endswith("_") or name == "_accumulator"]:
            if not name.startswith("__"):
                delattr(self, name)
        self._accumulator = self._frozen = None

    def _start(self, X, y, blocks=()):
        first = getattr(self, "_accumulator", None) is None
        X, y = self._checked(X, y, reset=first)
        if first:
            self._frozen = self._public(X, y)
        accumulator = Accumulator(
            {**self._shared_schema(), **self._frozen.schema},
            self._accumulate(self._frozen, X, y),
            blocks,
        )
        if first:
            self._accumulator = accumulator
        else:
            self._accumulator.add(accumulator)
            accumulator.wipe()

    def _checked(self, X, y, reset):
        """Return checked rows; what is said about them names none."""
        finite = self.nonfinite == "error"
        X = validate_data(
            self, X, dtype=[np.float64, np.float32], reset=reset, ensure_all_finite=finite
        )
        return X, y

    def _shared_schema(self):
        names = ("epsilon", "delta", "adjacency", "n_hint", "compute_dtype", "nonfinite")
        return {
            "class": type(self).__name__,
            "n_features": self.n_features_in_,
            **{name: getattr(self, name) for name in names},
        }

    def _release(self):
        public, accumulator = self._frozen, self._accumulator
        source, valid = noise_source(self.random_state)
        noisy = {}
        for name, add_noise in self._mechanisms(public).items():
            noisy[name] = add_noise(accumulator.arrays[name], source)
        accumulator.wipe()
        self._accumulator = self._frozen = None
        reasons = public.reasons + (() if valid else ("random_state seeds the noise",))
        self.privacy_spent_ = PrivacySpent(
            epsilon=float(self.epsilon),
            delta=float(self.delta) + getattr(public, "extra_delta", 0.0),
            adjacency=self.adjacency,
            mechanism=public.mechanism,
            valid=not reasons,
            reasons=reasons,
        )
        self._finish(public, noisy)

    def _refuse_after_release(self, method):
        if hasattr(self, "privacy_spent_"):
            raise ValueError(
                f"{method} needs an estimator that was not released: the rows of this one are "
                "gone. A new one, or fit, starts again and spends again."
            )

    def _check_released(self):
        if getattr(self, "_accumulator", None) is not None:
            raise ValueError("This estimator holds raw sums: call release before any query.")
        check_is_fitted(self, "privacy_spent_")
