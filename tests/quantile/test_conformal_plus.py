"""CV+ and nested CV+: against double loops, against each other, and by counting."""

import numpy as np
import pytest
from conformal_toys import Columns, CountedLine, draw, line
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import QuantileRegressor
from sklearn.model_selection import BaseCrossValidator, KFold, TimeSeriesSplit

from skweight.quantile import ConformalQuantileRegressor, QuantileStackingRegressor
from skweight.quantile._conformal_plus import (
    plus_forecast,
    plus_offsets,
    smallest_by_partition,
    smallest_by_selection,
)

LEVELS = np.array([0.05, 0.2, 0.5, 0.8, 0.95])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=7), st.integers(0, 2**32 - 1), st.data())
def test_selection_is_partition(sizes, seed, data):
    rng = np.random.default_rng(seed)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    offsets = np.concatenate([np.sort(rng.normal(size=size).round(1)) for size in sizes])
    shifts = rng.normal(size=(5, len(sizes))).round(1)
    rank = data.draw(st.integers(1, len(offsets)))
    expected = smallest_by_partition(shifts, offsets, starts, rank)
    assert_array_equal(smallest_by_selection(shifts, offsets, starts, rank), expected)


def test_both_algorithms_in_blocks(monkeypatch):
    rng = np.random.default_rng(0)
    starts = np.array([0, 300, 500])
    offsets = np.concatenate([np.sort(rng.normal(size=300)), np.sort(rng.normal(size=200))])
    shifts = rng.normal(size=(70, 2))
    whole = [f(shifts, offsets, starts, 41) for f in (smallest_by_partition, smallest_by_selection)]
    monkeypatch.setattr("skweight.quantile._conformal_plus._BLOCK", 1600)
    parts = [f(shifts, offsets, starts, 41) for f in (smallest_by_partition, smallest_by_selection)]
    for a, b in zip(whole, parts, strict=True):
        assert_array_equal(a, b)
    assert_array_equal(whole[0], whole[1])


def by_double_loop(y_folds, own, new, levels, side):
    """CV+ as it is written down, one row and one calibration row at a time."""
    n = sum(map(len, y_folds))
    out = np.full((new.shape[1], len(levels)), np.nan)
    for i in range(new.shape[1]):
        for j, level in enumerate(levels):
            percent = round(100 * level)
            if percent == 50:
                sizes = [len(y) for y in y_folds]
                out[i, j] = np.average(new[:, i, j], weights=sizes)
                continue
            mirror = [round(100 * each) for each in levels].index(100 - percent)
            values = []
            for k, y in enumerate(y_folds):
                for row, outcome in enumerate(y):
                    lower, upper = sorted([j, mirror])
                    if side == "two":
                        score = max(own[k][row, lower] - outcome, outcome - own[k][row, upper])
                    elif percent < 50:
                        score = own[k][row, j] - outcome
                    else:
                        score = outcome - own[k][row, j]
                    values.append(new[k, i, j] + (score if percent > 50 else -score))
            tail = min(percent, 100 - percent) * (2 if side == "two" else 1)
            rank = tail * (n + 1) // 100
            rank = rank if percent < 50 else n + 1 - rank
            padded = [-np.inf, *sorted(values), np.inf]
            out[i, j] = padded[rank]
    return out


@pytest.mark.parametrize("side", ["two", "one"])
@pytest.mark.parametrize("sizes", [(9, 9, 9), (4, 13, 1, 7), (4, 5), (3, 2), (80, 90)])
@pytest.mark.filterwarnings("ignore:.*calibration rows are too few")
def test_intervals_by_double_loop(sizes, side):
    rng = np.random.default_rng(len(sizes))
    own = [rng.normal(size=(size, 5)) for size in sizes]  # crossing forecasts too
    y_folds = [rng.normal(size=size) for size in sizes]
    new = rng.normal(size=(len(sizes), 11, 5))
    plus = plus_offsets(y_folds, own, LEVELS, side)
    expected = by_double_loop(y_folds, own, new, LEVELS, side)
    assert_allclose(plus_forecast(new, plus), expected, rtol=1e-14, atol=1e-15)


