"""Fits that several candidates of one split share: made once, charged to each that asks."""

import time
from contextlib import contextmanager
from threading import local

_state = local()


@contextmanager
def remembering():
    """Remember what `recall` builds while the block runs."""
    _state.memory = {}
    try:
        yield
    finally:
        del _state.memory


def recall(key, build):
    """Give what was built for a key, or build it.

    Parameters
    ----------
    key : hashable
        Says what is wanted.
    build : callable
        Gives it, when nothing was remembered or no block remembers.

    Returns
    -------
    object
        What `build` gave.
    """
    memory = getattr(_state, "memory", None)
    if memory is None:
        return build()
    if key not in memory:
        begin, charged = time.perf_counter(), _charged()
        built = build()
        memory[key] = built, time.perf_counter() - begin + _charged() - charged
        return built
    built, seconds = memory[key]
    _state.charged = _charged() + seconds
    return built


@contextmanager
def timed():
    """Time a block as if nothing had been remembered.

    Yields
    ------
    callable
        Gives the seconds, once the block has ended.
    """
    begin, charged, found = time.perf_counter(), _charged(), []
    yield lambda: found[0]
    found.append(time.perf_counter() - begin + _charged() - charged)


def _charged():
    return getattr(_state, "charged", 0.0)
