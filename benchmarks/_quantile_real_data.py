"""From data to scores: aggregated forecasts beside their base models, and calibrated intervals."""

import time
import warnings
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.frozen import FrozenEstimator
from threadpoolctl import threadpool_limits

from benchmarks._quantile_forecasts import (
    BASES,
    BOOSTING,
    FOREST,
    LEVELS,
    forecasts,
    out_of_fold,
    standardise,
)
from benchmarks._quantile_sets import SETS
from skweight.metrics import (
    interval_coverage,
    interval_width,
    weighted_interval_score,
)
from skweight.quantile import (
    ConformalQuantileRegressor,
    QuantileAggregator,
    noncross_isotonic,
    noncross_sort,
    quantile_stacking_weights,
)
from skweight.quantile._weights import combine

AVERAGE, MEDIAN, SINGLE, QRA = "average", "median", "best single", "QRA by level"
COARSE, MEDIUM, FINE = "coarse", "medium", "fine"
LEARNED = (COARSE, MEDIUM, FINE, QRA)
AGGREGATES = (AVERAGE, MEDIAN, SINGLE, *LEARNED)
METHODS = (*AGGREGATES, *BASES)
COVERAGES = (0.9, 0.8)
CALIBRATED = (FOREST, BOOSTING, COARSE, MEDIUM, FINE)
RAW, SORTED, PAVA, CROSSED, WEIGHTS_SECONDS = range(5)


@dataclass
class Study:
    """What came out on one data set; the first axis of all arrays is the seed.

    Attributes
    ----------
    shape : tuple of int
        Rows and features.
    scores : ndarray of shape (seeds, methods, 5 + coverages)
        WIS raw, sorted and by PAVA, share of test rows that cross, CPU seconds of the weights,
        coverage of the raw central intervals.
    calibrated : ndarray of shape (seeds, models, coverages, 6)
        Coverage and mean width of the intervals: raw, ours, MAPIE's.
    margin_error : float
        Largest difference between our margins and MAPIE's, among those that MAPIE may take.
    n_calibration, n_test : int
        Rows that calibrated, rows of the test.
    base_seconds : float
        Mean CPU seconds of the base models, for one seed, out of fold and on all rows.
    """

    shape: tuple
    scores: np.ndarray
    calibrated: np.ndarray
    margin_error: float
    n_calibration: int
    n_test: int
    base_seconds: float


def run(name, seeds, n_jobs=1, rows=None):
    """Return the study of one data set."""
    found = Parallel(n_jobs=n_jobs)(delayed(one_seed)(name, seed, rows) for seed in range(seeds))
    parts = list(zip(*found))
    shape, scores, calibrated, errors, counts, seconds = parts
    return Study(
        shape[0],
        np.array(scores),
        np.array(calibrated),
        max(errors),
        *counts[0],
        float(np.mean(seconds)),
    )


def one_seed(name, seed, rows=None):
    """Split, fit, aggregate and calibrate once."""
    X, y = SETS[name](seed)
    order = np.random.default_rng(seed).permutation(len(y))[:rows]
    test, train = np.split(order, [round(0.1 * len(order))])
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.process_time()
        y_train, y_test = standardise(y[train], y[test])
        X_train, X_test = standardise(X[train], X[test])
        held_out = out_of_fold(X_train, y_train, LEVELS, seed)
        new = forecasts(X_train, y_train, X_test, LEVELS, seed)
        seconds = time.process_time() - start
        scores = score_methods(held_out, y_train, new, y_test)
        calibrated, error, count = calibrate(X_train, y_train, X_test, y_test, seed)
    return (len(order), X.shape[1]), scores, calibrated, error, (count, len(test)), seconds


def aggregates(held_out, y, new):
    """Yield the name, test forecast and CPU seconds of every aggregate."""
    yield AVERAGE, new.mean(axis=1), 0.0
    yield MEDIAN, np.median(new, axis=1), 0.0
    single = [weighted_interval_score(y, q, quantiles=LEVELS) for q in held_out.swapaxes(0, 1)]
    yield SINGLE, new[:, np.argmin(single)], 0.0
    for name in LEARNED:
        options = {"weighting": name}
        if name == QRA:  # free weights and an intercept at each level
            options = {"weighting": "medium", "constraint": "none", "fit_intercept": True}
        start = time.process_time()
        found = quantile_stacking_weights(held_out, y, LEVELS, **options)
        seconds = time.process_time() - start
        yield name, combine(new, found.weights, found.intercept), seconds


