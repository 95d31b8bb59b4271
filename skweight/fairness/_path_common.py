"""What paths and the choice among them share: strengths, warm starts, and warnings said once."""

import warnings
from contextlib import contextmanager

import numpy as np
from sklearn.exceptions import ConvergenceWarning

STRENGTHS = (0, 1, 3, 10, 30, 100)


def check_strengths(fairness_alphas):
    """Return strengths, increasing and each once."""
    try:
        values = np.asarray(fairness_alphas, dtype=float)
    except (TypeError, ValueError):
        values = np.full((1, 1), np.nan)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all() or values.min() < 0:
        raise ValueError(
            "fairness_alphas must be a one-dimensional array of finite values of at least 0, got "
            f"{fairness_alphas!r}."
        )
    return np.unique(values)


def follow(problem, strengths, n_init, rng, on_last_step=None):
    """Return the solutions at increasing strengths, each started from the one before.

    Where that was a constant model the start stays what it was: there all predictions tie, and a
    fit would not leave it.
    """
    start, solutions = None, []
    for i, strength in enumerate(strengths):
        listener = on_last_step if i == len(strengths) - 1 else None
        solution = problem.solve(strength, start=start, n_init=n_init, rng=rng, on_step=listener)
        if not (solution.collapsed or solution.diverged):
            start = solution
        solutions.append(solution)
    return solutions


def warn_of_fits(strengths, diverged, unfinished, where=""):
    """Warn of the strengths whose fits ran away, or did not reach their tolerance."""
    if np.any(diverged):
        warnings.warn(
            f"At fairness_alpha={_listed(strengths, diverged)}{where} a prediction went to 1e13 "
            "times the mean of y or to 1e-13 times, and the last finite step is taken: raise "
            "alpha, or use statistic='V' if it is 'U'.",
            ConvergenceWarning,
            stacklevel=2,
        )
    if np.any(unfinished):
        warnings.warn(
            f"The fits at fairness_alpha={_listed(strengths, unfinished)}{where} did not reach "
            "tol: raise max_iter or tol, or smoothing if it is 0.",
            ConvergenceWarning,
            stacklevel=2,
        )


def _listed(strengths, which):
    return ", ".join(f"{strength:g}" for strength, chosen in zip(strengths, which) if chosen)


@contextmanager
def each_warning_once(stacklevel):
    """Hold warnings back, and say each once in the end; `stacklevel` counts from the caller."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught
    for category, message in dict.fromkeys((w.category, str(w.message)) for w in caught):
        warnings.warn(message, category, stacklevel=stacklevel + 2)  # here and contextlib
