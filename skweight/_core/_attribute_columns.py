"""One column of any container as an array, its kind, and its order; pandas, polars, NumPy."""

import numbers

import numpy as np


def read_column(column, label, where):
    """Read a column, whatever holds it.

    Parameters
    ----------
    column : Series of pandas or polars, Categorical, ndarray of shape (n_samples,) or list
        The column. A list has the type of its values, everything else says its own.
    label, where : str
        Its name and the parameter it comes from, for messages.

    Returns
    -------
    values : ndarray of shape (n_samples,)
        Numbers, bools, or objects; missing ones are NaN among numbers and else None.
    kind : {"nominal", "ordered", "numeric"}
        How they are compared.
    categories : tuple or None
        Those of an ordered categorical, low to high.
    """
    if isinstance(column, list):
        values = _infer(objects_of(column, label, where))
        return values, *_plain_kind(values, label, where)
    if type(column).__module__.partition(".")[0] == "polars":
        return _read_polars(column, label, where)
    dtype = getattr(column, "dtype", None)
    if hasattr(dtype, "categories") and hasattr(dtype, "ordered"):
        values = objects_of(np.asarray(column, dtype=object), label, where)
        if dtype.ordered:
            return values, "ordered", tuple(dtype.categories.tolist())
        return values, "nominal", None
    if isinstance(dtype, np.dtype):
        values = np.asarray(column)
    else:  # a type of pandas' own
        values = _from_extension(column, dtype)
    if values.dtype.kind == "f":
        values = values.astype(float)
    elif values.dtype.kind not in "biucmM":
        values = objects_of(values, label, where)
    return values, *_plain_kind(values, label, where)


def read_block(columns, label, where):
    """Return several columns of numbers as a matrix of floats."""
    read = []
    for column in columns:
        if isinstance(column, np.ndarray) and column.ndim == 2:
            read.extend(read_block(list(column.T), label, where).T)
            continue
        values, kind, _ = read_column(column, label, where)
        if kind != "numeric" and values.dtype != bool:
            raise ValueError(
                f"{where} gives the attribute {label!r} as several columns, of which one holds no "
                "numbers: want numbers in all, or an attribute for each column."
            )
        read.append(values.astype(float))
    return np.ascontiguousarray(np.column_stack(read))


def objects_of(values, label, where):
    """Return values as an array of objects, None where one is missing."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "US":
        return values.astype(object)
    objects = np.empty(len(values), dtype=object)
    for i, value in enumerate(values):
        if _is_missing(value):
            continue
        if getattr(type(value), "__hash__", None) is None:
            raise TypeError(
                f"{where}: the attribute {label!r} holds a {type(value).__name__}, and each "
                "argument must be a string or a number."
            )
        objects[i] = value
    return objects


def _is_missing(value):
    if value is None:
        return True
    if isinstance(value, (float, np.floating)):
        return bool(value != value)
    return type(value).__name__ in ("NAType", "NaTType")


def _infer(objects):
    """Return objects as numbers or bools where all of them are."""
    present = [value for value in objects if value is not None]
    if not present:
        return objects
    if all(isinstance(value, (bool, np.bool_)) for value in present):
        return objects.astype(bool) if len(present) == len(objects) else objects
    if not all(isinstance(value, numbers.Real) for value in present):
        return objects
    if len(present) == len(objects):
        values = np.array(present)
        if values.dtype.kind in "iuf":
            return values
    return objects.astype(float)


def _from_extension(column, dtype):
    """Return a column of an extension type of pandas as an array."""
    kind = getattr(dtype, "kind", "O")
    if kind in "mM":
        return np.empty(0, dtype="datetime64[s]")  # refused by its type
    if kind not in "biuf":
        return column.to_numpy(dtype=object)
    missing = column.isna().any()
    if kind == "b":
        return column.to_numpy(dtype=object if missing else bool)
    if kind == "f" or missing:
        return column.to_numpy(dtype=float, na_value=np.nan)
    return column.to_numpy(dtype=np.int64 if kind == "i" else np.uint64)


def _read_polars(column, label, where):
    dtype = column.dtype
    if dtype.is_numeric():
        whole = dtype.is_integer() and column.null_count() == 0
        values = column.to_numpy() if whole else column.cast(float).to_numpy()
    elif str(dtype) == "Boolean" and column.null_count() == 0:
        values = column.to_numpy()
    elif dtype.is_temporal():
        values = np.empty(0, dtype="datetime64[s]")
    else:
        values = objects_of(column.to_list(), label, where)
        if str(dtype).startswith("Enum"):
            return values, "ordered", tuple(dtype.categories.to_list())
    return values, *_plain_kind(values, label, where)


def _plain_kind(values, label, where):
    """Return the kind of an array by its type, and no categories; raise where it has none."""
    code = values.dtype.kind
    if code == "c":
        raise ValueError(f"Complex data not supported: {where} holds it in {label!r}.")
    if code in "mM":
        raise ValueError(
            f"{where} holds dates or durations in {label!r}: want numbers, such as an age in years."
        )
    if code == "f" and np.isinf(values).any():
        raise ValueError(f"{where} holds infinite values in {label!r}: want finite numbers.")
    return ("numeric" if code in "iuf" else "nominal"), None
