"""Blocks whose Euclidean distances are those that the attributes are said to have."""

import pickle

import numpy as np
import pytest

from skweight._core._attributes import Attribute, attributes_of
from skweight.fairness import _mean_distance
from skweight.fairness._mean_distance import distinct_rows, mean_distance
from skweight.fairness._sensitive import SensitiveEncoder

pytestmark = pytest.mark.filterwarnings("error")

GRADES = ("low", "mid", "high")


def people(n, seed=0):
    """Return attributes of every kind."""
    rng = np.random.default_rng(seed)
    race = rng.choice(["a", "b", "c", "d"], n, p=[0.6, 0.2, 0.15, 0.05])
    male, age = rng.random(n) < 0.4, rng.uniform(18, 90, n).round(1)
    read = attributes_of({"race": race, "male": male, "age": age})
    return [*read, graded(rng.choice(GRADES, n), "grade")]


def graded(values, name="x"):
    """Return an ordered attribute."""
    return Attribute(name, np.array(values, dtype=object), "ordered", GRADES)


def columns_of(data):
    """Return the values of attributes by name, places of grades among them."""
    columns = {attribute.name: attribute.values for attribute in data}
    columns["grade"] = np.array([GRADES.index(value) for value in columns["grade"]])
    return columns


def euclidean(block):
    """Return distances of all pairs, one by one."""
    return np.array([[np.sqrt(((a - b) ** 2).sum()) for b in block] for a in block])


def fitted(given, weight=None, **parameters):
    return SensitiveEncoder(**parameters).fit(attributes_of(given), weight)


def distances(given, weight=None, **parameters):
    """Return the distances of training rows, a matrix for each attribute."""
    blocks = fitted(given, weight, **parameters).transform(attributes_of(given))
    for block in blocks:
        assert block.dtype == np.float64
        assert block.flags.c_contiguous
        assert block.ndim == 2
    return [euclidean(block) for block in blocks]


def differ(values):
    values = list(values)
    return np.array([[float(a != b) for b in values] for a in values])


def apart(values):
    values = np.asarray(values, dtype=float)
    return np.abs(values[:, None] - values)


def test_kinds_levels_and_names():
    encoder = fitted(people(50))
    assert encoder.names_ == ["race", "male", "age", "grade"]
    assert encoder.kinds_ == ["nominal", "nominal", "numeric", "ordered"]
    assert encoder.levels_ == [["a", "b", "c", "d"], [False, True], None, ["low", "mid", "high"]]
    assert repr(encoder) == (
        "SensitiveEncoder(race: nominal (4 levels), male: nominal (2 levels), age: numeric, "
        "grade: ordered (3 levels); scale='minmax')"
    )
    assert repr(SensitiveEncoder()) == "SensitiveEncoder(scale='minmax')"


@pytest.mark.parametrize("metric", ["euclidean", "discrete"])
def test_unscaled_distances(metric):
    data = people(40)
    columns = columns_of(data)
    race, male, age, grade = distances(data, scale=None, nominal_metric=metric)
    far = np.sqrt(2) if metric == "euclidean" else 1.0
    np.testing.assert_allclose(race, far * differ(columns["race"]), atol=1e-15)
    np.testing.assert_array_equal(male, differ(columns["male"]))
    np.testing.assert_allclose(age, apart(columns["age"]), atol=1e-12)
    np.testing.assert_array_equal(grade, apart(columns["grade"]))


def test_scales_divide_the_unscaled_distances():
    data = people(40)
    weight = np.random.default_rng(1).integers(1, 5, 40).astype(float)
    raw = distances(data, weight, scale=None)
    columns = [None, None, columns_of(data)["age"], columns_of(data)["grade"]]
    for scale in ("minmax", "std", "mean_distance"):
        encoder = fitted(data, weight, scale=scale)
        scaled = distances(data, weight, scale=scale)
        for k, column in enumerate(columns):
            if scale == "mean_distance":
                share = weight / weight.sum()
                divisor = sum(
                    share[i] * share[j] * raw[k][i, j] for i in range(40) for j in range(40)
                )
            elif column is None:
                divisor = 1.0
            elif scale == "minmax":
                divisor = column.max() - column.min()
            else:
                divisor = np.repeat(column, weight.astype(int)).std()
            np.testing.assert_allclose(encoder.scale_[k], [divisor], rtol=1e-13)
            np.testing.assert_allclose(scaled[k], raw[k] / divisor, atol=1e-14)


