"""Losses of quantiles as modules equal those of arrays; orders pass their exact gradients on."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

torch = pytest.importorskip("torch")

from skweight.losses import CrossingPenalty, NonCrossing, QuantileLoss  # noqa: E402
from skweight.metrics import mean_quantile_loss  # noqa: E402
from skweight.quantile import (  # noqa: E402
    crossing_margins,
    crossing_penalty,
    noncross_isotonic,
    noncross_minmax,
    noncross_sort,
    noncross_vjp,
)

LEVELS = np.array([0.05, 0.2, 0.5, 0.7, 0.95])
ARRAYS = {
    "sort": noncross_sort,
    "isotonic": noncross_isotonic,
    "minmax": lambda rows: noncross_minmax(rows, quantiles=LEVELS),
}


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    forecast = rng.normal(size=(40, 5))
    forecast[:8] = np.sort(forecast[:8], axis=1)
    return forecast, rng.normal(size=40), rng.integers(0, 4, size=40).astype(float)


def value_and_gradient(loss, forecast, *args):
    forecast = torch.tensor(forecast, requires_grad=True)
    value = loss(forecast, *args)
    value.backward()
    return value.item(), forecast.grad.numpy()


@pytest.mark.parametrize("weighted", [False, True])
def test_quantile_loss_equals_the_metric(rows, weighted):
    forecast, y, weight = rows
    found, gradient = value_and_gradient(
        QuantileLoss(LEVELS),
        forecast,
        torch.tensor(y),
        torch.tensor(weight) if weighted else None,
    )
    options = {"quantiles": LEVELS, "sample_weight": weight if weighted else None}
    assert_allclose(found, mean_quantile_loss(y, forecast, **options), rtol=1e-14)
    # Away from its kink the loss is linear: one-sided differences are its slopes.
    share = weight / weight.sum() if weighted else np.full(40, 1 / 40)
    slopes = (y[:, None] < forecast) - LEVELS
    assert_allclose(gradient, slopes * share[:, None] / 5, atol=1e-15)


def test_quantile_loss_reductions_and_shapes(rows):
    forecast, y, weight = (torch.tensor(part) for part in rows)
    each = QuantileLoss(LEVELS, "none")(forecast, y, weight)
    assert each.shape == (40,)
    assert_allclose(QuantileLoss(LEVELS, "sum")(forecast, y, weight), (weight * each).sum())
    assert_allclose(QuantileLoss(LEVELS)(forecast, y), each.mean())
    assert_allclose(QuantileLoss(LEVELS)(forecast, y[:, None]), each.mean())
    single = QuantileLoss(LEVELS).to(torch.float32)(forecast.float(), y.float())
    assert single.dtype == torch.float32
    assert_allclose(single, each.mean(), rtol=1e-6)


@pytest.mark.parametrize("margin", [0.0, 0.2, "matrix"])
@pytest.mark.parametrize("weighted", [False, True])
def test_crossing_penalty_equals_that_of_arrays(rows, margin, weighted):
    forecast, y, weight = rows
    if margin == "matrix":
        margin = crossing_margins("adapt", LEVELS, 0.1, residuals=y)
    weight = weight if weighted else None
    value, gradient = value_and_gradient(
        CrossingPenalty(margin), forecast, None if weight is None else torch.tensor(weight)
    )
    expected, slopes = crossing_penalty(forecast, margin, sample_weight=weight)
    assert expected > 0
    assert_allclose(value, expected, rtol=1e-13)
    assert_allclose(gradient, slopes, atol=1e-15)


def test_crossing_penalty_of_ordered_rows_and_of_one_level_is_zero():
    ordered = torch.tensor([[0.0, 1.0, 2.0], [1.0, 1.0, 1.0]], requires_grad=True)
    penalty = CrossingPenalty(reduction="none")(ordered)
    assert_array_equal(penalty.detach(), [0, 0])
    penalty.sum().backward()
    assert_array_equal(ordered.grad, np.zeros((2, 3)))
    assert CrossingPenalty(0.5)(torch.zeros(4, 1)).item() == 0
    assert_allclose(CrossingPenalty(0.5, "sum")(torch.zeros(4, 3)), 2.0)


@pytest.mark.parametrize("method", ["sort", "isotonic", "minmax"])
def test_orders_equal_those_of_arrays_with_their_gradients(rows, method):
    forecast = rows[0]
    gradient = np.random.default_rng(1).normal(size=forecast.shape)
    layer = NonCrossing(method, LEVELS)
    raw = torch.tensor(forecast, requires_grad=True)
    ordered = layer(raw)
    ordered.backward(torch.tensor(gradient))
    assert_allclose(ordered.detach(), ARRAYS[method](forecast), atol=1e-14)
    assert_array_equal(ordered.detach()[:8], forecast[:8])
    expected = noncross_vjp(forecast, gradient, method, quantiles=LEVELS)
    assert_allclose(raw.grad, expected, atol=1e-13)
    assert torch.autograd.gradcheck(layer, torch.tensor(forecast, requires_grad=True))


@pytest.mark.parametrize("m", [1, 2, 7])
@pytest.mark.parametrize("method", ["sort", "isotonic", "minmax"])
def test_orders_of_any_number_of_levels(method, m):
    forecast = np.random.default_rng(m).normal(size=(30, m))
    found = NonCrossing(method)(torch.tensor(forecast)).numpy()
    functions = {"sort": noncross_sort, "isotonic": noncross_isotonic, "minmax": noncross_minmax}
    assert_allclose(found, functions[method](forecast), atol=1e-14)
    assert (np.diff(found, axis=1) >= 0).all()


def test_training_through_a_sort_fits_levels_that_start_in_the_wrong_order():
    rng = np.random.default_rng(0)
    y = torch.tensor(rng.normal(size=500))
    levels = torch.tensor([1.0, 0.0, -1.0], dtype=torch.float64, requires_grad=True)
    optimizer, order, loss = (
        torch.optim.Adam([levels], lr=0.05),
        NonCrossing(),
        QuantileLoss([0.1, 0.5, 0.9]),
    )
    for _ in range(300):
        optimizer.zero_grad()
        loss(order(levels.expand(500, 3)), y).backward()
        optimizer.step()
    assert_allclose(np.sort(levels.detach()), np.quantile(y, [0.1, 0.5, 0.9]), atol=0.05)


def test_modules_are_pickled(rows):
    forecast, y, _ = (torch.tensor(part) for part in rows)
    loss, penalty = pickle.loads(pickle.dumps((QuantileLoss(LEVELS), CrossingPenalty(0.1))))
    assert loss(forecast, y) == QuantileLoss(LEVELS)(forecast, y)
    assert penalty(forecast) == CrossingPenalty(0.1)(forecast)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: QuantileLoss([0.5, 0.1]), "strictly increasing"),
        (lambda: QuantileLoss([0.5], "all"), "reduction must be one of"),
        (lambda: QuantileLoss([0.5])(torch.zeros(3, 2), torch.zeros(3)), "each of the 1 quantiles"),
        (lambda: CrossingPenalty([0.1, 0.2]), "square matrix"),
        (lambda: CrossingPenalty(np.nan), "margin must be finite"),
        (lambda: CrossingPenalty(np.zeros((2, 2)))(torch.zeros(3, 3)), "must be as many"),
        (lambda: NonCrossing("pava"), "method must be"),
        (lambda: NonCrossing("minmax", [0.5])(torch.zeros(3, 2)), "each of the 1 quantiles"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
