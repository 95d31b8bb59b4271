"""How many numbers of exact noise a second of one processor makes, beside OpenDP and numpy."""

import tempfile
from fractions import Fraction
from functools import partial

import numpy as np

from benchmarks import _report
from benchmarks._fairness_common import in_new_process
from benchmarks._timing import measure
from skweight._core._optional import import_optional
from skweight.privacy._discrete_laplace import DiscreteLaplace
from skweight.privacy._keystream import SecureWords
from skweight.privacy._rounded_gaussian import RoundedGaussian

MANY, FEW = 1 << 21, 4000  # numbers a draw of ours and numpy's, and of OpenDP's
LAPLACE = (1, 10, 100, 1000, 100_000)  # scales
GAUSSIAN = (4, 100, 10_000_000)  # standard deviations
AIM, TIMES = 20e6, 100  # numbers a second, and times OpenDP's rate

_COLD = """
import sys, time
from fractions import Fraction
from skweight.privacy._discrete_laplace import DiscreteLaplace
from skweight.privacy._keystream import SecureWords
noise = DiscreteLaplace(Fraction(100))
for _ in range(2):
    start = time.process_time()
    noise.draw(int(sys.argv[1]), SecureWords())
    print(time.process_time() - start, end=" ")
"""


def ours(mechanism, n):
    """Draw with a key of its own, as a release does."""
    return int(mechanism.draw(n, SecureWords())[0])


def opendp_draw(kind, scale, n):
    """Draw by adding noise to zeros, the only way there is."""
    opendp = import_optional("opendp.prelude", "the benchmark of noise")
    opendp.enable_features("contrib")
    domain = opendp.vector_domain(opendp.atom_domain(T="i64"))
    if kind == "laplace":
        mechanism = opendp.m.make_laplace(domain, opendp.l1_distance(T="i64"), scale=scale)
    else:
        mechanism = opendp.m.make_gaussian(domain, opendp.l2_distance(T="f64"), scale=scale)
    return len(mechanism([0] * n))


def numpy_draw(kind, scale, n):
    """Draw floating point noise from PCG64, which protects nobody."""
    rng = np.random.default_rng(0)
    return len(rng.laplace(0, scale, n) if kind == "laplace" else rng.normal(0, scale, n))


def rates(kind, scale, many, few):
    """Return numbers a second: ours in bulk, ours in a small release, OpenDP's, numpy's."""
    mechanism = DiscreteLaplace(Fraction(scale)) if kind == "laplace" else RoundedGaussian(scale)
    tasks = (
        (partial(ours, mechanism, many), many),
        (partial(ours, mechanism, few), few),
        (partial(opendp_draw, kind, float(scale), few), few),
        (partial(numpy_draw, kind, float(scale), many), many),
    )
    return [n / measure(task).seconds for task, n in tasks]


def section(quick, targets):
    """Return the report's section."""
    many, few = (1 << 18, 500) if quick else (MANY, FEW)
    cells = [("laplace", scale) for scale in LAPLACE] + [("gaussian", s) for s in GAUSSIAN]
    if quick:
        cells = cells[2:3] + cells[-1:]
    rows, bulk, times = [], [], []
    for kind, scale in cells:
        found = rates(kind, scale, many, few)
        bulk.append(found[0])
        times.append(found[0] / found[2])
        figures = [f"{rate / 1e6:.3g}" for rate in found]
        rows.append([kind, f"{scale:,}", *figures, f"{times[-1]:.0f}"])
    targets.check(
        f"noise at least {TIMES} times as fast as OpenDP's at every scale",
        f"{min(times):.0f} to {max(times):.0f} times",
        min(times) >= TIMES,
    )
    targets.check(
        f"{AIM / 1e6:.0f} million numbers of noise a second at every scale",
        f"{min(bulk) / 1e6:.0f} to {max(bulk) / 1e6:.0f} million",
        min(bulk) >= AIM,
    )
    with tempfile.TemporaryDirectory() as folder:
        compiling, later = in_new_process(_COLD, folder, str(many))
        loading, _ = in_new_process(_COLD, folder, str(many))
    compiling, loading, later = (_report.significant(s) for s in (compiling, loading, later))
    header = ["noise", "scale", "ours", f"ours, {few:,} at once", "OpenDP", "numpy, float"]
    return f"""## Noise

Millions of numbers a second of CPU time: ours and numpy's {many:,} at once, OpenDP's {few:,}. Ours
is integers of an exact law: discrete Laplace, or the normal one rounded, from ChaCha20 under a key
of the operating system, which each draw makes anew. OpenDP's are exact too, and more widely
reviewed. numpy's are floating point numbers from PCG64: their low bits tell of what lies below the
noise, and whoever sees enough of them can foretell the next. They are here for their rate alone.

{_report.table([*header, "ours over OpenDP"], rows)}

The first {many:,} numbers of a process take {compiling} s of CPU where the loop is not yet compiled
and {loading} s where it was compiled before; later ones {later} s."""
