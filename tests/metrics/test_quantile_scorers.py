"""Scorers of quantiles: found through wrappers, model selection, metadata routing."""

import pickle
import warnings

import numpy as np
import pytest
import sklearn
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.metrics import check_scoring
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skweight.datasets import make_heteroscedastic
from skweight.metrics import (
    interval_coverage,
    interval_score,
    interval_width,
    mean_quantile_loss,
    neg_weighted_interval_score_scorer,
    quantile_calibration_error,
    quantile_scorer,
    weighted_interval_score,
)
from skweight.metrics._quantile_losses import weighted_quantile

LEVELS = [0.1, 0.5, 0.9]
SCALES_WEIGHTS = tuple(int(part) for part in sklearn.__version__.split(".")[:2]) >= (1, 8)


class Shifted(RegressorMixin, BaseEstimator):
    """Ridge plus quantiles of its residuals, linear between the fitted levels."""

    def __init__(self, alpha=1.0, quantiles=(0.05, 0.1, 0.5, 0.9, 0.95)):
        self.alpha = alpha
        self.quantiles = quantiles

    def fit(self, X, y, sample_weight=None):
        self.model_ = Ridge(alpha=self.alpha).fit(X, y, sample_weight)
        weights = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight)
        self.quantiles_ = np.array(self.quantiles)
        self.shifts_ = weighted_quantile(y - self.model_.predict(X), weights, self.quantiles_)
        return self

    def predict(self, X):
        return self.model_.predict(X)

    def predict_quantiles(self, X, quantiles=None):
        wanted = self.quantiles_ if quantiles is None else quantiles
        shifts = np.interp(wanted, self.quantiles_, self.shifts_)
        return self.predict(X)[:, None] + shifts

    def predict_interval(self, X, coverage=0.9):
        return self.predict_quantiles(X, [(1 - coverage) / 2, (1 + coverage) / 2])


class Forest(RegressorMixin, BaseEstimator):
    """Speaks as the package quantile-forest does: one level comes back 1-D."""

    def fit(self, X, y):
        self.inner_ = Shifted().fit(X, y)
        return self

    def predict(self, X, quantiles=None):
        if quantiles is None:
            return self.inner_.predict(X)
        found = self.inner_.predict_quantiles(X, quantiles)
        return found[:, 0] if found.shape[1] == 1 else found


@pytest.fixture(scope="module")
def data():
    X, y, _ = make_heteroscedastic(240, 3, random_state=0)
    return X * [1, 10, 100], y, np.random.RandomState(0).randint(1, 4, size=240)


def wrapped(name):
    """Return an unfitted wrapper of Shifted."""
    base, grid = Shifted(), {"alpha": [1.0, 100.0]}
    deep = {"pipeline__shifted__alpha": [1.0, 100.0]}
    return {
        "bare": base,
        "pipeline": make_pipeline(StandardScaler(), base),
        "pipeline of one step": make_pipeline(base),
        "pipeline in pipeline": make_pipeline(
            FunctionTransformer(np.cbrt), make_pipeline(StandardScaler(), base)
        ),
        "passthrough": make_pipeline("passthrough", StandardScaler(), base),
        "search": GridSearchCV(base, grid, cv=3),
        "search of pipelines": GridSearchCV(
            make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), base)), deep, cv=3
        ),
        "pipeline of search": make_pipeline(StandardScaler(), GridSearchCV(base, grid, cv=3)),
    }[name]


def rows_of_quantiles(estimator, X, quantiles=None):
    """Walk down to the quantiles by hand, with `predict` of each wrapper as the witness."""
    point = estimator.predict(X)
    while not isinstance(estimator, Shifted):
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        else:
            estimator = estimator.steps[-1][1]
    wanted = estimator.quantiles_ if quantiles is None else quantiles
    return point[:, None] + np.interp(wanted, estimator.quantiles_, estimator.shifts_), wanted


