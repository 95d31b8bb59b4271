"""Time a task in a process of its own, with its peak memory and a limit on its seconds."""

import ctypes
import gc
import multiprocessing
import resource
import sys
import time
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

_ENOUGH_SECONDS = 1.0
# A first run also touches memory for the first time: what is not too slow runs three times.
_LEAST_REPEATS, _SLOW_SECONDS = 3, 5.0


@dataclass
class Measurement:
    """What a task took and what it returned.

    Attributes
    ----------
    seconds : float
        Least CPU seconds of the repeats; the limit itself if the task was ended there.
    peak : float
        MB by which the process grew over the first repeat, NaN if it was ended.
    value : object
        What the task returned, None if it was ended.
    """

    seconds: float
    peak: float = float("nan")
    value: Any = None

    @property
    def ended(self):
        return self.value is None


def measure(task, limit=600.0, repeats=50):
    """Run a task in a forked process, several times if it is quick.

    CPU seconds of one thread are what a quiet machine shows on the clock; on a busy one they
    are the fairer figure. The parent's data are shared, not copied.
    """
    _release_memory()
    context = multiprocessing.get_context("fork")
    receive, send = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(task, repeats, send))
    process.start()
    send.close()
    try:
        if not receive.poll(limit):
            return Measurement(limit)
        result = receive.recv()
    except EOFError as error:
        raise RuntimeError("the measured task failed; its traceback is above") from error
    finally:
        process.kill()
        process.join()
    return result


def _child(task, repeats, send):
    warnings.simplefilter("ignore")
    before = _peak_megabytes()
    seconds, value = _clock(task)
    peak = _peak_megabytes() - before
    spent = [seconds]
    least = _LEAST_REPEATS if seconds < _SLOW_SECONDS else 1
    while len(spent) < least or (len(spent) < repeats and sum(spent) < _ENOUGH_SECONDS):
        spent.append(_clock(task)[0])
    send.send(Measurement(min(spent), peak, value))


def _clock(task):
    start = time.process_time()
    value = task()
    return time.process_time() - start, value


def _release_memory():
    """Give free memory back, so that what the task takes is seen as growth."""
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it
        if trim is not None:
            trim(0)


def _peak_megabytes():
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def slope(sizes, seconds):
    """Return the least-squares slope of log seconds in log size."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])
