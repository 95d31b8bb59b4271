"""Race the privacy room against other releases and packages, in one run, on one thread.

Run ``python -m benchmarks.privacy``, or with ``--quick`` a few small cells of it, or with
``--sections`` parts of it. It needs the ``bench`` extra, and pip for the packages that go into an
environment of their own. Every target is printed with what was measured and PASS or MISS.
"""

from benchmarks import (
    _privacy_classifier,
    _privacy_density,
    _privacy_distances,
    _privacy_kernels,
    _privacy_noise,
    _privacy_queries,
    _sections,
)

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
INTRO = """# The privacy room beside others

`{command}`, one thread. CPU seconds are the least of at least three repeats, or of one that takes
longer than five seconds, each task in a process of its own; first calls of a process are told
apart. Data are simulated, or scikit-learn's digits."""


def others(chosen, quick):
    """Name the versions of what runs in environments of its own."""
    if "classifier" not in chosen or quick:
        return ""
    return f". In environments of their own: {', '.join(OTHERS)}"


def main(argv=None):
    """Run all sections, print them, and write the report."""
    _sections.run("privacy", __doc__, TASKS, INTRO, PACKAGES, argv, closing=others)


if __name__ == "__main__":
    main()
