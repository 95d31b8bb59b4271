"""Searches of penalty, step and weight: what is scored, what is chosen, from which rows."""

import numpy as np
import pytest
from distillation_oracles import PRECOMPUTED, deletions, rbf_data, weighted_mse
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from search_cases import ALPHAS, CV, SEARCHES, positive, search, search_data
from sklearn.base import clone
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import (
    KFold,
    RepeatedKFold,
    ShuffleSplit,
    cross_val_score,
)
from sklearn.utils import get_tags

from skweight.distillation import (
    SelfDistilledKernelRidge,
    SelfDistilledKernelRidgeCV,
    SelfDistilledRidge,
    _cv_scores,
    _ridge_cv_base,
)
from skweight.distillation._cv_scores import charged, count_rows, first_best, is_worth_it
from skweight.distillation._rules import Rule

PLAIN = {
    "kernel": SelfDistilledKernelRidge(gamma=0.5, n_steps=3),
    "linear": SelfDistilledRidge(n_steps=3),
}

# ------------------------------------------------------------------ what is scored


@pytest.mark.parametrize("weighted", [False, True])
def test_leave_one_out_is_deletion_with_the_weights_that_were_found(weighted):
    _, K, y, _, _ = rbf_data(n=40, seed=3)
    s = positive(40) if weighted else None
    for alpha in ALPHAS:
        model = SelfDistilledKernelRidgeCV(
            [alpha], kernel="precomputed", n_steps=4, weight_bounds=None, store_cv_results=True
        ).fit(K, y, sample_weight=s)
        without = deletions(PRECOMPUTED, K, y, alpha, model.ground_truth_weights_, 4, s)
        errors = [weighted_mse(y, step, s) for step in without]
        assert_allclose(model.scores_[0], np.negative(errors), rtol=1e-10)
        assert_allclose(model.cv_results_[:, 0].T, (y - without) ** 2, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("kind", SEARCHES)
@pytest.mark.parametrize(
    "cv", [KFold(4), ShuffleSplit(3, random_state=0), RepeatedKFold(n_repeats=2)]
)
def test_folds_are_a_loop_of_plain_models(kind, cv):
    X, y, _ = search_data()
    s = positive(40)
    splits = list(cv.split(X))
    model = search(kind, cv=splits).fit(X, y, sample_weight=s)
    held_out = np.concatenate([test for _, test in splits])
    # The weights of the chosen penalty alone are kept: the others are searched alone.
    for place, alpha in enumerate(ALPHAS):
        one = search(kind, cv=splits, alphas=[alpha]).fit(X, y, sample_weight=s)
        assert_allclose(one.scores_[0], model.scores_[place], rtol=1e-10)
        parts = []
        for train, test in splits:
            plain = clone(PLAIN[kind]).set_params(
                alpha=alpha, ground_truth_weight=one.ground_truth_weights_
            )
            plain.fit(X[train], y[train], sample_weight=s[train])
            parts.append(list(plain.staged_predict(X[test])))
        predicted = np.concatenate(parts, axis=1)
        errors = [weighted_mse(y[held_out], step, s[held_out]) for step in predicted]
        assert_allclose(one.scores_[0], np.negative(errors), rtol=1e-9)


@pytest.mark.parametrize("kind", SEARCHES)
@pytest.mark.parametrize("cv", CV)
def test_the_last_fit_is_the_plain_model(kind, cv):
    X, y, new = search_data()
    s = positive(40)
    s[::5] = 0.0
    model = search(kind, cv=CV[cv]).fit(X, y, sample_weight=s)
    plain = clone(PLAIN[kind]).set_params(
        alpha=model.alpha_, ground_truth_weight=model.ground_truth_weights_
    )
    plain.fit(X, y, sample_weight=s)
    assert_allclose(list(model.staged_predict(new)), list(plain.staged_predict(new)), atol=1e-9)
    for name in ("dual_coef_path_", "coef_path_", "intercept_path_"):
        if hasattr(plain, name):
            assert_allclose(getattr(model, name), getattr(plain, name), atol=1e-8)
    for name in ("dual_coef_", "coef_", "intercept_"):
        if hasattr(plain, name):
            path = getattr(model, name[:-1] + "_path_")
            assert_array_equal(getattr(model, name), path[model.best_step_ - 1])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_targets", [None, 2])
def test_first_step_is_ridge_cv(weighted, n_targets):
    X, y, _ = search_data(n_targets=n_targets)
    s = positive(40) if weighted else None
    model = search("linear", store_cv_results=True).fit(X, y, sample_weight=s)
    peer = RidgeCV(ALPHAS, store_cv_results=True).fit(X, y, sample_weight=s)
    # RidgeCV keeps errors times the weights of their rows.
    factor = 1.0 if s is None else s.reshape(-1, *(1,) * (model.cv_results_.ndim - 2))
    assert_allclose(model.cv_results_[..., 0] * factor, peer.cv_results_, rtol=1e-8)
    one = search("linear", n_steps=1).fit(X, y, sample_weight=s)
    assert (one.alpha_, one.best_step_) == (peer.alpha_, 1)
    assert_allclose(one.coef_, peer.coef_, rtol=1e-9)
    assert one.ground_truth_weights_.shape == (0,)


@pytest.mark.parametrize("kind", SEARCHES)
@pytest.mark.parametrize("cv", CV)
@pytest.mark.parametrize("n_targets", [None, 2])
def test_blocks_of_penalties_change_nothing(kind, cv, n_targets, monkeypatch):
    X, y, _ = search_data(n_targets=n_targets)
    store = cv == "deletion"
    whole = search(kind, cv=CV[cv], store_cv_results=store).fit(X, y)
    monkeypatch.setattr(_cv_scores, "_BLOCK_BYTES", 1)
    parts = search(kind, cv=CV[cv], store_cv_results=store).fit(X, y)
    assert_allclose(parts.scores_, whole.scores_, rtol=1e-12)
    assert_allclose(parts.ground_truth_weights_, whole.ground_truth_weights_, rtol=1e-9)
    if store:
        assert_allclose(parts.cv_results_, whole.cv_results_, rtol=1e-9)


@pytest.mark.parametrize("kind", SEARCHES)
def test_shapes_of_several_targets(kind):
    X, y, new = search_data(n_targets=2)
    model = search(kind, weight_per_target=True, store_cv_results=True).fit(X, y)
    assert model.scores_.shape == (3, 3)
    assert model.ground_truth_weights_.shape == (2, 2)
    assert model.cv_results_.shape == (40, 2, 3, 3)
    assert model.predict(new).shape == (17, 2)
    # Targets with weights of their own do not see each other, but for the common penalty.
    for j in range(2):
        alone = search(kind, alphas=[model.alpha_]).fit(X, y[:, j])
        assert_allclose(alone.ground_truth_weights_, model.ground_truth_weights_[:, j], atol=1e-8)
        assert_allclose(
            list(alone.staged_predict(new)),
            [step[:, j] for step in model.staged_predict(new)],
            atol=1e-8,
        )


# ------------------------------------------------------------------ what is chosen


@pytest.mark.parametrize("kind", SEARCHES)
@pytest.mark.parametrize("cv", CV)
def test_weights_that_were_found_are_charged_for(kind, cv):
    X, y, _ = search_data()
    found = search(kind, cv=CV[cv]).fit(X, y)
    best = divmod(np.argmax(found.scores_ * (1 + 2 * np.arange(3) / 40)), 3)
    if found.best_step_ == 1:  # a chain that gains too little is left to the best ordinary fit
        best = found.scores_[:, 0].argmax(), 0
    assert (ALPHAS.index(found.alpha_), found.best_step_ - 1) == best
    given = search(kind, cv=CV[cv], ground_truth_weight=[0.7, 1.3]).fit(X, y)
    assert (ALPHAS.index(given.alpha_), given.best_step_ - 1) == divmod(given.scores_.argmax(), 3)
    for model in (found, given):
        place = ALPHAS.index(model.alpha_), model.best_step_ - 1
        assert model.best_score_ == model.scores_[place]


def test_charge_counts_what_weights_were_fitted_to():
    errors = np.ones((2, 3))
    one, own, fixed = Rule("auto"), Rule("auto", per_target=True), Rule("fixed", np.ones(2))
    assert_allclose(charged(errors, one, 10, 2)[0], [1, 1.1, 1.2])
    assert_allclose(charged(errors, own, 10, 2)[0], [1, 1.2, 1.4])
    assert_allclose(charged(errors, one, count_rows(5, np.full(5, 2.0)), 2)[0], [1, 1.1, 1.2])
    assert_array_equal(charged(errors, fixed, 10, 2), errors)


def test_a_chain_is_taken_if_it_gains_half_a_standard_error():
    y, before = np.zeros((4, 1)), np.ones((4, 1))
    after = np.sqrt([[0.0], [0.4], [0.4], [0.4]])  # gains 1, .6, .6, .6: mean .7, error .0866
    half = 0.5 * np.std([1, 0.6, 0.6, 0.6]) / 2
    assert is_worth_it(y, before, after, None, 4, 0.7 - half - 1e-9)
    assert not is_worth_it(y, before, after, None, 4, 0.7 - half + 1e-9)
    # A weight of 2 is a second row.
    twice = [0, 0, 1, 2, 3]
    for charge in (0.6, 0.7):
        weighted = is_worth_it(y, before, after, np.array([2.0, 1, 1, 1]), 5, charge)
        assert weighted == is_worth_it(y[twice], before[twice], after[twice], None, 5, charge)
    assert not is_worth_it(y, before, before, None, 4, 0.0)


@pytest.mark.parametrize("kind", SEARCHES)
def test_steps_that_gain_too_little_are_left_to_the_ordinary_fit(kind):
    X, y, _ = search_data()
    model = search(kind, store_cv_results=True).fit(X, y)
    errors = -model.scores_
    charged_errors = errors * (1 + 2 * np.arange(3) / 40)
    best = np.unravel_index(charged_errors.argmin(), errors.shape)
    ordinary = errors[:, 0].argmin(), 0
    squares = model.cv_results_ if y.ndim == 1 else model.cv_results_.mean(axis=1)
    squares = squares.mean(axis=1) if squares.ndim == 4 else squares
    gains = squares[:, ordinary[0], 0] - squares[:, best[0], best[1]]
    gain = errors[ordinary] - charged_errors[best]
    wanted = best if gain > 0.5 * gains.std() / np.sqrt(40) else ordinary
    assert (ALPHAS.index(model.alpha_), model.best_step_ - 1) == wanted


def test_first_penalty_then_first_step_among_equals():
    assert first_best(np.array([[1.0, 2.0], [2.0, 2.0]])) == (0, 1)
    assert first_best(np.array([[-1.0, -1 + 1e-13], [-2.0, -2.0]])) == (0, 0)
    assert first_best(np.array([[-1.0, -1 + 1e-7], [-2.0, -2.0]])) == (0, 1)
    assert first_best(np.array([[np.nan, -3.0], [-2.0, np.nan]])) == (1, 0)
    assert first_best(np.array([[-3e-30, -1e-30]]), slack=1e-24) == (0, 0)


@pytest.mark.parametrize("cv", CV)
def test_nothing_to_gain_is_left_to_the_ordinary_fit(cv):
    X, _, _ = search_data()
    model = search("linear", cv=CV[cv]).fit(X, np.full(40, 7.0))
    assert (model.alpha_, model.best_step_) == (ALPHAS[0], 1)
    assert_allclose(model.predict(X), 7.0)


@pytest.mark.parametrize("kind", SEARCHES)
def test_penalties_are_taken_in_the_order_given(kind):
    X, y, _ = search_data()
    model = search(kind, alphas=ALPHAS[::-1]).fit(X, y)
    assert_allclose(model.scores_[::-1], search(kind).fit(X, y).scores_, rtol=1e-12)


def test_bounds_hold_for_weights_that_are_found():
    X, y, _ = search_data()
    free = search("kernel", alphas=[0.001], weight_bounds=None).fit(X, y)
    assert free.ground_truth_weights_.min() < 0
    assert search("kernel", alphas=[0.001]).fit(X, y).ground_truth_weights_.min() == 0.0
    narrow = search("kernel", alphas=[0.001], weight_bounds=(0.4, np.inf)).fit(X, y)
    assert narrow.ground_truth_weights_.min() == 0.4


def test_limit_of_a_given_weight():
    X, y, new = search_data()
    model = search("kernel", ground_truth_weight=0.4).fit(X, y)
    assert model.limit_alpha_ == pytest.approx(model.alpha_ / 0.4)
    peer = KernelRidge(alpha=model.limit_alpha_, kernel="rbf", gamma=0.5).fit(X, y)
    assert_allclose(model.predict(new, step=np.inf), peer.predict(new), atol=1e-10)
    linear = search("linear", ground_truth_weight=0.4).fit(X, y)
    assert_allclose(
        linear.predict(new, step=np.inf),
        search("linear", alphas=[linear.limit_alpha_], n_steps=1).fit(X, y).predict(new),
    )
    with pytest.raises(ValueError, match=r"step=inf .* got ground_truth_weight='auto'"):
        search("kernel").fit(X, y).predict(new, step=np.inf)
    with pytest.raises(ValueError, match=r"step must be .* got 4"):
        model.predict(new, step=4)


# ------------------------------------------------------------------ rows


@pytest.mark.parametrize("kind", SEARCHES)
@pytest.mark.parametrize("cv", CV)
def test_rows_without_weight_are_rows_left_away(kind, cv):
    X, y, new = search_data()
    s = positive(40)
    s[::4] = 0.0
    kept = np.flatnonzero(s)
    splits = [None, None] if cv == "deletion" else [list(KFold(3).split(X)), None]
    if cv == "folds":
        place = np.full(40, -1)
        place[kept] = np.arange(len(kept))
        of_kept = [tuple(place[part][place[part] >= 0] for part in split) for split in splits[0]]
        splits[1] = of_kept
    zeros = search(kind, cv=splits[0]).fit(X, y, sample_weight=s)
    away = search(kind, cv=splits[1]).fit(X[kept], y[kept], sample_weight=s[kept])
    assert_allclose(zeros.scores_, away.scores_, rtol=1e-10)
    assert_allclose(zeros.predict(new), away.predict(new), atol=1e-10)


@pytest.mark.parametrize("kind", SEARCHES)
@pytest.mark.parametrize("n_targets", [None, 2])
def test_stored_errors_of_rows_without_weight_are_plain(kind, n_targets):
    X, y, _ = search_data(n_targets=n_targets)
    s = positive(40)
    s[[3, 11]] = 0.0
    model = search(kind, store_cv_results=True).fit(X, y, sample_weight=s)
    place = ALPHAS.index(model.alpha_)
    for t, step in enumerate(model.staged_predict(X[[3, 11]])):
        plain = (y[[3, 11]] - step) ** 2
        assert_allclose(model.cv_results_[[3, 11], ..., place, t], plain, rtol=1e-8, atol=1e-12)
    assert not hasattr(model.set_params(store_cv_results=False).fit(X, y), "cv_results_")


@pytest.mark.parametrize("cv", CV)
def test_precomputed_kernels_are_sliced(cv):
    X, K, y, new, K_new = rbf_data(n=40)
    s = positive(40)
    s[::7] = 0.0
    model = search("kernel", cv=CV[cv]).fit(X, y, sample_weight=s)
    given = search("kernel", cv=CV[cv], kernel="precomputed").fit(K, y, sample_weight=s)
    assert_allclose(given.scores_, model.scores_, rtol=1e-10)
    assert_allclose(given.predict(K_new), model.predict(new), atol=1e-10)
    tags = get_tags(given).input_tags
    assert tags.pairwise
    assert not tags.sparse
    # A search around it slices columns, too.
    inner = search("kernel", cv=CV[cv])
    outer = inner.get_params() | {"kernel": "precomputed"}
    assert_allclose(
        cross_val_score(SelfDistilledKernelRidgeCV(**outer), K, y),
        cross_val_score(inner, X, y),
        rtol=1e-8,
    )


@pytest.mark.parametrize("cv", CV)
@pytest.mark.parametrize("shape", [(40, 6), (25, 60)])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_sparse_rows_are_dense_rows(cv, shape, fit_intercept):
    rng = np.random.default_rng(0)
    X = rng.normal(size=shape) * (rng.uniform(size=shape) < 0.3)
    y = X[:, 0] + rng.normal(size=len(X))
    s = positive(len(X))
    s[:2] = 0.0
    models = [
        search("linear", cv=CV[cv], fit_intercept=fit_intercept, store_cv_results=cv == "deletion")
        for _ in range(3)
    ]
    dense = models[0].fit(X, y, sample_weight=s)
    for model, kind in zip(models[1:], (sparse.csr_matrix, sparse.csc_array)):
        model.fit(kind(X), y, sample_weight=s)
        assert_allclose(model.scores_, dense.scores_, rtol=1e-7)
        assert_allclose(model.coef_path_, dense.coef_path_, atol=1e-7)
        if cv == "deletion":
            assert_allclose(model.cv_results_, dense.cv_results_, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("cv", CV)
def test_sparse_rows_of_a_kernel(cv):
    X, y, _ = search_data()
    X = np.where(np.abs(X) < 0.5, 0.0, X)
    model = search("kernel", cv=CV[cv]).fit(sparse.csc_array(X), y)
    assert_allclose(model.scores_, search("kernel", cv=CV[cv]).fit(X, y).scores_, rtol=1e-10)


def test_wide_outward_maps_are_made_in_parts(monkeypatch):
    X, y, _ = search_data()
    whole = search("linear", cv=3).fit(X, y)
    monkeypatch.setattr(_ridge_cv_base, "_BLOCK", 1)
    assert_allclose(search("linear", cv=3).fit(X, y).scores_, whole.scores_, rtol=1e-12)


@pytest.mark.parametrize("cv", CV)
def test_rows_that_are_all_the_same(cv):
    _, y, _ = search_data()
    model = search("linear", cv=CV[cv]).fit(np.ones((40, 2)), y)
    assert (model.alpha_, model.best_step_) == (ALPHAS[0], 1)
    assert_allclose(model.predict(np.ones((1, 2))), y.mean())
    assert search("kernel", cv=CV[cv]).fit(np.ones((40, 2)), y).scores_.max() < 0
