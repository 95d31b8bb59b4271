"""Integers of a row are its own, whatever it comes with; numpy and compiled steps agree in bits."""

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import sparse

from skweight.privacy import _feature_kernel, _feature_steps, _feature_sums
from skweight.privacy._bounds import clipped
from skweight.privacy._feature_steps import LARGEST, STEPS, constants, packed, shrunk
from skweight.privacy._feature_sums import FeatureMap, random_projection
from skweight.privacy._frequencies import Frequencies, draw_frequencies
from skweight.privacy._hadamard import HadamardFrequencies
from skweight.privacy._kernels import DISTANCES, exact_sums

BOTH = [np.float64, np.float32]
NONE = np.empty(0, dtype=np.int64)


def unit_box(n_features, low=-1.0, high=1.0):
    return np.array([np.full(n_features, low), np.full(n_features, high)])


def make(kernel="gaussian", n_features=7, n=200, dtype="float64", draw=draw_frequencies, **more):
    frequencies = draw(kernel, 0.5, n_features, n, 0, rational_terms="random")
    return FeatureMap(unit_box(n_features), frequencies, dtype, **more)


def integers(rows, X, steps=_feature_steps):
    """Integers of each row, of shape (2, n_rows, n), by the steps and no sum."""
    prepared = rows._prepared(X, rows.dtype)
    phases = rows._writer(rows.dtype)(steps, prepared)
    features = np.empty((2, *phases.shape), dtype=rows.dtype)
    numbers = constants(rows.dtype)
    steps.waves(phases, numbers, *features)
    features = ((features * numbers[9] + numbers[5]) - numbers[5]).astype(float)
    return shrunk(*features).astype(np.int64)[:, :, : len(rows.frequencies.factors)]


# ------------------------------------------------------------------ two forms, one result


@pytest.mark.parametrize("dtype", BOTH)
@pytest.mark.parametrize(("n_features", "n"), [(1, 1), (3, 200), (4, 128), (130, 300)])
def test_compiled_steps_give_the_same_bits(dtype, n_features, n):
    rng = np.random.default_rng(0)
    X = (10 * rng.normal(size=(37, n_features))).astype(dtype)
    W = rng.normal(size=(n_features, n)).astype(dtype)
    X[0, 0] = 1e20
    W[0, : min(n, 5)] = [1e30, 1e38, 3e-38, 0.0, -2.0][: min(n, 5)]
    pieces = packed(W)
    phases = [np.empty((37, pieces.shape[0] * 128), dtype=dtype) for _ in range(3)]
    _feature_steps.products(X, pieces, phases[0])
    _feature_kernel.products(X, pieces, phases[1])
    compressed = sparse.csr_matrix(X)
    start, columns = (part.astype(np.int64) for part in (compressed.indptr, compressed.indices))
    _feature_kernel.sparse_products(start, columns, compressed.data, pieces, phases[2])
    np.testing.assert_array_equal(phases[0], phases[1])
    np.testing.assert_array_equal(phases[0], phases[2])
    phases = phases[0]
    phases[1, :4] = [np.nan, np.inf, -np.inf, 1e18]
    phases[2, :8] = np.arange(8) / 8  # where cosine or sine are 0 or 1
    weight = rng.integers(0, 1025, 37)
    for steps in (STEPS, LARGEST + 3, LARGEST + 5000):  # the last two must be shrunk
        numbers = constants(dtype, steps)
        for times in (NONE, weight):
            sums = [np.zeros((2, phases.shape[1]), dtype=np.int64) for _ in range(2)]
            _feature_steps.add_features(phases, numbers, times, sums[0])
            _feature_kernel.add_features(phases, numbers, times, sums[1])
            np.testing.assert_array_equal(*sums)
    waves = [np.empty((2, *phases.shape), dtype=dtype) for _ in range(2)]
    _feature_steps.waves(phases, numbers, *waves[0])
    _feature_kernel.waves(phases, numbers, *waves[1])
    np.testing.assert_array_equal(*waves)


