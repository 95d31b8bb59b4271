"""Forecasts to aggregate: simulated ones, and those of base models on real data, out of fold."""

import numpy as np
from scipy.stats import norm
from sklearn.model_selection import KFold
from sklearn.neighbors import NearestNeighbors

from skweight.quantile import quantile_stacking_weights

LEVELS = np.arange(1, 20) / 20
FOLDS = 5
_ROWS_AT_ONCE = 50_000


def draw(n, p, m, dtype=np.float64, seed=0):
    """Return forecasts of models of different skill, outcomes and levels.

    The outcome is normal around a mean and with a spread that differ from row to row. Every model
    sees both with errors of its own, and is too narrow or too wide; every third one also errs from
    level to level, as models fitted level by level do, so that its quantiles cross.

    Returns
    -------
    Q : ndarray of shape (n, p, m)
        Forecasts, of `dtype`.
    y : ndarray of shape (n,)
        Outcomes.
    levels : ndarray of shape (m,)
        1 / (m + 1), ..., m / (m + 1).
    """
    rng = np.random.default_rng(seed)
    levels = np.arange(1, m + 1) / (m + 1)
    z = norm.ppf(levels)
    Q, y = np.empty((n, p, m), dtype), np.empty(n)
    for start in range(0, n, _ROWS_AT_ONCE):
        rows = slice(start, min(start + _ROWS_AT_ONCE, n))
        k = rows.stop - rows.start
        mean, spread = rng.normal(size=k), np.exp(0.3 * rng.normal(size=k))
        y[rows] = mean + spread * rng.normal(size=k)
        for j in range(p):
            centre = mean + (0.3 + 0.15 * j) * rng.normal(size=k)
            width = (0.7 + 0.1 * j) * spread * np.exp(0.2 * rng.normal(size=k))
            forecast = centre[:, None] + width[:, None] * z
            if j % 3 == 1:
                forecast += 0.1 * rng.normal(size=(k, m))
            Q[rows, j] = forecast
    return Q, y, levels


def forest(X, y, X_new, levels, seed):
    """Quantile random forest of quantile-forest."""
    from quantile_forest import RandomForestQuantileRegressor

    model = RandomForestQuantileRegressor(50, min_samples_leaf=8, random_state=seed, n_jobs=1)
    return model.fit(X, y).predict(X_new, quantiles=levels.tolist())


def extra_trees(X, y, X_new, levels, seed):
    """Quantile extra trees of quantile-forest."""
    from quantile_forest import ExtraTreesQuantileRegressor

    model = ExtraTreesQuantileRegressor(50, min_samples_leaf=8, random_state=seed, n_jobs=1)
    return model.fit(X, y).predict(X_new, quantiles=levels.tolist())


def boosting(X, y, X_new, levels, seed):
    """LightGBM, one model for each level."""
    from lightgbm import LGBMRegressor

    common = {"n_estimators": 100, "num_leaves": 10, "n_jobs": 1, "verbose": -1}
    forecast = np.empty((len(X_new), len(levels)))
    for k, level in enumerate(levels):
        model = LGBMRegressor(objective="quantile", alpha=level, random_state=seed, **common)
        # the booster itself takes arrays without asking for the names of their columns
        forecast[:, k] = model.fit(X, y).booster_.predict(X_new)
    return forecast


def linear(X, y, X_new, levels, seed):
    """Linear quantile regression at each level.

    It is the linear programme of scikit-learn's `QuantileRegressor(alpha=0)`, which would take
    most of the hour on the diamonds; features stand where models do in stacking.
    """
    del seed
    varies = np.ptp(X, axis=0) > 0
    X, X_new = X[:, varies], X_new[:, varies]
    columns = np.broadcast_to(X[:, :, None], (*X.shape, len(levels)))
    found = quantile_stacking_weights(columns, y, levels, constraint="none", fit_intercept=True)
    return X_new @ found.weights.T + found.intercept


def neighbours(X, y, X_new, levels, seed):
    """Empirical quantiles of the 25 nearest rows."""
    del seed
    near = NearestNeighbors(n_neighbors=25).fit(X).kneighbors(X_new, return_distance=False)
    return np.quantile(y[near], levels, axis=1).T


FOREST, TREES, BOOSTING = "quantile forest", "quantile extra trees", "LightGBM by level"
BASES = {
    FOREST: forest,
    TREES: extra_trees,
    BOOSTING: boosting,
    "linear quantile regression": linear,
    "25 nearest neighbours": neighbours,
}


def forecasts(X, y, X_new, levels, seed):
    """Return the quantiles (n_new, p, m) of all base models fitted to X and y."""
    return np.stack([base(X, y, X_new, levels, seed) for base in BASES.values()], axis=1)


def out_of_fold(X, y, levels, seed):
    """Return the quantiles (n, p, m) of all rows, each from models that did not see it."""
    Q = np.empty((len(y), len(BASES), len(levels)))
    for train, held in KFold(FOLDS, shuffle=True, random_state=seed).split(X):
        Q[held] = forecasts(X[train], y[train], X[held], levels, seed)
    return Q


def standardise(train, *others):
    """Centre and scale the columns by the first array's mean and standard deviation."""
    centre, spread = train.mean(axis=0), train.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    return [(part - centre) / spread for part in (train, *others)]
