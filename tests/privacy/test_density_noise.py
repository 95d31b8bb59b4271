"""Kernel sums are as noisy as promised, and no noisier; what noise hides is what rows move."""

from fractions import Fraction

import numpy as np
import pytest

from skweight.privacy import PrivateKernelDensity
from skweight.privacy._calibration import gaussian_z
from skweight.privacy._density_options import DensityOptions
from skweight.privacy._density_plan import make_noise, make_sketch
from skweight.privacy._kernels import exact_sums
from skweight.privacy._keystream import SecureWords
from skweight.privacy._tree_split import Budget

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
