"""Gaps between groups against scipy's two-sample statistics, and the largest of them."""

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import ks_2samp, wasserstein_distance

from skweight.metrics import demographic_parity_gap

KINDS = ["mean", "ks", "wasserstein"]


def problem(n=400, ties=False, seed=0):
    rng = np.random.default_rng(seed)
    groups = rng.choice(list("abcd"), size=n, p=[0.4, 0.3, 0.2, 0.1]).astype(object)
    y = rng.normal(size=n) + 0.5 * (groups == "c")
    return np.round(y * 4) / 4 if ties else y, groups, rng.integers(1, 4, size=n)


def distance(kind, first, second):
    """Return what scipy says of two samples."""
    if kind == "mean":
        return abs(first.mean() - second.mean())
    if kind == "ks":
        return ks_2samp(first, second, method="asymp").statistic
    return wasserstein_distance(first, second)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_equals_scipy_on_repeated_rows(kind, ties, weighted):
    y, groups, weights = problem(ties=ties)
    repeated = np.repeat(np.arange(len(y)), weights if weighted else 1)
    samples = {group: y[repeated][groups[repeated] == group] for group in "abcd"}
    options = {"kind": kind, "sample_weight": weights if weighted else None}
    between = {pair: distance(kind, *map(samples.get, pair)) for pair in combinations("abcd", 2)}
    details = demographic_parity_gap(y, groups, return_details=True, **options)
    for (first, second), expected in between.items():
        row, column = "abcd".index(first), "abcd".index(second)
        assert details.gaps[row, column] == pytest.approx(expected, rel=1e-12, abs=1e-14)
        assert details.gaps[column, row] == details.gaps[row, column]
    assert details.gaps.diagonal().tolist() == [0] * 4
    assert details.value == details.gaps.max() == demographic_parity_gap(y, groups, **options)
    worst = max(between, key=between.get)
    assert details.worst_groups == [(group,) for group in worst]

    overall = [distance(kind, samples[group], y[repeated]) for group in "abcd"]
    options["method"] = "to_overall"
    details = demographic_parity_gap(y, groups, return_details=True, **options)
    np.testing.assert_allclose(details.gaps, overall, rtol=1e-11, atol=1e-14)
    assert details.value == details.gaps.max() == demographic_parity_gap(y, groups, **options)
    assert details.worst_groups == [("abcd"[int(np.argmax(overall))],)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["between_groups", "to_overall"])
def test_of_labels_equals_fairlearn(kind, method):
    fairlearn = pytest.importorskip("fairlearn.metrics", reason="the oracle is not installed")
    y, groups, weights = problem()
    labels = (y > 0.3).astype(int)
    expected = fairlearn.demographic_parity_difference(
        labels, labels, sensitive_features=groups, method=method, sample_weight=weights
    )
    ours = demographic_parity_gap(labels, groups, kind=kind, method=method, sample_weight=weights)
    assert ours == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["between_groups", "to_overall"])
def test_weights_are_repetition(kind, method):
    y, groups, weights = problem(ties=True)
    weights[::7] = 0
    y[::14] = 99  # of weight 0: must not be seen
    rows = np.repeat(np.arange(len(y)), weights)
    options = {"kind": kind, "method": method}
    weighted = demographic_parity_gap(y, groups, sample_weight=weights, **options)
    repeated = demographic_parity_gap(y[rows], groups[rows], **options)
    assert weighted == pytest.approx(repeated, rel=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["between_groups", "to_overall"])
def test_chunks_change_nothing(kind, method, monkeypatch):
    y, groups, weights = problem(ties=True)
    options = {"kind": kind, "method": method, "sample_weight": weights}
    whole = demographic_parity_gap(y, groups, return_details=True, **options)
    monkeypatch.setattr("skweight.metrics._group_gaps._MAX_CELLS", 12)  # three numbers at a time
    chunks = demographic_parity_gap(y, groups, return_details=True, **options)
    np.testing.assert_allclose(chunks.gaps, whole.gaps, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["between_groups", "to_overall"])
def test_equal_groups_have_no_gap(kind, method):
    y = np.random.default_rng(0).normal(size=60)
    options = {"kind": kind, "method": method}
    labels = np.repeat(["a", "b", "c"], 60)
    assert demographic_parity_gap(np.tile(y, 3), labels, **options) < 1e-13
    weights = np.repeat([1, 2, 7], 60)
    gap = demographic_parity_gap(np.tile(y, 3), labels, sample_weight=weights, **options)
    assert gap < 1e-13
    assert demographic_parity_gap(np.full(180, 0.3), labels, **options) == 0
    rounding = 0.3 * (1 + 1e-15 * np.arange(180))  # a constant, but for rounding
    assert demographic_parity_gap(rounding, labels, **options) == 0


