"""
Large tables: landmarks, and sparse rows
========================================

The kernel matrix of 40,000 rows takes 13 GB. ``Nystroem`` puts a few hundred features in its place,
and :class:`~skweight.distillation.SelfDistilledRidge` after it is self-distillation with that
approximate kernel, at the price of the features. Linear models take sparse rows as well, such as
texts. This example has both, in a ``Pipeline`` and under ``GridSearchCV``.
"""

# %%
# Fifty thousand diamonds
# -----------------------
#
# Logarithms of their prices. Three quarters of the rows are trained on, with noise as large as the
# targets vary. The rows set aside are clean.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.kernel_approximation import Nystroem
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skweight.datasets import add_target_noise, load_diamonds
from skweight.distillation import SelfDistilledRidge

X, price = load_diamonds(return_X_y=True)
X, X_test, y, y_test = train_test_split(X, np.log(price), random_state=0)
y = add_target_noise(y, 1, random_state=0)

landmarks = Nystroem(gamma=0.02, n_components=300, random_state=0)
model = make_pipeline(StandardScaler(), landmarks, SelfDistilledRidge(n_steps=10))
model.fit(X, y)
print(f"{len(X)} rows to train on, R2 on the others: {model.score(X_test, y_test):.3f}")

# %%
# Ten steps take hardly longer than one: the features are multiplied and factorised once, and what
# steps need besides is as small as the number of features.

import time


def seconds(n_steps):
    """Return the CPU seconds of a fit to the features."""
    start = time.process_time()
    SelfDistilledRidge(n_steps=n_steps).fit(Z, y)
    return time.process_time() - start


Z, Z_test = model[:-1].transform(X), model[:-1].transform(X_test)
one, ten = (min(seconds(n_steps) for _ in range(5)) for n_steps in (1, 10))
print(f"ten steps take {ten / one:.1f} times as long as one")

# %%
# What they are worth, for four penalties, with a weight of 0.3 for the ground truth. So many rows
# leave few wrong turns to three hundred features, and a small penalty costs little. Nor do steps
# gain much. A large one they make worse.

from skweight.distillation import StepErrorDisplay

models = {
    f"penalty {alpha:g}": SelfDistilledRidge(alpha, n_steps=6, ground_truth_weight=0.3).fit(Z, y)
    for alpha in (0.01, 0.1, 1, 10)
}
StepErrorDisplay.from_estimator(models, Z_test, y_test)

# %%
# In a search
# -----------
#
# :class:`~skweight.distillation.SelfDistilledRidgeCV` finds penalty, step and weights within one
# fit, so that a grid is left to what changes the features. On 6,000 of the rows, the width of the
# kernel:

import pandas as pd
from sklearn.model_selection import GridSearchCV

from skweight.distillation import SelfDistilledRidgeCV

pipeline = make_pipeline(
    StandardScaler(), landmarks, SelfDistilledRidgeCV(alphas=[0.01, 1, 100], n_steps=3)
)
search = GridSearchCV(pipeline, {"nystroem__gamma": [0.001, 0.01, 0.1]}, cv=3, error_score="raise")
search.fit(X[:6000], y[:6000])
best = search.best_estimator_[-1]
gamma = search.best_params_["nystroem__gamma"]
print(f"gamma {gamma}, penalty {best.alpha_:g}, step {best.best_step_}")
print(f"R2 on the rows set aside: {search.best_estimator_.score(X_test, y_test):.3f}")
pd.DataFrame(-best.scores_, [0.01, 1, 100], ["step 1", "step 2", "step 3"]).round(4)

# %%
# The table has leave-one-out errors by penalty and step, with the noise of the targets in them.
# With weights that are found, steps help on both sides of the right penalty: of one that is far too
# large the second step undoes a part, with a weight above 1. Beside the right penalty the gains are
# small.
#
# Texts
# -----
#
# From which part of scipy is a paragraph of its documentation? The paragraphs are on every disk
# that scikit-learn is on. Of the labels to train on, 40 % are drawn anew.

import importlib
import inspect
import re

from sklearn.feature_extraction.text import TfidfVectorizer

from skweight.datasets import add_label_noise

texts, parts = [], []
for part in ("integrate", "interpolate", "linalg", "ndimage", "optimize", "signal", "sparse"):
    module = importlib.import_module(f"scipy.{part}")
    for name in module.__all__:
        for text in re.split(r"\n\s*\n", inspect.getdoc(getattr(module, name)) or ""):
            if len(text.split()) >= 8 and ">>>" not in text:
                texts.append(text)
                parts.append(part)
texts, texts_test, parts, parts_test = train_test_split(texts, parts, random_state=0)
noisy, _ = add_label_noise(parts, 0.4, random_state=0)
words = TfidfVectorizer(sublinear_tf=True)
X, X_test = words.fit_transform(texts), words.transform(texts_test)
print(f"{X.shape[0]} paragraphs, {X.shape[1]} words, {X.nnz / X.shape[0]:.0f} in each")

# %%
# What multiplies the rows are vectors, until the residuals of all steps are below ``tol``; nothing
# is made dense. That is ``solver="lsqr"``, which larger tables get by themselves.

from skweight.distillation import SelfDistilledRidgeClassifier

classifiers = {
    f"penalty {alpha:g}": SelfDistilledRidgeClassifier(
        alpha, n_steps=6, ground_truth_weight=0, solver="lsqr", tol=1e-4
    ).fit(X, noisy)
    for alpha in (0.1, 1, 3)
}
StepErrorDisplay.from_estimator(classifiers, X_test, parts_test)

# %%
# The familiar picture: a small penalty gains a lot, a large one loses. Without a look at the clean
# labels, weights tell which it is. Leave-one-out needs a decomposition, so here they are found on a
# quarter of the training rows, held out as ``X_val``, whose labels are as wrong as the others.

held_out = len(noisy) // 4
table = {}
for alpha in (0.1, 1, 3):
    model = SelfDistilledRidgeClassifier(
        alpha, n_steps=3, ground_truth_weight="validation", solver="lsqr", tol=1e-4
    )
    model.fit(X[held_out:], noisy[held_out:], X_val=X[:held_out], y_val=noisy[:held_out])
    right = [np.mean(labels == np.array(parts_test)) for labels in model.staged_predict(X_test)]
    table[f"penalty {alpha:g}"] = {
        **{f"accuracy of step {step}": share for step, share in enumerate(right, 1)},
        **{f"weight of step {step}": w for step, w in enumerate(model.ground_truth_weights_, 2)},
    }
plt.show()
pd.DataFrame(table).T.round(3)

# %%
# Below 1, or below 0, where the labels have been learnt by heart; next to 1 where the penalty is
# right, and steps are left without effect.
