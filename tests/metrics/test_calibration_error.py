"""The equal-frequency calibration error against exact rational arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from skweight.metrics import equal_frequency_calibration_error, rare_class_calibration_error


def exact_error(y, p, n_bins, squared, weights):
    """Cut every row into n_bins crumbs, share tied outcomes, fill the bins crumb by crumb."""
    crumbs = []
    for value in sorted(set(p)):
        tied = [i for i in range(len(p)) if p[i] == value]
        mass = sum(int(weights[i]) for i in tied)
        if mass:
            share = Fraction(sum(int(weights[i]) * int(y[i]) for i in tied), mass)
            crumbs += [(Fraction(value), share)] * (mass * n_bins)
    size = len(crumbs) // n_bins
    total = Fraction(0)
    for start in range(0, len(crumbs), size):
        own = crumbs[start : start + size]
        frequency = sum(share for _, share in own) / size
        gaps = [value - frequency for value, _ in own]
        total += sum(gap * gap if squared else abs(gap) for gap in gaps)
    return float(total / len(crumbs))


@st.composite
def binary_cases(draw):
    n = draw(st.integers(1, 9))
    p = draw(st.lists(st.sampled_from([0, 1 / 8, 1 / 4, 0.3, 0.5, 0.9, 1]), min_size=n, max_size=n))
    y = draw(st.lists(st.integers(0, 1), min_size=n, max_size=n))
    weights = draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
    weights[draw(st.integers(0, n - 1))] += 1
    return np.array(y), np.array(p, dtype=float), np.array(weights)


@given(case=binary_cases(), n_bins=st.integers(1, 8), squared=st.booleans())
@settings(deadline=None)
def test_definition(case, n_bins, squared):
    y, p, weights = case
    got = equal_frequency_calibration_error(
        y, p, n_bins=n_bins, squared=squared, sample_weight=weights
    )
    expected = exact_error(y, p, n_bins, squared, weights)
    assert got == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(case=binary_cases(), n_bins=st.integers(1, 5), seed=st.integers(0, 1000))
@settings(deadline=None)
@example(case=(np.array([0, 1]), np.array([0.5, 0.5]), np.array([1, 2])), n_bins=2, seed=0)
def test_whole_weights_repeat_rows_and_order_does_not_matter(case, n_bins, seed):
    y, p, weights = case
    options = {"n_bins": n_bins}
    got = equal_frequency_calibration_error(y, p, sample_weight=weights, **options)
    repeated = np.repeat(np.arange(len(y)), weights)
    np.random.RandomState(seed).shuffle(repeated)
    again = equal_frequency_calibration_error(y[repeated], p[repeated], **options)
    assert got == pytest.approx(again, rel=1e-9, abs=1e-12)
    scaled = equal_frequency_calibration_error(y, p, sample_weight=weights / 7, **options)
    assert got == pytest.approx(scaled, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("n", [1240, 1260])
def test_default_number_of_bins_leaves_rows_of_weight_0_out(n):
    rng = np.random.RandomState(0)
    p = rng.uniform(size=n)
    y, weights = rng.randint(2, size=n), np.repeat([0, 1], [n - 1200, 1200])
    got = equal_frequency_calibration_error(y, p, sample_weight=weights)
    kept = weights > 0
    assert got == pytest.approx(equal_frequency_calibration_error(y[kept], p[kept]), rel=1e-9)
    assert got == pytest.approx(equal_frequency_calibration_error(y[kept], p[kept], n_bins=12))


@pytest.mark.parametrize("squared", [True, False])
@pytest.mark.parametrize("n", [40, 200, 2000])
def test_whole_rows_in_bins_when_they_divide(n, squared):
    """Without ties, n divisible by the bins: plain sorting and reshaping gives the same."""
    rng = np.random.RandomState(n)
    p = rng.uniform(size=n)
    y = rng.uniform(size=n) < p**2
    n_bins = max(10, round(n / 100))
    order = np.argsort(p)
    frequency = y[order].reshape(n_bins, -1).mean(axis=1).repeat(n // n_bins)
    gap = np.abs(p[order] - frequency)
    expected = (gap**2 if squared else gap).mean()
    assert equal_frequency_calibration_error(y, p, squared=squared) == pytest.approx(expected)


def test_it_is_the_usual_error_plus_the_spread_within_bins():
    rng = np.random.RandomState(1)
    p = np.sort(rng.uniform(size=100))
    y = rng.randint(2, size=100)
    p_bins, y_bins = p.reshape(10, 10), y.reshape(10, 10)
    usual = ((p_bins.mean(axis=1) - y_bins.mean(axis=1)) ** 2).mean()
    expected = usual + p_bins.var(axis=1).mean()
    assert equal_frequency_calibration_error(y, p, n_bins=10) == pytest.approx(expected)


def test_the_base_rate_is_calibrated():
    y = np.array([1, 0, 0, 0, 1, 0, 0, 0, 0, 0])
    assert equal_frequency_calibration_error(y, np.full(10, 0.2)) == pytest.approx(0, abs=1e-30)
    assert equal_frequency_calibration_error(y, np.full(10, 0.5)) == pytest.approx(0.09)


def published_by_hand(y, p, n_bins):
    """Follow the published code's loop over bins and rows."""
    n, start, total = len(y), 0, 0.0
    ranked = y[np.argsort(p, kind="stable")]
    for b in range(n_bins):
        end = start + n // n_bins + (b < n % n_bins)
        frequency = ranked[start:end].mean()
        for j in range(start, end):
            total += (p[j] - frequency) ** 2  # row j of the data, not of the sorted data
        start = end
    return total / n


