"""Scorers: rank order found through wrappers, model selection, metadata routing."""

import pickle
import warnings

import numpy as np
import pytest
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import check_scoring, make_scorer
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skweight.datasets import make_ordinal
from skweight.metrics import (
    make_ordinal_scorer,
    multiclass_brier_score,
    neg_multiclass_brier_score_scorer,
    neg_ranked_probability_score_scorer,
    neg_rare_class_calibration_error_scorer,
    neg_rare_class_error_scorer,
    ranked_probability_score,
    rare_class_calibration_error,
    rare_class_error,
)

ORDER = ["low", "mid", "high", "top"]  # sorted: high, low, mid, top
SCORERS = {
    neg_ranked_probability_score_scorer: ranked_probability_score,
    neg_multiclass_brier_score_scorer: multiclass_brier_score,
    neg_rare_class_error_scorer: rare_class_error,
    neg_rare_class_calibration_error_scorer: rare_class_calibration_error,
}


class Ordinal(ClassifierMixin, BaseEstimator):
    """Logistic regression with the attribute `class_order_`, columns sorted."""

    def __init__(self, class_order=None, C=1.0):
        self.class_order = class_order
        self.C = C

    def fit(self, X, y, sample_weight=None):
        self.model_ = LogisticRegression(C=self.C).fit(X, y, sample_weight)
        self.classes_ = self.model_.classes_
        order = self.classes_ if self.class_order is None else self.class_order
        self.class_order_ = np.array([label for label in order if label in self.classes_])
        return self

    def predict(self, X):
        return self.model_.predict(X)

    def predict_proba(self, X):
        return self.model_.predict_proba(X)


@pytest.fixture(scope="module")
def data():
    X, rank, _ = make_ordinal(400, 3, intercepts=(0, 1, 2), deviation=0.1, random_state=0)
    weights = np.random.RandomState(0).randint(1, 4, size=400)
    return X, np.array(ORDER)[rank], weights


def wrapped(name):
    """Return an unfitted wrapper of Ordinal."""
    ordinal = Ordinal(ORDER)
    return {
        "bare": ordinal,
        "pipeline": make_pipeline(StandardScaler(), ordinal),
        "search": GridSearchCV(ordinal, {"C": [0.1, 1.0]}, cv=3),
        "search of pipeline": GridSearchCV(
            make_pipeline(StandardScaler(), ordinal), {"ordinal__C": [0.1, 1.0]}, cv=3
        ),
        "pipeline of search": make_pipeline(
            StandardScaler(), GridSearchCV(ordinal, {"C": [0.1, 1.0]}, cv=3)
        ),
        "calibrated": CalibratedClassifierCV(make_pipeline(StandardScaler(), ordinal), cv=3),
    }[name]


@pytest.mark.parametrize("name", [
    "bare", "pipeline", "search", "search of pipeline", "pipeline of search", "calibrated", "frozen"
])  # fmt: skip
@pytest.mark.parametrize("scorer", SCORERS)
@pytest.mark.filterwarnings("error:Text labels")
def test_rank_order_is_found(data, name, scorer):
    X, y, weights = data
    if name == "frozen":
        estimator = FrozenEstimator(wrapped("bare").fit(X, y))
    else:
        estimator = wrapped(name).fit(X, y)
    proba = estimator.predict_proba(X)[:, [1, 2, 0, 3]]  # from sorted labels to rank order
    metric = SCORERS[scorer]
    assert scorer(estimator, X, y) == pytest.approx(-metric(y, proba, labels=ORDER), rel=1e-12)
    weighted = -metric(y, proba, labels=ORDER, sample_weight=weights)
    assert scorer(estimator, X, y, sample_weight=weights) == pytest.approx(weighted, rel=1e-12)


def test_without_class_order_classes_are_sorted(data):
    X, y, _ = data
    rank = np.array([ORDER.index(label) for label in y])
    estimator = LogisticRegression().fit(X, rank)
    expected = -ranked_probability_score(rank, estimator.predict_proba(X))
    assert neg_ranked_probability_score_scorer(estimator, X, rank) == pytest.approx(expected)
    text = LogisticRegression().fit(X, y)
    with pytest.warns(UserWarning, match="ranked alphabetically: pass labels"):
        alphabetical = neg_ranked_probability_score_scorer(text, X, y)
    told = make_ordinal_scorer(ranked_probability_score, labels=ORDER)(text, X, y)
    assert told == pytest.approx(expected, rel=1e-4)
    assert alphabetical != pytest.approx(expected, rel=1e-2)


