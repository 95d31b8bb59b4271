"""Test errors on real data, clean and with noise, where leave-one-out chooses everything."""

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import RidgeCV

from benchmarks import _report
from benchmarks._distillation_peers import KernelRidgeLOO, himalaya_cv
from benchmarks._distillation_sets import MOST_TRAIN, SETS, median_gamma, split
from benchmarks._fairness_common import mean_and_error
from skweight.distillation import SelfDistilledKernelRidgeCV, SelfDistilledRidgeCV

KERNEL, KERNEL_RIDGE, HIMALAYA = "kernel, steps", "KernelRidge", "himalaya"
LINEAR, RIDGE = "linear, steps", "RidgeCV"
METHODS = (KERNEL, KERNEL_RIDGE, HIMALAYA, LINEAR, RIDGE)
# Each of ours beside the one that searches the same penalties by the same leave-one-out, and one
# that searches them otherwise.
PAIRS = ((KERNEL, KERNEL_RIDGE), (LINEAR, RIDGE), (KERNEL, HIMALAYA))
SAME = PAIRS[:2]
GRIDS = {"13 penalties, 0.001 to 1000": np.logspace(-3, 3, 13), "0.1, 1, 10": (0.1, 1.0, 10.0)}
NOISE, SEEDS = 1.0, 20
SAME_ERROR = 1e-9  # share of two errors below which they differ by rounding alone
FIRST_SEED = 500  # whatever was tried out before was tried on other splits


@dataclass
class Study:
    """What came out on one set.

    Attributes
    ----------
    errors : ndarray of shape (seeds, methods)
        Mean squared test errors, NaN for a package that is not installed.
    chosen : ndarray of shape (seeds, 2)
        Penalty and step of our kernel model.
    """

    errors: np.ndarray
    chosen: np.ndarray

    def difference(self, ours, other):
        """Return the mean paired difference of two methods and its standard error."""
        ours, other = (self.errors[:, METHODS.index(name)] for name in (ours, other))
        same = np.isclose(ours, other, rtol=SAME_ERROR, atol=0)
        return mean_and_error(np.where(same, 0.0, ours - other))

    def verdict(self, ours, other):
        """Return "win", "level" or "loss": whether they differ by more than a standard error."""
        mean, error = self.difference(ours, other)
        # One split that differs makes both the same, but for rounding.
        if np.isnan(mean) or abs(mean) <= error * (1 + SAME_ERROR):
            return "" if np.isnan(mean) else "level"
        return "win" if mean < 0 else "loss"


def one_split(name, seed, noise, alphas):
    """Return test errors of all methods, and the penalty and step of our kernel model."""
    X, y, X_test, y_test = split(name, seed, noise)
    gamma = median_gamma(X)
    kernel = SelfDistilledKernelRidgeCV(alphas, gamma=gamma)
    models = {
        KERNEL: kernel,
        KERNEL_RIDGE: KernelRidgeLOO(alphas, gamma),
        HIMALAYA: himalaya_cv(alphas, gamma),
        LINEAR: SelfDistilledRidgeCV(alphas),
        RIDGE: RidgeCV(alphas),
    }
    errors = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for model in models.values():
            predicted = np.nan if model is None else model.fit(X, y).predict(X_test)
            errors.append(np.mean((predicted - y_test) ** 2))
    return errors, (kernel.alpha_, kernel.best_step_)


def study(name, noise, alphas, seeds=SEEDS):
    """Return the study of one set."""
    splits = range(FIRST_SEED, FIRST_SEED + seeds)
    errors, chosen = zip(*(one_split(name, seed, noise, alphas) for seed in splits))
    return Study(np.array(errors), np.array(chosen, dtype=float))


def table(studies):
    """Return the table of studies, a dict by (set, noise)."""
    rows = []
    for (name, noise), one in studies.items():
        means = dict(zip(METHODS, one.errors.mean(axis=0)))
        row = [name, "noise" if noise else "clean"]
        for ours, other in PAIRS:
            if (ours, other) in SAME:
                row.append(f"{means[ours]:.4f}")
            mean, error = one.difference(ours, other)
            verdict = one.verdict(ours, other)
            difference = f"{mean:+.4f} ± {error:.4f}" if mean or error else "0"
            row += [f"{means[other]:.4f}", difference, verdict]
        row.append(f"{np.median(one.chosen[:, 1]):g}")
        rows.append(row)
    header = ["set", "targets"]
    for ours, other in PAIRS:
        header += [ours] if (ours, other) in SAME else []
        header += [other, "difference", "verdict"]
    return _report.table([*header, "median step"], rows)


def check(grid, studies, targets):
    """Note whether no study lost to the same search without steps."""
    lost, won, cells = [], 0, 0
    for (name, noise), one in studies.items():
        for ours, other in SAME:
            verdict = one.verdict(ours, other)
            cells, won = cells + 1, won + (verdict == "win")
            if verdict == "loss":
                mean, error = one.difference(ours, other)
                which = f"{name}{', noise' if noise else ''}, {other}"
                lost.append(f"{which} ({mean:+.1e} ± {error:.0e})")
    told = f"better in {won} of {cells} cells, worse in {len(lost)}"
    targets.check(
        f"{grid}: penalty, step and weights by leave-one-out never worse than the penalty alone by "
        "more than one paired standard error",
        told + (": " + "; ".join(lost) if lost else ""),
        not lost,
    )


def section(quick, targets):
    """Measure everything and return the report's section."""
    names = list(SETS)[: 2 if quick else None]
    seeds = 3 if quick else SEEDS
    parts = []
    for grid, alphas in list(GRIDS.items())[: 1 if quick else None]:
        studies = {
            (name, noise): study(name, noise, alphas, seeds)
            for noise in (0.0, NOISE)
            for name in names
        }
        check(grid, studies, targets)
        parts.append(f"### Penalties: {grid}\n\n{table(studies)}")
    tables = "\n\n".join(parts)
    return f"""## Test errors on real data

Mean squared errors on test rows without noise, over {seeds} splits with at most {MOST_TRAIN}
training rows, in variances of the training targets; *noise*: normal, as large as the targets, on
those of the training rows. *Steps*: `SelfDistilledKernelRidgeCV` and `SelfDistilledRidgeCV` as
they are by default, which choose penalty, step and weights by exact leave-one-out. `KernelRidge`
and `RidgeCV` have the penalty that is best by exact leave-one-out among the same, himalaya's
`KernelRidgeCV` that of five folds. RBF kernels with gamma one over the median squared distance. The
difference, ours minus theirs, is paired by split; verdicts are by one standard error of it, which
ignores that splits of one set overlap. A difference of 0: every split chose the ordinary fit.

{tables}"""
