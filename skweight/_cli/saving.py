"""Write whole files or none, and save and load pipelines without running strange code."""

import importlib
import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from skweight._cli import CommandError
from skweight._core._optional import import_optional

_OWN = ("sklearn.", "skweight.")
# Plain containers, and the functions, that scikit-learn's and our models are stored with; what a
# partial wraps is checked by itself, a sparse matrix holds arrays of numbers only.
_PLAIN = frozenset(
    {
        "functools.partial",
        "numpy.dtype",
        "scipy.sparse._csr.csr_matrix",
        "skweight.losses._confusion_metrics._balanced_accuracy",
        "skweight.losses._confusion_metrics._f1",
        "skweight.losses._confusion_metrics._gmean",
        "sklearn.utils.validation.check_array",
    }
)


def check_writable(path):
    """Complain before any work if `path` cannot be written.

    Parameters
    ----------
    path : str or path-like
        The file that will be written.

    Returns
    -------
    pathlib.Path
        The same path.
    """
    path = Path(path)
    if path.is_dir():
        raise CommandError(f"cannot write {path}: it is a folder")
    try:
        with _temporary(path):
            pass
    except OSError as error:
        raise CommandError(f"cannot write {path}: {error.strerror or error}") from None
    if path.exists() and not os.access(path, os.W_OK):
        raise CommandError(f"cannot write {path}: Permission denied")
    return path


@contextmanager
def whole_file(path):
    """Give a temporary name beside `path`, and move it there when the block succeeds."""
    try:
        with _temporary(path) as temporary:
            yield temporary
            os.replace(temporary, path)
    except OSError as error:
        raise CommandError(f"cannot write {path}: {error.strerror or error}") from None


@contextmanager
def _temporary(path):
    # In the same folder, so that the final move is one step of the file system.
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    os.chmod(name, 0o666 & ~_umask())
    try:
        yield Path(name)
    finally:
        if os.path.exists(name):
            os.unlink(name)


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path, text):
    """Write a text file whole."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def check_model_path(path):
    """Complain before any work if a model cannot be saved under `path`."""
    path = Path(path)
    if path.suffix == ".joblib":
        print(_JOBLIB_WARNING, file=sys.stderr)
    elif path.suffix != ".skops":
        raise CommandError(f"--save {str(path)!r} must end in .skops or .joblib")
    return check_writable(path)


_JOBLIB_WARNING = (
    "warning: loading a .joblib file can execute any code: open only files from people you trust"
)


def save_model(pipeline, path):
    """Save a fitted pipeline as ``.skops`` or ``.joblib``, by the name of the file."""
    if path.suffix == ".skops":
        io = import_optional("skops.io", "Saving to .skops")
        try:
            content = io.dumps(pipeline)
            strange = [name for name in io.get_untrusted_types(data=content) if not _is_own(name)]
        except Exception as error:  # some versions of its parts do not go together
            raise CommandError(f"the pipeline cannot be saved to {path}: {error}") from None
        if strange:  # such as a network's
            raise CommandError(
                f"the pipeline cannot be saved to {path}, as it has parts of types that would not "
                f"be loaded ({', '.join(strange[:3])}): take a .joblib file"
            )
        with whole_file(path) as temporary:
            temporary.write_bytes(content)
    else:
        import joblib

        with whole_file(path) as temporary:
            joblib.dump(pipeline, temporary)


def load_model(path):
    """Load a pipeline that `save_model` wrote.

    Parameters
    ----------
    path : str or path-like
        A ``.skops`` file, of which only the types of scikit-learn and skweight are
        built, or a ``.joblib`` file, which can execute any code.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Fitted.
    """
    path = Path(path)
    if not path.is_file():
        raise CommandError(f"there is no file {path}")
    if path.suffix == ".skops":
        model = _load_skops(path)
    elif path.suffix == ".joblib":
        model = _load_joblib(path)
    else:
        raise CommandError(f"the model {str(path)!r} must end in .skops or .joblib")
    from sklearn.pipeline import Pipeline

    if not isinstance(model, Pipeline) or not hasattr(model, "feature_names_in_"):
        raise CommandError(f"{path} does not hold a pipeline saved by 'skweight compare --save'")
    return model


def _load_skops(path):
    io = import_optional("skops.io", "Loading a .skops file")
    try:
        asked = io.get_untrusted_types(file=path)
    except Exception as error:  # a damaged zip archive or schema
        raise CommandError(f"{path} is not a readable .skops file: {error}") from None
    strange = [name for name in asked if not _is_own(name)]
    if strange:
        raise CommandError(
            f"{path} asks for types that are neither scikit-learn's nor skweight's "
            f"({', '.join(strange[:5])}): not loaded"
        )
    try:
        return io.load(path, trusted=asked)
    except Exception as error:
        raise CommandError(
            f"{path} cannot be loaded with the installed versions: {error}"
        ) from None


def _load_joblib(path):
    import joblib

    print(_JOBLIB_WARNING, file=sys.stderr)
    try:
        return joblib.load(path)
    except Exception as error:
        raise CommandError(f"{path} is not a readable .joblib file: {error}") from None


def _is_own(name):
    """Whether `name` is a class that scikit-learn or skweight defines, not merely imports."""
    if name in _PLAIN:
        return True
    if not name.startswith(_OWN):
        return False
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError):
        return False
    return isinstance(found, type) and f"{found.__module__}.".startswith(_OWN)
