"""Cases that once broke the weight engine: dependent columns, lost bounds, shifts, stops."""

import warnings

import numpy as np
import pytest
from weights_oracle import Case, random_case, random_forecasts, solve

from skweight.quantile import _weights, _weights_solve
from skweight.quantile._weights import quantile_stacking_weights

ORDINARY = ["plain", "sorted", "half", "ties", "integer", "heavy"]


def fitted(case, **options):
    return quantile_stacking_weights(case.Q, case.y, case.levels, **case.options, **options)


def ordinary_case(seed):
    rng = np.random.default_rng(seed)
    n, p, m = (int(rng.integers(*limits)) for limits in ((50, 300), (2, 6), (3, 8)))
    return Case(
        *random_forecasts(rng, n, p, m, str(rng.choice(ORDINARY))),
        weighting=str(rng.choice(["coarse", "medium", "fine"])),
        constraint=str(rng.choice(["simplex", "nonneg", "none"])),
        fit_intercept=bool(rng.random() < 0.3),
    )


@pytest.mark.parametrize("seed", [51075, 51271, 51290, 51337])
def test_corrections_never_spoil_a_bound(seed):
    found = fitted(ordinary_case(seed))
    assert found.converged
    assert found.dual_gap <= 1e-9 * found.objective


@pytest.mark.parametrize("seed", [634, 1085])
def test_no_correction_overflows(seed):
    _, case = random_case(seed)
    found = fitted(case)
    assert np.isfinite(found.objective)
    assert found.dual_gap >= 0


@pytest.mark.parametrize("noncrossing", [False, True])
@pytest.mark.parametrize("seed", [0, 7, 11])
def test_free_weights_of_dependent_columns_stay_small(seed, noncrossing):
    """Levels of a location-scale model are combinations of two of them."""
    data = random_forecasts(np.random.default_rng(seed), 60, 3, 5, "family")
    case = Case(*data, "fine", None, "none", False, noncrossing)
    oracle, found = solve(case), fitted(case)
    assert abs(found.objective - oracle.value) <= 1e-7 * oracle.value
    assert found.converged
    assert np.abs(found.weights).max() < 1e3


