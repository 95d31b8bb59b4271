"""The audit tool against exact answers, and every mechanism of the room against the audit tool."""

import warnings
from fractions import Fraction
from unittest import mock

import numpy as np
import pytest
from scipy.stats import binom, binomtest
from sklearn.base import clone

from skweight.privacy import (
    AuditResult,
    PrivacyLeakWarning,
    PrivateDistanceSum,
    PrivateKernelDensity,
    PrivateSimilarityClassifier,
    audit_epsilon,
)
from skweight.privacy._audit_bounds import best_event, clopper_pearson, epsilon_from_counts
from skweight.privacy._calibration import gaussian_z
from skweight.privacy._discrete_laplace import DiscreteLaplace
from skweight.privacy._keystream import SecureWords
from skweight.privacy._lifecycle import PrivateEstimator
from skweight.privacy._noise import LaplaceNoise
from skweight.privacy._rounded_gaussian import RoundedGaussian
from skweight.testing import cheap_instances

pytest.importorskip("cryptography")
pytest.importorskip("opendp")

# What holds with this probability fails once in a thousand runs.
SURE = 0.999
ONE, TWO = np.zeros((1, 1)), np.zeros((2, 1))


# ---------------------------------------------------------------- bounds


@pytest.mark.parametrize("n", [1, 7, 500])
def test_bounds_on_a_probability_are_exact(n):
    hits = np.arange(n + 1)
    low, high = clopper_pearson(hits, n, 0.01)
    for k in hits:
        wanted = binomtest(int(k), n).proportion_ci(0.98, "exact")
        np.testing.assert_allclose([low[k], high[k]], wanted, atol=1e-12)


@pytest.mark.parametrize(("epsilon", "delta"), [(0.3, 0.0), (1.0, 0.0), (1.0, 0.05), (3.0, 0.01)])
def test_the_bound_holds_as_often_as_promised(epsilon, delta):
    # The worst mechanism of all: an event of exactly these probabilities.
    n, confidence = 200, 0.9
    other = (1 - delta) / (1 + np.exp(epsilon))
    likelier = np.exp(epsilon) * other + delta
    hits = np.arange(n + 1)
    bounds = epsilon_from_counts(hits[:, None], n, hits, n, delta, confidence)
    joint = binom.pmf(hits, n, likelier)[:, None] * binom.pmf(hits, n, other)
    assert joint[bounds > epsilon].sum() <= 1 - confidence


def test_the_best_event_is_found_on_either_side():
    sample, neighbour = np.array([0.0] * 50 + [1.0] * 50), np.array([0.0] * 95 + [1.0] * 5)
    for one, other, above, swapped in (
        (sample, neighbour, True, False),
        (neighbour, sample, True, True),
        (-sample, -neighbour, False, False),
        (-neighbour, -sample, False, True),
    ):
        event = best_event(one, other, 0.0, 0.95)
        assert (event.above, event.swapped) == (above, swapped)
        bound, counts = event.epsilon(one, other, 0.0, 0.95)
        assert sorted(counts) == [5, 50]
        np.testing.assert_allclose(bound, epsilon_from_counts(50, 100, 5, 100, 0.0, 0.95))


# ---------------------------------------------------------------- the tool


def noisy_count(mechanism, step=1):
    """Release the number of rows, many times at once."""

    def release(D, n_runs, random_state):
        return len(D) * step + mechanism.draw(n_runs, SecureWords())

    return release


def audited(mechanism, delta=0.0, n_runs=20_000, step=1):
    return audit_epsilon(
        noisy_count(mechanism, step),
        ONE,
        TWO,
        statistic=lambda counts: counts,
        n_runs=n_runs,
        vectorized=True,
        confidence=SURE,
        delta=delta,
    )


def test_the_result_says_what_was_found():
    found = audited(LaplaceNoise(Fraction(1)))
    assert isinstance(found, AuditResult)
    assert (found.confidence, found.delta, found.n_tested) == (SURE, 0.0, 10_000)
    few, many = sorted(found.counts)
    bound = epsilon_from_counts(many, 10_000, few, 10_000, 0.0, SURE)
    assert found.epsilon_lower == pytest.approx(float(bound))
    # The best event is "all of at least 2", or "all of at most 1".
    assert 1 <= found.threshold < 2 or found.counts[1] > found.counts[0]


def test_one_by_one_with_seeds_is_the_same_in_workers():
    D, D_neighbour = np.full((3, 1), 0.5), np.array([[0.5], [0.5], [0.5], [1.0]])

    def factory():
        return PrivateDistanceSum(bounds=(0, 1), n_hint=10, depth=6)

    def audit(**parameters):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return audit_epsilon(
                factory,
                D,
                D_neighbour,
                statistic=lambda model: model.release_["counts_6"][0, -1],
                n_runs=30,
                random_state=3,
                **parameters,
            )

    assert audit() == audit() == audit(n_jobs=2)


