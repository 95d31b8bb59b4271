"""Self-distillation by refits is what a loop by hand does, and its weights are the best ones."""

import numpy as np
import pytest
from distillation_oracles import greedy, parabola_minimum, predictions, rbf_data, weighted_mse
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit, cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import scale
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skweight.distillation import SelfDistillation, SelfDistilledKernelRidge, SelfDistilledRidge

WEIGHTS = [0.3, -0.5, 1.7]
REGRESSORS = {
    "linear": Ridge(alpha=2.0),
    "boosting": HistGradientBoostingRegressor(max_iter=5, min_samples_leaf=5),
    "tree": DecisionTreeRegressor(max_depth=3, random_state=0),
}
SPLITS = {
    "folds": KFold(3),
    "one part": ShuffleSplit(1, test_size=0.4, random_state=0),
    "parts that overlap": ShuffleSplit(4, test_size=0.4, random_state=0),
}


def integer_weights(n, seed=0):
    return np.random.default_rng(seed).integers(0, 4, size=n).astype(float)


def loop(model, X, y, weights, sample_weight=None):
    """Return one fitted model for each step."""
    models = [clone(model).fit(X, y, sample_weight=sample_weight)]
    for w in weights:
        targets = w * y + (1 - w) * models[-1].predict(X)
        models.append(clone(model).fit(X, targets, sample_weight=sample_weight))
    return models


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", REGRESSORS)
def test_a_loop_by_hand_gives_the_same_bits(name, weighted):
    X, _, y, new, _ = rbf_data(n=60)
    weight = integer_weights(60) if weighted else None
    model = SelfDistillation(REGRESSORS[name], n_steps=4, ground_truth_weight=WEIGHTS)
    model.fit(X, y, sample_weight=weight)
    expected = [step.predict(new) for step in loop(REGRESSORS[name], X, y, WEIGHTS, weight)]
    assert_array_equal(list(model.staged_predict(new)), expected)
    assert_array_equal(model.predict(new), expected[-1])
    assert_array_equal(model.predict(new, step=2), expected[1])
    assert_array_equal(model.ground_truth_weights_, WEIGHTS)
    assert len(model.estimators_) == 4
    assert model.estimator_ is model.estimators_[-1]


@pytest.mark.parametrize("name", ["linear", "tree"])
def test_several_targets(name):
    X, _, y, new, _ = rbf_data(n_targets=3)
    model = SelfDistillation(REGRESSORS[name], n_steps=3, ground_truth_weight=0.4).fit(X, y)
    expected = [step.predict(new) for step in loop(REGRESSORS[name], X, y, [0.4, 0.4])]
    assert expected[0].shape == (17, 3)
    assert_array_equal(list(model.staged_predict(new)), expected)


def test_ridge_and_kernel_ridge_agree_with_their_own_classes():
    X, K, y, new, K_new = rbf_data()
    weight = integer_weights(len(y))
    how = {"n_steps": 4, "ground_truth_weight": WEIGHTS}
    linear = SelfDistillation(Ridge(alpha=0.7), **how).fit(X, y, sample_weight=weight)
    own = SelfDistilledRidge(alpha=0.7, **how).fit(X, y, sample_weight=weight)
    assert_allclose(list(linear.staged_predict(new)), list(own.staged_predict(new)), rtol=1e-10)
    kernel = SelfDistillation(KernelRidge(alpha=0.7, kernel="precomputed"), **how).fit(K, y)
    own = SelfDistilledKernelRidge(alpha=0.7, kernel="precomputed", **how).fit(K, y)
    assert_allclose(list(kernel.staged_predict(K_new)), list(own.staged_predict(K_new)), rtol=1e-10)


# ---------------------------------------------------------------- weights by cross-fitting