def test_mean_distance_is_one():
    data = people(60)
    weight = np.random.default_rng(1).uniform(0.1, 3, 60)
    share = weight / weight.sum()
    for distance in distances(data, weight, scale="mean_distance"):
        assert share @ distance @ share == pytest.approx(1, rel=1e-13)


@pytest.mark.parametrize("scale", ["minmax", "std", "mean_distance", None])
@pytest.mark.parametrize("max_levels", [None, 4])
def test_integer_weights_are_repeated_rows_to_the_last_digit(scale, max_levels):
    given = people(80)
    pair = np.column_stack([given[2].values, np.random.default_rng(2).normal(size=80)])
    given += attributes_of({"pair": pair})
    weight = np.random.default_rng(3).integers(1, 4, 80)
    rows = np.random.default_rng(4).permutation(np.repeat(np.arange(80), weight))
    repeated = [attribute.take(rows) for attribute in given]
    once = fitted(given, weight.astype(float), scale=scale, max_levels=max_levels)
    often = SensitiveEncoder(scale=scale, max_levels=max_levels).fit(repeated)
    for one, other in zip(once.transform(given), often.transform(given)):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(once.scale_, often.scale_):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("n_columns", [1, 2, 3])
@pytest.mark.parametrize("tile", [1, 50, 333, 2**21])
def test_mean_distance_in_tiles(n_columns, tile, monkeypatch):
    monkeypatch.setattr(_mean_distance, "_TILE", tile)
    rng = np.random.default_rng(0)
    columns = rng.integers(0, 6, (70, n_columns)) / 7
    weight = rng.uniform(0.5, 2, 70)
    wanted = weight @ euclidean(columns) @ weight / weight.sum() ** 2
    distinct, count = distinct_rows(columns, weight)
    assert len(distinct) == len({tuple(row) for row in columns})
    assert mean_distance(distinct, count) == pytest.approx(wanted, rel=1e-13)


def test_several_columns_are_one_attribute():
    rng = np.random.default_rng(0)
    block = np.column_stack([rng.uniform(0, 10, 30), rng.normal(5, 2, 30), np.full(30, 2.0)])
    (raw,) = distances({"x": block}, scale=None)
    np.testing.assert_allclose(raw, euclidean(block), atol=1e-14)
    (minmax,) = distances({"x": block})
    np.testing.assert_allclose(minmax, euclidean(block / [*np.ptp(block[:, :2], axis=0), 1]))
    (std,) = distances({"x": block}, scale="std")
    np.testing.assert_allclose(std, euclidean(block / [*block[:, :2].std(axis=0), 1]))
    (mean,) = distances({"x": block}, scale="mean_distance")
    np.testing.assert_allclose(mean, raw / raw.mean(), rtol=1e-12, atol=1e-14)


def test_indicators_in_several_columns_are_the_nominal_attribute():
    race = people(30)[0]
    dummies = race.values[:, None] == np.array(["a", "b", "c", "d"])
    (nominal,) = distances(race)
    (block,) = distances({"race": dummies})
    np.testing.assert_allclose(block, nominal, atol=1e-15)
    (levels,) = distances({"race": dummies}, types={"race": "nominal"})
    np.testing.assert_allclose(levels, nominal, atol=1e-15)


@pytest.mark.parametrize("scale", ["minmax", "mean_distance"])
@pytest.mark.parametrize("metric", ["euclidean", "discrete"])
@pytest.mark.parametrize("n_levels", [2, 3, 5])
def test_unseen_levels_are_one_level_as_far_as_any(n_levels, metric, scale):
    known = list("abcde")[:n_levels]
    encoder = fitted({"race": known * 3 + ["a"] * 4}, scale=scale, nominal_metric=metric)
    (block,) = encoder.transform({"race": known})
    before = euclidean(block)
    with pytest.warns(UserWarning, match=r"'race' has levels that were not .*\['y', 'z'\], taken"):
        (block,) = encoder.transform({"race": [*known, "z", "y", "z"]})
    after = euclidean(block)
    # A triangle of one side's length has the root of 3 in its height.
    np.testing.assert_allclose(after[:n_levels, :n_levels], before, rtol=1e-15)
    np.testing.assert_allclose(after[n_levels:, :n_levels], before[0, 1], rtol=1e-15)
    np.testing.assert_array_equal(after[n_levels:, n_levels:], 0)
    (again,) = encoder.transform({"race": known})  # the column more is there where it is needed
    assert (again.shape[1], block.shape[1]) == (
        (1, 2) if n_levels == 2 else (n_levels, n_levels + 1)
    )


