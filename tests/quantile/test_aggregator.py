"""Ready forecasts: order of the columns, models that are missing, memory."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import QuantileRegressor

from skweight.metrics import weighted_interval_score
from skweight.quantile import QuantileAggregator, QuantileStackingRegressor
from skweight.quantile import _aggregator as module

LEVELS = (0.1, 0.5, 0.9)


@pytest.fixture(scope="module")
def forecasts():
    """Draw three models' forecasts of shape (n, p, m), rows sorted, and outcomes."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    y = x + rng.normal(size=300)
    spread = np.array([-1.3, 0.0, 1.3])
    Q = np.stack(
        [x[:, None] + spread, 0.5 * x[:, None] + 1.2 * spread, np.tile(1.5 * spread, (300, 1))], 1
    )
    return Q + 0.1 * np.sort(rng.normal(size=Q.shape), axis=2), y


def flat(Q):
    return Q.reshape(len(Q), -1)


def test_columns_are_blocks_of_models(forecasts):
    Q, y = forecasts
    model = QuantileAggregator(LEVELS, noncrossing=None).fit(flat(Q), y)
    assert model.weights_.shape == (3, 3)
    np.testing.assert_allclose(model.weights_.sum(axis=1), 1)
    expected = np.einsum("ijk,kj->ik", Q, model.weights_)
    np.testing.assert_allclose(model.predict_quantiles(flat(Q)), expected)
    score = weighted_interval_score(y, expected, quantiles=LEVELS)
    np.testing.assert_allclose(model.objective_, score)


def test_it_finds_the_weights_that_the_stack_finds():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 3))
    y = X[:, 0] + rng.normal(size=120)
    pair = [("linear", QuantileRegressor(alpha=0.0)), ("shrunk", QuantileRegressor(alpha=0.1))]
    stack = QuantileStackingRegressor(pair, LEVELS, store_oof=True).fit(X, y)
    alone = QuantileAggregator(LEVELS).fit(flat(stack.oof_quantiles_), y)
    np.testing.assert_array_equal(alone.weights_, stack.weights_)
    assert alone.crossing_rate_ == stack.crossing_rate_
    np.testing.assert_array_equal(alone.base_crossing_rate_, stack.base_crossing_rate_)


def test_nested_optima(forecasts):
    Q, y = forecasts
    objectives = [
        QuantileAggregator(LEVELS, **more).fit(flat(Q), y).objective_
        for more in (
            {"weighting": "fine"},
            {"weighting": "medium"},
            {"level_groups": ["tail", "middle", "tail"]},
            {"weighting": "coarse"},
        )
    ]
    single = min(weighted_interval_score(y, Q[:, j], quantiles=LEVELS) for j in range(3))
    assert (np.diff([*objectives, single]) >= -1e-8).all()


def test_tied_levels_share_their_weights(forecasts):
    Q, y = forecasts
    tied = QuantileAggregator(LEVELS, level_groups=["tail", "middle", "tail"]).fit(flat(Q), y)
    np.testing.assert_array_equal(tied.weights_[0], tied.weights_[2])


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"quantiles": (0.1, 0.9)}, "X must have 2 columns for each model"),
        ({"quantiles": (0.9, 0.1, 0.5)}, "strictly increasing"),
        ({"missing": "renormalize", "constraint": "none"}, "constraint='simplex', got 'none'"),
        ({"missing": "renormalize", "constraint": "nonneg"}, "constraint='simplex', got 'nonneg'"),
        ({"level_groups": [0, 1]}, "level_groups"),
        ({"level_groups": [0, 1, 1], "weighting": "fine"}, "level_groups"),
    ],
)
def test_bad_parameters(parameters, words, forecasts):
    Q, y = forecasts
    with pytest.raises(ValueError, match=words):
        QuantileAggregator(**{"quantiles": LEVELS, **parameters}).fit(flat(Q), y)


def test_nan_is_an_error_unless_asked_for(forecasts):
    Q, y = forecasts
    X = flat(Q).copy()
    model = QuantileAggregator(LEVELS).fit(X, y)
    X[3, 4] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        QuantileAggregator(LEVELS).fit(X, y)
    with pytest.raises(ValueError, match="NaN"):
        model.predict(X)
    tolerant = QuantileAggregator(LEVELS, missing="renormalize")
    X[5, 0] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        tolerant.fit(X, y)
    with pytest.raises(ValueError, match="NaN"):
        tolerant.fit(flat(Q), np.where(np.arange(len(y)) == 0, np.nan, y))


@pytest.mark.parametrize("weighting", ["coarse", "medium", "fine"])
def test_nothing_missing_is_bit_equal(weighting, forecasts):
    Q, y = forecasts
    strict = QuantileAggregator(LEVELS, weighting=weighting).fit(flat(Q), y)
    tolerant = clone(strict).set_params(missing="renormalize").fit(flat(Q), y)
    np.testing.assert_array_equal(tolerant.weights_, strict.weights_)
    X = flat(Q).copy()
    X[7, 0] = np.nan
    found, expected = tolerant.predict_quantiles(X), strict.predict_quantiles(flat(Q))
    others = np.arange(len(y)) != 7
    np.testing.assert_array_equal(found[others], expected[others])
    assert not np.array_equal(found[7], expected[7])


