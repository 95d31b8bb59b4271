"""The criterion of which every batch is weighted by its own losses."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from skweight.losses import LossReweightedCriterion  # noqa: E402
from skweight.reweighting import loss_based_weights  # noqa: E402

TARGET = torch.tensor([0.0, 0.5, 1.0, 2.0, 4.0], dtype=torch.float64)


def test_tensors_get_the_weights_of_arrays():
    s = torch.tensor([1.0, 0.0, 2.0, 1.0, 1.0])
    for strategy in ("linupper", "quadratic", "extremes", "upper", "uniform"):
        found = loss_based_weights(TARGET, strategy, 0.3, sample_weight=s)
        expected = loss_based_weights(TARGET.numpy(), strategy, 0.3, sample_weight=s.numpy())
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-14)


def test_the_gradient_takes_weights_for_constants():
    output = torch.zeros(5, dtype=torch.float64, requires_grad=True)
    loss = LossReweightedCriterion(torch.nn.MSELoss(reduction="none"), temperature=0.4)
    loss(output, TARGET).backward()
    w = loss_based_weights(TARGET.numpy() ** 2, temperature=0.4, sum_to=1)
    np.testing.assert_allclose(output.grad.numpy(), -2 * w * TARGET.numpy(), rtol=1e-12)


def test_weights_of_rows_are_repeated_rows():
    loss = LossReweightedCriterion(torch.nn.L1Loss(reduction="none"))
    s = torch.tensor([1, 3, 0, 2, 1])
    weighted = loss(torch.zeros(5), TARGET, weight=s.double())
    repeated = TARGET.repeat_interleave(s)
    assert weighted.item() == pytest.approx(loss(torch.zeros(len(repeated)), repeated).item())


def test_only_training_batches_after_the_burn_in_are_reweighted():
    loss = LossReweightedCriterion(torch.nn.L1Loss(reduction="none"), burn_in=2)
    plain = TARGET.mean().item()
    assert loss.eval()(torch.zeros(5), TARGET).item() == plain
    loss.train()
    values = [loss(torch.zeros(5), TARGET).item() for _ in range(3)]
    assert values[:2] == pytest.approx([plain, plain])
    assert values[2] > plain
    again = LossReweightedCriterion(torch.nn.L1Loss(reduction="none"), burn_in=2)
    again.load_state_dict(loss.state_dict())
    assert again(torch.zeros(5), TARGET).item() == values[2]


def test_a_loss_that_is_one_number_is_refused():
    with pytest.raises(ValueError, match="reduction='none'"):
        LossReweightedCriterion(torch.nn.MSELoss())(torch.zeros(5), TARGET)
