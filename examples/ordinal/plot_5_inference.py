"""
Which effects, at which step, and how sure?
===========================================

How often did somebody see a doctor in the last two weeks: not at all, once, twice, three times or
more? The Australian Health Survey of 1977 and 1978 asked 5,190 adults, and only 1.8 % are in the
last class. This example is about *explaining* such an outcome: standard errors, a test of the
proportional odds assumption, effects in units of probability, and intervals that remain valid
after a penalty has selected the features.
"""

# %%
# The classical model
# -------------------
#
# :class:`~skweight.ordinal.ProportionalOddsClassifier` has one coefficient for each feature, fitted
# by maximum likelihood. A positive one pushes towards more visits, at every step alike.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skweight.datasets import load_doctor_visits
from skweight.ordinal import ProportionalOddsClassifier

visits = load_doctor_visits()
X = pd.DataFrame(visits.data, columns=visits.feature_names)
y = visits.target

po = ProportionalOddsClassifier().fit(X, y)
po.summary().to_frame().round(3)

# %%
# Does one coefficient suffice?
# -----------------------------
#
# :func:`~skweight.ordinal.proportionality_test` asks this of each feature, and of all together. The
# score test needs the fit above and no other; the likelihood-ratio test fits, for each feature, the
# model in which its coefficients are free. They agree here, as they should with many rows.

from skweight.ordinal import proportionality_test

score = proportionality_test(X, y)
ratio = proportionality_test(X, y, kind="lr")
pd.DataFrame(
    {
        "df": score.df,
        "score": score.statistic.round(1),
        "p (score)": score.p_value.round(4),
        "likelihood ratio": ratio.statistic.round(1),
        "p (ratio)": ratio.p_value.round(4),
    },
    index=score.name,
)

# %%
# Two features stand out: ``reduced``, the days of reduced activity, and ``freerepat``, free
# insurance of pensioners. Their effect is not the same at each step.
#
# Effects on probabilities
# ------------------------
#
# A coefficient on the logit scale does not say how much the probability of a *class* moves, nor,
# for the classes in the middle, in which direction. :func:`~skweight.ordinal.marginal_effects`
# does, as an average over the people asked. For a feature with two values it is the difference
# between the two.

from skweight.ordinal import PrestoClassifierCV, marginal_effects

effects = marginal_effects(po, X)

shown = ["illness", "reduced", "freepoor_yes", "freerepat_yes", "gender_male"]
columns = [visits.feature_names.index(name) for name in shown]
fig, axes = plt.subplots(1, 4, figsize=(10, 3), sharey=True)
for k, ax in enumerate(axes):
    half = 1.96 * effects.standard_errors[k, columns]
    ax.errorbar(effects.effects[k, columns], shown, xerr=half, fmt="o", capsize=3)
    ax.axvline(0, color="0.6", lw=1)
    ax.set(title=f"P(visits = {visits.target_names[k]})", xlabel="change in probability")
axes[0].invert_yaxis()
fig.suptitle("Average marginal effects, with 95 % intervals")

# %%
# After selection: refit on other rows
# ------------------------------------
#
# Which deviations from proportional odds are worth having? A penalised fit answers that by
# cross-validation, but its own coefficients come without standard errors: they are shrunk, and
# were chosen by looking at the same rows. So one half of the data selects, and
# :func:`~skweight.ordinal.selected_summary` estimates what was selected, without a penalty, on
# the other half. On those rows the model is given, and its intervals are the ordinary ones.

from sklearn.model_selection import train_test_split

from skweight.ordinal import selected_summary

X_select, X_refit, y_select, y_refit = train_test_split(
    X, y, test_size=0.5, stratify=y, random_state=0
)
selector = PrestoClassifierCV(scoring="neg_log_loss").fit(X_select, y_select)
table = selected_summary(selector, X_refit, y_refit)
table.to_frame().round(3)

# %%
# A row such as "reduced: change at P(y > 2)" is the difference between the coefficients at two
# neighbouring steps. Here they are beside what the penalised fit says, from the rows that selected
# them:

names = [name for name in table.name if not str(name).startswith("P(")]
index = [list(table.name).index(name) for name in names]
fig, ax = plt.subplots(figsize=(7, 0.35 * len(names) + 1.2))
position = np.arange(len(names))
half = 1.96 * table.standard_error[index]
ax.errorbar(
    table.estimate[index], position, xerr=half, fmt="o", capsize=3, label="refit, other half"
)
ax.plot(
    selector.delta_coef_[selector.delta_coef_ != 0], position, "s", mfc="none", label="penalised"
)
ax.axvline(0, color="0.6", lw=1)
ax.set_yticks(position, names)
ax.set(xlabel="coefficient, or change of it", ylim=(len(names) - 0.5, -0.5))
ax.legend()
fig.suptitle("What was selected on one half, estimated on the other")
plt.show()

# %%
# The two features that the test pointed at keep their deviations on the other half: each further
# day of reduced activity counts more for three visits than for one, and free insurance of
# pensioners goes with a visit, but not with several. The other deviations that were selected
# might be nothing.
