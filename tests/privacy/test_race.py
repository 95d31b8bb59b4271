"""Random hashes: they collide as the kernel says, and a row has one bucket in each table."""

import numpy as np
import pytest

from skweight.privacy import _race, _race_kernel
from skweight.privacy._kernels import exact_sums
from skweight.privacy._race import RaceSketch

x, y = np.array([[0.1, 0.2, 0.9]]), np.array([[0.3, 0.25, 0.6]])


def box(d):
    return np.array([np.zeros(d), np.ones(d)])


@pytest.mark.parametrize("kernel", ["laplacian", "rational_manhattan"])
@pytest.mark.parametrize("bandwidth", [0.1, 0.7])
def test_hashes_collide_as_the_kernel_says(kernel, bandwidth):
    sketch = RaceSketch(kernel, bandwidth, box(3), "float64", 100_000, 0)
    exact = exact_sums(kernel, bandwidth, x, y)[0]
    buckets = sketch._buckets(np.vstack([x, y]), _race, clip=True)
    share = np.mean(buckets[0] == buckets[1])
    chance = exact + (1 - exact) / 1024
    assert abs(share - chance) < 4 * np.sqrt(chance * (1 - chance) / 100_000)


@pytest.mark.parametrize("kernel", ["laplacian", "rational_manhattan"])
def test_sums_are_unbiased_over_seeds(kernel):
    X = np.random.default_rng(0).uniform(size=(30, 3))
    got = []
    for seed in range(2000):
        sketch = RaceSketch(kernel, 0.5, box(3), "float64", 4, seed)
        got.append(sketch.kernel_sums(y, sketch.sums(X))[0])
    exact = exact_sums(kernel, 0.5, X, y)[0]
    assert abs(np.mean(got) - exact) < 4 * np.std(got) / np.sqrt(2000)


@pytest.mark.parametrize("kernel", ["exponential", "rational_euclidean"])
def test_in_one_dimension_distances_are_the_same(kernel):
    X, Y = np.random.default_rng(0).uniform(size=(50, 1)), np.array([[0.2], [0.9]])
    sketch = RaceSketch(kernel, 0.5, box(1), "float64", 20_000, 0)
    exact = exact_sums(kernel, 0.5, X, Y)
    np.testing.assert_allclose(sketch.kernel_sums(Y, sketch.sums(X)), exact, rtol=0.02)


def test_different_cells_share_a_bucket_by_chance():
    # Far apart, nothing but chance is left: one in 1024.
    sketch = RaceSketch("laplacian", 1e-3, box(3), "float64", 200_000, 0)
    buckets = sketch._buckets(np.vstack([x, y]), _race, clip=True)
    share = np.mean(buckets[0] == buckets[1])
    assert abs(share - 1 / 1024) < 4 * np.sqrt(1 / 1024 / 200_000)
    counts = np.bincount(buckets[0], minlength=1024)
    assert np.abs(counts - 200_000 / 1024).max() < 6 * np.sqrt(200_000 / 1024)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_compiled_steps_give_the_same_buckets(dtype):
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(60, 5))
    X = np.vstack([X, X * 1e9, -X * 1e30, X[:1] * (1e300 if dtype == np.float64 else 3e38)])
    sketch = RaceSketch("rational_manhattan", 0.01, box(5), dtype, 90, 1)
    parts = sketch._rates, sketch._shifts, sketch._factors, sketch._terms, 10
    out = [np.empty((len(X), 90), dtype=np.int64) for _ in range(2)]
    _race.buckets(X.astype(dtype), *parts, out[0])
    _race_kernel.buckets(X.astype(dtype), *parts, out[1])
    np.testing.assert_array_equal(*out)
    assert out[0].min() >= 0
    assert out[0].max() < 1024
    weight = rng.integers(0, 1025, len(X))
    for times in (np.empty(0, dtype=np.int64), weight):
        counts = [np.zeros((90, 1024), dtype=np.int64) for _ in range(2)]
        for steps, part in zip((_race, _race_kernel), counts):
            steps.count(out[0], times, part)
        np.testing.assert_array_equal(*counts)


def test_a_row_is_in_one_bucket_of_each_table():
    sketch = RaceSketch("laplacian", 0.3, box(2), "float64", 33, 0)
    rows = np.vstack([np.random.default_rng(0).normal(size=(50, 2)), [[1e308, -1e308]]])
    for row in rows:
        counts = sketch.sums(row[None])
        np.testing.assert_array_equal(counts.sum(axis=1), 1)
        assert counts.max() == 1
    whole = sketch.sums(rows)
    np.testing.assert_array_equal(whole, sum(sketch.sums(row[None]) for row in rows))
    np.testing.assert_array_equal(whole, sketch.sums(rows[::-1]))
    assert sketch.total(whole)[0] == 51


def test_where_the_kernel_is_small_hashes_are_less_random_than_waves():
    from skweight.privacy._feature_sums import FeatureMap
    from skweight.privacy._frequencies import draw_frequencies

    X = np.random.default_rng(0).uniform(size=(2000, 8))
    exact = exact_sums("laplacian", 0.5, X, X[:50])
    assert exact.mean() / 2000 < 0.011
    race = RaceSketch("laplacian", 0.5, box(8), "float64", 512, 0)
    drawn = draw_frequencies("laplacian", 0.5, 8, 512, 0, rational_terms="random")
    waves = FeatureMap(box(8), drawn, "float64")
    wrong = [sketch.kernel_sums(X[:50], sketch.sums(X)) - exact for sketch in (race, waves)]
    errors = [np.abs(each).mean() for each in wrong]
    assert errors[0] < 0.5 * errors[1]
