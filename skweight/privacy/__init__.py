"""Sums of similarities to private rows, published once and queried for ever."""

from skweight.privacy._accounting import PrivacyAccountant
from skweight.privacy._composition import composed_epsilon
from skweight.privacy._distance_sum import PrivateDistanceSum
from skweight.privacy._exceptions import BudgetExceededError, PrivacyLeakWarning
from skweight.privacy._folds import PrivateKFold
from skweight.privacy._spent import PrivacySpent

__all__ = [
    "BudgetExceededError",
    "PrivacyAccountant",
    "PrivacyLeakWarning",
    "PrivacySpent",
    "PrivateDistanceSum",
    "PrivateKFold",
    "composed_epsilon",
]
