"""Weight rows by their current loss while a model is fitted."""

from skweight.losses._loss_based_weights import loss_based_weights
from skweight.reweighting._classifier import DynamicLossReweightedClassifier
from skweight.reweighting._regressor import DynamicLossReweightedRegressor

__all__ = [
    "DynamicLossReweightedClassifier",
    "DynamicLossReweightedRegressor",
    "loss_based_weights",
]
