"""Base models of every kind become quantile models, by the fewest fits and the right parameters."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import BayesianRidge, LinearRegression, QuantileRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skweight.metrics import weighted_interval_score
from skweight.quantile import LevelwiseQuantileRegressor, ResidualQuantileRegressor
from skweight.quantile._adapters import level_parameters, quantile_model
from skweight.quantile._adapters_forest import ForestLeafQuantiles

LEVELS = np.array([0.1, 0.5, 0.9])


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    y = 10 + X[:, 0] + (0.2 + (X[:, 1] > 0)) * rng.normal(size=300)
    return X, y


class OneShot(RegressorMixin, BaseEstimator):
    """Predict quantiles of y for every row, and count the fits of all copies."""

    fits = 0

    def fit(self, X, y):
        type(self).fits += 1
        self.y_ = np.sort(y)
        return self

    def predict_quantiles(self, X, quantiles):
        return np.tile(np.quantile(self.y_, quantiles), (len(X), 1))

    def predict(self, X):
        raise AssertionError("a point is not wanted")


class OneShotPredict(OneShot):
    """The same through ``predict``; a single level comes back as one dimension."""

    predict_quantiles = property()  # hides the inherited method

    def predict(self, X, quantiles=None):
        return np.squeeze(np.tile(np.quantile(self.y_, quantiles), (len(X), 1)))


def lightgbm_regressor():
    lightgbm = pytest.importorskip("lightgbm", reason="lightgbm is not installed")
    return lightgbm.LGBMRegressor(n_estimators=10, verbose=-1, n_jobs=1)


def xgboost_regressor():
    xgboost = pytest.importorskip("xgboost", reason="xgboost is not installed")
    return xgboost.XGBRegressor(n_estimators=10, n_jobs=1)


def catboost_regressor():
    catboost = pytest.importorskip("catboost", reason="catboost is not installed")
    return catboost.CatBoostRegressor(
        iterations=10, verbose=0, allow_writing_files=False, thread_count=1
    )


def quantile_forest_regressor():
    quantile_forest = pytest.importorskip(
        "quantile_forest", reason="quantile-forest is not installed"
    )
    return quantile_forest.RandomForestQuantileRegressor(20, min_samples_leaf=10, random_state=0)


KINDS = {
    "hist": lambda: HistGradientBoostingRegressor(max_iter=10),
    "gradient": lambda: GradientBoostingRegressor(n_estimators=10, random_state=0),
    "linear": lambda: QuantileRegressor(alpha=0.0),
    "lightgbm": lightgbm_regressor,
    "xgboost": xgboost_regressor,
    "catboost": catboost_regressor,
    "quantile_forest": quantile_forest_regressor,
    "forest": lambda: RandomForestRegressor(20, min_samples_leaf=10, random_state=0),
    "trees": lambda: ExtraTreesRegressor(20, min_samples_leaf=10, random_state=0),
    "std": BayesianRidge,
    "point": LinearRegression,
}

WRAPPERS = {
    "bare": lambda e: e,
    "pipeline": lambda e: make_pipeline(StandardScaler(), e),
    "target": lambda e: TransformedTargetRegressor(e, func=np.log, inverse_func=np.exp),
    "both": lambda e: make_pipeline(
        StandardScaler(), TransformedTargetRegressor(e, func=np.log, inverse_func=np.exp)
    ),
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("kind", KINDS)
def test_each_level_is_about_as_far_down_as_it_says(kind, wrapper, data):
    X, y = data
    y = y - y.min() + 1.0  # positive, for the logarithm
    given = WRAPPERS[wrapper](KINDS[kind]())
    before = repr(given)
    for levels in (LEVELS, LEVELS[:1]):
        forecast = quantile_model(given, levels).fit(X, y).predict_quantiles(X)
        assert forecast.shape == (len(y), len(levels))
        assert forecast.dtype == np.float64
        below = (y[:, None] <= forecast).mean(axis=0)
        np.testing.assert_allclose(below, levels, atol=0.12)
    assert repr(given) == before, "the estimator given was changed."


@pytest.mark.parametrize("kind", ["forest", "xgboost", "catboost", "quantile_forest", "point"])
def test_one_model_answers_for_every_level(kind, data):
    X, y = data
    model = quantile_model(KINDS[kind](), LEVELS).fit(X, y)
    assert not isinstance(model.estimator, LevelwiseQuantileRegressor)
    some = model.predict_quantiles(X, LEVELS[[0, 2]])
    np.testing.assert_array_equal(some, model.predict_quantiles(X)[:, [0, 2]])


@pytest.mark.parametrize("wrapper", ["bare", "pipeline", "target"])
@pytest.mark.parametrize("one_shot", [OneShot, OneShotPredict])
def test_a_one_shot_model_is_fitted_once(one_shot, wrapper, data):
    X, y = data
    y = np.abs(y) + 1
    one_shot.fits = 0
    model = quantile_model(WRAPPERS[wrapper](one_shot()), np.linspace(0.05, 0.95, 19)).fit(X, y)
    assert one_shot.fits == 1
    expected = np.quantile(y, model.quantiles)
    np.testing.assert_allclose(model.predict_quantiles(X)[0], expected, rtol=0.02)


def test_what_is_set_for_one_level():
    found = {
        kind: level_parameters(KINDS[kind](), 0.1)
        for kind in ("hist", "gradient", "linear", "point")
    }
    assert found == {
        "hist": {"loss": "quantile", "quantile": 0.1},
        "gradient": {"loss": "quantile", "alpha": 0.1},
        "linear": {"quantile": 0.1},  # its alpha is the penalty
        "point": None,
    }
    nested = level_parameters(make_pipeline(StandardScaler(), QuantileRegressor()), 0.1)
    assert nested == {"quantileregressor__quantile": 0.1}


def test_subclasses_of_known_classes_are_known():
    class Mine(HistGradientBoostingRegressor):
        pass

    class Lasso(LinearRegression):  # has the name of no known class
        pass

    assert level_parameters(Mine(), 0.5) == {"loss": "quantile", "quantile": 0.5}
    assert level_parameters(Lasso(), 0.5) is None


def test_lightgbm_gets_its_loss_with_its_level(data):
    X, y = data
    model = quantile_model(lightgbm_regressor(), LEVELS).fit(X, y)
    params = [copy.get_params() for copy in model.estimator.estimators_]
    assert [p["alpha"] for p in params] == LEVELS.tolist()
    assert {p["objective"] for p in params} == {"quantile"}


def test_a_decreasing_target_transform_is_refused(data):
    X, y = data
    for base in (QuantileRegressor(alpha=0.0), OneShot()):
        falling = TransformedTargetRegressor(base, func=np.negative, inverse_func=np.negative)
        with pytest.raises(ValueError, match="increasing transform"):
            quantile_model(falling, LEVELS).fit(X, y)


def test_own_regressors_are_asked_for_the_levels_wanted(data):
    X, y = data
    base = LevelwiseQuantileRegressor(QuantileRegressor(alpha=0.0), quantiles=[0.4, 0.6])
    model = quantile_model(base, LEVELS).fit(X, y)
    np.testing.assert_array_equal(model.estimator.quantiles_, LEVELS)
    assert base.quantiles == [0.4, 0.6]


def test_frozen_models(data):
    X, y = data
    fitted = OneShot().fit(X, y)
    OneShot.fits = 0
    model = quantile_model(FrozenEstimator(fitted), LEVELS)
    assert model.is_frozen
    model.fit(X[:10], y[:10])
    assert OneShot.fits == 0
    np.testing.assert_allclose(model.predict_quantiles(X)[0], np.quantile(y, LEVELS))
    with pytest.raises(ValueError, match="ResidualQuantileRegressor"):
        quantile_model(FrozenEstimator(QuantileRegressor().fit(X, y)), LEVELS)
    point = quantile_model(FrozenEstimator(LinearRegression().fit(X, y)), LEVELS)
    assert isinstance(point.estimator, ResidualQuantileRegressor)


def test_a_frozen_model_of_other_levels_is_refused(data):
    X, y = data
    for make in (xgboost_regressor, catboost_regressor):
        fitted = quantile_model(make(), LEVELS).fit(X, y).estimator
        same = quantile_model(FrozenEstimator(fitted), LEVELS)
        assert same.predict_quantiles(X).shape == (len(y), 3)
        with pytest.raises(ValueError, match="fitted for the quantiles"):
            quantile_model(FrozenEstimator(fitted), LEVELS[:2])


def test_predictions_of_another_shape_are_refused(data):
    class Wrong(OneShot):
        def predict_quantiles(self, X, quantiles):
            return np.zeros((len(X), 7))

    X, y = data
    with pytest.raises(ValueError, match="Wrong must predict 3 quantiles"):
        quantile_model(Wrong(), LEVELS).fit(X, y).predict_quantiles(X)


def brute_force_forest(forest, X, y, weight, rows, levels):
    """Weigh training rows by their share of each tree's leaf, one row at a time."""
    train, new = forest.apply(X), forest.apply(rows)
    order = np.argsort(y, kind="stable")
    out = []
    for leaves in new:
        share = np.zeros(len(y))
        for tree, leaf in enumerate(leaves):
            inside = weight * (train[:, tree] == leaf)
            share += inside / inside.sum() / len(leaves)
        reached = np.cumsum(share[order])
        out.append([y[order][np.argmax(reached >= tau - 1e-12)] for tau in levels])
    return np.array(out)


