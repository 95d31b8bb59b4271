"""How rows and attributes arrive, at fit and at predict, and what is refused."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skweight.fairness import DistanceCovarianceClassifier, DistanceCovarianceRegressor

pd = pytest.importorskip("pandas")

ESTIMATORS = [DistanceCovarianceClassifier, DistanceCovarianceRegressor]
NUMBERS = ["income", "debt", "tenure"]


@pytest.fixture(params=ESTIMATORS)
def make(request):
    return lambda **parameters: request.param(**{"fairness_alpha": 5.0, **parameters})


def people(n=150, seed=0):
    """A frame with two attributes among three numbers, and a target for either estimator."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "sex": np.array(["f", "m"])[rng.integers(0, 2, n)],
            "income": rng.normal(size=n),
            "age": rng.uniform(20, 60, n),
            "debt": rng.normal(size=n),
            "tenure": rng.uniform(0, 1, n),
        },
        index=rng.permutation(n) + 1000,
    )
    frame["income"] += (frame.sex == "m") + 0.02 * frame.age
    y = (frame.income - frame.debt + rng.logistic(size=n) > 1.2).astype(int).to_numpy()
    return frame, y


def same(one, two, kept=slice(None)):
    """Both fits have the same bits, the first in some of its columns."""
    np.testing.assert_array_equal(one.coef_[..., kept], two.coef_)
    np.testing.assert_array_equal(one.intercept_, two.intercept_)
    np.testing.assert_array_equal(one.penalty_, two.penalty_)


# -------------------------------------------------------------------- ways to name attributes


@pytest.mark.parametrize(
    "columns",
    [
        ["sex", "age"],
        [0, 2],
        [0, -3],
        np.array([True, False, True, False, False]),
        lambda X: ["sex", "age"],
        {"sex": "sex", "age": ["age"]},
    ],
    ids=["names", "indices", "from the end", "mask", "callable", "dict"],
)
def test_columns_may_be_named_in_any_way(make, columns):
    frame, y = people()
    outside = make().fit(frame[NUMBERS], y, sensitive_features=frame[["sex", "age"]])
    inside = make(sensitive_columns=columns).fit(frame, y)
    same(inside, outside, [1, 3, 4])
    np.testing.assert_array_equal(inside.coef_[..., [0, 2]], 0)
    np.testing.assert_array_equal(inside.predict(frame), outside.predict(frame[NUMBERS]))
    assert inside.n_features_in_ == 5
    assert inside.feature_names_in_.tolist() == frame.columns.tolist()
    assert sorted(inside.sensitive_encoder_.names_) == ["age", "sex"]


def test_a_single_name_or_index(make):
    frame, y = people()
    frame = frame.drop(columns="sex")
    expected = make().fit(frame[NUMBERS], y, sensitive_features=frame["age"])
    for columns in ("age", 1, make_column_selector("age")):
        same(make(sensitive_columns=columns).fit(frame, y), expected, [0, 2, 3])


def test_attributes_are_aligned_by_position(make):
    frame, y = people()
    expected = make().fit(frame[NUMBERS], y, sensitive_features=frame[["sex", "age"]])
    shuffled = frame[["sex", "age"]].set_axis(frame.index[::-1])
    for S in (shuffled, dict(shuffled)):
        same(make().fit(frame[NUMBERS], y, sensitive_features=S), expected)
    S = frame[["sex", "age"]].to_numpy(dtype=object)
    unnamed = make().fit(frame[NUMBERS].to_numpy(), y, sensitive_features=S)
    np.testing.assert_array_equal(unnamed.coef_, expected.coef_)


def test_several_columns_may_be_one_attribute(make):
    """A one-hot attribute given as its columns is the nominal attribute."""
    frame, y = people()
    race = np.array(["a", "b", "c"])[np.arange(len(frame)) % 3]
    dummies = pd.get_dummies(pd.Series(race, index=frame.index), prefix="race", dtype=float)
    X = pd.concat([frame[NUMBERS], dummies], axis=1)
    expected = make(measure="sum").fit(frame[NUMBERS], y, sensitive_features=race)
    grouped = make(measure="sum", sensitive_columns={"race": list(dummies)}, scale=None)
    grouped.fit(X, y)
    np.testing.assert_allclose(grouped.penalty_, expected.penalty_, rtol=1e-6)
    np.testing.assert_allclose(grouped.coef_[..., :3], expected.coef_, rtol=1e-4)


