"""What estimators that fit others share: routers, weights on their way in, rows of metadata."""

import numpy as np
from sklearn.base import is_classifier
from sklearn.compose import TransformedTargetRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array, column_or_1d, get_tags, indexable
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import has_fit_parameter

from skweight._core._labels import checked_labels
from skweight._core._sklearn_compat import _routing_enabled, _safe_indexing, _safe_split


def router_of(meta, estimators, cv=None, callee="fit"):
    """Return the router of an estimator that fits others, by the method `callee` of theirs."""
    router = MetadataRouter(owner=type(meta).__name__).add_self_request(meta)
    for name, estimator in estimators.items():
        mapping = MethodMapping().add(caller="fit", callee=callee)
        router.add(**{name: estimator}, method_mapping=mapping)
    if hasattr(cv, "get_metadata_routing"):
        mapping = MethodMapping().add(caller="fit", callee="split")
        router.add(splitter=cv, method_mapping=mapping)
    return router


def weight_keyword(estimator):
    """Name the keyword under which ``fit`` takes sample weights without routing, or None."""
    if isinstance(estimator, FrozenEstimator):
        return None
    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        inner = None if last in (None, "passthrough") else weight_keyword(last)
        return inner and f"{name}__{inner}"
    if isinstance(estimator, TransformedTargetRegressor):
        inner = estimator.regressor
        return "sample_weight" if inner is None else weight_keyword(inner)
    if has_fit_parameter(estimator, "sample_weight"):
        return "sample_weight"
    inner = getattr(estimator, "estimator", None)
    hands_on = hasattr(estimator, "refit") or hasattr(estimator, "_hands_fit_params_on")
    if hands_on and inner is not None:  # a search, or our forest
        return weight_keyword(inner)
    return None


def route(meta, estimator, weight, params, name="estimator", callee="fit"):
    """Return the keyword of weights, and what goes to the fits and to the splitter.

    Parameters
    ----------
    meta : estimator
        The one that wraps.
    estimator : estimator
        The one inside.
    weight : ndarray of shape (n,) or None
        Weights of the rows.
    params : dict
        Further metadata.
    name : str, default="estimator"
        Parameter that the one inside is.
    callee : str, default="fit"
        Method of it that fits.

    Returns
    -------
    keyword : str or None
        The one under which ``fit`` takes weights.
    fit_params, split_params : dict
        What was requested.

    Raises
    ------
    TypeError
        If metadata come without routing.
    ValueError
        If weights come that the estimator does not take.
    """
    if _routing_enabled():
        given = params if weight is None else {**params, "sample_weight": weight}
        routed = process_routing(meta, "fit", **given) if given else {}
        # The default is in no router: it takes whatever weights come here.
        default = {"sample_weight": weight}
        fit_params = routed[name][callee] if name in routed else default
        split_params = routed["splitter"].split if "splitter" in routed else {}
        return "sample_weight", fit_params, split_params
    if params:
        raise TypeError(
            f"fit got {sorted(params)}, which is passed on only with "
            "sklearn.set_config(enable_metadata_routing=True)."
        )
    keyword = weight_keyword(estimator)
    if weight is None:
        return keyword, {}, {}
    if keyword is None:
        raise ValueError(
            "sample_weight must be None for an estimator whose fit takes no weights, got weights "
            f"for {type(estimator).__name__}."
        )
    return keyword, {keyword: weight}, {}


def check_rows(estimator, X, y):
    """Return rows that can be indexed, and labels or targets as an array."""
    if y is None:
        raise ValueError("fit requires y to be passed, but the target y is None.")
    if is_classifier(estimator):
        y = checked_labels(y)
        check_classification_targets(y)
    else:
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
        if y.ndim == 2 and y.shape[1] == 1 and not get_tags(estimator).target_tags.multi_output:
            y = column_or_1d(y, warn=True)
    if not len(y):
        raise ValueError("y must hold at least one sample, got 0 samples.")
    return indexable(X, y)


def rows_of(value, rows):
    """Take the rows of X or of metadata, if it has any."""
    if hasattr(value, "shape") or isinstance(value, (list, tuple)):
        return _safe_indexing(value, rows)
    return value


def of_rows(value, rows, n):
    """Take the rows of metadata that have one entry for each."""
    has_rows = hasattr(value, "shape") or isinstance(value, (list, tuple))
    return rows_of(value, rows) if has_rows and np.shape(value)[:1] == (n,) else value


def take_rows(estimator, X, rows, n, train=None):
    """Return some of n rows of X; of a precomputed kernel the columns of the rows `train`, too."""
    every = np.arange(n)
    if all(np.array_equal(part, every) for part in (rows, train) if part is not None):
        return X
    return _safe_split(estimator, X, None, rows, train)[0]


def copy_feature_info(meta, fitted):
    """Take the number and names of the features over from the fitted inner estimators."""
    for name in ("n_features_in_", "feature_names_in_"):
        if hasattr(meta, name):
            delattr(meta, name)  # of an earlier fit
        found = next((getattr(e, name) for e in fitted if hasattr(e, name)), None)
        if found is not None:
            setattr(meta, name, found)
