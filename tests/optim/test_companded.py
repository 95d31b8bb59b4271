"""Networks of companded layers as estimators."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from skweight.neural import NeuralClassifier, NeuralRegressor  # noqa: E402
from skweight.optim import CompandedMLPClassifier, CompandedMLPRegressor  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, y = load_iris(return_X_y=True)
SHORT = {"hidden_layer_sizes": (6,), "max_iter": 8, "tol": 0.0, "random_state": 0}
LEARNED = {"learn_compander": True, "learning_rate_init": 0.05}


def test_folded_weights_predict():
    net = CompandedMLPRegressor(**SHORT, a=0.9, b=0.4).fit(X, y)
    (first, last), (bias, constant) = net.coefs_, net.intercepts_
    outputs = np.maximum(X @ first + bias, 0) @ last + constant
    assert_allclose(net.predict(X), y.mean() + y.std() * outputs[:, 0], rtol=1e-9)
    assert max(np.abs(weights).max() for weights in net.coefs_) < 0.9 * np.pi / 2
    assert_array_equal(net.compander_a_, [0.9, 0.9])
    assert_array_equal(net.compander_b_, [0.4, 0.4])


@pytest.mark.parametrize(
    ("ours", "plain"),
    [(CompandedMLPClassifier, NeuralClassifier), (CompandedMLPRegressor, NeuralRegressor)],
)
def test_a_wide_function_is_a_plain_network(ours, plain):
    options = SHORT | {"optimizer": "sgd", "alpha": 0.1}
    ours, plain = ours(**options, a=1e4, b=1e4).fit(X, y), plain(**options).fit(X, y)
    assert_allclose(ours.loss_curve_, plain.loss_curve_, rtol=1e-6)
    assert_allclose(ours.coefs_[0], plain.module_[0].weight.detach().T, rtol=1e-5, atol=1e-9)


def test_the_penalty_is_on_what_is_trained():
    net = CompandedMLPRegressor(**SHORT, a=0.6, b=5.0, alpha=3.0, optimizer="sgd")
    first = net.set_params(max_iter=1, learning_rate_init=1e-300).fit(X, y)
    squares = sum((layer.weight**2).sum().item() for layer in first.module_.companded_layers())
    free = CompandedMLPRegressor(**first.get_params() | {"alpha": 0.0}).fit(X, y)
    assert_allclose(first.loss_ - free.loss_, 3.0 / 2 * squares / len(X))


def test_learned_functions_have_a_group_of_their_own():
    net = CompandedMLPClassifier(**SHORT, **LEARNED, optimizer="adamw").fit(X, y)
    own, rest = net.net_.optimizer_.param_groups
    assert (own["lr"], own["weight_decay"], len(own["params"])) == (0.0005, 0.0, 4)
    assert (rest["lr"], rest["weight_decay"], len(rest["params"])) == (0.05, 0.01, 4)
    assert (net.compander_a_ != 1).all()
    # Steps of Adam are about as long as its learning rate.
    assert np.abs(np.log([net.compander_a_, net.compander_b_])).max() < 8 * 0.0005 * 1.1
    given = CompandedMLPClassifier(**SHORT, **LEARNED, compander_learning_rate_init=0.2).fit(X, y)
    assert given.net_.optimizer_.param_groups[0]["lr"] == 0.2


def test_further_training_keeps_the_ratio_of_step_sizes():
    net = CompandedMLPClassifier(**SHORT, **LEARNED, warm_start=True).fit(X, y)
    net.set_params(learning_rate_init=0.01).fit(X, y)
    own, rest = net.net_.optimizer_.param_groups
    assert rest["lr"] == 0.01
    assert_allclose(own["lr"], 0.0001)


@pytest.mark.parametrize("learn", [False, True])
def test_pickles_train_on(learn):
    net = CompandedMLPClassifier(**SHORT, a=0.8, b=0.3, learn_compander=learn).fit(X, y)
    copied = pickle.loads(pickle.dumps(net))
    assert_array_equal(copied.predict_proba(X), net.predict_proba(X))
    for one in (net, copied):
        one.partial_fit(X, y)
    assert_array_equal(copied.predict_proba(X), net.predict_proba(X))
    assert_array_equal(copied.coefs_[0], net.coefs_[0])


def test_small_heights_clip_first_weights_and_train():
    net = CompandedMLPClassifier(**SHORT, a=0.2)
    with pytest.warns(UserWarning, match="they are clipped"):
        net.fit(X, y)
    assert np.abs(net.coefs_[0]).max() < 0.2 * np.pi / 2


def test_other_functions_need_another_network():
    net = CompandedMLPClassifier(**SHORT, warm_start=True).fit(X, y)
    for changed, before in (
        ({"a": 2.0}, "a=1.0, got 2.0"),
        ({"a": 1.0, "learn_compander": True}, "learn_compander=False, got True"),
        ({"learn_compander": False, "activation": "tanh"}, "activation='relu', got 'tanh'"),
    ):
        with pytest.raises(ValueError, match=f"go on with a net that began with {before}"):
            net.set_params(**changed).fit(X, y)
    with pytest.raises(AttributeError, match="coefs_ once fitted"):
        _ = CompandedMLPClassifier().coefs_
    with pytest.raises(ValueError, match="'a' parameter"):
        CompandedMLPClassifier(a=0.0).fit(X, y)
