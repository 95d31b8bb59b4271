"""Searches of penalty, step and weight against refits of every chain without the rows left out."""

import numpy as np
import pytest
from distillation_oracles import (
    ORIGIN,
    PRECOMPUTED,
    RIDGE,
    deletions,
    folds,
    greedy,
    predictions,
    rbf_data,
    weighted_mse,
    weights_of,
)
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import RidgeCV
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import KFold, LeaveOneGroupOut, LeaveOneOut

from skweight.distillation import (
    SelfDistilledKernelRidgeClassifierCV,
    SelfDistilledKernelRidgeCV,
    SelfDistilledRidgeClassifierCV,
    SelfDistilledRidgeCV,
)

ALPHAS = (0.05, 2.0)
KINDS = {
    "kernel": (SelfDistilledKernelRidgeCV(ALPHAS, gamma=0.5, n_steps=3), PRECOMPUTED),
    "linear": (SelfDistilledRidgeCV(ALPHAS, n_steps=3), RIDGE),
    "origin": (SelfDistilledRidgeCV(ALPHAS, fit_intercept=False, n_steps=3), ORIGIN),
}
WEIGHTS = ("none", "random", "zeros")
CV = {"deletion": None, "folds": KFold(3, shuffle=True, random_state=0)}


def setting(kind, n_targets=None, n=12, **params):
    """Return a search, its rows, the peer, the peer's rows, targets and new rows for both."""
    X, K, y, new, K_new = rbf_data(n=n, n_targets=n_targets, seed=9)
    search, peer = KINDS[kind]
    search = type(search)(**{**search.get_params(), **params})
    if kind == "kernel":
        return search, X, peer, K, y, new, K_new
    return search, X, peer, X, y + 5.0 * (kind == "linear"), new, new


def left_out(cv, peer, rows, y, alpha, weight, n_steps, s):
    """Return predictions of rows left out, the places of these rows, their targets and weights."""
    if cv is None:
        places = np.arange(len(y))
        predicted = deletions(peer, rows, y, alpha, weight, n_steps, s)
    else:
        splits = list(cv.split(rows))
        places = np.concatenate([test for _, test in splits])
        predicted = folds(peer, rows, y, splits, alpha, weight, n_steps, s)
    return predicted, y[places], None if s is None else s[places]


def searched(cv, peer, rows, y, n_steps, s, bounds, per_target=False):
    """Return errors by penalty and step, and the weights that are best by penalty."""
    errors, weights = [], []
    m = np.shape(y)[1:]
    for alpha in ALPHAS:

        def chain(by_step, alpha=alpha):
            by_step = [w * np.ones(m) for w in by_step]
            return left_out(cv, peer, rows, y, alpha, by_step, len(by_step) + 1, s)[0]

        _, truth, weight = left_out(cv, peer, rows, y, alpha, 0.0, 1, s)
        best = greedy(chain, truth, n_steps, weight, per_target, bounds)
        errors.append([weighted_mse(truth, step, weight) for step in chain(best)])
        weights.append(best)
    return np.array(errors), np.array(weights)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cv", CV)
@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("bounds", [None, (0.0, 0.3)])
def test_every_penalty_and_step_is_what_refits_score(kind, cv, weights, bounds):
    model, X, peer, rows, y, new, new_rows = setting(kind, cv=CV[cv], weight_bounds=bounds)
    s = weights_of(weights, len(y))
    model.fit(X, y, sample_weight=s)
    free = (-np.inf, np.inf) if bounds is None else bounds
    errors, found = searched(CV[cv], peer, rows, y, 3, s, free)
    assert_allclose(model.scores_, -errors, rtol=1e-8)
    # Each weight that was found costs what one fitted number gains among so many.
    numbers = len(y) if s is None else max((s > 0).sum(), s.sum())
    judged = errors * (1 + 2 * np.arange(3) / numbers)
    place, step = np.unravel_index(np.argmin(judged), errors.shape)
    assert np.partition(judged.ravel(), 1)[1] > judged.min() * (1 + 1e-9)
    # A chain that gains too little is left to the best ordinary fit.
    if model.best_step_ == 1:
        place, step = np.argmin(errors[:, 0]), 0
    assert model.alpha_ == ALPHAS[place]
    assert model.best_step_ == step + 1
    assert model.best_score_ == pytest.approx(-errors[place, step], rel=1e-8)
    assert_allclose(model.ground_truth_weights_, found[place], rtol=1e-6, atol=1e-9)
    expected = predictions(peer, rows, y, model.alpha_, found[place], 3, s, new=new_rows)
    assert_allclose(list(model.staged_predict(new)), expected, rtol=0, atol=1e-7)
    assert_array_equal(model.predict(new), model.predict(new, step=model.best_step_))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cv", CV)
