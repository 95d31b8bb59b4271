"""Models whose predictions do not depend on protected attributes, nor on their intersections."""

from skweight._core._optional import lazy_attributes
from skweight.fairness._boosting import DistanceCovarianceObjective
from skweight.fairness._classifier import DistanceCovarianceClassifier
from skweight.fairness._classifier_cv import DistanceCovarianceClassifierCV
from skweight.fairness._conditional_mean_display import ConditionalMeanDisplay
from skweight.fairness._dependence import (
    concatenated_distance_covariance,
    distance_correlation,
    distance_covariance,
    joint_distance_covariance,
)
from skweight.fairness._dependence_score import dependence_score
from skweight.fairness._frontier_display import FairnessFrontierDisplay
from skweight.fairness._group_display import GroupDistributionDisplay
from skweight.fairness._independence import IndependenceTest, independence_test
from skweight.fairness._neural_classifier import FairNeuralClassifier
from skweight.fairness._neural_regressor import FairNeuralRegressor
from skweight.fairness._path import fairness_path
from skweight.fairness._path_table import FairnessPath
from skweight.fairness._regressor import DistanceCovarianceRegressor
from skweight.fairness._regressor_cv import DistanceCovarianceRegressorCV
from skweight.fairness._selection import refit_within_budget

# The loss of `skweight.losses`, which needs torch, is at hand here, too.
__getattr__ = lazy_attributes(__name__, {"DistanceCovarianceLoss": "_neural_torch"})

__all__ = [
    "ConditionalMeanDisplay",
    "DistanceCovarianceClassifier",
    "DistanceCovarianceClassifierCV",
    "DistanceCovarianceObjective",
    "DistanceCovarianceRegressor",
    "DistanceCovarianceRegressorCV",
    "FairNeuralClassifier",
    "FairNeuralRegressor",
    "FairnessFrontierDisplay",
    "FairnessPath",
    "GroupDistributionDisplay",
    "IndependenceTest",
    "concatenated_distance_covariance",
    "dependence_score",
    "distance_correlation",
    "distance_covariance",
    "fairness_path",
    "independence_test",
    "joint_distance_covariance",
    "refit_within_budget",
]
