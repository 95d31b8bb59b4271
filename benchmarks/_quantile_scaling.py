"""How seconds and memory of the weights grow with rows and levels, and the estimator's default."""

from functools import partial

import numpy as np
from sklearn.datasets import load_diabetes

from benchmarks import _quantile_rivals as rivals
from benchmarks import _report
from benchmarks._quantile_forecasts import draw
from benchmarks._timing import measure, slope
from skweight.quantile import QuantileStackingRegressor, quantile_stacking_weights

MODELS, LEVELS = 6, 20
SIZES = (10_000, 100_000, 1_000_000)
LEVEL_COUNTS = (9, 19, 49, 99)
HIGHS_ROWS, TARGET_ROWS = 5000, 100_000
WEIGHTINGS = ("coarse", "medium")
LIMIT = 600.0
DUAL_LIMIT = 120.0  # seconds on the clock, for HiGHS on the dual programme
MEMORY = 8000  # MB


def solve(Q, y, levels, weighting):
    """Return what the weights reach, for a table."""
    found = quantile_stacking_weights(Q, y, levels, weighting=weighting)
    return found.objective, found.dual_gap / found.objective, found.n_iter


def rows_section(quick, targets):
    """Return the table of growing rows."""
    sizes = tuple(n // 10 for n in SIZES[:2]) if quick else SIZES
    rows, seconds = [], {weighting: [] for weighting in WEIGHTINGS}
    worst = 0.0
    for n in sizes:
        Q, y, levels = draw(n, MODELS, LEVELS, np.float32)
        for weighting in WEIGHTINGS:
            found = measure(partial(solve, Q, y, levels, weighting), LIMIT, repeats=5)
            seconds[weighting].append(found.seconds)
            whole = found.peak + Q.nbytes / 1e6
            worst = max(worst, whole)
            row = [f"{n:,}", weighting, *_figures(found), f"{Q.nbytes / 1e6:.0f}"]
            other = None
            if n < SIZES[-1]:
                task = partial(rivals.highs_dual, Q.astype(float), y, levels, weighting)
                other = measure(task, DUAL_LIMIT)
            rows.append([*row, _seconds(other)])
        del Q
    for weighting in WEIGHTINGS:
        measured = slope(sizes, seconds[weighting])
        targets.check(
            f"{weighting} weights: log-log slope of seconds in n at most 1.1, {sizes[0]:,} to "
            f"{sizes[-1]:,} rows, p = {MODELS}, m = {LEVELS}",
            f"{measured:.2f}",
            measured <= 1.1,
        )
    targets.check(
        f"n = {sizes[-1]:,} within {MEMORY} MB, the forecasts included",
        f"{worst:.0f} MB at the most",
        np.isfinite(worst) and worst <= MEMORY,
    )
    header = ["rows", "weights", "CPU seconds", "iterations", "relative gap", "MB more"]
    header += ["MB of forecasts", "HiGHS, dual programme"]
    return _report.table(header, rows)


def highs_section(quick, targets):
    """Return lines on n = 1e5 beside HiGHS-IPM at n = 5000, extrapolated linearly."""
    few, many = (200, 4000) if quick else (HIGHS_ROWS, TARGET_ROWS)
    small, large = draw(few, MODELS, LEVELS), draw(many, MODELS, LEVELS)
    rows = []
    for weighting in WEIGHTINGS:
        theirs = measure(partial(rivals.highs, *small, weighting), LIMIT)
        ours = measure(partial(solve, *large, weighting), LIMIT, repeats=5)
        share = theirs.seconds * many / few / ours.seconds
        rows.append([weighting, _seconds(theirs), _seconds(ours), f"1/{share:.0f}"])
        targets.check(
            f"{weighting} weights at n = {many:,}, m = {LEVELS} in at most 1/40 of HiGHS-IPM's "
            f"seconds at n = {few:,}, extrapolated linearly",
            f"1/{share:.0f}",
            share >= 40,
        )
    header = ["weights", f"HiGHS-IPM at {few:,} rows", f"ours at {many:,} rows", "share"]
    return _report.table(header, rows)


def levels_section(quick):
    """Return the table of growing levels."""
    n, counts = (1000, LEVEL_COUNTS[:2]) if quick else (10_000, LEVEL_COUNTS)
    rows = []
    for m in counts:
        Q, y, levels = draw(n, MODELS, m)
        row = [m]
        for weighting in (*WEIGHTINGS, "fine"):
            if weighting == "fine" and m > 19:
                row += ["-", "-"]
                continue
            found = measure(partial(solve, Q, y, levels, weighting), LIMIT, repeats=5)
            row += [_seconds(found), "-" if found.ended else f"{found.peak:.0f}"]
        rows.append(row)
    header = ["levels"]
    for weighting in (*WEIGHTINGS, "fine"):
        header += [f"{weighting}, CPU seconds", "MB more"]
    return n, _report.table(header, rows)


def estimator_section(targets):
    """Return a line on the estimator with its defaults."""
    X, y = load_diabetes(return_X_y=True)
    found = measure(lambda: QuantileStackingRegressor().fit(X, y).objective_, LIMIT, repeats=3)
    targets.check(
        "QuantileStackingRegressor().fit on diabetes in at most 10 CPU seconds",
        f"{_report.significant(found.seconds)} s",
        found.seconds <= 10,
    )
    return found.seconds


def section(quick, targets):
    """Return the report's section."""
    by_rows, against = rows_section(quick, targets), highs_section(quick, targets)
    n, by_levels = levels_section(quick)
    seconds = estimator_section(targets)
    return f"""## Growing data

{MODELS} simulated models, {LEVELS} levels, forecasts in float32. *MB more* is by how much the
process grew while it solved; HiGHS gets the dual programme of above, in float64, and is left out
of the largest.

{by_rows}

Forecasts in float64, beside HiGHS-IPM on the whole programme:

{against}

{n:,} rows and growing levels; fine weights have {MODELS} times as many columns as there are levels.

{by_levels}

`QuantileStackingRegressor()`, base models included, fits scikit-learn's diabetes data (442 rows,
19 levels, five folds) in {_report.significant(seconds)} CPU seconds."""


def _figures(found):
    if found.ended:
        return [_seconds(found), "-", "-", "-"]
    _, gap, n_iter = found.value
    return [_seconds(found), n_iter, f"{gap:.0e}", f"{found.peak:.0f}"]


def _seconds(found):
    if found is None:
        return "-"
    return ("> " if found.ended else "") + _report.significant(found.seconds)
