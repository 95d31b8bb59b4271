"""Networks of one's own, and the layers that the package offers."""

import pickle
from functools import partial

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from neural_cases import SMALL, assert_same_bits, problem
from numpy.testing import assert_allclose, assert_array_equal
from torch import nn

from skweight.neural import MLP, Dropout, NeuralClassifier, NeuralRegressor, ResidualMLP

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

FIT = {"max_iter": 3, "batch_size": 16, "random_state": 0}


class WithGenerator(nn.Module):
    """Takes what there is to take by name, and a parameter of its own."""

    def __init__(self, n_in, n_out, width=3, *, hidden_layer_sizes, generator, dtype):
        super().__init__()
        self.given = (hidden_layer_sizes, dtype)
        self.net = MLP(n_in, n_out, (width,), generator=generator, dtype=dtype)

    def forward(self, X):
        return self.net(X)


class Plain(nn.Sequential):
    """Takes numbers alone, and draws from the global generator."""

    def __init__(self, n_in, n_out):
        super().__init__(nn.Linear(n_in, 4), nn.Tanh(), nn.Linear(4, n_out))


def function(n_in, n_out, activation):
    return nn.Sequential(nn.Linear(n_in, 2), nn.ReLU(), nn.Linear(2, n_out))


@pytest.mark.parametrize(
    "module", [WithGenerator, Plain, function, partial(WithGenerator, width=7)], ids=str
)
@pytest.mark.parametrize("make", [NeuralClassifier, NeuralRegressor])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_builds_a_network(make, module, dtype):
    X, y = problem()
    name = str(dtype).removeprefix("torch.")
    net = make((9,), module=module, dtype=name, **FIT).fit(X, y)
    assert {part.dtype for part in net.module_.parameters()} == {dtype}
    first = next(net.module_.parameters())
    widths = {WithGenerator: 3, Plain: 4, function: 2}
    assert first.shape == (widths.get(module, 7), 3)
    if isinstance(net.module_, WithGenerator):
        assert net.module_.given == ((9,), dtype)
    torch.manual_seed(99)  # has no say
    assert_same_bits(net, make((9,), module=module, dtype=name, **FIT).fit(X, y))
    assert_allclose(pickle.loads(pickle.dumps(net)).predict(X), net.predict(X), rtol=0)


def test_the_network_is_that_of_a_plain_call():
    """What the estimator begins with is what its class makes with the same generator."""
    X, y = problem()
    options = {"learning_rate_init": 1e-300, "max_iter": 1, "random_state": 3}
    net = NeuralClassifier((6, 4), **options).fit(X, y)
    seed = np.random.RandomState(3).randint(2**31 - 1, size=3)[0]
    generator = torch.Generator().manual_seed(int(seed))
    plain = MLP(3, 2, (6, 4), generator=generator, dtype=torch.float64)
    for left, right in zip(net.module_.parameters(), plain.parameters(), strict=True):
        assert_array_equal(left.detach(), right.detach())
    with torch.no_grad():
        logits = plain(torch.as_tensor(X)).numpy()
    assert_allclose(net.decision_function(X), logits[:, 1] - logits[:, 0], rtol=1e-12)


def test_a_network_is_built_anew_by_every_fit():
    X, y = problem()
    net = NeuralClassifier(module=Plain, **FIT).fit(X, y)
    old = net.module_
    assert_same_bits(net, NeuralClassifier(module=Plain, **FIT).fit(X, y))
    assert net.fit(X, y).module_ is not old


@pytest.mark.parametrize("make", [NeuralClassifier, NeuralRegressor])
def test_what_builds_no_network(make):
    X, y = problem()
    instance = MLP(3, 2)
    with pytest.raises(ValueError, match=r"builds a module, got an instance of MLP"):
        make(module=instance).fit(X, y)
    with pytest.raises(TypeError, match=r"module must build a torch.nn.Module, got a dict"):
        make(module=lambda n_in, n_out: {}).fit(X, y)
    with pytest.raises(ValueError, match="The 'module' parameter"):
        make(module="mlp").fit(X, y)
    broken = make(module=lambda n_in, n_out: {})
    with pytest.raises(TypeError):
        broken.fit(X, y)
    assert not [name for name in vars(broken) if name.endswith("_") or name in ("_shape",)]


def test_a_lambda_fits_and_predicts():
    X, y = problem()
    build = lambda n_in, n_out: Plain(n_in, n_out)  # noqa: E731
    assert_same_bits(
        NeuralClassifier(module=build, **FIT).fit(X, y),
        NeuralClassifier(module=Plain, **FIT).fit(X, y),
    )


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("relu", lambda z: np.maximum(z, 0)),
        ("tanh", np.tanh),
        ("logistic", lambda z: 1 / (1 + np.exp(-z))),
        ("elu", lambda z: np.where(z > 0, z, np.expm1(z))),
        ("silu", lambda z: z / (1 + np.exp(-z))),
        ("identity", lambda z: z),
    ],
)
def test_activations(name, function):
    X, y = problem()
    net = NeuralRegressor((4, 3), activation=name, **FIT).fit(X, y)
    hidden = X
    layers = [part for part in net.module_ if isinstance(part, nn.Linear)]
    assert [layer.out_features for layer in layers] == [4, 3, 1]
    for layer in layers[:-1]:
        hidden = function(hidden @ layer.weight.detach().numpy().T + layer.bias.detach().numpy())
    output = hidden @ layers[-1].weight.detach().numpy().T + layers[-1].bias.detach().numpy()
    assert_allclose(net.predict(X), y.mean() + y.std() * output[:, 0], rtol=1e-9)


