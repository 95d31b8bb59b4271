"""Sums of kernels over private rows: errors, noise, and seconds of random features."""

import functools
import warnings

import numpy as np

from benchmarks import _privacy_peers as peers
from benchmarks import _report
from benchmarks._timing import measure
from skweight.privacy import PrivateKernelDensity
from skweight.privacy._calibration import gaussian_z
from skweight.privacy._kernels import exact_sums

EPSILONS, DELTA = (0.1, 1.0), 1e-6
BANDWIDTHS = {1: 0.1, 10: 0.5, 100: 1.5}
# Rows, columns, random frequencies.
CELLS = (
    (10_000, 10, 1024),
    (10_000, 10, 4096),
    (100_000, 10, 4096),
    (100_000, 100, 1024),
    (100_000, 100, 4096),
)
QUICK_CELLS = ((2000, 10, 256),)
BUILD = (100_000, 100, 4096)
AIM = 3
NO_NOISE = 1e5  # an epsilon
FLOAT_FEATURES = (64, 256, 1024)


def draw(n, d, seed=0, queries=200):
    """Return rows and queries from ten clusters in the unit cube."""
    rng = np.random.default_rng(seed)
    centres = rng.random((10, d))

    def some(m):
        return np.clip(centres[rng.integers(10, size=m)] + 0.2 * rng.normal(size=(m, d)), 0, 1)

    return some(n), some(queries)


def release(X, bandwidth, epsilon, delta=0.0, **parameters):
    """Publish sums of kernels."""
    parameters = {"count_share": 0, "bounds": (0, 1), "n_hint": len(X)} | parameters
    model = PrivateKernelDensity(bandwidth=bandwidth, epsilon=epsilon, delta=delta, **parameters)
    return model.fit(X)


def error(sums, truth):
    """Return the mean relative error."""
    return f"{np.mean(np.abs(sums / truth - 1)):.2g}"


def features_table(quick):
    """Return the table of errors of random features."""
    rows = []
    for n, d, q in QUICK_CELLS if quick else CELLS:
        X, Y = draw(n, d)
        h = BANDWIDTHS[d]
        truth = exact_sums("gaussian", h, X, Y)
        fit = functools.partial(release, X, h, n_features=q, algorithm="features")
        row = [f"{n:,}", d, f"{q:,}", error(fit(NO_NOISE, DELTA).kernel_sum(Y), truth)]
        row += [error(fit(epsilon).kernel_sum(Y), truth) for epsilon in EPSILONS]
        row += [error(fit(epsilon, DELTA).kernel_sum(Y), truth) for epsilon in EPSILONS]
        floats = peers.FloatFeatures(q, h, np.random.default_rng(1)).fit(X)
        for epsilon in (np.inf, *EPSILONS):
            row.append(error(floats.kernel_sum(Y, floats.publish(epsilon)), truth))
        own = functools.partial(release, X, h, algorithm="features")
        rows.append([*row, *(error(own(e).kernel_sum(Y), truth) for e in EPSILONS)])
    header = ["rows", "columns", "q", "no noise"]
    header += [f"pure, {epsilon}" for epsilon in EPSILONS]
    header += [f"delta, {epsilon}" for epsilon in EPSILONS]
    header += ["float, no noise", *(f"float, pure, {epsilon}" for epsilon in EPSILONS)]
    return _report.table([*header, *(f"own q, pure, {epsilon}" for epsilon in EPSILONS)], rows)


def one_column(X, Y, epsilon, rng):
    """Return what makes a release in one column and answers, by name."""
    h = BANDWIDTHS[1]
    middles = (np.arange(64)[:, None] + 0.5) / 64

    def own(name):
        return release(X, h, epsilon, algorithm=name).kernel_sum(Y)

    def flat():
        counts = peers.flat_counts(X, epsilon, 64, rng)[0]
        return exact_sums("gaussian", h, middles, Y, counts)

    def features(q):
        model = peers.FloatFeatures(q, h, rng).fit(X)
        return model.kernel_sum(Y, model.publish(epsilon))

    tasks = {name: functools.partial(own, name) for name in ("histogram", "bernstein", "features")}
    tasks["flat, 64 cells"] = flat
    return tasks | {q: functools.partial(features, q) for q in FLOAT_FEATURES}


def one_column_table(quick):
    """Return the table of errors in one column."""
    rows, repeats = [], 3 if quick else 20
    for n in (2000,) if quick else (10_000, 100_000):
        X, Y = draw(n, 1)
        truth = exact_sums("gaussian", BANDWIDTHS[1], X, Y)
        for epsilon in EPSILONS:
            means = {}
            for name, task in one_column(X, Y, epsilon, np.random.default_rng(2)).items():
                some = range(3 if name in FLOAT_FEATURES else repeats)
                means[name] = np.mean([np.abs(task() / truth - 1).mean() for _ in some])
            means["float features"] = min(means.pop(q) for q in FLOAT_FEATURES)
            rows.append([f"{n:,}", epsilon, *(f"{mean:.2g}" for mean in means.values())])
    return _report.table(["rows", "epsilon", *means], rows)


