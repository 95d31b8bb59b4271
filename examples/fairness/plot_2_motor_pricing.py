"""
Motor prices, with exposure
===========================

An insurer rates by mileage, braking and driving at night, and may rate by neither gender, region
and age nor by what gives them away. This example fits claim frequencies with
:class:`~skweight.fairness.DistanceCovarianceRegressorCV`, exposures as weights, and looks at what
an actuary will ask: what it costs, whether the portfolio still pays for its claims, and what
happens to the price of a single factor. In the end a search chooses more than the strength.
"""

# %%
# A portfolio
# -----------
#
# Simulated policies, of which the true frequency is known. It depends on the rating factors alone,
# and these depend on who drives: mileage and power on gender, density on the region, the bonus on
# age, harsh braking on age at both ends, and driving by night on gender and age together, on
# neither alone. The target is claims a year, and the exposure its weight, as with scikit-learn's
# ``PoissonRegressor``.

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skweight.datasets import make_motor_portfolio

motor = make_motor_portfolio(16_000, protected_effect=0, random_state=0)
drivers, exposure = motor.sensitive_features, motor.exposure
frequency = motor.target / exposure
train, test = train_test_split(np.arange(16_000), random_state=0)
X = StandardScaler().fit(motor.data[train]).transform(motor.data)
drivers.head(3)

# %%
# What does it cost?
# ------------------
#
# Protected attributes are passed to ``fit`` beside X, and nobody needs them to predict. With
# ``scale="mean_distance"`` all three count alike; as they come, age on the unit interval would
# count less than ten regions. Ages are continuous here, and ``max_levels`` rounds them to 30 steps
# for the penalty, which makes it fast. The strength is the one of lowest loss, half the Poisson
# deviance, among those that leave a quarter of the dependence at most, on held-out rows.

from skweight.fairness import DistanceCovarianceRegressorCV, FairnessFrontierDisplay

settings = {"loss": "poisson", "scale": "mean_distance", "max_levels": 30}
given = {"sample_weight": exposure[train], "sensitive_features": drivers.iloc[train]}
model = DistanceCovarianceRegressorCV((0, 1, 3, 10, 30, 100), fairness_budget=0.25, **settings)
model.fit(X[train], frequency[train], **given)
FairnessFrontierDisplay.from_estimator(model)

# %%
# :func:`~skweight.fairness.fairness_path` has the whole list, here measured on policies set aside:
# the loss, the dependence on all attributes jointly, and on each alone. A budget for all is no
# budget for each: at strength 10 the dependence on gender is down to a ninth, and that on age to
# four tenths.

from skweight.fairness import DistanceCovarianceRegressor, FairnessPath, fairness_path

path: FairnessPath = fairness_path(
    DistanceCovarianceRegressor(**settings), X[train], frequency[train], (0, 3, 10, 30, 100),
    **given, X_val=X[test], y_val=frequency[test], sample_weight_val=exposure[test],
    sensitive_features_val=drivers.iloc[test],
)  # fmt: skip
table = path.to_frame().set_index("fairness_alpha")
dependence = table.filter(like="dependence") * 1000
table[["loss"]].join(dependence.add_suffix(", x 1000")).round(3)

# %%
# Driver age
# ----------
#
# Strength 10 has taken more than half of the slope out of the curve and left its two ends, of which
# a correlation with age says little. At strength 30 about half of them is left.

from skweight.fairness import ConditionalMeanDisplay

frequencies = {"true": motor.expected_frequency[test]}
for strength, estimator in zip(path.fairness_alphas, path.estimators):
    if strength in (0, 10, 30):
        frequencies[f"strength {strength:g}"] = estimator.predict(X[test])
ConditionalMeanDisplay.from_predictions(
    frequencies, drivers["age"].iloc[test], sample_weight=exposure[test], y_name="claims a year"
)

# %%
# Does it pay for the claims?
# ---------------------------
#
# A Poisson regression predicts as many claims as there were. A penalised one predicts fewer:
# distance covariance is in units of the frequency, so that lower ones depend less on everything.
# What is missing is the strength times the penalty, over the mean frequency.

mean = np.average(frequency[train], weights=exposure[train])
for estimator in path.estimators:
    share = (exposure[train] @ estimator.predict(X[train])) / motor.target[train].sum()
    missing = estimator.fairness_alpha * estimator.penalty_ / mean
    print(
        f"strength {estimator.fairness_alpha:3g}: {share:.3f} of the claims, {missing:.3f} missing"
    )

# %%
# So multiply all prices by one factor. It changes nothing about who pays more than whom.
#
# A single factor
# ---------------
#
# Coefficients of standardised factors, a row for each strength. Those that know an attribute are
# not simply left out. Some change sign: power means more claims, and at strength 10 a powerful car
# is cheaper, all else equal, because that offsets what mileage says of gender. Vehicle age, which
# knows nobody, gains. Whoever explains a tariff by its factors should know that before choosing.

import pandas as pd

coefficients = [estimator.coef_ for estimator in path.estimators]
pd.DataFrame(coefficients, path.fairness_alphas, motor.feature_names).round(2)

# %%
# More than the strength
# ----------------------
#
# ``GridSearchCV`` searches other parameters along with the strength;
# :func:`~skweight.fairness.refit_within_budget` makes its choice the same one. Here: do squares and
# products of the factors pay, when a tenth of the dependence may stay? With metadata routing on,
# the steps that ask for weights and attributes get them, and so do the scorers.

import sklearn
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import PolynomialFeatures

from skweight.fairness import dependence_score, refit_within_budget
from skweight.metrics import fairness_scorer

with sklearn.config_context(enable_metadata_routing=True):
    glm = DistanceCovarianceRegressor(**settings)
    deviance = get_scorer("neg_mean_poisson_deviance").set_score_request(sample_weight=True)
    measure = fairness_scorer(dependence_score, statistic="V", scale="mean_distance", max_levels=30)
    measure.set_score_request(sample_weight=True, sensitive_features=True)
    search = GridSearchCV(
        Pipeline(
            [
                ("terms", PolynomialFeatures(include_bias=False)),
                ("scale", StandardScaler().set_fit_request(sample_weight=False)),
                ("glm", glm.set_fit_request(sample_weight=True, sensitive_features=True)),
            ]
        ),
        {"terms__degree": [1, 2], "glm__fairness_alpha": [0, 10, 30]},
        scoring={"deviance": deviance, "dependence": measure},
        refit=refit_within_budget("deviance", "dependence", fairness_budget=0.1),
        cv=3,
        error_score="raise",
    )
    search.fit(motor.data[train], frequency[train], **given)

results = pd.DataFrame(search.cv_results_)
columns = {
    "param_terms__degree": "degree",
    "param_glm__fairness_alpha": "strength",
    "mean_test_deviance": "deviance",
    "mean_test_dependence": "dependence, x 1000",
}
print("chosen:", search.best_params_)
(results[list(columns)].astype(float).abs() * [1, 1, 1, 1000]).rename(columns=columns).round(4)

# %%
# They do not, at any strength; nor does the logarithm of the true frequency have any. The strength
# is part of the search because it cannot be chosen afterwards: what is best without a penalty need
# not be best with one.