@pytest.mark.parametrize("kind", [RandomForestRegressor, ExtraTreesRegressor])
def test_forest_quantiles_are_those_of_the_leaves(kind, data):
    X, y = data
    weight = np.random.default_rng(1).integers(0, 3, size=len(y)).astype(float)
    forest = kind(8, min_samples_leaf=4, random_state=0)
    model = ForestLeafQuantiles(forest).fit(X, y, sample_weight=weight)
    rows = np.random.default_rng(2).normal(size=(40, 3))
    expected = brute_force_forest(model.estimator_, X, y, weight, rows, LEVELS)
    np.testing.assert_array_equal(model.predict_quantiles(rows, LEVELS), expected)


def test_forest_quantiles_see_spread_that_residuals_do_not(data):
    X, y = data
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(300, 3))
    truth = 10 + rows[:, 0] + (0.2 + (rows[:, 1] > 0)) * rng.normal(size=300)
    forest = RandomForestRegressor(50, min_samples_leaf=10, random_state=0)
    leaves = quantile_model(forest, LEVELS).fit(X, y).predict_quantiles(rows)
    residual = ResidualQuantileRegressor(forest, LEVELS).fit(X, y).predict_quantiles(rows)
    scores = [weighted_interval_score(truth, q, quantiles=LEVELS) for q in (leaves, residual)]
    assert scores[0] < scores[1]