def score_methods(held_out, y, new, y_test):
    """Return the scores of all methods, (methods, 5 + coverages)."""
    found = list(aggregates(held_out, y, new))
    found += [(name, new[:, j], 0.0) for j, name in enumerate(BASES)]
    return np.array([score(forecast, y_test, seconds) for _, forecast, seconds in found])


def score(forecast, y, seconds):
    """Return one method's figures."""
    repaired = (forecast, noncross_sort(forecast), noncross_isotonic(forecast))
    losses = [weighted_interval_score(y, each, quantiles=LEVELS) for each in repaired]
    crossed = float((np.diff(forecast, axis=1) < -1e-9).any(axis=1).mean())
    covered = [interval_coverage(y, forecast[:, ends(c)]) for c in COVERAGES]
    return [*losses, crossed, seconds, *covered]


def ends(coverage):
    """Return the columns of a central interval."""
    low = int(np.argmin(np.abs(LEVELS - (1 - coverage) / 2)))
    return [low, len(LEVELS) - 1 - low]


class _Column(RegressorMixin, BaseEstimator):
    """One level of a fitted aggregator, as MAPIE wants it."""

    def __init__(self, model, column):
        self.model, self.column = model, column
        self.is_fitted_ = True

    def fit(self, X, y):
        return self

    def predict(self, X):
        return self.model.predict_quantiles(X)[:, self.column]


def calibrate(X, y, X_test, y_test, seed):
    """Calibrate on a fifth of the training rows that no model and no weight has seen.

    Base models and weights are fitted anew to the other rows, then the same fitted forecasts go
    to both packages.

    Returns
    -------
    figures : ndarray of shape (models, coverages, 6)
        Coverage and width: raw, ours, MAPIE's.
    error : float
        Largest difference of margins.
    n_calibration : int
        Rows that calibrated.
    """
    from mapie.regression import ConformalizedQuantileRegressor

    held, fit = np.split(np.random.default_rng(seed).permutation(len(y)), [round(0.2 * len(y))])
    held_out = out_of_fold(X[fit], y[fit], LEVELS, seed)
    rows = np.concatenate([X[held], X_test])
    new = forecasts(X[fit], y[fit], rows, LEVELS, seed)
    names = list(BASES)
    figures, error = np.empty((len(CALIBRATED), len(COVERAGES), 6)), 0.0
    for i, name in enumerate(CALIBRATED):
        columns = [names.index(name)] if name in names else slice(None)
        weighting = "coarse" if name in names else name
        Q, Q_new = _flat(held_out[:, columns]), _flat(new[:, columns])
        model = QuantileAggregator(LEVELS, weighting=weighting).fit(Q, y[fit])
        calibration, test = Q_new[: len(held)], Q_new[len(held) :]
        ours = ConformalQuantileRegressor(FrozenEstimator(model), LEVELS)
        ours.fit(calibration, y[held])
        for j, coverage in enumerate(COVERAGES):
            low, high = ends(coverage)
            three = [_Column(model, k) for k in (low, high, len(LEVELS) // 2)]
            theirs = ConformalizedQuantileRegressor(three, coverage, prefit=True)
            theirs.conformalize(calibration, y[held])
            _, interval = theirs.predict_interval(test, symmetric_correction=True)
            raw = model.predict_quantiles(test)[:, [low, high]]
            margins = np.abs((interval[:, :, 0] - raw) * [-1, 1] - ours.conformity_quantiles_[low])
            error = max(error, float(margins.max()))
            intervals = (raw, ours.predict_interval(test, coverage), interval[:, :, 0])
            pairs = [(interval_coverage(y_test, e), interval_width(e)) for e in intervals]
            figures[i, j] = np.ravel(pairs)
    return figures, error, len(held)


def _flat(Q):
    return Q.reshape(len(Q), -1)
