"""
Who dies in a crash? A rare last class
======================================

After a car crash an occupant is unhurt, possibly injured, injured without or with incapacity, or
killed. Killed is the rare class, 4.3 % of the rows, and the one that matters. Three models can
estimate its probability:

* a *logistic regression* of "killed or not": it ignores how badly the others were hurt, and has few
  events to learn from;
* the *proportional odds* model: it uses every degree of injury, but believes that each feature acts
  the same at every step;
* *PRESTO*: every step has its own coefficients, shrunk towards those of its neighbour.

Which is best depends on how much data there is, and that is the point.
"""

# %%
# The data
# --------
#
# 25,928 front-seat occupants in crashes in the United States, 1997 to 2002. The survey's weights
# are left out here: this story is about the sample and its rows.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split

from skweight.datasets import load_nass_cds

crashes = load_nass_cds()
X, X_test, y, y_test = train_test_split(
    crashes.data, crashes.target, test_size=10_000, stratify=crashes.target, random_state=0
)
for name, n in zip(crashes.target_names, np.bincount(crashes.target)):
    print(f"{name:16} {n:6d}  {n / len(crashes.target):.1%}")

# %%
# How much data does each model need?
# -----------------------------------
#
# We let each model learn from a few hundred up to several thousand rows, some times each, and
# measure on 10,000 other rows how much of the uncertainty about death it removes: one minus its
# log loss over that of a model that knows nothing but the overall frequency. Zero is useless;
# greater is better.

from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skweight.ordinal import PrestoClassifierCV, ProportionalOddsClassifier

models = {
    "PRESTO": PrestoClassifierCV(n_alphas=12),
    "proportional odds": ProportionalOddsClassifier(),
    "logistic regression": make_pipeline(StandardScaler(), LogisticRegression()),
}
killed = y_test == 4
ignorance = log_loss(killed, np.full(len(killed), killed.mean()))
sizes = [500, 1000, 2000, 4000, 8000]
skill = {name: np.zeros((len(sizes), 4)) for name in models}
for i, n in enumerate(sizes):
    for draw in range(4):
        X_part, _, y_part, _ = train_test_split(X, y, train_size=n, stratify=y, random_state=draw)
        for name, model in models.items():
            target = y_part == 4 if name == "logistic regression" else y_part
            risk = model.fit(X_part, target).predict_proba(X_test)[:, -1]
            skill[name][i, draw] = 1 - log_loss(killed, risk) / ignorance

fig, ax = plt.subplots(figsize=(7.5, 4.2))
for name, marker in zip(models, "os^"):
    mean, spread = skill[name].mean(axis=1), skill[name].std(axis=1)
    ax.plot(sizes, mean, marker + "-", label=name)
    ax.fill_between(sizes, mean - spread, mean + spread, alpha=0.12)
ax.set(xscale="log", xlabel="training rows (and deaths among them)", ylabel="skill for “killed”")
ax.set_xticks(sizes, [f"{n}\n({n * np.mean(y == 4):.0f})" for n in sizes])
ax.minorticks_off()
ax.legend()
fig.suptitle("Uncertainty about death removed, on other rows (band: spread of draws)")

# %%
# With few deaths, separate coefficients for the last step cannot be learned, and proportional
# odds is hard to beat. With many, proportional odds has stopped learning, since what it assumes
# is not true, and a logistic regression of the last class has caught up. PRESTO moves from one to
# the other by cross-validation, and in between it is better than both.
#
# Which features break proportional odds, and where?
# --------------------------------------------------
#
# The path of coefficients from stiff (left) to free (right), from all training rows. Each feature
# has one line for each step; where the lines of a feature part, one coefficient is not enough.

import pandas as pd

from skweight.ordinal import CoefficientPathDisplay

frame = pd.DataFrame(X, columns=crashes.feature_names)
model = PrestoClassifierCV(eps=1e-3).fit(frame, y)
shown = ["frontal", "sex_m", "deploy", "dvcat_55+", "airbag_airbag", "seatbelt_belted"]
CoefficientPathDisplay.from_estimator(model, features=shown)

# %%
# The dotted line is the penalty that cross-validation chose. A frontal impact lowers the odds at
# every step, but most of all those of death. Men are less likely to be injured at all, but not
# less likely to be killed. A deployed airbag goes with injury, less so with severe ones. A seat
# belt helps at every step about alike.
#
# These are associations in a sample of crashes, not effects: a car in which nobody was hurt and
# that could drive on is not in these data.
#
# Is the risk of the rare class right?
# ------------------------------------
#
# On the rows left aside, in bins of equal numbers of rows; the small numbers count the deaths.

from skweight.ordinal import RareClassCalibrationDisplay

po = ProportionalOddsClassifier().fit(frame, y)
fig, axes = plt.subplots(1, 2, figsize=(10, 4.4), sharey=True)
test = pd.DataFrame(X_test, columns=crashes.feature_names)
for ax, (name, fitted) in zip(axes, {"PRESTO": model, "proportional odds": po}.items()):
    RareClassCalibrationDisplay.from_estimator(
        fitted, test, y_test, n_bins=15, ax=ax, name=name, log=True
    )
fig.suptitle("Risk of death, predicted and observed")
plt.show()

# %%
# Both are about right. What separates them is less whether the predicted risk is true on average
# than how well it tells people apart, which is what the skill measures:

from skweight.metrics import rare_class_calibration_error

rows = {}
for name, fitted in {"PRESTO": model, "proportional odds": po}.items():
    proba = fitted.predict_proba(test)
    rows[name] = {
        "skill": 1 - log_loss(killed, proba[:, -1]) / ignorance,
        "calibration error": rare_class_calibration_error(y_test, proba),
    }
pd.DataFrame(rows).T.round(4)

# %%
# sphinx_gallery_thumbnail_number = 2
