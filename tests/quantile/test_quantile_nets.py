"""Networks that predict quantiles: closed forms, recursions, and what a stack needs of them."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm
from sklearn.base import clone
from sklearn.linear_model import QuantileRegressor

torch = pytest.importorskip("torch")

from skweight.quantile import (  # noqa: E402
    LocalQuantileStackingRegressor,
    QuantileMLPRegressor,
    QuantileStackingRegressor,
)

LEVELS = np.array([0.1, 0.4, 0.9])
METHODS = ("multi", "level", "gaussian")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    return X, 3 + X[:, 0] + (0.5 + (X[:, 1] > 0)) * rng.normal(size=200)


def net(**options):
    options = {"hidden_layer_sizes": (10,), "max_iter": 40, "random_state": 0, **options}
    return QuantileMLPRegressor(LEVELS, **options)


def test_linear_multi_net_equals_a_recursion_in_numpy(data):
    X, y = data
    options = {"hidden_layer_sizes": (), "optimizer": "sgd", "optimizer_params": {"momentum": 0.0}}
    options["optimizer_params"]["nesterov"] = False
    model = net(**options, alpha=0.0, batch_size=None, noncrossing=None)
    start = clone(model).set_params(max_iter=1, learning_rate_init=1e-300).fit(X, y)
    layer = start.module_[0]
    W, b = (part.detach().numpy().copy() for part in (layer.weight, layer.bias))
    z = (y - y.mean()) / y.std()
    for _ in range(7):
        slopes = ((z[:, None] < X @ W.T + b) - LEVELS) / 3 / len(z)
        W, b = W - 0.1 * slopes.T @ X, b - 0.1 * slopes.sum(axis=0)
    model.set_params(max_iter=7, learning_rate_init=0.1).fit(X, y)
    expected = y.mean() + y.std() * (X @ W.T + b)
    assert_allclose(model.predict_quantiles(X), expected, rtol=1e-12)


def test_levels_are_what_the_level_network_is_asked_for(data):
    X, y = data
    model = net(method="level", noncrossing=None).fit(X, y)
    inner = model.module_.network
    assert inner[0].in_features == 3
    for k, level in enumerate(LEVELS):
        rows = torch.tensor(np.column_stack([X, np.full(200, level - 0.5)]))
        expected = y.mean() + y.std() * inner(rows).detach().numpy()[:, 0]
        assert_allclose(model.predict_quantiles(X)[:, k], expected, rtol=1e-12)
    # In training all levels are asked for at once, in the same order.
    model.module_.train()
    at_once = model.module_(torch.tensor(X)).detach().numpy()
    assert_allclose(y.mean() + y.std() * at_once, model.predict_quantiles(X), rtol=1e-10)


def test_gaussian_net_finds_mean_and_deviation():
    y = 5 + 2 * norm.ppf((np.arange(300) + 0.5) / 300)
    X = np.zeros((300, 1))
    model = net(method="gaussian", hidden_layer_sizes=(), learning_rate_init=0.05, max_iter=300)
    model.set_params(batch_size=None, alpha=0.0, tol=0.0, n_iter_no_change=300).fit(X, y)
    expected = norm.ppf(LEVELS, y.mean(), y.std())
    assert_allclose(model.predict_quantiles(X[:1])[0], expected, rtol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_nets_see_that_the_spread_differs(data, method):
    X, y = data
    options = {"learning_rate_init": 0.02, "max_iter": 150, "batch_size": 50}
    model = net(method=method, **options).fit(X, y)
    forecast = model.predict_quantiles([[0.0, -1.0], [0.0, 1.0]])
    width = forecast[:, 2] - forecast[:, 0]
    assert width[1] > 1.5 * width[0]
    assert (np.diff(forecast, axis=1) >= 0).all()
    assert model.score(X, y) > 0.2


@pytest.mark.parametrize("method", METHODS)
def test_integer_weights_equal_repeated_rows(data, method):
    X, y = data[0][:60], data[1][:60]
    weight = np.random.default_rng(0).integers(0, 4, size=60)
    model = net(method=method, batch_size=None)
    weighted = clone(model).fit(X, y, sample_weight=weight)
    repeated = clone(model).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    found = weighted.predict_quantiles(X)
    assert_allclose(found, repeated.predict_quantiles(X), rtol=1e-7)


@pytest.mark.parametrize("method", METHODS)
def test_pickle_partial_fit_and_a_network_of_ones_own(data, method):
    X, y = data
    model = net(method=method, module=torch.nn.Linear, max_iter=2).fit(X, y)
    copy = pickle.loads(pickle.dumps(model))
    for each in (model, copy):
        each.partial_fit(X, y)
    assert_array_equal(copy.predict_quantiles(X), model.predict_quantiles(X))
    assert model.predict(X).shape == (200,)


def test_nets_are_base_models_of_stacks(data):
    X, y = data
    bases = [("net", net(method="gaussian", max_iter=10)), ("line", QuantileRegressor(alpha=0.0))]
    for stack in (QuantileStackingRegressor, LocalQuantileStackingRegressor):
        model = stack(bases, [0.2, 0.5, 0.8], cv=2, random_state=0).fit(X, y)
        assert_array_equal(model.estimators_[0].quantiles_, [0.2, 0.5, 0.8])
        assert model.predict_interval(X[:3], coverage=0.6).shape == (3, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quantiles": [0.9, 0.1]}, "strictly increasing"),
        ({"method": "single"}, "'method' parameter"),
        ({"noncrossing": "constrain"}, "'noncrossing' parameter"),
    ],
)
def test_bad_input_is_named(data, options, message):
    with pytest.raises(ValueError, match=message):
        net().set_params(**options).fit(*data)
    with pytest.raises(ValueError, match="one target"):
        net().fit(data[0], np.column_stack([data[1], data[1]]))
