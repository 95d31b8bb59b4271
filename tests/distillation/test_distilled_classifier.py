"""A linear student of any teacher: its minimum, what teachers are asked, and what is refused."""

import pickle
import warnings

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose
from scipy import sparse
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris, load_wine, make_classification
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit, cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from sklearn.svm import SVC

from skweight.distillation import DistilledClassifier
from skweight.distillation._distilled_linear import LinearStudent
from skweight.distillation._distilled_losses import array_loss, loss_targets
from skweight.losses import plackett_luce_distillation_loss


def wine(n_classes=3):
    X, y = load_wine(return_X_y=True)
    return scale(X)[y < n_classes], np.array(["a", "b", "c"])[y[y < n_classes]]


class Fixed(ClassifierMixin, BaseEstimator):
    """A teacher that says what it is told to say of all rows."""

    def __init__(self, scores=None, method="predict_proba", known=None):
        self.scores, self.method, self.known = scores, method, known

    def fit(self, X, y):
        self.classes_ = np.unique(y) if self.known is None else np.asarray(self.known)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])

    def __getattr__(self, name):
        if name in ("predict_proba", "decision_function") and name == self.__dict__.get("method"):
            return lambda X: np.asarray(self.scores)[: len(X)]
        raise AttributeError(name)


# ---------------------------------------------------------------- the student


@pytest.mark.parametrize(("n_classes", "penalty"), [(3, 1.0), (2, 2.0)])
def test_labels_alone_are_logistic_regression(n_classes, penalty):
    X, y = wine(n_classes)
    weight = np.random.RandomState(0).uniform(0.5, 2, size=len(y))
    student = DistilledClassifier(loss="cross_entropy", alpha=penalty, tol=1e-8)
    student.fit(X, y, sample_weight=weight)
    expected = LogisticRegression(solver="newton-cg", tol=1e-10).fit(X, y, sample_weight=weight)
    assert_allclose(student.coef_, expected.coef_, atol=1e-5)
    assert_allclose(student.intercept_, expected.intercept_, atol=1e-5)
    assert_allclose(student.predict_proba(X), expected.predict_proba(X), atol=1e-6)
    assert (student.predict(X) == expected.predict(X)).all()
    assert not hasattr(student, "teacher_")


def test_two_classes_are_weighted_cross_entropy():
    X, y = wine(2)
    teacher = FrozenEstimator(GaussianNB(var_smoothing=1.0).fit(X, y))
    trust = teacher.predict_proba(X)[np.arange(len(y)), (y == "b").astype(int)]
    student = DistilledClassifier(teacher, alpha=2.0, tol=1e-8).fit(X, y)
    plain = LogisticRegression(solver="newton-cg", tol=1e-10).fit(X, y, sample_weight=trust)
    assert_allclose(student.coef_, plain.coef_, atol=1e-5)
    assert_allclose(student.intercept_, plain.intercept_, atol=1e-5)


@pytest.mark.parametrize("loss", ["plackett_luce", "kl", "cross_entropy"])
def test_gradient_of_each_loss(loss):
    rng = np.random.RandomState(0)
    scores, logits = 2 * rng.standard_normal((2, 8, 4))
    places = rng.randint(4, size=8)
    targets = loss_targets(loss, logits, places, 2.0)
    losses, gradient = array_loss(loss, scores, targets, 2.0, 0.3)
    for i, j in np.ndindex(scores.shape):
        ends = []
        for step in (1e-5, -1e-5):
            moved = scores.copy()
            moved[i, j] += step
            ends.append(array_loss(loss, moved, targets, 2.0, 0.3)[0][i])
        assert_allclose(gradient[i, j], (ends[0] - ends[1]) / 2e-5, atol=1e-8)
    labels = -log_softmax(scores, axis=1)[np.arange(8), places]
    if loss == "plackett_luce":
        expected = plackett_luce_distillation_loss(
            scores, logits, places, teacher_temperature=2.0, reduction="none"
        )
    elif loss == "kl":
        q, p = softmax(logits / 2, axis=1), softmax(scores / 2, axis=1)
        expected = 0.3 * labels + 0.7 * 4 * (q * np.log(q / p)).sum(axis=1)
    else:
        expected = labels
    assert_allclose(losses, expected, rtol=1e-12)


