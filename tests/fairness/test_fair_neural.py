"""Fair networks: what they minimise, against functions of arrays and linear models."""

import pickle

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from numpy.testing import assert_allclose, assert_array_equal  # noqa: E402
from sklearn.metrics import log_loss  # noqa: E402

import skweight.fairness  # noqa: E402
import skweight.losses  # noqa: E402
from skweight.fairness import (  # noqa: E402
    DistanceCovarianceClassifier,
    DistanceCovarianceRegressor,
    FairNeuralClassifier,
    FairNeuralRegressor,
    concatenated_distance_covariance,
    dependence_score,
    joint_distance_covariance,
)
from skweight.neural import NeuralClassifier, NeuralRegressor  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SMALL = {"hidden_layer_sizes": (8,), "random_state": 0, "max_iter": 5}
# Steps of no length: what is reported is the loss of the predictions.
STILL = {**SMALL, "batch_size": None, "learning_rate_init": 1e-300, "alpha": 0.0}
LOSSES = [
    ("squared_error", None, "auto"),
    ("squared_error", None, "log"),
    ("poisson", None, "auto"),
    ("gamma", None, "auto"),
    ("inverse_gaussian", None, "auto"),
    ("tweedie", 1.5, "auto"),
    ("tweedie", -0.5, "auto"),
]


def proxy(n=120, seed=0, n_classes=2):
    """Make rows of which a column follows the square of an attribute, and a nominal attribute."""
    rng = np.random.default_rng(seed)
    s = rng.uniform(-1, 1, n)
    group = rng.choice(["a", "b", "c"], n)
    X = np.column_stack([3 * s**2 - 1 + 0.3 * rng.normal(size=n), rng.normal(size=n)])
    X[:, 1] += group == "a"
    mean = X.sum(axis=1)
    if n_classes > 1:
        noisy = mean + rng.logistic(size=n)
        y = np.digitize(noisy, np.quantile(noisy, np.arange(1, n_classes) / n_classes))
    else:
        y = rng.gamma(4.0, np.exp(0.3 * mean) / 4) + 0.01
    blocks = [s[:, None] / np.ptp(s), np.eye(3)[np.searchsorted(["a", "b", "c"], group)]]
    return X, y, {"s": s, "group": group}, blocks


def half_deviance(y, mu, power):
    """Return half the deviance less what no prediction changes, from its definition."""
    if power == 0:
        return (y - mu) ** 2 / 2
    if power == 1:
        return mu - y * np.log(mu)
    if power == 2:
        return np.log(mu) + y / mu
    return mu ** (2 - power) / (2 - power) - y * mu ** (1 - power) / (1 - power)


@pytest.mark.parametrize("weighted", [False, True])
def test_without_strength_it_is_the_plain_network(weighted):
    X, y, S, _ = proxy()
    weight = np.random.default_rng(1).integers(0, 3, len(y)) if weighted else None
    options = {**SMALL, "batch_size": 32}
    fair = FairNeuralClassifier(0, **options).fit(X, y, weight, sensitive_features=S)
    plain = NeuralClassifier(**options).fit(X, y, weight)
    assert_array_equal(fair.predict_proba(X), plain.predict_proba(X))
    assert fair.loss_curve_ == plain.loss_curve_
    y = proxy(n_classes=1)[1]
    fair = FairNeuralRegressor(0, **options).fit(X, y, weight, sensitive_features=S)
    plain = NeuralRegressor(**options).fit(X, y, weight)
    assert_array_equal(fair.predict(X), plain.predict(X))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("statistic", ["U", "V"])
@pytest.mark.parametrize("measure", ["ccdcov", "jdcov", "sum"])
def test_loss_of_a_classifier(measure, statistic, n_classes):
    X, y, S, blocks = proxy(n_classes=n_classes)
    weight = np.random.default_rng(1).integers(1, 4, len(y))
    options = {"measure": measure, "statistic": statistic, "c": 0.7}
    model = FairNeuralClassifier(30.0, **options, **STILL)
    model.partial_fit(X, y, np.unique(y), weight, sensitive_features=S)
    shares = model.predict_proba(X)
    columns = shares.T[1:] if n_classes == 2 else shares.T
    more = {"statistic": statistic, "sample_weight": weight}
    if measure == "ccdcov":
        parts = [concatenated_distance_covariance(p, blocks, **more) for p in columns]
    elif measure == "jdcov":
        parts = [joint_distance_covariance([p, *blocks], 0.7, **more) for p in columns]
    else:
        parts = [
            concatenated_distance_covariance(p, [block], **more)
            for p in columns
            for block in blocks
        ]
    expected = log_loss(y, shares, sample_weight=weight) + 30 * sum(parts)
    assert_allclose(model.loss_, expected, rtol=1e-10)


