"""Proportional odds on soup with each installed package, and what a new process costs."""

import importlib
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks._timing import measure
from skweight.ordinal import PrestoClassifier, ProportionalOddsClassifier, presto_path
from skweight.ordinal._likelihood import class_terms, touched

OURS = "ProportionalOddsClassifier()"
PENALISED = "PrestoClassifier(base_penalty=0, alpha=alpha_max_)"
STATSMODELS = "statsmodels OrderedModel (bfgs)"
MORD = "mord LogisticAT(alpha=0), another loss"
SKORDINAL = "skordinal POM(tol=1e-9)"


def _ours(X, y):
    model = ProportionalOddsClassifier().fit(X, y)
    return model.coef_, model.thresholds_


def _penalised(X, y):
    # A hair above alpha_max_, where rounding cannot let a difference in.
    alpha = PrestoClassifier(base_penalty=0.0).fit(X, y).alpha_max_ * (1 + 1e-9)

    def fit():
        model = PrestoClassifier(base_penalty=0.0, alpha=alpha).fit(X, y)
        return model.coef_[0], model.thresholds_

    return fit


def _statsmodels(X, y):
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    model = OrderedModel(y, X, distr="logit")
    params = np.asarray(model.fit(method="bfgs", disp=False).params)
    p = X.shape[1]
    return params[:p], model.transform_threshold_params(params[p:])[1:-1]


def _mord(X, y):
    from mord import LogisticAT

    model = LogisticAT(alpha=0.0).fit(X, y)
    return model.coef_, model.theta_


def _skordinal(X, y):
    from skordinal.classifiers import POM

    # Its default tolerance stops well short of the maximum.
    model = POM(tol=1e-9).fit(X, y)
    return model.coef_, model.thresholds_


def log_likelihood(X, y, coef, thresholds):
    """Return the log-likelihood of proportional odds at given estimates."""
    q, z = len(thresholds), X @ coef - np.asarray(thresholds)[:, None]
    total = 0.0
    for c in range(q + 1):
        seen = z[list(touched("cumulative", c, q))][:, y == c]
        total -= class_terms("cumulative", "logit", c, q, seen, order=0)[0].sum()
    return float(total)


def proportional_odds(X, y):
    """Return {name: (Measurement, log-likelihood)} of those that are installed and work."""
    fits = {
        OURS: ("skweight", lambda: _ours(X, y)),
        PENALISED: ("skweight", _penalised(X, y)),
        STATSMODELS: ("statsmodels.miscmodels.ordinal_model", lambda: _statsmodels(X, y)),
        MORD: ("mord", lambda: _mord(X, y)),
        SKORDINAL: ("skordinal.classifiers", lambda: _skordinal(X, y)),
    }
    results = {}
    for name, (module, fit) in fits.items():
        try:
            importlib.import_module(module)  # its time and memory are not the fit's
            found = measure(fit, repeats=20)
            results[name] = found, log_likelihood(X, y, *found.value)
        except (ImportError, RuntimeError) as error:
            print(f"{name} is left out: {error}")
    return results


def soup_paths(X, y):
    """Return {monotone: Measurement} of paths of 20 penalties; values are the largest gaps."""
    return {
        monotone: measure(lambda m=monotone: float(presto_path(X, y, monotone=m).dual_gaps.max()))
        for monotone in ("train", "observed")
    }


_LOAD = "import numpy as np; X, y = np.load({X!r}), np.load({y!r});"
_IMPORT = "from skweight.ordinal import PrestoClassifier;"
_FIT = "PrestoClassifier().fit(X, y);"
STARTS = {
    "import the room and fit": _LOAD + _IMPORT + _FIT,
    "import the room and numba": _LOAD + _IMPORT + "import numba",
    "import the room": _LOAD + _IMPORT,
}
FIRST, WITH_NUMBA, ALONE = STARTS


def process_starts(X, y, repeats):
    """Return median wall seconds of new processes, and of a fit of soup that is warm.

    The processes take turns, so that a busy moment of the machine falls on all of them.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = {"X": str(Path(folder) / "X.npy"), "y": str(Path(folder) / "y.npy")}
        np.save(files["X"], X)
        np.save(files["y"], y)
        codes = [code.format(**files) for code in STARTS.values()]
        rounds = [[_wall(code) for code in codes] for _ in range(repeats + 1)][1:]
    seconds = dict(zip(STARTS, map(statistics.median, zip(*rounds))))
    model, warm = PrestoClassifier(), []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        model.fit(X, y)
        warm.append(time.perf_counter() - start)
    return seconds, statistics.median(warm[1:])


def _wall(code):
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start
