"""Losses and scores of quantile forecasts: oracles, identities, infinite values, bad input."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.stats import norm
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import d2_pinball_score, mean_pinball_loss

from skweight.metrics import (
    crps_from_quantiles,
    d2_weighted_interval_score,
    interval_score,
    mean_quantile_loss,
    weighted_interval_score,
)
from skweight.metrics._quantile_losses import weighted_quantile

LEVELS = np.array([0.05, 0.2, 0.5, 0.8, 0.95])
SCORES = [
    mean_quantile_loss,
    weighted_interval_score,
    crps_from_quantiles,
    d2_weighted_interval_score,
]


def problem(n=200, levels=LEVELS, seed=0):
    """Return outcomes, unsorted forecasts and integer weights, of which some are 0."""
    rng = np.random.default_rng(seed)
    y = rng.normal(size=n) * 3
    forecast = rng.normal(size=(n, len(levels))) + norm.ppf(levels)
    return y, forecast, rng.integers(0, 4, size=n)


numbers = st.floats(-1e6, 1e6, allow_nan=False, width=32)


@st.composite
def problems(draw):
    """Draw outcomes (with ties), forecasts, levels and positive weights."""
    n, m = draw(st.integers(2, 12)), draw(st.integers(1, 5))
    y = draw(arrays.arrays(float, n, elements=st.one_of(numbers, st.integers(-2, 2))))
    forecast = draw(arrays.arrays(float, (n, m), elements=numbers))
    levels = draw(st.lists(st.integers(1, 99), min_size=m, max_size=m, unique=True).map(sorted))
    weights = draw(arrays.arrays(float, n, elements=st.floats(0.01, 10)))
    return y, forecast, np.array(levels) / 100, weights


@given(problems())
@settings(max_examples=60, deadline=None)
def test_is_scikit_learns_pinball_loss_of_each_level(drawn):
    y, forecast, levels, weights = drawn
    for given_weights in (None, weights):
        theirs = [
            mean_pinball_loss(y, column, alpha=level, sample_weight=given_weights)
            for column, level in zip(forecast.T, levels)
        ]
        options = {"quantiles": levels, "sample_weight": given_weights}
        raw = mean_quantile_loss(y, forecast, multilevel="raw_values", **options)
        np.testing.assert_allclose(raw, theirs, rtol=1e-12)
        mean = mean_quantile_loss(y, forecast, **options)
        assert mean == pytest.approx(np.mean(theirs), rel=1e-12)
        wis = weighted_interval_score(y, forecast, **options)
        assert wis == pytest.approx(2 * mean, rel=1e-14)
        assert crps_from_quantiles(y, forecast, **options) == wis


def test_is_the_quantile_crps_of_scoringrules():
    scoringrules = pytest.importorskip("scoringrules", reason="the oracle is not installed")
    y, forecast, weights = problem()
    rows = scoringrules.crps_quantile(y, forecast, LEVELS, backend="numba")
    ours = weighted_interval_score(y, forecast, quantiles=LEVELS)
    assert ours == pytest.approx(rows.mean(), rel=1e-12)
    ours = weighted_interval_score(y, forecast, quantiles=LEVELS, sample_weight=weights)
    assert ours == pytest.approx(np.average(rows, weights=weights), rel=1e-12)


def test_is_the_weighted_interval_score_of_scoringrules():
    """The interval form of symmetric levels with their median."""
    scoringrules = pytest.importorskip("scoringrules", reason="the oracle is not installed")
    y, forecast, _ = problem()
    rows = scoringrules.weighted_interval_score(
        y, forecast[:, 2], forecast[:, [1, 0]], forecast[:, [3, 4]], np.array([0.4, 0.1]),
        backend="numba",
    )  # fmt: skip
    ours = weighted_interval_score(y, forecast, quantiles=LEVELS)
    assert ours == pytest.approx(rows.mean(), rel=1e-12)


@given(problems())
@settings(max_examples=60, deadline=None)
def test_two_levels_are_an_interval(drawn):
    y, forecast, _, weights = drawn
    ends = forecast[:, [0, -1]]
    for alpha in (0.1, 0.5):
        score = interval_score(y, ends, coverage=1 - alpha, sample_weight=weights)
        wis = weighted_interval_score(
            y, ends, quantiles=[alpha / 2, 1 - alpha / 2], sample_weight=weights
        )
        assert wis == pytest.approx(alpha / 2 * score, rel=1e-12)


@pytest.mark.parametrize("metric", SCORES)
def test_integer_weights_are_repeated_rows(metric):
    y, forecast, weights = problem()
    rows = np.repeat(np.arange(len(y)), weights)
    weighted = metric(y, forecast, quantiles=LEVELS, sample_weight=weights)
    repeated = metric(y[rows], forecast[rows], quantiles=LEVELS)
    assert weighted == pytest.approx(repeated, rel=1e-12)
    scaled = metric(y, forecast, quantiles=LEVELS, sample_weight=weights / 7)
    assert scaled == pytest.approx(repeated, rel=1e-12)


@given(problems(), st.floats(0.01, 100), st.floats(-1e4, 1e4))
@settings(max_examples=60, deadline=None)
def test_scale_and_shift(drawn, scale, shift):
    y, forecast, levels, weights = drawn
    options = {"quantiles": levels, "sample_weight": weights}
    moved = scale * y + shift, scale * forecast + shift
    size = scale * max(np.abs(y).max(), np.abs(forecast).max()) + abs(shift)
    score = weighted_interval_score(y, forecast, **options)
    assert weighted_interval_score(*moved, **options) == pytest.approx(
        scale * score, rel=1e-9, abs=1e-13 * size
    )
    spread = np.ptp(y)
    assume(spread > 1e-6 * size / scale)
    d2 = d2_weighted_interval_score(y, forecast, **options)
    assert d2_weighted_interval_score(*moved, **options) == pytest.approx(d2, rel=1e-6, abs=1e-6)


@given(problems())
@settings(max_examples=100, deadline=None)
def test_sorting_never_hurts_with_equal_level_weights(drawn):
    y, forecast, levels, weights = drawn
    options = {"quantiles": levels, "sample_weight": weights}
    raw = weighted_interval_score(y, forecast, **options)
    ordered = weighted_interval_score(y, np.sort(forecast, axis=1), **options)
    assert ordered <= raw * (1 + 1e-12)


def test_sorting_may_hurt_with_level_weights():
    options = {"quantiles": [0.25, 0.75], "level_weights": [1, 0]}
    assert weighted_interval_score([1.0], [[1.0, 0.0]], **options) == 0
    assert weighted_interval_score([1.0], [[0.0, 1.0]], **options) == 0.5


def test_level_weights_have_mean_one():
    y, forecast, _ = problem()
    losses = mean_quantile_loss(y, forecast, quantiles=LEVELS, multilevel="raw_values")
    shares = np.array([1.0, 2.0, 0.0, 4.0, 3.0])
    for factor in (1.0, 0.3):
        ours = weighted_interval_score(y, forecast, quantiles=LEVELS, level_weights=factor * shares)
        assert ours == pytest.approx(2 * np.mean(shares / shares.mean() * losses), rel=1e-12)
    even = weighted_interval_score(y, forecast, quantiles=LEVELS, level_weights=np.full(5, 7))
    assert even == pytest.approx(weighted_interval_score(y, forecast, quantiles=LEVELS), rel=1e-14)


def test_crps_of_a_normal_forecast():
    """Both weightings approach the closed form; on uneven levels only midpoints do."""
    y = np.linspace(-3, 3, 31)
    exact = np.mean(y * (2 * norm.cdf(y) - 1) + 2 * norm.pdf(y) - 1 / np.sqrt(np.pi))

    def error(levels, weighting):
        forecast = np.tile(norm.ppf(levels), (len(y), 1))
        ours = crps_from_quantiles(y, forecast, quantiles=levels, weighting=weighting)
        return abs(ours - exact) / exact

    m = 500
    middles = (np.arange(m) + 0.5) / m
    assert error(middles, "uniform") < 1e-4
    assert error(middles, "midpoint") == pytest.approx(error(middles, "uniform"), abs=1e-12)
    uneven = middles**2
    assert error(uneven, "midpoint") < 1e-3
    assert error(uneven, "uniform") > 0.1


@given(problems())
@settings(max_examples=100, deadline=None)
def test_weighted_quantile_is_the_smallest_value_that_reaches_the_level(drawn):
    y, _, levels, weights = drawn
    found = weighted_quantile(y, weights, levels)
    for level, value in zip(levels, found):
        assert value in y
        reached = weights[y <= value].sum() / weights.sum()
        before = weights[y < value].sum() / weights.sum()
        assert reached >= level - 1e-11
        assert before < level

        def loss(q, level=level):
            return mean_pinball_loss(y, np.full(len(y), q), alpha=level, sample_weight=weights)

        least = min(loss(q) for q in y)
        assert loss(value) <= least + 1e-9 * max(least, 1e-300)


def test_weighted_quantile_meets_levels_that_it_hits_exactly():
    """A tenth, cumulated three times, is more than 0.3: the guard takes the row that is meant."""
    for n in (10, 20, 100, 1000):
        y = np.arange(n, dtype=float)
        for weight in (np.ones(n), np.full(n, 0.1), np.full(n, 1 / n)):
            levels = np.arange(1, 10) / 10
            expected = np.arange(1, 10) * n / 10 - 1
            assert np.array_equal(weighted_quantile(y, weight, levels), expected)


def test_d2_is_scikit_learns_where_both_take_the_same_median():
    y, forecast, _ = problem(n=201)
    ours = d2_weighted_interval_score(y, forecast[:, [2]], quantiles=[0.5])
    assert ours == pytest.approx(d2_pinball_score(y, forecast[:, 2], alpha=0.5), rel=1e-12)


def test_d2_of_the_reference_is_zero_and_of_the_truth_one():
    y, forecast, weights = problem()
    options = {"quantiles": LEVELS, "sample_weight": weights}
    reference = np.tile(weighted_quantile(y, weights, LEVELS), (len(y), 1))
    assert d2_weighted_interval_score(y, reference, **options) == 0
    assert d2_weighted_interval_score(y, np.tile(y[:, None], (1, 5)), **options) == 1
    better = 1 - weighted_interval_score(y, forecast, **options) / weighted_interval_score(
        y, reference, **options
    )
    assert d2_weighted_interval_score(y, forecast, **options) == pytest.approx(better, rel=1e-12)


def test_d2_of_constant_outcomes_and_of_too_few():
    y = np.full(5, 0.1)
    options = {"quantiles": [0.3, 0.7]}
    assert d2_weighted_interval_score(y, np.full((5, 2), 0.1), **options) == 1.0
    assert d2_weighted_interval_score(y, np.full((5, 2), 0.2), **options) == 0.0
    assert d2_weighted_interval_score(y, np.full((5, 2), np.inf), **options) == 0.0
    with pytest.warns(UndefinedMetricWarning, match="fewer than two rows"):
        assert np.isnan(d2_weighted_interval_score(y[:1], np.ones((1, 2)), **options))
    with pytest.warns(UndefinedMetricWarning, match="fewer than two rows"):
        d2_weighted_interval_score(y[:2], np.ones((2, 2)), sample_weight=[0, 1], **options)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("metric", SCORES)
@pytest.mark.parametrize("bound", [-np.inf, np.inf])
def test_an_infinite_forecast_costs_inf_and_never_nan(metric, bound):
    y, forecast, _ = problem(20)
    worst = -np.inf if metric is d2_weighted_interval_score else np.inf
    forecast[3, 0], forecast[4, 4] = bound, -bound
    assert metric(y, forecast, quantiles=LEVELS) == worst
    weights = np.ones(20)
    weights[[3, 4]] = 0  # 0 times inf
    without = metric(np.delete(y, [3, 4]), np.delete(forecast, [3, 4], axis=0), quantiles=LEVELS)
    assert metric(y, forecast, quantiles=LEVELS, sample_weight=weights) == pytest.approx(without)
    if metric is weighted_interval_score:
        inner = metric(y, forecast, quantiles=LEVELS, level_weights=[0, 1, 1, 1, 0])
        assert inner == pytest.approx(metric(y, forecast[:, 1:4], quantiles=LEVELS[1:4]))


@pytest.mark.parametrize("metric", SCORES)
def test_single_precision_is_scored_in_double(metric):
    y, forecast, weights = problem()
    small = forecast.astype(np.float32)
    options = {"quantiles": LEVELS, "sample_weight": weights.astype(np.float32)}
    assert metric(y, small, **options) == metric(y, small.astype(float), **options)
    shifted = metric(y + 1e6, (small.astype(float) + 1e6), **options)
    assert shifted == pytest.approx(metric(y, small.astype(float), **options), rel=1e-8)


@pytest.mark.parametrize("metric", SCORES)
def test_frames_and_lists(metric):
    pandas = pytest.importorskip("pandas", reason="data frames need it")
    y, forecast, _ = problem(30)
    expected = metric(y, forecast, quantiles=LEVELS)
    index = np.arange(30)[::-1]
    frame, series = pandas.DataFrame(forecast, index=index), pandas.Series(y)
    # A frame lies in memory by columns: the last digit may be summed in another order.
    value = metric(series, frame, quantiles=pandas.Series(LEVELS))
    assert value == pytest.approx(expected, rel=1e-14)
    assert metric(y.tolist(), forecast.tolist(), quantiles=LEVELS.tolist()) == expected
    assert metric(y[:, None].ravel(), np.asfortranarray(forecast), quantiles=LEVELS) == (
        pytest.approx(expected, rel=1e-14)
    )
    polars = pytest.importorskip("polars", reason="data frames need it")
    names = [f"q{k}" for k in range(5)]
    assert metric(polars.Series(y), polars.DataFrame(forecast, schema=names), quantiles=LEVELS) == (
        pytest.approx(expected, rel=1e-14)
    )


def test_many_rows_need_little_memory():
    """Blocks, no n x m temporary: the peak is a few vectors of n."""
    rng = np.random.default_rng(0)
    n, levels = 100_000, np.arange(1, 100) / 100
    y, forecast = rng.normal(size=n), rng.normal(size=(n, 99)).astype(np.float32)
    expected = np.mean([
        mean_pinball_loss(y, forecast[:, k].astype(float), alpha=levels[k]) for k in range(99)
    ])  # fmt: skip
    tracemalloc.start()
    ours = mean_quantile_loss(y, forecast, quantiles=levels)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert ours == pytest.approx(expected, rel=1e-12)
    assert peak < 6 * y.nbytes < forecast.nbytes / 8


@pytest.mark.parametrize("metric", SCORES)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"quantiles": [0.1, 0.5]}, r"y_quantiles has shape \(200, 5\): want 2 columns"),
        ({"quantiles": [0.1, 0.2, 0.2, 0.8, 0.9]}, "quantiles must be strictly increasing"),
        ({"quantiles": [0.0, 0.2, 0.5, 0.8, 0.9]}, r"quantiles must lie .*got \[0.0\]"),
        ({"quantiles": []}, "quantiles must be a list of at least one level"),
        ({"quantiles": 0.5}, "quantiles must be a list of at least one level"),
        ({"y_quantiles": np.ones(200)}, r"y_quantiles has shape \(200,\): want 5 columns"),
        ({"y_quantiles": np.ones((199, 5))}, "y_true has 200 rows and y_quantiles 199"),
        ({"y_quantiles": np.full((200, 5), np.nan)}, "y_quantiles holds NaN"),
        ({"y_true": np.full(200, np.nan)}, "y_true contains NaN"),
        ({"y_true": np.full(200, np.inf)}, "y_true contains infinity"),
        ({"y_true": np.ones((200, 2))}, "y should be a 1d array"),
        ({"sample_weight": np.ones(3)}, r"sample_weight has shape \(3,\): want \(200,\)"),
        ({"sample_weight": -np.ones(200)}, "sample_weight: want no negative weight"),
        ({"sample_weight": np.zeros(200)}, "sample_weight: want .* a positive one"),
    ],
)
def test_bad_input(metric, change, message):
    y, forecast, _ = problem()
    call = {"y_true": y, "y_quantiles": forecast, "quantiles": LEVELS, **change}
    with pytest.raises(ValueError, match=message):
        metric(**call)


@pytest.mark.parametrize(
    ("metric", "change", "message"),
    [
        (mean_quantile_loss, {"multilevel": "mean"}, "multilevel='mean': want"),
        (crps_from_quantiles, {"weighting": "cells"}, "weighting='cells': want"),
        (weighted_interval_score, {"level_weights": [1, 2]}, r"level_weights has shape \(2,\)"),
        (weighted_interval_score, {"level_weights": [1, 1, -1, 1, 1]}, "level_weights: want no"),
        (weighted_interval_score, {"level_weights": [0] * 5}, "level_weights: want .* positive"),
        (weighted_interval_score, {"level_weights": [np.nan] * 5}, "level_weights: want no"),
    ],
)
def test_bad_options(metric, change, message):
    y, forecast, _ = problem()
    with pytest.raises(ValueError, match=message):
        metric(y, forecast, quantiles=LEVELS, **change)
