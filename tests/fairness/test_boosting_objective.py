"""The penalty as an objective of gradient boosting: derivatives, weights, and the two libraries."""

import copy
import pickle

import numpy as np
import pytest
from dependence_oracle import (
    central_differences,
    factor,
    functional,
    functional_value,
    measure_value,
)
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize_scalar
from scipy.special import expit
from sklearn.base import clone
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold, cross_val_score

from skweight.fairness import DistanceCovarianceObjective, concatenated_distance_covariance
from skweight.fairness._boosting_bound import curvature_bound
from skweight.fairness._penalty import DependencePenalty

N = 40
RNG = np.random.default_rng(0)
BLOCKS = [RNG.integers(0, 2, N).astype(float), RNG.integers(0, 5, N) / 4]
S = np.column_stack(BLOCKS)
F = RNG.normal(size=N)
Y = {
    "squared_error": RNG.normal(size=N),
    "log_loss": RNG.integers(0, 2, N).astype(float),
    "poisson": RNG.poisson(1.0, N).astype(float),
    "gamma": RNG.gamma(2.0, size=N),
    "tweedie": RNG.gamma(2.0, size=N) * RNG.integers(0, 2, N),
    "inverse_gaussian": RNG.gamma(2.0, size=N),
}
LOSSES = list(Y)
TYPES = {"attribute_0": "numeric", "attribute_1": "numeric"}


def objective(loss="squared_error", rows=S, **parameters):
    """Make an objective whose attributes are the numbers of `S` as they are."""
    power = 1.5 if loss == "tweedie" else None
    settings = {"loss": loss, "power": power, "fairness_alpha": 3.0, "scale": None}
    return DistanceCovarianceObjective(rows, sensitive_types=TYPES, **settings | parameters)


def losses(loss, y, f):
    """Return half the deviance of each row without what no score changes, from its definition."""
    if loss == "squared_error":
        return (y - f) ** 2 / 2
    if loss == "log_loss":
        return np.log(1 + np.exp(f)) - y * f
    mu = np.exp(f)
    power = {"poisson": 1, "gamma": 2, "tweedie": 1.5, "inverse_gaussian": 3}[loss]
    if power == 1:
        return mu - y * f
    if power == 2:
        return y / mu + f
    return mu ** (2 - power) / (2 - power) - y * mu ** (1 - power) / (1 - power)


def mean(loss, f):
    if loss == "squared_error":
        return f
    return 1 / (1 + np.exp(-f)) if loss == "log_loss" else np.exp(f)


def total(loss, y, f, weight, strength, measure, statistic):
    """Return N times F from the definitions."""
    f = np.asarray(f, dtype=np.longdouble)
    dependence = measure_value(mean(loss, f), BLOCKS, weight, measure, statistic)
    return weight @ losses(loss, y, f) + weight.sum() * strength * dependence


# ---- derivatives -------------------------------------------------------------------------------


@pytest.mark.parametrize("statistic", ["V", "U"])
@pytest.mark.parametrize("measure", ["ccdcov", "jdcov", "sum"])
@pytest.mark.parametrize("loss", LOSSES)
def test_gradient_is_that_of_n_times_the_objective(loss, measure, statistic):
    weight = RNG.integers(1, 4, N).astype(float)
    made = objective(loss, measure=measure, statistic=statistic)
    gradient, _ = made(Y[loss], F, weight)

    def value(f):
        return total(loss, Y[loss], f, weight, 3.0, measure, statistic)

    expected = central_differences(value, F, 1e-5)
    assert_allclose(gradient, expected.astype(float), atol=1e-8 * np.abs(gradient).max())
    assert_allclose(made.value(Y[loss], F, weight) * weight.sum(), float(value(F)), rtol=1e-12)


def test_gradient_at_tied_scores():
    y, f = Y["squared_error"], np.round(F)
    gradient, _ = objective(fairness_alpha=30.0)(y, f)
    ones = np.ones(N)
    # One step each way cancels the kinks of a tie, if the two are of exactly the same size.
    expected = central_differences(
        lambda f: total("squared_error", y, f, ones, 30.0, "ccdcov", "V"), f, 2.0**-10
    )
    assert_allclose(gradient, expected.astype(float), atol=1e-10)
    assert len(np.unique(f)) < 8


def test_gradient_of_the_normalised_penalty():
    made = objective(normalize=True)
    gradient, _ = made(Y["squared_error"], F)
    ones = np.ones(N)

    def value(f):
        dependence = measure_value(f, BLOCKS, ones, normalize=True)
        return losses("squared_error", Y["squared_error"], f).sum() + N * 3 * dependence

    assert_allclose(gradient, central_differences(value, F, 1e-5).astype(float), atol=1e-8)