@pytest.mark.parametrize("n", [10, 37, 185, 1250])
def test_published_variant(n):
    rng = np.random.RandomState(n)
    p = rng.beta(1, 6, size=n)
    y = (rng.uniform(size=n) < p).astype(int)
    got = equal_frequency_calibration_error(y, p, published=True)
    assert got == pytest.approx(published_by_hand(y, p, max(10, round(n / 100))), rel=1e-12)


def test_published_variant_rewards_shrinkage():
    """Predictions that are the truth look worse to it than the base rate; ours disagrees."""
    rng = np.random.RandomState(0)
    truth = rng.beta(1, 4, size=5000)
    y = (rng.uniform(size=5000) < truth).astype(int)
    base = np.full(5000, y.mean()) + 1e-9 * rng.normal(size=5000)
    ours = [equal_frequency_calibration_error(y, p) for p in (truth, base)]
    published = [equal_frequency_calibration_error(y, p, published=True) for p in (truth, base)]
    assert published[0] > 2 * published[1]
    # and the published value moves when the rows do, ours does not
    order = np.argsort(truth)
    assert equal_frequency_calibration_error(y[order], truth[order]) == pytest.approx(ours[0])
    sorted_rows = equal_frequency_calibration_error(y[order], truth[order], published=True)
    assert sorted_rows < 0.2 * published[0]
    assert sorted_rows == pytest.approx(ours[0], rel=0.05)


@pytest.mark.parametrize("weighted", [False, True])
def test_rare_class_twin(weighted):
    rng = np.random.RandomState(2)
    proba = rng.dirichlet([4, 2, 1], 300)
    y = rng.randint(3, size=300)
    weights = rng.randint(1, 4, size=300) if weighted else None
    twin = rare_class_calibration_error(y, proba, n_bins=7, sample_weight=weights)
    plain = equal_frequency_calibration_error(y == 2, proba[:, 2], n_bins=7, sample_weight=weights)
    assert twin == pytest.approx(plain, rel=1e-12)
    names = np.array(["z", "y", "x"])
    named = rare_class_calibration_error(
        names[y], proba, labels=names, n_bins=7, sample_weight=weights
    )
    assert named == twin


@pytest.mark.parametrize(
    ("y", "p", "options", "message"),
    [
        ([0, 2], [0.1, 0.2], {}, "y_bin holds other values than 0 and 1"),
        ([0, 1], [0.1, 1.2], {}, "p reaches from 0.1 to 1.2"),
        ([0, 1], [0.1, np.nan], {}, "NaN"),
        ([0, 1, 1], [0.1, 0.2], {}, "inconsistent"),
        ([0, 1], [0.1, 0.2], {"n_bins": 0}, "n_bins=0: want a whole number"),
        ([0, 1], [0.1, 0.2], {"n_bins": 2.0}, "n_bins=2.0: want a whole number"),
        ([0, 1], [0.1, 0.2], {"n_bins": True}, "n_bins=True: want a whole number"),
        ([0, 1], [0.1, 0.2], {"published": True, "sample_weight": [1, 1]}, "published=True takes"),
        ([0, 1], [0.1, 0.2], {"sample_weight": [1, -1]}, "sample_weight.*negative"),
    ],
)
def test_errors(y, p, options, message):
    with pytest.raises(ValueError, match=message):
        equal_frequency_calibration_error(y, p, **options)
