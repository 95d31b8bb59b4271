"""The fits of conformal calibration: splits, folds, and the models that saw some of the rows."""

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import KFold, ShuffleSplit
from sklearn.utils.parallel import Parallel, delayed

from skweight._core._sklearn_compat import _routing_enabled
from skweight._core._wrapping import of_rows, rows_of, weight_keyword
from skweight.quantile._adapters import innermost, quantile_model
from skweight.quantile._stacking_inputs import held_out_splits


def quantiles_of(estimator):
    """Return the levels that an estimator says it forecasts, None where it says none."""
    inner, _ = innermost(estimator)
    frozen = isinstance(estimator, FrozenEstimator)
    if frozen and hasattr(inner, "quantiles_"):
        return inner.quantiles_
    return getattr(inner, "quantiles", None)


def one_split(cv, X, y, random_state=None, params=None):
    """Return rows that fit and rows that calibrate.

    Parameters
    ----------
    cv : int, splitter, iterable or None
        One split; None draws one with 20 % of the rows for calibration.
    X, y : array-like
        The rows.
    random_state : int, RandomState instance or None, default=None
        Seed of the default split.
    params : dict or None, default=None
        Metadata for the splitter.

    Returns
    -------
    list of one tuple
        Row numbers to fit on and row numbers that calibrate.

    Raises
    ------
    ValueError
        If there are several splits, or a row is on both sides.
    """
    if cv is None:
        cv = ShuffleSplit(1, test_size=0.2, random_state=random_state)
    splits = held_out_splits(cv, X, y, random_state, params)
    if len(splits) > 1:
        raise ValueError(
            f"cv must give one split with method='split', got {len(splits)}: give "
            "ShuffleSplit(1), a list of one pair of row numbers, or method='cv+'."
        )
    return _apart(splits)


def folds(cv, X, y, random_state=None, params=None, method="cv+"):
    """Return the splits of CV+.

    Parameters
    ----------
    cv : int, splitter, iterable or None
        At least two splits; None is five shuffled folds.
    X, y : array-like
        The rows.
    random_state : int, RandomState instance or None, default=None
        Seed of the folds.
    params : dict or None, default=None
        Metadata for the splitter.
    method : {"cv+", "nested-cv+"}, default="cv+"
        The nested method needs three folds that hold all rows.

    Returns
    -------
    list of tuple
        Row numbers to fit on and row numbers that calibrate, of each fold that holds some.

    Raises
    ------
    ValueError
        If the folds are too few, a row is in two of them or on both sides of one.
    """
    if cv is None:
        cv = KFold(5, shuffle=True, random_state=random_state)
    splits = held_out_splits(cv, X, y, random_state, params)
    splits = _apart([(train, test) for train, test in splits if len(test)])
    nested = method == "nested-cv+"
    if len(splits) < (3 if nested else 2):
        raise ValueError(
            f"cv must give at least {'three' if nested else 'two'} folds with method={method!r}, "
            f"got {len(splits)}."
        )
    if nested and any(len(train) + len(test) < len(y) for train, test in splits):
        raise ValueError(
            f"cv must divide all rows into folds with method={method!r}, each of which is held out "
            "while all others fit."
        )
    return splits


def _apart(splits):
    for number, (train, test) in enumerate(splits):
        both = np.intersect1d(train, test)
        if len(both):
            raise ValueError(
                f"cv must keep rows that calibrate out of the fit, but {len(both)} rows are on "
                f"both sides of split {number}, row {both[0]} first."
            )
    return splits


def forecast_of(model, X, levels):
    """Return the quantiles of a model as an array of shape (n, m), or say that some are missing."""
    forecast = np.asarray(model.predict_quantiles(X, levels), dtype=np.float64)
    if not np.isfinite(forecast).all():
        raise ValueError(
            f"estimator must forecast finite quantiles, but {type(model.estimator).__name__} gave "
            f"NaN or infinity for {(~np.isfinite(forecast)).any(axis=1).sum()} rows."
        )
    return forecast


def fit_folds(estimator, levels, X, y, splits, params, n_jobs=None):
    """Fit a model for each split and forecast the rows that it did not see.

    Parameters
    ----------
    estimator : estimator
        Unfitted, or frozen.
    levels : ndarray of shape (m,)
        Quantile levels.
    X : array-like of shape (n, n_features)
        The rows.
    y : ndarray of shape (n,)
        Their outcomes.
    splits : list of tuple
        Row numbers to fit on and to forecast.
    params : dict
        Metadata for ``fit``; what has n entries is taken row by row.
    n_jobs : int or None, default=None
        How many models are fitted at once.

    Returns
    -------
    list of tuple
        The fitted model and its forecast of shape (n_k, m), for each split.
    """
    models = [quantile_model(estimator, levels) for _ in splits]
    return Parallel(n_jobs=n_jobs)(
        delayed(_fit_fold)(model, levels, X, y, train, test, params)
        for model, (train, test) in zip(models, splits, strict=True)
    )


def _fit_fold(model, levels, X, y, train, test, params):
    params = {name: of_rows(value, train, len(y)) for name, value in params.items()}
    if "sample_weight" in params and not _routing_enabled():
        # A Pipeline takes them under the name of its last step.
        keyword = weight_keyword(model.estimator) or "sample_weight"
        params[keyword] = params.pop("sample_weight")
    model.fit(rows_of(X, train), y[train], **params)
    return model, forecast_of(model, rows_of(X, test), levels)
