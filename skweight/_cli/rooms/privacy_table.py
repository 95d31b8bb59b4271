"""Read a user's own table for the privacy room: labels, and what is public about columns."""

import csv
import math
import warnings

import numpy as np

from skweight._cli import CommandError
from skweight._cli.cells import MISSING, as_number, plain
from skweight._cli.columns import Columns
from skweight._cli.labels import read_classes
from skweight._cli.own_table import Rows, folds_of_classes, told, usable_rows
from skweight._cli.rooms.privacy import study_of
from skweight._cli.splits import cross_validation
from skweight._core._optional import import_optional


def study_of_table(table, options):
    """Build the study; see `skweight._cli.rooms.privacy.study_of_table`."""
    import_optional("cryptography", "The privacy room")
    if options.weights is not None:
        raise CommandError(
            "--weights cannot be used in the privacy room: a weight needs a public bound, which "
            "PrivateSimilarityClassifier takes as max_weight"
        )
    epsilons, delta = _epsilons(options.epsilon), _delta(options.delta)
    listed = None if options.classes is None else _split(options.classes, "--classes")
    target, classes = read_classes(table.column(options.target, "--target"), listed)
    rows, bounds = _read_rows(table, options, target)
    labels = target.values[rows.keep[target.known]]
    folds = folds_of_classes(options, labels, rows)
    reasons = _leaks(bounds, options.classes)
    _tell(rows, options, reasons, epsilons[0], delta, len(labels))
    name, counts = table.path.name, [np.mean(labels == label) for label in classes]
    listed = ", ".join(f"{label} {share:.1%}" for label, share in zip(classes, counts))
    return study_of(
        epsilons,
        delta,
        bounds=bounds,
        public_classes=None if options.classes is None else classes.tolist(),
        name=name,
        title=f"{options.target} in {name}" + (" (NOT PRIVATE)" if reasons else ""),
        story=f"{len(labels)} rows, {len(rows.columns.names)} columns to tell {options.target} "
        f"from: {listed}; {told(rows, folds)}.",
        frame=rows.frame,
        columns=rows.columns,
        target=labels,
        splits=cross_validation(labels, folds, rows.groups, stratified=True),
        overlap=1 / (folds - 1),
        notes=rows.notes,
    )


def _leaks(bounds, classes):
    """Say what is taken from rows, in the words that an estimator has for it."""
    from skweight.privacy._bounds import bounds_of_rows
    from skweight.privacy._private_labels import classes_of_labels

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if bounds is None:
            bounds_of_rows(np.zeros((1, 1)))
        if classes is None:
            classes_of_labels(np.arange(2))
    return [str(warning.message) for warning in caught]


def _tell(rows, options, reasons, epsilon, delta, n_rows):
    """Note what is private and what is not, the worst first."""
    notes = [f"NOT PRIVATE: {_with_options(reason)}" for reason in reasons]
    notes.append(
        "scores, plots and this text are computed from the rows and protected by nothing: they "
        "are for the eyes of the rows' owner"
    )
    if not reasons:
        notes.append(
            f"what may be published is what --save writes: all rows once, epsilon={epsilon:g} and "
            f"delta={delta:g} for each"
        )
    if rows.groups is not None:
        largest = np.unique(rows.groups, return_counts=True)[1].max()
        notes.append(
            f"one row is what is hidden: a group has its number of rows times epsilon, which is "
            f"{largest * epsilon:g} for the largest group"
        )
    if delta * n_rows >= 1:
        notes.append(
            f"--delta {delta:g} is at least one over the number of rows: that allows publishing "
            "some row as it is"
        )
    rows.notes[:0] = notes


def _with_options(sentence):
    """Ask for options of the command where a sentence asks for parameters."""
    sentence = sentence.replace("bounds=(low, high)", "--bounds LOW,HIGH")
    return sentence.replace("classes=[...]", "--classes A,B").removesuffix(".")


def _epsilons(text):
    """Read --epsilon."""
    cells = [cell.strip() for cell in ("1" if text is None else text).split(",")]
    epsilons = [as_number(cell) for cell in cells]
    if not all(0 < epsilon < math.inf for epsilon in epsilons):
        raise CommandError(f"--epsilon {text!r} must list numbers above 0, such as 1 or 0.3,1,3")
    if len(set(epsilons)) < len(epsilons):
        raise CommandError(f"--epsilon {text!r} lists a number twice")
    return epsilons


