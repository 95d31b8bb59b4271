"""The loss of a teacher's order of the classes, for arrays."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.metrics import log_loss

from skweight.losses import plackett_luce_distillation_loss as loss_of
from skweight.losses._plackett_luce import ranking_loss, teacher_ranking


def problem(n_classes=5, n=20, seed=0, scale=2.0):
    rng = np.random.RandomState(seed)
    s, t = scale * rng.standard_normal((2, n, n_classes))
    return s, t, rng.randint(n_classes, size=n), rng.uniform(0.5, 2, size=n)


def choice_probability(s, left, chosen):
    """Return the Plackett-Luce probability that one of those left is chosen."""
    strengths = np.exp(s)
    return strengths[chosen] / sum(strengths[j] for j in left)


def by_hand(s, t, y, temperature=1.0):
    """Compute the loss of one row choice by choice."""
    others = sorted((j for j in range(len(s)) if j != y), key=lambda j: -t[j])
    order, shares, loss = [y, *others], softmax(t / temperature), 0.0
    for k, chosen in enumerate(order):
        loss -= shares[chosen] * np.log(choice_probability(s, order[k:], chosen))
    return loss


def test_printed_values():
    s, t = [[0.3, -1.2, 2, 0.5, 0]], [[1, 3, -0.5, 2, 0.25]]
    assert_allclose(loss_of(s, t, [2]), 1.924045484118, rtol=1e-12)
    assert_allclose(loss_of(s, t, [0]), 2.897661667505, rtol=1e-12)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_sum_of_weighted_choices(temperature):
    s, t, y, _ = problem()
    found = loss_of(s, t, y, teacher_temperature=temperature, reduction="none")
    assert_allclose(found, [by_hand(*row, temperature) for row in zip(s, t, y)], rtol=1e-12)


def test_choices_multiply_to_the_probability_of_an_order():
    # The probabilities of all orders sum to 1, which fixes the normalisation of every choice.
    s = np.random.RandomState(1).standard_normal(4)
    orders = np.array(list(itertools.permutations(range(4))))
    logs, _ = ranking_loss(np.tile(s, (len(orders), 1)), orders, np.ones(orders.shape))
    assert_allclose(np.exp(-logs).sum(), 1, rtol=1e-12)


def test_first_choice_alone_is_cross_entropy():
    s, t, y, weight = problem()
    found = loss_of(s, t, y, position_weights="first", sample_weight=weight)
    expected = log_loss(y, softmax(s, axis=1), labels=range(5), sample_weight=weight)
    assert_allclose(found, expected, rtol=1e-12)


def test_equal_weights_are_listmle():
    s, t, y, _ = problem()
    order, _ = teacher_ranking(t, y)
    expected = 0.0
    for row, places in zip(s, order):
        left = [choice_probability(row, places[k:], places[k]) for k in range(5)]
        expected -= np.log(left).sum() / 5
    found = loss_of(s, t, y, position_weights="uniform", reduction="sum")
    assert_allclose(found, expected, rtol=1e-12)
    assert_allclose(loss_of(s, t, y, position_weights=np.full(5, 0.2), reduction="sum"), found)


def test_two_classes_are_cross_entropy_by_trust():
    s, t, y, weight = problem(2)
    trust = softmax(t, axis=1)[np.arange(20), y]
    expected = -trust * log_softmax(s, axis=1)[np.arange(20), y]
    assert_allclose(loss_of(s, t, y, reduction="none"), expected, rtol=1e-12)
    assert_allclose(
        loss_of(s, t, y, sample_weight=weight), np.average(expected, weights=weight), rtol=1e-12
    )


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("kind", ["teacher", "uniform", "first", (4.0, 2.0, 1.0, 0.0, 0.5)])
def test_gradient(kind, reduction):
    s, t, y, weight = problem(n=6)
    options = {"position_weights": kind, "sample_weight": weight, "reduction": reduction}

    loss, gradient = loss_of(s, t, y, return_grad=True, **options)
    assert loss == loss_of(s, t, y, **options)
    assert_allclose(gradient.sum(axis=1), 0, atol=1e-14)
    step = 1e-5
    for i, j in np.ndindex(s.shape):
        ends = []
        for move in (step, -step):
            moved = s.copy()
            moved[i, j] += move
            ends.append(loss_of(moved, t, y, **options))
        assert_allclose(gradient[i, j], (ends[0] - ends[1]) / (2 * step), atol=1e-7)


def test_shifts_change_nothing_and_scale_does():
    s, t, y, _ = problem()
    loss, gradient = loss_of(s, t, y, return_grad=True)
    moved, same = loss_of(s + 1e3, t - 70.0, y, return_grad=True)
    assert_allclose(moved, loss, rtol=1e-11)
    assert_allclose(same, gradient, atol=1e-12)
    assert abs(loss_of(2 * s, t, y) - loss) > 0.1
    assert abs(loss_of(s, 2 * t, y) - loss) > 0.01


def test_order_depends_on_the_teachers_order_alone():
    _, t, y, _ = problem()
    order, weights = teacher_ranking(t, y)
    bent, other = teacher_ranking(np.exp(t), y)
    assert (order == bent).all()
    assert np.abs(weights - other).max() > 0.01
    assert (order[:, 0] == y).all()
    # Of equal logits the first class comes first.
    assert teacher_ranking(np.zeros((1, 4)), np.array([2]))[0].tolist() == [[2, 0, 1, 3]]


def test_convex():
    rng = np.random.RandomState(0)
    _, t, y, _ = problem()
    for _ in range(20):
        a, b = 4 * rng.standard_normal((2, *t.shape))
        ends = loss_of(a, t, y) + loss_of(b, t, y)
        assert loss_of((a + b) / 2, t, y) <= ends / 2 + 1e-12


def test_extreme_logits():
    s, t, y, _ = problem()
    t[:, 0] = -1e9  # a probability of exactly 0
    for scores in (s + 1e3, 1e3 * s, 1e8 * s):
        loss, gradient = loss_of(scores, t, y, return_grad=True)
        assert np.isfinite(loss)
        assert np.isfinite(gradient).all()
        assert np.abs(gradient).max() <= 1
    # A true class that the teacher excludes has no weight: its choice drops out.
    s, t = np.array([[1.0, 0.5, -1.0]]), np.array([[-1e9, 1.0, 0.0]])
    expected = softmax(t)[0, 1] * np.log1p(np.exp(-1.5))
    assert_allclose(loss_of(s, t, [0]), expected, rtol=1e-12)


def test_the_right_order_with_large_gaps_costs_nothing():
    _, t, y, _ = problem(5, n=1, seed=3)
    order, _ = teacher_ranking(t, y)
    s = np.empty((1, 5))
    s[0, order[0]] = np.arange(5)[::-1]
    losses = [loss_of(a * s, t, y) for a in (1, 10, 100)]
    assert losses[0] > losses[1] > losses[2]
    assert losses[1] < 1e-4
    assert losses[2] < 1e-12


@pytest.mark.parametrize(
    ("truth", "teacher", "expected"), [(0.6, 0.6, 0.6923), (0.8, 0.8, 0.9412), (0.6, 0.3, 0.3913)]
)
def test_no_proper_scoring_rule(truth, teacher, expected):
    t = np.log([[1 - teacher, teacher]] * 2)

    def risk(z):
        return loss_of([[0, z[0]]] * 2, t, [0, 1], sample_weight=[1 - truth, truth])

    p = 1 / (1 + np.exp(-minimize(risk, [0.0], method="Nelder-Mead", tol=1e-9).x[0]))
    sure = truth * teacher
    assert_allclose(p, sure / (sure + (1 - truth) * (1 - teacher)), atol=1e-6)
    assert_allclose(p, expected, atol=1e-4)


def test_three_classes_are_overconfident_after_a_perfect_teacher():
    truth = np.array([0.5, 0.3, 0.2])
    t = np.log(np.tile(truth, (3, 1)))

    def risk(s):
        value, slope = loss_of(
            np.tile(s, (3, 1)), t, [0, 1, 2], sample_weight=truth, return_grad=True
        )
        return value, slope.sum(axis=0)

    found = softmax(minimize(risk, np.zeros(3), jac=True, tol=1e-10).x)
    assert_allclose(found, [0.738, 0.227, 0.035], atol=1e-3)


def test_blocks_do_not_show(monkeypatch):
    s, t, y, weight = problem()
    whole = loss_of(s, t, y, sample_weight=weight, return_grad=True)
    monkeypatch.setattr("skweight.losses._plackett_luce._BLOCK_NUMBERS", 15)
    parts = loss_of(s, t, y, sample_weight=weight, return_grad=True)
    assert_allclose(parts[0], whole[0], rtol=1e-14)
    assert_allclose(parts[1], whole[1], rtol=1e-14)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"student_logits": np.zeros((3, 2))}, "one shape"),
        ({"student_logits": np.full((20, 5), np.nan)}, "NaN"),
        ({"teacher_logits": np.full((20, 5), -np.inf)}, "infinity"),
        ({"y": np.full(20, 5)}, "y must hold whole numbers from 0 to 4"),
        ({"y": [0]}, "as many rows"),
        ({"teacher_temperature": 0.0}, "teacher_temperature"),
        ({"position_weights": "last"}, "position_weights"),
        ({"position_weights": [1.0, -1.0, 0, 0, 0]}, "position_weights"),
        ({"position_weights": [1.0]}, "position_weights"),
        ({"reduction": "median"}, "reduction"),
        ({"sample_weight": -np.ones(20)}, "sample_weight"),
    ],
)
def test_errors_name_what_is_wrong(changed, message):
    s, t, y, _ = problem()
    with pytest.raises(ValueError, match=message):
        loss_of(**{"student_logits": s, "teacher_logits": t, "y": y, **changed})


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="at least 2 classes"):
        loss_of([[0.0]], [[0.0]], [0])
