"""Single cells, of whatever type, as plain text and as numbers."""

import re

import numpy as np

# Cells that mean "not known". "None" is not among them: it is a label in many surveys.
MISSING = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "<na>"})
MOST_LABELS = 25  # more different values than these are numbers, not ordered labels
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+")


def plain(cell):
    """Give one cell as stripped text, None for missing."""
    if cell is None or type(cell).__name__ in ("NAType", "NaTType") or cell != cell:
        return None
    if isinstance(cell, (float, np.floating)) and float(cell).is_integer():
        cell = int(cell)
    return str(cell).strip()


def as_numbers(labels):
    """Map each label to its number, or give None when one is not a number."""
    try:
        numbers = {label: float(label) for label in labels}
    except ValueError:
        return None
    return numbers if all(np.isfinite(list(numbers.values()))) else None


def as_number(cell):
    """Give a number, also with a decimal comma, or nan; each cell by itself."""
    cell = cell.strip()
    if _DECIMAL_COMMA.fullmatch(cell):
        cell = cell.replace(",", ".")
    try:
        return float(cell)
    except ValueError:
        return np.nan
