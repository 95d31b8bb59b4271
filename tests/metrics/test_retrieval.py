"""Neighbours of one class, against loops in plain Python and nearest neighbours elsewhere."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.neighbors import KNeighborsClassifier

from skweight.metrics import _retrieval, mean_average_precision_at_r, recall_at_k


def problem(n=60, n_classes=4, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(n_classes, size=n)
    # Few distinct rows: many are equally near.
    return rng.integers(-1, 2, size=(n, 3)) + 2.0 * (y[:, None] == 0), y


def by_loops(X, y, queries, wanted, metric, alone):
    """Return, of each query, whether each row by nearness is of its class."""
    found = []
    for i, (query, label) in enumerate(zip(queries, wanted, strict=True)):
        if metric == "cosine":
            lengths = [np.linalg.norm(row) * np.linalg.norm(query) or 1.0 for row in X]
            near = [-(row @ query) / length for row, length in zip(X, lengths, strict=True)]
        else:
            near = [((row - query) ** 2).sum() for row in X]
        places = sorted(range(len(X)), key=lambda j, near=near: (round(near[j], 9), j))
        found.append([y[j] == label for j in places if not (alone and j == i)])
    return found


def average_precision(found):
    R = sum(found)
    return sum(sum(found[: i + 1]) / (i + 1) for i in range(R) if found[i]) / R


@pytest.fixture
def rounded(monkeypatch):
    """Round similarities, of which those of equal rows may else differ in the last bit."""
    nearness = _retrieval._nearness
    monkeypatch.setattr(_retrieval, "_nearness", lambda *args: nearness(*args).round(9))


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_definitions(metric, alone, rounded):
    X, y = problem()
    queries, wanted = (X, y) if alone else problem(25, seed=1)
    given = () if alone else (queries, wanted)
    found = by_loops(X, y, queries, wanted, metric, alone)
    for k in (1, 2, 5):
        expected = np.mean([any(row[:k]) for row in found])
        assert recall_at_k(X, y, *given, k=k, metric=metric) == pytest.approx(expected, abs=1e-12)
    expected = np.mean([average_precision(row) for row in found])
    assert mean_average_precision_at_r(X, y, *given, metric=metric) == pytest.approx(expected)


def test_one_neighbour_is_the_accuracy_of_one_neighbour():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(80, 4)), rng.integers(3, size=80)
    queries, wanted = rng.normal(size=(30, 4)), rng.integers(3, size=30)
    model = KNeighborsClassifier(1).fit(X, y)
    assert recall_at_k(X, y, queries, wanted, metric="euclidean") == pytest.approx(
        model.score(queries, wanted)
    )


@pytest.mark.parametrize("score", [recall_at_k, mean_average_precision_at_r])
def test_blocks_weights_labels_and_rotations(score, monkeypatch):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 3)), rng.integers(4, size=50)
    expected = score(X, y)
    names = np.array(["d", "a", "c", "b"])[y]
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    assert_allclose(score(X @ rotation, names), expected)
    assert_allclose(score(X, y, sample_weight=np.full(50, 3.0)), expected)
    one = [score(X, y, sample_weight=np.arange(50) == i) for i in range(50)]
    assert_allclose(np.mean(one), expected)
    weight = rng.integers(3, size=50)
    assert_allclose(score(X, y, sample_weight=weight), np.average(one, weights=weight))
    monkeypatch.setattr(_retrieval, "_BLOCK_NUMBERS", 150)
    assert_allclose(score(X, y), expected)


@pytest.mark.parametrize("score", [recall_at_k, mean_average_precision_at_r])
def test_a_class_of_one_row_finds_nothing_and_does_not_count(score):
    X, y = [[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]], ["a", "a", "b"]
    assert score(X, y) == 1.0
    assert score(X, y, [[1.0, 0.0], [0.0, 1.0]], ["a", "new"]) == 1.0
    with pytest.raises(ValueError, match="row of its class to find"):
        score(X, ["a", "b", "c"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"metric": "manhattan"}, "metric must be one of"),
        ({"X_query": [[1.0, 0.0]]}, "X_query and y_query must be given both"),
        ({"X_query": [[1.0]], "y_query": [0]}, "X_query must have 2 columns"),
        ({"k": 0}, "k must hold whole numbers"),
        ({"k": 1.5}, "k must hold whole numbers"),
    ],
)
def test_errors(change, words):
    with pytest.raises(ValueError, match=words):
        recall_at_k([[1.0, 0.0], [0.0, 1.0]], [0, 0], **change)
