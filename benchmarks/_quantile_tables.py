"""The report of the end-to-end comparison: tables and verdicts."""

from itertools import pairwise

import numpy as np

from benchmarks import _quantile_real_data as real
from benchmarks import _report

ORDER = (real.FINE, real.MEDIUM, real.COARSE, real.SINGLE, real.AVERAGE)
# Where the order of the means is asked for; elsewhere it is told as it comes.
STRONG = ("concrete", "diamonds")
ALONE = (real.FOREST, real.BOOSTING)
ROUNDING = 1e-12


def figure(values, digits=4):
    """Return a mean over seeds and its standard error."""
    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return f"{np.mean(values):.{digits}f} ± {error:.{digits}f}"


def of(study, name, column=real.RAW):
    """Return one figure of one method, by seed."""
    return study.scores[:, real.METHODS.index(name), column]


def scores_table(study):
    """Return the table of scores of one data set."""
    header = ["", "WIS, raw", "after sort", "after PAVA", "rows crossing"]
    header += [f"coverage of {c:.0%}" for c in real.COVERAGES] + ["CPU seconds of the weights"]
    rows = []
    for name in real.METHODS:
        losses = [figure(of(study, name, k)) for k in (real.RAW, real.SORTED, real.PAVA)]
        covered = [
            figure(of(study, name, real.WEIGHTS_SECONDS + 1 + j), 3)
            for j in range(len(real.COVERAGES))
        ]
        seconds = of(study, name, real.WEIGHTS_SECONDS).mean()
        spent = _report.significant(seconds) if name in real.LEARNED else "-"
        crossed = f"{of(study, name, real.CROSSED).mean():.0%}"
        rows.append([name, *losses, crossed, *covered, spent])
    return _report.table(header, rows)


def pairs_table(studies):
    """Return the table of paired differences."""
    pairs = [*pairwise(ORDER), (real.FINE, real.QRA)]
    pairs += [(name, alone) for name in (real.FINE, real.MEDIUM) for alone in ALONE]
    rows = []
    for left, right in pairs:
        row = [f"{left} - {right}"]
        row += [figure(of(study, left) - of(study, right)) for study in studies.values()]
        rows.append(row)
    return _report.table(["", *studies], rows)


def coverage_table(study):
    """Return the table of calibrated intervals of one data set."""
    rows = []
    for i, name in enumerate(real.CALIBRATED):
        for j, coverage in enumerate(real.COVERAGES):
            values = study.calibrated[:, i, j]
            row = [name, f"{coverage:.0%}"]
            for k in range(0, 6, 2):
                row += [figure(values[:, k], 3), f"{values[:, k + 1].mean():.3f}"]
            rows.append(row)
    header = ["forecast", "interval"]
    for who in ("raw", "ours", "MAPIE"):
        header += [f"{who}, coverage", "width"]
    return _report.table(header, rows)


def check(studies, targets):
    """Print the verdicts of the issue."""
    for name in (name for name in STRONG if name in studies):
        means = [of(studies[name], method).mean() for method in ORDER]
        targets.check(
            f"{name}: mean raw WIS of " + " <= ".join(ORDER),
            " ".join(f"{mean:.4f}" for mean in means),
            all(low <= high for low, high in pairwise(means)),
        )
    worst = max(
        (study.scores[:, :, column] - study.scores[:, :, real.RAW]).max()
        for study in studies.values()
        for column in (real.SORTED, real.PAVA)
    )
    targets.check(
        "WIS after sort or PAVA never above the raw one, any method, set and seed",
        f"{worst:.0e} above at the most",
        worst <= ROUNDING,
    )
    for method in (real.MEDIUM, real.FINE):
        for column, how in ((real.RAW, "raw"), (real.SORTED, "all sorted")):
            lost = [
                f"{alone} on {name}"
                for name, study in studies.items()
                for alone in ALONE
                if of(study, method, column).mean() >= of(study, alone, column).mean()
            ]
            targets.check(
                f"{method} weights ({how}): mean WIS below that of {' and '.join(ALONE)} alone on "
                f"{', '.join(studies)}",
                "not below " + ", ".join(lost) if lost else "below all",
                not lost,
            )
    error = max(study.margin_error for study in studies.values())
    targets.check(
        "margins of split calibration equal MAPIE's to 1e-12",
        f"{error:.0e} at the most",
        error <= ROUNDING,
    )


def section(quick, targets, seeds=5, n_jobs=1):
    """Run all sets and return the report's section."""
    names = ("concrete",) if quick else tuple(real.SETS)
    studies, parts = {}, []
    for name in names:
        study = real.run(name, 2 if quick else seeds, n_jobs, rows=200 if quick else None)
        studies[name] = study
        parts.append(
            f"### {name}\n\n{study.shape[0]} rows, {study.shape[1]} features; base models take "
            f"{_report.significant(study.base_seconds)} CPU seconds a seed, out of fold and on all "
            f"rows.\n\n{scores_table(study)}\n\nCentral intervals, {study.n_calibration} rows "
            f"calibrate, {study.n_test} test:\n\n{coverage_table(study)}"
        )
        print(f"{name} done", flush=True)
    check(studies, targets)
    used = len(next(iter(studies.values())).scores)
    return (
        f"""## From data to scores

{used} seeds; each splits off a tenth of the rows as a test, standardises by the rest, fits the base
models in five shuffled folds and on all of the rest, and learns weights from the forecasts out of
fold. Levels 0.05, 0.10, ..., 0.95. Base models, untuned: quantile random forest and quantile extra
trees of quantile-forest (50 trees, leaves of at least 8), LightGBM (100 trees of 10 leaves, a model
for each level), linear quantile regression, and empirical quantiles of the 25 nearest rows. *Best
single* is the base model with the least WIS out of fold; *QRA by level* is quantile regression of
the outcome on the models' forecasts of the same level, free weights and an intercept. WIS is the
mean over levels of twice the pinball loss of the standardised outcome; means over seeds and their
standard errors. A diamond set is drawn anew by each seed. Boston house prices are one of the
paper's sets and are used nowhere else: scikit-learn removed them because one column is built on
the belief that the share of black people in a town lowers prices.

For the calibrated intervals, a fifth of the training rows is set aside, base models and weights are
fitted to the others only, levels are sorted, and the same fitted forecasts are calibrated by
`ConformalQuantileRegressor` (split, two-sided) and by MAPIE's `ConformalizedQuantileRegressor`
(symmetric). Calibration promises the coverage on average over all draws of the rows, so a few seeds
and small tests may miss it by a few standard errors; ours also keeps levels in order.

"""
        + "\n\n".join(parts)
        + f"""

### Paired differences

Raw WIS of the first minus that of the second on the same test rows; below zero the first is better.

{pairs_table(studies)}"""
    )