def test_an_estimator_from_outside():
    X, y = np.full((4, 1), 0.5), np.array([0, 0, 1, 1])
    D, D_neighbour = (X, y), (np.vstack([X, [[1.0]]]), np.r_[y, 1])

    def audit(noise):
        with mock.patch.object(LaplaceNoise, "draw", noise):
            return audit_epsilon(
                lambda: PrivateSimilarityClassifier(
                    bounds=(0, 1), classes=[0, 1], lift=0.0, n_hint=10
                ),
                D,
                D_neighbour,
                statistic=lambda model: model.release_["sums"][1, 0],
                n_runs=1000,
                confidence=SURE,
            ).epsilon_lower

    true = DiscreteLaplace.draw
    assert audit(true) <= 1
    assert audit(lambda self, n, source: true(self, n, source) // 4) > 1


def test_a_failure_that_delta_allows_is_let_pass():
    delta = 0.05

    def publish_or_not(D, n_runs, random_state):
        rng = np.random.default_rng(len(D))
        return np.where(rng.uniform(size=n_runs) < delta, len(D), 0)

    options = {"statistic": lambda v: v, "n_runs": 20_000, "vectorized": True}
    assert audit_epsilon(publish_or_not, ONE, TWO, delta=delta, **options).epsilon_lower < 0.1
    assert audit_epsilon(publish_or_not, ONE, TWO, **options).epsilon_lower > 3


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"n_runs": 3}, "n_runs"),
        ({"n_runs": 2.5}, "n_runs"),
        ({"confidence": 1.0}, "confidence"),
        ({"delta": -0.1}, "delta"),
        ({"statistic": lambda v: v[:-1]}, "statistic"),
        ({"statistic": lambda v: v * np.nan}, "statistic"),
        ({"statistic": lambda v: ["many"] * len(v)}, "statistic"),
    ],
)
def test_parameters_that_mean_nothing(parameters, words):
    options = {"statistic": lambda v: v, "vectorized": True, **parameters}
    with pytest.raises(ValueError, match=words):
        audit_epsilon(noisy_count(LaplaceNoise(Fraction(1))), ONE, TWO, **options)


# ---------------------------------------------------------------- one noisy number


@pytest.mark.parametrize("epsilon", [Fraction(1, 2), Fraction(1), Fraction(3)])
def test_laplace_noise_passes_and_half_of_it_fails(epsilon):
    assert audited(LaplaceNoise(1 / epsilon)).epsilon_lower <= epsilon
    assert audited(LaplaceNoise(1 / epsilon / 2)).epsilon_lower > epsilon


def test_a_fifth_too_little_is_seen_in_many_runs():
    assert audited(LaplaceNoise(Fraction(8, 10)), n_runs=100_000).epsilon_lower > 1


