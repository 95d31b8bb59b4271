"""Rings and offsets: the two other ways to read distance sums off a tree."""

import math

import numpy as np
import pytest

from skweight.privacy import PrivateDistanceSum, _tree_split
from skweight.privacy._calibration import gaussian_z
from skweight.privacy._keystream import SeededWords
from skweight.privacy._rings import n_rings, ring_answers
from skweight.privacy._tree import on_level
from skweight.privacy._tree_offsets import offset_answers, offset_unit, offsets_on_levels
from skweight.privacy._tree_plan import TreePlan
from skweight.privacy._tree_split import Budget


@pytest.fixture
def no_noise(monkeypatch):
    monkeypatch.setattr(_tree_split, "add_noise", lambda sums, mechanism, source: sums.copy())


def plan_of(method, **more):
    budget = Budget(1.0, more.pop("delta", 0.0), more.pop("kind", "laplace"), 1, 1)
    return TreePlan(more.pop("importance", [1.0]), budget, 1000, method=method, **more)


# ---------------------------------------------------------------- rings


def rings_by_definition(x, y, alpha, p, n_hint):
    """The paper's sum over rings, on rows that are where they are."""
    total = 0.0
    for i in range(math.ceil(math.log(n_hint) / math.log1p(alpha / p)) + 1):
        outer, inner = (1 + alpha / p) ** -i, (1 + alpha / p) ** -(i + 1)
        total += outer**p * np.sum((x > y + inner) & (x <= y + outer))
        total += outer**p * np.sum((x < y - inner) & (x >= y - outer))
    return total


@pytest.mark.parametrize("p", [1.0, 2.0])
@pytest.mark.parametrize("alpha", [0.1, 0.5])
def test_without_noise_rings_are_those_of_the_paper(no_noise, alpha, p):
    rng = np.random.default_rng(0)
    x = (rng.integers(0, 2**16, size=2000) + 0.5) / 2**16
    y = rng.integers(0, 2**16 + 1, size=25) / 2**16
    model = PrivateDistanceSum(
        bounds=(0, 1), p=p, method="rings", alpha=alpha, depth=16, n_hint=2000
    ).fit(x[:, None])
    got = model.distance_sum(y[:, None])
    wanted = [rings_by_definition(x, each, alpha, p, 2000) for each in y]
    # Radii fall between cells: a row beside a ring's edge may be in the next one.
    np.testing.assert_allclose(got, wanted, rtol=2e-4)
    exact = np.array([(np.abs(x - each) ** p).sum() for each in y])
    assert (got >= exact * (1 - 1e-3)).all()
    assert (got <= exact * (1 + alpha / p) ** p * (1 + 1e-3)).all()


def test_a_smaller_alpha_has_more_rings_and_less_bias(no_noise):
    x = np.random.default_rng(0).beta(2, 5, size=5000)[:, None]
    y = np.linspace(0, 1, 50)[:, None]
    exact = np.array([np.abs(x - each).sum() for each in y])
    bias = [
        (PrivateDistanceSum(bounds=(0, 1), method="rings", alpha=a).fit(x).distance_sum(y) / exact)
        for a in (0.5, 0.1, 0.02)
    ]
    means = [each.mean() - 1 for each in bias]
    assert means[0] > means[1] > means[2] > 0
    assert means[1] == pytest.approx(0.05, abs=0.01)
    assert n_rings(1000, 0.02, 1) > n_rings(1000, 0.1, 1) > n_rings(100, 0.1, 1)


def node_answers(answers, levels, d, variances):
    """Add up what a unit of noise on every node does to the answers."""
    wanted = 0.0
    for level in levels:
        for j in range(d):
            for node in range(2**level):
                noise = {k: np.zeros((d, 2**k)) for k in levels}
                noise[level][j, node] = 1.0
                wanted = wanted + variances[level] * answers(noise) ** 2
    return wanted


def test_the_variance_of_rings_is_that_of_their_nodes():
    depth, d, levels = 5, 2, range(1, 6)
    rng = np.random.default_rng(0)
    variances = {level: rng.uniform(0.5, 3, size=d) for level in levels}
    position = np.vstack([rng.uniform(0, 32, size=(8, d)), [[0, 32], [-7, 40]]])
    how = (depth, position, 0.3, 1.5, 20)
    wanted = node_answers(
        lambda noise: ring_answers(noise, variances, *how)[0], levels, d, variances
    )
    got = ring_answers({k: np.zeros((d, 2**k)) for k in levels}, variances, *how)[1]
    np.testing.assert_allclose(got, wanted, rtol=1e-12)
    assert (got > 0).all()


def test_rings_use_the_fewest_nodes():
    """Each of the two sides of a ring takes at most two nodes of a level."""
    depth, levels = 10, range(1, 11)
    ones = {level: np.ones(1) for level in levels}
    zero = {level: np.zeros((1, 2**level)) for level in levels}
    position = np.random.default_rng(0).uniform(0, 1024, size=(50, 1))
    _, variance = ring_answers(zero, ones, depth, position, 1.0, 1.0, 1)
    assert variance.max() <= 2 * 2 * depth
    # A ring that holds nearly all cells on one side needs about one node of each level.
    assert variance.min() >= 1


def test_rings_spend_the_same_on_every_level():
    plan = plan_of("rings", depth=9)
    assert [part.level for part in plan.parts] == list(range(1, 10))
    scales = [plan.scale_of(part.name)[0] for part in plan.parts]
    np.testing.assert_allclose(scales, 9.0, rtol=1e-9)
    # The paper's cells are as many as the rows.
    assert plan_of("rings").depth == 10


