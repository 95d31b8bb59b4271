"""Other ways to the same weights: reduction, columns on demand, first order, HiGHS, callbacks."""

import tracemalloc

import numpy as np
import pytest
from weights_oracle import Case, crossing, dual_bound, random_forecasts, solve

from skweight.quantile import _weights, _weights_solve
from skweight.quantile._weights import quantile_stacking_weights
from skweight.quantile._weights_certificate import dual_bound as engine_bound
from skweight.quantile._weights_problem import AggregationProblem
from skweight.quantile._weights_solve import all_observations

weightings = pytest.mark.parametrize("weighting", ["coarse", "medium", "fine"])
constraints = pytest.mark.parametrize("constraint", ["simplex", "nonneg", "none"])
intercepts = pytest.mark.parametrize("fit_intercept", [False, True])


def make(seed=0, n=60, p=3, m=5, kind="plain", **options):
    return Case(*random_forecasts(np.random.default_rng(seed), n, p, m, kind), **options)


def fitted(case, **options):
    return quantile_stacking_weights(case.Q, case.y, case.levels, **case.options, **options)


def weights_of(case):
    found = fitted(case)
    return found.weights, found.intercept


# ---- reduction ---------------------------------------------------------------------------------


@pytest.fixture
def reducing(monkeypatch):
    """Start with 400 rows where there are more than 1000, and list the bands' shares of rows."""
    bands = []
    made = _weights_solve.band_of

    def counted(problem, residuals, kept, factor):
        bands.append(kept.shape[1] / problem.n)
        return made(problem, residuals, kept, factor)

    monkeypatch.setattr(_weights_solve, "_sample_size", lambda p: 400 if p.n > 1000 else p.n)
    monkeypatch.setattr(_weights_solve, "band_of", counted)
    return bands


@pytest.mark.parametrize(
    ("weighting", "groups"),
    [("coarse", None), ("medium", None), ("medium", [0, 1, 2, 1, 0]), ("fine", None)],
)
@constraints
@intercepts
def test_few_rows_near_the_quantiles_tell_all(
    weighting, constraint, fit_intercept, groups, monkeypatch, reducing
):
    weight = np.random.default_rng(0).choice([0.0, 1.0, 3.0], 3000, p=[0.1, 0.6, 0.3])
    case = make(
        1,
        3000,
        kind="sorted",
        weighting=weighting,
        constraint=constraint,
        fit_intercept=fit_intercept,
        level_groups=groups,
        sample_weight=weight,
    )
    reduced = fitted(case)
    assert reducing
    assert reducing[0] < 0.7
    monkeypatch.setattr(_weights_solve, "_sample_size", lambda p: p.n)
    full = fitted(case)
    assert reduced.converged
    assert full.converged
    assert reduced.objective == pytest.approx(full.objective, rel=2e-9)
    assert reduced.objective - reduced.dual_gap <= full.objective * (1 + 1e-12)
    np.testing.assert_allclose(reduced.weights, full.weights, atol=1e-4)


@pytest.mark.parametrize("kind", ["ties", "integer", "heavy", "duplicates", "zeros", "offset"])
@pytest.mark.parametrize("weighting", ["coarse", "medium"])
def test_reduction_of_degenerate_rows(kind, weighting, monkeypatch, reducing):
    case = make(2, 2000, kind=kind, weighting=weighting)
    reduced = fitted(case)
    monkeypatch.setattr(_weights_solve, "_sample_size", lambda p: p.n)
    full = fitted(case)
    assert reducing
    assert reduced.converged
    assert full.converged
    assert reduced.objective == pytest.approx(full.objective, rel=2e-9)


