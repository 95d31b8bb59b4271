"""Read tables that nobody prepared: any separator, encoding and amount of untidiness."""

import csv
import gzip
import io
import warnings
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from skweight._cli import CommandError
from skweight._core._optional import import_optional

_SEPARATORS = ",;\t|"


@dataclass
class Table:
    """A table as read: text cells for CSV, typed columns for parquet.

    Parameters
    ----------
    frame : pandas.DataFrame
        The cells.
    path : pathlib.Path
        Where they came from.
    notes : list of str
        What the reader of the results should know.
    """

    frame: object
    path: Path
    notes: list = field(default_factory=list)

    def column(self, name, option):
        """Give the column that `option` asks for, or say which there are."""
        if name in self.frame.columns:
            return self.frame[name]
        columns = [str(column) for column in self.frame.columns]
        close = get_close_matches(name, columns, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"it has {_some(columns)}"
        raise CommandError(f"{option} {name!r} is not a column of {self.path}: {hint}")


def read_table(path):
    """Read a CSV or parquet file.

    Parameters
    ----------
    path : str or path-like
        The file; a parquet file is known by its first bytes, ``.gz`` is unpacked.

    Returns
    -------
    Table
        Its columns, named and free of duplicates. The cells of a CSV file stay text.

    Raises
    ------
    CommandError
        If the file cannot be read as a table with at least one row.
    """
    pandas = import_optional("pandas", "Reading a table")
    path = Path(path)
    content = _content(path)
    if content[:4] == b"PAR1":
        table = _read_parquet(pandas, path)
    else:
        table = _read_csv(pandas, path, content)
    names = list(table.frame.columns)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise CommandError(f"{path} has more than one column named {_some(twice)}: rename them")
    if table.frame.empty:
        raise CommandError(f"{path} has a header but no rows")
    return table


def _content(path):
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except FileNotFoundError:
        raise CommandError(f"there is no file {path}") from None
    except IsADirectoryError:
        raise CommandError(f"{path} is a folder, not a file") from None
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CommandError(f"cannot read {path}: {reason}") from None
    if not content.strip():
        raise CommandError(f"{path} is empty")
    return content


def _read_parquet(pandas, path):
    import_optional("pyarrow", "Reading a parquet file")
    try:
        frame = pandas.read_parquet(path)
    except Exception as error:  # pyarrow raises many kinds for a damaged file
        raise CommandError(f"{path} is not a readable parquet file: {_first_line(error)}") from None
    if frame.index.name is not None or frame.index.nlevels > 1:
        frame = frame.reset_index()
    frame.columns = [str(name).strip() for name in frame.columns]
    return Table(frame.reset_index(drop=True), path)


def _read_csv(pandas, path, content):
    notes = []
    text = _decode(path, content, notes)
    separator = _separator(text)
    names, skipped = _header(path, text, separator)
    kwargs = {
        "sep": separator,
        "header": None,
        "names": names,
        "skiprows": skipped,
        "index_col": False,
        "dtype": str,
        "keep_default_na": False,
        "skipinitialspace": True,
    }
    _check_widths(path, text, separator, len(names))
    try:
        with warnings.catch_warnings():  # of cells cut off, which are known to be blank
            warnings.simplefilter("ignore", pandas.errors.ParserWarning)
            frame = pandas.read_csv(io.StringIO(text), **kwargs)
    except (ValueError, pandas.errors.ParserError) as error:
        raise CommandError(f"cannot read {path} as CSV: {_first_line(error)}") from None
    return Table(frame, path, notes)


def _decode(path, content, notes):
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    elif b"\0" in content[:4096] or content[:2] == b"PK":
        raise CommandError(f"{path} is not text: save the table as CSV or parquet")
    else:
        encoding = "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        notes.append(f"{path.name} is not valid {encoding.removesuffix('-sig')}: read as latin-1")
        return content.decode("latin-1")


def _separator(text):
    """Find the separator that splits the first lines into most, and equally many, fields."""
    lines = [line for line in text[:65536].splitlines()[:50] if line.strip()]

    def evenness(separator):
        widths = [len(row) for row in csv.reader(lines[:30], delimiter=separator)]
        return (widths[0] > 1, widths.count(widths[0]) / len(widths), widths[0])

    return max(_SEPARATORS, key=evenness)


def _header(path, text, separator):
    """Give the cleaned column names and the number of physical lines they take."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    try:
        fields = next(row for row in reader if any(cell.strip() for cell in row))
    except (StopIteration, csv.Error):
        raise CommandError(f"{path} has no header line") from None
    names = [name.strip() for name in fields]
    while names and not names[-1] and len(names) > 1:  # a separator at the end of each line
        names.pop()
    names = [name or f"unnamed_{number}" for number, name in enumerate(names, 1)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise CommandError(f"{path} has more than one column named {_some(twice)}: rename them")
    return names, reader.line_num


def _check_widths(path, text, separator, width):
    """Refuse a row with more fields than the header, which pandas would shift or cut."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    try:
        for row in reader:
            if len(row) > width and any(cell.strip() for cell in row[width:]):
                raise CommandError(
                    f"line {reader.line_num} of {path} has {len(row)} fields where the header "
                    f"has {width}"
                )
    except csv.Error as error:
        raise CommandError(f"cannot read {path} as CSV: {_first_line(error)}") from None


def _first_line(error):
    return str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__


def _some(names, limit=8):
    shown = ", ".join(repr(str(name)) for name in names[:limit])
    return shown + (f" and {len(names) - limit} more" if len(names) > limit else "")
