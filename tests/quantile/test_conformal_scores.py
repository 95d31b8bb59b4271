"""The mathematics of split calibration: exact ranks, scores, margins, and the repair."""

from fractions import Fraction
from math import ceil, floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal

from skweight.quantile import noncross_minmax
from skweight.quantile._conformal_scores import (
    ceil_rank,
    conformity_scores,
    enough_rows,
    exact_level,
    floor_rank,
    is_median,
    mirror_levels,
    score_levels,
    sorted_scores,
    split_margins,
    weighted_margins,
)
from skweight.quantile._conformal_split import width_floor


def test_ranks_where_floats_are_off_by_one():
    # 1 - 0.7 is a little above 0.3, 0.35 * 700000 a little below 245000.
    assert ceil((1 - 0.7) * 10) == 4
    assert ceil_rank(1 - exact_level(0.7), 9) == 3
    assert ceil((1 - 0.7) * 100000 - 1e-12) == 30001
    assert ceil_rank(1 - exact_level(0.7), 99_999) == 30_000
    assert floor(0.35 * 700000 + 1e-12) == 244_999
    assert floor_rank(exact_level(0.35), 699_999) == 245_000


@given(st.integers(1, 999), st.integers(0, 10**6))
def test_ranks_of_thousandths(thousandths, n):
    level = exact_level(thousandths / 1000)
    assert level == Fraction(thousandths, 1000)
    assert ceil_rank(level, n) == -(-thousandths * (n + 1) // 1000)
    assert floor_rank(level, n) == thousandths * (n + 1) // 1000
    # The two ends of CV+ go to infinity together.
    assert floor_rank(level, n) + ceil_rank(1 - level, n) == n + 1


def test_levels_that_were_computed_are_the_ones_meant():
    assert exact_level((1 - 0.9) / 2) == Fraction(1, 20)
    assert exact_level(np.float32(0.1)) == Fraction(1, 10)
    assert exact_level(1 / 3) == Fraction(1, 3)


def test_shares_of_scores():
    levels = np.array([0.05, 0.5, 0.95])
    assert score_levels(levels, "two") == [Fraction(9, 10), 0, Fraction(9, 10)]
    assert score_levels(levels, "one") == [Fraction(19, 20), Fraction(1, 2), Fraction(19, 20)]


@pytest.mark.parametrize("share", [Fraction(9, 10), Fraction(1, 3), Fraction(999, 1000)])
def test_enough_rows_are_the_fewest(share):
    n = enough_rows(share)
    assert ceil_rank(share, n) <= n
    assert ceil_rank(share, n - 1) > n - 1


def test_scores_by_hand():
    levels = np.array([0.1, 0.5, 0.9])
    forecast = np.array([[0.0, 1.0, 2.0]] * 3)
    y = np.array([-1.0, 1.5, 5.0])
    two = conformity_scores(y, forecast, levels, "two")
    assert_array_equal(two, [[1, 0, 1], [-0.5, 0, -0.5], [3, 0, 3]])
    one = conformity_scores(y, forecast, levels, "one")
    assert_array_equal(one, [[1, 0, -3], [-1.5, 0, -0.5], [-5, 0, 3]])


def test_mirrors():
    assert_array_equal(mirror_levels(np.array([0.1, 0.5, 0.8, 0.9])), [3, 1, -1, 0])
    assert_array_equal(is_median(np.array([0.1, 0.5 + 1e-12, 0.9])), [False, True, False])


@pytest.mark.parametrize(("n", "expected"), [(8, np.inf), (9, 9.0), (19, 18.0), (0, np.inf)])
def test_margin_is_the_order_statistic_or_infinite(n, expected):
    scores = np.random.default_rng(0).permutation(np.arange(1.0, n + 1))[:, None]
    margins = split_margins(scores, [Fraction(9, 10)], np.array([False]))
    assert margins[0] == expected


def test_the_median_keeps_its_place():
    scores = np.arange(20.0).reshape(10, 2)
    margins = split_margins(scores, [Fraction(1, 2)] * 2, np.array([True, False]))
    assert margins[0] == 0
    assert margins[1] == np.sort(scores[:, 1])[5]


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, 60),
    st.integers(1, 99),
    st.sampled_from([1.0, 0.1, 3.7e-5, 1 / 3]),
    st.integers(0, 2**32 - 1),
)
def test_equal_likelihood_ratios_give_the_plain_margins(n, percent, ratio, seed):
    scores = np.random.default_rng(seed).normal(size=(n, 1)).round(1)  # ties as well
    wanted, median = [Fraction(percent, 100)], np.array([False])
    ordered, reached = sorted_scores(scores, np.full(n, ratio))
    weighted = weighted_margins(ordered, reached, np.full(2, ratio), wanted, median)
    assert_array_equal(weighted, np.tile(split_margins(scores, wanted, median), (2, 1)))


