"""The classifier by similarity: integers of rows, the noise they get, and what is told of them."""

import itertools

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.special import softmax
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import train_test_split

from skweight.privacy import PrivateSimilarityClassifier
from skweight.privacy._sphere import Sphere

pytest.importorskip("cryptography")
pytest.importorskip("opendp")

STEPS = 1 << 20
SIMILARITIES = ["sqeuclidean", "gaussian", "rational_manhattan"]
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


def points(X, lift=0.5, bounds=(-1, 1)):
    low, high = bounds
    Z = (np.clip(X, low, high) - (low + high) / 2) / ((high - low) / 2)
    Z = np.hstack([Z, np.full((len(Z), int(lift > 0)), lift)])
    norms = np.linalg.norm(Z, axis=1, keepdims=True)
    return np.divide(Z, norms, out=np.zeros_like(Z), where=norms > 0)


# ---------------------------------------------------------------- integers of rows


@pytest.mark.parametrize("lift", [0.0, 0.5, 3.0])
def test_sums_are_those_of_points_on_the_sphere(lift):
    X, y = problem()
    arrays = exact(X, y, private(rule="average", lift=lift))
    for k in CLASSES:
        wanted = points(X[y == k], lift).sum(axis=0)
        np.testing.assert_allclose(arrays["sums"][k] / STEPS, wanted, atol=np.sum(y == k) / STEPS)
        assert arrays["counts"][k] == np.sum(y == k)


def test_mean_similarity_is_one_less_half_the_mean_squared_distance():
    X, y = problem()
    model = private(rule="average", epsilon=1e7).fit(X, y)
    Y = problem(30, seed=1)[0]
    for k in CLASSES:
        squared = cdist(points(Y), points(X[y == k]), "sqeuclidean").mean(axis=1)
        np.testing.assert_allclose(model.similarity_mean(Y)[:, k], 1 - squared / 2, atol=1e-5)
    nearest = np.argmin(
        [cdist(points(Y), points(X[y == k]), "sqeuclidean").mean(axis=1) for k in CLASSES], axis=0
    )
    np.testing.assert_array_equal(model.predict(Y), nearest)


@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_a_row_touches_its_own_class_alone(similarity):
    X, y = problem()
    model = private(rule="average", similarity=similarity, n_features=16)
    for k in CLASSES:
        with_one = exact(X[:101], np.r_[y[:100], k], clone(model))
        without = exact(X[:100], y[:100], clone(model))
        for name in ("sums", "counts"):
            changed = (with_one[name] != without[name]).reshape(3, -1).any(axis=1)
            assert changed.tolist() == [c == k for c in CLASSES]


def awkward_rows(d, n=20_000):
    rng = np.random.default_rng(5)
    return np.vstack(
        [
            rng.normal(size=(n, d)),
            rng.normal(size=(n, d)) * 10.0 ** rng.integers(-320, 300, size=(n, 1)),
            rng.choice([-1.0, 0.0, 1.0], size=(n, d)),
            np.sign(rng.normal(size=(n, d))) * 1e308,
            np.eye(d),
            np.zeros((1, d)),
            rng.choice([5e-324, 1e-160, 1e-40, 1e-20, 1.0], size=(n, d)),
        ]
    )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("d", [1, 3, 64])
@pytest.mark.parametrize("lift", [0.0, 0.5])
def test_no_row_is_longer_than_promised(d, lift, dtype):
    sphere = Sphere(np.array([np.full(d, -1.0), np.full(d, 1.0)]), lift, dtype)
    rows = sphere.rows(awkward_rows(d, 2000))
    assert (rows**2).sum(axis=1).max() <= sphere.squared == STEPS**2
    assert np.abs(rows).sum(axis=1).max() <= sphere.absolute <= np.sqrt(sphere.width) * STEPS
    # The promise is not more than it takes.
    assert (rows**2).sum(axis=1).max() > 0.999 * STEPS**2


def test_a_row_in_the_middle_without_lift_is_zero():
    assert not exact(np.zeros((5, 3)), np.zeros(5), private(lift=0.0))["sums"].any()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("d", [2, 7, 33])
@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_every_row_alone(similarity, d, dtype):
    X, y = problem(150, d)
    model = private(rule="average", similarity=similarity, n_features=24, compute_dtype=dtype)

    def sums(rows):
        return exact(X[rows], y[rows], clone(model))

    whole = sums(np.arange(150))
    alone = [sums(np.array([i])) for i in range(150)]
    shuffled = sums(np.random.default_rng(1).permutation(150))
    for name, array in whole.items():
        np.testing.assert_array_equal(sum(each[name] for each in alone), array)
        np.testing.assert_array_equal(shuffled[name], array)
    for other in (np.asfortranarray(X), X[:, ::-1].copy()[:, ::-1]):
        again = exact(other, y, clone(model))
        np.testing.assert_array_equal(again["sums"], whole["sums"])


def test_narrow_input_gives_the_same_integers():
    X, y = problem()
    narrow = X.astype(np.float32)
    np.testing.assert_array_equal(
        exact(narrow, y)["sums"], exact(narrow.astype(np.float64), y)["sums"]
    )