def test_levelwise_by_the_name_of_a_parameter(data):
    X, y = data
    pipeline = make_pipeline(StandardScaler(), QuantileRegressor(alpha=0.0))
    named = LevelwiseQuantileRegressor(pipeline, LEVELS, "quantileregressor__quantile").fit(X, y)
    known = LevelwiseQuantileRegressor(pipeline, LEVELS).fit(X, y)
    np.testing.assert_array_equal(named.predict_quantiles(X), known.predict_quantiles(X))
    alone = clone(pipeline).set_params(quantileregressor__quantile=0.9).fit(X, y).predict(X)
    unordered = LevelwiseQuantileRegressor(pipeline, LEVELS, noncrossing=None).fit(X, y)
    np.testing.assert_array_equal(unordered.predict_quantiles(X)[:, 2], alone)


def test_levelwise_refuses_what_has_no_level(data):
    X, y = data
    with pytest.raises(ValueError, match="no class whose quantile level is known"):
        LevelwiseQuantileRegressor(LinearRegression()).fit(X, y)
    with pytest.raises(ValueError, match="LinearRegression has no parameter 'tau'"):
        LevelwiseQuantileRegressor(LinearRegression(), level_param="tau").fit(X, y)


def test_levelwise_orders_its_rows(data):
    X, y = data
    base = HistGradientBoostingRegressor(max_iter=30)
    raw = LevelwiseQuantileRegressor(base, [0.4, 0.5, 0.6], noncrossing=None).fit(X, y)
    assert (np.diff(raw.predict_quantiles(X), axis=1) < 0).any()
    for how in ("sort", "isotonic", "minmax"):
        ordered = clone(raw).set_params(noncrossing=how).fit(X, y).predict_quantiles(X)
        assert (np.diff(ordered, axis=1) >= 0).all()


