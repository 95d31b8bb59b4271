"""Predict ordered outcomes and rare last classes."""

from skweight.ordinal._presto import PrestoClassifier

__all__ = ["PrestoClassifier"]