# ---------------------------------------------------------------- offsets


def test_without_noise_offsets_are_exact_but_for_the_cell_of_the_query(no_noise):
    rng = np.random.default_rng(0)
    X = rng.beta(2, 5, size=(1000, 2)) * [4.0, 0.5] + [-1.0, 7.0]
    bounds = ([-1.0, 7.0], [3.0, 7.5])
    model = PrivateDistanceSum(bounds=bounds, method="sums", depth=6).fit(X)
    Y = rng.uniform(*bounds, size=(200, 2))
    exact = np.array([np.abs(X - y).sum() for y in Y])
    cell = np.floor((Y - bounds[0]) / [4.0, 0.5] * 64)
    there = [(np.floor((X - bounds[0]) / [4.0, 0.5] * 64) == each).sum(axis=0) for each in cell]
    room = (np.array(there) * [4.0 / 64, 0.5 / 64]).sum(axis=1)
    steps = 1000 * (4.0 + 0.5) * offset_unit(6)
    assert (np.abs(model.distance_sum(Y) - exact) <= room + steps).all()
    # On edges and outside, every row is on one side.
    outside = np.array([[-5.0, 9.0], [3.0, 7.0], [17.0, -2.0]])
    exact = np.array([np.abs(X - y).sum() for y in outside])
    with pytest.warns(UserWarning, match="outside"):
        got = model.distance_sum(outside)
    np.testing.assert_allclose(got, exact, atol=room.max() + steps)


def test_the_variance_of_offsets_is_that_of_their_nodes():
    depth, d, levels = 5, 2, range(1, 6)
    rng = np.random.default_rng(0)
    variances = {
        kind: {level: rng.uniform(0.5, 3, size=d) for level in levels}
        for kind in ("counts", "offsets")
    }
    position = np.vstack([rng.uniform(0, 32, size=(8, d)), [[0, 32], [-7, 40], [16, 5]]])
    zero = {k: np.zeros((d, 2**k)) for k in levels}
    wanted = 0.0
    for kind in variances:

        def answers(noise, kind=kind):
            noisy = {"counts": zero, "offsets": zero, kind: noise}
            return offset_answers(noisy, variances, depth, position)[0]

        wanted = wanted + node_answers(answers, levels, d, variances[kind])
    got = offset_answers({"counts": zero, "offsets": zero}, variances, depth, position)[1]
    np.testing.assert_allclose(got, wanted, rtol=1e-12)


@pytest.mark.parametrize("method", ["sums", "rings"])
@pytest.mark.parametrize("kind", ["laplace", "gaussian"])
def test_noise_has_the_predicted_standard_error(method, kind):
    plan = plan_of(method, kind=kind, delta=1e-6 if kind == "gaussian" else 0.0, depth=7)
    names = ("counts", "offsets") if method == "sums" else ("counts",)
    sums = {name: np.zeros((1, 128), dtype=np.int64) for name in names}
    source, y = SeededWords(np.random.RandomState(0)), np.array([[1.0], [0.37]])
    answers = np.array(
        [plan.released(plan.noisy_levels(sums, source)).sums(y) for _ in range(2000)]
    )
    exact = {part.name: on_level(sums["counts"], part.level) for part in plan.parts}
    error = plan.released(exact).std(y)
    np.testing.assert_allclose(answers.std(axis=0), error, rtol=0.06)
    assert np.abs(answers.mean(axis=0) / (error / np.sqrt(2000))).max() < 4


def test_more_levels_of_offsets_hardly_add_noise():
    """The deeper a node, the smaller what its rows can add."""
    ends = np.array([[1.0]])

    def error(depth):
        plan = plan_of("sums", depth=depth)
        zero = {part.name: np.zeros((1, 2**part.level)) for part in plan.parts}
        return plan.released(zero).std(ends)[0]

    assert error(16) < 1.05 * error(8)


@pytest.mark.parametrize("kind", ["laplace", "gaussian"])
@pytest.mark.parametrize("copies", [1, 2])
def test_no_pair_of_rows_costs_more_than_the_budget(kind, copies):
    """Put rows at the ends and in the middle of cells, and replace each by each."""
    depth, budget = 6, Budget(1.0, 1e-6 if kind == "gaussian" else 0.0, kind, copies, 1)
    plan = TreePlan([1.0], budget, 1000, method="sums", depth=depth)
    power = 1 if kind == "laplace" else 2
    rows = [(leaf, offset) for leaf in range(64) for offset in (-1023, 1, 1023)]
    sums = {part.name: [] for part in plan.parts}
    for leaf, offset in rows:
        counts, offsets = (np.zeros((1, 64), dtype=np.int64) for _ in range(2))
        counts[0, leaf], offsets[0, leaf] = 1, offset
        for level, array in offsets_on_levels(counts, offsets).items():
            sums[f"offsets_{level}"].append(array[0])
            sums[f"counts_{level}"].append(on_level(counts, level)[0])
    cost = 0.0
    for name, arrays in sums.items():
        each = np.array(arrays, dtype=float)
        moved = each[:, None] - each if copies == 2 else each[:, None]
        cost = cost + (np.abs(moved) ** power).sum(axis=2) / plan.scale_of(name)[0] ** power
    allowed = 1.0 if kind == "laplace" else 1 / gaussian_z(1.0, 1e-6) ** 2
    assert 0.9 * allowed < cost.max() <= allowed
