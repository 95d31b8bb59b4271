"""The register of our own checks: which estimators each is for and what it needs."""

import functools
import importlib
import importlib.util
import warnings
from unittest import SkipTest

from sklearn.base import clone

_CHECKS = []

# What to say when a module that a check needs is missing.
_WHY_MISSING = {"sklearn.callback": "callbacks came with scikit-learn 1.9"}


def common_check(applies=None, needs=()):
    """Register a function of an unfitted estimator as a check.

    ``applies`` says of an estimator whether the check is for it (None: for all); the check is
    skipped with a reason where one of the modules it ``needs`` is missing.
    """

    def register(function):
        @functools.wraps(function)
        def check(estimator):
            for module in needs:
                if not _is_installed(module):
                    raise SkipTest(_WHY_MISSING.get(module, f"{module} is not installed"))
            with warnings.catch_warnings():
                # Toys do not converge, and text labels imply an order; but a RuntimeWarning
                # is numpy's word for an overflow or an invalid value in our own arithmetic.
                warnings.simplefilter("ignore")
                warnings.simplefilter("error", RuntimeWarning)
                function(clone(estimator))

        _CHECKS.append((check, applies))
        return check

    return register


def _is_installed(module):
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # the parent package is missing
        return False


def common_checks(estimator):
    """List the checks that apply to an estimator.

    They come on top of scikit-learn's own checks: persistence, composition, data frames, labels,
    weights, layouts, callbacks, parameters and errors. A check raises an ``AssertionError`` where
    the estimator fails and ``unittest.SkipTest`` where a package it needs is not installed.

    Parameters
    ----------
    estimator : estimator
        An unfitted estimator.

    Returns
    -------
    list of callable
        Functions of an estimator; each works on clones of it.

    See Also
    --------
    cheap_instances : The package's estimators, ready to be checked.
    sklearn.utils.estimator_checks.check_estimator : Scikit-learn's own checks.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> from skweight.testing import common_checks
    >>> checks = common_checks(DummyClassifier())
    >>> "check_pickle_round_trip" in [check.__name__ for check in checks]
    True
    """
    importlib.import_module("skweight.testing._checks")  # fills the register
    return [check for check, applies in _CHECKS if applies is None or applies(estimator)]
