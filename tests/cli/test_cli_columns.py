"""What becomes of each kind of column."""

import numpy as np
import pytest

from skweight._cli import CommandError
from skweight._cli.columns import columns_of, conform, encoder, plan_columns

pandas = pytest.importorskip("pandas")


def frame_of(**columns):
    return pandas.DataFrame({name: list(cells) for name, cells in columns.items()})


def test_text_that_holds_numbers_becomes_numbers():
    frame, columns = plan_columns(frame_of(a=["1", " 2.5", "NA", ""], b=["x", "y", "x", "n/a"]))
    assert (columns.numeric, columns.categorical) == (["a"], ["b"])
    np.testing.assert_array_equal(frame["a"], [1, 2.5, np.nan, np.nan])
    assert frame["b"].tolist()[:3] == ["x", "y", "x"]
    assert np.isnan(frame["b"][3])


def test_decimal_commas_are_read():
    frame, _ = plan_columns(frame_of(a=["1,5", "-2,25", "3", ""]))
    np.testing.assert_array_equal(frame["a"], [1.5, -2.25, 3, np.nan])


def test_a_few_odd_cells_in_a_column_of_numbers_count_as_missing():
    frame, columns = plan_columns(frame_of(a=[str(i % 7) for i in range(29)] + ["unknown"]))
    assert columns.numeric == ["a"]
    assert np.isnan(frame["a"][29])
    assert "1 cells ('unknown') not numbers" in columns.notes[0]


def test_codes_with_leading_zeros_stay_categories():
    assert plan_columns(frame_of(zip=["0123", "4567", "8901"]))[1].categorical == ["zip"]


def test_booleans_and_categories_are_text():
    table = frame_of(a=[True, False, None], b=["u", "v", "u"])
    table["b"] = table["b"].astype("category")
    frame, columns = plan_columns(table)
    assert columns.categorical == ["a", "b"]
    assert frame["a"].tolist()[:2] == ["True", "False"]


def test_nullable_numbers_become_floats():
    table = pandas.DataFrame({"a": pandas.array([1, None, 3], dtype="Int64")})
    np.testing.assert_array_equal(plan_columns(table)[0]["a"], [1, np.nan, 3])


def test_infinite_values_count_as_missing():
    frame, columns = plan_columns(frame_of(a=[1.0, np.inf, 2.0], b=["1", "-inf", "3"]))
    assert np.isnan(frame["a"][1])
    assert np.isnan(frame["b"][1])
    assert "1 infinite values" in columns.notes[0]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (["", "NA", "nan"] * 10, "no values"),
        (["same"] * 30, "one value only"),
        ([7.0] * 30, "one value only"),
        ([f"2021-03-{1 + i % 28:02d} 10:00" for i in range(30)], "dates"),
        (pandas.date_range("2021-01-01", periods=30), "dates"),
        ([f"person {i}" for i in range(30)], "nearly every row has its own text"),
        (range(30), "row numbers"),
        ([str(i) for i in range(1, 34) if i not in (4, 9, 20)], "row numbers"),
        ([[1, 2]] * 30, "lists or records"),
    ],
)
def test_useless_columns_are_left_out_with_their_reason(cells, reason):
    table = frame_of(bad=cells, good=np.arange(30) % 4)
    frame, columns = plan_columns(table)
    assert list(frame.columns) == ["good"]
    assert any("'bad'" in note and reason in note for note in columns.notes)


def test_identifiers_are_known_by_name():
    numbers = np.random.default_rng(0).permutation(10**6)[:30]
    table = frame_of(patientID=numbers, case_id=numbers, idle=numbers, good=np.arange(30) % 4)
    assert plan_columns(table)[1].numeric == ["idle", "good"]


@pytest.mark.parametrize("cells", [range(1950, 1980), range(0, 60, 2), range(30, 0, -1)])
def test_distinct_whole_numbers_may_mean_something(cells):
    assert plan_columns(frame_of(a=cells))[1].numeric == ["a"]


def test_distinct_measurements_are_no_row_numbers():
    assert plan_columns(frame_of(a=np.random.default_rng(0).normal(size=30)))[1].numeric == ["a"]


def test_nothing_left_is_refused():
    with pytest.raises(CommandError, match=r"no column is left .* one value only"):
        plan_columns(frame_of(a=["x", "x"]))


@pytest.mark.filterwarnings("ignore:Found unknown categories")
@pytest.mark.parametrize("native", [False, True])
def test_encoding_survives_what_training_never_saw(native):
    table = frame_of(a=[1.0, 2, np.nan, 4] * 5, b=["x", "y", "x", ""] * 5)
    frame, columns = plan_columns(table)
    transformer = encoder(columns, native=native).fit(frame)
    new, _ = conform(frame_of(b=["never", ""], a=["", "junk"]), columns)
    encoded = transformer.transform(new[columns.names])
    assert encoded.shape == (2, transformer.transform(frame).shape[1])
    if not native:
        assert np.isfinite(encoded).all()


def test_encoded_training_columns_by_hand():
    frame, columns = plan_columns(frame_of(a=[1.0, 3.0, 1.0, 3.0], b=["x", "y", "y", "x"]))
    encoded = encoder(columns).fit_transform(frame)
    np.testing.assert_array_equal(encoded, [[-1, 0], [1, 1], [-1, 1], [1, 0]])


def test_many_levels_are_pooled():
    cells = [f"c{i % 60}" for i in range(240)]
    frame, columns = plan_columns(frame_of(b=cells))
    assert encoder(columns).fit_transform(frame).shape[1] == 29
    assert "60 levels" in columns.notes[0]


def test_columns_are_read_back_from_a_fitted_encoder():
    frame, columns = plan_columns(frame_of(a=[1.0, 3.0], b=["x", "y"]))
    for native in (False, True):
        back = columns_of(encoder(columns, native=native).fit(frame))
        assert (back.numeric, back.categorical) == (["a"], ["b"])


def test_a_category_of_digits_reads_the_same_from_text_and_from_numbers():
    _, columns = plan_columns(frame_of(b=["1", "2", "A"]))
    for cells in (["1", "2"], [1, 2], [1.0, 2.0]):
        assert conform(frame_of(b=cells), columns)[0]["b"].tolist() == ["1", "2"]
