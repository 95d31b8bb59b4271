"""Value and gradient beside dcor, automatic differentiation, a plain loop and distances alone."""

import tempfile
from functools import partial

import numpy as np

from benchmarks import _fairness_rivals as rivals
from benchmarks import _report
from benchmarks._fairness_common import in_new_process, take_turns
from benchmarks._timing import measure
from skweight.fairness import distance_covariance
from skweight.fairness._penalty import DependencePenalty

SIZES, TARGET_SIZE, TARGET = (1000, 10_000, 100_000), 100_000, 5
AUTOGRAD_SIZES = (1000, 4000)
CELLS_ROWS, DENSE_ROWS, DENSE_COLUMNS = 100_000, 20_000, 8
NAIVE_ROWS = 4000  # dcor holds matrices of all pairs
MEMORY = 200  # MB
SMOOTHING = 1e-4  # of the standard deviation, the estimators' default

OURS, SMOOTHED = "value and gradient", "smoothed"
MERGESORT, AVL = "dcor, mergesort", "dcor, AVL"

_COLD = """
import sys, time
import numpy as np
from skweight.fairness import distance_covariance
rng = np.random.default_rng(0)
y = rng.normal(size=int(sys.argv[1]))
s = y + rng.normal(size=len(y))
start = time.process_time()
distance_covariance(y, s, return_gradient=True)
ready = time.process_time()
distance_covariance(y, s, return_gradient=True)
print(ready - start, time.process_time() - ready)
"""


def draw_numeric(n, n_columns=1):
    """Return predictions and continuous attributes of which the first matters."""
    rng = np.random.default_rng(0)
    s = rng.normal(size=(n, n_columns))
    return s[:, 0] + rng.normal(size=n), s


def draw_mixture(n):
    """Return predictions, and race as indicators, sex and whole years of age, about 700 cells."""
    rng = np.random.default_rng(0)
    race = np.eye(4)[rng.choice(4, size=n)]
    sex = rng.integers(0, 2, size=n).astype(float)
    age = rng.integers(18, 106, size=n) / 88
    return race[:, 1] + age + rng.normal(size=n), [race, sex, age]


def one_attribute(quick, targets):
    """Return the table of one numeric attribute."""
    rows = []
    for n in SIZES[:2] if quick else SIZES:
        y, s = draw_numeric(n)
        s = s[:, 0]
        width = SMOOTHING * y.std()
        tasks = {
            OURS: partial(distance_covariance, y, s, return_gradient=True),
            SMOOTHED: partial(distance_covariance, y, s, smoothing=width, return_gradient=True),
            MERGESORT: partial(rivals.dcor_mergesort, y, s),
            AVL: partial(rivals.dcor_avl, y, s),
        }
        value, scale = tasks[OURS]()[0], np.sqrt(_square(y) * _square(s))
        error = abs(value - tasks[MERGESORT]()) / scale
        seconds = take_turns(tasks, seconds=0.5 if quick else 2.0)
        ratio = min(seconds[MERGESORT], seconds[AVL]) / seconds[OURS]
        if n == TARGET_SIZE:
            targets.check(
                f"one numeric attribute, n = {n:,}: value and gradient at least {TARGET} times "
                "the speed of dcor's value alone (the faster of its two methods)",
                f"{ratio:.1f} times",
                ratio >= TARGET,
            )
        rows.append([f"{n:,}", *_milliseconds(seconds, tasks), f"{ratio:.1f}", f"{error:.0e}"])
    return _report.table(["rows", *tasks, "ratio", "difference from dcor"], rows)


def _square(x):
    return distance_covariance(x, x)


def autograd(quick):
    """Return the table of automatic differentiation, or a line that says why there is none."""
    if rivals.torch_module() is None:
        return (
            "Automatic differentiation by torch through the centred matrices is not raced here: "
            "torch is not installed."
        )
    rows = []
    for n in AUTOGRAD_SIZES[:1] if quick else AUTOGRAD_SIZES:
        y, s = draw_numeric(n, DENSE_COLUMNS)
        tasks = {
            OURS: partial(distance_covariance, y, s, return_gradient=True),
            "prepared before": partial(DependencePenalty([s]).value_and_gradient, y),
            "torch": partial(rivals.autograd, y, s),
        }
        (value, gradient), (other, slopes) = tasks[OURS](), tasks["torch"]()
        error = max(abs(value - other), np.abs(gradient - slopes).max() * n)
        seconds = take_turns(tasks)
        ratio = seconds["torch"] / seconds[OURS]
        row = [f"{n:,}", *_milliseconds(seconds, tasks), f"{ratio:.0f}", f"{error:.0e}"]
        rows.append(row)
    header = ["rows", OURS, "prepared before", "torch", "ratio", "largest difference"]
    return f"""Torch differentiates the value through the centred matrices, of {DENSE_COLUMNS}
continuous attributes. Ratio: its seconds over those of our whole call. A fit prepares once.

{_report.table(header, rows)}"""


