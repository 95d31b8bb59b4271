"""Private kernel densities: right without noise, as noisy as promised, and no row left behind."""

import pickle
import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.neighbors import KernelDensity

from skweight.privacy import (
    BudgetExceededError,
    PrivacyAccountant,
    PrivacyLeakWarning,
    PrivateKernelDensity,
)
from skweight.privacy._calibration import gaussian_z
from skweight.privacy._density_options import DensityOptions
from skweight.privacy._density_plan import make_noise, make_sketch
from skweight.privacy._kernels import DISTANCES, exact_sums
from skweight.privacy._keystream import SecureWords
from skweight.privacy._tree_split import Budget

# Noise so small that what is left is the sketch's own error.
HARDLY = {"epsilon": 1e6, "bounds": (0, 1)}
ALGORITHMS = [
    ("histogram", "gaussian", 1),
    ("features", "gaussian", 2),
    ("bernstein", "gaussian", 2),
    ("race", "laplacian", 2),
]


def clusters(n, d, seed=0):
    rng = np.random.default_rng(seed)
    centres = rng.uniform(0.2, 0.8, size=(10, d))
    return np.clip(centres[rng.integers(0, 10, n)] + 0.1 * rng.normal(size=(n, d)), 0, 1)


def budget(epsilon=1.0, delta=0.0, copies=1, units=1):
    return Budget(epsilon, delta, "gaussian" if delta else "laplace", copies, units)


def box(d):
    return np.array([np.zeros(d), np.ones(d)])


def sketch_and_noise(algorithm, kernel, d, given, share=0.0, **options):
    options = DensityOptions(kernel, 0.3, algorithm, **options)
    sketch = make_sketch(options, box(d), given)
    return sketch, make_noise(sketch, given, share)


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


# ------------------------------------------------------------------ how noisy it is


def noise_of_sums(sketch, noise, d, n_releases):
    """Kernel sums of no rows, noise alone, at queries so far apart that they share none of it."""
    Y = np.full((4, d), 0.4) + 5.0 * np.arange(4)[:, None]
    zeros = np.zeros((n_releases, sketch.rows.width), dtype=np.int64)
    noisy = noise.mechanisms()["sums"](zeros, SecureWords())
    return noisy @ sketch.rows.queries(Y).T


@pytest.mark.parametrize("q", [64, pytest.param(4096, marks=pytest.mark.slow)])
@pytest.mark.parametrize("share", [0.0, 0.1])
def test_gaussian_noise_does_not_depend_on_the_number_of_features(q, share):
    given = budget(1.0, 1e-6)
    sketch, noise = sketch_and_noise("features", "gaussian", 3, given, share, n_features=q)
    sums = noise_of_sums(sketch, noise, 3, 2000)
    assert abs(sums.std() / (4.2247 * np.sqrt(1 + share)) - 1) < 0.05
    if share:
        z = gaussian_z(1.0, 1e-6)
        assert noise.scales["counts"] == pytest.approx(z * np.sqrt((1 + share) / share))


@pytest.mark.parametrize("share", [0.0, 0.1])
def test_pure_noise_grows_with_the_root_of_the_number_of_features(share):
    for q in (16, 256):
        given = budget(0.5)
        sketch, noise = sketch_and_noise("features", "gaussian", 3, given, share, n_features=q)
        sums = noise_of_sums(sketch, noise, 3, 2000)
        assert abs(sums.std() / (2 * np.sqrt(q) / (0.5 * (1 - share))) - 1) < 0.05
    if share:
        assert float(noise.scales["counts"]) == pytest.approx(1 / (0.5 * share))


def test_noise_of_a_rational_sum_is_that_of_its_weights():
    given = budget(1.0, 1e-6)
    sketch, noise = sketch_and_noise(
        "features", "rational_manhattan", 2, given, n_features=256, rational_terms=8
    )
    sums = noise_of_sums(sketch, noise, 2, 2000)
    assert abs(sums.std() / 4.2247 - 1) < 0.06


@pytest.mark.parametrize(("algorithm", "kernel", "d"), ALGORITHMS)
@pytest.mark.parametrize("delta", [0.0, 1e-6])
def test_standard_errors_are_what_noise_does(algorithm, kernel, d, delta):
    given = budget(1.0, delta)
    options = {"n_features": 8, "bernstein_degree": 4}
    sketch, noise = sketch_and_noise(algorithm, kernel, d, given, **options)
    Y = np.vstack([np.full((1, d), 0.5), np.zeros((1, d)), clusters(3, d)])
    zeros = np.zeros((4000, *sketch.sums(np.empty((0, d))).shape), dtype=np.int64)
    noisy = noise.mechanisms()["sums"](zeros, SecureWords())
    drawn = np.array([sketch.kernel_sums(Y, sums) for sums in noisy])
    expected = np.sqrt(sketch.gains(Y) * noise.variance("sums"))
    # The standard deviation of so many releases has an error of 1.1 %, or 1.8 % with heavy tails.
    np.testing.assert_allclose(drawn.std(axis=0), expected, rtol=0.08)