def test_too_few_rows_make_both_ends_infinite_and_warn():
    rng = np.random.default_rng(0)
    X, y = draw(rng, 8)
    levels = [0.05, 0.2, 0.5, 0.8, 0.95]
    model = ConformalQuantileRegressor(Columns(), levels, method="cv+", cv=4)
    with pytest.warns(UserWarning, match=r"8 calibration rows .*\[0.05, 0.95\].* 9 rows"):
        model.fit(X, y)
    forecast = model.predict_quantiles(X)
    assert_array_equal(np.isinf(forecast), [[True, False, False, False, True]] * 8)
    assert np.isfinite(model.predict(X)).all()
    assert model.score(X, y) == -np.inf


def test_point_forecast_is_the_mean_weighted_by_fold_sizes():
    X, y = line(50)
    splits = [(np.arange(20, 50), np.arange(20)), (np.arange(20), np.arange(20, 50))]
    model = ConformalQuantileRegressor(CountedLine(), [0.2, 0.5, 0.8], method="cv+", cv=splits)
    model.fit(X, y)
    one, other = (e.predict_quantiles(X, [0.5])[:, 0] for e in model.estimators_)
    assert_allclose(model.predict(X), 0.4 * one + 0.6 * other, rtol=1e-13)
    assert_array_equal(model.predict(X), model.predict_quantiles(X, [0.5])[:, 0])


def test_coverage_is_above_the_bound():
    rng = np.random.default_rng(0)
    n, folds, alpha, held = 40, 4, 0.2, []
    for _ in range(250):
        X, y = line(n + 200, seed=rng.integers(2**32))
        model = ConformalQuantileRegressor(CountedLine(), [0.1, 0.5, 0.9], method="cv+", cv=folds)
        low, high = model.fit(X[:n], y[:n]).predict_interval(X[n:], 0.8).T
        held.append(((low <= y[n:]) & (y[n:] <= high)).mean())
    loss = min(2 * (1 - 1 / folds) / (n / folds + 1), (1 - folds / n) / (folds + 1))
    assert np.mean(held) > 1 - 2 * alpha - loss
    assert np.mean(held) == pytest.approx(1 - alpha, abs=0.03)  # what it is in practice


def test_rows_in_blocks_give_the_same(monkeypatch):
    X, y = line(60)
    model = ConformalQuantileRegressor(CountedLine(), [0.1, 0.5, 0.9], method="cv+", cv=3)
    expected = model.fit(X, y).predict_quantiles(X)
    monkeypatch.setattr("skweight.quantile._conformal_prediction._BLOCK", 7)
    assert_allclose(model.predict_quantiles(X), expected, rtol=1e-13)


def test_rows_that_no_fold_holds_out_only_fit():
    X, y = line(60)
    model = ConformalQuantileRegressor(
        CountedLine(), [0.2, 0.5, 0.8], method="cv+", cv=TimeSeriesSplit(3, test_size=10)
    ).fit(X, y)
    assert model.n_calibration_ == 30
    assert len(model.estimators_) == 3


def test_default_folds_are_shuffled_with_the_seed():
    X, y = line(60)
    model = ConformalQuantileRegressor(CountedLine(), [0.2, 0.8], method="cv+", random_state=3)
    folds = KFold(5, shuffle=True, random_state=3)
    given = clone(model).set_params(cv=folds)
    assert_array_equal(model.fit(X, y).predict_quantiles(X), given.fit(X, y).predict_quantiles(X))
    assert model.n_calibration_ == 60


class ByColumn(BaseCrossValidator):
    """Hold out each value of the last column: the same folds from whatever rows come in."""

    def split(self, X, y=None, groups=None):
        for fold in np.unique(X[:, -1]):
            yield np.flatnonzero(X[:, -1] != fold), np.flatnonzero(X[:, -1] == fold)

    def get_n_splits(self, X=None, y=None, groups=None):
        return len(np.unique(X[:, -1]))


def stack(**more):
    bases = [("line", CountedLine()), ("origin", CountedLine(fit_intercept=False))]
    return QuantileStackingRegressor(bases, quantiles=(0.1, 0.5, 0.9), **more)


