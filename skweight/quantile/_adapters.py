"""Make any regressor predict quantiles, in the way that costs it the fewest fits."""

import inspect

import numpy as np
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from skweight.quantile._adapters_forest import ForestLeafQuantiles
from skweight.quantile._levels import SNAP, at_levels

# (package, class) -> the parameters that make one model of it predict one level. Classes are
# known by name, so that nobody imports a package to ask; subclasses are found by their bases.
_PER_LEVEL = {
    ("sklearn", "HistGradientBoostingRegressor"): lambda tau: {"loss": "quantile", "quantile": tau},
    ("sklearn", "GradientBoostingRegressor"): lambda tau: {"loss": "quantile", "alpha": tau},
    ("sklearn", "QuantileRegressor"): lambda tau: {"quantile": tau},
    ("lightgbm", "LGBMRegressor"): lambda tau: {"objective": "quantile", "alpha": tau},
}


def _catboost_loss(levels):
    name = "Quantile" if len(levels) == 1 else "MultiQuantile"
    return {"loss_function": f"{name}:alpha=" + ",".join(map(repr, levels))}


# The same for classes of which one model predicts every level.
_ONE_SHOT = {
    ("xgboost", "XGBRegressor"): lambda levels: {
        "objective": "reg:quantileerror",
        "quantile_alpha": levels,
    },
    ("catboost", "CatBoostRegressor"): _catboost_loss,
}

# Forests whose leaves hold a whole distribution.
_FORESTS = {("sklearn", "RandomForestRegressor"), ("sklearn", "ExtraTreesRegressor")}


class QuantileModel:
    """A model with ``fit`` and ``predict_quantiles``, whatever it is made of.

    Parameters
    ----------
    estimator : estimator
        Fitted in place by `fit`, once. It predicts through ``predict_quantiles``, through
        ``predict(X, quantiles=...)``, or was set to predict `quantiles` by ``predict(X)``.
    quantiles : ndarray of shape (m,)
        The levels that it is made for.
    """

    def __init__(self, estimator, quantiles):
        self.estimator = estimator
        self.quantiles = quantiles

    @property
    def is_frozen(self):
        """Whether the model was fitted before, so that fitting it does nothing."""
        return isinstance(self.estimator, FrozenEstimator)

    def fit(self, X, y, **params):
        """Fit the estimator, unless it is frozen."""
        if not self.is_frozen:
            self.estimator.fit(X, y, **params)
            check_increasing(self.estimator, y)
        return self

    def predict_quantiles(self, X, quantiles=None):
        """Return quantiles of shape (n_samples, n_quantiles), float64."""
        wanted = self.quantiles if quantiles is None else np.asarray(quantiles, dtype=np.float64)
        forecast = _predict(self.estimator, X, wanted, self.quantiles)
        return np.ascontiguousarray(forecast, dtype=np.float64)


def quantile_model(estimator, quantiles):
    """Wrap a regressor so that it predicts quantiles.

    In this order: what has ``predict_quantiles`` or ``predict_quantile``; what has `quantiles`
    among the parameters of ``predict``; known classes, also inside a Pipeline or
    TransformedTargetRegressor (scikit-learn's gradient boosting, QuantileRegressor and forests,
    LightGBM, XGBoost, CatBoost); the residuals of any other regressor.

    Parameters
    ----------
    estimator : estimator
        An unfitted regressor, or a fitted one in FrozenEstimator.
    quantiles : ndarray of shape (m,)
        Levels.

    Returns
    -------
    QuantileModel
        An unfitted model of a clone.

    Raises
    ------
    ValueError
        If a frozen model was fitted for something else than these quantiles.
    """
    from skweight.quantile._levelwise import LevelwiseQuantileRegressor
    from skweight.quantile._residual import ResidualQuantileRegressor, gives_std

    levels = np.asarray(quantiles, dtype=np.float64)
    inner, prefix = innermost(estimator)
    frozen = prefix is None
    if any(map(has_quantiles, (estimator, inner))):
        own = type(inner).__module__.partition(".")[0] == "skweight"
        copy = clone(estimator)
        free = not getattr(inner, "_quantiles_name_columns", False)
        if own and free and not frozen and "quantiles" in inner.get_params(deep=False):
            copy.set_params(**{prefix + "quantiles": tuple(levels.tolist())})  # none interpolated
        return QuantileModel(copy, levels)
    if known(inner, _ONE_SHOT):
        if frozen:
            _check_frozen_levels(inner, levels)
            return QuantileModel(clone(estimator), levels)
        return QuantileModel(_set_levels(clone(estimator), prefix, inner, levels), levels)
    if known(inner, _PER_LEVEL):
        if frozen:
            raise ValueError(
                f"estimators: a frozen {type(inner).__name__} predicts one number a row, not "
                f"{len(levels)} quantiles: freeze a fitted LevelwiseQuantileRegressor of it, or "
                "wrap it in ResidualQuantileRegressor."
            )
        model = LevelwiseQuantileRegressor(clone(estimator), levels, noncrossing=None)
    elif known(inner, _FORESTS) and not frozen:
        model = ForestLeafQuantiles(clone(estimator))
    else:
        distribution = "gaussian" if gives_std(estimator) else "empirical"
        model = ResidualQuantileRegressor(clone(estimator), levels, distribution=distribution)
    return QuantileModel(model, levels)


