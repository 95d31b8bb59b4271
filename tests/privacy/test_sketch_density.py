"""Densities from sketches: close where the sketch is, exact elsewhere, and honest about which."""

import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn.neighbors import KernelDensity

from skweight.privacy import SketchKernelDensity
from skweight.privacy._kernels import DISTANCES, exact_sums


def clusters(n, d, seed=0):
    rng = np.random.default_rng(seed)
    centres = rng.uniform(0.2, 0.8, size=(10, d))
    return np.clip(centres[rng.integers(0, 10, n)] + 0.1 * rng.normal(size=(n, d)), 0, 1)


def queries(d):
    rng = np.random.default_rng(1)
    return np.vstack([clusters(60, d), rng.uniform(-0.5, 1.5, size=(30, d)), np.full((1, d), 9.0)])


@pytest.mark.parametrize("kernel", ["gaussian", "exponential"])
@pytest.mark.parametrize(("d", "bandwidth"), [(1, 0.02), (3, 0.3), (10, 0.5)])
@pytest.mark.parametrize("rtol", [0.02, 0.1])
def test_densities_are_those_of_scikit_learn_within_rtol(kernel, d, bandwidth, rtol):
    X, Y = clusters(3000, d), queries(d)
    # Searching breadth first, it is off by factors of a thousand where densities are tiny.
    peer = KernelDensity(kernel=kernel, bandwidth=bandwidth, breadth_first=False)
    exact = peer.fit(X).score_samples(Y)
    model = SketchKernelDensity(kernel, bandwidth, rtol=rtol, random_state=0).fit(X)
    wrong = np.abs(np.expm1(model.score_samples(Y) - exact))
    # One query in 20 may be wrong by more, and hardly ever by much more.
    assert np.mean(wrong > rtol) <= 0.1
    assert wrong.max() < 3 * rtol


@pytest.mark.parametrize("kernel", DISTANCES)
@pytest.mark.parametrize("d", [1, 2, 6])
def test_means_of_all_kernels(kernel, d):
    X, Y = clusters(1000, d), queries(d)
    model = SketchKernelDensity(kernel, 0.5, random_state=0).fit(X)
    exact = exact_sums(kernel, 0.5, X, Y) / 1000
    assert np.mean(np.abs(model.kernel_mean(Y) - exact) > 0.05 * exact + 1e-15) <= 0.1
    alone = SketchKernelDensity(kernel, 0.5, rtol=None, random_state=0).fit(X)
    np.testing.assert_allclose(alone.kernel_mean(Y), exact, atol=0.03)


@pytest.mark.parametrize("algorithm", ["features", "race"])
def test_standard_errors_are_about_right(algorithm):
    X, Y = clusters(1000, 3), queries(3)[:60]
    exact = exact_sums("laplacian", 0.5, X, Y) / 1000
    ratios = []
    for seed in range(20):
        model = SketchKernelDensity(
            "laplacian", 0.5, algorithm=algorithm, n_features=512, rtol=None, random_state=seed
        ).fit(X)
        ratios.append((model.kernel_mean(Y) - exact) / model.standard_error(Y))
    assert 0.8 < np.sqrt(np.mean(np.square(ratios))) < 1.6  # 1.2 for Student's law with 7 degrees
    assert abs(np.mean(ratios)) < 0.3


def test_where_the_sketch_is_wrong_the_answer_is_exact():
    X = clusters(500, 5)
    model = SketchKernelDensity(bandwidth=0.1, n_features=64, rtol=0.01, random_state=0).fit(X)
    np.testing.assert_allclose(
        model.kernel_mean(X[:20]), exact_sums("gaussian", 0.1, X, X[:20]) / 500, rtol=1e-12
    )
    assert not model.standard_error(X[:20]).any()


def test_few_sketches_are_enough_for_easy_queries(monkeypatch):
    model = SketchKernelDensity(bandwidth=2.0, random_state=0).fit(clusters(500, 3))
    asked = []
    for k, sketch in enumerate(model._sketch.sketches):
        sums = sketch.kernel_sums
        monkeypatch.setattr(
            sketch, "kernel_sums", lambda Y, s, k=k, sums=sums: (asked.append(k), sums(Y, s))[1]
        )
    model.kernel_mean(clusters(9, 3))
    assert asked == [0, 1, 2]


