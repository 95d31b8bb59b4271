"""
Predictions by group, of any model
==================================

A model of claim frequencies is never told the policyholder's gender, region or age. Do its
predictions depend on them all the same? :func:`~skweight.metrics.fairness_report` compares their
distribution between groups, by each attribute alone and by all together, and says how much of it
small groups would show anyway.
"""

# %%
# A motor portfolio
# -----------------
#
# Simulated policies, in which rating factors stand in for the protected attributes: mileage for
# gender, harsh braking for age on both ends, driving by night for young men and old women. The
# frequency itself depends on the rating factors alone, so there is nothing to be gained from
# knowing more.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import GridSearchCV, train_test_split

from skweight.datasets import make_motor_portfolio
from skweight.metrics import (
    FairnessReport,
    conditional_mean_curve,
    demographic_parity_gap,
    fairness_report,
    fairness_scorer,
)

motor = make_motor_portfolio(20_000, protected_effect=0, random_state=0)
people = motor.sensitive_features
people["half"] = np.where(people["age"] < 49, "younger", "older")
train, test = train_test_split(np.arange(20_000), random_state=0)
X, exposure = motor.data, motor.exposure
frequency = motor.target / exposure

model = HistGradientBoostingRegressor(
    loss="poisson", max_iter=60, learning_rate=0.1, random_state=0
)
model.fit(X[train], frequency[train], sample_weight=exposure[train])
rates = model.predict(X[test])

# %%
# The report
# ----------
#
# On held-out policies, weighted by their exposure. The two lines under each figure say what it
# would be if the groups did not differ: without them, nobody knows whether 0.2 is much.

report: FairnessReport = fairness_report(
    rates,
    people[["gender", "half"]].iloc[test],
    y_true=frequency[test],
    sample_weight=exposure[test],
    n_permutations=50,
    random_state=0,
)
report

# %%
# Women and men differ, and so do the younger and the older. The intersections say more: three of
# the four groups are alike, and young men pay two thirds more. Attributes one by one show two
# gaps of half that size and in the wrong places. Look at intersections, and at their sizes too.
# With regions and bins of age there are 100 groups, and some are too small for figures.

full = fairness_report(
    rates, people[["gender", "region", "age"]].iloc[test], sample_weight=exposure[test],
    n_permutations=20, random_state=0,
)  # fmt: skip
print(len(full.small_groups), "groups are too small")
full.to_frame("summary")[["n_groups", "n_small", "ks_gap", "ks_gap_baseline_q95"]].round(3)

# %%
# Along age
# ---------
#
# Two halves hide the shape. The curve shows it: young drivers pay most, and the oldest more than
# those in the middle, which is what harsh braking knows of age. A correlation would not see it.

curve = conditional_mean_curve(rates, people["age"].iloc[test], 12, exposure[test])
told = conditional_mean_curve(frequency[test], people["age"].iloc[test], 12, exposure[test])

fig, ax = plt.subplots(figsize=(7, 4))
ax.errorbar(told.centres, told.means, 2 * told.standard_errors, fmt="o", color="C5", label="claims")
ax.plot(curve.centres, curve.means, color="C0", label="predicted")
ax.set(xlabel="age", ylabel="claims a year", title="Held-out policies, two standard errors")
ax.legend()

# %%
# In a search
# -----------
#
# :func:`~skweight.metrics.fairness_scorer` puts such a figure beside the loss. The attributes are
# routed here, since the model must not see them. The search is for the loss, and the gap stands
# beside it.

import sklearn
from sklearn.metrics import get_scorer

with sklearn.config_context(enable_metadata_routing=True):
    gap = fairness_scorer(demographic_parity_gap)
    gap.set_score_request(sensitive_features=True, sample_weight=True)
    deviance = get_scorer("neg_mean_poisson_deviance").set_score_request(sample_weight=True)
    search = GridSearchCV(
        model.set_fit_request(sample_weight=True),
        {"max_leaf_nodes": [2, 4, 8, 31]},
        scoring={"deviance": deviance, "gap": gap},
        refit="deviance",
        cv=3,
        error_score="raise",
    )
    search.fit(
        X[train], frequency[train], sample_weight=exposure[train],
        sensitive_features=people[["gender", "half"]].iloc[train],
    )  # fmt: skip

results = search.cv_results_
for k, leaves in enumerate(results["param_max_leaf_nodes"]):
    deviance, gap = -results["mean_test_deviance"][k], -results["mean_test_gap"][k]
    print(f"{leaves:2d} leaves: deviance {deviance:.4f}, gap {gap:.3f}")
plt.show()

# %%
# All of them leave a gap: choosing among such models does not close it. Models that are *fitted* to
# depend less on protected attributes are in :mod:`skweight.fairness`. And a small gap on these
# rows would say nothing of error rates, or of attributes that are not here.
