"""Metrics of ordinal probabilities, rare classes and quantile forecasts, and their scorers."""

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
from skweight.metrics._quantile import (
    crps_from_quantiles,
    d2_weighted_interval_score,
    mean_quantile_loss,
    weighted_interval_score,
)
from skweight.metrics._quantile_coverage import (
    interval_coverage,
    interval_score,
    interval_width,
    quantile_calibration_error,
    quantile_coverage,
)
from skweight.metrics._quantile_scorer import (
    neg_weighted_interval_score_scorer,
    quantile_scorer,
)
from skweight.metrics._scorers import (
    make_ordinal_scorer,
    neg_multiclass_brier_score_scorer,
    neg_ranked_probability_score_scorer,
    neg_rare_class_calibration_error_scorer,
    neg_rare_class_error_scorer,
)

__all__ = [
    "crps_from_quantiles",
    "d2_weighted_interval_score",
    "equal_frequency_calibration_error",
    "interval_coverage",
    "interval_score",
    "interval_width",
    "make_ordinal_scorer",
    "mean_quantile_loss",
    "multiclass_brier_score",
    "neg_multiclass_brier_score_scorer",
    "neg_ranked_probability_score_scorer",
    "neg_rare_class_calibration_error_scorer",
    "neg_rare_class_error_scorer",
    "neg_weighted_interval_score_scorer",
    "quantile_calibration_error",
    "quantile_coverage",
    "quantile_scorer",
    "ranked_probability_score",
    "rare_class_calibration_error",
    "rare_class_error",
    "rare_class_mse",
    "weighted_interval_score",
]
