"""Sums of Manhattan distances to private rows: errors beside other releases."""

import functools
import time
import warnings

import numpy as np

from benchmarks import _privacy_peers as peers
from benchmarks import _report
from benchmarks._fairness_common import mean_and_error
from skweight.privacy import PrivateDistanceSum

SEEDS = 20
RELEASES = 200  # for prefix counts
EPSILONS = (0.1, 1.0)
DELTA = 1e-6
CELLS = 64
OTHER_CELLS = (8, 16, 32, 128, 256, 1024)
WITHIN, BELOW_RINGS = 1.05, 10

OURS, HINT, FLAT, BEST = "ours", "ours, n_hint = n", f"flat, {CELLS} cells", "flat, best"
TREE, RINGS, GAUSSIAN = "OpenDP's tree", "rings", f"ours, delta = {DELTA:g}"
# Columns, rows, and releases of each data set, of which rings and trees get two; or data sets.
SIZES = ((1, 10_000, 50), (1, 100_000, 50), (1, 1_000_000, 5))
WIDE = (
    (10, 10_000, 10),
    (10, 100_000, 10),
    (10, 1_000_000, 3),
    (100, 10_000, 5),
    (100, 100_000, 5),
    (100, 1_000_000, 1),
)
QUICK, QUICK_WIDE = ((1, 2000, 2),), ((10, 2000, 1),)
# Largest mean relative errors to be seen in many columns, by columns, rows and epsilon.
LARGEST = {
    (10, 10_000, 0.1): 0.054,
    (10, 10_000, 1.0): 0.0072,
    (10, 100_000, 0.1): 0.0061,
    (10, 100_000, 1.0): 0.0011,
    (10, 1_000_000, 0.1): 0.0008,
    (10, 1_000_000, 1.0): 0.0001,
    (100, 10_000, 0.1): 0.19,
    (100, 10_000, 1.0): 0.025,
    (100, 100_000, 0.1): 0.017,
    (100, 100_000, 1.0): 0.0012,
}


def draw(n, d, seed):
    """Return skewed rows in the unit cube and uniform queries."""
    rng = np.random.default_rng(seed)
    return rng.beta(2, 5, size=(n, d)), rng.uniform(size=(500, d))


@functools.lru_cache(maxsize=1)
def problem(n, d, seed):
    """Return rows, queries and exact sums."""
    X, Y = draw(n, d, seed)
    return X, Y, peers.exact_sums(X, Y)


def release(X, epsilon, **parameters):
    """Publish the sums of ours, for any number of queries."""
    return PrivateDistanceSum(epsilon=epsilon, bounds=(0, 1), **parameters).fit(X).distance_sum


def flat(X, epsilon, rng, cells):
    """Publish a noisy histogram of each column."""
    return peers.CellSums(peers.flat_counts(X, epsilon, cells, rng)).distance_sum


def tree(X, epsilon):
    """Publish OpenDP's counts."""
    cells = 1 << peers.tree_depth(len(X), epsilon / X.shape[1])
    return peers.CellSums(peers.opendp_counts(X, epsilon, cells)).distance_sum


def releases_of(X, epsilon, rng, with_rings):
    """Return what makes a release, by name, and the names of slow ones."""
    n, d = X.shape
    tasks = {
        OURS: lambda: release(X, epsilon),
        HINT: lambda: release(X, epsilon, n_hint=n),
        FLAT: lambda: flat(X, epsilon, rng, CELLS),
        TREE: lambda: tree(X, epsilon),
    }
    if d > 1:
        tasks[GAUSSIAN] = lambda: release(X, epsilon, delta=DELTA, n_hint=n)
    else:
        for cells in OTHER_CELLS:
            tasks[cells] = functools.partial(flat, X, epsilon, rng, cells)
    if with_rings:
        tasks[RINGS] = lambda: release(X, epsilon, n_hint=n, method="rings")
    return tasks


def errors(n, d, epsilon, seeds, repeats, with_rings=True):
    """Return mean relative errors over data sets, by what is released.

    The error is a mean over queries and over releases of one data set: two of trees and rings; for
    rings, some of the queries must do in many columns.

    Returns
    -------
    dict of str to ndarray of shape (seeds,)
        The errors.
    """
    found = {}
    for seed in range(seeds):
        X, Y, truth = problem(n, d, seed)
        rng = np.random.default_rng((seed, n, d))
        for name, task in releases_of(X, epsilon, rng, with_rings).items():
            some = slice(0, 50 if name == RINGS and d > 1 else 500)
            values = [
                np.mean(np.abs(task()(Y[some]) / truth[some] - 1))
                for _ in range(min(repeats, 2) if name in (TREE, RINGS) else repeats)
            ]
            found.setdefault(name, []).append(np.mean(values))
    if d == 1:
        found[BEST] = min((found.pop(cells) for cells in OTHER_CELLS), key=np.mean)
        found[BEST] = min((found[BEST], found[FLAT]), key=np.mean)
    return {name: np.array(value) for name, value in found.items()}


def ratio(ours, theirs):
    """Return the ratio of mean errors over data sets, and its standard error."""
    (a, a_error), (b, b_error) = mean_and_error(ours), mean_and_error(theirs)
    return a / b, a / b * np.hypot(a_error / a, b_error / b)


def figure(values):
    """Return a mean error over data sets and its standard error."""
    mean, error = mean_and_error(values)
    return "-" if np.isnan(mean) else f"{mean:.2g}" + ("" if np.isnan(error) else f" ± {error:.1g}")


