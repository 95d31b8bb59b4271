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
# Checks of how a class takes its input and of what is built around it, which its parameters do not
# change: of the instances of a class that such a check is for, the first is enough.
ONCE = {
    "check_callbacks_inside_a_search",
    "check_classifier_data_not_an_array",
    "check_dtype_object",
    "check_estimator_sparse_matrix",  # as check_estimator_sparse_array
    "check_grid_search_in_workers",
    "check_labels",
    "check_pandas_labels",
    "check_polars_labels",
    "check_regressor_data_not_an_array",
    "check_representations",
    "check_threads",
    "check_weights_without_routing",
}
# Of which class which of them is taken.
_TAKEN = set()


def is_new(estimator, check):
    """Say whether to run a check on an instance of a class, and remember that it is run."""
    name = getattr(check, "func", check).__name__
    found = (type(estimator), name) not in _TAKEN
    if name in ONCE:
        _TAKEN.add((type(estimator), name))
    return found


def scikit_learn_checks(estimators):
    """List checks of scikit-learn for estimators, as parameters of a test."""
    mark = parametrize_with_checks(estimators, expected_failed_checks=expected_failures)
    names, cases = mark.args
    cases = [case for case in cases if is_new(*getattr(case, "values", case))]
    return pytest.mark.parametrize(names, cases, **mark.kwargs)


def our_checks(estimators):
    """List checks of this package for estimators, as parameters of a test."""
    found = []
    for estimator in estimators:
        for check in common_checks(estimator):
            if not is_new(estimator, check):
                continue
            reason = expected_failures(estimator).get(check.__name__)
            marks = [] if reason is None else [pytest.mark.xfail(reason=reason)]
            name = re.sub(r"\s", "", repr(estimator))
            found.append(pytest.param(estimator, check, id=f"{name}-{check.__name__}", marks=marks))
    return pytest.mark.parametrize(("estimator", "check"), found)


def run(check, estimator):
    """Run a check on a copy with the parameters that it needs."""
    check(clone(estimator).set_params(**check_parameters(estimator, check)))


@scikit_learn_checks(FIRST)
def test_scikit_learn_checks(estimator, check):
    run(check, estimator)


@pytest.mark.further
@scikit_learn_checks(FURTHER)
def test_scikit_learn_checks_of_further_parameters(estimator, check):
    run(check, estimator)


@our_checks(FIRST)
def test_our_checks(estimator, check):
    run(check, estimator)


@pytest.mark.further
@our_checks(FURTHER)
def test_our_checks_of_further_parameters(estimator, check):
    run(check, estimator)
