"""Weights of the ground truth in closed form: greedy, joint and by generalised cross-validation."""

import numpy as np
import pytest
from distillation_oracles import (
    ORIGIN,
    PRECOMPUTED,
    RIDGE,
    greedy,
    hat_matrix,
    parabola_minimum,
    predictions,
    rbf_data,
    students,
    weighted_mse,
)
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize_scalar

from skweight.distillation import (
    gcv_self_distillation_weight,
    joint_self_distillation_weights,
    self_distillation_weights,
)

TARGETS = (None, 1, 3)


def held_out(n_targets=None, seed=0):
    """Return kernels, targets and, held out, kernels, targets and weights of rows."""
    _, K, y, _, K_val = rbf_data(n_targets=n_targets, seed=seed)
    rng = np.random.default_rng(seed + 100)
    y_val = rng.normal(size=(len(K_val), *y.shape[1:])) + 0.3
    return K, y, K_val, y_val, rng.uniform(0, 3, len(K_val))


def chain_of(K, y, K_val):
    """Return the function from weights to held-out predictions of every step of their chain."""
    return lambda weights: predictions(PRECOMPUTED, K, y, 0.2, weights, len(weights) + 1, new=K_val)


def first_and_student(n_targets=None, seed=0, alpha=0.2):
    K, y, K_val, y_val, s = held_out(n_targets, seed)
    first, student = students(PRECOMPUTED, K, y, alpha, 2, new=K_val)
    return y_val, first, student, s


# One step


@pytest.mark.parametrize("n_targets", TARGETS)
@pytest.mark.parametrize("weighted", [False, True])
def test_weight_minimises_the_error_of_refits(n_targets, weighted):
    K, y, K_val, y_val, s = held_out(n_targets)
    s = s if weighted else None

    def error(w):
        return weighted_mse(y_val, predictions(PRECOMPUTED, K, y, 0.2, w, 2, new=K_val)[-1], s)

    first, student = students(PRECOMPUTED, K, y, 0.2, 2, new=K_val)
    weight = self_distillation_weights(y_val, first, student, sample_weight=s)
    search = minimize_scalar(error, bracket=(0.0, 1.0))
    assert weight == pytest.approx(search.x, abs=1e-6)
    assert weight == pytest.approx(parabola_minimum(y_val, first, student, s), rel=1e-10)
    for other in np.linspace(weight - 2, weight + 2, 21):
        assert error(weight) <= error(other)


@pytest.mark.parametrize("n_targets", TARGETS)
def test_error_is_orthogonal_to_the_move(n_targets):
    y, first, student, s = first_and_student(n_targets)
    w = self_distillation_weights(y, first, student, sample_weight=s)
    move = first - student
    error = y - w * first - (1 - w) * student
    inner = np.sum(s * np.sum((error * move).reshape(len(s), -1), axis=1))
    assert abs(inner) < 1e-13 * np.linalg.norm(error) * np.linalg.norm(move) * s.max()


def test_a_weight_for_each_target_is_that_of_the_target_alone():
    y, first, student, s = first_and_student(3)
    together = self_distillation_weights(y, first, student, sample_weight=s, per_target=True)
    alone = [
        self_distillation_weights(y[:, j], first[:, j], student[:, j], sample_weight=s)
        for j in range(3)
    ]
    assert together.shape == (3,)
    assert_allclose(together, alone, rtol=1e-13)


def test_shared_weight_is_that_of_all_targets_in_one_column():
    y, first, student, s = first_and_student(3)
    shared = self_distillation_weights(y, first, student, sample_weight=s)
    column = self_distillation_weights(
        y.ravel(), first.ravel(), student.ravel(), sample_weight=np.repeat(s, 3)
    )
    assert shared == pytest.approx(column, rel=1e-13)


def test_weights_of_rows_are_repetitions():
    y, first, student, _ = first_and_student(2)
    counts = np.arange(len(y)) % 4
    repeated = (np.repeat(part, counts, axis=0) for part in (y, first, student))
    weighted = self_distillation_weights(y, first, student, sample_weight=counts)
    assert weighted == pytest.approx(self_distillation_weights(*repeated), rel=1e-13)