def test_the_minimum_is_the_same_from_two_starts():
    X, y = wine()
    places = np.unique(y, return_inverse=True)[1]
    logits = GaussianNB(var_smoothing=1.0).fit(X, y).predict_log_proba(X)
    targets = loss_targets("plackett_luce", logits, places, 1.0)
    ends = []
    for seed in (None, 0):
        model = LinearStudent(
            X, lambda s: array_loss("plackett_luce", s, targets, 1.0, 0.0), None, 3, 1.0
        )
        if seed is not None:
            model.theta = np.random.RandomState(seed).standard_normal(model.theta.shape)
        assert model.minimise(1000, 1e-7, lambda: False)
        ends.append(model.objective(model.theta.ravel())[0])
    assert_allclose(ends[0], ends[1], atol=1e-12)


def test_saturated_design_minimises_as_the_formula_says():
    # One feature, two values: each has its own share of ones and its own trust of the teacher.
    shares, trusts = np.array([0.6, 0.8]), np.array([0.3, 0.8])
    X = np.array([[0.0], [0.0], [1.0], [1.0]])
    y, weight = np.array([0, 1, 0, 1]), np.column_stack([1 - shares, shares]).ravel()
    q = np.repeat(np.column_stack([1 - trusts, trusts]), 2, axis=0)
    student = DistilledClassifier(Fixed(q), cv=None, alpha=0.0, tol=1e-9)
    found = student.fit(X, y, sample_weight=weight).predict_proba([[0.0], [1.0]])[:, 1]
    expected = shares * trusts / (shares * trusts + (1 - shares) * (1 - trusts))
    assert_allclose(found, expected, atol=1e-6)
    assert student.predict([[0.0]]) == [0]  # the wrong teacher has turned the decision


def test_loss_curve_is_the_penalised_loss():
    X, y = wine()
    teacher = FrozenEstimator(GaussianNB().fit(X, y))
    student = DistilledClassifier(teacher, alpha=3.0, store_teacher_logits=True).fit(X, y)
    assert len(student.loss_curve_) == student.n_iter_
    assert (np.diff(student.loss_curve_) <= 0).all()
    expected = plackett_luce_distillation_loss(
        student.decision_function(X), student.teacher_logits_, np.unique(y, return_inverse=True)[1]
    )
    expected += 3.0 / 2 * (student.coef_**2).sum() / len(y)
    assert_allclose(student.loss_curve_[-1], expected, rtol=1e-12)


def test_no_convergence_warns_of_what_to_raise():
    X, y = wine()
    with pytest.warns(ConvergenceWarning, match="max_iter=2"):
        DistilledClassifier(GaussianNB(), max_iter=2).fit(X, y)


def test_sparse_rows_are_the_same():
    X, y = wine()
    X = np.where(np.abs(X) < 0.3, 0, X)
    teacher = LogisticRegression()
    dense = DistilledClassifier(teacher, alpha=1.0).fit(X, y)
    thin = DistilledClassifier(teacher, alpha=1.0).fit(sparse.csr_matrix(X), y)
    assert_allclose(thin.coef_, dense.coef_, atol=1e-4)
    assert_allclose(thin.decision_function(sparse.csr_matrix(X)), thin.decision_function(X))


# ---------------------------------------------------------------- the teacher


def test_teachers_are_asked_of_rows_that_they_did_not_see():
    X, y = load_iris(return_X_y=True)
    forest = RandomForestClassifier(10, random_state=0)
    options = {"store_teacher_logits": True, "alpha": 1.0}
    out = DistilledClassifier(forest, cv=4, **options).fit(X, y)
    expected = cross_val_predict(forest, X, y, cv=4, method="predict_proba")
    assert_allclose(out.teacher_logits_, np.log(np.clip(expected, 1e-12, 1)), rtol=1e-12)
    seen = DistilledClassifier(forest, cv=None, **options).fit(X, y)
    own = forest.fit(X, y).predict_proba(X)
    assert_allclose(seen.teacher_logits_, np.log(np.clip(own, 1e-12, 1)), rtol=1e-12)
    assert_allclose(seen.teacher_.predict_proba(X), out.teacher_.predict_proba(X))


def test_frozen_teacher_is_asked_as_it_is():
    X, y = wine()
    fitted = GaussianNB().fit(X[::2], y[::2])
    student = DistilledClassifier(FrozenEstimator(fitted), store_teacher_logits=True)
    student.fit(X, y, sample_weight=np.ones(len(y)))
    assert student.teacher_.estimator is fitted
    expected = np.log(np.clip(fitted.predict_proba(X), 1e-12, 1))
    assert_allclose(student.teacher_logits_, expected)
    with pytest.raises(NotFittedError):
        DistilledClassifier(FrozenEstimator(GaussianNB())).fit(X, y)


