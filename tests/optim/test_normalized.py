"""Networks with normalised layers: what they are made of, and what becomes of their norms."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from skweight.neural import NeuralClassifier, NeuralRegressor, WeightedBatchNorm1d  # noqa: E402
from skweight.optim import (  # noqa: E402
    SGDP,
    AdamP,
    EffectiveLearningRate,
    NormalizedMLPClassifier,
    NormalizedMLPRegressor,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, y = load_iris(return_X_y=True)
SHORT = {"hidden_layer_sizes": (6,), "max_iter": 8, "tol": 0.0, "random_state": 0}


def history(net):
    return dict(net.net_.callbacks_)["EffectiveLearningRate"].history_


@pytest.mark.parametrize(
    ("norm", "kind"), [("batch", WeightedBatchNorm1d), ("layer", torch.nn.LayerNorm)]
)
def test_layers(norm, kind):
    net = NormalizedMLPClassifier(**SHORT | {"hidden_layer_sizes": (6, 5)}, norm=norm).fit(X, y)
    kinds = [type(layer) for layer in net.module_]
    hidden = [torch.nn.Linear, kind, torch.nn.ReLU]
    assert kinds == [*hidden, *hidden, torch.nn.Linear]
    assert [part.bias is None for part in net.module_ if isinstance(part, torch.nn.Linear)] == [
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_outputs_do_not_depend_on_the_norm_of_hidden_weights(norm):
    net = NormalizedMLPRegressor(**SHORT, norm=norm).fit(X, y)
    module = net.module_.double().train()
    rows = torch.tensor(X)
    before = module(rows)
    with torch.no_grad():
        module[0].weight *= 1e3
    # Up to what is added to variances.
    assert_allclose(module(rows).detach(), before.detach(), atol=1e-3)


@pytest.mark.parametrize(
    ("name", "optimizer", "options"),
    [("adamp", AdamP, {}), ("sgdp", SGDP, {"momentum": 0.9, "nesterov": True})],
)
def test_without_normalisation_it_is_the_plain_network(name, optimizer, options):
    options |= {"delta": 0.5}
    ours = NormalizedMLPClassifier(
        **SHORT, norm=None, optimizer=name, optimizer_params={"delta": 0.5}
    )
    plain = NeuralClassifier(**SHORT, alpha=0.0, optimizer=optimizer, optimizer_params=options)
    assert_array_equal(ours.fit(X, y).predict_proba(X), plain.fit(X, y).predict_proba(X))


def test_a_step_of_all_rows_is_that_of_a_loop():
    ours = NormalizedMLPRegressor((6,), optimizer="sgdp", max_iter=5, tol=0.0, random_state=0)
    ours.set_params(learning_rate_init=0.05, n_iter_no_change=99)
    start = NormalizedMLPRegressor((6,), optimizer="sgdp", max_iter=1, random_state=0)
    module = start.set_params(learning_rate_init=1e-300).fit(X, y).module_
    module[1].running_mean.zero_()
    module[1].running_var.fill_(1.0)
    optimizer = SGDP(module.parameters(), lr=0.05, momentum=0.9, nesterov=True)
    rows, target = torch.tensor(X), torch.tensor((y - y.mean()) / y.std())
    module.train()
    for _ in range(5):
        optimizer.zero_grad()
        ((module(rows)[:, 0] - target) ** 2).mean().backward()
        optimizer.step()
    expected = y.mean() + y.std() * module.eval()(rows)[:, 0].detach().numpy()
    assert_allclose(ours.fit(X, y).predict(X), expected, rtol=1e-9)


def test_integer_weights_are_repeated_rows_in_batch_moments():
    weight = np.random.default_rng(0).integers(1, 3, size=60)
    chosen = np.arange(60) * 2
    weighted = NormalizedMLPClassifier(**SHORT, batch_size=None)
    weighted.fit(X[chosen], y[chosen], sample_weight=weight)
    repeated = NormalizedMLPClassifier(**SHORT, batch_size=None)
    repeated.fit(np.repeat(X[chosen], weight, axis=0), np.repeat(y[chosen], weight))
    assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-9)


def test_projection_keeps_norms_smaller_and_the_callback_tells():
    grown = {}
    for name in ("adamp", "adamw", "sgdp", "sgd"):
        net = NormalizedMLPClassifier((6,), optimizer=name, max_iter=40, tol=0.0, random_state=0)
        net.set_params(learning_rate_init=0.05, batch_size=50, callbacks=[EffectiveLearningRate()])
        net.fit(X, y)
        rows = [row for row in history(net) if row["name"] == "0.weight"]
        assert [row["epoch"] for row in rows] == list(range(1, net.n_iter_ + 1))
        norm = net.module_[0].weight.norm().item()
        assert_allclose(rows[-1]["norm"], norm)
        assert_allclose(rows[-1]["effective_learning_rate"], 0.05 / norm**2)
        # Batch normalisation makes the first layer scale-invariant.
        assert {row["projected"] for row in rows} == {float(name.endswith("p"))}
        grown[name] = norm / rows[0]["norm"]
    assert grown["adamp"] - 1 < 0.5 * (grown["adamw"] - 1)
    assert grown["sgdp"] - 1 < 0.5 * (grown["sgd"] - 1)


def test_the_callback_counts_steps_of_each_epoch_by_themselves():
    """Weights that are not scale-invariant are projected now and then, by their own count."""
    net = NeuralRegressor((), optimizer=AdamP, batch_size=10, max_iter=6, tol=0.0, random_state=0)
    net.set_params(optimizer_params={"delta": 0.8}, callbacks=[EffectiveLearningRate()])
    net.fit(X, y)
    shares = [row["projected"] for row in history(net)]
    total = net.net_.optimizer_.state[net.module_[0].weight]["projected"]
    assert 0 < total < 15 * net.n_iter_
    assert_allclose(np.sum(shares) * 15, total)


def test_training_goes_on_with_the_optimiser():
    both = NormalizedMLPClassifier(**SHORT, warm_start=True).fit(X, y)
    both.fit(X, y)
    once = NormalizedMLPClassifier(**SHORT | {"max_iter": 16}).fit(X, y)
    assert_array_equal(both.predict_proba(X), once.predict_proba(X))


@pytest.mark.parametrize(
    "changed", [{"norm": "layer"}, {"activation": "tanh"}, {"optimizer_params": {"delta": 0.0}}]
)
def test_a_net_that_goes_on_is_made_as_before(changed):
    net = NormalizedMLPClassifier(**SHORT, warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match=f"began with {next(iter(changed))}="):
        net.set_params(**changed).fit(X, y)
    net.set_params(warm_start=False).fit(X, y)


def test_nets_of_skorch_search_for_options():
    from sklearn.model_selection import GridSearchCV
    from skorch import NeuralNetClassifier

    hidden = torch.nn.Linear(4, 5), torch.nn.BatchNorm1d(5), torch.nn.ReLU()
    net = NeuralNetClassifier(
        torch.nn.Sequential(*hidden, torch.nn.Linear(5, 3)),
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=AdamP,
        max_epochs=3,
        train_split=None,
        verbose=0,
    )
    search = GridSearchCV(net, {"optimizer__delta": [0.0, 0.1]}, cv=2, error_score="raise")
    search.fit(X.astype(np.float32), y)
    (group,) = search.best_estimator_.optimizer_.param_groups
    assert group["delta"] == search.best_params_["optimizer__delta"]


def test_names_that_are_none():
    with pytest.raises(ValueError, match="norm"):
        NormalizedMLPClassifier(norm="group").fit(X, y)
    with pytest.raises(ValueError, match="optimizer"):
        NormalizedMLPRegressor(optimizer="adamq").fit(X, y)
    with pytest.raises(ValueError, match="delta must be"):
        NormalizedMLPRegressor(optimizer_params={"delta": -1.0}).fit(X, y)
