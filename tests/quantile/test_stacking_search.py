"""Stacking inside scikit-learn's tools: searches, pipelines, routing, workers."""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.linear_model import QuantileRegressor
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skweight.metrics import quantile_scorer, weighted_interval_score
from skweight.quantile import QuantileStackingRegressor, ResidualQuantileRegressor

LEVELS = (0.1, 0.5, 0.9)

GRID = [
    {
        "quantilestackingregressor__weighting": ["coarse", "medium"],
        "quantilestackingregressor__shrunk__alpha": [0.05, 0.5],
    },
    {"quantilestackingregressor__noncrossing": [None]},
]


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 3))
    y = X[:, 0] + (0.3 + (X[:, 2] > 0)) * rng.normal(size=90)
    return X, y, rng.integers(0, 3, size=90).astype(float)


def stack(request=None):
    pair = [("linear", QuantileRegressor(alpha=0.0)), ("shrunk", QuantileRegressor(alpha=0.1))]
    model = QuantileStackingRegressor(pair, LEVELS, cv=2)
    if request is not None:
        for _, base in pair:
            base.set_fit_request(sample_weight=request)
        model.set_fit_request(sample_weight=request).set_score_request(sample_weight=request)
    return model


@pytest.mark.parametrize("scoring", [None, "quantiles", "several"])
@pytest.mark.parametrize("routing", [False, True])
def test_a_search_tunes_the_interval_score(routing, scoring, data):
    X, y, weight = data
    with config_context(enable_metadata_routing=routing):
        scorer = quantile_scorer(weighted_interval_score)
        if routing:
            scorer.set_score_request(sample_weight=True)
        given = {None: None, "quantiles": scorer, "several": {"wis": scorer}}[scoring]
        pipeline = make_pipeline(MinMaxScaler(), stack(True if routing else None))
        search = GridSearchCV(
            pipeline, GRID, cv=2, scoring=given, refit="wis" if scoring == "several" else True
        )
        if routing and scoring is None:
            weight = None  # old versions of scikit-learn route no weights to Pipeline.score
        key = "sample_weight" if routing else "quantilestackingregressor__sample_weight"
        search.fit(X, y, **{key: weight})
    scores = search.cv_results_["mean_test_wis" if scoring == "several" else "mean_test_score"]
    assert np.isfinite(scores).all()
    assert len(np.unique(scores.round(12))) > 2
    best = search.best_estimator_[-1]
    by_hand = stack().set_params(
        **{key.partition("__")[2]: value for key, value in search.best_params_.items()}
    )
    scaled = MinMaxScaler().fit_transform(X)
    by_hand.fit(scaled, y, sample_weight=weight)
    np.testing.assert_array_equal(best.predict_quantiles(scaled), by_hand.predict_quantiles(scaled))


def test_weights_that_nobody_asked_for_are_refused_with_routing(data):
    X, y, weight = data
    with config_context(enable_metadata_routing=True):
        with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
            stack().fit(X, y, sample_weight=weight)
        # Asked for by one base only, and refused by the other.
        model = stack()
        linear, shrunk = (base for _, base in model.estimators)
        linear.set_fit_request(sample_weight=True)
        shrunk.set_fit_request(sample_weight=False)
        model.fit(X, y, sample_weight=weight)
    for name, base, given in (("linear", linear, weight), ("shrunk", shrunk, None)):
        for k, tau in enumerate(LEVELS):
            expected = QuantileRegressor(alpha=base.alpha, quantile=tau).fit(X, y, given)
            found = model.named_estimators_[name].estimators_[k]
            np.testing.assert_allclose(found.coef_, expected.coef_, atol=1e-9)


def test_groups_reach_the_splitter_with_routing(data):
    X, y, _ = data
    groups = np.arange(len(y)) // 10
    model = stack().set_params(cv=GroupKFold(3))
    with config_context(enable_metadata_routing=True):
        model.fit(X, y, groups=groups)
    splits = list(GroupKFold(3).split(X, y, groups))
    listed = stack().set_params(cv=splits).fit(X, y)
    np.testing.assert_array_equal(model.weights_, listed.weights_)
    with pytest.raises(TypeError, match="enable_metadata_routing"):
        model.fit(X, y, groups=groups)


def test_the_default_library_takes_weights_with_routing_too(data):
    X, y, weight = data
    model = QuantileStackingRegressor(quantiles=LEVELS, cv=2, random_state=0)
    off = model.fit(X, y, sample_weight=weight).predict_quantiles(X)
    with config_context(enable_metadata_routing=True):
        on = model.fit(X, y, sample_weight=weight).predict_quantiles(X)
    np.testing.assert_array_equal(on, off)


def test_residuals_take_weights_with_routing(data):
    X, y, weight = data
    base = ResidualQuantileRegressor(QuantileRegressor(alpha=0.0), LEVELS)
    off = base.fit(X, y, sample_weight=weight).predict_quantiles(X)
    with config_context(enable_metadata_routing=True):
        base.estimator.set_fit_request(sample_weight=True)
        on = base.fit(X, y, sample_weight=weight).predict_quantiles(X)
    np.testing.assert_array_equal(on, off)


def test_a_stack_in_a_stack(data):
    X, y, _ = data
    outer = QuantileStackingRegressor([("inner", stack()), ("linear", QuantileRegressor(alpha=0))])
    outer.set_params(quantiles=(0.2, 0.8), cv=2).fit(X, y)
    np.testing.assert_array_equal(outer.named_estimators_.inner.quantiles_, [0.2, 0.8])
    assert outer.predict_quantiles(X).shape == (90, 2)


def test_workers_change_nothing(data):
    X, y, weight = data
    alone = stack().fit(X, y, sample_weight=weight)
    together = stack().set_params(n_jobs=2).fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(together.predict_quantiles(X), alone.predict_quantiles(X))
