"""Private labels: classes are public, and whatever is none of them is left out without a word."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone

from skweight.privacy import PrivacyLeakWarning, PrivateSimilarityClassifier

pytest.importorskip("cryptography")
pytest.importorskip("opendp")

CLASSES = [0, 1, 2]


def problem(n=200, d=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-1.2, 1.2, size=(n, d)), rng.integers(0, 3, size=n)


def private(similarity="sqeuclidean", **parameters):
    return PrivateSimilarityClassifier(
        similarity, **{"bounds": (-1, 1), "classes": CLASSES, **parameters}
    )


def exact(X, y, model=None, **fitting):
    """The sums before noise."""
    model = private() if model is None else model
    return model.partial_fit(X, y, **fitting)._accumulator.arrays


def test_rows_of_other_classes_are_left_out_without_a_word():
    X, y = problem()
    kept = y < 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        arrays = exact(X, y, private(classes=[0, 1], rule="average"))
    wanted = exact(X[kept], y[kept], private(classes=[0, 1], rule="average"))
    for name in wanted:
        np.testing.assert_array_equal(arrays[name], wanted[name])


@pytest.mark.parametrize(
    "strange", [np.nan, np.inf, 0.5, -1e300, 7], ids=["nan", "inf", "half", "huge", "other"]
)
def test_labels_that_are_none_are_left_out_too(strange):
    X, y = problem()
    other = y.astype(float)
    other[3] = strange
    np.testing.assert_array_equal(
        exact(X, other)["sums"], exact(np.delete(X, 3, axis=0), np.delete(y, 3))["sums"]
    )


@pytest.mark.parametrize("strange", [None, float("nan"), 3, [1], "z"])
def test_objects_that_are_no_labels_are_left_out_too(strange):
    X, y = problem()
    named = np.array(["a", "b", "c"], dtype=object)[y]
    named[3] = strange
    model = private(classes=["a", "b", "c"])
    wanted = exact(np.delete(X, 3, axis=0), np.delete(named, 3), clone(model))
    np.testing.assert_array_equal(exact(X, named, model)["sums"], wanted["sums"])


@pytest.mark.parametrize(
    "parameters",
    [{}, {"rule": "average", "delta": 1e-6}, {"similarity": "exponential", "n_features": 8}],
)
@pytest.mark.parametrize("n", [0, 1])
def test_no_rows_and_one_row_look_like_many(n, parameters):
    X, y = problem()
    many, few = (private(**parameters).fit(X[:m], y[:m]) for m in (200, n))
    assert vars(many).keys() == vars(few).keys()
    for name, array in many.release_.items():
        assert few.release_[name].shape == array.shape
        assert few.release_[name].dtype == array.dtype
    for method in ("decision_function", "predict", "predict_proba", "similarity_sum"):
        one, other = (getattr(model, method)(X[:5]) for model in (many, few))
        assert (one.shape, one.dtype) == (other.shape, other.dtype)
    assert few.privacy_spent_ == many.privacy_spent_


def test_one_strange_label_in_a_list_changes_no_other():
    X, y = problem()
    for strange in ("1", None, float("nan"), 0.5, (0, 1)):
        labels = y.tolist()
        labels[3] = strange
        wanted = exact(np.delete(X, 3, axis=0), np.delete(y, 3))
        np.testing.assert_array_equal(exact(X, labels)["sums"], wanted["sums"])
    # Not even if it makes all of them text.
    whole = exact(X, ["a"] * len(X))["sums"]
    assert not whole.any()


@pytest.mark.parametrize("kind", ["Int64", "Float64", "object", "string", "category"])
def test_missing_labels_of_pandas_are_left_out(kind):
    pd = pytest.importorskip("pandas")
    X, y = problem()
    names = np.array(["a", "b", "c"]) if kind in ("string", "category") else np.arange(3)
    labels = pd.Series(names[y]).astype(kind)
    labels.iloc[3] = None if kind == "category" else pd.NA
    model = private(classes=names)
    wanted = exact(np.delete(X, 3, axis=0), np.delete(names[y], 3), clone(model))
    np.testing.assert_array_equal(exact(X, labels, model)["sums"], wanted["sums"])


def test_absent_classes_get_noise():
    X, y = problem()
    models = [private(classes=[0, 1, 2, 9], rule="average").fit(X, y) for _ in range(2)]
    one, other = (model.release_["sums"][3] for model in models)
    assert (one != other).all()
    assert np.isfinite(models[0].decision_function(X)).all()


def test_classes_taken_from_labels_void_the_guarantee():
    X, y = problem()
    with pytest.warns(PrivacyLeakWarning, match="classes are taken from y"):
        model = private(classes=None).fit(X, y)
    assert not model.privacy_spent_.valid
    assert model.privacy_spent_.reasons == ("classes are taken from y",)
    assert model.classes_.tolist() == CLASSES
    with pytest.warns(PrivacyLeakWarning):
        parts = [private(classes=None).partial_fit(X, y) for _ in range(2)]
    with pytest.raises(ValueError, match="merge needs bounds"):
        parts[0].merge(parts[1])


def test_classes_may_be_told_to_partial_fit():
    X, y = problem()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = private(classes=None).partial_fit(X[:100], y[:100], CLASSES)
        model.partial_fit(X[100:], y[100:])
    np.testing.assert_array_equal(model._accumulator.arrays["sums"], exact(X, y)["sums"])
    with pytest.raises(ValueError, match="classes must be the same"):
        model.partial_fit(X, y, classes=[0, 1])
    assert model.release().privacy_spent_.valid
    # What one call was told does not outlive it.
    with pytest.warns(PrivacyLeakWarning, match="classes are taken"):
        model.fit(X, y)


def test_classes_of_the_first_block_stay():
    X, y = problem()
    with pytest.warns(PrivacyLeakWarning, match="classes are taken from y"):
        model = private(classes=None).partial_fit(X[y < 2], y[y < 2])
    before = model._accumulator.arrays["sums"].copy()
    model.partial_fit(X[y == 2], y[y == 2])
    np.testing.assert_array_equal(model._accumulator.arrays["sums"], before)
