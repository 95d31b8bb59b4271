"""Walk the rooms and collect what they export."""

import importlib
import importlib.util
import inspect
import pkgutil

from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    ClusterMixin,
    RegressorMixin,
    TransformerMixin,
)

import skweight

_MIXINS = {
    "classifier": ClassifierMixin,
    "cluster": ClusterMixin,
    "regressor": RegressorMixin,
    "transformer": TransformerMixin,
}


def rooms():
    """Import every public subpackage, sorted by name: ``[(name, module), ...]``."""
    names = sorted(
        info.name
        for info in pkgutil.iter_modules(skweight.__path__)
        if info.ispkg and not info.name.startswith("_")
    )
    return [(name, importlib.import_module(f"skweight.{name}")) for name in names]


def public_objects(lazy=False):
    """List what the rooms export: ``[(room, name, object), ...]``.

    A room's ``__getattr__`` serves what is built on torch, and reading that would import torch:
    it is listed where ``lazy=True``, if torch is installed.
    """
    lazy = lazy and importlib.util.find_spec("torch") is not None
    return [
        (room, name, getattr(module, name))
        for room, module in rooms()
        for name in module.__all__
        if lazy or name in vars(module)
    ]


def all_estimators(type_filter=None):
    """List every public estimator class of the package.

    The rooms are searched for exported subclasses of scikit-learn's ``BaseEstimator``, so a new
    estimator is found as soon as its room exports it. Optional packages are not imported.

    Parameters
    ----------
    type_filter : {"classifier", "cluster", "regressor", "transformer"}, default=None
        Kind of estimator to list. None means all of them.

    Returns
    -------
    list of tuple
        Pairs of a class's name and the class, sorted by name.

    Raises
    ------
    ValueError
        If ``type_filter`` is not one of the kinds.

    See Also
    --------
    cheap_instances : Instances that fit in a fraction of a second.
    sklearn.utils.discovery.all_estimators : The same for scikit-learn.

    Examples
    --------
    >>> from skweight.testing import all_estimators
    >>> [name for name, _ in all_estimators("classifier") if name.startswith("Presto")]
    ['PrestoClassifier', 'PrestoClassifierCV']
    """
    if type_filter is not None and type_filter not in _MIXINS:
        raise ValueError(
            f"type_filter must be None or one of {sorted(_MIXINS)}, got {type_filter!r}."
        )
    kind = BaseEstimator if type_filter is None else _MIXINS[type_filter]
    found = {
        name: obj
        for _, name, obj in public_objects()
        if inspect.isclass(obj)
        and issubclass(obj, BaseEstimator)
        and issubclass(obj, kind)
        and not inspect.isabstract(obj)
    }
    return sorted(found.items())
