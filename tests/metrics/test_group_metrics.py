"""What makes a group, bad input of every metric by group, and the variance ratio."""

import warnings
from itertools import pairwise

import numpy as np
import pytest
from scipy import sparse

from skweight.metrics import (
    between_group_variance_ratio,
    demographic_parity_gap,
    fairness_report,
    js_divergence_score,
)
from skweight.metrics._groups import quantile_bins

METRICS = [
    between_group_variance_ratio,
    demographic_parity_gap,
    fairness_report,
    js_divergence_score,
]


def problem(n=500, seed=0):
    rng = np.random.default_rng(seed)
    groups = rng.choice(["a", "b", "c"], size=n, p=[0.5, 0.3, 0.2])
    return rng.normal(size=n) + 0.5 * (groups == "b"), groups, rng.integers(1, 4, size=n)


def groups_of(features, **options):
    """Return the details of a metric of made-up predictions."""
    n = len(features) if not isinstance(features, dict) else len(next(iter(features.values())))
    return demographic_parity_gap(
        np.arange(float(n)), features, min_group_size=1, return_details=True, **options
    )


@pytest.mark.parametrize("weighted", [False, True])
def test_variance_ratio_is_the_formula(weighted):
    y, groups, weights = problem()
    rows = np.repeat(np.arange(len(y)), weights if weighted else 1)
    means = [y[rows][groups[rows] == group].mean() for group in "abc"]
    expected = np.var(means, ddof=1) / np.var(y[rows], ddof=1)
    options = {"sample_weight": weights if weighted else None}
    assert between_group_variance_ratio(y, groups, **options) == pytest.approx(expected, rel=1e-12)
    details = between_group_variance_ratio(y, groups, return_details=True, **options)
    assert details.value == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(details.means, means, rtol=1e-12)


def test_variance_ratio_of_equal_groups_and_of_constants():
    y = np.random.default_rng(0).normal(size=50)
    assert between_group_variance_ratio(np.tile(y, 2), np.repeat(["a", "b"], 50)) < 1e-28
    assert between_group_variance_ratio(np.full(100, 0.1), np.repeat(["a", "b"], 50)) == 0
    noise = 0.1 + 1e-17 * np.arange(100)
    assert between_group_variance_ratio(noise, np.repeat(["a", "b"], 50)) == 0


def test_variance_ratio_without_small_groups():
    y, groups, _ = problem()
    groups = groups.astype(object)
    groups[:5], y[:5] = "few", 9
    details = between_group_variance_ratio(y, groups, return_details=True)
    means = [y[groups == group].mean() for group in "abc"]
    np.testing.assert_allclose(details.means, [*means, np.nan], rtol=1e-12)
    assert details.small_groups == [("few",)]
    # the variance below is of all rows
    assert details.value == pytest.approx(np.var(means, ddof=1) / np.var(y, ddof=1), rel=1e-12)


def test_variance_ratio_baseline_is_its_expectation():
    """Equal groups of m rows: var(mean) / var = 1 / m on average."""
    y = np.random.default_rng(0).normal(size=400)
    details = between_group_variance_ratio(
        y, np.repeat(list("abcd"), 100), n_permutations=2000, random_state=0, return_details=True
    )
    assert details.baseline_mean == pytest.approx(1 / 100, rel=0.06)
    assert details.baseline_q95 > details.baseline_mean


def test_variance_ratio_needs_frequencies():
    y, groups, _ = problem()
    with pytest.raises(ValueError, match="sample_weight has the sum 1: want frequencies"):
        between_group_variance_ratio(y, groups, sample_weight=np.full(500, 1 / 500))


def test_intersections_are_those_that_occur():
    sex = ["F", "M", "F", "F", "M"]
    region = ["south", "north", "north", "south", "north"]
    found = groups_of({"sex": sex, "region": region}, sample_weight=[1, 1, 2, 4, 0.5])
    assert found.attributes == ("sex", "region")
    assert found.groups == [("F", "north"), ("F", "south"), ("M", "north")]
    assert found.rows.tolist() == [1, 2, 2]
    assert found.weight.tolist() == [2, 5, 1.5]


