"""Networks whose classes arrive over time."""

import pickle

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix
from scipy.special import log_softmax, softmax
from sklearn.base import clone
from torch.nn import functional
from transfer_cases import SMALL, problem, tasks

from skweight.transfer import WeightAlignedClassifier
from skweight.transfer._weight_aligned_torch import GrowingMLP, distilled_cross_entropy

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def head_of(model):
    return model.module_.head.weight.detach().numpy().copy()


def test_the_loss_by_hand():
    rng = np.random.default_rng(0)
    output, before = rng.normal(size=(6, 5)), rng.normal(size=(6, 3))
    places, T = rng.integers(0, 5, size=6), 3.0
    teacher = softmax(before / T, axis=1)
    labels = -log_softmax(output, axis=1)[np.arange(6), places]
    old = -(teacher * log_softmax(output[:, :3] / T, axis=1)).sum(axis=1)
    arguments = [torch.as_tensor(part) for part in (output, places, teacher)]
    found = distilled_cross_entropy(*arguments, temperature=T, reduction="none")
    assert_allclose(found, 0.4 * labels + 0.6 * old, rtol=1e-12)
    # With no new class labels and the old network count the same.
    arguments[0] = arguments[0][:, :3]
    arguments[1] = arguments[1] % 3
    found = distilled_cross_entropy(*arguments, temperature=T, reduction="none")
    of_labels = functional.cross_entropy(*arguments[:2], reduction="none")
    of_old = -(teacher * log_softmax(output[:, :3] / T, axis=1)).sum(axis=1)
    assert_allclose(found, 0.5 * of_labels + 0.5 * torch.as_tensor(of_old), rtol=1e-12)


def test_nothing_pulls_at_outputs_that_agree_with_the_older_network():
    before = torch.randn(6, 3, generator=torch.Generator().manual_seed(0), dtype=torch.double)
    output = before.clone().requires_grad_()
    teacher = torch.softmax(before / 2, dim=1)
    functional.cross_entropy(output / 2, teacher).backward()
    assert_allclose(output.grad, np.zeros((6, 3)), atol=1e-16)


def test_alignment_against_the_same_fit_without():
    X, y = problem()
    pairs = [[0, 1], [2, 3]]
    plain = tasks(WeightAlignedClassifier(align=False, **SMALL), X, y, pairs)
    model = tasks(WeightAlignedClassifier(**SMALL), X, y, pairs)
    gamma = model.gamma_history_[1]
    assert plain.gamma_history_ == [1.0, 1.0]
    assert gamma != 1.0
    assert_array_equal(head_of(model)[:2], head_of(plain)[:2])
    assert_allclose(head_of(model)[2:], gamma * head_of(plain)[2:], rtol=1e-14)
    norms = np.linalg.norm(head_of(model), axis=1)
    assert_allclose(model.weight_norms_, norms, rtol=1e-14)
    assert_allclose(norms[2:].mean(), norms[:2].mean(), rtol=1e-14)
    scores, before = model.decision_function(X), plain.decision_function(X)
    assert_allclose(scores[:, 2:], gamma * before[:, 2:], rtol=1e-12)
    assert_allclose(scores[:, :2], before[:, :2], rtol=1e-12)


@pytest.mark.parametrize("clip", [True, False])
def test_weights_are_clipped_in_every_epoch(clip):
    seen = []

    class Watching(WeightAlignedClassifier):
        def _after_epoch(self, epoch, rows):
            seen.append(head_of(self).min())
            return False

    X, y = problem()
    tasks(Watching(**SMALL, clip_weights=clip), X, y, [[0, 1], [2, 3]])
    assert len(seen) == 10
    assert bool(min(seen) >= 0) is clip


@pytest.mark.parametrize("class_weight", [None, {0: 1, 1: 5}, "balanced"])
def test_what_comes_first_is_a_fit(class_weight):
    X, y = problem(2)
    kept = (y == 0) | (np.arange(len(y)) % 3 == 0)  # classes of different sizes
    X, y = X[kept], y[kept]
    model = WeightAlignedClassifier(**SMALL, class_weight=class_weight)
    once = clone(model).fit(X, y)
    assert_array_equal(once.predict_proba(X), clone(model).partial_fit(X, y).predict_proba(X))
    assert once.gamma_history_ == [1.0]
    # A fit forgets all tasks.
    tasks(once, X + 1, y + 2, [[2, 3]])
    assert_array_equal(once.fit(X, y).predict_proba(X), clone(model).fit(X, y).predict_proba(X))
    assert once.n_tasks_ == 1