def test_the_gap_of_intersections():
    """Exclusive or: no gap by either attribute alone, the largest there is by both."""
    first, second = np.repeat([0, 1], 100), np.tile([0, 1], 100)
    y = (first != second).astype(float)
    for alone in (first, second):
        assert demographic_parity_gap(y, alone) == pytest.approx(0, abs=1e-15)
    details = demographic_parity_gap(y, {"u": first, "v": second}, return_details=True)
    assert details.value == 1
    assert details.groups == [("0", "0"), ("0", "1"), ("1", "0"), ("1", "1")]
    assert details.worst_groups == [("0", "0"), ("0", "1")]
    assert details.attributes == ("u", "v")


@pytest.mark.parametrize("kind", KINDS)
def test_small_groups_are_left_out(kind):
    y, groups, _ = problem()
    groups[:20] = "few"
    y[:20] = 50
    details = demographic_parity_gap(y, groups, kind=kind, return_details=True)
    assert details.small_groups == [("few",)]
    assert details.groups.index(("few",)) == 4
    assert np.isnan(details.gaps[4]).all()
    assert np.isnan(details.gaps[:, 4]).all()
    kept = groups != "few"
    assert details.value == pytest.approx(
        demographic_parity_gap(y[kept], groups[kept], kind=kind), rel=1e-12
    )
    assert details.rows.tolist() == [np.count_nonzero(groups == g[0]) for g in details.groups]
    with_them = demographic_parity_gap(y, groups, kind=kind, min_group_size=20)
    assert with_them > details.value
    # but they are among all rows
    overall = demographic_parity_gap(y, groups, kind=kind, method="to_overall", return_details=True)
    expected = [distance(kind, y[groups == group], y) for group in "abcd"]
    np.testing.assert_allclose(overall.gaps, [*expected, np.nan], rtol=1e-11)


def test_rows_of_weight_zero_do_not_make_a_group_large():
    y, groups, _ = problem()
    weights = np.ones(len(y))
    weights[np.flatnonzero(groups == "d")[20:]] = 0
    details = demographic_parity_gap(y, groups, sample_weight=weights, return_details=True)
    assert details.small_groups == [("d",)]
    assert details.rows[3] == 20


@pytest.mark.parametrize("method", ["between_groups", "to_overall"])
def test_fewer_than_two_groups_left(method):
    y = np.arange(50.0)
    with pytest.warns(UserWarning, match="demographic_parity_gap by attribute_0 is NaN: 1 of 2"):
        details = demographic_parity_gap(
            y, ["a"] * 40 + ["b"] * 10, method=method, return_details=True, n_permutations=5
        )
    assert np.isnan([details.value, details.baseline_mean, details.baseline_q95]).all()
    assert details.worst_groups == []
    with pytest.warns(UserWarning, match="0 of 2 groups have the rows"):
        assert np.isnan(demographic_parity_gap(y, ["a", "b"] * 25, method=method))


def test_baseline():
    """Permuted labels give what fresh samples without a difference give."""
    rng = np.random.default_rng(0)
    groups = np.repeat(list("abcdef"), 40)
    draws = [demographic_parity_gap(rng.normal(size=240), groups) for _ in range(300)]
    y = rng.normal(size=240) + (groups == "a")
    options = {"n_permutations": 300, "random_state": 0, "return_details": True}
    details = demographic_parity_gap(y, groups, **options)
    assert details.baseline_mean == pytest.approx(np.mean(draws), rel=0.05)
    assert details.baseline_q95 == pytest.approx(np.quantile(draws, 0.95), rel=0.1)
    assert details.value > details.baseline_q95
    assert demographic_parity_gap(y, groups, **options).baseline_mean == details.baseline_mean


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "median"}, r"kind='median': want one of \('mean', 'ks', 'wasserstein'\)"),
        ({"method": "pairs"}, r"method='pairs': want one of \('between_groups', 'to_overall'\)"),
        ({"min_group_size": 0}, "min_group_size=0: want a whole number of at least 1"),
        ({"min_group_size": 2.5}, "min_group_size=2.5: want a whole number"),
        ({"n_permutations": 9}, "n_permutations=9 with return_details=False: want"),
    ],
)
def test_bad_options(options, message):
    y, groups, _ = problem()
    with pytest.raises(ValueError, match=message):
        demographic_parity_gap(y, groups, **options)