@pytest.mark.parametrize("side", ["two", "one"])
def test_nested_is_plain_around_stacks_of_the_other_folds(side):
    X, y = line(100)
    X[:, -1] = np.random.default_rng(1).permutation(100) % 5
    plain = ConformalQuantileRegressor(stack(cv=ByColumn()), method="cv+", side=side, cv=ByColumn())
    nested = ConformalQuantileRegressor(stack(), method="nested-cv+", side=side, cv=ByColumn())
    CountedLine.fits = 0
    expected = plain.fit(X, y).predict_quantiles(X)
    assert CountedLine.fits == 2 * 25
    CountedLine.fits = 0
    found = nested.fit(X, y).predict_quantiles(X)
    assert CountedLine.fits == 2 * 15
    assert_array_equal(found, expected)
    for a, b in zip(nested.estimators_, plain.estimators_, strict=True):
        assert type(a) is QuantileStackingRegressor
        assert_array_equal(a.weights_, b.weights_)
    assert_array_equal(nested.predict(X), plain.predict(X))


def test_nested_passes_weights_on():
    X, y = line(80)
    X[:, -1] = np.arange(80) % 4
    w = np.random.default_rng(0).uniform(0.1, 3, 80)
    models = [
        ConformalQuantileRegressor(stack(cv=ByColumn()), method="cv+", cv=ByColumn()),
        ConformalQuantileRegressor(stack(), method="nested-cv+", cv=ByColumn()),
    ]
    plain, nested = (m.fit(X, y, sample_weight=w).predict_quantiles(X) for m in models)
    assert_array_equal(nested, plain)
    assert (nested != models[1].fit(X, y).predict_quantiles(X)).any()


def test_nested_in_workers_is_the_same():
    X, y = line(60)
    bases = [("a", QuantileRegressor(alpha=0)), ("b", QuantileRegressor(alpha=0.1))]
    model = ConformalQuantileRegressor(
        QuantileStackingRegressor(bases, quantiles=(0.2, 0.5, 0.8)), method="nested-cv+", cv=3
    )
    alone = model.fit(X, y).predict_quantiles(X)
    assert_array_equal(clone(model).set_params(n_jobs=2).fit(X, y).predict_quantiles(X), alone)


def test_what_cannot_be_folded_is_said():
    X, y = line(40)
    plus = ConformalQuantileRegressor(CountedLine(), [0.2, 0.8], method="cv+")
    one = [(np.arange(20), np.arange(20, 40))]
    with pytest.raises(ValueError, match="at least two folds"):
        clone(plus).set_params(cv=one).fit(X, y)
    twice = [(np.arange(20), np.arange(20, 40)), (np.arange(15), np.arange(15, 40))]
    with pytest.raises(ValueError, match="every row at most once"):
        clone(plus).set_params(cv=twice).fit(X, y)
    seen = [(np.arange(40), np.arange(20, 40)), (np.arange(15), np.arange(15, 20))]
    with pytest.raises(ValueError, match="cv must keep rows that calibrate out of the fit"):
        clone(plus).set_params(cv=seen).fit(X, y)
    frozen = FrozenEstimator(CountedLine().fit(X, y))
    with pytest.raises(ValueError, match=r"method must be 'split' with a FrozenEstimator"):
        clone(plus).set_params(estimator=frozen).fit(X, y)
    for name, value in {"scale": "width", "group_by": 0, "likelihood_ratio": len}.items():
        with pytest.raises(ValueError, match=f"{name} must be None with method='cv\\+'"):
            clone(plus).set_params(**{name: value}).fit(X, y)
    nested = clone(plus).set_params(method="nested-cv+")
    with pytest.raises(ValueError, match=r"must be a QuantileStackingRegressor .* CountedLine"):
        nested.fit(X, y)
    nested.set_params(estimator=stack(), quantiles=None)
    with pytest.raises(ValueError, match="at least three folds"):
        clone(nested).set_params(cv=2).fit(X, y)
    with pytest.raises(ValueError, match="divide all rows into folds"):
        clone(nested).set_params(cv=TimeSeriesSplit(3)).fit(X, y)
