"""What must hold of the best weights whoever computes them: nesting, repetition, equivariance."""

import numpy as np
import pytest
from weights_oracle import Case, objective, random_forecasts

from skweight.quantile._weights import combine, quantile_stacking_weights

LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
GROUPS = [0, 0, 1, 1, 2]
weightings = pytest.mark.parametrize("weighting", ["coarse", "medium", "fine"])
constraints = pytest.mark.parametrize("constraint", ["simplex", "nonneg", "none"])


def data(seed=0, n=200, p=3, ordered=False):
    rng = np.random.default_rng(seed)
    x, spread = rng.normal(size=n), rng.uniform(0.5, 1.5, size=n)
    y = x + spread * rng.normal(size=n)
    z = np.log(LEVELS / (1 - LEVELS)) / 1.7
    center = x[:, None] + rng.normal(size=(n, p)) * [0.3, 0.6, 0.9, 0.6, 0.3][:p]
    Q = center[:, :, None] + (spread[:, None] * rng.uniform(0.6, 1.5, size=(n, p)))[..., None] * z
    Q += 0.2 * rng.normal(size=Q.shape)
    return np.sort(Q, axis=2) if ordered else Q, y


def best(Q, y, weighting="medium", **options):
    return quantile_stacking_weights(Q, y, LEVELS, weighting=weighting, **options)


def value_of(Q, y, weights, sample_weight=None):
    case = Case(Q, y, LEVELS, sample_weight=sample_weight)
    return objective(case, np.asarray(weights), np.zeros(len(LEVELS)))


# ---- nested families ---------------------------------------------------------------------------


@constraints
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("noncrossing", [False, True])
@pytest.mark.parametrize("seed", range(2))
def test_more_freedom_never_costs(constraint, fit_intercept, noncrossing, seed):
    Q, y = data(seed, n=80, ordered=noncrossing)
    options = {
        "constraint": constraint, "fit_intercept": fit_intercept, "noncrossing": noncrossing
    }  # fmt: skip
    fine = best(Q, y, "fine", **options).objective
    medium = best(Q, y, **options).objective
    grouped = best(Q, y, level_groups=GROUPS, **options).objective
    coarse = best(Q, y, "coarse", **options).objective
    assert fine < medium < grouped < coarse  # all differ on such data
    equal = np.full(3, 1 / 3)
    assert coarse <= min(value_of(Q, y, w) for w in [*np.eye(3), equal]) * (1 + 1e-9)


@weightings
def test_fewer_constraints_never_cost(weighting):
    Q, y = data(3, n=80)
    simplex, nonneg, free = (
        best(Q, y, weighting, constraint=c).objective for c in ("simplex", "nonneg", "none")
    )
    assert free < nonneg < simplex
    assert best(Q, y, weighting, fit_intercept=True).objective < simplex


def test_one_group_is_coarse_and_a_group_for_each_level_is_medium():
    Q, y = data(4)
    coarse, one = best(Q, y, "coarse"), best(Q, y, level_groups=["all"] * 5)
    assert one.objective == pytest.approx(coarse.objective, rel=1e-9)
    np.testing.assert_allclose(one.weights, np.tile(coarse.weights, (5, 1)), atol=1e-6)
    medium, each = best(Q, y), best(Q, y, level_groups=list("badce"))
    assert each.objective == pytest.approx(medium.objective, rel=1e-9)
    np.testing.assert_allclose(each.weights, medium.weights, atol=1e-6)


def test_names_of_groups_do_not_matter():
    Q, y = data(5)
    numbers = best(Q, y, level_groups=[0, 1, 2, 1, 0])
    words = best(Q, y, level_groups=["tail", "side", "centre", "side", "tail"])
    np.testing.assert_array_equal(numbers.weights, words.weights)


def test_free_levels_are_problems_of_their_own():
    Q, y = data(6)
    together = best(Q, y)
    alone = [quantile_stacking_weights(Q[:, :, k : k + 1], y, LEVELS[k : k + 1]) for k in range(5)]
    assert together.objective == pytest.approx(np.mean([a.objective for a in alone]), rel=1e-9)
    np.testing.assert_allclose(together.weights, [a.weights[0] for a in alone], atol=1e-6)


