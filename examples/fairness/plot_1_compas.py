"""
Race, sex and age at once
=========================

A model that never sees race, sex or age can depend on all three, since other columns stand in for
them. This example measures by how much, makes the dependence smaller with
:class:`~skweight.fairness.DistanceCovarianceClassifierCV`, and looks at what that costs and at what
it does not change, on the data on which the question became famous.
"""

# %%
# COMPAS
# ------
#
# 6,172 people arrested in Broward County, Florida, and whether they were arrested again within two
# years. It is a historical benchmark with known bias in its labels, and no use case to copy: an
# arrest is no offence, and who is arrested is itself a matter of race and place. Whether a model
# may be fitted with such attributes at all differs by country and by line of business; ask counsel.
#
# The features are earlier offences, the degree of the charge and the days between arrest and
# score. Race, sex and age stay outside.

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skweight.datasets import load_compas

compas = load_compas()
X, y, people = compas.data, compas.target, compas.sensitive_features
X[:, :4] = np.log1p(X[:, :4])  # the numbers of earlier offences
rows = np.arange(len(y))
train, test = train_test_split(
    rows, test_size=0.4, stratify=people[["race", "sex"]], random_state=0
)
X = StandardScaler().fit(X[train]).transform(X)

# %%
# Leaving columns out is not enough
# ---------------------------------
#
# A plain logistic regression is the one of strength 0. On the people set aside,
# :func:`~skweight.metrics.fairness_report` compares its predictions between groups: by each
# attribute alone and by all three together, age in three bins. The last column is what the largest
# gap between two groups would reach by chance, in one of twenty draws, if they did not differ.

from skweight.fairness import DistanceCovarianceClassifier
from skweight.metrics import fairness_report

plain = DistanceCovarianceClassifier(fairness_alpha=0)
plain.fit(X[train], y[train], sensitive_features=people.iloc[train])
before = plain.predict_proba(X[test])[:, 1]


def summary(predictions):
    """Tabulate what differs between groups on the people set aside."""
    report = fairness_report(
        predictions, people.iloc[test], n_bins=3, n_permutations=30, random_state=0
    )
    columns = ["n_groups", "n_small", "variance_ratio", "ks_gap", "ks_gap_baseline_q95"]
    return report.to_frame("summary")[columns].round(3)


summary(before)

# %%
# How strong?
# -----------
#
# Loss alone would always choose strength 0. So we say what we want, a quarter of the dependence,
# and :class:`~skweight.fairness.DistanceCovarianceClassifierCV` takes the lowest loss within that
# budget, both on held-out rows of five folds. Age enters as the number it is, and the intersections
# are in the measure. The curve is the price list.

from skweight.fairness import DistanceCovarianceClassifierCV, FairnessFrontierDisplay

model = DistanceCovarianceClassifierCV(
    fairness_alphas=(0, 3, 10, 15, 20, 30, 50, 100), fairness_budget=0.25
)
model.fit(X[train], y[train], sensitive_features=people.iloc[train])
FairnessFrontierDisplay.from_estimator(model)

# %%
# From here on only the people set aside count.

import pandas as pd
from sklearn.metrics import log_loss, roc_auc_score

from skweight.fairness import dependence_score

after = model.predict_proba(X[test])[:, 1]
constant = np.full(len(test), y[train].mean())
pd.DataFrame(
    {
        name: {
            "log-loss": log_loss(y[test], p),
            "AUC": roc_auc_score(y[test], p),
            "standard deviation": p.std(),
            "distance covariance, x 1000": 1000 * dependence_score(p, people.iloc[test]),
            "distance correlation": dependence_score(p, people.iloc[test], normalize=True),
        }
        for name, p in {"plain": before, "chosen": after, "constant": constant}.items()
    }
).T.round(3)

# %%
# Four fifths of the dependence are gone, and more than half of what the model knew beyond a
# constant. There is no cheap part in this data: what the features say about arrests is close to
# what they say about race and sex. And part of the independence is that all predictions moved
# together, to less than half their standard deviation. The squared distance correlation, which
# does not see that, is down by half.
#
# The groups
# ----------
#
# One curve for each group that has 30 people; where predictions are independent all curves lie on
# the grey area.

from skweight.fairness import GroupDistributionDisplay

GroupDistributionDisplay.from_predictions(
    after, people[["race", "sex"]].iloc[test], y_pred_before=before, names=("plain", "chosen"),
    x_name="predicted probability of an arrest",
)  # fmt: skip

# %%
# The divergence above the panels is taken in units of their spread, and it fell as well. But the
# curves do not coincide, and neither do ranks. Compare the gaps with those above: they fell by less
# than the distance covariance did, and in the intersections hardly, where groups are small and
# chance alone makes most of the gap.

summary(after)

# %%
# Age
# ---
#
# Means along age, with the arrests that followed. The plain model already knows little of age: the
# young have had no time for a record, the old were arrested less often than their record suggests.
# The chosen one is flat. Neither follows the outcomes, and independence does not ask for it:
# both say too little for the young, and too much for the old.

from skweight.fairness import ConditionalMeanDisplay

display = ConditionalMeanDisplay.from_predictions(
    {"plain": before, "chosen": after, "observed": y[test]},
    people["age"].iloc[test],
    y_name="predicted probability of an arrest",
)

# %%
# What it does not promise
# ------------------------
#
# Say the highest 30 % of the predictions are flagged. The shares come closer together, also among
# those who were not arrested again. Means within groups move away from the outcomes: of two groups
# with different rates of arrest, the same predictions cannot be right on average for both.

import matplotlib.pyplot as plt

table = {}
for name, p in {"plain": before, "chosen": after}.items():
    flagged = p > np.quantile(p, 0.7)
    for race in ("African-American", "Caucasian"):
        group = (people["race"].iloc[test] == race).to_numpy()
        table[name, race] = {
            "flagged": flagged[group].mean(),
            "of those not arrested": flagged[group & (y[test] == 0)].mean(),
            "of those arrested": flagged[group & (y[test] == 1)].mean(),
            "mean prediction": p[group].mean(),
            "arrested": y[test][group].mean(),
        }
plt.show()
pd.DataFrame(table).T.round(3)

# %%
# Which of these should be equal is not for a package to say: they cannot all be. This one makes
# predictions depend less on the attributes that it was given. If error rates are what matters, use
# a method that aims at them.
