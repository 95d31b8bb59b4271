"""The cells of the race between solvers, and how one cell is run."""

from dataclasses import dataclass, field

from benchmarks import _ordinal_rivals as rivals
from benchmarks import _report
from benchmarks._timing import measure
from skweight.datasets import make_ordinal
from skweight.ordinal import PrestoClassifier

ACCURACY = 1e-6  # relative, of the objective
LIMIT = 120.0  # seconds on the clock, for cvxpy
TRAIN_LIMIT = 30.0  # the same for the default rule, which the race is not about
CUTS = {4: (0.0, 3.0, 5.0), 5: (0.0, 2.5, 4.5, 6.0)}

# (rows, features, classes), and the shares of alpha_max at which cvxpy joins.
SHARES = (0.1, 0.01)
CELLS = {
    (1000, 10, 4): (0.1, 0.01),
    (2500, 10, 4): (0.1, 0.01),
    (10_000, 10, 4): (0.1,),
    (1000, 100, 4): (0.1, 0.01),
    (2500, 100, 4): (0.1,),
    (2000, 200, 5): (0.1,),
    (1000, 1000, 4): (0.1,),
    (10_000, 100, 5): (0.1,),
    (100_000, 20, 4): (),
    (100_000, 100, 4): (),
    (5000, 1000, 4): (),
    (1_000_000, 10, 4): (),
}
QUICK_CELLS = {(1000, 10, 4): (0.1, 0.01), (2500, 10, 4): (0.1,), (1000, 100, 4): (0.1,)}

OURS, CERTIFIED, TRAIN = "ours", "ours, gap", "ours, train"
LBFGS, FISTA, CVXPY = "L-BFGS-B", "FISTA", "cvxpy"


@dataclass
class Cell:
    """One problem, and what each solver made of it.

    Attributes
    ----------
    shape : tuple of int
        Rows, features, classes.
    share : float
        alpha over alpha_max.
    nonzeros : int
        Non-zero coefficients of the optimum.
    gap : float
        Duality gap of the reference optimum, over its objective.
    results : dict of str to Measurement
        Values are the relative error of the objective and a count of iterations.
    """

    shape: tuple
    share: float
    nonzeros: int
    gap: float
    results: dict = field(default_factory=dict)

    @property
    def against_fallback(self):
        """Our seconds over the better first-order solver's."""
        return self.results[OURS].seconds / min(
            self.results[LBFGS].seconds, self.results[FISTA].seconds
        )

    @property
    def against_cvxpy(self):
        """Cvxpy's seconds over ours, at least this if it was ended; None if it was left out."""
        if CVXPY not in self.results:
            return None
        return self.results[CVXPY].seconds / self.results[OURS].seconds

    @property
    def label(self):
        n, p, n_classes = self.shape
        return f"({n}, {p}, {n_classes}) at {self.share}"


def draw(n, p, n_classes):
    """Return X and y of the paper's sparse design with about 3 differences a boundary.

    Few enough for the boundaries not to cross, whatever the number of features and rows.
    """
    sparsity = min(1 / 3, 3 / p)
    X, y, _ = make_ordinal(n, p, intercepts=CUTS[n_classes], sparsity=sparsity, random_state=0)
    return X, y


def race(shape, share, with_cvxpy):
    """Solve one cell with every solver to `ACCURACY`."""
    X, y = draw(*shape)
    alpha = share * rivals.Composite(X, y, 0.0).alpha_max()
    reference = PrestoClassifier(alpha, monotone="observed", tol=1e-10, max_iter=500).fit(X, y)
    best = reference.objective_

    def ours(tol, monotone="observed"):
        model = PrestoClassifier(alpha, monotone=monotone, tol=tol * best).fit(X, y)
        return model.objective_ / best - 1, model.n_iter_, model.dual_gap_ / best

    def rival(solver, goal):
        problem = rivals.Composite(X, y, alpha)
        theta, count = solver(problem, goal)
        return problem.value(theta) / best - 1, count

    nonzeros = int((reference.delta_coef_ != 0).sum())
    cell = Cell(shape, share, nonzeros, reference.dual_gap_ / best)
    # The first-order solvers stop where only the optimum tells them to, so ours does too: at the
    # loosest tolerance that gives the accuracy.
    tol = next((t for t in (1e-1, 1e-2, 1e-3, 1e-4, 1e-5) if ours(t)[0] <= ACCURACY), ACCURACY)
    cell.results[OURS] = measure(lambda: ours(tol))
    cell.results[CERTIFIED] = measure(lambda: ours(ACCURACY))
    cell.results[TRAIN] = measure(lambda: ours(ACCURACY, "train"), limit=TRAIN_LIMIT)
    target = best * (1 + ACCURACY)
    cell.results[LBFGS] = measure(lambda: rival(rivals.lbfgs_split, target))
    cell.results[FISTA] = measure(lambda: rival(rivals.fista, target))
    if with_cvxpy:
        solve = rivals.cvxpy_clarabel
        cell.results[CVXPY] = measure(lambda: rival(solve, ACCURACY), limit=LIMIT)
    return cell


def seconds_table(cells):
    """Return the table of seconds and ratios."""
    solvers = (OURS, CERTIFIED, TRAIN, LBFGS, FISTA, CVXPY)
    header = ["n, p, K", "share", "non-zeros", *solvers, "ours / fallback", "cvxpy / ours"]
    rows = []
    for cell in cells:
        row = [", ".join(map(str, cell.shape)), cell.share, cell.nonzeros]
        row += [_seconds(cell.results.get(name)) for name in solvers]
        ratio = cell.against_cvxpy
        more = "> " if ratio and cell.results[CVXPY].ended else ""
        rows.append([*row, f"{cell.against_fallback:.2f}", f"{more}{ratio:.0f}" if ratio else "-"])
    return _report.table(header, rows)


def accuracy_table(cells):
    """Return the table of relative errors, iterations and peak memory."""
    solvers = (OURS, CERTIFIED, LBFGS, FISTA, CVXPY)
    header = ["n, p, K", "share", "gap of the reference", *solvers]
    rows = []
    for cell in cells:
        row = [", ".join(map(str, cell.shape)), cell.share, f"{cell.gap:.0e}"]
        rows.append(row + [_quality(cell.results.get(name)) for name in solvers])
    return _report.table(header, rows)


def _seconds(found):
    if found is None:
        return "-"
    return f"> {found.seconds:.0f}" if found.ended else _report.significant(found.seconds)


def _quality(found):
    if found is None or found.ended:
        return "-"
    error, count = found.value[:2]
    return f"{max(error, 0.0):.0e} / {count} / {found.peak:.0f}"
