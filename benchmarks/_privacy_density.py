"""Kernel densities without privacy, beside scikit-learn's, at one tolerance."""

import functools
import warnings

import numpy as np
from sklearn.neighbors import KernelDensity

from benchmarks import _report
from benchmarks._privacy_kernels import draw
from benchmarks._timing import measure
from skweight.privacy import SketchKernelDensity
from skweight.privacy._kernels import exact_sums

# Rows, columns, bandwidth.
CELLS = (
    (100_000, 1, 0.1),
    (1_000_000, 1, 0.01),
    (100_000, 2, 0.1),
    (100_000, 10, 0.5),
    (10_000, 100, 1.5),
    (100_000, 100, 1.5),
)
QUICK_CELLS = ((5000, 1, 0.1), (5000, 10, 0.5))
RTOL = 0.05
QUERIES, FEW = 2000, 50


def ours(X, bandwidth, rtol):
    """Return our fitted density."""
    return SketchKernelDensity(bandwidth=bandwidth, rtol=rtol, random_state=0).fit(X)


def sklearn_density(X, bandwidth, rtol):
    """Return scikit-learn's fitted density."""
    return KernelDensity(bandwidth=bandwidth, rtol=rtol).fit(X)


def _fitted(fit):
    return fit().n_features_in_


def race(n, d, bandwidth):
    """Return seconds to fit, microseconds of queries, and errors, of one cell."""
    X, Y = draw(n, d, queries=QUERIES)
    truth = exact_sums("gaussian", bandwidth, X, Y[:FEW]) / n
    fits = {
        "ours": functools.partial(ours, X, bandwidth, RTOL),
        "sketch": functools.partial(ours, X, bandwidth, None),
        "tolerant": functools.partial(sklearn_density, X, bandwidth, RTOL),
        "exact": functools.partial(sklearn_density, X, bandwidth, 1e-8),
    }
    seconds, queries, errors = {}, {}, {}
    for name, fit in fits.items():
        seconds[name] = measure(functools.partial(_fitted, fit), repeats=3).seconds
        model = fit()
        mine = name in ("ours", "sketch")
        some = Y if mine else Y[:FEW]
        found = measure(functools.partial(model.score_samples, some), repeats=3)
        queries[name] = 1e6 * found.seconds / len(some)
        if mine:
            errors[name] = np.abs(model.kernel_mean(Y[:FEW]) / truth - 1)
    block = functools.partial(exact_sums, "gaussian", bandwidth, X, Y[:FEW])
    queries["pairs"] = 1e6 * measure(block, repeats=3).seconds / FEW
    return seconds, queries, errors


def section(quick, targets):
    """Return the report's section."""
    rows, errors = [], []
    names = ("ours", "tolerant", "exact", "pairs")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for n, d, bandwidth in QUICK_CELLS if quick else CELLS:
            seconds, queries, found = race(n, d, bandwidth)
            errors.append(found["ours"])
            row = [f"{n:,}", d, f"{bandwidth:g}"]
            row += [_report.significant(seconds[name]) for name in ("ours", "tolerant")]
            row += [_report.significant(queries[name]) for name in names]
            best = min(queries["tolerant"], queries["pairs"])
            row += [_report.significant(best / queries["ours"]), f"{found['ours'].mean():.1g}"]
            row += [_report.significant(queries["sketch"]), f"{found['sketch'].mean():.1g}"]
            rows.append(row)
    within = np.mean(np.concatenate(errors) <= RTOL)
    targets.check(
        f"SketchKernelDensity: relative error at most {RTOL} for at least 95 % of queries",
        f"{100 * within:.1f} % of {sum(map(len, errors))}",
        within >= 0.95,
    )
    header = ["rows", "columns", "bandwidth", "fit, ours", "fit, scikit-learn", "ours"]
    header += [f"scikit-learn, rtol {RTOL}", "scikit-learn, exact", "all pairs"]
    header += ["better over ours", "error, ours", "sketch alone", "error, sketch alone"]
    return f"""## Densities without privacy

`SketchKernelDensity` beside scikit-learn's `KernelDensity` at one `rtol`, Gaussian kernel, queries
from the same ten clusters as the rows. CPU seconds to fit, then CPU microseconds for one query of
{QUERIES:,} (ours) or {FEW} (the others). *All pairs* is scipy's `cdist` and numpy's `exp`. *Better
over ours* is the quicker of scikit-learn with that `rtol` and all pairs, over ours. Errors are mean
relative ones. *Sketch alone* has `rtol=None`: no query goes to the rows. Where it is too rough, as
in many columns, all of ours go there, and nothing is gained.

{_report.table(header, rows)}"""