@pytest.mark.parametrize("name", [
    "bare", "pipeline", "pipeline of one step", "pipeline in pipeline", "passthrough", "search",
    "search of pipelines", "pipeline of search",
])  # fmt: skip
@pytest.mark.parametrize("frozen", [False, True])
def test_quantiles_are_found(data, name, frozen):
    X, y, weights = data
    estimator = wrapped(name).fit(X, y)
    forecast, levels = rows_of_quantiles(estimator, X)
    scored = FrozenEstimator(estimator) if frozen else estimator
    for given in (None, weights):
        expected = -weighted_interval_score(y, forecast, quantiles=levels, sample_weight=given)
        ours = neg_weighted_interval_score_scorer(scored, X, y, sample_weight=given)
        assert ours == pytest.approx(expected, rel=1e-12)
    forecast, levels = rows_of_quantiles(estimator, X, LEVELS)
    scorer = quantile_scorer(weighted_interval_score, quantiles=LEVELS, level_weights=[1, 0, 1])
    expected = -weighted_interval_score(y, forecast, quantiles=LEVELS, level_weights=[1, 0, 1])
    assert scorer(scored, X, y) == pytest.approx(expected, rel=1e-12)


def test_intervals(data):
    X, y, weights = data
    pipeline = wrapped("pipeline").fit(X, y)
    ends, _ = rows_of_quantiles(pipeline, X, [0.1, 0.9])
    options = {"sample_weight": weights}
    score = quantile_scorer(interval_score, coverage=0.8)(pipeline, X, y, **options)
    assert score == pytest.approx(-interval_score(y, ends, coverage=0.8, **options), rel=1e-12)
    share = quantile_scorer(interval_coverage, coverage=0.8, greater_is_better=True)
    assert share(pipeline, X, y, **options) == interval_coverage(y, ends, **options)
    width = quantile_scorer(interval_width, coverage=0.8)(pipeline, X, y, **options)
    assert width == pytest.approx(-interval_width(ends, **options), rel=1e-12)
    search = GridSearchCV(
        pipeline, {"shifted__alpha": [0.1, 10.0]}, cv=3, refit="score",
        scoring={"score": quantile_scorer(interval_score, coverage=0.8), "share": share},
    ).fit(X, y)  # fmt: skip
    assert (search.cv_results_["mean_test_score"] < 0).all()
    assert (search.cv_results_["mean_test_share"] > 0.5).all()


def test_predict_that_knows_quantiles(data):
    X, y, _ = data
    forest = make_pipeline(StandardScaler(), Forest()).fit(X, y)
    for levels in (LEVELS, [0.5]):
        forecast = forest.predict(X, quantiles=levels).reshape(len(X), -1)
        expected = -mean_quantile_loss(y, forecast, quantiles=levels)
        ours = quantile_scorer(mean_quantile_loss, quantiles=levels)(forest, X, y)
        assert ours == pytest.approx(expected, rel=1e-12)
    with pytest.raises(ValueError, match="quantiles=None, but Forest does not say its levels"):
        neg_weighted_interval_score_scorer(forest, X, y)
    with pytest.raises(TypeError, match="Forest has no predict_interval"):
        quantile_scorer(interval_score, coverage=0.8)(forest, X, y)


def test_quantile_forest(data):
    quantile_forest = pytest.importorskip("quantile_forest", reason="the package is not installed")
    X, y, _ = data
    forest = quantile_forest.RandomForestQuantileRegressor(n_estimators=10, random_state=0)
    scorer = quantile_scorer(weighted_interval_score, quantiles=LEVELS)
    scores = cross_val_score(make_pipeline(StandardScaler(), forest), X, y, cv=3, scoring=scorer)
    assert (scores < 0).all()
    fitted = forest.fit(X, y)
    expected = -weighted_interval_score(y, fitted.predict(X, quantiles=LEVELS), quantiles=LEVELS)
    assert scorer(fitted, X, y) == pytest.approx(expected, rel=1e-12)


def by_hand(X, y, weights):
    """Return the scores of three folds, fitted with the weights, unscaled features."""
    scores = {"weighted": [], "unweighted": []}
    for train, test in KFold(3).split(X, y):
        pipeline = make_pipeline(StandardScaler(), Shifted())
        pipeline.fit(X[train], y[train], shifted__sample_weight=weights[train])
        forecast, levels = rows_of_quantiles(pipeline, X[test])
        for name, given in [("weighted", weights[test]), ("unweighted", None)]:
            options = {"quantiles": levels, "sample_weight": given}
            scores[name].append(-weighted_interval_score(y[test], forecast, **options))
    return {name: np.array(values) for name, values in scores.items()}


def copy_of(scorer):
    """Return a copy, so that a test may change the request."""
    return clone(scorer, safe=False)


