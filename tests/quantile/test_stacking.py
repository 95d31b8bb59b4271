"""Stacking: weights from rows that the base models did not see, whatever the base models are."""

import warnings

import numpy as np
import pytest
from scipy.optimize import linprog
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.datasets import load_diabetes
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, QuantileRegressor
from sklearn.model_selection import KFold, TimeSeriesSplit
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr

from skweight.metrics import weighted_interval_score
from skweight.quantile import QuantileStackingRegressor

LEVELS = (0.1, 0.5, 0.9)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = X[:, 0] + np.abs(X[:, 1]) + (0.3 + (X[:, 2] > 0)) * rng.normal(size=200)
    return X, y


def bases():
    return [
        ("linear", QuantileRegressor(alpha=0.0)),
        ("forest", RandomForestRegressor(20, min_samples_leaf=5, random_state=0)),
    ]


class Memory(RegressorMixin, BaseEstimator):
    """Know the outcomes of the rows it was fitted to, and nothing else."""

    def fit(self, X, y):
        self.known_ = dict(zip(np.asarray(X)[:, 0].tolist(), y.tolist(), strict=True))
        self.n_features_in_ = np.shape(X)[1]
        return self

    def predict_quantiles(self, X, quantiles):
        value = [self.known_.get(key, 1e6) for key in np.asarray(X)[:, 0].tolist()]
        return np.column_stack([value] * len(quantiles))


def test_weights_see_only_rows_that_the_bases_did_not(data):
    X, y = data
    estimators = [("memory", Memory()), ("linear", QuantileRegressor(alpha=0.0))]
    model = QuantileStackingRegressor(estimators, LEVELS, store_oof=True).fit(X, y)
    np.testing.assert_array_equal(model.oof_quantiles_[:, 0], 1e6)
    np.testing.assert_allclose(model.weights_, [[0, 1]] * 3, atol=1e-6)
    # The model that predicts knows every row.
    memory = model.named_estimators_["memory"]
    np.testing.assert_array_equal(memory.predict_quantiles(X, [0.5])[:, 0], y)


def test_out_of_fold_quantiles_by_hand(data):
    X, y = data
    linear = QuantileRegressor(alpha=0.0)
    model = QuantileStackingRegressor([("linear", linear)], LEVELS, cv=4, store_oof=True).fit(X, y)
    for train, test in KFold(4).split(X):
        for k, tau in enumerate(LEVELS):
            expected = (
                clone(linear).set_params(quantile=tau).fit(X[train], y[train]).predict(X[test])
            )
            np.testing.assert_allclose(model.oof_quantiles_[test, 0, k], expected)
    shuffled = clone(model).set_params(random_state=3).fit(X, y)
    split = next(KFold(4, shuffle=True, random_state=3).split(X))
    expected = clone(linear).set_params(quantile=0.5).fit(X[split[0]], y[split[0]])
    found = shuffled.oof_quantiles_[split[1], 0, 1]
    np.testing.assert_allclose(found, expected.predict(X[split[1]]))


def best_objective(Q, y, levels):
    """Solve the linear programme of medium simplex weights level by level."""
    n, p, m = Q.shape
    total = 0.0
    for k, tau in enumerate(levels):
        cost = np.concatenate([np.zeros(p), np.full(n, tau), np.full(n, 1 - tau)])
        A = np.block([[Q[:, :, k], np.eye(n), -np.eye(n)], [np.ones(p), np.zeros(2 * n)]])
        total += linprog(cost, A_eq=A, b_eq=[*y, 1.0], method="highs").fun
    return 2 * total / (n * m)


def test_objective_is_the_optimum_and_the_score_of_the_out_of_fold_rows(data):
    X, y = data
    model = QuantileStackingRegressor(bases(), LEVELS, store_oof=True).fit(X, y)
    Q = model.oof_quantiles_
    ensemble = np.einsum("ijk,kj->ik", Q, model.weights_)
    score = weighted_interval_score(y, ensemble, quantiles=LEVELS)
    np.testing.assert_allclose(model.objective_, score, rtol=1e-12)
    np.testing.assert_allclose(model.objective_, best_objective(Q, y, LEVELS), rtol=1e-7)
    assert 0 <= model.dual_gap_ <= 1e-7 * model.objective_
    crossed = (np.diff(ensemble, axis=1) < -1e-9 * np.ptp(y)).any(axis=1)
    assert model.crossing_rate_ == pytest.approx(crossed.mean())
    crossed = (np.diff(Q, axis=2) < -1e-9 * np.ptp(y)).any(axis=2)
    np.testing.assert_allclose(model.base_crossing_rate_, crossed.mean(axis=0))


