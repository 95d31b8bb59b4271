"""Rows add up to the same bits in any order, in any blocks, on any worker and in any container."""

import itertools
import pickle
import warnings

import joblib
import numpy as np
import pytest

from skweight.privacy import PrivacyLeakWarning, PrivateDistanceSum

KINDS = {
    "manhattan": {},
    "sums": {"method": "sums"},
    "weights": {"max_weight": 3.0},
    "replace": {"adjacency": "replace", "method": "rings"},
    "float32": {"compute_dtype": "float32"},
    "sqeuclidean": {"metric": "sqeuclidean"},
    "sqeuclidean, short": {"metric": "sqeuclidean", "norm_bound": 1.0},
    "sqeuclidean, float32": {"metric": "sqeuclidean", "compute_dtype": "float32"},
    "euclidean": {"metric": "euclidean", "n_projections": 17},
    "euclidean, float32": {
        "metric": "euclidean",
        "n_projections": 17,
        "norm_bound": 1.0,
        "compute_dtype": "float32",
    },
}
kinds = pytest.mark.parametrize("kind", KINDS)


def rows(n=301, d=7, seed=0):
    """Rows in and around the bounds, with repeated and special values."""
    rng = np.random.default_rng(seed)
    X = rng.normal(0.4, 0.5, size=(n, d))
    X[rng.uniform(size=X.shape) < 0.1] = 0.0
    X[rng.uniform(size=X.shape) < 0.1] = 1.0
    X[::17] = 0.5
    X[5] = 1e300
    X[6, :3] = -1e300
    return X


def accumulated(X, kind, **more):
    model = PrivateDistanceSum(bounds=(0, 1), depth=None, **KINDS[kind])
    return model.partial_fit(X, **more)


def assert_same(one, other):
    one, other = one._accumulator.arrays, other._accumulator.arrays
    assert one.keys() == other.keys()
    for name, array in one.items():
        assert array.dtype == np.int64
        np.testing.assert_array_equal(array, other[name])


@kinds
def test_every_row_alone(kind):
    X = rows(61)
    whole = accumulated(X, kind)
    single = accumulated(X[:1], kind)
    for row in X[1:]:
        single.merge(accumulated(row[None], kind))
    assert_same(single, whole)


@kinds
def test_order_does_not_matter(kind):
    X, rng = rows(), np.random.default_rng(1)
    whole = accumulated(X, kind)
    for _ in range(3):
        assert_same(accumulated(X[rng.permutation(len(X))], kind), whole)
    # A row's neighbours in a vector register are others then.
    for drop in range(1, 9):
        parts = accumulated(X[:drop], kind).merge(accumulated(X[drop:], kind))
        assert_same(parts, whole)


@kinds
def test_merging_in_any_order(kind):
    X = rows()
    whole = accumulated(X, kind)
    cuts = [X[:7], X[7:7], X[7:208], X[208:]]
    for order in itertools.permutations(range(4)):
        parts = [accumulated(cuts[k], kind, block_id=k) for k in order]
        assert_same(parts[0].merge(parts[1].merge(parts[2])).merge(parts[3]), whole)


@kinds
def test_blocks_inside_of_a_call_do_not_matter(kind, monkeypatch):
    from skweight.privacy import _bounds, _moments, _tree

    X = rows()
    whole = accumulated(X, kind)
    for size in (1, 2, 13, 64):
        for module in (_tree, _moments):
            monkeypatch.setattr(module, "row_blocks", lambda n, _, s=size: _bounds.row_blocks(n, s))
        assert_same(accumulated(X, kind), whole)


@kinds
def test_memory_layout_does_not_matter(kind):
    X = rows()
    whole = accumulated(X, kind)
    wide = np.repeat(X, 2, axis=1)
    for same in (np.asfortranarray(X), wide[:, ::2], np.ascontiguousarray(X[::-1])[::-1]):
        assert_same(accumulated(same, kind), whole)


@kinds
def test_float32_input_counts_as_the_same_numbers_in_float64(kind):
    X = np.clip(rows(), -1e30, 1e30).astype(np.float32)
    assert_same(accumulated(X, kind), accumulated(X.astype(np.float64), kind))
    whole = np.random.default_rng(0).integers(-1, 3, size=(50, 4))
    assert_same(accumulated(whole, kind), accumulated(whole.astype(float), kind))


@kinds
def test_a_neighbour_differs_by_its_own_row(kind):
    X = rows()
    without = accumulated(np.delete(X, 100, axis=0), kind)._accumulator.arrays
    alone = accumulated(X[100:101], kind)._accumulator.arrays
    for name, array in accumulated(X, kind)._accumulator.arrays.items():
        np.testing.assert_array_equal(array - without[name], alone[name])


DIFFERENT = {
    "epsilon": 2.0,
    "delta": 1e-6,
    "adjacency": "replace",
    "bounds": (0, 2),
    "depth": 6,
    "method": "rings",
    "consistency": False,
    "n_hint": 100,
    "projection_seed": 1,
    "n_projections": 9,
    "norm_bound": 0.25,
    "max_weight": 1.0,
    "compute_dtype": "float32",
    "nonfinite": "clip",
    "metric": "manhattan",
}


@pytest.mark.parametrize(("name", "value"), DIFFERENT.items())
def test_what_does_not_agree_is_not_merged(name, value):
    shared = {"metric": "euclidean", "bounds": (0, 1)}
    one = PrivateDistanceSum(**shared).partial_fit(rows())
    other = PrivateDistanceSum(**{**shared, name: value}).partial_fit(rows())
    with pytest.raises(ValueError, match=f"{name} must be the same"):
        one.merge(other)
    # Nothing was lost or added by the attempt.
    assert_same(one, PrivateDistanceSum(**shared).partial_fit(rows()))
    other.release()


def test_features_must_agree():
    pd = pytest.importorskip("pandas")
    one, other = (PrivateDistanceSum(bounds=(0, 1)).partial_fit(rows(d=d)) for d in (3, 4))
    with pytest.raises(ValueError, match="n_features must be the same"):
        one.merge(other)
    frames = [pd.DataFrame(rows(d=3), columns=list(names)) for names in ("abc", "acb")]
    one, other = (PrivateDistanceSum(bounds=(0, 1)).partial_fit(frame) for frame in frames)
    with pytest.raises(ValueError, match="feature_names_in_ must be the same"):
        one.merge(other)


def _of_a_partition(part, kind):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PrivacyLeakWarning)
        return pickle.dumps(accumulated(part, kind))


@pytest.mark.parametrize("kind", ["manhattan", "euclidean"])
def test_workers_add_up_and_one_place_releases(kind):
    pytest.importorskip("cryptography")
    X = rows()
    parts = joblib.Parallel(n_jobs=2)(
        joblib.delayed(_of_a_partition)(part, kind) for part in np.array_split(X, 4)
    )
    first, *others = map(pickle.loads, parts)
    for other in others:
        first.merge(other)
    assert_same(first, accumulated(X, kind))
    assert first.release().privacy_spent_.valid


def test_one_seed_gives_one_release_in_any_order():
    X = rows()
    parts = [X[:100], X[100:120], X[120:]]
    releases = []
    for order in ([0, 1, 2], [2, 0, 1]):
        models = [
            PrivateDistanceSum(bounds=(0, 1), random_state=5).partial_fit(parts[k]) for k in order
        ]
        merged = models[0].merge(models[1]).merge(models[2])
        with pytest.warns(PrivacyLeakWarning):
            releases.append(merged.release())
    for name, array in releases[0].release_.items():
        np.testing.assert_array_equal(array, releases[1].release_[name])
