"""A student that is a network."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_wine
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import scale

from skweight.distillation import DistilledClassifier
from skweight.distillation._distilled_losses import array_loss, loss_targets

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from skweight.distillation._distilled_torch import tensor_loss  # noqa: E402

NET = {"hidden_layer_sizes": (8,), "learning_rate_init": 0.02, "max_iter": 30, "random_state": 0}


def wine():
    X, y = load_wine(return_X_y=True)
    return scale(X), np.array(["a", "b", "c"])[y]


@pytest.mark.filterwarnings("ignore:The loss still fell")
@pytest.mark.parametrize("loss", ["plackett_luce", "kl", "cross_entropy"])
def test_learns_and_pickles(loss):
    X, y = wine()
    student = DistilledClassifier(GaussianNB(), loss=loss, temperature=2.0, **NET).fit(X, y)
    assert student.score(X, y) > 0.95
    assert student.loss_curve_[-1] < student.loss_curve_[0]
    assert len(student.loss_curve_) == student.n_iter_
    assert not hasattr(student, "coef_")
    copy = pickle.loads(pickle.dumps(student))
    assert (copy.predict_proba(X) == student.predict_proba(X)).all()
    assert_allclose(student.predict_proba(X).sum(axis=1), 1, rtol=1e-12)


@pytest.mark.parametrize("loss", ["plackett_luce", "kl", "cross_entropy"])
def test_losses_are_those_of_arrays(loss):
    rng = np.random.RandomState(0)
    scores, logits = 2 * rng.standard_normal((2, 8, 4))
    targets = loss_targets(loss, logits, rng.randint(4, size=8), 2.0)
    losses, gradient = array_loss(loss, scores, targets, 2.0, 0.3)
    output = torch.tensor(scores, requires_grad=True)
    tensors = [torch.tensor(part) for part in targets]
    function = tensor_loss(loss, 2.0, 0.3)
    found = function(output, *tensors, reduction="none")
    found.sum().backward()
    assert_allclose(found.detach(), losses, rtol=1e-12)
    assert_allclose(output.grad, gradient, atol=1e-13)
    assert_allclose(function(output, *tensors, reduction="mean").item(), losses.mean(), rtol=1e-12)


@pytest.mark.filterwarnings("ignore:The loss still fell")
def test_a_network_without_hidden_layers_nears_the_linear_student():
    X, y = wine()
    teacher = GaussianNB(var_smoothing=1.0)
    linear = DistilledClassifier(teacher, alpha=1.0, tol=1e-8).fit(X, y)

    def layer(n_in, n_out, *, generator, dtype):
        layer = torch.nn.Linear(n_in, n_out, dtype=dtype)
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
        return layer

    net = DistilledClassifier(
        teacher,
        alpha=1.0,
        module=layer,
        batch_size=None,
        learning_rate_init=0.05,
        max_iter=400,
        n_iter_no_change=400,
        random_state=0,
    ).fit(X, y)
    assert_allclose(net.loss_curve_[-1], linear.loss_curve_[-1], atol=1e-5)
    assert net.loss_curve_[-1] > linear.loss_curve_[-1] - 1e-9
    assert_allclose(net.predict_proba(X), linear.predict_proba(X), atol=5e-3)


@pytest.mark.filterwarnings("ignore:The loss still fell")
def test_early_stopping_and_float32():
    X, y = wine()
    student = DistilledClassifier(
        GaussianNB(), early_stopping=True, dtype="float32", batch_size=30, **NET
    ).fit(X.astype(np.float32), y)
    assert len(student.net_.validation_scores_) == student.n_iter_
    assert student.predict_proba(X).dtype == np.float64
    assert next(student.net_.module_.parameters()).dtype == torch.float32


@pytest.mark.filterwarnings("ignore:The loss still fell")
def test_nothing_of_the_rows_is_kept():
    X, y = wine()
    sizes = []
    for n in (1, 5):
        student = DistilledClassifier(GaussianNB(), **{**NET, "max_iter": 2})
        sizes.append(len(pickle.dumps(student.fit(np.tile(X, (n, 1)), np.tile(y, n)))))
    assert abs(sizes[0] - sizes[1]) < 200


def test_torch_is_missed_before_the_teacher_takes_its_time(monkeypatch):
    X, y = wine()
    asked = []

    def missing(package, purpose):
        raise ImportError(f"{purpose} needs {package}")

    class Teacher(GaussianNB):
        def fit(self, X, y, sample_weight=None):
            asked.append(len(X))
            return super().fit(X, y, sample_weight)

    monkeypatch.setattr("skweight.neural._base.import_optional", missing)
    with pytest.raises(ImportError, match=r"DistilledClassifier\.fit needs torch"):
        DistilledClassifier(Teacher(), **NET).fit(X, y)
    assert not asked
    DistilledClassifier(Teacher()).fit(X, y)  # a linear student has no need of it
    assert len(asked) == 6