def test_order_may_cost_more_than_the_best_single_model():
    """A model that crosses is no candidate where crossing is forbidden."""
    Q, y = data(7, n=60, p=2)
    Q[:, 1] = np.sort(Q[:, 1] + 3.0, axis=1)  # ordered, far off
    found = best(Q, y, "coarse", noncrossing=True)
    assert found.objective > value_of(Q, y, [1.0, 0.0])


# ---- rows --------------------------------------------------------------------------------------


@weightings
@constraints
@pytest.mark.parametrize("noncrossing", [False, True])
def test_whole_weights_are_repeated_rows(weighting, constraint, noncrossing):
    Q, y = data(8, n=70, ordered=noncrossing)
    times = np.random.default_rng(0).integers(0, 4, size=70)
    options = {"constraint": constraint, "noncrossing": noncrossing}
    weighted = best(Q, y, weighting, sample_weight=times, **options)
    repeated = best(Q.repeat(times, axis=0), y.repeat(times), weighting, **options)
    assert weighted.objective == pytest.approx(repeated.objective, rel=3e-9)
    np.testing.assert_allclose(weighted.weights, repeated.weights, atol=1e-5)


@weightings
@constraints
@pytest.mark.parametrize("noncrossing", [False, True])
def test_a_row_without_weight_might_as_well_not_be_there(weighting, constraint, noncrossing):
    Q, y = data(9, n=70, ordered=noncrossing)
    weight = np.random.default_rng(0).choice([0.0, 1.0, 2.5], 70)
    Q[weight == 0] *= -1e3  # crosses, and would pull
    options = {"constraint": constraint, "noncrossing": noncrossing, "fit_intercept": True}
    kept = weight > 0
    zero = best(Q, y, weighting, sample_weight=weight, **options)
    gone = best(Q[kept], y[kept], weighting, sample_weight=weight[kept], **options)
    np.testing.assert_array_equal(zero.weights, gone.weights)
    np.testing.assert_array_equal(zero.intercept, gone.intercept)
    assert zero.objective == gone.objective


@weightings
def test_only_ratios_of_row_weights_matter(weighting):
    Q, y = data(10)
    weight = np.random.default_rng(0).uniform(0.1, 2.0, len(y))
    once, scaled = (best(Q, y, weighting, sample_weight=c * weight) for c in (1.0, 1e6))
    np.testing.assert_allclose(once.weights, scaled.weights, atol=1e-6)
    assert once.objective == pytest.approx(scaled.objective, rel=1e-9)
    ones = best(Q, y, weighting, sample_weight=np.ones(len(y)))
    assert ones.objective == pytest.approx(best(Q, y, weighting).objective, rel=1e-9)


@weightings
def test_the_order_of_rows_does_not_matter(weighting):
    Q, y = data(11)
    shuffled = np.random.default_rng(0).permutation(len(y))
    a, b = best(Q, y, weighting), best(Q[shuffled], y[shuffled], weighting)
    np.testing.assert_allclose(a.weights, b.weights, atol=1e-6)


# ---- models ------------------------------------------------------------------------------------


@weightings
@constraints
def test_weights_follow_their_models(weighting, constraint):
    Q, y = data(12, n=300)
    order = [2, 0, 1]
    a, b = (best(q, y, weighting, constraint=constraint) for q in (Q, Q[:, order]))
    assert a.objective == pytest.approx(b.objective, rel=2e-9)
    axis = 0 if weighting == "coarse" else 1
    np.testing.assert_allclose(np.take(a.weights, order, axis=axis), b.weights, atol=1e-5)


