"""Scorers that see protected attributes: in the rows or routed, in searches and validation."""

import pickle
import warnings

import numpy as np
import pytest
import sklearn
from sklearn.base import BaseEstimator, clone
from sklearn.compose import make_column_selector
from sklearn.datasets import make_blobs
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import check_scoring
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import LinearSVC

from skweight.metrics import (
    between_group_variance_ratio,
    demographic_parity_gap,
    fairness_scorer,
    js_divergence_score,
)

SMALL = {"min_group_size": 5}


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    n = 360
    sex = rng.integers(0, 2, size=n)
    X = np.column_stack([sex, sex + rng.normal(size=n), rng.normal(size=n)]).astype(float)
    y = (X[:, 1] + X[:, 2] + rng.logistic(size=n) > 0.5).astype(int)
    return X, y, rng.integers(1, 4, size=n)


def frame_of(X):
    """Return the rows with text for the sex, which no model takes as it is."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X[:, 1:], columns=["a", "b"])
    return frame.assign(sex=np.where(X[:, 0] == 1, "F", "M"))


def numbers(X):
    return X[["a", "b"]]


def by_hand(X, y, metric, weights=None, fit_weights=None, **options):
    """Return the metric on each of three folds, sex being the first column."""
    values = []
    for train, test in KFold(3).split(X):
        given = None if fit_weights is None else fit_weights[train]
        model = LogisticRegression().fit(X[train], y[train], given)
        proba = model.predict_proba(X[test])[:, 1]
        if weights is not None:
            options["sample_weight"] = weights[test]
        values.append(metric(proba, X[test, 0], **SMALL, **options))
    return np.array(values)


def test_columns_of_the_rows(data):
    X, y, weights = data
    model = LogisticRegression().fit(X, y)
    proba = model.predict_proba(X)[:, 1]
    for metric in (js_divergence_score, between_group_variance_ratio, demographic_parity_gap):
        for given in (None, weights):
            expected = metric(proba, X[:, 0], sample_weight=given)
            ours = fairness_scorer(metric, sensitive_columns=[0])(model, X, y, given)
            assert ours == pytest.approx(-expected, rel=1e-12)
            assert expected > 0
    better = fairness_scorer(
        demographic_parity_gap, sensitive_columns=0, greater_is_better=True, kind="mean"
    )
    expected = demographic_parity_gap(proba, X[:, 0], kind="mean")
    assert better(model, X, y) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    "columns",
    [
        "sex",
        ["sex"],
        2,
        [False, False, True],
        make_column_selector(dtype_exclude=np.number),
        {"gender": "sex"},
    ],
)
def test_a_pipeline_is_scored_with_the_raw_rows(data, columns):
    X, y, _ = data
    frame = frame_of(X)
    pipeline = make_pipeline(FunctionTransformer(numbers), StandardScaler(), LogisticRegression())
    pipeline.fit(frame, y)
    expected = demographic_parity_gap(pipeline.predict_proba(frame)[:, 1], frame["sex"])
    scorer = fairness_scorer(demographic_parity_gap, sensitive_columns=columns)
    assert scorer(pipeline, frame, y) == -expected
    search = GridSearchCV(pipeline, {"logisticregression__C": [1e-3, 10]}, cv=3, scoring=scorer)
    with sklearn.config_context(enable_metadata_routing=True):
        routed = clone(search).fit(frame, y)
    assert search.fit(frame, y).best_score_ == routed.best_score_ < 0
    assert scorer(search, frame, y) == scorer(search.best_estimator_, frame, y)


@pytest.mark.parametrize("routing", [False, True])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_search_with_columns(data, routing, n_jobs):
    X, y, _ = data
    scoring = {
        "loss": "neg_log_loss",
        "jsd": fairness_scorer(js_divergence_score, sensitive_columns=0, **SMALL),
        "gap": fairness_scorer(demographic_parity_gap, sensitive_columns=[0], **SMALL),
    }
    with sklearn.config_context(enable_metadata_routing=routing):
        search = GridSearchCV(
            LogisticRegression(), {"C": [1.0, 1e-3]}, scoring=scoring, refit="loss", cv=KFold(3),
            error_score="raise", n_jobs=n_jobs,
        ).fit(X, y)  # fmt: skip
        scores = cross_validate(
            LogisticRegression(), X, y, scoring=scoring, cv=KFold(3), error_score="raise",
            n_jobs=n_jobs, params={},
        )  # fmt: skip
    for name, metric in [("jsd", js_divergence_score), ("gap", demographic_parity_gap)]:
        expected = -by_hand(X, y, metric)
        np.testing.assert_allclose(scores[f"test_{name}"], expected, rtol=1e-9)
        folds = [search.cv_results_[f"split{k}_test_{name}"][0] for k in range(3)]
        np.testing.assert_allclose(folds, expected, rtol=1e-9)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_routed_attributes(data, n_jobs):
    X, y, weights = data
    plain = fairness_scorer(js_divergence_score, **SMALL)
    weighted = fairness_scorer(demographic_parity_gap, **SMALL)
    with sklearn.config_context(enable_metadata_routing=True):
        assert plain.set_score_request(sensitive_features=True, sample_weight=False) is plain
        weighted.set_score_request(sensitive_features="sex")
        weighted.set_score_request(sample_weight=True)  # leaves the other request as it is
        model = LogisticRegression().set_fit_request(sample_weight=True)
        given = {"sensitive_features": X[:, 0], "sex": X[:, 0], "sample_weight": weights}
        scoring = {"jsd": plain, "gap": weighted}
        scores = cross_validate(
            model, X, y, scoring=scoring, cv=KFold(3), params=given, error_score="raise",
            n_jobs=n_jobs,
        )  # fmt: skip
        search = GridSearchCV(
            model, {"C": [1.0, 1e-3]}, scoring=scoring, refit="gap", cv=KFold(3),
            error_score="raise", n_jobs=n_jobs,
        ).fit(X, y, **given)  # fmt: skip
    jsd = -by_hand(X, y, js_divergence_score, fit_weights=weights)
    gap = -by_hand(X, y, demographic_parity_gap, weights, weights)
    np.testing.assert_allclose(scores["test_jsd"], jsd, rtol=1e-9)
    np.testing.assert_allclose(scores["test_gap"], gap, rtol=1e-9)
    assert search.cv_results_["mean_test_jsd"][0] == pytest.approx(jsd.mean(), rel=1e-9)
    assert search.cv_results_["mean_test_gap"][0] == pytest.approx(gap.mean(), rel=1e-9)


def test_routed_frames_keep_their_names(data):
    pandas = pytest.importorskip("pandas")
    X, y, _ = data
    features = pandas.DataFrame({"sex": X[:, 0], "code": np.arange(360) % 8}, index=range(360, 720))
    scorer = fairness_scorer(
        demographic_parity_gap, sensitive_types={"code": "nominal"}, min_group_size=2
    )
    with sklearn.config_context(enable_metadata_routing=True), warnings.catch_warnings():
        warnings.simplefilter("error")
        scorer.set_score_request(sensitive_features=True)
        scores = cross_val_score(
            make_pipeline(StandardScaler(), LogisticRegression()), X, y, scoring=scorer,
            params={"sensitive_features": features}, cv=3, error_score="raise",
        )  # fmt: skip
    assert (scores < 0).all()


def test_requests_that_are_missing_or_in_vain(data):
    X, y, _ = data
    params = {"sensitive_features": X[:, 0]}
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = fairness_scorer(js_divergence_score, **SMALL)
        with pytest.raises(UnsetMetadataPassedError, match="sensitive_features"):
            cross_val_score(LogisticRegression(), X, y, scoring=scorer, params=params)
        scorer.set_score_request(sensitive_features=True)
        with pytest.raises(ValueError, match="The scorer has no protected attributes"):
            cross_val_score(
                LogisticRegression(), X, y, scoring=scorer, error_score="raise", params={}
            )
        columns = fairness_scorer(js_divergence_score, sensitive_columns=0, **SMALL)
        with pytest.raises(ValueError, match="is requested beside sensitive_columns=0"):
            columns.set_score_request(sensitive_features=True)
        columns.set_score_request(sensitive_features=False, sample_weight=True)
    with pytest.raises(RuntimeError, match="set_score_request needs metadata routing"):
        scorer.set_score_request(sensitive_features=True)
    model = LogisticRegression().fit(X, y)
    with pytest.raises(ValueError, match="is given beside sensitive_columns=0: want one of them"):
        columns(model, X, y, sensitive_features=X[:, 0])


@pytest.mark.filterwarnings("ignore:One or more of the test scores")
def test_without_routing_no_attributes_reach_a_scorer(data):
    """The search raises with error_score="raise"; otherwise its scores are NaN, with a warning."""
    X, y, _ = data

    class Taking(LogisticRegression):
        def fit(self, X, y, sensitive_features=None):
            return super().fit(X, y)

    scorer = fairness_scorer(js_divergence_score, **SMALL)
    search = GridSearchCV(Taking(), {"C": [1.0]}, scoring=scorer, cv=3, error_score="raise")
    message = "sensitive_columns= in fairness_scorer, naming columns of X, or metadata routing"
    with pytest.raises(ValueError, match=message):
        search.fit(X, y, sensitive_features=X[:, 0])
    search.set_params(scoring={"jsd": scorer, "loss": "neg_log_loss"}, refit="loss")
    with pytest.raises(ValueError, match=message):
        search.fit(X, y, sensitive_features=X[:, 0])
    search.set_params(error_score=np.nan)
    with pytest.warns(UserWarning, match="Scoring failed"):
        search.fit(X, y, sensitive_features=X[:, 0])
    assert np.isnan(search.cv_results_["mean_test_jsd"]).all()
    with pytest.raises(ValueError, match=message):
        scorer(LogisticRegression().fit(X, y), X, y)


class Recorder:
    """A metric that keeps what it is handed."""

    def __call__(self, y_pred, sensitive_features):
        self.y_pred, self.sensitive_features = y_pred, sensitive_features
        return 1.5


def test_responses(data):
    X, y, _ = data
    labels = np.array(["no", "yes"])[y]
    model = LogisticRegression().fit(X, labels)
    metric = Recorder()

    def response(estimator, method="auto"):
        scorer = fairness_scorer(metric, sensitive_columns=0, response_method=method)
        assert scorer(estimator, X, y) == -1.5
        return metric.y_pred

    np.testing.assert_array_equal(response(model), model.predict_proba(X)[:, 1])
    np.testing.assert_array_equal(response(model, "predict_proba"), model.predict_proba(X)[:, 1])
    np.testing.assert_array_equal(response(model, "predict"), model.predict(X) == "yes")
    np.testing.assert_array_equal(response(model, "decision_function"), model.decision_function(X))
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, labels)
    np.testing.assert_array_equal(response(pipeline), pipeline.predict_proba(X)[:, 1])
    ridge = make_pipeline(StandardScaler(), Ridge()).fit(X, y)
    np.testing.assert_array_equal(response(ridge), ridge.predict(X))
    svc = LinearSVC().fit(X, labels)
    with pytest.raises(TypeError, match="LinearSVC has no predict_proba: want another response"):
        response(svc)
    np.testing.assert_array_equal(response(svc, "predict"), svc.predict(X) == "yes")
    with pytest.raises(ValueError, match="response_method='proba': want one of"):
        fairness_scorer(metric, response_method="proba")


def test_more_than_two_classes():
    X, y = make_blobs(200, random_state=0)
    model = LogisticRegression().fit(X, y)
    metric = Recorder()
    fairness_scorer(metric, sensitive_columns=0)(model, X, y)
    np.testing.assert_array_equal(metric.y_pred, model.predict_proba(X))
    with pytest.raises(ValueError, match=r"y_pred has shape \(200, 3\): want one number for each"):
        fairness_scorer(js_divergence_score, sensitive_columns=0)(model, X, y)


def test_what_a_metric_is_handed(data):
    X, y, _ = data
    frame = frame_of(X)
    model = make_pipeline(FunctionTransformer(numbers), LinearRegression()).fit(frame, y)
    metric = Recorder()
    fairness_scorer(metric, sensitive_columns=["sex", "a"])(model, frame, y)
    sex, a = metric.sensitive_features
    assert (sex.name, sex.kind, a.name, a.kind) == ("sex", "nominal", "a", "numeric")
    assert sex.values.tolist() == frame["sex"].tolist()
    routed = frame["sex"]
    fairness_scorer(metric)(model, frame, y, sensitive_features=routed)
    assert metric.sensitive_features is routed


def test_a_search_for_the_lowest_gap_prefers_the_constant(data):
    """As the docstring warns: alone, such a score asks for predictions that say nothing."""
    X, y, _ = data
    search = GridSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression()),
        {"logisticregression": [LogisticRegression(), DummyClassifier()]}, cv=3,
        scoring=fairness_scorer(demographic_parity_gap, sensitive_columns=0, **SMALL),
    ).fit(X, y)  # fmt: skip
    assert isinstance(search.best_estimator_[-1], DummyClassifier)
    assert search.best_score_ == 0


def test_pickle_clone_repr_and_check_scoring(data):
    X, y, _ = data
    model = LogisticRegression().fit(X, y)
    scorer = fairness_scorer(
        demographic_parity_gap, sensitive_columns=[0], response_method="predict", kind="mean"
    )
    assert repr(scorer) == (
        "fairness_scorer(demographic_parity_gap, sensitive_columns=[0], "
        "response_method='predict', kind='mean')"
    )
    assert repr(fairness_scorer(js_divergence_score)) == "fairness_scorer(js_divergence_score)"
    for copy in (pickle.loads(pickle.dumps(scorer)), clone(scorer, safe=False)):
        assert copy(model, X, y) == scorer(model, X, y)
    assert check_scoring(model, scoring=scorer) is scorer


def test_bad_options():
    with pytest.raises(TypeError, match="metric='jsd': want a callable"):
        fairness_scorer("jsd")
    with pytest.raises(ValueError, match="return_details=True: want False, as a score is one"):
        fairness_scorer(js_divergence_score, return_details=True)


def test_columns_that_are_not_there(data):
    X, y, _ = data

    class Blind(BaseEstimator):
        def predict(self, X):
            raise AssertionError("asked before the columns are known")

    for columns in ("sex", 7, []):
        scorer = fairness_scorer(js_divergence_score, sensitive_columns=columns)
        with pytest.raises(ValueError, match="sensitive_columns"):
            scorer(Blind(), X, y)
