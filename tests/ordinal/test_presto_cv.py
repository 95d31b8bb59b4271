"""Choosing alpha by cross-validation."""

import warnings

import numpy as np
import pytest
from oracles import make_ordinal
from sklearn import config_context
from sklearn.metrics import accuracy_score, get_scorer, make_scorer
from sklearn.model_selection import KFold, StratifiedKFold

from skweight.ordinal import PrestoClassifier, PrestoClassifierCV

pytestmark = pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")
X, Y, W = make_ordinal(80, n=90, p=3, K=4, weighted=True)


def fit(x=X, y=Y, w=None, **options):
    model = PrestoClassifierCV(**{"n_alphas": 5, "cv": 3, "tol": 1e-9, **options})
    return model.fit(x, y, sample_weight=w)


def brier(model, x, y, w=None):
    """Return the multi-class Brier score of repaired probabilities, columns in sorted order."""
    hit = (np.asarray(y)[:, None] == model.classes_).astype(float)
    return np.average(((model.predict_proba(x) - hit) ** 2).sum(axis=1), weights=w)


@pytest.mark.parametrize("weighted", [False, True])
def test_scores_are_those_of_a_hand_written_loop(weighted):
    w = W if weighted else None
    model = fit(w=w)
    assert model.cv_scores_.shape == (5, 3)
    assert model.alphas_.shape == (5,)
    assert model.coef_path_.shape == (5, 3, 3)
    assert model.intercept_path_.shape == (5, 3)
    assert model.alphas_[0] == pytest.approx(model.alpha_max_)
    assert model.alphas_[-1] == pytest.approx(1e-2 * model.alpha_max_)
    expected = np.empty((5, 3))
    for f, (train, test) in enumerate(StratifiedKFold(3).split(X, Y)):
        for i, alpha in enumerate(model.alphas_):
            inner = PrestoClassifier(alpha=alpha, tol=1e-9)
            inner.fit(X[train], Y[train], sample_weight=None if w is None else w[train])
            expected[i, f] = -brier(inner, X[test], Y[test], None if w is None else w[test])
    np.testing.assert_allclose(model.cv_scores_, expected, atol=1e-6)
    best = model.cv_scores_.mean(axis=1).argmax()
    assert model.best_index_ == best
    assert model.alpha_ == model.alphas_[best]
    refit = PrestoClassifier(alpha=model.alpha_, tol=1e-9).fit(X, Y, sample_weight=w)
    np.testing.assert_allclose(model.coef_, refit.coef_, atol=1e-6)
    np.testing.assert_allclose(model.coef_path_[best], refit.coef_, atol=1e-6)
    np.testing.assert_allclose(model.intercept_path_[best], refit.intercept_, atol=1e-6)
    assert model.objective_ == pytest.approx(refit.objective_, abs=1e-8)
    assert model.dual_gap_ <= 1e-8


def test_one_standard_error_rule():
    model = fit(n_alphas=10, selection="1se", cv=5)
    mean = model.cv_scores_.mean(axis=1)
    best = mean.argmax()
    error = model.cv_scores_[best].std(ddof=1) / np.sqrt(5)
    expected = np.flatnonzero(mean >= mean[best] - error)[0]
    assert model.best_index_ == expected
    assert expected < best, "the rule was meant to matter on these data"
    assert model.alpha_ == model.alphas_[expected]


def test_ties_go_to_the_largest_alpha():
    # Above alpha_max every penalty gives the same constant model.
    top = fit().alpha_max_
    model = fit(alphas=[4 * top, 16 * top, 8 * top, 32 * top])
    np.testing.assert_allclose(model.alphas_, top * np.array([32, 16, 8, 4]))
    assert np.ptp(model.cv_scores_, axis=0).max() < 1e-12
    assert model.best_index_ == 0


def test_given_alphas_are_sorted_decreasing():
    model = fit(alphas=[0.01, 0.1, 0.03])
    np.testing.assert_array_equal(model.alphas_, [0.1, 0.03, 0.01])
    for bad in ([], [0.1, -0.1], [np.nan], [[0.1, 0.2]], ["big"]):
        with pytest.raises(ValueError, match="alphas"):
            fit(alphas=bad)


@pytest.mark.parametrize("name", ["neg_log_loss", "roc_auc_ovr", "accuracy", "balanced_accuracy"])
def test_scorers_by_name(name):
    labels = np.array(["low", "mid", "high", "top"])
    order = labels.tolist()
    model = fit(y=labels[Y], scoring=name, class_order=order)
    scorer = get_scorer(name)
    for f, (train, test) in enumerate(StratifiedKFold(3).split(X, labels[Y])):
        inner = PrestoClassifier(alpha=model.alphas_[2], class_order=order, tol=1e-9)
        inner.fit(X[train], labels[Y[train]])
        expected = scorer(inner, X[test], labels[Y[test]])
        assert model.cv_scores_[2, f] == pytest.approx(expected, abs=1e-5)