@pytest.mark.parametrize("bounds", [(0, 1), (-0.5, 0.2), (0.9, np.inf), (-np.inf, 0.1), (3, 3)])
@pytest.mark.parametrize("seed", range(4))
def test_bounds_give_the_best_weight_within(bounds, seed):
    y, first, student, s = first_and_student(seed=seed)
    weight = self_distillation_weights(y, first, student, sample_weight=s, bounds=bounds)
    assert bounds[0] <= weight <= bounds[1]

    def error(w):
        return weighted_mse(y, w * first + (1 - w) * student, s)

    for other in np.clip(np.linspace(-20, 20, 201), *bounds):
        assert error(weight) <= error(other) + 1e-15


def test_weight_may_leave_0_and_1():
    first, student = np.array([1.0, 2.0]), np.array([0.5, 1.0])
    assert self_distillation_weights([2.0, 4.0], first, student) == pytest.approx(3.0)
    assert self_distillation_weights([-1.0, -2.0], first, student) == pytest.approx(-3.0)


def test_same_predictions_leave_the_ground_truth():
    y = np.array([1.0, 2.0, 3.0])
    first = np.array([1.5, 2.5, 2.0])
    assert self_distillation_weights(y, first, first) == 1.0
    assert self_distillation_weights(y, first, first * (1 + 1e-14)) == 1.0
    assert self_distillation_weights(y, 0 * y, 0 * y) == 1.0
    both = np.column_stack([first, first])
    student = np.column_stack([first, 0.5 * first])
    weights = self_distillation_weights(np.column_stack([y, y]), both, student, per_target=True)
    assert weights[0] == 1.0
    assert weights[1] == self_distillation_weights(y, first, 0.5 * first)


def test_greedy_weights_never_lose_against_the_ordinary_fit():
    for seed in range(6):
        K, y, K_val, y_val, _ = held_out(seed=seed)
        chain = chain_of(K, y, K_val)
        weights = greedy(chain, y_val, 4)
        errors = [weighted_mse(y_val, step) for step in chain(weights)]
        assert max(errors[1:]) <= errors[0]


# All steps together


@pytest.mark.parametrize("n_targets", [None, 2])
@pytest.mark.parametrize("n_steps", [2, 3, 4])
def test_joint_weights_are_a_chain_that_ends_in_the_mixture(n_targets, n_steps):
    K, y, K_val, y_val, s = held_out(n_targets)
    g = students(PRECOMPUTED, K, y, 0.2, n_steps, new=K_val)
    weights, mixture, condition = joint_self_distillation_weights(y_val, g, sample_weight=s)
    assert mixture.sum() == pytest.approx(1.0, abs=1e-12)
    chain = predictions(PRECOMPUTED, K, y, 0.2, weights, n_steps, new=K_val)[-1]
    assert_allclose(chain, np.tensordot(mixture, g, 1), rtol=0, atol=1e-11 * np.abs(mixture).max())
    moves = (g[1:] - g[0]).reshape(n_steps - 1, len(s), -1)
    columns = (np.sqrt(s)[:, None] * moves).reshape(n_steps - 1, -1).T
    assert condition == pytest.approx(np.linalg.cond(columns), rel=1e-6)


@pytest.mark.parametrize("n_steps", [2, 3, 4])
def test_no_other_weights_end_better_than_the_joint_ones(n_steps):
    K, y, K_val, y_val, s = held_out()
    g = students(PRECOMPUTED, K, y, 0.2, n_steps, new=K_val)
    best, _, _ = joint_self_distillation_weights(y_val, g, sample_weight=s)

    def error(weights):
        chain = predictions(PRECOMPUTED, K, y, 0.2, weights, n_steps, new=K_val)
        return weighted_mse(y_val, chain[-1], s)

    smallest = error(best)
    rng = np.random.default_rng(0)
    for size in (1e-3, 1e-1, 1.0):
        for _ in range(20):
            assert error(best + size * rng.normal(size=n_steps - 1)) >= smallest - 1e-12


def test_joint_error_never_rises_and_never_loses_against_greedy():
    for seed in range(5):
        K, y, K_val, y_val, _ = held_out(seed=seed)
        g = students(PRECOMPUTED, K, y, 0.2, 5, new=K_val)
        chain = chain_of(K, y, K_val)
        errors = [weighted_mse(y_val, g[0])]
        for n_steps in range(2, 6):
            _, mixture, _ = joint_self_distillation_weights(y_val, g[:n_steps])
            errors.append(weighted_mse(y_val, mixture @ g[:n_steps]))
        step_by_step = [weighted_mse(y_val, step) for step in chain(greedy(chain, y_val, 5))]
        assert (np.diff(errors) <= 1e-14).all()
        assert (np.array(errors) <= np.array(step_by_step) + 1e-12).all()