@pytest.mark.parametrize("weighting", ["coarse", "medium", "fine"])
@constraints
def test_reduction_where_rows_must_not_cross(weighting, constraint, monkeypatch, reducing):
    case = make(
        3,
        2000,
        p=4,
        m=4,
        kind="sorted",
        weighting=weighting,
        constraint=constraint,
        noncrossing=True,
    )
    reduced = fitted(case)
    monkeypatch.setattr(_weights_solve, "_sample_size", lambda p: p.n)
    full = fitted(case)
    assert reducing
    assert reduced.converged
    assert full.converged
    assert reduced.objective == pytest.approx(full.objective, rel=1e-8)
    for found in (reduced, full):
        assert crossing(case, found.weights, found.intercept) <= 1.1e-9 * case.scale


def test_reduction_of_rows_in_the_order_of_y(monkeypatch, reducing):
    case = make(4, 2000, kind="sorted")
    order = np.argsort(case.y)
    case = case.but(Q=case.Q[order], y=case.y[order])
    reduced = fitted(case)
    monkeypatch.setattr(_weights_solve, "_sample_size", lambda p: p.n)
    assert reducing
    assert reduced.objective == pytest.approx(fitted(case).objective, rel=2e-9)


# ---- columns on demand -------------------------------------------------------------------------


@pytest.mark.parametrize("constraint", ["simplex", "nonneg"])
@intercepts
def test_columns_let_in_as_they_pay(constraint, fit_intercept, monkeypatch):
    weight = np.random.default_rng(0).choice([0.0, 1.0, 3.0], 150)
    case = make(
        5,
        150,
        p=4,
        m=7,
        weighting="fine",
        constraint=constraint,
        fit_intercept=fit_intercept,
        sample_weight=weight,
    )
    dense = fitted(case)
    monkeypatch.setattr(_weights, "_DENSE_COLUMNS", 6)
    few = fitted(case)
    assert few.converged
    assert few.objective == pytest.approx(dense.objective, rel=2e-9)
    assert few.objective - few.dual_gap <= dense.objective * (1 + 1e-12)
    assert few.weights.min() >= 0
    if constraint == "simplex":
        np.testing.assert_allclose(few.weights.sum(axis=(1, 2)), 1.0, atol=1e-12)


def test_columns_that_must_not_cross_are_solved_together(monkeypatch):
    case = make(6, 60, p=3, m=4, kind="sorted", weighting="fine", noncrossing=True)
    dense = fitted(case)
    monkeypatch.setattr(_weights, "_DENSE_COLUMNS", 6)
    found = fitted(case)
    assert found.objective == pytest.approx(dense.objective, rel=1e-9)
    assert crossing(case, found.weights, found.intercept) <= 1.1e-9 * case.scale


@pytest.mark.parametrize("kind", ["duplicates", "ties", "perfect", "equal", "half", "family"])
def test_columns_of_degenerate_models(kind, monkeypatch):
    case = make(7, 80, p=4, m=6, kind=kind, weighting="fine")
    oracle = solve(case)
    monkeypatch.setattr(_weights, "_DENSE_COLUMNS", 6)
    found = fitted(case)
    allowed = max(1e-7 * oracle.value, 1e-9 * case.scale)
    assert abs(found.objective - oracle.value) <= allowed
    assert found.objective - found.dual_gap <= oracle.value + 1e-12 * case.scale


def test_stop_among_columns(monkeypatch):
    case = make(8, 80, p=4, m=6, weighting="fine")
    optimum = fitted(case).objective
    monkeypatch.setattr(_weights, "_DENSE_COLUMNS", 6)
    seen = []

    def listen(weights, intercept):
        seen.append(weights.copy())
        return len(seen) == 3

    found = fitted(case, on_iteration=listen)
    assert found.stopped
    assert not found.converged
    assert len(seen) == 3
    assert found.objective >= optimum * (1 - 1e-12)
    for weights in (*seen, found.weights):
        assert weights.min() >= 0
        np.testing.assert_allclose(weights.sum(axis=(1, 2)), 1.0, atol=1e-9)


# ---- HiGHS and first order ---------------------------------------------------------------------


