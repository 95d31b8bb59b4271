"""Private kernel densities: what they estimate, of how many rows, and what they refuse."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.neighbors import KernelDensity

from skweight.privacy import PrivacyAccountant, PrivacyLeakWarning, PrivateKernelDensity
from skweight.privacy._kernels import DISTANCES, exact_sums

# Noise so small that what is left is the sketch's own error.
HARDLY = {"epsilon": 1e6, "bounds": (0, 1)}


def clusters(n, d, seed=0):
    rng = np.random.default_rng(seed)
    centres = rng.uniform(0.2, 0.8, size=(10, d))
    return np.clip(centres[rng.integers(0, 10, n)] + 0.1 * rng.normal(size=(n, d)), 0, 1)


# ------------------------------------------------------------------ what is estimated


@pytest.mark.parametrize(
    ("algorithm", "d", "tolerance"),
    [("histogram", 1, 1e-3), ("bernstein", 1, 1e-3), ("features", 1, 5e-3), ("features", 2, 0.01)],
)
@pytest.mark.parametrize("kernel", ["gaussian", "exponential"])
def test_log_densities_are_those_of_scikit_learn(algorithm, d, tolerance, kernel):
    X, Y = clusters(2000, d), clusters(50, d)
    exact = KernelDensity(kernel=kernel, bandwidth=0.2).fit(X)
    model = PrivateKernelDensity(
        kernel, 0.2, algorithm=algorithm, n_features=8192, n_hint=10**7, **HARDLY
    ).fit(X)
    tolerance *= 5 if kernel == "exponential" else 1
    np.testing.assert_allclose(model.score_samples(Y), exact.score_samples(Y), atol=tolerance)
    np.testing.assert_allclose(model.score(Y), exact.score(Y), atol=50 * tolerance)
    assert model.algorithm_ == algorithm


@pytest.mark.parametrize("kernel", DISTANCES)
@pytest.mark.parametrize("d", [1, 3])
def test_sums_of_all_kernels(kernel, d):
    X, Y = clusters(1000, d), clusters(20, d, seed=1)
    model = PrivateKernelDensity(kernel, 0.5, n_features=8192, **HARDLY).fit(X)
    expected = exact_sums(kernel, 0.5, X, Y)
    np.testing.assert_allclose(model.kernel_sum(Y), expected, atol=15)
    np.testing.assert_allclose(model.kernel_mean(Y), expected / 1000, atol=0.015)


@pytest.mark.parametrize("kernel", ["gaussian", "exponential", "laplacian", "rational_sqeuclidean"])
def test_densities_integrate_to_one(kernel):
    X = clusters(500, 1)
    model = PrivateKernelDensity(kernel, 0.1, **HARDLY).fit(X)
    Y = np.linspace(-10, 11, 10_001)[:, None]
    mass = np.exp(model.score_samples(Y)).sum() * (Y[1, 0] - Y[0, 0])
    outside = 2 * 0.1 / (np.pi * 10.5) if kernel == "rational_sqeuclidean" else 0
    assert abs(mass + outside - 1) < 2e-4


@pytest.mark.parametrize("rule", ["scott", "silverman"])
def test_bandwidth_rules_are_those_of_scikit_learn(rule):
    X = clusters(300, 2)
    exact = KernelDensity(bandwidth=rule).fit(X)
    model = PrivateKernelDensity(bandwidth=rule, n_hint=300, n_features=64, bounds=(0, 1)).fit(X)
    assert model.bandwidth_ == exact.bandwidth_


def test_sparse_rows_release_the_same_bits():
    X = clusters(300, 4)
    X[X < 0.4] = 0
    for more in ({}, {"structured": True}, {"n_components": 3}):
        model = PrivateKernelDensity(bounds=(0, 1), n_features=50, random_state=0, **more)
        dense, compressed = clone(model).fit(X), clone(model).fit(sparse.csr_matrix(X))
        np.testing.assert_array_equal(dense.release_["features"], compressed.release_["features"])
        np.testing.assert_allclose(
            compressed.score_samples(sparse.csr_matrix(X[:9])), dense.score_samples(X[:9])
        )


def test_threads_change_nothing():
    X = clusters(3000, 4)
    one, two = (
        PrivateKernelDensity(bounds=(0, 1), n_features=256, random_state=0, n_jobs=n_jobs).fit(X)
        for n_jobs in (None, 2)
    )
    np.testing.assert_array_equal(one.release_["features"], two.release_["features"])


# ------------------------------------------------------------------ the number of rows


def test_nothing_spent_on_the_number_of_rows_means_no_means():
    X = clusters(100, 2)
    model = PrivateKernelDensity(count_share=0.0, n_features=64, bounds=(0, 1)).fit(X)
    assert model.noisy_n_ is None
    assert set(model.release_) == {"features"}
    for method in (model.kernel_mean, model.score_samples, model.score):
        with pytest.raises(ValueError, match="needs the number of rows, which nothing was spent"):
            method(X)
    assert model.kernel_sum(X).shape == (100,)


def test_the_number_of_rows_is_public_where_rows_are_replaced():
    X = clusters(137, 2)
    model = PrivateKernelDensity(adjacency="replace", n_features=64, bounds=(0, 1)).fit(X)
    assert model.noisy_n_ == 137
    assert set(model.noise_scale_) == {"features"}
    model = PrivateKernelDensity(
        adjacency="replace", max_weight=1.0, n_features=64, bounds=(0, 1)
    ).fit(X)
    assert "count" in model.noise_scale_  # weights are private


def test_the_number_of_rows_is_noisy_otherwise():
    X = clusters(2000, 2)
    shared = {"n_features": 64, "bounds": (0, 1)}
    counts = [PrivateKernelDensity(**shared).fit(X).noisy_n_ for _ in range(300)]
    assert abs(np.mean(counts) - 2000) < 4 * np.std(counts) / np.sqrt(300)
    assert abs(np.std(counts) / (np.sqrt(2) / 0.1) - 1) < 0.25
    model = PrivateKernelDensity(**HARDLY).fit(X[:, :1])
    assert model.noisy_n_ == pytest.approx(2000, abs=0.01)  # the histogram has it
    assert set(model.release_) == {"cells"}
    model = PrivateKernelDensity(
        "laplacian", algorithm="race", count_share=0.0, n_features=64, **HARDLY
    ).fit(X)
    assert model.noisy_n_ == pytest.approx(2000, abs=0.01)


def test_a_density_has_a_floor():
    X = clusters(2000, 2)
    far = np.full((1, 2), 50.0)
    model = PrivateKernelDensity(bandwidth=0.1, n_features=64, bounds=(0, 1), count_share=0.5)
    model.fit(X)
    least = model.standard_error(far) / max(model.noisy_n_, 1) / (2 * np.pi * 0.01)
    assert (model.score_samples(far) >= np.log(least) - 1e-12).all()
    model.set_params(density_floor=5.0).fit(X)
    assert (model.score_samples(np.vstack([far, X])) >= np.log(5.0)).all()
    empty = PrivateKernelDensity(n_features=64, bounds=(0, 1)).fit(np.empty((0, 2)))
    assert np.isfinite(empty.score_samples(X[:5])).all()


# ------------------------------------------------------------------ weights


def test_weights_are_copies_of_rows():
    X = clusters(200, 2)
    weight = np.arange(200) % 4.0
    model = PrivateKernelDensity(max_weight=4.0, n_features=256, **HARDLY)
    weighted = clone(model).fit(X, sample_weight=weight)
    copied = clone(model).fit(np.repeat(X, weight.astype(int), axis=0))
    np.testing.assert_allclose(weighted.kernel_sum(X), copied.kernel_sum(X), atol=0.1)
    assert weighted.noisy_n_ == pytest.approx(weight.sum(), abs=0.1)


def test_noise_is_in_proportion_to_the_largest_weight():
    X = clusters(50, 2)
    for delta in (0.0, 1e-6):
        shared = {"n_features": 64, "bounds": (0, 1), "delta": delta}
        plain = PrivateKernelDensity(**shared).fit(X)
        heavy = PrivateKernelDensity(max_weight=8.0, **shared).fit(X)
        np.testing.assert_allclose(
            heavy.standard_error(X[:2]), 8 * plain.standard_error(X[:2]), rtol=1e-6
        )


# ------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("parameters", "d", "message"),
    [
        ({"kernel": "cosine"}, 2, "The 'kernel' parameter"),
        ({"bandwidth": 0.0}, 2, "The 'bandwidth' parameter"),
        ({"bandwidth": np.inf}, 2, "bandwidth must be finite|The 'bandwidth' parameter"),
        ({"epsilon": 0.0}, 2, "The 'epsilon' parameter"),
        ({"epsilon": np.nan}, 2, "epsilon"),
        ({"delta": 1.0}, 2, "The 'delta' parameter"),
        ({"count_share": 1.0}, 2, "The 'count_share' parameter"),
        ({"density_floor": 0.0}, 2, "The 'density_floor' parameter"),
        ({"bounds": (1, 0)}, 2, "bounds must have low below high"),
        ({"algorithm": "histogram"}, 2, "algorithm='histogram' needs one feature, got 2"),
        ({"algorithm": "bernstein"}, 4, "algorithm='bernstein' needs at most 3 features, got 4"),
        ({"algorithm": "race"}, 2, "algorithm='race' is for kernel='laplacian' or 'rational_manh"),
        ({"algorithm": "bernstein", "n_components": 1}, 2, "n_components needs algorithm='featur"),
        ({"kernel": "laplacian", "structured": True}, 2, "structured=True is for kernels of Eucl"),
        ({"kernel": "laplacian", "n_components": 2}, 2, "n_components is for kernels of Euclidean"),
        ({"rational_terms": 6}, 2, "rational_terms must be 'random' with kernel='gaussian', got 6"),
        (
            {"kernel": "rational_euclidean", "rational_terms": 9, "n_features": 8},
            2,
            "n_features must be at least rational_terms=9, got 8",
        ),
        ({"epsilon": 1e-9, "n_features": 64}, 2, "epsilon is too small for noise that fits"),
        (
            {"epsilon": 1e-7, "n_features": 64, "delta": 1e-15, "max_weight": 1.0},
            2,
            "epsilon is too small for noise that fits",
        ),
        ({"compute_dtype": "float32", "bounds": (0, 1e39)}, 2, "bounds are too wide or too narrow"),
    ],
)
def test_bad_parameters_have_their_sentence(parameters, d, message):
    accountant = PrivacyAccountant(epsilon=100.0, delta=0.5)
    given = {"bounds": (0, 1), "n_features": 16, **parameters, "accountant": accountant}
    with pytest.raises(ValueError, match=message):
        PrivateKernelDensity(**given).fit(clusters(20, d))


def test_a_bad_combination_is_refused_before_it_costs_anything():
    accountant = PrivacyAccountant(epsilon=1.0)
    with pytest.raises(ValueError, match="algorithm='histogram'"):
        PrivateKernelDensity(algorithm="histogram", accountant=accountant).fit(clusters(20, 2))
    assert accountant.spent == (0.0, 0.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_errors_say_nothing_of_rows(bad):
    X = clusters(20, 2)
    X[13, 1] = bad
    X[3, 0] = 0.123456789
    for rows in (X, sparse.csr_matrix(X)):
        with pytest.raises(ValueError, match=r"^Input X contains") as caught:
            PrivateKernelDensity(bounds=(0, 1), n_features=16).fit(rows)
        assert "13" not in str(caught.value)
        assert "0.123" not in str(caught.value)
        model = PrivateKernelDensity(bounds=(0, 1), n_features=16, nonfinite="clip").fit(rows)
        assert np.isfinite(model.score_samples(X[:9])).all()


def test_bounds_from_rows_and_seeds_warn_and_void_the_guarantee():
    X = clusters(200, 2)
    with pytest.warns(PrivacyLeakWarning, match="bounds are taken from the rows"):
        model = PrivateKernelDensity(n_features=16).fit(sparse.csr_matrix(X))
    assert not model.privacy_spent_.valid
    np.testing.assert_array_equal(model.bounds_, [X.min(axis=0), X.max(axis=0)])
    with pytest.warns(PrivacyLeakWarning, match="random_state seeds the noise"):
        model = PrivateKernelDensity(n_features=16, bounds=(0, 1), random_state=0).fit(X)
    assert not model.privacy_spent_.valid
    assert PrivateKernelDensity(n_features=16, bounds=(0, 1)).fit(X).privacy_spent_.valid


def test_queries_outside_matter_to_polynomials_alone():
    X, far = clusters(50, 1), np.array([[3.0]])
    model = PrivateKernelDensity(algorithm="bernstein", bounds=(0, 1)).fit(X)
    with pytest.warns(UserWarning, match="outside of the bounds; kernel sums there are taken"):
        outside = model.kernel_sum(far)
    np.testing.assert_array_equal(outside, model.kernel_sum([[1.0]]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for algorithm in ("histogram", "features"):
            model = PrivateKernelDensity(
                bandwidth=0.5, algorithm=algorithm, n_features=2048, **HARDLY
            ).fit(X)
            exact = exact_sums("gaussian", 0.5, X, far)
            np.testing.assert_allclose(model.kernel_sum(far), exact, atol=0.2)


def test_queries_need_a_release():
    model = PrivateKernelDensity(n_features=16, bounds=(0, 1))
    with pytest.raises(NotFittedError, match="call fit"):
        model.score_samples([[0.0, 0.0]])
    model.partial_fit(clusters(9, 2))
    with pytest.raises(NotFittedError, match="call release"):
        model.kernel_sum([[0.0, 0.0]])
