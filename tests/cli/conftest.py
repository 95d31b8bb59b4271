"""Tables nobody prepared, and the command run in this process."""

import contextlib
import io
import types

import numpy as np
import pytest

from skweight.__main__ import main

LEVELS = ["None", "low", "mid", "high, bad"]


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Run a command in an empty folder; return its exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*argv):
        code = main([str(argument) for argument in argv])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture(scope="module")
def run_once(tmp_path_factory):
    """Run a command that several tests look at; return its exit code, stdout, stderr and folder."""

    def run_once(write, *argv):
        folder = tmp_path_factory.mktemp("run")
        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.chdir(folder),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            write(folder)
            code = main([str(argument) for argument in argv])
        return code, out.getvalue(), err.getvalue(), folder

    return run_once


@pytest.fixture
def refuses(run, tmp_path):
    """Run a command that must end with one sentence, code 2 and nothing written."""

    def refuses(*argv):
        before = sorted(tmp_path.rglob("*"))
        code, _, err = run(*argv)
        assert code == 2
        assert err.startswith("skweight: ")
        assert err.count("\n") == 1
        assert sorted(tmp_path.rglob("*")) == before
        return err

    return refuses


def ordered_levels(n_rows, generator):
    """Draw one informative column and the level it drives."""
    x = generator.normal(size=n_rows)
    return x, np.digitize(x + generator.logistic(size=n_rows), [-1.0, 0.5, 2.0])


@pytest.fixture
def nasty(tmp_path):
    """A semicolon file with a byte order mark and every untidiness that still makes sense."""
    generator = np.random.default_rng(0)
    x, level = ordered_levels(160, generator)
    lines = ["id; Age ;dose;city;when;name;empty;const;smoker;zip;score, %; y ;w;house"]
    for row in range(160):
        label = LEVELS[level[row]]
        cells = [
            row + 1,
            "" if row % 11 == 0 else f"{40 + 10 * x[row]:.1f}".replace(".", ","),
            "?" if row % 23 == 0 else generator.integers(9),
            f"c{generator.integers(40)}",
            f"2020-01-{1 + row % 28:02d}",
            f"person {row}",
            "",
            "same",
            ["yes", "no", "NA"][row % 3],
            f"0{generator.integers(100, 120)}",
            f" {generator.normal():.3f} ",
            "" if row == 5 else f'"{label}"' if row % 2 else f' "{label}"',
            row % 4,
            row // 4,
        ]
        lines.append(";".join(map(str, cells)))
    path = tmp_path / "nasty.csv"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    return path


@pytest.fixture
def plain(tmp_path):
    """A small tidy file with numeric labels 1 < 2 < 3 < 4."""
    generator = np.random.default_rng(1)
    x, level = ordered_levels(90, generator)
    lines = ["x,noise,kind,y"]
    for row in range(90):
        kind = "ab"[int(generator.integers(2))]
        lines.append(f"{x[row]:.4f},{generator.normal():.4f},{kind},{level[row] + 1}")
    path = tmp_path / "plain.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module", autouse=True)
def small_ordinal_models():
    """Tune and grow little in the ordinal room: the commands are tested, not the fits."""
    from skweight._cli.rooms import ordinal

    original = ordinal._pipeline
    small = {
        "presto": {"model__n_alphas": 3, "model__eps": 0.4},
        "tuned": {"model__Cs": 2},
        "boosting": {"model__max_iter": 4},
    }

    def pipeline(study, rows, *, kind):
        return original(study, rows, kind=kind).set_params(**small.get(kind, {}))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ordinal, "_pipeline", pipeline)
        yield


@pytest.fixture
def few_ordinal_candidates(monkeypatch):
    """Compare the two quickest models of the ordinal room, and any that are named."""
    from skweight._cli.rooms import ordinal

    original = ordinal.candidates

    def also(*names):
        wanted = {"Proportional odds", "Class frequencies", *names}
        monkeypatch.setattr(
            ordinal, "candidates", lambda n: [c for c in original(n) if c.name in wanted]
        )

    also()
    return also


@pytest.fixture
def drawn():
    """Let reports have their figures: asking for this is enough."""


@pytest.fixture(autouse=True)
def undrawn(request, monkeypatch):
    """Leave the figures, which take longest, out of reports that no test looks at."""
    if "drawn" in request.fixturenames:
        return
    from skweight._cli import report

    original = report._room

    def without(room, pairs):
        plain = types.SimpleNamespace(**{**vars(room), "figures": lambda outcome: []})
        return original(plain, pairs)

    monkeypatch.setattr(report, "_room", without)