def test_weights_with_routing(data):
    """Scores on the folds carry the folds' weights exactly when they are requested."""
    X, y, weights = data
    scorer = copy_of(neg_weighted_interval_score_scorer)
    expected = by_hand(X, y, weights)
    with sklearn.config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(StandardScaler(), Shifted().set_fit_request(sample_weight=True))
        pipeline[0].set_fit_request(sample_weight=False)
        options = {"cv": 3, "params": {"sample_weight": weights}}
        with pytest.raises(sklearn.exceptions.UnsetMetadataPassedError, match="sample_weight"):
            cross_validate(pipeline, X, y, scoring=scorer, **options)
        assert scorer.set_score_request(sample_weight=True) is scorer
        weighted = cross_validate(pipeline, X, y, scoring=scorer, **options)["test_score"]
        other = copy_of(scorer).set_score_request(sample_weight=False)
        both = cross_validate(pipeline, X, y, scoring={"a": scorer, "b": other}, **options)
        grid = {"shifted__alpha": [1.0]}
        single = GridSearchCV(pipeline, grid, scoring=scorer, cv=3)
        single.fit(X, y, sample_weight=weights)
        multi = GridSearchCV(pipeline, grid, scoring={"a": scorer, "b": other}, refit="a", cv=3)
        multi.fit(X, y, sample_weight=weights)
        no_weights = GridSearchCV(pipeline, grid, scoring=scorer, cv=3).fit(X, y)
    np.testing.assert_allclose(weighted, expected["weighted"], rtol=1e-12)
    np.testing.assert_allclose(both["test_a"], expected["weighted"], rtol=1e-12)
    np.testing.assert_allclose(both["test_b"], expected["unweighted"], rtol=1e-12)
    assert single.best_score_ == pytest.approx(expected["weighted"].mean(), rel=1e-12)
    assert multi.best_score_ == single.best_score_
    found = multi.cv_results_["mean_test_b"]
    np.testing.assert_allclose(found, expected["unweighted"].mean(), rtol=1e-12)
    assert no_weights.best_score_ == pytest.approx(by_hand(X, y, np.ones(240))["weighted"].mean())


def test_an_alias_is_another_name(data):
    X, y, weights = data
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = copy_of(neg_weighted_interval_score_scorer)
        scorer.set_score_request(sample_weight="test_weight")
        params = {"test_weight": weights}
        ours = cross_val_score(Shifted(), X, y, cv=3, scoring=scorer, params=params)
    plain = cross_val_score(Shifted(), X, y, cv=3, scoring=neg_weighted_interval_score_scorer)
    assert not np.allclose(ours, plain, rtol=1e-6)


@pytest.mark.parametrize("multimetric", [False, True])
def test_search_with_weights_without_routing(data, multimetric):
    """Weights reach the fit through the Pipeline's key, and no scorer."""
    X, y, weights = data
    scoring = neg_weighted_interval_score_scorer
    if multimetric:
        scoring = {"wis": scoring, "r2": "r2"}
    search = GridSearchCV(
        make_pipeline(StandardScaler(), Shifted()), {"shifted__alpha": [1.0]}, cv=3,
        scoring=scoring, refit="wis" if multimetric else True,
    ).fit(X, y, shifted__sample_weight=weights)  # fmt: skip
    expected = by_hand(X, y, weights)["unweighted"]
    assert search.best_score_ == pytest.approx(expected.mean(), rel=1e-12)


@pytest.mark.parametrize("multimetric", [False, True])
def test_bare_weights_without_routing(data, multimetric):
    """From 1.8 on, scikit-learn hands scorers what fit gets as `sample_weight`."""
    X, y, weights = data
    scoring = neg_weighted_interval_score_scorer
    if multimetric:
        scoring = {"wis": scoring, "r2": "r2"}
    search = GridSearchCV(
        Shifted(), {"alpha": [1.0]}, cv=3, scoring=scoring, refit="wis" if multimetric else True
    ).fit(X, y, sample_weight=weights)
    scores = []
    for train, test in KFold(3).split(X, y):
        model = Shifted().fit(X[train], y[train], weights[train])
        given = weights[test] if SCALES_WEIGHTS else None
        scores.append(neg_weighted_interval_score_scorer(model, X[test], y[test], given))
    assert search.best_score_ == pytest.approx(np.mean(scores), rel=1e-12)


