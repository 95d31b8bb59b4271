"""Moments and projections: integers of a row keep to their bounds, and answers to formulas."""

import itertools
from fractions import Fraction

import numpy as np
import pytest

from skweight.privacy import PrivateDistanceSum, _tree_split
from skweight.privacy._bounds import shortened, squared_norms
from skweight.privacy._calibration import gaussian_z
from skweight.privacy._distance_frames import CentredFrame, ProjectedFrame
from skweight.privacy._keystream import SeededWords
from skweight.privacy._moments import STEPS, MomentPlan, fixed_point_rows
from skweight.privacy._tree_split import Budget


@pytest.fixture
def no_noise(monkeypatch):
    monkeypatch.setattr(_tree_split, "add_noise", lambda sums, mechanism, source: sums.copy())


def budget(kind="laplace", epsilon=1.0, copies=1, units=1):
    return Budget(epsilon, 1e-6 if kind == "gaussian" else 0.0, kind, copies, units)


def worst_rows(d, rng):
    """Corners, axes, the sphere, numbers beyond all bounds, and rows that round badly."""
    yield np.array(list(itertools.product([-1.0, 1.0], repeat=min(d, 4))))[:, [0] * d]
    yield np.array(list(itertools.product([-1.0, 0.0, 1.0], repeat=d))) if d < 6 else np.eye(d)
    yield np.ones((1, d)) * [[1e308]] * rng.choice([-1, 1], size=d)
    yield np.diag(np.full(d, 1e308))
    sphere = rng.normal(size=(20_000, d))
    sphere /= np.sqrt((sphere**2).sum(axis=1))[:, None]
    yield sphere
    yield sphere * (1 + 1e-16)
    yield np.round(sphere * STEPS) / STEPS
    yield np.nextafter(np.round(sphere * STEPS) / STEPS, np.inf)
    yield rng.standard_cauchy(size=(20_000, d))
    yield rng.uniform(-1, 1, size=(20_000, d))
    yield np.zeros((1, d))
    yield np.full((1, d), 5e-324)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("d", [1, 2, 3, 8, 50])
@pytest.mark.parametrize("norm_bound", [1.0, 0.3, 1e6])
@pytest.mark.parametrize("boxed", [True, False])
def test_no_row_is_longer_than_declared(d, dtype, norm_bound, boxed):
    rng = np.random.default_rng(0)
    bounds = np.array([-np.ones(d), np.ones(d)]) if boxed else None
    frame = CentredFrame(bounds, norm_bound, d, dtype)
    plan = MomentPlan(frame.half_ranges, frame.norm_bound, budget())
    longest = 0
    for X in worst_rows(d, rng):
        rows, squares = fixed_point_rows(
            frame.block(X)(slice(None)), frame.norm_bound, plan.largest_sum
        )
        assert ((rows.astype(object) ** 2).sum(axis=1) <= STEPS**2).all()
        assert (np.abs(rows).sum(axis=1) <= plan.largest_sum).all()
        assert squares.min() >= 0
        assert squares.max() <= STEPS
        longest = max(longest, int(np.abs(rows).sum(axis=1).max()))
    # The bound is not a loose one.
    assert longest > 0.9 * plan.largest_sum


def test_the_sum_of_a_row_is_bounded_by_box_and_ball():
    wide = MomentPlan([1.0, 1.0, 1.0, 1.0], 2.0, budget())
    assert wide.largest_sum == pytest.approx(2 * STEPS, rel=1e-5)
    flat = MomentPlan([1.0, 1e-3, 1e-3, 1e-3], np.sqrt(1 + 3e-6), budget())
    assert flat.largest_sum == pytest.approx(1.003 * STEPS, rel=1e-5)
    ball = MomentPlan([np.inf] * 4, 1.0, budget())
    assert ball.largest_sum == pytest.approx(2 * STEPS, rel=1e-5)


