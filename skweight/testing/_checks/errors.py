"""Bad data are refused at once, in a sentence that says what is wrong."""

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags

from skweight.testing._data import (
    error_of,
    is_classifier,
    outputs,
    toy_problem,
)
from skweight.testing._registry import common_check


def _spoiled(X, value):
    X = X.copy()
    X[3, 1] = value
    return X


def _refuses(call, words, *arguments):
    message = error_of(call, *arguments)
    assert any(word in message for word in words), f"the error says none of {words}: {message!r}."


def _row_methods(estimator, X):
    return [getattr(estimator, name) for name in outputs(estimator, X)]


@common_check(applies=lambda e: not get_tags(e).input_tags.allow_nan)
def check_nan_and_infinity(estimator):
    """NaN and infinity in X are named, by fit and by every method of rows."""
    X, y = toy_problem(estimator)
    fitted = clone(estimator).fit(X, y)
    for value, words in ((np.nan, ["NaN"]), (np.inf, ["infinity"]), (-np.inf, ["infinity"])):
        bad = _spoiled(X, value)
        _refuses(clone(estimator).fit, words, bad, y)
        for method in _row_methods(fitted, X):
            _refuses(method, words, bad)


@common_check(applies=lambda e: get_tags(e).target_tags.required)
def check_bad_targets(estimator):
    """NaN, infinity, a missing y and a y of another length or shape are refused by name."""
    X, y = toy_problem(estimator)
    _refuses(estimator.fit, ["NaN"], X, np.where(np.arange(len(y)) == 3, np.nan, y))
    _refuses(estimator.fit, ["infinity"], X, np.where(np.arange(len(y)) == 3, np.inf, y))
    _refuses(estimator.fit, ["inconsistent", "length", "shape"], X, y[:-1])
    _refuses(estimator.fit, ["requires y", "y cannot be None", "missing"], X, None)
    if not get_tags(estimator).target_tags.multi_output:
        _refuses(estimator.fit, ["1d", "shape", "target"], X, np.column_stack([y, y, y]))


@common_check(applies=is_classifier)
def check_one_class(estimator):
    """One class, and a target that is no class at all, are refused in words about classes."""
    X, _ = toy_problem(estimator)
    _refuses(estimator.fit, ["class"], X, np.ones(len(X), dtype=int))
    _refuses(estimator.fit, ["label type", "class"], X, X[:, 0])


@common_check()
def check_wrong_shapes(estimator):
    """One or three dimensions, no rows, no columns and other columns than in fit are refused."""
    X, y = toy_problem(estimator)
    _refuses(estimator.fit, ["2D", "dim"], X[:, 0], y)
    _refuses(estimator.fit, ["dim"], X[:, :, None], y)
    _refuses(estimator.fit, ["sample"], X[:0], y[:0])
    _refuses(estimator.fit, ["feature"], X[:, :0], y)
    fitted = clone(estimator).fit(X, y)
    for method in _row_methods(fitted, X):
        _refuses(method, ["2D", "dim"], X[0])
        _refuses(method, ["dim"], X[:, :, None])
        _refuses(method, ["features"], X[:, :3])
        _refuses(method, ["features"], np.hstack([X, X]))
        _refuses(method, ["sample"], X[:0])


@common_check()
def check_text_in_features(estimator):
    """Text among the features is refused; nothing is guessed from it."""
    X, y = toy_problem(estimator)
    bad = X.astype(object)
    bad[3, 1] = "low"
    error_of(estimator.fit, bad, y)


@common_check(applies=lambda e: get_tags(e).requires_fit)
def check_not_fitted(estimator):
    """Before fit every method of rows says so, by the error that scikit-learn has for it."""
    X, y = toy_problem(estimator)
    names = outputs(clone(estimator).fit(X, y), X)
    for name in names:
        if hasattr(estimator, name):
            error_of(getattr(estimator, name), X, kinds=(NotFittedError,))


@common_check()
def check_failed_fit_leaves_usable(estimator):
    """After a fit that failed, the next one works as if nothing had happened."""
    X, y = toy_problem(estimator)
    expected = outputs(clone(estimator).fit(X, y), X)
    if not get_tags(estimator).input_tags.allow_nan:
        error_of(estimator.fit, _spoiled(X, np.nan), y)
    error_of(estimator.fit, X[:, 0], y)
    actual = outputs(estimator.fit(X, y), X)
    for method, values in expected.items():
        np.testing.assert_array_equal(actual[method], values)
