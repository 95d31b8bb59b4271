"""
Large losses: hard rows, or wrong labels?
=========================================

Weights by loss put rows that are not learnt yet first. On a table with correct labels that changes
little here; where labels are wrong, these are the rows with large losses. This example fits
:class:`~skweight.reweighting.DynamicLossReweightedClassifier` with both kinds of labels.
"""

# %%
# Half of the rows of breast cancer are for fitting, and some of their labels are drawn anew, half
# of which are wrong then.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skweight.datasets import add_label_noise
from skweight.reweighting import DynamicLossReweightedClassifier, loss_based_weights

strategies = ("uniform", "linupper", "quadratic", "extremes")
rates = (0.0, 0.1, 0.2)
X, y = load_breast_cancer(return_X_y=True)
found = np.empty((5, len(rates), len(strategies)))
for seed in range(5):
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.5, stratify=y, random_state=seed
    )
    scaler = StandardScaler().fit(X_train)
    for k, rate in enumerate(rates):
        labels, _ = add_label_noise(y_train, rate, random_state=seed)
        for j, strategy in enumerate(strategies):
            model = DynamicLossReweightedClassifier(
                LogisticRegression(), strategy=strategy, max_iter=40
            )
            model.fit(scaler.transform(X_train), labels)
            found[seed, k, j] = log_loss(y_test, model.predict_proba(scaler.transform(X_test)))

for j, strategy in enumerate(strategies):
    print(f"{strategy:10}", found.mean(axis=0)[:, j].round(3))

# %%
# With correct labels the strategies hardly differ. With wrong ones "linupper" and "quadratic" make
# this model worse, and "extremes", which also raises what is learnt already, somewhat better.
#
# The weights as functions of the loss, and the log loss of test rows, whose labels are correct.

fig, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
losses = np.linspace(0, 3, 200)
for j, strategy in enumerate(strategies):
    axes[0].plot(losses, loss_based_weights(losses, strategy), label=strategy)
    error = found[:, :, j].std(axis=0, ddof=1) / np.sqrt(len(found))
    axes[1].errorbar(
        rates, found[:, :, j].mean(axis=0), error, marker="o", capsize=3, label=strategy
    )
axes[0].set(xlabel="loss of a row", ylabel="weight", title="Bounded weights")
axes[1].set(
    xlabel="share of labels drawn anew", ylabel="log loss of test rows", title="What comes out"
)
axes[1].legend(loc="upper left")

# %%
# The same around a regressor. Here the weights raise the squared error of the training rows, as
# they must: the plain fit is the one with the least.

from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge

from skweight.reweighting import DynamicLossReweightedRegressor

X, y = load_diabetes(return_X_y=True)
for strategy in strategies:
    model = DynamicLossReweightedRegressor(Ridge(0.01), strategy=strategy).fit(X, y)
    print(f"{strategy:10} {model.loss_curve_[-1]:.0f}, {model.effective_sample_size_:.0f} rows")
plt.show()