def test_equal_likelihood_ratios_at_the_trap():
    # ceil(0.3 * 100000) is 30000: one more would be the next score.
    scores = np.arange(1.0, 100_000.0)[:, None]
    ordered, reached = sorted_scores(scores, np.ones(99_999))
    wanted = [1 - exact_level(0.7)]
    found = weighted_margins(ordered, reached, np.ones(1), wanted, np.array([False]))
    assert found[0, 0] == 30_000


def test_likelihood_ratios_by_brute_force():
    rng = np.random.default_rng(1)
    scores, ratios = rng.normal(size=(40, 2)), rng.exponential(size=40)
    new = rng.exponential(size=30) * 4
    wanted = [Fraction(4, 5), Fraction(1, 2)]
    found = weighted_margins(*sorted_scores(scores, ratios), new, wanted, np.array([False, False]))
    for i, r in enumerate(new):
        for j, share in enumerate(wanted):
            expected = np.inf
            for k in np.argsort(scores[:, j])[::-1]:
                held = ratios[scores[:, j] <= scores[k, j]].sum()
                if held >= float(share) * (ratios.sum() + r):
                    expected = scores[k, j]
            assert found[i, j] == expected
    assert np.isinf(
        weighted_margins(
            *sorted_scores(scores, ratios), np.array([1e6]), wanted, np.array([False, False])
        )
    ).all()


def test_floor_of_widths():
    assert_allclose(width_floor(np.array([[1.0], [2.0], [3.0]])), 2e-8)
    assert_allclose(width_floor(np.array([[0.0], [0.0], [3.0]])), 3e-8)
    assert_array_equal(width_floor(np.zeros((3, 2))), [1, 1])


levels_strategy = st.lists(st.integers(1, 99), min_size=1, max_size=9, unique=True).map(
    lambda percent: np.array(sorted(percent)) / 100
)


@settings(max_examples=200, deadline=None)
@given(levels_strategy, st.data())
def test_repair_only_widens(levels, data):
    values = st.floats(-5, 5) | st.sampled_from([np.inf, -np.inf])
    row = data.draw(hnp.arrays(float, (1, len(levels)), elements=values))
    repaired = noncross_minmax(row, quantiles=levels)
    assert (repaired[0, :-1] <= repaired[0, 1:]).all()
    assert (repaired[0, levels > 0.5] >= row[0, levels > 0.5]).all()
    below = levels < 0.5
    if (~below).any():  # else the last level is the anchor
        assert (repaired[0, below] <= row[0, below]).all()
        first = np.flatnonzero(~below)[0]
        assert repaired[0, first] == row[0, first]


def test_repair_of_one_sided_levels_starts_at_the_first():
    levels = [0.5, 0.8, 0.9, 0.95]
    row = [[2.0, 3.0, 1.0, 4.0]]
    assert_array_equal(noncross_minmax(row, quantiles=levels), [[2, 3, 3, 4]])
    # From the middle column, the bound of 0.8 would fall from 3 to 1.
    assert_array_equal(noncross_minmax(row), [[1, 1, 1, 4]])
