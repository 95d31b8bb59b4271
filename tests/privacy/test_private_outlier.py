"""Private outlier scores: what they are means of, what the offset costs, and how right it is."""

import warnings
from fractions import Fraction
from unittest import mock

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from skweight.privacy import (
    BudgetExceededError,
    PrivacyAccountant,
    PrivacyLeakWarning,
    PrivateOutlierDetector,
    audit_epsilon,
)
from skweight.privacy._calibration import gaussian_z
from skweight.privacy._discrete_laplace import DiscreteLaplace
from skweight.privacy._keystream import SecureWords
from skweight.privacy._outlier_offset import LEVELS, N_CELLS, ScoreTree, two_budgets
from skweight.privacy._outlier_scores import in_cube, make_score, private_in_cube
from skweight.privacy._rounded_gaussian import RoundedGaussian
from skweight.privacy._tree_split import Budget, written

pytest.importorskip("cryptography")
pytest.importorskip("opendp")

LOW, HIGH = np.array([-1.0, 0.0, 100.0]), np.array([1.0, 0.5, 400.0])


def rows(n=500, seed=0):
    rng = np.random.default_rng(seed)
    return LOW + (HIGH - LOW) * rng.beta(3, 5, size=(n, 3))


def private(similarity="manhattan", **parameters):
    return PrivateOutlierDetector(similarity, **{"bounds": (LOW, HIGH), **parameters})


def cube(X):
    return (X - LOW) / (HIGH - LOW)


# ---------------------------------------------------------------- scores

EXACT = {
    "manhattan": lambda Y, X: -cdist(Y, X, "cityblock") / 3,
    "sqeuclidean": lambda Y, X: -cdist(Y, X, "sqeuclidean") / 3,
    "gaussian": lambda Y, X: np.exp(-cdist(Y, X, "sqeuclidean") / (2 * 3 * 0.2**2)),
    "exponential": lambda Y, X: np.exp(-cdist(Y, X) / (0.2 * np.sqrt(3))),
    "laplacian": lambda Y, X: np.exp(-cdist(Y, X, "cityblock") / (0.2 * 3)),
    "rational_sqeuclidean": lambda Y, X: 1 / (1 + cdist(Y, X, "sqeuclidean") / (3 * 0.2**2)),
    "rational_euclidean": lambda Y, X: 1 / (1 + cdist(Y, X) / (0.2 * np.sqrt(3))),
    "rational_manhattan": lambda Y, X: 1 / (1 + cdist(Y, X, "cityblock") / (0.2 * 3)),
}


@pytest.mark.parametrize("adjacency", ["add_remove", "replace"])
@pytest.mark.parametrize("similarity", EXACT)
def test_scores_are_mean_similarities_in_the_cube(similarity, adjacency):
    X = rows()
    model = private(
        similarity, adjacency=adjacency, epsilon=1e6, offset=0.0, n_features=20_000, n_hint=10**6
    ).fit(X)
    Y = rows(40, seed=1)
    wanted = EXACT[similarity](cube(Y), cube(X)).mean(axis=1)
    # Random features are off by 1 / sqrt(2 * 20000) at most, one standard deviation.
    off = 0.02 if similarity not in ("manhattan", "sqeuclidean") else 1e-4
    np.testing.assert_allclose(model.score_samples(Y), wanted, atol=off)
    np.testing.assert_allclose(model.noisy_n_, 500, atol=1)


@pytest.mark.parametrize("similarity", ["manhattan", "sqeuclidean"])
def test_points_outside_are_farther(similarity):
    X = rows()
    model = private(similarity, epsilon=1e6, offset=0.0).fit(X)
    Y = np.array([[3.0, -1.0, 1000.0], [-1.5, 0.7, 0.0]])
    wanted = EXACT[similarity](cube(Y), cube(X)).mean(axis=1)
    np.testing.assert_allclose(model.score_samples(Y), wanted, rtol=1e-3)


def released(similarity, **options):
    """A score after its release, of rows that do not matter."""
    model = private(similarity, offset=0.0, n_features=50, **options).fit(rows(100))
    return model._score


@pytest.mark.parametrize("similarity", EXACT)
def test_the_score_of_a_row_is_its_own(similarity):
    score = released(similarity)
    X = rows(2500, seed=4)
    Z = private_in_cube(X, np.array([LOW, HIGH]))
    whole = score.score(Z)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(Z))
    np.testing.assert_array_equal(score.score(Z[order]), whole[order])
    np.testing.assert_array_equal(score.score(np.asfortranarray(Z)), whole)
    for start, stop in ((0, 1), (17, 18), (1023, 1026), (5, 700)):
        np.testing.assert_array_equal(score.score(Z[start:stop]), whole[start:stop])


