"""The command line: what may be asked, and what happens when it is asked wrongly."""

import argparse
import os
import sys

from skweight import __version__
from skweight._cli import CommandError
from skweight._cli.rooms import ROOMS

_REPORT = "skweight-report.html"


class _Parser(argparse.ArgumentParser):
    """An argument parser that complains in one sentence."""

    def error(self, message):
        raise CommandError(f"{message} (see '{self.prog} --help')")


def build_parser():
    """Describe the commands and their options."""
    parser = _Parser(
        prog="skweight",
        description="Put skweight's estimators beside what you would otherwise pick.",
        epilog="Without a command, 'skweight' runs the tour.",
    )
    parser.add_argument("--version", action="version", version=f"skweight {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="{tour,compare,predict}")
    _add_tour(commands)
    _add_compare(commands)
    _add_predict(commands)
    return parser


def _add_tour(commands):
    tour = commands.add_parser(
        "tour",
        help="see what the package does, on real data (the default)",
        description="Fit our estimators beside others on embedded real data, print a table "
        "for each room and write one HTML report. Takes at most a minute for each room.",
    )
    tour.add_argument("--room", choices=sorted(ROOMS), help="only this room (default: all)")
    tour.add_argument("--output", default=_REPORT, metavar="FILE", help="default: %(default)s")
    tour.add_argument("--quick", action="store_true", help="fewer repetitions: a few seconds")


def _add_compare(commands):
    compare = commands.add_parser(
        "compare",
        help="the same comparison on your own CSV or parquet file",
        description="Cross-validate our estimators beside others on your own table. Categories "
        "are encoded and missing values imputed inside a Pipeline.",
    )
    compare.add_argument("data", metavar="DATA", help="a CSV or parquet file with a header")
    compare.add_argument("--target", required=True, metavar="COL", help="the column to predict")
    compare.add_argument("--weights", metavar="COL", help="a column of row weights")
    compare.add_argument("--groups", metavar="COL", help="rows of one group stay in one fold")
    compare.add_argument(
        "--room", choices=sorted(ROOMS), help="default: the one that suits the target"
    )
    for name, room in ROOMS.items():
        for option, keywords in room.options.items():
            keywords = {**keywords, "help": f"{name} room: {keywords['help']}"}
            compare.add_argument(f"--{option}", **keywords)
    compare.add_argument("--folds", type=int, default=5, metavar="N", help="default: %(default)s")
    compare.add_argument("--output", default=_REPORT, metavar="FILE", help="default: %(default)s")
    compare.add_argument(
        "--save",
        metavar="FILE",
        help="save the best pipeline, fitted on all rows: model.skops (loads without executing "
        "code) or model.joblib (open such files only if you trust who wrote them)",
    )


def _add_predict(commands):
    predict = commands.add_parser(
        "predict",
        help="predict new rows with a pipeline that 'compare --save' wrote",
        description="Write what the model predicts of each row: for ordered labels the label, "
        "the class probabilities and, where the model has them, the probabilities of exceeding "
        "each label.",
    )
    predict.add_argument("model", metavar="MODEL", help="a .skops or .joblib file")
    predict.add_argument("data", metavar="NEW", help="a CSV or parquet file with the columns")
    predict.add_argument(
        "--output", default="predictions.csv", metavar="FILE", help="default: %(default)s"
    )


def run(argv):
    """Run the command that `argv` asks for and return its exit code."""
    try:
        options = build_parser().parse_args(_with_default_command(argv))
        return _command(options.command)(options)
    except CommandError as error:
        return _complain(error)
    except ImportError as error:
        # An optional package is missing: its message already names the extra to install.
        if "pip install" not in str(error):
            raise
        return _complain(error)
    except KeyboardInterrupt:
        print("skweight: interrupted, nothing was written", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output, such as head, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except SystemExit as done:  # --help and --version
        return int(done.code or 0)


def _with_default_command(argv):
    asked = any(argument in ("-h", "--help", "--version") for argument in argv[:1])
    if asked or (argv and not argv[0].startswith("-")):
        return argv
    return ["tour", *argv]


def _command(name):
    # Imported here: --help and --version need nothing but the standard library.
    if name == "compare":
        from skweight._cli.compare import compare as command
    elif name == "predict":
        from skweight._cli.predict import predict as command
    else:
        from skweight._cli.tour import tour as command
    return command


def _complain(error):
    print(f"skweight: {error}", file=sys.stderr)
    return 2
