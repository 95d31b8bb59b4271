"""Batches with several rows of each of several classes."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skweight.representation import BalancedBatchSampler


def labels(sizes=(30, 12, 7, 3, 2), seed=0):
    return np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))


def test_a_batch_has_so_many_rows_of_so_many_classes():
    y = labels()
    sampler = BalancedBatchSampler(y, 3, 4, random_state=0)
    assert len(sampler) == sampler.n_batches_ == 5  # 54 rows in batches of 12
    batches = list(sampler)
    assert len(batches) == 5
    for batch in batches:
        found, counts = np.unique(y[batch], return_counts=True)
        assert len(found) == 3
        assert_array_equal(counts, 4)
        for k in found:
            # No row comes twice where the class has enough, and none more often than it must.
            rows = np.array(batch)[y[batch] == k]
            most = np.unique(rows, return_counts=True)[1].max()
            assert most == -(-4 // min(4, (y == k).sum()))


def test_rows_of_a_class_are_used_up_before_they_come_again():
    y = labels((20, 20))
    batches = list(BalancedBatchSampler(y, 2, 5, random_state=0))
    assert_array_equal(np.sort(np.concatenate(batches)), np.arange(40))


def test_classes_are_drawn_alike():
    y = labels((200, 20, 20, 20))
    sampler = BalancedBatchSampler(y, 2, 2, random_state=0)
    drawn = np.concatenate([y[batch] for _ in range(5) for batch in sampler])
    shares = np.bincount(drawn) / len(drawn)
    assert np.abs(shares - 0.25).max() < 0.04


def test_rows_that_are_alone_come_once_in_a_pass():
    y = np.concatenate([np.repeat([0, 1], 20), np.arange(2, 9)])
    batches = list(BalancedBatchSampler(y, 2, 5, random_state=0))
    dealt = np.concatenate(batches)
    assert_array_equal(np.sort(dealt[y[dealt] > 1]), np.flatnonzero(y > 1))
    assert max(map(len, batches)) <= 12


def test_all_rows_in_their_order_where_there_is_room():
    y = labels()
    for options in ({"n_per_class": 11}, {"n_classes_per_batch": 2, "n_per_class": 27}):
        assert list(BalancedBatchSampler(y, **options)) == [list(range(len(y)))]


def test_sixteen_classes_by_default():
    y = labels((9,) * 20)
    (first, *_) = BalancedBatchSampler(y, random_state=0)
    assert len(np.unique(y[first])) == 16
    (first, *_) = BalancedBatchSampler(labels((30, 30)), n_classes_per_batch=9, random_state=0)
    assert len(first) == 10


def test_passes_differ_and_can_be_repeated():
    y = np.array(list("abcde"))[labels()]
    one, other = (BalancedBatchSampler(y, 3, 4, random_state=7) for _ in range(2))
    first = list(one)
    assert first == list(other)
    second = list(one)
    assert first != second
    assert second == list(other)


def test_loaders_of_torch_take_it():
    torch = pytest.importorskip("torch")
    y = labels()
    data = torch.utils.data.TensorDataset(torch.arange(len(y)), torch.tensor(y))
    batches = list(BalancedBatchSampler(y, 3, 4, random_state=0))
    sampler = BalancedBatchSampler(y, 3, 4, random_state=0)
    loader = torch.utils.data.DataLoader(data, batch_sampler=sampler)
    assert len(loader) == 5
    for (rows, classes), batch in zip(loader, batches, strict=True):
        assert rows.tolist() == batch
        assert_array_equal(classes, y[batch])


def test_nets_of_skorch_take_it():
    torch = pytest.importorskip("torch")
    skorch = pytest.importorskip("skorch")
    from skweight.losses import MultiSimilarityLoss

    y = labels()
    X = np.random.default_rng(0).normal(size=(len(y), 3)).astype(np.float32)
    seen = []

    class Loss(MultiSimilarityLoss):
        def forward(self, output, target):
            seen.append(target.tolist())
            return super().forward(output, target)

    net = skorch.NeuralNet(
        torch.nn.Linear, Loss, module__in_features=3, module__out_features=2, max_epochs=2,
        iterator_train__batch_sampler=BalancedBatchSampler(y, 3, 4, random_state=0),
        iterator_train__batch_size=1, train_split=None, verbose=0,
    )  # fmt: skip
    net.fit(X, y.astype(np.int64))
    expected = BalancedBatchSampler(y, 3, 4, random_state=0)
    assert seen == [y[batch].tolist() for _ in range(2) for batch in expected]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n_classes_per_batch": 1}, "n_classes_per_batch must be a whole number, 2 or more"),
        ({"n_per_class": 1}, "n_per_class must be a whole number, 2 or more, got 1"),
        ({"n_per_class": 2.5}, "n_per_class must be a whole number"),
        ({"y": [0, 1, 2]}, "y must have a class with two rows, got 3 with one each"),
    ],
)
def test_errors(change, words):
    with pytest.raises(ValueError, match=words):
        BalancedBatchSampler(**({"y": [0, 0, 1, 1]} | change))
