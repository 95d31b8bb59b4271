"""Read a user's own table for the distillation room: a number or labels."""

import numpy as np

from skweight._cli import CommandError
from skweight._cli.labels import read_classes
from skweight._cli.numbers import is_measured, read_numbers
from skweight._cli.own_table import folds_of_classes, folds_of_numbers, told, usable_rows
from skweight._cli.rooms.distillation import study_of
from skweight._cli.splits import cross_validation

_FEWEST_ROWS = 30


def study_of_table(table, options):
    """Build the study; see `skweight._cli.rooms.distillation.study_of_table`."""
    column = table.column(options.target, "--target")
    outcome = "numbers" if is_measured(column) else "classes"
    target = read_numbers(column) if outcome == "numbers" else read_classes(column)[0]
    rows = usable_rows(table, options, target)
    values = target.values[rows.keep[target.known]]
    if len(values) < _FEWEST_ROWS:
        raise CommandError(
            f"{len(values)} rows have a --target {options.target!r} that counts: steps take at "
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
    return study_of(
        outcome,
        name=name,
        title=f"{options.target} in {name}",
        story=f"{len(values)} rows, {len(rows.columns.names)} columns to predict "
        f"{options.target} from ({said}); {told(rows, folds)}.",
        frame=rows.frame,
        columns=rows.columns,
        target=values,
        weights=rows.weights,
        groups=rows.groups,
        splits=cross_validation(values, folds, rows.groups, stratified=outcome == "classes"),
        overlap=1 / (folds - 1),
        notes=rows.notes,
    )
