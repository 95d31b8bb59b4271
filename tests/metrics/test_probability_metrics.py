"""Ranked probability score, Brier scores and rare-class errors against their definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import isotonic_regression
from sklearn.metrics import brier_score_loss

from skweight.metrics import (
    multiclass_brier_score,
    ranked_probability_score,
    rare_class_error,
    rare_class_mse,
)
from skweight.metrics._probability import squared_exceedance_error

SCORES = [ranked_probability_score, multiclass_brier_score, rare_class_error]
LABELS = ["rarely", "often", "always"]  # not in alphabetical order


def brute_force(score, y_true, proba, labels, weights):
    """Return the score by its definition, one row and class at a time."""
    total = 0.0
    for label, p, weight in zip(y_true, proba, weights):
        rank, n_classes = labels.index(label), len(labels)
        if score is ranked_probability_score:
            row = sum((sum(p[: k + 1]) - (rank <= k)) ** 2 for k in range(n_classes - 1))
        elif score is multiclass_brier_score:
            row = sum((p[k] - (rank == k)) ** 2 for k in range(n_classes))
        else:
            row = (p[-1] - (rank == n_classes - 1)) ** 2
        total += weight * row
    return total / sum(weights)


@st.composite
def cases(draw, min_rows=1):
    """Draw ranks, probabilities (some exactly 0) and whole-number weights."""
    n_classes, n = draw(st.integers(2, 6)), draw(st.integers(min_rows, 12))
    rng = np.random.RandomState(draw(st.integers(0, 2**32 - 1)))
    proba = rng.dirichlet(np.full(n_classes, draw(st.sampled_from([0.1, 1.0, 10.0]))), n)
    proba[rng.uniform(size=n) < 0.2] = np.eye(n_classes)[0]
    weights = rng.randint(0, 4, n)
    weights[rng.randint(n)] += 1
    return rng.randint(n_classes, size=n), proba, weights


@pytest.mark.parametrize("score", SCORES)
@given(case=cases())
@settings(deadline=None)
def test_definition(score, case):
    rank, proba, weights = case
    labels = list("zyxwvu")[: proba.shape[1]]
    y = np.array(labels)[rank]
    got = score(y, proba, labels=labels, sample_weight=weights)
    assert got == pytest.approx(brute_force(score, y, proba, labels, weights), rel=1e-12, abs=1e-15)
    unweighted = score(y, proba, labels=labels)
    expected = brute_force(score, y, proba, labels, np.ones(len(y)))
    assert unweighted == pytest.approx(expected, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("score", SCORES)
@given(case=cases())
@settings(deadline=None)
def test_whole_weights_repeat_rows_and_scale_is_free(score, case):
    rank, proba, weights = case
    labels = list(range(proba.shape[1]))
    weighted = score(rank, proba, labels=labels, sample_weight=weights)
    repeated = score(np.repeat(rank, weights), np.repeat(proba, weights, axis=0), labels=labels)
    scaled = score(rank, proba, labels=labels, sample_weight=weights * 0.37)
    assert weighted == pytest.approx(repeated, rel=1e-12, abs=1e-15)
    assert weighted == pytest.approx(scaled, rel=1e-12, abs=1e-15)


@given(case=cases(), seed=st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_scores_are_proper(case, seed):
    """Weights p on the labels give the expectation under p: the truth beats any forecast."""
    _, proba, _ = case
    forecast = np.random.RandomState(seed).dirichlet(np.ones(proba.shape[1]))
    labels = np.arange(proba.shape[1])
    for truth in proba:
        for score in SCORES:
            at_truth = score(labels, np.tile(truth, (len(truth), 1)), sample_weight=truth)
            elsewhere = score(labels, np.tile(forecast, (len(truth), 1)), sample_weight=truth)
            assert elsewhere >= at_truth - 1e-15
        gap = np.abs(np.cumsum(truth - forecast))
        if gap.max() > 1e-3:  # strictly proper
            ranked = [
                ranked_probability_score(labels, np.tile(p, (len(p), 1)), sample_weight=truth)
                for p in (truth, forecast)
            ]
            assert ranked[1] - ranked[0] == pytest.approx((gap[:-1] ** 2).sum(), rel=1e-6)


@given(case=cases())
@settings(deadline=None)
def test_reversal(case):
    """Reading the scale from the other end changes neither score that uses all classes."""
    rank, proba, weights = case
    labels = list(range(proba.shape[1]))
    for score in (ranked_probability_score, multiclass_brier_score):
        forward = score(rank, proba, labels=labels, sample_weight=weights)
        backward = score(rank, proba[:, ::-1], labels=labels[::-1], sample_weight=weights)
        assert forward == pytest.approx(backward, rel=1e-12, abs=1e-15)


@given(
    raw=st.lists(st.floats(-0.5, 1.5), min_size=1, max_size=6),
    rank=st.integers(0, 6),
)
@settings(deadline=None)
def test_repairs_never_worsen_a_row(raw, rank):
    """Isotonic projection and sorting move crossing exceedances towards every observation."""
    raw = np.array(raw)
    rank = np.array([min(rank, len(raw))])
    before = squared_exceedance_error(rank, raw[None])[0]
    projected = isotonic_regression(raw, increasing=False)
    for repaired in (projected, np.sort(raw)[::-1], np.clip(projected, 0, 1)):
        assert squared_exceedance_error(rank, repaired[None])[0] <= before + 1e-12


@given(case=cases())
@settings(deadline=None)
def test_two_classes_are_the_binary_brier_score(case):
    rank, proba, weights = case
    y, p = (rank > 0).astype(int), proba[:, 1:].sum(axis=1)
    both = np.column_stack([1 - p, p])
    binary = brier_score_loss(y, np.clip(p, 0, 1), sample_weight=weights, pos_label=1)
    options = {"labels": [0, 1], "sample_weight": weights}
    assert ranked_probability_score(y, both, **options) == pytest.approx(binary, abs=1e-15)
    assert rare_class_error(y, both, **options) == pytest.approx(binary, abs=1e-15)
    assert multiclass_brier_score(y, both, **options) == pytest.approx(2 * binary, abs=1e-15)


def test_expected_rare_class_error_splits():
    """E[error on labels] = error against the truth + mean p (1 - p), exactly."""
    rng = np.random.RandomState(0)
    truth, predicted = rng.dirichlet([5, 3, 0.2], 7), rng.dirichlet([5, 3, 0.2], 7)
    expected = np.mean(
        [
            rare_class_error([0, 1, 2], np.tile(q, (3, 1)), sample_weight=p)
            for p, q in zip(truth, predicted)
        ]
    )
    noise = np.mean(truth[:, 2] * (1 - truth[:, 2]))
    assert expected == pytest.approx(rare_class_mse(truth, predicted) + noise, rel=1e-12)


def test_rare_class_mse_takes_columns_and_weights():
    truth, predicted = np.array([0.01, 0.02, 0.5]), np.array([0.02, 0.02, 0.1])
    weights = np.array([1, 5, 2])
    expected = (1e-4 + 2 * 0.16) / 8
    assert rare_class_mse(truth, predicted, sample_weight=weights) == pytest.approx(expected)
    both = np.column_stack([1 - truth, truth]), np.column_stack([1 - predicted, predicted])
    assert rare_class_mse(*both, sample_weight=weights) == pytest.approx(expected)
    with pytest.raises(ValueError, match="proba_true has 3 rows and proba_pred 2"):
        rare_class_mse(truth, predicted[:2])


def test_far_tail_keeps_its_digits():
    """P(y > k) is summed from the rare end: 1 - P(y <= k) would round 1e-20 away."""
    tiny = 1e-20
    score = ranked_probability_score([0], [[1.0, 0.0, tiny]], labels=[0, 1, 2])
    assert score == pytest.approx(2 * tiny**2, rel=1e-12)


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("kind", ["list", "object", "bool", "float32", "pandas", "nullable"])
def test_kinds_of_input(score, kind):
    y, labels = ["rarely", "always", "often", "rarely"], LABELS
    proba = np.array([[0.5, 0.25, 0.25], [0.25, 0.25, 0.5], [0.0, 1.0, 0.0], [0.125, 0.25, 0.625]])
    expected = brute_force(score, y, proba, labels, np.ones(4))
    if kind == "list":
        got = score(y, proba.tolist(), labels=labels)
    elif kind == "object":
        got = score(np.array(y, dtype=object), proba, labels=np.array(labels, dtype=object))
    elif kind == "float32":
        got = score(y, proba.astype(np.float32), labels=labels)
    elif kind == "bool":
        two = np.column_stack([proba[:, 0], proba[:, 1:].sum(axis=1)])
        got = score(np.array(y) != "rarely", two, labels=[False, True])
        expected = brute_force(score, [int(v != "rarely") for v in y], two, [0, 1], np.ones(4))
    else:
        pandas = pytest.importorskip("pandas", reason="needs the data extra")
        dtype = "string" if kind == "nullable" else pandas.CategoricalDtype(LABELS, ordered=True)
        got = score(pandas.Series(y, dtype=dtype), pandas.DataFrame(proba), labels=labels)
    assert got == pytest.approx(expected, rel=1e-12)


def test_an_order_that_columns_may_or_may_not_follow_is_refused():
    pandas = pytest.importorskip("pandas", reason="needs the data extra")
    y = pandas.Series(LABELS, dtype=pandas.CategoricalDtype(LABELS, ordered=True))
    with pytest.raises(ValueError, match="want labels, naming the columns"):
        ranked_probability_score(y, np.eye(3))
    assert multiclass_brier_score(y, np.eye(3), labels=LABELS) == 0


def test_text_without_order_warns():
    with pytest.warns(UserWarning, match="ranked alphabetically: pass labels"):
        ranked_probability_score(LABELS, np.eye(3))


@pytest.mark.filterwarnings("error")
def test_two_text_labels_or_no_ranking_do_not_warn():
    ranked_probability_score(["no", "yes"], np.eye(2))
    multiclass_brier_score(LABELS, np.eye(3))


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize(
    ("y", "proba", "options", "message"),
    [
        ([0, 3], np.eye(2), {"labels": [0, 1]}, r"y_true holds \[3\], not among labels=\[0, 1\]"),
        (["a"], [[1.0, 0.0]], {"labels": ["b", "c"]}, r"y_true holds \['a'\]"),
        ([0, 1], np.eye(3)[:2], {}, r"labels=\[0, 1\] are 2, but y_proba has 3 columns"),
        ([0, 1], np.eye(2), {"labels": [1, 1]}, "labels=.*want each label once"),
        ([0, 1], [[0.5, 0.4], [1, 0]], {}, "sum is 0.1 off"),
        ([0, 1], [[1.5, -0.5], [1, 0]], {}, "y_proba reaches from -0.5 to 1.5"),
        ([0, 1], [[np.nan, 0.5], [1, 0]], {}, "NaN"),
        ([0, 1, 1], np.eye(2), {}, "inconsistent"),
        ([0, 1], np.eye(2), {"sample_weight": [1, -1]}, "sample_weight.*negative"),
        ([0, 1], np.eye(2), {"sample_weight": [0, 0]}, "sample_weight.*positive"),
        ([0, 1], np.eye(2), {"sample_weight": [1]}, r"sample_weight has shape \(1,\): want \(2,\)"),
        ([0, 1], np.eye(2), {"sample_weight": [1, np.inf]}, "sample_weight"),
    ],
)
def test_errors(score, y, proba, options, message):
    with pytest.raises(ValueError, match=message):
        score(y, proba, **options)
