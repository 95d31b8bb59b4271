"""Everything private to scikit-learn, or different between its versions, in one place."""

from sklearn.base import _fit_context
from sklearn.utils import _safe_indexing, get_tags
from sklearn.utils._metadata_requests import _routing_enabled
from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions
from sklearn.utils.metaestimators import _BaseComposition, _safe_split
from sklearn.utils.validation import _check_sample_weight, _num_samples

try:  # scikit-learn >= 1.7
    from sklearn.utils._repr_html.estimator import _VisualBlock
except ImportError:
    from sklearn.utils._estimator_html_repr import _VisualBlock

try:  # scikit-learn >= 1.9; there, `_fit_context` also tears callbacks down
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:
        """Stand in for scikit-learn's mixin where callbacks do not exist."""

    def with_callbacks(fit_method):
        """Return the method unchanged: there are no callbacks to set up or tear down."""
        return fit_method


try:  # scikit-learn >= 1.8; before, everything here is numpy
    from sklearn.utils._array_api import _max_precision_float_dtype as max_precision_float_dtype
    from sklearn.utils._array_api import get_namespace_and_device, move_to
except ImportError:
    get_namespace_and_device = max_precision_float_dtype = move_to = None

try:  # scikit-learn >= 1.9
    from sklearn.utils._array_api import check_same_namespace
except ImportError:

    def check_same_namespace(X, estimator, *, attribute, method):
        """Leave it to the computation to fail where libraries are mixed."""


__all__ = [
    "CallbackSupportMixin",
    "HasMethods",
    "Interval",
    "Options",
    "StrOptions",
    "_BaseComposition",
    "_VisualBlock",
    "_fit_context",
    "_num_samples",
    "_routing_enabled",
    "_safe_indexing",
    "_safe_split",
    "check_same_namespace",
    "check_sample_weight",
    "get_namespace_and_device",
    "max_precision_float_dtype",
    "move_to",
    "takes_sparse",
    "with_callbacks",
]


def takes_sparse(estimator):
    """Tell whether an estimator takes sparse rows, also where its tag did not say so yet."""
    # These always took them, which their tags do not say in scikit-learn 1.6.
    untagged = {"LogisticRegression", "QuantileRegressor", "Ridge", "RidgeClassifier"}
    named = any(
        cls.__name__ in untagged and cls.__module__.startswith("sklearn.")
        for cls in type(estimator).__mro__
    )
    return named or get_tags(estimator).input_tags.sparse


def check_sample_weight(sample_weight, X, name="sample_weight"):
    """Return sample weights as float64 of shape (n_samples,), ones where None is given.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,), float or None
        Weights of the rows, at least 0 and not all 0.
    X : array-like of shape (n_samples, n_features)
        The rows.
    name : str, default="sample_weight"
        What an error calls the weights.

    Returns
    -------
    ndarray of shape (n_samples,)
        The weights.

    Raises
    ------
    ValueError
        If a weight is negative or not finite, or all are 0.
    """
    weight = _check_sample_weight(sample_weight, X, dtype=float)
    if (weight < 0).any():
        raise ValueError(
            f"{name} must be at least 0 everywhere, got a smallest value of {weight.min()}."
        )
    if not weight.any():
        raise ValueError(f"{name} must give some row a positive weight, got all zeros.")
    return weight