def test_merging_in_any_order_gives_the_same_bits():
    X, y = problem()
    parts = [(X[a::3], y[a::3]) for a in range(3)]
    whole = exact(X, y)["sums"]
    for order in itertools.permutations(range(3)):
        models = [private().partial_fit(*parts[k], block_id=k) for k in order]
        merged = models[0].merge(models[1]).merge(models[2])
        np.testing.assert_array_equal(merged._accumulator.arrays["sums"], whole)


# ---------------------------------------------------------------- kernels

KERNELS = {
    "gaussian": lambda t: np.exp(-(t**2) / 2),
    "exponential": lambda t: np.exp(-t),
    "laplacian": lambda t: np.exp(-t),
    "rational_sqeuclidean": lambda t: 1 / (1 + t**2),
    "rational_euclidean": lambda t: 1 / (1 + t),
    "rational_manhattan": lambda t: 1 / (1 + t),
}


@pytest.mark.parametrize("kernel", KERNELS)
def test_features_average_to_the_kernel_of_rows_in_the_cube(kernel):
    X, y = problem(60)
    X = np.clip(X, -1, 1)
    low, high = np.array([-1.0, -1, -1, -1]), np.array([1.0, 1, 1, 3])  # ranges 2, 2, 2, 4
    cube, metric, largest = (X - low) / (high - low), "euclidean", 2.0
    if kernel in ("laplacian", "rational_manhattan"):
        metric, largest = "cityblock", 4.0
    estimates = []
    for seed in range(40):
        model = private(
            similarity=kernel,
            bounds=(low, high),
            bandwidth=0.3,
            n_features=500,
            projection_seed=seed,
            epsilon=1e7,
            rule="average",
        )
        estimates.append(model.fit(X, y).similarity_mean(X[:5]))
    t = cdist(cube[:5], cube, metric) / (0.3 * largest)
    wanted = np.stack([KERNELS[kernel](t)[:, y == k].mean(axis=1) for k in CLASSES], axis=1)
    error = np.std(estimates, axis=0) / np.sqrt(40)
    assert error.max() < 0.01
    # 15 numbers: beyond 4.5 standard errors in one of 10 000 runs.
    assert (np.abs(np.mean(estimates, axis=0) - wanted) < 4.5 * error + 1e-6).all()