def test_private_rows_are_put_into_the_cube():
    strange = np.array([[np.nan, np.inf, -np.inf], [1e308, -1e308, 250.0]])
    placed = private_in_cube(strange, np.array([LOW, HIGH]))
    np.testing.assert_array_equal(placed, [[0.5, 1, 0], [1, 0, 0.5]])
    np.testing.assert_allclose(in_cube(HIGH[None] + (HIGH - LOW), np.array([LOW, HIGH])), 2)


@pytest.mark.parametrize("similarity", ["manhattan", "sqeuclidean"])
def test_no_private_score_is_outside_of_the_public_range(similarity):
    rng = np.random.default_rng(0)
    corners = rng.integers(0, 2, size=(500, 3)).astype(float)
    for seed, epsilon in enumerate([0.05] * 10 + [50.0] * 10):
        score = private(similarity, offset=0.0, epsilon=epsilon).fit(rows(500, seed))._score
        low, high = score.range()
        values = score.score(np.vstack([rng.uniform(size=(500, 3)), corners]))
        assert low - 1e-9 <= values.min()
        assert values.max() <= high + 1e-9
        # With little noise the range is no wider than it must be.
        assert epsilon < 1 or values.min() < low + 0.01 * (high - low)


# ---------------------------------------------------------------- budget


@pytest.mark.parametrize("epsilon", [0.1, 0.3, 1.0, 1 / 3, 7.7])
@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 1 / 3])
def test_two_releases_cost_no_more_than_one(epsilon, share):
    pure = two_budgets(Budget(epsilon, 0.0, "laplace", 1, 1), share)
    spent = sum(written(part.epsilon) for part in pure)
    assert spent <= written(epsilon)
    np.testing.assert_allclose(float(spent), epsilon, rtol=1e-12)
    np.testing.assert_allclose(pure[1].epsilon, share * epsilon, rtol=1e-12)

    gaussian = two_budgets(Budget(epsilon, 1e-5, "gaussian", 1, 1), share)
    told = [
        1 / Fraction(gaussian_z(float(written(part.epsilon)), part.delta)) ** 2 for part in gaussian
    ]
    whole = 1 / Fraction(gaussian_z(epsilon, 1e-5)) ** 2
    assert sum(told) <= whole
    np.testing.assert_allclose(float(sum(told) / whole), 1, rtol=1e-7)
    np.testing.assert_allclose(float(told[1] / whole), share, rtol=1e-7)


def test_a_budget_too_small_for_two_is_refused():
    with pytest.raises(ValueError, match="too small for a private offset"):
        two_budgets(Budget(1e-9, 1e-6, "gaussian", 1, 1), 0.3)


def test_the_accountant_is_charged_once_for_both():
    accountant = PrivacyAccountant(epsilon=1.0)
    model = private(accountant=accountant).fit(rows())
    assert accountant.spent == (1.0, 0.0)
    assert len(accountant.records) == 1
    assert model.privacy_spent_.epsilon == 1.0
    assert model.privacy_spent_.valid
    with pytest.raises(BudgetExceededError):
        model.fit(rows())


def test_a_public_offset_leaves_the_whole_budget_to_the_sums():
    X = rows()
    bought = private("sqeuclidean", offset_share=0.5).fit(X)
    public = private("sqeuclidean", offset=-0.3).fit(X)
    assert public.offset_ == -0.3
    assert {name for name in bought.release_ if name.startswith("offset")} == {
        f"offset_{level}" for level in LEVELS
    }
    for name, scale in public.noise_scale_.items():
        np.testing.assert_allclose(bought.noise_scale_[name], 2 * scale, rtol=1e-9)
    assert public.noise_scale_.keys() == public.release_.keys()
    assert bought.noise_scale_.keys() == bought.release_.keys()


@pytest.mark.parametrize("adjacency", ["add_remove", "replace"])
@pytest.mark.parametrize("similarity", ["manhattan", "sqeuclidean", "gaussian"])
def test_twice_epsilon_halves_the_noise(similarity, adjacency):
    one, two = (
        private(similarity, adjacency=adjacency, epsilon=e, n_hint=10**9, n_features=16).fit(rows())
        for e in (0.5, 1.0)
    )
    for name, scale in one.noise_scale_.items():
        np.testing.assert_allclose(scale, 2 * np.asarray(two.noise_scale_[name]), rtol=1e-9)