@pytest.mark.parametrize("dtype", BOTH)
@pytest.mark.parametrize(("n_features", "n"), [(1, 5), (3, 64), (40, 200)])
def test_compiled_structured_steps_give_the_same_bits(dtype, n_features, n):
    drawn = HadamardFrequencies("exponential", 0.1, n_features, n, 0, rational_terms="random")
    X = np.random.default_rng(0).normal(size=(20, n_features)).astype(dtype)
    outs = [np.empty((20, drawn.width), dtype=dtype) for _ in range(2)]
    for steps, out in zip((_feature_steps, _feature_kernel), outs):
        drawn.in_type(dtype)(steps, X, out)
    np.testing.assert_array_equal(*outs)


@pytest.mark.parametrize("steps", [_feature_steps, _feature_kernel])
def test_no_multiplication_is_fused_into_an_addition(steps):
    # (1 + e) (1 - e) = 1 - e^2 rounds to 1, so that taking 1 away leaves 0; fused it leaves -e^2.
    e = 2.0**-30
    X, W = np.array([[1.0, 1 + e]]), np.array([[-1.0], [1 - e]])
    out = np.empty((1, 128))
    steps.products(X, packed(W), out)
    assert out[0, 0] == 0
    # With five features a sum of four at a time and one that is left over.
    X, W = np.array([[-1.0, 0, 0, 0, 1 + e]]), np.array([[1.0], [0], [0], [0], [1 - e]])
    steps.products(X, packed(W), out)
    assert out[0, 0] == 0


@pytest.mark.parametrize("steps", [_feature_steps, _feature_kernel])
def test_phases_are_added_up_in_the_order_of_features(steps):
    rng = np.random.default_rng(1)
    X, W = rng.normal(size=(9, 261)), rng.normal(size=(261, 3))
    out = np.empty((9, 128))
    steps.products(X, packed(W), out)
    for i in range(9):
        for j in range(3):
            total = 0.0
            for k in range(261):
                total += float(X[i, k]) * float(W[k, j])
            assert out[i, j] == total


# ------------------------------------------------------------------ cosine and sine


def test_waves_are_cosine_and_sine():
    turns = np.concatenate([np.random.default_rng(0).uniform(-3, 3, 10**6), np.arange(-16, 17) / 8])
    got = np.empty((2, 1, len(turns)))
    _feature_steps.waves(turns[None], constants(np.float64), *got)
    exact = np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)
    assert max(np.abs(a[0] - b).max() for a, b in zip(got, exact)) < 3.4e-9
    single = turns.astype(np.float32)
    got = np.empty((2, 1, len(turns)), dtype=np.float32)
    _feature_steps.waves(single[None], constants(np.float32), *got)
    turns = single.astype(float)
    exact = np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)
    assert max(np.abs(a[0] - b).max() for a, b in zip(got, exact)) < 1e-6


def test_large_phases_lose_nothing():
    turns = [10**12 + 0.25, -(2.0**40) + 0.125, 2.0**50 + 0.25, 3e9 + 1 / 3]
    got = np.empty((2, 1, 4))
    _feature_steps.waves(np.array([turns]), constants(np.float64), *got)
    rest = [float(Fraction(t) - round(Fraction(t))) for t in turns]
    np.testing.assert_allclose(got[0, 0], np.cos(2 * np.pi * np.array(rest)), atol=3.4e-9)
    np.testing.assert_allclose(got[1, 0], np.sin(2 * np.pi * np.array(rest)), atol=3.4e-9)


@pytest.mark.parametrize("dtype", BOTH)
def test_a_phase_without_meaning_is_no_feature(dtype):
    phases = np.array([[np.nan, np.inf, -np.inf, 1e17, -1e30, 0.0]], dtype=dtype)
    for steps in (_feature_steps, _feature_kernel):
        sums = np.zeros((2, 6), dtype=np.int64)
        steps.add_features(phases, constants(dtype), NONE, sums)
        np.testing.assert_array_equal(sums, [[0, 0, 0, 0, 0, STEPS], [0] * 6])


# ------------------------------------------------------------------ what noise must hide