def test_two_joint_steps_are_the_greedy_step():
    y, first, student, s = first_and_student(2)
    weights, mixture, _ = joint_self_distillation_weights(y, [first, student], sample_weight=s)
    greedy_weight = self_distillation_weights(y, first, student, sample_weight=s)
    assert_allclose(weights, [greedy_weight], rtol=1e-11)
    assert_allclose(mixture, [greedy_weight, 1 - greedy_weight], rtol=1e-10)


def test_joint_weights_of_rows_are_repetitions():
    K, y, K_val, y_val, _ = held_out(2)
    g = students(PRECOMPUTED, K, y, 0.2, 3, new=K_val)
    counts = np.arange(len(y_val)) % 4
    repeated = joint_self_distillation_weights(
        np.repeat(y_val, counts, axis=0), np.repeat(g, counts, axis=1)
    )
    weighted = joint_self_distillation_weights(y_val, g, sample_weight=counts)
    for one, other in zip(weighted, repeated):
        assert_allclose(one, other, rtol=1e-9)


def test_one_joint_step_has_no_weights():
    weights, mixture, condition = joint_self_distillation_weights([1.0, 2.0], [[1.1, 1.9]])
    assert weights.shape == (0,)
    assert_array_equal(mixture, [1.0])
    assert condition == 1.0


@pytest.mark.parametrize(
    ("mixture", "expected"),
    [
        # Where all is given to the first fit nothing is left for the steps before.
        ([1.0, 0.7, -0.7], [np.nan, 1.0]),
        ([0.4, 0.6, 0.8, -0.8], [np.nan, 1.0, 0.4]),
        ([0.5, 0.3, 0.2], [0.6, 0.5]),
        ([-2.0, 0.0, 3.0], [0.0, -2.0]),
    ],
)
def test_joint_weights_exist_while_something_is_left(mixture, expected):
    g = np.random.default_rng(0).normal(size=(len(mixture), 30))
    y = np.array(mixture) @ g
    weights, found, _ = joint_self_distillation_weights(y, g)
    assert_allclose(found, mixture, rtol=0, atol=1e-13)
    assert_allclose(weights, expected, rtol=0, atol=1e-12)


def test_students_on_one_line_are_solved_and_reported():
    rng = np.random.default_rng(0)
    first, direction, y = rng.normal(size=(3, 20))
    g = [first, first + direction, first + 2 * direction]
    _, mixture, condition = joint_self_distillation_weights(y, g)
    best = self_distillation_weights(y, g[0], g[1])
    expected = best * g[0] + (1 - best) * g[1]
    assert condition > 1e12
    assert_allclose(np.tensordot(mixture, g, 1), expected, rtol=0, atol=1e-12)
    assert np.abs(mixture).max() < 10


# Generalised cross-validation

MODELS = {"kernel": PRECOMPUTED, "origin": ORIGIN, "intercept": RIDGE}


def gcv_setting(kind, n_targets=None, weighted=False):
    X, K, y, _, _ = rbf_data(n=30, n_targets=n_targets, seed=3)
    s = np.random.default_rng(5).uniform(0.2, 3, len(y)) if weighted else None
    return MODELS[kind], (K if kind == "kernel" else X), y + 2.0, s


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_targets", [None, 2])
def test_gcv_weight_from_dense_smoothers(kind, weighted, n_targets):
    model, rows, y, s = gcv_setting(kind, n_targets, weighted)
    A = hat_matrix(model, rows, 1.3, s)
    n, root = len(y), 1.0 if s is None else np.sqrt(s)
    r0, r1 = ((root * (y - power @ y).T).T for power in (A, A @ A))
    d1, d2 = np.trace(A) / n, np.trace(A @ A) / n
    expected = parabola_minimum(0.0 * y, r0 / (1 - d1), r1 / (1 - d2))
    weight = gcv_self_distillation_weight(r0, r1, n * d1, n * d2)
    assert weight == pytest.approx(expected, rel=1e-10)

    A0, B0 = (r0**2).sum() / (1 - d1) ** 2, (r1**2).sum() / (1 - d2) ** 2
    C0 = (r0 * r1).sum() / ((1 - d1) * (1 - d2))
    assert weight == pytest.approx(1 - (A0 - C0) / (A0 + B0 - 2 * C0), rel=1e-9)


