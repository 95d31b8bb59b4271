"""Race the privacy room against other releases and packages, in one run, on one thread.

Run ``python -m benchmarks.privacy``, or with ``--quick`` a few small cells of it, or with
``--sections`` parts of it. It needs the ``bench`` extra, and pip for the packages that go into an
environment of their own. Every target is printed with what was measured and PASS or MISS.
"""

import argparse
import time
from pathlib import Path

from threadpoolctl import threadpool_limits

from benchmarks import (
    _privacy_classifier,
    _privacy_density,
    _privacy_distances,
    _privacy_kernels,
    _privacy_noise,
    _privacy_queries,
    _report,
)
from benchmarks._fairness_common import Targets

TASKS = {
    "noise": _privacy_noise.section,
    "distances": _privacy_distances.section,
    "queries": _privacy_queries.section,
    "kernels": _privacy_kernels.section,
    "classifier": _privacy_classifier.section,
    "density": _privacy_density.section,
}
PACKAGES = ("opendp", "cryptography", "dp-accounting")
OTHERS = (*_privacy_classifier.DIFFPRIVLIB, *_privacy_classifier.OPACUS)


def main(argv=None):
    """Run all sections, print them, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few small cells, without pip")
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
    command = "python -m benchmarks.privacy" + (" --quick" if args.quick else "")
    if len(chosen) < len(TASKS):
        command += " --sections " + " ".join(chosen)
    intro = f"""# The privacy room beside others

`{command}`, one thread. CPU seconds are the least of at least three repeats, or of one that takes
longer than five seconds, each task in a process of its own; first calls of a process are told
apart. Data are simulated, or scikit-learn's digits.

{verdicts}"""
    elapsed = time.perf_counter() - start
    closing = f"{elapsed:.0f} s in all, {_report.load()}. {_report.versions(*PACKAGES)}"
    if "classifier" in chosen and not args.quick:
        closing += f". In environments of their own: {', '.join(OTHERS)}"
    print(f"{verdicts}\n\n{len(targets.lines) - missed} of {len(targets.lines)} targets met")
    print(closing)
    output = args.output or (_report.RESULTS / "privacy.md" if complete else None)
    if output:
        _report.write("\n\n".join([intro, *parts, closing]), Path(output))


if __name__ == "__main__":
    main()