def adversarial(n_features, rng):
    """Corners, zeros, tiny and huge numbers, and phases at multiples of an eighth of a turn."""
    parts = [
        rng.choice([-1.0, 1.0], size=(100, n_features)),
        rng.choice([-1e308, 1e308, 1e300, 5e-324, 1e-200, -0.0, 0.0], size=(200, n_features)),
        rng.normal(size=(700, n_features)) * 10.0 ** rng.uniform(-5, 300, size=(700, 1)),
        np.round(rng.uniform(-1, 1, size=(300, n_features)) * 8) / 8,
        np.zeros((1, n_features)),
    ]
    return np.vstack(parts)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kernel", DISTANCES)
def test_worst_rows_keep_to_the_declared_norms(kernel, dtype):
    wide = 8e307 if dtype == "float64" else 1e38
    X = adversarial(5, np.random.default_rng(0))
    for box in (unit_box(5), unit_box(5, -wide, wide), unit_box(5, 0.5, 1000.0)):
        for bandwidth in (0.5, 1e-9, 1e6):
            drawn = draw_frequencies(kernel, bandwidth, 5, 400, 0, rational_terms="random")
            rows = FeatureMap(box, drawn, dtype)
            with np.errstate(over="ignore", invalid="ignore"):
                c, s = integers(rows, X)
            assert (c * c + s * s).max() <= LARGEST**2
            assert (np.abs(c) + np.abs(s)).sum(axis=1).max() <= rows.absolute
            assert (c * c + s * s).sum(axis=1).max() <= rows.squared
            assert rows.largest >= max(np.abs(c).max(), np.abs(s).max())


def test_phases_at_all_angles_keep_to_the_norm():
    turns = np.concatenate(
        [np.linspace(-0.5, 0.5, 10**6), np.arange(-64, 65) / 64 + 2.0**-30 * np.arange(129)]
    )
    for dtype in BOTH:
        numbers = constants(dtype)
        features = np.empty((2, 1, len(turns)), dtype=dtype)
        _feature_steps.waves(turns[None].astype(dtype), numbers, *features)
        features = (((features * numbers[9]) + numbers[5]) - numbers[5]).astype(np.int64)
        squares = (features**2).sum(axis=0)
        assert squares.max() <= LARGEST**2  # before anything is enforced
        assert squares.min() > 0.999998 * STEPS**2
        np.testing.assert_array_equal(shrunk(*features.astype(float)), features)


def test_a_pair_that_is_too_long_is_taken_towards_zero():
    c = np.array([LARGEST, LARGEST, 900_000.0, -(2.0**30), 3.0, 0.0])
    s = np.array([0.0, 1.0, -900_000.0, 2.0**30, -4.0, -LARGEST])
    a, b = shrunk(c, s)
    assert (a * a + b * b <= LARGEST**2).all()
    np.testing.assert_array_equal(a[[0, 4, 5]], c[[0, 4, 5]])
    np.testing.assert_array_equal(b[[0, 4, 5]], s[[0, 4, 5]])
    assert (np.abs(a) <= np.abs(c)).all()
    assert (np.abs(b) <= np.abs(s)).all()
    assert (a * c >= 0).all()
    assert (b * s >= 0).all()


@pytest.mark.parametrize("n", [1, 3, 1000, 4096, 10**5])
def test_declared_norms_are_those_of_the_formulas(n):
    rows = FeatureMap(unit_box(1), Frequencies(np.zeros((1, n)), np.ones(n)), "float64")
    assert rows.squared == n * 2**40
    assert rows.absolute**2 >= 2 * n**2 * 2**40
    assert rows.absolute == math.ceil(math.sqrt(2) * n * 2**20)