def test_a_label_that_was_not_fitted_has_probability_0(data):
    X, y, _ = data
    seen = y != "top"
    scorer = make_ordinal_scorer(ranked_probability_score, labels=ORDER)
    estimator = Ordinal(ORDER).fit(X[seen], y[seen])
    proba = np.column_stack([estimator.predict_proba(X)[:, [1, 2, 0]], np.zeros(len(X))])
    assert scorer(estimator, X, y) == pytest.approx(
        -ranked_probability_score(y, proba, labels=ORDER)
    )
    with pytest.raises(ValueError, match=r"y_true holds \['top'\]"):
        neg_ranked_probability_score_scorer(estimator, X, y)
    with pytest.raises(ValueError, match=r"labels=.* lack \['top'\], which the estimator predicts"):
        make_ordinal_scorer(ranked_probability_score, labels=ORDER[:3])(
            Ordinal(ORDER).fit(X, y), X, y
        )


def test_search_and_cross_validation_agree(data):
    X, y, _ = data
    search = GridSearchCV(
        Ordinal(ORDER), {"C": [1e-3, 1.0]}, cv=3,
        scoring={"rps": neg_ranked_probability_score_scorer, "rare": neg_rare_class_error_scorer},
        refit="rps",
    ).fit(X, y)  # fmt: skip
    for row, C in enumerate([1e-3, 1.0]):
        folds = cross_validate(
            Ordinal(ORDER, C=C), X, y, cv=3,
            scoring={"rps": neg_ranked_probability_score_scorer, "acc": "accuracy"},
        )["test_rps"]  # fmt: skip
        assert search.cv_results_["mean_test_rps"][row] == pytest.approx(folds.mean(), rel=1e-12)
    assert search.best_score_ == search.cv_results_["mean_test_rps"].max()
    assert (search.cv_results_["mean_test_rare"] < 0).all()


def test_agrees_with_make_scorer_where_the_order_is_the_sorted_one(data):
    X, y, _ = data
    rank = np.array([ORDER.index(label) for label in y])
    theirs = make_scorer(
        ranked_probability_score, greater_is_better=False, response_method="predict_proba"
    )
    folds = [
        cross_val_score(LogisticRegression(), X, rank, cv=4, scoring=scoring)
        for scoring in (theirs, neg_ranked_probability_score_scorer)
    ]
    np.testing.assert_allclose(*folds, rtol=1e-12)


def test_weights_with_routing(data):
    """Scores on the folds carry the folds' weights exactly when they are requested."""
    X, y, weights = data
    scorer = clone_of(neg_ranked_probability_score_scorer)
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = Ordinal(ORDER).set_fit_request(sample_weight=True)
        options = {"cv": 3, "params": {"sample_weight": weights}}
        with pytest.raises(sklearn.exceptions.UnsetMetadataPassedError, match="sample_weight"):
            cross_validate(estimator, X, y, scoring=scorer, **options)
        assert scorer.set_score_request(sample_weight=True) is scorer
        weighted = cross_validate(estimator, X, y, scoring=scorer, **options)["test_score"]
        both = cross_validate(estimator, X, y, scoring={"rps": scorer}, **options)
        search = GridSearchCV(estimator, {"C": [1.0]}, scoring=scorer, cv=3)
        search.fit(X, y, sample_weight=weights)
        scorer.set_score_request(sample_weight=False)
        unweighted = cross_validate(estimator, X, y, scoring=scorer, **options)["test_score"]
    expected = by_hand(X, y, weights)
    np.testing.assert_allclose(weighted, expected["weighted"], rtol=1e-12)
    np.testing.assert_allclose(both["test_rps"], expected["weighted"], rtol=1e-12)
    np.testing.assert_allclose(unweighted, expected["unweighted"], rtol=1e-12)
    assert search.best_score_ == pytest.approx(np.mean(expected["weighted"]), rel=1e-12)


def by_hand(X, y, weights):
    """Return the scores of three stratified folds, fitted with the weights."""
    from sklearn.model_selection import StratifiedKFold

    scores = {"weighted": [], "unweighted": []}
    for train, test in StratifiedKFold(3).split(X, y):
        estimator = Ordinal(ORDER).fit(X[train], y[train], weights[train])
        proba = estimator.predict_proba(X[test])[:, [1, 2, 0, 3]]
        for name, given in [("weighted", weights[test]), ("unweighted", None)]:
            options = {"labels": ORDER, "sample_weight": given}
            scores[name].append(-ranked_probability_score(y[test], proba, **options))
    return scores


