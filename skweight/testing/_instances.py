"""Build the instances that are checked."""

from functools import partial
from importlib.util import find_spec

from skweight.testing import _tables
from skweight.testing._discovery import all_estimators


def cheap_instances():
    """Build instances of every public estimator that fit in a fraction of a second.

    Parameters come from one table of the package; a class without an entry there is built with
    no arguments, and a class with several sets of parameters comes several times. Networks are
    left out where torch is not installed.

    Returns
    -------
    list of estimator
        Unfitted estimators, sorted by the name of their class.

    See Also
    --------
    all_estimators : The classes.
    common_checks : The checks that run on each instance.

    Examples
    --------
    >>> from skweight.testing import cheap_instances
    >>> any(type(e).__name__ == "PrestoClassifier" for e in cheap_instances())
    True
    """
    instances = []
    for name, estimator_class in all_estimators():
        parameter_sets = _tables.CHEAP_PARAMETERS.get(name, {})
        if isinstance(parameter_sets, dict):
            parameter_sets = [parameter_sets]
        instances += [estimator_class(**parameters) for parameters in parameter_sets]
    if find_spec("torch") is None:
        instances = [each for each in instances if not getattr(each, "_needs_torch", False)]
    return instances


def check_name(check):
    """Name a check, looking through ``functools.partial``."""
    while isinstance(check, partial):
        check = check.func
    return check.__name__


def check_parameters(estimator, check):
    """Look up the constructor parameters that one check needs.

    They come on top of the cheap ones, as in scikit-learn's own table.

    Parameters
    ----------
    estimator : estimator
        The instance to be checked.
    check : callable
        A check of scikit-learn's or of this package.

    Returns
    -------
    dict
        Parameters for ``estimator.set_params``, usually none.

    See Also
    --------
    expected_failures : The checks known to fail.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> from sklearn.utils.estimator_checks import check_fit1d
    >>> from skweight.testing import check_parameters
    >>> check_parameters(DummyClassifier(), check_fit1d)
    {}
    """
    by_check = _tables.CHECK_PARAMETERS.get(type(estimator).__name__, {})
    return by_check.get(check_name(check), {})


def expected_failures(estimator):
    """Look up the checks that an estimator is known to fail.

    The form is the one that scikit-learn's ``parametrize_with_checks`` takes.

    Parameters
    ----------
    estimator : estimator
        The instance to be checked.

    Returns
    -------
    dict
        From a check's name to the reason why it fails, usually empty.

    See Also
    --------
    check_parameters : The parameters that one check needs.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> from skweight.testing import expected_failures
    >>> expected_failures(DummyClassifier())
    {}
    """
    return _tables.EXPECTED_FAILURES.get(type(estimator).__name__, {})
