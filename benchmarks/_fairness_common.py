"""What the parts of ``python -m benchmarks.fairness`` share: verdicts, turns, means over splits."""

import os
import subprocess
import sys
import time

import numpy as np


class Targets:
    """Verdicts, printed when they fall and listed in the report."""

    def __init__(self):
        self.lines = []

    def check(self, what, measured, met):
        """Note whether a target is met, and what was measured."""
        self.lines.append(f"{'PASS' if met else 'MISS'}: {what}: {measured}")
        print(self.lines[-1], flush=True)


def take_turns(tasks, seconds=1.0, least=3):
    """Return the least CPU seconds of each task; the tasks take turns.

    A busy moment of the machine then falls on all of them. What they compile or load on the first
    run is not counted.

    Parameters
    ----------
    tasks : dict of str to callable
        What to run.
    seconds : float, default=1.0
        CPU seconds to spend on each task, about.
    least : int, default=3
        Rounds at least.

    Returns
    -------
    dict of str to float
        Least CPU seconds of the rounds.
    """
    for task in tasks.values():
        task()
    best = dict.fromkeys(tasks, np.inf)
    spent, rounds = 0.0, 0
    while rounds < least or spent < seconds * len(tasks):
        for name, task in tasks.items():
            start = time.process_time()
            task()
            took = time.process_time() - start
            best[name] = min(best[name], took)
            spent += took
        rounds += 1
    return best


def in_new_process(code, cache, *arguments):
    """Run code in a new process whose compiled functions lie in a folder; return its figures.

    Parameters
    ----------
    code : str
        Prints numbers on its last line.
    cache : str or None
        Folder for numba's cache, None for the usual one.
    *arguments : str
        Words for ``sys.argv``.

    Returns
    -------
    list of float
        The numbers.
    """
    environment = dict(os.environ)
    if cache is not None:
        environment["NUMBA_CACHE_DIR"] = cache
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return [float(word) for word in done.stdout.splitlines()[-1].split()]


def mean_and_error(values):
    """Return the mean over splits and its standard error, NaN for one split."""
    values = np.asarray(values, dtype=float)
    if len(values) < 2:
        return float(values.mean()) if len(values) else np.nan, np.nan
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))


def figure(values, form=".4f"):
    """Return a mean over splits and its standard error as text."""
    mean, error = mean_and_error(values)
    return f"{mean:{form}} ± {error:{form}}"