@weightings
@constraints
@intercepts
@pytest.mark.parametrize("noncrossing", [False, True])
def test_highs_and_the_interior_point_agree(weighting, constraint, fit_intercept, noncrossing):
    case = make(
        9,
        50,
        m=4,
        kind="sorted",
        weighting=weighting,
        constraint=constraint,
        fit_intercept=fit_intercept,
        noncrossing=noncrossing,
        sample_weight=np.random.default_rng(0).choice([0.0, 1.0, 3.0], 50),
    )
    ipm, highs = fitted(case, solver="ipm"), fitted(case, solver="highs")
    assert highs.objective == pytest.approx(ipm.objective, rel=1e-7)
    for one, other in ((ipm, highs), (highs, ipm)):
        assert one.dual_gap >= 0
        assert one.objective - one.dual_gap <= other.objective * (1 + 1e-8)
    np.testing.assert_allclose(ipm.weights, highs.weights, atol=1e-4)


def test_highs_refuses_what_cannot_be():
    case = make(10, 20, p=2, m=3, kind="sorted", weighting="coarse", noncrossing=True)
    case.Q[0] = case.Q[0][:, ::-1]
    with pytest.raises(ValueError, match=r"sort_base=True.*weighting='fine'.*constraint='none'"):
        fitted(case, solver="highs")


@weightings
@constraints
@intercepts
def test_first_order_comes_near_and_knows_how_near(weighting, constraint, fit_intercept):
    case = make(
        11,
        300,
        weighting=weighting,
        constraint=constraint,
        fit_intercept=fit_intercept,
        sample_weight=np.random.default_rng(0).choice([0.0, 1.0, 3.0], 300),
    )
    best = fitted(case)
    found = fitted(case, solver="first-order")
    assert found.objective >= best.objective * (1 - 1e-9)
    assert found.dual_gap >= 0
    assert found.objective - found.dual_gap <= best.objective * (1 + 1e-12)
    if constraint != "none":
        assert found.objective <= 1.02 * best.objective
    if constraint == "simplex" and not fit_intercept:  # no column is free: a bound is always known
        assert found.dual_gap <= 0.1 * best.objective
    if constraint != "none":
        assert found.weights.min() >= 0
    if constraint == "simplex":
        total = found.weights.reshape(1 if weighting == "coarse" else 5, -1).sum(axis=1)
        np.testing.assert_allclose(total, 1.0, atol=1e-12)


# ---- certificate -------------------------------------------------------------------------------


@weightings
@constraints
@intercepts
@pytest.mark.parametrize("seed", range(3))
def test_the_engines_bound_of_random_multipliers_is_below_the_optimum(
    weighting, constraint, fit_intercept, seed
):
    case = make(12 + seed, 60, 2, 4, weighting=weighting, constraint=constraint,
                fit_intercept=fit_intercept)  # fmt: skip
    optimum = fitted(case).objective
    problem = AggregationProblem(
        case.Q,
        case.y,
        case.levels,
        case.group_of,
        weighting == "fine",
        constraint,
        fit_intercept,
        None,
    )
    band = all_observations(problem, 1.0)
    rng, known = np.random.default_rng(seed), 0
    cost, tau = np.asarray(band.cost), case.levels[:, None]
    for spread in (0.0, 0.1, 0.3, 1.0):
        a = cost * (tau - rng.uniform(0.5 - spread / 2, 0.5 + spread / 2, size=cost.shape))
        bound, inside = engine_bound(band, a, problem.start(), problem.signed, problem.unit_sum)
        bound = np.sum(bound) * problem.scale
        assert bound <= optimum * (1 + 1e-12)
        assert (inside <= cost * tau + 1e-15).all()
        assert (inside >= cost * (tau - 1) - 1e-15).all()
        known += np.isfinite(bound)
    assert known  # not only by knowing nothing


