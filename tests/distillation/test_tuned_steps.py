"""Weights that the models find: by leave-one-out, jointly, by GCV and on data held out."""

import warnings

import numpy as np
import pytest
from distillation_oracles import (
    ORIGIN,
    PRECOMPUTED,
    RIDGE,
    deletions,
    greedy,
    hat_matrix,
    parabola_minimum,
    predictions,
    rbf_data,
    weighted_mse,
    weights_of,
)
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_diabetes

from skweight.distillation import (
    SelfDistilledKernelRidge,
    SelfDistilledRidge,
    gcv_self_distillation_weight,
)

# name: (estimator, its peer in scikit-learn)
KINDS = {
    "kernel": (SelfDistilledKernelRidge(0.4, gamma=0.5), PRECOMPUTED),
    "linear": (SelfDistilledRidge(0.4), RIDGE),
    "origin": (SelfDistilledRidge(0.4, fit_intercept=False), ORIGIN),
}
WEIGHTS = ("none", "random", "zeros")


def setting(kind, n_targets=None, n=14, weights="random", **params):
    """Return an estimator, its rows, the peer, the peer's rows, targets and weights."""
    X, K, y, new, K_new = rbf_data(n=n, n_targets=n_targets, seed=6)
    model, peer = KINDS[kind]
    model = type(model)(**{**model.get_params(), **params})
    y = y + (5.0 if kind == "linear" else 0.0)
    if kind == "kernel":
        return model, X, peer, K, y, weights_of(weights, n), new, K_new
    return model, X, peer, X, y, weights_of(weights, n), new, new


# What is stored


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("n_targets", [None, 2])
@pytest.mark.parametrize("n_steps", [2, 4])
def test_stored_predictions_are_deletions(kind, weights, n_targets, n_steps):
    weight = [-0.3, 1.4, 0.5][: n_steps - 1]
    model, X, peer, rows, y, s, _, _ = setting(
        kind,
        n_targets,
        weights=weights,
        n_steps=n_steps,
        ground_truth_weight=weight,
        store_loo=True,
    )
    model.fit(X, y, sample_weight=s)
    expected = deletions(peer, rows, y, 0.4, weight, n_steps, s)
    assert model.loo_predictions_.shape == (n_steps, *y.shape)
    assert_allclose(model.loo_predictions_, expected, rtol=0, atol=1e-12)
    assert_allclose(model.loo_mse_, [weighted_mse(y, step, s) for step in expected], rtol=1e-11)