@pytest.mark.parametrize("per_target", [False, True])
def test_several_targets(kind, cv, per_target):
    model, X, peer, rows, y, _, _ = setting(
        kind, 2, cv=CV[cv], weight_per_target=per_target, weight_bounds=None
    )
    s = weights_of("random", len(y))
    model.fit(X, y, sample_weight=s)
    errors, found = searched(CV[cv], peer, rows, y, 3, s, (-np.inf, np.inf), per_target)
    assert_allclose(model.scores_, -errors, rtol=1e-8)
    place = ALPHAS.index(model.alpha_)
    assert_allclose(model.ground_truth_weights_, found[place], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("n_targets", [None, 2])
def test_stored_errors_are_those_of_deletion(kind, weights, n_targets):
    weight = [0.3, 1.4]
    model, X, peer, rows, y, _, _ = setting(
        kind, n_targets, ground_truth_weight=weight, store_cv_results=True
    )
    s = weights_of(weights, len(y))
    model.fit(X, y, sample_weight=s)
    for place, alpha in enumerate(ALPHAS):
        without = deletions(peer, rows, y, alpha, weight, 3, s)
        squares = np.moveaxis((y - without) ** 2, 0, -1)
        assert_allclose(model.cv_results_[..., place, :], squares, rtol=1e-9, atol=1e-12)
        errors = [weighted_mse(y, step, s) for step in without]
        assert_allclose(model.scores_[place], np.negative(errors), rtol=1e-10)
    assert_array_equal(model.ground_truth_weights_, weight)


def test_first_steps_are_those_of_ridge_cv():
    model, X, _, _, y, _, _ = setting("origin", store_cv_results=True)
    model.fit(X, y)
    peer = RidgeCV(ALPHAS, fit_intercept=False, store_cv_results=True).fit(X, y)
    assert_allclose(model.cv_results_[:, :, 0], peer.cv_results_, rtol=1e-9)
    ordinary = setting("origin", n_steps=1)[0].fit(X, y)
    assert ordinary.alpha_ == peer.alpha_
    assert_allclose(ordinary.coef_, peer.coef_, rtol=1e-9)
    assert_allclose(ordinary.best_score_, peer.best_score_, rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_folds_of_one_row_are_leave_one_out(kind):
    model, X, _, _, y, new, _ = setting(kind)
    one = model.fit(X, y)
    other = setting(kind, cv=LeaveOneOut())[0].fit(X, y)
    assert_allclose(one.scores_, other.scores_, rtol=1e-9)
    assert_allclose(one.predict(new), other.predict(new), rtol=0, atol=1e-8)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cv", CV)
def test_scorer_judges_all_rows_left_out_by_their_weights(kind, cv):
    weight = [0.3, 1.4]
    model, X, peer, rows, y, _, _ = setting(
        kind, cv=CV[cv], scoring="neg_mean_absolute_error", ground_truth_weight=weight
    )
    s = weights_of("random", len(y))
    model.fit(X, y, sample_weight=s)
    for place, alpha in enumerate(ALPHAS):
        without, truth, by_row = left_out(CV[cv], peer, rows, y, alpha, weight, 3, s)
        errors = [mean_absolute_error(truth, step, sample_weight=by_row) for step in without]
        assert_allclose(model.scores_[place], np.negative(errors), rtol=1e-10)
    assert model.best_score_ == model.scores_.max()


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("cv", CV)
@pytest.mark.parametrize("kind", ["kernel", "linear"])
def test_classifiers_search_on_targets_of_plus_and_minus_1(kind, cv, n_classes):
    estimator = {
        "kernel": SelfDistilledKernelRidgeClassifierCV(ALPHAS, gamma=0.5),
        "linear": SelfDistilledRidgeClassifierCV(ALPHAS),
    }[kind]
    _, X, peer, rows, _, new, new_rows = setting(kind)
    labels = np.random.default_rng(0).integers(0, n_classes, len(X))
    targets = np.where(labels[:, None] == np.arange(n_classes), 1.0, -1.0)
    targets = targets[:, 1] if n_classes == 2 else targets
    s = weights_of("random", len(X))
    model = estimator.set_params(n_steps=3, cv=CV[cv], weight_bounds=None)
    if cv == "folds":
        model.set_params(cv=list(CV[cv].split(X)))
    model.fit(X, labels, sample_weight=s)
    errors, found = searched(CV[cv], peer, rows, targets, 3, s, (-np.inf, np.inf))
    assert_allclose(model.scores_, -errors, rtol=1e-8)
    best = found[ALPHAS.index(model.alpha_)]
    expected = predictions(peer, rows, targets, model.alpha_, best, 3, s, new=new_rows)
    assert_allclose(list(model.staged_decision_function(new)), expected, rtol=0, atol=1e-7)


# Whole rows


@pytest.mark.parametrize("kind", KINDS)
def test_integer_weights_in_groups_are_repeated_rows(kind):
    """Splits that keep copies together see no difference; leaving whole rows out does."""
    model, X, _, _, y, new, _ = setting(kind, n=30)
    groups = np.arange(30) % 5
    counts = np.random.default_rng(0).integers(1, 4, 30)
    X2, y2, groups2 = (np.repeat(part, counts, axis=0) for part in (X, y, groups))
    one = setting(kind, cv=LeaveOneGroupOut())[0]
    one.fit(X, y, sample_weight=counts, groups=groups)
    other = setting(kind, cv=LeaveOneGroupOut())[0].fit(X2, y2, groups=groups2)
    assert_allclose(one.scores_, other.scores_, rtol=1e-9)
    assert_allclose(one.ground_truth_weights_, other.ground_truth_weights_, rtol=1e-6)
    assert one.alpha_ == other.alpha_
    assert one.best_step_ == other.best_step_
    assert_allclose(one.predict(new), other.predict(new), rtol=0, atol=1e-9)

    rows_out = model.fit(X, y, sample_weight=counts).scores_
    copies_out = setting(kind)[0].fit(X2, y2).scores_
    assert np.abs(rows_out / copies_out - 1).max() > 0.01


def test_ordinary_fit_of_the_first_penalty_wins_a_tie():
    for kind in KINDS:
        model, X, _, _, y, new, _ = setting(kind, ground_truth_weight=1.0, alphas=(0.5, 0.5))
        model.fit(X, y)
        assert_allclose(model.scores_, model.scores_[0, 0], rtol=1e-12)
        assert (model.alpha_, model.best_step_) == (0.5, 1)
        assert_array_equal(model.predict(new), model.predict(new, step=1))
