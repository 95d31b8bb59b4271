"""Targets of numbers, in whatever form, and weights."""

import numpy as np
import pytest

from skweight._cli import CommandError
from skweight._cli.numbers import is_measured, read_numbers, read_weights

pandas = pytest.importorskip("pandas")


def numbers(cells, **kwargs):
    return read_numbers(pandas.Series(cells, name="y", **kwargs))


@pytest.mark.parametrize(
    "cells",
    [
        ["1.5", " 2", "", "-3e2"],
        ["1,5", "2", "NA", "-300,0"],
        [1.5, 2.0, np.nan, -300.0],
        [1.5, 2, None, -300],
    ],
)
def test_numbers_are_read_and_missing_ones_left_out(cells):
    found = numbers(cells)
    np.testing.assert_array_equal(found.values, [1.5, 2, -300])
    assert found.known.tolist() == [True, True, False, True]
    assert "left out 1 of 4 rows without 'y'" in found.notes


def test_nullable_and_whole_numbers_are_read():
    found = numbers(pandas.array([1, None, 3], dtype="Int64"))
    np.testing.assert_array_equal(found.values, [1, 3])
    np.testing.assert_array_equal(numbers([2, 1]).values, [2, 1])


def test_decimal_commas_are_told():
    assert numbers(["1,5", "2,25"]).notes == ["the commas in 'y' are read as decimal commas"]
    assert numbers(["1.5", "2"]).notes == []


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        (["1", "two", "3"], "must hold numbers to predict quantiles, but 1 of 3 values are none"),
        ([True, False], "'True'"),
        (["1,234.5", "2"], "'1,234.5'"),
        (["", "NA"], "has no values"),
        (["1", "inf"], "infinite"),
        ([1.0, -np.inf], "infinite"),
        (pandas.date_range("2020-01-01", periods=2), "2020-01-01"),
    ],
)
def test_unusable_numbers_are_refused(cells, told):
    with pytest.raises(CommandError, match=told):
        numbers(cells)


@pytest.mark.parametrize(
    ("cells", "measured"),
    [
        (np.arange(30) / 7, True),
        (np.arange(100) % 26, True),
        (np.arange(100) % 25, False),
        (np.arange(100) % 3, False),
        (np.arange(8), True),
        (["a", "b", "c"], False),
        ([f"{i}x" for i in range(99)], False),
        ([""], False),
    ],
)
def test_many_different_numbers_are_measured(cells, measured):
    assert is_measured(pandas.Series(cells, name="y")) == measured


def test_weights_are_read():
    found = read_weights(pandas.Series(["1", " 2.5", "0", "", "1,5"], name="w"))
    np.testing.assert_array_equal(found, [1, 2.5, 0, np.nan, 1.5])


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        (["1", "-2"], "holds a negative value, -2"),
        (["1", "heavy"], "holds 'heavy', not a number"),
        (["1", "inf"], "holds an infinite value"),
        (["0", "0"], "holds no positive value"),
        (["", "NA"], "holds no positive value"),
    ],
)
def test_unusable_weights_are_refused(cells, told):
    with pytest.raises(CommandError, match=told):
        read_weights(pandas.Series(cells, name="w"))
