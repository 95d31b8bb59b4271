"""Jensen-Shannon divergence of predictions between groups, and its densities."""

import numpy as np
import pytest
from scipy.stats import entropy, gaussian_kde

from skweight.metrics import js_divergence_score
from skweight.metrics._group_densities import GroupDensities


def problem(n=600, seed=0):
    """Return skewed predictions, text groups and whole-number weights."""
    rng = np.random.default_rng(seed)
    groups = rng.choice(["a", "b", "c"], size=n, p=[0.5, 0.3, 0.2]).astype(object)
    y = rng.gamma(2.0, size=n) * 0.1 + 0.05 * (groups == "b")
    return y, groups, rng.integers(1, 4, size=n)


def divergence_by_scipy(y, groups, weights, bandwidth, shares):
    """Return the divergence from scipy's densities and entropies."""
    points = np.linspace(y.min(), y.max(), 1000)
    densities = []
    for group in np.unique(groups):
        rows = groups == group
        kernel = gaussian_kde(y[rows], weights=weights[rows])
        kernel.set_bandwidth(bandwidth / np.sqrt(kernel.covariance[0, 0]) * kernel.factor)
        density = kernel(points)
        densities.append(density / density.sum())
    mixed = entropy(shares @ np.array(densities), base=2)
    return mixed - shares @ entropy(np.array(densities), base=2, axis=1)


@pytest.mark.parametrize("bandwidth", [0.3, 0.05, 0.01, 0.002, 0.0005])
@pytest.mark.parametrize("group_weights", ["share", "equal"])
@pytest.mark.parametrize("weighted", [False, True])
def test_equals_scipy(bandwidth, group_weights, weighted):
    y, groups, weights = problem()
    weights = weights if weighted else np.ones(len(y), dtype=int)
    shares = np.array([weights[groups == group].sum() for group in "abc"]) / weights.sum()
    shares = shares if group_weights == "share" else np.full(3, 1 / 3)
    ours = js_divergence_score(
        y, groups, bandwidth=bandwidth, group_weights=group_weights,
        sample_weight=weights if weighted else None,
    )  # fmt: skip
    expected = divergence_by_scipy(y, groups, weights, bandwidth, shares)
    assert ours == pytest.approx(expected, abs=1e-9)
    assert ours > 1e-4


@pytest.mark.parametrize("relative", [2.0, 0.1, 0.02, 0.004, 0.003, 1e-3, 1e-4])
def test_densities_are_the_sums_of_kernels(relative):
    """On both sides of the change from nodes to single points, within the stated bound."""
    rng = np.random.default_rng(1)
    y, weight = rng.beta(2, 5, size=900) * 40 - 3, rng.uniform(0.1, 2, size=900)
    code = rng.integers(-1, 4, size=900)  # -1: in no group
    bandwidth = relative * np.ptp(y)
    points = np.linspace(y.min(), y.max(), 1000)
    kernels = np.exp(-0.5 * ((points[:, None] - y) / bandwidth) ** 2) * weight
    expected = np.array([kernels[:, code == group].sum(axis=1) for group in range(4)])
    sums = expected.sum(axis=1, keepdims=True)
    totals = np.array([weight[code == group].sum() for group in range(4)])[:, None]
    found = GroupDensities(y, weight, bandwidth)(code, 4) * sums
    # heights of a kernel are 1 here, so the bound of one row is 2.6e-10, twice after rescaling
    assert np.abs(found - expected).max(axis=1) == pytest.approx(0, abs=6e-10 * totals.max())


def test_chunks_of_groups_change_nothing(monkeypatch):
    y, _, weights = problem()
    code = np.random.default_rng(0).integers(0, 5, size=len(y))
    for bandwidth in (0.05, 5e-4):
        densities = GroupDensities(y, weights.astype(float), bandwidth)
        whole = densities(code, 5)
        monkeypatch.setattr("skweight.metrics._group_densities._MAX_CELLS", 2 * densities._n_nodes)
        np.testing.assert_allclose(densities(code, 5), whole, rtol=0, atol=1e-15)
        monkeypatch.undo()


