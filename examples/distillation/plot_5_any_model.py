"""
Boosting, forests and logistic regression
=========================================

For ridge models all steps have a formula. Any other model can be refitted:
:class:`~skweight.distillation.SelfDistillation` fits a regressor or a classifier again to mixtures
of its own predictions and the ground truth, with weights from cross-fitting. Which models learn
something from that? This example tries it where targets and labels are noisy, and finds some that
do and some that do not.
"""

# %%
# Gradient boosting
# -----------------
#
# The strength of 1,030 samples of concrete. 300 of them are trained on, with noise as large as the
# strength varies, and errors are measured on the others, without noise, in variances of the
# targets. A hundred rounds of boosting are too many for such data, and 25 are about right.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.model_selection import train_test_split

from skweight.datasets import add_target_noise, load_concrete
from skweight.distillation import SelfDistillation, StepErrorDisplay


def concrete(seed):
    """Return samples with noisy strengths to train on, and others with clean ones."""
    X, y = load_concrete(return_X_y=True)
    X, X_test, y, y_test = train_test_split(
        X, (y - y.mean()) / y.std(), train_size=300, random_state=seed
    )
    return X, add_target_noise(y, 1, random_state=1000 + seed), X_test, y_test


X, y, X_test, y_test = concrete(0)
boosted = {
    f"{rounds} rounds": SelfDistillation(
        GradientBoostingRegressor(n_estimators=rounds, random_state=0), n_steps=3, cv=3
    ).fit(X, y)
    for rounds in (100, 25)
}
StepErrorDisplay.from_estimator(boosted, X_test, y_test)

# %%
# After a hundred rounds the second step is a great gain, and gets further than the shorter run. The
# one of 25 rounds loses. Weights of the ground truth have a formula, which is exact for models that
# are linear in their targets, such as ridge regression. For trees it is a guess: good for the long
# run, and too low for the short one.

for name, model in boosted.items():
    print(name, "weights:", *model.ground_truth_weights_.round(2))

# %%
# Forests
# -------
#
# A tree that is grown to the end repeats the targets of its rows, and a forest nearly does: what it
# says of rows it has seen is little to learn from. With ``teacher_predictions="out-of-fold"`` its
# students are taught by forests that have not seen the row. Or leaves get at least five rows, which
# needs no teacher. Means of three splits:

import pandas as pd
from sklearn.ensemble import RandomForestRegressor

grown = RandomForestRegressor(20, random_state=0)
leaves = RandomForestRegressor(20, min_samples_leaf=5, random_state=0)
models = {
    "grown to the end": SelfDistillation(grown, cv=3),
    "the same, out of fold": SelfDistillation(grown, cv=3, teacher_predictions="out-of-fold"),
    "leaves of five rows": SelfDistillation(leaves, cv=3),
}
rows = []
for seed in range(3):
    X, y, X_test, y_test = concrete(seed)
    for name, model in models.items():
        first, second = model.fit(X, y).staged_predict(X_test)
        rows.append(
            {
                "forest": name,
                "weight": model.ground_truth_weights_[0],
                "error of step 1": np.mean((first - y_test) ** 2),
                "error of step 2": np.mean((second - y_test) ** 2),
            }
        )
pd.DataFrame(rows).groupby("forest", sort=False).mean().round(3)

# %%
# Classifiers
# -----------
#
# A classifier learns from probabilities: every row enters once for each class, with the share of
# the class in the mixture as its weight. Tumours, benign or malignant, of which half of the labels
# to train on are drawn anew. Boosting again, and logistic regression without a penalty and with the
# usual one.

from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

from skweight.datasets import add_label_noise

X, y = load_breast_cancer(return_X_y=True)
X = StandardScaler().fit_transform(X)
classifiers = {
    "boosting": GradientBoostingClassifier(n_estimators=30, random_state=0),
    "logistic, no penalty": LogisticRegression(C=np.inf, solver="newton-cholesky"),
    "logistic, C=1": LogisticRegression(),
}
rows = []
for seed in range(3):
    X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=300, random_state=seed)
    noisy, _ = add_label_noise(y_train, 0.5, random_state=1000 + seed)
    for name, classifier in classifiers.items():
        model = SelfDistillation(classifier, ground_truth_weight=0).fit(X_train, noisy)
        for step in (1, 2):
            rows.append(
                {
                    "classifier": name,
                    "step": step,
                    "accuracy": np.mean(model.predict(X_test, step=step) == y_test),
                    "log-loss": log_loss(y_test, model.predict_proba(X_test, step=step)),
                }
            )
plt.show()
pd.DataFrame(rows).groupby(["classifier", "step"], sort=False).mean().round(3)

# %%
# Boosting is right more often after its second step. Its probabilities are no better, which came
# closer to a half: whoever needs them should look at the log-loss, and calibrate. Logistic
# regression gains nothing. Without a penalty its own probabilities are the best fit to themselves,
# so that the student is the teacher, to the last digit; with one, it nearly is.
#
# What to take from this
# ----------------------
#
# Steps smooth. They help models that follow their targets too closely and whose fit to their own
# predictions is another one: many rounds of boosting, grown trees, small ridge penalties. What is
# regularised well, or repeats itself, has nothing to gain. Larger leaves did as much here without a
# teacher; fewer rounds did not.
