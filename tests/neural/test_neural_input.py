"""What networks take, and the sentences with which they refuse the rest."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("pandas")

import pandas as pd
import torch
from neural_cases import ESTIMATORS, SMALL, assert_same_bits, outputs, problem
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skweight.neural import NeuralClassifier, NeuralRegressor
from skweight.neural._base import BaseNeural
from skweight.neural._net import RowMean

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ALL = pytest.mark.parametrize("make", ESTIMATORS)


@ALL
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hidden_layer_sizes", 0),
        ("hidden_layer_sizes", "many"),
        ("activation", "sine"),
        ("optimizer", "newton"),
        ("optimizer_params", [("momentum", 0.9)]),
        ("alpha", -1.0),
        ("batch_size", 0),
        ("batch_size", "large"),
        ("learning_rate_init", 0.0),
        ("max_iter", 0),
        ("max_iter", 2.5),
        ("shuffle", "yes"),
        ("tol", -1e-4),
        ("n_iter_no_change", 0),
        ("early_stopping", "yes"),
        ("validation_fraction", 0.0),
        ("validation_fraction", 1.0),
        ("cv", "split"),
        ("warm_start", 2),
        ("random_state", "seed"),
        ("device", 0),
        ("dtype", "float16"),
        ("compile", "yes"),
        ("amp", "yes"),
        ("module", "mlp"),
        ("categorical_features", 3),
        ("iterator_train", 5),
        ("callbacks", "stop"),
        ("class_weight", "equal"),
        ("n_components", 0),
    ],
)
def test_parameters_that_are_none(make, name, value):
    X, y = problem()
    if name not in make().get_params():
        with pytest.raises(TypeError, match=name):
            make(**{name: value})
        return
    net = make(**{name: value})
    with pytest.raises(ValueError, match=f"The {name!r} parameter of {make.__name__}"):
        net.fit(X, y)
    assert getattr(net, name) == value


@ALL
@pytest.mark.parametrize("sizes", [(0,), (3, -1), (2.5,), ("a",), [[3]], (3, None)], ids=str)
def test_layers_that_are_none(make, sizes):
    X, y = problem()
    with pytest.raises(ValueError, match="hidden_layer_sizes must hold whole numbers above 0, got"):
        make(hidden_layer_sizes=sizes).fit(X, y)


@ALL
@pytest.mark.parametrize("sizes", [4, (4,), [4], np.array([4]), (np.int64(4),)], ids=str)
def test_forms_of_layers(make, sizes):
    X, y = problem()
    expected = make(**SMALL | {"hidden_layer_sizes": (4,)}).fit(X, y)
    assert_same_bits(expected, make(**SMALL | {"hidden_layer_sizes": sizes}).fit(X, y))


def test_labels():
    X, y = problem(n_classes=3)
    expected = NeuralClassifier(**SMALL).fit(X, y)
    for labels in (["a", "b", "c"], [-5, 0, 7], np.array(["x", "y", "z"], dtype=object)):
        labels = np.asarray(labels)
        net = NeuralClassifier(**SMALL).fit(X, labels[y])
        assert_same_bits(expected, net)
        assert_array_equal(net.classes_, labels)
        assert_array_equal(net.predict(X), labels[expected.predict(X)])
    P = expected.predict_proba(X)
    assert P.dtype == np.float64
    assert_allclose(P.sum(axis=1), 1, rtol=1e-14)
    assert_array_equal(expected.classes_[P.argmax(axis=1)], expected.predict(X))
    assert_array_equal(expected.decision_function(X).argmax(axis=1), expected.predict(X))
    logits = expected.decision_function(X)
    assert_allclose(P, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), rtol=1e-12)


def test_two_classes_and_ties():
    X, y = problem()
    net = NeuralClassifier((), **{k: SMALL[k] for k in ("max_iter", "random_state")})
    net.fit(X, np.array(["no", "yes"])[y])
    P = net.predict_proba(X)
    assert net.decision_function(X).shape == (60,)
    assert_allclose(net.decision_function(X), np.log(P[:, 1] / P[:, 0]), rtol=1e-9, atol=1e-12)
    tied = NeuralClassifier((), max_iter=1).fit(X, np.array(["no", "yes"])[y])
    with torch.no_grad():
        for part in tied.module_.parameters():
            part.zero_()
    assert_array_equal(tied.predict(X), "no")
    assert_array_equal(tied.predict_proba(X), 0.5)


def test_probabilities_of_extreme_outputs():
    X, y = problem()
    net = NeuralClassifier(**SMALL).fit(X, y)
    P = net.predict_proba(1e200 * X)
    assert np.isfinite(P).all()
    assert_allclose(P.sum(axis=1), 1, rtol=1e-12)


@pytest.mark.parametrize(
    ("y", "sentence"),
    [
        (np.zeros(60), "at least 2 classes, got 1 class: 0.0"),
        (np.full(60, "no"), "at least 2 classes, got 1 class: 'no'"),
        (np.linspace(0, 1, 60), "continuous"),
        (np.full(60, np.nan), "NaN"),
        (np.zeros((60, 2), dtype=int), "1d array"),
    ],
)
def test_labels_that_are_none(y, sentence):
    with pytest.raises(ValueError, match=sentence):
        NeuralClassifier(**SMALL).fit(problem()[0], y)


def test_partial_fit_of_labels():
    X, y = problem()
    net = NeuralClassifier(**SMALL)
    with pytest.raises(ValueError, match="classes must be given in the first call of partial_fit"):
        net.partial_fit(X, y)
    with pytest.raises(ValueError, match=r"y has labels that are not in classes: \[1\]"):
        net.partial_fit(X, y, classes=[0, 2])
    with pytest.raises(ValueError, match="got 1 class: 0"):
        net.partial_fit(X, 0 * y, classes=[0])
    assert not hasattr(net, "net_")
    net.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ValueError, match="must be those of the first call"):
        net.partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match=r"y has labels that are not in classes: \[2\]"):
        net.partial_fit(X, y + 1)
    with pytest.raises(ValueError, match="features"):
        net.partial_fit(X[:, :2], y)


@ALL
def test_a_warm_start_of_something_else(make):
    X, y = problem()
    net = make(**SMALL, warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match=r"whose hidden_layer_sizes are \(5,\), got \(7, 2\)"):
        net.set_params(hidden_layer_sizes=(7, 2)).fit(X, y)
    net.set_params(hidden_layer_sizes=(5,))
    with pytest.raises(ValueError, match=r"whose features are 3, got 2: set warm_start=False"):
        net.fit(X[:, :2], y)


def test_a_warm_start_of_other_classes_or_targets():
    X, y = problem()
    net = NeuralClassifier(**SMALL, warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match=r"goes on with the classes \[0 1\], got \[1 2\]"):
        net.fit(X, y + 1)
    net = NeuralRegressor(**SMALL, warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match=r"y must have 1 target\(s\) as before, got 2"):
        net.fit(X, np.column_stack([y, y]))


def test_columns_of_targets():
    X, y = problem()
    with pytest.warns(DataConversionWarning):
        column = NeuralRegressor(**SMALL).fit(X, y[:, None])
    assert_same_bits(column, NeuralRegressor(**SMALL).fit(X, y))
    assert column.predict(X).shape == (60,)
    with pytest.warns(DataConversionWarning):
        NeuralClassifier(**SMALL).fit(X, y[:, None])
    many = NeuralRegressor(**SMALL).fit(X, np.column_stack([y, y, X[:, 0]]))
    assert many.predict(X).shape == (60, 3)
    assert many.n_outputs_ == 3


@ALL
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda X: X[0], "2D array"),
        (lambda X: X[:0], "minimum of 1 is required"),
        (lambda X: np.where(X[0, 0] == X, np.nan, X), "NaN"),
        (lambda X: np.where(X[0, 0] == X, np.inf, X), "infinity"),
        (lambda X: X + 1j, "Complex data not supported"),
    ],
)
def test_rows_that_are_none(make, change, sentence):
    X, y = problem()
    with pytest.raises(ValueError, match=sentence):
        make(**SMALL).fit(change(X), y[: len(change(X))])
    with pytest.raises(ValueError, match=sentence):
        outputs(make(**SMALL).fit(X, y), change(X))


@ALL
def test_frames_and_names(make):
    X, y = problem()
    frame = pd.DataFrame(X, columns=list("abc"))
    net = make(**SMALL).fit(frame, pd.Series(y))
    assert_same_bits(net, make(**SMALL).fit(X, y))
    assert list(net.feature_names_in_) == ["a", "b", "c"]
    with pytest.raises(ValueError, match="feature names"):
        outputs(net, frame[["c", "b", "a"]])
    with pytest.raises(ValueError, match="expecting 3 features"):
        outputs(make(**SMALL).fit(X, y), X[:, :2])


@ALL
def test_nothing_is_predicted_before_a_fit(make):
    X, _ = problem()
    net = make()
    for name in ("predict", "predict_proba", "decision_function", "transform", "inverse_transform"):
        if hasattr(net, name):
            with pytest.raises(NotFittedError):
                getattr(net, name)(X)


def test_a_bare_base_says_nothing_of_its_loss():
    with pytest.raises(NotImplementedError):
        BaseNeural()._criterion()


def test_the_mean_of_rows():
    loss = RowMean(torch.nn.functional.mse_loss)
    rng = np.random.default_rng(0)
    output, target = (torch.as_tensor(rng.normal(size=(7, 3))) for _ in range(2))
    w = torch.as_tensor(rng.uniform(size=7))
    squares = ((output - target) ** 2).numpy()
    assert_allclose(loss(output, target).item(), squares.mean(), rtol=1e-13)
    expected = np.average(squares.mean(axis=1), weights=w)
    assert_allclose(loss(output, target, weight=w).item(), expected, rtol=1e-13)


@pytest.mark.parametrize("make", [NeuralClassifier, NeuralRegressor])
def test_weights_reach_the_network_through_a_pipeline(make):
    X, y = problem()
    w = np.random.default_rng(0).uniform(0.5, 2, 60)
    with config_context(enable_metadata_routing=True):
        net = make(**SMALL).set_fit_request(sample_weight=True)
        net.set_score_request(sample_weight=True)
        model = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), net)
        model.fit(X, y, sample_weight=w)
        scaled = StandardScaler().fit_transform(X)
        assert_same_bits(model[-1], make(**SMALL).fit(scaled, y, sample_weight=w))
        scores = cross_val_score(model, X, y, params={"sample_weight": w}, cv=2)
    assert np.isfinite(scores).all()


def test_numbers_that_are_no_codes_are_refused_before_memory_runs_out():
    X = np.array([[0.0], [1.0], [1e9], [2.0]])
    with pytest.raises(ValueError, match=r"column 0, which must hold numbers below 1,000,000, got"):
        NeuralClassifier(categorical_features=[0]).fit(X, [0, 1, 0, 1])