def test_scott_is_the_spread_of_all_times_the_smallest_kept_group():
    y, groups, weights = problem()
    groups[:10] = "tiny"
    details = js_divergence_score(y, groups, sample_weight=weights, return_details=True)
    kept = [np.count_nonzero(groups == group) for group in "abc"]
    repeated = np.repeat(y, weights)
    assert details.bandwidth == pytest.approx(repeated.std() * min(kept) ** -0.2, rel=1e-12)
    assert details.small_groups == [("tiny",)]
    assert np.isnan(details.group_weights).tolist() == [False, False, False, True]
    shares = np.array([weights[groups == group].sum() for group in "abc"])
    np.testing.assert_allclose(details.group_weights[:3], shares / shares.sum(), rtol=1e-12)
    bound = entropy(shares / shares.sum(), base=2)
    assert details.upper_bound == pytest.approx(bound, rel=1e-12)
    given = js_divergence_score(y, groups, sample_weight=weights, bandwidth=details.bandwidth)
    assert given == details.value


def test_small_groups_shape_the_points_alone():
    """A group left out adds nothing but where the densities are looked at."""
    y, groups, _ = problem()
    y[:2], groups[:2] = [-0.5, 1.5], "tiny"
    big = groups != "tiny"
    shares = np.array([np.mean(groups[big] == group) for group in "abc"])
    ours = js_divergence_score(y, groups, bandwidth=0.05)
    points = np.linspace(y.min(), y.max(), 1000)
    densities = []
    for group in "abc":
        kernels = np.exp(-0.5 * ((points[:, None] - y[groups == group]) / 0.05) ** 2).sum(axis=1)
        densities.append(kernels / kernels.sum())
    expected = entropy(shares @ np.array(densities), base=2) - shares @ entropy(
        np.array(densities), base=2, axis=1
    )
    assert ours == pytest.approx(expected, abs=1e-9)


def test_equal_groups_give_zero():
    y = np.random.default_rng(0).normal(size=100)
    assert js_divergence_score(np.tile(y, 3), np.repeat(["a", "b", "c"], 100)) < 1e-12
    weights = np.repeat([1, 2, 5], 100)
    assert js_divergence_score(
        np.tile(y, 3), np.repeat(["a", "b", "c"], 100), sample_weight=weights
    ) < 1e-12  # fmt: skip


@pytest.mark.parametrize("bandwidth", ["scott", 0.02])
@pytest.mark.parametrize("factor", [10, 1e-6, 1e9])
def test_scale_of_predictions_and_bandwidth(bandwidth, factor):
    y, groups, _ = problem()
    scaled = bandwidth if bandwidth == "scott" else bandwidth * factor
    first = js_divergence_score(y, groups, bandwidth=bandwidth)
    again = js_divergence_score(factor * y, groups, bandwidth=scaled)
    assert again == pytest.approx(first, rel=1e-9)
    shifted = js_divergence_score(factor * (y + 7), groups, bandwidth=scaled)
    assert shifted == pytest.approx(first, rel=1e-6)


def test_separate_groups_reach_the_bound():
    rng = np.random.default_rng(0)
    sizes = [100, 200, 100]
    y = np.concatenate([rng.normal(10 * k, 0.01, size=n) for k, n in enumerate(sizes)])
    details = js_divergence_score(
        y, np.repeat([0, 1, 2], sizes), sensitive_types={"attribute_0": "nominal"}, bandwidth=0.1,
        return_details=True,
    )  # fmt: skip
    assert details.upper_bound == pytest.approx(1.5, rel=1e-12)
    assert details.value == pytest.approx(1.5, rel=1e-12)