def with_holes(Q, seed=0):
    """Take models away at random, never all of a row, sometimes at one level only."""
    rng = np.random.default_rng(seed)
    gone = rng.random(Q.shape[:2]) < 0.3
    gone[gone.all(axis=1), 0] = False
    level = rng.integers(0, Q.shape[2], size=Q.shape[:2])
    holed = Q.copy()
    for i, j in np.argwhere(gone):
        holed[i, j, level[i, j]] = np.nan
    return holed, gone


@pytest.mark.parametrize("weighting", ["coarse", "medium", "fine"])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_missing_models_by_the_definition(weighting, fit_intercept, forecasts):
    Q, y = forecasts
    holed, gone = with_holes(Q)
    model = QuantileAggregator(
        LEVELS,
        weighting=weighting,
        missing="renormalize",
        noncrossing=None,
        fit_intercept=fit_intercept,
    ).fit(flat(holed), y)
    # fit: the equal mean of the present models stands in.
    filled = np.where(gone[:, :, None], np.nan, Q)
    filled = np.where(gone[:, :, None], np.nanmean(filled, axis=1, keepdims=True), filled)
    strict = clone(model).set_params(missing="error").fit(flat(filled), y)
    np.testing.assert_allclose(model.objective_, strict.objective_, rtol=1e-9)
    np.testing.assert_allclose(model.weights_, strict.weights_, atol=1e-6)
    # predict: the weights of the present models, scaled, or their equal mean.
    expected = np.empty((len(y), 3))
    for i in range(len(y)):
        here = ~gone[i]
        for k in range(3):
            w = {
                "coarse": lambda k: np.outer(model.weights_, np.eye(3)[k]),
                "medium": lambda k: np.outer(model.weights_[k], np.eye(3)[k]),
                "fine": lambda k: model.weights_[k],
            }[weighting](k)[here]
            value = (w * Q[i, here]).sum() / w.sum() if w.sum() > 1e-12 else Q[i, here, k].mean()
            expected[i, k] = value + model.intercept_[k]
    np.testing.assert_allclose(model.predict_quantiles(flat(holed)), expected, rtol=1e-8)


def test_present_models_without_weight_count_the_same(forecasts):
    Q, y = forecasts
    model = QuantileAggregator(LEVELS, weighting="coarse", missing="renormalize").fit(flat(Q), y)
    model.weights_ = np.array([1.0, 0.0, 0.0])
    X = Q[:5].copy()
    X[:, 0] = np.nan
    np.testing.assert_allclose(model.predict_quantiles(flat(X)), X[:, 1:].mean(axis=1))


def test_a_row_without_models_is_refused(forecasts):
    Q, y = forecasts
    model = QuantileAggregator(LEVELS, missing="renormalize").fit(flat(Q), y)
    X = Q.copy()
    X[4, :, 1] = np.nan
    with pytest.raises(ValueError, match="at least one model"):
        model.predict(flat(X))
    with pytest.raises(ValueError, match="at least one model"):
        clone(model).fit(flat(X), y)
    weight = (np.arange(len(y)) != 4).astype(float)  # a weight of 0 is a row left out
    kept = weight > 0
    left_out = clone(model).fit(flat(X), y, sample_weight=weight)
    without = clone(model).fit(flat(X)[kept], y[kept])
    np.testing.assert_allclose(left_out.weights_, without.weights_, atol=1e-7)


def test_unsorted_models_are_sorted_only_if_asked(forecasts):
    Q, y = forecasts
    Q = Q[:, :, ::-1].copy()
    plain = QuantileAggregator(LEVELS).fit(flat(Q), y)
    np.testing.assert_array_equal(plain.base_crossing_rate_, 1.0)
    ordered = QuantileAggregator(LEVELS, sort_base=True).fit(flat(Q), y)
    expected = QuantileAggregator(LEVELS).fit(flat(np.sort(Q, axis=2)), y)
    np.testing.assert_array_equal(ordered.weights_, expected.weights_)
    np.testing.assert_array_equal(
        ordered.predict_quantiles(flat(Q)), expected.predict_quantiles(flat(np.sort(Q, axis=2)))
    )
    with pytest.raises(ValueError, match="sort_base"):
        QuantileAggregator(LEVELS, noncrossing="constrain").fit(flat(Q), y)


def test_memory_maps_and_blocks_give_the_same(forecasts, tmp_path, monkeypatch):
    Q, y = forecasts
    X = flat(Q).astype(np.float32)
    path = tmp_path / "forecasts.dat"
    np.memmap(path, dtype=np.float32, mode="w+", shape=X.shape)[:] = X
    mapped = np.memmap(path, dtype=np.float32, mode="r", shape=X.shape)
    model = QuantileAggregator(LEVELS).fit(mapped, y)
    double = QuantileAggregator(LEVELS).fit(X.astype(np.float64), y)
    np.testing.assert_allclose(model.objective_, double.objective_, rtol=1e-7)
    whole = double.predict_quantiles(mapped)
    np.testing.assert_array_equal(whole, double.predict_quantiles(X.astype(np.float64)))
    monkeypatch.setattr(module, "_BLOCK", 50)
    np.testing.assert_array_equal(double.predict_quantiles(mapped), whole)


def test_constant_outcomes_and_one_row(forecasts):
    Q, _ = forecasts
    model = QuantileAggregator(LEVELS).fit(flat(Q), np.zeros(len(Q)))
    assert np.isfinite(model.predict_quantiles(flat(Q))).all()
    assert np.isfinite(model.objective_)
    one = QuantileAggregator(LEVELS, weighting="coarse").fit(flat(Q[:1]), [0.0])
    np.testing.assert_allclose(one.weights_.sum(), 1)
