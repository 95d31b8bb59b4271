"""The classifier: limits, several classes, weights and labels."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from skweight.fairness import (
    DistanceCovarianceClassifier,
    concatenated_distance_covariance,
    distance_covariance,
    joint_distance_covariance,
)

pytestmark = pytest.mark.filterwarnings("ignore:This DistanceCovariance")


def applicants(n=400, n_classes=2, seed=0):
    """Features that follow sex, race and age, labels, and integer weights."""
    rng = np.random.default_rng(seed)
    S = {
        "sex": np.array(["f", "m"])[rng.integers(0, 2, n)],
        "race": np.array(["a", "b", "c"])[rng.integers(0, 3, n)],
        "age": rng.integers(18, 70, n),
    }
    male = S["sex"] == "m"
    X = np.column_stack(
        [
            male + rng.normal(size=n),
            2.0 * (male & (S["race"] == "b")) + rng.normal(size=n),
            0.001 * (S["age"] - 45) ** 2 + 0.3 * rng.normal(size=n),
            rng.normal(size=n),
        ]
    )
    latent = X @ [0.7, 0.5, 0.8, -0.6] + rng.logistic(size=n)
    y = np.searchsorted(np.quantile(latent, np.arange(1, n_classes) / n_classes), latent)
    return X, y, S, rng.integers(1, 4, n).astype(float), rng


def fitted(X, y, S, weight=None, **parameters):
    return DistanceCovarianceClassifier(**parameters).fit(X, y, weight, sensitive_features=S)


# -------------------------------------------------------------------- limits


@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize("make", [np.asarray, sparse.csc_matrix])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_strength_0_is_logistic_regression(make, n_classes, fit_intercept):
    X, y, S, w, _ = applicants(n_classes=n_classes)
    X[np.abs(X) < 0.3] = 0.0
    model = fitted(
        make(X), y, S, w, fairness_alpha=0, alpha=0.01, tol=1e-9, fit_intercept=fit_intercept
    )
    other = LogisticRegression(
        C=1 / (0.01 * w.sum()),
        tol=1e-12,
        max_iter=10_000,
        solver="newton-cholesky",
        fit_intercept=fit_intercept,
    ).fit(X, y, sample_weight=w)
    np.testing.assert_allclose(model.coef_, other.coef_, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(model.intercept_, other.intercept_, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(model.predict_proba(X), other.predict_proba(X), atol=1e-8)
    np.testing.assert_allclose(model.decision_function(X), other.decision_function(X), atol=1e-6)
    np.testing.assert_array_equal(model.predict(X), other.predict(X))
    assert model.coef_.shape == (1 if n_classes == 2 else n_classes, 4)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_strong_penalty_leaves_the_frequencies(n_classes):
    X, y, S, w, _ = applicants(n_classes=n_classes)
    with pytest.warns(UserWarning, match="leaves a constant model") as caught:
        model = fitted(X, y, S, w, fairness_alpha=1e6)
    assert len(caught) == 1
    assert model.collapsed_
    assert not model.coef_.any()
    frequencies = np.bincount(y, weights=w) / w.sum()
    np.testing.assert_allclose(model.predict_proba(X[:2]), [frequencies] * 2, rtol=1e-12)


# -------------------------------------------------------------------- penalties


@pytest.mark.parametrize("statistic", ["V", "U"])
def test_penalties_are_the_measures_of_the_probabilities(statistic):
    for n_classes in (2, 3):
        X, y, S, w, _ = applicants(150, n_classes)
        for penalize in ("response", "linear"):
            for measure in ("ccdcov", "jdcov", "sum"):
                model = fitted(
                    X,
                    y,
                    S,
                    w,
                    fairness_alpha=2,
                    measure=measure,
                    statistic=statistic,
                    penalize=penalize,
                    c=1.3,
                )
                blocks = model.sensitive_encoder_.transform(S)
                p, scores = model.predict_proba(X), model.decision_function(X)
                parts = p if penalize == "response" else scores.reshape(len(p), -1)
                if n_classes == 2:
                    parts = parts[:, -1:]
                keywords = {"statistic": statistic, "sample_weight": w}
                value = 0.0
                for z in parts.T:
                    if measure == "ccdcov":
                        value += concatenated_distance_covariance(z, blocks, **keywords)
                    elif measure == "sum":
                        value += sum(distance_covariance(z, b, **keywords) for b in blocks)
                    else:
                        value += joint_distance_covariance([z, *blocks], c=1.3, **keywords)
                found = model.penalty_ + model.penalty_constant_
                np.testing.assert_allclose(found, value, rtol=1e-8, atol=1e-12)
                loss = log_loss(y, p, sample_weight=w)
                ridge = 0.5e-4 * (model.coef_**2).sum()
                np.testing.assert_allclose(model.objective_, loss + ridge + 2 * value, rtol=1e-9)


def test_two_classes_may_be_fitted_as_three_scores():
    """The probabilities of the two classes have the same distances: their sum counts double."""
    from skweight.fairness._glm import GLMProblem
    from skweight.fairness._losses import Multinomial
    from skweight.fairness._penalty import DependencePenalty

    X, y, S, w, _ = applicants(200)
    model = fitted(X, y, S, w, fairness_alpha=10, alpha=0, tol=1e-9, max_iter=5000)
    blocks = model.sensitive_encoder_.transform(S)
    problem = GLMProblem(
        X,
        np.eye(2)[y],
        w,
        Multinomial(2),
        alpha=0.0,
        penalty=DependencePenalty(blocks, w),
        tol=1e-9,
        max_iter=5000,
    )
    solution = problem.solve(5.0)
    np.testing.assert_allclose(solution.objective, model.objective_, rtol=1e-8)
    difference = solution.coef[:, 1] - solution.coef[:, 0]
    np.testing.assert_allclose(difference, model.coef_[0], rtol=1e-4)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_the_penalty_removes_what_it_measures(n_classes):
    X, y, S, w, _ = applicants(800, n_classes)
    models = [fitted(X, y, S, w, fairness_alpha=a) for a in (0, 10, 40)]
    penalties = [model.penalty_ for model in models]
    assert penalties[1] < 0.7 * penalties[0]
    assert penalties[2] < 0.3 * penalties[0]
    losses = [log_loss(y, model.predict_proba(X), sample_weight=w) for model in models]
    assert losses == sorted(losses)


def test_intersections_are_seen_by_the_joint_measures():
    """The label follows sex xor race: each alone says nothing, both say all."""
    rng = np.random.default_rng(0)
    sex, race = np.tile([0, 0, 1, 1], 150), np.tile([0, 1, 0, 1], 150)
    cell = sex ^ race
    X = np.column_stack([cell + 0.3 * rng.normal(size=600), rng.normal(size=600)])
    y = (cell + X[:, 1] + rng.logistic(size=600) > 0.5).astype(int)
    S = {"sex": sex.astype(bool), "race": race.astype(bool)}
    gap = {}
    for measure in ("sum", "ccdcov", "jdcov"):
        p = fitted(X, y, S, fairness_alpha=50, measure=measure).predict_proba(X)[:, 1]
        gap[measure] = abs(p[cell == 1].mean() - p[cell == 0].mean())
    assert gap["sum"] > 0.1
    assert gap["ccdcov"] < 0.02
    assert gap["jdcov"] < 0.02


# -------------------------------------------------------------------- weights and labels


@pytest.mark.parametrize("statistic", ["V", "U"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_integer_weights_are_repetition(n_classes, statistic):
    X, y, S, _, rng = applicants(150, n_classes)
    weight = rng.integers(0, 4, 150).astype(float)
    weight[[3, 7]] = 0
    S = {**S, "age": S["age"].astype(float), "race": S["race"].astype(object)}
    S["age"][3], S["race"][7] = 1e4, "alone"
    labels = y.astype(str)
    labels[7] = "9"  # a label without weight is none
    rows = rng.permutation(np.repeat(np.arange(150), weight.astype(int)))
    settings = {"statistic": statistic, "fairness_alpha": 5, "tol": 1e-9, "max_iter": 5000}
    weighted = fitted(X, labels, S, weight, **settings)
    repeated = fitted(
        X[rows], labels[rows], {name: values[rows] for name, values in S.items()}, **settings
    )
    assert weighted.classes_.tolist() == repeated.classes_.tolist() == [*"012"[:n_classes]]
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(weighted.objective_, repeated.objective_, rtol=1e-9)
    np.testing.assert_allclose(weighted.smoothing_, repeated.smoothing_, rtol=1e-7)


def test_the_order_of_labels_does_not_matter():
    X, y, S, w, _ = applicants(200)
    settings = {"fairness_alpha": 10, "tol": 1e-8}
    one = fitted(X, y, S, w, **settings)
    two = fitted(X, np.array(["yes", "no"])[y], S, w, **settings)
    assert two.classes_.tolist() == ["no", "yes"]
    np.testing.assert_allclose(two.coef_, -one.coef_, rtol=1e-5)
    np.testing.assert_allclose(two.predict_proba(X), one.predict_proba(X)[:, ::-1], atol=1e-7)


def test_one_class_among_the_rows_that_count():
    X, y, S, w, _ = applicants(50)
    w[y == 1] = 0
    with pytest.raises(ValueError, match="at least two classes among the rows of positive weight"):
        fitted(X, y, S, w)


def test_probabilities_sum_to_1_far_away():
    for n_classes in (2, 3):
        X, y, S, w, _ = applicants(100, n_classes)
        model = fitted(X, y, S, w)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            p = model.predict_proba(1e4 * X)
            logarithms = model.predict_log_proba(1e4 * X)
        np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-14)
        np.testing.assert_allclose(np.exp(logarithms), p, rtol=1e-12)


def test_warm_start_begins_at_the_last_fit():
    X, y, S, w, _ = applicants(300, 3)
    model = DistanceCovarianceClassifier(10, warm_start=True).fit(X, y, w, sensitive_features=S)
    n_iter = model.n_iter_
    assert model.fit(X, y, w, sensitive_features=S).n_iter_ < n_iter / 2
    # Another number of classes: the start is of no use.
    assert model.fit(X, y > 0, w, sensitive_features=S).coef_.shape == (1, 4)
