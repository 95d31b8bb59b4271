"""Weights by loss: figures computed independently, invariances, and the programme they solve."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skweight.reweighting import loss_based_weights

LOSSES = [0, 0.5, 1, 2, 4]
KNOWN = [
    ("linupper", 1.0, (0.106731441616, 0.137045883795, 0.175970398046, 0.290126138271,
                       0.290126138271)),
    ("linupper", 0.4, (0.032548293622, 0.060808217981, 0.113604707423, 0.396519390487,
                       0.396519390487)),
    ("quadratic", 1.0, (0.119273213771, 0.184733967305, 0.252501395536, 0.324218209617,
                        0.119273213771)),
    ("extremes", 1.0, (0.266438532478, 0.207502537734, 0.161603138876, 0.098017258434,
                       0.266438532478)),
]  # fmt: skip
STRATEGIES = ("linupper", "quadratic", "extremes", "upper", "uniform")
some_losses = st.lists(st.floats(-100, 100).map(lambda x: round(x, 3)), min_size=1, max_size=12)


@pytest.mark.parametrize(("strategy", "temperature", "expected"), KNOWN)
def test_known_weights(strategy, temperature, expected):
    found = loss_based_weights(LOSSES, strategy, temperature, sum_to=1)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    np.testing.assert_allclose(loss_based_weights(LOSSES, strategy, temperature), 5 * found)


def test_known_weights_of_weighted_rows():
    found = loss_based_weights(
        [0.2, 0.9, 0.4, 3, 0.1], temperature=0.5, sample_weight=[1, 2, 0, 1, 3]
    )
    expected = [0.457432368405, 2.402568054803, 0, 2.944510919102, 1.195488658690]
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("strategy", STRATEGIES)
@settings(max_examples=40, deadline=None)
@given(losses=some_losses, temperature=st.floats(0.2, 50), delta=st.floats(0.3, 3))
def test_sums_bounds_and_order(strategy, losses, temperature, delta):
    w = loss_based_weights(losses, strategy, temperature, delta, sum_to=1)
    assert w.sum() == pytest.approx(1, abs=1e-12)
    bound = 1 / temperature if strategy == "quadratic" else delta / temperature
    assert w.max() <= w.min() * np.exp(bound) * (1 + 1e-9)
    backwards = loss_based_weights(losses[::-1], strategy, temperature, delta, sum_to=1)
    np.testing.assert_allclose(backwards[::-1], w, rtol=1e-12)


@pytest.mark.parametrize("strategy", STRATEGIES)
@settings(max_examples=40, deadline=None)
@given(losses=st.lists(st.integers(-9, 9), min_size=2, max_size=9), data=st.data())
def test_integer_weights_are_repeated_rows(strategy, losses, data):
    s = data.draw(st.lists(st.integers(0, 3), min_size=len(losses), max_size=len(losses)))
    s[0] += 1
    weighted = loss_based_weights(losses, strategy, 0.5, sample_weight=s)
    repeated = loss_based_weights(np.repeat(losses, s), strategy, 0.5)
    by_row = np.bincount(np.repeat(np.arange(len(s)), s), repeated, minlength=len(s))
    np.testing.assert_allclose(weighted, by_row, rtol=1e-13, atol=1e-13)


def test_a_row_of_weight_0_changes_nothing_even_as_the_largest():
    found = loss_based_weights([*LOSSES, 1e9], temperature=1e-3, sample_weight=[1] * 5 + [0])
    np.testing.assert_array_equal(found[:5], loss_based_weights(LOSSES, temperature=1e-3))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_scale_and_origin_of_losses_do_not_matter(strategy):
    moved = 7 * np.array(LOSSES) - 3
    found = [loss_based_weights(values, strategy, 0.3) for values in (LOSSES, moved)]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("floor", [0.0, 1e-6])
def test_equal_losses_are_uniform(strategy, floor):
    found = loss_based_weights(np.full(7, 0.3), strategy, 0.1, range_floor=floor)
    np.testing.assert_array_equal(found, np.ones(7))


def test_limits():
    np.testing.assert_allclose(loss_based_weights(LOSSES, temperature=1e6), 1, atol=1e-6)
    two = loss_based_weights([3.0, 8.0], temperature=0.7, sum_to=1)
    np.testing.assert_allclose(two, np.exp([0, 1 / 0.7]) / np.exp([0, 1 / 0.7]).sum())
    tiny = loss_based_weights(1e-9 * np.array(LOSSES), sum_to=1)
    np.testing.assert_allclose([tiny.min(), tiny.max()], [0.1994, 0.2010], atol=5e-5)


def test_they_solve_their_programme():
    cvxpy = pytest.importorskip("cvxpy")
    h = np.array(LOSSES) / 2 - 1
    w = cvxpy.Variable(5)
    divergence = cvxpy.sum(cvxpy.rel_entr(w, np.full(5, 0.2)))
    gain = np.minimum(h + 1, 1) @ w - 0.4 * divergence
    cvxpy.Problem(cvxpy.Maximize(gain), [cvxpy.sum(w) == 1]).solve()
    np.testing.assert_allclose(
        loss_based_weights(LOSSES, temperature=0.4, sum_to=1), w.value, atol=1e-5
    )


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"strategy": "lower"}, "strategy"),
        ({"temperature": 0}, "temperature"),
        ({"delta": -1}, "delta"),
        ({"sum_to": 2}, "sum_to"),
        ({"range_floor": -1.0}, "range_floor"),
        ({"losses": [0.0, np.nan]}, "finite"),
        ({"losses": []}, "shape"),
        ({"sample_weight": [1.0]}, "sample_weight"),
        ({"sample_weight": [0.0, 0.0]}, "sample_weight"),
    ],
)
def test_what_is_refused(changed, words):
    with pytest.raises(ValueError, match=words):
        loss_based_weights(**{"losses": [0.0, 1.0], **changed})