def clone_of(scorer):
    """Return a copy, so that a test may change the request."""
    return clone(scorer, safe=False)


@pytest.mark.parametrize("multimetric", [False, True])
def test_search_with_weights_without_routing(data, multimetric):
    """Works on every version; from 1.8 on, scikit-learn hands scorers the weights as well."""
    X, y, weights = data
    scoring = neg_ranked_probability_score_scorer
    if multimetric:
        scoring = {"rps": scoring, "acc": "accuracy"}
    search = GridSearchCV(
        Ordinal(ORDER), {"C": [1.0]}, cv=3, scoring=scoring, refit="rps" if multimetric else True
    ).fit(X, y, sample_weight=weights)
    weighted = tuple(int(part) for part in sklearn.__version__.split(".")[:2]) >= (1, 8)
    expected = by_hand(X, y, weights)["weighted" if weighted else "unweighted"]
    assert search.best_score_ == pytest.approx(np.mean(expected), rel=1e-12)


def test_request_needs_routing():
    with pytest.raises(RuntimeError, match="set_score_request needs metadata routing"):
        clone_of(neg_ranked_probability_score_scorer).set_score_request(sample_weight=True)


def test_pickle_clone_repr_and_check_scoring(data):
    X, y, _ = data
    estimator = Ordinal(ORDER).fit(X, y)
    scorer = make_ordinal_scorer(rare_class_calibration_error, labels=ORDER, n_bins=4)
    assert repr(scorer) == (
        f"make_ordinal_scorer(rare_class_calibration_error, labels={ORDER}, n_bins=4)"
    )
    for copy in (pickle.loads(pickle.dumps(scorer)), clone_of(scorer)):
        assert copy(estimator, X, y) == scorer(estimator, X, y)
    assert check_scoring(estimator, scoring=scorer) is scorer
    greater = make_ordinal_scorer(ranked_probability_score, greater_is_better=True)
    assert greater(estimator, X, y) == -neg_ranked_probability_score_scorer(estimator, X, y)
    assert repr(greater).endswith("ranked_probability_score, greater_is_better=True)")


def test_metric_must_be_callable():
    with pytest.raises(TypeError, match="metric='rps': want a callable"):
        make_ordinal_scorer("rps")


def test_metric_without_weights(data):
    """A metric that takes no weights neither gets nor asks for them."""
    X, y, weights = data

    def top_hit(y_true, y_proba, labels):
        return float(np.mean(np.asarray(labels)[y_proba.argmax(axis=1)] == y_true))

    scorer = make_ordinal_scorer(top_hit, greater_is_better=True)
    estimator = Ordinal(ORDER)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer scikit-learn says that the scorer takes none
        search = GridSearchCV(estimator, {"C": [1.0]}, cv=3, scoring={"hit": scorer}, refit="hit")
        search.fit(X, y, sample_weight=weights)
    assert 0 < search.best_score_ < 1


def test_presto_cv_takes_them(data):
    """The Brier scorer repeats what PrestoClassifierCV computes itself, text labels included."""
    ordinal = pytest.importorskip("skweight.ordinal")
    X, y, weights = data
    options = {"n_alphas": 4, "cv": 3, "class_order": ORDER}
    own = ordinal.PrestoClassifierCV(**options).fit(X, y)
    given = ordinal.PrestoClassifierCV(scoring=neg_multiclass_brier_score_scorer, **options).fit(
        X, y
    )
    np.testing.assert_allclose(given.cv_scores_, own.cv_scores_, rtol=1e-12)
    own.fit(X, y, sample_weight=weights)
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = clone_of(neg_multiclass_brier_score_scorer).set_score_request(sample_weight=True)
        given = ordinal.PrestoClassifierCV(scoring=scorer, **options)
        given.fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(given.cv_scores_, own.cv_scores_, rtol=1e-12)


def test_scoring_monitor_logs_them(data):
    callback = pytest.importorskip("sklearn.callback", reason="callbacks came with 1.9")
    ordinal = pytest.importorskip("skweight.ordinal")
    X, y, _ = data
    monitor = callback.ScoringMonitor(scoring={"rps": neg_ranked_probability_score_scorer})
    model = ordinal.PrestoClassifier(class_order=ORDER).set_callbacks(monitor).fit(X, y)
    logged = [entry["rps"] for entry in monitor.get_logs().data if "rps" in entry]
    assert len(logged) >= 1
    final = neg_ranked_probability_score_scorer(model, X, y)
    assert logged[-1] == pytest.approx(final, rel=1e-4)
