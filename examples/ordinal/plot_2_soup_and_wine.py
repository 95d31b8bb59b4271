"""
Soup and wine: when there is little to win
==========================================

Two classics of ordinal regression, told honestly. Ratings of wine are a data set in which
proportional odds holds, as far as 72 glasses can tell. Ratings of soup are the real data of the
paper behind PRESTO, where the last class has 12 % of the rows and is not rare. In neither should
one expect much of a method for rare last classes, and in neither does it gain much. This example
shows how to see that, and why a published figure says otherwise.
"""

# %%
# Wine
# ----
#
# Nine judges rated the bitterness of eight glasses each, from 1 to 5. The grapes had been crushed
# cold or warm, with or without contact of juice and skins.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skweight.datasets import load_wine_ratings
from skweight.ordinal import ProportionalOddsClassifier, proportionality_test

wine = load_wine_ratings()
X = pd.DataFrame(wine.data, columns=wine.feature_names)
y = wine.target + 1

po = ProportionalOddsClassifier().fit(X, y)
po.summary().to_frame().round(3)

# %%
# Both matter. Does either matter differently at different steps? There is no sign of it:

proportionality_test(X, y).to_frame().round(3)

# %%
# And PRESTO agrees. With ``base_penalty=0`` the common coefficients are free and only deviations
# are penalised; cross-validation finds none worth having.

from skweight.ordinal import ExceedanceDisplay, PrestoClassifierCV

presto = PrestoClassifierCV(base_penalty=0, selection="1se").fit(X, y)
print("features that break proportional odds:", list(X.columns[presto.varying_]))

# %%
# :class:`~skweight.ordinal.ExceedanceDisplay` draws the chance of each rating or more. Below,
# along the four kinds of glasses; dots are the shares that were seen, of 18 ratings each.

kinds = pd.DataFrame({"temp_warm": [0, 0, 1, 1], "contact_yes": [0, 1, 0, 1]}, dtype=float)
above = po.predict_exceedance(kinds)
seen = np.array(
    [[(y[(kind == X).all(axis=1)] > k).mean() for k in range(1, 5)] for kind in kinds.values]
)
display = ExceedanceDisplay(
    np.arange(4), above, po.class_order_, x_name="kind of glass", observed=(np.arange(4), seen)
).plot()
display.ax_.set_xticks(range(4), ["cold", "cold,\ncontact", "warm", "warm,\ncontact"])
display.ax_.set_title("Bitterness of wine: proportional odds fits")

# %%
# Soup
# ----
#
# Tasters said how sure they were that a sample was the reference soup. The paper compares models
# on the last class, "reference, sure", over random splits, by an equal-frequency calibration
# error. Here are twelve such splits with three measures of the same predictions: the Brier score
# of the last class, the calibration error, and the calibration error *as published*, whose code
# compares predictions in one order of rows with bins in another.

from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from skweight.datasets import load_soup
from skweight.metrics import equal_frequency_calibration_error

soup = load_soup()
models = {
    "PRESTO": PrestoClassifierCV(n_alphas=10, monotone="box"),
    "proportional odds": ProportionalOddsClassifier(),
    "logistic regression": LogisticRegression(C=np.inf, max_iter=1000),
}
measures = {
    "Brier score": lambda event, p: np.mean((event - p) ** 2),
    "calibration error": equal_frequency_calibration_error,
    "calibration error, as published": lambda event, p: equal_frequency_calibration_error(
        event, p, published=True
    ),
}
spread = {name: [] for name in models}
errors = {measure: {name: [] for name in models} for measure in measures}
for seed in range(12):
    X_train, X_test, y_train, y_test = train_test_split(
        soup.data, soup.target, test_size=0.1, random_state=seed
    )
    for name, model in models.items():
        target = y_train == 5 if name == "logistic regression" else y_train
        risk = model.fit(X_train, target).predict_proba(X_test)[:, -1]
        spread[name].append(risk.std())
        for measure, function in measures.items():
            errors[measure][name].append(function(y_test == 5, risk))

fig, axes = plt.subplots(1, 3, figsize=(10, 3.2), sharey=True)
for ax, (measure, by_model) in zip(axes, errors.items()):
    for i, values in enumerate(by_model.values()):
        jitter = np.linspace(-0.18, 0.18, len(values))
        ax.plot(values, i + jitter, "o", ms=4, alpha=0.6)
        ax.plot([np.median(values)] * 2, [i - 0.3, i + 0.3], color="0.15", lw=2)
    ax.set(title=measure, xlabel="less is better")
axes[0].set_yticks(range(3), models)
axes[0].invert_yaxis()
fig.suptitle("The last class of soup, twelve splits; bars are medians")

# %%
# By the Brier score, which is proper, the three cannot be told apart; by the calibration error
# PRESTO and proportional odds are level. Only the published computation puts PRESTO first. It
# mostly measures the spread of the predictions, and PRESTO's are the ones that spread least:

for name, values in spread.items():
    print(f"{name:20} standard deviation of the predicted risk: {np.median(values):.3f}")

# %%
# So PRESTO is not worse here, but this is not the data set to recommend it by. The crash data of
# :ref:`the first example <sphx_glr_auto_examples_ordinal_plot_1_crash_severity.py>` are.
#
# What the model says of the test rows of the last split, drawn against what happened in ten bins
# of them:

presto = models["PRESTO"]
ExceedanceDisplay.from_predictions(
    y_test, presto.predict_exceedance(X_test), class_order=presto.class_order_, n_bins=10
)
plt.show()

# %%
# sphinx_gallery_thumbnail_number = 2
