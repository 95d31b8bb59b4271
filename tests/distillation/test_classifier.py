"""Classifiers of several steps: labels, their weights, scores; what kernels and features share."""

import numpy as np
import pytest
from distillation_oracles import RIDGE, deletions, parabola_minimum, predictions, rbf_data
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import LabelBinarizer

from skweight.distillation import SelfDistilledKernelRidgeClassifier, SelfDistilledRidgeClassifier

KERNEL = KernelRidge(kernel="rbf", gamma=0.5)
# name: (classifier, regressor of scikit-learn that fits the same targets)
KINDS = {
    "kernel": (SelfDistilledKernelRidgeClassifier(0.4, gamma=0.5), KERNEL),
    "linear": (SelfDistilledRidgeClassifier(0.4), RIDGE),
}
NAMES = {
    "text": ["no", "perhaps", "yes"],
    "objects": np.array(["no", "perhaps", "yes"], dtype=object),
    "numbers": [-3, 2, 10],
    "fractions": [-1.0, 0.0, 4.0],
    "booleans": [False, True],
    "unsigned": np.array([1, 3, 250], dtype=np.uint8),
}


def data(n_classes=3, n=45, seed=5):
    """Return rows, whole numbers as labels, and new rows."""
    X, _, y, new, _ = rbf_data(n=n, seed=seed)
    cuts = np.quantile(y, np.arange(1, n_classes) / n_classes)
    return X, np.searchsorted(cuts, y), new


def coded(labels):
    """Return targets of +1 and -1, without the second dimension for two classes."""
    targets = LabelBinarizer(pos_label=1, neg_label=-1).fit_transform(labels)
    return (targets[:, 0] if targets.shape[1] == 1 else targets).astype(float)


def classifier(kind, **params):
    return clone(KINDS[kind][0]).set_params(**params)


def assert_same_model(one, other, new, **digits):
    assert_array_equal(one.classes_, other.classes_)
    for mine, theirs in zip(one.staged_decision_function(new), other.staged_decision_function(new)):
        assert_allclose(mine, theirs, **{"rtol": 1e-9, "atol": 1e-11, **digits})


# Scores


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_scores_are_refits_to_coded_labels(kind, n_classes, weighted):
    X, y, new = data(n_classes)
    s = np.random.default_rng(0).uniform(0.1, 3.0, len(y)) if weighted else None
    if weighted:
        s[::4] = 0.0
    model = classifier(kind, n_steps=4, ground_truth_weight=[0.2, 1.4, -0.3]).fit(X, y, s)
    expected = predictions(KINDS[kind][1], X, coded(y), 0.4, [0.2, 1.4, -0.3], 4, s, new=new)
    assert_allclose(list(model.staged_decision_function(new)), expected, rtol=0, atol=1e-10)
    for step in (None, 1, 3):
        scores = expected[-1 if step is None else step - 1]
        labels = scores > 0 if n_classes == 2 else scores.argmax(axis=1)
        assert_allclose(model.decision_function(new, step), scores, rtol=0, atol=1e-10)
        assert_array_equal(model.predict(new, step), labels)
    staged = list(model.staged_predict(new))
    assert_array_equal(staged[2], model.predict(new, step=3))
    assert model.score(X, y) == np.mean(model.predict(X) == y)


@pytest.mark.parametrize("kind", KINDS)
def test_limit_is_the_ordinary_fit_with_another_penalty(kind):
    X, y, new = data()
    model = classifier(kind, ground_truth_weight=0.25).fit(X, y)
    one = classifier(kind, alpha=1.6, n_steps=1).fit(X, y)
    scores = model.decision_function(new, step=np.inf)
    assert_allclose(scores, one.decision_function(new), rtol=1e-10, atol=1e-12)
    assert_array_equal(model.predict(new, step=np.inf), one.predict(new))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 3.0}])
