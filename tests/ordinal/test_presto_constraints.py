"""Crossing boundaries: the three monotone rules, the repairs at prediction, signs of slopes."""

from itertools import product

import numpy as np
import pytest
from oracle_solvers import solve_trust_constr
from oracles import Problem, class_probabilities, make_ordinal
from scipy import sparse

from skweight.ordinal import PrestoClassifier

pytestmark = pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")
MODES = ["observed", "train", "box"]


def crossing_data(seed=40, K=5):
    return make_ordinal(seed, n=70, p=3, K=K, wild=1.2, weighted=True)


def fit(X, y, w=None, **options):
    options = {"alpha": 0.003, "tol": 1e-9, **options}
    return PrestoClassifier(**options).fit(X, y, sample_weight=w)


def raw_gaps(model, X):
    """Return z_{k} - z_{k+1}, which must not be negative."""
    z = model.intercept_ + X @ model.coef_.T
    return z[:, :-1] - z[:, 1:], 1e-9 * (1 + np.abs(z).max())


@pytest.mark.parametrize("base_penalty", [0.0, 1.0])
@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
def test_each_rule_costs_more_than_the_one_before(base_penalty, l1_ratio):
    for seed in (40, 41, 42):
        X, y, w = crossing_data(seed)
        options = {"base_penalty": base_penalty, "l1_ratio": l1_ratio}
        values = [fit(X, y, w, monotone=m, **options).objective_ for m in MODES]
        assert values[0] <= values[1] + 1e-9
        assert values[1] <= values[2] + 1e-9
        assert values[2] > values[0] + 1e-4, "the constraints were meant to bind"


def test_rules_agree_where_nothing_crosses():
    X, y, w = make_ordinal(43, n=150, p=3, K=4, wild=0.1, weighted=True)
    fits = [fit(X, y, w, monotone=m, alpha=0.03) for m in MODES]
    assert fits[0].varying_.any()
    assert np.all(fits[0].crossing_margin_ > 0)
    for model in fits[1:]:
        np.testing.assert_allclose(model.coef_, fits[0].coef_, atol=1e-6)
        assert model.objective_ == pytest.approx(fits[0].objective_, abs=1e-9)


@pytest.mark.parametrize("standardize", [True, False])
def test_no_crossing_on_training_rows_for_train(standardize):
    for seed in (40, 41, 42):
        X, y, w = crossing_data(seed)
        model = fit(X, y, w, monotone="train", standardize=standardize)
        gaps, slack = raw_gaps(model, X)
        assert gaps.min() >= -slack
        assert model.n_crossed_ == 0
        free = fit(X, y, w, monotone="observed", standardize=standardize)
        gaps, slack = raw_gaps(free, X)
        crossed = np.flatnonzero((gaps < -slack).any(axis=1))
        assert len(crossed) > 0
        assert free.n_crossed_ == len(crossed)


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("container", [None, sparse.csr_matrix])
def test_box_is_feasible_in_all_corners(standardize, container):
    for seed in (40, 41, 42):
        X, y, w = crossing_data(seed)
        if container is not None:
            X[np.abs(X) < 1] = 0.0
        data = X if container is None else container(X)
        model = fit(data, y, w, monotone="box", standardize=standardize)
        corners = np.array(list(product(*zip(X.min(axis=0), X.max(axis=0)))))
        gaps, slack = raw_gaps(model, corners)
        assert gaps.min() >= -slack
        np.testing.assert_allclose(model.crossing_margin_, gaps.min(axis=0), atol=1e-9)
        assert model.crossing_margin_.shape == (3,)
        # Inside the box no probability is negative, so no row needs a repair.
        inside = np.random.default_rng(0).uniform(X.min(axis=0), X.max(axis=0), size=(50, 3))
        raw = class_probabilities(model.intercept_ + inside @ model.coef_.T)
        np.testing.assert_allclose(model.predict_proba(inside), raw, atol=1e-9)


def test_crossing_margin_is_the_smallest_gap_in_the_box():
    X, y, w = crossing_data()
    for mode in MODES:
        model = fit(X, y, w, monotone=mode)
        corners = np.array(list(product(*zip(X.min(axis=0), X.max(axis=0)))))
        gaps, _ = raw_gaps(model, corners)
        np.testing.assert_allclose(model.crossing_margin_, gaps.min(axis=0), atol=1e-9)


def test_rows_of_weight_zero_enter_neither_box_nor_training_constraints():
    X, y, w = crossing_data()
    far = np.vstack([X, 5 * X[:10]])
    weights = np.concatenate([w, np.zeros(10)])
    for mode in MODES:
        a = fit(X, y, w, monotone=mode)
        b = fit(far, np.concatenate([y, y[:10]]), weights, monotone=mode)
        np.testing.assert_allclose(a.coef_, b.coef_, atol=1e-9)
        np.testing.assert_allclose(a.crossing_margin_, b.crossing_margin_, atol=1e-9)
        assert a.alpha_max_ == pytest.approx(b.alpha_max_, rel=1e-12)


def wild_rows(model, scale=30.0):
    """Return rows far outside the training data, most of which cross."""
    return scale * np.random.default_rng(1).normal(size=(200, model.n_features_in_))


def exceedance_of(model, P):
    return 1 - np.cumsum(P, axis=1)[:, :-1]


