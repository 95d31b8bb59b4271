"""What may be stacked, and what is when nothing is given."""

from sklearn.base import is_classifier
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
from sklearn.utils import check_random_state

from skweight._core._sklearn_compat import _routing_enabled
from skweight.quantile._residual import ResidualQuantileRegressor
from skweight.quantile._stacking_linear import LinearQuantiles


def default_estimators(random_state):
    """Return names and unfitted base models of different kinds.

    Parameters
    ----------
    random_state : int, RandomState instance or None
        Seed of whatever is random in them.

    Returns
    -------
    list of tuple
        Names and regressors, all of which take sample weights.
    """
    trees_seed = boosting_seed = None
    if random_state is not None:
        seeds = check_random_state(random_state).randint(2**31 - 1, size=2)
        trees_seed, boosting_seed = seeds.tolist()
    linear = LinearQuantiles()
    trees = ExtraTreesRegressor(min_samples_leaf=5, random_state=trees_seed)
    boosting = HistGradientBoostingRegressor(random_state=boosting_seed)
    errors = ResidualQuantileRegressor(boosting, random_state=boosting_seed)
    if _routing_enabled():
        for estimator in (linear, trees, boosting, errors):
            estimator.set_fit_request(sample_weight=True)
    return [("linear", linear), ("trees", trees), ("boosting", errors)]


def is_dropped(estimator):
    """Tell whether a base model is left out."""
    return isinstance(estimator, str) and estimator == "drop"


def check_pairs(estimators):
    """Raise unless these are names and regressors, at least one of them not dropped."""
    pairs = all(
        isinstance(pair, (tuple, list)) and len(pair) == 2 and isinstance(pair[0], str)
        for pair in estimators
    )
    if not (estimators and pairs):
        raise ValueError(
            "estimators must be None or a list of pairs of a name and a regressor, got "
            f"{estimators!r}."
        )
    kept = [(name, estimator) for name, estimator in estimators if not is_dropped(estimator)]
    if not kept:
        raise ValueError("estimators must hold a regressor, but all of them are dropped.")
    for name, estimator in kept:
        predicts = hasattr(estimator, "predict") or hasattr(estimator, "predict_quantiles")
        if isinstance(estimator, type) or not (hasattr(estimator, "fit") and predicts):
            raise ValueError(
                f"estimators: {name!r} must be a regressor or 'drop', got {estimator!r}."
            )
        if is_classifier(estimator):
            raise ValueError(f"estimators: {name!r} must be a regressor, got {estimator!r}.")
