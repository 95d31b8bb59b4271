"""Many rows: features of landmarks, and products with the whole kernel matrix."""

import resource
import sys
from pathlib import Path

import numpy as np
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from benchmarks import _report
from benchmarks._distillation_common import N_STEPS, WEIGHT, clock, draw, refits
from benchmarks._fairness_common import in_new_process
from skweight.distillation import SelfDistilledKernelRidge, SelfDistilledRidge

ALPHA, GAMMA = 1.0, 0.05
REPEATS, TIMED, SHOWN = 3, 3, 5
NYSTROEM_TARGET, LANCZOS_TARGET, MEMORY = 5, 3, 6.0

# Each contestant runs in a process of its own, so that its memory is seen.
_PROCESS = """
import sys
from threadpoolctl import threadpool_limits
from benchmarks import _distillation_large as large
who, *sizes = sys.argv[1:]
with threadpool_limits(1):
    seconds, fitted = large.CONTESTANTS[who](*map(int, sizes))
print(seconds, large.peak_gigabytes(), *fitted)
"""


def peak_gigabytes():
    """Return the largest memory of this process.

    On Linux the usual figure starts from that of the process which started this one.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9
    (line,) = [line for line in lines if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024 / 1e9


def landmarks(n_components):
    """Return the map to features of landmarks."""
    return Nystroem(gamma=GAMMA, n_components=n_components, random_state=0)


def nystroem_steps(n, n_components):
    """Fit ten steps on features of landmarks."""
    X, y = draw(n)
    ridge = SelfDistilledRidge(
        ALPHA, fit_intercept=False, n_steps=N_STEPS, ground_truth_weight=WEIGHT
    )
    model = make_pipeline(landmarks(n_components), ridge)
    seconds = np.median([clock(lambda: model.fit(X, y))[0] for _ in range(REPEATS)])
    return seconds, model[-1].predict(model[0].transform(X[:SHOWN]), step=TIMED)


def nystroem_refits(n, n_components):
    """Fit landmarks, features and one step anew for each step."""
    X, y = draw(n)
    one = SelfDistilledRidge(ALPHA, fit_intercept=False, n_steps=1)
    seconds, fitted = refits(make_pipeline(landmarks(n_components), one), X, y, timed=TIMED)
    return seconds, fitted[:SHOWN]


def nystroem_refits_on_features(n, n_components):
    """Compute features once and fit one step anew for each step."""
    X, y = draw(n)
    before, Z = clock(lambda: landmarks(n_components).fit_transform(X))
    one = SelfDistilledRidge(ALPHA, fit_intercept=False, n_steps=1)
    seconds, fitted = refits(one, Z, y, timed=TIMED)
    return before + seconds, fitted[:SHOWN]


def nystroem_ridge(n, n_components):
    """Refit a pipeline of scikit-learn alone."""
    X, y = draw(n)
    ridge = Ridge(ALPHA, fit_intercept=False, solver="cholesky")
    seconds, fitted = refits(make_pipeline(landmarks(n_components), ridge), X, y, timed=TIMED)
    return seconds, fitted[:SHOWN]


def lanczos(n_steps):
    """Return the kernel model whose solver multiplies with the kernel matrix."""
    return SelfDistilledKernelRidge(
        ALPHA, gamma=GAMMA, n_steps=n_steps, ground_truth_weight=WEIGHT, solver="lanczos"
    )


def lanczos_steps(n):
    """Fit ten steps by one basis."""
    X, y = draw(n)
    model = lanczos(N_STEPS)
    seconds = np.median([clock(lambda: model.fit(X, y))[0] for _ in range(REPEATS)])
    return seconds, model.predict(X[:SHOWN], step=TIMED)


def lanczos_refits(n):
    """Fit one step from zero for each step."""
    X, y = draw(n)
    seconds, fitted = refits(lanczos(1), X, y, timed=TIMED)
    return seconds, fitted[:SHOWN]


CONTESTANTS = {
    "ten steps": nystroem_steps,
    "ten refits": nystroem_refits,
    "ten refits, features computed once": nystroem_refits_on_features,
    "ten refits, Nystroem and Ridge": nystroem_ridge,
    "ten steps, lanczos": lanczos_steps,
    "ten refits, lanczos": lanczos_refits,
}
NYSTROEM, LANCZOS = list(CONTESTANTS)[:4], list(CONTESTANTS)[4:]


def race(names, *sizes):
    """Run contestants of one size, the first of which is ours.

    Returns
    -------
    seconds, memory : dict of str to float
        CPU seconds and gigabytes at the peak, imports and rows included.
    apart : float
        Largest difference between the first's predictions and another's.
    """
    found = {name: in_new_process(_PROCESS, None, name, *map(str, sizes)) for name in names}
    seconds, memory = ({name: figures[k] for name, figures in found.items()} for k in (0, 1))
    fitted = [np.array(figures[2:]) for figures in found.values()]
    return seconds, memory, max(float(np.abs(other - fitted[0]).max()) for other in fitted[1:])


def table(seconds, memory):
    """Return the table of a race."""
    ours = next(iter(seconds.values()))
    rows = [
        [name, _report.significant(took), f"{took / ours:.1f}", f"{memory[name]:.1f}"]
        for name, took in seconds.items()
    ]
    return _report.table(["", "CPU seconds", "ratio", "GB at the peak"], rows)


def check(what, least, seconds, memory, targets):
    """Note the verdicts on the first contestant beside the second."""
    (ours, took), (_, other) = list(seconds.items())[:2]
    targets.check(
        f"{what}: ten steps at least {least} times as fast as ten refits with the same solver from "
        f"zero, in less than {MEMORY:g} GB",
        f"{other / took:.1f} times, {memory[ours]:.1f} GB",
        other >= least * took and memory[ours] < MEMORY,
    )


def section(quick, targets):
    """Race both and return the report's section."""
    n, n_components = (5000, 200) if quick else (100_000, 1000)
    n_exact = 2000 if quick else 20_000
    *features, near = race(NYSTROEM, n, n_components)
    what = f"n = {n:,}, {n_components} landmarks"
    check(what, NYSTROEM_TARGET, *features, targets)
    *exact, close = race(LANCZOS, n_exact)
    check(f"n = {n_exact:,}, lanczos", LANCZOS_TARGET, *exact, targets)
    return f"""## Many rows

Ten steps beside ten refits of one step with the same solver, each contestant in a process of its
own; memory includes the imports and the rows. Of the refits {TIMED} are run, and their seconds are
scaled to ten fits and nine predictions; ours are the median of {REPEATS} fits. Ratio: seconds over
ours.

{n:,} rows, `Nystroem` with {n_components} landmarks and `SelfDistilledRidge` without intercept.
Refits anew from the rows, as a pipeline does it, or from features computed once; or of
scikit-learn's `Ridge`. Predictions of step {TIMED} differ by {near:.0e} at the most.

{table(*features)}

{n_exact:,} rows, the whole RBF kernel, by products with it. Predictions of step {TIMED} differ by
{close:.0e} at the most.

{table(*exact)}"""
