"""The steps in the life of a private estimator: freeze what is public, add up, release, forget.

`_lifecycle` puts them together. A subclass says what is public, how rows become integers, which
noise goes onto which sum, and what to make of the noisy sums.
"""

import functools
import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from skweight._core._optional import import_optional
from skweight._core._sklearn_compat import Interval, StrOptions
from skweight.privacy._accounting import PrivacyAccountant, PrivacySpent
from skweight.privacy._accumulator import LARGEST_SUM, Accumulator, hashable
from skweight.privacy._noise import noise_source
from skweight.privacy._private_rows import integer_weights, private_rows

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

# That of `max_weight`, for those that take weights.
WEIGHT_CONSTRAINT = [Interval(Real, 0, None, closed="neither"), None]

# Parameters that change neither what is added up nor how much noise it gets.
_FREE = ("accountant", "random_state")

# What a row of the largest weight counts, where `max_weight` is given; without it, a row counts 1.
WEIGHT_UNITS = 1024


class Public:
    """What a release is made of besides rows: nothing in it may depend on them.

    It is pickled with an estimator that was not released, so it holds scales and no samplers.

    Parameters
    ----------
    schema : dict
        What must agree for a merge besides the parameters: names and hashable values.
    reasons : tuple of str, default=()
        Why it does depend on rows after all, as where bounds were taken from them.
    largest : int, default=1
        The largest magnitude that a row of weight 1 adds to any sum.
    **values
        Anything else that the subclass needs, as attributes.

    Attributes
    ----------
    parameters : dict
        The estimator's parameters when its first rows came, which rule until the release.
    units : int
        What a row counts at the most, by which every sensitivity is multiplied: 1, or
        `WEIGHT_UNITS` with `max_weight`.
    cost : tuple
        Epsilon, delta and the kind of noise, within the parameters.
    """

    def __init__(self, schema, reasons=(), largest=1, **values):
        self.schema = schema
        self.reasons = tuple(reasons)
        self.largest = largest
        self.__dict__.update(values)


class ReleasedError(ValueError, AttributeError):
    """Refuse to go on with an estimator that was released."""


class unless_released:
    """Take a method away from an estimator that was released, in words that say so.

    It is missing, rather than failing, because scikit-learn's tools try every ``partial_fit`` that
    there is.
    """

    def __init__(self, function):
        self._function = function
        functools.update_wrapper(self, function)

    def __get__(self, estimator, owner=None):
        if estimator is not None:
            estimator._refuse_after_release(self._function.__name__)
        return self._function.__get__(estimator, owner)


