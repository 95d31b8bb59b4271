"""Sums of similarities to private rows, published once and queried for ever."""

from skweight.privacy._accounting import PrivacyAccountant
from skweight.privacy._audit import AuditResult, audit_epsilon
from skweight.privacy._composition import composed_epsilon
from skweight.privacy._distance_sum import PrivateDistanceSum
from skweight.privacy._exceptions import BudgetExceededError, PrivacyLeakWarning
from skweight.privacy._folds import PrivateKFold
from skweight.privacy._kernel_density import PrivateKernelDensity
from skweight.privacy._similarity_classifier import PrivateSimilarityClassifier
from skweight.privacy._spent import PrivacySpent

__all__ = [
    "AuditResult",
    "BudgetExceededError",
    "PrivacyAccountant",
    "PrivacyLeakWarning",
    "PrivacySpent",
    "PrivateDistanceSum",
    "PrivateKFold",
    "PrivateKernelDensity",
    "PrivateSimilarityClassifier",
    "audit_epsilon",
    "composed_epsilon",
]
