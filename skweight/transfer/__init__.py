"""Carry a model to classes that arrive later."""

from skweight.transfer._weight_aligned import WeightAlignedClassifier
from skweight.transfer._weight_aligning import align_weights

__all__ = ["WeightAlignedClassifier", "align_weights"]
