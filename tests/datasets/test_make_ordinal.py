"""The simulated designs: their law, their promises, their errors."""

import numpy as np
import pytest
from scipy.special import expit

from skweight.datasets import make_ordinal

# design, sparsity, intercepts, mean percentage of the last class in the paper's 700 draws
PAPER_RARITY = [
    ("sparse", 1 / 3, (0, 3, 5), 0.996),
    ("sparse", 1 / 3, (0, 3.5, 5.5), 0.614),
    ("sparse", 1 / 3, (0, 4, 6), 0.370),
    ("sparse", 1 / 2, (0, 3, 5), 1.166),
    ("sparse", 1 / 2, (0, 3.5, 5.5), 0.709),
    ("sparse", 1 / 2, (0, 4, 6), 0.435),
    ("dense", None, (0, 2.5, 4.5), 1.598),
    ("dense", None, (0, 3, 5), 0.994),
    ("dense", None, (0, 3.5, 5.5), 0.616),
    ("dense", None, (0, 4, 6), 0.364),
]


@pytest.mark.parametrize(("design", "sparsity", "intercepts", "percentage"), PAPER_RARITY)
def test_rarity_is_that_of_the_paper(design, sparsity, intercepts, percentage):
    """The mean over draws agrees within three standard errors of ours and theirs together."""
    rng = np.random.RandomState(0)
    options = {} if sparsity is None else {"sparsity": sparsity}
    rare = [
        100 * np.mean(make_ordinal(intercepts=intercepts, design=design, **options,
                                   random_state=rng)[1] == 3)
        for _ in range(200)
    ]  # fmt: skip
    spread = np.std(rare, ddof=1) * np.sqrt(1 / 200 + 1 / 700)
    assert abs(np.mean(rare) - percentage) < 3 * spread


@pytest.mark.parametrize("design", ["sparse", "dense"])
@pytest.mark.parametrize("intercepts", [(0.5,), (-1, 2), (0, 3, 5), (-3, -1, 1, 3, 6)])
def test_probabilities_follow_from_the_coefficients(design, intercepts):
    """Differences of the logistic curve at the returned coefficients, in long double."""
    X, y, proba, coef, intercept = make_ordinal(
        800, 4, intercepts=intercepts, design=design, deviation=0.2, coef=True, random_state=3
    )
    n_classes = len(intercepts) + 1
    assert X.shape == (800, 4)
    assert coef.shape == (n_classes - 1, 4)
    assert np.array_equal(intercept, -np.array(intercepts, dtype=float))
    below = 1 / (1 + np.exp(np.asarray(intercept + X @ coef.T, dtype=np.longdouble)))
    padded = np.hstack([np.zeros((800, 1)), below, np.ones((800, 1))])
    np.testing.assert_allclose(proba, np.diff(padded, axis=1), rtol=1e-9, atol=1e-15)
    assert (proba >= 0).all()
    assert np.abs(proba.sum(axis=1) - 1).max() < 1e-14
    assert np.array_equal(np.unique(y), np.arange(n_classes))
    assert np.abs(X).max() <= 1


def test_sparse_slopes_are_steps_of_the_deviation():
    rng = np.random.RandomState(1)
    firsts, steps = [], []
    for _ in range(200):
        *_, coef, _ = make_ordinal(200, 10, intercepts=(-1, 2, 4), coef=True, random_state=rng)
        firsts.append(-coef[0])
        steps.append(-np.diff(coef, axis=0))
    assert set(np.unique(firsts)) == {0.0, 0.5}
    assert set(np.unique(np.round(steps, 12))) == {-0.5, 0.0, 0.5}
    # nothing here crosses often enough to bend the law by more than the sampling error
    assert abs(np.mean(np.array(firsts) != 0) - 1 / 3) < 4 * np.sqrt(2 / 9 / 2000)
    assert abs(np.mean(steps)) < 4 * 0.5 * np.sqrt(1 / 3 / 4000)


def test_classes_are_drawn_from_the_probabilities():
    X, y, proba = make_ordinal(100_000, 3, intercepts=(0, 1.5), random_state=0)
    for k in range(3):
        miss = (y == k) - proba[:, k]
        assert abs(miss.mean()) < 4 * np.sqrt((proba[:, k] * (1 - proba[:, k])).mean() / 1e5)
        assert np.abs((miss[:, None] * X).mean(axis=0)).max() < 4 * np.sqrt(0.25 / 3 / 1e5)


def test_crossing_and_missing_classes_are_drawn_anew():
    """Of draws with deviations this large only those without a crossing come back."""
    for seed in range(20):
        X, y, _, coef, intercept = make_ordinal(
            60, 2, intercepts=(0, 0.4, 2.5), deviation=0.6, sparsity=0.5, coef=True,
            random_state=seed,
        )  # fmt: skip
        assert (np.diff(intercept + X @ coef.T, axis=1) <= 0).all()
        assert np.array_equal(np.unique(y), [0, 1, 2, 3])


def test_same_seed_same_draw():
    first, second = make_ordinal(50, 2, random_state=4, intercepts=(0, 1)), make_ordinal(
        50, 2, random_state=np.random.RandomState(4), intercepts=(0, 1)
    )  # fmt: skip
    for one, other in zip(first, second):
        assert np.array_equal(one, other)


def test_two_classes():
    X, _, proba = make_ordinal(30, 2, intercepts=(0,), random_state=0)
    assert X.shape == (30, 2)
    assert proba[:, 1].min() > expit(-1)  # two slopes of at most .5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_samples", 3),
        ("n_samples", 10.0),
        ("n_features", 0),
        ("intercepts", (0, 0, 1)),
        ("intercepts", ()),
        ("intercepts", (0, np.nan)),
        ("intercepts", 3.0),
        ("design", "dens"),
        ("sparsity", 1.1),
        ("base", np.inf),
        ("deviation", -0.1),
    ],
)
def test_parameter_out_of_range(name, value):
    with pytest.raises(ValueError, match=f"{name}=.*want"):
        make_ordinal(**{name: value})


def test_impossible_setting_ends_in_one_sentence():
    with pytest.raises(ValueError, match=r"intercepts=\(0.0, 0.001\).*want cut points further"):
        make_ordinal(100, 5, intercepts=(0, 1e-3), deviation=2.0, sparsity=1.0, random_state=0)