@pytest.mark.parametrize("loss", LOSSES)
def test_second_derivative_of_the_loss_or_its_expectation(loss):
    _, hessian = objective(loss)(Y[loss], F)
    h = 1e-4
    f = F.astype(np.longdouble)
    curve = (losses(loss, Y[loss], f + h) - 2 * losses(loss, Y[loss], f)) / h**2
    curve = (curve + losses(loss, Y[loss], f - h) / h**2).astype(float)
    # Its expectation is the same with the mean in place of the outcome.
    y = mean(loss, f)
    mid = (losses(loss, y, f + h) - 2 * losses(loss, y, f) + losses(loss, y, f - h)) / h**2
    assert_allclose(hessian, np.maximum(curve, mid.astype(float)), rtol=1e-6)
    assert (hessian > 0).all()


# ---- the bound ---------------------------------------------------------------------------------


@pytest.mark.parametrize("statistic", ["V", "U"])
@pytest.mark.parametrize(
    ("measure", "path"),
    [(m, p) for m in ("ccdcov", "jdcov", "sum") for p in ("matrix", "cells", "dense")]
    + [("sum", "tree")],
)
def test_bound_is_the_sum_over_the_window(measure, path, statistic):
    y = np.concatenate([F[:30], F[:10]])  # ties, too
    width = 0.3
    for weight in (np.ones(N), RNG.integers(1, 4, N).astype(float)):
        parts = [[block] for block in BLOCKS] if measure == "sum" else [BLOCKS]
        near = np.abs(y[:, None] - y) < width
        copies = weight - np.eye(N)  # a row is no neighbour of itself, its other copies are
        expected = np.zeros(N)
        for part in parts:
            m = functional(part, weight, measure, statistic)[0].astype(float)
            expected += (near * copies * np.maximum(m, 0)).sum(axis=1)
        expected *= 4 * float(factor(weight, statistic)) / width * weight
        penalty = DependencePenalty(BLOCKS, weight, measure=measure, statistic=statistic, path=path)
        assert_allclose(curvature_bound(penalty, y, width), expected, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("statistic", ["V", "U"])
@pytest.mark.parametrize("measure", ["ccdcov", "jdcov", "sum"])
@pytest.mark.parametrize("loss", ["squared_error", "log_loss", "poisson"])
def test_bound_lies_above_the_second_derivatives(loss, measure, statistic):
    weight, strength, width = RNG.integers(1, 4, N).astype(float), 50.0, 0.15
    options = {"measure": measure, "statistic": statistic, "smoothing": width}
    made = objective(loss, fairness_alpha=strength, hessian="bound", **options)
    plain = objective(loss, fairness_alpha=strength, **options)
    bound = made(Y[loss], F, weight)[1] - plain(Y[loss], F, weight)[1]

    def slope(f):
        return (
            plain(Y[loss], f, weight)[0]
            - objective(loss, fairness_alpha=0.0)(Y[loss], f, weight)[0]
        )

    h = 1e-6
    steps = h * np.eye(N)
    second = np.array([(slope(F + step) - slope(F - step)) / (2 * h) for step in steps])
    below = np.linalg.eigvalsh(np.diag(bound) - (second + second.T) / 2)
    assert below.min() > -1e-6 * bound.max()
    # The penalty does bend upward somewhere: no diagonal of zeros would do.
    assert np.linalg.eigvalsh((second + second.T) / 2).max() > 1e-3 * bound.max()


def test_smoothed_gradient():
    width, ones = 0.2, np.ones(N)
    m = functional(BLOCKS)[0]

    def value(f):
        return N * 3 * functional_value(f, m, ones, width=width)

    gradient, _ = objective(smoothing=width)(Y["squared_error"], F)
    expected = central_differences(value, F, 1e-6).astype(float) + F - Y["squared_error"]
    assert_allclose(gradient, expected, atol=1e-7)


# ---- weights -----------------------------------------------------------------------------------


@pytest.mark.parametrize("hessian", ["loss", "bound"])
@pytest.mark.parametrize("statistic", ["V", "U"])
@pytest.mark.parametrize("loss", ["log_loss", "gamma"])
def test_weights_are_repetitions(loss, statistic, hessian):
    weight = RNG.integers(0, 4, N)
    rows = np.repeat(np.arange(N), weight)
    options = {"statistic": statistic, "hessian": hessian, "smoothing": 0.1, "scale": "minmax"}
    weighted = objective(loss, **options)
    repeated = objective(loss, S[rows], **options)
    assert_allclose(
        weighted.value(Y[loss], F, weight), repeated.value(Y[loss][rows], F[rows]), rtol=1e-12
    )
    for one, each in zip(
        weighted(Y[loss], F, weight), repeated(Y[loss][rows], F[rows]), strict=True
    ):
        assert_allclose(one, np.bincount(rows, each, minlength=N), rtol=1e-10, atol=1e-12)


def test_rows_of_weight_0_may_hold_anything():
    weight = np.ones(N)
    weight[:3] = 0
    strange = {"age": BLOCKS[1].copy(), "group": BLOCKS[0].astype(int).astype(str)}
    strange["age"][0] = 1e6  # would stretch the scale
    strange["group"][1] = "own level"
    y = Y["gamma"].copy()
    y[2] = -1  # no outcome of the loss
    usual = {name: values[3:] for name, values in strange.items()}
    given = {"loss": "gamma", "fairness_alpha": 2.0}
    gradient, hessian = DistanceCovarianceObjective(strange, **given)(y, F, weight)
    expected = DistanceCovarianceObjective(usual, **given)(y[3:], F[3:])
    assert_allclose(gradient[3:], expected[0], rtol=1e-12)
    assert_allclose(hessian[3:], expected[1], rtol=1e-12)
    assert not gradient[:3].any()
    assert not hessian[:3].any()


def test_weights_may_change_between_calls():
    made = objective("poisson")
    y, weight = Y["poisson"], RNG.integers(1, 4, N)
    first = made(y, F)[0]
    made(y, F, weight)
    assert_array_equal(made(y, F)[0], first)
    assert_array_equal(made(y, F, weight)[0], objective("poisson")(y, F, weight)[0])


# ---- links, copies, bad input ------------------------------------------------------------------


@pytest.mark.parametrize("loss", LOSSES)
def test_starting_score_has_the_lowest_loss_of_all_constants(loss):
    y, weight = Y[loss], RNG.integers(1, 4, N)
    made = objective(loss)
    best = minimize_scalar(
        lambda f: weight @ losses(loss, y, np.full(N, f)), bracket=(-1.0, 1.0), tol=1e-12
    )
    assert_allclose(made.init_score(y, weight), best.x, atol=1e-6)
    start = np.array([made.init_score(y, weight)])
    assert_allclose(made.inverse_link(start), np.average(y, weights=weight))


def test_copies_leave_the_penalty_behind_and_give_the_same():
    made = objective("log_loss")
    expected = made(Y["log_loss"], F)
    for other in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made), clone(made, safe=False)):
        assert other._cache is None
        assert_array_equal(other(Y["log_loss"], F), expected)
    assert repr(made).startswith("DistanceCovarianceObjective(<2 attributes of 40 rows>, loss='log")