def level_parameters(estimator, tau):
    """Return the parameters that make a known class predict one level, None for another class."""
    inner, prefix = innermost(estimator)
    found = known(inner, _PER_LEVEL)
    if found is not None:
        values = found(tau)
    else:
        found = known(inner, _ONE_SHOT)
        values = None if found is None else found([tau])
    if values is None or prefix is None:
        return None
    return {prefix + name: value for name, value in values.items()}


def known(estimator, table):
    """Look an estimator's class up in a table by package and name, its bases included."""
    for cls in type(estimator).__mro__:
        key = cls.__module__.partition(".")[0], cls.__name__
        if key in table:
            return table[key] if isinstance(table, dict) else key
    return None


def innermost(estimator):
    """Look through pipelines, target transforms and frozen estimators.

    Returns
    -------
    tuple
        The regressor inside, and what goes before the names of its parameters, None where it is
        frozen.
    """
    if isinstance(estimator, FrozenEstimator):
        return innermost(estimator.estimator)[0], None
    if isinstance(estimator, Pipeline) and estimator.steps:
        name, last = estimator.steps[-1]
        inner, prefix = innermost(last)
        return inner, None if prefix is None else f"{name}__{prefix}"
    if isinstance(estimator, TransformedTargetRegressor) and estimator.regressor is not None:
        inner, prefix = innermost(estimator.regressor)
        return inner, None if prefix is None else "regressor__" + prefix
    return estimator, ""


def has_quantiles(estimator):
    """Tell whether an estimator predicts several quantiles by itself."""
    if hasattr(estimator, "predict_quantiles") or hasattr(estimator, "predict_quantile"):
        return True
    try:
        return "quantiles" in inspect.signature(estimator.predict).parameters
    except (AttributeError, TypeError, ValueError):
        return False


def last_step(fitted, X):
    """Return the fitted regressor inside, and the X that it sees."""
    if isinstance(fitted, FrozenEstimator):
        return last_step(fitted.estimator, X)
    if isinstance(fitted, Pipeline):
        for _, step in fitted.steps[:-1]:
            if step not in (None, "passthrough"):
                X = step.transform(X)
        return last_step(fitted.steps[-1][1], X)
    if isinstance(fitted, TransformedTargetRegressor):
        return last_step(fitted.regressor_, X)
    return fitted, X


def _predict(fitted, X, wanted, trained):
    """Predict quantiles of shape (n, m), looking through pipelines and target transforms."""
    if isinstance(fitted, FrozenEstimator):
        return _predict(fitted.estimator, X, wanted, trained)
    if isinstance(fitted, Pipeline):
        # Its own predict_quantiles does not exist, and routing may refuse its `quantiles`.
        for _, step in fitted.steps[:-1]:
            if step not in (None, "passthrough"):
                X = step.transform(X)
        return _predict(fitted.steps[-1][1], X, wanted, trained)
    if isinstance(fitted, TransformedTargetRegressor):
        z = _predict(fitted.regressor_, X, wanted, trained)
        return fitted.transformer_.inverse_transform(z.reshape(-1, 1)).reshape(z.shape)
    if hasattr(fitted, "predict_quantiles"):
        return _columns(fitted, fitted.predict_quantiles(X, wanted.tolist()), len(wanted))
    if hasattr(fitted, "predict_quantile"):
        return _columns(fitted, fitted.predict_quantile(X, wanted), len(wanted))
    if has_quantiles(fitted):
        return _columns(fitted, fitted.predict(X, quantiles=wanted.tolist()), len(wanted))
    forecast = _columns(fitted, fitted.predict(X), len(trained))
    return forecast if wanted is trained else at_levels(forecast, trained, wanted)


def _columns(fitted, forecast, m):
    """Return (n, m) where a single level came as (n,)."""
    forecast = np.asarray(forecast)
    if m == 1 and forecast.ndim == 1:
        forecast = forecast[:, None]
    if forecast.ndim != 2 or forecast.shape[1] != m:
        raise ValueError(
            f"{type(fitted).__name__} must predict {m} quantiles of each row, got an array of "
            f"shape {forecast.shape}."
        )
    return forecast


def _set_levels(estimator, prefix, inner, levels):
    values = known(inner, _ONE_SHOT)(levels.tolist())
    return estimator.set_params(**{prefix + name: value for name, value in values.items()})


def _check_frozen_levels(inner, levels):
    """Raise unless a fitted one-shot model was fitted for exactly these levels."""
    params = inner.get_params()
    found = params.get("quantile_alpha")
    if found is None:
        loss = str(params.get("loss_function", ""))
        found = loss.partition("alpha=")[2].split(",") if "Quantile:alpha=" in loss else []
    found = np.atleast_1d(np.asarray(found, dtype=np.float64))
    if found.shape != levels.shape or not (np.abs(found - levels) <= SNAP).all():
        raise ValueError(
            f"estimators: the frozen {type(inner).__name__} was fitted for the quantiles "
            f"{found.tolist()}, and {levels.tolist()} are wanted."
        )


def check_increasing(fitted, y):
    """Raise if a target transform turns the order round: its quantiles would change places."""
    if isinstance(fitted, Pipeline):
        fitted = fitted.steps[-1][1]
    if not isinstance(fitted, TransformedTargetRegressor):
        return
    ordered = np.unique(np.asarray(y, dtype=np.float64))[:, None]
    if (np.diff(np.ravel(fitted.transformer_.transform(ordered))) < 0).any():
        raise ValueError(
            "TransformedTargetRegressor must have an increasing transform to predict quantiles, "
            "but its transform of y falls somewhere."
        )