def test_gelu():
    from scipy.stats import norm

    z = torch.linspace(-3, 3, 7, dtype=torch.float64)
    network = MLP(1, 1, (2,), activation="gelu", dtype=torch.float64)
    assert_allclose(network[1](z).numpy(), z.numpy() * norm.cdf(z.numpy()), rtol=1e-12)


def test_a_residual_network_is_its_formula():
    X, y = problem()
    net = NeuralRegressor((4, 4), module=ResidualMLP, activation="tanh", **FIT).fit(X, y)
    parts = {name: p.detach().numpy() for name, p in net.module_.named_parameters()}

    def layer(name, z):
        return z @ parts[f"{name}.weight"].T + parts[f"{name}.bias"]

    def norm(name, z):
        z = (z - z.mean(axis=1, keepdims=True)) / np.sqrt(z.var(axis=1, keepdims=True) + 1e-5)
        return z * parts[f"{name}.weight"] + parts[f"{name}.bias"]

    hidden = layer("first", X)
    for block in ("blocks.0", "blocks.1"):
        inner = np.tanh(layer(f"{block}.1", norm(f"{block}.0", hidden)))
        hidden = hidden + layer(f"{block}.4", inner)
    output = layer("last", norm("norm", hidden))[:, 0]
    assert_allclose(net.predict(X), y.mean() + y.std() * output, rtol=1e-9)


def test_a_residual_network_needs_a_width():
    with pytest.raises(ValueError, match=r"hidden_layer_sizes of a ResidualMLP"):
        ResidualMLP(3, 2, ())


def test_dropout_leaves_out_a_share_and_keeps_the_mean():
    layer = Dropout(0.3, torch.Generator().manual_seed(0))
    X = torch.ones(200, 500, dtype=torch.float64)
    kept = layer(X)
    assert set(kept.unique().tolist()) == {0.0, 1 / 0.7}
    assert_allclose((kept == 0).double().mean(), 0.3, atol=5 * np.sqrt(0.21 / 1e5))
    assert (layer(X) != kept).any()
    assert layer.eval()(X) is X
    assert Dropout(0.0)(X) is X
    # Gradients go where units were kept.
    leaf = X[:1].clone().requires_grad_()
    out = layer.train()(leaf)
    out.sum().backward()
    assert_array_equal(leaf.grad, out.detach())


def test_dropout_has_a_generator_of_its_own():
    X = torch.ones(3, 50)
    one, other = (Dropout(0.5, torch.Generator().manual_seed(1)) for _ in range(2))
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = one(X)
    torch.rand(5)
    assert_array_equal(first, other(X))
    assert_array_equal(one(X), other(X))
    torch.set_rng_state(before)
    # Two layers of one network are children of one generator, and differ.
    parent = torch.Generator().manual_seed(1)
    pair = [Dropout(0.5, parent) for _ in range(2)]
    assert (pair[0](X) != pair[1](X)).any()


@pytest.mark.parametrize("p", [-0.1, 1.0, 1.5])
def test_dropout_of_everything_is_refused(p):
    with pytest.raises(ValueError, match=rf"p must be at least 0 and below 1, got {p}"):
        Dropout(p)


def test_dropout_trains_and_predicts_without_it():
    X, y = problem()
    build = partial(MLP, dropout=0.5)
    net = NeuralClassifier((30,), module=build, **FIT).fit(X, y)
    assert [type(part).__name__ for part in net.module_] == ["Linear", "ReLU", "Dropout", "Linear"]
    assert not net.module_.training
    assert_array_equal(net.predict_proba(X), net.predict_proba(X))
    plain = NeuralClassifier((30,), module=MLP, **FIT).fit(X, y)
    assert net.loss_curve_[0] != plain.loss_curve_[0]
    # Rows held out are scored without it: the scores of the best epoch are those of predictions.
    cv = [(np.arange(40), np.arange(40, 60))]
    net = NeuralClassifier((30,), module=build, early_stopping=True, cv=cv, **FIT).fit(X, y)
    P = net.predict_proba(X[40:])[np.arange(20), y[40:]]
    assert_allclose(-np.log(P).mean(), net.best_loss_, rtol=1e-12)


def test_modules_in_use_are_in_evaluation_mode_on_the_cpu():
    X, y = problem()
    net = NeuralClassifier(**SMALL).fit(X, y)
    assert not any(part.training for part in net.module_.modules())
    assert all(p.device.type == "cpu" and p.grad is None for p in net.module_.parameters())
    assert not net.partial_fit(X, y).module_.training
    # So one copy in double precision serves all predictions until the next fit, and no pickle.
    net.predict(X)
    double = net.net_.in_double()
    size = len(pickle.dumps(net))
    assert size == len(pickle.dumps(NeuralClassifier(**SMALL).fit(X, y).partial_fit(X, y)))
    net.predict(X)
    assert net.net_.in_double() is double
    net.partial_fit(X, y).predict(X)
    assert net.net_.in_double() is not double


class Clipped(nn.Linear):
    """Its weights stay above 0 after each step."""

    def after_step(self):
        self.n_steps = getattr(self, "n_steps", 0) + 1
        self.weight.clamp_(min=0.0)


def test_a_module_does_something_after_every_step():
    X, y = problem()
    net = NeuralRegressor(module=Clipped, **FIT).fit(X, y)
    assert net.module_.n_steps == 3 * 4
    weights = net.module_.weight.detach().numpy()
    assert weights.min() == 0
    assert weights.max() > 0
    pickle.dumps(net)
