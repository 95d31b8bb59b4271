"""What the command ``skweight`` does, one small file per part.

``arguments`` reads the command line and calls ``tour``, ``compare`` or ``predict``. Those share
``reading`` (files), ``columns`` (the preprocessing), ``own_table`` (the usable rows), ``labels``
and ``numbers`` (targets), ``evaluate`` (fit and score), ``table``, ``margins`` and ``report``
(what is shown) and ``saving`` (what is written). A room takes part through one module in
``rooms``.
"""

from importlib.util import find_spec


class CommandError(Exception):
    """What the user can mend, told in one sentence; the command then ends with exit code 2."""


NETWORKS = ("torch", "skorch")  # what fitting networks needs


def lacking(*packages):
    """List those of some packages that are not installed."""
    return [package for package in packages if find_spec(package) is None]


def needed(missing, extra):
    """Say which packages are missing, and which extra brings them."""
    listed = " and ".join(repr(package) for package in missing)
    return f"the package{'s' if missing[1:] else ''} {listed}: pip install 'skweight[{extra}]'"


def require(command, *packages, extra="tour"):
    """Complain in one sentence if packages that a command needs are missing."""
    if missing := lacking(*packages):
        raise CommandError(f"'skweight {command}' needs {needed(missing, extra)}")
