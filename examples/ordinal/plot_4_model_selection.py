"""
Choosing the penalty, the family and the score
==============================================

How stiff should the model be? This example chooses the penalty along a path with
:class:`~skweight.ordinal.PrestoClassifierCV`, compares the best penalty with the
*one-standard-error rule*, and then searches over more than the penalty with scikit-learn's
``GridSearchCV``, in a ``Pipeline``, under several scores at once.
"""

# %%
# The data
# --------
#
# Injuries of front-seat occupants in car crashes, in five degrees, of which the last (killed) has
# 4.3 % of the rows. As a data frame the columns keep their categories and the outcome its order,
# which the estimators read by themselves.

from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from skweight.datasets import load_nass_cds

crashes = load_nass_cds(as_frame=True)
X, X_test, y, y_test = train_test_split(
    crashes.data, crashes.target, train_size=3000, stratify=crashes.target, random_state=0
)
encoder = make_column_transformer(
    (OneHotEncoder(drop="first"), make_column_selector(dtype_include="category")),
    remainder="passthrough",
    verbose_feature_names_out=False,
)

# %%
# Best, or as good as best
# ------------------------
#
# One path for each of five folds. The score is minus the Brier score of all classes; greater is
# better.

import numpy as np

from skweight.ordinal import PrestoClassifierCV

best_pipeline = make_pipeline(encoder, PrestoClassifierCV(eps=1e-3)).fit(X, y)
stiff_pipeline = make_pipeline(encoder, PrestoClassifierCV(eps=1e-3, selection="1se")).fit(X, y)
best, stiff = best_pipeline[-1], stiff_pipeline[-1]

# %%
# The left picture shows why the rule exists: over a wide range of penalties the mean score is flat
# compared with its standard error. The right one shows what the rule buys: a model with far fewer
# deviations from proportional odds, that these rows cannot tell from the best.

import matplotlib.pyplot as plt

mean = best.cv_scores_.mean(axis=1)
error = best.cv_scores_.std(axis=1, ddof=1) / np.sqrt(best.cv_scores_.shape[1])
steps = np.diff(best.coef_path_, axis=1, prepend=0.0)  # n_alphas, boundaries, features
common = (np.abs(steps[:, 0]) > 1e-12).sum(axis=1)
deviations = (np.abs(steps[:, 1:]) > 1e-12).sum(axis=(1, 2))

fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8))
left.errorbar(best.alphas_, mean, yerr=error, marker="o", ms=4, capsize=2)
left.axhline(mean.max() - error[mean.argmax()], color="0.5", lw=1, ls=":")
left.set(ylabel="minus Brier score", title="Five folds: mean and standard error")
right.plot(best.alphas_, common, drawstyle="steps-mid", label="features in the model")
right.plot(
    best.alphas_, deviations, drawstyle="steps-mid", label="deviations from proportional odds"
)
right.set(ylabel="number", title="What is in the model")
right.legend(loc="upper left")
for ax in (left, right):
    ax.set(xscale="log", xlabel="alpha")
    ax.invert_xaxis()
    ax.axvline(best.alpha_, color="C1", lw=1)
    ax.axvline(stiff.alpha_, color="C2", lw=1)
    bottom = ax.get_ylim()[0]
    ax.annotate("best ", (best.alpha_, bottom), color="C1", ha="right", va="bottom")
    ax.annotate("1se ", (stiff.alpha_, bottom), color="C2", ha="right", va="bottom")

# %%
# The family, too
# ---------------
#
# :class:`~skweight.ordinal.PrestoClassifier` in ``GridSearchCV`` searches any parameter. Here the
# family decides what a coefficient means: ``cumulative`` cuts a latent scale, ``continuation`` goes
# step by step, ``adjacent`` compares neighbours. Several scores are computed in one search; the
# ranked probability score, which knows the order, decides.

from sklearn.model_selection import GridSearchCV

from skweight.metrics import (
    neg_multiclass_brier_score_scorer,
    neg_ranked_probability_score_scorer,
    neg_rare_class_error_scorer,
)
from skweight.ordinal import PrestoClassifier

search = GridSearchCV(
    make_pipeline(encoder, PrestoClassifier()),
    {
        "prestoclassifier__family": ["cumulative", "continuation", "adjacent"],
        "prestoclassifier__alpha": [0.001, 0.003, 0.01, 0.03],
    },
    scoring={
        "RPS": neg_ranked_probability_score_scorer,
        "Brier": neg_multiclass_brier_score_scorer,
        "killed": neg_rare_class_error_scorer,
        "log loss": "neg_log_loss",
    },
    refit="RPS",
).fit(X, y)

import pandas as pd

results = pd.DataFrame(search.cv_results_)
table = results.rename(columns=lambda name: name.removeprefix("param_prestoclassifier__"))
table = table.rename(columns=lambda name: name.removeprefix("mean_test_"))
table[["family", "alpha", "RPS", "Brier", "killed", "log loss"]].round(4)

# %%
# The families are close; which one is right is a question about the process more than about the
# score. Penalties of different families live on different scales, so each needs its own grid.
#
# On the rows left aside
# ----------------------
#
# The last word belongs to rows that no search has seen.

models = {
    "best of the path": best_pipeline,
    "1se of the path": stiff_pipeline,
    "best of the grid": search.best_estimator_,
}
scores = {
    "RPS": neg_ranked_probability_score_scorer,
    "Brier": neg_multiclass_brier_score_scorer,
    "killed": neg_rare_class_error_scorer,
}
pd.DataFrame(
    {
        name: {score: -scorer(model, X_test, y_test) for score, scorer in scores.items()}
        for name, model in models.items()
    }
).T.round(4)

# %%
# The picture above, in one line each: what the stiffer model says.

places = crashes.target_names[2:]
for name, steps in zip(stiff_pipeline[0].get_feature_names_out(), stiff.delta_coef_.T):
    if steps.any():
        changes = [f"{d:+.2f} at “{place}”" for d, place in zip(steps[1:], places) if d]
        print(f"{name:16} {steps[0]:+.2f}", *changes, sep="  ")
plt.show()