def test_unseen_level_where_the_fit_saw_one():
    with pytest.warns(UserWarning, match="'race' has only one value in the rows of the fit"):
        encoder = fitted({"race": ["a", "a"]}, scale="mean_distance")
    assert euclidean(encoder.transform({"race": ["a", "a"]})[0]).tolist() == [[0, 0], [0, 0]]
    with pytest.warns(UserWarning, match="taken together as one new level"):
        (block,) = encoder.transform({"race": ["a", "b", "c"]})
    np.testing.assert_array_equal(euclidean(block), [[0, 1, 1], [1, 0, 0], [1, 0, 0]])


def test_many_unseen_levels_are_not_all_listed():
    encoder = fitted({"race": ["a", "b"]})
    with pytest.warns(UserWarning, match=r"\['c', 'd', 'e', 'f', 'g'\], ..., taken"):
        encoder.transform({"race": list("hgfedcba")})


def test_missing_values():
    data = {"race": ["a", None, "b", None], "male": [True, None, False, True]}
    message = r"The nominal attribute 'race' is missing \(NaN or None\) in 2 row\(s\): .*category"
    with pytest.raises(ValueError, match=message):
        fitted(data)
    race, male = distances(data, missing="category")
    np.testing.assert_allclose(race, np.sqrt(2) * differ(data["race"]), rtol=1e-15)
    np.testing.assert_allclose(male, np.sqrt(2) * differ(["t", "?", "f", "t"]), rtol=1e-15)
    encoder = fitted(data, missing="category")
    assert encoder.levels_ == [["a", "b", None], [False, True, None]]


def test_missing_numbers_as_levels():
    codes = [1.0, np.nan, 2.0, np.nan]
    (code,) = distances({"code": codes}, types={"code": "nominal"}, missing="category")
    np.testing.assert_allclose(code, np.sqrt(2) * differ([1, 0, 2, 0]), rtol=1e-15)


@pytest.mark.parametrize("data", [{"x": [1.5, np.nan]}, graded(["low", None])])
@pytest.mark.parametrize("missing", ["error", "category"])
def test_missing_values_of_quantities_are_errors(data, missing):
    with pytest.raises(ValueError, match=r"'x' is missing \(NaN or None\) in 1 row\(s\): .* in\.$"):
        fitted(data, missing=missing)


def test_missing_values_of_new_rows():
    encoder = fitted({"race": ["a", "b"], "age": [1.5, 2.5]})
    with pytest.raises(ValueError, match="'race' is missing"):
        encoder.transform({"race": ["a", None], "age": [1.5, 2.5]})
    with pytest.raises(ValueError, match="'age' is missing"):
        encoder.transform({"race": ["a", "b"], "age": [1.5, None]})
    encoder = fitted({"race": ["a", "b"]}, missing="category")
    with pytest.warns(UserWarning, match=r"\[None\], taken together as one new level"):
        (block,) = encoder.transform({"race": ["a", None, "b"]})
    np.testing.assert_allclose(euclidean(block), differ("a?b"), atol=1e-15)


@pytest.mark.parametrize("m", [2, 7, 20])
def test_rounding_to_steps_of_the_range(m):
    age = people(500)[2].values
    (plain,) = fitted({"age": age}).transform({"age": age})
    encoder = fitted({"age": age}, max_levels=m)
    (rounded,) = encoder.transform({"age": age})
    assert encoder.scale_[0] == np.ptp(age)
    assert len(np.unique(rounded)) == m
    assert np.abs(rounded - plain).max() <= 0.5 / m + 1e-12
    np.testing.assert_allclose(np.unique(rounded), (np.arange(m) + 0.5) / m, rtol=1e-12)
    # New rows outside of the range of the fit stay within half a step, too.
    new = np.array([age.min() - 33.3, age.max() + 47.11])
    (moved,) = encoder.transform({"age": new})
    np.testing.assert_allclose(moved[:, 0], (new - age.min()) / np.ptp(age), atol=0.5 / m + 1e-12)


