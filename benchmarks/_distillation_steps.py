"""Ten steps in one fit beside ten refits, one step beside one fit, and the first fit of all."""

import numpy as np
from sklearn.kernel_ridge import KernelRidge

from benchmarks import _report
from benchmarks._distillation_common import N_STEPS, REPEATS, WEIGHT, draw, medians, refits
from benchmarks._distillation_peers import KERNEL_RIDGE, refit_peers
from benchmarks._fairness_common import in_new_process
from skweight.distillation import SelfDistilledKernelRidge

ALPHA, GAMMA = 1.0, 0.05
SIZES = (500, 1000, 2000, 4000, 8000)
WHOLE = 2000  # rows up to which whole chains of refits are timed
TARGETS = {1000: 4, 2000: 5, 4000: 5, 8000: 5}
ONE_STEP = 1.3

_COLD = """
import sys, time
from benchmarks._distillation_common import draw, refits
from threadpoolctl import threadpool_limits
if sys.argv[1] == "ours":
    from skweight.distillation import SelfDistilledKernelRidge
    model = SelfDistilledKernelRidge(gamma=0.05, n_steps=10, ground_truth_weight=0.3)
    fit = lambda: model.fit(X, y)
else:
    from sklearn.kernel_ridge import KernelRidge
    model = KernelRidge(kernel="rbf", gamma=0.05)
    fit = lambda: refits(model, X, y)
X, y = draw(1000)
with threadpool_limits(1):
    fit()
    first = time.process_time()
    fit()
    print(first, time.process_time() - first)
"""


def ours(n_steps):
    """Return our model of some steps."""
    return SelfDistilledKernelRidge(ALPHA, gamma=GAMMA, n_steps=n_steps, ground_truth_weight=WEIGHT)


def race(n, whole=WHOLE, repeats=REPEATS):
    """Race ten steps, and one, on some rows.

    Parameters
    ----------
    n : int
        Rows.
    whole : int, default=WHOLE
        Rows up to which ten refits are run and not one.
    repeats : int, default=REPEATS
        Repeats of everything.

    Returns
    -------
    seconds : dict of str to float
        Median CPU seconds: "steps" and those of the peers, "one step" and "one fit".
    apart : float or None
        Largest difference between our fitted values and a peer's, None where no whole chain ran.
    """
    X, y = draw(n)
    timed = N_STEPS if n <= whole else 1
    model, one = ours(N_STEPS), ours(1)
    plain = KernelRidge(alpha=ALPHA, kernel="rbf", gamma=GAMMA)
    fitted = {}

    def chain(name, peer):
        seconds, fitted[name] = refits(peer, X, y, timed=timed)
        return seconds

    peers = refit_peers(ALPHA, GAMMA)
    for peer in peers.values():
        peer.fit(X[:50], y[:50])  # imports
    tasks = {"steps": lambda: model.fit(X, y)}
    tasks |= {name: lambda n=name, p=peer: chain(n, p) for name, peer in peers.items()}
    tasks |= {"one step": lambda: one.fit(X, y), "one fit": lambda: plain.fit(X, y)}
    seconds = medians(tasks, repeats)
    apart = None
    if timed == N_STEPS:
        last = model.predict(X)
        apart = max(np.abs(last - other).max() for other in fitted.values())
    return seconds, apart


def first_fits():
    """Return CPU seconds of our first and second fit in a process, and of ten refits."""
    return [in_new_process(_COLD, None, who) for who in ("ours", "refits")]


def tables(cells):
    """Return the tables of ten steps and of one.

    Parameters
    ----------
    cells : dict of int to (seconds, apart)
        What `race` returned, by the number of rows.
    """
    peers = list(refit_peers(ALPHA, GAMMA))
    many, one = [], []
    for n, (seconds, apart) in cells.items():
        ratios = [f"{seconds[name] / seconds['steps']:.1f}" for name in peers]
        times = [_report.significant(seconds[name]) for name in ("steps", *peers)]
        many.append([f"{n:,}", *times, *ratios, "" if apart is None else f"{apart:.0e}"])
        times = [_report.significant(seconds[name]) for name in ("one step", "one fit")]
        one.append([f"{n:,}", *times, f"{seconds['one step'] / seconds['one fit']:.2f}"])
    header = ["rows", "ten steps", *peers, *(f"{name}, ratio" for name in peers)]
    return (
        _report.table([*header, "largest difference"], many),
        _report.table(["rows", "n_steps=1", "KernelRidge", "ratio"], one),
    )


def check(cells, targets):
    """Note the verdicts."""
    for n, least in TARGETS.items():
        if n in cells:
            seconds, _ = cells[n]
            ratio = seconds[KERNEL_RIDGE] / seconds["steps"]
            what = f"n = {n:,}: ten steps at least {least} times as fast as ten refits of "
            targets.check(what + "KernelRidge", f"{ratio:.1f} times", ratio >= least)
    ratios = {n: seconds["one step"] / seconds["one fit"] for n, (seconds, _) in cells.items()}
    targets.check(
        f"n_steps=1 takes at most {ONE_STEP} times the seconds of a fit of KernelRidge, n >= 500",
        ", ".join(f"{ratio:.2f}" for ratio in ratios.values()),
        max(ratios.values()) <= ONE_STEP,
    )


def section(quick, targets):
    """Race all sizes and return the report's section."""
    cells = {n: race(n) for n in (SIZES[:2] if quick else SIZES)}
    check(cells, targets)
    many, one = tables(cells)
    cold, warm = zip(*first_fits())
    return f"""## Ten steps

One fit of `SelfDistilledKernelRidge(n_steps=10)` beside ten refits of others with predictions for
the training rows between them: RBF kernel, 20 features, alpha = {ALPHA:g}, weight of the ground
truth {WEIGHT}. Medians of {REPEATS} repeats in CPU seconds, kernel included; the contestants take
turns. Above {WHOLE:,} rows one refit of the ten is timed, and its fit multiplied by 10 and its
prediction by 9. Ratio: the other's seconds over ours. The last column is the largest difference
between fitted values of the tenth step. `GaussianProcessRegressor` has no optimizer, gpytorch given
hyperparameters and Cholesky; both predict means alone.

{many}

One step is ordinary kernel ridge regression:

{one}

The first fit of a process, 1000 rows, CPU seconds with the imports: ten steps {cold[0]:.2f}, ten
refits {cold[1]:.2f}; the second {warm[0]:.2f} and {warm[1]:.2f}."""
