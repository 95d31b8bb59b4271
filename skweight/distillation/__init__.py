"""Learn from a model's own outputs, or from a teacher's."""

from skweight.distillation._degrees_display import EffectiveDegreesOfFreedomDisplay
from skweight.distillation._distilled import DistilledClassifier
from skweight.distillation._filter_display import FilterFactorsDisplay
from skweight.distillation._kernel_classifier import SelfDistilledKernelRidgeClassifier
from skweight.distillation._kernel_classifier_cv import SelfDistilledKernelRidgeClassifierCV
from skweight.distillation._kernel_ridge import SelfDistilledKernelRidge
from skweight.distillation._kernel_ridge_cv import SelfDistilledKernelRidgeCV
from skweight.distillation._loo_function import self_distillation_loo
from skweight.distillation._ridge import SelfDistilledRidge
from skweight.distillation._ridge_classifier import SelfDistilledRidgeClassifier
from skweight.distillation._ridge_classifier_cv import SelfDistilledRidgeClassifierCV
from skweight.distillation._ridge_cv import SelfDistilledRidgeCV
from skweight.distillation._self_distillation import SelfDistillation
from skweight.distillation._self_distilled_classifier import SelfDistilledMLPClassifier
from skweight.distillation._self_distilled_regressor import SelfDistilledMLPRegressor
from skweight.distillation._step_error_display import StepErrorDisplay
from skweight.distillation._steps import (
    self_distillation_coefficients,
    self_distillation_filters,
    self_distillation_limit,
)
from skweight.distillation._weights import (
    gcv_self_distillation_weight,
    joint_self_distillation_weights,
    self_distillation_weights,
)

__all__ = [
    "DistilledClassifier",
    "EffectiveDegreesOfFreedomDisplay",
    "FilterFactorsDisplay",
    "SelfDistillation",
    "SelfDistilledKernelRidge",
    "SelfDistilledKernelRidgeCV",
    "SelfDistilledKernelRidgeClassifier",
    "SelfDistilledKernelRidgeClassifierCV",
    "SelfDistilledMLPClassifier",
    "SelfDistilledMLPRegressor",
    "SelfDistilledRidge",
    "SelfDistilledRidgeCV",
    "SelfDistilledRidgeClassifier",
    "SelfDistilledRidgeClassifierCV",
    "StepErrorDisplay",
    "gcv_self_distillation_weight",
    "joint_self_distillation_weights",
    "self_distillation_coefficients",
    "self_distillation_filters",
    "self_distillation_limit",
    "self_distillation_loo",
    "self_distillation_weights",
]