def test_without_rtol_no_row_is_kept():
    sizes = []
    for n in (100, 5000):
        model = SketchKernelDensity(rtol=None, n_features=64, random_state=0).fit(clusters(n, 3))
        assert model._rows is None
        sizes.append(len(pickle.dumps(model)))
    assert abs(sizes[0] - sizes[1]) < 32


def test_far_away_without_rtol_densities_have_a_floor():
    X = clusters(500, 3)
    model = SketchKernelDensity(bandwidth=0.1, rtol=None, n_features=64, random_state=0).fit(X)
    assert np.isfinite(model.score_samples(queries(3))).all()
    assert model.score(queries(3)) == pytest.approx(model.score_samples(queries(3)).sum())
    weight = np.arange(91.0)
    assert model.score(queries(3), sample_weight=weight) == pytest.approx(
        model.score_samples(queries(3)) @ weight
    )


@pytest.mark.parametrize("d", [1, 3])
def test_weights_are_copies_of_rows(d):
    X = clusters(200, d)
    weight = np.arange(200) % 4.0
    shared = {"bandwidth": 0.3, "n_features": 64, "random_state": 0}
    weighted = SketchKernelDensity(**shared).fit(X, sample_weight=weight)
    copied = SketchKernelDensity(**shared).fit(np.repeat(X, weight.astype(int), axis=0))
    Y = queries(d)
    np.testing.assert_allclose(weighted.score_samples(Y), copied.score_samples(Y), rtol=1e-9)
    scaled = SketchKernelDensity(**shared).fit(X, sample_weight=1e-3 * weight)
    np.testing.assert_allclose(weighted.score_samples(Y), scaled.score_samples(Y), rtol=1e-4)


def test_sparse_rows_are_dense_ones():
    X = clusters(300, 4)
    X[X < 0.5] = 0
    for rtol in (None, 0.05):
        model = SketchKernelDensity(bandwidth=0.5, rtol=rtol, n_features=256, random_state=0)
        dense = model.fit(X).score_samples(X[:20])
        compressed = model.fit(sparse.csr_matrix(X)).score_samples(sparse.csr_matrix(X[:20]))
        np.testing.assert_allclose(dense, compressed, rtol=1e-6)


def test_rules_of_bandwidths_are_those_of_scikit_learn():
    X = clusters(300, 2)
    for rule in ("scott", "silverman"):
        exact = KernelDensity(bandwidth=rule).fit(X)
        model = SketchKernelDensity(bandwidth=rule, n_features=64, random_state=0).fit(X)
        assert model.bandwidth_ == exact.bandwidth_


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"rtol": 0.0}, "The 'rtol' parameter"),
        ({"n_features": 7}, "The 'n_features' parameter"),
        ({"bandwidth": np.inf}, "bandwidth"),
        ({"algorithm": "histogram"}, "algorithm='histogram' needs one feature, got 2"),
        ({"algorithm": "race"}, "algorithm='race' is for kernel='laplacian'"),
        (
            {"kernel": "laplacian", "structured": True},
            "structured=True is for kernels of Eucl",
        ),
        ({"rational_terms": 3}, "rational_terms must be 'random' with kernel='gaussian', got 3"),
    ],
)
def test_bad_parameters_have_their_sentence(parameters, message):
    with pytest.raises(ValueError, match=message):
        SketchKernelDensity(**parameters).fit(clusters(20, 2))


def test_a_constant_feature_is_fine():
    X = np.full((50, 1), 3.0)
    model = SketchKernelDensity(bandwidth=0.5).fit(X)
    expected = KernelDensity(bandwidth=0.5).fit(X).score_samples([[3.0], [3.5]])
    np.testing.assert_allclose(model.score_samples([[3.0], [3.5]]), expected, atol=1e-3)
