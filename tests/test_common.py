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


@parametrize_with_checks(cheap_instances(), expected_failed_checks=expected_failures)
def test_scikit_learn_checks(estimator, check):
    check(clone(estimator).set_params(**check_parameters(estimator, check)))


def _our_checks():
    for estimator in cheap_instances():
        for check in common_checks(estimator):
            reason = expected_failures(estimator).get(check.__name__)
            marks = [] if reason is None else [pytest.mark.xfail(reason=reason)]
            name = re.sub(r"\s", "", repr(estimator))
            yield pytest.param(estimator, check, id=f"{name}-{check.__name__}", marks=marks)


@pytest.mark.parametrize(("estimator", "check"), list(_our_checks()))
def test_our_checks(estimator, check):
    check(clone(estimator).set_params(**check_parameters(estimator, check)))
