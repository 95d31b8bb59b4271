"""Seconds of whole fits: COMPAS, and a portfolio of the size of a motor tariff."""

import tempfile
import time
import warnings
from functools import partial

import numpy as np
from sklearn.linear_model import LogisticRegression, PoissonRegressor
from sklearn.metrics import mean_poisson_deviance

from benchmarks import _fairness_sets as sets
from benchmarks import _report
from benchmarks._fairness_common import in_new_process, take_turns
from skweight.datasets import make_motor_portfolio
from skweight.fairness import DistanceCovarianceClassifier, DistanceCovarianceRegressor

STRENGTHS = (0, 1, 3, 10, 30, 100, 300)
MILD, MILD_SECONDS, SECONDS = 10, 0.5, 1.0
MOTOR_STRENGTHS, MOTOR_ROWS, MOTOR_TARGET = (0, 1, 10, 40, 150), 80_000, 25
BINS = 40  # of each continuous rating factor
RIDGE = 1e-4

_COLD = """
import time
import numpy as np
from skweight.fairness import DistanceCovarianceClassifier
rng = np.random.default_rng(0)
S = np.column_stack([rng.integers(0, 2, size=4320), rng.integers(18, 97, size=4320)])
X = rng.normal(size=(4320, 6)) + S[:, :1]
y = (rng.uniform(size=4320) < 1 / (1 + np.exp(-X[:, 0]))).astype(int)
def fit():
    start = time.perf_counter()
    DistanceCovarianceClassifier(fairness_alpha=3).fit(X, y, sensitive_features=S)
    return time.perf_counter() - start
print(fit(), fit())
"""


