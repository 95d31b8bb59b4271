"""Problems and oracles that several tests of networks share."""

import numpy as np
import torch

from skweight.neural import NeuralClassifier, NeuralRegressor, NeuralTransformer

ESTIMATORS = [NeuralClassifier, NeuralRegressor, NeuralTransformer]
SMALL = {"hidden_layer_sizes": (5,), "max_iter": 4, "batch_size": 16, "random_state": 0}
# Every epoch has the same steps, and a repeated row does what a weight of 2 does.
WHOLE = {"hidden_layer_sizes": (5,), "max_iter": 6, "batch_size": None, "random_state": 0}

# Reaches the minimum of a linear network in few epochs.
NEWTON = {
    "hidden_layer_sizes": (),
    "optimizer": torch.optim.LBFGS,
    "optimizer_params": {
        "line_search_fn": "strong_wolfe",
        "tolerance_change": 1e-14,
        "tolerance_grad": 1e-12,
    },
    "batch_size": None,
    "learning_rate_init": 1.0,
    "max_iter": 60,
    "tol": 0.0,
    "random_state": 0,
}


def problem(n=60, n_classes=2, seed=0):
    """Make rows with three features, and whole numbers for labels or targets."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    noisy = X @ [1.0, -1.0, 0.5] + 0.5 * rng.normal(size=n)
    cuts = np.quantile(noisy, np.arange(1, n_classes) / n_classes)
    return X, np.searchsorted(cuts, noisy)


def outputs(estimator, X):
    """Return numbers that tell all of a network's outputs apart."""
    for name in ("predict_proba", "transform", "predict"):
        if hasattr(estimator, name):
            return getattr(estimator, name)(X)


def state(estimator):
    """Return the network's parameters and buffers as arrays."""
    return [value.numpy().copy() for value in estimator.module_.state_dict().values()]


def assert_same_bits(one, other):
    """Assert that two fitted estimators hold the same network and remember the same losses."""
    assert one.loss_curve_ == other.loss_curve_
    for left, right in zip(state(one), state(other), strict=True):
        np.testing.assert_array_equal(left, right)


def set_layers(estimator, coefs, intercepts):
    """Give the linear layers of a network weights of the form that scikit-learn has."""
    layers = [part for part in estimator.module_ if isinstance(part, torch.nn.Linear)]
    with torch.no_grad():
        for layer, coef, intercept in zip(layers, coefs, intercepts, strict=True):
            layer.weight.copy_(torch.as_tensor(coef.T))
            layer.bias.copy_(torch.as_tensor(intercept))