@pytest.mark.parametrize("constant", [0.0, 3.0, -1e9])
def test_constant_predictions(constant):
    groups = np.repeat(["a", "b"], 50)
    assert js_divergence_score(np.full(100, constant), groups) == 0
    noise = constant * (1 + 1e-15 * np.arange(100))
    assert js_divergence_score(noise, groups) == 0
    details = js_divergence_score(
        noise, groups, return_details=True, n_permutations=3, random_state=0
    )
    assert (details.value, details.bandwidth, details.baseline_mean) == (0, 0, 0)


@pytest.mark.parametrize(
    ("bandwidth", "expected"),
    [(0.15, [0.036, 0.009, 0.0007]), ("scott", [0.039, 0.011, 0.002])],
)
def test_small_groups_bias_it_upwards(bandwidth, expected):
    """Eight groups with the same uniform predictions: the documented order of magnitude."""
    rng = np.random.default_rng(0)
    means = []
    for size in (20, 100, 1000):
        groups = np.repeat(list("abcdefgh"), size)
        draws = [
            js_divergence_score(
                rng.uniform(size=8 * size), groups, bandwidth=bandwidth, min_group_size=1
            )
            for _ in range(30)
        ]
        means.append(np.mean(draws))
    np.testing.assert_allclose(means, expected, rtol=0.3)


def test_null_bias_of_one_small_group():
    rng = np.random.default_rng(0)
    groups = np.repeat(["a", "b"], [2000, 40])
    draws = [js_divergence_score(rng.normal(size=2040), groups) for _ in range(200)]
    assert np.mean(draws) == pytest.approx(0.0010, rel=0.2)


def test_baseline_is_what_equal_groups_give():
    """Permuted labels reproduce the mean over fresh samples without any difference."""
    rng = np.random.default_rng(0)
    groups = np.repeat(["a", "b", "c", "d"], 60)
    draws = [js_divergence_score(rng.uniform(size=240), groups) for _ in range(200)]
    details = js_divergence_score(
        rng.uniform(size=240), groups, n_permutations=200, random_state=0, return_details=True
    )
    assert details.baseline_mean == pytest.approx(np.mean(draws), rel=0.15)
    assert details.baseline_q95 == pytest.approx(np.quantile(draws, 0.95), rel=0.15)
    again = js_divergence_score(
        rng.uniform(size=240), groups, n_permutations=0, return_details=True
    )
    assert np.isnan(again.baseline_mean)
    assert np.isnan(again.baseline_q95)


def test_fewer_than_two_groups_left():
    with pytest.warns(UserWarning, match="js_divergence_score by attribute_0 is NaN: 1 of 2"):
        value = js_divergence_score(np.arange(50.0), ["a"] * 40 + ["b"] * 10)
    assert np.isnan(value)
    with pytest.warns(UserWarning, match="0 of 2 groups have the rows"):
        details = js_divergence_score(np.arange(8.0), ["a", "b"] * 4, return_details=True)
    assert np.isnan(details.value)
    assert np.isnan(details.group_weights).all()
    assert details.small_groups == [("a",), ("b",)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bandwidth": 0}, "bandwidth=0: want 'scott' or a number above 0"),
        ({"bandwidth": "silverman"}, "bandwidth='silverman': want 'scott' or a number"),
        ({"bandwidth": np.inf}, "bandwidth=inf: want"),
        ({"bandwidth": True}, "bandwidth=True: want"),
        ({"bandwidth": 1e-8}, "bandwidth=1e-08 leaves a group without density at all of the 1000"),
        ({"group_weights": "rows"}, r"group_weights='rows': want one of \('share', 'equal'\)"),
        ({"n_permutations": 9}, "n_permutations=9 with return_details=False: want"),
        ({"n_permutations": -1, "return_details": True}, "n_permutations=-1: want a whole number"),
    ],
)
def test_bad_options(options, message):
    y, groups, _ = problem()
    with pytest.raises(ValueError, match=message):
        js_divergence_score(y, groups, **options)