def test_attributes_may_stay_among_the_features(make):
    frame, y = people()
    X = frame.drop(columns="sex")
    model = make(sensitive_columns=["age"], drop_sensitive=False, fairness_alpha=0.1).fit(X, y)
    outside = make(fairness_alpha=0.1).fit(X, y, sensitive_features=X["age"])
    same(model, outside)
    assert model.coef_[..., 1].any()
    with pytest.raises(ValueError, match="feature names"):
        model.predict(X[NUMBERS])


def test_sparse_rows(make):
    frame, y = people()
    X = frame.drop(columns="sex").to_numpy()
    expected = make(sensitive_columns=[1]).fit(X, y)
    for container in (sparse.csr_matrix, sparse.csc_array, sparse.coo_matrix):
        model = make(sensitive_columns=[1]).fit(container(X), y)
        np.testing.assert_allclose(model.coef_, expected.coef_, rtol=1e-4, atol=1e-7)
        np.testing.assert_allclose(model.predict(container(X)), model.predict(X), rtol=1e-12)


def test_names_after_a_transformer_need_set_output(make):
    frame, y = people()
    steps = ColumnTransformer(
        [("numbers", StandardScaler(), NUMBERS), ("keep", "passthrough", ["age"])]
    )
    pipeline = make_pipeline(steps, make(sensitive_columns=["keep__age"]))
    with pytest.raises(ValueError, match="set_output"):
        pipeline.fit(frame, y)
    steps.set_output(transform="pandas")
    model = pipeline.fit(frame, y)[-1]
    assert model.sensitive_encoder_.names_ == ["keep__age"]


# -------------------------------------------------------------------- predict


def test_a_frame_may_lack_the_sensitive_columns(make):
    frame, y = people()
    model = make(sensitive_columns=["sex", "age"]).fit(frame, y)
    expected = model.predict(frame)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(model.predict(frame[NUMBERS]), expected)
        other = frame.assign(sex="unknown", age=np.nan)
        np.testing.assert_array_equal(model.predict(other), expected)
    for wrong in (
        frame[NUMBERS[::-1]],
        frame[["sex", *NUMBERS]],
        frame[NUMBERS[:2]],
        frame[["income", "sex", "age", "debt", "tenure"]],
    ):
        with pytest.raises(ValueError, match="feature names"):
            model.predict(wrong)


def test_polars(make):
    pl = pytest.importorskip("polars")
    frame, y = people()
    model = make(sensitive_columns=["sex", "age"]).fit(frame, y)
    expected = model.predict(frame)
    frame, numbers = (pl.DataFrame(dict(part)) for part in (frame, frame[NUMBERS]))
    same(make(sensitive_columns=["sex", "age"]).fit(frame, y), model)
    for rows in (frame, numbers):
        np.testing.assert_array_equal(model.predict(rows), expected)
    outside = make().fit(numbers, y, sensitive_features=frame[["sex", "age"]])
    same(model, outside, [1, 3, 4])


def test_an_array_keeps_its_width(make):
    frame, y = people()
    X = frame.to_numpy()
    model = make(sensitive_columns=[0, 2]).fit(X, y)
    expected = model.predict(X)
    changed = X.copy()
    changed[:, 0], changed[:, 2] = "unknown", None
    np.testing.assert_array_equal(model.predict(changed), expected)
    np.testing.assert_array_equal(model.predict(X.tolist()), expected)
    with pytest.raises(ValueError, match="3 features"):
        model.predict(X[:, [1, 3, 4]])
    with pytest.raises(ValueError, match="features"):
        model.predict(np.hstack([X, X]))


