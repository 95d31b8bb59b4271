"""Digits: what optimisers do to norms of normalised layers, and what bounds do to weights."""

import warnings

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from benchmarks import _report
from benchmarks._fairness_common import figure
from skweight.neural import NeuralClassifier
from skweight.optim import CompandedMLPClassifier, NormalizedMLPClassifier

# Name -> optimiser, options, learning rate, and how much an independent computation, from torch's
# first weights, had the second layer's norm grow.
OPTIMIZERS = {
    "AdamW": ("adamw", {"weight_decay": 0.01}, 0.01, 1.65),
    "AdamP": ("adamp", {"weight_decay": 0.01}, 0.01, 1.11),
    "SGD": ("sgd", {}, 0.1, 1.14),
    "SGDP": ("sgdp", {}, 0.1, 1.01),
}
STEPS = {
    "optimizer": "sgd",
    "optimizer_params": {"nesterov": False, "weight_decay": 5e-4},
    "alpha": 0.0,
    "learning_rate_init": 0.05,
    "max_iter": 150,
    "hidden_layer_sizes": (256, 256),
    "batch_size": 64,
    "tol": 0.0,
    "n_iter_no_change": 1000,
}
# Name -> network, and the accuracy of an independent computation.
COMPANDED = {
    "plain": (NeuralClassifier(**STEPS), 0.890),
    "a = b = 1": (CompandedMLPClassifier(**STEPS), 0.891),
    "a = .3, b = .1": (CompandedMLPClassifier(**STEPS, a=0.3, b=0.1), 0.880),
    "a = b = 1, learned": (CompandedMLPClassifier(**STEPS, learn_compander=True), 0.891),
    "a = .3, b = .1, learned": (
        CompandedMLPClassifier(**STEPS, a=0.3, b=0.1, learn_compander=True),
        0.889,
    ),
}


def digits(n_train, seed):
    """Return training rows, test rows, and the labels of both."""
    X, y = load_digits(return_X_y=True)
    return train_test_split(X / 16, y, train_size=n_train, stratify=y, random_state=seed)


def fitted(model, X, y):
    """Return a model trained for as many epochs as it has."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y)


def torch_start(n_in, n_out):
    """Return a network with torch's first weights, which are smaller than ours."""
    from torch import nn

    from skweight.neural import WeightedBatchNorm1d

    layers = []
    for before in (n_in, 128):
        layers += [nn.Linear(before, 128, bias=False), WeightedBatchNorm1d(128), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(128, n_out))


class TorchStart(NormalizedMLPClassifier):
    """Normalised networks that begin as torch's do."""

    def _module(self):
        return torch_start


def norms(kind, seeds, epochs=60):
    """Return by optimiser, for each seed, the growth of the second norm, and test accuracy."""
    found = {}
    for name, (optimizer, params, rate, _) in OPTIMIZERS.items():
        rows = []
        for seed in seeds:
            X, X_test, y, y_test = digits(300, seed)
            model = kind(
                (128, 128),
                optimizer=optimizer,
                optimizer_params=params,
                batch_size=64,
                tol=0.0,
                n_iter_no_change=1000,
                random_state=seed,
            )
            model.set_params(max_iter=1, learning_rate_init=1e-300)
            start = fitted(model, X, y).module_[3].weight.norm().item()
            fitted(model.set_params(max_iter=epochs, learning_rate_init=rate), X, y)
            end = model.module_[3].weight.norm().item()
            rows.append((end / start, model.score(X_test, y_test)))
        found[name] = np.array(rows).T
    return found


def companded(seeds):
    """Return by network, for each seed, test accuracy and the share of small second weights."""
    found = {}
    for name, (model, _) in COMPANDED.items():
        rows = []
        for seed in seeds:
            X, X_test, y, y_test = digits(100, seed)
            model = fitted(clone(model).set_params(random_state=seed), X, y)
            if name == "plain":
                weights = model.module_[2].weight.detach().numpy()
            else:
                weights = model.coefs_[1]
            rows.append((model.score(X_test, y_test), np.mean(np.abs(weights) < 0.01)))
        found[name] = np.array(rows).T
    return found


def section(quick, targets):
    """Return the report's section, and check the figures against independent ones."""
    seeds = range(2 if quick else 3)
    kinds = {"ours": NormalizedMLPClassifier, "torch's": TorchStart}
    grown = {start: norms(kind, seeds) for start, kind in kinds.items()}
    for name, (*_, expected) in OPTIMIZERS.items():
        growth = grown["torch's"][name][0].mean()
        targets.check(
            f"digits, {name}, torch's first weights: growth of the norm within .05 of {expected}",
            f"{growth:.3f}",
            abs(growth - expected) <= 0.05,
        )
    for plain, projected in (("AdamW", "AdamP"), ("SGD", "SGDP")):
        before, after = (grown["ours"][name][0].mean() - 1 for name in (plain, projected))
        targets.check(
            f"digits, {projected}: growth at most a third of that by {plain}",
            f"{after:.3f} against {before:.3f}",
            after <= before / 3,
        )
    rows = [
        [start, name, figure(growth), figure(score)]
        for start, by_name in grown.items()
        for name, (growth, score) in by_name.items()
    ]
    columns = ["first weights", "optimiser", "second norm, end over start", "test accuracy"]
    text = _report.table(columns, rows)
    if not quick:
        text += "\n\nA hundred training rows, weights bounded or not:\n\n"
        text += _companded_table(companded(range(3)), targets)
    return f"""## Normalised layers and bounded weights

Digits, 300 training rows, two hidden layers of 128 with batch normalisation, 60 epochs of batches
of 64; means over seeds with standard errors.

{text}"""


def _companded_table(found, targets):
    for name, (_, expected) in COMPANDED.items():
        score = found[name][0].mean()
        targets.check(
            f"hundred digits, {name}: accuracy within .03 of {expected}",
            f"{score:.3f}",
            abs(score - expected) <= 0.03,
        )
    small = {name: shares.mean() for name, (_, shares) in found.items()}
    targets.check(
        "hundred digits: a / b = 3 leaves fewer second weights below .01 than a plain network",
        f"{small['a = .3, b = .1']:.3f} against {small['plain']:.3f}",
        small["a = .3, b = .1"] < small["plain"],
    )
    rows = [[name, figure(score), figure(share)] for name, (score, share) in found.items()]
    return _report.table(["network", "test accuracy", "share of |w| < .01, second layer"], rows)
