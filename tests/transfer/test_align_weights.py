"""Alignment of weights of any linear model, and the choice of rows to keep."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression
from transfer_cases import problem

from skweight.transfer import align_weights
from skweight.transfer._weight_aligning import herd


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-15), (np.float32, 2e-7)])
def test_mean_norms_are_equal_afterwards(dtype, rtol):
    coef = np.random.default_rng(0).normal(size=(5, 7)).astype(dtype)
    coef[3:] *= 4
    before = coef.copy()
    aligned = align_weights(coef, [0, 1, 2], [3, 4])
    assert aligned.dtype == dtype
    assert_array_equal(coef, before)
    assert_array_equal(aligned[:3], coef[:3])
    norms = np.linalg.norm(aligned.astype(float), axis=1)
    assert_allclose(norms[3:].mean(), norms[:3].mean(), rtol=2 * rtol)
    # One factor for all new classes, and none the second time.
    assert_allclose(aligned[3:] / coef[3:], aligned[3, 0] / coef[3, 0], rtol=4 * rtol)
    assert_allclose(align_weights(aligned, [0, 1, 2], [3, 4]), aligned, rtol=4 * rtol)


def test_a_linear_model_of_scikit_learn():
    X, y = problem()
    model = LogisticRegression(fit_intercept=False).fit(X, y)
    new = np.array([False, True, False, True])
    before = X @ model.coef_.T
    after = X @ align_weights(model.coef_, ~new, new).T
    assert_array_equal(after[:, ~new], before[:, ~new])
    assert_array_equal(after[:, new].argmax(axis=1), before[:, new].argmax(axis=1))


@pytest.mark.parametrize(
    ("coef", "old", "new", "words"),
    [
        ([1.0, 2.0], [0], [1], "coef must have two axes"),
        ([[1.0], [2.0]], [], [1], r"old must name a class at least, got \[\]"),
        ([[1.0], [2.0]], [True, True], [False, False], "new must name a class at least"),
        ([[1.0], [2.0]], [0], [2], r"new must hold places or be a mask of the 2 rows"),
        ([[1.0], [2.0]], [True], [1], r"old must hold places or be a mask of the 2 rows"),
        ([[1.0], [2.0], [3.0]], [0, 1], [-2, 2], r"no class in common, got \[1\] in both"),
        ([[1.0], [0.0]], [0], [1], "for new classes, which have no scale"),
        ([[0.0], [1.0]], [0], [1], "for old classes, which have no scale"),
    ],
)
def test_what_cannot_be_aligned(coef, old, new, words):
    with pytest.raises(ValueError, match=words):
        align_weights(coef, old, new)


def test_rows_are_herded_one_by_one():
    features = np.random.default_rng(1).normal(size=(9, 3))
    chosen = herd(features, 5)
    for k in range(5):
        candidates = [i for i in range(9) if i not in chosen[:k]]
        away = [
            np.linalg.norm(features[[*chosen[:k], i]].mean(axis=0) - features.mean(axis=0))
            for i in candidates
        ]
        assert candidates[int(np.argmin(away))] == chosen[k]
    assert_array_equal(herd(features, 3), chosen[:3])
    assert sorted(herd(features, 20)) == list(range(9))
    assert len(herd(features, 0)) == 0


def test_herded_rows_tell_the_mean_better_than_most_choices():
    features = np.random.default_rng(2).normal(size=(10, 2))

    def distance(chosen):
        return np.linalg.norm(features[list(chosen)].mean(axis=0) - features.mean(axis=0))

    all_choices = [distance(chosen) for chosen in itertools.combinations(range(10), 4)]
    assert distance(herd(features, 4)) < np.quantile(all_choices, 0.2)
