"""Conformal intervals of classes: by brute force, and by counting how often they hold."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, ShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skweight.ordinal import OrdinalConformalClassifier, PrestoClassifier
from skweight.ordinal._conformal_scores import conformal_threshold, entry_masses


class Oracle(ClassifierMixin, BaseEstimator):
    """Give the first columns of X as probabilities."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.asarray(X)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def draw(rng, n, K=4, sharpness=2.0):
    """Draw probabilities, and classes from other ones: the model is misspecified."""
    p = rng.dirichlet(np.ones(K), size=n)
    true = p**sharpness / (p**sharpness).sum(axis=1, keepdims=True)
    return p, (rng.uniform(size=(n, 1)) > np.cumsum(true, axis=1)).sum(axis=1)


def masses_by_hand(p):
    """Grow one row's interval in plain Python."""
    low = high = int(np.argmax(p))
    mass = p[low]
    entered = {low: mass}
    while len(entered) < len(p):
        below = p[low - 1] if low > 0 else -1.0
        above = p[high + 1] if high + 1 < len(p) else -1.0
        if above >= below:
            high += 1
            mass += above
            entered[high] = mass
        else:
            low -= 1
            mass += below
            entered[low] = mass
    return [entered[k] for k in range(len(p))]


def test_masses_by_brute_force():
    rng = np.random.default_rng(0)
    p = np.vstack(
        [
            rng.dirichlet(np.ones(5), size=200),
            rng.multinomial(4, np.ones(5) / 5, size=200) / 4,  # full of ties and zeros
        ]
    )
    assert_allclose(entry_masses(p), [masses_by_hand(row) for row in p], atol=1e-15)


def test_threshold_is_the_right_order_statistic():
    scores = np.random.default_rng(0).permutation(np.arange(1.0, 100.0))
    ones = np.ones(99)
    assert conformal_threshold(scores, ones, 0.9) == 90
    assert conformal_threshold(scores, ones, 0.55) == 55  # 100 * .55 is a little above 55
    assert conformal_threshold(scores, ones, 0.99) == 99
    assert conformal_threshold(scores, ones, 0.991) == np.inf
    assert conformal_threshold(scores[:0], ones[:0], 0.5) == np.inf


@pytest.mark.parametrize("level", [0.3, 0.5, 0.8, 0.95])
def test_threshold_of_weights_is_that_of_repeated_scores(level):
    rng = np.random.default_rng(1)
    scores, w = rng.uniform(size=60).round(1), rng.integers(0, 4, 60)
    repeated = np.repeat(scores, w)
    assert conformal_threshold(scores, w.astype(float), level) == conformal_threshold(
        repeated, np.ones(len(repeated)), level
    )


@pytest.mark.parametrize("conditional", [False, True])
def test_sets_by_brute_force(conditional):
    rng = np.random.default_rng(2)
    p, y = draw(rng, 300)
    train, test = np.arange(100), np.arange(100, 300)
    model = OrdinalConformalClassifier(
        Oracle(), confidence_level=0.7, cv=[(train, test)], conditional=conditional
    ).fit(p, y)
    scores = np.array([masses_by_hand(row) for row in p])
    if conditional:
        scores -= p
    thresholds = []
    for k in range(4):
        own = test[y[test] == k] if conditional else test
        true_scores = np.sort(scores[own, y[own]])
        thresholds.append(true_scores[int(np.ceil((len(own) + 1) * 0.7 - 1e-9)) - 1])
    assert_allclose(model.score_thresholds_, thresholds, atol=1e-15)
    new, _ = draw(rng, 500)
    sets = model.predict_set(new)
    new_scores = np.array([masses_by_hand(row) for row in new])
    if conditional:
        new_scores -= new
    for row, held, s in zip(new, sets, new_scores):
        expected = {k for k in range(4) if s[k] <= thresholds[k] + 1e-12} | {int(row.argmax())}
        hull = set(range(min(expected), max(expected) + 1))
        assert set(np.flatnonzero(held)) == hull
        assert conditional or hull == expected


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("level", [0.05, 0.5, 0.9])
def test_never_empty_and_without_holes(conditional, level):
    rng = np.random.default_rng(3)
    p, y = draw(rng, 400)
    model = OrdinalConformalClassifier(
        Oracle(), confidence_level=level, conditional=conditional, random_state=0
    ).fit(p, y)
    sets = model.predict_set(draw(rng, 1000)[0])
    edges = np.abs(np.diff(np.pad(sets.astype(int), ((0, 0), (1, 1))), axis=1)).sum(axis=1)
    assert (edges == 2).all()


