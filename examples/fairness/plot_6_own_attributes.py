"""
Your own attributes: columns, codes and searches
================================================

How often will somebody see a doctor? The answer should not tell whether it is a woman, nor how old.
This example is about the ways in which protected attributes arrive: as columns of the data, as
codes, with gaps, as several columns that are one attribute; and about searches for more than the
strength. There are four classes, and independence costs less than one might think.
"""

# %%
# Columns of X
# ------------
#
# 5,190 adults of a health survey in Australia in 1977 and 1978, and their visits in two weeks: 0,
# 1, 2, or 3 and more. Some features are close to age and gender, ``freerepat`` above all, a free
# insurance of veterans and the old.

from sklearn.model_selection import train_test_split

from skweight.datasets import load_doctor_visits

visits = load_doctor_visits(as_frame=True)
insurance = ["private", "freepoor", "freerepat"]
yes_or_no = [*insurance, "nchronic", "lchronic"]
X = visits.data.assign(**{name: visits.data[name] == "yes" for name in yes_or_no})
X["age"] = (100 * X["age"]).round()
X, X_test, y, y_test = train_test_split(
    X, visits.target, test_size=0.4, stratify=visits.target, random_state=0
)
X.head(3)

# %%
# ``sensitive_columns`` names the attributes. They become no features, so they may hold text, and a
# data frame to predict for may lack them.

from skweight.fairness import DistanceCovarianceClassifier

protected = ["gender", "age"]
plain = DistanceCovarianceClassifier(0, sensitive_columns=protected).fit(X, y)
model = DistanceCovarianceClassifier(10, sensitive_columns=protected).fit(X, y)
model.predict_proba(X_test.drop(columns=protected))[:3].round(3)

# %%
# With four classes the dependences of the four probabilities are added up.

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss

from skweight.fairness import dependence_score


def figures(probability):
    """Say what probabilities are worth on the people set aside, and what they know."""
    return {
        "log-loss": log_loss(y_test, probability),
        "dependence, x 1000": 1000 * dependence_score(probability, X_test[protected]),
    }


shares = np.tile(y.value_counts(normalize=True).sort_index(), (len(y_test), 1))
table = {
    "constant": figures(shares),
    "plain": figures(plain.predict_proba(X_test)),
    "strength 10": figures(model.predict_proba(X_test)),
}
pd.DataFrame(table).T.round(3)

# %%
# Nine tenths of the dependence are gone, for a fifth of what the features say about visits.
#
# A search
# --------
#
# With the attributes in X, a search hands them to every fold, and a scorer finds them by name,
# whatever a ``Pipeline`` does with the columns on the way. Only the names must survive:
# ``set_output(transform="pandas")``. Here the search also asks whether three of the features
# need curves.

from sklearn.compose import ColumnTransformer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import SplineTransformer

from skweight.fairness import refit_within_budget
from skweight.metrics import fairness_scorer

curves = SplineTransformer(n_knots=3, degree=2, knots="uniform", include_bias=False)
columns = ColumnTransformer(
    [("shape", curves, ["illness", "reduced", "health"])],
    remainder="passthrough",
    verbose_feature_names_out=False,
).set_output(transform="pandas")
search = GridSearchCV(
    Pipeline([("columns", columns), ("model", model)]),
    {"columns__shape": ["passthrough", curves], "model__fairness_alpha": [0, 1, 3, 10]},
    scoring={
        "log-loss": "neg_log_loss",
        "dependence": fairness_scorer(dependence_score, sensitive_columns=protected),
    },
    refit=refit_within_budget("log-loss", "dependence", fairness_budget=0.25),
    cv=3,
    error_score="raise",
)
search.fit(X, y)
print("chosen:", search.best_params_)
pd.DataFrame(table | {"search": figures(search.predict_proba(X_test))}).T.round(3)

# %%
# All candidates of the search. Curves are worth more than independence costs: the chosen model is
# better than the plain one without them, with a quarter of its dependence.

import matplotlib.pyplot as plt

from skweight.fairness import FairnessFrontierDisplay

results = pd.DataFrame(search.cv_results_)
fig, ax = plt.subplots(figsize=(7, 4.2))
for curved, name in {False: "straight lines", True: "with curves"}.items():
    some = results[(results["param_columns__shape"] != "passthrough") == curved]
    FairnessFrontierDisplay.from_points(
        -some["mean_test_log-loss"],
        -some["mean_test_dependence"],
        some["param_model__fairness_alpha"],
        chosen=search.best_params_["model__fairness_alpha"] if curved else None,
        loss_name="held-out log-loss",
        name=name,
        ax=ax,
    )

# %%
# Groups of gender and age, age in three bins, and the probability of no visit at all.

from skweight.fairness import GroupDistributionDisplay

GroupDistributionDisplay.from_estimator(
    search, X_test, X_test[protected], before=plain, pos_label="0", names=("plain", "search")
)

# %%
# A sum over classes promises little for a rare one. Probabilities of three visits or more are
# small, and so is their part of the sum: the divergence of the groups is no smaller.

from skweight.metrics import js_divergence_score

for name, fitted in {"plain": plain, "search": search}.items():
    rare = fitted.predict_proba(X_test)[:, 3]
    print(f"{name}: {js_divergence_score(rare, X_test[protected], n_bins=3):.3f} bits")
plt.show()

# %%
# A ``ColumnTransformer`` wants all of its columns back when it predicts, protected ones too. If
# they will not be there, pass the attributes beside X, as ``sensitive_features``; the example on
# motor prices has it in a search.
#
# Codes, gaps, several columns
# ----------------------------
#
# Whether a number counts or stands for a group, only you know. A warning asks where it looks
# like a code.

import warnings

codes = {"insurance": X["private"] + 2 * X["freepoor"] + 3 * X["freerepat"]}
features = X[["income", "illness", "health"]]
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    DistanceCovarianceClassifier().fit(features, y, sensitive_features=codes)
    told = DistanceCovarianceClassifier(sensitive_types={"insurance": "nominal"})
    told.fit(features, y, sensitive_features=codes)
print(*(warning.message for warning in caught), sep="\n")

# %%
# An attribute that is several columns already is one attribute with a dict.

together = DistanceCovarianceClassifier(
    sensitive_columns={"insurance": insurance, "gender": "gender", "age": "age"}
).fit(X, y)
print(together.sensitive_encoder_)

# %%
# And a missing value is an error, until you say that not to know is a group like others.

asked = X["gender"].astype(object).where(np.arange(len(X)) % 20 > 0, None)
try:
    DistanceCovarianceClassifier().fit(features, y, sensitive_features=asked)
except ValueError as error:
    print(error)
with_gaps = DistanceCovarianceClassifier(missing="category")
print(with_gaps.fit(features, y, sensitive_features=asked).sensitive_encoder_)
