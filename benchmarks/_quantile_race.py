"""The race between solvers for the weights: its cells, and how one is run."""

import functools
import shutil
from dataclasses import dataclass, field

import numpy as np

from benchmarks import _quantile_rivals as rivals
from benchmarks import _report
from benchmarks._quantile_forecasts import LEVELS, draw, out_of_fold
from benchmarks._quantile_sets import SETS
from benchmarks._timing import measure
from skweight.metrics import weighted_interval_score
from skweight.quantile import quantile_stacking_weights
from skweight.quantile._weights import combine

LIMIT = 300.0  # seconds on the clock, for each of the others
WITHIN = 1e-7  # of HiGHS, relative, of the objective

OURS, IPM, NO_CROSSOVER = "ours", "HiGHS-IPM", "HiGHS-IPM, no crossover"
DUAL, SIMPLEX, CLARABEL = "HiGHS, dual programme", "HiGHS, dual simplex", "cvxpy, CLARABEL"
GREEDY = "greedy selection"
SOLVERS = (OURS, IPM, NO_CROSSOVER, SIMPLEX, DUAL, CLARABEL, GREEDY)
_SOLVE = {
    IPM: rivals.highs,
    NO_CROSSOVER: rivals.highs_without_crossover,
    DUAL: rivals.highs_dual,
    SIMPLEX: functools.partial(rivals.highs, method="highs-ds"),
    CLARABEL: rivals.clarabel,
    GREEDY: rivals.greedy,
}
_ALL = (IPM, NO_CROSSOVER, DUAL, CLARABEL)

# (data, rows, levels, weighting, must not cross), and who races; "tight" gives HiGHS only the rows
# at which our solution has two levels together, "all" gives it every row.
CELLS = (
    ("simulated", 2000, 19, "coarse", None, (*_ALL, SIMPLEX, GREEDY)),
    ("simulated", 2000, 19, "medium", None, _ALL),
    ("simulated", 5000, 19, "coarse", None, (*_ALL, GREEDY)),
    ("simulated", 5000, 19, "medium", None, _ALL),
    ("simulated", 1000, 9, "fine", None, _ALL),
    ("simulated", 500, 19, "medium", "all", (IPM,)),
    ("simulated", 2000, 19, "medium", "tight", (IPM,)),
    ("concrete", None, 19, "coarse", None, (*_ALL, GREEDY)),
    ("concrete", None, 19, "medium", None, _ALL),
    ("concrete", None, 19, "fine", None, (IPM, DUAL)),
    ("diamonds", None, 19, "coarse", None, (*_ALL, GREEDY)),
    ("diamonds", None, 19, "medium", None, _ALL),
)
QUICK_CELLS = (
    ("simulated", 300, 9, "coarse", None, (*_ALL, SIMPLEX, GREEDY)),
    ("simulated", 300, 9, "medium", None, _ALL),
    ("simulated", 100, 5, "fine", None, _ALL),
    ("simulated", 300, 9, "medium", "all", (IPM,)),
)
MODELS = 6  # of the simulated arrays


@dataclass
class Cell:
    """One problem, and what each solver made of it.

    Attributes
    ----------
    label : tuple
        Data, shape of the forecasts, weighting, constraint.
    results : dict of str to Measurement
        Values are the objective, and for ours also the gap.
    """

    label: tuple
    results: dict = field(default_factory=dict)

    def ratio(self, name):
        """Another solver's seconds over ours, at least this if it was ended."""
        return self.results[name].seconds / self.results[OURS].seconds

    def difference(self, name):
        """How much worse than ours another solver's objective is, relative."""
        ours = self.results[OURS].value[0]
        return (self.results[name].value[0] - ours) / ours

    @property
    def is_simulated(self):
        return self.label[0] == "simulated"


@functools.cache
def real_forecasts(name):
    """Return out-of-fold forecasts of the base models for nine tenths of a real data set."""
    X, y = SETS[name](0)
    kept = np.random.default_rng(0).permutation(len(y))[: round(0.9 * len(y))]
    X, y = X[kept], y[kept]
    X, y = (X - X.mean(axis=0)) / np.maximum(X.std(axis=0), 1e-12), (y - y.mean()) / y.std()
    return out_of_fold(X, y, LEVELS, 0), y, LEVELS


def race(data, n, m, weighting, crossing, others):
    """Solve one cell with ours and the others."""
    Q, y, levels = draw(n, MODELS, m) if data == "simulated" else real_forecasts(data)
    options = {"weighting": weighting, "noncrossing": crossing is not None}

    def value(weights, *more):
        forecast = combine(Q, weights, np.zeros(len(levels)))
        return weighted_interval_score(y, forecast, quantiles=levels), *more

    def ours():
        found = quantile_stacking_weights(Q, y, levels, **options)
        return value(found.weights, found.dual_gap, found.weights)

    def other(name):
        solve, arguments = _SOLVE[name], (Q, y, levels, weighting)
        weights = solve(*arguments) if crossing is None else solve(*arguments, rows)
        return (None,) if weights is None else value(weights)

    shape = " x ".join(map(str, Q.shape))
    how = {None: "", "all": ", no crossing", "tight": ", no crossing (tight rows for HiGHS)"}
    cell = Cell((data, shape, weighting + how[crossing]))
    cell.results[OURS] = measure(ours)
    rows = np.arange(len(y))
    if crossing == "tight":
        forecast = combine(Q, cell.results[OURS].value[2], np.zeros(len(levels)))
        rows = np.flatnonzero((np.diff(forecast, axis=1) < 1e-6).any(axis=1))
    for name in others:
        found = measure(functools.partial(other, name), limit=LIMIT)
        if found.ended or found.value[0] is not None:
            cell.results[name] = found
    return cell


