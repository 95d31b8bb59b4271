"""Simulated regression data: the returned quantiles are those of the law of the outcomes."""

import numpy as np
import pytest
from scipy import stats

from skweight.datasets import make_heteroscedastic
from skweight.metrics import quantile_coverage, weighted_interval_score

DESIGNS = ["linear", "normal", "lognormal", "student", "groups"]
LEVELS = np.array([0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99])


def law(design, X):
    """Return the frozen law of each row, written down once more."""
    padded = np.hstack([X, np.zeros((len(X), 3))])
    one, two, three = padded[:, 0], padded[:, 1], padded[:, 2]
    place, spread = np.sin(np.pi * one) + two, 0.6 + 0.4 * one + 0.1 * two
    return {
        "linear": lambda: stats.norm(one - two / 2, spread),
        "normal": lambda: stats.norm(place, spread),
        "lognormal": lambda: stats.lognorm(s=spread, loc=place),
        "student": lambda: stats.t(3, place, spread),
        "groups": lambda: stats.norm(np.sin(np.pi * two) + three, 2.0 ** (one - 2)),
    }[design]()


@pytest.mark.parametrize("n_features", [1, 2, 3, 6])
@pytest.mark.parametrize("design", DESIGNS)
def test_quantiles_are_those_of_scipys_law(design, n_features):
    X, y, Q = make_heteroscedastic(300, n_features, design=design, quantiles=LEVELS, random_state=1)
    assert X.shape == (300, n_features)
    assert y.shape == (300,)
    assert Q.dtype == X.dtype == y.dtype == np.float64
    expected = np.column_stack([law(design, X).ppf(level) for level in LEVELS])
    np.testing.assert_allclose(Q, expected, rtol=1e-9, atol=1e-12)
    assert (np.diff(Q, axis=1) > 0).all()
    assert np.abs(X[:, 1:]).max(initial=0) <= 1


@pytest.mark.parametrize("design", DESIGNS)
def test_outcomes_follow_the_law_in_every_corner(design):
    """The probability integral transform is uniform, overall and wherever the features are."""
    n = 20_000
    X, y, Q = make_heteroscedastic(n, 4, design=design, quantiles=LEVELS, random_state=2)
    rank = law(design, X).cdf(y)
    assert stats.kstest(rank, "uniform").pvalue > 1e-4
    for column in X.T:
        for rows in (column <= np.median(column), column > np.median(column)):
            shares = quantile_coverage(y[rows], Q[rows], quantiles=LEVELS)
            # two-sided tail probability of about 1e-5 for each of 280 comparisons
            slack = 4.5 * np.sqrt(LEVELS * (1 - LEVELS) / rows.sum())
            assert (np.abs(shares - LEVELS) < slack).all()
    assert np.abs(np.corrcoef(X.T, rank)[-1, :-1]).max() < 4.5 / np.sqrt(n)


@pytest.mark.parametrize("design", DESIGNS)
def test_true_quantiles_score_better_than_others(design):
    _, y, Q = make_heteroscedastic(5000, design=design, quantiles=LEVELS, random_state=3)
    best = weighted_interval_score(y, Q, quantiles=LEVELS)
    spread = np.ptp(Q[:, [1, 5]], axis=1)[:, None]
    others = [Q + 0.2 * spread, Q - 0.2 * spread, Q + 0.3 * (Q - Q[:, [3]]),
              np.tile(np.quantile(y, LEVELS), (5000, 1))]  # fmt: skip
    for other in others:
        assert best < weighted_interval_score(y, other, quantiles=LEVELS)


def test_linear_quantiles_are_linear():
    X, _, Q = make_heteroscedastic(200, 4, design="linear", quantiles=LEVELS, random_state=0)
    design = np.column_stack([np.ones(200), X])
    coef, *_ = np.linalg.lstsq(design, Q, rcond=None)
    np.testing.assert_allclose(design @ coef, Q, atol=1e-12)
    assert np.abs(coef[3:]).max() < 1e-12


def test_groups_have_their_own_spread():
    X, y, _ = make_heteroscedastic(20_000, design="groups", random_state=0)
    noise = y - np.sin(np.pi * X[:, 1]) - X[:, 2]
    assert np.unique(X[:, 0]).tolist() == [0, 1, 2, 3]
    for group, scale in enumerate([0.25, 0.5, 1, 2]):
        rows = X[:, 0] == group
        assert abs(rows.mean() - 0.25) < 0.02
        assert noise[rows].std() == pytest.approx(scale, rel=0.05)


def test_shapes_of_the_laws():
    """Skewed to the right, and heavy in the tails, where the docstring says so."""
    _, _, Q = make_heteroscedastic(50, design="lognormal", quantiles=[0.1, 0.5, 0.9])
    assert (Q[:, 2] - Q[:, 1] > Q[:, 1] - Q[:, 0]).all()
    tails = {}
    for design in ("normal", "student"):
        _, _, Q = make_heteroscedastic(
            50, design=design, quantiles=[0.001, 0.25, 0.75, 0.999], random_state=0
        )
        tails[design] = (Q[:, 3] - Q[:, 0]) / (Q[:, 2] - Q[:, 1])
    assert (tails["student"] > 2 * tails["normal"]).all()


@pytest.mark.parametrize("design", DESIGNS)
def test_same_seed_same_draw_whatever_the_levels(design):
    first = make_heteroscedastic(50, 2, design=design, random_state=4)
    second = make_heteroscedastic(50, 2, design=design, random_state=np.random.RandomState(4))
    for one, other in zip(first, second):
        assert np.array_equal(one, other)
    X, y, Q = make_heteroscedastic(50, 2, design=design, quantiles=[0.5], random_state=4)
    assert np.array_equal(X, first[0])
    assert np.array_equal(y, first[1])
    assert np.array_equal(Q[:, 0], first[2][:, 9])
    assert not np.array_equal(make_heteroscedastic(50, 2, random_state=5)[1], first[1])
    assert first[2].shape == (50, 19)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("n_samples", 0, "n_samples=0: want an integer of at least 1"),
        ("n_samples", 10.0, r"n_samples=10\.0: want an integer"),
        ("n_samples", True, "n_samples=True: want an integer"),
        ("n_features", 0, "n_features=0: want an integer of at least 1"),
        ("design", "norm", "design='norm': want one of"),
        ("design", ["normal"], r"design=\['normal'\]: want one of"),
        ("quantiles", [0.5, 0.5], "quantiles must be strictly increasing"),
        ("quantiles", [1.0], "quantiles must lie strictly between 0 and 1"),
    ],
)
def test_parameter_out_of_range(name, value, message):
    with pytest.raises(ValueError, match=message):
        make_heteroscedastic(**{name: value})
