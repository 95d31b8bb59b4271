"""The plots of quantile forecasts: what they hold, and what they draw."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

matplotlib = pytest.importorskip("matplotlib", reason="plots need matplotlib")
matplotlib.use("Agg")

from matplotlib import pyplot  # noqa: E402
from matplotlib.colors import to_rgba  # noqa: E402
from sklearn.base import BaseEstimator  # noqa: E402
from sklearn.linear_model import LinearRegression, QuantileRegressor  # noqa: E402
from sklearn.model_selection import GridSearchCV  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

from skweight.metrics import (  # noqa: E402
    interval_coverage,
    interval_width,
    quantile_coverage,
    weighted_interval_score,
)
from skweight.quantile import (  # noqa: E402
    CrossingDisplay,
    IntervalWidthDisplay,
    LevelwiseQuantileRegressor,
    QuantileAggregator,
    QuantileFanDisplay,
    QuantileReliabilityDisplay,
    QuantileStackingRegressor,
    StackingWeightsDisplay,
    noncross_isotonic,
)

LEVELS = np.array([0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95])
RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 2))
Y = X[:, 0] + (1 + 0.3 * np.tanh(X[:, 1])) * RNG.normal(size=300)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    pyplot.close("all")


class Gaussian(BaseEstimator):
    """A model whose quantiles are known: x0 plus a normal error of a given scale."""

    def __init__(self, scale=1.0, wiggle=0.0, noncrossing=None):
        self.scale = scale
        self.wiggle = wiggle
        self.noncrossing = noncrossing

    def fit(self, X, y=None):
        self.quantiles_ = LEVELS
        return self

    def predict_quantiles(self, X, quantiles=None):
        levels = self.quantiles_ if quantiles is None else np.asarray(quantiles)
        wave = self.wiggle * np.cos(np.pi * np.arange(len(levels)))
        forecast = np.asarray(X)[:, [0]] + self.scale * stats.norm.ppf(levels) + wave
        return forecast if self.noncrossing is None else np.sort(forecast, axis=1)


class OneShot(BaseEstimator):
    """A model in the way of the package quantile-forest; one level comes back flat."""

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def predict(self, X, quantiles=None):
        forecast = np.asarray(X)[:, [0]] + stats.norm.ppf(np.atleast_1d(quantiles))
        return forecast[:, 0] if forecast.shape[1] == 1 else forecast


def model(**parameters):
    return Gaussian(**parameters).fit(X)


# ---- fan ---------------------------------------------------------------------------------------


def test_fan_of_rows_along_values():
    time = RNG.permutation(300)
    forecast = model().predict_quantiles(X)
    display = QuantileFanDisplay.from_predictions(
        Y, forecast, quantiles=LEVELS, x=time, x_name="time", max_points=1000
    )
    order = np.argsort(time)
    assert_array_equal(display.x, time[order])
    assert_array_equal(display.forecast, forecast[order])
    assert_array_equal(display.observed[1], Y[order])
    assert display.coverages_ == [0.9, 0.8, 0.5]
    assert display.ax_.get_xlabel() == "time"
    for band, (a, b) in zip(display.bands_, [(0, 6), (1, 5), (2, 4)], strict=True):
        corners = band.get_paths()[0].vertices
        assert_allclose(corners[:, 1].max(), forecast[:, b].max())
        assert_allclose(corners[:, 1].min(), forecast[:, a].min())
    assert_array_equal(display.line_.get_ydata(), forecast[order, 3])
    names = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert names == ["median", "50%", "80%", "90%", "observed"]
    display.figure_.canvas.draw()


def test_fan_of_sorted_rows_averages_neighbours():
    forecast = model().predict_quantiles(X)
    display = QuantileFanDisplay.from_predictions(Y, forecast, quantiles=LEVELS, max_points=30)
    order = np.argsort(forecast[:, 3], kind="stable")
    assert_allclose(display.forecast, forecast[order].reshape(30, 10, 7).mean(axis=1))
    assert_allclose(display.x, (np.arange(30) + 0.5) / 30)
    assert_array_equal(display.observed[1], Y[order])
    few = QuantileFanDisplay.from_predictions(Y, forecast, quantiles=LEVELS, max_dots=40)
    assert len(few.observed[0]) == 40
    none = QuantileFanDisplay.from_predictions(None, forecast, quantiles=LEVELS)
    assert none.dots_ is None


def test_fan_along_a_feature_is_partial_dependence():
    display = QuantileFanDisplay.from_estimator(model(), X, Y, feature=0, grid_resolution=9)
    assert_allclose(display.x[[0, -1]], np.quantile(X[:, 0], [0.01, 0.99]))
    assert_allclose(display.forecast, display.x[:, None] + stats.norm.ppf(LEVELS))
    assert (display.observed[0] >= display.x[0]).all()
    # The model knows nothing of x1: its bands are flat there, at the mean of x0.
    flat = QuantileFanDisplay.from_estimator(model(), X, feature=1, max_rows=300)
    expected = X[:, 0].mean() + stats.norm.ppf(LEVELS)
    assert_allclose(flat.forecast, np.tile(expected, (100, 1)))


def test_fan_of_frames_and_their_names():
    pandas = pytest.importorskip("pandas", reason="needs frames")
    frame = pandas.DataFrame({"dose": np.arange(300) % 4, "x1": X[:, 1]})
    y = pandas.Series(Y, name="response")
    before = frame.copy()
    display = QuantileFanDisplay.from_estimator(model(), frame, y, feature="dose")
    assert display.x.tolist() == [0, 1, 2, 3]
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("dose", "response")
    pandas.testing.assert_frame_equal(frame, before)
    forecast = model().predict_quantiles(X)
    rows = QuantileFanDisplay.from_predictions(y, forecast, quantiles=LEVELS)
    assert rows.ax_.get_ylabel() == "response"
    with pytest.raises(ValueError, match="feature must be a column"):
        QuantileFanDisplay.from_estimator(model(), frame, feature="weight")
    with pytest.raises(ValueError, match="feature must be from 0 to 1"):
        QuantileFanDisplay.from_estimator(model(), X, feature=2)


def test_fan_draws_infinite_bounds_to_the_edge():
    forecast = model().predict_quantiles(X)
    forecast[:, 0], forecast[:, -1] = -np.inf, np.inf
    display = QuantileFanDisplay.from_predictions(Y, forecast, quantiles=LEVELS)
    low, high = display.ax_.get_ylim()
    assert -20 < low < Y.min()
    assert Y.max() < high < 20
    corners = display.bands_[0].get_paths()[0].vertices[:, 1]
    assert (corners.min(), corners.max()) == (low, high)
    display.figure_.canvas.draw()


def test_fan_without_mirrored_levels():
    levels = [0.5, 0.8, 0.9]
    forecast = model().predict_quantiles(X, levels)
    display = QuantileFanDisplay.from_predictions(Y, forecast, quantiles=levels)
    assert display.bands_ == []
    assert len(display.ax_.lines) == 3
    high = QuantileFanDisplay.from_predictions(Y, forecast[:, 1:], quantiles=levels[1:])
    assert high.ax_.get_legend().get_texts()[0].get_text() == "level 0.8"


def test_fan_names_five_bands_at_most():
    levels = np.arange(1, 100) / 100
    forecast = model().predict_quantiles(X, levels)
    display = QuantileFanDisplay.from_predictions(None, forecast, quantiles=levels)
    assert len(display.bands_) == 49
    assert len(display.ax_.get_legend().get_texts()) == 6


def test_fan_bad_input():
    forecast = model().predict_quantiles(X)
    with pytest.raises(ValueError, match="quantiles must have one level for each of the 7 columns"):
        QuantileFanDisplay.from_predictions(Y, forecast, quantiles=[0.1, 0.9])
    with pytest.raises(ValueError, match="inconsistent numbers"):
        QuantileFanDisplay.from_predictions(Y[:10], forecast, quantiles=LEVELS)
    with pytest.raises(ValueError, match="NaN"):
        QuantileFanDisplay.from_predictions(Y, forecast * np.nan, quantiles=LEVELS)
    with pytest.raises(TypeError, match="LinearRegression has neither predict_quantiles"):
        QuantileFanDisplay.from_estimator(LinearRegression().fit(X, Y), X)


# ---- reliability -------------------------------------------------------------------------------


def test_reliability_holds_the_coverage_of_each_model():
    models = {"right": model(), "narrow": model(scale=0.5)}
    weight = RNG.integers(1, 4, size=300)
    display = QuantileReliabilityDisplay.from_estimator(models, X, Y, sample_weight=weight)
    assert list(display.coverage) == ["right", "narrow"]
    for line, (name, each) in zip(display.lines_, models.items(), strict=True):
        expected = quantile_coverage(
            Y, each.predict_quantiles(X), quantiles=LEVELS, sample_weight=weight
        )
        assert_array_equal(display.coverage[name], expected)
        assert_array_equal(line.get_ydata(), expected)
    assert display.n_rows == int(weight.sum() ** 2 / (weight**2).sum())
    shown = display.plot(difference=True)
    assert_allclose(shown.lines_[1].get_ydata(), display.coverage["narrow"] - LEVELS)
    display.figure_.canvas.draw()


def test_reliability_band_is_binomial():
    levels = np.arange(1, 20) / 20
    display = QuantileReliabilityDisplay(levels, {"model": levels}, 200).plot()
    corners = display.band_.get_paths()[0].vertices
    for level in levels:
        at = corners[np.isclose(corners[:, 0], level), 1]
        expected = stats.binom.ppf([0.025, 0.975], 200, level) / 200
        assert_allclose([at.min(), at.max()], expected)


def test_reliability_in_pipelines_searches_and_other_packages():
    linear = LevelwiseQuantileRegressor(QuantileRegressor(alpha=0), quantiles=[0.1, 0.5, 0.9])
    pipe = make_pipeline(StandardScaler(), linear)
    search = GridSearchCV(pipe, {"levelwisequantileregressor__noncrossing": ["sort"]}, cv=2)
    pipe.fit(X, Y)
    search.fit(X, Y)
    shares = [
        QuantileReliabilityDisplay.from_estimator(each, X, Y).coverage for each in (pipe, search)
    ]
    assert_array_equal(shares[0]["Pipeline"], shares[1]["GridSearchCV"])
    one_shot = OneShot().fit(X)
    for levels in ([0.25, 0.75], [0.5]):
        display = QuantileReliabilityDisplay.from_estimator(one_shot, X, Y, quantiles=levels)
        forecast = model().predict_quantiles(X, levels)
        expected = quantile_coverage(Y, forecast, quantiles=levels)
        assert_array_equal(display.coverage["OneShot"], expected)
    with pytest.raises(ValueError, match="does not say its levels"):
        QuantileReliabilityDisplay.from_estimator(one_shot, X, Y)
    both = {"gaussian": model(), "linear": pipe}
    with pytest.raises(ValueError, match="quantiles must be given where the estimators have diff"):
        QuantileReliabilityDisplay.from_estimator(both, X, Y)


def test_names_are_given_once():
    forecast = model().predict_quantiles(X)
    display = QuantileReliabilityDisplay.from_predictions(
        Y, forecast, quantiles=LEVELS, name="normal"
    )
    assert list(display.coverage) == ["normal"]
    with pytest.raises(ValueError, match="name must be None where y_quantiles is a dict"):
        QuantileReliabilityDisplay.from_predictions(
            Y, {"a": forecast}, quantiles=LEVELS, name="normal"
        )
    with pytest.raises(ValueError, match="y_quantiles must have at least one forecast"):
        QuantileReliabilityDisplay.from_predictions(Y, {}, quantiles=LEVELS)


# ---- weights -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stack():
    bases = [
        ("linear", QuantileRegressor(alpha=0)),
        ("none", "drop"),
        ("lasso", QuantileRegressor(alpha=0.3)),
    ]

    def fit(weighting):
        levels = [0.1, 0.5, 0.9]
        return QuantileStackingRegressor(bases, quantiles=levels, weighting=weighting, cv=2).fit(
            X, Y
        )

    return {weighting: fit(weighting) for weighting in ("coarse", "medium", "fine")}


def test_coarse_weights_are_bars(stack):
    display = StackingWeightsDisplay.from_estimator(stack["coarse"])
    assert_array_equal([bar.get_width() for bar in display.bars_], stack["coarse"].weights_)
    names = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert names == ["linear", "lasso"]
    assert display.images_ == []
    display.figure_.canvas.draw()


def test_medium_weights_are_a_map(stack):
    display = StackingWeightsDisplay.from_estimator(make_pipeline(stack["medium"]))
    assert_array_equal(display.shown_, stack["medium"].weights_.T)
    assert_array_equal(display.images_[0].get_array(), display.shown_)
    assert [text.get_text() for text in display.ax_.get_xticklabels()] == ["0.1", "0.5", "0.9"]
    written = [float(text.get_text()) for text in display.ax_.texts]
    assert_allclose(written, display.shown_.ravel(), atol=0.0051)
    assert display.ax_.yaxis_inverted()


def test_fine_weights_are_summed_or_in_panels(stack):
    weights = stack["fine"].weights_
    summed = StackingWeightsDisplay.from_estimator(stack["fine"])
    assert_allclose(summed.shown_.sum(axis=0), 1)
    assert_array_equal(summed.shown_, weights.sum(axis=2).T)
    panels = StackingWeightsDisplay.from_estimator(stack["fine"], input_levels="panels")
    assert [axes.get_title() for axes in panels.axes_] == ["linear", "lasso"]
    for j, image in enumerate(panels.images_):
        assert_array_equal(image.get_array(), weights[:, j, :])
        # One scale for all panels.
        assert (image.norm.vmin, image.norm.vmax) == (0, weights.max())
    assert not panels.axes_[0].yaxis_inverted()
    panels.figure_.canvas.draw()


def test_panels_share_out_given_axes():
    figure, axes = pyplot.subplots(1, 2)
    weights = np.full((2, 5, 2), 0.1)
    display = StackingWeightsDisplay.from_weights(
        weights, quantiles=[0.1, 0.9], input_levels="panels", ax=axes[1]
    )
    assert display.figure_ is figure
    assert len(display.axes_) == 5
    figure.canvas.draw()


def test_weights_of_an_aggregator():
    Q = np.stack([model(scale=s).predict_quantiles(X) for s in (0.7, 1.0, 1.5)], axis=1)
    fitted = QuantileAggregator(quantiles=LEVELS).fit(Q.reshape(300, -1), Y)
    display = StackingWeightsDisplay.from_estimator(fitted)
    assert_array_equal(display.shown_, fitted.weights_.T)
    names = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert names == ["model 0", "model 1", "model 2"]


def test_negative_weights_run_both_ways_from_white():
    weights = np.array([[1.5, -0.5], [0.25, 0.75]])
    display = StackingWeightsDisplay.from_weights(weights, quantiles=[0.1, 0.9])
    (image,) = display.images_
    assert (image.norm.vmin, image.norm.vmax) == (-1.5, 1.5)
    assert min(image.cmap(image.norm(0.0))[:3]) > 0.95
    bars = StackingWeightsDisplay.from_weights([1.2, -0.2], quantiles=[0.5]).bars_
    assert [bar.get_width() for bar in bars] == [1.2, -0.2]


@pytest.mark.parametrize("weights", [np.ones((3, 2)), np.ones((2, 3, 4)), np.ones(()), np.ones(0)])
def test_weights_of_other_shapes(weights):
    with pytest.raises(ValueError, match=r"weights must have shape \(p,\), \(2, p\) or \(2, p, 2"):
        StackingWeightsDisplay.from_weights(weights, quantiles=[0.1, 0.9])


def test_weights_bad_input():
    with pytest.raises(ValueError, match="model_names must have a name for each of 2 models"):
        StackingWeightsDisplay.from_weights([0.5, 0.5], quantiles=[0.5], model_names=["a"])
    with pytest.raises(ValueError, match="weights must be finite"):
        StackingWeightsDisplay.from_weights([np.nan], quantiles=[0.5])
    with pytest.raises(ValueError, match="input_levels must be 'sum' or 'panels'"):
        StackingWeightsDisplay.from_weights([1.0], quantiles=[0.5], input_levels="all")
    with pytest.raises(ValueError, match=r"estimator must be a fitted Quantile.*got Gaussian"):
        StackingWeightsDisplay.from_estimator(model())


# ---- crossings ---------------------------------------------------------------------------------


def test_crossings_before_and_after():
    forecast = model(wiggle=0.3).predict_quantiles(X)
    forecast[:75] = np.sort(forecast[:75], axis=1)
    display = CrossingDisplay.from_predictions(
        forecast, quantiles=LEVELS, name="raw", after="isotonic"
    )
    expected = (np.diff(forecast, axis=1) < 0).mean(axis=0)
    assert_allclose(display.pair_rates["raw"], expected)
    assert expected.max() == 0.75
    assert display.row_rates == {"raw": 0.75, "after isotonic": 0.0}
    for step, rates in zip(display.steps_, display.pair_rates.values(), strict=True):
        assert_array_equal(step.get_data().values, rates)
        assert_array_equal(step.get_data().edges, LEVELS)
    names = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert names == ["raw: 75% of rows", "after isotonic: 0% of rows"]
    display.figure_.canvas.draw()
    projected = CrossingDisplay.from_predictions(noncross_isotonic(forecast), quantiles=LEVELS)
    assert projected.row_rates["forecast"] == 0


def test_crossings_of_an_estimator_are_those_before_its_ordering():
    ordered = model(wiggle=0.3, noncrossing="sort")
    display = CrossingDisplay.from_estimator(make_pipeline(ordered), X)
    raw = model(wiggle=0.3).predict_quantiles(X)
    assert_array_equal(display.pair_rates["Pipeline"], (np.diff(raw, axis=1) < 0).mean(axis=0))
    assert ordered.noncrossing == "sort"
    assert display.row_rates == {"Pipeline": 1.0, "after sort": 0.0}


def test_crossings_of_real_estimators(stack):
    several = CrossingDisplay.from_estimator({"a": stack["coarse"], "b": stack["fine"]}, X)
    assert list(several.row_rates) == ["a", "b"]
    levels = np.arange(1, 20) / 20
    linear = LevelwiseQuantileRegressor(QuantileRegressor(alpha=0), quantiles=levels)
    display = CrossingDisplay.from_estimator(linear.fit(X[:40], Y[:40]), 3 * X)
    raw = np.column_stack([each.predict(3 * X) for each in linear.estimators_])
    assert_array_equal(
        display.pair_rates["LevelwiseQuantileRegressor"], (np.diff(raw, axis=1) < 0).mean(axis=0)
    )
    assert display.row_rates["LevelwiseQuantileRegressor"] > 0
    assert linear.noncrossing == "sort"
    with pytest.raises(ValueError, match="quantiles must be given"):
        CrossingDisplay.from_estimator({"a": stack["coarse"], "b": linear}, X)


def test_crossings_of_several_forecasts_and_a_tolerance():
    forecast = model(wiggle=0.3).predict_quantiles(X)
    display = CrossingDisplay.from_predictions(
        {"a": forecast, "b": np.sort(forecast)}, quantiles=LEVELS, tol=10.0
    )
    assert display.row_rates == {"a": 0.0, "b": 0.0}
    assert display.ax_.get_ylim() == (0, 1)


def test_crossings_bad_input():
    with pytest.raises(ValueError, match="quantiles must be at least two levels"):
        CrossingDisplay.from_predictions([[1.0]], quantiles=[0.5])
    with pytest.raises(ValueError, match="y_quantiles must have rows and a column for each of 2"):
        CrossingDisplay.from_predictions([[1.0, 2.0, 3.0]], quantiles=[0.1, 0.9])
    with pytest.raises(ValueError, match="y_quantiles must have at least one forecast"):
        CrossingDisplay.from_predictions({}, quantiles=[0.1, 0.9])
    with pytest.raises(ValueError, match="noncrossing must be None or one of"):
        CrossingDisplay.from_predictions([[1.0, 2.0]], quantiles=[0.1, 0.9], after="pava")


# ---- width -------------------------------------------------------------------------------------


def test_width_against_score_and_coverage():
    models = {"right": model(), "narrow": model(scale=0.5), "wide": model(scale=2.0)}
    weight = RNG.integers(1, 4, size=300)
    display = IntervalWidthDisplay.from_estimator(
        models, X, Y, coverage=[0.9, 0.5], against="coverage", sample_weight=weight
    )
    assert display.coverages.tolist() == [0.5, 0.9]
    for i, (name, each) in enumerate(models.items()):
        forecast = each.predict_quantiles(X)
        assert display.names[i] == name
        for j, ends in enumerate([[2, 4], [0, 6]]):
            interval = forecast[:, ends]
            assert display.width[i, j] == interval_width(interval, sample_weight=weight)
            covered = interval_coverage(Y, interval, sample_weight=weight)
            assert display.covered[i, j] == covered
        score = weighted_interval_score(Y, forecast, quantiles=LEVELS, sample_weight=weight)
        assert display.score[i] == score
        assert_array_equal(display.lines_[i].get_xdata(), display.width[i])
        assert_array_equal(display.lines_[i].get_ydata(), display.covered[i])
    assert [line.get_ydata()[0] for line in display.targets_] == [0.5, 0.9]
    shown = display.plot(against="wis")
    assert_array_equal(shown.lines_[2].get_ydata(), [display.score[2]] * 2)
    assert shown.targets_ == []
    display.figure_.canvas.draw()


def test_width_of_infinite_intervals_is_told():
    forecast = model().predict_quantiles(X)
    endless = forecast.copy()
    endless[:, 0], endless[:, -1] = -np.inf, np.inf
    display = IntervalWidthDisplay.from_predictions(
        Y, {"finite": forecast, "endless": endless}, quantiles=LEVELS, against="coverage"
    )
    names = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert names == ["finite", "endless (infinite)"]
    assert display.covered[1, 0] == 1
    display.figure_.canvas.draw()


def test_width_bad_input():
    forecast = model().predict_quantiles(X)
    with pytest.raises(ValueError, match="quantiles must lie within the fitted levels"):
        IntervalWidthDisplay.from_predictions(Y, forecast, quantiles=LEVELS, coverage=0.99)
    with pytest.raises(ValueError, match="coverage must lie strictly between 0 and 1"):
        IntervalWidthDisplay.from_predictions(Y, forecast, quantiles=LEVELS, coverage=90)
    with pytest.raises(ValueError, match="against must be 'wis' or 'coverage'"):
        IntervalWidthDisplay.from_predictions(Y, forecast, quantiles=LEVELS, against="crps")


# ---- all of them -------------------------------------------------------------------------------


def test_given_axes_are_used_and_colours_differ():
    figure, axes = pyplot.subplots(2, 2)
    forecasts = {"a": model().predict_quantiles(X), "b": model(scale=2.0).predict_quantiles(X)}
    made = [
        QuantileFanDisplay.from_predictions(Y, forecasts["a"], quantiles=LEVELS, ax=axes[0, 0]),
        QuantileReliabilityDisplay.from_predictions(Y, forecasts, quantiles=LEVELS, ax=axes[0, 1]),
        CrossingDisplay.from_predictions(forecasts, quantiles=LEVELS, ax=axes[1, 0]),
        IntervalWidthDisplay.from_predictions(Y, forecasts, quantiles=LEVELS, ax=axes[1, 1]),
    ]
    for display, ax in zip(made, axes.ravel(), strict=True):
        assert display.ax_ is ax
        assert display.figure_ is figure
    for display in (made[1], made[3]):
        colors = {to_rgba(line.get_color()) for line in display.lines_}
        assert len(colors) == 2
    figure.canvas.draw()
