"""Searches of penalty, step and weight: scorers, metadata, other tools, classes, bad input."""

import numpy as np
import pytest
from distillation_oracles import deletions, rbf_data
from numpy.testing import assert_allclose, assert_array_equal
from search_cases import ALPHAS, CLASSIFIERS, CV, SEARCHES, positive, search, search_data
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics import accuracy_score, get_scorer, make_scorer, roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    LeaveOneOut,
    StratifiedKFold,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skweight.distillation import (
    SelfDistilledKernelRidgeClassifierCV,
)

# ------------------------------------------------------------------ scorers


@pytest.mark.parametrize("kind", CLASSIFIERS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_scorers_of_classes_see_labels_and_scores(kind, n_classes):
    X, _, _ = search_data(n=18)
    codes = np.random.default_rng(0).integers(0, n_classes, 18)
    labels = np.array(["b", "a", "c"])[codes]
    s = positive(18)
    s[::6] = 0.0
    model = clone(CLASSIFIERS[kind]).set_params(cv=LeaveOneOut(), scoring="accuracy")
    model.set_params(ground_truth_weight=0.5).fit(X, labels, sample_weight=s)
    kept = np.flatnonzero(s)
    for place, alpha in enumerate(ALPHAS):
        one = clone(model).set_params(alphas=[alpha], cv=None, scoring=None)
        found = []
        for i in kept:
            others = kept[kept != i]
            one.fit(X[others], labels[others], sample_weight=s[others])
            found.append([step[0] for step in one.staged_predict(X[[i]])])
        for t, predicted in enumerate(np.transpose(found)):
            expected = accuracy_score(labels[kept], predicted, sample_weight=s[kept])
            assert model.scores_[place, t] == pytest.approx(expected)
    assert model.best_score_ == model.scores_.max()


def test_scorers_may_ask_for_scores_of_classes():
    X, _, _ = search_data()
    labels = (X[:, 0] + np.random.default_rng(0).normal(size=40) > 0).astype(int)
    model = clone(CLASSIFIERS["kernel"]).set_params(scoring="roc_auc", n_steps=1)
    model.fit(X, labels)
    for place, alpha in enumerate(ALPHAS):
        left_out = deletions(KernelRidge(kernel="rbf", gamma=0.5), X, 2.0 * labels - 1, alpha, 1, 1)
        assert model.scores_[place, 0] == pytest.approx(roc_auc_score(labels, left_out[0]))


def test_weights_minimise_squared_errors_whatever_the_scorer():
    X, y, _ = search_data()
    plain = search("kernel", alphas=[0.05]).fit(X, y)
    scored = search("kernel", alphas=[0.05], scoring="neg_median_absolute_error").fit(X, y)
    assert_array_equal(scored.ground_truth_weights_, plain.ground_truth_weights_)
    assert not np.allclose(scored.scores_, plain.scores_)


def test_a_scorer_of_no_numbers_is_refused():
    X, y, _ = search_data()
    with pytest.raises(ValueError, match=r"scoring=.* gave no finite score"):
        search("kernel", scoring=lambda *_: np.nan).fit(X, y)


# ------------------------------------------------------------------ metadata


def groups_of(n):
    return np.random.default_rng(5).integers(0, 8, n)


@pytest.mark.parametrize("kind", SEARCHES)
@pytest.mark.parametrize("routing", [False, True])
def test_groups_reach_the_splitter(kind, routing):
    X, y, _ = search_data()
    groups, s = groups_of(40), positive(40)
    splits = list(GroupKFold(4).split(X, y, groups))
    expected = search(kind, cv=splits).fit(X, y, sample_weight=s)
    with config_context(enable_metadata_routing=routing):
        model = search(kind, cv=GroupKFold(4))
        model.fit(X, y, sample_weight=s, groups=groups)
        assert_array_equal(model.scores_, expected.scores_)
        assert model.alpha_ == expected.alpha_


def test_groups_pass_through_a_search_around_it():
    X, y, _ = search_data()
    groups = groups_of(40)
    with config_context(enable_metadata_routing=True):
        model = search("linear", cv=GroupKFold(3))
        outer = GridSearchCV(model, {"n_steps": [1, 2]}, cv=GroupKFold(3), error_score="raise")
        outer.fit(X, y, groups=groups)
        direct = clone(model).set_params(**outer.best_params_).fit(X, y, groups=groups)
        assert_array_equal(outer.best_estimator_.scores_, direct.scores_)


def test_metadata_reach_a_scorer_that_asks_for_them():
    X, y, _ = search_data()
    s, seen = positive(40), []

    def metric(y_true, y_pred, sample_weight=None, extra=None):
        seen.append((sample_weight, extra))
        return -np.average((y_true - y_pred) ** 2, weights=sample_weight)

    extra = np.arange(40)
    with config_context(enable_metadata_routing=True):
        scorer = make_scorer(metric).set_score_request(sample_weight=True, extra=True)
        model = search("kernel", scoring=scorer, cv=KFold(3, shuffle=True, random_state=0))
        model.fit(X, y, sample_weight=s, extra=extra)
        assert_allclose(
            model.scores_, clone(model).set_params(scoring=None).fit(X, y, sample_weight=s).scores_
        )
    assert len(seen) == 9
    for weight, places in seen:
        assert sorted(places) == list(range(40))
        assert_array_equal(weight, s[places])


def test_weights_reach_a_scorer_without_routing():
    X, y, _ = search_data()
    s = positive(40)
    model = search("kernel", scoring="neg_mean_squared_error")
    plain = search("kernel").fit(X, y, sample_weight=s)
    assert_allclose(model.fit(X, y, sample_weight=s).scores_, plain.scores_, rtol=1e-10)
    with config_context(enable_metadata_routing=True):
        scorer = get_scorer("neg_mean_squared_error").set_score_request(sample_weight=False)
        unweighted = search("kernel", scoring=scorer).fit(X, y, sample_weight=s)
    assert not np.allclose(unweighted.scores_, plain.scores_)


def test_metadata_nobody_takes_are_refused():
    X, y, _ = search_data()
    with pytest.raises(ValueError, match=r"groups is for a splitter, .* got cv=None"):
        search("kernel").fit(X, y, groups=groups_of(40))
    with pytest.raises(TypeError, match="only groups is passed on"):
        search("kernel", cv=3).fit(X, y, colour=groups_of(40))
    with config_context(enable_metadata_routing=True), pytest.raises(TypeError, match="groups"):
        search("kernel", cv=3).fit(X, y, groups=groups_of(40))


# ------------------------------------------------------------------ inside other tools


@pytest.mark.parametrize("kind", SEARCHES)
def test_inside_a_pipeline_inside_a_search(kind):
    X, y, new = search_data()
    pipeline = make_pipeline(StandardScaler(), search(kind))
    name = pipeline.steps[-1][0]
    grid = {f"{name}__n_steps": [1, 3], f"{name}__cv": [None, 3]}
    outer = GridSearchCV(pipeline, grid, cv=3, error_score="raise").fit(X, y)
    best = {key.partition("__")[2]: value for key, value in outer.best_params_.items()}
    scaler = StandardScaler().fit(X)
    by_hand = search(kind, **best).fit(scaler.transform(X), y)
    assert_allclose(outer.predict(new), by_hand.predict(scaler.transform(new)), atol=1e-10)


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("kind", SEARCHES)
def test_data_frames(library, kind):
    frames = pytest.importorskip(library, reason=f"{library} is not installed")
    X, y, new = search_data()
    names = ["a", "b", "c"]
    rows, others = (frames.DataFrame(dict(zip(names, part.T))) for part in (X, new))
    model = search(kind, cv=4).fit(rows, frames.Series(y))
    assert list(model.feature_names_in_) == names
    assert_allclose(model.predict(others), search(kind, cv=4).fit(X, y).predict(new), rtol=1e-10)


@pytest.mark.parametrize("kind", SEARCHES)
@pytest.mark.parametrize("cv", CV)
def test_float32_rows_are_searched_in_float64(kind, cv):
    X, y, new = search_data()
    X = X.astype(np.float32)
    model = search(kind, cv=CV[cv]).fit(X, y)
    exact = search(kind, cv=CV[cv]).fit(X.astype(np.float64), y)
    assert model.scores_.dtype == np.float64
    assert_allclose(model.scores_, exact.scores_, rtol=1e-5)
    assert model.predict(new.astype(np.float32)).dtype == np.float32
    stored = search(kind, store_cv_results=True).fit(X, y)
    assert stored.cv_results_.dtype == np.float32


def test_a_callback_that_stops_leaves_steps_that_can_predict():
    pytest.importorskip("sklearn.callback", reason="this scikit-learn has no callbacks")
    X, y, new = search_data()

    class Stopper:
        def setup(self, estimator, context):
            pass

        teardown = on_fit_task_begin = setup

        def on_fit_task_end(self, estimator, context):
            return True

    model = search("kernel", ground_truth_weight=[0.0, 0.0], alphas=[0.001])
    full = clone(model).fit(X, y)
    assert full.best_step_ > 1
    short = model.set_callbacks(Stopper()).fit(X, y)
    assert short.best_step_ == 1
    assert_allclose(short.predict(new), full.predict(new, step=1), rtol=1e-10)
    assert_allclose(short.scores_, full.scores_, rtol=1e-10)


# ------------------------------------------------------------------ classification


def noisy_digits(n=250, rate=0.4):
    X, y = load_digits(return_X_y=True)
    rng = np.random.RandomState(0)
    order = rng.permutation(len(y))
    X, y = X[order] / 16, y[order]
    noisy = y[:n].copy()
    wrong = rng.uniform(size=n) < rate
    noisy[wrong] = rng.randint(0, 10, wrong.sum())
    return X[:n], noisy, X[n:], y[n:]


def test_steps_win_where_penalties_are_too_small_for_the_noise():
    X, y, new, truth = noisy_digits()
    model = SelfDistilledKernelRidgeClassifierCV([0.01, 0.1], gamma=0.1).fit(X, y)
    ordinary = clone(model).set_params(n_steps=1).fit(X, y)
    assert model.best_step_ > 1
    assert model.score(new, truth) > ordinary.score(new, truth) + 0.03
    assert model.classes_.tolist() == list(range(10))


@pytest.mark.parametrize("kind", CLASSIFIERS)
@pytest.mark.parametrize("cv", CV)
def test_class_weights_multiply_weights_of_rows(kind, cv):
    X, _, new = search_data()
    labels = np.where(X[:, 0] > 0.7, "rare", "often")
    s = positive(40)
    factors = {"rare": 3.0, "often": 0.5}
    model = clone(CLASSIFIERS[kind]).set_params(cv=CV[cv])
    if cv == "folds":
        model.set_params(cv=list(CV[cv].split(X)))
    by_class = clone(model).set_params(class_weight=factors).fit(X, labels, sample_weight=s)
    by_row = model.fit(X, labels, sample_weight=s * [factors[label] for label in labels])
    assert_allclose(by_class.scores_, by_row.scores_, rtol=1e-10)
    assert_allclose(by_class.decision_function(new), by_row.decision_function(new), atol=1e-10)


def test_splits_keep_the_share_of_classes():
    X, _, _ = search_data()
    labels = np.arange(40) % 4 == 0
    model = clone(CLASSIFIERS["linear"]).set_params(cv=5).fit(X, labels)
    same = clone(model).set_params(cv=list(StratifiedKFold(5).split(X, labels)))
    assert_array_equal(model.scores_, same.fit(X, labels).scores_)


# ------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    "alphas", [[], [0.0], [1.0, -1.0], [np.nan], [np.inf], [[1.0, 2.0]], ["a"], [True]]
)
@pytest.mark.parametrize("kind", SEARCHES)
def test_bad_penalties(kind, alphas):
    X, y, _ = search_data()
    with pytest.raises(ValueError, match="alphas must be one or more finite numbers above 0"):
        search(kind, alphas=alphas).fit(X, y)


