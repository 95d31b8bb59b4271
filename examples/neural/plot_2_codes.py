"""
Two numbers for a picture: an autoencoder
=========================================

Principal components are the best *linear* code of a table. A network that leads to two numbers and
back, :class:`~skweight.neural.NeuralTransformer`, bends. This example looks at both codes of
handwritten digits, and at what can be rebuilt from them.
"""

# %%
# Codes
# -----
#
# Both are transformers and know nothing of the labels, which only give the colours.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

from skweight.neural import NeuralTransformer

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, test_size=0.3, random_state=0)
encoders = {
    "two principal components": PCA(2),
    "autoencoder, two numbers": NeuralTransformer(
        2,
        hidden_layer_sizes=(128, 32),
        learning_rate_init=3e-3,
        max_iter=60,
        random_state=0,
        tol=0.0,
        n_iter_no_change=60,
    ),
}
fig, axes = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained")
for ax, (name, encoder) in zip(axes, encoders.items()):
    encoder.fit(X_train)
    codes = encoder.transform(X_test)
    points = ax.scatter(*codes.T, c=y_test, cmap="tab10", s=9)
    ax.set(title=name, xticks=[], yticks=[])
fig.colorbar(points, ax=axes, label="digit", ticks=range(10))

# %%
# How much is left
# ----------------
#
# On pictures that neither has seen: the share of the variance that comes back, and how often the
# nearest neighbour in the code has the same digit.

for name, encoder in encoders.items():
    train, test = encoder.transform(X_train), encoder.transform(X_test)
    rebuilt = encoder.inverse_transform(test)
    left = 1 - np.sum((rebuilt - X_test) ** 2) / np.sum((X_test - X_train.mean(axis=0)) ** 2)
    neighbours = KNeighborsClassifier(5).fit(train, y_train).score(test, y_test)
    print(f"{name}: {100 * left:.0f} % of the variance, {100 * neighbours:.0f} % of the digits")

# %%
# Rebuilt pictures
# ----------------

fig, axes = plt.subplots(3, 10, figsize=(9, 3))
chosen = [np.flatnonzero(y_test == digit)[0] for digit in range(10)]
rows = {"picture": X_test[chosen]}
for name, encoder in encoders.items():
    rows[name] = encoder.inverse_transform(encoder.transform(X_test[chosen]))
for line, (name, pictures) in zip(axes, rows.items()):
    for ax, picture in zip(line, pictures):
        ax.imshow(picture.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
    line[0].set_ylabel(
        name.replace(", ", "\n").replace("two ", "two\n"),
        fontsize=8,
        rotation=0,
        ha="right",
        va="center",
    )

# %%
# Without hidden layers and without a penalty the network has nothing on principal components: it
# finds the same plane.

linear = NeuralTransformer(
    2,
    hidden_layer_sizes=(),
    alpha=0.0,
    learning_rate_init=0.02,
    max_iter=1500,
    tol=0.0,
    n_iter_no_change=1500,
    batch_size=None,
    random_state=0,
).fit(X_train)
for name, encoder in {
    "network": linear,
    "components": encoders["two principal components"],
}.items():
    error = np.mean((encoder.inverse_transform(encoder.transform(X_train)) - X_train) ** 2)
    print(f"linear {name}: mean squared error {error:.5f}")
plt.show()