def test_prediction_combines_the_bases_fitted_to_all_rows(data):
    X, y = data
    rows = np.random.default_rng(1).normal(size=(50, 3))
    for weighting, shape in (("coarse", (2,)), ("medium", (3, 2)), ("fine", (3, 2, 3))):
        model = QuantileStackingRegressor(bases(), LEVELS, weighting=weighting, noncrossing=None)
        model.set_params(fit_intercept=True).fit(X, y)
        assert model.weights_.shape == shape
        linear = [QuantileRegressor(alpha=0.0, quantile=t).fit(X, y).predict(rows) for t in LEVELS]
        forest = model.named_estimators_.forest.predict_quantiles(rows, LEVELS)
        Q = np.stack([np.column_stack(linear), forest], axis=1)
        subscripts = {"coarse": "ijk,j->ik", "medium": "ijk,kj->ik", "fine": "ijl,kjl->ik"}
        expected = np.einsum(subscripts[weighting], Q, model.weights_) + model.intercept_
        np.testing.assert_allclose(model.predict_quantiles(rows), expected)


def test_one_base_has_weight_one(data):
    X, y = data
    for weighting in ("coarse", "medium"):
        model = QuantileStackingRegressor(bases()[:1], LEVELS, weighting=weighting).fit(X, y)
        np.testing.assert_allclose(model.weights_, 1.0)
        alone = QuantileRegressor(alpha=0.0, quantile=0.5).fit(X, y).predict(X)
        np.testing.assert_allclose(model.predict(X), np.sort(model.predict_quantiles(X))[:, 1])
        assert np.abs(model.predict(X) - alone).max() < np.ptp(y)


def test_a_dropped_base_is_as_if_it_were_not_there(data):
    X, y = data
    model = QuantileStackingRegressor(bases(), LEVELS).set_params(forest="drop").fit(X, y)
    alone = QuantileStackingRegressor(bases()[:1], LEVELS).fit(X, y)
    np.testing.assert_array_equal(model.predict_quantiles(X), alone.predict_quantiles(X))
    assert model.named_estimators_["forest"] == "drop"
    assert len(model.estimators_) == 1


def test_named_parameters():
    model = QuantileStackingRegressor(bases())
    model.set_params(linear__alpha=0.25, forest__n_estimators=7)
    assert model.get_params()["linear__alpha"] == 0.25
    assert dict(model.estimators)["forest"].n_estimators == 7
    assert clone(model).get_params()["forest__n_estimators"] == 7
    html = estimator_html_repr(model)
    assert "linear" in html
    assert "RandomForestRegressor" in html


def test_integer_weights_are_repeated_rows(data):
    X, y = data
    X, y = X[:120], y[:120]
    weight = np.random.default_rng(1).integers(0, 4, size=len(y)).astype(float)
    rows = np.repeat(np.arange(len(y)), weight.astype(int))

    def splits(of):
        return [(np.flatnonzero(of % 3 != k), np.flatnonzero(of % 3 == k)) for k in range(3)]

    pair = [("linear", QuantileRegressor(alpha=0.0)), ("shrunk", QuantileRegressor(alpha=0.1))]
    for weighting in ("coarse", "medium"):
        model = QuantileStackingRegressor(pair, LEVELS, weighting=weighting)
        weighted = clone(model).set_params(cv=splits(np.arange(len(y))))
        weighted.fit(X, y, sample_weight=weight)
        repeated = clone(model).set_params(cv=splits(rows)).fit(X[rows], y[rows])
        np.testing.assert_allclose(weighted.objective_, repeated.objective_, rtol=1e-9)
        np.testing.assert_allclose(weighted.weights_, repeated.weights_, atol=1e-6)
        assert weighted.crossing_rate_ == pytest.approx(repeated.crossing_rate_)


