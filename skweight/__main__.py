"""The command ``skweight``, also ``python -m skweight``."""

import sys


def main(argv=None):
    """Run one command and return its exit code.

    Parameters
    ----------
    argv : list of str, default=None
        The arguments after the command's name; those of the process when None.

    Returns
    -------
    int
        0 when all went well, 2 for something the user can mend (said in one sentence on
        stderr), 130 when interrupted.

    Examples
    --------
    >>> from skweight.__main__ import main
    >>> main(["--version"])
    skweight ...
    0
    """
    from skweight._cli.arguments import run

    return run(sys.argv[1:] if argv is None else list(argv))


if __name__ == "__main__":
    sys.exit(main())