def cells(quick, targets):
    """Return the table of a mixture of discrete attributes."""
    n = 10_000 if quick else CELLS_ROWS
    y, blocks = draw_mixture(n)
    penalty = DependencePenalty(blocks)
    if penalty.path != "cells":
        raise AssertionError(f"the mixture took the path {penalty.path}")
    ((term, _),) = penalty._terms
    width = SMOOTHING * y.std()
    tasks = {
        OURS: partial(penalty.value_and_gradient, y),
        SMOOTHED: partial(penalty.value_and_gradient, y, width),
        "preparation": partial(DependencePenalty, blocks),
        "sort and axpys": partial(rivals.sort_and_axpys, y, term.cell, term.M),
    }
    seconds = take_turns(tasks)
    shares = [seconds[name] / seconds["sort and axpys"] for name in (OURS, SMOOTHED)]
    targets.check(
        f"cells, n = {n:,}, K = {len(term.M)}: value and gradient in less than twice the seconds "
        "of a sort and n axpys of length K",
        f"{shares[0]:.2f} times, smoothed {shares[1]:.2f} times",
        max(shares) < 2,
    )
    peak = measure(lambda: DependencePenalty(blocks).value_and_gradient(y), repeats=1).peak
    row = [f"{n:,}", len(term.M), *_milliseconds(seconds, tasks)]
    row += [*(f"{share:.2f}" for share in shares), f"{peak:.0f}"]
    header = ["rows", "cells", *tasks, "ratio", "ratio, smoothed", "MB more"]
    return _report.table(header, [row])


def dense(quick, targets):
    """Return the table of many numeric attributes, which no structure makes cheaper."""
    n = 4000 if quick else DENSE_ROWS
    y, s = draw_numeric(n, DENSE_COLUMNS)
    penalty = DependencePenalty([s])
    width = SMOOTHING * y.std()
    whole = partial(distance_covariance, y, s, return_gradient=True)
    tasks = {
        "whole call": whole,
        OURS: partial(penalty.value_and_gradient, y),
        SMOOTHED: partial(penalty.value_and_gradient, y, width),
        "cdist, distances alone": partial(rivals.distances_in_tiles, s),
    }
    seconds = take_turns(tasks)
    share = seconds["whole call"] / seconds["cdist, distances alone"]
    what = f"dense, n = {n:,}, p = {DENSE_COLUMNS}: "
    targets.check(
        what + "value and gradient, preparation included, in at most twice the seconds of cdist "
        "in tiles (distances alone)",
        f"{share:.2f} times",
        share <= 2,
    )
    peak = measure(whole, repeats=1).peak
    targets.check(f"{what}less than {MEMORY} MB more memory", f"{peak:.1f} MB", peak < MEMORY)
    row = [f"{n:,}", *_milliseconds(seconds, tasks), f"{share:.2f}", f"{peak:.1f}"]
    return _report.table(["rows", *tasks, "ratio, whole call", "MB more"], [row])


def naive(quick):
    """Return the table of many numeric attributes beside dcor, which holds all pairs."""
    n = NAIVE_ROWS // 4 if quick else NAIVE_ROWS
    y, s = draw_numeric(n, DENSE_COLUMNS)
    tasks = {
        OURS: partial(distance_covariance, y, s, return_gradient=True),
        "dcor, value alone": partial(rivals.dcor_naive, y, s),
    }
    seconds = take_turns(tasks)
    memory = [f"{measure(task, repeats=1).peak:.0f}" for task in tasks.values()]
    header = ["rows", *tasks, "MB more", "MB more, dcor"]
    return _report.table(header, [[f"{n:,}", *_milliseconds(seconds, tasks), *memory]])


def first_call(n):
    """Return CPU seconds of a first call in a process: to be compiled, compiled before, later."""
    with tempfile.TemporaryDirectory() as folder:
        compiling, _ = in_new_process(_COLD, folder, str(n))
        loading, later = in_new_process(_COLD, folder, str(n))
    return compiling, loading, later


def _milliseconds(seconds, names):
    return [_report.significant(1e3 * seconds[name]) for name in names]


def section(quick, targets):
    """Measure everything and return the report's section."""
    numeric = one_attribute(quick, targets)
    torch = autograd(quick)
    mixture = cells(quick, targets)
    pairs, few = dense(quick, targets), naive(quick)
    first = [_report.significant(seconds) for seconds in first_call(1000 if quick else 10_000)]
    return f"""## Values and gradients

CPU milliseconds; contestants take turns, the least of all rounds. *Value and gradient* is the whole
call of a public function unless a table says otherwise, *smoothed* the same with a width of
{SMOOTHING:g} standard deviations, as the estimators use by default.

One numeric attribute, continuous. Ratio: the faster of dcor's two methods, which give no gradient,
over our value and gradient.

{numeric}

{torch}

Race as four indicators, sex, and age in whole years, concatenated. *Preparation* is done once a
fit; the other columns are one evaluation of predictions. *Sort and axpys* sorts the predictions and
adds, for each row, one row of the matrix of cells to a vector, compiled by numba.

{mixture}

{DENSE_COLUMNS} continuous attributes, concatenated: no structure to use. *Whole call* includes the
preparation. `scipy.spatial.distance.cdist` forms the distances of all pairs, {rivals.TILE} rows at
a time, and does nothing with them. Memory is the growth of a process of its own.

{pairs}

The same with few rows beside `dcor.distance_covariance_sqr`, which holds matrices of all pairs:

{few}

First call of a process for one numeric attribute, imports left out: {first[0]} s of CPU where it
is not yet compiled, {first[1]} s where it was compiled before, {first[2]} s later."""