def test_bases_that_take_no_weights_are_named_in_one_warning(data):
    X, y = data
    estimators = [
        *bases(),
        ("near", KNeighborsRegressor()),
        ("scaled", make_pipeline(StandardScaler(), KNeighborsRegressor())),
        ("pipe", make_pipeline(StandardScaler(), QuantileRegressor(alpha=0.0))),
    ]
    model = QuantileStackingRegressor(estimators, LEVELS)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y, sample_weight=np.arange(len(y)) % 3)
    messages = [str(w.message) for w in caught if "sample_weight" in str(w.message)]
    assert len(messages) == 1
    assert messages[0].startswith("near, scaled: ")
    # The one inside a Pipeline got them.
    linear, pipe = (
        model.named_estimators_[name].predict_quantiles(X) for name in ("linear", "pipe")
    )
    np.testing.assert_allclose(linear, pipe, atol=1e-6)


def test_crossing_bases_are_sorted_only_if_asked(data):
    X, y = data

    class Falling(Memory):
        def predict_quantiles(self, X, quantiles):
            return np.tile(np.linspace(2, -1, len(quantiles)), (len(X), 1))

    one = [("falling", Falling())]
    plain = QuantileStackingRegressor(one, LEVELS, noncrossing=None, store_oof=True).fit(X, y)
    assert plain.crossing_rate_ == 1
    assert plain.base_crossing_rate_ == [1.0]
    np.testing.assert_allclose(plain.predict_quantiles(X[:1]), [[2, 0.5, -1]])
    ordered = clone(plain).set_params(sort_base=True).fit(X, y)
    np.testing.assert_allclose(ordered.predict_quantiles(X[:1]), [[-1, 0.5, 2]])
    assert ordered.crossing_rate_ == 0
    assert ordered.base_crossing_rate_ == [1.0]  # of the models as they are
    np.testing.assert_array_equal(ordered.oof_quantiles_, plain.oof_quantiles_)
    with pytest.raises(ValueError, match="sort_base") as error:
        clone(plain).set_params(noncrossing="constrain").fit(X, y)
    assert "fine" in str(error.value)
    assert "none" in str(error.value)


@pytest.mark.parametrize("how", ["sort", "isotonic", "minmax", "constrain"])
def test_predictions_are_ordered(how, data):
    X, y = data
    levels = np.linspace(0.05, 0.95, 10)
    model = QuantileStackingRegressor(bases(), levels, noncrossing=how, sort_base=True).fit(X, y)
    rows = 3 * np.random.default_rng(1).normal(size=(500, 3))
    assert (np.diff(model.predict_quantiles(rows), axis=1) >= 0).all()
    if how == "constrain":
        assert model.crossing_rate_ == 0


def test_frozen_bases_predict_every_row_and_are_not_fitted(data):
    X, y = data

    class Counted(QuantileRegressor):
        fits = 0

        def fit(self, X, y, sample_weight=None):
            type(self).fits += 1
            return super().fit(X, y, sample_weight)

    old = np.random.default_rng(1).normal(size=(100, 3))
    memory = Memory().fit(X, y)
    frozen = FrozenEstimator(memory)
    model = QuantileStackingRegressor(
        [("frozen", frozen), ("linear", QuantileRegressor(alpha=0.0))], LEVELS, store_oof=True
    ).fit(X, y)
    np.testing.assert_array_equal(model.oof_quantiles_[:, 0, 1], y)
    np.testing.assert_allclose(model.weights_, [[1, 0]] * 3, atol=1e-6)
    Counted.fits = 0
    fitted = QuantileStackingRegressor([("counted", Counted(alpha=0.0))], LEVELS, cv=2)
    fitted.fit(old, old[:, 0])
    assert Counted.fits == 3 * 3  # two folds and all rows, three levels
    alone = QuantileStackingRegressor([("frozen", FrozenEstimator(fitted))], LEVELS, cv=2)
    alone.fit(X, y, sample_weight=np.ones(len(y)))
    assert Counted.fits == 3 * 3
    np.testing.assert_array_equal(alone.predict_quantiles(X), fitted.predict_quantiles(X))


