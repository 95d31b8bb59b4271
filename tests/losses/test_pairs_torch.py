"""Losses of pairs as modules of torch: values by loops, gradients by the weights of arrays."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import logsumexp

from skweight.losses._pair_options import PAIR_LOSSES
from skweight.representation import multi_similarity_loss, pair_weights

torch = pytest.importorskip("torch")

from skweight.losses import GeneralPairWeighting, MultiSimilarityLoss  # noqa: E402

LAM, EPS = 0.5, 0.1


def problem(seed=0, n=12):
    E, y = np.random.default_rng(seed).normal(size=(n, 5)), np.repeat(np.arange(3), n // 3)
    y[-1] = 9  # a class of one row
    return E, y


def unit(E):
    return E / np.linalg.norm(E, axis=1, keepdims=True)


def value_by_loops(loss, S, y):
    total = 0.0
    for i in range(len(y)):
        far = S[i, [j for j in range(len(y)) if j != i and y[j] == y[i]]]
        near = S[i, y != y[i]]
        if loss == "contrastive":
            total += (1 - far).sum() + np.maximum(0, near - LAM).sum()
        elif loss == "triplet":
            total += sum(max(0, b - a + EPS) for a, b in itertools.product(far, near))
        elif loss == "lifted" and len(far):
            total += max(0, logsumexp(LAM - far) + logsumexp(near - LAM))
        elif loss == "binomial":
            total += np.log1p(np.exp(-2 * (far - LAM))).mean() if len(far) else 0.0
            total += np.log1p(np.exp(50 * (near - LAM))).mean()
    return total / len(y)


@pytest.mark.parametrize("mining", [True, False])
def test_the_multi_similarity_loss_is_that_of_arrays(mining):
    E, y = problem()
    for loss in (MultiSimilarityLoss(mining=mining), GeneralPairWeighting(mining=mining)):
        found = loss(torch.tensor(3 * E), torch.tensor(y)).item()
        assert found == pytest.approx(multi_similarity_loss(E, y, mining=mining), rel=1e-14)


@pytest.mark.parametrize("loss", [name for name in PAIR_LOSSES if name != "multi_similarity"])
def test_values_by_loops(loss):
    for seed in range(3):
        E, y = problem(seed)
        found = GeneralPairWeighting(loss)(torch.tensor(E), torch.tensor(y)).item()
        S = unit(E) @ unit(E).T
        assert found == pytest.approx(value_by_loops(loss, S, y), rel=1e-12)


@pytest.mark.parametrize("mining", [True, False])
@pytest.mark.parametrize("loss", PAIR_LOSSES)
def test_gradients_are_those_of_the_weighted_sum(loss, mining):
    """The paper's view: any loss has the gradient of a sum of similarities, with its weights."""
    E, y = problem(1)
    weights = pair_weights(unit(E) @ unit(E).T, y, loss, mining=mining)

    def gradient(what):
        output = torch.tensor(E, requires_grad=True)
        GeneralPairWeighting(what, mining=mining)(output, torch.tensor(y)).backward()
        return output.grad.numpy()

    expected = gradient(loss)
    assert np.abs(expected).max() > 1e-3
    surrogate = gradient(lambda S, positive, negative: torch.tensor(weights))
    assert_allclose(surrogate, expected, atol=1e-10 * np.abs(expected).max())


@pytest.mark.parametrize("loss", PAIR_LOSSES)
def test_gradients_by_torchs_own_differences(loss):
    E, y = problem(2)
    module, target = GeneralPairWeighting(loss), torch.tensor(y)
    output = torch.tensor(E, requires_grad=True)
    assert torch.autograd.gradcheck(lambda output: module(output, target), output)


def test_classes_apart_cost_nothing():
    output = torch.eye(3, dtype=torch.float64).repeat_interleave(2, dim=0).requires_grad_()
    loss = MultiSimilarityLoss()(output, torch.tensor([0, 0, 1, 1, 2, 2]))
    loss.backward()
    assert loss.item() == 0.0
    assert not output.grad.any()


@pytest.mark.parametrize("y", [[0, 0, 1, 1], [0, 0, 0, 0], [0, 1, 2, 3], [0, 0, 1, 2]])
@pytest.mark.parametrize("loss", PAIR_LOSSES)
@pytest.mark.parametrize("rows", ["equal", "zero"])
def test_single_precision_stays_finite(loss, y, rows):
    output = torch.ones(4, 3) if rows == "equal" else torch.zeros(4, 3)
    output.requires_grad_()
    for mining in (True, False):
        value = GeneralPairWeighting(loss, mining=mining)(output, torch.tensor(y))
        value.backward()
        assert torch.isfinite(value)
        assert torch.isfinite(output.grad).all()


@pytest.mark.parametrize("loss", PAIR_LOSSES)
def test_a_row_is_no_positive_pair_with_itself(loss):
    """One drawn twice makes no pair; equal ones that are different rows do."""
    E, y = problem(3)
    output, target = torch.tensor(E[[0, 0, 4, 8]]), torch.tensor(y[[0, 0, 4, 8]])
    module = GeneralPairWeighting(loss, mining=False)
    drawn = module(output, target, rows=torch.tensor([0, 0, 4, 8])).item()
    pair = module(output, target).item() - drawn
    # Two of four rows gain a similarity of 1.
    gains = {"multi_similarity": np.log1p(np.exp(-1)) / 2, "binomial": np.log1p(np.exp(-1))}
    if loss in ("triplet", "lifted"):
        assert drawn == 0.0
    else:
        assert pair == pytest.approx(gains.get(loss, 0.0) / 2, abs=1e-15)


def test_they_agree_with_pytorch_metric_learning():
    losses = pytest.importorskip("pytorch_metric_learning.losses")
    miners = pytest.importorskip("pytorch_metric_learning.miners")
    theirs = losses.MultiSimilarityLoss(alpha=2, beta=50, base=0.5)
    miner = miners.MultiSimilarityMiner(epsilon=0.1)
    for seed in range(10):
        E, y = (torch.tensor(part) for part in problem(seed))
        assert MultiSimilarityLoss(mining=False)(E, y).item() == pytest.approx(
            theirs(E, y).item(), rel=1e-13
        )
        assert MultiSimilarityLoss()(E, y).item() == pytest.approx(
            theirs(E, y, miner(E, y)).item(), rel=1e-13
        )


@pytest.mark.parametrize("loss", ["hinge", None, 1])
def test_unknown_losses_are_refused(loss):
    with pytest.raises(ValueError, match="loss must be one of"):
        GeneralPairWeighting(loss)
