"""Coverage, width, interval score and calibration of quantile forecasts."""

import numpy as np
import pytest
from scipy.stats import norm

from skweight.metrics import (
    interval_coverage,
    interval_score,
    interval_width,
    quantile_calibration_error,
    quantile_coverage,
)


def problem(n=200, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.normal(size=n)
    ends = np.sort(rng.normal(size=(n, 2)), axis=1)
    return y, ends, rng.integers(0, 4, size=n)


def test_interval_score_is_the_formula_and_scoringrules():
    scoringrules = pytest.importorskip("scoringrules", reason="the oracle is not installed")
    y, ends, weights = problem()
    for alpha in (0.02, 0.1, 0.5, 0.9):
        low, high = ends.T
        rows = high - low + 2 / alpha * (np.maximum(low - y, 0) + np.maximum(y - high, 0))
        theirs = scoringrules.interval_score(y, low, high, alpha, backend="numpy")
        np.testing.assert_allclose(rows, theirs, rtol=1e-12)
        ours = interval_score(y, ends, coverage=1 - alpha, sample_weight=weights)
        assert ours == pytest.approx(np.average(rows, weights=weights), rel=1e-12)


def test_coverage_and_width_by_counting():
    y, ends, weights = problem()
    y[:5] = ends[:5, 0]  # ends belong to the interval
    y[5:9] = ends[5:9, 1]
    rows = np.repeat(np.arange(len(y)), weights)
    inside = [low <= value <= high for value, (low, high) in zip(y[rows], ends[rows])]
    assert all(ends[k, 0] <= y[k] <= ends[k, 1] for k in range(9))
    ours = interval_coverage(y, ends, sample_weight=weights)
    assert ours == pytest.approx(np.mean(inside), rel=1e-12)
    assert interval_coverage(y[rows], ends[rows]) == pytest.approx(np.mean(inside), rel=1e-12)
    width = interval_width(ends, sample_weight=weights)
    assert width == pytest.approx(np.mean(ends[rows, 1] - ends[rows, 0]), rel=1e-12)


def test_shares_of_all_and_of_none_are_exact():
    y, _, _ = problem(n=49)  # the sum of 49 times 1/49 is not 1
    wide = np.column_stack([y - 1, y + 1])
    assert interval_coverage(y, wide) == 1.0
    assert interval_coverage(y, wide + 5) == 0.0
    shares = quantile_coverage(y, np.column_stack([y - 1, y + 1]), quantiles=[0.1, 0.9])
    assert shares.tolist() == [0.0, 1.0]
    assert quantile_calibration_error(
        y, np.column_stack([y - 1, y + 1]), quantiles=[0.1, 0.9]
    ) == pytest.approx(0.1)


@pytest.mark.filterwarnings("error")
def test_infinite_ends():
    y, ends, _ = problem(6)
    ends[0] = -np.inf, np.inf
    assert interval_width(ends) == np.inf
    assert interval_score(y, ends, coverage=0.9) == np.inf
    weights = np.array([0, 1, 1, 1, 1, 1])
    assert interval_width(ends, sample_weight=weights) == pytest.approx(
        np.mean(ends[1:, 1] - ends[1:, 0])
    )
    assert interval_score(y, ends, coverage=0.9, sample_weight=weights) == pytest.approx(
        interval_score(y[1:], ends[1:], coverage=0.9)
    )
    everywhere = np.tile([-np.inf, np.inf], (6, 1))
    assert interval_coverage(y, everywhere) == 1.0
    assert quantile_coverage(y, everywhere, quantiles=[0.1, 0.9]).tolist() == [0.0, 1.0]
    for ends in ([np.inf, np.inf], [-np.inf, -np.inf], [np.inf, -np.inf]):
        assert interval_score([0.0], [ends], coverage=0.9) == np.inf
        assert interval_coverage([0.0], [ends]) == 0.0
        assert interval_width([ends]) == 0.0


def test_a_crossed_interval_is_empty():
    assert interval_width([[2.0, 1.0], [0.0, 4.0]]) == 2.0
    assert interval_coverage([1.5, 1.0], [[2.0, 1.0], [0.0, 4.0]]) == 0.5
    # negative width and a miss on both sides: never below the score of the sorted ends
    crossed = interval_score([1.5], [[2.0, 1.0]], coverage=0.8)
    assert crossed == pytest.approx(-1 + 2 / 0.2 * (0.5 + 0.5))
    assert crossed > interval_score([1.5], [[1.0, 2.0]], coverage=0.8)


def test_quantile_coverage_by_counting():
    rng = np.random.default_rng(1)
    y = rng.integers(0, 5, size=300).astype(float)  # ties
    forecast = rng.integers(0, 5, size=(300, 3)).astype(float)
    weights = rng.integers(0, 3, size=300)
    rows = np.repeat(np.arange(300), weights)
    levels = [0.2, 0.5, 0.9]
    expected = (y[rows, None] <= forecast[rows]).mean(axis=0)
    ours = quantile_coverage(y, forecast, quantiles=levels, sample_weight=weights)
    np.testing.assert_allclose(ours, expected, rtol=1e-12)
    error = quantile_calibration_error(y, forecast, quantiles=levels, sample_weight=weights)
    assert error == pytest.approx(np.abs(expected - levels).mean(), rel=1e-12)


def test_calibration_error_of_the_truth_is_the_documented_bias():
    """True quantiles: sqrt(2 tau (1 - tau) / (pi n)) on average over levels."""
    rng = np.random.default_rng(0)
    levels, n = np.arange(1, 20) / 20, 100
    forecast = np.tile(norm.ppf(levels), (n, 1))
    errors = [
        quantile_calibration_error(rng.normal(size=n), forecast, quantiles=levels)
        for _ in range(400)
    ]
    said = np.mean(np.sqrt(2 * levels * (1 - levels) / (np.pi * n)))
    assert round(said, 2) == 0.03
    assert abs(np.mean(errors) - said) < 4 * np.std(errors) / np.sqrt(400) + 0.03 * said


@pytest.mark.parametrize("coverage", [0, 1, -0.1, np.nan, [0.9], "0.9x", None])
def test_coverage_out_of_range(coverage):
    with pytest.raises(ValueError, match="coverage must lie strictly between 0 and 1, got"):
        interval_score([0.0], [[0.0, 1.0]], coverage=coverage)


@pytest.mark.parametrize(
    "metric",
    [
        lambda y, ends: interval_score(y, ends, coverage=0.9),
        interval_coverage,
        lambda y, ends: interval_width(ends),
    ],
    ids=["score", "coverage", "width"],
)
def test_bad_intervals(metric):
    with pytest.raises(ValueError, match=r"y_interval has shape \(2, 3\): want 2 columns"):
        metric([0.0, 0.0], np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"y_interval has shape \(2,\): want 2 columns"):
        metric([0.0, 0.0], np.ones(2))
    with pytest.raises(ValueError, match="y_interval holds NaN"):
        metric([0.0], [[0.0, np.nan]])


@pytest.mark.parametrize("metric", [quantile_coverage, quantile_calibration_error])
def test_bad_quantiles(metric):
    with pytest.raises(ValueError, match="y_quantiles holds NaN"):
        metric([0.0], [[np.nan]], quantiles=[0.5])
    with pytest.raises(ValueError, match="quantiles must be strictly increasing"):
        metric([0.0], [[1.0, 2.0]], quantiles=[0.9, 0.1])
    with pytest.raises(ValueError, match="y_true has 1 rows and y_quantiles 2: want as many"):
        metric([0.0], [[1.0], [2.0]], quantiles=[0.9])
    with pytest.raises(ValueError, match="y_true has 1 rows and y_interval 2: want as many"):
        interval_coverage([0.0], [[0.0, 1.0], [0.0, 1.0]])
