"""The base models that are stacked when none are given: scikit-learn only."""

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