def seconds_table(cells):
    """Return the table of seconds."""
    header = ["data", "rows x models x levels", "weights", *SOLVERS]
    rows = [[*cell.label, *(_seconds(cell.results.get(s)) for s in SOLVERS)] for cell in cells]
    return _report.table(header, rows)


def ratio_table(cells):
    """Return the table of seconds over ours."""
    header = ["data", "rows x models x levels", "weights", *SOLVERS[1:]]
    rows = []
    for cell in cells:
        row = list(cell.label)
        for name in SOLVERS[1:]:
            found = cell.results.get(name)
            more = "> " if found is not None and found.ended else ""
            row.append("-" if found is None else f"{more}{cell.ratio(name):.1f}")
        rows.append(row)
    return _report.table(header, rows)


def accuracy_table(cells):
    """Return the table of objectives."""
    header = ["data", "rows x models x levels", "weights", "objective", "gap", *SOLVERS[1:]]
    rows = []
    for cell in cells:
        objective, gap, _ = cell.results[OURS].value
        row = [*cell.label, f"{objective:.6f}", f"{gap:.0e}"]
        for name in SOLVERS[1:]:
            found = cell.results.get(name)
            known = found is not None and not found.ended
            row.append(f"{cell.difference(name):.0e}" if known else "-")
        rows.append(row)
    return _report.table(header, rows)


def _seconds(found):
    if found is None:
        return "-"
    return ("> " if found.ended else "") + _report.significant(found.seconds)


def section(quick, targets):
    """Race all cells and return the report's section."""
    cells = []
    for cell in QUICK_CELLS if quick else CELLS:
        cells.append(race(*cell))
        print(ratio_table(cells[-1:]), flush=True)
    for n, wanted in ((2000, 25), (5000, 60)):
        _check_speed(cells, n, wanted, targets)
    differences = [abs(cell.difference(IPM)) for cell in cells if not cell.results[IPM].ended]
    targets.check(
        f"objective within {WITHIN} of HiGHS-IPM's, relative",
        f"{max(differences):.0e} at the most, {len(differences)} problems",
        max(differences) <= WITHIN,
    )
    gaps = [cell.results[OURS].value[1] / cell.results[OURS].value[0] for cell in cells]
    targets.check(
        "our own certificate: dual gap relative to the objective at most 1e-7",
        f"{max(gaps):.0e} at the most",
        max(gaps) <= 1e-7,
    )
    dual = [cell.ratio(DUAL) for cell in cells if DUAL in cell.results]
    quantgen = "is not raced here"
    if shutil.which("Rscript") is None:
        quantgen += ": no Rscript on this machine"
    return f"""## Weights on one array of forecasts

CPU seconds from the arrays to the weights. *HiGHS-IPM* is `scipy.optimize.linprog` on the whole
programme (a weight for each model, two variables for each row and level), with the crossover that
scipy does not let one leave out; *no crossover* is the same through highspy. *Dual simplex* works
on the same programme. *Dual programme* is what an expert would write instead: one bounded variable
for each row and level, one constraint for each weight, levels one by one where they share no
weights, solved by HiGHS's dual simplex method. It is the best way to use HiGHS here, and takes
{min(dual):.1f} to {max(dual):.1f} times our seconds; it has no rows that must not cross. *Greedy
selection* is AutoGluon's way (Caruana et al. 2004), {rivals.ROUNDS} rounds on the same loss; it
finds one weight for each model, in steps of one over the rounds. R's quantgen, which writes the
same programme down for a solver, {quantgen}. A > means that the solver was ended.

The simulated forecasts come from {MODELS} models of different skill, two of which cross; the real
ones are out-of-fold forecasts of the five base models below. Where quantiles must not cross, HiGHS
gets that constraint at every row, or only at *tight rows*, at which two levels of our solution
touch: then it solves a relaxation, and an objective as large as ours proves ours optimal.

{seconds_table(cells)}

Seconds over ours:

{ratio_table(cells)}

Objective (mean over rows and levels of twice the pinball loss) of ours, its dual gap, and how far
the others are above ours, relative:

{accuracy_table(cells)}"""


def _check_speed(cells, n, wanted, targets):
    chosen = [c for c in cells if c.is_simulated and c.label[1] == f"{n} x {MODELS} x 19"]
    chosen = [c for c in chosen if "crossing" not in c.label[2]]
    if not chosen:
        return
    ratios = ", ".join(
        f"{c.label[2]} {c.ratio(IPM):.0f} times" + (" or more" if c.results[IPM].ended else "")
        for c in chosen
    )
    targets.check(
        f"at least {wanted} times the speed of HiGHS-IPM at n = {n}, m = 19, p = {MODELS}",
        ratios,
        min(c.ratio(IPM) for c in chosen) >= wanted,
    )