@pytest.mark.parametrize(
    ("constraint", "fit_intercept", "weighting"),
    [
        ("none", False, "medium"),
        ("none", True, "medium"),
        ("nonneg", False, "fine"),
        ("nonneg", True, "fine"),
        ("simplex", True, "fine"),
        ("none", False, "fine"),
    ],
)
def test_a_band_without_a_minimum(constraint, fit_intercept, weighting, monkeypatch):
    data = random_forecasts(np.random.default_rng(1), 2500, 3, 5, "sorted")
    case = Case(*data, weighting, None, constraint, fit_intercept)
    monkeypatch.setattr(_weights_solve, "_sample_size", lambda problem: problem.n)
    full = fitted(case)
    monkeypatch.setattr(_weights_solve, "_sample_size", lambda problem: 100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = fitted(case)
    assert found.converged
    assert found.objective == pytest.approx(full.objective, rel=2e-9)


@pytest.mark.parametrize("after", [1, 3, 15])
def test_a_stop_during_the_sample_is_kept(after, monkeypatch):
    monkeypatch.setattr(_weights_solve, "_sample_size", lambda problem: 400)
    case = Case(*random_forecasts(np.random.default_rng(24), 2000, 4, 5, "sorted"))
    calls = []

    def listen(weights, intercept):
        calls.append(weights)
        return len(calls) == after

    found = fitted(case, on_iteration=listen)
    assert found.stopped
    assert not found.converged
    assert len(calls) == found.n_iter == after


@pytest.mark.parametrize("weighting", ["medium", "fine"])
@pytest.mark.parametrize(
    ("constraint", "fit_intercept", "largest_gap"),
    [
        ("none", False, 0.1),
        ("none", True, 0.1),
        ("simplex", False, 0.1),
        ("nonneg", False, 0.1),
        ("simplex", True, 0.7),  # few multipliers have room for the intercept's sake
        ("nonneg", True, 0.7),
    ],
)
def test_first_order_comes_close_and_has_a_bound(constraint, fit_intercept, largest_gap, weighting):
    weight = np.random.default_rng(0).choice([0.0, 1.0, 3.0], 300)
    data = random_forecasts(np.random.default_rng(11), 300, 3, 5, "plain")
    case = Case(*data, weighting, None, constraint, fit_intercept, False, weight)
    best, found = fitted(case).objective, fitted(case, solver="first-order")
    assert best * (1 - 1e-9) <= found.objective <= 1.02 * best
    assert found.objective - best <= found.dual_gap <= largest_gap * best


@pytest.mark.parametrize("fit_intercept", [False, True])
def test_free_fine_weights_beyond_the_dense_columns(fit_intercept, monkeypatch):
    data = random_forecasts(np.random.default_rng(5), 150, 4, 7, "plain")
    case = Case(*data, "fine", None, "none", fit_intercept)
    dense = fitted(case)
    monkeypatch.setattr(_weights, "_DENSE_COLUMNS", 6)
    assert fitted(case).objective <= 1.02 * dense.objective


@pytest.mark.parametrize(
    ("weighting", "fit_intercept"),
    [
        ("coarse", False),
        ("medium", False),  # for fine weights HiGHS gives up
        ("coarse", True),
        ("medium", True),
        ("fine", True),
    ],
)
def test_free_weights_far_from_zero(weighting, fit_intercept):
    Q, y, levels = random_forecasts(np.random.default_rng(3), 120, 3, 4, "sorted")
    near = Case(Q, y, levels, weighting, None, "none", True)
    far = Case(Q + 1e6, y + 1e6, levels, weighting, None, "none", fit_intercept)
    oracle = solve(near).value
    found = fitted(far)
    assert found.converged
    if fit_intercept:  # else there is no weight for a shift
        assert found.objective == pytest.approx(oracle, rel=1e-7)
    else:
        assert found.objective == pytest.approx(solve(far).value, abs=1e-9 * 1e6)


@pytest.mark.parametrize("seed", [68, 81, 115, 255, 348, 373, 384, 445, 734, 735])
def test_an_optimum_of_zero_is_recognised(seed):
    _, case = random_case(seed)
    assert fitted(case).converged


def infeasible_case(seed):
    rng = np.random.default_rng(seed)
    n, p, m = (
        int(rng.choice([1, 2, 3, 5, 12, 40])),
        int(rng.integers(1, 5)),
        int(rng.integers(2, 7)),
    )
    kinds = ["plain", "ties", "offset", "large", "small", "sorted", "heavy", "constant"]
    kind, weighting = str(rng.choice(kinds)), str(rng.choice(["coarse", "medium"]))
    groups = None
    if weighting == "medium" and rng.random() < 0.6:
        groups = np.sort(rng.integers(0, 3, m))
    shift = bool(rng.random() < 0.5)
    data = random_forecasts(rng, n, p, m, kind)
    return Case(*data, weighting, groups, "simplex", shift, True)


@pytest.mark.parametrize("seed", [300229, 300276, 300342, 300348, 300389, 300532, 300610, 300618])
def test_one_intercept_does_not_uncross(seed):
    case = infeasible_case(seed)
    assert case.weighting == "coarse"
    assert case.fit_intercept
    assert solve(case).status == 2
    with pytest.raises(ValueError, match="sort_base"):
        fitted(case)


@pytest.mark.parametrize("fit_intercept", [False, True])
def test_a_row_at_which_all_models_cross(fit_intercept):
    Q = np.array([[[0.0, 1.0], [0.0, 2.0]], [[1.0, 0.0], [2.0, 0.0]]])
    options = {"weighting": "coarse", "noncrossing": True, "fit_intercept": fit_intercept}
    with pytest.raises(ValueError, match="at 1 of 2 rows all models cross"):
        quantile_stacking_weights(Q, [0.0, 1.0], [0.25, 0.75], **options)


def three_models():
    rng = np.random.default_rng(0)
    y = rng.normal(size=50)
    return np.sort(0.5 * y[:, None, None] + rng.normal(size=(50, 3, 3)), axis=2), y, [0.1, 0.5, 0.9]


def test_row_weights_whose_sum_overflows():
    Q, y, levels = three_models()
    heavy = quantile_stacking_weights(Q, y, levels, sample_weight=np.full(50, 1e308))
    assert heavy.objective == pytest.approx(quantile_stacking_weights(Q, y, levels).objective)


def test_labels_of_mixed_kinds():
    Q, y, levels = three_models()
    labels = np.array(["a", 1, "a"], dtype=object)
    mixed = quantile_stacking_weights(Q, y, levels, level_groups=labels)
    plain = quantile_stacking_weights(Q, y, levels, level_groups=[0, 1, 0])
    np.testing.assert_array_equal(mixed.weights, plain.weights)


def test_a_model_beyond_all_scales_is_left_out_and_said():
    Q, y, levels = three_models()
    Q = np.concatenate([Q, Q[:, :1] * 1e200], axis=1)
    found = quantile_stacking_weights(Q, y, levels)
    assert found.weights[:, 3].max() < 1e-9
    assert np.isfinite(found.objective)
    assert not found.converged  # rounding errors of that model leave no useful bound


@pytest.mark.parametrize("seed", [900061, 900253])
def test_columns_on_demand_of_equal_models(seed, monkeypatch):
    rng = np.random.default_rng(seed)
    n, p, m = (int(rng.integers(*limits)) for limits in ((10, 80), (1, 6), (2, 7)))
    case = Case(*random_forecasts(rng, n, p, m, "equal"), "fine", fit_intercept=True)
    monkeypatch.setattr(_weights, "_DENSE_COLUMNS", 0)
    oracle, found = solve(case), fitted(case)
    assert abs(found.objective - oracle.value) <= 1e-7 * oracle.value
    assert found.converged


def test_too_many_fine_weights_to_keep_from_crossing():
    rng = np.random.default_rng(0)
    m = 60
    Q, y = rng.normal(size=(5, 3, m)), rng.normal(size=5)
    with pytest.raises(ValueError, match=r"60 x 180 weights .* weighting='medium'"):
        quantile_stacking_weights(
            Q, y, np.arange(1, m + 1) / (m + 1), weighting="fine", noncrossing=True
        )


def test_weights_that_still_cross_are_not_called_optimal():
    rng = np.random.default_rng(3)
    data = random_forecasts(rng, 200, 4, 7, "plain")
    case = Case(*data, "medium", None, "none", True, True)
    short = fitted(case, max_iter=12, solver="ipm")
    forecast = np.einsum("ijk,kj->ik", case.Q, short.weights) + short.intercept
    assert (forecast[:, :-1] > forecast[:, 1:] + 1e-6).any()
    assert short.dual_gap == np.inf
    assert not short.converged
