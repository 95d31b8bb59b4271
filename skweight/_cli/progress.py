"""A progress bar on stderr: rich where installed, plain text otherwise."""

import sys
from contextlib import contextmanager


@contextmanager
def progress(total, stream=None):
    """Show progress while the block runs.

    Parameters
    ----------
    total : int
        How many steps will be taken.
    stream : text stream, default=sys.stderr
        Where to show it; where that is not a terminal, only every tenth part is printed.

    Yields
    ------
    callable
        ``step(text)``, to be called when a step begins.
    """
    stream = sys.stderr if stream is None else stream
    terminal = getattr(stream, "isatty", lambda: False)()
    if terminal and (rich_bar := _rich_bar(stream)) is not None:
        with rich_bar as bar:
            task = bar.add_task("", total=total)
            begun = [0]

            def step(text):
                bar.update(task, completed=min(begun[0], total), description=text)
                begun[0] += 1

            yield step
            bar.update(task, completed=total, description="done")
    else:
        line = _Line(total, stream, terminal)
        yield line.step
        line.close()


def _rich_bar(stream):
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.progress import TimeElapsedColumn as Elapsed
    except ImportError:
        return None
    console = Console(file=stream)
    parts = BarColumn(), MofNCompleteColumn(), Elapsed(), TextColumn("{task.description}")
    return Progress(*parts, console=console, transient=True)


class _Line:
    """A bar of plain characters, redrawn in place on a terminal."""

    def __init__(self, total, stream, terminal):
        self.total, self.stream, self.terminal = max(total, 1), stream, terminal
        self.begun, self.shown, self.width = 0, -1, 0

    def step(self, text):
        done = min(self.begun, self.total)
        self.begun += 1
        tenths = 10 * done // self.total
        if self.terminal:
            bar = "#" * (3 * tenths) + "." * (30 - 3 * tenths)
            line = f"[{bar}] {done}/{self.total} {text}"[:100]
            self.stream.write("\r" + line.ljust(self.width))
            self.width = len(line)
            self.stream.flush()
        elif tenths > self.shown:
            self.stream.write(f"{done}/{self.total} {text}\n")
            self.shown = tenths

    def close(self):
        if self.terminal:
            self.stream.write("\r" + " " * self.width + "\r")
            self.stream.flush()