def pooled_chain(splits, X, y, weight=None):
    """Return the held-out rows of all splits, and their predictions by a chain with weights."""
    splits = list(splits)

    def chain(weights):
        return np.concatenate(
            [
                predictions(
                    Ridge(),
                    X[train],
                    y[train],
                    2.0,
                    np.array(weights),
                    len(weights) + 1,
                    None if weight is None else weight[train],
                    X[test],
                )
                for train, test in splits
            ],
            axis=1,
        )

    return np.concatenate([test for _, test in splits]), chain


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("cv", SPLITS)
@pytest.mark.parametrize("n_targets", [None, 2])
def test_automatic_weights_minimise_the_pooled_error(cv, weighted, n_targets):
    X, _, y, _, _ = rbf_data(n_targets=n_targets)
    weight = integer_weights(len(y)) if weighted else None
    model = SelfDistillation(REGRESSORS["linear"], n_steps=4, cv=SPLITS[cv])
    model.fit(X, y, sample_weight=weight)
    held, chain = pooled_chain(SPLITS[cv].split(X), X, y, weight)
    held_weight = None if weight is None else weight[held]
    expected = greedy(lambda ws: chain([float(np.mean(w)) for w in ws]), y[held], 4, held_weight)
    assert_allclose(model.ground_truth_weights_, expected, rtol=1e-7)
    # No weight near by does better, at any step.
    for t in range(1, 4):
        found = list(model.ground_truth_weights_[:t])
        best = weighted_mse(y[held], chain(found)[-1], held_weight)
        for move in (-0.01, 0.01):
            moved = chain([*found[:-1], found[-1] + move])[-1]
            assert weighted_mse(y[held], moved, held_weight) > best


def test_no_splits_means_five_folds():
    X, _, y, _, _ = rbf_data()
    default, five = (SelfDistillation(cv=cv).fit(X, y) for cv in (None, KFold(5)))
    assert_array_equal(default.ground_truth_weights_, five.ground_truth_weights_)


@pytest.mark.parametrize("bounds", [(0.0, 0.2), [0.9, np.inf], (0.0, 1.0)])
def test_bounds_clip(bounds):
    X, _, y, _, _ = rbf_data()
    free = SelfDistillation(REGRESSORS["linear"]).fit(X, y).ground_truth_weights_
    bound = SelfDistillation(REGRESSORS["linear"], weight_bounds=bounds).fit(X, y)
    assert_array_equal(bound.ground_truth_weights_, np.clip(free, *bounds))


def fold_errors(model, X, y, splits, weights):
    """Return the pooled squared error of every step of a chain by hand."""
    squares = []
    for train, test in splits:
        steps = loop(model, X[train], y[train], weights)
        squares.append([(y[test] - step.predict(X[test])) ** 2 for step in steps])
    return np.concatenate(squares, axis=1).mean(axis=1)


@pytest.mark.parametrize("seed", range(4))
def test_weight_of_a_tree_is_the_formula_or_1(seed):
    """Trees are not linear in their targets: a step that does harm is not taken."""
    X, _, y, _, _ = rbf_data(n=60, seed=seed)
    tree, splits = REGRESSORS["tree"], list(KFold(3).split(X))
    found = SelfDistillation(tree, cv=splits).fit(X, y).ground_truth_weights_
    held, first, student = [], [], []
    for train, test in splits:
        teacher = clone(tree).fit(X[train], y[train])
        held.append(y[test])
        first.append(teacher.predict(X[test]))
        student.append(clone(tree).fit(X[train], teacher.predict(X[train])).predict(X[test]))
    held, first, student = (np.concatenate(part) for part in (held, first, student))
    best = 1.0 if np.allclose(first, student) else parabola_minimum(held, first, student)
    ordinary, step = fold_errors(tree, X, y, splits, [best])
    assert_allclose(found, [best if step <= ordinary else 1.0], rtol=1e-8)


def test_no_step_does_worse_on_held_out_rows_than_the_first():
    X, _, y, _, _ = rbf_data(n=60)
    splits = list(KFold(3).split(X))
    for model in REGRESSORS.values():
        found = SelfDistillation(model, n_steps=4, cv=splits).fit(X, y).ground_truth_weights_
        ordinary, *steps = fold_errors(model, X, y, splits, found)
        assert max(steps) <= ordinary * (1 + 1e-12)


def test_number_of_fits():
    class Counted(Ridge):
        count = 0

        def fit(self, X, y, sample_weight=None):
            Counted.count += 1
            return super().fit(X, y, sample_weight)

    X, _, y, _, _ = rbf_data()
    SelfDistillation(Counted(), n_steps=5, cv=4).fit(X, y)
    assert Counted.count == 4 * (2 * 5 - 1) + 5
    Counted.count = 0
    SelfDistillation(Counted(), n_steps=5, ground_truth_weight=0.2).fit(X, y)
    assert Counted.count == 5


# ---------------------------------------------------------------- teachers out of fold