def test_kernels_tell_a_ring_from_what_is_in_it():
    rng = np.random.default_rng(0)
    angle, y = rng.uniform(0, 2 * np.pi, size=4000), rng.integers(0, 2, size=4000)
    X = np.where(y, 0.9, 0.3)[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    X += 0.05 * rng.normal(size=X.shape)
    flat, curved = (
        private(similarity, classes=[0, 1], lift=0.0, delta=1e-6).fit(X, y).score(X, y)
        for similarity in ("sqeuclidean", "gaussian")
    )
    assert flat < 0.7
    assert curved > 0.95


def test_other_frequencies_do_not_merge():
    X, y = problem()
    one, other = (
        private(similarity="gaussian", projection_seed=seed).partial_fit(X, y) for seed in (0, 1)
    )
    with pytest.raises(ValueError, match="projection_seed must be the same"):
        one.merge(other)


# ---------------------------------------------------------------- answers


@pytest.mark.parametrize("rule", ["direction", "average"])
@pytest.mark.parametrize("classes", [["a", "b"], ["a", "b", "c"]])
def test_answers_follow_from_the_release(rule, classes):
    X, y = problem()
    y = np.array(["a", "b", "c"])[y]
    model = private(rule=rule, classes=classes[::-1]).fit(X, y)
    assert model.classes_.tolist() == classes
    q = problem(20, seed=2)[0]
    sums = model.release_["sums"] / STEPS
    np.testing.assert_allclose(model.similarity_sum(q), points(q) @ sums.T, rtol=1e-9, atol=1e-9)
    if rule == "direction":
        scores = points(q) @ (sums / np.linalg.norm(sums, axis=1, keepdims=True)).T
        assert model.noisy_n_ is None
        with pytest.raises(ValueError, match="count_share"):
            model.similarity_mean(q)
    else:
        np.testing.assert_array_equal(model.noisy_n_, model.release_["counts"])
        scores = model.similarity_sum(q) / np.maximum(model.noisy_n_, 1)
        np.testing.assert_allclose(model.similarity_mean(q), scores)
    decision = scores[:, 1] - scores[:, 0] if len(classes) == 2 else scores
    np.testing.assert_allclose(model.decision_function(q), decision, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(model.predict_proba(q), softmax(scores, axis=1))
    np.testing.assert_array_equal(model.predict(q), np.array(classes)[scores.argmax(axis=1)])


def test_parameters_changed_after_the_release_change_no_answer():
    X, y = problem()
    model = private(rule="average").fit(X, y)
    before = model.decision_function(X), model.standard_error(X), model.privacy_spent_
    model.set_params(rule="direction", epsilon=9.0, lift=2.0, bounds=(0, 5), classes=[7, 8])
    np.testing.assert_array_equal(model.decision_function(X), before[0])
    np.testing.assert_array_equal(model.standard_error(X), before[1])
    assert model.privacy_spent_ is before[2]


@pytest.mark.parametrize(
    ("epsilon", "wanted"),
    # Figures of a reference run with floating point noise, 20 splits.
    [(0.5, 0.81), (1.0, 0.88), (3.0, 0.90)],
)
def test_digits(epsilon, wanted):
    X, y = load_digits(return_X_y=True)
    accuracy = []
    for seed in range(20):
        X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=seed)
        model = PrivateSimilarityClassifier(
            epsilon=epsilon, delta=1e-5, bounds=(0, 16), classes=range(10)
        )
        accuracy.append(model.fit(X_train, y_train).score(X_test, y_test))
        assert model.privacy_spent_.valid
        assert model.privacy_spent_.mechanism == "gaussian"
    assert np.mean(accuracy) >= wanted - 0.02


def test_lift_tells_points_in_one_direction_apart():
    rng = np.random.default_rng(0)
    X = rng.uniform(0.0, 1.0, size=(3000, 1))
    y = (X[:, 0] > 0.5).astype(int)
    flat, lifted = (
        private(classes=[0, 1], lift=lift, epsilon=10.0).fit(X, y).score(X, y)
        for lift in (0.0, 0.5)
    )
    assert flat < 0.7
    assert lifted > 0.9


# ---------------------------------------------------------------- weights


def test_weights_are_repetitions():
    X, y = problem()
    weight = np.random.default_rng(0).integers(0, 5, size=len(y))
    weighted = exact(X, y, private(max_weight=4, rule="average"), sample_weight=weight)
    rows = np.repeat(np.arange(len(y)), weight)
    repeated = exact(X[rows], y[rows], private(rule="average"))
    for name in repeated:
        np.testing.assert_array_equal(weighted[name], repeated[name] * 256)


def test_weights_beyond_the_bound_count_as_the_bound():
    X, y = problem()
    weight = np.where(np.arange(len(y)) % 2, 100.0, -1.0)
    clipped = np.where(np.arange(len(y)) % 2, 4.0, 0.0)
    np.testing.assert_array_equal(
        exact(X, y, private(max_weight=4), sample_weight=weight)["sums"],
        exact(X, y, private(max_weight=4), sample_weight=clipped)["sums"],
    )


def test_a_bound_on_weights_scales_the_noise():
    X, y = problem()
    plain, weighted = private(rule="average").fit(X, y), private(rule="average", max_weight=4)
    weighted.fit(X, y, sample_weight=np.full(len(y), 2.0))
    np.testing.assert_allclose(weighted.standard_error(X), 4 * plain.standard_error(X), rtol=1e-6)


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"rule": "average", "count_share": 0.0}, "count_share must be above 0"),
        ({"lift": np.inf}, "lift"),
        ({"classes": [1]}, "at least two labels"),
        ({"classes": "ab"}, "classes"),
        ({"classes": [[0, 1], [1, 2]]}, "at least two labels"),
        ({"classes": [0, "a"]}, "at least two labels"),
        ({"classes": [0.0, np.nan]}, "none missing"),
        ({"bounds": (1, -1)}, "low below high"),
        ({"bounds": ([0, 0], [1, 1])}, "arrays of 4 numbers"),
        ({"epsilon": np.inf}, "epsilon"),
        ({"similarity": "cosine"}, "similarity"),
        ({"count_share": 1.0}, "count_share"),
        ({"epsilon": 0.0}, "epsilon"),
        ({"delta": 1.0}, "delta"),
        ({"epsilon": 1e-12}, "epsilon is too small"),
    ],
)
def test_parameters_that_mean_nothing(parameters, words):
    with pytest.raises(ValueError, match=words):
        private(**parameters).fit(*problem())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda X, y: (X, y[:-1]), "same length"),
        (lambda X, y: (X, None), "requires y"),
        (lambda X, y: (X, np.column_stack([y, y])), "1d array"),
        (lambda X, y: (X, y.astype(str)), "kind of classes"),
        (lambda X, y: (np.where(X > 1, np.nan, X), y), "NaN"),
    ],
)
def test_rows_that_are_none(change, words):
    with pytest.raises(ValueError, match=words) as caught:
        private().fit(*change(*problem()))
    assert not any(character.isdigit() for character in str(caught.value).replace("1d", ""))


@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_rows_that_are_not_finite_may_be_clipped(similarity):
    X, y = problem()
    strange, clipped = X.copy(), X.copy()
    strange[:3, 0], clipped[:3, 0] = [np.nan, np.inf, -np.inf], [0, 1, -1]
    model = private(similarity, nonfinite="clip", n_features=16)
    np.testing.assert_array_equal(
        exact(strange, y, clone(model))["sums"], exact(clipped, y, clone(model))["sums"]
    )


def test_queries_wait_for_the_release():
    X, y = problem()
    model = private()
    for state in ("call fit", "call release"):
        for method in ("predict", "similarity_sum", "standard_error", "predict_proba"):
            with pytest.raises(NotFittedError, match=state):
                getattr(model, method)(X)
        model.partial_fit(X, y)
