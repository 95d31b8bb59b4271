"""A file that several processes spend one budget from: JSON lines, read and written when locked."""

import json
import os
from contextlib import contextmanager

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None
    try:
        import msvcrt
    except ImportError:
        msvcrt = None

# The byte that is locked where files are locked by bytes, beyond all that is ever written.
_LOCKED_BYTE = 1 << 40


class Ledger:
    """A file whose first line is a budget and whose other lines are what was spent.

    Parameters
    ----------
    path : str or path
        The file.
    """

    def __init__(self, path):
        self.path = os.path.abspath(os.fspath(path))

    def open(self, budget):
        """Make the file, or check that it is of this budget."""
        with self._locked("a+b") as page:
            if page.budget is None:
                page.append(budget)
            else:
                self._check(page, budget)

    def read_budget(self):
        """Return the budget of a file that exists."""
        with self._locked("r+b") as page:
            if page.budget is None:
                raise ValueError(f"ledger must hold a budget, got the empty file {self.path!r}.")
            return page.budget

    @contextmanager
    def locked(self, budget):
        """Hold the file alone; it must exist, for a lost one would be a fresh budget."""
        with self._locked("r+b") as page:
            self._check(page, budget)
            yield page

    def _check(self, page, budget):
        if page.budget != budget:
            raise ValueError(
                f"ledger must be a file of the same budget and composition, got {self.path!r}, "
                "which is of another."
            )

    @contextmanager
    def _locked(self, mode):
        if mode != "a+b" and not os.path.isfile(self.path):
            raise ValueError(
                f"ledger must be a file that exists, got {self.path!r}, which is gone or out of "
                "this machine's reach."
            )
        with open(self.path, mode) as file:
            _lock(file)
            try:
                yield _Page(file, self.path)
            finally:
                _unlock(file)


class _Page:
    """What a locked ledger holds."""

    def __init__(self, file, path):
        file.seek(0)
        text = file.read()
        try:
            if text and not text.endswith(b"\n"):
                raise ValueError  # a process died while it wrote
            lines = [json.loads(line) for line in text.splitlines()]
        except ValueError:
            raise ValueError(
                f"ledger must be a file of JSON lines, got {path!r}, which is damaged: what was "
                "spent is not known, so nothing may be."
            ) from None
        self._file = file
        self.budget, self.entries = (lines[0], lines[1:]) if lines else (None, [])

    def append(self, entry):
        """Write a line, to the disk, before the lock is given back."""
        self._file.seek(0, os.SEEK_END)
        self._file.write(json.dumps(entry).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())


def _lock(file):
    if fcntl is not None:
        # Of the open file, not of the process: threads exclude each other as well.
        fcntl.flock(file, fcntl.LOCK_EX)
    elif msvcrt is not None:
        file.seek(_LOCKED_BYTE)
        while True:
            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
                return
            except OSError:  # it gives up after ten seconds
                continue
    else:
        raise RuntimeError("ledger needs an operating system that can lock files.")


def _unlock(file):
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_UN)
    else:
        file.seek(_LOCKED_BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
