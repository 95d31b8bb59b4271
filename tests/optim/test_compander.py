"""The compander beside closed forms, and networks that wear it or are made of it."""

import copy
import math
import pickle
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

torch = pytest.importorskip("torch")

from torch.nn.utils import parametrize  # noqa: E402

from skweight.optim import (  # noqa: E402
    WeightCompander,
    add_weight_compander,
    remove_weight_compander,
)

A, B = 0.3, 0.1
V = torch.linspace(-3.0, 3.0, 61, dtype=torch.float64)


def network(*, seed=0):
    generator = torch.Generator().manual_seed(seed)
    layers = [torch.nn.Linear(4, 5), torch.nn.Tanh(), torch.nn.Linear(5, 2)]
    module = torch.nn.Sequential(*layers).double()
    with torch.no_grad():
        for p in module.parameters():
            p.uniform_(-0.4, 0.4, generator=generator)
    return module


ROWS = torch.tensor(np.random.default_rng(0).normal(size=(20, 4)))
TARGETS = torch.tensor(np.random.default_rng(1).normal(size=(20, 2)))


def test_known_values():
    compander = WeightCompander(A, B)
    v = torch.tensor([0.1, 0.0], dtype=torch.float64, requires_grad=True)
    w = compander(v)
    assert_allclose(w.detach(), [0.2356194490, 0.0], atol=1e-10)
    w.sum().backward()
    assert_allclose(v.grad, [1.5, 3.0])


def test_weights_are_odd_increasing_and_bounded():
    w = WeightCompander(A, B)(V * 1e3)
    assert (w.diff() > 0).all()
    assert (w.abs() < A * math.pi / 2).all()
    assert_array_equal(WeightCompander(A, B)(-V * 1e3), -w)
    assert WeightCompander(A, B)(torch.zeros(1)) == 0


@pytest.mark.parametrize("b", [0.1, 1.0, 1e4])
def test_both_ways_are_inverse(b):
    compander = WeightCompander(A, b)
    v = torch.linspace(-99.0, 99.0, 60, dtype=torch.float64) * b
    assert_allclose(compander.right_inverse(compander(v)), v, rtol=1e-10)
    w = torch.linspace(-0.999, 0.999, 61, dtype=torch.float64) * A * math.pi / 2
    assert_allclose(compander(compander.right_inverse(w)), w, rtol=1e-10, atol=1e-15)


def test_gradients_are_the_closed_forms():
    compander = WeightCompander(A, B, learnable=True, dtype=torch.float64)
    v = V.clone().requires_grad_()
    pull = torch.cos(V + 0.5)
    (compander(v) * pull).sum().backward()
    assert_allclose(v.grad, pull * A * B / (B**2 + V**2))
    # Through the logarithms.
    assert_allclose(compander.log_a.grad, A * (pull * torch.arctan(V / B)).sum())
    assert_allclose(compander.log_b.grad, B * (pull * -A * V / (B**2 + V**2)).sum())
    assert torch.autograd.gradcheck(compander, (v,))


def test_a_step_of_a_linear_model():
    layer = torch.nn.Linear(4, 1, bias=False, dtype=torch.float64)
    add_weight_compander(layer, a=A, b=B, init="raw")
    v = layer.parametrizations.weight.original.detach().clone()
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    (((layer(ROWS)[:, 0] - TARGETS[:, 0]) ** 2).mean() / 2).backward()
    optimizer.step()
    w = A * torch.arctan(v / B)
    slope = (ROWS.T @ (ROWS @ w[0] - TARGETS[:, 0]) / 20) * A * B / (B**2 + v[0] ** 2)
    assert_allclose(layer.parametrizations.weight.original.detach(), v - 0.1 * slope)


@pytest.mark.parametrize("learnable", [False, True])
def test_a_network_is_preserved_and_folds_back(learnable):
    plain = network()
    worn = add_weight_compander(copy.deepcopy(plain), a=A, b=B, learnable=learnable)
    assert_allclose(worn(ROWS).detach(), plain(ROWS).detach(), rtol=1e-12)
    names = [name for name, _ in worn.named_parameters()]
    assert sum("log_" in name for name in names) == (4 if learnable else 0)
    before = worn(ROWS).detach()
    remove_weight_compander(worn)
    assert sorted(worn.state_dict()) == sorted(plain.state_dict())
    assert_allclose(worn(ROWS).detach(), before, rtol=1e-12)


