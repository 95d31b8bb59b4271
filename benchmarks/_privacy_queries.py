"""Sums of distances to private rows: seconds of queries and of releases, memory, cold starts."""

import functools
import pickle
import tempfile
import warnings

import numpy as np
from scipy.spatial.distance import cdist

from benchmarks import _privacy_peers as peers
from benchmarks import _report
from benchmarks._fairness_common import in_new_process
from benchmarks._privacy_distances import CELLS, draw, flat
from benchmarks._timing import measure
from skweight.privacy import PrivateDistanceSum

COLUMNS, ROWS = (1, 10, 100), 100_000
GROWING = (10_000, 100_000, 1_000_000)
BATCH = 20_000  # queries at once
TIMES, SECONDS, MEGABYTES = 5000, 60, 4000
EPSILON = 1.0

_COLD = """
import sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np
from skweight.privacy import PrivateDistanceSum
X = np.random.default_rng(0).uniform(size=(int(sys.argv[1]), 100))
for _ in range(2):
    start = time.process_time()
    model = PrivateDistanceSum(bounds=(0, 1)).fit(X)
    print(time.process_time() - start, end=" ")
    start = time.process_time()
    model.distance_sum(X[:1])
    print(time.process_time() - start, end=" ")
"""


def microseconds(task, n):
    """Return microseconds of CPU time for each of n queries."""
    return 1e6 * measure(task).seconds / n


def scan(X, Y):
    """Return exact sums as one writes them down: one query after the other."""
    return [float(np.abs(X - y).sum()) for y in Y]


def compiled_scan(X, Y):
    """Return exact sums by scipy's loop over pairs, which is compiled."""
    return [float(cdist(y[None], X, "cityblock").sum()) for y in Y]


class SortedColumns:
    """Exact sums from sorted columns and prefix sums, which are a copy of the private rows."""

    def __init__(self, X):
        self.columns = np.sort(X.T, axis=1)
        self.below = np.pad(np.cumsum(self.columns, axis=1), ((0, 0), (1, 0)))

    def distance_sum(self, Y):
        """Return the sums."""
        n, sums = self.columns.shape[1], np.zeros(len(Y))
        for column, below, y in zip(self.columns, self.below, Y.T):
            k = np.searchsorted(column, y)
            sums += (2 * k - n) * y - 2 * below[k] + below[-1]
        return sums