# ------------------------------------------------------------------ a row's integers are its own


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("draw", [draw_frequencies, HadamardFrequencies])
@pytest.mark.parametrize("n_features", [1, 3, 33])
def test_rows_alone_add_up_to_the_whole(monkeypatch, dtype, draw, n_features):
    rng = np.random.default_rng(0)
    rows = make(n_features=n_features, n=70, dtype=dtype, draw=draw)
    X = rng.normal(size=(150, n_features))
    whole = rows.sums(X)
    np.testing.assert_array_equal(whole, sum(rows.sums(X[i : i + 1]) for i in range(150)))
    np.testing.assert_array_equal(whole, rows.sums(X[rng.permutation(150)]))
    np.testing.assert_array_equal(whole, rows.sums(np.asfortranarray(X)))
    np.testing.assert_array_equal(whole, rows.sums(X[::-1]))
    np.testing.assert_array_equal(whole, integers(rows, X).sum(axis=1).ravel())
    for fewest, room in ((1, 1), (7, 1), (32, 1 << 12)):
        monkeypatch.setattr(_feature_sums, "_FEWEST_ROWS", fewest)
        monkeypatch.setattr(_feature_sums, "_ROOM", room)
        for n_jobs in (None, 2, 3):
            np.testing.assert_array_equal(whole, rows.sums(X, n_jobs=n_jobs))


@pytest.mark.parametrize("many", [0, 1 << 60])
def test_either_steps_give_the_same_sums(monkeypatch, many):
    monkeypatch.setattr(_feature_sums, "_MANY", many)
    if many:
        monkeypatch.setattr(_feature_sums, "_KERNEL", "nothing that is loaded")
    steps = _feature_sums._steps(1000)
    assert steps is (_feature_steps if many else _feature_kernel)
    rng = np.random.default_rng(0)
    for draw in (draw_frequencies, HadamardFrequencies):
        rows = make(draw=draw)
        X = rng.normal(size=(100, 7))
        np.testing.assert_array_equal(rows.sums(X), integers(rows, X).sum(axis=1).ravel())


@pytest.mark.parametrize("draw", [draw_frequencies, HadamardFrequencies])
@pytest.mark.parametrize("projected", [False, True])
def test_sparse_rows_have_the_integers_of_dense_ones(monkeypatch, draw, projected):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 12)) * (rng.random((90, 12)) < 0.3)
    X[3] = 0
    box = unit_box(12)
    box[0, 2], box[1, 5] = 0.25, -0.25  # zero is outside
    projection = random_projection(12, 5, 0) if projected else None
    drawn = draw("gaussian", 0.5, 5 if projected else 12, 60, 0, rational_terms="random")
    rows = FeatureMap(box, drawn, "float64", projection)
    expected = rows.sums(X)
    for make_sparse in (sparse.csr_matrix, sparse.csr_array, sparse.csc_matrix):
        np.testing.assert_array_equal(rows.sums(make_sparse(X)), expected)
    # Columns out of order, some twice, some zeros written down.
    messy = sparse.csr_matrix(X[:, ::-1])[:, ::-1]
    start = np.append(messy.indptr, messy.indptr[-1] + 2)
    indices = np.append(messy.indices, [4, 4])
    data = np.append(messy.data, [0.5, -0.25])
    messy = sparse.csr_matrix((data, indices, start), shape=(91, 12))
    last = np.zeros((1, 12))
    last[0, 4] = 0.25
    np.testing.assert_array_equal(rows.sums(messy), expected + rows.sums(last))
    assert messy.nnz == len(data)  # it was not tidied up in place
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_feature_sums, "_MANY", 0)
        np.testing.assert_array_equal(rows.sums(sparse.csr_matrix(X)), expected)
    Y = rng.normal(size=(11, 12)) * (rng.random((11, 12)) < 0.5)
    np.testing.assert_allclose(
        rows.kernel_sums(sparse.csr_matrix(Y), expected), rows.kernel_sums(Y, expected), rtol=1e-9
    )


def test_float32_rows_have_the_integers_of_the_same_numbers():
    X = np.random.default_rng(0).normal(size=(50, 7)).astype(np.float32)
    for dtype in ("float64", "float32"):
        rows = make(dtype=dtype)
        np.testing.assert_array_equal(rows.sums(X), rows.sums(X.astype(float)))
    assert (make(dtype="float32").sums(X) != make().sums(X)).any()


