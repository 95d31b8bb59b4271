"""The loss of a teacher's order of the classes as a module of torch."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skweight.losses import plackett_luce_distillation_loss

torch = pytest.importorskip("torch")

from skweight.losses import PlackettLuceDistillationLoss  # noqa: E402

KINDS = ["teacher", "uniform", "first", (4.0, 2.0, 1.0, 0.0, 0.5)]


def problem(n=12, n_classes=5, seed=0):
    rng = np.random.RandomState(seed)
    s, t = 3 * rng.standard_normal((2, n, n_classes))
    return s, t, rng.randint(n_classes, size=n), rng.uniform(0.5, 2, size=n)


@pytest.mark.parametrize("kind", KINDS)
def test_equals_that_of_arrays(kind):
    s, t, y, weight = problem()
    t[:, 4] = t[:, 0]  # ties
    options = {"teacher_temperature": 2.0, "position_weights": kind}
    for reduction in ("mean", "sum"):
        value, slope = plackett_luce_distillation_loss(
            s, t, y, sample_weight=weight, reduction=reduction, return_grad=True, **options
        )
        scores = torch.tensor(s, requires_grad=True)
        loss = PlackettLuceDistillationLoss(reduction=reduction, **options)
        found = loss(scores, (torch.tensor(t), torch.tensor(y)), weight=torch.tensor(weight))
        found.backward()
        assert_allclose(found.item(), value, rtol=1e-12)
        assert_allclose(scores.grad.numpy(), slope, atol=1e-13)
    each = PlackettLuceDistillationLoss(reduction="none", **options)
    expected = plackett_luce_distillation_loss(s, t, y, reduction="none", **options)
    assert_allclose(each(torch.tensor(s), (torch.tensor(t), torch.tensor(y))), expected, rtol=1e-12)


def test_equals_autograd_of_plain_arithmetic():
    s, t, y, _ = problem(seed=1)
    scores, teacher, true = torch.tensor(s, requires_grad=True), torch.tensor(t), torch.tensor(y)
    loss = PlackettLuceDistillationLoss()(scores, (teacher, true))
    loss.backward()
    plain = torch.tensor(s, requires_grad=True)
    total = 0.0
    for row, of_teacher, first in zip(plain, teacher, true):
        others = [j for j in of_teacher.argsort(descending=True) if j != first]
        order = torch.stack([first, *others])
        trust = torch.softmax(of_teacher, 0)[order]
        ranked = row[order]
        left = torch.stack([torch.logsumexp(ranked[k:], 0) for k in range(5)])
        total = total + (trust * (left - ranked)).sum() / len(plain)
    total.backward()
    assert_allclose(loss.item(), total.item(), rtol=1e-12)
    assert_allclose(scores.grad, plain.grad, atol=1e-13)


def test_extreme_logits_and_no_gradient_to_the_teacher():
    s, t, y, _ = problem()
    t[:, 0] = -1e9
    teacher = torch.tensor(t, requires_grad=True)
    for dtype in (torch.float32, torch.float64):
        scores = torch.tensor(1e3 * s, dtype=dtype, requires_grad=True)
        loss = PlackettLuceDistillationLoss()(scores, (teacher, torch.tensor(y)))
        loss.backward()
        assert loss.dtype == dtype
        assert torch.isfinite(loss)
        assert torch.isfinite(scores.grad).all()
        assert teacher.grad is None


def test_a_criterion_of_skorch():
    skorch = pytest.importorskip("skorch")
    s, t, y, _ = problem(n=20)

    class Rows(torch.utils.data.Dataset):
        def __len__(self):
            return len(s)

        def __getitem__(self, i):
            return s[i].astype(np.float32), (t[i].astype(np.float32), y[i])

    net = skorch.NeuralNet(
        torch.nn.Linear(5, 5),
        PlackettLuceDistillationLoss,
        criterion__teacher_temperature=2.0,
        train_split=None,
        max_epochs=5,
        lr=0.1,
        verbose=0,
    )
    losses = net.fit(Rows(), None).history[:, "train_loss"]
    assert losses[-1] < losses[0]


def test_errors_name_what_is_wrong():
    s, t, y, _ = problem()
    s, t, y = torch.tensor(s), torch.tensor(t), torch.tensor(y)
    for options, message in (
        ({"teacher_temperature": -1.0}, "teacher_temperature"),
        ({"position_weights": "last"}, "position_weights"),
        ({"reduction": "all"}, "reduction"),
    ):
        with pytest.raises(ValueError, match=message):
            PlackettLuceDistillationLoss(**options)
    with pytest.raises(ValueError, match="one shape"):
        PlackettLuceDistillationLoss()(s, (t[:, :4], y))
    with pytest.raises(ValueError, match="for each class"):
        PlackettLuceDistillationLoss(position_weights=[1.0])(s, (t, y))
