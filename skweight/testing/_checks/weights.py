"""``sample_weight``: what it means, and that it arrives wherever it is sent from."""

from contextlib import suppress
from functools import partial

import numpy as np
from sklearn import config_context
from sklearn.base import clone
from sklearn.metrics import accuracy_score, get_scorer, r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skweight.metrics import d2_weighted_interval_score
from skweight.testing._data import (
    assert_same_outputs,
    error_of,
    integer_weights,
    is_classifier,
    is_regressor,
    outputs,
    takes_weights,
    toy_problem,
)
from skweight.testing._registry import common_check


def _weighted_problem(estimator):
    X, y = toy_problem(estimator)
    return X, y, integer_weights(len(y))


def _differ(one, other):
    return any(not np.array_equal(one[method], other[method]) for method in one)


@common_check(applies=takes_weights)
def check_weights_matter(estimator):
    """Unequal weights change the fit, equal ones of 1 do not, and None means 1."""
    X, y, weights = _weighted_problem(estimator)
    plain = outputs(clone(estimator).fit(X, y), X)
    weighted = outputs(clone(estimator).fit(X, y, sample_weight=weights), X)
    ones = outputs(clone(estimator).fit(X, y, sample_weight=np.ones(len(y))), X)
    none = outputs(clone(estimator).fit(X, y, sample_weight=None), X)
    assert _differ(weighted, plain), "sample_weight is ignored."
    assert_same_outputs(ones, plain, "weights of 1", rtol=1e-9, atol=1e-12)
    assert_same_outputs(none, plain, "sample_weight=None")


def _splits(groups):
    """Three splits that keep the copies of a row together."""
    return [(np.flatnonzero(groups % 3 != k), np.flatnonzero(groups % 3 == k)) for k in range(3)]


@common_check(applies=takes_weights)
def check_weights_equal_repetition(estimator):
    """Integer weights mean repeated rows, and a weight of zero a row left out.

    An estimator that splits rows itself is handed splits through ``cv``, with all copies of a
    row on the same side; splits of its own that it drew at random would fail here.
    """
    X, y, weights = _weighted_problem(estimator)
    rows = np.repeat(np.arange(len(y)), weights.astype(int))
    rows = np.random.default_rng(2).permutation(rows)
    weighted, repeated = clone(estimator), clone(estimator)
    if "cv" in estimator.get_params(deep=False):
        weighted.set_params(cv=_splits(np.arange(len(y))))
        repeated.set_params(cv=_splits(rows))
    weighted.fit(X, y, sample_weight=weights)
    repeated.fit(X[rows], y[rows])
    assert_same_outputs(
        outputs(weighted, X), outputs(repeated, X), "integer weights", rtol=1e-7, atol=1e-9
    )


@common_check(applies=takes_weights)
def check_weights_of_every_kind(estimator):
    """Weights may come as integers, as float32 or as a list."""
    X, y, weights = _weighted_problem(estimator)
    expected = outputs(clone(estimator).fit(X, y, sample_weight=weights), X)
    for what, same in {
        "integers": weights.astype(int),
        "float32": weights.astype(np.float32),
        "a list": weights.tolist(),
    }.items():
        actual = outputs(clone(estimator).fit(X, y, sample_weight=same), X)
        assert_same_outputs(actual, expected, f"weights as {what}", rtol=1e-9, atol=1e-12)


@common_check(applies=takes_weights)
def check_weights_without_routing(estimator):
    """With routing off, weights reach the fit through a Pipeline and through GridSearchCV."""
    X, y, weights = _weighted_problem(estimator)
    scaled = MinMaxScaler().fit_transform(X)
    expected = outputs(clone(estimator).fit(scaled, y, sample_weight=weights), scaled)
    pipeline = make_pipeline(MinMaxScaler(), clone(estimator))
    key = f"{pipeline.steps[-1][0]}__sample_weight"
    pipeline.fit(X, y, **{key: weights})
    assert_same_outputs(outputs(pipeline[-1], scaled), expected, "in a Pipeline")
    if hasattr(estimator, "score"):
        search = _search(pipeline).fit(X, y, **{key: weights})
        best = search.best_estimator_[-1]
        assert_same_outputs(outputs(best, scaled), expected, "in a Pipeline in GridSearchCV")