@constraints
def test_the_bound_at_the_multipliers_of_the_programme_is_the_optimum(constraint):
    case = make(15, 60, 2, 4, constraint=constraint, weighting="medium")
    oracle = solve(case)
    problem = AggregationProblem(
        case.Q, case.y, case.levels, case.group_of, False, constraint, False, None
    )
    bound, _ = engine_bound(
        all_observations(problem, 1.0), oracle.a, problem.start(), problem.signed, problem.unit_sum
    )
    assert np.sum(bound) * problem.scale == pytest.approx(oracle.value, rel=1e-8)


def test_multipliers_of_crossing_rows_move_the_bound():
    """Else the tests of weak duality would not see a wrong sign."""
    case = make(16, 60, 4, 5, kind="sorted", noncrossing=True)
    oracle = solve(case)
    share, scale = case.shares @ case.y, case.scale
    shifted = case.but(Q=(case.Q - share) / scale, y=(case.y - share) / scale)
    assert oracle.lam.max() > 0
    right = dual_bound(shifted, oracle.a, oracle.lam)[0]
    assert right == pytest.approx(oracle.value / scale, rel=1e-8)
    assert dual_bound(shifted, oracle.a, 0 * oracle.lam)[0] < right * (1 - 1e-6)


# ---- what comes in -----------------------------------------------------------------------------


@weightings
def test_single_precision_is_computed_in_double(weighting):
    case = make(17, 200, weighting=weighting)
    single = case.Q.astype(np.float32)
    found = quantile_stacking_weights(single, case.y, case.levels, weighting=weighting)
    exact = quantile_stacking_weights(
        single.astype(np.float64), case.y, case.levels, weighting=weighting
    )
    assert found.weights.dtype == np.float64
    np.testing.assert_array_equal(found.weights, exact.weights)
    assert found.objective == exact.objective


@weightings
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_memory_maps_are_read_and_not_written(weighting, dtype, tmp_path, reducing):
    case = make(18, 1500, kind="sorted", weighting=weighting)
    Q = case.Q.astype(dtype)
    path = tmp_path / "Q.npy"
    np.save(path, Q)
    mapped = np.load(path, mmap_mode="r")
    found = quantile_stacking_weights(mapped, case.y, case.levels, weighting=weighting)
    plain = quantile_stacking_weights(Q, case.y, case.levels, weighting=weighting)
    np.testing.assert_array_equal(found.weights, plain.weights)
    assert type(found.weights) is np.ndarray
    np.testing.assert_array_equal(np.load(path), Q)


@pytest.mark.parametrize("solver", ["ipm", "highs", "first-order"])
@constraints
def test_inputs_stay_as_they_were(solver, constraint):
    case = make(19, 60, sample_weight=np.random.default_rng(0).choice([0.0, 1.0, 2.0], 60))
    for array in (case.Q, case.y, case.levels, case.sample_weight):
        array.flags.writeable = False
    copies = [a.copy() for a in (case.Q, case.y, case.levels, case.sample_weight)]
    fitted(case.but(constraint=constraint), solver=solver)
    for now, before in zip((case.Q, case.y, case.levels, case.sample_weight), copies):
        np.testing.assert_array_equal(now, before)


def test_lists_whole_numbers_and_any_layout():
    case = make(20, 40, kind="integer")
    plain = fitted(case)
    for Q in (
        case.Q.tolist(),
        case.Q.astype(np.int64),
        np.asfortranarray(case.Q),
        np.repeat(case.Q, 2, axis=2)[:, :, ::2],
        case.Q[::-1][::-1],
    ):
        found = quantile_stacking_weights(Q, case.y.astype(int).tolist(), list(case.levels))
        assert found.objective == pytest.approx(plain.objective, rel=1e-12)


def test_the_same_call_gives_the_same_weights(reducing):
    case = make(21, 1500, kind="sorted")
    a, b = fitted(case), fitted(case)
    np.testing.assert_array_equal(a.weights, b.weights)


