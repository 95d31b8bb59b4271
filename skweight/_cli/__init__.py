"""What the command ``skweight`` does, one small file per part.

``arguments`` reads the command line and calls ``tour``, ``compare`` or ``predict``. Those share
``reading`` (files), ``columns`` (the preprocessing), ``labels`` (ordered classes), ``evaluate``
(fit and score), ``table`` and ``report`` (what is shown) and ``saving`` (what is written).
A room takes part through one file in ``rooms``.
"""


class CommandError(Exception):
    """What the user can mend, told in one sentence; the command then ends with exit code 2."""
