"""Find every estimator of the package and hold it to one set of checks.

The same checks serve estimators written elsewhere: build one with cheap parameters and run
``for check in common_checks(estimator): check(estimator)``.
"""

from skweight.testing._discovery import all_estimators
from skweight.testing._instances import cheap_instances, check_parameters, expected_failures
from skweight.testing._registry import common_checks

__all__ = [
    "all_estimators",
    "cheap_instances",
    "check_parameters",
    "common_checks",
    "expected_failures",
]