def test_marginal_coverage_is_exact():
    # With one split drawn without regard to the classes: P = ceil((m + 1) level) / (m + 1).
    rng = np.random.default_rng(4)
    by_score, held = [], []
    for _ in range(400):
        p, y = draw(rng, 249)
        split = [(np.arange(50), np.arange(50, 249))]
        model = OrdinalConformalClassifier(Oracle(), confidence_level=0.8, cv=split).fit(p, y)
        new, truth = draw(rng, 100)
        true = np.arange(100), truth
        by_score.append((entry_masses(new)[true] <= model.score_thresholds_[0]).mean())
        held.append(model.predict_set(new)[true].mean())
    # Scores have no ties, so they cover with 160 / 200 to the digit; the mode, always held, adds.
    assert np.mean(by_score) == pytest.approx(0.8, abs=4 * np.std(by_score) / 20)
    assert np.mean(held) >= np.mean(by_score)


def test_each_class_is_covered_on_request():
    rng = np.random.default_rng(5)
    sums = {False: np.zeros(4), True: np.zeros(4)}
    counts = np.zeros(4)
    for _ in range(60):
        p, y = draw(rng, 900, sharpness=1.0)
        p = p * [1.0, 1.0, 1.0, 0.2]  # the last class is predicted too seldom
        p /= p.sum(axis=1, keepdims=True)
        split = [(np.arange(100), np.arange(100, 500))]
        new, truth = p[500:], y[500:]
        counts += np.bincount(truth, minlength=4)
        for conditional, total in sums.items():
            model = OrdinalConformalClassifier(Oracle(), 0.8, split, conditional).fit(p, y)
            held = model.predict_set(new)[np.arange(len(new)), truth]
            total += np.bincount(truth, weights=held, minlength=4)
    assert (sums[True] / counts > 0.78).all()
    assert (sums[False] / counts).min() < 0.6


def test_conditional_sets_do_not_hold_the_rare_class_always():
    rng = np.random.default_rng(6)
    X = rng.normal(size=(3000, 2))
    y = np.digitize(2 * X[:, 0] + rng.logistic(size=3000), [-1, 1, 4.5])
    model = OrdinalConformalClassifier(conditional=True, random_state=0).fit(X[:2000], y[:2000])
    sets = model.predict_set(X[2000:])
    assert sets[:, 3].mean() < 0.5
    assert sets[y[2000:] == 3, 3].mean() > 0.8


def test_too_few_rows_hold_every_class():
    p, y = draw(np.random.default_rng(7), 40)
    model = OrdinalConformalClassifier(Oracle(), 0.99, cv=[(np.arange(30), np.arange(30, 40))])
    model.fit(p, y)
    assert np.isinf(model.score_thresholds_).all()
    assert model.predict_set(p).all()


