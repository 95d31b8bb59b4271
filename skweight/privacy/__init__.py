"""Sums of similarities to private rows, published once and queried for ever."""

from skweight.privacy._accounting import PrivacyAccountant
from skweight.privacy._audit import AuditResult, audit_epsilon
from skweight.privacy._budget_display import BudgetDisplay
from skweight.privacy._composition import composed_epsilon
from skweight.privacy._density_display import ReleasedDensityDisplay
from skweight.privacy._distance_sum import PrivateDistanceSum
from skweight.privacy._error_display import PrivacyErrorDisplay
from skweight.privacy._exceptions import BudgetExceededError, PrivacyLeakWarning
from skweight.privacy._folds import PrivateKFold
from skweight.privacy._kernel_density import PrivateKernelDensity
from skweight.privacy._outlier import PrivateOutlierDetector
from skweight.privacy._similarity_classifier import PrivateSimilarityClassifier
from skweight.privacy._sketch_density import SketchKernelDensity
from skweight.privacy._spent import PrivacySpent

__all__ = [
    "AuditResult",
    "BudgetDisplay",
    "BudgetExceededError",
    "PrivacyAccountant",
    "PrivacyErrorDisplay",
    "PrivacyLeakWarning",
    "PrivacySpent",
    "PrivateDistanceSum",
    "PrivateKFold",
    "PrivateKernelDensity",
    "PrivateOutlierDetector",
    "PrivateSimilarityClassifier",
    "ReleasedDensityDisplay",
    "SketchKernelDensity",
    "audit_epsilon",
    "composed_epsilon",
]
