"""Every estimator that the package exports passes every check: there is no list to maintain."""

import re

import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from skweight.testing import (
    cheap_instances,
    check_parameters,
    common_checks,
    expected_failures,
)

# A check takes seconds at most: one that hangs must not hold up the others.
pytestmark = pytest.mark.timeout(180)

INSTANCES = cheap_instances()
FIRST = [e for e, before in zip(INSTANCES, [None, *INSTANCES]) if type(e) is not type(before)]
# More parameters of a class. They take other ways through our code, but the same through
# scikit-learn's, so the run with the oldest versions leaves them out.
FURTHER = [e for e in INSTANCES if all(e is not first for first in FIRST)]


def our_checks(estimators):
    """List checks of this package for estimators, as parameters of a test."""
    found = []
    for estimator in estimators:
        for check in common_checks(estimator):
            reason = expected_failures(estimator).get(check.__name__)
            marks = [] if reason is None else [pytest.mark.xfail(reason=reason)]
            name = re.sub(r"\s", "", repr(estimator))
            found.append(pytest.param(estimator, check, id=f"{name}-{check.__name__}", marks=marks))
    return pytest.mark.parametrize(("estimator", "check"), found)


def run(check, estimator):
    """Run a check on a copy with the parameters that it needs."""
    check(clone(estimator).set_params(**check_parameters(estimator, check)))


@parametrize_with_checks(FIRST, expected_failed_checks=expected_failures)
def test_scikit_learn_checks(estimator, check):
    run(check, estimator)


@pytest.mark.further
@parametrize_with_checks(FURTHER, expected_failed_checks=expected_failures)
def test_scikit_learn_checks_of_further_parameters(estimator, check):
    run(check, estimator)


@our_checks(FIRST)
def test_our_checks(estimator, check):
    run(check, estimator)


@pytest.mark.further
@our_checks(FURTHER)
def test_our_checks_of_further_parameters(estimator, check):
    run(check, estimator)
