"""Labels of classes, whatever they come in."""

import numpy as np
from sklearn.utils.validation import assert_all_finite, column_or_1d


def checked_labels(y):
    """Return labels as an array of one dimension.

    Whole numbers and booleans of pandas stay what they are.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Labels: numbers, text or booleans, in a list, an array or a column of pandas or polars.

    Returns
    -------
    ndarray of shape (n_samples,)
        The labels.

    Raises
    ------
    ValueError
        If a label is missing, or there is more than one column.
    """
    missing = "Input y contains NaN: a label is missing."
    if hasattr(y, "isna") and np.any(y.isna()):
        raise ValueError(missing)
    numpy_dtype = getattr(getattr(y, "dtype", None), "numpy_dtype", None)
    if numpy_dtype is not None:  # numpy would make float64 or object of them
        y = y.to_numpy(dtype=numpy_dtype)
    y = column_or_1d(y, warn=True)
    if y.dtype == object and any(label is None for label in y):
        raise ValueError(missing)
    assert_all_finite(y, input_name="y")
    return y