def test_out_of_fold_teachers():
    X, _, y, new, _ = rbf_data(n=60)
    tree = DecisionTreeRegressor(random_state=0)
    how = {"teacher_predictions": "out-of-fold", "cv": KFold(4)}
    model = SelfDistillation(tree, n_steps=3, ground_truth_weight=[0.3, 0.6], **how).fit(X, y)
    targets = y
    for step, w in enumerate([0.3, 0.6], start=2):
        targets = w * y + (1 - w) * cross_val_predict(tree, X, targets, cv=KFold(4))
        expected = clone(tree).fit(X, targets).predict(new)
        assert_array_equal(model.predict(new, step=step), expected)


def test_a_learner_that_interpolates_learns_from_others_alone():
    X, _, y, new, _ = rbf_data(n=60)
    tree = DecisionTreeRegressor(random_state=0)
    alone = SelfDistillation(tree, n_steps=3).fit(X, y)
    assert_array_equal(alone.ground_truth_weights_, [1.0, 1.0])
    assert_array_equal(alone.predict(new), alone.predict(new, step=1))
    taught = SelfDistillation(tree, teacher_predictions="out-of-fold").fit(X, y)
    assert taught.ground_truth_weights_[0] < 0.9
    assert not np.allclose(taught.predict(new), taught.predict(new, step=1))


def test_automatic_weights_with_out_of_fold_teachers():
    """Inside a fold teachers are held out by the other folds, whole groups together."""
    X, _, y, _, _ = rbf_data(n=60)
    groups = np.random.default_rng(3).integers(0, 12, size=60)
    splits = list(GroupKFold(4).split(X, y, groups))
    ridge = Ridge(alpha=0.5)
    how = {"teacher_predictions": "out-of-fold", "cv": splits, "n_steps": 3}
    found = SelfDistillation(ridge, **how).fit(X, y).ground_truth_weights_
    targets = dict.fromkeys(range(4), y)
    for t in range(2):
        held, first, student, taught = [], [], [], {}
        for k, (train, test) in enumerate(splits):
            rows = np.flatnonzero(~np.isin(groups, groups[test]))
            taught[k] = np.full(60, np.nan)
            for other in set(range(4)) - {k}:
                out = splits[other][1]
                kept = rows[~np.isin(rows, out)]
                taught[k][out] = clone(ridge).fit(X[kept], targets[k][kept]).predict(X[out])
            held.append(y[test])
            first.append(clone(ridge).fit(X[rows], y[rows]).predict(X[test]))
            student.append(clone(ridge).fit(X[rows], taught[k][rows]).predict(X[test]))
            assert set(rows) == set(train)
        w = parabola_minimum(*(np.concatenate(part) for part in (held, first, student)))
        assert_allclose(found[t], w, rtol=1e-7)
        targets = {k: found[t] * y + (1 - found[t]) * taught[k] for k in range(4)}


# ---------------------------------------------------------------- classifiers


def wine(n=90):
    X, y = load_wine(return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(y))[:n]
    return scale(X[rows][:, :5]), y[rows]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("w", [0.0, 0.35])
def test_logistic_regression_minimises_the_soft_cross_entropy(w, weighted):
    X, y = wine()
    weight = integer_weights(len(y)) if weighted else None
    C = 0.8
    inner = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-12)
    model = SelfDistillation(inner, n_steps=3, ground_truth_weight=w)
    model.fit(X, y, sample_weight=weight)
    s = np.ones(len(y)) if weight is None else weight
    truth = np.eye(3)[y]
    for step in (1, 2, 3):
        targets = truth if step == 1 else w * truth + (1 - w) * model.predict_proba(X, step - 1)
        fitted = model.estimators_[step - 1]
        residual = s[:, None] * (model.predict_proba(X, step) - targets)
        gradient = C * residual.T @ X + fitted.coef_
        assert np.abs(gradient).max() < 1e-8
        assert np.abs(residual.sum(axis=0)).max() < 1e-8
    # This is not the loss of the labels.
    assert not np.allclose(model.predict_proba(X, 1), model.predict_proba(X, 3), atol=1e-3)