BAD = [
    ({"ground_truth_weight": [0.5]}, "ground_truth_weight must be a number or have shape"),
    ({"ground_truth_weight": [0.5, np.nan]}, "ground_truth_weight must be finite"),
    ({"ground_truth_weight": "loo"}, "ground_truth_weight"),
    ({"weight_bounds": (1.0, 0.0)}, r"weight_bounds must have low <= high"),
    ({"weight_bounds": (0.0, 0.5, 1.0)}, r"weight_bounds must be a pair"),
    ({"store_cv_results": True, "cv": 3}, "store_cv_results=True .* cv must be None, got 3"),
    ({"n_steps": 0}, "n_steps"),
    ({"cv": [([0, 1], [])]}, "cv must hold out rows of positive weight"),
    ({"cv": [([], [0, 1])]}, "Fold 0 of cv has no training rows"),
    ({"scoring": "best"}, "scoring"),
]


@pytest.mark.parametrize(("params", "message"), BAD)
@pytest.mark.parametrize("kind", SEARCHES)
def test_bad_parameters(kind, params, message):
    X, y, _ = search_data()
    with pytest.raises(ValueError, match=message):
        search(kind, **params).fit(X, y)


@pytest.mark.parametrize("kind", SEARCHES)
def test_one_row_cannot_be_left_out(kind):
    X, y, _ = search_data()
    with pytest.raises(ValueError, match="n_samples=1"):
        search(kind).fit(X[:1], y[:1])
    one = np.zeros(40)
    one[3] = 2.0
    with pytest.raises(ValueError, match="at least 2 rows of positive weight, got n_samples=1"):
        search(kind).fit(X, y, sample_weight=one)
    with pytest.raises(ValueError, match="training rows of positive weight"):
        search(kind, cv=4).fit(X, y, sample_weight=one)


def test_bad_kernel_matrices():
    _, K, y, _, _ = rbf_data(n=20)
    model = search("kernel", kernel="precomputed")
    with pytest.raises(ValueError, match="square"):
        model.fit(K[:, :-1], y)
    with pytest.raises(ValueError, match="symmetric"):
        model.fit(K + np.triu(np.ones_like(K), 1), y)
    with pytest.raises(ValueError, match="eigenvalue"):
        model.fit(K - 2 * np.eye(20), y)


def test_weights_that_multiply_rounding_are_warned_of():
    X, y, _ = search_data()
    with pytest.warns(UserWarning, match="multiply rounding errors") as caught:
        search("kernel", ground_truth_weight=[2000.0, -2000.0]).fit(X, y)
    assert caught[0].filename == __file__