@common_check(applies=takes_weights)
def check_weights_with_routing(estimator):
    """With routing on, weights go where they are requested, and only there."""
    X, y, weights = _weighted_problem(estimator)
    scaled = MinMaxScaler().fit_transform(X)
    plain = outputs(clone(estimator).fit(scaled, y), scaled)
    expected = outputs(clone(estimator).fit(scaled, y, sample_weight=weights), scaled)
    with config_context(enable_metadata_routing=True):
        asked, refused = (_request(estimator, answer) for answer in (True, False))
        direct = clone(asked).fit(scaled, y, sample_weight=weights)
        assert_same_outputs(outputs(direct, scaled), expected, "by hand, routing on")
        pipeline = make_pipeline(MinMaxScaler(), clone(asked))
        pipeline.fit(X, y, sample_weight=weights)
        assert_same_outputs(outputs(pipeline[-1], scaled), expected, "in a Pipeline, routing on")
        if hasattr(asked, "score"):
            search = _search(pipeline, _weighted_scorer(asked)).fit(X, y, sample_weight=weights)
            best = outputs(search.best_estimator_[-1], scaled)
            assert_same_outputs(best, expected, "in a Pipeline in GridSearchCV, routing on")
            search = _search(asked).fit(scaled, y, sample_weight=weights)
            best = outputs(search.best_estimator_, scaled)
            assert_same_outputs(best, expected, "in GridSearchCV, routing on")
        for model in (refused, clone(estimator)):
            pipeline = make_pipeline(MinMaxScaler(), model)
            assert "sample_weight" in error_of(pipeline.fit, X, y, sample_weight=weights)
            plainly = pipeline.fit(X, y)[-1]
            assert_same_outputs(outputs(plainly, scaled), plain, "no weights, routing on")


def _search(model, scoring=None):
    # One candidate is enough: the search only has to pass the weights on.
    return GridSearchCV(clone(model), {}, cv=3, scoring=scoring, error_score="raise")


def _weighted_scorer(estimator):
    for kind, scoring in ((is_classifier, "accuracy"), (is_regressor, "r2")):
        if kind(estimator):
            return get_scorer(scoring).set_score_request(sample_weight=True)
    return _own_score


def _own_score(estimator, X, y=None):
    # A Pipeline's own method takes no routed weights before scikit-learn 1.7.
    return estimator.score(X)


def _request(estimator, answer):
    """Ask for weights in fit and score (or refuse them), also in a wrapped estimator."""
    estimator = clone(estimator)
    for model in [estimator, *estimator.get_params().values()]:
        for setter in ("set_fit_request", "set_score_request"):
            if hasattr(model, setter) and not isinstance(model, type):
                _set_request(model, setter, answer)
    return estimator


def _set_request(model, setter, answer):
    with suppress(TypeError):  # this method of this estimator takes no weights
        getattr(model, setter)(sample_weight=answer)


@common_check(applies=lambda e: is_classifier(e) or is_regressor(e))
def check_weighted_score(estimator):
    """``score`` takes weights too, and they mean what they mean to the metric behind it.

    Accuracy for classifiers, R2 for regressors, the D2 of the weighted interval score for
    regressors that predict quantiles.
    """
    X, y, weights = _weighted_problem(estimator)
    estimator.fit(X, y)
    metric = accuracy_score if is_classifier(estimator) else r2_score
    predicted = estimator.predict(X)
    if is_regressor(estimator) and hasattr(estimator, "predict_quantiles"):
        metric = partial(d2_weighted_interval_score, quantiles=estimator.quantiles_)
        predicted = estimator.predict_quantiles(X)
    for given in (None, weights):
        expected = metric(y, predicted, sample_weight=given)
        np.testing.assert_allclose(estimator.score(X, y, sample_weight=given), expected)


@common_check(applies=takes_weights)
def check_bad_weights(estimator):
    """Weights that mean nothing are refused, in a sentence that names them."""
    X, y, weights = _weighted_problem(estimator)
    n = len(y)
    for what, bad in {
        "one too few": weights[:-1],
        "two columns": np.column_stack([weights, weights]),
        "NaN": np.where(np.arange(n) == 3, np.nan, weights),
        "infinite": np.where(np.arange(n) == 3, np.inf, weights),
        "negative": np.where(np.arange(n) == 3, -1.0, weights),
        "all zero": np.zeros(n),
        "text": np.full(n, "heavy"),
    }.items():
        message = error_of(clone(estimator).fit, X, y, sample_weight=bad)
        assert "weight" in message or what == "text", f"{what}: {message}"
