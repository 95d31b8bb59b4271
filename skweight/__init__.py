"""Learn how much each thing should count, with scikit-learn estimators.

Each room (subpackage) is named after a task; a room is imported on first use::

    import skweight
    skweight.ordinal.PrestoClassifier()

so ``import skweight`` itself loads nothing but the standard library.
"""

import importlib

__version__ = "0.1.0.dev0"

_ROOMS = (
    "datasets",
    "distillation",
    "fairness",
    "imbalance",
    "losses",
    "metrics",
    "neural",
    "optim",
    "ordinal",
    "privacy",
    "quantile",
    "representation",
    "reweighting",
    "testing",
    "transfer",
)

__all__ = [*_ROOMS, "__version__"]


def __getattr__(name):
    if name in _ROOMS:
        return importlib.import_module(f"skweight.{name}")
    raise AttributeError(f"module 'skweight' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
