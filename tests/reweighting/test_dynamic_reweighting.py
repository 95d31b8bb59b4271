"""Estimators whose rows are weighted by their losses, beside loops written out here."""

import warnings

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier, SGDRegressor
from sklearn.model_selection import KFold
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import scale
from sklearn.svm import LinearSVC

from skweight.reweighting import (
    DynamicLossReweightedClassifier,
    DynamicLossReweightedRegressor,
    loss_based_weights,
)

X, y = load_breast_cancer(return_X_y=True)
X, y = scale(X)[:150, :5], y[:150]
A, b = load_diabetes(return_X_y=True)
A, b = A[:120], b[:120]
BASES = [
    LogisticRegression(),
    SGDClassifier(loss="log_loss", random_state=0),
    HistGradientBoostingClassifier(max_iter=3),
    RandomForestClassifier(3, random_state=0),
    LinearSVC(),
]
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("base", BASES, ids=lambda base: type(base).__name__)
def test_uniform_is_the_plain_fit_and_others_are_not(base):
    model = DynamicLossReweightedClassifier(base, strategy="uniform").fit(X, y)
    method = "predict_proba" if hasattr(base, "predict_proba") else "decision_function"
    plain = getattr(clone(base).fit(X, y), method)(X)
    np.testing.assert_array_equal(getattr(model, method)(X), plain)
    assert model.n_iter_ == 1
    assert model.effective_sample_size_ == len(y)
    other = DynamicLossReweightedClassifier(base, temperature=0.3, max_iter=3).fit(X, y)
    assert not np.allclose(getattr(other, method)(X), plain)


def test_own_networks():
    pytest.importorskip("torch")
    pytest.importorskip("skorch")
    from skweight.neural import NeuralClassifier

    base = NeuralClassifier((4,), max_iter=2, random_state=0)
    for batch_size in (None, 50):
        model = DynamicLossReweightedClassifier(base, max_iter=2, batch_size=batch_size)
        assert model.fit(X, y).predict_proba(X).shape == (150, 2)


def test_the_loop_of_a_ridge():
    options = {"temperature": 0.5, "max_iter": 4, "tol": 0.0, "store_weights": True}
    model = DynamicLossReweightedRegressor(Ridge(0.1), damping=0.7, **options).fit(A, b)
    w = np.ones(len(b))
    for met in model.weight_history_:
        np.testing.assert_allclose(met, w, rtol=1e-10)
        fitted = Ridge(0.1).fit(A, b, sample_weight=w)
        losses = (b - fitted.predict(A)) ** 2
        w = 0.3 * w + 0.7 * loss_based_weights(losses, temperature=0.5)
    np.testing.assert_allclose(model.predict(A), fitted.predict(A), rtol=1e-10)
    assert model.loss_curve_[-1] == pytest.approx(losses.mean())
    last = model.sample_weight_
    assert model.effective_sample_size_ == pytest.approx(last.sum() ** 2 / (last @ last))


def test_losses_of_rows_that_a_model_did_not_see():
    folds = KFold(3)
    model = DynamicLossReweightedRegressor(
        Ridge(0.1), cv=folds, damping=1.0, max_iter=2, store_weights=True
    ).fit(A, b)
    losses = np.empty(len(b))
    for train, test in folds.split(A):
        losses[test] = (b[test] - Ridge(0.1).fit(A[train], b[train]).predict(A[test])) ** 2
    np.testing.assert_allclose(model.sample_weight_, loss_based_weights(losses), rtol=1e-10)


def test_the_loop_of_batches():
    base = SGDRegressor(random_state=0)
    model = DynamicLossReweightedRegressor(
        base, batch_size=50, max_iter=2, burn_in=2, random_state=3
    ).fit(A, b)
    expected, draws, step = clone(base), np.random.RandomState(3), 0
    for _ in range(2):
        order = draws.permutation(len(b))
        for part in (order[:50], order[50:100], order[100:]):
            w = np.ones(len(part))
            if step >= 2:
                w = loss_based_weights((b[part] - expected.predict(A[part])) ** 2)
            expected.partial_fit(A[part], b[part], sample_weight=w)
            step += 1
    np.testing.assert_array_equal(model.predict(A), expected.predict(A))