def test_a_task_begins_with_the_old_network():
    X, y = problem()
    model = tasks(WeightAlignedClassifier(**SMALL), X, y, [[0, 1]])
    features = model.module_.features[0].weight.detach().clone()
    head = head_of(model)
    options = {"hidden_layer_sizes": (8,), "activation": "relu", "dtype": torch.double}
    grown = GrowingMLP(5, 4, False, True, **options, generator=torch.Generator().manual_seed(0))
    grown.take_over(model.module_)
    assert_array_equal(grown.features[0].weight.detach(), features)
    assert_array_equal(grown.head.weight[:2].detach(), head)
    assert grown.head.weight.min() >= 0
    assert grown.head.weight[2:].max() > 0


def test_classes_in_the_order_of_arrival():
    X, y = problem()
    names = np.array(["d", "b", "c", "a"])[y]
    model = tasks(WeightAlignedClassifier(**SMALL), X, names, [["d", "b"], ["a"], ["c"]])
    assert model.class_order_.tolist() == ["b", "d", "a", "c"]
    assert model.classes_.tolist() == ["a", "b", "c", "d"]
    outputs = model._outputs(X)
    assert_array_equal(model.decision_function(X), outputs[:, [2, 0, 3, 1]])
    assert_array_equal(model.predict(X), model.class_order_[outputs.argmax(axis=1)])
    assert_allclose(model.predict_proba(X).sum(axis=1), 1.0, rtol=1e-12)


def test_declared_classes_have_no_probability_before_they_come():
    X, y = problem()
    model = tasks(WeightAlignedClassifier(**SMALL), X, y, [[1]], classes=[0, 1, 2])
    assert_array_equal(model.predict_proba(X), np.eye(3)[np.ones(len(X), dtype=int)])
    tasks(model, X, y, [[2]])
    assert model.classes_.tolist() == [0, 1, 2]
    assert_array_equal(model.predict_proba(X)[:, 0], 0.0)
    assert_array_equal(model.decision_function(X)[:, 0], -np.inf)
    before = model.predict_proba(X)
    with pytest.raises(ValueError, match=r"labels that are not in classes: \[3\]"):
        tasks(model, X, y, [[0, 3]])
    # A task that failed left nothing behind.
    assert model.n_tasks_ == 2
    assert_array_equal(model.predict_proba(X), before)
    with pytest.raises(ValueError, match="must be those of the first call"):
        tasks(model, X, y, [[0]], classes=[0, 1])


def test_a_task_that_fails_in_training_leaves_the_model():
    X, y = problem()
    model = tasks(WeightAlignedClassifier(**SMALL), X, y, [[0, 1]])
    before = pickle.dumps(model.predict_proba(X))
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        tasks(model.set_params(hidden_layer_sizes=(4,)), X, y, [[2, 3]])
    assert pickle.dumps(model.predict_proba(X)) == before
    assert model.classes_.tolist() == [0, 1]


def test_one_class():
    X, y = problem()
    with pytest.raises(ValueError, match=r"at least 2 classes.*1 class"):
        tasks(WeightAlignedClassifier(**SMALL), X, y, [[0]])
    model = tasks(WeightAlignedClassifier(**SMALL), X, y, [[0, 1], [2]])
    assert model.n_tasks_ == 2


@pytest.mark.parametrize("wrong", [{"activation": "tanh"}, {"hidden_layer_sizes": ()}], ids=str)
def test_clipping_wants_features_above_0(wrong):
    X, y = problem(2)
    with pytest.raises(ValueError, match="clip_weights=True wants"):
        WeightAlignedClassifier(**{**SMALL, **wrong}).fit(X, y)
    WeightAlignedClassifier(**{**SMALL, **wrong}, clip_weights=False).fit(X, y)


@pytest.mark.parametrize("selection", ["herding", "random"])
def test_memory_of_so_many_rows_a_class(selection):
    X, y = problem()
    model = WeightAlignedClassifier(**SMALL, exemplar_selection=selection)
    tasks(model, X, y, [[0, 1], [2], [3]])
    kept, labels = model.exemplars_
    assert kept.dtype == np.float32
    assert_array_equal(labels, np.repeat([0, 1, 2, 3], 3))
    for row, label in zip(kept, labels):
        assert (X[y == label].astype(np.float32) == row).all(axis=1).any()
    assert len(np.unique(kept, axis=0)) == 12


