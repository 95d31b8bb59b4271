"""Split conformal calibration: against MAPIE, by counting, and what it says of bad input."""

import warnings

import numpy as np
import pytest
from conformal_toys import Columns, CountedLine, draw, line
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, QuantileRegressor
from sklearn.model_selection import GridSearchCV, GroupShuffleSplit, KFold, ShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skweight.quantile import (
    ConformalQuantileRegressor,
    LevelwiseQuantileRegressor,
    QuantileAggregator,
    QuantileStackingRegressor,
    noncross_minmax,
)

LINEAR = QuantileRegressor(alpha=0)


def halves(n):
    return [(np.arange(n // 2), np.arange(n // 2, n))]


def frozen(spread=0.7):
    return FrozenEstimator(Columns(spread).fit(np.zeros((2, 2)), np.zeros(2)))


@pytest.mark.parametrize("side", ["two", "one"])
def test_margins_of_mapie(side):
    regression = pytest.importorskip("mapie.regression", reason="mapie is not installed")
    X, y = line(300)
    train, held = np.arange(180), np.arange(180, 300)
    levels = [0.05, 0.5, 0.95]
    ours = ConformalQuantileRegressor(LINEAR, levels, side=side, cv=[(train, held)]).fit(X, y)
    models = [clone(LINEAR).set_params(quantile=t).fit(X[train], y[train]) for t in levels]
    low, middle, high = models
    theirs = regression.ConformalizedQuantileRegressor([low, high, middle], 0.9, prefit=True)
    theirs.conformalize(X[held], y[held])
    _, interval = theirs.predict_interval(X, symmetric_correction=side == "two")
    raw = np.column_stack([low.predict(X), high.predict(X)])
    margins = (interval[:, :, 0] - raw) * [-1, 1]
    assert_allclose(margins - ours.conformity_quantiles_[[0, 2]], 0, atol=1e-12)
    assert_allclose(ours.predict_interval(X, 0.9), interval[:, :, 0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("n", [8, 9])
def test_eight_rows_are_too_few_for_nine_tenths(n):
    X, y = draw(np.random.default_rng(0), n)
    model = ConformalQuantileRegressor(frozen(), [0.05, 0.5, 0.95])
    scores = np.abs(y - X[:, 0]) - 0.7 * 1.6448536269514722
    if n == 9:
        assert_allclose(model.fit(X, y).conformity_quantiles_, [scores.max(), 0, scores.max()])
        return
    with pytest.warns(UserWarning, match=r"8 calibration rows .*\[0.05, 0.95\].* least 9 rows"):
        model.fit(X, y)
    assert_array_equal(model.conformity_quantiles_, [np.inf, 0, np.inf])
    assert_array_equal(model.predict_interval(X, 0.9), [[-np.inf, np.inf]] * 8)
    assert_array_equal(model.predict(X), X[:, 0])
    assert model.score(X, y) == -np.inf


def test_the_point_is_finite_without_a_median():
    X, y = draw(np.random.default_rng(0), 8)
    model = ConformalQuantileRegressor(frozen(), [0.05, 0.95])
    with pytest.warns(UserWarning, match="infinite"):
        model.fit(X, y)
    assert_allclose(model.predict(X), X[:, 0], atol=1e-14)
    one = ConformalQuantileRegressor(frozen(), [0.8, 0.99], side="one")
    with pytest.warns(UserWarning, match=r"\[0.99\].* least 99 rows"):
        one.fit(X, y)
    assert np.isfinite(one.predict(X)).all()


def coverage(rng, repetitions, n, fit, holds):
    """Count how often intervals around fresh rows hold, one share for each repetition."""
    shares = []
    for _ in range(repetitions):
        model = fit(*draw(rng, n))
        X, y = draw(rng, 200)
        shares.append(holds(model, X, y))
    return np.array(shares)


def inside(model, X, y):
    low, high = model.predict_interval(X, 0.8).T
    return ((low <= y) & (y <= high)).mean()


def assert_covers(shares, expected):
    assert np.mean(shares) == pytest.approx(expected, abs=3 * np.std(shares) / len(shares) ** 0.5)


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"scale": "width"},
        {"scale": lambda X: np.exp(X[:, 1] / 2)},
        {"likelihood_ratio": lambda X: np.ones(len(X))},
    ],
    ids=["plain", "width", "scale", "ratio"],
)
def test_coverage_is_the_rank_over_n_plus_one(how):
    # ceil(0.8 * 31) = 25: 25 / 31 is 0.806, not 0.8.
    model = ConformalQuantileRegressor(frozen(), [0.1, 0.5, 0.9], **how)
    shares = coverage(np.random.default_rng(0), 400, 30, model.fit, inside)
    assert_covers(shares, 25 / 31)


def test_coverage_of_each_side():
    model = ConformalQuantileRegressor(frozen(), [0.1, 0.5, 0.9], side="one")
    for j, holds in ((0, np.greater), (2, np.less)):

        def share(fitted, X, y, j=j, holds=holds):
            return holds(y, fitted.predict_quantiles(X)[:, j]).mean()

        # ceil(0.9 * 31) = 28
        assert_covers(coverage(np.random.default_rng(j), 400, 30, model.fit, share), 28 / 31)


def test_coverage_in_each_group():
    def groups(X):
        return np.where(X[:, 1] > 0, "wide", "narrow")

    model = ConformalQuantileRegressor(frozen(), [0.1, 0.5, 0.9], group_by=groups)
    rng, gaps = np.random.default_rng(3), {"wide": [], "narrow": []}
    for _ in range(400):
        model.fit(*draw(rng, 60))
        X, y = draw(rng, 200)
        low, high = model.predict_interval(X, 0.8).T
        held = (low <= y) & (y <= high)
        for group, found in gaps.items():
            n = model.groups_[group]
            found.append(held[groups(X) == group].mean() - -(-4 * (n + 1) // 5) / (n + 1))
    for found in gaps.values():
        assert_covers(found, 0)
    plain = ConformalQuantileRegressor(frozen(), [0.1, 0.5, 0.9]).fit(*draw(rng, 5000))
    X, y = draw(rng, 5000)
    low, high = plain.predict_interval(X, 0.8).T
    wide = groups(X) == "wide"
    held = (low <= y) & (y <= high)
    assert held[wide].mean() < 0.75 < 0.85 < held[~wide].mean()  # why one wants groups


def test_coverage_under_covariate_shift():
    # Rows of fit have a standard normal second column, new ones have it moved by 1.
    def ratio(X):
        return np.exp(X[:, 1] - 0.5)

    rng, shares = np.random.default_rng(4), {True: [], False: []}
    for _ in range(300):
        X, y = draw(rng, 200)
        new = rng.normal(size=(200, 2)) + np.array([0, 1])
        truth = new[:, 0] + rng.normal(size=200) * np.exp(new[:, 1] / 2)
        for shifted, found in shares.items():
            model = ConformalQuantileRegressor(
                frozen(), [0.1, 0.9], likelihood_ratio=ratio if shifted else None
            ).fit(X, y)
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "likelihood_ratio: .* infinite")
                found.append(inside(model, new, truth))
    assert 0.8 - 3 * np.std(shares[True]) / 300**0.5 < np.mean(shares[True]) < 0.84
    assert np.mean(shares[False]) < 0.7


@pytest.mark.parametrize("side", ["two", "one"])
@pytest.mark.parametrize("group_by", [None, 2])
def test_equal_ratios_change_nothing(side, group_by):
    X, y = line(200)
    X[:, 2] = np.arange(200) % 2
    levels = [0.05, 0.3, 0.5, 0.7, 0.95]
    plain = ConformalQuantileRegressor(
        CountedLine(), levels, side=side, cv=halves(200), group_by=group_by
    )
    weighted = clone(plain).set_params(likelihood_ratio=lambda X: np.full(len(X), 0.1))
    expected = plain.fit(X, y).predict_quantiles(X)
    assert_array_equal(weighted.fit(X, y).predict_quantiles(X), expected)
    assert weighted.conformity_quantiles_ is None


def test_one_group_changes_nothing():
    X, y = line(100)
    plain = ConformalQuantileRegressor(CountedLine(), [0.1, 0.5, 0.9], cv=halves(100)).fit(X, y)
    grouped = clone(plain).set_params(group_by=lambda X: ["all"] * len(X)).fit(X, y)
    assert_array_equal(grouped.conformity_quantiles_, [plain.conformity_quantiles_])
    assert grouped.groups_ == {"all": 50}
    assert_array_equal(grouped.predict_quantiles(X), plain.predict_quantiles(X))


def test_groups_unseen_or_too_small_are_named():
    X, y = draw(np.random.default_rng(0), 60)
    X[:, 1] = np.repeat([1.0, 2.0], [55, 5])
    model = ConformalQuantileRegressor(frozen(), [0.1, 0.5, 0.9], group_by=1)
    with pytest.warns(UserWarning, match=r"the group 2.0 has too few calibration rows \(below 4\)"):
        clone(model).set_params(quantiles=[0.1, 0.9]).fit(X[:58], y[:58])
    model.fit(X, y)
    new = np.array([[0.0, 1.0], [0.0, 3.0], [0.0, 2.0]])
    with pytest.warns(UserWarning, match=r"the group 3.0 has no calibration rows"):
        interval = model.predict_interval(new, 0.8)
    assert_array_equal(np.isinf(interval), [[False] * 2, [True] * 2, [False] * 2])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_array_equal(model.predict(new), [0, 0, 0])


def test_groups_by_column_of_a_frame_and_in_a_pipeline():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    X, y = line(200)
    X[:, 2] = np.arange(200) % 2
    frame = pandas.DataFrame(X, columns=["a", "b", "site"])
    by_index = ConformalQuantileRegressor(CountedLine(), [0.1, 0.9], cv=halves(200), group_by=2)
    expected = by_index.fit(X, y).predict_quantiles(X)
    by_name = clone(by_index).set_params(group_by="site").fit(frame, y)
    # A frame's columns lie one after the other in memory: products round differently.
    assert_allclose(by_name.predict_quantiles(frame), expected, rtol=1e-13, atol=1e-14)
    assert list(by_name.groups_.values()) == [50, 50]
    by_function = clone(by_index).set_params(group_by=lambda X: X[:, 2] > 0)
    pipeline = make_pipeline(StandardScaler(), by_function).fit(frame, y)
    assert_allclose(pipeline.predict(frame, quantiles="all"), expected, rtol=1e-10)
    assert set(by_function.fit(X, y).groups_) == {False, True}


def test_scores_in_units_of_the_width():
    X, y = draw(np.random.default_rng(0), 100)
    width = 2 * 0.7 * 1.2815515655446004
    plain = ConformalQuantileRegressor(frozen(), [0.1, 0.9]).fit(X, y)
    scaled = ConformalQuantileRegressor(frozen(), [0.1, 0.9], scale="width").fit(X, y)
    assert_allclose(scaled.conformity_quantiles_ * width, plain.conformity_quantiles_)
    assert_allclose(scaled.predict_quantiles(X), plain.predict_quantiles(X))


def test_widths_of_zero_have_a_floor():
    X, y = draw(np.random.default_rng(0), 100)
    for model in (frozen(spread=0.0), Columns(spread=0.0)):
        scaled = ConformalQuantileRegressor(model, [0.1, 0.9], scale="width", random_state=0)
        low, high = scaled.fit(X, y).predict_interval(X, 0.8).T
        assert np.isfinite([low, high]).all()
        assert ((low <= y) & (y <= high)).mean() > 0.7


def test_intervals_of_a_forecast_that_is_too_wide_shrink_but_never_turn_round():
    X, y = draw(np.random.default_rng(0), 200)
    model = ConformalQuantileRegressor(frozen(spread=30.0), [0.3, 0.4, 0.6, 0.7]).fit(X, y)
    assert (model.conformity_quantiles_ < 0).all()
    forecast = model.predict_quantiles(X)
    assert (np.diff(forecast, axis=1) >= 0).all()
    point = model.predict(X)
    assert ((forecast[:, 1] <= point) & (point <= forecast[:, 2])).all()


def test_only_calibrated_levels_come_out():
    X, y = line()
    model = ConformalQuantileRegressor(LINEAR, [0.1, 0.25, 0.5, 0.75, 0.9], cv=halves(120))
    model.fit(X, y)
    forecast = model.predict_quantiles(X)
    assert_array_equal(model.predict(X, quantiles="all"), forecast)
    assert_array_equal(model.predict(X, quantiles=[0.25, 0.9]), forecast[:, [1, 4]])
    assert_array_equal(model.predict_interval(X, 0.8), forecast[:, [0, 4]])
    assert_array_equal(model.predict_interval(X, [0.5, 0.8])[:, :, 0], forecast[:, [1, 3]])
    assert_array_equal(model.predict(X), forecast[:, 2])
    with pytest.raises(ValueError, match=r"coverage must be one of the calibrated \[0.5, 0.8\]"):
        model.predict_interval(X, 0.6)
    with pytest.raises(ValueError, match=r"among the calibrated levels .* got \[0.3\]"):
        model.predict_quantiles(X, [0.1, 0.3])
    with pytest.raises(ValueError, match="coverage must lie strictly between 0 and 1"):
        model.predict_interval(X, 1.5)
    one = ConformalQuantileRegressor(LINEAR, [0.8, 0.9], side="one", cv=halves(120)).fit(X, y)
    with pytest.raises(ValueError, match=r"one of the calibrated \[\], got 0.9"):
        one.predict_interval(X)


def test_levels_come_from_the_estimator():
    X, y = line()
    stack = QuantileStackingRegressor([("line", CountedLine())], quantiles=(0.2, 0.5, 0.8), cv=3)
    for estimator in (
        stack,
        make_pipeline(StandardScaler(), stack),
        LevelwiseQuantileRegressor(LINEAR, quantiles=(0.2, 0.5, 0.8)),
        FrozenEstimator(clone(stack).fit(X, y)),
    ):
        model = ConformalQuantileRegressor(estimator, random_state=0).fit(X, y)
        assert_array_equal(model.quantiles_, [0.2, 0.5, 0.8])
    default = ConformalQuantileRegressor(LinearRegression(), random_state=0).fit(X, y)
    assert_allclose(default.quantiles_, np.arange(1, 20) / 20)
    chosen = ConformalQuantileRegressor(stack, [0.1, 0.9], random_state=0).fit(X, y)
    assert_array_equal(chosen.estimator_.quantiles_, [0.1, 0.9])  # none is interpolated


def test_ready_forecasts_are_calibrated():
    rng = np.random.default_rng(0)
    _, y = draw(rng, 200)
    Q = y[:, None] + rng.normal(size=(200, 6))
    model = ConformalQuantileRegressor(
        QuantileAggregator(quantiles=(0.1, 0.5, 0.9)), random_state=0
    )
    low, high = model.fit(Q, y).predict_interval(Q, 0.8).T
    assert ((low <= y) & (y <= high)).mean() > 0.7


def test_other_levels_do_not_rename_the_columns_of_ready_forecasts():
    rng = np.random.default_rng(0)
    _, y = draw(rng, 200)
    Q = y[:, None] + rng.normal(size=(200, 6))
    ready = QuantileAggregator(quantiles=(0.1, 0.5, 0.9))
    model = ConformalQuantileRegressor(ready, [0.3, 0.7], cv=halves(200)).fit(Q, y)
    assert model.estimator_.weights_.shape == (3, 2)  # two models of three levels, not three of two
    plain = clone(ready).fit(Q[:100], y[:100]).predict_quantiles(Q, [0.3, 0.7])
    moved = plain + model.conformity_quantiles_ * np.array([-1, 1])
    assert_allclose(model.predict_quantiles(Q), noncross_minmax(moved, quantiles=[0.3, 0.7]))


def test_quantile_forest():
    forest = pytest.importorskip("quantile_forest", reason="quantile-forest is not installed")
    X, y = line(200)
    base = forest.RandomForestQuantileRegressor(n_estimators=20, random_state=0)
    split = halves(200)
    model = ConformalQuantileRegressor(base, [0.1, 0.5, 0.9], cv=split).fit(X, y)
    fitted = clone(base).fit(X[:100], y[:100])
    ready = ConformalQuantileRegressor(FrozenEstimator(fitted), [0.1, 0.5, 0.9])
    ready.fit(X[100:], y[100:])
    assert ready.estimator_.estimator is fitted
    assert_array_equal(ready.conformity_quantiles_, model.conformity_quantiles_)
    assert_array_equal(ready.predict_quantiles(X), model.predict_quantiles(X))


def test_a_frozen_model_is_calibrated_by_all_rows_and_not_fitted():
    X, y = line()
    fitted = CountedLine().fit(X[:60], y[:60])
    CountedLine.fits = 0
    model = ConformalQuantileRegressor(FrozenEstimator(fitted), [0.1, 0.5, 0.9])
    model.fit(X[60:], y[60:])
    assert CountedLine.fits == 0
    assert model.n_calibration_ == 60
    by_split = ConformalQuantileRegressor(CountedLine(), [0.1, 0.5, 0.9], cv=halves(120)).fit(X, y)
    assert_array_equal(model.conformity_quantiles_, by_split.conformity_quantiles_)


def test_a_frozen_point_regressor_gets_its_residuals_from_the_training_part():
    X, y = line(400)
    point = FrozenEstimator(LinearRegression().fit(X[:200], y[:200]))
    model = ConformalQuantileRegressor(point, [0.1, 0.5, 0.9], random_state=0)
    model.fit(X[200:], y[200:])
    assert model.n_calibration_ == 40
    low, high = model.predict_interval(X, 0.8).T
    assert ((low <= y) & (y <= high)).mean() == pytest.approx(0.8, abs=0.1)


def test_default_split_has_a_fifth_of_the_rows():
    X, y = line()
    model = ConformalQuantileRegressor(CountedLine(), [0.1, 0.9], random_state=5).fit(X, y)
    assert model.n_calibration_ == 24
    given = clone(model).set_params(cv=ShuffleSplit(1, test_size=0.2, random_state=5)).fit(X, y)
    assert_array_equal(model.conformity_quantiles_, given.conformity_quantiles_)


def test_no_rows_are_kept_and_refits_forget():
    X, y = line()
    model = ConformalQuantileRegressor(CountedLine(), [0.1, 0.9], method="cv+", cv=3).fit(X, y)
    with pytest.raises(AttributeError, match="one model for each fold in estimators_"):
        model.estimator_  # noqa: B018
    model.set_params(method="split", cv=halves(120), group_by=lambda X: X[:, 2] > 0).fit(X, y)
    assert set(model.groups_) == {False, True}
    model.set_params(group_by=None).fit(X, y)
    assert model.groups_ is None
    assert model.estimator_ is model.estimators_[0]


def test_weights_go_to_the_fit_and_not_into_the_ranks():
    X, y = line()
    w = np.random.default_rng(0).integers(1, 9, 120).astype(float)
    model = ConformalQuantileRegressor(frozen(), [0.1, 0.9])
    plain = model.fit(X, y).conformity_quantiles_
    assert_array_equal(model.fit(X, y, sample_weight=w).conformity_quantiles_, plain)
    split = ConformalQuantileRegressor(Columns(), [0.1, 0.9], cv=halves(120))
    split.fit(X, y, sample_weight=w)
    assert_array_equal(split.estimator_.weight_, w[:60])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        split.fit(X, y, sample_weight=w[:60])
    # For any regressor that needs an adapter, and inside a Pipeline.
    expected = ConformalQuantileRegressor(LINEAR, [0.1, 0.9], cv=halves(120))
    expected.fit(X, y, sample_weight=w)
    by_hand = clone(LINEAR).set_params(quantile=0.9).fit(X[:60], y[:60], w[:60]).predict(X[60:])
    assert_allclose(
        expected.predict_quantiles(X[60:])[:, 1] - expected.conformity_quantiles_[1], by_hand
    )
    pipeline = make_pipeline("passthrough", Columns())
    inside = clone(split).set_params(estimator=pipeline).fit(X, y, sample_weight=w)
    assert_array_equal(inside.estimator_[-1].weight_, w[:60])


def test_metadata_goes_where_it_is_requested():
    X, y = line()
    w = np.random.default_rng(0).uniform(0.5, 2, 120)
    groups = np.arange(120) // 4
    with config_context(enable_metadata_routing=True):
        splitter = GroupShuffleSplit(1, random_state=0).set_split_request(groups=True)
        train = next(splitter.split(X, y, groups))[0]
        asking = Columns().set_fit_request(sample_weight=True)
        model = ConformalQuantileRegressor(asking, [0.1, 0.9], cv=splitter)
        model.fit(X, y, sample_weight=w, groups=groups)
        assert_array_equal(model.estimator_.weight_, w[train])
        refusing = Columns().set_fit_request(sample_weight=False)
        model = ConformalQuantileRegressor(refusing, [0.1, 0.9], cv=halves(120))
        with pytest.raises(TypeError, match="sample_weight"):
            model.fit(X, y, sample_weight=w)
        adapted = clone(LINEAR).set_fit_request(sample_weight=True)
        routed = ConformalQuantileRegressor(adapted, [0.1, 0.9], cv=halves(120))
        pipeline = make_pipeline(MinMaxScaler(), routed).fit(X, y, sample_weight=w)
        found = pipeline[-1].conformity_quantiles_
    plain = ConformalQuantileRegressor(LINEAR, [0.1, 0.9], cv=halves(120))
    scaled = MinMaxScaler().fit_transform(X)
    assert_array_equal(found, plain.fit(scaled, y, sample_weight=w).conformity_quantiles_)


def test_the_default_model_takes_weights_with_routing():
    from skweight.quantile._conformal import _default

    X, y = line(60)
    with config_context(enable_metadata_routing=True):
        model = ConformalQuantileRegressor(quantiles=[0.2, 0.5, 0.8], random_state=0)
        weighted = model.fit(X, y, sample_weight=np.arange(1.0, 61)).predict_quantiles(X)
        plain = model.fit(X, y).predict_quantiles(X)
    assert type(_default()) is QuantileStackingRegressor
    assert (weighted != plain).any()


def test_grid_search_over_the_base_and_the_method():
    X, y = line(200)
    model = ConformalQuantileRegressor(LINEAR, [0.1, 0.5, 0.9], random_state=0)
    grid = {
        "conformalquantileregressor__estimator__alpha": [0, 10.0],
        "conformalquantileregressor__side": ["two", "one"],
    }
    search = GridSearchCV(make_pipeline(StandardScaler(), model), grid, cv=3, error_score="raise")
    best = search.fit(X, y).best_params_
    assert best["conformalquantileregressor__estimator__alpha"] == 0


def test_float32_targets_are_calibrated_in_double_precision():
    X, y = line()
    single = y.astype(np.float32)
    model = ConformalQuantileRegressor(CountedLine(), [0.1, 0.9], cv=halves(120))
    expected = model.fit(X, single.astype(float)).predict_quantiles(X)
    found = model.fit(X, single).predict_quantiles(X)
    assert found.dtype == np.float64
    assert_array_equal(found, expected)


class Broken(Columns):
    """Forecast NaN."""

    def predict_quantiles(self, X, quantiles):
        return np.where(np.arange(len(X))[:, None] == 1, np.nan, np.zeros(len(quantiles)))


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"quantiles": [0.1, 0.5, 0.8]}, r"1 - level for each .*side='two', got \[0.1, 0.8\]"),
        ({"quantiles": [0.5]}, "a level besides 0.5"),
        ({"quantiles": [0.9, 0.1]}, "quantiles must be strictly increasing"),
        ({"quantiles": [0.0, 1.0]}, "quantiles must lie strictly between 0 and 1"),
        ({"quantiles": []}, "quantiles must be a list of at least one level"),
        ({"quantiles": [0.8, 0.9], "side": "one", "scale": "width"}, r"scale='width' needs"),
        ({"cv": 5}, r"cv must give one split with method='split', got 5"),
        ({"cv": KFold(2)}, r"cv must give one split with method='split', got 2"),
        ({"cv": [(np.arange(80), np.arange(70, 120))]}, "10 rows are on both sides of split 0"),
        ({"cv": [(np.arange(80), np.arange(0))]}, "cv must hold out some rows"),
        ({"estimator": frozen(), "cv": 3}, "cv must be None with a FrozenEstimator, got 3"),
        ({"scale": lambda X: X[:, 0]}, "scale must return positive finite numbers, got -"),
        ({"scale": lambda X: np.ones(3)}, r"scale must return one number for each of the 24 rows"),
        ({"scale": lambda X: ["a"] * len(X)}, "scale must return one number for each row"),
        ({"scale": "height"}, "'scale' parameter"),
        ({"likelihood_ratio": lambda X: np.zeros(len(X))}, "likelihood_ratio must return positive"),
        ({"group_by": 7}, "group_by must be a column of X, .* got 7"),
        ({"group_by": "site"}, "group_by must be a column of X, .* got 'site'"),
        ({"group_by": lambda X: X[:3, 0]}, "group_by must give one label to each of the 24 rows"),
        ({"group_by": lambda X: X}, "24 rows, got 24 entries of several labels"),
        ({"group_by": lambda X: [None] * len(X)}, "group_by must give a label to each row"),
        ({"group_by": lambda X: np.full(len(X), np.nan)}, "missing for 24 rows"),
        ({"estimator": Broken()}, "estimator must forecast finite quantiles, but Broken gave"),
        ({"method": "jackknife"}, "'method' parameter"),
        ({"side": "both"}, "'side' parameter"),
    ],
)
def test_what_cannot_work_is_said(parameters, sentence):
    X, y = line()
    model = ConformalQuantileRegressor(CountedLine(), [0.1, 0.9], random_state=0)
    with pytest.raises(ValueError, match=sentence):
        model.set_params(**parameters).fit(X, y)


def test_groups_may_be_missing_only_never():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    X, y = line(40)
    frame = pandas.DataFrame({"a": X[:, 0], "site": pandas.array(["x"] * 39 + [None])})
    model = ConformalQuantileRegressor(frozen(), [0.1, 0.9], group_by="site")
    with pytest.raises(ValueError, match="missing for 1 rows, the first of them row 39"):
        model.fit(frame, y)
