"""Networks trained for a metric."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import f1_score

from skweight.imbalance import AnyLossClassifier
from skweight.losses import anyloss

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from skweight.imbalance._anyloss_torch import StratifiedBatches  # noqa: E402
from skweight.neural._rows import TensorRows  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:The loss still fell")


def problem(n=160, seed=0):
    """A rare class inside a ring of the other."""
    rng = np.random.RandomState(seed)
    X = rng.normal(size=(n, 2))
    y = ((X**2).sum(axis=1) < 0.4).astype(int)
    return X, y, rng.uniform(0.5, 2, size=n)


def network(metric="f1", **options):
    steps = {"optimizer": "adam", "learning_rate_init": 0.01, "max_iter": 40, "tol": 0.0}
    options = {"hidden_layer_sizes": (8,), "random_state": 0, **steps, **options}
    return AnyLossClassifier(metric, **options)


def weights_of(model):
    return [part.detach().numpy().copy() for part in model.module_.parameters()]


def assert_same_weights(one, other, **tolerances):
    for a, b in zip(weights_of(one), weights_of(other), strict=True):
        assert_allclose(a, b, **tolerances)


class ZeroLinear(torch.nn.Linear):
    """A layer that starts from 0, as the linear model in numpy does."""

    def __init__(self, n_in, n_out):
        super().__init__(n_in, n_out)
        torch.nn.init.zeros_(self.weight)
        torch.nn.init.zeros_(self.bias)


@pytest.mark.parametrize("batch_size", [None, 40])
@pytest.mark.parametrize("metric", ["f1", "gmean", "mcc"])
def test_three_classes_of_a_layer_are_the_linear_model(metric, batch_size):
    X, _, weight = problem()
    y = np.digitize(X[:, 0], [0.5, 1.2])
    options = {"max_iter": 15, "alpha": 0.3, "shuffle": False, "batch_size": batch_size}
    linear = network(metric, hidden_layer_sizes=(), **options).fit(X, y, sample_weight=weight)
    net = network(metric, module=ZeroLinear, **options).fit(X, y, sample_weight=weight)
    weights, biases = weights_of(net)
    assert_allclose(weights, linear.coef_, atol=1e-7)
    assert_allclose(biases, linear.intercept_, atol=1e-7)
    assert_allclose(net.loss_curve_, linear.loss_curve_, rtol=1e-7)
    assert_allclose(net.predict_proba(X), linear.predict_proba(X), atol=1e-7)
    assert not hasattr(net, "coef_")


def test_a_network_learns_what_no_line_can():
    X, y, _ = problem(400)
    net = network(max_iter=300).fit(X, y)
    assert f1_score(y, net.predict(X)) > 0.9
    assert f1_score(y, AnyLossClassifier(max_iter=300).fit(X, y).predict(X)) < 0.5
    assert_allclose(net.loss_, anyloss(y, net.predict_proba(X)[:, 1]), atol=1e-3)


@pytest.mark.parametrize("metric", ["f1", "gmean", "mcc"])
def test_weights_are_repetitions(metric):
    X, y, _ = problem()
    times = np.random.RandomState(1).randint(3, size=len(y))
    weighted = network(metric, alpha=0.1).fit(X, y, sample_weight=times)
    repeated = network(metric, alpha=0.1).fit(np.repeat(X, times, axis=0), np.repeat(y, times))
    assert_same_weights(weighted, repeated, rtol=1e-9, atol=1e-12)


def test_callables_and_the_positive_class():
    X, y, _ = problem()
    named = network("jaccard").fit(X, y)
    own = network(lambda tp, fn, fp, tn: tp / (tp + fn + fp)).fit(X, y)
    assert_same_weights(own, named, rtol=1e-8, atol=1e-10)
    for place, label in enumerate(["a", "b"]):
        net = network(pos_label=label, max_iter=5).fit(X, np.array(["a", "b"])[y])
        # From nearly equal probabilities, where the loss of either class is known.
        start = anyloss(y, np.full(len(y), 0.5), pos_label=place)
        assert_allclose(net.loss_curve_[0], start, atol=0.02)
        end = anyloss(y, net.predict_proba(X)[:, 1], pos_label=place)
        assert end < net.loss_ < start


def test_batches_have_rows_of_every_class():
    y = torch.tensor([0] * 90 + [1] * 4 + [2] * 30)
    rows = TensorRows(torch.arange(124.0)[:, None], [y])
    seen = []
    for shuffle in (False, True, True):
        batches = StratifiedBatches(rows, 20, shuffle, torch.Generator().manual_seed(len(seen)))
        parts = [(batch[0][:, 0].long(), batch[1][0][0]) for batch in batches]
        assert len(parts) == len(batches) == 4
        for places, classes in parts:
            assert_array_equal(y[places], classes)
            assert set(classes.tolist()) == {0, 1, 2}
        order = torch.cat([places for places, _ in parts])
        assert sorted(order.tolist()) == list(range(124))
        seen.append(order)
    assert not torch.equal(seen[1], seen[2])
    (whole,) = StratifiedBatches(rows, 500, True)
    assert_array_equal(whole[0][:, 0], np.arange(124))


def test_goes_on_after_pickle():
    X, y, _ = problem()
    net = network(batch_size=30, max_iter=3).fit(X, y)
    copy = pickle.loads(pickle.dumps(net))
    for part in (net, copy):
        part.partial_fit(X, y)
    assert_same_weights(net, copy, rtol=0)
    assert net.n_iter_ == 4


def test_networks_do_not_go_on_from_linear_models():
    X, y, _ = problem()
    model = network(hidden_layer_sizes=(), warm_start=True, max_iter=2).fit(X, y)
    with pytest.raises(ValueError, match="go on with a linear model or with a network, got"):
        model.set_params(module=ZeroLinear).fit(X, y)
    net = network(warm_start=True, max_iter=2).fit(X, y)
    with pytest.raises(ValueError, match="go on with a linear model or with a network, got"):
        net.set_params(hidden_layer_sizes=()).partial_fit(X, y)


def test_early_stopping_looks_at_all_rows_held_out():
    X, y, _ = problem(4400)
    kept, held = np.arange(200), np.arange(200, 4400)
    net = network(early_stopping=True, cv=[(kept, held)], max_iter=3).fit(X, y)
    best = anyloss(y[held], net.predict_proba(X[held])[:, 1])
    assert_allclose([net.best_loss_, -max(net.validation_scores_)], best, rtol=1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"fit_intercept": False},
            "fit_intercept=False is for linear models, got hidden_layer_sizes",
        ),
        ({"batch_size": 1}, "batch_size must be at least the number of classes, 2"),
        ({"class_weight": {0: 1.0, 1: 0.0}}, r"a weight above 0, got 0 for \[1\]"),
        ({"pos_label": 7}, "pos_label=7 is none of the classes"),
        ({"beta": 3.0}, "beta is for metric='fbeta'"),
    ],
)
def test_bad_parameters(options, message):
    X, y, _ = problem()
    with pytest.raises(ValueError, match=message):
        network(**options).fit(X, y)
