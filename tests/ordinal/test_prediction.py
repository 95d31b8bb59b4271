"""From predictors to probabilities, repairs, labels and scores."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.stats import logistic, norm
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.isotonic import isotonic_regression

from skweight.ordinal._prediction import (
    OrdinalPredictionMixin,
    crossed_rows,
    ranked_probabilities,
    repair_exceedance,
)


class Fixed(OrdinalPredictionMixin, ClassifierMixin, BaseEstimator):
    """A fitted model with given numbers."""

    def __init__(self, family="cumulative", link="logit", crossing="project"):
        self.family = family
        self.link = link
        self.crossing = crossing

    def fit(self, X, y):
        raise AssertionError("never fitted: `of` sets the numbers")

    def of(self, coef, intercept, class_order=None):
        self.coef_, self.intercept_ = np.asarray(coef), np.asarray(intercept)
        self.class_order_ = np.arange(len(intercept) + 1) if class_order is None else class_order
        self.classes_ = np.sort(self.class_order_)
        self.n_features_in_ = self.coef_.shape[-1]
        return self


def crossing_model(**params):
    rng = np.random.default_rng(1)
    model = Fixed(**params).of(rng.normal(size=(4, 3)), [1.0, 0.5, 0.0, -0.5])
    return model, rng.normal(size=(200, 3))


def test_project_is_isotonic_regression():
    above = np.random.default_rng(0).uniform(size=(300, 6))
    expected = [isotonic_regression(row, increasing=False) for row in above]
    assert_allclose(repair_exceedance(above, "project"), expected, atol=1e-14)


def test_rearrange_sorts():
    above = np.array([[0.2, 0.6, 0.4]])
    assert_array_equal(repair_exceedance(above, "rearrange"), [[0.6, 0.4, 0.2]])


@pytest.mark.parametrize("how", ["project", "rearrange"])
def test_repair_leaves_decreasing_rows_alone(how):
    above = -np.sort(-np.random.default_rng(0).uniform(size=(50, 5)), axis=1)
    assert_array_equal(repair_exceedance(above, how), above)


@pytest.mark.parametrize("how", ["project", "rearrange"])
@pytest.mark.parametrize("link", ["logit", "probit", "cloglog", "loglog"])
def test_repaired_probabilities_are_probabilities(how, link):
    z = np.random.default_rng(0).normal(size=(500, 4), scale=3)
    assert crossed_rows(z).any()
    p = ranked_probabilities("cumulative", link, z, how)
    assert (p >= 0).all()
    assert_allclose(p.sum(axis=1), 1, rtol=1e-12)


@pytest.mark.parametrize("how", ["project", "rearrange"])
def test_repair_never_worsens_the_ranked_probability_score(how):
    rng = np.random.default_rng(0)
    above = rng.uniform(size=(2000, 4))
    truth = rng.integers(0, 5, size=2000)[:, None] > np.arange(4)
    raw = ((above - truth) ** 2).sum(axis=1)
    repaired = ((repair_exceedance(above, how) - truth) ** 2).sum(axis=1)
    assert (repaired <= raw + 1e-12).all()
    assert (repaired < raw - 1e-3).any()


def test_raise_counts_crossing_rows():
    model, X = crossing_model(crossing="raise")
    n_crossed = int((np.diff(X @ model.coef_.T + model.intercept_, axis=1) > 0).any(axis=1).sum())
    with pytest.raises(ValueError, match=f"cross in {n_crossed} of the rows"):
        model.predict_proba(X)
    assert model.predict_exceedance(X).shape == (200, 4)  # the raw tail needs no repair


def test_touching_boundaries_do_not_count_as_crossing():
    z = np.array([[1.0, 1.0 + 1e-12, -1.0]])
    assert not crossed_rows(z).any()
    p = ranked_probabilities("cumulative", "logit", z, "raise")
    assert (p >= 0).all()


def test_exceedance_is_the_raw_tail():
    model, X = crossing_model()
    z = X @ model.coef_.T + model.intercept_
    assert_allclose(model.predict_exceedance(X), logistic.cdf(z), rtol=1e-12)
    probit = Fixed(link="probit").of(model.coef_, model.intercept_)
    assert_allclose(probit.predict_exceedance(X), norm.cdf(z), rtol=1e-12)


def test_a_rare_tail_keeps_its_relative_accuracy():
    model = Fixed().of([[1.0], [1.0], [1.0]], [0.0, -40.0, -41.0])
    p = model.predict_proba([[0.0]])[0]
    assert_allclose(p[2], logistic.cdf(-40.0) - logistic.cdf(-41.0), rtol=1e-12)
    assert_allclose(p[3], logistic.cdf(-41.0), rtol=1e-12)


@pytest.mark.parametrize("family", ["continuation", "stopping", "adjacent"])
def test_other_families_never_cross(family):
    model, X = crossing_model(family=family, crossing="raise")
    p = model.predict_proba(X)
    assert (p >= 0).all()
    assert_allclose(p.sum(axis=1), 1, rtol=1e-12)
    above = model.predict_exceedance(X)
    assert_allclose(above, np.cumsum(p[:, :0:-1], axis=1)[:, ::-1], rtol=1e-9)


def test_log_probabilities_are_finite_where_classes_merge():
    model, X = crossing_model()
    assert (model.predict_proba(X) == 0).any()
    logs = model._log_proba(X)
    assert np.isfinite(logs).all()
    assert logs.min() == np.log(np.finfo(float).tiny)
    assert_array_equal(model.decision_function(X), logs)


@pytest.mark.parametrize("link", ["logit", "probit", "cloglog", "loglog"])
@pytest.mark.parametrize("family", ["cumulative", "continuation", "stopping"])
@pytest.mark.parametrize("order", [["a", "b"], ["b", "a"]])
def test_two_classes(link, family, order):
    model = Fixed(family, link).of([[2.0]], [0.3], np.array(order))
    X = np.linspace(-1, 1, 41).reshape(-1, 1)
    p = model.predict_proba(X)
    decision = model.decision_function(X)
    assert_allclose(decision, np.log(p[:, 1] / p[:, 0]), rtol=1e-7, atol=1e-9)
    assert_array_equal(model.predict(X), np.array(["a", "b"])[(decision > 0).astype(int)])
    higher = order.index("b")
    assert (np.diff(p[:, 1]) * (1 if higher else -1) > 0).all()


def test_median_by_brute_force():
    model, X = crossing_model()
    p = model.predict_proba(X)
    expected = [int(np.flatnonzero(np.cumsum(row) >= 0.5 - 1e-15)[0]) for row in p]
    assert_array_equal(model.predict_median(X), expected)


def test_median_minimises_the_expected_distance():
    model, X = crossing_model()
    p = model.predict_proba(X)
    distance = np.abs(np.subtract.outer(np.arange(5), np.arange(5)))
    expected = p @ distance
    chosen = expected[np.arange(len(X)), model.predict_median(X)]
    assert_allclose(chosen, expected.min(axis=1), rtol=1e-9)


def test_order_of_rows_and_columns():
    order = np.array(["low", "mid", "high"])
    model = Fixed().of([[1.0], [2.0]], [1.0, -1.0], order)
    p = model.predict_proba([[0.4]])[0]
    above = model.predict_exceedance([[0.4]])[0]
    assert model.classes_.tolist() == ["high", "low", "mid"]
    assert_allclose(above, logistic.cdf([1.4, -0.2]))
    assert_allclose(p, [above[1], 1 - above[0], above[0] - above[1]], rtol=1e-12)
    assert model.predict([[0.4]])[0] == model.classes_[p.argmax()]


def test_ties_go_to_the_lowest_class():
    order = np.array(["low", "high", "mid"])
    thirds = np.log([2.0, 0.5])  # each class has a third
    model = Fixed().of(np.zeros((2, 1)), thirds, order)
    p = ranked_probabilities("cumulative", "logit", thirds[None])[0]
    if p[0] == p.max():  # up to rounding of the thirds themselves
        assert model.predict([[0.0]])[0] == "low"
    merged = Fixed(link="logit").of(np.zeros((2, 1)), [0.0, -800.0], order)
    assert merged.predict([[0.0]])[0] == "low"


def test_many_rows_sparse_rows_and_one_row_agree():
    model, _ = crossing_model()
    X = np.random.default_rng(3).normal(size=(20_000, 3))
    X[X < 0.5] = 0
    p = model.predict_proba(X)
    assert_allclose(model.predict_proba(sparse.csr_matrix(X)), p, rtol=1e-12, atol=1e-15)
    assert_allclose(model.predict_proba(sparse.csc_array(X)), p, rtol=1e-12, atol=1e-15)
    assert_allclose(model.predict_proba(X[-1:]), p[-1:], rtol=1e-12, atol=1e-15)