def test_without_strength_attributes_are_not_looked_at():
    made = DistanceCovarianceObjective(np.full(N, np.nan), fairness_alpha=0.0)
    assert_array_equal(made(Y["squared_error"], F)[0], F - Y["squared_error"])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"loss": "huber"}, "loss must be one of"),
        ({"loss": "tweedie"}, "power belongs to loss='tweedie'"),
        ({"power": 1.5}, "power belongs to loss='tweedie'"),
        ({"fairness_alpha": -1}, "fairness_alpha must be a finite number of at least 0, got -1"),
        ({"fairness_alpha": np.nan}, "fairness_alpha must be a finite number"),
        ({"smoothing": -0.1}, "smoothing must be a finite number of at least 0"),
        ({"measure": "dcov"}, "measure must be one of"),
        ({"statistic": "u"}, "statistic must be one of"),
        ({"hessian": "exact"}, "hessian must be one of"),
        ({"hessian": "bound"}, "smoothing must be above 0 with hessian='bound'"),
        ({"hessian": "bound", "smoothing": 0.1, "normalize": True}, "hessian must be 'loss' with"),
    ],
)
def test_parameters_without_meaning(parameters, message):
    with pytest.raises(ValueError, match=message):
        DistanceCovarianceObjective(S, **parameters)


def test_bad_rows():
    y = Y["squared_error"]
    with pytest.raises(ValueError, match="sensitive_features has 40 rows and y_true 30"):
        objective()(y[:30], F[:30])
    with pytest.raises(ValueError, match="raw_score must have one column, got 3"):
        objective()(y, np.zeros((N, 3)))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        objective()(y, F[:30])
    with pytest.raises(ValueError, match="y_true must be 0 or 1 with loss='log_loss', got 2"):
        objective("log_loss")(np.full(N, 2), F)
    with pytest.raises(ValueError, match="y must be above 0"):
        objective("gamma")(np.zeros(N), F)
    with pytest.raises(ValueError, match="y_true must have both classes"):
        objective("log_loss").init_score(np.ones(N))
    with pytest.raises(ValueError, match="sample_weight must be at least 0"):
        objective()(y, F, -np.ones(N))


