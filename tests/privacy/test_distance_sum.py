"""PrivateDistanceSum as users meet it: answers, records, edges, bad input, and what it keeps."""

import pickle
import warnings

import numpy as np
import pytest
from scipy import sparse

from skweight.privacy import PrivacyLeakWarning, PrivacySpent, PrivateDistanceSum
from skweight.privacy._calibration import gaussian_z

pytest.importorskip("cryptography")

METRICS = {
    "manhattan": ({}, lambda X, y: np.abs(X - y).sum()),
    "power 1.5": ({"p": 1.5}, lambda X, y: (np.abs(X - y) ** 1.5).sum()),
    "power 2": ({"metric": "minkowski_power"}, lambda X, y: ((X - y) ** 2).sum()),
    "sqeuclidean": ({"metric": "sqeuclidean"}, lambda X, y: ((X - y) ** 2).sum()),
    "euclidean": (
        {"metric": "euclidean", "n_projections": 400, "delta": 1e-6},
        lambda X, y: np.sqrt(((X - y) ** 2).sum(axis=1)).sum(),
    ),
}
ALL = {
    **{name: parameters for name, (parameters, _) in METRICS.items()},
    "sums": {"method": "sums"},
    "rings": {"method": "rings"},
    "inconsistent": {"consistency": False},
    "isotonic": {"isotonic": True},
    "gaussian": {"delta": 1e-6, "epsilon": 0.05},
    "replace": {"adjacency": "replace"},
    "weights": {"max_weight": 2.0},
}
everything = pytest.mark.parametrize("parameters", ALL.values(), ids=ALL)