def test_first_linear_step_is_ridge_classifier(n_classes, class_weight):
    X, y, new = data(n_classes)
    y[: len(y) // 3] = 0
    model = SelfDistilledRidgeClassifier(0.4, class_weight=class_weight).fit(X, y)
    peer = RidgeClassifier(0.4, class_weight=class_weight, solver="svd").fit(X, y)
    assert_allclose(model.decision_function(new, step=1), peer.decision_function(new), atol=1e-10)
    assert_array_equal(model.predict(new, step=1), peer.predict(new))


# Weights that are found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_leave_one_out_looks_at_the_targets(kind, n_classes):
    X, y, _ = data(n_classes, n=18)
    model = classifier(kind, n_steps=3, ground_truth_weight="loo", step_selection="loo").fit(X, y)
    weights = model.ground_truth_weights_
    assert weights.shape == (2,)
    targets, peer = coded(y), KINDS[kind][1]
    chain = deletions(peer, X, targets, 0.4, weights, 3)
    assert_allclose(model.loo_predictions_, chain, rtol=0, atol=1e-9)
    errors = ((targets - chain) ** 2).reshape(3, -1).mean(axis=1)
    assert_allclose(model.loo_mse_, errors, rtol=1e-8)
    assert model.best_step_ == 1 + np.argmin(errors)
    first, student = deletions(peer, X, targets, 0.4, 0.0, 2)
    assert_allclose(weights[0], parabola_minimum(targets, first, student), rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_data_held_out_are_labels_too(kind, n_classes):
    X, y, new = data(n_classes)
    held = np.arange(len(new)) % n_classes
    s = np.random.default_rng(1).uniform(0.1, 3.0, len(new))
    names = np.array(list("abc"))
    model = classifier(kind, ground_truth_weight="validation")
    model.fit(X, names[y], X_val=new, y_val=names[held], sample_weight_val=s)
    first, student = predictions(KINDS[kind][1], X, coded(y), 0.4, 0.0, 2, new=new)
    expected = parabola_minimum(coded(held), first, student, s)
    assert_allclose(model.ground_truth_weights_, [expected], rtol=1e-7)
    # One class alone may be held out, but no other than those of y.
    model.fit(X, names[y], X_val=new, y_val=names[0 * held])
    with pytest.raises(ValueError, match=r"y_val must hold classes of y only, got \['q'\]"):
        model.fit(X, names[y], X_val=new, y_val=["q", *names[held[1:]]])


@pytest.mark.parametrize("kind", KINDS)
def test_columns_share_their_weights(kind):
    assert "weight_per_target" not in classifier(kind).get_params()
    X, y, _ = data()
    for weight in ("loo", "gcv", "loo-joint"):
        model = classifier(kind, alpha=5.0, n_steps=3, ground_truth_weight=weight).fit(X, y)
        assert model.ground_truth_weights_.shape == (2,)
    with pytest.raises(
        ValueError, match=r"ground_truth_weight .* shape \(1,\), .*got shape \(1, 3\)"
    ):
        classifier(kind, ground_truth_weight=np.full((1, 3), 0.5)).fit(X, y)


# Labels


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("names", NAMES)
def test_labels_of_every_kind(kind, names):
    names = np.asarray(NAMES[names])
    X, y, new = data(len(names))
    plain, named = classifier(kind).fit(X, y), classifier(kind).fit(X, names[y])
    assert_array_equal(named.classes_, names)
    assert named.classes_.dtype == names.dtype
    found = named.predict(new)
    assert found.dtype == names.dtype
    assert_array_equal(found, names[plain.predict(new)])
    assert_array_equal(named.decision_function(new), plain.decision_function(new))
    assert_array_equal(next(named.staged_predict(new)), named.predict(new, step=1))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["category", "string", "Int64", "boolean"])
def test_labels_of_pandas(kind, dtype):
    pandas = pytest.importorskip("pandas")
    names = {
        "category": ["x", "y"],
        "string": ["x", "y"],
        "Int64": [5, 9],
        "boolean": [False, True],
    }
    names = np.array(names[dtype])
    X, y, new = data(2)
    plain = classifier(kind).fit(X, names[y])
    model = classifier(kind).fit(X, pandas.Series(names[y]).astype(dtype))
    assert_array_equal(model.classes_, names)
    assert_array_equal(model.predict(new), plain.predict(new))
    missing = pandas.Series(names[y]).astype(dtype)
    missing.iloc[3] = None
    with pytest.raises(ValueError, match="NaN"):
        classifier(kind).fit(X, missing)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("y", [np.linspace(0, 1, 45), np.zeros((45, 2)), ["a", None] + ["b"] * 43])
def test_targets_that_are_no_labels(kind, y):
    X, _, _ = data()
    with pytest.raises(ValueError, match=r"label|1d array"):
        classifier(kind).fit(X, y)


# Weights of rows and classes


@pytest.mark.parametrize("kind", KINDS)
def test_classes_without_weight_are_not_there(kind):
    X, y, new = data()
    names = np.array(["a", "b", "c"])
    s = np.where(y == 1, 0.0, 2.0)
    model = classifier(kind).fit(X, names[y], s)
    assert_array_equal(model.classes_, ["a", "c"])
    assert model.decision_function(new).shape == (17,)
    assert set(model.predict(new)) <= {"a", "c"}
    without = classifier(kind).fit(X[y != 1], names[y[y != 1]], s[y != 1])
    assert_same_model(model, without, new)
    with pytest.raises(ValueError, match=r"only 1 class: \['b'\]"):
        classifier(kind).fit(X, names[y], 2.0 - s)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("class_weight", ["balanced", {"a": 0.5, "c": 4.0}])
def test_class_weight_multiplies_the_weights_of_rows(kind, weighted, class_weight):
    X, y, new = data()
    y[:12] = 2
    names = np.array(["a", "b", "c"])
    s = np.random.default_rng(2).integers(0, 4, len(y)).astype(float) if weighted else None
    model = classifier(kind, class_weight=class_weight, store_loo=True).fit(X, names[y], s)
    total = np.ones(len(y)) if s is None else s
    if class_weight == "balanced":
        factors = total.sum() / 3 / np.bincount(y, total)
        assert_allclose(np.bincount(y, total * factors[y]), total.sum() / 3)
    else:
        factors = np.array([0.5, 1.0, 4.0])
    by_hand = classifier(kind, store_loo=True).fit(X, names[y], total * factors[y])
    assert_same_model(model, by_hand, new)
    assert_allclose(model.loo_mse_, by_hand.loo_mse_, rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 2.0, 1: 0.5}])
