"""Every public class is in the API pages, the user guide, the gallery, the papers and a test."""

import ast
import functools
import inspect
import re
from pathlib import Path

import pytest

from skweight.testing._discovery import public_objects

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
TESTS_OF_ALL = {"test_common.py", "test_docs_complete.py", "test_docstrings.py"}

CLASSES = [
    pytest.param(room, name, id=f"{room}.{name}")
    for room, name, obj in public_objects(lazy=True)
    if inspect.isclass(obj)
]
FUNCTIONS = [
    pytest.param(room, name, id=f"{room}.{name}")
    for room, name, obj in public_objects(lazy=True)
    if inspect.isfunction(obj)
]

pytestmark = pytest.mark.skipif(
    not DOCS.is_dir(), reason="the documentation's sources are in the repository only"
)


def require(found, message):
    """Fail with the message alone: what was searched is too long to read."""
    if not found:
        pytest.fail(message, pytrace=False)


def read_pages(*patterns):
    """Read the sources under docs/ that match, with their comments left out."""
    paths = sorted(path for pattern in patterns for path in DOCS.glob(pattern))
    text = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    return re.sub(r"^\.\. (?![\w-]+::|_|\[).*\n(?:[ \t]+.*\n|\n(?=[ \t]))*", "", text, flags=re.M)


def listed_by_autosummary(room):
    """Name what the API pages list for a room, in autosummary tables or autodoc directives."""
    listed, module = set(), ""
    in_table = False
    for line in read_pages("api.rst", "api/*.rst").splitlines():
        if match := re.match(r"\s*\.\. (?:currentmodule|module|automodule):: (\S+)", line):
            module, in_table = match[1], False
        elif match := re.match(r"\s*\.\. auto(?:class|function|exception):: (\S+)", line):
            listed.add(match[1] if match[1].startswith("skweight.") else f"{module}.{match[1]}")
        elif re.match(r"\s*\.\. autosummary::", line):
            in_table = True
        elif line and not line[0].isspace():
            in_table = False
        elif in_table and re.fullmatch(r"\s+~?[\w.]+", line):
            name = line.strip().lstrip("~")
            listed.add(name if name.startswith("skweight.") else f"{module}.{name}")
    return {name.rpartition(".")[2] for name in listed if name.startswith(f"skweight.{room}.")}


@functools.cache
def names_used(paths):
    """Collect the names that Python files use in code, or as the whole of a string."""
    names = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Name):
                names.add(node.id)
            elif isinstance(node, ast.Attribute):
                names.add(node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                names.add(node.value)
    return names


def refers_to(text, room, name):
    """Tell whether a page holds a cross-reference to a class, which Sphinx then resolves."""
    return re.search(rf":class:`[^`]*?(?:\bskweight\.{room}\.|\b|~){name}`", text) is not None


@pytest.mark.parametrize(("room", "name"), CLASSES + FUNCTIONS)
def test_api_page(room, name):
    require(name in listed_by_autosummary(room), f"{name} is in no autosummary under docs/api.")


@pytest.mark.parametrize(("room", "name"), CLASSES)
def test_user_guide(room, name):
    text = read_pages(f"user_guide/{room}.rst", f"user_guide/{room}/*.rst")
    found = refers_to(text, room, name)
    require(found, f"docs/user_guide/{room}.rst has no :class: reference to {name}.")


@pytest.mark.parametrize(("room", "name"), CLASSES)
def test_gallery_example(room, name):
    used = names_used(tuple((ROOT / "examples" / room).glob("plot_*.py")))
    require(name in used, f"no examples/{room}/plot_*.py uses {name}.")


@pytest.mark.parametrize(("room", "name"), CLASSES)
def test_paper(room, name):
    text = read_pages("papers.rst", "papers/*.rst")
    found = refers_to(text, room, name)
    require(found, f"docs/papers.rst has no :class: reference to {name}.")


@pytest.mark.parametrize(("room", "name"), CLASSES + FUNCTIONS)
def test_tested(room, name):
    files = tuple(p for p in (ROOT / "tests").rglob("test_*.py") if p.name not in TESTS_OF_ALL)
    require(name in names_used(files), f"no test file uses {name}.")