def compas_fits(targets):
    """Return the table of fits on the training rows of one split of COMPAS."""
    try:
        train, _ = sets.split(sets.compas(), "compas", 0)
    except ImportError as error:
        return f"Not run here: {error}."

    def fit(strength):
        model = DistanceCovarianceClassifier(fairness_alpha=strength)
        return model.fit(train.X, train.y, sensitive_features=train.sensitive)

    tasks = {f"{strength}": partial(fit, strength) for strength in STRENGTHS}
    plain = LogisticRegression(C=1 / (RIDGE * len(train.y)))
    tasks["LogisticRegression"] = lambda: plain.fit(train.X, train.y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the strongest leave a constant
        models = {strength: fit(strength) for strength in STRENGTHS}
        seconds = take_turns(tasks, seconds=0.5)
    rows = [
        [strength, _report.significant(seconds[f"{strength}"]), model.n_iter_, model.collapsed_]
        for strength, model in models.items()
    ]
    plain_seconds = _report.significant(seconds["LogisticRegression"])
    rows.append(["LogisticRegression", plain_seconds, plain.n_iter_[0], False])
    slowest = [
        max(seconds[f"{s}"] for s in STRENGTHS if s <= MILD),
        max(seconds[f"{s}"] for s in STRENGTHS),
    ]
    what = f"COMPAS fit, n = {len(train.y)}, warm, each from scratch: less than "
    targets.check(
        what + f"{MILD_SECONDS} s of CPU at fairness_alpha <= {MILD}, {SECONDS:g} s at any up to "
        f"{STRENGTHS[-1]}",
        f"{slowest[0]:.3f} s, {slowest[1]:.3f} s",
        slowest[0] < MILD_SECONDS and slowest[1] < SECONDS,
    )
    return _report.table(["fairness_alpha", "CPU seconds", "iterations", "constant"], rows)


def tariff(n):
    """Return a simulated portfolio as a tariff has it: rating factors in classes.

    Parameters
    ----------
    n : int
        Number of policies.

    Returns
    -------
    X : ndarray of shape (n, 290)
        Indicators of classes, less the first of every factor.
    y : ndarray of shape (n,)
        Claims a year.
    exposure : ndarray of shape (n,)
        Years at risk.
    sensitive : DataFrame
        Gender and region.
    """
    motor = make_motor_portfolio(n, as_frame=True, random_state=0)
    columns = []
    for name in motor.data:
        factor = motor.data[name]
        if factor.dtype == "category":
            classes = factor.cat.codes.to_numpy()
        elif factor.nunique() <= BINS:
            classes = np.unique(factor, return_inverse=True)[1]
        else:
            cuts = np.quantile(factor, np.arange(1, BINS) / BINS)
            classes = np.searchsorted(cuts, factor)
        columns.append(np.eye(classes.max() + 1)[classes][:, 1:])
    y = (motor.target / motor.exposure).to_numpy()
    exposure = np.asarray(motor.exposure, dtype=float)
    return np.hstack(columns), y, exposure, motor.sensitive_features[["gender", "region"]]


def motor_fits(quick, targets):
    """Return the table of Poisson fits with exposure, and the number of columns."""
    X, y, exposure, sensitive = tariff(4000 if quick else MOTOR_ROWS)
    rows, plain = [], {}
    for solver, tol in (("lbfgs", 1e-4), ("lbfgs", 1e-6), ("newton-cholesky", 1e-4)):
        model = PoissonRegressor(alpha=RIDGE, solver=solver, tol=tol, max_iter=500)
        model.fit(X, y, sample_weight=exposure)
        name = f"PoissonRegressor, {solver}, tol={tol:g}"
        seconds = min(_clock(partial(model.fit, X, y, exposure)) for _ in range(2))
        plain[name] = seconds
        deviance = _deviance(model, X, y, exposure)
        rows.append([name, _report.significant(seconds), model.n_iter_, "", deviance, ""])
    reference = next(iter(plain.values()))  # as a user calls it
    slowest = 0.0
    for strength in MOTOR_STRENGTHS[:3] if quick else MOTOR_STRENGTHS:
        model = DistanceCovarianceRegressor(strength, loss="poisson", alpha=RIDGE)
        fit = partial(model.fit, X, y, exposure, sensitive_features=sensitive)
        seconds = _clock(fit)
        if seconds < 2:
            seconds = min(seconds, _clock(fit))
        slowest = max(slowest, seconds)
        ratio = f"{seconds / reference:.1f}"
        row = [strength, _report.significant(seconds), model.n_iter_, ratio]
        rows.append([*row, _deviance(model, X, y, exposure), f"{model.penalty_:.2e}"])
    targets.check(
        f"Poisson fit, n = {len(y):,}, {X.shape[1]} columns, 10 regions x 2 sexes: at most "
        f"{MOTOR_TARGET} times the seconds of PoissonRegressor at the same alpha, any strength",
        f"{slowest / reference:.1f} times at the most, {slowest:.1f} s of CPU",
        slowest <= MOTOR_TARGET * reference,
    )
    header = ["fairness_alpha", "CPU seconds", "iterations", "ratio", "deviance", "penalty"]
    return X.shape, _report.table(header, rows)


def _deviance(model, X, y, exposure):
    return f"{mean_poisson_deviance(y, model.predict(X), sample_weight=exposure):.6f}"


def _clock(task):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.process_time()
        task()
        return time.process_time() - start


def first_fit():
    """Return wall seconds of a first fit: to be compiled, compiled before, and of a later one."""
    with tempfile.TemporaryDirectory() as folder:
        compiling, _ = in_new_process(_COLD, folder)
        loading, later = in_new_process(_COLD, folder)
    return compiling, loading, later


def section(quick, targets):
    """Measure everything and return the report's section."""
    small = compas_fits(targets)
    (n, p), large = motor_fits(quick, targets)
    first = [_report.significant(seconds) for seconds in first_fit()]
    return f"""## Fits

CPU seconds of whole fits with the default settings, each from scratch and compiled before. COMPAS,
the training rows of one split; attributes race, sex and age:

{small}

A simulated motor portfolio, {n:,} policies, rating factors in classes ({p} indicator columns,
dense), attributes gender and region, exposure as the weight. Ratio: to `PoissonRegressor` as it is
called by default. The deviance is that of the training rows.

{large}

The first fit of a process (4320 rows, two attributes), on the clock, imports left out: {first[0]} s
where nothing is compiled yet, {first[1]} s where it was compiled before, {first[2]} s later."""
