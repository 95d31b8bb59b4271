"""Read a target of labels, ordered or not."""

import csv
from dataclasses import dataclass

import numpy as np

from skweight._cli import CommandError
from skweight._cli.cells import MISSING, MOST_LABELS, as_number, as_numbers, plain
from skweight._cli.numbers import Numbers


@dataclass
class Target:
    """Ordered labels.

    Parameters
    ----------
    labels : ndarray of shape (n_rows,)
        int64 or str.
    order : ndarray of shape (n_classes,)
        The labels from lowest to highest.
    known : ndarray of bool of shape (n_table_rows,)
        Which rows of the table have a label; `labels` holds those.
    notes : list of str
        What the reader of the results should know.
    """

    labels: np.ndarray
    order: np.ndarray
    known: np.ndarray
    notes: list


def read_target(column, order=None):
    """Read ordered labels.

    Parameters
    ----------
    column : pandas.Series
        Text, numbers, booleans or categories.
    order : str, default=None
        The labels from lowest to highest, separated by commas.

    Returns
    -------
    Target
        Numbers sort by themselves, ordered categories keep their order.
    """
    name, notes = column.name, []
    listed = None if order is None else _split_order(order)
    if listed is None and getattr(column.dtype, "ordered", False):
        listed = [plain(label) for label in column.dtype.categories]
    allowed = set(listed or ())
    cells = np.array([plain(cell) for cell in column.astype(object)], dtype=object)
    known = np.array(
        [cell in allowed or (cell is not None and cell.lower() not in MISSING) for cell in cells]
    )
    if not known.all():
        notes.append(f"left out {(~known).sum()} of {len(known)} rows without {name!r}")
    labels = cells[known]
    present = list(dict.fromkeys(labels))
    if not present:
        raise CommandError(f"--target {name!r} has no values")
    numbers = as_numbers(present)
    if listed is not None:
        order = _given_order(name, listed, present, numbers, notes)
    elif numbers is not None:
        order = sorted(present, key=numbers.get)
    elif len(present) <= 2:
        order = sorted(present)
        notes.append(f"{order[-1]!r} counts as the higher label of {name!r} (--order changes it)")
    else:
        example = ",".join(sorted(present)[:MOST_LABELS])
        raise CommandError(
            f"the labels of {name!r} are text: say which is lower with --order, "
            f"such as --order '{example}' from lowest to highest, or take --room distillation, "
            "for which they need no order"
        )
    _check_classes(name, order, numbers)
    return _coded(labels, order, numbers, known, notes)


def _coded(labels, order, numbers, known, notes):
    """Give whole numbers as int64, everything else as str."""
    if numbers is not None and all(float(value).is_integer() for value in numbers.values()):
        order = np.array([int(numbers[label]) for label in order])
        labels = np.array([int(numbers[label]) for label in labels])
    elif numbers is not None:  # two spellings of one number, such as 1.5 and 1.50
        spelling = {label: f"{numbers[label]:g}" for label in numbers}
        order = np.array([spelling[label] for label in order])
        labels = np.array([spelling[label] for label in labels])
    else:
        order, labels = np.array(order, dtype=str), np.array(labels, dtype=str)
    _, first = np.unique(order, return_index=True)
    return Target(labels, order[np.sort(first)], known, notes)


def _split_order(order):
    labels = [label.strip() for label in next(csv.reader([order], skipinitialspace=True), [])]
    if len(labels) < 2 or "" in labels:
        raise CommandError(f"--order {order!r} must list two or more labels, such as low,mid,high")
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise CommandError(f"--order lists {twice[0]!r} twice")
    return labels


def _given_order(name, listed, present, numbers, notes):
    """Match the listed labels with those present, by value where both are numbers."""
    if numbers is not None and (listed_numbers := as_numbers(listed)) is not None:
        rank = {listed_numbers[label]: place for place, label in enumerate(listed)}
        unlisted = [label for label in present if numbers[label] not in rank]
        order = sorted(set(present) - set(unlisted), key=lambda label: rank[numbers[label]])
        absent = [label for label in listed if listed_numbers[label] not in numbers.values()]
    else:
        unlisted = [label for label in present if label not in listed]
        order = [label for label in listed if label in present]
        absent = [label for label in listed if label not in present]
    if unlisted:
        shown = ", ".join(repr(label) for label in unlisted[:8])
        raise CommandError(f"--order does not list {shown}, found in {name!r}")
    if absent:
        shown = ", ".join(repr(label) for label in absent)
        notes.append(f"{name!r} never takes {shown} of --order")
    return order


def _check_classes(name, order, numbers):
    n_classes = len(order) if numbers is None else len(set(numbers.values()))
    if n_classes < 2:
        raise CommandError(f"--target {name!r} has one class only, {order[0]!r}: nothing to learn")
    if n_classes > MOST_LABELS:
        raise CommandError(
            f"--target {name!r} has {n_classes} different values: cut it into at most "
            f"{MOST_LABELS} ordered classes first"
        )


def read_classes(column, listed=None):
    """Read labels without an order.

    Parameters
    ----------
    column : pandas.Series
        Text, numbers, booleans or categories.
    listed : list of str, default=None
        The classes, where they do not depend on the rows; rows of others are left out.

    Returns
    -------
    target : Numbers
        The labels as whole numbers or text.
    classes : ndarray
        Those listed or else present, sorted.
    """
    name, notes = column.name, []
    cells = np.array([plain(cell) for cell in column.astype(object)], dtype=object)
    allowed = () if listed is None else listed
    known = np.array(
        [cell in allowed or (cell is not None and cell.lower() not in MISSING) for cell in cells]
    )
    if not known.any():
        raise CommandError(f"--target {name!r} has no values")
    if not known.all():
        notes.append(f"left out {(~known).sum()} of {len(known)} rows without {name!r}")
    classes = list(dict.fromkeys(cells[known])) if listed is None else listed
    if listed is None and len(classes) > MOST_LABELS:
        raise CommandError(
            f"--target {name!r} has {len(classes)} different values: want at most {MOST_LABELS} "
            "classes"
        )
    numbers = as_numbers(classes)
    if numbers is not None and all(float(value).is_integer() for value in numbers.values()):
        classes = np.unique([int(value) for value in numbers.values()])
        values = np.array([as_number(cell) for cell in cells[known]])
    else:
        classes = np.unique(np.array(classes, dtype=str))
        values = cells[known].astype(str)
    among = np.isin(values, classes)
    if not among.all():
        notes.append(f"left out {(~among).sum()} rows whose {name!r} is not in --classes")
        known[known] = among
    values = values[among].astype(classes.dtype)
    n_present = len(np.unique(values))
    if n_present < 2 or len(classes) < 2:
        of = "" if listed is None else " of --classes"
        raise CommandError(f"--target {name!r} takes {n_present}{of}: it takes two to tell apart")
    return Numbers(values, known, notes), classes