@pytest.mark.parametrize("n_runs", [20_000])
def test_noise_of_opendp_passes(n_runs):
    class Few(LaplaceNoise):
        def draw(self, n, source):
            return np.concatenate([super(Few, self).draw(1000, source) for _ in range(n // 1000)])

    assert 0.5 < audited(Few(Fraction(1)), n_runs=n_runs).epsilon_lower <= 1


@pytest.mark.parametrize(("epsilon", "n_runs"), [(0.5, 200_000), (1.0, 40_000), (3.0, 20_000)])
def test_gaussian_noise_passes_and_a_quarter_of_it_fails(epsilon, n_runs):
    delta, step = 1e-5, 1000
    sigma = gaussian_z(epsilon, delta) * step
    for divisor, passes in ((1, True), (4, False)):
        found = audited(RoundedGaussian(sigma / divisor), delta, n_runs, step).epsilon_lower
        assert (found <= epsilon) == passes


# ---------------------------------------------------------------- whole releases

EPSILON = {"laplace": 1.0, "gaussian": 3.0}


def configurations():
    """Every private estimator, as it is checked elsewhere: new ones are found by themselves."""
    for estimator in cheap_instances():
        if isinstance(estimator, PrivateEstimator):
            yield estimator
    # And the mechanisms that are not among these.
    for parameters in (
        {"algorithm": "features"},
        {"algorithm": "race", "kernel": "laplacian"},
        {"algorithm": "bernstein", "bernstein_degree": 3},
        {"algorithm": "histogram", "adjacency": "replace"},
    ):
        yield PrivateKernelDensity(**parameters)
    yield PrivateDistanceSum(metric="sqeuclidean", adjacency="replace")
    yield PrivateSimilarityClassifier(adjacency="replace", rule="average")
    yield PrivateSimilarityClassifier(max_weight=2.0, rule="average", delta=1e-6)


def audited_release(estimator, factor, n_runs=4000):
    """Audit the log-likelihood ratio of all that is released, with noise times a factor."""
    data = list(neighbours(estimator))
    models = [clone(estimator).partial_fit(*X_y, **fitting) for *X_y, fitting in data]
    centres = [releases(model, 1, 0.0)[0] for model in models]
    X, y, fitting = data[0]
    fitted = clone(estimator).fit(X, y, **fitting)
    spent, scales = fitted.privacy_spent_, fitted.noise_scale_

    def log_likelihood_ratio(drawn):
        total = np.zeros(len(drawn))
        for name, scale in scales.items():
            noisy = np.array([each[name] for each in drawn], dtype=float)
            scale = np.asarray(scale, dtype=float)
            scale = scale.reshape(scale.shape + (1,) * (noisy.ndim - 1 - scale.ndim))
            near, far = (np.abs(noisy - centre[name].astype(float)) for centre in centres)
            loss = (near - far) / scale
            if spent.mechanism == "gaussian":
                loss = (near**2 - far**2) / (2 * scale**2)
            total += loss.reshape(len(drawn), -1).sum(axis=1)
        return total

    found = audit_epsilon(
        lambda k, n, _: releases(models[k], n, factor),
        0,
        1,
        statistic=log_likelihood_ratio,
        n_runs=n_runs,
        vectorized=True,
        confidence=SURE,
        delta=spent.delta,
    )
    return found.epsilon_lower, spent.epsilon


def neighbours(estimator):
    """Two data sets with a corner of the bounds in one of them, or another corner in its place."""
    # The fewer numbers a row moves, the more the audit sees; Gaussian noise takes some to pay off.
    d = 4 if estimator.delta else 1
    X = np.random.default_rng(0).uniform(size=(3, d))
    if estimator.adjacency == "replace":
        one, other = np.vstack([X, np.zeros((1, d))]), np.vstack([X, np.ones((1, d))])
    else:
        one, other = X, np.vstack([X, np.ones((1, d))])
    weighted = getattr(estimator, "max_weight", None) is not None
    for rows in (one, other):
        weight = {"sample_weight": np.full(len(rows), estimator.max_weight)} if weighted else {}
        # The last row changes its class as well, where it is replaced.
        yield rows, np.r_[0, 1, 1, [int(rows is one)] * (len(rows) - 3)], weight


def releases(model, n, factor):
    """Draw many releases of the same rows, with noise times a factor."""
    public, sums, source = model._frozen, model._accumulator.arrays, SecureWords()
    patches = [
        mock.patch.object(cls, "draw", scaled(cls.draw, factor))
        for cls in (DiscreteLaplace, RoundedGaussian)
    ]
    # OpenDP draws the same, and takes its time.
    with patches[0], patches[1], mock.patch("skweight.privacy._noise._FEW", 0):
        return [model._draw(public, sums, source) for _ in range(n)]


def scaled(draw, factor):
    """Return a method that hands out noise times a factor, drawn many at a time."""
    pools = {}

    def times(self, n, source):
        key = getattr(self, "scale", None) or self.sigma
        if len(pools.get(key, ())) < n:
            noise = draw(self, max(n, 50_000), source)
            pools[key] = noise if factor == 1 else np.rint(noise * factor).astype(np.int64)
        handed, pools[key] = pools[key][:n], pools[key][n:]
        return handed.copy()

    return times


def prepared(estimator):
    estimator = clone(estimator).set_params(random_state=None, bounds=(0, 1), n_hint=100)
    known = estimator.get_params()
    few = {"classes": [0, 1], "n_projections": 2, "depth": 6, "n_features": 8, "offset": 0.0}
    if known.get("rational_terms", "random") == "random":
        few["n_features"] = 2
    if known.get("metric") == "sqeuclidean":
        del few["depth"]
    estimator.set_params(**{name: value for name, value in few.items() if name in known})
    return estimator.set_params(epsilon=EPSILON["gaussian" if estimator.delta else "laplace"])


@pytest.mark.parametrize("estimator", list(configurations()), ids=repr)
def test_whole_releases_pass_and_a_quarter_of_their_noise_fails(estimator):
    estimator = prepared(estimator)
    with warnings.catch_warnings():
        warnings.simplefilter("error", PrivacyLeakWarning)
        warnings.simplefilter("ignore", UserWarning)
        found, epsilon = audited_release(estimator, 1)
        assert found <= epsilon
        found, epsilon = audited_release(estimator, 0.25)
        assert found > epsilon
