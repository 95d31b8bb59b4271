"""The operators that order quantiles: order, optimality, losses, dtypes, sizes, bad input."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.isotonic import isotonic_regression

from skweight.quantile import noncross_isotonic, noncross_minmax, noncross_sort
from skweight.quantile._levels import anchor_index
from skweight.quantile._noncross import crossing_rate, order_rows
from skweight.quantile._noncross_pava import _project_few, project_rows

OPERATORS = [noncross_sort, noncross_isotonic, noncross_minmax]
operators = pytest.mark.parametrize("operator", OPERATORS)

finite = st.floats(-1e6, 1e6, allow_nan=False)
few_values = st.sampled_from([0.0, 0.1, 0.2, 0.3, -1.0, 1 / 3])  # many ties
forecasts = arrays(
    np.float64, array_shapes(min_dims=2, max_dims=2, max_side=9), elements=finite | few_values
)


def crossing(n=50, m=19, noise=0.3, seed=0):
    rng = np.random.default_rng(seed)
    return np.sort(rng.normal(size=(n, m)), axis=1) + noise * rng.normal(size=(n, m))


def summed_loss(y, forecast, levels):
    error = y[:, None] - forecast
    return np.maximum(levels * error, (levels - 1) * error).sum(axis=1)


# ---- what all of them promise ------------------------------------------------------------------


@operators
@settings(max_examples=200, deadline=None)
@given(forecast=forecasts)
def test_rows_are_in_order_to_the_last_bit_and_a_second_time_changes_nothing(operator, forecast):
    ordered = operator(forecast)
    assert (ordered[:, 1:] >= ordered[:, :-1]).all()
    assert_array_equal(operator(ordered), ordered)


@operators
@settings(max_examples=100, deadline=None)
@given(forecast=forecasts)
def test_rows_in_order_stay(operator, forecast):
    forecast = np.sort(forecast, axis=1)
    assert_array_equal(operator(forecast), forecast)


@operators
def test_a_row_does_not_depend_on_the_others(operator):
    forecast = crossing()
    assert_array_equal(operator(forecast)[7:9], operator(forecast[7:9]))


@operators
def test_input_is_not_written_and_output_is_new(operator):
    for forecast in (crossing(), np.sort(crossing(), axis=1)):
        before = forecast.copy()
        forecast.setflags(write=False)
        ordered = operator(forecast)
        assert_array_equal(forecast, before)
        assert ordered.flags.writeable
        assert not np.shares_memory(ordered, forecast)


@operators
def test_layouts_give_the_same_bits(operator):
    forecast = crossing()
    expected = operator(forecast)
    assert_array_equal(operator(np.asfortranarray(forecast)), expected)
    assert_array_equal(operator(np.repeat(forecast, 2, axis=1)[:, ::2]), expected)
    assert_array_equal(operator(forecast[::-1])[::-1], expected)
    assert_array_equal(operator(forecast.tolist()), expected)


@operators
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("n", [40, 3000])  # through the interpreter, and compiled
def test_floats_keep_their_precision(operator, dtype, n):
    forecast = crossing(n).astype(dtype)
    ordered = operator(forecast)
    assert ordered.dtype == dtype
    assert (ordered[:, 1:] >= ordered[:, :-1]).all()
    in_double = operator(forecast.astype(np.float64))
    # Made in double precision and rounded once.
    assert_array_equal(ordered, in_double.astype(dtype))


@operators
def test_integers_and_longer_floats_become_double(operator):
    for dtype in (int, np.longdouble):
        ordered = operator(np.array([[3, 1, 2]], dtype=dtype))
        assert ordered.dtype == np.float64


@operators
def test_one_level_and_no_rows(operator):
    column = np.array([[3.0], [-np.inf], [1.0]])
    assert_array_equal(operator(column), column)
    assert operator(np.empty((0, 4), dtype=np.float32)).shape == (0, 4)
    assert operator(np.empty((0, 4), dtype=np.float32)).dtype == np.float32


@operators
def test_bad_forecasts(operator):
    with pytest.raises(ValueError, match=r"forecast must not contain NaN, got it in 1 of 2 rows"):
        operator([[1.0, 2.0], [np.nan, 1.0]])
    with pytest.raises(ValueError, match=r"forecast must have one row for each sample.*\(3,\)"):
        operator([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"forecast must have .*\(2, 0\)"):
        operator(np.empty((2, 0)))
    with pytest.raises(ValueError, match="could not convert"):
        operator([["a", "b"]])


# ---- the pinball loss --------------------------------------------------------------------------


@pytest.mark.parametrize("operator", [noncross_sort, noncross_isotonic])
@settings(max_examples=300, deadline=None)
@given(data=st.data(), m=st.integers(1, 8))
def test_sorting_and_projection_never_raise_the_summed_loss(operator, data, m):
    row = data.draw(arrays(np.float64, (1, m), elements=st.floats(-100, 100)))
    y = data.draw(arrays(np.float64, (1,), elements=st.floats(-100, 100)))
    raw = st.lists(st.floats(0.01, 0.99), min_size=m, max_size=m, unique=True)
    levels = np.sort(data.draw(raw))
    before, after = (summed_loss(y, f, levels) for f in (row, operator(row)))
    assert (after <= before + 1e-12 * (1 + np.abs(before))).all()


def test_the_sweep_may_raise_the_summed_loss():
    row, levels = np.array([[0.0, 5.0, 0.0]]), np.array([0.25, 0.5, 0.75])
    y = np.array([0.0])
    # Sorted (0, 0, 5) and projected (0, 2.5, 2.5) lose less than the sweep's (0, 5, 5).
    assert summed_loss(y, row, levels)[0] == 2.5
    assert summed_loss(y, noncross_minmax(row), levels)[0] == 3.75
    assert summed_loss(y, noncross_sort(row), levels)[0] == 1.25


def test_unequal_level_weights_carry_no_guarantee():
    row, levels = np.array([[2.0, 0.0]]), np.array([0.25, 0.75])
    losses = [np.maximum(levels * -f, (levels - 1) * -f)[0] for f in (row, noncross_sort(row))]
    assert losses[1].sum() < losses[0].sum()
    assert losses[1] @ [0, 1] > losses[0] @ [0, 1]


# ---- isotonic projection -----------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(forecast=forecasts)
def test_projection_is_isotonic_regression_of_each_row(forecast):
    scale = np.abs(forecast).max()
    projected = noncross_isotonic(forecast)
    for row, expected in zip(projected, forecast, strict=True):
        assert_allclose(row, isotonic_regression(expected), rtol=0, atol=4e-15 * scale)


@pytest.mark.parametrize(("n", "m"), [(100, 99), (3000, 19), (9000, 5), (30, 1000)])
def test_compiled_projection_gives_the_interpreters_bits(n, m):
    forecast = crossing(n, m)
    forecast[::3] = np.round(forecast[::3], 1)  # ties
    assert_array_equal(project_rows(forecast), _project_few(forecast))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_number_of_threads_changes_no_bit(dtype):
    forecast = crossing(20_000, 9).astype(dtype)
    expected = noncross_isotonic(forecast)
    for n_jobs in (1, 2, 3, -1):
        assert_array_equal(noncross_isotonic(forecast, n_jobs=n_jobs), expected)
    for row in range(0, 20_000, 997):
        expected_row = isotonic_regression(forecast[row].astype(np.float64))
        assert_allclose(expected[row], expected_row, rtol=4 * np.finfo(dtype).eps, atol=1e-7)


def test_projection_keeps_the_mean_of_a_row():
    forecast = crossing(200, 19, noise=2.0)
    assert_allclose(noncross_isotonic(forecast).mean(1), forecast.mean(1), rtol=0, atol=1e-14)


def test_projection_is_the_nearest_ordered_row():
    forecast = crossing(50, 19, noise=2.0)
    distance = ((noncross_isotonic(forecast) - forecast) ** 2).sum(axis=1)
    for other in (noncross_sort, noncross_minmax):
        assert (distance <= ((other(forecast) - forecast) ** 2).sum(axis=1) + 1e-12).all()


def test_float32_sums_are_made_in_double():
    # 2^24 + 1 is no float32: a sum in single precision would lose every 1.
    row = np.concatenate([[2.0**24], np.ones(999)]).astype(np.float32)
    expected = np.float32((2.0**24 + 999) / 1000)
    assert_array_equal(noncross_isotonic(row[None]), np.full((1, 1000), expected))


@pytest.mark.parametrize("n", [1, 5000])
def test_sums_that_overflow_have_a_mean(n):
    row = [1e308, 1.7e308, -1.7e308, 1e308, 1.5e308, 1.4e308, 5e-324]
    projected = noncross_isotonic(np.tile(row, (n, 1)))
    expected = np.repeat([1e308 / 3, 0.975e308], [3, 4])
    assert_allclose(projected, np.tile(expected, (n, 1)), rtol=1e-14)
    assert (np.diff(projected, axis=1) >= 0).all()
    top = np.finfo(np.float64).max
    assert noncross_isotonic([[top, -top]]).tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("n", [1, 5000])
def test_infinite_ends_stay_in_a_projection(n):
    forecast = np.tile([-np.inf, 2.0, 1.0, 3.0, np.inf, np.inf], (n, 1))
    expected = np.tile([-np.inf, 1.5, 1.5, 3.0, np.inf, np.inf], (n, 1))
    assert_array_equal(noncross_isotonic(forecast), expected)


@pytest.mark.parametrize(
    "row", [[np.inf, 1.0, 2.0], [1.0, -np.inf, 2.0], [np.inf, -np.inf, 0.0], [1.0, 2.0, -np.inf]]
)
def test_crossing_infinite_values_have_no_projection(row):
    with pytest.raises(ValueError, match=r"forecast must have infinite values only.*got 1 rows"):
        noncross_isotonic([row, [1.0, 2.0, 3.0]])
    assert_array_equal(noncross_sort([row])[0], np.sort(row))
    swept = noncross_minmax([row])[0]
    assert (swept[1:] >= swept[:-1]).all()


# ---- min-max sweep -----------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(data=st.data(), m=st.integers(1, 9))
def test_the_sweep_keeps_the_anchor_and_goes_outward(data, m):
    forecast = data.draw(arrays(np.float64, (3, m), elements=finite | few_values))
    raw = st.lists(st.integers(1, 99), min_size=m, max_size=m, unique=True)
    levels = np.sort(data.draw(raw)) / 100
    anchor = anchor_index(levels)
    swept = noncross_minmax(forecast, quantiles=levels)
    assert_array_equal(swept[:, anchor], forecast[:, anchor])
    assert (swept[:, anchor:] >= forecast[:, anchor:]).all()
    assert (swept[:, :anchor] <= forecast[:, :anchor]).all()
    # Running extremes, by definition.
    for k in range(m):
        between = forecast[:, min(k, anchor) : max(k, anchor) + 1]
        expected = between.max(axis=1) if k > anchor else between.min(axis=1)
        assert_array_equal(swept[:, k], expected)


def test_the_anchor_of_one_sided_levels():
    row = [[2.0, 3.0, 1.0, 4.0]]
    one_sided = noncross_minmax(row, quantiles=[0.5, 0.8, 0.9, 0.95])
    assert one_sided.tolist() == [[2.0, 3.0, 3.0, 4.0]]
    # The middle column as anchor would have lowered the bound at 0.8 from 3 to 1.
    assert noncross_minmax(row).tolist() == [[1.0, 1.0, 1.0, 4.0]]
    below = noncross_minmax(row, quantiles=[0.1, 0.2, 0.3, 0.4])
    assert below.tolist() == [[1.0, 1.0, 1.0, 4.0]]


@pytest.mark.parametrize("m", [1, 2, 3, 4, 19, 20])
def test_without_levels_the_anchor_is_that_of_symmetric_ones(m):
    levels = np.arange(1, m + 1) / (m + 1)
    forecast = crossing(20, m)
    assert_array_equal(noncross_minmax(forecast), noncross_minmax(forecast, quantiles=levels))


def test_bad_levels():
    with pytest.raises(ValueError, match="quantiles must have one level for each of the 3 columns"):
        noncross_minmax([[1.0, 2.0, 3.0]], quantiles=[0.1, 0.9])
    with pytest.raises(ValueError, match="quantiles must be strictly increasing"):
        noncross_minmax([[1.0, 2.0, 3.0]], quantiles=[0.1, 0.9, 0.5])


# ---- the dispatcher and the rate ---------------------------------------------------------------


def test_dispatcher():
    forecast, levels = crossing(5, 4), np.array([0.5, 0.8, 0.9, 0.95])
    assert order_rows(forecast, None, levels) is forecast
    assert_array_equal(order_rows(forecast, "sort", levels), noncross_sort(forecast))
    assert_array_equal(order_rows(forecast, "constrain", levels), noncross_sort(forecast))
    assert_array_equal(order_rows(forecast, "isotonic", levels, 2), noncross_isotonic(forecast))
    swept = noncross_minmax(forecast, quantiles=levels)
    assert_array_equal(order_rows(forecast, "minmax", levels), swept)
    assert (swept != noncross_minmax(forecast)).any()
    with pytest.raises(ValueError, match="noncrossing must be None or one of"):
        order_rows(forecast, "pava", levels)


def test_crossing_rate_counts_rows():
    forecast = np.array([[1.0, 2.0, 1.0], [3.0, 2.0, 1.0], [1.0, 1.0, 1.0], [1.0, 0.9, np.inf]])
    assert crossing_rate(forecast) == 0.75
    assert crossing_rate(forecast, 0.5) == 0.5
    assert crossing_rate(forecast, 1.0) == 0.0
    assert crossing_rate(forecast[:, :1]) == 0.0
    assert crossing_rate(forecast[:0]) == 0.0
    for operator in OPERATORS:
        assert crossing_rate(operator(forecast)) == 0.0


def test_small_inputs_do_not_load_the_compiler():
    code = (
        "import sys, numpy as np; from skweight.quantile import noncross_isotonic as f;"
        "f(np.tile([1.0, 3.0, 2.0], (1000, 1))); sys.exit('numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