def test_rows_that_no_fold_holds_out_do_not_enter_the_weights(data):
    X, y = data
    cv = TimeSeriesSplit(3)
    first = next(iter(cv.split(X)))[1][0]
    model = QuantileStackingRegressor(bases(), LEVELS, cv=cv, store_oof=True).fit(X, y)
    assert np.isnan(model.oof_quantiles_[:first]).all()
    assert np.isfinite(model.oof_quantiles_[first:]).all()
    held_out = np.einsum("ijk,kj->ik", model.oof_quantiles_[first:], model.weights_)
    score = weighted_interval_score(y[first:], held_out, quantiles=LEVELS)
    np.testing.assert_allclose(model.objective_, score)


def test_every_way_of_cv_that_leaves_the_weights_without_rows(data):
    X, y = data
    rows = np.arange(len(y))
    twice = [(rows[50:], rows[:50]), (rows[:50], rows[40:])]
    with pytest.raises(ValueError, match="cv must hold out every row at most once"):
        QuantileStackingRegressor(bases(), LEVELS, cv=twice).fit(X, y)
    with pytest.raises(ValueError, match="cv must hold out some rows"):
        QuantileStackingRegressor(bases(), LEVELS, cv=[(rows, rows[:0])]).fit(X, y)
    weight = np.where(rows < 50, 0.0, 1.0)
    with pytest.raises(ValueError, match="sample_weight must give some row that cv holds out"):
        QuantileStackingRegressor(bases(), LEVELS, cv=[(rows[50:], rows[:50])]).fit(X, y, weight)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"quantiles": []}, "at least one level"),
        ({"quantiles": [0.5, 0.1]}, "strictly increasing"),
        ({"quantiles": [0.5, 0.5]}, "strictly increasing"),
        ({"quantiles": [0.0, 0.5]}, "strictly between 0 and 1"),
        ({"estimators": []}, "estimators must be None or a list of pairs"),
        ({"estimators": ["linear"]}, "estimators must be None or a list of pairs"),
        ({"estimators": [("a", "drop")]}, "all of them are dropped"),
        ({"estimators": [("a", QuantileRegressor)]}, "'a' must be a regressor or 'drop'"),
        ({"estimators": [("a", StandardScaler())]}, "'a' must be a regressor or 'drop'"),
        ({"estimators": [("a__b", QuantileRegressor())]}, "must not contain __"),
        ({"estimators": [("cv", QuantileRegressor())]}, "conflict with constructor"),
        ({"estimators": [("a", QuantileRegressor())] * 2}, "not unique"),
        ({"level_groups": [0, 0]}, "level_groups"),
        ({"level_groups": [0, 0, 1], "weighting": "coarse"}, "level_groups"),
    ],
)
def test_bad_parameters(parameters, words, data):
    model = QuantileStackingRegressor(**{"estimators": bases(), "quantiles": LEVELS, **parameters})
    with pytest.raises(ValueError, match=words):
        model.fit(*data)


def test_a_classifier_is_no_base(data):
    from sklearn.linear_model import LogisticRegression

    with pytest.raises(ValueError, match="'a' must be a regressor"):
        QuantileStackingRegressor([("a", LogisticRegression())]).fit(*data)


def test_a_base_that_predicts_nan_is_named(data):
    class Broken(Memory):
        def predict_quantiles(self, X, quantiles):
            return np.full((len(X), len(quantiles)), np.nan)

    with pytest.raises(ValueError, match="'broken' predicts NaN"):
        QuantileStackingRegressor([("broken", Broken())], LEVELS).fit(*data)


def test_levels_asked_for(data):
    X, y = data
    model = QuantileStackingRegressor(bases(), (0.05, 0.5, 0.95)).fit(X, y)
    np.testing.assert_array_equal(
        model.predict_interval(X, coverage=0.9), model.predict_quantiles(X)[:, [0, 2]]
    )
    with pytest.raises(ValueError, match="nothing is extrapolated"):
        model.predict_interval(X, coverage=0.95)
    assert model.predict_interval(X, coverage=[0.5, 0.8]).shape == (len(y), 2, 2)


def test_a_single_level(data):
    X, y = data
    for level in (0.5, 0.8):
        model = QuantileStackingRegressor(bases(), [level]).fit(X, y)
        np.testing.assert_array_equal(model.predict(X), model.predict_quantiles(X)[:, 0])
        assert model.crossing_rate_ == 0


def test_too_few_iterations_are_said(data):
    with pytest.warns(ConvergenceWarning, match="Raise max_iter"):
        QuantileStackingRegressor(bases(), LEVELS, max_iter=1).fit(*data)


