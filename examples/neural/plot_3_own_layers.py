"""
Layers of one's own, and weights that count
===========================================

The parameter ``module`` of :class:`~skweight.neural.NeuralClassifier` takes any module of torch,
and a search can choose among them. This example searches over three, builds one with batch
normalisation, and shows why that one needs a layer which knows sample weights.
"""

# %%
# Three networks in one search
# ----------------------------
#
# A module is a class or function of the numbers of features and outputs. What it names of
# ``hidden_layer_sizes``, ``activation``, ``generator`` and ``dtype`` it is given as well.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV, RepeatedStratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from skweight.neural import MLP, Dropout, NeuralClassifier, ResidualMLP, WeightedBatchNorm1d


def normalised(n_in, n_out, *, generator, dtype):
    """Build a perceptron with batch normalisation and dropout."""
    return nn.Sequential(
        MLP(n_in, 32, (), generator=generator, dtype=dtype),
        WeightedBatchNorm1d(32, dtype=dtype),
        nn.ReLU(),
        Dropout(0.2, generator),
        MLP(32, n_out, (), generator=generator, dtype=dtype),
    )


X, y = load_breast_cancer(return_X_y=True)
network = NeuralClassifier(
    (32,), learning_rate_init=0.01, batch_size=64, max_iter=30, n_iter_no_change=30, random_state=0
)
search = GridSearchCV(
    make_pipeline(StandardScaler(), network),
    {
        "neuralclassifier__module": [MLP, ResidualMLP, normalised],
        "neuralclassifier__alpha": [1e-4, 1.0],
    },
    cv=RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=0),
    scoring="neg_log_loss",
).fit(X, y)
for parameters, mean, deviation in zip(
    search.cv_results_["params"],
    search.cv_results_["mean_test_score"],
    search.cv_results_["std_test_score"],
):
    module, alpha = parameters["neuralclassifier__module"], parameters["neuralclassifier__alpha"]
    print(
        f"{module.__name__:12s} alpha {alpha:6g}: log-loss {-mean:.3f} (deviation {deviation:.3f})"
    )

# %%
# A row of weight 2 is two rows
# -----------------------------
#
# Of thirty rows some are repeated, or have the weight 2, 3, ... instead. With the layer of this
# package both networks are the same to rounding. Torch's own batch normalisation takes its means
# over rows as they stand, and the two trainings part.

rng = np.random.default_rng(0)
rows = StandardScaler().fit_transform(X)[:30]
labels, weights = y[:30], rng.integers(1, 5, size=30)


def with_layer(layer):
    """Return a function that builds a network with a layer of normalisation."""

    def build(n_in, n_out, *, generator, dtype):
        return nn.Sequential(
            MLP(n_in, 16, (), generator=generator, dtype=dtype),
            layer(16, dtype=dtype),
            nn.ReLU(),
            MLP(16, n_out, (), generator=generator, dtype=dtype),
        )

    return build


fig, ax = plt.subplots(figsize=(5.6, 3.6), layout="constrained")
for layer in (WeightedBatchNorm1d, nn.BatchNorm1d):
    model = NeuralClassifier(
        module=with_layer(layer), batch_size=None, max_iter=40, n_iter_no_change=40, random_state=0
    )
    weighted = np.array(model.fit(rows, labels, sample_weight=weights).loss_curve_)
    repeated = np.array(model.fit(rows.repeat(weights, 0), labels.repeat(weights)).loss_curve_)
    ax.semilogy(np.abs(weighted - repeated) + 1e-18, label=layer.__name__)
ax.set(xlabel="epoch", ylabel="difference of the losses", ylim=(1e-18, 1))
ax.legend()
plt.show()
