"""Self-distillation by refits among scikit-learn's tools: weights, routing, frames, labels."""

import numpy as np
import pytest
from distillation_oracles import rbf_data
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import load_iris
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils import estimator_html_repr, get_tags

from skweight.distillation import SelfDistillation


def regression():
    X, _, y, _, _ = rbf_data(n=60)
    return X, y


def iris(n=90):
    X, y = load_iris(return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(y))[:n]
    return X[rows], y[rows]


def integer_weights(n, seed=0):
    return np.random.default_rng(seed).integers(0, 4, size=n).astype(float)


# ---------------------------------------------------------------- weights of rows


@pytest.mark.parametrize("teacher", ["in-sample", "out-of-fold"])
@pytest.mark.parametrize("w", [0.3, "auto"])
@pytest.mark.parametrize("inner", [Ridge(), LogisticRegression(solver="newton-cholesky")], ids=repr)
def test_integer_weights_equal_repeated_rows(inner, w, teacher):
    X, y = iris() if is_classifier(inner) else regression()
    weight = integer_weights(len(y))
    rows = np.repeat(np.arange(len(y)), weight.astype(int))

    def model(groups):
        splits = [
            (np.flatnonzero(groups % 4 != k), np.flatnonzero(groups % 4 == k)) for k in range(4)
        ]
        how = {"ground_truth_weight": w, "teacher_predictions": teacher, "cv": splits}
        return SelfDistillation(clone(inner), n_steps=3, **how)

    weighted = model(np.arange(len(y))).fit(X, y, sample_weight=weight)
    repeated = model(rows).fit(X[rows], y[rows])
    assert_allclose(weighted.ground_truth_weights_, repeated.ground_truth_weights_, rtol=1e-6)
    method = "predict_proba" if is_classifier(inner) else "predict"
    assert_allclose(getattr(weighted, method)(X), getattr(repeated, method)(X), atol=1e-8)


def test_a_class_without_weight_is_no_class():
    X, y = iris()
    weight = (y != 1).astype(float)
    model = SelfDistillation(GaussianNB(), ground_truth_weight=0.5)
    model.fit(X, y, sample_weight=weight)
    assert_array_equal(model.classes_, [0, 2])
    rest = clone(model).fit(X[y != 1], y[y != 1])
    assert_allclose(model.predict_proba(X), rest.predict_proba(X), atol=1e-10)


# ---------------------------------------------------------------- metadata


def test_weights_and_groups_are_routed():
    X, y = regression()
    weight, groups = integer_weights(len(y)), np.arange(len(y)) % 7
    splits = list(GroupKFold(3).split(X, y, groups))
    expected = SelfDistillation(Ridge(), cv=splits).fit(X, y, sample_weight=weight)
    with config_context(enable_metadata_routing=True):
        inner = Ridge().set_fit_request(sample_weight=True)
        model = SelfDistillation(inner, cv=GroupKFold(3))
        model.fit(X, y, sample_weight=weight, groups=groups)
        assert_array_equal(model.predict(X), expected.predict(X))
        # The models get what they ask for alone; the error that is minimised is weighted anyhow.
        inner = Ridge().set_fit_request(sample_weight=False)
        without = SelfDistillation(inner, cv=GroupKFold(3))
        without.fit(X, y, sample_weight=weight, groups=groups)
        assert_array_equal(without.predict(X, step=1), Ridge().fit(X, y).predict(X))
        plain = clone(without).fit(X, y, groups=groups)
        assert not np.allclose(without.ground_truth_weights_, plain.ground_truth_weights_)
        with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
            SelfDistillation(Ridge()).fit(X, y, sample_weight=weight)
        # The default takes weights without a request.
        default = SelfDistillation(cv=GroupKFold(3))
        default.fit(X, y, sample_weight=weight, groups=groups)
        assert_array_equal(default.predict(X), expected.predict(X))


def test_groups_need_routing():
    X, y = regression()
    with pytest.raises(TypeError, match="enable_metadata_routing=True"):
        SelfDistillation(cv=GroupKFold(3)).fit(X, y, groups=np.arange(len(y)))


