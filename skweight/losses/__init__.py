"""Losses as modules of torch, and as functions of arrays where those make sense.

The modules need torch (``pip install "skweight[neural]"``), which is imported when the first of
them is asked for. Each serves as the criterion of a net of skorch or of a training loop.
"""

from skweight._core._optional import lazy_attributes
from skweight.losses._anyloss import anyloss, soft_confusion_matrix
from skweight.losses._generalized_gaussian import batch_inverse_error_variance_weights, ggd_nll
from skweight.losses._plackett_luce import plackett_luce_distillation_loss

# Class -> the file that holds it, and that imports torch.
_MODULES = {
    "AnyLoss": "_anyloss_torch",
    "CrossingPenalty": "_quantile_torch",
    "DistanceCovarianceLoss": "_distance_covariance_torch",
    "DistillationMSELoss": "_distillation_mse_torch",
    "GeneralizedGaussianNLL": "_generalized_gaussian_torch",
    "GeneralPairWeighting": "_pairs_torch",
    "LossReweightedCriterion": "_loss_reweighted_torch",
    "MultiSimilarityLoss": "_pairs_torch",
    "NonCrossing": "_quantile_torch",
    "PlackettLuceDistillationLoss": "_plackett_luce_torch",
    "QuantileLoss": "_quantile_torch",
}

__getattr__ = lazy_attributes(__name__, _MODULES)

__all__ = [
    *_MODULES,
    "anyloss",
    "batch_inverse_error_variance_weights",
    "ggd_nll",
    "plackett_luce_distillation_loss",
    "soft_confusion_matrix",
]


def __dir__():
    return __all__
