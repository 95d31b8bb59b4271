"""The base models that are stacked when none are given: scikit-learn only."""

from sklearn.ensemble import ExtraTreesRegressor, RandomForestRegressor
from sklearn.linear_model import QuantileRegressor
from sklearn.utils import check_random_state

from skweight._core._sklearn_compat import _routing_enabled


def default_estimators(random_state):
    """Return names and unfitted base models of different kinds.

    Parameters
    ----------
    random_state : int, RandomState instance or None
        Seed of the forests.

    Returns
    -------
    list of tuple
        Names and regressors, all of which take sample weights.
    """
    random = check_random_state(random_state)
    seeds = [None] * 3 if random_state is None else random.randint(2**31 - 1, size=3).tolist()
    found = [
        ("linear", QuantileRegressor(alpha=0.0)),
        ("forest", RandomForestRegressor(min_samples_leaf=5, random_state=seeds[0])),
        ("trees", ExtraTreesRegressor(min_samples_leaf=5, random_state=seeds[1])),
    ]
    if _routing_enabled():
        for _, estimator in found:
            estimator.set_fit_request(sample_weight=True)
    return found
