"""Classes, their order and their codes, from every kind of target."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skweight.ordinal import PrestoClassifier, ProportionalOddsClassifier
from skweight.ordinal._order import check_class_totals, resolve_class_order

GRADES = ["low", "mid", "high"]
Y = ["mid", "low", "high", "low"]


def assert_resolves(result, classes, order, codes):
    assert_array_equal(result[0], classes)
    assert_array_equal(result[1], order)
    assert_array_equal(result[2], codes)


def test_sorted_without_an_order():
    assert_resolves(resolve_class_order([3, 1, 2, 1]), [1, 2, 3], [1, 2, 3], [2, 0, 1, 0])


def test_class_order_is_followed_and_classes_stay_sorted():
    result = resolve_class_order(Y, GRADES)
    assert_resolves(result, ["high", "low", "mid"], GRADES, [1, 0, 2, 0])


def test_class_order_of_another_number_type():
    result = resolve_class_order(np.array([2.0, 0.0, 1.0]), [2, 1, 0])
    assert_resolves(result, [0, 1, 2], [2, 1, 0], [0, 2, 1])
    assert result[1].dtype == float


def test_ordered_pandas_categorical_without_its_unused_categories():
    pandas = pytest.importorskip("pandas")
    dtype = pandas.CategoricalDtype(["low", "never", "mid", "high"], ordered=True)
    y = pandas.Series(Y, dtype=dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_resolves(resolve_class_order(y), sorted(GRADES), GRADES, [1, 0, 2, 0])
        assert_resolves(resolve_class_order(y.array), sorted(GRADES), GRADES, [1, 0, 2, 0])
    # What the user says outright goes before what the dtype says.
    assert_array_equal(resolve_class_order(y, GRADES[::-1])[1], GRADES[::-1])


def test_unordered_pandas_categorical_is_sorted_with_a_warning():
    pandas = pytest.importorskip("pandas")
    y = pandas.Series(Y, dtype=pandas.CategoricalDtype(GRADES, ordered=False))
    with pytest.warns(UserWarning, match="class_order="):
        assert_array_equal(resolve_class_order(y)[1], sorted(GRADES))


def test_polars_enum():
    polars = pytest.importorskip("polars")
    y = polars.Series(Y, dtype=polars.Enum(["low", "mid", "never", "high"]))
    assert_resolves(resolve_class_order(y), sorted(GRADES), GRADES, [1, 0, 2, 0])
    with pytest.warns(UserWarning, match="column-vector"):
        assert_array_equal(resolve_class_order(polars.DataFrame({"y": y}))[1], GRADES)


@pytest.mark.parametrize(
    ("dtype", "kind"), [("Int64", "i"), ("boolean", "b"), ("Float64", "f"), ("string", "O")]
)
def test_nullable_labels_keep_their_type(dtype, kind):
    pandas = pytest.importorskip("pandas")
    values = ["a", "b", "a"] if dtype == "string" else [0, 1, 0]
    y = pandas.Series(values, dtype=dtype)
    classes, _, codes = resolve_class_order(y)
    assert classes.dtype.kind == kind
    assert_array_equal(codes, [0, 1, 0])
    with pytest.raises(ValueError, match="contains NaN"):
        resolve_class_order(pandas.concat([y, pandas.Series([None], dtype=dtype)]))


def test_strings_without_an_order_warn_from_three_classes_on():
    with pytest.warns(UserWarning, match=r"give class_order=\[lowest"):
        resolve_class_order(Y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        resolve_class_order(["a", "b"])
        resolve_class_order([1, 2, 3])
        resolve_class_order(Y, GRADES)


def test_absent_labels_are_dropped_with_a_warning():
    with pytest.warns(UserWarning, match=r"dropped: \['top'\]"):
        result = resolve_class_order(Y, [*GRADES, "top"])
    assert_array_equal(result[1], GRADES)


@pytest.mark.parametrize(
    ("y", "class_order", "message"),
    [
        ([1, 1, 1], None, "1 class"),
        ([], None, "0 samples"),
        (None, None, "y cannot be None|requires y"),
        ([0.0, 1.0, np.nan], None, "NaN"),
        (["a", None], None, "NaN"),
        ([0.5, 1.5], None, "Unknown label type"),
        (["a", "b", "c"], ["a", "b"], r"class_order must list every label.*lacks \['c'\]"),
        ([0, 1], [0, 1, 1], "once"),
        (["a", "b"], "ab", "class_order must be a list"),
        ([0, 1], 3, "class_order must be a list"),
    ],
)
def test_what_cannot_be_resolved_is_said(y, class_order, message):
    with pytest.raises(ValueError, match=message):
        resolve_class_order(y, class_order)


def test_a_class_without_weight_is_named():
    assert_array_equal(check_class_totals([0, 1, 1], [1.0, 2.0, 0.5], np.array([7, 8])), [1, 2.5])
    with pytest.raises(ValueError, match=r"class \[8\]"):
        check_class_totals(np.array([0, 1]), np.array([1.0, 0.0]), np.array([7, 8]))


@pytest.mark.parametrize("estimator", [PrestoClassifier(), ProportionalOddsClassifier()])
def test_probability_columns_stay_sorted(estimator):
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    codes = np.digitize(2 * X[:, 0] + rng.logistic(size=300), [-1, 1])
    y = np.array(GRADES)[codes]
    plain = estimator.fit(X, codes).predict_proba(X)
    model = estimator.set_params(class_order=GRADES).fit(X, y)
    assert model.classes_.tolist() == sorted(GRADES)
    assert model.class_order_.tolist() == GRADES
    by_label = pandas.DataFrame(model.predict_proba(X), columns=model.classes_)
    np.testing.assert_allclose(by_label[GRADES], plain, rtol=1e-12)
    assert model.score(X, y) == np.mean(np.array(GRADES)[plain.argmax(axis=1)] == y)