def test_networks_that_wear_it_are_saved_by_their_state():
    worn = add_weight_compander(network(), a=A, b=B, learnable=True)
    other = add_weight_compander(network(seed=1), a=1.0, learnable=True)
    other.load_state_dict(worn.state_dict())
    assert_array_equal(other(ROWS).detach(), worn(ROWS).detach())
    assert_array_equal(copy.deepcopy(worn)(ROWS).detach(), worn(ROWS).detach())
    with pytest.raises(RuntimeError, match="only supported through state_dict"):
        pickle.dumps(worn)
    pickle.dumps(remove_weight_compander(worn))


def test_raw_weights_are_what_is_trained():
    plain = network()
    worn = add_weight_compander(copy.deepcopy(plain), a=A, b=B, init="raw")
    assert_allclose(worn[0].weight.detach(), A * torch.arctan(plain[0].weight / B).detach())


def test_a_wide_function_is_none():
    """Along the way, too: the map is the identity to first order."""
    ways = []
    for wears in (False, True):
        module = network()
        if wears:
            add_weight_compander(module, a=1e4, b=1e4)
        optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
        for _ in range(30):
            optimizer.zero_grad()
            ((module(ROWS) - TARGETS) ** 2).mean().backward()
            optimizer.step()
        ways.append(module(ROWS).detach())
    assert_allclose(ways[1], ways[0], rtol=1e-6)


def test_layers_by_type_and_others_left_alone():
    module = torch.nn.Sequential(torch.nn.Conv1d(2, 3, 2), torch.nn.LayerNorm(3))
    module.append(torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(3, 1)))
    add_weight_compander(module, layer_types=torch.nn.Conv1d)
    assert parametrize.is_parametrized(module[0])
    remove_weight_compander(module)
    assert not parametrize.is_parametrized(module[0])
    assert parametrize.is_parametrized(module[2])


def test_half_precision_and_missing_numbers():
    half = torch.tensor([1e-4, 0.2], dtype=torch.float16)
    compander = WeightCompander(A, B)
    expected = (A * torch.arctan(half.double() / B)).half()
    assert_array_equal(compander(half), expected)
    assert compander.right_inverse(half).dtype == torch.float16
    assert compander(torch.tensor([math.nan])).isnan().all()
    assert compander.right_inverse(torch.tensor([math.nan])).isnan().all()


def test_weights_out_of_reach():
    compander = WeightCompander(A, B, init_clip=True)
    with pytest.warns(UserWarning, match=r"a above 0.6366, got a=0.3: they are clipped"):
        v = compander.right_inverse(torch.tensor([1.0, 0.1], dtype=torch.float64))
    assert_allclose(compander(v), [0.99 * A * math.pi / 2, 0.1])
    # The tangent is finite just beyond the bound, too, where it belongs to another weight.
    for beyond in (1.0, 1.001, -1.9):
        w = torch.tensor([beyond * A * math.pi / 2], dtype=torch.float64)
        with pytest.raises(ValueError, match="Given weights need a compander"):
            WeightCompander(A, B).right_inverse(w)
    # Just before it, whatever the quotient is rounded to, the sign stays.
    heights = np.linspace(0.05, 2, 196)
    for a in heights.round(2):
        w = torch.tensor([np.nextafter(np.float32(a * math.pi / 2), np.float32(0))])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = WeightCompander(a, B, init_clip=True).right_inverse(w)
        assert found.item() > 0
    module = network()
    with torch.no_grad():
        module[2].weight[0, 0] = 1.0
    with pytest.raises(ValueError, match=r"Layer '2': .* a above 0.6366"):
        add_weight_compander(module, a=A)
    assert not any(parametrize.is_parametrized(layer) for layer in module)


def test_bad_input():
    for name in "ab":
        for value in (0.0, -1.0, math.nan):
            with pytest.raises(ValueError, match=f"{name} must be above 0"):
                WeightCompander(**{name: value})
    with pytest.raises(ValueError, match="init must be"):
        WeightCompander(init="zero")
    worn = add_weight_compander(network())
    with pytest.raises(ValueError, match="Layer '0' has a parametrisation"):
        add_weight_compander(worn)