# ---- the libraries -----------------------------------------------------------------------------


def toy(n, seed):
    """Draw outcomes, features that tell the attributes, and the attributes."""
    rng = np.random.default_rng(seed)
    sex, age = rng.integers(0, 2, n), rng.integers(18, 70, n)
    X = rng.normal(size=(n, 3))
    X[:, 0] += sex
    X[:, 1] += (age - 44) ** 2 / 300  # uncorrelated with age, and all but determined by it
    y = rng.binomial(1, expit(0.7 * X[:, 0] + 0.5 * X[:, 1] - 0.5 * X[:, 2] - 0.8))
    return X, y, {"sex": sex.astype(bool), "age": age}


def dependence(probability, S):
    blocks = [S["sex"].astype(float), (S["age"] - 18) / 52]
    return concatenated_distance_covariance(probability, blocks, statistic="U")


def boost(library, made, X, y, start, n_estimators=60, min_rows=20, **fit):
    """Fit with LightGBM or XGBoost; return a function of rows and rounds: the raw scores."""
    shared = {"n_estimators": n_estimators, "learning_rate": 0.1, "n_jobs": 1}
    if library == "lightgbm":
        lightgbm = pytest.importorskip("lightgbm", reason="needs LightGBM")
        own = {"num_leaves": 8, "min_child_samples": min_rows, "verbose": -1}
        model = lightgbm.LGBMClassifier(objective=made, **own, **shared)
        model.fit(X, y, init_score=np.full(len(y), start), **fit)
        return lambda X, k=0: model.predict(X, raw_score=True, num_iteration=k) + start
    xgboost = pytest.importorskip("xgboost", reason="needs XGBoost")
    probability = float(made.inverse_link(start))
    model = xgboost.XGBClassifier(objective=made, max_depth=3, base_score=probability, **shared)
    model.fit(X, y, **fit)

    def scores(X, k=0):
        raw = model.predict(X, output_margin=True, iteration_range=(0, k))
        assert_allclose(model.predict_proba(X, iteration_range=(0, k))[:, 1], expit(raw), rtol=1e-5)
        return raw

    return scores


@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
def test_objective_and_dependence_fall(library):
    X, y, S = toy(1000, 0)
    X_new, y_new, S_new = toy(3000, 1)
    left = []
    for strength in (0.0, 10.0, 100.0):
        made = DistanceCovarianceObjective(S, loss="log_loss", fairness_alpha=strength)
        start = made.init_score(y)
        scores = boost(library, made, X, y, start)
        path = [made.value(y, np.full(len(y), start))]
        path += [made.value(y, scores(X, k)) for k in range(1, 61)]
        assert path[-1] < path[0]
        if strength <= 10:
            assert np.max(np.diff(path)) < 0
        probability = made.inverse_link(scores(X_new))
        assert log_loss(y_new, probability) < log_loss(y_new, np.full(3000, y.mean()))
        left.append(dependence(probability, S_new))
    assert left[1] < 0.7 * left[0]
    assert left[2] < 0.4 * left[0]


def test_lightgbm_without_strength_is_its_own_objective():
    lightgbm = pytest.importorskip("lightgbm", reason="needs LightGBM")
    X, y, S = toy(500, 2)
    weight = RNG.integers(1, 4, 500)
    shared = {"n_estimators": 20, "num_leaves": 8, "verbose": -1, "n_jobs": 1}
    cases = [
        (lightgbm.LGBMClassifier, "log_loss", "binary", y),
        (lightgbm.LGBMRegressor, "squared_error", "regression", X[:, 0] + y),
    ]
    for kind, loss, own, y in cases:
        made = DistanceCovarianceObjective(S, loss=loss, fairness_alpha=0.0)
        start = made.init_score(y, weight)
        ours = kind(objective=made, **shared)
        ours.fit(X, y, sample_weight=weight, init_score=np.full(500, start))
        theirs = kind(objective=own, **shared).fit(X, y, sample_weight=weight)
        assert_allclose(
            start + ours.predict(X, raw_score=True), theirs.predict(X, raw_score=True), atol=1e-5
        )