@pytest.mark.parametrize("routing", [False, True])
def test_pipelines_inside(routing):
    X, y = iris()
    weight = integer_weights(len(y))
    scaled = StandardScaler().fit(X).transform(X)
    bare = SelfDistillation(LogisticRegression(), n_steps=3, ground_truth_weight=0.5)
    # A scaler sees the copies of rows without their weights: three of each, all weights positive.
    bare.fit(scaled, y)
    with config_context(enable_metadata_routing=routing):
        first, last = StandardScaler(), LogisticRegression()
        if routing:
            first.set_fit_request(sample_weight=False)
            last.set_fit_request(sample_weight=True)
        model = clone(bare).set_params(estimator=make_pipeline(first, last))
        model.fit(X, y)
        assert_allclose(model.predict_proba(X), bare.predict_proba(scaled), rtol=1e-6)
        weighted = clone(model).fit(X, y, sample_weight=weight)
        assert not np.allclose(weighted.predict_proba(X), model.predict_proba(X))


def test_metadata_of_rows_follow_the_copies():
    class Marked(GaussianNB):
        seen = []

        def fit(self, X, y, sample_weight=None, mark=None, note=None):
            Marked.seen.append((X[:, 0], mark, note))
            return super().fit(X, y, sample_weight)

    X, y = iris()
    with config_context(enable_metadata_routing=True):
        inner = Marked().set_fit_request(mark=True, note=True)
        SelfDistillation(inner, cv=3).fit(X, y, mark=X[:, 0].tolist(), note="once")
    assert len(Marked.seen) == 3 * 3 + 2
    assert max(len(x) for x, _, _ in Marked.seen) > len(y)
    for x, mark, note in Marked.seen:
        assert_array_equal(x, mark)
        assert note == "once"


# ---------------------------------------------------------------- workers, searches, callbacks


@pytest.mark.parametrize(
    ("inner", "teacher"),
    [
        (DecisionTreeRegressor(max_features=1, random_state=0), "out-of-fold"),
        (DecisionTreeClassifier(max_depth=2, max_features=1, random_state=0), "in-sample"),
    ],
)
def test_workers_change_no_bit(inner, teacher):
    X, y = iris()
    alone, together = (
        SelfDistillation(inner, n_steps=3, teacher_predictions=teacher, n_jobs=n).fit(X, y)
        for n in (1, 2)
    )
    assert_array_equal(alone.ground_truth_weights_, together.ground_truth_weights_)
    assert_array_equal(alone.predict(X), together.predict(X))


def test_a_search_reaches_the_model():
    X, y = regression()
    grid = {"estimator__alpha": [0.1, 10.0], "ground_truth_weight": [0.5, "auto"]}
    search = GridSearchCV(SelfDistillation(Ridge()), grid, cv=3, error_score="raise").fit(X, y)
    best = search.best_estimator_
    assert best.estimator.alpha == search.best_params_["estimator__alpha"]
    by_hand = cross_val_score(clone(best), X, y, cv=3).mean()
    assert_allclose(search.best_score_, by_hand)