class PrivateSteps(BaseEstimator):
    """What a private estimator does behind its public methods, and the hooks of its subclasses."""

    # Weights are declared as metadata rather than in the signature of `fit`: who looks there, as
    # scikit-learn's ensembles do, would pass weights to an estimator that by default refuses them.
    __metadata_request__fit = {"sample_weight": None}

    # Sparse formats that a subclass takes.
    _accept_sparse = False

    # ---- hooks

    def _public(self, X, y):
        """Return a `Public` made from parameters; X only where bounds are missing."""
        raise NotImplementedError

    def _accumulate(self, public, X, y, **weight):
        """Return a dict of int64 arrays, sums over rows of integers of each row alone.

        With `max_weight` there is one keyword argument, ``weight``: an int64 for each row, from 0
        to ``public.units``, by which the row's integers are multiplied.
        """
        raise NotImplementedError

    def _mechanisms(self, public):
        """Return a dict of functions (array, source) -> noisy array, one for each sum.

        Together they must cost no more than ``public.cost``, with a row's influence multiplied by
        ``public.units``.
        """
        raise NotImplementedError

    def _draw(self, public, arrays, source):
        """Return the noisy sums by name; a subclass overrides it where they are not one to one."""
        mechanisms = self._mechanisms(public)
        return {name: add_noise(arrays[name], source) for name, add_noise in mechanisms.items()}

    def _finish(self, public, noisy):
        """Make what queries need from the noisy sums, and set it as fitted attributes."""
        raise NotImplementedError

    def _cost(self, n_features):
        """Return epsilon, delta and "laplace" or "gaussian": what a release costs.

        It is asked before a row is read: all it may depend on are parameters and the number of
        columns, which is None for rows that will be refused.
        """
        return self.epsilon, self.delta, "gaussian" if self.delta > 0 else "laplace"

    def _needs_rows(self):
        """Tell whether something public is missing, so that it is taken from rows."""
        return self.bounds is None

    def _check_public_parameters(self):
        """Raise where parameters mean nothing together; a subclass extends it."""
        if self.delta > 0 and self.delta >= 1 / self.n_hint:
            warnings.warn(
                f"delta={self.delta:g} is at least 1 / n_hint: that allows publishing some row as "
                "it is. Want a delta well below one over the number of rows.",
                UserWarning,
                stacklevel=4,
            )

    def _checked(self, X, y, reset):
        """Return checked rows; what is said about them tells nothing of any."""
        X = private_rows(
            self,
            X,
            reset=reset,
            finite=self.nonfinite == "error",
            accept_sparse=self._accept_sparse,
            min_samples=1 if self._needs_rows() else 0,
        )
        return X, y

    # ---- steps

    def _reserve(self, n_features):
        cost = self._cost(n_features)
        if self.random_state is None:  # rather fail now than after the budget is spent
            import_optional("cryptography", "private noise")
        if self.accountant is not None:
            name = type(self).__name__
            self.accountant.reserve(*cost, label=name, adjacency=self.adjacency)

    def _start(self, X, y, sample_weight, blocks=()):
        """Add up one block; the first one freezes what is public."""
        before = set(vars(self))
        try:
            self._add_block(X, y, sample_weight, blocks)
        finally:
            self._remember(before)

    def _add_block(self, X, y, sample_weight, blocks):
        first = not self._holds_rows()
        X, y = self._checked(X, y, reset=first)
        public = self._freeze(X, y) if first else self._frozen
        weight = {}
        if public.units > 1:
            finite = self.nonfinite == "error"
            weight["weight"] = integer_weights(
                sample_weight, X.shape[0], self.max_weight, public.units, finite=finite
            )
        if X.shape[0] * public.largest * public.units >= LARGEST_SUM:
            raise ValueError("X has too many rows for sums of 64 bits.")
        # Bounds are in the schema of the subclass, where a scalar is what it stands for.
        agreed = {name: value for name, value in public.parameters.items() if name != "bounds"}
        accumulator = Accumulator(
            {**agreed, "n_features": self.n_features_in_, **public.schema},
            self._accumulate(public, X, y, **weight),
            blocks,
        )
        if first:
            self._accumulator, self._frozen = accumulator, public
        else:
            self._accumulator.add(accumulator)
            accumulator.wipe()

    def _freeze(self, X, y):
        public = self._public(X, y)
        public.parameters = self._parameters()
        public.units = 1 if getattr(self, "max_weight", None) is None else WEIGHT_UNITS
        public.cost = self._cost(X.shape[1])
        return public

    def _parameters(self):
        """Return, in a form that can be compared, all parameters that a release depends on."""
        given = self.get_params(deep=False)
        return {name: hashable(value) for name, value in given.items() if name not in _FREE}

    def _check_unchanged(self):
        now = self._parameters()
        for name, value in self._frozen.parameters.items():
            if now[name] != value:
                raise ValueError(
                    f"{name} must not change between the first partial_fit and the release."
                )

    def _release(self):
        before = set(vars(self))
        public, accumulator = self._frozen, self._accumulator
        self._schema = accumulator.schema
        source, secret = noise_source(self.random_state)
        noisy = self._draw(public, accumulator.arrays, source)
        self._drop_rows()
        reasons = public.reasons + (() if secret else ("random_state seeds the noise",))
        epsilon, delta, mechanism = public.cost
        self._finish(public, noisy)
        self.privacy_spent_ = PrivacySpent(
            epsilon=float(epsilon),
            delta=float(delta),
            adjacency=public.parameters["adjacency"],
            mechanism=mechanism,
            valid=not reasons,
            reasons=reasons,
        )
        self._remember(before)

    def _holds_rows(self):
        return getattr(self, "_accumulator", None) is not None

    def _drop_rows(self):
        self._accumulator.wipe()
        self._accumulator = self._frozen = None

    def _remember(self, before):
        """Note which attributes are ours, for `_forget`."""
        ours = set(vars(self)) - before - {"_accumulator", "_frozen", "_fitted_names"}
        self._fitted_names = tuple(sorted(ours.union(getattr(self, "_fitted_names", ()))))

    def _forget(self):
        """Drop what an earlier fit left, and nothing that somebody else put there."""
        if self._holds_rows():
            self._drop_rows()
        for name in getattr(self, "_fitted_names", ()):
            if hasattr(self, name):
                delattr(self, name)
        self._fitted_names = ()

    def _refuse_after_release(self, method):
        if hasattr(self, "privacy_spent_"):
            raise ReleasedError(
                f"{method} needs an estimator that was not released: the rows of this one are "
                "gone. A new one, or fit, starts again and spends again."
            )

    def _check_weights_allowed(self, sample_weight):
        if sample_weight is not None and getattr(self, "max_weight", None) is None:
            raise ValueError(
                "sample_weight needs max_weight, a public bound on weights, which is not given."
                if hasattr(self, "max_weight")
                else f"{type(self).__name__} takes no sample_weight."
            )

    def __sklearn_is_fitted__(self):
        return hasattr(self, "privacy_spent_")

    def _check_released(self):
        """Raise unless there is something to query."""
        if hasattr(self, "privacy_spent_"):
            return
        said = "holds raw sums: call release" if self._holds_rows() else "is not fitted: call fit"
        raise NotFittedError(f"This {type(self).__name__} {said} before a query.")


def n_columns(X):
    """Return the number of columns, looking at no value, or None if there are none."""
    shape = getattr(X, "shape", None)
    if shape is None:
        try:
            shape = np.shape(X[:1] if isinstance(X, (list, tuple)) else X)
        except (TypeError, ValueError):  # ragged rows, which are refused later
            return None
    return (shape[1] or None) if len(shape) == 2 else None
