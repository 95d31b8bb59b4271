"""Isotonic projection of crossing quantiles, all rows at once, beside scikit-learn row by row."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

import numpy as np
from sklearn.isotonic import isotonic_regression

from benchmarks import _report
from skweight.quantile import noncross_isotonic, noncross_minmax, noncross_sort

SHAPES = ((20_000, 99), (100_000, 99), (1_000_000, 20))
QUICK_SHAPES = ((20_000, 99), (100_000, 99))
TARGET_SHAPE, TARGET = (100_000, 99), 30
# scikit-learn's seconds grow with the number of rows, which it takes one by one.
_ROWS_OF_SKLEARN = 4000

SKLEARN = "scikit-learn, row by row"
ONE, TWO = "noncross_isotonic", "noncross_isotonic(n_jobs=2)"
NUMPY, SORT, SWEEP = "numpy.sort", "noncross_sort", "noncross_minmax"

_COLD = """
import time
start = time.perf_counter()
import numpy as np
from skweight.quantile import noncross_isotonic
forecast = np.random.default_rng(0).normal(size=({n}, {m}))
ready = time.perf_counter()
noncross_isotonic(forecast)
print(time.perf_counter() - ready)
"""


@dataclass
class Race:
    """Wall seconds on one array, and how far from scikit-learn's result ours is.

    Attributes
    ----------
    shape : tuple of int
        Rows and levels.
    seconds : dict of str to float
        Median of the rounds.
    sklearn_rows : int
        Rows that scikit-learn was given; its seconds are scaled to all of them.
    error : float
        Largest difference on these rows.
    """

    shape: tuple
    seconds: dict
    sklearn_rows: int
    error: float

    def ratio(self, name):
        return self.seconds[SKLEARN] / self.seconds[name]


def draw(n, m, seed=0):
    """Return quantiles with noise: every row crosses, at several places."""
    rng = np.random.default_rng(seed)
    forecast = rng.normal(size=(n, m))
    forecast.sort(axis=1)
    forecast += 0.3 * rng.normal(size=(n, m))
    return forecast


def race(shape, rounds=5):
    """Race on one array; the contestants take turns, so that a busy moment falls on all."""
    forecast = draw(*shape)
    part = forecast[: min(len(forecast), _ROWS_OF_SKLEARN)]
    tasks = {
        SKLEARN: lambda: np.array([isotonic_regression(row) for row in part]),
        ONE: lambda: noncross_isotonic(forecast),
        TWO: lambda: noncross_isotonic(forecast, n_jobs=2),
        NUMPY: lambda: np.sort(forecast, axis=1),
        SORT: lambda: noncross_sort(forecast),
        SWEEP: lambda: noncross_minmax(forecast),
    }
    error = float(np.abs(tasks[ONE]()[: len(part)] - tasks[SKLEARN]()).max())  # warms up as well
    if not np.array_equal(tasks[ONE](), tasks[TWO]()):
        raise AssertionError("one thread and two threads differ")
    spent = {name: [] for name in tasks}
    for _ in range(rounds):
        for name, task in tasks.items():
            start = time.perf_counter()
            task()
            spent[name].append(time.perf_counter() - start)
    seconds = {name: statistics.median(values) for name, values in spent.items()}
    seconds[SKLEARN] *= len(forecast) / len(part)
    return Race(shape, seconds, len(part), error)


def first_calls(repeats=3):
    """Return wall seconds of the first call in a new process, imports of the room left out.

    Returns
    -------
    dict of str to float
        A small call, which needs no compiler; a large one that compiles; a large one that finds
        the compiled function on disk; and the same call later.
    """
    small, large = {"n": 1000, "m": 19}, {"n": 20_000, "m": 19}
    forecast = np.random.default_rng(0).normal(size=(large["n"], large["m"]))
    found = {"first call, 1000 x 19": [], "first call, 20,000 x 19, not yet compiled": []}
    found["first call, 20,000 x 19, compiled before"] = []
    found["later calls, 20,000 x 19"] = []
    names = list(found)
    noncross_isotonic(forecast)
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            for name, size in zip(names, (small, large, large)):
                found[name].append(_in_new_process(_COLD.format(**size), folder))
        start = time.perf_counter()
        noncross_isotonic(forecast)
        found[names[3]].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in found.items()}


def _in_new_process(code, cache):
    environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return float(done.stdout)


def table(races):
    """Return a markdown table of races."""
    names = (SKLEARN, ONE, TWO, SWEEP, SORT, NUMPY)
    rows = [
        [
            f"{each.shape[0]:,} x {each.shape[1]}",
            *(_report.significant(each.seconds[name]) for name in names),
            f"{each.ratio(ONE):.0f}",
            f"{each.ratio(TWO):.0f}",
            f"{each.error:.0e}",
        ]
        for each in races
    ]
    header = ["rows x levels", *names, "ratio", "ratio, 2 threads", "largest difference"]
    return _report.table(header, rows)


def section(quick=False):
    """Return the report's section and the ratio at the target's shape with two threads."""
    races = [race(shape) for shape in (QUICK_SHAPES if quick else SHAPES)]
    starts = first_calls(1 if quick else 3)
    lines = [f"* {name}: {_report.significant(seconds)} s" for name, seconds in starts.items()]
    (target,) = (each for each in races if each.shape == TARGET_SHAPE)
    text = f"""## Isotonic projection of crossing rows

Wall seconds, medians of rounds in which all take turns. Every row crosses. scikit-learn's
`isotonic_regression` gets {_ROWS_OF_SKLEARN:,} of the rows, one by one, and its seconds are scaled
to all of them. Ratios are scikit-learn's seconds over those of `noncross_isotonic`.

{table(races)}

Compilation, in wall seconds:

""" + "\n".join(lines)
    return text, target.ratio(TWO)


if __name__ == "__main__":
    report, ratio = section(quick="--quick" in sys.argv)
    print(report)
    print(f"\n{ratio:.0f} times scikit-learn at the target's shape with two threads")
