"""The same numbers in another layout give the same fit, and inputs are never written to."""

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.utils import get_tags

from skweight.testing import _tables
from skweight.testing._data import (
    assert_same_outputs,
    error_of,
    integer_weights,
    outputs,
    takes_weights,
    toy_problem,
)
from skweight.testing._registry import common_check


def _locked(array):
    array = np.array(array)
    array.setflags(write=False)
    return array


@common_check()
def check_read_only_input(estimator):
    """Arrays that must not be written to (as joblib hands them to workers) give the same bits."""
    X, y = toy_problem(estimator)
    weights = {"sample_weight": integer_weights(len(y))} if takes_weights(estimator) else {}
    expected = outputs(clone(estimator).fit(X.copy(), y.copy(), **weights), X)
    weights = {name: _locked(values) for name, values in weights.items()}
    X = _locked(X)
    actual = outputs(estimator.fit(X, _locked(y), **weights), X)
    assert_same_outputs(actual, expected, "read-only input")


@common_check()
def check_input_not_written(estimator):
    """Neither fit nor prediction writes into the caller's arrays."""
    X, y = toy_problem(estimator)
    weights = {"sample_weight": integer_weights(len(y))} if takes_weights(estimator) else {}
    before = [X.copy(), y.copy(), *(values.copy() for values in weights.values())]
    outputs(estimator.fit(X, y, **weights), X)
    for old, new in zip(before, [X, y, *weights.values()], strict=True):
        np.testing.assert_array_equal(new, old)


@common_check()
def check_memory_layouts(estimator):
    """Fortran order, strides, reversed rows in memory and lists give the same fit."""
    X, y = toy_problem(estimator)
    expected = outputs(clone(estimator).fit(X, y), X)
    wide = np.repeat(X, 2, axis=1)
    layouts = {
        "Fortran order": np.asfortranarray(X),
        "every second column of a wider array": wide[:, ::2],
        "negative strides": np.ascontiguousarray(X[::-1])[::-1],
        "a list of lists": X.tolist(),
    }
    for what, same in layouts.items():
        actual = outputs(clone(estimator).fit(same, y), same)
        # Sums over other strides may round differently.
        assert_same_outputs(actual, expected, what, rtol=1e-7, atol=1e-9)


@common_check()
def check_other_dtypes(estimator):
    """float32 and integer input give the fit of the same numbers in float64.

    The computation is in float64 whatever comes in, and so are predictions; what is transformed
    may keep the type that came in, and so may the predictions of estimators that declare it.
    """
    X, y = toy_problem(estimator)
    keeps_float32 = type(estimator).__name__ in _tables.KEEPS_FLOAT32
    for what, narrow in {
        "float32": X.astype(np.float32),
        "float32 in Fortran order": np.asfortranarray(X, dtype=np.float32),
        "int64": np.rint(3 * X).astype(np.int64),
        "int8": np.rint(3 * X).astype(np.int8),
    }.items():
        same = narrow.astype(np.float64)
        expected = outputs(clone(estimator).fit(same, y), same)
        actual = outputs(clone(estimator).fit(narrow, y), narrow)
        transformed = {"transform": actual.pop("transform", None)}
        if transformed["transform"] is not None:
            exact = {"transform": expected.pop("transform")}
            assert_same_outputs(transformed, exact, what, rtol=1e-5, atol=1e-6)
        is_kept = keeps_float32 and narrow.dtype == np.float32
        digits = {"rtol": 1e-5, "atol": 1e-5} if is_kept else {"rtol": 1e-7, "atol": 1e-9}
        assert_same_outputs(actual, expected, what, **digits)
        for method, values in actual.items():
            if values.dtype.kind == "f":
                wanted = np.float32 if is_kept else np.float64
                assert values.dtype == wanted, f"{what}: {method} returns {values.dtype}."


@common_check(applies=lambda e: hasattr(e, "predict_proba"))
def check_probabilities(estimator):
    """Probabilities are float64, inside [0, 1], and sum to 1, far out of the sample too."""
    X, y = toy_problem(estimator)
    estimator.fit(X, y)
    probabilities = estimator.predict_proba(np.vstack([X, 1e3 * X, np.zeros_like(X)]))
    assert probabilities.dtype == np.float64
    assert probabilities.min() >= 0
    assert probabilities.max() <= 1
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
    assert probabilities.shape[1] == len(estimator.classes_)


@common_check(applies=lambda e: get_tags(e).input_tags.sparse)
def check_sparse_input(estimator):
    """Where the tag says sparse, every format gives the dense fit."""
    X, y = toy_problem(estimator)
    X = np.where(np.abs(X) > 0.5, X, 0.0)
    expected = outputs(clone(estimator).fit(X, y), X)
    for container in (
        sparse.csr_matrix,
        sparse.csc_matrix,
        sparse.coo_matrix,
        sparse.csr_array,
        sparse.csc_array,
    ):
        same = container(X)
        before = same.copy()
        actual = outputs(clone(estimator).fit(same, y), same)
        assert_same_outputs(actual, expected, container.__name__, rtol=1e-6, atol=1e-8)
        assert (before != same).nnz == 0, f"fit wrote into the caller's {container.__name__}."
        dense_rows = outputs(clone(estimator).fit(same, y), X)
        assert_same_outputs(dense_rows, expected, "fit sparse, predict dense", 1e-6, 1e-8)


@common_check(applies=lambda e: not get_tags(e).input_tags.sparse)
def check_sparse_refused(estimator):
    """Where the tag says dense only, sparse input is refused in a sentence that says so."""
    X, y = toy_problem(estimator)
    message = error_of(estimator.fit, sparse.csr_matrix(X), y).lower()
    assert "sparse" in message or "dense" in message, message