@pytest.mark.parametrize("kind", KINDS)
def test_stored_predictions_with_penalties_and_weights_by_step_and_target(kind):
    alpha = [0.4, 0.1, 2.0]
    weight = np.array([[0.3, -0.4], [1.5, 0.2]])
    model, X, peer, rows, y, s, _, _ = setting(
        kind, 2, alpha=alpha, n_steps=3, ground_truth_weight=weight, store_loo=True
    )
    model.fit(X, y, sample_weight=s)
    expected = deletions(peer, rows, y, alpha, weight, 3, s)
    assert_allclose(model.loo_predictions_, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_stored_unasked(kind):
    model, X, _, _, y, _, _, _ = setting(kind)
    assert not hasattr(model.fit(X, y), "loo_predictions_")
    assert not hasattr(model, "loo_mse_")


@pytest.mark.parametrize("kind", KINDS)
def test_best_step_has_the_smallest_error(kind):
    model, X, peer, rows, y, s, new, new_rows = setting(
        kind, alpha=0.02, n_steps=5, ground_truth_weight=0.2, step_selection="loo"
    )
    model.fit(X, y, sample_weight=s)
    left_out = deletions(peer, rows, y, 0.02, 0.2, 5, s)
    errors = [weighted_mse(y, step, s) for step in left_out]
    assert model.best_step_ == 1 + np.argmin(errors)
    expected = predictions(peer, rows, y, 0.02, 0.2, 5, s, new=new_rows)
    assert_allclose(model.predict(new), expected[model.best_step_ - 1], rtol=0, atol=1e-10)


def test_earliest_step_wins_a_tie():
    X, _, y, _, _ = rbf_data()
    model = SelfDistilledKernelRidge(
        1.0, gamma=0.5, n_steps=4, ground_truth_weight=1.0, step_selection="loo", solver="eigh"
    ).fit(X, y)
    assert_allclose(model.loo_mse_, model.loo_mse_[0], rtol=1e-12)
    assert model.best_step_ == 1


# Leave-one-out


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("n_steps", [2, 3])
@pytest.mark.parametrize("per_target", [False, True])
def test_loo_weights_are_best_for_deletions(kind, weights, n_steps, per_target):
    model, X, peer, rows, y, s, new, new_rows = setting(
        kind,
        2,
        weights=weights,
        n_steps=n_steps,
        ground_truth_weight="loo",
        weight_per_target=per_target,
    )
    model.fit(X, y, sample_weight=s)

    def chain(by_step):
        by_step = [w * np.ones(2) for w in by_step]
        return deletions(peer, rows, y, 0.4, by_step, len(by_step) + 1, s)

    expected = greedy(chain, y, n_steps, s, per_target)
    assert model.ground_truth_weights_.shape == (n_steps - 1, 2)[: 1 + per_target]
    assert_allclose(model.ground_truth_weights_, expected, rtol=1e-7, atol=1e-9)
    assert_allclose(model.loo_predictions_, chain(model.ground_truth_weights_), atol=1e-11)
    assert model.loo_mse_[1:].max() <= model.loo_mse_[0]
    refitted = predictions(
        peer, rows, y, 0.4, model.ground_truth_weights_, n_steps, s, new=new_rows
    )
    assert_allclose(list(model.staged_predict(new)), refitted, rtol=0, atol=1e-9)


@pytest.mark.parametrize("n_steps", [2, 3])
def test_solvers_find_the_same_loo_weights(n_steps):
    X, _, y, _, _ = rbf_data(n_targets=2)
    s = weights_of("zeros", len(y))
    fits = [
        SelfDistilledKernelRidge(
            0.4, gamma=0.5, n_steps=n_steps, ground_truth_weight="loo", solver=solver
        ).fit(X, y, sample_weight=s)
        for solver in ("auto", "eigh")
    ]
    for name in ("ground_truth_weights_", "loo_predictions_", "loo_mse_", "dual_coef_path_"):
        one, other = (getattr(fit, name) for fit in fits)
        assert_allclose(one, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("rule", ["loo", "gcv"])
@pytest.mark.parametrize("bounds", [(0, 1), (-np.inf, 0.2), (0.7, 0.8)])
def test_bounds_clip_the_first_choice(rule, bounds):
    X, _, y, _, _ = rbf_data()
    params = {"alpha": 0.4, "gamma": 0.5, "ground_truth_weight": rule}
    free = SelfDistilledKernelRidge(**params).fit(X, y)
    bounded = SelfDistilledKernelRidge(**params, n_steps=4, weight_bounds=bounds).fit(X, y)
    expected = np.clip(free.ground_truth_weights_[0], *bounds)
    assert bounded.ground_truth_weights_[0] == pytest.approx(expected, rel=1e-9)
    assert (bounded.ground_truth_weights_ >= bounds[0]).all()
    assert (bounded.ground_truth_weights_ <= bounds[1]).all()


# Jointly


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weights", ["none", "zeros"])
@pytest.mark.parametrize("n_steps", [2, 3, 4])
def test_joint_weights_are_best_for_deletions(kind, weights, n_steps):
    model, X, peer, rows, y, s, new, new_rows = setting(
        kind, 2, weights=weights, n_steps=n_steps, ground_truth_weight="loo-joint"
    )
    model.fit(X, y, sample_weight=s)
    best = model.ground_truth_weights_

    def error(by_step):
        left_out = deletions(peer, rows, y, 0.4, by_step, n_steps, s)
        return weighted_mse(y, left_out[-1], s)

    size = max(1.0, np.abs(best).max())
    smallest = error(best)
    assert model.loo_mse_[-1] == pytest.approx(smallest, rel=1e-8 * size)
    rng = np.random.default_rng(0)
    for scale in (1e-3, 0.1):
        assert error(best + scale * size * rng.normal(size=n_steps - 1)) >= smallest
    refitted = predictions(peer, rows, y, 0.4, best, n_steps, s, new=new_rows)
    assert_allclose(model.predict(new), refitted[-1], rtol=0, atol=1e-9 * size)


@pytest.mark.filterwarnings("ignore:The weights of the ground truth multiply:UserWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_joint_error_never_rises_and_never_loses_against_greedy(kind):
    errors = {"loo": [], "loo-joint": []}
    for n_steps in range(1, 6):
        for rule, found in errors.items():
            model, X, _, _, y, s, _, _ = setting(
                kind, n=40, n_steps=n_steps, ground_truth_weight=rule
            )
            found.append(model.fit(X, y, sample_weight=s).loo_mse_[-1])
    joint, step_by_step = np.array(errors["loo-joint"]), np.array(errors["loo"])
    assert (np.diff(joint) <= 1e-12).all()
    assert (joint <= step_by_step + 1e-12).all()


def test_steps_before_a_joint_end_mean_nothing():
    model, X, _, _, y, _, _, _ = setting("kernel", n_steps=3, ground_truth_weight="loo-joint")
    model.fit(X, y)
    assert_array_equal(model.predict(X, step=3), model.predict(X))
    assert np.isnan(model.loo_mse_[:-1]).all()
    for step in (1, 2):
        with pytest.raises(ValueError, match=r"step must .*'loo-joint'"):
            model.predict(X, step=step)
    (only,) = model.staged_predict(X)
    assert_array_equal(only, model.predict(X))
    assert model.dual_coef_path_.shape == (1, len(X))
    assert model.loo_predictions_.shape == (1, len(X))


# Generalised cross-validation


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("n_targets", [None, 2])
@pytest.mark.parametrize("n_steps", [2, 4])
def test_gcv_weights_from_dense_smoothers(kind, weights, n_targets, n_steps):
    model, X, peer, rows, y, s, new, new_rows = setting(
        kind, n_targets, n=20, weights=weights, n_steps=n_steps, ground_truth_weight="gcv"
    )
    model.fit(X, y, sample_weight=s)
    A = hat_matrix(peer, rows, 0.4, s)
    root = np.ones(len(y)) if s is None else np.sqrt(s)
    kept = root > 0
    n = kept.sum()
    smoother, expected = A, []

    def part(matrix):
        residuals = (root * (y - matrix @ y).T).T
        return residuals / (1 - np.trace(matrix[np.ix_(kept, kept)]) / n)

    for _ in range(n_steps - 1):
        student = A @ smoother
        expected.append(parabola_minimum(0.0 * y, part(A), part(student)))
        smoother = expected[-1] * A + (1 - expected[-1]) * student
    assert_allclose(model.ground_truth_weights_, expected, rtol=1e-8)
    assert_allclose(model.predict(X), smoother @ y, rtol=0, atol=1e-9)
    refitted = predictions(peer, rows, y, 0.4, expected, n_steps, s, new=new_rows)
    assert_allclose(list(model.staged_predict(new)), refitted, rtol=0, atol=1e-9)


@pytest.mark.filterwarnings("ignore:Step .* moves:UserWarning")
@pytest.mark.parametrize("n_steps", [2, 3])
def test_gcv_per_target_is_that_of_each_target(n_steps):
    X, _, y, _, _ = rbf_data(n_targets=3)
    for make in (
        lambda **params: SelfDistilledKernelRidge(0.4, gamma=0.5, **params),
        lambda **params: SelfDistilledRidge(0.4, **params),
    ):
        together = make(n_steps=n_steps, ground_truth_weight="gcv", weight_per_target=True)
        weights = together.fit(X, y).ground_truth_weights_
        for j in range(3):
            alone = make(n_steps=n_steps, ground_truth_weight="gcv").fit(X, y[:, j])
            assert_allclose(weights[:, j], alone.ground_truth_weights_, rtol=1e-9)


def diabetes():
    X, y = load_diabetes(return_X_y=True)
    y = (y - y.mean()) / y.std()
    rows = np.random.default_rng(0).permutation(len(y))
    train, test = rows[:331], rows[331:]
    return X[train], y[train], X[test], y[test]


def without_guard(X, y, alpha):
    """Return the weight that generalised cross-validation itself would take."""
    A = hat_matrix(RIDGE, X, alpha)
    return gcv_self_distillation_weight(
        y - A @ y, y - A @ A @ y, np.trace(A), np.trace(A @ A)
    ), np.linalg.norm(A @ y - A @ A @ y) / np.linalg.norm(A @ y - y.mean())


@pytest.mark.filterwarnings("ignore:Step [34] moves:UserWarning")
@pytest.mark.parametrize("alpha", [0.001, 0.01])
def test_gcv_is_not_believed_where_student_and_teacher_coincide(alpha):
    X, y, X_test, y_test = diabetes()
    weight, move = without_guard(X, y, alpha)
    assert move < 0.02
    bad = SelfDistilledRidge(alpha, ground_truth_weight=weight).fit(X, y)
    first, second = (weighted_mse(y_test, step) for step in bad.staged_predict(X_test))
    assert second > first * 1.01
    for model in (
        SelfDistilledRidge(alpha, ground_truth_weight="gcv"),
        SelfDistilledRidge(alpha, ground_truth_weight="gcv", n_steps=4),
    ):
        with pytest.warns(UserWarning, match=r"Step 2 .*2%.* ground_truth_weight .*alpha"):
            model.fit(X, y)
        assert_array_equal(model.ground_truth_weights_, 1.0)


@pytest.mark.parametrize("alpha", [0.05, 1.0, 10.0, 100.0])
def test_gcv_is_believed_elsewhere(alpha):
    X, y, X_test, y_test = diabetes()
    weight, move = without_guard(X, y, alpha)
    assert move > 0.03
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = SelfDistilledRidge(alpha, ground_truth_weight="gcv").fit(X, y)
    assert_allclose(model.ground_truth_weights_, [weight], rtol=1e-8)
    first, second = (weighted_mse(y_test, step) for step in model.staged_predict(X_test))
    assert second < first


@pytest.mark.parametrize("solver", ["auto", "eigh"])
def test_kernel_models_guard_as_well(solver):
    X, y, _, _ = diabetes()
    X, y = X - X.mean(axis=0), y - y.mean()
    for alpha, warned in ((0.001, True), (0.01, True), (0.05, False), (1.0, False)):
        model = SelfDistilledKernelRidge(
            alpha, kernel="linear", ground_truth_weight="gcv", solver=solver
        )
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(X, y)
        assert any("Step 2" in str(w.message) for w in caught) == warned
        assert (model.ground_truth_weights_[0] == 1.0) == warned


# Data held out


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("per_target", [False, True])
@pytest.mark.parametrize("alpha", [0.4, [0.4, 0.1, 2.0, 0.1]])
def test_validation_weights_are_best_on_data_held_out(kind, weights, per_target, alpha):
    model, X, peer, rows, y, s, new, new_rows = setting(
        kind,
        2,
        alpha=alpha,
        weights=weights,
        n_steps=4,
        ground_truth_weight="validation",
        weight_per_target=per_target,
    )
    rng = np.random.default_rng(1)
    y_val, s_val = rng.normal(size=(len(new), 2)), weights_of(weights, len(new))
    model.fit(X, y, s, X_val=new, y_val=y_val, sample_weight_val=s_val)

    def chain(by_step):
        by_step = [w * np.ones(2) for w in by_step]
        n_steps = len(by_step) + 1
        penalties = alpha if np.ndim(alpha) == 0 else alpha[:n_steps]
        return predictions(peer, rows, y, penalties, by_step, n_steps, s, new=new_rows)

    found = model.ground_truth_weights_
    for t in range(1, 4):
        # The best weight of step t, given those before: the error at others is no smaller, and
        # the last error is orthogonal to what the weight moves.
        steps = [chain([*found[: t - 1], w])[-1] for w in (found[t - 1], 0.0, 1.0)]
        error, move = y_val - steps[0], steps[2] - steps[1]
        share = np.ones(len(new)) if s_val is None else s_val
        inner = share @ (error * move)
        inner = inner if per_target else inner.sum()
        size = np.linalg.norm(error) * np.linalg.norm(move) * share.max()
        assert np.abs(inner).max() <= 1e-9 * size
    assert_allclose(list(model.staged_predict(new)), chain(found), rtol=0, atol=1e-9)


@pytest.mark.parametrize("solver", ["cholesky", "eigh"])
def test_validation_with_a_kernel_matrix(solver):
    X, K, y, new, K_new = rbf_data()
    y_val = np.random.default_rng(1).normal(size=len(new))
    params = {"alpha": 0.4, "n_steps": 3, "ground_truth_weight": "validation", "solver": solver}
    s = weights_of("zeros", len(y))
    one = SelfDistilledKernelRidge(gamma=0.5, **params).fit(X, y, s, X_val=new, y_val=y_val)
    other = SelfDistilledKernelRidge(kernel="precomputed", **params)
    other.fit(K, y, s, X_val=K_new, y_val=y_val)
    assert_allclose(one.ground_truth_weights_, other.ground_truth_weights_, rtol=1e-9)
    assert_allclose(one.predict(new), other.predict(K_new), rtol=0, atol=1e-11)
