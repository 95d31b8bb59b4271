"""Every public docstring: numpydoc validates it with no code ignored, and its examples run."""

import doctest
import inspect
import re
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone

from skweight.testing import cheap_instances
from skweight.testing._data import toy_problem
from skweight.testing._discovery import public_objects, rooms

# Codes of numpydoc.validate that are let pass. It stays empty.
IGNORED = frozenset()


def own_members(cls):
    """Name what a class offers besides what scikit-learn and Python give it."""
    names = []
    for name in dir(cls):
        if name.startswith("_"):
            continue
        owner = next(base for base in cls.__mro__ if name in vars(base))
        member = inspect.getattr_static(cls, name)
        if isinstance(member, (staticmethod, classmethod)):
            member = member.__func__
        documented = callable(member) or isinstance(member, property)
        if documented and owner.__module__.partition(".")[0] == cls.__module__.partition(".")[0]:
            names.append(name)
    return names


def public_names():
    """List the dotted names of public functions, classes, and the members of the classes."""
    names = []
    for room, name, obj in public_objects(lazy=True):
        if not (inspect.isclass(obj) or inspect.isfunction(obj)):
            continue  # a scorer or a constant: its class is documented, not the object
        names.append(f"skweight.{room}.{name}")
        if inspect.isclass(obj):
            names += [f"skweight.{room}.{name}.{member}" for member in own_members(obj)]
    return names


@pytest.mark.parametrize("name", public_names())
def test_numpydoc_finds_no_fault(name):
    validate = pytest.importorskip("numpydoc.validate", reason="numpydoc is not installed")
    found = validate.validate(name)["errors"]
    faults = [f"{code} {message}" for code, message in found if code not in IGNORED]
    assert not faults, f"{name}:\n" + "\n".join(faults)


@pytest.mark.parametrize(("room", "module"), rooms())
def test_rooms_introduce_themselves(room, module):
    summary = (module.__doc__ or "").partition("\n")[0]
    assert summary.endswith("."), f"skweight.{room} needs a docstring that begins with a sentence."


def test_no_fault_is_hidden_by_a_comment():
    """numpydoc lets a comment in the source silence a code; that is an ignore list too."""
    for _, module in rooms():
        folder = module.__path__[0]
        for path in sorted(Path(folder).rglob("*.py")):
            assert "numpydoc ignore" not in path.read_text(encoding="utf-8"), path


def entries_of(obj, section):
    """Read what one section of a docstring lists."""
    docscrape = pytest.importorskip("numpydoc.docscrape", reason="numpydoc is not installed")
    return docscrape.NumpyDocString(inspect.getdoc(obj))[section]


def documented(obj, section):
    """Read the names and types that one section of a docstring lists."""
    entries = entries_of(obj, section)
    return {name: entry.type for entry in entries for name in entry.name.split(", ")}


CALLABLES = [
    pytest.param(obj, id=f"{room}.{name}")
    for room, name, obj in public_objects(lazy=True)
    if inspect.isclass(obj) or inspect.isfunction(obj)
]


@pytest.mark.parametrize("obj", CALLABLES)
def test_defaults_are_the_ones_documented(obj):
    types = documented(obj, "Parameters")
    for name, parameter in inspect.signature(obj).parameters.items():
        if parameter.default is parameter.empty or isinstance(parameter.default, type):
            continue
        stated = re.search(r"default=(.+)$", types.get(name, ""))
        assert stated, f"{name}: its type does not end in default={parameter.default!r}."
        value = eval(stated[1].strip("` "), {})  # a literal, or a fraction such as 1 / 3
        assert value == parameter.default, f"{name}: documented {value}, is {parameter.default!r}."


@pytest.mark.parametrize("estimator", cheap_instances(), ids=repr)
def test_fitted_attributes_are_the_ones_documented(estimator):
    stated = set(documented(type(estimator), "Attributes"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = clone(estimator).fit(*toy_problem(estimator))
    there = {name for name in vars(fitted) if name.endswith("_") and not name.startswith("_")}
    assert there <= stated, f"not in the Attributes section: {sorted(there - stated)}."
    missing = {name for name in stated if not hasattr(fitted, name)} - {"feature_names_in_"}
    # The description says so where an attribute is not always there: "Only for ...".
    entries = entries_of(type(estimator), "Attributes")
    missing -= {e.name for e in entries if re.search(r"\bOnly (for|if)\b", " ".join(e.desc))}
    assert not missing, f"documented, but not there after fit: {sorted(missing)}."


class AnyNumpy(doctest.OutputChecker):
    """Read ``np.float64(0.5)``, as numpy 2 prints its scalars, like numpy 1's ``0.5``."""

    scalar = re.compile(r"np\.(?:float|int|uint|str|bool)\d*_?\(([^()]*)\)")

    def check_output(self, want, got, optionflags):
        """Compare, after taking the names of types off where numpy does not print them."""
        if np.lib.NumpyVersion(np.__version__) < "2.0.0":
            want = self.scalar.sub(r"\1", want)
            want = re.sub(r"\bnp\.(True|False)_\b", r"\1", want)
        return super().check_output(want, got, optionflags)


def doctests():
    """Collect the examples in the docstrings of rooms and of what they export."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = []
    for room, module in rooms():
        found += doctest.DocTestFinder(recurse=False).find(module, f"skweight.{room}")
    for room, name, obj in public_objects(lazy=True):
        if inspect.isclass(obj) or inspect.isfunction(obj):
            # The module must be the one that defines it, or the finder passes it over.
            module = inspect.getmodule(obj)
            found += finder.find(obj, f"skweight.{room}.{name}", module=module, globs={})
            if inspect.isclass(obj):
                found += inherited_doctests(obj, f"skweight.{room}.{name}")
    return list({test.name: test for test in found if test.examples}.values())


def inherited_doctests(cls, name):
    """Collect the examples of members that a class has from private ones of this package."""
    finder, found, room = doctest.DocTestFinder(recurse=False), [], name.rpartition(".")[0]
    for member in own_members(cls):
        owner = next(base for base in cls.__mro__ if member in vars(base))
        if owner is not cls and owner.__name__ not in dir(sys.modules[room]):
            obj = inspect.getattr_static(cls, member)
            obj = getattr(obj, "fget", None) or getattr(obj, "__func__", obj)
            module = sys.modules[owner.__module__]
            found += finder.find(obj, f"{name}.{member}", module=module, globs={})
    return found


@pytest.mark.parametrize("test", doctests(), ids=lambda test: test.name)
def test_examples_run(test):
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    runner = doctest.DebugRunner(checker=AnyNumpy(), optionflags=flags)
    try:
        runner.run(test, clear_globs=False)
    except doctest.UnexpectedException as unexpected:
        error = unexpected.exc_info[1]
        if isinstance(error, ImportError):
            pytest.skip(f"an optional package is missing: {error}")
        raise error from None
    except doctest.DocTestFailure as failure:
        source, line = failure.example.source.strip(), failure.example.lineno
        pytest.fail(
            f"{test.name}, line {line} of the docstring: {source}\n"
            f"expected: {failure.example.want}got: {failure.got}",
            pytrace=False,
        )
    finally:
        if "matplotlib.pyplot" in sys.modules:  # figures stay open, and are warned of, otherwise
            sys.modules["matplotlib.pyplot"].close("all")
