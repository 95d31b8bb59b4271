"""Class labels are names: whatever they are, the fit is that of the classes in sorted order."""

import numpy as np
from sklearn.base import clone

from skweight.testing._data import (
    assert_same_outputs,
    is_classifier,
    is_multiclass,
    outputs,
    toy_problem,
)
from skweight.testing._registry import common_check

# Sorted, each three names stand for the classes 0, 1, 2.
NAMES = {
    "str": np.array(["a", "b", "c"]),
    "object": np.array(["a", "bb", "ccc"], dtype=object),
    "negative integers": np.array([-7, 0, 3]),
    "whole floats": np.array([1.0, 2.0, 5.0]),
    "int8": np.array([1, 2, 3], dtype=np.int8),
    "uint8": np.array([0, 128, 255], dtype=np.uint8),
    "bool": np.array([False, True]),
}


def assert_fit_of_names(estimator, y_named, names, X, y, what, X_named=None):
    """Fit named classes and compare with the fit of the classes 0, 1, 2."""
    expected = outputs(clone(estimator).fit(X, y), X)
    X_named = X if X_named is None else X_named
    model = clone(estimator).fit(X_named, y_named)
    actual = outputs(model, X_named)
    assert model.classes_.tolist() == list(names), f"{what}: classes_ is {model.classes_!r}."
    for method, values in expected.items():
        if _are_labels(values, y):
            named = np.asarray(names, dtype=object)[values.astype(int)]
            assert actual[method].tolist() == named.tolist(), f"{what}: {method} differs."
            actual[method] = values
    assert_same_outputs(actual, expected, what, rtol=1e-9, atol=1e-12)
    return model


def _are_labels(values, y):
    # Two columns are the labels of an interval.
    return values.dtype.kind in "iu" and np.isin(values, y).all()


@common_check(applies=is_classifier)
def check_labels(estimator):
    """Text, booleans, integers and whole floats as labels give the same fit."""
    for what, names in NAMES.items():
        if len(names) > 2 and not is_multiclass(estimator):
            names = names[:2]
        X, y = toy_problem(estimator, n_classes=len(names))
        model = assert_fit_of_names(estimator, names[y], names, X, y, what)
        assert model.predict(X).dtype == model.classes_.dtype
        score = model.score(X, names[y])
        assert score == np.mean(model.predict(X) == names[y]), f"{what}: score is {score}."


@common_check(applies=is_classifier)
def check_two_classes(estimator):
    """With two classes the decision is one number, positive for the second of ``classes_``."""
    X, y = toy_problem(estimator, n_classes=2)
    estimator.fit(X, y)
    if hasattr(estimator, "decision_function"):
        decision = estimator.decision_function(X)
        assert decision.shape == (len(X),)
        np.testing.assert_array_equal(estimator.predict(X), (decision > 0).astype(int))
    if hasattr(estimator, "predict_proba"):
        most_probable = estimator.predict_proba(X).argmax(axis=1)
        np.testing.assert_array_equal(estimator.predict(X), estimator.classes_[most_probable])


@common_check(applies=is_classifier)
def check_list_of_labels(estimator):
    """A plain list of text labels is a target too."""
    X, y = toy_problem(estimator)
    names = NAMES["str"][: y.max() + 1]
    assert_fit_of_names(estimator, [str(names[k]) for k in y], names, X, y, "a list")
