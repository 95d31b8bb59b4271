"""Predict ordered outcomes and rare last classes."""

from skweight.ordinal._presto import PrestoClassifier
from skweight.ordinal._presto_cv import PrestoClassifierCV, presto_path
from skweight.ordinal._proportional_odds import ProportionalOddsClassifier

__all__ = ["PrestoClassifier", "PrestoClassifierCV", "ProportionalOddsClassifier", "presto_path"]
