"""What the estimators that wrap others share: targets, weights on their way in, and folds."""

import warnings
from numbers import Integral

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import KFold, check_cv
from sklearn.utils import Bunch, check_array, column_or_1d
from sklearn.utils.metadata_routing import process_routing

from skweight._core._sklearn_compat import _routing_enabled
from skweight._core._wrapping import weight_keyword


def check_target(y):
    """Return the outcomes as float64 of shape (n,), or say what is wrong with them."""
    if y is None:
        raise ValueError("fit requires y to be passed, but the target y is None.")
    y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
    return column_or_1d(y, warn=True)


def ignores_weights(estimator):
    """Tell whether sample weights change nothing in the fit of a model, wrapped or not."""
    if isinstance(estimator, FrozenEstimator):
        return False  # nothing is fitted
    if getattr(estimator, "_wraps_one_base", False) and estimator.estimator is not None:
        return ignores_weights(estimator.estimator)
    return weight_keyword(estimator) is None


def warn_of_ignored_weights(estimators, consequence):
    """Warn once of the models that take no weights; `estimators` maps names to them."""
    names = [name for name, estimator in estimators.items() if ignores_weights(estimator)]
    if names:
        warnings.warn(
            f"{', '.join(names)}: fit takes no sample_weight, so {consequence}.",
            UserWarning,
            stacklevel=4,
        )


def routed_params(meta, estimators, sample_weight, params, consequence):
    """Return what goes to the ``fit`` of each inner estimator and to the splitter.

    Parameters
    ----------
    meta : estimator
        The one that wraps; its `get_metadata_routing` knows the inner ones, unless they are its
        defaults.
    estimators : dict
        Names and unfitted inner estimators.
    sample_weight : ndarray of shape (n,) or None
        Weights that the caller gave.
    params : dict
        Further metadata of ``fit``.
    consequence : str
        What happens to weights that an inner estimator does not take, for the warning.

    Returns
    -------
    Bunch
        ``fit``, a dict of dicts by name, and ``split``.

    Raises
    ------
    TypeError
        If metadata come without routing.
    """
    given = {} if sample_weight is None else {"sample_weight": sample_weight}
    if _routing_enabled():
        fit, split = {name: {} for name in estimators}, {}
        if given or params:
            routed = process_routing(meta, "fit", **params, **given)
            split = routed.splitter.split if "splitter" in routed else {}
            # Defaults are in no router: they take the weights that they can take.
            fit = {
                name: routed[name].fit if name in routed else _manual(estimator, sample_weight)
                for name, estimator in estimators.items()
            }
        return Bunch(fit=fit, split=split)
    if params:
        raise TypeError(
            f"fit got {sorted(params)}, which is passed on only with "
            "sklearn.set_config(enable_metadata_routing=True)."
        )
    if sample_weight is not None:
        warn_of_ignored_weights(estimators, consequence)
    fit = {name: _manual(estimator, sample_weight) for name, estimator in estimators.items()}
    return Bunch(fit=fit, split={})


def _manual(estimator, sample_weight):
    keyword = None if sample_weight is None else weight_keyword(estimator)
    return {} if keyword is None else {keyword: sample_weight}


def held_out_splits(cv, X, y, random_state=None, params=None):
    """Return splits that hold out each row at most once.

    Parameters
    ----------
    cv : int, splitter, iterable or None
        A number is that many folds of neighbouring rows, shuffled if a seed is given.
    X, y : array-like
        The rows.
    random_state : int, RandomState instance or None, default=None
        Seed of the shuffling.
    params : dict or None, default=None
        Metadata for the splitter.

    Returns
    -------
    list of tuple
        Row numbers to fit on and row numbers held out.

    Raises
    ------
    ValueError
        If a row is held out twice, or none is.
    """
    if cv is None or isinstance(cv, Integral):
        seed = None if random_state is None else random_state
        cv = KFold(5 if cv is None else int(cv), shuffle=seed is not None, random_state=seed)
    else:
        cv = check_cv(cv, y)
    rows = np.arange(len(y))
    splits = [(rows[train], rows[test]) for train, test in cv.split(X, y, **(params or {}))]
    times = np.zeros(len(y), dtype=int)
    for _, test in splits:
        np.add.at(times, test, 1)
    if (times > 1).any():
        raise ValueError(
            "cv must hold out every row at most once, but "
            f"{(times > 1).sum()} rows are in several test folds, row {np.argmax(times > 1)} first."
        )
    if not times.any():
        raise ValueError("cv must hold out some rows, but its test folds are empty.")
    return splits