def test_few_levels_are_not_rounded():
    age = np.repeat([18.0, 19.0, 70.0, 71.5], 5)
    np.testing.assert_array_equal(
        distances({"age": age}, max_levels=4), distances({"age": age}, max_levels=None)
    )
    (three,) = fitted({"age": age}, max_levels=3, scale=None).transform({"age": age})
    assert len(np.unique(three)) == 2  # the middle step is empty


def test_rounding_leaves_nominal_attributes_alone():
    data = people(40)
    for one, other in zip(distances(data, max_levels=2)[:2], distances(data)[:2]):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("scale", ["minmax", "std", "mean_distance", None])
@pytest.mark.parametrize("value", [3.7, "a", True, [0.1, 0.2]])
def test_constant_attributes(scale, value):
    data = {"x": np.array([value] * 7), "age": np.arange(7) + 0.5}
    with pytest.warns(UserWarning, match="The attribute 'x' has only one value .*: leave it out"):
        encoder = fitted(data, np.arange(1, 8) / 3, scale=scale)
    block, _ = encoder.transform(data)
    np.testing.assert_array_equal(euclidean(block), 0)
    np.testing.assert_array_equal(encoder.scale_[0], 1)


@pytest.mark.parametrize(("n_levels", "warned"), [(2, False), (3, True), (10, True), (11, False)])
@pytest.mark.parametrize("dtype", [int, float])
def test_codes_of_groups_taken_as_quantities(n_levels, warned, dtype):
    data = {"code": np.tile(np.arange(n_levels), 3).astype(dtype), "age": np.arange(3 * n_levels)}
    if warned:
        wanted = f"'code' is taken as numeric, and its {n_levels} levels are whole .*'nominal'"
        with pytest.warns(UserWarning, match=wanted):
            fitted({"code": data["code"]})
    else:
        fitted({"code": data["code"]})
    fitted({"code": data["code"]}, types={"code": "numeric"})
    (nominal,) = distances({"code": data["code"]}, types={"code": "nominal"})
    far = np.sqrt(2) if n_levels > 2 else 1
    np.testing.assert_allclose(nominal, far * differ(data["code"]), rtol=1e-15)
    fitted({"code": data["code"] + 0.5})


@pytest.mark.parametrize("dtype", [object, str])
def test_numbers_in_a_column_of_text(dtype):
    age = np.arange(18, 90).astype(dtype)
    with pytest.warns(UserWarning, match="'attribute_0' is taken as nominal, .*: 'numeric'}"):
        fitted(age)
    fitted(age, types={"attribute_0": "nominal"})
    (numeric,) = distances(age, types={"attribute_0": "numeric"}, scale=None)
    np.testing.assert_array_equal(numeric, apart(np.arange(18, 90)))
    fitted(age[:10])  # so few may well be codes


def test_ordered_numbers_lie_at_their_ranks():
    (rank,) = distances({"x": [10, 1000, 20, 10]}, types={"x": "ordered"}, scale=None)
    np.testing.assert_array_equal(rank, apart([0, 2, 1, 0]))
    encoder = fitted({"x": [10, 1000, 20, 10]}, types={"x": "ordered"}, scale=None)
    (block,) = encoder.transform({"x": [15, 1000, 5, 2000]})
    np.testing.assert_allclose(block[:, 0], [0.5, 2, 0, 2])


def test_categories_that_did_not_occur_keep_their_place():
    encoder = fitted(graded(["low", "high"]), scale=None)
    (block,) = encoder.transform(graded(["mid", "low", "high"]))
    np.testing.assert_array_equal(euclidean(block), apart([1, 0, 2]))
    (block,) = encoder.transform({"x": ["high", "mid"]})  # no categorical any more
    np.testing.assert_array_equal(euclidean(block), apart([2, 1]))
    with pytest.raises(ValueError, match="'x' has the value 'top', which has no place among"):
        encoder.transform({"x": ["low", "top"]})


def test_types_of_the_fit_hold_for_new_rows():
    encoder = fitted({"code": [1, 2, 3], "male": [True, False, True]}, types={"code": "nominal"})
    code, male = encoder.transform({"code": [3.0, 1.0], "male": np.array([0, 1])})
    np.testing.assert_allclose(euclidean(code), np.sqrt(2) * differ("ab"), rtol=1e-15)
    np.testing.assert_array_equal(male, [[0], [1]])
    encoder = fitted({"age": [1.5, 2.5]})
    with pytest.raises(ValueError, match=r"'age'.*='numeric', but the attribute holds values that"):
        encoder.transform({"age": ["young", "old"]})


