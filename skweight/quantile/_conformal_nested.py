"""CV+ around a stack, with the base models of each pair of folds fitted once for both."""

from itertools import combinations

import numpy as np
from sklearn.base import clone
from sklearn.utils.parallel import Parallel, delayed

from skweight._core._sklearn_compat import check_sample_weight
from skweight._core._wrapping import of_rows, rows_of
from skweight.quantile._adapters import QuantileModel, quantile_model
from skweight.quantile._conformal_fits import forecast_of
from skweight.quantile._stacking import QuantileStackingRegressor
from skweight.quantile._stacking_inputs import routed_params
from skweight.quantile._stacking_library import is_dropped


def fit_nested(estimator, levels, X, y, splits, params, n_jobs=None):
    """Fit a stack without each fold, whose own folds are the others; forecast the rows left out.

    The stack without fold k learns its weights on rows of the folds l from base models without k
    and l. The stack without l needs the same ones: K (K - 1) / 2 fits of each base model instead of
    K (K - 1), and K more without one fold.

    Parameters
    ----------
    estimator : QuantileStackingRegressor
        Unfitted.
    levels : ndarray of shape (m,)
        Quantile levels.
    X : array-like of shape (n, n_features)
        The rows.
    y : ndarray of shape (n,)
        Their outcomes.
    splits : list of tuple
        The K folds: row numbers to fit on and to forecast, all rows in each.
    params : dict
        Metadata for ``fit``.
    n_jobs : int or None, default=None
        How many base models are fitted at once.

    Returns
    -------
    list of tuple
        The stack's model and its forecast of shape (n_k, m), for each fold.

    Raises
    ------
    ValueError
        If `estimator` is no QuantileStackingRegressor.
    """
    if not isinstance(estimator, QuantileStackingRegressor):
        raise ValueError(
            "estimator must be a QuantileStackingRegressor with method='nested-cv+', got "
            f"{type(estimator).__name__}: 'cv+' takes any."
        )
    stack = quantile_model(estimator, levels).estimator
    kept = {name: e for name, e in stack._bases(stack.random_state).items() if not is_dropped(e)}
    bases = {name: quantile_model(e, levels) for name, e in kept.items()}
    weight = params.get("sample_weight")
    routed = routed_params(
        stack,
        {name: base.estimator for name, base in bases.items()},
        None if weight is None else check_sample_weight(weight, X),
        {name: value for name, value in params.items() if name != "sample_weight"},
        "the weights are used in the stacking only",
    )
    tests = [np.sort(test) for _, test in splits]
    numbers = range(len(tests))
    without = [(k,) for k in numbers] + list(combinations(numbers, 2))
    jobs = [(left_out, name) for left_out in without for name in bases]
    results = Parallel(n_jobs=n_jobs)(
        delayed(_fit_base)(bases[name], X, y, left_out, tests, routed.fit[name], levels)
        for left_out, name in jobs
    )
    results = dict(zip(jobs, results, strict=True))
    fitted = []
    for k in numbers:
        train = np.setdiff1d(np.arange(len(y)), tests[k])
        models = {name: results[(k,), name][0] for name in bases}
        Q = np.empty((len(y), len(bases), len(levels)))
        for left_out in without[len(tests) :]:
            if k in left_out:
                (other,) = set(left_out) - {k}
                for j, name in enumerate(bases):
                    Q[tests[other], j] = results[left_out, name][1][other]
        model = QuantileModel(clone(stack), levels)
        _stack_ready(model.estimator, (models, Q[train]), X, y, train, params)
        fitted.append((model, forecast_of(model, rows_of(X, splits[k][1]), levels)))
    return fitted


def _fit_base(base, X, y, left_out, tests, params, levels):
    """Fit a copy without some folds; for two of them, forecast the rows of both."""
    rows = np.setdiff1d(np.arange(len(y)), np.concatenate([tests[k] for k in left_out]))
    model = base
    if not base.is_frozen:
        model = QuantileModel(clone(base.estimator), levels)
        params = {name: of_rows(value, rows, len(y)) for name, value in params.items()}
        model.fit(rows_of(X, rows), y[rows], **params)
    if len(left_out) == 1:
        return model, None
    return None, {k: forecast_of(model, rows_of(X, tests[k]), levels) for k in left_out}


def _stack_ready(stack, ready, X, y, train, params):
    """Fit a stack whose base models and their forecasts are there already."""
    stack._fit_models = lambda *_: ready
    try:
        params = {name: of_rows(value, train, len(y)) for name, value in params.items()}
        stack.fit(rows_of(X, train), y[train], **params)
    finally:
        del stack._fit_models