def _delta(text):
    """Read --delta."""
    delta = as_number("0" if text is None else text)
    if not 0 <= delta < 1:
        raise CommandError(f"--delta {text!r} must be a number from 0 to less than 1, such as 1e-6")
    return delta


def _split(text, option):
    """Read a list of names."""
    names = [cell.strip() for cell in next(csv.reader([text], skipinitialspace=True), [])]
    if not names or "" in names:
        raise CommandError(f"{option} {text!r} must list names, such as a,b")
    twice = [name for place, name in enumerate(names) if name in names[:place]]
    if twice:
        raise CommandError(f"{option} lists {twice[0]!r} twice")
    return names


def _read_rows(table, options, target):
    """Give the usable rows, and the public bounds of their numeric columns or None.

    With bounds, which columns are used and as what is told by options alone, never by rows.
    """
    if options.bounds is None:
        return usable_rows(table, options, target), None
    pandas = import_optional("pandas", "Reading a table")
    ranges = _ranges(table, options)
    columns = Columns(
        [name for name, limits in ranges.items() if limits is not None],
        [name for name, limits in ranges.items() if limits is None],
    )
    notes = [*table.notes, *target.notes]
    apart = {*ranges, options.target, options.groups}
    if left_out := [repr(name) for name in table.frame if name not in apart]:
        notes.append(f"--bounds leaves out {', '.join(left_out)}")
    cells = {name: _numbers(table.frame[name], notes) for name in columns.numeric}
    cells |= {name: _texts(table.frame[name]) for name in columns.categorical}
    frame = pandas.DataFrame(cells)[columns.names][target.known].reset_index(drop=True)
    groups = None
    if options.groups is not None:
        groups = table.column(options.groups, "--groups").astype(str).to_numpy()[target.known]
    rows = Rows(target.known, frame, columns, None, groups, notes)
    return rows, np.reshape([ranges[name] for name in columns.numeric], (-1, 2)).T


def _ranges(table, options):
    """Read --bounds: for each column to use its low and high, or None for text."""
    apart = (options.target, options.groups)
    listed = _split(options.bounds, "--bounds")
    if len(listed) == 2 and not any(math.isnan(as_number(cell)) for cell in listed):
        limits = _limits(*listed, options.bounds)
        ranges = {name: limits for name in table.frame if name not in apart}
        if not ranges:
            raise CommandError(f"{table.path} has no column besides the named ones to tell from")
        return ranges
    ranges = {}
    for cell in listed:
        name, equal, limits = cell.rpartition("=")
        if not equal or cell in table.frame:
            name, limits = cell, None
        else:
            limits = _limits(*limits.partition(":")[::2], cell)
        name = name.strip()
        table.column(name, "--bounds")
        if name in ranges:
            raise CommandError(f"--bounds lists {name!r} twice")
        if name in apart:
            option = "--target" if name == options.target else "--groups"
            raise CommandError(f"{option} and --bounds name the same column, {name!r}")
        ranges[name] = limits
    return ranges


def _limits(low, high, given):
    """Read a pair of bounds."""
    low, high = as_number(low), as_number(high)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise CommandError(
            f"--bounds {given!r} must give finite numbers, the low below the high: LOW,HIGH for "
            "all columns, or COL=LOW:HIGH for each"
        )
    return low, high


def _numbers(column, notes):
    """Read numbers cell by cell, so that no row changes how another one is read."""
    cells = [plain(cell) for cell in column.astype(object)]
    known = [cell for cell in cells if cell is not None and cell.lower() not in MISSING]
    numbers = np.array([math.nan if cell is None else as_number(cell) for cell in cells])
    numbers[np.isinf(numbers)] = math.nan
    odd = [cell for cell in known if not math.isfinite(as_number(cell))]
    if odd:
        shown = f"{len(odd)} of {len(known)} cells are no numbers, such as {odd[0]!r}"
        if 2 * len(odd) > len(known):
            raise CommandError(
                f"--bounds takes {column.name!r} as numbers, but {shown}: list the columns to "
                "use, those of text without bounds, such as --bounds age=0:120,city"
            )
        notes.append(f"column {column.name!r}: {shown}, taken as missing")
    return numbers


def _texts(column):
    """Read text, NaN for the missing."""
    cells = [plain(cell) for cell in column.astype(object)]
    missing = [cell is None or cell.lower() in MISSING for cell in cells]
    return np.array([np.nan if gone else cell for cell, gone in zip(cells, missing)], dtype=object)