def test_callable_scorers():
    def worst_class(estimator, x, y):
        return min((estimator.predict(x)[y == c] == c).mean() for c in np.unique(y))

    model = fit(scoring=worst_class)
    assert np.all((model.cv_scores_ >= 0) & (model.cv_scores_ <= 1))
    error = make_scorer(lambda a, b: np.abs(a - b).mean(), greater_is_better=False)
    assert np.all(fit(scoring=error).cv_scores_ <= 0)
    # A scorer of one's own that is minus the Brier score reproduces the default.
    ours = fit(scoring=lambda estimator, x, y: -brier(estimator, x, y))
    np.testing.assert_allclose(ours.cv_scores_, fit().cv_scores_, atol=1e-12)
    assert ours.alpha_ == fit().alpha_


@pytest.mark.parametrize("requested", [False, True])
def test_other_scorers_get_weights_when_they_request_them(requested):
    scorer = make_scorer(accuracy_score)
    with config_context(enable_metadata_routing=True):
        scorer.set_score_request(sample_weight=requested)
        model = PrestoClassifierCV(n_alphas=3, cv=3, tol=1e-9, scoring=scorer)
        model.fit(X, Y, sample_weight=W)
    for f, (train, test) in enumerate(StratifiedKFold(3).split(X, Y)):
        inner = PrestoClassifier(alpha=model.alphas_[2], tol=1e-9)
        inner.fit(X[train], Y[train], sample_weight=W[train])
        weight = W[test] if requested else None
        expected = accuracy_score(Y[test], inner.predict(X[test]), sample_weight=weight)
        assert model.cv_scores_[2, f] == pytest.approx(expected, abs=1e-12)


def test_bad_options_are_named():
    for options, name in (
        ({"scoring": "nonsense"}, "scoring"),
        ({"selection": "2se"}, "selection"),
        ({"n_alphas": 0}, "n_alphas"),
        ({"eps": 0.0}, "eps"),
        ({"eps": 2.0}, "eps"),
    ):
        with pytest.raises(ValueError, match=name):
            fit(**options)


def test_a_class_absent_from_a_fold_is_named():
    y = np.sort(Y)
    x = X[np.argsort(Y, kind="stable")]
    folds = len(y) // int((y == 3).sum())
    splits = list(KFold(folds).split(x))
    with pytest.raises(ValueError, match=r"(?s)class.*\b3\b.*fold|fold.*class.*\b3\b"):
        fit(x, y, cv=[(np.flatnonzero(y < 3), np.flatnonzero(y == 3)), splits[0]])


def test_a_class_absent_from_a_test_fold_is_fine_for_brier():
    test = np.flatnonzero(Y != 2)[:20]
    train = np.setdiff1d(np.arange(len(Y)), test)
    splits = [(train, test), (np.arange(30, 90), np.arange(30))]
    assert np.isfinite(fit(cv=splits).cv_scores_).all()


@pytest.mark.parametrize("options", [{}, {"w": W}, {"monotone": "box", "scoring": "neg_log_loss"}])
def test_number_of_jobs_changes_nothing(options):
    a, b = fit(n_jobs=1, **options), fit(n_jobs=2, **options)
    np.testing.assert_allclose(a.cv_scores_, b.cv_scores_, atol=1e-12)
    np.testing.assert_allclose(a.coef_path_, b.coef_path_, atol=1e-12)
    assert a.alpha_ == b.alpha_


def test_integer_weights_equal_repeated_rows():
    w = np.random.default_rng(0).integers(0, 4, size=len(Y))
    rows = np.repeat(np.arange(len(Y)), w)
    fold = np.arange(len(Y)) % 3
    splits = [(np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in range(3)]
    repeated = [
        (np.flatnonzero(fold[rows] != f), np.flatnonzero(fold[rows] == f)) for f in range(3)
    ]
    a, b = fit(w=w, cv=splits), fit(X[rows], Y[rows], cv=repeated)
    np.testing.assert_allclose(a.alphas_, b.alphas_)
    np.testing.assert_allclose(a.cv_scores_, b.cv_scores_, atol=1e-7)
    np.testing.assert_allclose(a.coef_, b.coef_, atol=1e-6)


def test_stratified_folds_by_default():
    y = np.zeros(60, dtype=int)
    y[:30], y[30:35] = 1, 2
    x = np.random.default_rng(0).normal(size=(60, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = fit(x, y, cv=None)  # five sorted plain folds would lose a class
    assert model.cv_scores_.shape == (5, 5)


def test_predictions_and_options_are_those_of_the_plain_estimator():
    options = {"family": "stopping", "penalty": "group", "l1_ratio": 0.5, "base_penalty": 0.5}
    model = fit(w=W, **options)
    plain = PrestoClassifier(alpha=model.alpha_, tol=1e-9, **options).fit(X, Y, sample_weight=W)
    np.testing.assert_allclose(model.predict_proba(X), plain.predict_proba(X), atol=1e-6)
    np.testing.assert_array_equal(model.predict(X), plain.predict(X))
    np.testing.assert_allclose(model.predict_exceedance(X), plain.predict_exceedance(X), atol=1e-6)
