"""Train classifiers for the metric that they are judged by, where classes are rare."""

from skweight.imbalance._anyloss import AnyLossClassifier

__all__ = ["AnyLossClassifier"]
