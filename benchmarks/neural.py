"""Race neural estimators against skorch, scikit-learn and the rivals of each method, in one run.

Run ``python -m benchmarks.neural``, or with ``--quick`` a few small cells of it, or with
``--sections`` parts of it. It needs the ``bench`` extra. Every target is printed with what was
measured and PASS or MISS.
"""

from benchmarks import (
    _neural_anyloss,
    _neural_distilled,
    _neural_epochs,
    _neural_fairness,
    _neural_generalized_gaussian,
    _neural_learning,
    _neural_optim,
    _neural_pairs,
    _neural_quantile,
    _neural_reweighting,
    _neural_self_distilled,
    _neural_transfer,
    _sections,
)

TASKS = {
    "epochs": _neural_epochs.section,
    "learning": _neural_learning.section,
    "anyloss": _neural_anyloss.section,
    "distilled": _neural_distilled.section,
    "self_distilled": _neural_self_distilled.section,
    "optim": _neural_optim.section,
    "pairs": _neural_pairs.section,
    "quantile": _neural_quantile.section,
    "fairness": _neural_fairness.section,
    "generalized_gaussian": _neural_generalized_gaussian.section,
    "reweighting": _neural_reweighting.section,
    "transfer": _neural_transfer.section,
}
PACKAGES = ("torch", "skorch", "pytorch-metric-learning")
INTRO = """# Neural estimators beside skorch, scikit-learn and rivals

`{command}`, one thread."""


def main(argv=None):
    """Run all sections, print them, and write the report."""
    _sections.run("neural", __doc__, TASKS, INTRO, PACKAGES, argv)


if __name__ == "__main__":
    main()