@pytest.mark.parametrize("copies", [1, 2])
def test_noise_of_the_offset_hides_a_row(copies):
    for kind, delta in (("laplace", 0.0), ("gaussian", 1e-5)):
        tree = ScoreTree(Budget(0.7, delta, kind, copies, 1))
        one = tree.cells(np.array([0.2, 0.4]), (0.0, 1.0))
        other = tree.cells(np.array([0.9, 0.4] if copies == 2 else [0.4]), (0.0, 1.0))
        cost = Fraction(0)
        for level in LEVELS:
            moved = np.abs((one - other).reshape(2**level, -1).sum(axis=1))
            scale = Fraction(float(tree.scales[f"offset_{level}"][0]))
            cost += (
                sum(Fraction(int(m)) / scale for m in moved)
                if kind == "laplace"
                else sum(Fraction(int(m)) / scale**2 for m in moved)
            )
        allowed = Fraction(0.7) if kind == "laplace" else 1 / Fraction(gaussian_z(0.7, 1e-5)) ** 2
        assert 0.999 * allowed < cost <= allowed * (1 + Fraction(1, 10**12))


def test_whichever_noise_is_less_is_drawn():
    for d, epsilon, kind in ((1, 1.0, "laplace"), (60, 0.5, "gaussian")):
        X = np.random.default_rng(0).uniform(size=(200, d))
        model = PrivateOutlierDetector(bounds=(0, 1), delta=1e-6, epsilon=epsilon).fit(X)
        spent = model.privacy_spent_
        assert (spent.mechanism, spent.delta) == (kind, 1e-6 * (kind == "gaussian"))


# ---------------------------------------------------------------- the offset


def test_without_noise_the_offset_is_the_quantile():
    scores = np.random.default_rng(0).beta(2, 5, size=10_000)
    tree = ScoreTree(Budget(1e6, 0.0, "laplace", 1, 1))
    cells = tree.cells(scores, (0.0, 1.0))
    assert cells.sum() == 10_000
    noisy = tree.draw(cells, SecureWords())
    for q in (0.01, 0.05, 0.5, 0.99):
        found = tree.quantile(noisy, None, q, (0.0, 1.0))
        assert abs(found - np.quantile(scores, q)) < 1 / N_CELLS


@pytest.mark.parametrize("n", [1000, 10_000])
@pytest.mark.parametrize("similarity", ["manhattan", "gaussian"])
def test_the_offset_is_as_right_as_is_said(similarity, n):
    X = rows(n)
    off = [
        np.mean(private(similarity, n_hint=n, n_features=64).fit(X).predict(X) == -1) - 0.05
        for _ in range(20)
    ]
    # A root mean square of 20 is 1.75 times its mean once in ten thousand runs.
    assert np.sqrt(np.mean(np.square(off))) < 1.75 * 10 / (n * 1.0 * 0.3)


def test_few_rows_have_an_offset_too():
    for X in (rows(0), rows(1), rows(3)):
        model = private().fit(X)
        many = private().fit(rows())
        assert np.isfinite(model.offset_)
        assert vars(model).keys() == vars(many).keys()
        for name, array in many.release_.items():
            assert model.release_[name].shape == array.shape
            assert model.release_[name].dtype == array.dtype == np.int64
        assert set(model.predict(rows())) <= {-1, 1}


def test_answers_agree_with_each_other():
    X = rows()
    model = private().fit(X)
    scores, decision = model.score_samples(X), model.decision_function(X)
    np.testing.assert_array_equal(decision, scores - model.offset_)
    np.testing.assert_array_equal(model.predict(X), np.where(decision < 0, -1, 1))
    model.set_params(offset=1.0, similarity="gaussian", bounds=(0, 1), epsilon=5.0)
    np.testing.assert_array_equal(model.decision_function(X), decision)
    assert model.privacy_spent_.epsilon == 1.0


def test_standard_error_is_that_of_scores():
    X = rows(2000)
    for similarity in ("manhattan", "sqeuclidean", "gaussian"):
        # With the number of rows public, the only noise is that of sums.
        models = [
            private(similarity, offset=0.0, adjacency="replace", n_hint=2000, n_features=30).fit(X)
            for _ in range(400)
        ]
        scores = np.array([model.score_samples(X[:5]) for model in models])
        error = models[0].standard_error(X[:5])
        # 2000 scores, of which those of one release go together.
        np.testing.assert_allclose(scores.std(axis=0).mean(), error.mean(), rtol=0.15)


# ---------------------------------------------------------------- both releases, audited