def test_xgboost_without_strength_is_its_own_objective():
    xgboost = pytest.importorskip("xgboost", reason="needs XGBoost")
    X, _, S = toy(500, 2)
    y, weight = RNG.poisson(np.exp(X[:, 0] / 2)), RNG.integers(1, 4, 500)
    made = DistanceCovarianceObjective(S, loss="squared_error", fairness_alpha=0.0)
    start = made.init_score(y, weight)
    shared = {"n_estimators": 20, "max_depth": 3, "n_jobs": 1, "base_score": start}
    ours = xgboost.XGBRegressor(objective=made, **shared).fit(X, y, sample_weight=weight)
    theirs = xgboost.XGBRegressor(objective="reg:squarederror", **shared)
    theirs.fit(X, y, sample_weight=weight)
    assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
def test_libraries_count_weights_once(library):
    rng = np.random.default_rng(3)
    n = 300
    X = rng.integers(0, 4, size=(n, 2)).astype(float)  # the same bins, however often rows count
    S = {"sex": rng.random(n) < expit(X[:, 0] - 1.5)}
    y = rng.binomial(1, expit(X[:, 0] - X[:, 1]))
    weight = rng.integers(1, 4, n)
    rows = np.repeat(np.arange(n), weight)
    given = {"loss": "log_loss", "fairness_alpha": 10.0}
    made = DistanceCovarianceObjective(S, **given)
    repeated = DistanceCovarianceObjective({"sex": S["sex"][rows]}, **given)
    start = made.init_score(y, weight)
    found = boost(library, made, X, y, start, 20, 1, sample_weight=weight)(X)
    expected = boost(library, repeated, X[rows], y[rows], start, 20, 1)(X)
    assert_allclose(found, expected, atol=1e-4)
    assert np.ptp(found) > 0.5


def test_bound_stalls_at_a_constant_start_and_not_from_a_fit():
    X, y, S = toy(1000, 0)
    plain = DistanceCovarianceObjective(S, loss="log_loss", fairness_alpha=0.0)
    start = plain.init_score(y)
    unpenalised = boost("lightgbm", plain, X, y, start, 30)(X)
    width = 0.1 * plain.inverse_link(unpenalised).std()
    given = {"loss": "log_loss", "fairness_alpha": 100.0, "smoothing": width}
    made = DistanceCovarianceObjective(S, **given)
    bounded = DistanceCovarianceObjective(S, hessian="bound", **given)
    at_start = made.value(y, np.full(len(y), start))
    quick = boost("lightgbm", made, X, y, start)(X)
    slow = boost("lightgbm", bounded, X, y, start)(X)
    assert at_start - made.value(y, slow) < 0.05 * (at_start - made.value(y, quick))
    lightgbm = pytest.importorskip("lightgbm", reason="needs LightGBM")
    model = lightgbm.LGBMClassifier(objective=bounded, n_estimators=60, verbose=-1, n_jobs=1)
    model.fit(X, y, init_score=unpenalised)
    path = [
        made.value(y, unpenalised + (model.predict(X, raw_score=True, num_iteration=k) if k else 0))
        for k in range(61)
    ]
    assert np.max(np.diff(path)) < 0
    assert path[-1] < min(0.6 * path[0], made.value(y, slow))


@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
def test_folds_need_objectives_of_their_own(library):
    module = pytest.importorskip(library, reason=f"needs {library}")
    X, y, S = toy(300, 4)
    made = DistanceCovarianceObjective(S, loss="log_loss")
    quiet = {"verbose": -1} if library == "lightgbm" else {}
    kind = module.LGBMClassifier if library == "lightgbm" else module.XGBClassifier
    model = kind(objective=made, n_estimators=3, n_jobs=1, **quiet)
    with pytest.raises(ValueError, match="sensitive_features has 300 rows and y_true 200"):
        cross_val_score(model, X, y, cv=3, error_score="raise")
    for train, _ in KFold(3).split(X):
        fold = {name: values[train] for name, values in S.items()}
        made = DistanceCovarianceObjective(fold, loss="log_loss")
        fitted = clone(model).set_params(objective=made).fit(X[train], y[train])
        assert fitted.n_features_in_ == 3


@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
def test_more_than_two_classes(library):
    module = pytest.importorskip(library, reason=f"needs {library}")
    X, y, S = toy(300, 5)
    made = DistanceCovarianceObjective(S, loss="log_loss")
    kind = module.LGBMClassifier if library == "lightgbm" else module.XGBClassifier
    with pytest.raises(ValueError, match="raw_score must have one column, got 3"):
        kind(objective=made, n_estimators=2).fit(X, y + (X[:, 2] > 0))
