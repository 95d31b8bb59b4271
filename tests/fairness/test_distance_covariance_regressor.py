"""The regressor: limits, laws of units and weights, warnings, and what it leaves behind."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import GammaRegressor, PoissonRegressor, Ridge, TweedieRegressor
from sklearn.metrics import d2_tweedie_score, r2_score

from skweight.fairness import (
    DistanceCovarianceRegressor,
    concatenated_distance_covariance,
    distance_covariance,
    joint_distance_covariance,
)

pytestmark = pytest.mark.filterwarnings("ignore:This DistanceCovariance")


def portfolio(n=400, seed=0):
    """Features that follow sex, region and age, with targets above 0 and integer weights."""
    rng = np.random.default_rng(seed)
    S = {
        "sex": np.array(["f", "m"])[rng.integers(0, 2, n)],
        "region": np.array(["north", "south", "east"])[rng.integers(0, 3, n)],
        "age": rng.uniform(18, 80, n),
    }
    male, south = S["sex"] == "m", S["region"] == "south"
    X = np.column_stack(
        [
            male + rng.normal(size=n),
            100 * (male & south) + 30 * rng.normal(size=n),
            0.001 * (S["age"] - 50) ** 2 + 0.1 * rng.normal(size=n),
            rng.normal(size=n),
        ]
    )
    eta = 0.3 * X[:, 0] + 0.004 * X[:, 1] + 0.3 * X[:, 2] - 0.2 * X[:, 3] - 0.5
    return X, eta, S, rng.integers(1, 4, n).astype(float), rng


LOSSES = {
    "squared_error": lambda eta, rng: eta + rng.normal(size=len(eta)),
    "poisson": lambda eta, rng: rng.poisson(np.exp(eta)).astype(float),
    "gamma": lambda eta, rng: rng.gamma(2, np.exp(eta)) + 0.01,
    "inverse_gaussian": lambda eta, rng: rng.wald(np.exp(eta), 3.0),
}


def fitted(X, y, S, weight=None, **parameters):
    return DistanceCovarianceRegressor(**parameters).fit(X, y, weight, sensitive_features=S)


# -------------------------------------------------------------------- limits


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_strength_0_is_scikit_learn(make, fit_intercept):
    X, eta, S, w, rng = portfolio()
    X[np.abs(X) < 0.3] = 0.0
    X[:, 1] /= 30  # scikit-learn's solvers want similar columns
    alpha, tight = 0.01, {"tol": 1e-12, "max_iter": 10_000, "fit_intercept": fit_intercept}
    others = {
        "squared_error": Ridge(alpha * w.sum(), tol=1e-12, fit_intercept=fit_intercept),
        "poisson": PoissonRegressor(alpha=alpha, solver="newton-cholesky", **tight),
        "gamma": GammaRegressor(alpha=alpha, solver="newton-cholesky", **tight),
        "inverse_gaussian": TweedieRegressor(
            power=3, alpha=alpha, solver="newton-cholesky", **tight
        ),
    }
    for loss, draw in LOSSES.items():
        y = draw(eta, rng)
        model = fitted(
            make(X),
            y,
            S,
            w,
            fairness_alpha=0,
            loss=loss,
            alpha=alpha,
            tol=1e-9,
            fit_intercept=fit_intercept,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            other = others[loss].fit(X, y, sample_weight=w)
        np.testing.assert_allclose(model.coef_, other.coef_, rtol=1e-6, atol=1e-8, err_msg=loss)
        np.testing.assert_allclose(model.intercept_, other.intercept_, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(model.predict(X), other.predict(X), rtol=1e-6)
        np.testing.assert_allclose(model.score(X, y, w), other.score(X, y, w), rtol=1e-9)


def test_without_attributes_it_is_the_plain_model_and_says_so_once():
    X, eta, S, w, rng = portfolio()
    y = LOSSES["poisson"](eta, rng)
    with pytest.warns(UserWarning, match="no protected attributes") as caught:
        plain = DistanceCovarianceRegressor(fairness_alpha=50, loss="poisson").fit(X, y, w)
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        none = fitted(X, y, S, w, fairness_alpha=0, loss="poisson")
    np.testing.assert_array_equal(plain.coef_, none.coef_)
    assert (plain.penalty_, plain.sensitive_encoder_) == (0.0, None)
    assert none.penalty_ > 0


def test_a_strong_penalty_leaves_the_weighted_mean():
    X, eta, S, w, rng = portfolio()
    for loss, draw in LOSSES.items():
        y = draw(eta, rng) + (loss == "squared_error")
        with pytest.warns(UserWarning, match="leaves a constant model") as caught:
            model = fitted(X, y, S, w, fairness_alpha=1e6, loss=loss)
        assert len(caught) == 1
        assert model.collapsed_
        assert model.converged_
        np.testing.assert_array_equal(model.coef_, np.zeros(4))
        np.testing.assert_allclose(model.predict(X), np.average(y, weights=w), rtol=1e-12)
        assert model.penalty_ == 0


def test_a_balanced_design_does_not_collapse():
    S = np.array([[a, b] for a in (0.0, 1.0) for b in (0.0, 1.0)] * 25)
    for strength in (1e2, 1e4):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model = fitted(S, 2 * S[:, 1] + S[:, 0], S[:, 0], fairness_alpha=strength, alpha=0)
        np.testing.assert_allclose(model.coef_, [0, 2], atol=1e-5)
        assert not model.collapsed_


@pytest.mark.parametrize(
    ("scale", "strength", "coef"),
    [
        (None, 10, [0.53776, 1.09027]),
        (None, 100, [0.07127, 0.98453]),
        ("minmax", 10, [0.70824, 1.07341]),
        ("minmax", 100, [0.15688, 1.03414]),
    ],
)
def test_u_shaped_proxy(scale, strength, coef):
    rng = np.random.default_rng(0)
    s = rng.uniform(-1, 1, 2000)
    x1 = 3 * s**2 - 1 + 0.3 * rng.normal(size=2000)
    X = np.column_stack([x1, rng.normal(size=2000)])
    y = X.sum(axis=1) + 0.5 * rng.normal(size=2000)
    model = fitted(X, y, s, fairness_alpha=strength, alpha=0, scale=scale)
    np.testing.assert_allclose(model.coef_, coef, atol=6e-5)


# -------------------------------------------------------------------- laws


@pytest.mark.parametrize(
    ("loss", "power"),
    [
        ("squared_error", None),
        ("poisson", None),
        ("gamma", None),
        ("inverse_gaussian", None),
        ("tweedie", 1.5),
    ],
)
def test_units_of_the_target(loss, power):
    X, eta, S, w, rng = portfolio(200)
    y, t = LOSSES["gamma"](eta, rng), 7.0
    strength = 0.5
    exponent = {"squared_error": 1, "poisson": 0, "gamma": -1, "inverse_gaussian": -2}
    settings = {"loss": loss, "power": power, "alpha": 0, "tol": 1e-10, "max_iter": 5000}
    one = fitted(X, y, S, w, fairness_alpha=strength, **settings)
    other_strength = strength * t ** exponent.get(loss, 1 - (power or 0))
    two = fitted(X, t * y, S, w, fairness_alpha=other_strength, **settings)
    assert not one.collapsed_
    np.testing.assert_allclose(two.predict(X), t * one.predict(X), rtol=1e-6)
    if loss == "squared_error":
        np.testing.assert_allclose(two.coef_, t * one.coef_, rtol=1e-6)
    else:
        np.testing.assert_allclose(two.coef_, one.coef_, rtol=1e-5)
        np.testing.assert_allclose(two.intercept_, one.intercept_ + np.log(t), rtol=1e-6)


def test_units_of_the_columns_do_not_matter():
    X, eta, S, w, rng = portfolio(200)
    y = LOSSES["poisson"](eta, rng)
    units = np.array([1e-4, 1.0, 1e5, 30.0])
    settings = {"fairness_alpha": 10, "loss": "poisson", "alpha": 0, "tol": 1e-9}
    one = fitted(X, y, S, w, **settings)
    two = fitted(X * units + [5.0, 0.0, 1e6, -3.0], y, S, w, **settings)
    np.testing.assert_allclose(two.coef_ * units, one.coef_, rtol=1e-5)
    assert abs(two.n_iter_ - one.n_iter_) < 15


@pytest.mark.parametrize("statistic", ["V", "U"])
@pytest.mark.parametrize("measure", ["ccdcov", "jdcov", "sum"])
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_integer_weights_are_repetition(loss, measure, statistic):
    X, eta, S, _, rng = portfolio(120)
    y = LOSSES[loss](eta, rng)
    weight = rng.integers(0, 4, 120).astype(float)
    weight[[3, 7]] = 0  # an extreme age, and levels of their own
    S = {name: values.astype(object if name != "age" else float) for name, values in S.items()}
    S["age"][3], S["region"][7], S["sex"][7] = 1e4, "island", "unknown"
    settings = {
        "loss": loss,
        "measure": measure,
        "statistic": statistic,
        "fairness_alpha": 2.0,
        "tol": 1e-9,
        "max_iter": 5000,
    }
    rows = rng.permutation(np.repeat(np.arange(120), weight.astype(int)))
    weighted = fitted(X, y, S, weight, **settings)
    repeated = fitted(
        X[rows], y[rows], {name: values[rows] for name, values in S.items()}, **settings
    )
    for name in ("objective_", "penalty_", "penalty_constant_", "smoothing_"):
        one, two = getattr(weighted, name), getattr(repeated, name)
        np.testing.assert_allclose(one, two, rtol=1e-7, atol=1e-12, err_msg=name)
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-5, atol=1e-8)
    levels = weighted.sensitive_encoder_.levels_
    assert "island" not in levels[1]
    assert "unknown" not in levels[0]


def test_v_does_not_know_the_scale_of_weights_and_u_does():
    X, eta, S, w, rng = portfolio(100)
    y = LOSSES["squared_error"](eta, rng)
    for statistic, same in (("V", True), ("U", False)):
        one, two = (
            fitted(X, y, S, scale * w, fairness_alpha=3, statistic=statistic) for scale in (1, 5)
        )
        assert np.allclose(one.coef_, two.coef_, rtol=1e-5) == same


def test_exposure_through_weights():
    """Rates weighted by exposure have the likelihood of counts, and rates are penalised."""
    X, eta, S, _, rng = portfolio(500)
    exposure = rng.uniform(0.1, 1, 500)
    counts = rng.poisson(exposure * np.exp(eta)).astype(float)
    model = fitted(X, counts / exposure, S, exposure, fairness_alpha=20, loss="poisson", alpha=0)
    rate = model.predict(X)
    likelihood = (exposure * rate - counts * np.log(rate)).sum() / exposure.sum()
    blocks = model.sensitive_encoder_.transform(S)
    penalty = concatenated_distance_covariance(rate, blocks, sample_weight=exposure)
    np.testing.assert_allclose(model.penalty_, penalty, rtol=1e-9)
    np.testing.assert_allclose(model.objective_, likelihood + 20 * penalty, rtol=1e-9)


# -------------------------------------------------------------------- penalties


def test_penalties_are_the_measures_of_the_predictions():
    X, eta, S, w, rng = portfolio(150)
    y = LOSSES["gamma"](eta, rng)
    for statistic in ("V", "U"):
        for penalize in ("response", "linear"):
            settings = {
                "fairness_alpha": 0.5,
                "loss": "gamma",
                "statistic": statistic,
                "penalize": penalize,
                "alpha": 0.1,
            }
            keyword = {"statistic": statistic, "sample_weight": w}
            for measure in ("ccdcov", "jdcov", "sum"):
                model = fitted(X, y, S, w, measure=measure, c=0.7, **settings)
                blocks = model.sensitive_encoder_.transform(S)
                mu = model.predict(X)
                z = np.log(mu) if penalize == "linear" else mu
                if measure == "ccdcov":
                    value = concatenated_distance_covariance(z, blocks, **keyword)
                elif measure == "sum":
                    value = sum(distance_covariance(z, block, **keyword) for block in blocks)
                else:
                    value = joint_distance_covariance([z, *blocks], c=0.7, **keyword)
                np.testing.assert_allclose(
                    model.penalty_ + model.penalty_constant_, value, rtol=1e-8, atol=1e-12
                )
                loss = np.average(np.log(mu) + y / mu, weights=w)
                ridge = 0.05 * (model.coef_**2).sum()
                np.testing.assert_allclose(model.objective_, loss + ridge + 0.5 * value, rtol=1e-9)


def test_the_penalty_removes_what_it_measures():
    X, eta, S, w, rng = portfolio(1000)
    y = LOSSES["poisson"](eta, rng)
    models = [fitted(X, y, S, w, loss="poisson", fairness_alpha=a) for a in (0, 5, 50)]
    penalties = [model.penalty_ for model in models]
    assert penalties[1] < 0.5 * penalties[0]
    assert penalties[2] < 0.2 * penalties[0]
    scores = [model.score(X, y, w) for model in models]
    assert scores == sorted(scores, reverse=True)


def test_normalised_penalties_do_not_shrink_predictions():
    """The correlation is the same for y and t y, so that squared error picks the scale alone."""
    X, eta, S, _, rng = portfolio(300)
    y = LOSSES["squared_error"](eta, rng)
    model = fitted(X, y, S, fairness_alpha=0.5, normalize=True, alpha=0)
    predicted = model.predict(X)
    assert not model.collapsed_
    # At the best multiple of the predictions y - mean regresses on them with slope 1.
    centred = predicted - predicted.mean()
    np.testing.assert_allclose(centred @ (y - y.mean()) / (centred @ centred), 1, atol=1e-3)


def test_a_negative_unbiased_penalty_is_reported():
    rng = np.random.default_rng(0)
    X, s = rng.normal(size=(60, 3)), rng.normal(size=60)
    y = 0.3 * X[:, 0] + rng.normal(size=60)
    with pytest.warns(UserWarning, match="statistic='V'"):
        model = fitted(X, y, s, fairness_alpha=20, statistic="U")
    assert model.penalty_ < 0


def test_unbiased_penalties_of_means_that_run_away_are_stopped():
    rng = np.random.default_rng(0)
    X, s = rng.normal(size=(40, 3)), rng.normal(size=40)
    y = rng.gamma(2, np.exp(0.3 * X[:, 0])) + 0.01
    with (
        pytest.warns(ConvergenceWarning, match="statistic='V'"),
        pytest.warns(UserWarning, match="unbiased penalty is below 0"),
    ):
        model = fitted(X, y, s, fairness_alpha=50, statistic="U", loss="gamma")
    assert not model.converged_
    predicted = model.predict(X)
    assert np.isfinite(predicted).all()
    assert np.abs(np.log(predicted / y.mean())).max() <= 30 * (1 + 1e-9)


# -------------------------------------------------------------------- parameters


def test_power_and_link():
    X, eta, S, w, rng = portfolio(100)
    y = LOSSES["gamma"](eta, rng)
    gamma = fitted(X, y, S, w, loss="gamma")
    same = fitted(X, y, S, w, loss="tweedie", power=2)
    np.testing.assert_allclose(same.coef_, gamma.coef_, rtol=1e-9)
    squared = fitted(X, y, S, w)
    same = fitted(X, y, S, w, loss="tweedie", power=0)
    np.testing.assert_allclose(same.coef_, squared.coef_, rtol=1e-9)
    logarithmic = fitted(X, y, S, w, link="log")
    assert logarithmic.predict(X).min() > 0
    for bad, message in (
        ({"loss": "tweedie"}, "power belongs to loss='tweedie'"),
        ({"loss": "poisson", "power": 1.0}, "power belongs to loss='tweedie'"),
        ({"loss": "tweedie", "power": 0.3}, "no distribution has power"),
        ({"loss": "poisson", "link": "identity"}, "link must be 'log' or 'auto'"),
    ):
        with pytest.raises(ValueError, match=message):
            fitted(X, y, S, w, **bad)


def test_score_is_the_share_of_deviance():
    X, eta, S, w, rng = portfolio(100)
    y = LOSSES["gamma"](eta, rng)
    for power, loss in ((1, "poisson"), (2, "gamma"), (3, "inverse_gaussian")):
        model = fitted(X, y, S, w, loss=loss)
        expected = d2_tweedie_score(y, model.predict(X), power=power, sample_weight=w)
        np.testing.assert_allclose(model.score(X, y, w), expected, rtol=1e-9)
    model = fitted(X, y, S, w)
    assert model.score(X, y, w) == r2_score(y, model.predict(X), sample_weight=w)
    with pytest.raises(ValueError, match="out of the valid range of the loss 'gamma'"):
        fitted(X, y, S, w, loss="gamma").score(X, -y)


def test_targets_out_of_range():
    X, _, S, _, _ = portfolio(20)
    for loss, y in (("poisson", -1.0), ("gamma", 0.0), ("inverse_gaussian", -2.0)):
        target = np.ones(20)
        target[4] = y
        with pytest.raises(ValueError, match=f"out of the valid range of the loss '{loss}'"):
            fitted(X, target, S, loss=loss)
    with pytest.raises(ValueError, match="weighted mean above 0"):
        fitted(X, np.zeros(20), S, loss="poisson")


def test_several_starts_depend_on_the_seed_alone():
    X, eta, S, _, rng = portfolio(200)
    y = LOSSES["squared_error"](eta, rng)
    one, two = (
        fitted(X, y, S, fairness_alpha=3, n_init=5, random_state=3, measure="jdcov")
        for _ in range(2)
    )
    np.testing.assert_array_equal(one.coef_, two.coef_)
    single = fitted(X, y, S, fairness_alpha=3, measure="jdcov")
    assert one.objective_ <= single.objective_


def test_warm_start_begins_at_the_last_fit():
    X, eta, S, w, rng = portfolio(300)
    y = LOSSES["poisson"](eta, rng)
    model = DistanceCovarianceRegressor(10, loss="poisson", warm_start=True)
    first = model.fit(X, y, w, sensitive_features=S).coef_
    n_iter = model.n_iter_
    model.fit(X, y, w, sensitive_features=S)
    assert model.n_iter_ <= 2 < n_iter
    np.testing.assert_allclose(model.coef_, first, rtol=1e-5)
    # Other columns than last time: the start is of no use.
    narrower = model.fit(X[:, :2], y, w, sensitive_features=S)
    assert narrower.coef_.shape == (2,)


def test_max_iter_runs_out():
    X, eta, S, w, rng = portfolio(300)
    y = LOSSES["poisson"](eta, rng)
    with pytest.warns(ConvergenceWarning, match="raise max_iter"):
        model = fitted(X, y, S, w, loss="poisson", fairness_alpha=5, max_iter=5)
    assert not model.converged_
    assert model.n_iter_ == 5


def test_callbacks_see_steps_go_down():
    callback = pytest.importorskip("sklearn.callback")
    X, eta, S, w, rng = portfolio(200)
    y = LOSSES["poisson"](eta, rng)
    monitor = callback.ScoringMonitor(scoring="neg_mean_poisson_deviance")
    model = DistanceCovarianceRegressor(5, loss="poisson").set_callbacks(monitor)
    model.fit(X, y, w, sensitive_features=S)
    logs = monitor.get_logs().data
    assert sum("neg_mean_poisson_deviance" in row for row in logs) > model.n_iter_


def test_a_continuous_attribute_rounded_to_levels():
    X, eta, S, _, rng = portfolio(500)
    y = LOSSES["squared_error"](eta, rng)
    fine = fitted(X, y, S, fairness_alpha=10)
    coarse = fitted(X, y, S, fairness_alpha=10, max_levels=30)
    np.testing.assert_allclose(coarse.coef_, fine.coef_, atol=0.02)
