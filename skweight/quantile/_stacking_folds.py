"""Quantiles of each base model: on rows that it did not see, and from a fit to all rows."""

import warnings

import numpy as np
from sklearn.base import clone
from sklearn.utils.parallel import Parallel, delayed

from skweight._core._wrapping import rows_of
from skweight.quantile._stacking_inputs import held_out_splits


def fit_models(models, X, y, fit_params, cv, random_state, split_params, n_jobs):
    """Fit every base model to all rows, and to the rows that each fold does not hold out.

    Parameters
    ----------
    models : dict
        Names and unfitted models of `quantile_model`, all of the same levels.
    X, y : array-like
        The rows.
    fit_params : dict of dict
        What goes to the ``fit`` of each base model, by name.
    cv, random_state, split_params
        As in `held_out_splits`.
    n_jobs : int or None
        Fits at the same time.

    Returns
    -------
    models : dict
        Names and models fitted to all rows.
    Q : ndarray of shape (n, p, m)
        Quantiles; NaN in rows that no fold holds out. A frozen model predicts every row.

    Raises
    ------
    ValueError
        If a model predicts NaN or infinity, or the folds have no meaning.
    """
    fitted = [name for name, model in models.items() if not model.is_frozen]
    splits = held_out_splits(cv, X, y, random_state, split_params) if fitted else []
    # The longest jobs first.
    jobs = [(name, None, None) for name in models]
    jobs += [(name, train, test) for train, test in splits for name in fitted if len(test)]
    results = Parallel(n_jobs=n_jobs)(
        delayed(_fit)(models[name], X, y, train, test, fit_params[name])
        for name, train, test in jobs
    )
    m = len(next(iter(models.values())).quantiles)
    Q = np.full((len(y), len(models), m), np.nan)
    where = {name: j for j, name in enumerate(models)}
    held_out = np.zeros(len(y), dtype=bool)
    for (name, _, test), (_, forecast) in zip(jobs, results, strict=True):
        if forecast is None:
            continue
        if not np.isfinite(forecast).all():
            raise ValueError(f"estimators: {name!r} predicts NaN or infinity.")
        if test is None:
            Q[:, where[name]] = forecast
        else:
            Q[test, where[name]] = forecast
            held_out[test] = True
    if fitted:
        Q[~held_out] = np.nan
    return {name: model for name, (model, _) in zip(models, results, strict=False)}, Q


def _fit(model, X, y, train, test, params):
    """Fit to all rows, or to some and predict others; return the model and its quantiles."""
    if train is None:
        _fit_quietly(model, X, y, params)
        return model, model.predict_quantiles(X) if model.is_frozen else None
    params = {name: rows_of(value, train) for name, value in params.items()}
    copy = type(model)(clone(model.estimator), model.quantiles)
    _fit_quietly(copy, rows_of(X, train), y[train], params)
    return None, copy.predict_quantiles(rows_of(X, test))


def _fit_quietly(model, X, y, params):
    """Fit without a second word on weights that the base model does not take."""
    if not params:
        return model.fit(X, y)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*fit takes no sample_weight", UserWarning)
        return model.fit(X, y, **params)