def test_scores_instead_of_probabilities():
    X, y = wine()
    student = DistilledClassifier(RidgeClassifier(), cv=None, store_teacher_logits=True).fit(X, y)
    assert_allclose(student.teacher_logits_, RidgeClassifier().fit(X, y).decision_function(X))
    X, y = wine(2)
    student = DistilledClassifier(RidgeClassifier(), cv=None, store_teacher_logits=True).fit(X, y)
    scores = RidgeClassifier().fit(X, y).decision_function(X)
    assert_allclose(student.teacher_logits_, np.column_stack([np.zeros(len(y)), scores]))


def test_columns_of_a_teacher_follow_its_own_classes():
    X, y = wine()
    q = np.tile([0.6, 0.3, 0.1], (len(y), 1))
    student = DistilledClassifier(
        Fixed(q, known=["c", "a", "b"]), cv=None, store_teacher_logits=True
    ).fit(X, y)
    assert_allclose(np.exp(student.teacher_logits_[0]), [0.3, 0.1, 0.6])


def test_names_of_columns_reach_the_teacher():
    pd = pytest.importorskip("pandas")
    X, y = wine()
    frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(X.shape[1])])
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # "X does not have valid feature names"
        student = DistilledClassifier(FrozenEstimator(GaussianNB().fit(frame, y)), alpha=1.0).fit(
            frame, y
        )
    assert student.feature_names_in_[0] == "x0"


def test_rows_of_weight_zero_are_not_there():
    X, y = wine()
    weight = np.random.RandomState(0).randint(3, size=len(y)).astype(float)
    used = weight > 0
    for cv in (None, 3, KFold(3, shuffle=True, random_state=1)):
        options = {"cv": cv, "alpha": 1.0, "tol": 1e-7, "store_teacher_logits": True}
        whole = DistilledClassifier(GaussianNB(), **options).fit(X, y, weight)
        part = DistilledClassifier(GaussianNB(), **options).fit(X[used], y[used], weight[used])
        assert_allclose(whole.coef_, part.coef_, rtol=1e-12)
        assert np.isnan(whole.teacher_logits_[~used]).all()
    # A list of splits counts all rows.
    splits = list(KFold(3, shuffle=True, random_state=0).split(X))
    student = DistilledClassifier(GaussianNB(), cv=splits, store_teacher_logits=True)
    logits = student.fit(X, y, weight).teacher_logits_
    train = splits[0][0][used[splits[0][0]]]
    test = splits[0][1][used[splits[0][1]]]
    expected = GaussianNB().fit(X[train], y[train], weight[train]).predict_proba(X[test])
    assert_allclose(logits[test], np.log(np.clip(expected, 1e-12, 1)))


def test_weights_reach_teachers_that_take_them():
    X, y = wine()
    weight = np.random.RandomState(0).uniform(0.1, 3, size=len(y))
    options = {"cv": None, "store_teacher_logits": True}
    pipe = make_pipeline(StandardScaler(), GaussianNB())
    found = DistilledClassifier(pipe, **options).fit(X, y, weight).teacher_logits_
    pipe.fit(X, y, gaussiannb__sample_weight=weight)
    assert_allclose(found, np.log(np.clip(pipe.predict_proba(X), 1e-12, 1)))
    # One that takes none is fitted without, and its student has them.
    DistilledClassifier(KNeighborsClassifier(), **options).fit(X, y, weight)


def test_groups_reach_the_splitter_with_routing():
    X, y = wine()
    groups = np.arange(len(y)) % 5
    student = DistilledClassifier(GaussianNB(), cv=GroupKFold(5), store_teacher_logits=True)
    with pytest.raises(TypeError, match="enable_metadata_routing"):
        student.fit(X, y, groups=groups)
    with sklearn.config_context(enable_metadata_routing=True):
        student.teacher.set_fit_request(sample_weight=True)
        student.fit(X, y, sample_weight=np.ones(len(y)), groups=groups)
    train, test = next(GroupKFold(5).split(X, y, groups))
    expected = GaussianNB().fit(X[train], y[train]).predict_proba(X[test])
    assert_allclose(student.teacher_logits_[test], np.log(np.clip(expected, 1e-12, 1)))


