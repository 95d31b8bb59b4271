"""Turn the columns of a raw table into what estimators take, and say what was left out."""

import re
from dataclasses import dataclass, field

import numpy as np

from skweight._cli import CommandError
from skweight._cli.cells import MISSING
from skweight._core._optional import import_optional

_MANY = 30  # more levels than this are pooled
_DATE = r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ].*)?"
_LEADING_ZERO = r"[+-]?0\d+"
_IDENTIFIER = (
    r"(?i:id|uid|key|no|nr|#|index|row[ _]?(?:names?|numbers?|nr|no)?|.*[_ .-]id)|.*[a-z]I[dD]"
)
_DECIMAL_COMMA = r"[+-]?\d*,\d+|[+-]?\d+"


@dataclass
class Columns:
    """The columns to use, by kind.

    Parameters
    ----------
    numeric, categorical : list of str
        Their names.
    notes : list of str
        What was left out or changed, and why.
    """

    numeric: list = field(default_factory=list)
    categorical: list = field(default_factory=list)
    notes: list = field(default_factory=list)

    @property
    def names(self):
        """All names, numbers first."""
        return [*self.numeric, *self.categorical]


def plan_columns(raw):
    """Decide how each column of a raw table is used.

    Parameters
    ----------
    raw : pandas.DataFrame
        Text cells or typed columns, without target and weights.

    Returns
    -------
    frame : pandas.DataFrame
        The columns to use: float64 with NaN, or str objects with NaN.
    columns : Columns
        Their kinds, with notes on what was left out.
    """
    pandas = import_optional("pandas", "Reading a table")
    columns, kept, left_out = Columns(), {}, {}
    for name in raw.columns:
        series, kind, note = _typed(pandas, raw[name])
        if note:
            columns.notes.append(f"column {name!r}: {note}")
        reason = kind if kind not in ("number", "text") else _useless(name, series, kind)
        if reason:
            left_out.setdefault(reason, []).append(name)
            continue
        kept[name] = series
        (columns.numeric if kind == "number" else columns.categorical).append(name)
        levels = series.nunique() if kind == "text" else 0
        if levels > _MANY:
            columns.notes.append(
                f"column {name!r} has {levels} levels: the {_MANY - 1} most frequent count, the "
                "others are pooled"
            )
    for reason, names in left_out.items():
        listed = ", ".join(repr(name) for name in names)
        columns.notes.append(f"left out {listed}: {reason}")
    if not kept:
        raise CommandError("no column is left to predict from: " + "; ".join(columns.notes))
    return pandas.DataFrame(kept, index=raw.index)[columns.names], columns


def of_loader(frame):
    """Bring the frame of a loader into the form of a user's.

    Parameters
    ----------
    frame : pandas.DataFrame
        Numbers, and categories or text.

    Returns
    -------
    frame : pandas.DataFrame
        The same as float64 or str objects.
    columns : Columns
        Their kinds.
    """
    numbers = [name for name in frame if frame[name].dtype.kind in "iuf"]
    columns = Columns(numbers, [name for name in frame if name not in numbers])
    kinds = {name: "float64" if name in numbers else str for name in columns.names}
    frame = frame[columns.names].astype(kinds)
    return frame.astype(dict.fromkeys(columns.categorical, object)), columns


def conform(raw, columns):
    """Bring a new table to the columns of a fitted pipeline.

    Parameters
    ----------
    raw : pandas.DataFrame
        Text cells or typed columns, with at least the names in `columns`.
    columns : Columns
        What the pipeline was fitted on.

    Returns
    -------
    frame : pandas.DataFrame
        The columns in the pipeline's types.
    notes : list of str
        Which cells were not numbers and count as missing.
    """
    pandas = import_optional("pandas", "Reading a table")
    frame, notes = {}, []
    for name in columns.numeric:
        text = _text(pandas, raw[name])
        numbers = _numbers(pandas, text)
        odd = text[text.notna() & numbers.isna()]
        if len(odd):
            notes.append(f"column {name!r}: {_count(odd)} not numbers, taken as missing")
        frame[name] = numbers
    for name in columns.categorical:
        frame[name] = _text(pandas, raw[name])
    return pandas.DataFrame(frame, index=raw.index), notes


