"""Losses against scikit-learn's deviances, differences, and formulas written out."""

import numpy as np
import pytest
from sklearn.metrics import log_loss, mean_tweedie_deviance

from skweight.fairness._losses import (
    Binomial,
    LogLink,
    Multinomial,
    SquaredError,
    regression_loss,
)

POWERS = [-1.5, 0.0, 1.0, 1.5, 2.0, 2.5, 3.0]
ETA = np.linspace(-3, 3, 7)
Y = np.array([0.2, 1.0, 2.5, 0.7, 4.0, 1.3, 0.1])


def losses():
    return [SquaredError(), *(LogLink("tweedie", power) for power in POWERS)]


@pytest.mark.parametrize("loss", losses(), ids=repr)
def test_twice_the_loss_above_the_smallest_one_is_the_deviance(loss):
    power = getattr(loss, "power", 0.0)
    mu = loss.mean(ETA)
    if isinstance(loss, SquaredError):
        expected = (Y - mu) ** 2
    else:
        expected = [mean_tweedie_deviance([a], [b], power=power) for a, b in zip(Y, mu)]
    np.testing.assert_allclose(2 * (loss.value(Y, ETA) - loss.saturated(Y)), expected, rtol=1e-10)
    np.testing.assert_allclose(
        loss.value(Y, loss.link(Y)), loss.saturated(Y), rtol=1e-12, atol=1e-30
    )


def test_constants_are_dropped_as_in_scikit_learn():
    y, eta = np.array([3.0]), np.array([0.5])
    mu = np.exp(0.5)
    for loss, expected in (
        (SquaredError(), 0.5 * 2.5**2),
        (regression_loss("squared_error", link="log"), 0.5 * (3 - mu) ** 2),
        (regression_loss("poisson"), mu - 1.5),
        (regression_loss("gamma"), 0.5 + 3 / mu),
        (regression_loss("tweedie", 1.5), 2 * np.sqrt(mu) + 6 / np.sqrt(mu)),
        (regression_loss("inverse_gaussian"), 1.5 / mu**2 - 1 / mu),
        (Binomial(), np.log1p(mu) - 1.5),
    ):
        np.testing.assert_allclose(loss.value(y, eta), expected, rtol=1e-14, err_msg=repr(loss))


@pytest.mark.parametrize("loss", [*losses(), Binomial()], ids=repr)
def test_slopes_are_differences(loss):
    y = (Y > 1).astype(float) if isinstance(loss, Binomial) else Y
    h = 1e-6
    value, slope = loss.value_and_slope(y, ETA)
    np.testing.assert_allclose(value, loss.value(y, ETA), rtol=1e-14)
    differences = (loss.value(y, ETA + h) - loss.value(y, ETA - h)) / (2 * h)
    np.testing.assert_allclose(slope, differences, rtol=1e-6, atol=1e-8)
    means = (loss.mean(ETA + h) - loss.mean(ETA - h)) / (2 * h)
    np.testing.assert_allclose(loss.mean_slope(loss.mean(ETA)), means, rtol=1e-6)
    np.testing.assert_allclose(loss.to_scores(loss.mean(ETA), y), y * means, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("loss", [*losses(), Binomial()], ids=repr)
def test_curvature_is_the_expected_second_derivative(loss):
    eta, h = np.array([0.4]), 1e-5
    mu = loss.mean(eta)  # at y = mu the loss's second derivative is the expected one
    _, up = loss.value_and_slope(mu, eta + h)
    _, down = loss.value_and_slope(mu, eta - h)
    np.testing.assert_allclose(loss.curvature(mu[0]), (up - down)[0] / (2 * h), rtol=1e-6)
    slope = loss.mean_slope(mu)
    np.testing.assert_allclose(loss.curvature(mu[0]) * loss.variance(mu[0]), slope[0] ** 2)


def test_multinomial():
    rng = np.random.default_rng(0)
    eta, codes = rng.normal(size=(9, 4)), rng.integers(0, 4, 9)
    y, loss = np.eye(4)[codes], Multinomial(4)
    value, slope = loss.value_and_slope(y, eta)
    mu = loss.mean(eta)
    np.testing.assert_allclose(value.mean(), log_loss(codes, mu, labels=range(4)), rtol=1e-12)
    np.testing.assert_allclose(mu.sum(axis=1), 1, rtol=1e-14)
    pull, h = rng.normal(size=(9, 4)), 1e-6
    for k in range(4):
        step = h * np.eye(4)[k]
        differences = (loss.value(y, eta + step) - loss.value(y, eta - step)) / (2 * h)
        np.testing.assert_allclose(slope[:, k], differences, atol=1e-8)
        moved = (loss.mean(eta + step) - loss.mean(eta - step)) / (2 * h)
        expected = (pull * moved).sum(axis=1)
        np.testing.assert_allclose(loss.to_scores(mu, pull)[:, k], expected, atol=1e-8)
    np.testing.assert_allclose(loss.mean(loss.link(mu[:1])[None, 0]), mu[:1], rtol=1e-12)


@pytest.mark.parametrize("loss", [*losses(), Binomial(), Multinomial(3)], ids=repr)
@pytest.mark.filterwarnings("error")
def test_no_score_overflows(loss):
    far = np.array([-1e6, -800.0, 800.0, 1e6])
    y = np.ones(4)
    if loss.n_scores == 3:
        far, y = np.outer(far, [1.0, 0.0, -1.0]), np.eye(3)[[0, 1, 2, 0]]
    for part in (*loss.value_and_slope(y, far), loss.value(y, far), loss.mean(far)):
        assert np.isfinite(part).all()


@pytest.mark.parametrize(
    ("loss", "power", "y"),
    [
        ("poisson", None, -0.5),
        ("gamma", None, 0.0),
        ("inverse_gaussian", None, 0.0),
        ("tweedie", 1.5, -1.0),
        ("tweedie", 2.5, 0.0),
    ],
)
def test_targets_out_of_range(loss, power, y):
    target = np.array([1.0, y, 3.0])
    with pytest.raises(ValueError, match=f"out of the valid range of the loss '{loss}'.*{y:g}"):
        regression_loss(loss, power).check_target(target, target.mean())


def test_targets_at_the_edge_of_the_range():
    for loss, power in (("poisson", None), ("tweedie", 1.5)):
        regression_loss(loss, power).check_target(np.array([0.0, 1.0]), 0.5)
    regression_loss("tweedie", -1.0).check_target(np.array([-1.0, 3.0]), 1.0)
    regression_loss("squared_error").check_target(np.array([-1.0, -3.0]), -2.0)
    for loss, link in (("poisson", "auto"), ("squared_error", "log")):
        with pytest.raises(ValueError, match="weighted mean above 0"):
            regression_loss(loss, link=link).check_target(np.zeros(3), 0.0)


def test_links():
    assert not regression_loss("squared_error").log_link
    assert not regression_loss("tweedie", 0).log_link
    assert not regression_loss("squared_error", link="identity").log_link
    assert regression_loss("squared_error", link="log").log_link
    for loss in ("poisson", "gamma", "inverse_gaussian"):
        assert regression_loss(loss).log_link
        with pytest.raises(ValueError, match="link must be 'log' or 'auto'"):
            regression_loss(loss, link="identity")


def test_power_belongs_to_tweedie():
    with pytest.raises(ValueError, match="it must be a number, got None"):
        regression_loss("tweedie")
    with pytest.raises(ValueError, match="must be None for loss='poisson', got"):
        regression_loss("poisson", power=1.5)
    with pytest.raises(ValueError, match="no distribution has"):
        regression_loss("tweedie", power=0.5)