@weightings
@constraints
@pytest.mark.parametrize("noncrossing", [False, True])
def test_a_model_given_twice_changes_nothing(weighting, constraint, noncrossing):
    Q, y = data(13, n=80, ordered=noncrossing)
    options = {"constraint": constraint, "noncrossing": noncrossing}
    once = best(Q, y, weighting, **options)
    twice = best(np.concatenate([Q, Q[:, 1:2]], axis=1), y, weighting, **options)
    assert twice.objective == pytest.approx(once.objective, rel=1e-8)


@constraints
def test_one_more_model_never_costs(constraint):
    Q, y = data(14)
    base = best(Q, y, constraint=constraint).objective
    noise = 1e3 * np.random.default_rng(0).normal(size=(len(y), 1, 5))
    worthless = best(np.concatenate([Q, noise], axis=1), y, constraint=constraint)
    assert 0.95 * base < worthless.objective <= base * (1 + 1e-9)
    assert np.abs(worthless.weights[:, -1]).max() <= 1e-3
    good = np.concatenate([Q, Q[:, :1] * 0.5 + y[:, None, None] * 0.5], axis=1)
    assert best(good, y, constraint=constraint).objective < 0.8 * base


# ---- scale and location ------------------------------------------------------------------------


@weightings
@pytest.mark.parametrize(("scale", "shift"), [(3.0, 0.0), (1e-6, 0.0), (1e8, 0.0), (0.5, 1e3)])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_weights_that_sum_to_one_do_not_see_units(weighting, scale, shift, fit_intercept):
    Q, y = data(15)
    a = best(Q, y, weighting, fit_intercept=fit_intercept)
    b = best(scale * Q + shift, scale * y + shift, weighting, fit_intercept=fit_intercept)
    np.testing.assert_allclose(a.weights, b.weights, atol=1e-6)
    np.testing.assert_allclose(scale * a.intercept, b.intercept, atol=1e-6 * scale)
    assert b.objective == pytest.approx(scale * a.objective, rel=1e-8)


@weightings
@pytest.mark.parametrize("constraint", ["nonneg", "none"])
def test_other_weights_see_the_location_unless_there_is_an_intercept(weighting, constraint):
    Q, y = data(16)
    plain = best(Q, y, weighting, constraint=constraint)
    scaled = best(40 * Q, 40 * y, weighting, constraint=constraint)
    np.testing.assert_allclose(plain.weights, scaled.weights, atol=1e-6)
    assert scaled.objective == pytest.approx(40 * plain.objective, rel=1e-8)
    shifted = best(Q + 7, y + 7, weighting, constraint=constraint)
    assert abs(shifted.objective - plain.objective) > 1e-4
    free, moved = (
        best(Q + t, y + t, weighting, constraint=constraint, fit_intercept=True) for t in (0, 7)
    )
    assert free.objective == pytest.approx(moved.objective, rel=1e-8)
    np.testing.assert_allclose(free.weights, moved.weights, atol=1e-6)
    total = free.weights.sum() if weighting == "coarse" else free.weights.reshape(5, -1).sum(1)
    np.testing.assert_allclose(moved.intercept, free.intercept + 7 * (1 - total), atol=1e-5)


def test_flipping_the_sign_mirrors_the_levels():
    Q, y = data(17)
    a, b = best(Q, y), best(-Q[:, :, ::-1], -y)
    assert a.objective == pytest.approx(b.objective, rel=1e-9)
    np.testing.assert_allclose(a.weights, b.weights[::-1], atol=1e-6)


# ---- truth -------------------------------------------------------------------------------------


def normal_quantiles(levels):
    from scipy.stats import norm

    return norm.ppf(levels)


@pytest.mark.parametrize("weighting", ["coarse", "medium"])
def test_the_true_quantile_function_gets_all_weight(weighting):
    rng = np.random.default_rng(0)
    n, z = 20_000, normal_quantiles(LEVELS)
    x, spread = rng.normal(size=n), rng.uniform(0.5, 2.0, size=n)
    y = x + spread * rng.normal(size=n)
    truth = x[:, None] + spread[:, None] * z
    noisy = truth + rng.normal(size=(n, 1))
    Q = np.stack([truth, noisy, x[:, None] + 0.5 + 1.2 * z], axis=1)
    found = best(Q, y, weighting)
    wanted = np.broadcast_to([1.0, 0.0, 0.0], found.weights.shape)
    np.testing.assert_allclose(found.weights, wanted, atol=0.06)
    assert found.objective <= value_of(Q, y, [1.0, 0.0, 0.0]) * (1 + 1e-9)