def test_same_weights_from_highs(data):
    X, y = data
    model = QuantileStackingRegressor(bases(), LEVELS).fit(X, y)
    other = clone(model).set_params(solver="highs").fit(X, y)
    np.testing.assert_allclose(model.objective_, other.objective_, rtol=1e-7)


def test_degenerate_outcomes():
    X = np.random.default_rng(0).normal(size=(40, 2))
    pair = [("one", QuantileRegressor(alpha=0.0)), ("same", QuantileRegressor(alpha=0.0))]
    constant = QuantileStackingRegressor(pair, LEVELS).fit(X, np.full(40, 3.0))
    np.testing.assert_allclose(constant.predict_quantiles(X), 3.0)
    twin = QuantileStackingRegressor(pair, LEVELS).fit(X, X[:, 0] + np.sin(9 * X[:, 1]))
    alone = QuantileStackingRegressor(pair[:1], LEVELS).fit(X, X[:, 0] + np.sin(9 * X[:, 1]))
    np.testing.assert_allclose(twin.objective_, alone.objective_, rtol=1e-7)


def test_a_true_model_takes_all_the_weight():
    from scipy.stats import norm

    class Truth(Memory):
        def predict_quantiles(self, X, quantiles):
            return norm.ppf(quantiles, X[:, :1], np.exp(X[:, 1:2] / 2))

    rng = np.random.default_rng(0)
    X = rng.normal(size=(5000, 2))
    y = X[:, 0] + np.exp(X[:, 1] / 2) * rng.normal(size=5000)
    pair = [("point", LinearRegression()), ("truth", Truth())]
    model = QuantileStackingRegressor(pair, LEVELS, weighting="coarse").fit(X, y)
    assert model.weights_[1] > 0.95


def test_the_default_library_predicts_well_and_the_same_for_a_seed():
    X, y = load_diabetes(return_X_y=True)
    train, test = next(KFold(2, shuffle=True, random_state=0).split(X))
    small = QuantileStackingRegressor(quantiles=LEVELS, cv=3, random_state=0)
    model = clone(small).fit(X[train], y[train])
    assert model.score(X[test], y[test]) > 0.2
    inside = model.predict_interval(X[test], coverage=0.8)
    covered = ((inside[:, 0] <= y[test]) & (y[test] <= inside[:, 1])).mean()
    assert 0.65 < covered < 0.92
    again = clone(small).fit(X[train], y[train])
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_reach_the_bases_as_they_are(library, data):
    from sklearn.compose import make_column_transformer

    frames = pytest.importorskip(library, reason=f"{library} is not installed")
    X, y = data
    frame = frames.DataFrame({name: X[:, j] for j, name in enumerate("abc")})
    first = make_pipeline(
        make_column_transformer((StandardScaler(), ["a", "b"])), QuantileRegressor(alpha=0.0)
    )
    model = QuantileStackingRegressor([("some", first), *bases()], LEVELS).fit(frame, y)
    assert list(model.feature_names_in_) == ["a", "b", "c"]
    plain = QuantileStackingRegressor(bases(), LEVELS).fit(X, y)
    forest = model.named_estimators_.forest.predict_quantiles(frame, LEVELS)
    np.testing.assert_array_equal(
        forest, plain.named_estimators_.forest.predict_quantiles(X, LEVELS)
    )


def test_the_default_linear_model_is_linear_quantile_regression(data):
    from skweight.quantile._stacking_linear import LinearQuantiles

    X, y = data
    wide = np.column_stack([1e6 * X[:, 0], X[:, 1:], np.ones(len(y)), X[:, 1] + X[:, 2]])
    weight = np.random.default_rng(1).uniform(0.1, 2, size=len(y))
    model = LinearQuantiles(LEVELS).fit(wide, y, sample_weight=weight)
    for k, tau in enumerate(LEVELS):
        exact = QuantileRegressor(alpha=0.0, quantile=tau).fit(X, y, weight).predict(X)
        np.testing.assert_allclose(model.predict_quantiles(wide)[:, k], exact, atol=1e-5)
    constant = LinearQuantiles(LEVELS).fit(np.ones((101, 2)), np.arange(101.0))
    np.testing.assert_allclose(constant.predict_quantiles([[1, 1]]), [[10, 50, 90]], atol=1e-3)
