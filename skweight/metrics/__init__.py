"""Metrics of ordinal probabilities and of rare classes, and scorers made from them."""

from skweight.metrics._calibration import (
    equal_frequency_calibration_error,
    rare_class_calibration_error,
)
from skweight.metrics._probability import (
    multiclass_brier_score,
    ranked_probability_score,
    rare_class_error,
    rare_class_mse,
)
from skweight.metrics._scorers import (
    make_ordinal_scorer,
    neg_multiclass_brier_score_scorer,
    neg_ranked_probability_score_scorer,
    neg_rare_class_calibration_error_scorer,
    neg_rare_class_error_scorer,
)

__all__ = [
    "equal_frequency_calibration_error",
    "make_ordinal_scorer",
    "multiclass_brier_score",
    "neg_multiclass_brier_score_scorer",
    "neg_ranked_probability_score_scorer",
    "neg_rare_class_calibration_error_scorer",
    "neg_rare_class_error_scorer",
    "ranked_probability_score",
    "rare_class_calibration_error",
    "rare_class_error",
    "rare_class_mse",
]
