"""Noise of sums of classes: what neighbours cost, by brute force, and what comes out."""

import itertools
from fractions import Fraction

import numpy as np
import pytest

from skweight.privacy import PrivateSimilarityClassifier
from skweight.privacy._calibration import gaussian_z
from skweight.privacy._class_noise import ClassNoise
from skweight.privacy._keystream import SecureWords
from skweight.privacy._sphere import Sphere
from skweight.privacy._tree_split import Budget

pytest.importorskip("cryptography")
pytest.importorskip("opendp")

STEPS = 1 << 20
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


BUDGETS = [
    (kind, adjacency, share, units)
    for kind in ("laplace", "gaussian")
    for adjacency in ("add_remove", "replace")
    for share in (0.0, 0.15, 0.5, 0.8)
    for units in (1, 1024)
]


def neighbours(adjacency, d, units):
    """Differences of (sums, counts) of two classes, among them the worst."""
    rng = np.random.default_rng(3)
    corner = np.full(d, -STEPS / np.sqrt(d)).astype(int)
    axis = np.eye(d, dtype=int)[0] * STEPS
    rows = [corner, -corner, axis, -axis, *(rng.choice([-1, 1], size=(5, d)) * corner)]
    for x, w in itertools.product(rows, (units, units // 2)):
        gone = np.zeros((2, d), dtype=object), np.zeros(2, dtype=object)
        gone[0][0], gone[1][0] = w * x, w
        if adjacency == "add_remove":
            yield gone
            continue
        for x2, w2, k in itertools.product(rows, (units, units // 2, 0), (0, 1)):
            sums, counts = gone[0].copy(), gone[1].copy()
            sums[k] -= w2 * x2
            counts[k] -= w2
            yield sums, counts


@pytest.mark.parametrize(("kind", "adjacency", "share", "units"), BUDGETS)
def test_no_neighbour_costs_more_than_the_budget(kind, adjacency, share, units):
    d, epsilon, delta = 9, 0.7, 1e-5
    sphere = Sphere(np.array([np.full(d, -1.0), np.full(d, 1.0)]), 0.0, "float64")
    budget = Budget(epsilon, delta, kind, 2 if adjacency == "replace" else 1, units)
    noise = ClassNoise(budget, sphere.absolute, sphere.squared, share)
    assert ("counts" in noise.scales) == (share > 0)
    scale = {name: Fraction(value) for name, value in noise.scales.items()}
    costs = []
    for sums, counts in neighbours(adjacency, d, units):
        power = 1 if kind == "laplace" else 2
        cost = Fraction(int((np.abs(sums) ** power).sum())) / scale["sums"] ** power
        if share > 0:
            cost += Fraction(int((np.abs(counts) ** power).sum())) / scale["counts"] ** power
        costs.append(cost)
    allowed = Fraction(epsilon) if kind == "laplace" else 1 / Fraction(gaussian_z(0.7, 1e-5)) ** 2
    assert max(costs) <= allowed
    assert max(costs) > 0.999 * allowed  # and no less noise would do


def test_counts_are_free_up_to_half_where_rows_are_replaced():
    X, y = problem(d=64)
    none, half = (
        private(delta=1e-6, adjacency="replace", count_share=share).fit(X, y).noise_scale_["sums"]
        for share in (0.0, 0.5)
    )
    assert none == half
    z = gaussian_z(1.0, 1e-6)
    np.testing.assert_allclose(none, 2 * z * STEPS, rtol=1e-9)


@pytest.mark.parametrize("parameters", [{}, {"rule": "average"}, {"adjacency": "replace"}])
def test_twice_epsilon_halves_the_noise(parameters):
    X, y = problem()
    one, two = (private(epsilon=e, **parameters).fit(X, y).noise_scale_ for e in (0.8, 1.6))
    for name, scale in one.items():
        assert scale == 2 * two[name]


def test_scales_of_the_noise():
    X, y = problem()  # 4 features and the constant
    pure = private(rule="average", count_share=0.2).fit(X, y).noise_scale_
    np.testing.assert_allclose(pure["sums"], np.sqrt(5) * STEPS / 0.8, rtol=1e-6)
    np.testing.assert_allclose(pure["counts"], 1 / 0.2, rtol=1e-9)
    X, y = problem(d=64)
    z = gaussian_z(1.0, 1e-6)
    wide = private(rule="average", delta=1e-6, count_share=0.2).fit(X, y).noise_scale_
    np.testing.assert_allclose(wide["sums"], z * STEPS / np.sqrt(0.8), rtol=1e-9)
    np.testing.assert_allclose(wide["counts"], z / np.sqrt(0.2), rtol=1e-9)


def test_whichever_noise_is_less_is_drawn():
    kinds = {}
    for d in (1, 64):
        spent = private(delta=1e-6).fit(*problem(d=d)).privacy_spent_
        kinds[d] = spent.mechanism, spent.delta, spent.epsilon
    assert kinds == {1: ("laplace", 0.0, 1.0), 64: ("gaussian", 1e-6, 1.0)}


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"delta": 1e-5, "epsilon": 0.1},
        {"adjacency": "replace", "rule": "average"},
        {"delta": 1e-5, "adjacency": "replace", "epsilon": 0.1},
        {"max_weight": 3.0},
        {"similarity": "gaussian", "n_features": 32},
        {"similarity": "laplacian", "n_features": 32, "delta": 1e-5, "adjacency": "replace"},
    ],
)
def test_standard_error_is_that_of_releases(parameters):
    X, y = problem(30)
    model = private(n_hint=100, **parameters)
    q = problem(3, seed=9)[0]
    model.partial_fit(X, y)
    public, sums = model._frozen, model._accumulator.arrays["sums"]
    centre = sums.copy()
    unit = 1.0 if model.max_weight is None else 3.0 / 1024
    many = np.broadcast_to(centre, (4000, *centre.shape)).copy()
    noisy = model._mechanisms(public)["sums"](many, SecureWords())
    answers = (noisy - centre) * unit @ public.rows.queries(q).T
    error = model.release().standard_error(q)
    # 12000 answers to each query: their standard deviation is known to within 0.7 per cent.
    np.testing.assert_allclose(answers.reshape(-1, 3).std(axis=0), error, rtol=0.03)
    assert np.abs(answers.mean(axis=(0, 1)) / error).max() < 4 / np.sqrt(12_000)
