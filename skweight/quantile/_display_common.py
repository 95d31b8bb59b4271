"""What the plots of this room share."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skweight._core._optional import import_optional
from skweight.metrics._quantile_losses import check_forecasts
from skweight.metrics._quantile_scorer import _predict_quantiles, _quantile_model
from skweight.quantile._levels import check_quantiles

MARKERS = "osD^vPX*<>"


def axes_for(ax, purpose, size):
    """Return the axes to draw on, on a new figure if there are none."""
    pyplot = import_optional("matplotlib.pyplot", purpose)
    if ax is None:
        _, ax = pyplot.subplots(figsize=size, layout="constrained")
    return ax


def quantiles_of(estimator, X, quantiles=None):
    """Return levels and forecasts of a fitted estimator, which may be a Pipeline or a search."""
    check_is_fitted(estimator)
    model, X = _quantile_model(estimator, X)
    levels, forecast = _predict_quantiles(model, X, quantiles)
    return check_quantiles(levels), np.asarray(forecast)


def named_estimators(estimator, name=None):
    """Return estimators by name: a dict as it is, a single one under its class or given name."""
    if isinstance(estimator, dict):
        _refuse_name(name, "estimator")
        return estimator
    return {type(estimator).__name__ if name is None else name: estimator}


def named_forecasts(y_quantiles, name=None):
    """Return forecasts by name: a dict as it is, a single one under "forecast" or a given name."""
    if isinstance(y_quantiles, dict):
        _refuse_name(name, "y_quantiles")
        return y_quantiles
    return {"forecast" if name is None else name: y_quantiles}


def _refuse_name(name, what):
    if name is not None:
        raise ValueError(
            f"name must be None where {what} is a dict, which has names, got {name!r}."
        )


def forecasts_of(estimator, X, quantiles, name=None):
    """Return common levels and forecasts by name, of one estimator or a dict of them."""
    models = named_estimators(estimator, name)
    found = {label: quantiles_of(model, X, quantiles) for label, model in models.items()}
    levels = next(iter(found.values()))[0]
    for label, (other, _) in found.items():
        if not np.array_equal(levels, other):
            raise ValueError(
                "quantiles must be given where the estimators have different levels of their own, "
                f"as {next(iter(found))!r} and {label!r}, got None."
            )
    return levels, {label: forecast for label, (_, forecast) in found.items()}


def check_named_forecasts(y_true, y_quantiles, quantiles, name=None):
    """Return levels and checked forecasts by name."""
    levels = check_quantiles(quantiles)
    forecasts = named_forecasts(y_quantiles, name)
    if not forecasts:
        raise ValueError("y_quantiles must have at least one forecast, got an empty dict.")
    for forecast in forecasts.values():
        check_forecasts(y_true, forecast, levels, None)
    return levels, {label: np.asarray(forecast) for label, forecast in forecasts.items()}


def percent(level):
    """Write a level as a percentage, with no more digits than it has."""
    return f"{100 * level:.6g}%"


def tidy(ax):
    """Take away the lines of the frame that carry no scale."""
    ax.spines[["top", "right"]].set_visible(False)
