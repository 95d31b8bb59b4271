"""The command line of a benchmark that has sections: run some, print verdicts, write a report."""

import argparse
import time
from pathlib import Path

from threadpoolctl import threadpool_limits

from benchmarks import _report
from benchmarks._fairness_common import Targets


def run(name, doc, tasks, intro, packages, argv=None, closing=None):
    """Run the sections that the command line names, each on one thread.

    Parameters
    ----------
    name : str
        The benchmark's, as in ``python -m benchmarks.NAME`` and ``results/NAME.md``.
    doc : str
        Its docstring, whose first line describes the command.
    tasks : dict of str to callable
        Sections; each takes ``quick`` and the targets, and returns its part of the report.
    intro : str
        Heading and first words of the report, with ``{command}``.
    packages : sequence of str
        Packages whose versions the report names.
    argv : list of str or None, default=None
        Arguments; None are those of the process.
    closing : callable or None, default=None
        Takes the chosen sections and ``quick``; returns what the last line says more.
    """
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few small cells")
    parser.add_argument(
        "--sections", nargs="+", choices=tuple(tasks), default=tuple(tasks), help="which parts"
    )
    parser.add_argument("--output", help="file of the report (by default only of a complete run)")
    args = parser.parse_args(argv)
    start, targets = time.perf_counter(), Targets()
    chosen, parts = [section for section in tasks if section in args.sections], []
    for section in chosen:
        begun = time.perf_counter()
        with threadpool_limits(1):
            parts.append(tasks[section](args.quick, targets))
        print(f"\n{parts[-1]}\n\n{section}: {time.perf_counter() - begun:.0f} s\n", flush=True)
    missed = sum(line.startswith("MISS") for line in targets.lines)
    verdicts = "\n".join(f"* {line}" for line in targets.lines)
    complete = len(chosen) == len(tasks) and not args.quick
    command = f"python -m benchmarks.{name}" + (" --quick" if args.quick else "")
    if len(chosen) < len(tasks):
        command += " --sections " + " ".join(chosen)
    elapsed = time.perf_counter() - start
    last = f"{elapsed:.0f} s in all, {_report.load()}. {_report.versions(*packages)}"
    last += closing(chosen, args.quick) if closing else ""
    print(f"{verdicts}\n\n{len(targets.lines) - missed} of {len(targets.lines)} targets met")
    print(last)
    output = args.output or (_report.RESULTS / f"{name}.md" if complete else None)
    if output:
        first = f"{intro.format(command=command)}\n\n{verdicts}"
        _report.write("\n\n".join([first, *parts, last]), Path(output))