def noise_table(quick, targets):
    """Return the table of the noise of many and few random features."""
    repeats = 4 if quick else 20
    X, Y = draw(100, 100, queries=400)
    Y *= 100  # far from each other, so that noise at one tells nothing of that at others
    rows, found, z = [], [], gaussian_z(1.0, DELTA)
    for q in (64, 1024, 4096):
        noise = {delta: [] for delta in (0.0, DELTA)}
        for delta, errors in noise.items():
            for _ in range(repeats):
                model = release(X, 1.5, 1.0, delta, n_features=q, algorithm="features")
                errors.append(model.kernel_sum(Y) - exact_features(model, X, Y))
        rms = {delta: np.sqrt(np.mean(np.square(errors))) for delta, errors in noise.items()}
        found.append(rms[DELTA])
        rows.append([f"{q:,}", f"{rms[DELTA]:.3f}", f"{rms[0.0]:.1f}", f"{2 * q**0.5:.1f}"])
    targets.check(
        "deviation of Gaussian noise on sums of kernels within 5 % of z for any number of features",
        f"{', '.join(f'{value:.3f}' for value in found)} against {z:.3f}",
        max(abs(np.array(found) / z - 1)) <= 0.05,
    )
    return _report.table(["q", f"delta = {DELTA:g}", "pure", "2 sqrt(q) / epsilon"], rows)


def exact_features(model, X, Y):
    """Return what a model's features say of rows when there is no noise."""
    parameters = model.get_params() | {"epsilon": NO_NOISE, "delta": DELTA}
    return PrivateKernelDensity(**parameters).fit(X).kernel_sum(Y)


def publish(X, q, dtype, structured):
    """Release sums of random features."""
    model = release(
        X,
        BANDWIDTHS[100],
        1.0,
        DELTA,
        algorithm="features",
        n_features=q,
        compute_dtype=dtype,
        structured=structured,
    )
    return float(model.noise_scale_["features"])


def build_table(quick, targets):
    """Return the table of seconds of a release by random features."""
    n, d, q = (4000, 100, 512) if quick else BUILD
    X = np.random.default_rng(0).random((n, d))
    frequencies = np.random.default_rng(1).normal(size=(d, q)) / BANDWIDTHS[100]
    rows = []
    for dtype in ("float64", "float32"):
        ours = measure(functools.partial(publish, X, q, dtype, False), repeats=3)
        structured = measure(functools.partial(publish, X, q, dtype, True), repeats=3)
        A, B = X.astype(dtype), frequencies.astype(dtype)
        others = [
            measure(functools.partial(peers.feature_sums, A, B, size), repeats=3)
            for size in (256, 1024)
        ]
        theirs = min(others, key=lambda found: found.seconds)
        row = [dtype, *(_report.significant(m.seconds) for m in (ours, structured, theirs))]
        row += [f"{m.peak:.0f}" for m in (ours, structured, theirs)]
        times = [_report.significant(theirs.seconds / m.seconds) for m in (ours, structured)]
        rows.append([*row, times[0]])
        targets.check(
            f"{dtype} features of {n:,} x {d}, q = {q:,}, no slower than numpy in blocks ({AIM} "
            "times as fast is the aim)",
            f"{times[0]} times as fast, with structured frequencies {times[1]} times",
            ours.seconds <= theirs.seconds,
        )
    header = ["type", "ours", "ours, structured", "numpy", "MB more, ours", "structured", "numpy"]
    return n, d, q, _report.table([*header, "numpy over ours"], rows)


def section(quick, targets):
    """Return the report's section."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        many, one = features_table(quick), one_column_table(quick)
        noise = noise_table(quick, targets)
        n, d, q, build = build_table(quick, targets)
    return f"""## Kernel densities

Mean relative error of `PrivateKernelDensity` for sums of a Gaussian kernel, over 200 queries that
come from the same law as the rows: ten clusters in the unit cube; bandwidths are
{", ".join(f"{h:g} in {d}" for d, h in BANDWIDTHS.items())} columns. One release each: q random
frequencies, nothing spent on the number of rows. *Delta* is with Gaussian noise at {DELTA:g}.
*Float* are the features that LSQ publishes, written from its formula: floating point noise, and
half the noise that a replaced row needs. *Own q* leaves the number of frequencies to ours.

{many}

In one column, pure, means over 20 releases. *Flat* is a noisy histogram of 64 cells whose middles
count as rows; *float features* are the best of 64, 256 and 1024, in sight of the errors.

{one}

Root mean square of the noise in sums at epsilon 1, over 20 releases and 400 distant queries:

{noise}

CPU seconds of a whole release of {n:,} x {d} with q = {q:,}, and of numpy's sums of cosines and
sines in blocks of rows without any noise, the better of 256 and 1024 rows a block. Ours are
integers that depend on one row alone, to the bit, whatever the block; numpy's matrix product is
not, and its sums in float32 lose digits.

{build}"""