def test_residuals_are_out_of_fold(data):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(400, 5)), rng.normal(size=400)  # nothing to learn
    forest = RandomForestRegressor(30, random_state=0)
    model = ResidualQuantileRegressor(forest, LEVELS, random_state=0).fit(X, y)
    seen = np.quantile(y - model.estimator_.predict(X), LEVELS)
    low, _, high = model.residual_quantiles_
    assert high - low > 2 * (seen[2] - seen[0])
    rows, truth = rng.normal(size=(2000, 5)), rng.normal(size=2000)
    below = (truth[:, None] <= model.predict_quantiles(rows)).mean(axis=0)
    np.testing.assert_allclose(below, LEVELS, atol=0.05)


def test_empirical_residual_quantiles_by_hand(data):
    X, y = data
    splits = [(np.arange(100, 300), np.arange(100)), (np.arange(200), np.arange(200, 250))]
    weight = np.random.default_rng(1).integers(0, 3, size=len(y)).astype(float)
    model = ResidualQuantileRegressor(LinearRegression(), LEVELS, cv=splits)
    model.fit(X, y, sample_weight=weight)
    residuals, weights = [], []
    for train, test in splits:
        base = LinearRegression().fit(X[train], y[train], weight[train])
        residuals += (y[test] - base.predict(X[test])).tolist()
        weights += weight[test].tolist()
    repeated = np.repeat(residuals, np.array(weights, dtype=int))
    expected = np.quantile(repeated, LEVELS, method="inverted_cdf")
    np.testing.assert_allclose(model.residual_quantiles_, expected)
    full = LinearRegression().fit(X, y, weight).predict(X)
    np.testing.assert_allclose(model.predict_quantiles(X), full[:, None] + expected)


def test_gaussian_takes_the_standard_deviations_of_the_base(data):
    from scipy.stats import norm

    X, y = data
    base = BayesianRidge().fit(X, y)
    mean, std = base.predict(X, return_std=True)
    expected = norm.ppf(LEVELS, mean[:, None], std[:, None])
    for given in (BayesianRidge(), make_pipeline(StandardScaler(), BayesianRidge())):
        model = ResidualQuantileRegressor(given, LEVELS, distribution="gaussian").fit(X, y)
        assert model.uses_std_
        np.testing.assert_allclose(model.predict_quantiles(X), expected, rtol=1e-3)
    scaled = ResidualQuantileRegressor(BayesianRidge(), LEVELS).fit(X, y)
    width = np.ptp(scaled.predict_quantiles(X), axis=1)
    np.testing.assert_allclose(width / std, np.ptp(scaled.residual_quantiles_))


def test_gaussian_without_standard_deviations_fits_the_residuals():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(5000, 2)), 3 + 2 * rng.normal(size=5000)
    model = ResidualQuantileRegressor(LinearRegression(), LEVELS, distribution="gaussian")
    model.fit(X, y)
    np.testing.assert_allclose(model.residual_quantiles_, [-2.563, 0, 2.563], atol=0.1)


def test_residuals_of_a_frozen_model_are_those_on_the_rows_given(data):
    X, y = data
    base = FrozenEstimator(LinearRegression().fit(X[:50], y[:50]))
    model = ResidualQuantileRegressor(base, LEVELS).fit(X[50:], y[50:])
    residual = y[50:] - base.predict(X[50:])
    expected = np.quantile(residual, LEVELS, method="inverted_cdf")
    np.testing.assert_allclose(model.residual_quantiles_, expected)


def test_weights_that_a_base_does_not_take_are_said_once(data, recwarn):
    from sklearn.neighbors import KNeighborsRegressor

    X, y = data
    model = ResidualQuantileRegressor(KNeighborsRegressor(), LEVELS)
    model.fit(X, y, sample_weight=np.ones(len(y)))
    messages = [str(w.message) for w in recwarn]
    assert len(messages) == 1
    assert "takes no sample_weight" in messages[0]