@pytest.mark.parametrize("bounds", [(0, 1), (-np.inf, 0.2), (2, 2)])
def test_gcv_bounds_clip(bounds):
    model, rows, y, _ = gcv_setting("kernel")
    A = hat_matrix(model, rows, 1.3)
    r0, r1, d1, d2 = y - A @ y, y - A @ A @ y, np.trace(A), np.trace(A @ A)
    free = gcv_self_distillation_weight(r0, r1, d1, d2)
    bounded = gcv_self_distillation_weight(r0, r1, d1, d2, bounds=bounds)
    assert bounded == np.clip(free, *bounds)


def test_gcv_of_the_same_residuals_leaves_the_ground_truth():
    r = np.array([0.3, -0.2, 0.5])
    assert gcv_self_distillation_weight(r, r, 1.0, 1.0) == 1.0
    assert gcv_self_distillation_weight(0 * r, 0 * r, 1.0, 0.5) == 1.0


# Bad input

Y = [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((Y, Y[:2], Y), {}, r"same shape.*\(2, 1\)"),
        ((Y, Y, [Y]), {}, "same shape"),
        (([1.0, np.nan, 3.0], Y, Y), {}, "y_true must be finite"),
        ((Y, [1.0, np.inf, 3.0], Y), {}, "first must be finite"),
        ((Y, Y, [1.0, 2.0, np.nan]), {}, "student must be finite"),
        ((np.ones((2, 2, 2)),) * 3 + ((),), {}, r"y_true .*\(2, 2, 2\)"),
        ((Y, Y, Y), {"sample_weight": [1.0, 1.0]}, r"sample_weight must be 3 .*\(2,\)"),
        ((Y, Y, Y), {"sample_weight": [1.0, -1.0, 1.0]}, "sample_weight .*at least 0"),
        ((Y, Y, Y), {"sample_weight": [1.0, np.nan, 1.0]}, "sample_weight .*finite"),
        ((Y, Y, Y), {"sample_weight": [0.0, 0.0, 0.0]}, "sample_weight .*positive.*zeros"),
        ((Y, Y, Y), {"bounds": (1, 0)}, r"bounds must have low <= high, got \(1, 0\)"),
        ((Y, Y, Y), {"bounds": (0, np.nan)}, "bounds must have low <= high"),
        ((Y, Y, Y), {"bounds": 1.0}, "bounds must be a pair .*got 1.0"),
        ((Y, Y, Y), {"bounds": (0, 1, 2)}, r"bounds must be a pair .*got \(0, 1, 2\)"),
    ],
)
def test_bad_input_of_greedy_weights(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        self_distillation_weights(*arguments[:3], **options)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((Y, [Y, Y[:2]]), {}, "students"),
        ((Y, [Y[:2], Y[:2]]), {}, r"students .*\(3, 1\).*\(2, 1\)"),
        ((Y, [Y, [1.0, np.nan, 0.0]]), {}, "students must be finite"),
        ((Y, []), {}, "students"),
        (([np.inf, 0.0, 0.0], [Y, Y]), {}, "y_true must be finite"),
        ((Y, [Y, Y]), {"sample_weight": [1.0]}, "sample_weight must be 3"),
    ],
)
def test_bad_input_of_joint_weights(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        joint_self_distillation_weights(*arguments, **options)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((Y, Y[:2], 1.0, 0.5), "same shape"),
        (([1.0, np.nan, 0.0], Y, 1.0, 0.5), "first must be finite"),
        ((Y, [1.0, np.nan, 0.0], 1.0, 0.5), "student must be finite"),
        ((Y, Y, 3.0, 0.5), "first_trace must be below the number of rows, 3, got 3.0"),
        ((Y, Y, 1.0, 4.0), "student_trace must be below the number of rows, 3, got 4.0"),
        ((Y, Y, np.nan, 1.0), "first_trace .*got nan"),
    ],
)
def test_bad_input_of_gcv(arguments, message):
    with pytest.raises(ValueError, match=message):
        gcv_self_distillation_weight(*arguments)