def test_a_level_of_weight_zero_is_none():
    found = groups_of({"sex": ["F", "M", "X", "F"]}, sample_weight=[1, 1, 0, 1])
    assert found.groups == [("F",), ("M",)]


@pytest.mark.parametrize("container", ["array", "frame", "polars", "series", "dict", "list"])
def test_containers(container):
    pandas = pytest.importorskip("pandas")
    y, groups, _ = problem()
    age = np.random.default_rng(1).integers(18, 80, size=500)
    expected = js_divergence_score(y, {"g": groups, "age": age})
    features = {
        "array": np.column_stack([groups.astype(object), age]),
        "frame": pandas.DataFrame({"g": groups, "age": age}, index=np.arange(500)[::-1]),
        "dict": {"g": pandas.Series(groups), "age": list(age)},
        "list": [[g, int(a)] for g, a in zip(groups, age)],
    }
    if container == "polars":
        polars = pytest.importorskip("polars")
        features["polars"] = polars.DataFrame({"g": groups, "age": age})
    if container == "series":
        alone = js_divergence_score(y, {"g": groups})
        assert js_divergence_score(y, pandas.Series(groups, index=np.arange(500)[::-1])) == alone
        assert js_divergence_score(pandas.Series(y), pandas.Categorical(groups)) == alone
        return
    assert js_divergence_score(y, features[container]) == pytest.approx(expected, rel=1e-12)


def test_order_of_levels():
    pandas = pytest.importorskip("pandas")
    rating = pandas.Categorical(["low", "high", "mid"], ["low", "mid", "high"], ordered=True)
    assert groups_of({"r": rating}).groups == [("low",), ("mid",), ("high",)]
    mixed = groups_of({"r": np.array([3, "x", 1], dtype=object)})
    assert mixed.groups == [(1,), (3,), ("x",)]
    assert groups_of({"r": np.array([True, False])}).groups == [(False,), (True,)]


def test_numbers_come_in_bins():
    age = np.random.default_rng(0).integers(18, 80, size=1000)
    found = groups_of({"age": age})
    edges = found.edges["age"]
    assert edges.shape == (6,)
    assert (edges[0], edges[-1]) == (age.min(), age.max())
    counts = [np.count_nonzero(age <= edges[1])]
    counts += [np.count_nonzero((low < age) & (age <= high)) for low, high in pairwise(edges[1:])]
    assert found.rows.tolist() == counts
    assert np.abs(np.array(counts) - 200).max() < 20  # a year holds 16 on average
    labels = [f"({low:.0f}, {high:.0f}]" for low, high in pairwise(edges)]
    labels[0] = "[" + labels[0][1:]
    assert found.groups == [(label,) for label in labels]
    assert len(groups_of({"age": age}, n_bins=3).groups) == 3
    as_levels = groups_of({"age": age}, sensitive_types={"age": "nominal"})
    assert as_levels.groups == [(year,) for year in np.unique(age).tolist()]
    assert as_levels.edges == {}


def test_bins_are_quantiles():
    """The edges are numpy's inverted-cdf quantiles, also of weighted rows."""
    rng = np.random.default_rng(0)
    for n_bins in (1, 2, 7):
        values = rng.gamma(2, size=300)
        weight = rng.integers(1, 4, size=300)
        for w in (np.ones(300, dtype=int), weight):
            _, _, edges = quantile_bins(values, w.astype(float), n_bins)
            levels = np.arange(n_bins + 1) / n_bins
            expected = np.quantile(np.repeat(values, w), levels, method="inverted_cdf")
            np.testing.assert_array_equal(edges, expected)


def test_ties_stay_together():
    values = np.array([0.0] * 70 + [1] * 10 + [2] * 10 + [3] * 10)
    code, labels, edges = quantile_bins(values, np.ones(100), 3)
    assert labels == ["0", "(0, 3]"]
    assert edges.tolist() == [0, 0, 3]
    assert np.bincount(code).tolist() == [70, 30]
    # no more values than bins: each by itself, however few its rows
    code, labels, edges = quantile_bins(values, np.ones(100), 4)
    assert labels == ["0", "1", "2", "3"]
    assert np.bincount(code).tolist() == [70, 10, 10, 10]
    assert edges.tolist() == [0, 0, 1, 2, 3]


