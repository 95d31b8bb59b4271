"""Metrics of ordinal probabilities, rare classes, quantile forecasts and predictions by group.

With scorers for model selection. Predictions by protected attributes, their intersections too, are
compared by `js_divergence_score`, `between_group_variance_ratio` and `demographic_parity_gap`,
along a numeric attribute by `conditional_mean_curve`, and all in one table by `fairness_report`.
Whether neighbours are of one class is for `recall_at_k` and `mean_average_precision_at_r` to say.
"""

from skweight.metrics._calibration import (
    equal_frequency_calibration_error,
    rare_class_calibration_error,
)
from skweight.metrics._conditional_mean import conditional_mean_curve
from skweight.metrics._demographic_parity import (
    between_group_variance_ratio,
    demographic_parity_gap,
)
from skweight.metrics._fairness_report import fairness_report
from skweight.metrics._fairness_scorer import fairness_scorer
from skweight.metrics._fairness_table import FairnessReport
from skweight.metrics._js_divergence import js_divergence_score
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
from skweight.metrics._retrieval import mean_average_precision_at_r, recall_at_k
from skweight.metrics._scorers import (
    make_ordinal_scorer,
    neg_multiclass_brier_score_scorer,
    neg_ranked_probability_score_scorer,
    neg_rare_class_calibration_error_scorer,
    neg_rare_class_error_scorer,
)

__all__ = [
    "FairnessReport",
    "between_group_variance_ratio",
    "conditional_mean_curve",
    "crps_from_quantiles",
    "d2_weighted_interval_score",
    "demographic_parity_gap",
    "equal_frequency_calibration_error",
    "fairness_report",
    "fairness_scorer",
    "interval_coverage",
    "interval_score",
    "interval_width",
    "js_divergence_score",
    "make_ordinal_scorer",
    "mean_average_precision_at_r",
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
    "recall_at_k",
    "weighted_interval_score",
]
