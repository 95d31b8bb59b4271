"""Folds by hashing: a row's fold is its own affair."""

import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score

from skweight.privacy import PrivateKFold


@pytest.fixture
def X():
    return np.random.RandomState(0).normal(size=(300, 3))


def test_folds_partition_the_rows(X):
    folds = PrivateKFold(4)
    seen = np.concatenate([test for _, test in folds.split(X)])
    assert sorted(seen) == list(range(300))
    for train, test in folds.split(X):
        assert len(np.intersect1d(train, test)) == 0
        assert len(train) + len(test) == 300
    assert folds.get_n_splits() == 4


def test_each_row_has_the_fold_that_it_has_alone(X):
    folds = PrivateKFold(5)
    alone = np.concatenate([folds.assign(X[i : i + 1]) for i in range(300)])
    np.testing.assert_array_equal(folds.assign(X), alone)


def test_adding_or_removing_a_row_changes_no_other_fold(X):
    folds = PrivateKFold(5)
    before = folds.assign(X)
    for place in (0, 17, 300):
        after = folds.assign(np.insert(X, place, [7.0, np.nan, -0.0], axis=0))
        np.testing.assert_array_equal(np.delete(after, place), before)
    np.testing.assert_array_equal(folds.assign(np.delete(X, 5, axis=0)), np.delete(before, 5))


def test_kfold_does_move_rows():
    # What the class is for: the same comparison fails with the usual splitter.
    def assign(n):
        fold = np.empty(n, int)
        for k, (_, test) in enumerate(KFold(5).split(np.zeros((n, 1)))):
            fold[test] = k
        return fold

    assert (assign(301)[:-1] != assign(300)).any()


def test_a_row_of_strings_changes_no_fold_of_numbers():
    folds = PrivateKFold(7)
    rows = [[float(i), i % 3] for i in range(50)]
    before = folds.assign(rows)
    np.testing.assert_array_equal(folds.assign([*rows, ["new", 1]])[:-1], before)
    np.testing.assert_array_equal(folds.assign([*rows, [np.nan, None]])[:-1], before)
    np.testing.assert_array_equal(folds.assign(np.array(rows)), before)


def test_containers_and_types_give_the_same_folds(X):
    pd = pytest.importorskip("pandas")
    folds = PrivateKFold(5)
    X = X.astype(np.float32)
    X[:, 0] = np.round(X[:, 0])
    expected = folds.assign(X)
    frame = pd.DataFrame(X.astype(float)).astype({0: int})
    for same in (
        X.astype(float),
        X.astype(">f8"),
        np.asfortranarray(X),
        X.tolist(),
        X.astype(object),
        frame,
        frame.astype({1: object}),
        sparse.csr_matrix(X),
        sparse.coo_array(X),
        np.where(X == 0, -0.0, X),
    ):
        np.testing.assert_array_equal(folds.assign(same), expected)


def test_folds_are_pinned_for_ever():
    # A new release must not shuffle folds: a budget may have been spent on the old ones.
    rows = np.arange(24.0).reshape(12, 2)
    assert PrivateKFold(3).assign(rows).tolist() == PINNED
    assert PrivateKFold(3).assign([f"p{i}" for i in range(12)]).tolist() == PINNED_STRINGS


PINNED = [1, 2, 0, 2, 1, 1, 2, 2, 2, 1, 1, 2]
PINNED_STRINGS = [0, 0, 2, 1, 1, 1, 0, 0, 1, 0, 0, 2]


def test_folds_are_even_and_keys_independent():
    X = np.arange(30_000.0).reshape(-1, 1)
    a, b = PrivateKFold(5).assign(X), PrivateKFold(5, key="other").assign(X)
    table = np.histogram2d(a, b, bins=5)[0]
    statistic = ((table - 1200) ** 2 / 1200).sum()
    assert statistic < 56.4  # the chi-square law of 24 degrees: once in 5000 keys


def test_keys_of_any_kind_and_length():
    X = np.arange(100.0).reshape(-1, 1)
    keys = [0, 1, "a" * 1000, b"\x00", b"", "b"]
    assert len({tuple(PrivateKFold(5, key=key).assign(X)) for key in keys}) == len(keys)


def test_rows_of_one_group_stay_together(X):
    groups = np.arange(300) // 10
    folds = PrivateKFold(4)
    assigned = folds.assign(X, groups)
    for group in range(30):
        assert len(set(assigned[groups == group])) == 1
    assert len(set(assigned)) == 4
    # Values play no part then, and a tuple is an identifier like any other.
    np.testing.assert_array_equal(folds.assign(X[::-1], groups), assigned)
    pairs = [(int(g), "x") for g in groups]
    assert len(folds.assign(X, pairs)) == 300


def test_a_fold_may_be_empty_and_so_may_the_data():
    assert [len(test) for _, test in PrivateKFold(3).split([[1.0]])].count(0) == 2
    assert len(PrivateKFold(3).assign(np.empty((0, 2)))) == 0


def test_it_works_where_scikit_learn_wants_a_splitter(X):
    y = X @ [1.0, 2.0, 3.0]
    folds = PrivateKFold(3)
    assert np.isfinite(cross_val_score(LinearRegression(), X, y, cv=folds)).all()
    search = GridSearchCV(LinearRegression(), {"fit_intercept": [True, False]}, cv=folds)
    assert search.fit(X, y).best_score_ > 0.999
    assert repr(pickle.loads(pickle.dumps(folds))) == "PrivateKFold(key=0, n_splits=3)"


def test_a_search_hands_groups_on_with_and_without_routing(X):
    class Recorder(RegressorMixin, BaseEstimator):
        trained = []

        def fit(self, X, y):
            self.trained.append(set(y))
            return self

        def predict(self, X):
            return np.zeros(len(X))

    groups = np.arange(300) % 7
    for routing in (False, True):
        Recorder.trained.clear()
        with config_context(enable_metadata_routing=routing):
            GridSearchCV(Recorder(), {}, cv=PrivateKFold(3), refit=False).fit(
                X, groups, groups=groups
            )
        assert sum(len(seen) for seen in Recorder.trained) == 7 * 2  # each is left out once


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_splits": 1}, "n_splits must be an integer of at least 2, got 1"),
        ({"n_splits": 2.0}, "n_splits must be an integer of at least 2, got 2.0"),
        ({"key": 1.5}, "key must be an int, a str or bytes, got 1.5"),
    ],
)
def test_bad_parameters_have_their_sentence(parameters, message):
    with pytest.raises(ValueError, match=message):
        PrivateKFold(**parameters)