def test_labels_of_bins_tell_them_apart():
    values = 123456 + np.arange(6) / 8
    _, labels, _ = quantile_bins(values, np.ones(6), 2)
    assert labels == ["[123456, 123456.2]", "(123456.2, 123456.6]"]


def test_dummies_of_one_attribute_are_levels():
    dummies = np.eye(3)[[0, 1, 2, 0, 1]]
    assert groups_of({"race": dummies}).groups == [((0, 0, 1),), ((0, 1, 0),), ((1, 0, 0),)]
    with pytest.raises(ValueError, match="'where' has 2 numeric columns, which have no bins"):
        groups_of({"where": np.random.default_rng(0).normal(size=(5, 2))})
    place = np.array([[0.5, 1], [0.5, 1], [2, 0]])
    found = groups_of({"where": place}, sensitive_types={"where": "nominal"})
    assert found.rows.tolist() == [2, 1]


def test_codes_of_groups_are_warned_of():
    codes = np.tile(np.arange(8), 20)
    with pytest.warns(UserWarning, match="'race' has 8 whole numbers, taken as a quantity"):
        assert len(groups_of({"race": codes}).groups) == 5
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind, n_groups in [("nominal", 8), ("ordered", 8), ("numeric", 5)]:
            found = groups_of({"race": codes}, sensitive_types={"race": kind})
            assert len(found.groups) == n_groups
        assert len(groups_of({"race": codes}, n_bins=8).groups) == 8  # nothing is joined
        assert len(groups_of({"age": np.arange(160)}).groups) == 5
        assert len(groups_of({"x": codes + 0.5}).groups) == 5


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y_pred": np.ones((500, 3))}, r"y_pred has shape \(500, 3\): want one number for each"),
        ({"y_pred": ["yes"] * 500}, "y_pred holds text: want numbers"),
        ({"y_pred": np.full(500, np.nan)}, "y_pred contains NaN"),
        ({"sensitive_features": ["a"] * 499}, "has 499 rows and y_pred 500: want as many"),
        ({"sensitive_features": [None, "a"] * 250}, "'attribute_0' is missing in 250 rows: want"),
        ({"sensitive_features": [np.nan, 1.5] * 250}, "'attribute_0' is missing in 250 rows"),
        ({"sensitive_features": sparse.csr_matrix(np.eye(500))}, "is a sparse matrix: want"),
        ({"sample_weight": -np.ones(500)}, "sample_weight must be at least 0 everywhere"),
        ({"sample_weight": np.zeros(500)}, "(some row a positive weight|at least one non-zero)"),
        ({"sample_weight": np.ones(3)}, "sample_weight"),
        ({"sensitive_types": {"sex": "nominal"}}, "names 'sex', which is no attribute"),
        ({"sensitive_types": {"attribute_0": "text"}}, "must be one of"),
        ({"sensitive_types": "nominal"}, "must be 'auto' or a dict"),
        ({"n_bins": 0}, "n_bins=0: want a whole number of at least 1"),
        ({"n_bins": True}, "n_bins=True: want a whole number"),
        ({"min_group_size": 0}, "min_group_size=0: want a whole number"),
    ],
)  # fmt: skip
def test_bad_input(metric, change, message):
    y, groups, _ = problem()
    given = {"y_pred": y, "sensitive_features": groups, **change}
    with pytest.raises(ValueError, match=message):
        metric(**given)


def test_one_column_of_predictions_is_one():
    y, groups, _ = problem()
    assert demographic_parity_gap(y[:, None], groups) == demographic_parity_gap(y, groups)


def test_arguments_are_left_alone():
    y, groups, weights = problem()
    features = np.array([*zip(groups, weights)], dtype=object)
    copies = y.copy(), features.copy(), weights.copy()
    for given in (y, features, weights):
        given.flags.writeable = False
    for metric in METRICS:
        metric(y, features, sample_weight=weights)
    for given, copy in zip((y, features, weights), copies):
        assert (given == copy).all()
