"""The part of reading a user's table that all rooms share."""

from dataclasses import dataclass

import numpy as np

from skweight._cli import CommandError
from skweight._cli.columns import Columns, plan_columns
from skweight._cli.labels import read_classes
from skweight._cli.numbers import is_measured, read_numbers, read_weights
from skweight._cli.splits import cross_validation

_FEWEST_ROWS = 30


@dataclass
class Rows:
    """The rows of a table that can be used.

    Parameters
    ----------
    keep : ndarray of bool of shape (n_table_rows,)
        Which they are: with a target and a positive weight.
    frame : pandas.DataFrame of shape (n_rows, n_columns)
        The columns to predict from.
    columns : skweight._cli.columns.Columns
        Their kinds.
    weights : ndarray of shape (n_rows,) or None
        With mean 1.
    groups : ndarray of str of shape (n_rows,) or None
        Rows of one group stay together.
    notes : list of str
        What was left out, in the order in which it was.
    """

    keep: np.ndarray
    frame: object
    columns: Columns
    weights: np.ndarray | None
    groups: np.ndarray | None
    notes: list


def usable_rows(table, options, target):
    """Leave out what cannot be used.

    Parameters
    ----------
    table : skweight._cli.reading.Table
        As read.
    options : argparse.Namespace
        With ``target``, ``weights`` and ``groups``.
    target : object
        With ``known``, the rows that have a target, and ``notes``.

    Returns
    -------
    Rows
        What is left.
    """
    notes = [*table.notes, *target.notes]
    keep, weights, groups = target.known.copy(), None, None
    if options.weights is not None:
        weights = read_weights(table.column(options.weights, "--weights"))
        useless = keep & ~(weights > 0)
        if useless.any():
            notes.append(f"left out {useless.sum()} rows whose weight is zero or missing")
            keep &= ~useless
        if not keep.any():
            raise CommandError(f"no row with a target has a positive weight {options.weights!r}")
        weights = weights[keep] / weights[keep].mean()
    if options.groups is not None:
        groups = table.column(options.groups, "--groups").astype(str).to_numpy()[keep]
    used = {options.target, options.weights, options.groups}
    raw = table.frame.loc[keep, [name for name in table.frame.columns if name not in used]]
    if raw.shape[1] == 0:
        raise CommandError(f"{table.path} has no column besides the named ones to predict from")
    frame, columns = plan_columns(raw.reset_index(drop=True))
    return Rows(keep, frame, columns, weights, groups, [*notes, *columns.notes])


def check_groups(groups, folds, options):
    """Complain if there are fewer groups than folds."""
    if groups is not None and (n_groups := len(np.unique(groups))) < folds:
        raise CommandError(
            f"--groups {options.groups!r} has {n_groups} groups, fewer than {folds} folds"
        )


def folds_of_classes(options, labels, rows):
    """Lower the number of folds until each holds the rarest class, or complain."""
    present, counts = np.unique(labels, return_counts=True)
    rarest, count = str(present[counts.argmin()]), int(counts.min())
    if count < 2:
        raise CommandError(
            f"class {rarest!r} of {options.target!r} has one row: it takes at least 2"
        )
    folds = min(options.folds, count)
    if folds < options.folds:
        rows.notes.append(f"{folds} folds, as class {rarest!r} has {count} rows only")
    check_groups(rows.groups, folds, options)
    return folds


def folds_of_numbers(options, values, rows):
    """Lower the number of folds until each holds some rows."""
    folds = min(options.folds, len(values) // 5)
    if folds < options.folds:
        rows.notes.append(f"{folds} folds, as there are {len(values)} rows only")
    check_groups(rows.groups, folds, options)
    return folds


def parts_of_study(table, options, what, outcome=None):
    """Read a target, numbers or labels without an order, and all else that a study consists of.

    Parameters
    ----------
    table : skweight._cli.reading.Table
        As read.
    options : argparse.Namespace
        With ``target``, ``weights``, ``groups`` and ``folds``.
    what : str
        What takes some rows, for a complaint.
    outcome : {"numbers", "classes"} or None, default=None
        The kind of target; None looks at it.

    Returns
    -------
    outcome : {"numbers", "classes"}
        The kind of target.
    parts : dict
        The fields of a `Study` but for candidates and measures, and ``groups``.
    """
    column = table.column(options.target, "--target")
    if outcome is None:
        outcome = "numbers" if is_measured(column) else "classes"
    target = read_numbers(column) if outcome == "numbers" else read_classes(column)[0]
    rows = usable_rows(table, options, target)
    values = target.values[rows.keep[target.known]]
    if len(values) < _FEWEST_ROWS:
        raise CommandError(
            f"{len(values)} rows have a --target {options.target!r} that counts: {what} take at "
            f"least {_FEWEST_ROWS}"
        )
    if len(np.unique(values)) == 1:
        raise CommandError(
            f"--target {options.target!r} is {values[0]} in every row: nothing to learn"
        )
    if outcome == "numbers":
        folds = folds_of_numbers(options, values, rows)
        said = f"a number, mean {values.mean():.4g}, standard deviation {values.std():.4g}"
    else:
        folds = folds_of_classes(options, values, rows)
        labels, counts = np.unique(values, return_counts=True)
        said = ", ".join(f"{label} {n / len(values):.1%}" for label, n in zip(labels, counts))
    name = table.path.name
    return outcome, {
        "name": name,
        "title": f"{options.target} in {name}",
        "story": f"{len(values)} rows, {len(rows.columns.names)} columns to predict "
        f"{options.target} from ({said}); {told(rows, folds)}.",
        "frame": rows.frame,
        "columns": rows.columns,
        "target": values,
        "weights": rows.weights,
        "groups": rows.groups,
        "splits": cross_validation(values, folds, rows.groups, stratified=outcome == "classes"),
        "overlap": 1 / (folds - 1),
        "notes": rows.notes,
    }


def told(rows, folds):
    """Say how rows were validated, for a study's story."""
    grouped = "grouped " if rows.groups is not None else ""
    weighted = ", weighted" if rows.weights is not None else ""
    return f"{folds}-fold {grouped}cross-validation{weighted}"