def encoder(columns, *, native=False, vectors=False):
    """Build the preprocessing of one pipeline, to be fitted inside each fold.

    Parameters
    ----------
    columns : Columns
        The columns by kind.
    native : bool, default=False
        Whether categories become integer codes and missing values stay, as gradient boosting
        wants; the codes then come first. Otherwise each level of a category but the first gets
        a column of its own, as linear models want, and missing values are imputed.
    vectors : bool, default=False
        Whether categories become integer codes in the first columns, -1 for one that is missing or
        unknown, and numbers are imputed and scaled: what networks with vectors for categories want.

    Returns
    -------
    sklearn.compose.ColumnTransformer
        Unfitted.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

    imputer = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    numbers = make_pipeline(imputer, StandardScaler())
    if native or vectors:
        unknown = np.nan if native else -1
        codes = OrdinalEncoder(
            handle_unknown="use_encoded_value",
            unknown_value=unknown,
            encoded_missing_value=unknown,
            max_categories=_MANY,
        )
        parts = [
            ("categories", codes, columns.categorical),
            ("numbers", "passthrough" if native else numbers, columns.numeric),
        ]
    else:
        categories = make_pipeline(
            SimpleImputer(strategy="constant", fill_value="(missing)"),
            OneHotEncoder(
                handle_unknown="infrequent_if_exist",
                max_categories=_MANY,
                drop="first",
                sparse_output=False,
            ),
        )
        parts = [
            ("numbers", numbers, columns.numeric),
            ("categories", categories, columns.categorical),
        ]
    parts = [part for part in parts if part[2]]
    return ColumnTransformer(parts, verbose_feature_names_out=False)


def columns_of(transformer):
    """Read the columns by kind back from a fitted `encoder`."""
    parts = {name: list(names) for name, _, names in transformer.transformers_}
    return Columns(parts.get("numbers", []), parts.get("categories", []))


def _typed(pandas, column):
    """Give a column as numbers or text, or a reason to leave it out."""
    kinds = pandas.api.types
    if kinds.is_datetime64_any_dtype(column) or kinds.is_timedelta64_dtype(column):
        return None, _IS_DATE, None
    if kinds.is_numeric_dtype(column) and not kinds.is_bool_dtype(column):
        if kinds.is_complex_dtype(column):
            return None, "complex numbers", None
        return _finite(pandas.Series(column.to_numpy("float64", na_value=np.nan), column.index))
    if column.map(_is_nested).any():
        return None, "lists or records inside cells", None
    text = _text(pandas, column)
    known = text.dropna()
    if known.empty:
        return text, "text", None
    if known.str.fullmatch(_DATE).mean() > 0.95:
        return None, _IS_DATE, None
    if known.str.fullmatch(_LEADING_ZERO).any():  # codes such as 01234 are names, not numbers
        return text, "text", None
    numbers = _numbers(pandas, text)
    share = numbers.notna().sum() / len(known)
    if share < 0.9:
        return text, "text", None
    series, kind, note = _finite(numbers)
    odd = text[text.notna() & numbers.isna()]
    if len(odd):
        note = f"{_count(odd)} not numbers, taken as missing"
    return series, kind, note


_IS_DATE = "dates (to use them, make them numbers, such as a year or days since an event)"


def _finite(numbers):
    infinite = np.isinf(numbers.to_numpy())
    if not infinite.any():
        return numbers, "number", None
    note = f"{infinite.sum()} infinite values, taken as missing"
    return numbers.mask(infinite), "number", note


def _text(pandas, column):
    """Give a column as stripped str objects with NaN for the missing."""

    def plain(cell):
        if cell is None or cell is pandas.NA or cell is pandas.NaT or cell != cell:
            return np.nan
        if isinstance(cell, float) and cell.is_integer():
            cell = int(cell)  # 1.0 in one file is the label 1 in another
        cell = str(cell).strip()
        return np.nan if cell.lower() in MISSING else cell

    cells = [plain(cell) for cell in column.astype(object)]
    return pandas.Series(np.array(cells, dtype=object), column.index, dtype=object)


def _numbers(pandas, text):
    """Read text as float64, with decimal commas where every cell allows them."""
    known = text.dropna()
    if len(known) and known.str.contains(",").any() and known.str.fullmatch(_DECIMAL_COMMA).all():
        text = text.str.replace(",", ".")
    return pandas.to_numeric(text, errors="coerce").astype("float64")


def _useless(name, series, kind):
    """Say why a typed column cannot help, or None."""
    n_levels, n_known = series.nunique(), series.notna().sum()
    if n_known == 0:
        return "no values"
    if n_levels == 1 and n_known == len(series):
        return "one value only"
    if len(series) < 20 or n_levels < 0.9 * n_known:
        return None
    if kind == "text":
        return "nearly every row has its own text, as names or free text do"
    return "row numbers" if _is_row_number(name, series.to_numpy()) else None


def _is_row_number(name, values):
    """Whether distinct numbers are 0, 1, 2, ... with a few left out, or called an identifier."""
    if not np.all(values == np.floor(values)):
        return False
    if re.fullmatch(_IDENTIFIER, str(name)):
        return True
    n_rows = len(values)
    starts, ends = abs(values[0]) <= 0.1 * n_rows, values[-1] <= 1.2 * n_rows
    return bool(starts and ends and np.all(np.diff(values) > 0))


def _is_nested(cell):
    return isinstance(cell, (list, tuple, set, dict, np.ndarray, bytes))


def _count(odd):
    shown = ", ".join(repr(value) for value in list(dict.fromkeys(odd))[:3])
    return f"{len(odd)} cells ({shown}{', ...' if odd.nunique() > 3 else ''})"
