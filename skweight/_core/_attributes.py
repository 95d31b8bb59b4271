"""Attributes of rows (groups, ages, ratings) from arrays, frames and columns of X."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from skweight._core._attribute_columns import read_block, read_column

KINDS = ("nominal", "ordered", "numeric")


@dataclass(frozen=True, eq=False)
class Attribute:
    """One attribute of all rows, and how its values are compared."""

    name: str
    values: np.ndarray  # (n,), or (n, d) float if given as several columns; missing: None or NaN
    kind: str  # "nominal", "ordered" or "numeric"
    categories: tuple | None = None  # of an ordered one, low to high
    integer: bool = False  # numeric, in one column, and all of its values whole

    def take(self, rows):
        """Return the attribute of some rows, given by places or by a mask."""
        return replace(self, values=self.values[rows])

    def missing(self):
        """Return for each row whether its value, or a part of it, is missing."""
        if self.values.dtype == object:
            return np.array([value is None for value in self.values], dtype=bool)
        missing = self.values != self.values
        return missing.any(axis=1) if missing.ndim == 2 else missing


def attributes_of(sensitive_features, name="sensitive_features"):
    """Read attributes from whatever holds them.

    Parameters
    ----------
    sensitive_features : array-like, Series, DataFrame, dict or list of Attribute
        One column or several, each an attribute, of any types; pandas and polars alike. A dict
        holds the columns by name, several ones together as a frame or matrix.
    name : str, default="sensitive_features"
        The parameter, for messages.

    Returns
    -------
    list of Attribute
        One at least, each with its own name. Bool, object, string and unordered categorical columns
        are nominal, ordered categoricals (and Enum of polars) ordered, numbers numeric. In lists
        and in object arrays of two dimensions each column has the type of its values. Columns
        without a name are called "attribute_0", "attribute_1" and so on.

    Raises
    ------
    ValueError
        If it is sparse, has no columns, two of the same name or of different lengths, or a column
        holds what can be no attribute.
    TypeError
        If a value is a container.
    """
    given = sensitive_features
    if isinstance(given, Attribute):
        return [given]
    if isinstance(given, (list, tuple)) and given and isinstance(given[0], Attribute):
        return list(given)
    if isinstance(given, Mapping):
        read = [_from_values(label, values, name) for label, values in given.items()]
    else:
        if sparse.issparse(given):
            raise ValueError(
                f"{name} is a sparse matrix: want a dense one, such as {name}.toarray()."
            )
        table = _as_table(given, name)
        labels = _labels(table)
        if labels is None:
            labels = [f"attribute_{j}" for j in range(table.shape[1])]
        read = [read_attribute(label, _column(table, j), name) for j, label in enumerate(labels)]
    if not read:
        raise ValueError(f"{name} has no columns: want one at least.")
    _check_once([attribute.name for attribute in read], name)
    lengths = {attribute.name: len(attribute.values) for attribute in read}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"{name} has columns of different lengths {lengths}: want the same.")
    return read


def select_attributes(X, columns, name="sensitive_columns"):
    """Read attributes from some columns of X, before anything asks whether X is numeric.

    Parameters
    ----------
    X : array-like, sparse matrix or DataFrame of shape (n_samples, n_features)
        The rows. Of sparse ones, the selected columns are made dense.
    columns : str, int, list, boolean mask, callable or dict
        A name, a place (from the end if negative), several of either, a mask of all columns, or a
        function that returns one of these for X. A dict holds them by the attribute's name; several
        columns there make one attribute.
    name : str, default="sensitive_columns"
        The parameter, for messages.

    Returns
    -------
    attributes : list of Attribute
        As in `attributes_of`. Columns without a name are called "attribute_0", "attribute_1" and so
        on, in the order in which they are selected.
    mask : ndarray of bool of shape (n_features,)
        The columns that they come from.

    Raises
    ------
    ValueError
        If nothing is selected, a column is selected twice or does not exist, or a name is given and
        X has none.
    TypeError
        If `columns` is something else.
    """
    X = _as_table(X, "X", matrix=True)
    if X.shape[1] == 0:  # in the words of scikit-learn
        raise ValueError(
            f"Found array with 0 feature(s) (shape={X.shape}) while a minimum of 1 is required."
        )
    labels = _labels(X)
    if callable(columns):
        columns = columns(X)
    if isinstance(columns, Mapping):
        places = {str(key): _places(part, X, labels, name) for key, part in columns.items()}
        empty = [key for key, part in places.items() if not part]
        if empty:
            raise ValueError(f"{name} selects no column for {empty[0]!r}: want one at least.")
    else:
        chosen = _places(columns, X, labels, name)
        names = [f"attribute_{k}" if labels is None else labels[j] for k, j in enumerate(chosen)]
        _check_once(chosen if labels is None else names, name)
        places = {label: [j] for label, j in zip(names, chosen)}
    every = [j for part in places.values() for j in part]
    if not every:
        raise ValueError(f"{name} selects no column of X: want one at least.")
    _check_once(every if labels is None else [labels[j] for j in every], name)
    mask = np.zeros(X.shape[1], dtype=bool)
    mask[every] = True
    if sparse.issparse(X):
        X = X.tocsc()
    attributes = []
    for label, part in places.items():
        read = [_column(X, j) for j in part]
        if len(read) == 1:
            attributes.append(read_attribute(label, read[0], name))
        else:
            attributes.append(Attribute(label, read_block(read, label, name), "numeric"))
    return attributes, mask


def drop_columns(X, mask):
    """Return X, an array, sparse matrix or frame, without the columns of a mask."""
    X = _as_table(X, "X", matrix=True)
    if X.shape[1] != len(mask):
        raise ValueError(f"X has {X.shape[1]} features, but {len(mask)} features are expected.")
    kept = np.flatnonzero(~np.asarray(mask))
    if sparse.issparse(X):
        return X.tocsr()[:, kept]
    if hasattr(X, "iloc"):
        return X.iloc[:, kept]
    if hasattr(X, "columns"):
        return X[:, kept.tolist()]
    return X[:, kept]


def check_types(attributes, types, name="sensitive_types"):
    """Return attributes of the kinds that a user wants.

    Parameters
    ----------
    attributes : list of Attribute
        The attributes as they were read.
    types : {"auto"} or dict
        "auto" leaves them as they are; a dict holds kinds by attributes' names.
    name : str, default="sensitive_types"
        The parameter, for messages.

    Returns
    -------
    list of Attribute
        The same with their kinds changed. Numbers made ordered have their values as categories,
        several columns made nominal are compared as a whole.

    Raises
    ------
    ValueError
        If a key is no attribute, a kind is unknown, or values cannot be taken as it.
    """
    if types is None or (isinstance(types, str) and types == "auto"):
        return attributes
    if not isinstance(types, Mapping):
        raise ValueError(f"{name} must be 'auto' or a dict of kinds by attribute, got {types!r}.")
    names = [attribute.name for attribute in attributes]
    kinds = {str(key): kind for key, kind in types.items()}
    for key, kind in kinds.items():
        if key not in names:
            raise ValueError(f"{name} names {key!r}, which is no attribute: want some of {names}.")
        if not (isinstance(kind, str) and kind in KINDS):
            raise ValueError(f"{name}[{key!r}] must be one of {KINDS}, got {kind!r}.")
    return [
        as_kind(attribute, kinds.get(attribute.name, attribute.kind), name=name)
        for attribute in attributes
    ]


def as_kind(attribute, kind, categories=None, name="sensitive_types"):
    """Return an attribute as one of another kind; `categories` are those of an ordered one."""
    values = attribute.values
    if attribute.kind == kind and categories is None:
        return attribute
    if kind == "nominal":
        if values.ndim == 2:  # rows are levels
            missing = attribute.missing()
            rows = (None if gone else tuple(row) for row, gone in zip(values.tolist(), missing))
            values = np.fromiter(rows, dtype=object, count=len(values))
        return Attribute(attribute.name, values, kind)
    if kind == "numeric":
        try:
            numbers = np.array(values, dtype=float)  # None becomes NaN
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"{name}[{attribute.name!r}]='numeric', but the attribute holds values that are no "
                "numbers: want numbers, or another kind."
            ) from error
        return replace(read_attribute(attribute.name, numbers, name), kind=kind)
    if categories is None:
        if values.ndim == 2 or values.dtype == object:
            raise ValueError(
                f"{name}[{attribute.name!r}]='ordered', but nothing says in which order: want an "
                "ordered categorical, or one column of numbers."
            )
        categories = tuple(np.unique(values[~attribute.missing()]).tolist())
    return Attribute(attribute.name, values, kind, categories)


def read_attribute(label, values, name):
    """Return one column, or several of numbers as a matrix, as an attribute."""
    if getattr(values, "ndim", 1) == 2:
        return Attribute(label, read_block([values], label, name), "numeric")
    values, kind, categories = read_column(values, label, name)
    whole = False
    if kind == "numeric":
        present = values[values == values]
        whole = len(present) > 0 and bool((present == np.floor(present)).all())
    return Attribute(label, values, kind, categories, whole)


def _from_values(label, values, name):
    """Return what a dict holds at a name as an attribute."""
    where = f"{name}[{label!r}]"
    if sparse.issparse(values):
        raise ValueError(f"{where} is a sparse matrix: want a dense one.")
    table = _as_table(values, where)
    columns = [_column(table, j) for j in range(table.shape[1])]
    if not columns:
        raise ValueError(f"{where} has no columns: want one at least.")
    if len(columns) == 1:
        return read_attribute(str(label), columns[0], name)
    return Attribute(str(label), read_block(columns, label, name), "numeric")


def _as_table(values, name, matrix=False):
    """Return a frame or sparse matrix as it is, anything else as an array of two dimensions."""
    if sparse.issparse(values) or (hasattr(values, "columns") and hasattr(values, "shape")):
        return values
    if _is_series(values) and not matrix:
        return _OneColumn(values)
    listed = isinstance(values, (list, tuple))
    array = _array_of_list(values) if listed else np.asarray(values)
    if array.ndim == 1 and not matrix:
        # An object array of one dimension says that its values are labels; a list says nothing.
        return array[:, None] if listed or array.dtype != object else _OneColumn(array)
    if array.ndim != 2:
        wanted = "two dimensions" if matrix else "an array, Series, frame or dict of columns"
        got = f"is a {type(values).__name__}" if array.ndim == 0 else f"has shape {array.shape}"
        raise ValueError(f"{name} {got}: want {wanted}.")
    return array


def _array_of_list(values):
    """Return a list as an array of the type that fits, without making numbers into text."""
    try:
        array = np.asarray(values)
        if array.dtype.kind in "biufcmM":
            return array
    except ValueError:  # rows of different lengths
        pass
    try:
        return np.array(values, dtype=object)
    except ValueError:
        return np.fromiter(values, dtype=object, count=len(values))


class _OneColumn:
    """A single column in the place of a table."""

    def __init__(self, column):
        self.column = column
        self.shape = (len(column), 1)
        label = getattr(column, "name", None)
        self.columns = None if label is None or label == "" else [label]


def _is_series(values):
    """Tell whether it is a column of pandas or polars, which says its own type."""
    package = type(values).__module__.partition(".")[0]
    return package in ("pandas", "polars") and hasattr(values, "dtype")


def _labels(table):
    """Return the names of columns, or None."""
    columns = getattr(table, "columns", None)
    return None if columns is None else [str(label) for label in columns]


def _column(table, j):
    """Return a column of a table by its place."""
    if isinstance(table, _OneColumn):
        return table.column
    if sparse.issparse(table):
        return table[:, [j]].toarray()[:, 0]
    if hasattr(table, "iloc"):
        return table.iloc[:, j]
    if hasattr(table, "columns"):
        return table.to_series(j)
    column = table[:, j]
    return column.tolist() if column.dtype == object else column


def _places(columns, X, labels, name):
    """Return the places of columns given by name, place, mask, or a list of them."""
    n = X.shape[1]
    if callable(columns):
        columns = columns(X)
    if isinstance(columns, (str, int, np.integer)) and not isinstance(columns, bool):
        columns = [columns]
    if not hasattr(columns, "__iter__") or isinstance(columns, Mapping):
        raise TypeError(
            f"{name} must be a name, an index, a list or mask of columns, a callable or a dict, "
            f"got {columns!r}."
        )
    columns = list(columns)
    if columns and all(isinstance(column, (bool, np.bool_)) for column in columns):
        if len(columns) != n:
            raise ValueError(f"{name} is a mask of {len(columns)} columns, but X has {n}.")
        return np.flatnonzero(columns).tolist()
    return [_place(column, labels, n, name) for column in columns]


def _place(column, labels, n, name):
    """Return the place of one column."""
    if isinstance(column, str):
        if labels is None:
            raise ValueError(
                f"{name} has the name {column!r}, but X has no column names: pass an index, or a "
                'frame, which transformers return after set_output(transform="pandas").'
            )
        found = [j for j, label in enumerate(labels) if label == column]
        if not found:
            some = ", ".join(labels[:10]) + (", ..." if n > 10 else "")
            raise ValueError(f"{name} has the name {column!r}, which is no column of X: {some}.")
        if len(found) > 1:
            raise ValueError(
                f"{name} has the name {column!r}, but X has {len(found)} such columns."
            )
        return found[0]
    if isinstance(column, (int, np.integer)) and not isinstance(column, bool):
        if not -n <= column < n:
            raise ValueError(f"{name} has the index {column}, but X has {n} columns.")
        return int(column) % n
    raise TypeError(f"{name} must hold names or indices of columns, got {column!r}.")


def _check_once(columns, name):
    """Raise if a column is there twice."""
    seen = set()
    for column in columns:
        if column in seen:
            raise ValueError(f"{name} has the column {column!r} twice: want each once.")
        seen.add(column)
