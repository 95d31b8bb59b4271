"""Check the installed wheel, with no extras, from a directory that is not the checkout.

Usage: ``python check_wheel.py CHECKOUT``, with the Python of the environment under test.
"""

import subprocess
import sys
from pathlib import Path


def check_contents(checkout):
    """Hold the files of the installed package against those of the checkout."""
    import skweight

    installed = Path(skweight.__file__).parent
    assert "site-packages" in installed.parts, installed

    def files(folder):
        return {
            path.relative_to(folder)
            for path in folder.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }

    source = files(checkout / "skweight")
    assert files(installed) == source, sorted(files(installed) ^ source)
    print(f"skweight {skweight.__version__}: {len(source)} files in {installed}")


def check_fit():
    """Fit the first estimator that a user meets, and predict."""
    from sklearn.datasets import load_iris

    from skweight.ordinal import PrestoClassifier

    X, y = load_iris(return_X_y=True)
    model = PrestoClassifier().fit(X, y)
    accuracy = model.score(X, y)
    assert model.predict_proba(X).shape == (150, 3)
    assert accuracy > 0.8, accuracy
    print(f"PrestoClassifier on iris: accuracy {accuracy:.3f}")


def check_sentence(command):
    """Run a command that needs an extra: one sentence that names it, exit code 2."""
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    said = done.stderr.strip()
    print(f"$ {' '.join(map(str, command))}\n{said}")
    assert done.returncode == 2, (done.returncode, done.stdout, said)
    assert len(said.splitlines()) == 1, said
    assert "skweight[" in said, said


def check_commands():
    """Check both names of the command."""
    Path("rows.csv").write_text("x,y\n" + "1,low\n2,mid\n3,high\n" * 20)
    script = Path(sys.executable).with_name("skweight")
    compare = ["compare", "rows.csv", "--target", "y", "--order", "low,mid,high"]
    check_sentence([sys.executable, "-m", "skweight"])
    check_sentence([script, "tour"])
    check_sentence([script, *compare])
    left = {path.name for path in Path().iterdir()}
    assert left == {"rows.csv"}, f"half-written files: {left}"


if __name__ == "__main__":
    check_contents(Path(sys.argv[1]))
    check_fit()
    check_commands()