def test_a_location_scale_family_is_closed_under_averages():
    """The average of two quantile functions of the family is the truth, at weights .3 and .7."""
    rng = np.random.default_rng(1)
    n, z = 20_000, normal_quantiles(LEVELS)
    centers, spreads = rng.normal(size=(n, 2)), rng.uniform(0.3, 2.0, size=(n, 2))
    mix = np.array([0.3, 0.7])
    y = centers @ mix + spreads @ mix * rng.normal(size=n)
    Q = centers[:, :, None] + spreads[:, :, None] * z
    np.testing.assert_allclose(best(Q, y, "coarse").weights, mix, atol=0.02)
    np.testing.assert_allclose(best(Q, y).weights, np.tile(mix, (5, 1)), atol=0.04)
    free = best(Q, y, "coarse", constraint="none", fit_intercept=True)
    np.testing.assert_allclose(free.weights, mix, atol=0.02)
    np.testing.assert_allclose(free.intercept, 0.0, atol=0.03)


def test_an_intercept_makes_each_level_cover_its_share():
    """With a constant among the columns the share of y below is the level, to 1/n a column."""
    Q, y = data(18, n=500)
    Q = Q + 0.7
    for constraint in ("simplex", "nonneg", "none"):
        found = best(Q, y, constraint=constraint, fit_intercept=True)
        line = combine(Q, found.weights, found.intercept)
        slack = 1e-7 * np.abs(y).max()
        below = (y[:, None] < line - slack).mean(axis=0)
        at_most = (y[:, None] <= line + slack).mean(axis=0)
        assert (below <= LEVELS + 1e-12).all()
        assert (at_most >= LEVELS - 1e-12).all()


def test_combine_is_what_the_shapes_say():
    rng = np.random.default_rng(0)
    Q, shift = rng.normal(size=(7, 3, 5)), rng.normal(size=5)
    for weights in (rng.normal(size=3), rng.normal(size=(5, 3)), rng.normal(size=(5, 3, 5))):
        out = combine(Q, weights, shift)
        for i in range(7):
            for k in range(5):
                w = weights if weights.ndim == 1 else weights[k]
                terms = w * Q[i] if weights.ndim == 3 else w * Q[i, :, k]
                assert out[i, k] == pytest.approx(terms.sum() + shift[k], rel=1e-12, abs=1e-13)


def test_the_objective_is_the_weighted_interval_score():
    from skweight.metrics import weighted_interval_score

    Q, y = data(19)
    weight = np.random.default_rng(0).uniform(size=len(y))
    found = best(Q, y, sample_weight=weight)
    forecast = np.sort(combine(Q, found.weights, found.intercept), axis=1)
    score = weighted_interval_score(y, forecast, quantiles=LEVELS, sample_weight=weight)
    assert score <= found.objective * (1 + 1e-12)  # order never costs
    ordered = best(np.sort(Q, axis=2), y, "coarse", sample_weight=weight)
    forecast = combine(np.sort(Q, axis=2), ordered.weights, ordered.intercept)
    score = weighted_interval_score(y, forecast, quantiles=LEVELS, sample_weight=weight)
    assert score == pytest.approx(ordered.objective, rel=1e-12)


def test_random_data_has_all_kinds():
    """The generator of the other test modules makes what its names say."""
    make = lambda kind: random_forecasts(np.random.default_rng(0), 30, 3, 4, kind)  # noqa: E731
    assert np.ptp(make("constant")[1]) == 0
    assert (np.diff(make("ties")[0], axis=2) == 0).any()
    assert np.linalg.matrix_rank(make("family")[0].reshape(30, -1)) < 12
    assert np.abs(make("offset")[1]).min() > 9e5
