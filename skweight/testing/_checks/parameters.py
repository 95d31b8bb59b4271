"""Constructor parameters: enough by default, never written, never ignored when they are wrong."""

import copy
from numbers import Real
from unittest import SkipTest

import numpy as np
from sklearn.base import clone

from skweight.testing import _tables
from skweight.testing._data import (
    assert_same_outputs,
    error_of,
    outputs,
    toy_problem,
)
from skweight.testing._registry import common_check


@common_check()
def check_fits_with_no_arguments(estimator):
    """The class can be built and fitted with no arguments at all."""
    model = type(estimator)()
    X, y = toy_problem(model)
    X = np.tile(X, (1, _tables.COLUMN_MULTIPLES.get(type(model).__name__, 1)))
    try:
        model.fit(X, y)
    except ImportError as error:  # its message names the extra
        raise SkipTest(str(error)) from error
    for values in outputs(model, X).values():
        assert len(values) == len(X)
        assert values.dtype.kind != "f" or np.isfinite(values).all()


def same_parameter(one, other):
    """Compare two parameters deeply: estimators by their parameters, arrays by their entries."""
    if type(one) is not type(other):
        return False
    if hasattr(one, "get_params") and not isinstance(one, type):
        return same_parameter(one.get_params(deep=False), other.get_params(deep=False))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same_parameter(one[k], other[k]) for k in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same_parameter, one, other))
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, np.random.RandomState):
        return True  # drawing from a generator is what it is for
    if hasattr(one, "__dict__") and not callable(one):
        return same_parameter(vars(one), vars(other))
    return one is other or one == other or one != one


@common_check()
def check_parameters_not_written(estimator):
    """Neither fit nor prediction replaces a parameter or writes into one."""
    X, y = toy_problem(estimator)
    given = estimator.get_params(deep=False)
    before = copy.deepcopy(given)
    outputs(estimator.fit(X, y), X)
    for name, value in estimator.get_params(deep=False).items():
        assert value is given[name], f"the parameter {name!r} was replaced."
        assert same_parameter(value, before[name]), f"the parameter {name!r} was written into."
        assert not (hasattr(value, "fit") and hasattr(value, "n_features_in_")), (
            f"the parameter {name!r} was fitted; fit a clone of it."
        )


class _Nonsense:
    """A value of a type that no parameter takes."""

    def __repr__(self):
        return "nonsense"


@common_check()
def check_nonsense_parameters(estimator):
    """Every parameter refuses a value of a wrong type, in a sentence that names it."""
    X, y = toy_problem(estimator)
    for name in estimator.get_params(deep=False):
        message = error_of(clone(estimator).set_params(**{name: _Nonsense()}).fit, X, y)
        assert name in message, f"the error for {name!r} does not name it: {message}"


def _is_whole(estimator, name, value):
    """Tell whether a parameter takes whole numbers alone."""
    constraints = getattr(estimator, "_parameter_constraints", {}).get(name, [])
    takes_all = any(getattr(constraint, "type", None) is Real for constraint in constraints)
    return type(value) is int and not takes_all


@common_check()
def check_numbers_out_of_range(estimator):
    """Number parameters refuse NaN, text and (whole ones) fractions, naming themselves."""
    X, y = toy_problem(estimator)
    for name, value in estimator.get_params(deep=False).items():
        if type(value) not in (int, float):
            continue
        fractions = [value + 0.5] if _is_whole(estimator, name, value) else []
        for bad in (np.nan, -np.inf, "three", *fractions):
            message = error_of(clone(estimator).set_params(**{name: bad}).fit, X, y)
            assert name in message, f"the error for {name}={bad!r} does not name it: {message}"


@common_check()
def check_numpy_scalars(estimator):
    """Parameters may be numpy's numbers, as ``np.logspace`` and friends hand them out."""
    X, y = toy_problem(estimator)
    expected = outputs(clone(estimator).fit(X, y), X)
    kinds = {bool: np.bool_, int: np.int64, float: np.float64}
    given = estimator.get_params(deep=False).items()
    same = {name: kinds[type(value)](value) for name, value in given if type(value) in kinds}
    estimator.set_params(**same)
    assert_same_outputs(outputs(estimator.fit(X, y), X), expected, "numpy's numbers")