def make(n=400, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    return X, np.digitize(2 * X[:, 0] + rng.logistic(size=n), [-1, 1, 3])


@pytest.mark.parametrize("conditional", [False, True])
def test_weights_are_counts(conditional):
    X, y = make()
    w = np.random.default_rng(0).integers(0, 4, len(y))
    rows = np.repeat(np.arange(len(y)), w)
    splits = [(np.arange(200), np.arange(200, 400))]
    repeated_splits = [(np.flatnonzero(rows < 200), np.flatnonzero(rows >= 200))]
    weighted = OrdinalConformalClassifier(cv=splits, conditional=conditional)
    repeated = OrdinalConformalClassifier(cv=repeated_splits, conditional=conditional)
    weighted.fit(X, y, sample_weight=w)
    repeated.fit(X[rows], y[rows])
    assert_allclose(weighted.score_thresholds_, repeated.score_thresholds_, rtol=1e-6)
    assert_array_equal(weighted.predict_set(X), repeated.predict_set(X))


def test_one_split_predicts_with_the_fitted_half_and_several_with_all():
    X, y = make()
    one = OrdinalConformalClassifier(cv=[(np.arange(200), np.arange(200, 400))]).fit(X, y)
    half = PrestoClassifier().fit(X[:200], y[:200])
    assert_array_equal(one.predict_proba(X), half.predict_proba(X))
    several = OrdinalConformalClassifier(cv=4).fit(X, y)
    assert_array_equal(several.predict_proba(X), PrestoClassifier().fit(X, y).predict_proba(X))
    default = OrdinalConformalClassifier(random_state=0).fit(X, y)
    assert default.predict_set(X)[np.arange(400), y].mean() == pytest.approx(0.9, abs=0.06)


def test_labels_follow_the_order_of_the_inner_classifier():
    X, y = make()
    order = ["none", "some", "much", "all"]
    inner = make_pipeline(StandardScaler(), PrestoClassifier(class_order=order))
    split = [(np.arange(200), np.arange(200, 400))]
    named = OrdinalConformalClassifier(inner, cv=split).fit(X, np.array(order)[y])
    plain = make_pipeline(StandardScaler(), PrestoClassifier())
    numbered = OrdinalConformalClassifier(plain, cv=split).fit(X, y)
    assert named.class_order_.tolist() == order
    assert named.classes_.tolist() == sorted(order)
    assert_array_equal(named.predict_set(X), numbered.predict_set(X))
    assert_array_equal(named.predict_interval(X), np.array(order)[numbered.predict_interval(X)])
    assert_array_equal(named.predict(X), np.array(order)[numbered.predict(X)])


def test_an_ordered_categorical_orders_any_classifier():
    pandas = pytest.importorskip("pandas")
    X, y = make()
    order = ["none", "some", "much", "all"]
    labels = pandas.Series(np.array(order)[y], dtype=pandas.CategoricalDtype(order, ordered=True))
    model = OrdinalConformalClassifier(LogisticRegression(), random_state=0).fit(X, labels)
    assert model.class_order_.tolist() == order


def test_metadata_goes_where_it_is_requested():
    X, y = make()
    w = np.random.default_rng(0).uniform(0.5, 2, len(y))
    groups = np.arange(len(y)) // 4
    splits = list(GroupKFold(3).split(X, y, groups))
    asking = PrestoClassifier()
    expected = OrdinalConformalClassifier(asking, cv=splits).fit(X, y, sample_weight=w)
    with config_context(enable_metadata_routing=True):
        asking = PrestoClassifier().set_fit_request(sample_weight=True)
        splitter = GroupKFold(3).set_split_request(groups=True)
        routed = OrdinalConformalClassifier(asking, cv=splitter)
        routed.fit(X, y, sample_weight=w, groups=groups)
    assert_array_equal(routed.score_thresholds_, expected.score_thresholds_)
    assert_array_equal(routed.predict_set(X), expected.predict_set(X))
    with pytest.raises(TypeError, match="groups"):
        OrdinalConformalClassifier(cv=3).fit(X, y, groups=groups)


def test_an_inner_classifier_without_weights_is_told():
    p, y = draw(np.random.default_rng(0), 200)
    with pytest.warns(UserWarning, match="calibration only"):
        OrdinalConformalClassifier(Oracle(), cv=2).fit(p, y, sample_weight=np.ones(200))


def test_random_state_fixes_the_half_split():
    X, y = make()
    fits = [OrdinalConformalClassifier(random_state=s).fit(X, y) for s in (1, 1, 2)]
    assert_array_equal(fits[0].score_thresholds_, fits[1].score_thresholds_)
    assert (fits[0].score_thresholds_ != fits[2].score_thresholds_).any()


def test_what_cannot_work_is_said():
    X, y = make()
    with pytest.raises(ValueError, match=r"split 0 leaves none of class \[3\]"):
        OrdinalConformalClassifier(cv=[(np.flatnonzero(y < 3), np.flatnonzero(y == 3))]).fit(X, y)
    lonely = np.where(np.arange(len(y)) == 0, 9, y)
    with pytest.raises(ValueError, match=r"class \[9\] has one row only"):
        OrdinalConformalClassifier().fit(X, lonely)
    with pytest.raises(ValueError, match="confidence_level"):
        OrdinalConformalClassifier(confidence_level=90).fit(X, y)


def test_an_unstratified_split_generator():
    X, y = make()
    split = ShuffleSplit(1, test_size=0.5, random_state=0)
    model = OrdinalConformalClassifier(cv=split).fit(X, y)
    train, test = next(split.split(X))
    by_hand = OrdinalConformalClassifier(cv=[(train, test)]).fit(X, y)
    assert_array_equal(model.score_thresholds_, by_hand.score_thresholds_)