def test_standard_error_is_the_analytic_one():
    X = clusters(100, 3)
    shared = {"n_features": 400, "bounds": (0, 1), "kernel": "exponential"}
    pure = PrivateKernelDensity(epsilon=0.5, count_share=0.2, **shared).fit(X)
    np.testing.assert_allclose(pure.standard_error(X[:3]), 2 * 20 / (0.5 * 0.8), rtol=1e-5)
    gauss = PrivateKernelDensity(epsilon=0.5, delta=1e-6, count_share=0.2, **shared).fit(X)
    expected = gaussian_z(0.5, 1e-6) * np.sqrt(1.2)
    np.testing.assert_allclose(gauss.standard_error(X[:3]), expected, rtol=1e-5)
    double = PrivateKernelDensity(adjacency="replace", epsilon=0.5, delta=1e-6, **shared).fit(X)
    np.testing.assert_allclose(double.standard_error(X[:3]), 2 * gaussian_z(0.5, 1e-6), rtol=1e-5)


@pytest.mark.parametrize(("algorithm", "kernel", "d"), ALGORITHMS)
def test_twice_the_epsilon_is_half_the_scale(algorithm, kernel, d):
    given = {"n_features": 32, "bernstein_degree": 4, "bounds": (0, 1)}
    one, two = (
        PrivateKernelDensity(kernel, algorithm=algorithm, epsilon=epsilon, **given).fit(
            clusters(50, d)
        )
        for epsilon in (0.5, 1.0)
    )
    assert one.noise_scale_.keys() == two.noise_scale_.keys()
    for name, scale in one.noise_scale_.items():
        assert scale == 2 * two.noise_scale_[name]


@pytest.mark.parametrize(("algorithm", "kernel", "d"), ALGORITHMS)
@pytest.mark.parametrize("copies", [1, 2])
def test_neighbours_move_sums_by_no_more_than_declared(algorithm, kernel, d, copies):
    given = budget(copies=copies)
    sketch, _ = sketch_and_noise(algorithm, kernel, d, given, n_features=32, bernstein_degree=6)
    rng = np.random.default_rng(0)
    n = 100 if copies == 1 else 20
    X = np.vstack([rng.uniform(size=(n, d)), rng.choice([0.0, 1.0, 1e300, -7.0], size=(n, d))])
    one = np.array([sketch.sums(X[i : i + 1]).ravel() for i in range(len(X))])
    moved = one if copies == 1 else (one[:, None] - one).reshape(-1, one.shape[1])
    absolute, squared = sketch.moved(copies)
    assert np.abs(moved).sum(axis=1).max() <= absolute
    assert (moved**2).sum(axis=1).max() <= squared
    assert np.abs(one).max() <= sketch.largest
    # And the bound is nearly reached, so that no noise is wasted.
    if copies == 1:
        assert np.abs(moved).sum(axis=1).max() > 0.8 * absolute
        assert (moved**2).sum(axis=1).max() > 0.9 * squared