@pytest.mark.parametrize("kind", ["laplace", "gaussian"])
@pytest.mark.parametrize("copies", [1, 2])
def test_neighbours_differ_by_no_more_than_the_noise_hides(kind, copies):
    """Add up the cost of the pairs of rows that differ most, from the integers themselves."""
    rng, d = np.random.default_rng(0), 3
    frame = CentredFrame(np.array([-np.ones(d), np.ones(d)]), None, d, "float64")
    plan = MomentPlan(
        frame.half_ranges, frame.norm_bound, budget(kind, copies=copies), total_known=copies == 2
    )
    X = np.concatenate([frame.block(each)(slice(None)) for each in worst_rows(d, rng)])
    rows, squares = fixed_point_rows(X, frame.norm_bound, plan.largest_sum)
    if copies == 1:
        moved, square, number = rows, squares, np.ones(len(rows))
    else:
        pairs = [(i, j) for i in range(60) for j in range(60)]
        ends = np.array([(i, -1 - i) for i in range(len(rows))] + pairs)
        moved = np.concatenate([rows[ends[:, 0]] - rows[ends[:, 1]], 2 * rows])
        square = np.concatenate([squares[ends[:, 0]] - squares[ends[:, 1]], 0 * squares])
        number = np.zeros(len(moved))
    scales = {name: float(scale) for name, scale in plan.scales[0].items()}
    power = 1 if kind == "laplace" else 2
    cost = (np.abs(moved) ** power).sum(axis=1) / scales["sum"] ** power
    cost = cost + np.abs(square) ** power / scales["squares"] ** power
    if copies == 1:
        cost = cost + number / scales["number"] ** power
    else:
        assert "number" not in scales
    allowed = 1.0 if kind == "laplace" else 1 / gaussian_z(1.0, 1e-6) ** 2
    assert cost.max() <= allowed
    assert cost.max() > 0.7 * allowed


@pytest.mark.parametrize("copies", [1, 2])
@pytest.mark.parametrize("units", [1, 1024])
def test_scales_of_moments_spend_no_more_than_epsilon(copies, units):
    for kind in ("laplace", "gaussian"):
        plan = MomentPlan([1.0] * 5, np.sqrt(5), budget(kind, 0.3, copies, units))
        spent = Fraction(0)
        for part in plan.parts:
            scale = Fraction(plan.scales[0][part.name])
            if kind == "laplace":
                spent += part.absolute * units / scale
            else:
                spent += part.squared * units**2 / scale**2
        limit = Fraction(3, 10) if kind == "laplace" else 1 / Fraction(gaussian_z(0.3, 1e-6)) ** 2
        limit = min(limit, Fraction(0.3)) if kind == "laplace" else limit
        assert limit * (1 - Fraction(1, 10**9)) < spent <= limit


def test_gaussian_shares_are_the_best_for_queries_of_the_largest_norm():
    plan = MomentPlan([1.0] * 9, 3.0, budget("gaussian"))
    z = gaussian_z(1.0, 1e-6)
    wanted = {"number": 2 * z, "squares": 2 * z * STEPS, "sum": np.sqrt(2) * z * STEPS}
    for name, sigma in wanted.items():
        assert plan.scales[0][name] == pytest.approx(sigma, rel=1e-9)
    assert plan.predicted_std() == pytest.approx(4 * z * 9, rel=1e-3)


# ---------------------------------------------------------------- squared distances


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_without_noise_squared_distances_are_exact(no_noise, dtype):
    rng = np.random.default_rng(0)
    X, Y = rng.uniform(-1, 3, size=(500, 4)), rng.uniform(-5, 5, size=(50, 4))
    exact = np.array([((X - y) ** 2).sum() for y in Y])
    for more in ({}, {"adjacency": "replace"}, {"max_weight": 1.0}, {"norm_bound": 50.0}):
        model = PrivateDistanceSum("sqeuclidean", bounds=(-1, 3), compute_dtype=dtype, **more)
        np.testing.assert_allclose(model.fit(X).distance_sum(Y), exact, rtol=1e-5)
        assert model.noisy_n_ == pytest.approx(500)
    ball = PrivateDistanceSum("sqeuclidean", norm_bound=9.0, compute_dtype=dtype).fit(X)
    np.testing.assert_allclose(ball.distance_sum(Y), exact, rtol=1e-5)


def test_rows_outside_of_the_ball_are_moved_onto_it(no_noise):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3)) * 10 ** rng.uniform(-3, 3, size=(300, 1))
    moved = X / np.maximum(np.linalg.norm(X, axis=1), 1)[:, None]
    np.testing.assert_allclose(shortened(X, 1.0), moved, rtol=1e-12)
    Y = rng.normal(size=(20, 3))
    exact = np.array([((moved - y) ** 2).sum() for y in Y])
    model = PrivateDistanceSum("sqeuclidean", norm_bound=1.0).fit(X)
    np.testing.assert_allclose(model.distance_sum(Y), exact, rtol=1e-5)
    np.testing.assert_array_equal(model.bounds_, [[-1.0] * 3, [1.0] * 3])
    # From the middle of the bounds, where there are any.
    box = PrivateDistanceSum("sqeuclidean", norm_bound=1.0, bounds=(4, 6)).fit(moved + 5)
    np.testing.assert_allclose(box.distance_sum(Y + 5), exact, rtol=1e-5)
    huge = np.array([[1e300, 1e300, 0.0], [1e-300, 0.0, 0.0]])
    np.testing.assert_allclose(shortened(huge, 2.0), [[np.sqrt(2), np.sqrt(2), 0], huge[1]])