def one_column(quick, targets):
    """Return the table of errors in one column."""
    seeds = 3 if quick else SEEDS
    names = (OURS, HINT, FLAT, BEST, TREE, RINGS)
    rows, over_flat, under_rings = [], [], []
    for d, n, releases in QUICK if quick else SIZES:
        for epsilon in EPSILONS:
            found = errors(n, d, epsilon, seeds, releases)
            both = ratio(found[OURS], found[FLAT])
            over_flat.append(both)
            under_rings.append(np.mean(found[RINGS]) / np.mean(found[OURS]))
            rows.append([f"{n:,}", epsilon, *(figure(found[name]) for name in names)])
            rows[-1] += [f"{both[0]:.2f} ± {both[1]:.2f}"]
    worst = max(over_flat)
    targets.check(
        f"d = 1: mean relative error at most {WITHIN} times that of the flat histogram of {CELLS} "
        f"cells, every n and epsilon, {seeds} data sets",
        f"{worst[0]:.2f} ± {worst[1]:.2f} times at the most",
        worst[0] <= WITHIN,
    )
    targets.check(
        f"d = 1: and at least {BELOW_RINGS} times below that of the rings",
        f"{min(under_rings):.0f} times at the least",
        min(under_rings) >= BELOW_RINGS,
    )
    return _report.table(["rows", "epsilon", *names, "ours over flat, 64"], rows)


def many_columns(quick, targets):
    """Return the table of errors in many columns."""
    names = (OURS, HINT, GAUSSIAN, FLAT, TREE, RINGS)
    rows, over = [], []
    for d, n, seeds in QUICK_WIDE if quick else WIDE:
        for epsilon in EPSILONS:
            found = errors(n, d, epsilon, seeds, 1, with_rings=n <= 10_000)
            row = [d, f"{n:,}", epsilon, *(figure(found.get(name, [])) for name in names)]
            largest = LARGEST.get((d, n, epsilon))
            rows.append([*row, "-" if largest is None else f"{largest:g}"])
            if largest is not None:
                over.append(found[OURS].mean() / largest)
    if over:
        targets.check(
            "d = 10 and 100: mean relative error at most the largest allowed, every n and epsilon",
            f"{max(over):.2f} of it at the most",
            max(over) <= 1,
        )
    return _report.table(["columns", "rows", "epsilon", *names, "allowed"], rows)


def prefix_counts(X, epsilon, depth):
    """Return numbers of rows below the middles of cells, read off the distance sums of ours."""
    edges = np.arange((1 << depth) + 1) / (1 << depth)
    model = PrivateDistanceSum(epsilon=epsilon, bounds=(0, 1), depth=depth).fit(X)
    # Their slope is the number of rows below less that of rows above.
    slopes = np.diff(model.distance_sum(edges[:, None])) * (1 << depth)
    return (model.noisy_n_ + slopes) / 2


def prefix_table(quick):
    """Return the table of errors of prefix counts, from trees of one depth."""
    repeats, rows = 2 if quick else RELEASES, []
    X, _ = draw(10_000, 1, 0)
    for depth in (6, 8, 10):
        counts = peers.cell_counts(X, 1 << depth)[0]
        errors = {"ours": [], "OpenDP's tree": [], "flat": []}
        for seed in range(repeats):
            rng = np.random.default_rng(seed)
            tree = peers.opendp_counts(X, 1.0, 1 << depth)[0]
            flat = peers.flat_counts(X, 1.0, 1 << depth, rng)[0]
            errors["ours"].append(prefix_counts(X, 1.0, depth) - middle_prefixes(counts))
            errors["OpenDP's tree"].append(middle_prefixes(tree) - middle_prefixes(counts))
            errors["flat"].append(middle_prefixes(flat) - middle_prefixes(counts))
        rms = [f"{np.sqrt(np.mean(np.square(error))):.1f}" for error in errors.values()]
        rows.append([f"{1 << depth:,}", *rms])
    return _report.table(["cells", *errors], rows)


def middle_prefixes(counts):
    """Return numbers of rows below the middles of cells."""
    return np.cumsum(counts) - counts / 2


def section(quick, targets):
    """Return the report's section."""
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one, many = one_column(quick, targets), many_columns(quick, targets)
        prefixes = prefix_table(quick)
    problem.cache_clear()
    print(f"errors: {time.perf_counter() - start:.0f} s", flush=True)
    return f"""## Errors of distance sums

Mean relative error over uniform queries, whose answers do not come near 0, for rows of independent
Beta(2, 5) columns, `bounds=(0, 1)`. In one column each figure is a mean over {SEEDS} data sets,
each released several times, with its standard error over data sets.

*Ours* is `PrivateDistanceSum` with its defaults, which take the rows for 10,000; *n_hint = n*
tells it their number. *Flat* is a noisy histogram with rows read as the middles of cells, and
*best* the better of it and of {", ".join(map(str, OTHER_CELLS))} cells, chosen with the errors in
sight. *OpenDP's tree* is its `make_b_ary_tree` with two branches, as deep as suits the rows and
the noise, with equal noise on all levels, and made consistent. *Rings* is Algorithm 3 of the paper
with a relative error of 0.1 and equal noise on all levels. Everything but *delta* is pure; over
several columns each has its equal share of epsilon. A histogram of as few cells as suit smooth rows
can be better where noise rules, but must know how smooth they are. A - was not run.

{one}

{many}

Root mean square error of the numbers of rows below the middle of each cell, epsilon = 1, over
{RELEASES} releases of one column: ours from the slope of distance sums, at the same depth.

{prefixes}"""