def test_project_is_the_isotonic_regression():
    from sklearn.isotonic import IsotonicRegression

    X, y, w = crossing_data()
    model = fit(X, y, w, crossing="project")
    rows = wild_rows(model)
    raw = model.predict_exceedance(rows)
    P = model.predict_proba(rows)
    assert np.any(np.diff(raw, axis=1) > 1e-3), "rows were meant to cross"
    np.testing.assert_allclose(P.sum(axis=1), 1, atol=1e-12)
    assert P.min() >= 0
    isotonic = IsotonicRegression(increasing=False)
    steps = np.arange(raw.shape[1])
    expected = np.array([isotonic.fit_transform(steps, row) for row in raw])
    np.testing.assert_allclose(exceedance_of(model, P), expected, atol=1e-12)
    # A merged class has probability exactly 0, and its logarithm is finite.
    assert (P == 0).any()
    assert np.isfinite(model.decision_function(rows)).all()
    assert model.decision_function(rows).min() >= np.log(np.finfo(float).tiny) - 1e-9


def test_rearrange_sorts_the_exceedances():
    X, y, w = crossing_data()
    model = fit(X, y, w, crossing="rearrange")
    rows = wild_rows(model)
    P = model.predict_proba(rows)
    expected = -np.sort(-model.predict_exceedance(rows), axis=1)
    np.testing.assert_allclose(exceedance_of(model, P), expected, atol=1e-12)
    np.testing.assert_allclose(P.sum(axis=1), 1, atol=1e-12)
    assert P.min() >= 0


@pytest.mark.parametrize("crossing", ["project", "rearrange", "raise"])
def test_repair_is_the_identity_without_crossing(crossing):
    X, y, w = crossing_data()
    model = fit(X, y, w, crossing=crossing, monotone="train")
    # Active training rows sit exactly at a gap of zero: not a crossing.
    raw = class_probabilities(model.intercept_ + X @ model.coef_.T)
    np.testing.assert_allclose(model.predict_proba(X), raw, atol=1e-9)


def test_raise_refuses_to_predict_rows_that_cross():
    X, y, w = crossing_data()
    model = fit(X, y, w, crossing="raise")
    with pytest.raises(ValueError, match="cross"):
        model.predict_proba(wild_rows(model))
    model.predict_exceedance(wild_rows(model))  # raw values never need a repair


@pytest.mark.parametrize("crossing", ["project", "rearrange"])
def test_repairs_never_worsen_the_ranked_probability_score(crossing):
    X, y, w = crossing_data()
    model = fit(X, y, w, crossing=crossing)
    rows = wild_rows(model)
    raw, fixed = model.predict_exceedance(rows), exceedance_of(model, model.predict_proba(rows))
    for rank in range(5):
        step = (rank > np.arange(4)).astype(float)
        before, after = ((raw - step) ** 2).sum(axis=1), ((fixed - step) ** 2).sum(axis=1)
        assert np.all(after <= before + 1e-12)


@pytest.mark.parametrize("seed", [7, 8, 26, 31])
@pytest.mark.parametrize("monotone", MODES)
def test_skewed_columns_with_many_zeros(monotone, seed):
    # Rare large values make wide, lopsided boxes, and columns that some boundaries never see.
    rng = np.random.default_rng(seed)
    n, p = (80, 20) if seed == 26 else (60, 4)
    X = rng.normal(size=(n, p)) ** 2 * (rng.random((n, p)) < 0.08)
    y = np.digitize(X[:, : p // 2].sum(axis=1) + 0.3 * rng.normal(size=n), [0.2, 0.5])
    alpha = 0.3 * Problem(X, y, monotone="observed").alpha_max()
    model = fit(X, y, alpha=alpha, monotone=monotone)
    assert model.dual_gap_ <= 1e-8
    if p == 4:  # the oracle writes out all 2^p corners
        problem, theta = Problem.of(model, X, y)
        assert problem.min_gap(theta) >= -1e-9 * (1 + np.abs(problem.A @ theta).max())
        assert problem.kkt_residual(theta) <= 1e-6


@pytest.mark.parametrize("family", ["continuation", "stopping", "adjacent"])
def test_other_families_never_cross(family):
    X, y, w = crossing_data()
    fits = [fit(X, y, w, family=family, monotone=m, crossing="raise") for m in MODES]
    for model in fits:
        np.testing.assert_array_equal(model.coef_, fits[0].coef_)
        assert model.n_crossed_ == 0
        model.predict_proba(wild_rows(model))


@pytest.mark.parametrize("family", ["cumulative", "continuation", "stopping", "adjacent"])
@pytest.mark.parametrize("base_penalty", [0.0, 1.0])
def test_positive_keeps_every_slope_nonnegative(family, base_penalty):
    X, y, w = crossing_data()
    options = {"family": family, "base_penalty": base_penalty}
    free = fit(X, y, w, **options)
    model = fit(X, y, w, positive=True, **options)
    assert free.coef_.min() < -1e-2
    assert model.coef_.min() >= 0
    assert model.coef_.max() > 1e-2
    # Effects may shrink from one boundary to the next: the deltas are not constrained.
    assert model.delta_coef_.min() < 0
    assert model.objective_ >= free.objective_ - 1e-9
    assert model.dual_gap_ <= 1e-8
    problem, theta = Problem.of(model, X, y, w)
    assert problem.kkt_residual(theta) < 1e-5
    assert problem.objective(theta) <= solve_trust_constr(problem)[1] + 1e-8


def test_parallel_limit_never_crosses():
    X, y, w = crossing_data()
    factor = np.ones((4, 3))
    factor[1:] = 1e6
    model = fit(X, y, w, monotone="observed", penalty_factor=factor)
    assert not model.varying_.any()
    assert model.support_.any()
    spread = np.diff(model.thresholds_)
    np.testing.assert_allclose(model.crossing_margin_, spread, atol=1e-9)