# ---- watching and stopping ---------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["ipm", "first-order"])
@weightings
@constraints
@intercepts
def test_a_callback_sees_weights_that_obey(solver, weighting, constraint, fit_intercept):
    case = make(22, 60, weighting=weighting, constraint=constraint, fit_intercept=fit_intercept)
    seen = []
    found = fitted(case, solver=solver, on_iteration=lambda w, b: seen.append((w.copy(), b.copy())))
    assert len(seen) == found.n_iter > 1
    assert not found.stopped
    for weights, intercept in seen:
        assert weights.shape == found.weights.shape
        assert intercept.shape == (5,)
        assert np.isfinite(weights).all()
        assert np.isfinite(intercept).all()
        if constraint != "none":
            assert weights.min() >= 0
        if constraint == "simplex":
            total = weights.reshape(1 if weighting == "coarse" else 5, -1).sum(axis=1)
            np.testing.assert_allclose(total, 1.0, atol=1e-9)
        if not fit_intercept:
            assert not intercept.any()


@pytest.mark.parametrize("solver", ["ipm", "first-order"])
@weightings
@constraints
@pytest.mark.parametrize("after", [1, 4])
def test_a_true_answer_stops_at_once(solver, weighting, constraint, after):
    case = make(23, 60, weighting=weighting, constraint=constraint)
    calls = []

    def listen(weights, intercept):
        calls.append(weights)
        return len(calls) == after

    found = fitted(case, solver=solver, on_iteration=listen)
    assert found.stopped
    assert not found.converged
    assert found.n_iter == len(calls) == after
    best = fitted(case).objective
    assert found.objective >= best * (1 - 1e-9)
    assert found.objective - found.dual_gap <= best * (1 + 1e-9)


@pytest.mark.parametrize("after", [1, 20])
def test_stopping_where_rows_must_not_cross(after):
    case = make(24, 80, p=4, kind="sorted", noncrossing=True)
    calls = []

    def listen(weights, intercept):
        calls.append(weights)
        return len(calls) == after

    assert crossing(case, *weights_of(case.but(noncrossing=False))) > 1e-3
    found = fitted(case, on_iteration=listen)
    assert found.stopped
    assert not found.converged
    assert len(calls) == found.n_iter == after
    np.testing.assert_allclose(found.weights.sum(axis=1), 1.0, atol=1e-12)


def test_an_error_in_a_callback_comes_through():
    with pytest.raises(KeyError, match="mine"):
        fitted(make(25), on_iteration=lambda w, b: {}["mine"])


@pytest.mark.parametrize("solver", ["ipm", "first-order"])
@weightings
@constraints
def test_one_iteration_is_too_few(solver, weighting, constraint):
    case = make(26, 60, weighting=weighting, constraint=constraint)
    found = fitted(case, solver=solver, max_iter=1)
    assert not found.converged
    assert not found.stopped
    assert found.n_iter == 1
    assert found.objective - found.dual_gap <= fitted(case).objective * (1 + 1e-9)
    assert np.isfinite(found.objective)


def test_a_looser_tolerance_costs_fewer_iterations():
    case = make(27, 300)
    loose, tight = fitted(case, tol=1e-3), fitted(case)
    assert loose.n_iter < tight.n_iter
    assert loose.converged
    assert loose.dual_gap <= 1e-3 * loose.objective
    assert loose.objective - loose.dual_gap <= tight.objective <= loose.objective * (1 + 1e-9)


# ---- memory ------------------------------------------------------------------------------------


def test_memory_is_a_few_times_the_forecasts():
    """One copy in double precision of what is worked on, of 9 MB in single precision."""
    rng = np.random.default_rng(0)
    y = rng.normal(size=20_000)
    Q = (y[:, None, None] + rng.normal(size=(20_000, 6, 19))).astype(np.float32)
    Q.sort(axis=2)
    levels = np.arange(1, 20) / 20
    fitted(Case(Q[:200], y[:200], levels, "coarse"))  # loads what is loaded once
    tracemalloc.start()
    try:
        fitted(Case(Q, y, levels, "coarse"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * Q.nbytes