@pytest.mark.parametrize(("loss", "power", "link"), LOSSES)
def test_loss_of_a_regressor(loss, power, link):
    X, y, S, blocks = proxy(n_classes=1)
    y = 7 * y
    weight = np.random.default_rng(1).integers(1, 4, len(y))
    model = FairNeuralRegressor(3.0, loss=loss, power=power, link=link, **STILL)
    model.partial_fit(X, y, weight, sensitive_features=S)
    mu = model.predict(X)
    if power is None:
        power = {"squared_error": 0, "poisson": 1, "gamma": 2, "inverse_gaussian": 3}[loss]
    mean = np.average(y, weights=weight)
    unit, factor = mean, mean ** (power - 2)
    deviance = np.average(half_deviance(y / unit, mu / unit, power), weights=weight)
    if loss == "squared_error" and link == "auto":  # the variance is 1, and nothing is halved
        variance = np.average((y - mean) ** 2, weights=weight)
        deviance = np.average((y - mu) ** 2, weights=weight) / variance
        factor = 2 / variance
    options = {"statistic": "U", "sample_weight": weight}
    expected = deviance + 3 * factor * concatenated_distance_covariance(mu, blocks, **options)
    assert_allclose(model.loss_, expected, rtol=1e-10)


def test_weights_count_effective_rows():
    X, y, S, blocks = proxy()
    weight = np.random.default_rng(1).uniform(0.2, 1, len(y))
    model = FairNeuralClassifier(30.0, **STILL)
    model.partial_fit(X, y, [0, 1], weight, sensitive_features=S)
    shares = model.predict_proba(X)
    counts = weight * weight.sum() / (weight**2).sum()
    with pytest.warns(UserWarning, match="frequencies"):
        penalty = concatenated_distance_covariance(
            shares[:, 1], blocks, statistic="U", sample_weight=counts
        )
    expected = log_loss(y, shares, sample_weight=weight) + 30 * penalty
    assert_allclose(model.loss_, expected, rtol=1e-10)


LINEAR = {
    "hidden_layer_sizes": (),
    "statistic": "V",
    "alpha": 0.0,
    "batch_size": None,
    "learning_rate_init": 0.01,
    "max_iter": 700,
    "tol": 0.0,
    "n_iter_no_change": 700,
    "random_state": 0,
}


@pytest.mark.parametrize("n_classes", [2, 3])
def test_linear_network_reaches_the_optimum_of_the_linear_classifier(n_classes):
    X, y, S, blocks = proxy(n_classes=n_classes)
    linear = DistanceCovarianceClassifier(10, alpha=0).fit(X, y, sensitive_features=S)
    net = FairNeuralClassifier(10, **LINEAR).fit(X, y, sensitive_features=S)

    def objective(model):
        shares = model.predict_proba(X)
        columns = shares.T[1:] if n_classes == 2 else shares.T
        parts = [concatenated_distance_covariance(p, blocks) for p in columns]
        return log_loss(y, shares) + 10 * sum(parts)

    plain = LINEAR | {"max_iter": 1}
    start = objective(FairNeuralClassifier(10, **plain).fit(X, y, sensitive_features=S))
    assert_allclose(objective(linear), linear.objective_, rtol=1e-10)
    # Where predictions tie the slope jumps, and Adam ends as near as its fixed step lets it.
    assert_allclose(objective(net), linear.objective_, rtol=0, atol=5e-5)
    assert start > linear.objective_ + 0.1


@pytest.mark.parametrize("loss", ["squared_error", "poisson", "gamma"])
def test_linear_network_is_the_linear_regressor(loss):
    X, y, S, _ = proxy(n_classes=1)
    y, strength = 5 * y, {"squared_error": 10, "poisson": 2, "gamma": 0.4}[loss]
    linear = DistanceCovarianceRegressor(strength, loss=loss, alpha=0)
    linear.fit(X, y, sensitive_features=S)
    free = DistanceCovarianceRegressor(0, loss=loss, alpha=0).fit(X, y, sensitive_features=S)
    net = FairNeuralRegressor(strength, loss=loss, **LINEAR).fit(X, y, sensitive_features=S)
    # Nearer by far than to the model without a penalty.
    assert np.abs(linear.coef_ - free.coef_).max() > 0.05 * np.abs(free.coef_).max()
    assert_allclose(net.coef_, linear.coef_, rtol=0, atol=2e-3 * np.abs(free.coef_).max())
    assert_allclose(net.score(X, y), linear.score(X, y), rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    ("loss", "power", "factor"),
    [
        ("squared_error", None, 8.0),
        ("poisson", None, 1.0),
        ("gamma", None, 1 / 8),
        ("tweedie", 1.5, 8**-0.5),
    ],
)
def test_strength_follows_the_unit_of_the_target(loss, power, factor):
    X, y, S, _ = proxy(n_classes=1)
    options = {**SMALL, "loss": loss, "power": power, "batch_size": 32}
    model = FairNeuralRegressor(2.0, **options).fit(X, y, sensitive_features=S)
    other = FairNeuralRegressor(2.0 * factor, **options).fit(X, 8 * y, sensitive_features=S)
    assert_allclose(other.predict(X), 8 * model.predict(X), rtol=1e-9)


