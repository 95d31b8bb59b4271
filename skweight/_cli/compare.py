"""``skweight compare``: the comparison of a room on the user's own table."""

import shlex
import warnings

import numpy as np

from skweight._cli import CommandError, require
from skweight._cli.evaluate import best_candidate, evaluate, verdicts
from skweight._cli.progress import progress
from skweight._cli.reading import read_table
from skweight._cli.report import write_report
from skweight._cli.rooms import ROOMS, load_room
from skweight._cli.saving import check_model_path, check_writable, save_model
from skweight._cli.table import candidate_table, sentence, wrapped


def compare(options):
    """Compare on the user's table and return the exit code.

    Parameters
    ----------
    options : argparse.Namespace
        With ``data``, ``target``, ``weights``, ``groups``, ``room``, ``folds``, ``output``,
        ``save`` and the options of the rooms.
    """
    _check(options)
    skops = ["skops"] if str(options.save).endswith(".skops") else []
    require("compare", "pandas", "matplotlib", *skops)
    output = check_writable(options.output)
    save = None if options.save is None else check_model_path(options.save)
    table = read_table(options.data)
    room = _room(table, options)
    study = room.study_of_table(table, options)
    for note in study.notes:
        print(f"note: {note}")
    total = len(study.splits) * len(study.candidates) + 2
    with progress(total) as step:
        step("warming up")
        room.warm_up()
        outcome = evaluate(study, room, step)
    found = verdicts(outcome)
    for note in outcome.notes:
        print(f"note: {note}")
    print(f"\n{study.title}\n{wrapped([study.story])}\n\n{candidate_table(outcome)}\n* ours\n")
    print(wrapped(sentence(verdict, study.name) for verdict in found))
    write_report(output, [(room, [(outcome, found)])], _command(options))
    print(f"\nThe report with plots: {output}")
    if save is not None:
        print(_save(outcome, room, save))
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


def _room(table, options):
    """Load the room that was asked for, or else suits the options and the target."""
    for name, room in ROOMS.items():
        given = [option for option in room.options if getattr(options, option) is not None]
        if given and options.room not in (None, name):
            raise CommandError(f"--{given[0]} belongs to --room {name}, not to {options.room}")
        if given:
            options.room = name
    column = table.column(options.target, "--target")
    if options.room is None:
        options.room, reason = _suiting(column)
        print(f"note: the {options.room} room, as {reason} (--room picks another)")
    room = ROOMS[options.room]
    require(f"compare --room {options.room}", *room.packages, extra=room.extra)
    return load_room(options.room)


def _suiting(column):
    for name in ROOMS:
        if (reason := load_room(name).suits(column)) is not None:
            return name, reason
    raise CommandError(f"no room suits --target {column.name!r}: pick one with --room")


def _save(outcome, room, path):
    if hasattr(room, "to_save"):
        best, words = room.to_save(outcome)
    else:
        best = best_candidate(outcome)
        words = f"The best pipeline by {outcome.study.measures[0].name}, {best.name}"
    if best is outcome.ours:
        fitted = outcome.fitted
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted = room.fit(best, outcome.study, np.arange(len(outcome.study.target)))
    save_model(fitted, path)
    return f"{words}, fitted on all rows: {path}"


def _command(options):
    words = ["skweight", "compare", options.data, "--target", options.target]
    for name in ("weights", "groups", *ROOMS[options.room].options):
        if (value := getattr(options, name)) is not None:
            # A value such as -1,1 would be taken for an option if it stood alone.
            words += [f"--{name}={value}"] if value.startswith("-") else [f"--{name}", value]
    if options.folds != 5:
        words += ["--folds", str(options.folds)]
    return shlex.join([*words, "--room", options.room])