def test_norms_are_summed_in_one_order():
    X = np.random.default_rng(0).normal(size=(1000, 37))
    np.testing.assert_array_equal(squared_norms(X), squared_norms(np.asfortranarray(X)))
    np.testing.assert_array_equal(
        squared_norms(X), np.concatenate([squared_norms(X[k : k + 1]) for k in range(1000)])
    )


@pytest.mark.parametrize("kind", ["laplace", "gaussian"])
@pytest.mark.parametrize("copies", [1, 2])
def test_noise_of_squared_distances_has_the_standard_error(kind, copies):
    plan = MomentPlan([1.0, 2.0, 0.5], 2.0, budget(kind, copies=copies), total_known=copies == 2)
    sums = {
        "sum": np.zeros((1, 3), dtype=np.int64),
        "squares": np.zeros((1, 1), dtype=np.int64),
        "number": np.zeros((1, 1), dtype=np.int64),
    }
    source = SeededWords(np.random.RandomState(0))
    Y = np.array([[0.0, 0.0, 0.0], [1.0, -1.0, 0.5], [5.0, 0.0, 0.0]])
    total = 0.0 if copies == 2 else None
    released = [plan.released(plan.noisy_levels(sums, source), total) for _ in range(4000)]
    answers = np.array([each.sums(Y) for each in released])
    error = released[0].std(Y)
    np.testing.assert_allclose(answers.std(axis=0), error, rtol=0.06)
    assert np.abs(answers.mean(axis=0) / (error / np.sqrt(4000))).max() < 4


# ---------------------------------------------------------------- projections


def test_projections_average_to_the_distance(no_noise):
    """The direction error is common to all rows of a query, so seeds are averaged over."""
    rng = np.random.default_rng(0)
    X, y = rng.uniform(size=(50, 3)), np.array([[0.2, 0.9, 0.5]])
    exact = np.sqrt(((X - y) ** 2).sum(axis=1)).sum()
    ratio = np.array(
        [
            PrivateDistanceSum(
                "euclidean", bounds=(0, 1), n_projections=16, depth=12, projection_seed=seed
            )
            .fit(X)
            .distance_sum(y)[0]
            / exact
            for seed in range(300)
        ]
    )
    assert abs(ratio.mean() - 1) < 4 * ratio.std() / np.sqrt(300)
    # For one row it would be sqrt(pi / 2 - 1) / sqrt(k); rows on several sides have less.
    assert 0.4 * 0.756 / 4 < ratio.std() < 1.15 * 0.756 / 4


def test_no_projection_leaves_its_interval():
    rng = np.random.default_rng(0)
    for bounds, norm in ((np.array([-np.ones(5), np.ones(5)]), None), (None, 2.0)):
        frame = ProjectedFrame(bounds, norm, 5, "float64", 30, 3, 1000)
        X = np.concatenate(list(worst_rows(5, rng)))
        for values, low, width in frame.columns(X)(slice(None)):
            assert (values >= low).all()
            assert (values <= low + width * (1 + 1e-15)).all()
        # In so few dimensions the corners of the box, or the norms of directions, are nearer.
        inside = frame.block(X)(slice(None)) @ frame.directions.T
        assert (np.abs(inside) <= frame.halves * (1 + 1e-12)).all()
    narrow = ProjectedFrame(None, 1.0, 2000, "float64", 10, 0, 100)
    np.testing.assert_allclose(narrow.halves, np.sqrt(2 * np.log(2 * 100 * 10)))


def test_projections_are_public_and_the_same_everywhere():
    frame = ProjectedFrame(None, 1.0, 3, "float64", 2, 0, 100)
    wanted = [[1.76405235, 0.40015721, 0.97873798], [2.2408932, 1.86755799, -0.97727788]]
    np.testing.assert_allclose(frame.directions, wanted, rtol=1e-8)


def test_more_projections_cost_no_gaussian_noise():
    X = np.empty((0, 50))
    errors = {
        (delta, k): PrivateDistanceSum(
            "euclidean", norm_bound=1.0, delta=delta, n_projections=k, depth=8
        )
        .fit(X)
        .standard_error(np.zeros((1, 50)))[0]
        for delta in (0.0, 1e-6)
        for k in (16, 256)
    }
    assert errors[1e-6, 256] < 1.3 * errors[1e-6, 16]  # the interval grows with log(k)
    assert errors[0.0, 256] > 3.5 * errors[0.0, 16]