def problem(n=4000, d=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.beta(2, 5, size=(n, d)), rng.uniform(size=(60, d))


def fitted(X, **parameters):
    return PrivateDistanceSum(**{"bounds": (0, 1), **parameters}).fit(X)


# ---------------------------------------------------------------- answers


@pytest.mark.parametrize("metric", METRICS)
def test_answers_are_near_the_exact_sums(metric):
    parameters, distance = METRICS[metric]
    X, Y = problem()
    exact = np.array([distance(X, y) for y in Y])
    model = fitted(X, **parameters)
    error = np.abs(model.distance_sum(Y) - exact)
    room = 0.12 * exact if metric == "euclidean" else 0.0
    assert (error < 6 * model.standard_error(Y) + room + 5).all()
    assert model.standard_error(Y).max() < 0.05 * exact.max()


@everything
def test_errors_scatter_as_the_standard_error_says(parameters):
    """Over 300 fits with secret noise; what does not come from noise is taken off by a mean."""
    X, Y = problem(200, 2)
    Y = Y[:3]
    parameters = {**parameters, "n_projections": 5, "depth": 6, "epsilon": 0.5}
    if parameters.get("metric") == "sqeuclidean":
        parameters["depth"] = None
    model = PrivateDistanceSum(bounds=(0, 1), **parameters)
    answers = np.array([model.fit(X).distance_sum(Y) for _ in range(300)])
    ratio = answers.std(axis=0) / model.standard_error(Y)
    if parameters.get("isotonic"):
        assert (ratio < 1.1).all()
    else:
        # A standard deviation from 300 has an error of 4%.
        assert (np.abs(ratio - 1) < 0.18).all()


@pytest.mark.parametrize("parameters", [{}, {"p": 2.0}, {"adjacency": "replace"}], ids=str)
def test_answers_are_unbiased(parameters):
    rng = np.random.default_rng(0)
    X, Y = (rng.integers(0, 128, size=(100, 2)) + 0.5) / 128, np.array([[0.25, 0.5], [1.0, 0.0]])
    distance = 1.0 if "p" not in parameters else 2.0
    exact = np.array([(np.abs(X - y) ** distance).sum() for y in Y])
    if distance == 2:  # rows are spread over cells
        exact = exact + X.size / 12 / 128**2
    model = PrivateDistanceSum(bounds=(0, 1), depth=7, **parameters)
    answers = np.array([model.fit(X).distance_sum(Y) for _ in range(400)])
    z = (answers.mean(axis=0) - exact) / (model.standard_error(Y) / 20)
    assert np.abs(z).max() < 4.5
    if not parameters:
        numbers = np.array([model.fit(X).noisy_n_ for _ in range(400)])
        assert abs(numbers.mean() - 100) < 4.5 * numbers.std() / 20


def test_means_and_scores_are_sums_over_the_noisy_number():
    X, Y = problem()
    model = fitted(X)
    np.testing.assert_allclose(model.distance_mean(Y), model.distance_sum(Y) / model.noisy_n_)
    np.testing.assert_array_equal(model.score_samples(Y), -model.distance_mean(Y))
    np.testing.assert_array_equal(model.transform(Y)[:, 0], model.distance_mean(Y))
    assert model.get_feature_names_out().tolist() == ["privatedistancesum0"]
    few = fitted(X[:0], epsilon=0.01)
    while few.noisy_n_ >= 1:  # half of the time
        few.fit(X[:0])
    np.testing.assert_array_equal(few.distance_mean(Y), few.distance_sum(Y))


def test_replacing_rows_makes_their_number_public():
    X, _ = problem()
    model = fitted(X, adjacency="replace")
    assert model.noisy_n_ == 4000.0
    assert model.privacy_spent_.adjacency == "replace"
    # Weights are private, and so is their sum.
    weighted = fitted(X, adjacency="replace", max_weight=1.0, epsilon=0.01)
    assert weighted.noisy_n_ != 4000.0
    # A row that is replaced leaves one node of each level and enters another.
    for kind, ratio in (({}, 2), ({"delta": 1e-6, "epsilon": 0.05}, np.sqrt(2))):
        shared = {"method": "sums", "depth": 8, **kind}
        one, two = fitted(X, **shared), fitted(X, adjacency="replace", **shared)
        assert one.privacy_spent_.mechanism == ("gaussian" if kind else "laplace")
        for name, scale in two.noise_scale_.items():
            np.testing.assert_allclose(scale, ratio * one.noise_scale_[name], rtol=1e-9)


def test_queries_outside_of_the_bounds():
    X, _ = problem()
    model = fitted(X)
    with pytest.warns(UserWarning, match="grow linearly"):
        far = model.distance_sum([[-2.0, 0.5, 4.0]])
    near = model.distance_sum([[0.0, 0.5, 1.0]])
    np.testing.assert_allclose(far - near, 5 * model.noisy_n_)
    power = fitted(X, p=2)
    with pytest.warns(UserWarning, match="those at the bounds"):
        far = power.distance_sum([[-2.0, 0.5, 4.0]])
    np.testing.assert_array_equal(far, power.distance_sum([[0.0, 0.5, 1.0]]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for metric in ("sqeuclidean", "euclidean"):
            fitted(X, metric=metric).distance_sum([[-2.0, 0.5, 4.0]])


def test_rows_outside_count_as_the_nearest_bound():
    X, Y = problem()
    outside = np.vstack([X, [[-7.0, 0.5, 99.0]]])
    inside = np.vstack([X, [[0.0, 0.5, 1.0]]])
    answers = []
    for rows in (outside, inside):
        with pytest.warns(PrivacyLeakWarning):
            answers.append(fitted(rows, random_state=0).distance_sum(Y))
    np.testing.assert_array_equal(*answers)


def test_each_column_has_its_own_bounds():
    X, Y = problem()
    scale, shift = np.array([1e-3, 1.0, 1e3]), np.array([5.0, -1.0, 0.0])
    model = fitted(X * scale + shift, bounds=(shift, shift + scale))
    exact = np.array([(np.abs(X - y) * scale).sum() for y in Y])
    queries = Y * scale + shift
    error = model.standard_error(queries)
    assert (np.abs(model.distance_sum(queries) - exact) < 6 * error + 10).all()
    # Hardly any noise more than the widest column has alone.
    alone = fitted(X[:, 2:] * 1e3, bounds=(0, 1e3), depth=model.depth_)
    assert error.max() < 1.05 * alone.standard_error(Y[:, 2:] * 1e3).max()


# ---------------------------------------------------------------- records


@everything
def test_doubling_epsilon_halves_the_scale(parameters):
    X, _ = problem(50)
    parameters = {**parameters, "depth": 6, "delta": 0.0}
    if parameters.get("metric") == "sqeuclidean":
        parameters["depth"] = None
    for epsilon in (0.1, 0.7, 1.0):
        one = fitted(X, **{**parameters, "epsilon": epsilon})
        two = fitted(X, **{**parameters, "epsilon": 2 * epsilon})
        assert one.noise_scale_.keys() == two.noise_scale_.keys() == one.release_.keys()
        for name, scale in one.noise_scale_.items():
            np.testing.assert_array_equal(scale, 2 * two.noise_scale_[name])
            assert len(scale) in (1, one.release_[name].shape[0])


def test_laplace_or_gaussian_whichever_is_less():
    X, Y = problem(50, 1)
    pure = fitted(X, epsilon=1.0, delta=1e-6, depth=10, consistency=False)
    assert pure.privacy_spent_.mechanism == "laplace"
    assert pure.privacy_spent_.delta == 0.0
    gaussian = fitted(X, epsilon=0.1, delta=1e-6, depth=10, consistency=False)
    assert gaussian.privacy_spent_.mechanism == "gaussian"
    assert gaussian.privacy_spent_.delta == 1e-6
    assert (
        gaussian.standard_error(Y[:, :1]).max()
        < fitted(X, epsilon=0.1, depth=10, consistency=False).standard_error(Y[:, :1]).max()
    )
    wide, _ = problem(50, 60)
    assert fitted(wide, delta=1e-6).privacy_spent_.mechanism == "gaussian"
    # Unknown bounds do not decide it.
    with pytest.warns(PrivacyLeakWarning):
        model = PrivateDistanceSum(delta=1e-6).fit(wide * 10.0 ** np.arange(60.0))
    assert model.privacy_spent_.mechanism == "gaussian"


@everything
def test_the_record_is_that_of_the_fit(parameters):
    X, _ = problem(50)
    spent = fitted(X, **parameters).privacy_spent_
    assert spent.epsilon == parameters.get("epsilon", 1.0)
    assert spent.delta in (0.0, parameters.get("delta", 0.0))
    assert spent.valid
    with pytest.warns(PrivacyLeakWarning, match="seeds the noise"):
        seeded = fitted(X, **parameters, random_state=np.random.RandomState(0))
    assert not seeded.privacy_spent_.valid
    with pytest.warns(PrivacyLeakWarning, match="taken from the rows"):
        unbounded = fitted(X, **{**parameters, "bounds": None})
    assert not unbounded.privacy_spent_.valid


@everything
def test_no_two_releases_have_the_same_noise(parameters):
    X, _ = problem(50)
    one, two = fitted(X, **parameters), fitted(X, **parameters)
    assert any((one.release_[name] != two.release_[name]).any() for name in one.release_)


@everything
def test_combined_releases_carry_the_noise_of_both(parameters):
    (X, Y), (Z, _) = problem(300), problem(200, seed=1)
    one, two = fitted(X, **parameters), fitted(Z, **parameters)
    both = one.combine(two, disjoint=True)
    for name, array in both.release_.items():
        np.testing.assert_array_equal(array, one.release_[name] + two.release_[name])
    np.testing.assert_allclose(both.standard_error(Y), np.sqrt(2) * one.standard_error(Y))
    np.testing.assert_allclose(both.noisy_n_, one.noisy_n_ + two.noisy_n_)
    if not parameters.get("isotonic"):  # all else is linear
        together = one.distance_sum(Y) + two.distance_sum(Y)
        np.testing.assert_allclose(both.distance_sum(Y), together, rtol=1e-9, atol=1e-6)
    assert both.privacy_spent_ == PrivacySpent(
        **{**vars(one.privacy_spent_), "noise_multiplier": both.privacy_spent_.noise_multiplier}
    )
    three = both.combine(fitted(X, **parameters), disjoint=False)
    spent = three.privacy_spent_
    assert spent.epsilon == 2 * one.privacy_spent_.epsilon
    assert spent.delta == 2 * one.privacy_spent_.delta
    np.testing.assert_allclose(three.standard_error(Y), np.sqrt(3) * one.standard_error(Y))
    if spent.mechanism == "gaussian":
        z = gaussian_z(one.privacy_spent_.epsilon, one.privacy_spent_.delta)
        assert spent.noise_multiplier == pytest.approx(z / np.sqrt(2))
    assert not hasattr(three, "partial_fit")
    three.fit(X)


def test_releases_that_differ_are_not_combined():
    X, _ = problem(50)
    one = fitted(X)
    for name, value in (("epsilon", 2.0), ("bounds", (0, 2)), ("consistency", False)):
        with pytest.raises(ValueError, match=f"{name} must be the same"):
            one.combine(fitted(X, **{name: value}), disjoint=True)
    with pytest.raises(ValueError, match="must be another"):
        one.combine(one, disjoint=True)
    with pytest.raises(ValueError, match="not fitted"):
        one.combine(PrivateDistanceSum(), disjoint=True)
    with pytest.warns(PrivacyLeakWarning):
        seeded = fitted(X, random_state=0)
    both = one.combine(seeded, disjoint=True).privacy_spent_
    assert not both.valid
    assert both.reasons == seeded.privacy_spent_.reasons


# ---------------------------------------------------------------- edges


@everything
def test_any_number_of_rows_releases_arrays_of_the_same_shape(parameters):
    Y = problem()[1]
    shapes = []
    for n in (0, 1, 2, 300):
        model = fitted(problem(n)[0], **parameters)
        shapes.append({name: (a.shape, a.dtype) for name, a in model.release_.items()})
        for method in ("distance_sum", "distance_mean", "standard_error", "score_samples"):
            answer = getattr(model, method)(Y)
            assert answer.shape == (60,)
            assert answer.dtype == np.float64
            assert np.isfinite(answer).all()
    assert all(each == shapes[0] for each in shapes)


def test_no_rows_and_no_bounds_is_an_error():
    for metric in ("manhattan", "euclidean"):
        with pytest.raises(ValueError, match="0 sample"):
            PrivateDistanceSum(metric).fit(np.empty((0, 2)))
    PrivateDistanceSum("euclidean", norm_bound=1.0).fit(np.empty((0, 2)))


def test_constant_columns_and_extreme_values_without_bounds():
    X = np.array([[3.0, 0.0, 1e300, -1e308, 1e-320], [3.0, 1.0, 1e300, 1e308, 0.0]])
    Y = np.clip(X, -1e300, 1e300)
    for method in ("integrated", "sums", "rings"):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", PrivacyLeakWarning)
            model = PrivateDistanceSum(method=method, epsilon=1e3).fit(X)
            assert np.isfinite(model.distance_sum(Y)).all()
            assert np.isfinite(model.standard_error(Y)).all()
    assert (model.bounds_[0] < model.bounds_[1]).all()
    assert model.bounds_[0, 0] < 3 < model.bounds_[1, 0]


@everything
def test_nonfinite_values_are_clipped_on_demand(parameters):
    X, _ = problem(50)
    bad = X.copy()
    bad[3] = [np.nan, np.inf, -np.inf]
    with pytest.raises(ValueError, match="NaN"):
        fitted(bad, **parameters)
    good = X.copy()
    good[3] = [0.5, 1.0, 0.0]
    arrays = [
        PrivateDistanceSum(**{"bounds": (0, 1), **parameters}, nonfinite="clip")
        .partial_fit(rows)
        ._accumulator.arrays
        for rows in (bad, good)
    ]
    for name, array in arrays[0].items():
        np.testing.assert_array_equal(array, arrays[1][name])
    # Queries are public: what is wrong with them can be said.
    with pytest.raises(ValueError, match="NaN"):
        fitted(X, **parameters, nonfinite="clip").distance_sum(bad)


@everything
def test_float32_rows_have_the_integers_of_float64_ones(parameters):
    X = problem(300)[0].astype(np.float32)
    arrays = [
        PrivateDistanceSum(**{"bounds": (0, 1), **parameters}).partial_fit(rows)._accumulator.arrays
        for rows in (X, X.astype(np.float64))
    ]
    for name, array in arrays[0].items():
        np.testing.assert_array_equal(array, arrays[1][name])


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"bounds": (1, 0)}, "low below high"),
        ({"bounds": (0, [1, 0, 1])}, "low below high"),
        ({"bounds": (0, np.nan)}, "finite"),
        ({"bounds": (0, np.inf)}, "finite"),
        ({"bounds": (-1.7e308, 1.7e308)}, "differences must be finite"),
        ({"bounds": (0, [1, 2])}, "arrays of 3 numbers"),
        ({"bounds": [0]}, "bounds must be a pair"),
        ({"bounds": (0, "one")}, "bounds must be a pair"),
        ({"bounds": (0, 1e-320), "compute_dtype": "float32"}, "compute_dtype"),
        ({"bounds": (0, 1e300), "p": 2}, "bounds must have finite powers"),
        ({"p": 0.5}, "'p' parameter"),
        ({"p": np.inf}, "'p' parameter"),
        ({"p": 2, "method": "sums"}, "p=1"),
        ({"p": 1, "metric": "euclidean"}, "p must be None"),
        ({"metric": "cosine"}, "metric"),
        ({"norm_bound": 1.0}, "norm_bound must be None"),
        ({"norm_bound": np.inf, "metric": "euclidean"}, "'norm_bound' parameter"),
        ({"norm_bound": 0.0, "metric": "euclidean"}, "norm_bound"),
        ({"metric": "sqeuclidean", "method": "rings"}, "sqeuclidean"),
        ({"metric": "sqeuclidean", "depth": 8}, "sqeuclidean"),
        ({"isotonic": True, "consistency": False}, "isotonic"),
        ({"isotonic": True, "method": "rings"}, "isotonic"),
        ({"depth": 5}, "depth"),
        ({"depth": 17}, "depth"),
        ({"alpha": 0.0}, "alpha"),
        ({"alpha": np.inf}, "'alpha' parameter"),
        ({"n_projections": 0}, "n_projections"),
        ({"projection_seed": -1}, "projection_seed"),
    ],
    ids=str,
)
def test_parameters_that_mean_nothing_are_refused(parameters, words):
    with pytest.raises(ValueError, match=words):
        fitted(problem(50)[0], **parameters)


