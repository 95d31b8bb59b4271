"""``skweight compare``: the comparison of a room on the user's own table."""

import shlex
import warnings

import numpy as np

from skweight._cli import CommandError, require
from skweight._cli.evaluate import best_candidate, evaluate, verdicts
from skweight._cli.progress import progress
from skweight._cli.reading import read_table
from skweight._cli.report import write_report
from skweight._cli.rooms import load_room
from skweight._cli.saving import check_model_path, check_writable, save_model
from skweight._cli.table import candidate_table, sentence, wrapped


def compare(options):
    """Compare on the user's table and return the exit code.

    Parameters
    ----------
    options : argparse.Namespace
        With ``data``, ``target``, ``order``, ``weights``, ``groups``, ``room``, ``folds``,
        ``output`` and ``save``.
    """
    _check(options)
    skops = ["skops"] if str(options.save).endswith(".skops") else []
    require("compare", "pandas", "matplotlib", *skops)
    output = check_writable(options.output)
    save = None if options.save is None else check_model_path(options.save)
    room = load_room(options.room)
    study = room.study_of_table(read_table(options.data), options)
    for note in study.notes:
        print(f"note: {note}")
    total = len(study.splits) * len(study.candidates) + 2
    with progress(total) as step:
        step("warming up")
        room.warm_up()
        outcome = evaluate(study, room, step)
    found = verdicts(outcome, room)
    for note in outcome.notes:
        print(f"note: {note}")
    print(
        f"\n{study.title}\n{wrapped([study.story])}\n\n{candidate_table(outcome, room)}\n* ours\n"
    )
    print(wrapped(sentence(verdict, study.name) for verdict in found))
    best = best_candidate(outcome, room)
    saved = None if save is None else _save(outcome, room, best, save)
    write_report(output, [(room, [(outcome, found)])], _command(options))
    print(f"\nThe report with plots: {output}")
    if saved:
        print(saved)
    return 0


def _check(options):
    if options.folds < 2:
        raise CommandError(f"--folds must be at least 2, got {options.folds}")
    named = {"--target": options.target, "--weights": options.weights, "--groups": options.groups}
    named = [(option, name) for option, name in named.items() if name is not None]
    for place, (option, name) in enumerate(named):
        for earlier, other in named[:place]:
            if name == other:
                raise CommandError(f"{earlier} and {option} name the same column, {name!r}")
    if options.save is not None and options.save == options.output:
        raise CommandError(f"--save and --output name the same file, {options.save!r}")


def _save(outcome, room, best, path):
    if best is outcome.ours:
        fitted = outcome.fitted
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted = room.fit(best, outcome.study, np.arange(len(outcome.study.labels)))
    save_model(fitted, path)
    measure = room.MEASURES[0].name
    return f"The best pipeline by {measure.lower()}, {best.name}, fitted on all rows: {path}"


def _command(options):
    words = ["skweight", "compare", options.data, "--target", options.target]
    for name in ("order", "weights", "groups"):
        if (value := getattr(options, name)) is not None:
            words += [f"--{name}", value]
    if options.folds != 5:
        words += ["--folds", str(options.folds)]
    return shlex.join([*words, "--room", options.room])
