"""The curve of mean predictions along a numeric attribute."""

import numpy as np
import pytest
from scipy.stats import sem

from skweight.metrics import conditional_mean_curve


def problem(n=500, seed=0):
    rng = np.random.default_rng(seed)
    s = rng.gamma(2, 10, size=n)
    return np.sin(s / 10) + rng.normal(size=n), s, rng.integers(1, 4, size=n)


def test_is_mean_and_standard_error_of_each_bin():
    y, s, _ = problem()
    curve = conditional_mean_curve(y, s, n_bins=8)
    assert curve.edges.shape == (9,)
    np.testing.assert_array_equal(
        curve.edges, np.quantile(s, np.arange(9) / 8, method="inverted_cdf")
    )
    bins = np.digitize(s, curve.edges[1:-1], right=True)
    for k in range(8):
        rows = bins == k
        assert curve.counts[k] == curve.weights[k] == rows.sum()
        assert abs(curve.counts[k] - 500 / 8) < 1
        assert curve.centres[k] == pytest.approx(s[rows].mean(), rel=1e-12)
        assert curve.means[k] == pytest.approx(y[rows].mean(), rel=1e-12)
        assert curve.standard_errors[k] == pytest.approx(sem(y[rows]), rel=1e-12)


def test_weights_are_repetition():
    y, s, weights = problem()
    s = np.round(s)  # ties
    weights[s == s.max()] = 0  # must not stretch the last bin
    rows = np.repeat(np.arange(500), weights)
    weighted = conditional_mean_curve(y, s, 6, weights)
    repeated = conditional_mean_curve(y[rows], s[rows], 6)
    for name in ("centres", "means", "standard_errors", "weights", "edges"):
        np.testing.assert_allclose(weighted[name], repeated[name], rtol=1e-12)
    np.testing.assert_array_equal(repeated.counts, weighted.weights)
    assert weighted.counts.sum() == np.count_nonzero(weights)


def test_ties_stay_together():
    s = np.repeat([18, 19, 20, 21], [60, 20, 10, 10])
    y = np.arange(100.0)
    curve = conditional_mean_curve(y, s, n_bins=3)
    assert curve.counts.tolist() == [60, 20, 20]
    assert curve.edges.tolist() == [18, 18, 19, 21]
    assert conditional_mean_curve(y, s, n_bins=2).counts.tolist() == [60, 40]
    by_value = conditional_mean_curve(y, s)
    assert by_value.centres.tolist() == [18, 19, 20, 21]
    assert by_value.counts.tolist() == [60, 20, 10, 10]


def test_constant_attribute_is_one_bin():
    curve = conditional_mean_curve([1.0, 2.0], [5, 5])
    assert (curve.centres.tolist(), curve.means.tolist()) == ([5], [1.5])
    assert curve.edges.tolist() == [5, 5]
    assert curve.standard_errors.tolist() == [0.5]


@pytest.mark.filterwarnings("error")
def test_no_standard_error_of_one_row():
    curve = conditional_mean_curve([1.0, 2.0, 4.0], [1, 2, 2])
    assert np.isnan(curve.standard_errors[0])
    assert curve.standard_errors[1] == 1
    exposure = conditional_mean_curve([1.0, 2.0, 4.0], [1, 2, 2], sample_weight=[2, 0.5, 0.5])
    assert np.isnan(exposure.standard_errors[1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"s": ["F"] * 500}, "s holds text: want numbers"),
        ({"s": np.full(500, np.nan)}, "s contains NaN"),
        ({"s": np.ones((500, 2))}, r"s has shape \(500, 2\): want one number for each row"),
        ({"s": np.ones(9)}, "s has 9 rows and y_pred 500: want as many"),
        ({"y_pred": np.ones((500, 2))}, r"y_pred has shape \(500, 2\): want one number"),
        ({"n_bins": 0}, "n_bins=0: want a whole number of at least 1"),
        ({"n_bins": 2.0}, "n_bins=2.0: want a whole number"),
        ({"sample_weight": -np.ones(500)}, "sample_weight must be at least 0"),
    ],
)
def test_bad_input(change, message):
    y, s, _ = problem()
    with pytest.raises(ValueError, match=message):
        conditional_mean_curve(**{"y_pred": y, "s": s, **change})