def test_search_finds_the_better_model(data):
    """Too much penalty is worse, and the search of a Pipeline sees it by the quantiles."""
    X, y, _ = data
    search = GridSearchCV(
        make_pipeline(StandardScaler(), Shifted()), {"shifted__alpha": [1.0, 1e6]}, cv=3,
        scoring={
            "wis": neg_weighted_interval_score_scorer,
            "off": quantile_scorer(quantile_calibration_error),
        },
        refit="wis",
    ).fit(X, y)  # fmt: skip
    assert search.best_params_ == {"shifted__alpha": 1.0}
    assert (search.cv_results_["mean_test_off"] <= 0).all()
    again = cross_val_score(
        make_pipeline(StandardScaler(), Shifted(alpha=1e6)), X, y, cv=3,
        scoring=neg_weighted_interval_score_scorer,
    )  # fmt: skip
    assert search.cv_results_["mean_test_wis"][1] == pytest.approx(again.mean(), rel=1e-12)


def test_metric_without_weights(data):
    """A metric that takes no weights neither gets nor asks for them."""
    X, y, weights = data

    def worst_miss(y_true, y_quantiles, quantiles):
        return float(np.abs(y_quantiles - y_true[:, None]).max())

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer scikit-learn says that the scorer takes none
        search = GridSearchCV(
            Shifted(), {"alpha": [1.0]}, cv=3, scoring={"miss": quantile_scorer(worst_miss)},
            refit="miss",
        ).fit(X, y, sample_weight=weights)  # fmt: skip
    assert search.best_score_ < 0


def test_request_needs_routing():
    with pytest.raises(RuntimeError, match="set_score_request needs metadata routing"):
        copy_of(neg_weighted_interval_score_scorer).set_score_request(sample_weight=True)


def test_pickle_clone_repr_and_check_scoring(data):
    X, y, _ = data
    model = Shifted().fit(X, y)
    scorer = quantile_scorer(weighted_interval_score, quantiles=LEVELS, level_weights=[1, 2, 1])
    assert repr(scorer) == (
        "quantile_scorer(weighted_interval_score, quantiles=[0.1, 0.5, 0.9], "
        "level_weights=[1, 2, 1])"
    )
    assert repr(quantile_scorer(interval_coverage, coverage=0.9, greater_is_better=True)) == (
        "quantile_scorer(interval_coverage, coverage=0.9, greater_is_better=True)"
    )
    for copy in (pickle.loads(pickle.dumps(scorer)), copy_of(scorer)):
        assert copy(model, X, y) == scorer(model, X, y)
    assert check_scoring(model, scoring=scorer) is scorer


def test_models_without_quantiles_are_refused(data):
    X, y, _ = data
    ridge = make_pipeline(StandardScaler(), Ridge()).fit(X, y)
    with pytest.raises(TypeError, match="Ridge has neither predict_quantiles nor"):
        neg_weighted_interval_score_scorer(ridge, X, y)

    class Silent(Ridge):
        def predict_quantiles(self, X, quantiles=(0.5,)):
            return np.tile(self.predict(X)[:, None], (1, len(quantiles)))

    silent = Silent().fit(X, y)
    with pytest.raises(ValueError, match="quantiles=None, but Silent has no quantiles_"):
        neg_weighted_interval_score_scorer(silent, X, y)
    assert quantile_scorer(weighted_interval_score, quantiles=LEVELS)(silent, X, y) < 0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: quantile_scorer("wis"), TypeError, "metric='wis': want a callable"),
        (
            lambda: quantile_scorer(weighted_interval_score, quantiles=[0.9, 0.1]),
            ValueError,
            "quantiles must be strictly increasing",
        ),
        (
            lambda: quantile_scorer(interval_score),
            ValueError,
            "coverage=None: want the coverage of the interval",
        ),
        (
            lambda: quantile_scorer(interval_score, coverage=1.0),
            ValueError,
            r"coverage must lie strictly between 0 and 1, got 1\.0",
        ),
        (
            lambda: quantile_scorer(interval_score, coverage=0.9, quantiles=[0.5]),
            ValueError,
            "quantiles and coverage are both given",
        ),
    ],
)
def test_bad_options(call, error, message):
    with pytest.raises(error, match=message):
        call()
