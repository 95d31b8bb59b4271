"""Predict ordered outcomes and rare last classes."""

from skweight.ordinal._calibration_display import RareClassCalibrationDisplay
from skweight.ordinal._conformal import OrdinalConformalClassifier
from skweight.ordinal._display import ExceedanceDisplay
from skweight.ordinal._inference import proportionality_test, selected_summary
from skweight.ordinal._marginal_effects import marginal_effects
from skweight.ordinal._path_display import CoefficientPathDisplay
from skweight.ordinal._presto import PrestoClassifier
from skweight.ordinal._presto_cv import PrestoClassifierCV, presto_path
from skweight.ordinal._proportional_odds import ProportionalOddsClassifier

__all__ = [
    "CoefficientPathDisplay",
    "ExceedanceDisplay",
    "OrdinalConformalClassifier",
    "PrestoClassifier",
    "PrestoClassifierCV",
    "ProportionalOddsClassifier",
    "RareClassCalibrationDisplay",
    "marginal_effects",
    "presto_path",
    "proportionality_test",
    "selected_summary",
]