def test_integer_weights_are_repeated_rows(kind, class_weight):
    X, y, new = data()
    s = np.random.default_rng(4).integers(0, 4, len(y))
    model = classifier(kind, n_steps=3, class_weight=class_weight)
    weighted = clone(model).fit(X, y, s)
    repeated = clone(model).fit(np.repeat(X, s, axis=0), np.repeat(y, s))
    assert_same_model(weighted, repeated, new)


@pytest.mark.parametrize("kind", KINDS)
def test_bad_class_weights(kind):
    X, y, _ = data()
    with pytest.raises(ValueError, match=r"class_weight must be at least 0.* got \{0: -1\}"):
        classifier(kind, class_weight={0: -1}).fit(X, y)
    with pytest.raises(ValueError, match="class_weight must be at least 0, and above 0 for some"):
        classifier(kind, class_weight={0: 0, 1: 0, 2: 0}).fit(X, y)
    with pytest.raises(ValueError, match=r"'class_weight' .*Got 'fair'"):
        classifier(kind, class_weight="fair").fit(X, y)
    with pytest.raises(ValueError, match="not in class_weight"):
        classifier(kind, class_weight={"z": 1}).fit(X, y)


@pytest.mark.parametrize("kind", KINDS)
def test_class_of_weight_0_is_known_and_never_predicted(kind):
    X, y, new = data()
    model = classifier(kind, class_weight={1: 0.0}).fit(X, y)
    assert_array_equal(model.classes_, [0, 1, 2])
    assert 1 not in model.predict(new)
    others = classifier(kind).fit(X[y != 1], y[y != 1])
    assert_allclose(model.decision_function(new)[:, 2], others.decision_function(new), rtol=1e-9)


# Beside other estimators


@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_come_from_calibration(kind):
    X, y, new = data()
    assert not hasattr(classifier(kind), "predict_proba")
    calibrated = CalibratedClassifierCV(classifier(kind), cv=3).fit(X, y)
    probabilities = calibrated.predict_proba(new)
    assert probabilities.shape == (17, 3)
    assert_allclose(probabilities.sum(axis=1), 1.0)


@pytest.mark.parametrize("kind", KINDS)
def test_search_scores_accuracy(kind):
    X, y, _ = data()
    grid = {"n_steps": [1, 3], "ground_truth_weight": [0.0, "loo"]}
    search = GridSearchCV(classifier(kind), grid, cv=3).fit(X, np.array(["a", "b", "c"])[y])
    assert (search.cv_results_["mean_test_score"] > 0.4).all()
    assert search.best_score_ == search.cv_results_["mean_test_score"].max()
