"""Training against recursions in numpy, and against scikit-learn's perceptrons."""

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from neural_cases import problem, set_layers
from numpy.testing import assert_allclose
from scipy.special import softmax
from sklearn.datasets import load_iris
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import scale

from skweight.neural import NeuralClassifier, NeuralRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

PLAIN_SGD = {"optimizer": torch.optim.SGD, "learning_rate_init": 0.1, "shuffle": False}


def begin(make, X, y, **parameters):
    """Build a linear network, and return it with the weights it begins with."""
    common = {"hidden_layer_sizes": (), "random_state": 0, "dtype": "float64", **PLAIN_SGD}
    net = make(**common, **parameters).set_params(learning_rate_init=1e-300, max_iter=1).fit(X, y)
    (layer,) = net.module_
    W, b = layer.weight.detach().numpy().copy(), layer.bias.detach().numpy().copy()
    return make(**common, **parameters), W, b


def batches(n, size):
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


@pytest.mark.parametrize("alpha", [0.0, 0.3])
@pytest.mark.parametrize("weighted", [False, True])
def test_sgd_on_a_linear_classifier(alpha, weighted):
    X, y = problem(50, n_classes=3)
    w = np.random.default_rng(1).uniform(0.2, 3, 50) if weighted else np.ones(50)
    net, W, b = begin(NeuralClassifier, X, y, alpha=alpha, batch_size=16, max_iter=4)
    net.fit(X, y, sample_weight=w if weighted else None)
    curve = []
    for _ in range(4):
        total = 0.0
        for part in batches(50, 16):
            size = w[part].sum()
            P = softmax(X[part] @ W.T + b, axis=1)
            loss = -np.log(P[np.arange(len(P)), y[part]]) @ w[part] / size
            total += (loss + alpha / 2 * (W**2).sum() / size) * size
            G = (P - np.eye(3)[y[part]]) * w[part][:, None] / size
            W, b = W - 0.1 * (G.T @ X[part] + alpha * W / size), b - 0.1 * G.sum(axis=0)
        curve.append(total / w.sum())
    assert_allclose(net.loss_curve_, curve, rtol=1e-12)
    assert_allclose(net.coef_, W, rtol=1e-12, atol=1e-14)
    assert_allclose(net.intercept_, b, rtol=1e-12, atol=1e-14)
    assert net.t_ == 200
    assert net.loss_ == net.loss_curve_[-1]
    assert net.best_loss_ == min(net.loss_curve_)


@pytest.mark.parametrize("weighted", [False, True])
def test_sgd_on_a_linear_regressor_of_two_targets(weighted):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3))
    y = 100 + X @ rng.normal(size=(3, 2)) * [1.0, 50.0]
    w = rng.uniform(0.2, 3, 40) if weighted else np.ones(40)
    net, W, b = begin(NeuralRegressor, X, y, alpha=0.3, batch_size=16, max_iter=3)
    net.fit(X, y, sample_weight=w if weighted else None)
    mean = np.average(y, axis=0, weights=w)
    deviation = np.sqrt(np.average((y - mean) ** 2, axis=0, weights=w))
    Z = (y - mean) / deviation
    for _ in range(3):
        for part in batches(40, 16):
            size = w[part].sum()
            # The squared error of a row is the mean over targets.
            G = (X[part] @ W.T + b - Z[part]) * w[part][:, None] / size
            W, b = W - 0.1 * (G.T @ X[part] + 0.3 * W / size), b - 0.1 * G.sum(axis=0)
    assert_allclose(net.coef_, W * deviation[:, None], rtol=1e-11)
    assert_allclose(net.intercept_, b * deviation + mean, rtol=1e-12)
    assert_allclose(net.predict(X), X @ net.coef_.T + net.intercept_, rtol=1e-12)


def paired(theirs, ours, X, y):
    """Fit scikit-learn's perceptron, and ours from the weights that it begins with."""
    theirs.fit(X, y)
    frozen = ours.get_params()["learning_rate_init"]
    ours.set_params(warm_start=True, max_iter=1, learning_rate_init=1e-300).fit(X, y)
    start = theirs.__class__(**{**theirs.get_params(), "learning_rate_init": 1e-300, "max_iter": 1})
    start.fit(X, y)
    set_layers(ours, start.coefs_, start.intercepts_)
    ours.net_.set_params(lr=frozen)
    for value in ours.net_.optimizer_.state.values():  # the first steps were of length 0
        for entry in value.values():
            if entry is not None:
                entry.zero_()
    ours.set_params(max_iter=theirs.max_iter, learning_rate_init=frozen).fit(X, y)
    return ours


@pytest.mark.parametrize(
    ("solver", "options", "rtol"),
    [
        ("sgd", {"momentum": 0.9, "nesterov": False}, 1e-12),
        ("sgd", {}, 1e-12),
        ("adam", {}, 1e-5),  # they add epsilon before the correction of the bias, torch after
    ],
)
def test_a_perceptron_of_scikit_learn(solver, options, rtol):
    X, y = load_iris(return_X_y=True)
    X, y = scale(np.tile(X, (3, 1))), np.tile(y, 3)
    X = X + 0.1 * np.random.default_rng(0).normal(size=X.shape)
    common = {"hidden_layer_sizes": (7, 4), "activation": "tanh", "alpha": 0.1, "max_iter": 5}
    common |= {"batch_size": 100, "shuffle": False, "learning_rate_init": 0.01, "random_state": 0}
    nesterov = options.get("nesterov", True)
    theirs = MLPClassifier(solver=solver, nesterovs_momentum=nesterov, **common)
    ours = NeuralClassifier(optimizer=solver, optimizer_params=options or None, **common)
    ours = paired(theirs, ours, X, y)
    assert_allclose(ours.loss_curve_[1:], theirs.loss_curve_, rtol=rtol)
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=100 * rtol)


def test_a_regressor_of_scikit_learn_has_half_our_loss():
    X, y = problem(100)
    y = scale(X @ [1.0, 2.0, 3.0] + np.sin(X[:, 0]))
    common = {"hidden_layer_sizes": (6,), "max_iter": 5, "batch_size": 25, "shuffle": False}
    common |= {"random_state": 0}
    # Twice the loss and twice the penalty at half the step are the same path.
    theirs = MLPRegressor(solver="sgd", alpha=0.1, learning_rate_init=0.02, **common)
    ours = NeuralRegressor(optimizer="sgd", alpha=0.2, learning_rate_init=0.01, **common)
    ours = paired(theirs, ours, X, y)
    assert_allclose(ours.loss_curve_[1:], 2 * np.array(theirs.loss_curve_), rtol=1e-12)
    assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
def test_networks_begin_as_those_of_scikit_learn_do(activation):
    """Both draw from a uniform distribution; its bounds are reached by many draws."""
    X, y = problem(20)
    ours = NeuralClassifier(
        (400,), activation=activation, max_iter=1, learning_rate_init=1e-300, random_state=0
    ).fit(X, y)
    factor = 2 if activation == "logistic" else 6
    for layer, n_in, n_out in ((ours.module_[0], 3, 400), (ours.module_[2], 400, 2)):
        bound = np.sqrt(factor / (n_in + n_out))
        weights = layer.weight.detach().numpy()
        assert bound * 0.98 < np.abs(weights).max() <= bound
        assert_allclose(weights.std(), bound / np.sqrt(3), rtol=0.05)
        assert np.abs(layer.bias.detach().numpy()).max() <= bound