def test_attributes_are_matched_by_name_or_else_by_place():
    data = people(20)[:3]
    encoder = fitted(data)
    wanted = encoder.transform(data)
    race, male, age = [attribute.values for attribute in data]
    unnamed = list(zip(race, male, age))
    for given in (data[::-1], {"age": age, "race": race, "male": male}, unnamed):
        for one, other in zip(encoder.transform(given), wanted):
            np.testing.assert_array_equal(one, other)
    for given in (data[:1], [data[0], data[1], graded(["low"] * 20)], np.ones((20, 4))):
        with pytest.raises(
            ValueError, match=r"The attributes are \[.*want those of the fit, \['ra"
        ):
            encoder.transform(given)


def test_frames_and_ordered_categoricals():
    pandas = pytest.importorskip("pandas", reason="it has ordered categoricals")
    data = people(20)
    wanted = fitted(data).transform(data)
    frame = pandas.DataFrame({attribute.name: attribute.values for attribute in data})
    frame["grade"] = frame["grade"].astype(pandas.CategoricalDtype(GRADES, ordered=True))
    encoder = fitted(frame)
    assert encoder.kinds_ == ["nominal", "nominal", "numeric", "ordered"]
    for given in (frame, frame[["grade", "age", "male", "race"]], frame.astype({"grade": str})):
        for one, other in zip(encoder.transform(given), wanted):
            np.testing.assert_array_equal(one, other)


def test_several_columns_must_stay_as_many():
    encoder = fitted({"x": np.eye(3)})
    with pytest.raises(ValueError, match=r"'x' has 2 column\(s\), and had 3 in the fit"):
        encoder.transform({"x": np.ones((4, 2))})


def test_order_of_rows_and_read_only_input_make_no_difference():
    data = people(50)
    order = np.random.default_rng(0).permutation(50)
    turned = [attribute.take(order) for attribute in data]
    for scale in ("std", "mean_distance"):
        one = fitted(data, scale=scale).transform(data)
        other = fitted(turned, scale=scale).transform(data)
        for a, b in zip(one, other):
            np.testing.assert_array_equal(a, b)
    age = data[2].values.copy()
    age.flags.writeable = False
    kept = age.copy()
    fitted({"age": age}, max_levels=5).transform({"age": age})
    np.testing.assert_array_equal(age, kept)


def test_no_row_is_kept():
    sizes = []
    for n in (100, 10_000):
        data = people(n)
        encoder = fitted(data, np.ones(n), scale="mean_distance", max_levels=10)
        again = pickle.loads(pickle.dumps(encoder))
        for one, other in zip(encoder.transform(data), again.transform(data)):
            np.testing.assert_array_equal(one, other)
        sizes.append(len(pickle.dumps(encoder)))
    assert abs(sizes[0] - sizes[1]) < 20


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"scale": "max"}, r"scale must be one of .*'minmax'.* got 'max'"),
        ({"scale": 1}, "scale must be one of"),
        ({"scale": np.ones(2)}, "scale must be one of"),
        ({"missing": None}, "missing must be one of .* got None"),
        ({"missing": "ignore"}, "missing must be one of"),
        ({"nominal_metric": "hamming"}, "nominal_metric must be one of .* got 'hamming'"),
        ({"max_levels": 1}, "max_levels must be None or a whole number of at least 2, got 1"),
        ({"max_levels": 2.5}, "max_levels must be"),
        ({"max_levels": True}, "max_levels must be"),
        ({"types": {"rase": "nominal"}}, "names 'rase', which is no attribute"),
        ({"types": "nominal"}, "must be 'auto' or a dict"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        fitted(people(10), **parameters)


def test_too_many_levels_for_memory():
    names = np.arange(30_000).astype(str)
    with pytest.raises(ValueError, match="30000 levels in 30000 rows, whose dummies do not fit"):
        fitted({"name": names}, types={"name": "nominal"})


def test_fit_changes_nothing_that_was_given():
    data, types = people(20), {"age": "numeric"}
    copies = [attribute.values.copy() for attribute in data]
    encoder = SensitiveEncoder(types=types)
    assert encoder.fit(data) is encoder
    encoder.transform(data)
    assert encoder.types is types
    assert encoder.max_levels is None
    for attribute, copy in zip(data, copies):
        np.testing.assert_array_equal(attribute.values, copy)
