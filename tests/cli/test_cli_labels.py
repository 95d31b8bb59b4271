"""Ordered labels, in whatever form, and weights."""

import numpy as np
import pytest

from skweight._cli import CommandError
from skweight._cli.labels import read_target

pandas = pytest.importorskip("pandas")


def target(cells, order=None, **kwargs):
    return read_target(pandas.Series(cells, name="y", **kwargs), order)


@pytest.mark.parametrize("cells", [["10", "2", " 1 ", "2"], [10, 2, 1, 2], [10.0, 2.0, 1.0, 2.0]])
def test_whole_numbers_sort_by_value(cells):
    found = target(cells)
    assert found.order.tolist() == [1, 2, 10]
    assert found.labels.tolist() == [10, 2, 1, 2]
    assert found.labels.dtype == np.int64


def test_fractions_sort_by_value_and_stay_text():
    found = target(["1.50", "0.5", "1.5", "10"])
    assert found.order.tolist() == ["0.5", "1.5", "10"]
    assert found.labels.tolist() == ["1.5", "0.5", "1.5", "10"]


def test_text_follows_the_given_order():
    found = target([" mid", "low", "high"], "low, mid ,high")
    assert found.order.tolist() == ["low", "mid", "high"]
    assert found.labels.tolist() == ["mid", "low", "high"]


def test_numbers_follow_the_given_order():
    found = target(["3", "1", "2.0"], "3,2,1")
    assert found.order.tolist() == [3, 2, 1]


def test_ordered_categories_keep_their_order():
    dtype = pandas.CategoricalDtype(["small", "big", "huge", "unused"], ordered=True)
    found = target(["huge", "small", "big"], dtype=dtype)
    assert found.order.tolist() == ["small", "big", "huge"]


def test_booleans_and_two_words_need_no_order():
    assert target([True, False, True]).order.tolist() == ["False", "True"]
    found = target(["yes", "no"])
    assert found.order.tolist() == ["no", "yes"]
    assert "'yes' counts as the higher" in found.notes[0]


def test_rows_without_a_label_are_left_out_with_a_note():
    found = target(["1", "", "NA", "2", None])
    assert found.known.tolist() == [True, False, False, True, False]
    assert found.labels.tolist() == [1, 2]
    assert "3 of 5 rows" in found.notes[0]


@pytest.mark.parametrize("word", ["NA", "None", "null"])
def test_a_listed_label_is_never_missing(word):
    found = target(["b", word, "c"], f"{word},b,c")
    assert found.labels.tolist() == ["b", word, "c"]


def test_a_listed_label_that_never_occurs_is_noted():
    found = target(["a", "b"], "a,b,c")
    assert found.order.tolist() == ["a", "b"]
    assert "never takes 'c'" in found.notes[0]


@pytest.mark.parametrize(
    ("cells", "order", "told"),
    [
        (["a", "b", "c"], None, r"say which is lower with --order, such as --order 'a,b,c'"),
        (["a", "b", "c"], "a,b", r"--order does not list 'c', found in 'y'"),
        (["1", "2", "3"], "1,2", r"--order does not list '3'"),
        (["a", "b"], "a,b,a", r"--order lists 'a' twice"),
        (["a", "b"], "a", r"two or more labels"),
        (["a", "b"], "a,,b", r"two or more labels"),
        (["a", "b"], "", r"two or more labels"),
        (["a", "a"], None, r"one class only, 'a'"),
        (["1", "1.0"], None, r"one class only, '1'"),
        (["a", "a"], "a,b", r"one class only"),
        (["", "NA"], None, r"no values"),
        ([f"{i}.5" for i in range(40)], None, r"40 different values: cut it"),
    ],
)
def test_unusable_targets_are_refused(cells, order, told):
    with pytest.raises(CommandError, match=told):
        target(cells, order)