@pytest.mark.slow
def test_both_releases_together_pass_and_a_quarter_of_their_noise_fails():
    X = np.full((4, 1), 0.5)
    data = X, np.vstack([X, [[1.0]]])

    def model():
        return PrivateOutlierDetector(bounds=(0, 1), n_hint=50, epsilon=2.0, offset_share=0.5)

    def scaled(cls, factor):
        true = cls.draw

        def draw(self, n, source):
            return np.rint(true(self, n, source) * factor).astype(np.int64)

        return mock.patch.object(cls, "draw", draw)

    few = mock.patch("skweight.privacy._noise._FEW", 0)
    with few, scaled(DiscreteLaplace, 0.0), scaled(RoundedGaussian, 0.0):
        centres = [model().fit(rows).release_ for rows in data]
    first = [name for name in centres[0] if not name.startswith("offset")]

    def log_likelihood_ratio(fitted):
        """That of the sums, and that of the offset for the scores that these sums give."""
        cells = [
            ScoreTree(Budget(1.0, 0.0, "laplace", 1, 1)).cells(
                fitted._score.score(rows), fitted._score.range()
            )
            for rows in data
        ]
        total = 0.0
        for name, noisy in fitted.release_.items():
            if name in first:
                near, far = (np.abs(noisy - centre[name]).sum() for centre in centres)
            else:
                shape = noisy.shape[1]
                near, far = (np.abs(noisy - c.reshape(shape, -1).sum(axis=1)).sum() for c in cells)
            total += (near - far) / float(fitted.noise_scale_[name][0])
        return total

    for factor, passes in ((1.0, True), (0.25, False)):
        with few, scaled(DiscreteLaplace, factor):
            found = audit_epsilon(
                model, *data, statistic=log_likelihood_ratio, n_runs=1200, confidence=0.999
            )
        assert (found.epsilon_lower <= 2.0) == passes


# ---------------------------------------------------------------- life


def test_a_private_offset_has_no_partial_fit():
    model = private()
    assert not hasattr(model, "partial_fit")
    with pytest.raises(ValueError, match="partial_fit needs a public offset"):
        model.partial_fit(rows())
    model.set_params(offset=-0.2)
    assert hasattr(model, "partial_fit")


def test_blocks_add_up_with_a_public_offset():
    X = rows()
    for similarity in ("manhattan", "sqeuclidean", "laplacian"):
        models = [
            private(similarity, offset=-0.2, n_features=16).partial_fit(X[k::2], block_id=k)
            for k in range(2)
        ]
        whole = private(similarity, offset=-0.2, n_features=16).partial_fit(X)._accumulator.arrays
        merged = models[1].merge(models[0])
        for name, array in whole.items():
            np.testing.assert_array_equal(merged._accumulator.arrays[name], array)
        assert merged.release().offset_ == -0.2


def test_seeds_void_the_guarantee_and_repeat():
    with pytest.warns(PrivacyLeakWarning, match="seeds the noise") as caught:
        one = private(random_state=1).fit(rows())
    assert len(caught) == 1
    assert not one.privacy_spent_.valid
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = private(random_state=1).fit(rows())
    assert one.offset_ == other.offset_


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"offset": np.inf}, "offset"),
        ({"quantile": 0.0}, "quantile"),
        ({"offset_share": 1.0}, "offset_share"),
        ({"similarity": "cosine"}, "similarity"),
        ({"bounds": (0, 0)}, "low below high"),
    ],
)
def test_parameters_that_mean_nothing(parameters, words):
    with pytest.raises(ValueError, match=words):
        private(**parameters).fit(rows())


def test_rows_that_are_not_finite_may_be_clipped():
    X = rows()
    strange, clipped = X.copy(), X.copy()
    strange[:3, 1], clipped[:3, 1] = [np.nan, np.inf, -np.inf], [0.25, 0.5, 0.0]
    models = []
    for rows_in in (strange, clipped):
        with pytest.warns(PrivacyLeakWarning):
            models.append(private(nonfinite="clip", random_state=0).fit(rows_in))
    for name, array in models[0].release_.items():
        np.testing.assert_array_equal(models[1].release_[name], array)
    assert models[0].offset_ == models[1].offset_


def test_there_is_no_contamination():
    assert "contamination" not in PrivateOutlierDetector().get_params()


def test_make_score_knows_all_similarities():
    budget = Budget(1.0, 0.0, "laplace", 1, 1)
    for similarity in EXACT:
        options = {**private(similarity).get_params(), "n_features": 8}
        score = make_score(3, budget, options)
        assert score.predicted_std() > 0
        assert score.largest >= 1