@pytest.mark.parametrize("share", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("units", [1, 1024])
@pytest.mark.parametrize("copies", [1, 2])
def test_the_budget_is_kept_in_exact_arithmetic(share, units, copies):
    from fractions import Fraction

    for epsilon in (0.1, 1.0, 0.3):
        given = budget(epsilon, copies=copies, units=units)
        sketch, noise = sketch_and_noise("features", "gaussian", 2, given, share, n_features=50)
        absolute, squared = sketch.moved(copies)
        spent = absolute * units / Fraction(noise.scales["sums"])
        spent += units / Fraction(noise.scales["counts"]) if share else 0
        assert Fraction(str(epsilon)) * (1 - Fraction(1, 10**9)) < spent
        assert spent <= Fraction(str(epsilon))
        given = budget(epsilon, 1e-6, copies, units)
        sketch, noise = sketch_and_noise("features", "gaussian", 2, given, share, n_features=50)
        spent = squared * units**2 / Fraction(noise.scales["sums"]) ** 2
        spent += units**2 / Fraction(noise.scales["counts"]) ** 2 if share else 0
        allowed = 1 / Fraction(gaussian_z(epsilon, 1e-6)) ** 2
        assert allowed * (1 - Fraction(1, 10**9)) < spent <= allowed


def test_with_a_delta_the_noise_is_whichever_is_less():
    X = clusters(50, 1)
    shared = {"bounds": (0, 1), "delta": 1e-6}
    for epsilon, delta, mechanism in ((1.0, 1e-6, "laplace"), (1e-4, 1e-3, "gaussian")):
        deviation = {"laplace": np.sqrt(2) / epsilon, "gaussian": gaussian_z(epsilon, delta)}
        assert min(deviation, key=deviation.get) == mechanism
        given = {"epsilon": epsilon, "delta": delta, "n_hint": 100, "bounds": (0, 1)}
        spent = PrivateKernelDensity(**given).fit(X).privacy_spent_
        assert spent.mechanism == mechanism
        assert spent.delta == (0.0 if mechanism == "laplace" else delta)
    X = clusters(50, 3)
    for n_features, mechanism in ((2, "laplace"), (64, "gaussian"), (None, "gaussian")):
        spent = PrivateKernelDensity(n_features=n_features, **shared).fit(X).privacy_spent_
        assert spent.mechanism == mechanism


def test_measured_errors_with_features():
    # Mean relative error, beside 0.058, 0.063, 0.073, 0.058 with independent frequencies.
    X = clusters(10_000, 10)
    exact = exact_sums("gaussian", 0.5, X, X[:200])
    for epsilon, delta, n_features, bound in (
        (1e6, 0.0, 1024, 0.03),
        (1.0, 0.0, 1024, 0.063),
        (0.1, 1e-6, 1024, 0.05),
        (1.0, 1e-6, 4096, 0.02),
        (0.1, 0.0, None, 0.25),
        (1.0, 0.0, None, 0.05),
    ):
        model = PrivateKernelDensity(
            "gaussian", 0.5, epsilon=epsilon, delta=delta, n_features=n_features, bounds=(0, 1),
            count_share=0.0,
        ).fit(X)  # fmt: skip
        assert np.abs(model.kernel_sum(X[:200]) / exact - 1).mean() < bound


def test_measured_errors_in_one_dimension():
    X = clusters(10_000, 1)
    exact = exact_sums("gaussian", 0.1, X, X[:200])
    for epsilon, bound in ((0.1, 0.03), (1.0, 0.005)):
        for algorithm in ("histogram", "bernstein"):
            model = PrivateKernelDensity(
                "gaussian", 0.1, epsilon=epsilon, algorithm=algorithm, bounds=(0, 1), count_share=0
            ).fit(X)
            limit = bound * (1 if algorithm == "histogram" else 2)
            assert np.abs(model.kernel_sum(X[:200]) / exact - 1).mean() < limit


def test_the_number_of_features_depends_on_public_numbers_alone():
    for delta in (0.0, 1e-6):
        sizes = set()
        for n, seed in ((0, 0), (1, 0), (300, 1), (3000, 2)):
            model = PrivateKernelDensity(delta=delta, bandwidth=0.3, bounds=(0, 1))
            sizes.add(len(model.fit(clusters(n, 3, seed)).release_["features"]))
        assert len(sizes) == 1
    # Pure noise is worth fewer features where there are fewer rows.
    few, many = (
        PrivateKernelDensity(bandwidth=0.3, bounds=(0, 1), n_hint=n_hint).fit(clusters(9, 3))
        for n_hint in (100, 100_000)
    )
    assert len(few.release_["features"]) < len(many.release_["features"])


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


# ------------------------------------------------------------------ the life of an accumulator


@pytest.mark.parametrize(("algorithm", "kernel", "d"), ALGORITHMS)
def test_merging_is_the_whole_to_the_bit_in_any_order(algorithm, kernel, d):
    X = clusters(300, d)
    model = PrivateKernelDensity(
        kernel, algorithm=algorithm, n_features=40, bounds=(0, 1), random_state=3
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PrivacyLeakWarning)
        whole = clone(model).fit(X)
        for cuts in ([100, 200], [1, 299]):
            parts = np.split(X[np.random.default_rng(0).permutation(300)], cuts)
            first, *others = (clone(model).partial_fit(part) for part in parts[::-1])
            for other in others:
                first.merge(other)
            first.release()
            assert first.release_.keys() == whole.release_.keys()
            for name, sums in whole.release_.items():
                np.testing.assert_array_equal(first.release_[name], sums)


@pytest.mark.parametrize(
    "other",
    [
        {"projection_seed": 1},
        {"bandwidth": 0.9},
        {"kernel": "exponential"},
        {"compute_dtype": "float32"},
        {"n_features": 41},
        {"structured": True},
        {"bounds": (0, 2)},
        {"epsilon": 2.0},
        {"adjacency": "replace"},
    ],
)
def test_what_differs_is_not_merged(other):
    X = clusters(20, 2)
    model = PrivateKernelDensity(n_features=40, bounds=(0, 1))
    one = clone(model).partial_fit(X)
    two = clone(model).set_params(**other).partial_fit(X)
    name = next(iter(other))
    if name == "n_features":  # in the life of private estimators that is the number of columns
        name = "frequencies"
    with pytest.raises(ValueError, match=f"^{name} must be the same in all that is added up"):
        one.merge(two)


def test_threads_may_differ_in_a_merge():
    X = clusters(20, 2)
    model = PrivateKernelDensity(n_features=40, bounds=(0, 1))
    one, two = (clone(model).set_params(n_jobs=n).partial_fit(X) for n in (1, 2))
    one.merge(two).set_params(n_jobs=None).release()
    assert set(one.release_) == {"features", "count"}


def test_parameters_set_after_a_release_do_not_relabel_it():
    X = clusters(200, 2)
    model = PrivateKernelDensity(n_features=40, bounds=(0, 1)).fit(X)
    before = model.score_samples(X), model.standard_error(X), model.privacy_spent_
    model.set_params(epsilon=9.0, bandwidth=9.0, kernel="exponential", density_floor=1e3)
    np.testing.assert_array_equal(model.score_samples(X), before[0])
    np.testing.assert_array_equal(model.standard_error(X), before[1])
    assert model.privacy_spent_ is before[2]


def test_the_budget_is_spent_once_and_before_rows_are_read():
    accountant = PrivacyAccountant(epsilon=1.0)
    model = PrivateKernelDensity(
        epsilon=0.6, n_features=16, bounds=(0, 1), accountant=accountant
    ).fit(clusters(20, 2))
    assert accountant.spent == (0.6, 0.0)
    model.score_samples(clusters(9, 2))
    with pytest.raises(BudgetExceededError):
        clone(model).fit("not even rows")
    with pytest.raises(BudgetExceededError):
        clone(model).fit(clusters(20, 2))


@pytest.mark.parametrize(("algorithm", "kernel", "d"), ALGORITHMS)
@pytest.mark.parametrize("n", [0, 1])
def test_no_row_and_one_row_are_released(algorithm, kernel, d, n):
    shared = {"algorithm": algorithm, "n_features": 40, "bounds": (0, 1)}
    few = PrivateKernelDensity(kernel, **shared).fit(clusters(n, d))
    many = PrivateKernelDensity(kernel, **shared).fit(clusters(99, d))
    assert {k: (v.shape, v.dtype) for k, v in few.release_.items()} == {
        k: (v.shape, v.dtype) for k, v in many.release_.items()
    }
    assert few.score_samples(clusters(5, d)).shape == (5,)


def walk(value, seen=None):
    """Yield all arrays, numbers and strings that an object holds."""
    seen = set() if seen is None else seen
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, dict):
        parts = [*value.keys(), *value.values()]
    elif isinstance(value, (list, tuple, set, frozenset)):
        parts = value
    elif hasattr(value, "__dict__") and not isinstance(value, type):
        parts = vars(value).values()
    else:
        yield value
        return
    for part in parts:
        yield from walk(part, seen)


@pytest.mark.parametrize(("algorithm", "kernel", "d"), ALGORITHMS)
def test_nothing_of_rows_is_left_behind(algorithm, kernel, d):
    sizes = {}
    for n in (317, 1801):
        X = clusters(n, d, seed=n)
        model = PrivateKernelDensity(kernel, algorithm=algorithm, n_features=40, bounds=(0, 1)).fit(
            X
        )
        numbers = set()
        for value in walk(model):
            if isinstance(value, np.ndarray):
                assert n not in value.shape
                if value.size < 10_000:
                    numbers.update(np.ravel(value).tolist())
            elif isinstance(value, (int, float)):
                numbers.add(value)
        assert not numbers.intersection(set(X.ravel().tolist()) - {0.0, 1.0})
        # A noisy number of rows may be the right one by chance.
        others = {k: v for k, v in vars(model).items() if k not in ("release_", "noisy_n_")}
        assert all(value != n for value in walk(others) if isinstance(value, (int, float)))
        sizes[n] = len(pickle.dumps(model))
        assert str(n) not in repr(model)
    assert abs(sizes[317] - sizes[1801]) < 64


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
