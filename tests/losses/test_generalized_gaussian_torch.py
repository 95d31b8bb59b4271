"""Generalised Gaussian likelihood as a module of torch, against its twin of arrays."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

torch = pytest.importorskip("torch")

from skweight.losses import (  # noqa: E402
    GeneralizedGaussianNLL,
    batch_inverse_error_variance_weights,
    ggd_nll,
)
from skweight.losses import _generalized_gaussian_torch as twins  # noqa: E402


def problem(n=12, members=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.rand(n, 3, members, generator=generator, dtype=torch.float64)
    output = torch.stack([drawn[:, 0], 0.2 + drawn[:, 1], 0.3 + 3 * drawn[:, 2]], dim=1)
    target = torch.randn(n, generator=generator, dtype=torch.float64)
    return output.requires_grad_(), target


def test_one_member_is_the_function_of_arrays():
    output, target = problem(members=1)
    losses = GeneralizedGaussianNLL(reduction="none")(output[:, :, 0], target)
    loc, scale, shape = output.detach().numpy()[:, :, 0].T
    assert_allclose(losses.detach().numpy(), ggd_nll(target.numpy() - loc, scale, shape), 1e-12)


@pytest.mark.parametrize("risk_averse", [True, False])
def test_members_are_averaged(risk_averse):
    output, target = problem()
    loc, scale, shape = output.detach().numpy().transpose(1, 0, 2)
    losses = ggd_nll(target.numpy()[:, None] - loc, scale, shape)
    expected = np.average(losses, axis=1, weights=shape if risk_averse else None)
    loss = GeneralizedGaussianNLL(risk_averse, reduction="none")(output, target)
    assert_allclose(loss.detach().numpy(), expected, rtol=1e-12)


def test_equal_shapes_average_plainly():
    output, target = problem()
    output = output.detach()
    output[:, 2] = 1.4
    losses = [GeneralizedGaussianNLL(averse)(output, target) for averse in (True, False)]
    assert_allclose(*losses, rtol=1e-14)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_weights_equal_repetition(reduction):
    output, target = problem()
    counts = torch.tensor([0, 1, 2, 3] * 3)
    loss = GeneralizedGaussianNLL(reduction=reduction)
    weighted = loss(output, target, counts.double())
    repeated = loss(output.repeat_interleave(counts, 0), target.repeat_interleave(counts))
    assert_allclose(weighted.item(), repeated.item(), rtol=1e-13)


def test_gradients_are_those_of_the_loss():
    output, target = problem(n=4)
    assert torch.autograd.gradcheck(lambda o: GeneralizedGaussianNLL()(o, target), [output])


def test_detached_weights_are_constants():
    output, target = problem(n=4)
    constant = output[:, 2].detach()

    def by_hand(output):
        losses = twins.ggd_nll(target[:, None] - output[:, 0], output[:, 1], output[:, 2])
        return ((constant * losses).sum(1) / constant.sum(1)).mean()

    loss = GeneralizedGaussianNLL(detach_weights=True)(output, target)
    (found,) = torch.autograd.grad(loss, output)
    (expected,) = torch.autograd.grad(by_hand(output), output)
    assert_allclose(found.numpy(), expected.numpy(), rtol=1e-12)
    (free,) = torch.autograd.grad(GeneralizedGaussianNLL()(output, target), output)
    assert abs(free - found)[:, 2].max() > 1e-3


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [0.2, 0.9, 1.0, 4.0])
def test_rows_that_are_fitted_exactly_have_finite_gradients(shape, dtype):
    output = torch.tensor([[0.0, 1.0, shape], [1e-20, 1.0, shape]], dtype=dtype)
    output.requires_grad_()
    loss = GeneralizedGaussianNLL()(output, torch.zeros(2, dtype=dtype))
    loss.backward()
    assert loss.isfinite()
    assert output.grad.isfinite().all()
    assert_allclose(loss.item(), ggd_nll(0.0, 1.0, shape), rtol=1e-6)


@pytest.mark.parametrize("weighted", [True, False])
def test_weights_of_rows_are_those_of_arrays(weighted):
    errors = torch.randn(40, 5, generator=torch.Generator().manual_seed(0), requires_grad=True)
    weight = torch.arange(40.0) if weighted else None
    found = twins.batch_inverse_error_variance_weights(errors, sample_weight=weight)
    expected = batch_inverse_error_variance_weights(errors.detach(), sample_weight=weight)
    assert found.dtype == torch.float32
    assert not found.requires_grad
    assert_allclose(found.numpy(), expected, rtol=1e-6)


def test_what_is_refused():
    with pytest.raises(ValueError, match="reduction must be one of"):
        GeneralizedGaussianNLL(reduction="median")
    with pytest.raises(ValueError, match="output must hold locations, scales and shapes"):
        GeneralizedGaussianNLL()(torch.ones(4, 2), torch.ones(4))
