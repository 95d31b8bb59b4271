"""Read a target of numbers, and a column of weights."""

import re
from dataclasses import dataclass

import numpy as np

from skweight._cli import CommandError
from skweight._cli.cells import MISSING, MOST_LABELS, plain

_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+|[+-]?\d+")


@dataclass
class Numbers:
    """A numeric target.

    Parameters
    ----------
    values : ndarray of shape (n_rows,)
        float64.
    known : ndarray of bool of shape (n_table_rows,)
        Which rows of the table have a number; `values` holds those.
    notes : list of str
        What the reader of the results should know.
    """

    values: np.ndarray
    known: np.ndarray
    notes: list


def read_numbers(column):
    """Read a target of numbers.

    Parameters
    ----------
    column : pandas.Series
        Text or numbers.

    Returns
    -------
    Numbers
        Rows without a number are left out with a note; anything else is refused.
    """
    name, notes = column.name, []
    cells = [plain(cell) for cell in column.astype(object)]
    known = np.array([cell is not None and cell.lower() not in MISSING for cell in cells])
    texts = [cell for cell, kept in zip(cells, known) if kept]
    if not texts:
        raise CommandError(f"--target {name!r} has no values")
    if any("," in text for text in texts) and all(map(_DECIMAL_COMMA.fullmatch, texts)):
        texts = [text.replace(",", ".") for text in texts]
        notes.append(f"the commas in {name!r} are read as decimal commas")
    values, odd = _parsed(texts)
    if odd:
        shown = ", ".join(repr(text) for text in list(dict.fromkeys(odd))[:3])
        raise CommandError(
            f"--target {name!r} must hold numbers to predict quantiles, but {len(odd)} of "
            f"{len(texts)} values are none: {shown}"
        )
    if not np.isfinite(values).all():
        raise CommandError(f"--target {name!r} holds an infinite value")
    if not known.all():
        notes.append(f"left out {(~known).sum()} of {len(known)} rows without {name!r}")
    return Numbers(values, known, notes)


def is_measured(column):
    """Whether a column holds so many different numbers that they are no ordered labels.

    Parameters
    ----------
    column : pandas.Series
        A target.

    Returns
    -------
    bool
        True for numbers of which more than 25 differ, or so many that some has fewer than the
        three rows that a label takes.
    """
    try:
        values = read_numbers(column).values
    except CommandError:
        return False
    n_values = len(np.unique(values))
    return n_values > MOST_LABELS or 3 * n_values > len(values)


def _parsed(texts):
    """Give the numbers, and the texts that are none."""
    values, odd = np.full(len(texts), np.nan), []
    for place, text in enumerate(texts):
        try:
            values[place] = float(text)
        except ValueError:
            odd.append(text)
    return values, odd


def read_weights(column, option="--weights"):
    """Read a column of weights.

    Parameters
    ----------
    column : pandas.Series
        Text or numbers.
    option : str, default="--weights"
        What asked for the column, for complaints.

    Returns
    -------
    weights : ndarray of float64
        With NaN where a weight is missing.
    """
    cells = [plain(cell) for cell in column.astype(object)]
    cells = ["nan" if cell is None or cell.lower() in MISSING else cell for cell in cells]
    try:
        weights = np.array([float(cell.replace(",", ".")) for cell in cells])
    except ValueError as error:
        odd = str(error).rpartition(": ")[2]
        raise CommandError(f"{option} {column.name!r} holds {odd}, not a number") from None
    if np.isinf(weights).any():
        raise CommandError(f"{option} {column.name!r} holds an infinite value")
    if (weights < 0).any():
        lowest = np.nanmin(weights)
        raise CommandError(f"{option} {column.name!r} holds a negative value, {lowest:g}")
    if not np.nansum(weights) > 0:
        raise CommandError(f"{option} {column.name!r} holds no positive value")
    return weights