def test_naive_bayes_has_the_moments_of_the_mixture():
    X, y = wine()
    weight = integer_weights(len(y)) + 0.5
    w = 0.4
    model = SelfDistillation(GaussianNB(), ground_truth_weight=w).fit(X, y, sample_weight=weight)
    shares = w * np.eye(3)[y] + (1 - w) * model.predict_proba(X, step=1)
    shares *= weight[:, None]
    assert_allclose(model.estimator_.class_prior_, shares.sum(axis=0) / shares.sum(), rtol=1e-10)
    assert_allclose(model.estimator_.theta_, (shares.T @ X) / shares.sum(axis=0)[:, None])


@pytest.mark.parametrize(
    "inner",
    [
        GaussianNB(),
        DecisionTreeClassifier(max_depth=2, random_state=0),
        HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=5),
    ],
    ids=lambda e: type(e).__name__,
)
def test_a_loop_of_copies_gives_the_same_classifier(inner):
    X, y = wine()
    new = X + 0.1
    model = SelfDistillation(inner, n_steps=3, ground_truth_weight=[0.2, 0.7]).fit(X, y)
    step = clone(inner).fit(X, y)
    assert_array_equal(model.predict_proba(new, step=1), step.predict_proba(new))
    for t, w in enumerate((0.2, 0.7), start=2):
        shares = w * np.eye(3)[y] + (1 - w) * step.predict_proba(X)
        rows, labels = np.repeat(np.arange(len(y)), 3), np.tile(np.arange(3), len(y))
        kept = shares.ravel() > 0
        rows, labels, shares = rows[kept], labels[kept], shares.ravel()[kept]
        step = clone(inner).fit(X[rows], labels, sample_weight=shares)
        assert_array_equal(model.predict_proba(new, step=t), step.predict_proba(new))
        assert_array_equal(model.predict(new, step=t), step.predict(new))


def test_ground_truth_alone_is_the_ordinary_fit():
    X, y = wine()
    tree = DecisionTreeClassifier(max_depth=2, random_state=0)
    model = SelfDistillation(tree, n_steps=3, ground_truth_weight=1.0).fit(X, y)
    for proba in (model.predict_proba(X, step) for step in (1, 2, 3)):
        assert_array_equal(proba, clone(tree).fit(X, y).predict_proba(X))


@pytest.mark.parametrize(("weighted", "C"), [(False, 10.0), (True, 2.0)])
def test_automatic_weight_of_a_classifier_minimises_the_squared_error(weighted, C):
    X, y = wine()
    weight = integer_weights(len(y)) + 1 if weighted else np.ones(len(y))
    inner = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-12)
    cv = ShuffleSplit(2, random_state=1)
    model = SelfDistillation(inner, cv=cv)
    model.fit(X, y, sample_weight=weight if weighted else None)
    held, first, student = [], [], []
    for train, test in cv.split(X):
        teacher = clone(inner).fit(X[train], y[train], sample_weight=weight[train])
        proba = teacher.predict_proba(X[train])
        copies = np.tile(train, 3), np.repeat(np.arange(3), len(train))
        shares = (weight[train, None] * proba).T.ravel()
        pupil = clone(inner).fit(X[copies[0]], copies[1], sample_weight=shares)
        held.append(test)
        first.append(teacher.predict_proba(X[test]))
        student.append(pupil.predict_proba(X[test]))
    held, first, student = (np.concatenate(part) for part in (held, first, student))
    best = parabola_minimum(np.eye(3)[y][held], first, student, weight[held])
    assert 0 < best < 1  # nothing was clipped
    assert_allclose(model.ground_truth_weights_, [best], rtol=1e-6)


def test_weights_of_a_classifier_stay_between_0_and_1():
    X, y = wine()
    inner = LogisticRegression(C=1e-3)  # far too much penalty: any number would be above 1
    found = SelfDistillation(inner, weight_bounds=(-5, 5)).fit(X, y).ground_truth_weights_
    assert_array_equal(found, [1.0])
    found = SelfDistillation(inner, weight_bounds=(-5, 0.3)).fit(X, y).ground_truth_weights_
    assert_array_equal(found, [0.3])


def test_a_class_may_be_missing_from_a_fold():
    X, y = wine()
    order = np.argsort(y)
    X, y = X[order], y[order]
    first = np.searchsorted(y, 1)
    splits = [(np.arange(first, len(y)), np.arange(first)), (np.arange(first + 9), [first + 9])]
    model = SelfDistillation(GaussianNB(), cv=splits).fit(X, y)
    assert np.isfinite(model.ground_truth_weights_).all()
    assert model.predict_proba(X).shape == (len(y), 3)
