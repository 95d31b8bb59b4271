"""Links and families: optima against scipy's trust-constr, and the facts that relate them."""

import numpy as np
import pytest
from oracle_solvers import solve_trust_constr
from oracles import LINKS, Problem, class_probabilities, make_ordinal

from skweight.ordinal import PrestoClassifier

pytestmark = pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")
OTHERS = ["probit", "cloglog", "loglog"]


def fit(X, y, w=None, *, tol=1e-10, **options):
    return PrestoClassifier(tol=tol, **options).fit(X, y, sample_weight=w)


@pytest.mark.parametrize("link", OTHERS)
@pytest.mark.parametrize(
    "options",
    [
        {"family": "cumulative", "monotone": "observed"},
        {"family": "cumulative", "monotone": "train", "base_penalty": 0.0},
        {"family": "cumulative", "monotone": "box", "l1_ratio": 0.6},
        {"family": "continuation", "l1_ratio": 0.6},
        {"family": "stopping", "base_penalty": 0.0},
    ],
    ids=lambda o: "-".join(str(v) for v in o.values()),
)
def test_optimum_of_the_other_links(link, options):
    X, y, w = make_ordinal(21, n=70, p=3, K=4, wild=0.8, weighted=True)
    alpha = 0.05 * Problem(X, y, w, link=link, **options).alpha_max()
    model = fit(X, y, w, link=link, alpha=alpha, **options)
    problem, theta = Problem.of(model, X, y, w)
    value = problem.objective(theta)
    assert problem.min_gap(theta) >= -1e-9 * (1 + np.abs(problem.A @ theta).max())
    assert model.objective_ == pytest.approx(value, abs=1e-10)
    assert problem.kkt_residual(theta) <= 1e-8
    assert model.dual_gap_ <= 1e-8
    found, best = solve_trust_constr(problem)
    assert value == pytest.approx(best, abs=1e-7)
    np.testing.assert_allclose(theta, found, atol=1e-3)


@pytest.mark.parametrize("link", list(LINKS))
@pytest.mark.parametrize("family", ["cumulative", "continuation", "stopping"])
def test_group_penalty_and_no_penalty_meet_the_optimality_conditions(link, family):
    X, y, w = make_ordinal(22, n=150, p=3, K=4, wild=0.3, noise=2.0, weighted=True)
    for options in ({"alpha": 0.02, "penalty": "group"}, {"alpha": 0.0}):
        model = fit(X, y, w, link=link, family=family, monotone="observed", **options)
        problem, theta = Problem.of(model, X, y, w)
        assert problem.kkt_residual(theta) <= 1e-8
        assert model.dual_gap_ <= 1e-8


@pytest.mark.parametrize("link", list(LINKS))
@pytest.mark.parametrize("family", ["cumulative", "continuation", "stopping", "adjacent"])
def test_predicted_probabilities_follow_the_definitions(link, family):
    if family == "adjacent" and link != "logit":
        pytest.skip("the adjacent family has the logit link only")
    X, y, w = make_ordinal(23, n=90, p=3, K=4, weighted=True)
    model = fit(X, y, w, alpha=0.01, family=family, link=link)
    z = model.intercept_ + X @ model.coef_.T
    raw = class_probabilities(z, family, link)
    tail = 1 - np.cumsum(raw, axis=1)[:, :-1]
    np.testing.assert_allclose(model.predict_exceedance(X), tail, atol=1e-12)
    np.testing.assert_allclose(model.predict_proba(X), raw, atol=1e-9)
    np.testing.assert_allclose(model.thresholds_, -model.intercept_)
    log_proba = model.decision_function(X)
    np.testing.assert_allclose(np.exp(log_proba), model.predict_proba(X), atol=1e-12)


@pytest.mark.parametrize("family", ["cumulative", "continuation", "stopping", "adjacent"])
def test_larger_scores_mean_higher_classes(family):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 1))
    y = np.digitize(X[:, 0] + 0.3 * rng.logistic(size=200), [-0.8, 0.2, 1.0])
    model = fit(X, y, alpha=0.001, family=family)
    assert np.all(model.coef_ > 0)
    grid = model.predict_exceedance(np.linspace(-2, 2, 9)[:, None])
    assert np.all(np.diff(grid, axis=0) > 0)


@pytest.mark.parametrize("link", list(LINKS))
def test_continuation_equals_stopping_exactly_for_symmetric_links(link):
    X, y, w = make_ordinal(24, n=90, p=3, K=4, weighted=True)
    a = fit(X, y, w, alpha=0.01, family="continuation", link=link)
    b = fit(X, y, w, alpha=0.01, family="stopping", link=link)
    difference = np.abs(a.predict_proba(X) - b.predict_proba(X)).max()
    if link in ("logit", "probit"):
        assert difference < 1e-7
        np.testing.assert_allclose(a.coef_, b.coef_, atol=1e-6)
    else:
        assert difference > 1e-3


def test_adjacent_with_another_link_raises():
    X, y, _ = make_ordinal(0, n=40, K=3)
    for link in OTHERS:
        with pytest.raises(ValueError, match=r"link|adjacent"):
            PrestoClassifier(family="adjacent", link=link).fit(X, y)


def test_two_classes_are_one_binary_model_whatever_the_family():
    X, y, w = make_ordinal(25, n=80, p=3, K=2, weighted=True)
    for link in LINKS:
        fits = {
            f: fit(X, y, w, alpha=0.01, family=f, link=link).predict_proba(X)
            for f in ("cumulative", "continuation", "stopping")
        }
        # P(y = 0) = F(-z) in both; continuation has P(y = 1) = F(z) instead.
        np.testing.assert_allclose(fits["cumulative"], fits["stopping"], atol=1e-8)
        same = np.abs(fits["cumulative"] - fits["continuation"]).max() < 1e-7
        assert same == (link in ("logit", "probit"))


def test_reversing_the_classes_swaps_cloglog_and_loglog():
    X, y, w = make_ordinal(26, n=90, p=3, K=4, weighted=True)
    options = {"alpha": 0.02, "base_penalty": 0.0}
    a = fit(X, y, w, link="cloglog", **options)
    b = fit(X, 3 - y, w, link="loglog", **options)
    np.testing.assert_allclose(a.predict_proba(X), b.predict_proba(X)[:, ::-1], atol=1e-7)
    np.testing.assert_allclose(a.coef_, -b.coef_[::-1], atol=1e-6)


def test_cloglog_is_the_binomial_cloglog_of_the_lower_class():
    X, y, _ = make_ordinal(27, n=120, p=2, K=2, noise=2.0)
    model = fit(X, y, alpha=0.0, link="cloglog")
    p_low = 1 - np.exp(-np.exp(-(model.intercept_ + X @ model.coef_[0])))
    np.testing.assert_allclose(model.predict_proba(X)[:, 0], p_low, atol=1e-12)
    # Score equations of that binomial model: sum (y_low - p) * dp/deta / (p (1 - p)) x = 0.
    eta = -(model.intercept_ + X @ model.coef_[0])
    weight = np.exp(eta) / p_low
    residual = ((y == 0) - p_low) * weight
    assert np.abs(np.column_stack([np.ones(len(y)), X]).T @ residual).max() / len(y) < 1e-8
