"""An environment of its own for packages that do not get along with the newest scikit-learn."""

import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

LIMIT = 400  # seconds on the clock for an installation


@contextlib.contextmanager
def environment(*requirements):
    """Make a virtual environment in a temporary folder, which is removed at the end.

    Parameters
    ----------
    *requirements : str
        What pip installs there.

    Yields
    ------
    python : pathlib.Path or None
        The interpreter, None where pip could not install everything.
    """
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder) / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
        commands = (
            [sys.executable, "-m", "venv", str(Path(folder) / "env")],
            [str(python), "-m", "pip", "install", "--quiet", *requirements],
        )
        try:
            for command in commands:
                subprocess.run(command, check=True, capture_output=True, timeout=LIMIT)
        except (OSError, subprocess.SubprocessError):
            python = None
        yield python
