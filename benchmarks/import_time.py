"""Time ``import skweight`` beside ``import sklearn.base``, each in fresh processes.

Run ``python -m benchmarks.import_time``. The statements take turns, so that a busy moment of the
machine falls on all of them; the table gives medians. The target is a ratio of at most 1.3 for
the first line; the room's line is there to be looked at.
"""

import argparse
import statistics
import subprocess
import sys

REFERENCE = "import sklearn.base"
STATEMENTS = (
    "import skweight",
    REFERENCE,
    "import sklearn.linear_model",
    "from skweight.ordinal import PrestoClassifier",
)
TARGET = 1.3


def seconds_of(statement):
    """Run one statement in a fresh process; return the seconds it took, without start-up."""
    code = (
        "from time import perf_counter; start = perf_counter(); "
        f"{statement}; print(perf_counter() - start)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def measure(repeats):
    """Return the median seconds of every statement over interleaved runs."""
    for statement in STATEMENTS:
        seconds_of(statement)  # fills the file cache and writes the byte code
    rounds = [[seconds_of(statement) for statement in STATEMENTS] for _ in range(repeats)]
    return dict(zip(STATEMENTS, map(statistics.median, zip(*rounds))))


def main():
    """Print the table; exit with 1 when the target is missed."""
    parser = argparse.ArgumentParser(description="Time `import skweight`.")
    parser.add_argument("--repeats", type=int, default=11, help="fresh processes per line")
    medians = measure(parser.parse_args().repeats)
    print(f"{'statement':46s} {'median ms':>10s} {'ratio':>8s}")
    for statement, seconds in medians.items():
        ratio = seconds / medians[REFERENCE]
        print(f"{statement:46s} {1e3 * seconds:10.2f} {ratio:8.3f}")
    ratio = medians["import skweight"] / medians[REFERENCE]
    met = ratio <= TARGET
    print(f"import skweight: {ratio:.3f} times {REFERENCE} (at most {TARGET}: {met})")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
