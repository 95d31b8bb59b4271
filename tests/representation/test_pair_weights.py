"""Weights of pairs and the multi-similarity loss, from their definitions in plain Python."""

from math import exp, log

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skweight.losses._pair_options import PAIR_LOSSES
from skweight.representation import multi_similarity_loss, pair_weights

# Of `problem()`, with mining and without: as pytorch-metric-learning 2.9.0 computes them, too.
PUBLISHED = {False: 1.3909373107803742, True: 1.3869874155539896}
A, B, LAM, EPS = 2.0, 50.0, 0.5, 0.1


def problem(seed=0, n=12):
    return np.random.default_rng(seed).normal(size=(n, 5)), np.repeat(np.arange(3), n // 3)


def similarities(E):
    E = E / np.linalg.norm(E, axis=1, keepdims=True)
    return E @ E.T


def pairs_of(S, y, i, mining):
    positive = [j for j in range(len(y)) if j != i and y[j] == y[i]]
    negative = [j for j in range(len(y)) if y[j] != y[i]]
    if not mining:
        return positive, negative
    return (
        [j for j in positive if negative and S[i, j] < max(S[i, negative]) + EPS],
        [j for j in negative if positive and S[i, j] > min(S[i, positive]) - EPS],
    )


def loss_by_loops(S, y, mining):
    total = 0.0
    for i in range(len(y)):
        positive, negative = pairs_of(S, y, i, mining)
        total += log(1 + sum(exp(-A * (S[i, k] - LAM)) for k in positive)) / A
        total += log(1 + sum(exp(B * (S[i, k] - LAM)) for k in negative)) / B
    return total / len(y)


def weight_by_formula(loss, s, j, own, other, sign, steep):
    """Return the weight of one pair; `sign` is 1 for a negative pair, for a positive one -1."""
    if loss == "multi_similarity":
        rivals = sum(exp(sign * steep * (s[k] - s[j])) for k in own)
        return 1 / (exp(sign * steep * (LAM - s[j])) + rivals)
    if loss == "contrastive":
        return 1.0 if sign < 0 else float(s[j] > LAM)
    if loss == "triplet":
        return sum(sign * (s[j] - s[k]) > -EPS for k in other)
    if loss == "binomial":
        return steep / (1 + exp(-sign * steep * (s[j] - LAM))) / len(own)
    own_sum = sum(exp(sign * (s[k] - LAM)) for k in own)
    other_sum = sum(exp(-sign * (s[k] - LAM)) for k in other)
    active = other and log(own_sum) + log(other_sum) > 0
    return exp(sign * (s[j] - LAM)) / own_sum if active else 0.0


def weights_by_loops(S, y, loss, mining):
    """Return weights by the formulas of the paper and of the losses, pair by pair."""
    W = np.zeros_like(S)
    for i in range(len(y)):
        P, N = pairs_of(S, y, i, mining and loss == "multi_similarity")
        for j in P:
            W[i, j] = weight_by_formula(loss, S[i], j, P, N, -1, A)
        for j in N:
            W[i, j] = weight_by_formula(loss, S[i], j, N, P, 1, B)
    return W


@pytest.mark.parametrize("mining", [True, False])
def test_the_loss_is_the_published_one(mining):
    E, y = problem()
    expected = loss_by_loops(similarities(E), y, mining)
    assert expected == pytest.approx(PUBLISHED[mining], rel=1e-14)
    assert multi_similarity_loss(E, y, mining=mining) == pytest.approx(expected, rel=1e-14)


def test_mining_keeps_the_published_pairs():
    E, y = problem()
    S = similarities(E)
    kept = pair_weights(S, y) > 0
    same = y[:, None] == y
    assert (kept & same).sum() == 34
    assert (kept & ~same).sum() == 70
    for i in range(len(y)):
        found = [np.flatnonzero(kept[i] & part).tolist() for part in (same[i], ~same[i])]
        assert found == list(pairs_of(S, y, i, mining=True))


@pytest.mark.parametrize("mining", [True, False])
@pytest.mark.parametrize("loss", PAIR_LOSSES)
def test_weights_by_loops(loss, mining):
    for seed in range(5):
        E, y = problem(seed)
        y[-1] = 9  # a class of one row
        S = similarities(E)
        W = pair_weights(S, y, loss, mining=mining)
        assert_allclose(W, weights_by_loops(S, y, loss, mining), rtol=1e-11, atol=1e-300)
        assert W.dtype == float


@pytest.mark.parametrize("mining", [True, False])
def test_weights_are_slopes(mining):
    """In each similarity by itself, minus for positive pairs, by differences."""
    E, y = problem(3)
    S, h = similarities(E), 1e-6
    sign = np.where(y[:, None] == y, -1.0, 1.0)
    W = pair_weights(S, y, mining=mining)
    for i in range(len(y)):
        for j in set(range(len(y))) - {i}:
            values = []
            for step in (h, -h):
                moved = S.copy()
                moved[i, j] += step
                values.append(loss_by_loops(moved, y, mining))
            slope = (values[0] - values[1]) / (2 * h) * len(y)
            assert slope == pytest.approx(sign[i, j] * W[i, j], abs=1e-6)


def test_both_kinds_are_kept_or_neither():
    for seed in range(200):
        E, y = problem(seed)
        kept = pair_weights(similarities(E + 2.0 * np.eye(3, 5)[y]), y) > 0
        same = y[:, None] == y
        assert_array_equal((kept & same).any(axis=1), (kept & ~same).any(axis=1))


def test_steep_limits():
    E, y = problem()
    S = similarities(E)
    same = (y[:, None] == y) & ~np.eye(len(y), dtype=bool)
    far = np.maximum(0, 0.5 - np.where(same, S, np.inf).min(axis=1)).mean()
    near = np.maximum(0, np.where(y[:, None] != y, S, -np.inf).max(axis=1) - 0.5).mean()
    loss = multi_similarity_loss(E, y, scale_pos=1e7, scale_neg=1e7, mining=False)
    assert loss == pytest.approx(far + near, abs=1e-6)


def test_invariances():
    E, y = problem()
    rng = np.random.default_rng(1)
    order = rng.permutation(len(y))
    rotation = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    expected = multi_similarity_loss(E, y)
    names = np.array(["z", "b", "x"])[y]
    assert multi_similarity_loss(E[order], y[order]) == pytest.approx(expected)
    assert multi_similarity_loss(E @ rotation, names) == pytest.approx(expected)
    assert multi_similarity_loss(E * rng.uniform(0.1, 9, (12, 1)), y) == pytest.approx(expected)
    S = similarities(E)
    for loss in PAIR_LOSSES:
        moved = pair_weights(S[np.ix_(order, order)], names[order], loss)
        assert_allclose(moved, pair_weights(S, y, loss)[np.ix_(order, order)], rtol=1e-12)


def test_perfect_and_degenerate_rows():
    E, y = np.repeat(np.eye(3), 2, axis=0), np.repeat([0, 1, 2], 2)
    assert multi_similarity_loss(E, y) == 0.0
    assert multi_similarity_loss(E, y, mining_margin=1.2) > 0
    assert not pair_weights(E @ E.T, y).any()
    # No positive pairs: with mining no negative ones are kept, either.
    assert multi_similarity_loss(E, range(6)) == 0.0
    assert multi_similarity_loss(E, range(6), mining=False) > 0
    # Rows of length 0 have similarity 0 to all.
    assert np.isfinite(multi_similarity_loss(np.zeros((4, 2)), [0, 0, 1, 1]))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"loss": "hinge"}, "loss must be one of"),
        ({"scale_pos": 0.0}, "scale_pos must be above 0"),
        ({"scale_neg": -1}, "scale_neg must be above 0"),
        ({"threshold": np.nan}, "threshold must be a finite number"),
        ({"mining_margin": -0.1}, "mining_margin must be at least 0"),
        ({"y": [0, 1, 1]}, r"S must have shape \(3, 3\)"),
        ({"S": [[1.0, 1.1], [1.1, 1.0]]}, r"S must be in \[-1, 1\]"),
    ],
)
def test_errors(change, words):
    arguments = {"S": np.eye(2), "y": [0, 1]} | change
    with pytest.raises(ValueError, match=words):
        pair_weights(**arguments)