@pytest.mark.parametrize("measure", ["ccdcov", "jdcov", "sum"])
def test_dependence_falls_as_the_strength_grows(measure):
    X, y, S, _ = proxy(200)
    options = {**SMALL, "max_iter": 40, "learning_rate_init": 0.02, "batch_size": 50}
    scores = []
    for strength in (0, 10, 100):
        model = FairNeuralClassifier(strength, measure=measure, **options)
        shares = model.fit(X, y, sensitive_features=S).predict_proba(X)[:, 1]
        scores.append(dependence_score(shares, S, measure=measure, statistic="V"))
    assert scores[0] > scores[1] > scores[2]
    assert scores[0] > 4 * scores[2]
    X, y, S, _ = proxy(200, n_classes=1)
    scores = []
    for strength in (0, 3, 30):
        model = FairNeuralRegressor(strength, loss="poisson", measure=measure, **options)
        model.fit(X, y, sensitive_features=S)
        scores.append(dependence_score(model.predict(X), S, measure=measure, statistic="V"))
    assert scores[0] > scores[1] > scores[2]
    assert scores[0] > 4 * scores[2]


@pytest.mark.parametrize("scale", ["minmax", "std", "mean_distance"])
@pytest.mark.parametrize("statistic", ["U", "V"])
def test_integer_weights_are_repeated_rows(statistic, scale):
    X, y, S, _ = proxy(60)
    weight = np.random.default_rng(0).integers(0, 4, 60)
    # A row that does not count holds the largest value, and a level of its own.
    weight[0], S["s"][0], S["group"][0] = 0, 9.0, "z"
    again = {name: np.repeat(values, weight) for name, values in S.items()}
    options = {**SMALL, "statistic": statistic, "scale": scale, "batch_size": None}
    args = np.repeat(X, weight, axis=0), np.repeat(y, weight)
    model = FairNeuralClassifier(20, **options).fit(X, y, weight, sensitive_features=S)
    repeated = FairNeuralClassifier(20, **options).fit(*args, sensitive_features=again)
    assert_allclose(model.predict_proba(X), repeated.predict_proba(X), rtol=1e-9)
    model = FairNeuralRegressor(2, loss="poisson", **options)
    model.fit(X, y, weight, sensitive_features=S)
    repeated = FairNeuralRegressor(2, loss="poisson", **options)
    repeated.fit(*args, sensitive_features=again)
    assert_allclose(model.predict(X), repeated.predict(X), rtol=1e-9)


def test_class_weights_are_weights():
    X, y, S, _ = proxy()
    options = {**SMALL, "batch_size": None}
    model = FairNeuralClassifier(20, class_weight={0: 2, 1: 3}, **options)
    model.fit(X, y, sensitive_features=S)
    other = FairNeuralClassifier(20, **options).fit(X, y, y + 2, sensitive_features=S)
    assert_array_equal(model.predict_proba(X), other.predict_proba(X))


@pytest.mark.parametrize(("loss", "power", "link"), LOSSES)
def test_score_is_that_of_the_linear_model(loss, power, link):
    X, y, S, _ = proxy(n_classes=1)
    options = {"loss": loss, "power": power, "link": link}
    model = FairNeuralRegressor(**options, **SMALL).fit(X, y, sensitive_features=S)
    mu, mean, p = model.predict(X), np.average(y, weights=y), power
    if power is None:
        p = {"squared_error": 0, "poisson": 1, "gamma": 2, "inverse_gaussian": 3}[loss]
    best = half_deviance(y, y, p)
    explained = y @ (half_deviance(y, mu, p) - best) / (y @ (half_deviance(y, mean, p) - best))
    assert_allclose(model.score(X, y, sample_weight=y), 1 - explained, rtol=1e-8)


def test_pickle_goes_on_as_the_original():
    X, y, S, _ = proxy()
    model = FairNeuralRegressor(5, loss="poisson", **SMALL).fit(X, y, sensitive_features=S)
    copy = pickle.loads(pickle.dumps(model))
    assert_array_equal(copy.predict(X), model.predict(X))
    for part in (model, copy):
        part.partial_fit(X, y, sensitive_features=S)
    assert_array_equal(copy.predict(X), model.predict(X))


def test_the_loss_is_at_hand_in_this_room():
    found = skweight.fairness.DistanceCovarianceLoss
    assert found is skweight.losses.DistanceCovarianceLoss
    assert "DistanceCovarianceLoss" not in skweight.fairness.__all__
