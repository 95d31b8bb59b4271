"""The same network three times: ours, bare skorch with its loader, and scikit-learn's."""

import numpy as np
import skorch
import torch
from sklearn.datasets import make_classification
from sklearn.neural_network import MLPClassifier, MLPRegressor
from torch import nn

from skweight.neural import NeuralClassifier, NeuralRegressor

HIDDEN, BATCH, STEP = 100, 200, 1e-3
# Never stop early: epochs are what is timed.
_ENDLESS = {"tol": 0.0, "n_iter_no_change": 10**6}


def rows(n, p, task="classification", seed=0):
    """Return standardised rows in float32 and their targets."""
    X, y = make_classification(
        n, p, n_informative=p // 2, n_redundant=0, flip_y=0.05, random_state=seed
    )
    X = ((X - X.mean(axis=0)) / X.std(axis=0)).astype(np.float32)
    if task == "regression":
        noise = np.random.default_rng(seed).normal(size=n)
        y = (X[:, 0] * X[:, 1] + np.abs(X[:, 2]) + 0.3 * noise).astype(np.float32)
    return X, y


class Perceptron(nn.Module):
    """What a user of skorch writes first."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(n_in, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, n_out))

    def forward(self, X):
        """Return the outputs."""
        return self.layers(X)


def models(task, p, epochs, seed=0):
    """Return the contestants, each of which trains for so many epochs."""
    torch.manual_seed(seed)
    classes = task == "classification"
    ours = NeuralClassifier if classes else NeuralRegressor
    theirs = MLPClassifier if classes else MLPRegressor
    bare = skorch.NeuralNetClassifier if classes else skorch.NeuralNetRegressor
    shared = {
        "hidden_layer_sizes": (HIDDEN,),
        "batch_size": BATCH,
        "learning_rate_init": STEP,
        "max_iter": epochs,
        "random_state": seed,
        **_ENDLESS,
    }
    return {
        "skweight": ours(**shared),
        "skorch": bare(
            Perceptron,
            module__n_in=p,
            module__n_out=2 if classes else 1,
            criterion=nn.CrossEntropyLoss if classes else nn.MSELoss,
            optimizer=torch.optim.Adam,
            lr=STEP,
            batch_size=BATCH,
            max_epochs=epochs,
            iterator_train__shuffle=True,
            train_split=None,
            verbose=0,
        ),
        "scikit-learn": theirs(**shared),
    }