def query_row(n, d, batch):
    """Return microseconds of one query by each of the ways, to n rows of d columns."""
    X, _ = draw(n, d, 0)
    Y = np.random.default_rng(1).uniform(size=(batch, d))
    few, some = Y[: max(2, 200_000_000 // (100 * n * d))][:200], Y[:500]
    ours = PrivateDistanceSum(epsilon=EPSILON, bounds=(0, 1), n_hint=n).fit(X)
    rings = PrivateDistanceSum(epsilon=EPSILON, bounds=(0, 1), n_hint=n, method="rings").fit(X)
    histogram = flat(X, EPSILON, np.random.default_rng(2), CELLS)
    exact = SortedColumns(X)
    return [
        microseconds(lambda: ours.distance_sum(Y)[0], batch),
        microseconds(lambda: [float(ours.distance_sum(Y[i : i + 1])[0]) for i in range(100)], 100),
        microseconds(lambda: histogram(some)[0], len(some)),
        microseconds(lambda: rings.distance_sum(Y[:20])[0], 20),
        microseconds(lambda: exact.distance_sum(some)[0], len(some)),
        microseconds(lambda: compiled_scan(X, few)[0], len(few)),
        microseconds(lambda: scan(X, few)[0], len(few)),
    ]


def queries(quick, targets):
    """Return the table of queries."""
    cells = [(ROWS, d) for d in COLUMNS] + [(n, COLUMNS[-1]) for n in GROWING if n != ROWS]
    rows = []
    for n, d in [(2000, d) for d in COLUMNS] if quick else cells:
        found = query_row(n, d, 1000 if quick else BATCH)
        rows.append([d, f"{n:,}", *map(_report.significant, found)])
        rows[-1].append(f"{found[5] / found[0]:,.0f}")
        if (n, d) == (ROWS, COLUMNS[-1]):
            batch, compiled, plain = found[0], found[5], found[6]
            targets.check(
                f"batched queries at d = {d} at least {TIMES:,} times as fast as the exact scan at "
                f"n = {n:,}",
                f"{compiled / batch:,.0f} times scipy's, {plain / batch:,.0f} times numpy's",
                min(compiled, plain) / batch >= TIMES,
            )
    header = ["columns", "rows", "ours, batch", "ours, one by one", f"flat, {CELLS} cells", "rings"]
    header += ["exact, sorted columns", "exact scan, scipy", "exact scan, numpy"]
    return _report.table([*header, "scipy's scan over ours"], rows)


def builds(quick, targets):
    """Return the table of releases."""
    cells = [(1_000_000, 1), (1_000_000, 10), *((n, 100) for n in GROWING)]
    rows, sizes = [], {}
    for n, d in [(2000, 10), (4000, 10)] if quick else cells:
        X = np.random.default_rng(0).random((n, d))
        row = [d, f"{n:,}"]
        for method in ("integrated", "rings"):
            found = measure(functools.partial(publish, X, method), repeats=5)
            if method == "integrated":
                sizes.setdefault(d, set()).add(found.value)
                whole = found.peak + X.nbytes / 1e6
                row += [_report.significant(found.seconds), f"{found.peak:.0f}", f"{whole:.0f}"]
                row.append(f"{found.value / 1e6:.2f}")
                ours = found.seconds
            else:
                row.append(_report.significant(found.seconds))
        task = functools.partial(peers.flat_counts, X, EPSILON, CELLS, np.random.default_rng(0))
        rows.append([*row, _report.significant(measure(task, repeats=5).seconds)])
    targets.check(
        f"release of {n:,} x {d} in at most {SECONDS} s of CPU and {MEGABYTES} MB, the rows "
        "included",
        f"{_report.significant(ours)} s, {whole:.0f} MB",
        ours <= SECONDS and whole <= MEGABYTES,
    )
    widest = max(max(size) / min(size) for size in sizes.values())
    targets.check(
        "a release is as large however many rows there are, in MB when pickled",
        f"sizes differ by {100 * (widest - 1):.2g} % at the most",
        widest < 1.01,
    )
    header = ["columns", "rows", "ours", "MB more", "MB with the rows", "MB of the release"]
    return _report.table([*header, "rings", f"flat, {CELLS} cells"], rows)


def publish(X, method):
    """Publish sums; return the bytes of what is published."""
    return len(pickle.dumps(PrivateDistanceSum(bounds=(0, 1), method=method).fit(X)))


def section(quick, targets):
    """Return the report's section."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        by_query, by_build = queries(quick, targets), builds(quick, targets)
    n = 2000 if quick else 10_000
    with tempfile.TemporaryDirectory() as folder:
        compiling, first, warm, later = in_new_process(_COLD, folder, str(n))
        loading, again, _, _ = in_new_process(_COLD, folder, str(n))
    cold = [_report.significant(s) for s in (compiling, loading, warm)]
    asked = [_report.significant(s) for s in (first, again, later)]
    return f"""## Seconds and memory of distance sums

Microseconds of CPU time for one query. *Batch* asks {BATCH:,} at once. *Flat* has the sums over all
cells below made beforehand. *Sorted columns* are exact, by the same means: they show what is fast
without privacy, and hold every private number. The scans hold the rows, and go over all of them.

{by_query}

CPU seconds of a release by `fit` with `n_hint` as it is, by how many MB the process grew, that with
the rows themselves (float64), and the size of what is published as a pickle. *Flat* is
`numpy.bincount` by columns.

{by_build}

The first `fit` of a process on {n:,} x 100, imports left out, takes {cold[0]} s of CPU where
nothing is compiled yet and {cold[1]} s where it was compiled before, a later one {cold[2]} s; the
first query after each {asked[0]}, {asked[1]} and {asked[2]} s."""