def test_temperatures_by_fit():
    seen = []
    model = DynamicLossReweightedRegressor(
        temperature_schedule=lambda step: seen.append(step) or 1e8, max_iter=4
    ).fit(A, b)
    assert seen == [1, 2, 3]
    np.testing.assert_allclose(model.predict(A), Ridge().fit(A, b).predict(A), rtol=1e-5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a schedule that falls to its end has no cycle to tell of
        DynamicLossReweightedRegressor(
            temperature_schedule=lambda step: 1 + 9 / step, max_iter=6
        ).fit(A, b)


def test_a_loss_of_ones_own():
    def absolute(truth, predicted):
        return np.abs(truth - predicted)

    model = DynamicLossReweightedRegressor(
        loss=absolute, max_iter=2, damping=1.0, store_weights=True
    ).fit(A, b)
    expected = loss_based_weights(np.abs(b - Ridge().fit(A, b).predict(A)))
    np.testing.assert_allclose(model.sample_weight_, expected, rtol=1e-10)


@pytest.mark.parametrize("unit", [1e-9, 1e6])
@pytest.mark.parametrize("batch_size", [None, 40])
def test_the_unit_of_targets_does_not_matter(unit, batch_size):
    s = 1.0 + np.arange(len(b)) % 2
    base = Ridge() if batch_size is None else SGDRegressor(random_state=0)
    model = DynamicLossReweightedRegressor(
        base, batch_size=batch_size, max_iter=3, store_weights=True, random_state=0
    )
    expected = model.fit(A, b - b.mean(), sample_weight=s).sample_weight_
    assert np.ptp(expected / s) > 0.1
    found = model.fit(A, unit * (b - b.mean()), sample_weight=s).sample_weight_
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_targets_without_noise_leave_rows_alike():
    model = DynamicLossReweightedRegressor(Ridge(1e-12)).fit(A, 1e-3 * A @ np.arange(10) + 5)
    assert model.n_iter_ == 1
    assert model.effective_sample_size_ == len(A)


def test_a_class_of_weight_0_that_the_model_does_not_know():
    class Forgetful(GaussianNB):
        def fit(self, X, y, sample_weight):
            used = sample_weight > 0
            return super().fit(X[used], y[used], sample_weight[used])

    for gone in (0, 1, 2):
        labels = np.where(X[:, 0] > 1, 2, y)
        s = (labels != gone) * 1.0
        model = DynamicLossReweightedClassifier(Forgetful(), max_iter=3)
        expected, used = clone(model), s > 0
        model.fit(X, labels, sample_weight=s)
        expected.fit(X[used], labels[used], sample_weight=s[used])
        np.testing.assert_array_equal(model.classes_, expected.classes_)
        np.testing.assert_allclose(model.predict_proba(X), expected.predict_proba(X), rtol=1e-9)


def test_a_cycle_is_told_of():
    def swaps(truth, predicted):  # the losses change sides with every fit
        calls.append(1)
        return np.arange(len(truth)) * (-1.0) ** len(calls)

    calls = []
    with pytest.warns(ConvergenceWarning, match="cycle"):
        DynamicLossReweightedRegressor(loss=swaps, damping=1.0, max_iter=6).fit(A, b)


def test_weights_reach_the_base_by_routing():
    s = np.arange(len(b)) % 3 * 1.0
    expected = DynamicLossReweightedRegressor(Ridge()).fit(A, b, sample_weight=s).predict(A)
    with sklearn.config_context(enable_metadata_routing=True):
        base = Ridge().set_fit_request(sample_weight=True)
        found = DynamicLossReweightedRegressor(base).fit(A, b, sample_weight=s).predict(A)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"estimator": KNeighborsClassifier()}, "sample_weight"),
        ({"estimator": Ridge()}, "classifier"),
        ({"batch_size": 10}, "partial_fit"),
        ({"estimator": SGDClassifier(), "batch_size": 10, "cv": 3}, "cv must be None"),
        ({"loss": lambda truth, raw: 1.0}, "loss must return"),
        ({"temperature_schedule": lambda step: -1}, "temperature_schedule"),
    ],
)
def test_what_is_refused(parameters, words):
    with pytest.raises(ValueError, match=words):
        DynamicLossReweightedClassifier(**parameters).fit(X, y)
