"""Local weights of quantile models beside global ones, on the base models of the quantile room."""

import time
import warnings
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks import _quantile_real_data as real
from benchmarks import _report
from benchmarks._quantile_forecasts import LEVELS, forecasts, out_of_fold, standardise
from benchmarks._quantile_sets import SETS
from skweight._core._callbacks import FitTask
from skweight.metrics import weighted_interval_score
from skweight.quantile import LocalQuantileStackingRegressor, noncross_sort

LOCAL = {"local coarse": "coarse", "local medium": "medium", "DQA (local fine)": "fine"}
DQA = "DQA (local fine)"
GLOBAL = (real.COARSE, real.MEDIUM, real.FINE)
METHODS = (real.SINGLE, *GLOBAL, *LOCAL)
RAW, SORTED, CROSSED, SECONDS = range(4)
# Rows may cross at less than this share of the test before they are sorted.
CROSSING_TARGET = 0.01


def arrays(name, seed, cache=None):
    """Return rows, outcomes and base quantiles of one split, from a file of `cache` if it is there.

    Returns
    -------
    dict of ndarray
        ``X``, ``y`` and out-of-fold quantiles ``Q`` of the training rows, and the same of the test
        rows, with ``_test``; features and outcomes standardised by the training rows.
    """
    path = None if cache is None else Path(cache) / f"{name}-{seed}.npz"
    if path is not None and path.exists():
        with np.load(path) as found:
            return dict(found)
    X, y = SETS[name](seed)
    order = np.random.default_rng(seed).permutation(len(y))
    test, train = np.split(order, [round(0.1 * len(order))])
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y_train, y_test = standardise(y[train], y[test])
        X_train, X_test = standardise(X[train], X[test])
        made = {
            "X": X_train,
            "y": y_train,
            "Q": out_of_fold(X_train, y_train, LEVELS, seed),
            "X_test": X_test,
            "y_test": y_test,
            "Q_test": forecasts(X_train, y_train, X_test, LEVELS, seed),
        }
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **made)
    return made


def local_forecast(split, weighting, seed, **options):
    """Return the test forecast of local weights, before rows are sorted.

    The stack takes base quantiles that are there already, in its order of work.
    """
    stack = LocalQuantileStackingRegressor(
        quantiles=LEVELS, weighting=weighting, random_state=seed, **options
    )
    stack._needed_to_predict = dict
    ones, task = np.ones(len(split["y"])), FitTask(stack, None, {})
    Q, Q_test = np.sort(split["Q"], axis=2), np.sort(split["Q_test"], axis=2)
    stack._fit_combination(Q, split["X"], split["y"], ones, LEVELS, task)
    return stack._combined(Q_test, split["X_test"])


def one_seed(name, seed, cache=None, weightings=LOCAL, **options):
    """Return the figures of all methods, (methods, 4): WIS raw and sorted, crossing, seconds."""
    split = arrays(name, seed, cache)
    found = {}
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for method, forecast, seconds in real.aggregates(split["Q"], split["y"], split["Q_test"]):
            found[method] = forecast, seconds
        for method in weightings:
            start = time.process_time()
            forecast = local_forecast(split, LOCAL[method], seed, **options)
            found[method] = forecast, time.process_time() - start
    figures = np.full((len(METHODS), 4), np.nan)
    for i, method in enumerate(METHODS):
        if method in found:
            forecast, seconds = found[method]
            losses = [
                weighted_interval_score(split["y_test"], each, quantiles=LEVELS)
                for each in (forecast, noncross_sort(forecast))
            ]
            crossed = (np.diff(forecast, axis=1) < -1e-9).any(axis=1).mean()
            figures[i] = [*losses, crossed, seconds]
    return figures


def table(name, seeds, cache=None, **options):
    """Compare local with global weights on one data set.

    Parameters
    ----------
    name : {"concrete", "diamonds"}
        Data set.
    seeds : int
        Number of splits.
    cache : path or None, default=None
        Folder for the base quantiles of each split, which are most of the work.
    **options
        Parameters of `LocalQuantileStackingRegressor`.

    Returns
    -------
    text : str
        The table, with paired differences to DQA.
    figures : ndarray of shape (seeds, methods, 4)
        What it was made of.
    """
    figures = np.array([one_seed(name, seed, cache, **options) for seed in range(seeds)])
    ours = figures[:, METHODS.index(DQA)]
    rows = []
    for i, method in enumerate(METHODS):
        of = figures[:, i]
        difference = "-" if method == DQA else _mean_and_error(ours[:, SORTED] - of[:, SORTED])
        seconds = of[:, SECONDS].mean()
        rows.append(
            [
                method,
                _mean_and_error(of[:, RAW]),
                _mean_and_error(of[:, SORTED]),
                difference,
                f"{of[:, CROSSED].mean():.1%}",
                _report.significant(seconds) if seconds > 0 else "-",
            ]
        )
    header = ["", "WIS, raw", "after sort", "DQA minus this", "rows crossing", "CPU seconds"]
    return _report.table(header, rows), figures


def verdicts(name, figures, targets):
    """Check that DQA is as good as the best global family, and hardly crosses."""
    ours = figures[:, METHODS.index(DQA)]
    best = min(GLOBAL, key=lambda method: figures[:, METHODS.index(method), SORTED].mean())
    gain = figures[:, METHODS.index(best), SORTED] - ours[:, SORTED]
    error = gain.std(ddof=1) / np.sqrt(len(gain))
    targets.check(
        f"{name}: WIS of DQA at most that of the best global weights ({best}) plus a paired "
        "standard error",
        f"{-gain.mean():+.4f} ± {error:.4f}",
        -gain.mean() <= error,
    )
    crossed = ours[:, CROSSED].mean()
    targets.check(
        f"{name}: rows of DQA that cross before they are sorted below {CROSSING_TARGET:.0%}",
        f"{crossed:.2%}",
        crossed < CROSSING_TARGET,
    )


def section(quick, targets, seeds=None, cache=None):
    """Return the report's section, and check its targets."""
    parts = []
    names, seeds = (("concrete",), 2) if quick else (("concrete", "diamonds"), seeds)
    for name in names:
        text, figures = table(name, seeds or (5 if name == "concrete" else 3), cache)
        verdicts(name, figures, targets)
        parts.append(f"### {name}, {len(figures)} seeds\n\n{text}")
    return """## Local weights of quantile models

Data, splits and base models are those of `benchmarks/quantile.py`; weights are learned from the
same forecasts out of fold. Local weights have the defaults of `LocalQuantileStackingRegressor`, on
base quantiles that are sorted. WIS of the standardised outcome: means over seeds with standard
errors, those of differences paired; CPU seconds are those of the weights.

""" + "\n\n".join(parts)


def _mean_and_error(values):
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return f"{values.mean():.4f} ± {error:.4f}"