def test_memory_of_a_size_drops_what_was_chosen_last():
    X, y = problem()
    model = WeightAlignedClassifier(**SMALL, memory_size=10)
    tasks(model, X, y, [[0, 1]])
    before = model.exemplars_[0]
    assert len(before) == 10
    tasks(model, X, y, [[2], [3]])
    kept, labels = model.exemplars_
    assert_array_equal(labels, np.repeat([0, 1, 2, 3], 2))
    assert_array_equal(kept[:2], before[:2])
    assert_array_equal(kept[2:4], before[5:7])


def test_without_memory():
    X, y = problem()
    model = tasks(
        WeightAlignedClassifier(**{**SMALL, "memory_per_class": 0}), X, y, [[0, 1], [2, 3]]
    )
    assert model.exemplars_[0].shape == (0, 5)
    assert model.t_ == 24 * 5


def test_old_classes_alone_align_nothing():
    X, y = problem(2)
    model = tasks(WeightAlignedClassifier(**SMALL), X, y, [[0, 1], [0]])
    assert model.gamma_history_ == [1.0, 1.0]
    assert model.n_tasks_ == 2
    assert_array_equal(model.exemplars_[1], [0, 0, 0, 1, 1, 1])


def test_weights_equal_repetition_in_the_first_task_alone():
    X, y = problem(2)
    weight = np.random.default_rng(0).integers(0, 4, size=len(y))
    model = WeightAlignedClassifier(**SMALL)
    weighted = clone(model).partial_fit(X, y, sample_weight=weight)
    repeated = clone(model).partial_fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-9)


def test_weights_of_later_tasks_count_in_both_parts_of_the_loss():
    X, y = problem()
    model = {**SMALL, "memory_per_class": 0}
    first = tasks(WeightAlignedClassifier(**model), X, y, [[0, 1]])
    later, weight = y > 1, np.random.default_rng(0).integers(1, 4, size=24)
    weighted = pickle.loads(pickle.dumps(first))
    weighted.partial_fit(X[later], y[later], sample_weight=weight)
    first.partial_fit(np.repeat(X[later], weight, axis=0), np.repeat(y[later], weight))
    assert_allclose(weighted.predict_proba(X), first.predict_proba(X), rtol=1e-9)


def test_a_pickle_goes_on_as_the_model_does():
    X, y = problem()
    model = tasks(WeightAlignedClassifier(**SMALL), X, y, [[0, 1]])
    copy = pickle.loads(pickle.dumps(model))
    for each in (model, copy):
        tasks(each, X, y, [[2, 3]])
    assert_array_equal(copy.predict_proba(X), model.predict_proba(X))


def test_sparse_rows():
    X, y = problem()
    X = X.astype(np.float32).astype(float)  # as the rows that are kept
    pairs = [[0, 1], [2, 3]]
    dense = tasks(WeightAlignedClassifier(**SMALL), X, y, pairs)
    model = tasks(WeightAlignedClassifier(**SMALL), csr_matrix(X), y, pairs)
    assert_allclose(model.predict_proba(csr_matrix(X)), dense.predict_proba(X), rtol=1e-9)


def test_new_weights_that_are_all_clipped_are_not_aligned():
    class Dead(WeightAlignedClassifier):
        def _after_epoch(self, epoch, rows):
            with torch.no_grad():
                self.module_.head.weight[2:] = 0
            return False

    X, y = problem()
    model = tasks(Dead(**SMALL), X, y, [[0, 1]])
    with pytest.warns(UserWarning, match="nothing to align"):
        tasks(model, X, y, [[2, 3]])
    assert model.gamma_history_ == [1.0, 1.0]


def test_digits_in_two_tasks():
    """The smallest case in which forgetting, crowding out and the remedies show."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    X, y = X[y < 4][:240] / 16, y[y < 4][:240]
    options = {"hidden_layer_sizes": (32,), "memory_per_class": 2, "random_state": 0}
    pairs = [[0, 1], [2, 3]]
    found = [
        tasks(WeightAlignedClassifier(**options, **arm), X, y, pairs).predict(X)
        for arm in ({"align": False, "distillation": False, "clip_weights": False}, {})
    ]
    called_new = [(labels[y < 2] > 1).mean() for labels in found]
    assert called_new[1] < called_new[0]