def test_no_attributes_are_needed_at_predict(make):
    frame, y = people()
    model = make().fit(frame[NUMBERS], y, sensitive_features=frame.sex)
    assert len(model.predict(frame[NUMBERS][:3])) == 3


# -------------------------------------------------------------------- inside scikit-learn


def test_grid_search_with_attributes_in_x(make):
    frame, y = people()
    search = GridSearchCV(
        make(sensitive_columns=["sex", "age"]),
        {"fairness_alpha": [0.0, 1.0, 5.0]},
        cv=3,
        error_score="raise",
    ).fit(frame, y)
    assert search.best_estimator_.sensitive_encoder_.names_ == ["sex", "age"]


def test_grid_search_slices_passed_attributes(make):
    frame, y = people()
    S = frame[["sex", "age"]]
    search = GridSearchCV(make(), {"fairness_alpha": [0.0, 5.0]}, cv=3, error_score="raise").fit(
        frame[NUMBERS], y, sensitive_features=S
    )
    assert search.best_estimator_.penalty_ > 0
    pipeline = make_pipeline(StandardScaler(), make())
    step = pipeline.steps[-1][0]
    pipeline.fit(frame[NUMBERS], y, **{f"{step}__sensitive_features": S})
    assert pipeline[-1].penalty_ > 0


def test_routing(make):
    frame, y = people()
    X, S = frame[NUMBERS], frame[["sex", "age"]]
    with config_context(enable_metadata_routing=True):
        asked = make().set_fit_request(sensitive_features=True)
        pipeline = make_pipeline(StandardScaler(), asked).fit(X, y, sensitive_features=S)
        assert pipeline[-1].penalty_ > 0
        search = GridSearchCV(
            clone(asked), {"fairness_alpha": [0.0, 5.0]}, cv=3, n_jobs=2, error_score="raise"
        ).fit(X, y, sensitive_features=S)
        assert search.best_estimator_.penalty_ > 0
        scores = cross_val_score(asked, X, y, cv=3, params={"sensitive_features": S})
        assert np.isfinite(scores).all()
        with pytest.raises(UnsetMetadataPassedError, match="sensitive_features"):
            make_pipeline(StandardScaler(), make()).fit(X, y, sensitive_features=S)


def test_one_hot_inside_a_pipeline(make):
    frame, y = people()
    steps = ColumnTransformer(
        [("sex", OneHotEncoder(), ["sex"]), ("numbers", StandardScaler(), NUMBERS)]
    )
    pipeline = make_pipeline(steps, make(sensitive_columns={"sex": [0, 1]}, scale=None))
    model = pipeline.fit(frame, y)[-1]
    np.testing.assert_array_equal(model.coef_[..., :2], 0)


# -------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("parameters", "given", "message"),
    [
        ({"sensitive_columns": ["sex"]}, "sex", "sensitive_features must be None where"),
        ({"sensitive_columns": ["race"]}, None, "race"),
        ({"sensitive_columns": [7]}, None, "7"),
        ({"sensitive_columns": []}, None, "selects no column"),
        ({"normalize": True, "measure": "jdcov"}, "sex", "normalize must be False"),
        ({"fairness_alpha": -1.0}, "sex", "fairness_alpha"),
        ({"c": 0.0}, "sex", "'c'"),
        ({"smoothing": -1e-4}, "sex", "smoothing"),
        ({"max_levels": 1}, "sex", "max_levels"),
        ({"sensitive_types": {"race": "nominal"}}, "sex", "names 'race'"),
        ({"sensitive_types": {"sex": "whatever"}}, "sex", "whatever"),
        ({"measure": "dcov"}, "sex", "measure"),
    ],
)
def test_parameters_that_mean_nothing(make, parameters, given, message):
    frame, y = people()
    X = frame if "sensitive_columns" in parameters else frame[NUMBERS]
    S = None if given is None else frame[given]
    with pytest.raises(ValueError, match=message):
        make(**parameters).fit(X, y, sensitive_features=S)