def test_the_size_does_not_depend_on_rows():
    sizes = []
    for n in (200, 2000):
        X, y = make_classification(n, random_state=0)
        student = DistilledClassifier(GaussianNB(), alpha=1.0).fit(X, y)
        student.loss_curve_ = []
        sizes.append(len(pickle.dumps(student)))
    assert abs(sizes[0] - sizes[1]) < 100


def test_a_student_of_another_kind_leaves_nothing_behind():
    X, y = wine()
    student = DistilledClassifier(GaussianNB(), store_teacher_logits=True).fit(X, y)
    student.set_params(loss="cross_entropy", store_teacher_logits=False).fit(X, y)
    assert not hasattr(student, "teacher_")
    assert not hasattr(student, "teacher_logits_")


# ---------------------------------------------------------------- what is refused

BAD = {
    "regressor": ({"teacher": Ridge()}, "teacher must be a classifier, got Ridge"),
    "no scores": (
        {"teacher": Fixed(method="predict")},
        "teacher must have predict_proba or decision_function, got Fixed",
    ),
    "one against one": (
        {"teacher": Fixed(np.zeros((178, 6)), "decision_function")},
        "a score for each class, but decision_function of Fixed",
    ),
    "no probabilities": ({"teacher": Fixed(np.full((178, 3), 0.5))}, "sum to 1, but rows of Fixed"),
    "NaN": ({"teacher": Fixed(np.full((178, 3), np.nan))}, "finite scores, but predict_proba"),
    "other classes": (
        {"teacher": Fixed(np.full((178, 2), 0.5), known=["a", "z"])},
        r"classes of y, \['a', 'b', 'c'\], but those of Fixed are \['a', 'z'\]",
    ),
    "temperature": ({"temperature": 0.0}, "The 'temperature' parameter"),
    "label weight": ({"label_weight": 1.5}, "The 'label_weight' parameter"),
    "loss": ({"loss": "mse"}, "The 'loss' parameter"),
    "partition": ({"cv": ShuffleSplit(2)}, "cv must hold out every row exactly once"),
    "sorted rows": ({"cv": KFold(3)}, "one without the class 'a'"),
    "network": ({"batch_size": 10}, "batch_size=10 is for networks"),
    "early": ({"early_stopping": True}, "early_stopping=True is for networks"),
}


@pytest.mark.parametrize("name", BAD)
def test_one_sentence_says_what_is_wrong(name):
    X, y = wine()
    parameters, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        DistilledClassifier(**{"teacher": GaussianNB(), **parameters}).fit(X, y)


@pytest.mark.parametrize("n_classes", [3, 4])  # of three classes there are three pairs
def test_a_real_machine_of_pairs_is_refused(n_classes):
    X, y = make_classification(120, n_classes=n_classes, n_informative=6, random_state=0)
    with pytest.raises(ValueError, match=r"score for each class, but .*decision_function of SVC"):
        DistilledClassifier(SVC(decision_function_shape="ovo")).fit(X, y)


@pytest.mark.parametrize("loss", ["cross_entropy", "plackett_luce"])
def test_misspelt_metadata_is_not_taken_in_silence(loss):
    X, y = wine()
    with pytest.raises(TypeError, match="sample_weights"):
        DistilledClassifier(GaussianNB(), loss=loss).fit(X, y, sample_weights=np.ones(len(y)))


def test_a_class_of_one_row():
    X, y = wine()
    y = np.where(np.arange(len(y)) == 0, "rare", y)
    with pytest.raises(ValueError, match="1 row of class 'rare'"):
        DistilledClassifier(DummyClassifier()).fit(X, y)
    DistilledClassifier(DummyClassifier(), cv=None).fit(X, y)


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="at least 2 classes, got 1 class: 'a'"):
        DistilledClassifier(GaussianNB()).fit(np.eye(3), ["a"] * 3)


def test_default_teacher_is_boosting_by_the_seed():
    X, y = wine()
    student = DistilledClassifier(cv=None, random_state=0).fit(X, y)
    assert type(student.teacher_).__name__ == "HistGradientBoostingClassifier"
    assert student.teacher_.random_state is not None
    again = DistilledClassifier(cv=None, random_state=0).fit(X, y)
    assert (student.coef_ == again.coef_).all()
