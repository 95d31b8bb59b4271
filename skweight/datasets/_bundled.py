"""Loaders of data that skordinal and scikit-learn bundle."""

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.utils import Bunch

from skweight._core._optional import import_optional
from skweight.datasets import _descr
from skweight.datasets._bunch import frame_bunch, ordered


def load_lev(*, return_X_y=False, as_frame=False):
    """Load the evaluations of lecturers (1000 rows, 5 ordered classes, the last 2.7 %).

    One of four small benchmarks of ordinal classification. Needs the ``bench`` extra.

    Parameters
    ----------
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether `data` is a DataFrame and `target` an ordered categorical Series of the
        ratings, instead of arrays.

    Returns
    -------
    Bunch or tuple
        The attributes ``data`` (4 columns), ``target`` (as an array: 0 to 4 in rank order),
        ``frame`` (both, if `as_frame`), ``feature_names``, ``target_names`` (in rank order),
        ``class_order`` (labels of `target` in rank order), ``sample_weight`` (None), ``groups``
        (None) and ``DESCR``. With `return_X_y`, the pair ``(data, target)``.

    Raises
    ------
    ImportError
        If skordinal is missing, or pandas with `as_frame`.

    See Also
    --------
    load_era : Acceptance of job candidates.
    load_esl : Fitness of applicants.

    Examples
    --------
    >>> from skweight.datasets import load_lev
    >>> lev = load_lev()
    >>> lev.data.shape
    (1000, 4)
    >>> lev.target_names
    ['1', '2', '3', '4', '5']
    """
    return _load_skordinal("lev", _descr.LEV, return_X_y, as_frame)


def load_era(*, return_X_y=False, as_frame=False):
    """Load the acceptance of job candidates (1000 rows, 9 ordered classes, the last 1.8 %).

    One of four small benchmarks of ordinal classification. Needs the ``bench`` extra.

    Parameters
    ----------
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether `data` is a DataFrame and `target` an ordered categorical Series of the
        ratings, instead of arrays.

    Returns
    -------
    Bunch or tuple
        The attributes ``data`` (4 columns), ``target`` (as an array: 0 to 8 in rank order),
        ``frame`` (both, if `as_frame`), ``feature_names``, ``target_names`` (in rank order),
        ``class_order`` (labels of `target` in rank order), ``sample_weight`` (None), ``groups``
        (None) and ``DESCR``. With `return_X_y`, the pair ``(data, target)``.

    Raises
    ------
    ImportError
        If skordinal is missing, or pandas with `as_frame`.

    See Also
    --------
    load_esl : Fitness of applicants.
    load_lev : Evaluations of lecturers.

    Examples
    --------
    >>> from skweight.datasets import load_era
    >>> era = load_era()
    >>> era.data.shape
    (1000, 4)
    >>> len(era.target_names)
    9
    """
    return _load_skordinal("era", _descr.ERA, return_X_y, as_frame)


def load_esl(*, return_X_y=False, as_frame=False):
    """Load the fitness of applicants (488 rows, 9 ordered classes, the last 0.8 %).

    One of four small benchmarks of ordinal classification; two rows in the first class and
    four in the last are too few for most splits. Needs the ``bench`` extra.

    Parameters
    ----------
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether `data` is a DataFrame and `target` an ordered categorical Series of the
        ratings, instead of arrays.

    Returns
    -------
    Bunch or tuple
        The attributes ``data`` (4 columns), ``target`` (as an array: 0 to 8 in rank order),
        ``frame`` (both, if `as_frame`), ``feature_names``, ``target_names`` (in rank order),
        ``class_order`` (labels of `target` in rank order), ``sample_weight`` (None), ``groups``
        (None) and ``DESCR``. With `return_X_y`, the pair ``(data, target)``.

    Raises
    ------
    ImportError
        If skordinal is missing, or pandas with `as_frame`.

    See Also
    --------
    load_era : Acceptance of job candidates.
    load_lev : Evaluations of lecturers.

    Examples
    --------
    >>> from skweight.datasets import load_esl
    >>> esl = load_esl()
    >>> esl.data.shape
    (488, 4)
    >>> int((esl.target == 8).sum())
    4
    """
    return _load_skordinal("esl", _descr.ESL, return_X_y, as_frame)


def load_diabetes_progression(*, return_X_y=False, as_frame=False):
    """Load diabetes progression in five ordered steps (442 rows, the last step 2.3 %).

    The regression target of :func:`sklearn.datasets.load_diabetes`, cut at its 50, 85, 95 and
    98 % quantiles. Needs no extra, except pandas with `as_frame`.

    Parameters
    ----------
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether `data` is a DataFrame and `target` an ordered categorical Series of the
        steps' names, instead of arrays.

    Returns
    -------
    Bunch or tuple
        The attributes ``data`` (10 columns), ``target`` (as an array: 0 to 4 in rank order),
        ``frame`` (both, if `as_frame`), ``feature_names``, ``target_names`` (in rank order),
        ``class_order`` (labels of `target` in rank order), ``sample_weight`` (None), ``groups``
        (None) and ``DESCR``. With `return_X_y`, the pair ``(data, target)``.

    Raises
    ------
    ImportError
        If pandas is missing, with `as_frame`.

    See Also
    --------
    make_ordinal : Simulated data with a rare last class.

    Examples
    --------
    >>> import numpy as np
    >>> from skweight.datasets import load_diabetes_progression
    >>> diabetes = load_diabetes_progression()
    >>> np.bincount(diabetes.target).tolist()
    [221, 152, 46, 13, 10]
    """
    source = load_diabetes()
    cuts = np.quantile(source.target, [0.5, 0.85, 0.95, 0.98])
    names = ["0-50 %", "50-85 %", "85-95 %", "95-98 %", "98-100 %"]
    return _array_bunch(
        source.data,
        np.digitize(source.target, cuts),
        list(source.feature_names),
        names,
        names,
        _descr.DIABETES,
        "load_diabetes_progression",
        return_X_y,
        as_frame,
    )


def _load_skordinal(item, descr, return_X_y, as_frame):
    caller = f"load_{item}"
    datasets = import_optional("skordinal.datasets", caller)
    source = getattr(datasets, caller)()
    names = [str(name) for name in source.target_names]
    return _array_bunch(
        source.data,
        source.target,
        list(source.feature_names),
        names,
        [int(name) for name in names],
        descr,
        caller,
        return_X_y,
        as_frame,
    )


def _array_bunch(
    data, target, feature_names, target_names, labels, descr, caller, return_X_y, as_frame
):
    """Return what a loader of numeric arrays returns; target holds codes in rank order."""
    target = np.asarray(target, dtype=np.int64)
    if not as_frame:
        data = np.asarray(data, dtype=float)
        if return_X_y:
            return data, target
        return Bunch(
            data=data,
            target=target,
            frame=None,
            feature_names=feature_names,
            target_names=target_names,
            class_order=list(range(len(target_names))),
            sample_weight=None,
            groups=None,
            DESCR=descr,
        )
    pandas = import_optional("pandas", f"{caller}(as_frame=True)")
    return frame_bunch(
        pandas.DataFrame(data, columns=feature_names),
        ordered(pandas.Series(labels, name="target").take(target), labels),
        target_names,
        descr,
        return_X_y=return_X_y,
        as_frame=True,
    )
