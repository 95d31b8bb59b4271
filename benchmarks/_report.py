"""What every benchmark's report needs: versions, tables, a file."""

import importlib.metadata
import math
import os
import platform
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def versions(*packages):
    """Return one line with the versions of Python, skweight and the given packages."""
    named = [f"Python {platform.python_version()}"]
    for package in ("skweight", "numpy", "scipy", "scikit-learn", "numba", *packages):
        try:
            named.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            if package == "skweight":  # run from a source tree
                import skweight

                named.append(f"skweight {skweight.__version__}")
    return ", ".join(named) + f"; {_processor()}, {os.cpu_count()} CPUs"


def _processor():
    """Return the model of the processor where the system tells, else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0]} ({platform.machine()})" if names else platform.machine()


def load():
    """Return one clause with the mean number of running processes over the last 15 minutes."""
    return f"mean load of the machine {os.getloadavg()[2]:.1f} over the last 15 minutes"


def significant(seconds):
    """Format seconds with two significant digits, without exponents."""
    return f"{seconds:.{max(0, 1 - math.floor(math.log10(seconds)))}f}"


def table(header, rows):
    """Return a markdown table with padded columns, readable as plain text too."""
    cells = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[j]) for row in cells) for j in range(len(header))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths)) + " |" for row in cells]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def write(text, path):
    """Write a report and say where."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.rstrip() + "\n", encoding="utf-8")
    print(f"written to {path}")
