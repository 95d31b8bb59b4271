"""
Networks that pay for dependence
================================

The penalty of the linear models, batch by batch, in the training of a network. This example fits
wages that should depend neither on age nor on origin, compares a network with a linear model, and
shows why batches need another statistic than all rows. In the end a network for classes reads
attributes out of a data frame.
"""

# %%
# Wages
# -----
#
# Men in the United States in 1988, and the logarithm of what they earned a week. Experience was
# computed from age here, so age can be computed back. Rows are scaled as for any network.

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from skweight.datasets import load_cps_wages

wages = load_cps_wages(as_frame=True)
X, y = wages.data.drop(columns="ethnicity"), np.log(wages.target.to_numpy())
men = pd.DataFrame(
    {"ethnicity": wages.data["ethnicity"], "age": X["education"] + X["experience"] + 6}
)
X = pd.get_dummies(X, drop_first=True, dtype=float)
train, test = train_test_split(np.arange(len(y)), train_size=6_000, random_state=0)
X = ((X - X.iloc[train].mean()) / X.iloc[train].std()).to_numpy()

# %%
# Network and linear model
# ------------------------
#
# ``fairness_alpha`` means the same in both. The linear model is fitted to its optimum over all
# rows, the network sees batches of 200. Twelve epochs are enough here; the warning that the loss
# still falls a little is left out.

import warnings

from sklearn.exceptions import ConvergenceWarning

from skweight.fairness import DistanceCovarianceRegressor, FairNeuralRegressor, dependence_score

warnings.simplefilter("ignore", ConvergenceWarning)
network = FairNeuralRegressor(
    hidden_layer_sizes=(32,), learning_rate_init=0.005, max_iter=12, n_iter_no_change=12,
    random_state=0,
)  # fmt: skip
table = {}
for strength in (0, 1, 3, 10):
    for name, model in {"linear": DistanceCovarianceRegressor(), "network": network}.items():
        model.set_params(fairness_alpha=strength)
        model.fit(X[train], y[train], sensitive_features=men.iloc[train])
        predictions = model.predict(X[test])
        table[name, strength] = {
            "loss": np.mean((y[test] - predictions) ** 2) / 2,
            "dependence, x 1000": 1000 * dependence_score(predictions, men.iloc[test]),
        }
table = pd.DataFrame(table).T.sort_index()
table.round(4)

# %%
# Down and to the left is better. Wages rise with experience and then fall, which a line cannot say:
# the network has the lower loss without a penalty, and at every dependence that both reach.

import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(6, 4))
for name, part in table.groupby(level=0):
    ax.plot(part["dependence, x 1000"], part["loss"], marker="o", label=name)
ax.set(xlabel="dependence on held-out rows, x 1000", ylabel="loss on held-out rows")
ax.legend()
plt.show()

# %%
# Batches
# -------
#
# A batch measures the dependence of all rows with noise. With the statistic U the noise has a mean
# of 0, whatever the number of rows; with V a small batch mostly measures how few rows it has.
# :class:`~skweight.losses.DistanceCovarianceLoss` is what the networks are trained with. Here it
# sees predictions of the plain linear model, and the same in random order, which depend on nothing.

import torch

from skweight.losses import DistanceCovarianceLoss

plain = DistanceCovarianceRegressor(0).fit(X[train], y[train], sensitive_features=men.iloc[train])
attributes = [
    torch.as_tensor(block)
    for block in plain.sensitive_encoder_.transform({name: men[name].iloc[train] for name in men})
]
predictions = torch.as_tensor(plain.predict(X[train]))
rng = np.random.default_rng(0)
shuffled = predictions[rng.permutation(len(predictions))]
means = {}
for size in (20, 50, 200, 1000):
    batches = [rng.choice(len(train), size, replace=False) for _ in range(4000 // size)]
    for statistic in ("U", "V"):
        loss = DistanceCovarianceLoss(statistic=statistic)
        for name, values in {"predictions": predictions, "shuffled": shuffled}.items():
            of_batches = [loss(values[b], [s[b] for s in attributes]).item() for b in batches]
            means[f"{statistic}, {name}", size] = 1000 * np.mean(of_batches)
pd.Series(means).unstack().round(2)

# %%
# Four thousand rows in batches of each size. The mean of U hardly moves. V sees a dependence on
# nothing that in batches of 20 rows is seven tenths of what the plain model has, and still a
# fifteenth in batches of 200. It grows with the distances between predictions, so paying for it
# draws all of them together. Networks therefore use U, unless ``statistic="V"`` is asked for;
# linear models use V of all rows, which has a minimum to find.
#
# Classes, and columns of a data frame
# ------------------------------------
#
# The visits to a doctor of :ref:`another example
# <sphx_glr_auto_examples_fairness_plot_6_own_attributes.py>`, in four classes. The attributes are
# columns of X that become no features, and a data frame to predict for may lack them.

from sklearn.metrics import log_loss

from skweight.datasets import load_doctor_visits
from skweight.fairness import FairNeuralClassifier

visits = load_doctor_visits(as_frame=True)
yes_or_no = ["private", "freepoor", "freerepat", "nchronic", "lchronic"]
X = visits.data.assign(**{name: 1.0 * (visits.data[name] == "yes") for name in yes_or_no})
X, X_test, y, y_test = train_test_split(
    X, visits.target, test_size=0.4, stratify=visits.target, random_state=0
)
protected = ["gender", "age"]
features = X.columns.drop(protected)
scale = X[features].std()
X[features], X_test[features] = X[features] / scale, X_test[features] / scale
table = {}
for strength in (0, 3, 10):
    model = FairNeuralClassifier(
        strength, sensitive_columns=protected, hidden_layer_sizes=(16,), max_iter=20,
        n_iter_no_change=20, learning_rate_init=0.005, random_state=0,
    )  # fmt: skip
    shares = model.fit(X, y).predict_proba(X_test.drop(columns=protected))
    table[f"strength {strength}"] = {
        "log-loss": log_loss(y_test, shares),
        "dependence, x 1000": 1000 * dependence_score(shares, X_test[protected]),
    }
pd.DataFrame(table).T.round(3)
