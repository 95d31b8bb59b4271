"""The same losses as a module of torch."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit, softmax

from skweight.losses import anyloss
from skweight.losses._anyloss import confusion, decisions_of_scores, parts, score_slopes
from skweight.losses._confusion_metrics import METRICS, metric_function

torch = pytest.importorskip("torch")

from skweight.losses import AnyLoss  # noqa: E402

NAMES = sorted(METRICS)
L = 73.0


def problem(n_classes, n=50, seed=0, scale=0.3):
    rng = np.random.RandomState(seed)
    y = rng.randint(n_classes, size=n) * rng.randint(2, size=n)
    y[:n_classes] = np.arange(n_classes)
    scores = scale * rng.uniform(-1, 1, size=(n, 1 if n_classes == 2 else n_classes))
    return y, scores, rng.uniform(0.5, 2, size=n)


def closed_form(y, scores, metric, weight, positive=1):
    p, soft = decisions_of_scores(scores, L)
    _, by_hits, by_columns = metric_function(metric, 1.0, positive)(
        *parts(confusion(y, soft, weight))
    )
    return -weight[:, None] * score_slopes(y, p, soft, by_hits, by_columns, L)


def specificity(tp, fn, fp, tn):
    shares = tn / (tn + fp)
    return shares if np.ndim(shares) == 0 else shares.mean()


@pytest.mark.parametrize("n_classes", [2, 3, 6])
@pytest.mark.parametrize("metric", [*NAMES, specificity])
def test_value_and_gradient_are_those_of_arrays(metric, n_classes):
    y, scores, weight = problem(n_classes)
    p = expit(scores[:, 0]) if n_classes == 2 else softmax(scores, axis=1)
    output = torch.tensor(scores, requires_grad=True)
    loss = AnyLoss(metric)(output, torch.tensor(y), weight=torch.tensor(weight))
    loss.backward()
    assert loss.shape == ()
    assert_allclose(loss.item(), anyloss(y, p, metric, sample_weight=weight), rtol=1e-12)
    expected = closed_form(y, scores, metric, weight)
    assert_allclose(output.grad.numpy(), expected, atol=1e-8 * np.abs(expected).max())


@pytest.mark.parametrize("metric", NAMES)
def test_gradient_in_the_soft_matrix_is_exact(metric):
    """By torch's own differences, through everything that is not written by hand, too."""
    y, scores, weight = problem(3, n=12)
    loss = AnyLoss(metric)
    y, weight = torch.tensor(y), torch.tensor(weight)
    output = torch.tensor(scores, requires_grad=True)
    assert torch.autograd.gradcheck(lambda z: loss(z, y, weight=weight), (output,), atol=1e-6)


@pytest.mark.parametrize("metric", ["f1", "gmean"])
def test_two_outputs_are_one(metric):
    y, scores, _ = problem(2)
    z = torch.tensor(scores)
    loss = AnyLoss(metric)
    one = loss(z, torch.tensor(y))
    swapped = AnyLoss(metric, pos_label=0)(torch.cat([z, 0 * z], dim=1), torch.tensor(1 - y))
    assert_allclose(loss(z[:, 0], torch.tensor(y, dtype=torch.float64)[:, None]), one, rtol=1e-14)
    assert_allclose(loss(torch.cat([0 * z, z], dim=1), torch.tensor(y)), one, rtol=1e-13)
    assert_allclose(swapped, one, rtol=1e-13)


@pytest.mark.parametrize("metric", NAMES)
def test_batches_of_one_class_have_finite_gradients(metric):
    for y in (torch.zeros(4, dtype=torch.long), torch.ones(4, dtype=torch.long)):
        for score in (0.0, 90.0, -90.0):
            output = torch.full((4,), score, dtype=torch.float64, requires_grad=True)
            loss = AnyLoss(metric)(output, y)
            loss.backward()
            assert loss.isfinite()
            assert output.grad.isfinite().all()


def test_single_precision():
    y, scores, weight = problem(3)
    output = torch.tensor(scores, dtype=torch.float32, requires_grad=True)
    loss = AnyLoss()(output, torch.tensor(y), weight=torch.tensor(weight, dtype=torch.float32))
    loss.backward()
    assert loss.dtype == torch.float32
    p = softmax(scores, axis=1)
    assert_allclose(loss.item(), anyloss(y, p, sample_weight=weight), rtol=1e-4)
    expected = closed_form(y, scores, "f1", weight)
    assert_allclose(output.grad.numpy(), expected, atol=1e-3 * np.abs(expected).max())


def test_a_loop_of_ones_own_learns():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(400, 2))
    y = (X[:, 0] + 0.5 * rng.normal(size=400) > 1.6).astype(int)
    X, y = torch.tensor(X), torch.tensor(y)
    net = torch.nn.Linear(2, 1, dtype=torch.float64)
    torch.nn.init.zeros_(net.weight)
    torch.nn.init.zeros_(net.bias)
    loss = AnyLoss("f1")
    optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
    values = []
    for _ in range(100):
        optimizer.zero_grad()
        value = loss(net(X), y)
        value.backward()
        optimizer.step()
        values.append(value.item())
    assert values[-1] < 0.5 * values[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric": "auc"}, "metric must be one of"),
        ({"beta": 0.5}, "beta is for metric='fbeta', got beta=0.5 with metric='f1'"),
        ({"metric": "fbeta", "beta": -1}, "beta must be a finite number of at least 0"),
        ({"amplification": -3.0}, "amplification must be a finite number above 0"),
        ({"pos_label": "yes"}, "pos_label must be 0 or 1, got 'yes'"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        AnyLoss(**options)
