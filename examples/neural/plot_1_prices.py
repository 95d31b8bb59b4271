"""
Prices of diamonds by a network with categories
===============================================

A table with numbers and categories, the everyday case: how does
:class:`~skweight.neural.NeuralRegressor` do, what do its epochs look like, and what has it learned
of the categories? Boosted trees are the rival that one should try first.
"""

# %%
# Numbers, categories, a pipeline
# -------------------------------
#
# Four thousand diamonds: weight and proportions are numbers; cut, colour and clarity are
# categories. Stones with impossible measures, such as a height of 0, are left out: a network goes
# far astray where it never was. The network wants its categories as whole numbers, which is what an
# ``OrdinalEncoder`` makes, and learns a vector for each. Rows held out decide when to stop.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from skweight.datasets import load_diamonds
from skweight.neural import NeuralRegressor

data = load_diamonds(as_frame=True)
X, y = data.data, np.log(data.target)
possible = data.data[["x", "y", "z"]].apply(lambda side: side.between(1, 15)).all(axis=1)
X, y = X[possible], y[possible]
kept = np.random.default_rng(0).choice(len(X), 4000, replace=False)
X, y = X.iloc[kept], y.iloc[kept]
categories = list(X.select_dtypes("category").columns)
print(X.head(3).to_string())

codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
with_codes = make_column_transformer((codes, categories), remainder=StandardScaler())
with_columns = make_column_transformer(
    (OneHotEncoder(handle_unknown="ignore", sparse_output=False), categories),
    remainder=StandardScaler(),
)
places = list(range(len(categories)))
settings = {"learning_rate_init": 0.003, "early_stopping": True, "random_state": 0}

models = {
    "network, vectors for categories": make_pipeline(
        with_codes, NeuralRegressor(categorical_features=places, **settings)
    ),
    "network, columns for categories": make_pipeline(with_columns, NeuralRegressor(**settings)),
    "MLPRegressor of scikit-learn": make_pipeline(with_columns, MLPRegressor(**settings)),
    "boosted trees": make_pipeline(
        with_codes, HistGradientBoostingRegressor(categorical_features=places, random_state=0)
    ),
}

# %%
# Five splits, errors in percent of the price. The trees are ahead, and need neither scaling nor
# choices; vectors for categories bring the network closer to them.

errors = {name: [] for name in models}
for seed in range(5):
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=seed)
    for name, model in models.items():
        model.fit(X_train, y_train)
        errors[name].append(100 * np.sqrt(np.mean((model.predict(X_test) - y_test) ** 2)))
for name, values in errors.items():
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    print(f"{name:34s} {np.mean(values):5.2f} +- {error:.2f}")

# %%
# Epochs
# ------
#
# Losses are in units of the variance of the log-price. The network of the best epoch of the rows
# held out is the one that is kept, dashed.

network = models["network, vectors for categories"][-1]
held_out = -np.array(network.validation_scores_)
epochs = np.arange(1, network.n_iter_ + 1)
fig, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
axes[0].semilogy(epochs, network.loss_curve_, label="training rows")
axes[0].semilogy(epochs, held_out, label="rows held out")
axes[0].axvline(held_out.argmin() + 1, color="0.6", ls="--")
axes[0].set(xlabel="epoch", ylabel="loss")
axes[0].legend()

# %%
# What a category is worth
# ------------------------
#
# The same stone with every clarity: by how much does the predicted price differ from the mean? The
# network was never told that clarities have an order, and finds it.

model = models["network, vectors for categories"]
clarities = ["I1", "SI2", "SI1", "VS2", "VS1", "VVS2", "VVS1", "IF"]
stones = X_test.head(200)
prices = np.column_stack([model.predict(stones.assign(clarity=clarity)) for clarity in clarities])
relative = 100 * (np.exp(prices - prices.mean(axis=1, keepdims=True)) - 1)
axes[1].plot(clarities, np.median(relative, axis=0), "o-")
axes[1].fill_between(clarities, *np.quantile(relative, [0.1, 0.9], axis=0), alpha=0.2)
axes[1].set(xlabel="clarity", ylabel="price against the mean, %")
plt.show()