def test_callbacks_see_each_step_and_may_stop():
    pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")

    class Stopper:
        def __init__(self, after):
            self.after, self.steps = after, 0

        def setup(self, estimator, context):
            pass

        def teardown(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
            self.steps += fitted_estimator is not None and context.parent is not None
            return self.steps >= self.after

    X, y = regression()
    full = SelfDistillation(Ridge(), n_steps=4).fit(X, y)
    short = clone(full).set_callbacks(Stopper(after=2)).fit(X, y)
    assert len(short.estimators_) == 2
    assert_array_equal(short.ground_truth_weights_, full.ground_truth_weights_[:1])
    assert_array_equal(short.predict(X), full.predict(X, step=2))
    with pytest.raises(ValueError, match="from 1 to 2"):
        short.predict(X, step=3)


def test_the_diagram_shows_the_model_inside():
    assert "KNeighborsRegressor" in estimator_html_repr(SelfDistillation(KNeighborsRegressor()))


# ---------------------------------------------------------------- tags and frames


def test_tags_follow_the_model():
    regressor, classifier = SelfDistillation(Ridge()), SelfDistillation(GaussianNB())
    assert is_regressor(SelfDistillation())
    assert is_regressor(regressor)
    assert is_classifier(classifier)
    assert not hasattr(regressor, "predict_proba")
    assert hasattr(classifier, "predict_proba")
    assert get_tags(regressor).input_tags.sparse
    assert not get_tags(classifier).input_tags.sparse
    assert get_tags(regressor).target_tags.multi_output
    assert not get_tags(SelfDistillation(DecisionTreeClassifier())).target_tags.multi_output
    assert get_tags(SelfDistillation(KernelRidge(kernel="precomputed"))).input_tags.pairwise
    assert get_tags(SelfDistillation(DecisionTreeRegressor())).input_tags.allow_nan


@pytest.mark.parametrize("teacher", ["in-sample", "out-of-fold"])
def test_precomputed_kernels_are_cut_both_ways(teacher):
    X, K, y, new, K_new = rbf_data(gamma=0.5)
    how = {"n_steps": 3, "teacher_predictions": teacher}
    given = SelfDistillation(KernelRidge(kernel="precomputed"), **how).fit(K, y)
    own = SelfDistillation(KernelRidge(kernel="rbf", gamma=0.5), **how).fit(X, y)
    assert_allclose(given.ground_truth_weights_, own.ground_truth_weights_, rtol=1e-8)
    assert_allclose(given.predict(K_new), own.predict(new), rtol=1e-8)
    assert_allclose(cross_val_score(given, K, y, cv=3), cross_val_score(own, X, y, cv=3), rtol=1e-8)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_arrive_as_they_are(library):
    frames = pytest.importorskip(library)
    X, y = regression()
    city = np.where(X[:, 1] > 0, "Oslo", "Rome")
    frame = frames.DataFrame({"size": X[:, 0], "city": city})

    def encode(frame):
        return np.column_stack([np.asarray(frame["city"]) == "Oslo", np.asarray(frame["size"])])

    model = SelfDistillation(make_pipeline(FunctionTransformer(encode), Ridge()), n_steps=3)
    model.fit(frame, y)
    numbers = encode({"city": city, "size": X[:, 0]})
    expected = SelfDistillation(Ridge(), n_steps=3).fit(numbers, y)
    assert_allclose(model.predict(frame), expected.predict(numbers), rtol=1e-8)
    assert model.feature_names_in_.tolist() == ["size", "city"]
    assert model.n_features_in_ == 2


@pytest.mark.parametrize("kind", ["string", "boolean", "Int64", "category"])
def test_labels_of_pandas(kind):
    pd = pytest.importorskip("pandas")
    X, y = iris()
    X, y = X[y > 0], y[y > 0] - 1
    names = {"boolean": [False, True], "Int64": [3, 7]}.get(kind, ["no", "yes"])
    labels = pd.Series([names[k] for k in y]).astype(kind)
    model = SelfDistillation(GaussianNB()).fit(X, labels)
    plain = SelfDistillation(GaussianNB()).fit(X, y)
    assert model.classes_.tolist() == names
    assert_array_equal(model.predict_proba(X), plain.predict_proba(X))
    assert model.predict(X).tolist() == [names[k] for k in plain.predict(X)]


def test_the_model_sees_the_labels_themselves():
    X, y = iris()
    names = np.array(["a", "b", "c"])[y]
    weight = {"a": 1.0, "b": 5.0, "c": 1.0}
    inner = LogisticRegression(class_weight=weight)
    model = SelfDistillation(inner, ground_truth_weight=0.5).fit(X, names)
    assert model.estimators_[0].classes_.tolist() == ["a", "b", "c"]
    assert_array_equal(model.predict(X, step=1), clone(inner).fit(X, names).predict(X))


def test_second_fit_of_another_kind_forgets_the_classes():
    X, y = iris()
    model = SelfDistillation(GaussianNB()).fit(X, y)
    model.set_params(estimator=Ridge()).fit(X, y)
    assert not hasattr(model, "classes_")
    assert not hasattr(model.estimator, "coef_")