def test_rows_outside_are_taken_to_the_bounds_and_nan_to_the_middle():
    rows = make()
    X = np.full((1, 7), 0.3)
    for value, at in ((5.0, 1.0), (-np.inf, -1.0), (np.nan, 0.0)):
        X[0, 2] = value
        same = X.copy()
        same[0, 2] = at
        np.testing.assert_array_equal(rows.sums(X), rows.sums(same))
        np.testing.assert_array_equal(rows.sums(sparse.csr_matrix(X)), rows.sums(same))


def test_weights_multiply_integers():
    rows = make()
    X = np.random.default_rng(0).normal(size=(30, 7))
    weight = np.arange(30) % 5
    np.testing.assert_array_equal(rows.sums(X, weight), rows.sums(np.repeat(X, weight, axis=0)))


def test_classes_have_the_sums_of_their_rows():
    rows = make()
    X = np.random.default_rng(0).normal(size=(30, 7))
    codes, weight = np.arange(30) % 4 - 1, np.arange(30)
    sums = rows.class_sums(X, codes, 4, weight)
    assert sums.shape == (4, rows.width)
    for k in range(3):
        np.testing.assert_array_equal(sums[k], rows.sums(X[codes == k], weight[codes == k]))
    assert not sums[3].any()


def test_no_rows_have_sums_of_zero():
    rows = make()
    np.testing.assert_array_equal(rows.sums(np.empty((0, 7))), np.zeros(400))
    assert rows.kernel_sums(np.empty((0, 7)), np.zeros(400)).shape == (0,)


# ------------------------------------------------------------------ estimates


@pytest.mark.parametrize("projected", [False, True])
def test_kernel_sums_are_those_of_the_frequencies(projected):
    rng = np.random.default_rng(0)
    W, G = rng.normal(size=(4, 50)), rng.normal(size=(9, 4))
    factors = rng.uniform(size=50)
    if not projected:
        G = np.eye(4)
    rows = FeatureMap(
        unit_box(len(G)), Frequencies(W, factors), "float64", G if projected else None
    )
    X, Y = rng.normal(size=(20, len(G))), rng.normal(size=(6, len(G)))
    apart = (Y[:, None] - clipped(X, rows.bounds)) @ G @ W
    expected = np.cos(2 * np.pi * apart).sum(axis=1) @ factors
    sums = rows.sums(X)
    np.testing.assert_allclose(rows.kernel_sums(Y, sums), expected, atol=2e-4)
    np.testing.assert_allclose(rows.queries(Y) @ sums, rows.kernel_sums(Y, sums))
    np.testing.assert_allclose(
        np.sqrt((rows.queries(Y) ** 2).sum(axis=1)), rows.query_norms(Y), rtol=1e-7
    )


@pytest.mark.parametrize("kernel", ["gaussian", "exponential"])
def test_projections_keep_kernels_about(kernel):
    rng = np.random.default_rng(0)
    X, Y = rng.uniform(-1, 1, size=(200, 300)), rng.uniform(-1, 1, size=(20, 300))
    drawn = draw_frequencies(kernel, 15.0, 100, 4000, 0, rational_terms="random")
    rows = FeatureMap(unit_box(300), drawn, "float64", random_projection(300, 100, 0))
    expected = exact_sums(kernel, 15.0, X, Y)
    np.testing.assert_allclose(rows.kernel_sums(Y, rows.sums(X)), expected, rtol=0.1)


def test_the_digest_names_everything_public():
    first = make().digest
    assert make().digest == first
    other = draw_frequencies("gaussian", 0.5, 7, 200, 1, rational_terms="random")
    others = [
        FeatureMap(unit_box(7), other, "float64"),
        FeatureMap(unit_box(7, -2.0), make().frequencies, "float64"),
        FeatureMap(unit_box(9), make().frequencies, "float64", random_projection(9, 7, 0)),
        FeatureMap(unit_box(9), make().frequencies, "float64", random_projection(9, 7, 1)),
    ]
    assert len({first, *(rows.digest for rows in others)}) == 5
