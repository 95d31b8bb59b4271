"""
Alike by sex, alike by origin, and not alike
============================================

Predictions can be the same on average for women and men, and the same for both origins, and still
favour two of the four groups. Whoever looks at one attribute at a time sees nothing of it. This
example shows which measures of dependence do, and what a model does with each.
"""

# %%
# Exactly one of the two
# ----------------------
#
# The smallest case: four groups of equal size, and a prediction of 1 for those who are in exactly
# one of two halves. The sum of the distance covariances with each attribute is 0. With both
# attributes taken as one vector, "ccdcov", it is not, and neither is the joint distance
# covariance, "jdcov".

import numpy as np

from skweight.fairness import (
    concatenated_distance_covariance,
    distance_covariance,
    joint_distance_covariance,
)

first, second = np.array([0.0, 0, 1, 1]), np.array([0.0, 1, 0, 1])
exactly_one = np.array([0.0, 1, 1, 0])
each = [distance_covariance(exactly_one, attribute) for attribute in (first, second)]
print(f"sum:    {sum(each):.4f}")
print(f"ccdcov: {concatenated_distance_covariance(exactly_one, [first, second]):.4f}")
print(f"jdcov:  {joint_distance_covariance([exactly_one, first, second]):.4f}")

# %%
# A feature that knows the intersection
# -------------------------------------
#
# 2,000 applicants. The first of three features is higher for women of origin A and men of origin B
# than for the others, the second knows nothing, and the third knows what the first one does,
# reversed and fainter, so that it is of no use beside it.

import pandas as pd

rng = np.random.default_rng(0)
people = pd.DataFrame({"sex": rng.choice(["F", "M"], 2000), "origin": rng.choice(["A", "B"], 2000)})
favoured = np.where((people["sex"] == "F") == (people["origin"] == "A"), 1.0, -1.0)
X = rng.normal(size=(2000, 3)) + np.outer(favoured, [0.8, 0, -0.4])
y = X[:, 0] + X[:, 1] + 0.5 * rng.normal(size=2000)
train, test = np.arange(1000), np.arange(1000, 2000)

# %%
# The report of a plain fit, on the applicants set aside: little by sex or by origin, and a lot by
# both. The last column is what the gap would be by chance, in one of twenty draws.

from sklearn.linear_model import LinearRegression

from skweight.metrics import fairness_report

plain = LinearRegression().fit(X[train], y[train]).predict(X[test])
report = fairness_report(plain, people.iloc[test], n_permutations=50, random_state=0)
report.to_frame("summary")[["n_groups", "ks_gap", "ks_gap_baseline_q95"]].round(3)

# %%
# Three measures
# --------------
#
# Paths of strengths under each measure, and what is left at strength 30 on the applicants set
# aside: dependence on each attribute and on both, and the largest gap between two of the four
# groups.

from skweight.fairness import DistanceCovarianceRegressor, FairnessPath, fairness_path


def follow(measure) -> FairnessPath:
    """Fit a path under a measure, and look at the applicants set aside."""
    return fairness_path(
        DistanceCovarianceRegressor(measure=measure), X[train], y[train], (0, 3, 10, 30, 100),
        sensitive_features=people.iloc[train], X_val=X[test], y_val=y[test],
        sensitive_features_val=people.iloc[test],
    )  # fmt: skip


paths = {measure: follow(measure) for measure in ("sum", "ccdcov", "jdcov")}
columns = ["loss", "dependence_sex", "dependence_origin", "dependence", "ks_gap"]
at_30 = {measure: path.to_frame()[columns].iloc[3] for measure, path in paths.items()}
pd.DataFrame({"no penalty": paths["sum"].to_frame()[columns].iloc[0], **at_30}).T.round(3)

# %%
# The sum has hardly anything to hold on to, at any strength: with many rows and groups of equal
# size it would be 0 from the start. The other two have. Their strengths are not the same currency,
# so compare them where their losses are equal: then they leave about the same gap.

import matplotlib.pyplot as plt

from skweight.fairness import FairnessFrontierDisplay

fig, ax = plt.subplots(figsize=(7, 4.2))
for measure in ("jdcov", "ccdcov", "sum"):
    FairnessFrontierDisplay.from_path(paths[measure], x="ks_gap", name=measure, ax=ax)

# %%
# What does a model do?
# ---------------------
#
# The third feature, of no use without a penalty, comes in to offset what the first one knows, and
# the first one counts less. The second one, which knows nothing, stays.

coefficients = {measure: path.estimators[3].coef_ for measure, path in paths.items()}
names = ["first", "second", "third"]
pd.DataFrame({"no penalty": paths["sum"].estimators[0].coef_, **coefficients}, names).T.round(2)

# %%
# The four groups under "sum" and under "ccdcov", at strength 30. Where predictions are independent
# all curves lie on the grey area: these are closer, and not there.

from skweight.fairness import GroupDistributionDisplay

GroupDistributionDisplay.from_estimator(
    paths["ccdcov"].estimators[3], X[test], people.iloc[test], before=paths["sum"].estimators[3],
    names=("sum", "ccdcov"),
)  # fmt: skip
plt.show()

# %%
# "ccdcov" is the default: it is 0 only where predictions do not depend on all attributes together.
# "jdcov" has a constant ``c`` that trades pairs against intersections. Take the sum where each
# attribute by itself is all that is asked for. And look at the sizes of groups: four attributes of
# five levels make 625.