def test_attributes_that_mean_nothing(make):
    frame, y = people()
    X, age = frame[NUMBERS], frame.age.to_numpy()
    for S, message in (
        (age[:-1], "one row for each of the 150 rows of X, got 149"),
        (np.where(np.arange(150) == 3, np.nan, age), "missing"),
        (np.where(np.arange(150) == 3, np.inf, age), "infinite"),
        (sparse.csr_matrix(age[:, None]), "sparse"),
        (np.zeros((150, 0)), "no columns"),
    ):
        with pytest.raises(ValueError, match=message):
            make().fit(X, y, sensitive_features=S)


def test_missing_levels_may_be_a_category(make):
    frame, y = people()
    sex = frame.sex.where(np.arange(150) % 5 > 0, None)
    with pytest.raises(ValueError, match="missing"):
        make().fit(frame[NUMBERS], y, sensitive_features=sex)
    model = make(missing="category").fit(frame[NUMBERS], y, sensitive_features=sex)
    assert len(model.sensitive_encoder_.levels_[0]) == 3


@pytest.mark.parametrize("columns", [[0], [0, 1]])
def test_all_columns_sensitive(make, columns):
    frame, y = people()
    X = frame[NUMBERS[: len(columns)]].to_numpy()
    with pytest.raises(ValueError, match=rf"{len(columns)} feature\(s\)"):
        make(sensitive_columns=columns).fit(X, y)


def test_unbiased_statistics_need_more_than_three_rows(make):
    X, y, s = (
        np.array([[0.0], [3.0], [1.0], [2.5]]),
        np.array([0, 1, 0, 1]),
        np.array([1.5, 2.0, 4.0, 3.5]),
    )
    w = np.array([1.0, 1.0, 1.0, 0.0])
    with pytest.raises(ValueError, match="more than 3"):
        make(statistic="U").fit(X, y, w, sensitive_features=s)
    make(statistic="V", fairness_alpha=0.1).fit(X, y, w, sensitive_features=s)
    make(statistic="U", fairness_alpha=0.1).fit(X, y, sensitive_features=s)


def test_a_constant_attribute(make):
    frame, y = people()
    with pytest.warns(UserWarning, match="only one value"):
        model = make().fit(frame[NUMBERS], y, sensitive_features=np.ones(150))
    assert abs(model.penalty_) < 1e-15
    with pytest.warns(UserWarning, match="only one value"):
        both = make().fit(
            frame[NUMBERS], y, sensitive_features={"one": np.ones(150), "age": frame.age}
        )
    alone = make().fit(frame[NUMBERS], y, sensitive_features=frame.age)
    np.testing.assert_allclose(both.coef_, alone.coef_, rtol=1e-4)


def test_integer_codes_are_suspicious(make):
    frame, y = people()
    codes = np.arange(150) % 4
    with pytest.warns(UserWarning, match="attribute_0"):
        make().fit(frame[NUMBERS], y, sensitive_features=codes)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(sensitive_types={"attribute_0": "nominal"}).fit(
            frame[NUMBERS], y, sensitive_features=codes
        )


def test_an_attribute_that_is_the_target(make):
    frame, y = people()
    labels = np.array(["no", "yes"])[y]
    with pytest.warns(UserWarning, match="'answer' is the target y"):
        make(fairness_alpha=0.1).fit(
            frame[NUMBERS], y, sensitive_features=pd.DataFrame({"answer": labels})
        )
    with pytest.warns(UserWarning, match="is the target y"):
        make(fairness_alpha=0.1).fit(frame[NUMBERS], y, sensitive_features=y)


def test_text_among_the_features(make):
    frame, y = people()
    with pytest.raises(ValueError, match="could not convert string"):
        make(sensitive_columns=["age"]).fit(frame, y)
    with pytest.raises(ValueError, match="could not convert string"):
        make(sensitive_columns=["sex"], drop_sensitive=False).fit(frame, y)


def test_a_fit_without_a_target(make):
    frame, _ = people()
    with pytest.raises(ValueError, match="requires y to be passed"):
        make(sensitive_columns=["sex", "age"]).fit(frame, None)
