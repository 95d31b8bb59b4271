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


def require(command, *packages):
    """Complain in one sentence if packages that a command needs are missing."""
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        listed = " and ".join(repr(package) for package in missing)
        plural = "s" if missing[1:] else ""
        raise CommandError(
            f"'skweight {command}' needs the package{plural} {listed}: pip install 'skweight[tour]'"
        )
