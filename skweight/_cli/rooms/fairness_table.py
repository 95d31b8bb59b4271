"""Read a user's own table for the fairness room: target, attributes and exposure."""

import csv
import dataclasses

import numpy as np

from skweight._cli import CommandError
from skweight._cli.cells import MISSING, plain
from skweight._cli.columns import plan_columns
from skweight._cli.labels import read_target
from skweight._cli.numbers import Numbers, read_numbers, read_weights
from skweight._cli.own_table import check_groups, told, usable_rows
from skweight._cli.rooms.fairness import study_of
from skweight._cli.splits import cross_validation

_FEWEST_ROWS = 60
_MOST_COUNTS = 25  # more different whole numbers than these are no number of events


def study_of_table(table, options):
    """Build the study; see `skweight._cli.rooms.fairness.study_of_table`."""
    names = _names(table, options)
    outcome, target = _read_outcome(table.column(options.target, "--target"), options)
    exposure = _exposure(table, options, outcome, target)
    sensitive = _attributes(table, names, target)
    apart = [*names, *([] if options.exposure is None else [options.exposure])]
    rest = dataclasses.replace(table, frame=table.frame.drop(columns=apart))
    rows = usable_rows(rest, options, target)
    values = target.values[rows.keep[target.known]]
    weights = rows.weights
    if exposure is not None:
        exposure = exposure[rows.keep]
        values = values / exposure
        weights = exposure if weights is None else weights * exposure
        weights = weights / weights.mean()
    folds = _folds(options, outcome, values, rows)
    name = table.path.name
    return study_of(
        outcome,
        networks=True,
        name=name,
        title=f"{options.target} in {name}, and {' x '.join(names)}",
        story=f"{len(values)} rows, {len(rows.columns.names)} columns to predict "
        f"{options.target} from ({_described(outcome, values, options)}), and the attributes "
        f"{', '.join(names)}, which only two of the others read; {told(rows, folds)}.",
        frame=rows.frame,
        columns=rows.columns,
        sensitive=sensitive[rows.keep].reset_index(drop=True),
        target=values,
        weights=weights,
        groups=rows.groups,
        splits=cross_validation(values, folds, rows.groups, stratified=outcome == "classes"),
        overlap=1 / (folds - 1),
        notes=rows.notes,
    )


def _names(table, options):
    """Read the columns that hold the attributes."""
    if options.sensitive is None:
        raise CommandError("--room fairness needs --sensitive COL,COL: the protected attributes")
    names = next(csv.reader([options.sensitive], skipinitialspace=True), [])
    names = [name.strip() for name in names]
    if not names or "" in names:
        raise CommandError(f"--sensitive {options.sensitive!r} must list columns, such as sex,age")
    used = {
        "--target": options.target,
        "--weights": options.weights,
        "--groups": options.groups,
        "--exposure": options.exposure,
    }
    for place, name in enumerate(names):
        table.column(name, "--sensitive")
        if name in names[:place]:
            raise CommandError(f"--sensitive lists {name!r} twice")
        for option, other in used.items():
            if name == other:
                raise CommandError(f"{option} and --sensitive name the same column, {name!r}")
    return names


def _read_outcome(column, options):
    """Read the target: two labels, events that are counted, or a number."""
    cells = {plain(cell) for cell in column.astype(object)}
    labels = {cell for cell in cells if cell is not None and cell.lower() not in MISSING}
    if len(labels) == 2 and options.exposure is None:
        found = read_target(column)
        notes = [note for note in found.notes if "--order" not in note]
        return "classes", Numbers(found.labels, found.known, notes)
    try:
        found = read_numbers(column)
    except CommandError as error:
        if "must hold numbers" not in str(error):
            raise
        raise CommandError(
            f"--target {column.name!r} takes {len(labels)} different values that are no numbers: "
            "beside --sensitive want two labels, or numbers"
        ) from None
    whole = (found.values == np.floor(found.values)).all()
    few = len(np.unique(found.values)) <= _MOST_COUNTS
    if options.exposure is not None or (whole and few and found.values.min() == 0):
        return "counts", found
    return "numbers", found


def _exposure(table, options, outcome, target):
    """Read how long each row was at risk, and leave out rows that were not."""
    if options.exposure is None:
        return None
    if target.values.min() < 0:
        raise CommandError(
            f"--target {options.target!r} holds a negative value, {target.values.min():g}: with "
            "--exposure want numbers of events"
        )
    exposure = read_weights(table.column(options.exposure, "--exposure"), "--exposure")
    _leave_out(target, ~(exposure > 0), f"whose {options.exposure!r} is zero or missing")
    return exposure


def _attributes(table, names, target):
    """Read the attributes, and leave out rows that lack one."""
    for name in names:
        try:
            plan_columns(table.frame.loc[target.known, [name]].reset_index(drop=True))
        except CommandError as error:
            reason = str(error).rpartition(": ")[2]
            raise CommandError(f"--sensitive {name!r} cannot be used: {reason}") from None
    frame, columns = plan_columns(table.frame[names])
    target.notes += [note for note in columns.notes if "levels" not in note]
    listed = " or ".join(map(repr, names))
    _leave_out(target, frame.isna().any(axis=1).to_numpy(), f"without {listed}")
    for name in columns.numeric:
        kept = frame.loc[target.known, name]
        if 3 <= kept.nunique() <= 10:
            target.notes.append(
                f"{name!r} has {kept.nunique()} different numbers, taken as amounts: if they are "
                "codes of groups, write them as text"
            )
    return frame[names]


def _leave_out(target, useless, why):
    """Count rows as having no target."""
    dropped = target.known & useless
    if not dropped.any():
        return
    target.notes.append(f"left out {dropped.sum()} rows {why}")
    target.values = target.values[~dropped[target.known]]
    target.known = target.known & ~dropped
    if not target.known.any():
        raise CommandError(f"no row is left: all are {why}")


def _described(outcome, values, options):
    if outcome == "classes":
        first, second = np.unique(values)
        return f"{second} {np.mean(values == second):.1%}, else {first}"
    if options.exposure is not None:
        return f"a number of events, per {options.exposure}"
    if outcome == "counts":
        return f"a number of events, mean {values.mean():.4g}"
    return f"a number, mean {values.mean():.4g}, standard deviation {values.std():.4g}"


def _folds(options, outcome, values, rows):
    """Lower the number of folds until each holds some rows, or complain."""
    if len(values) < _FEWEST_ROWS:
        raise CommandError(
            f"{len(values)} rows have all that counts: dependence takes at least {_FEWEST_ROWS}"
        )
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) == 1:
        raise CommandError(
            f"--target {options.target!r} is {distinct[0]:g} in every row: nothing to learn"
        )
    most = len(values) // 20
    if outcome == "classes":
        # Three folds inside of the training rows need each label too.
        most = min(most, int(counts.min()) // 3)
        if most < 2:
            raise CommandError(
                f"--target {options.target!r} is {str(distinct[counts.argmin()])!r} in "
                f"{counts.min()} rows only: it takes at least 6"
            )
    folds = min(options.folds, most)
    if folds < options.folds:
        rows.notes.append(f"{folds} folds, as rows are few")
    check_groups(rows.groups, folds, options)
    return folds