def test_sparse_rows_are_refused():
    with pytest.raises(TypeError, match="Sparse"):
        fitted(sparse.csr_matrix(problem(50)[0]))


# ---------------------------------------------------------------- what is kept


def walk(value, path="model", seen=None):
    """Yield everything that can be reached from an object."""
    seen = set() if seen is None else seen
    if id(value) in seen:
        return
    seen.add(id(value))
    yield path, value
    if isinstance(value, dict):
        for key, part in value.items():
            yield from walk(part, f"{path}[{key!r}]", seen)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for k, part in enumerate(value):
            yield from walk(part, f"{path}[{k}]", seen)
    elif hasattr(value, "__dict__") and not isinstance(value, type):
        for name, part in vars(value).items():
            yield from walk(part, f"{path}.{name}", seen)


@everything
def test_nothing_of_the_rows_is_kept(parameters):
    n = 997  # a prime, which no array has for another reason
    X, _ = problem(n)
    few = {"n_projections": 20} if "n_projections" in parameters else {}
    model = PrivateDistanceSum(**{"bounds": (0, 1), **parameters, **few})
    model.partial_fit(X[:400], block_id="secret block").partial_fit(X[400:]).release()
    values, sorted_values = {float(value) for value in X.ravel()}, np.sort(X, axis=None)
    raw = {column.tobytes() for column in X.T} | {row.tobytes() for row in X}
    for path, part in walk(model):
        if isinstance(part, np.ndarray):
            assert n not in part.shape, path
            assert not np.isin(part, sorted_values).any(), path
            for shape in ((3, n), (n,)):
                assert part.shape != shape, path
        elif isinstance(part, (float, np.floating)):
            assert float(part) not in values, path
        elif isinstance(part, (int, np.integer)) and not isinstance(part, bool):
            assert part != n or parameters.get("adjacency") == "replace", path
        elif isinstance(part, (str, bytes)):
            assert "secret block" not in str(part), path
    dumped = pickle.dumps(model)
    assert not any(piece in dumped for piece in raw)
    assert not any(np.float64(value).tobytes() in dumped for value in X.ravel()[:300])
    assert b"secret block" not in dumped
    assert str(n) not in repr(model)


@everything
def test_what_is_kept_does_not_grow_with_rows(parameters):
    sizes = {len(pickle.dumps(fitted(problem(n)[0], **parameters))) for n in (1, 10, 4000)}
    assert max(sizes) - min(sizes) <= 64


def test_no_noiseless_number_of_rows_is_kept():
    X, _ = problem(997)
    for parameters in (p for p in ALL.values() if p.get("adjacency") != "replace"):
        model = fitted(X, **{**parameters, "epsilon": 0.05})
        reached = [part for _, part in walk(model) if isinstance(part, (int, float))]
        assert not any(part == 997 for part in reached)


def test_words_and_keys_are_not_kept():
    model = fitted(problem()[0])
    names = {type(part).__name__ for _, part in walk(model)}
    assert not names & {"SecureWords", "SeededWords", "Accumulator", "Public"}
