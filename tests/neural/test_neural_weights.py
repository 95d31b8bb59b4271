"""Weights of rows and classes: repeated rows, units, zeros, and both precisions."""

import warnings

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from neural_cases import ESTIMATORS, WHOLE, outputs, problem
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.utils.class_weight import compute_sample_weight

from skweight.neural import MLP, NeuralClassifier, NeuralRegressor, WeightedBatchNorm1d

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ALL = pytest.mark.parametrize("make", ESTIMATORS)


class Normalised(torch.nn.Module):
    """A network with batch normalisation that knows weights."""

    def __init__(self, n_in, n_out, *, generator, dtype):
        super().__init__()
        self.first = torch.nn.utils.skip_init(torch.nn.Linear, n_in, 6, dtype=dtype)
        torch.nn.init.normal_(self.first.weight, generator=generator)
        torch.nn.init.zeros_(self.first.bias)
        self.norm = WeightedBatchNorm1d(6, dtype=dtype)
        self.last = torch.nn.utils.skip_init(torch.nn.Linear, 6, n_out, dtype=dtype)
        torch.nn.init.normal_(self.last.weight, generator=generator)
        torch.nn.init.zeros_(self.last.bias)

    def forward(self, X):
        return self.last(torch.tanh(self.norm(self.first(X))))


def weighted_and_repeated(n=40):
    X, y = problem(n)
    w = np.random.default_rng(1).integers(0, 4, n)
    return (X, y, w), (np.repeat(X, w, axis=0), np.repeat(y, w))


@ALL
def test_weights_equal_repeated_rows(make):
    (X, y, w), (X_repeated, y_repeated) = weighted_and_repeated()
    one = make(**WHOLE, alpha=0.5).fit(X, y, sample_weight=w)
    other = make(**WHOLE, alpha=0.5).fit(X_repeated, y_repeated)
    assert_allclose(one.loss_curve_, other.loss_curve_, rtol=1e-10)
    assert_allclose(outputs(one, X), outputs(other, X), rtol=1e-7, atol=1e-9)
    plain = make(**WHOLE, alpha=0.5).fit(X, y)
    assert np.abs(outputs(plain, X) - outputs(one, X)).max() > 1e-3


@pytest.mark.parametrize("make", [NeuralClassifier, NeuralRegressor])
def test_weights_equal_repeated_rows_under_batch_normalisation(make):
    (X, y, w), (X_repeated, y_repeated) = weighted_and_repeated()
    options = WHOLE | {"module": Normalised, "learning_rate_init": 0.01}
    one = make(**options).fit(X, y, sample_weight=w)
    other = make(**options).fit(X_repeated, y_repeated)
    assert_allclose(outputs(one, X), outputs(other, X), rtol=1e-7, atol=1e-9)
    assert_allclose(one.module_.norm.running_var, other.module_.norm.running_var, rtol=1e-9)
    assert one.module_.norm.sample_weight is None
    plain = make(**options).fit(X, y)
    assert np.abs(outputs(plain, X) - outputs(one, X)).max() > 1e-3


@ALL
def test_weights_equal_repeated_rows_in_partial_fit_and_early_stopping(make):
    (X, y, w), (X_repeated, y_repeated) = weighted_and_repeated()
    labels = {"classes": [0, 1]} if make is NeuralClassifier else {}
    one, other = make(**WHOLE), make(**WHOLE)
    for _ in range(3):
        one.partial_fit(X, y, sample_weight=w, **labels)
        other.partial_fit(X_repeated, y_repeated, **labels)
    assert_allclose(outputs(one, X), outputs(other, X), rtol=1e-7, atol=1e-9)
    # The same distinct rows are held out: 10 of 40, which all have a weight.
    w = np.maximum(w, 1)
    held = np.repeat(np.arange(40) < 10, w)
    parts = [(np.flatnonzero(~held), np.flatnonzero(held))]
    options = WHOLE | {"early_stopping": True}
    one = make(**options, cv=[(np.arange(10, 40), np.arange(10))]).fit(X, y, sample_weight=w)
    other = make(**options, cv=parts).fit(np.repeat(X, w, axis=0), np.repeat(y, w))
    assert_allclose(one.validation_scores_, other.validation_scores_, rtol=1e-9)
    assert_allclose(outputs(one, X), outputs(other, X), rtol=1e-7, atol=1e-9)


@ALL
def test_the_unit_of_weights_is_free_without_a_penalty(make):
    X, y = problem()
    w = np.random.default_rng(1).uniform(0.5, 3, len(y))
    options = WHOLE | {"batch_size": 16, "alpha": 0.0}
    expected = outputs(make(**options).fit(X, y, sample_weight=w), X)
    for unit in (10, 1e-30, 1e30):
        found = outputs(make(**options).fit(X, y, sample_weight=w * unit), X)
        assert_allclose(found, expected, rtol=1e-7, atol=1e-9)
    # With one, ten times the weights are a tenth of the penalty.
    ten = make(**options | {"alpha": 10.0}).fit(X, y, sample_weight=10 * w)
    tenth = make(**options | {"alpha": 1.0}).fit(X, y, sample_weight=w)
    assert_allclose(outputs(ten, X), outputs(tenth, X), rtol=1e-7, atol=1e-9)


@ALL
def test_equal_weights_are_none(make):
    X, y = problem()
    options = WHOLE | {"batch_size": 16}
    expected = outputs(make(**options).fit(X, y), X)
    found = outputs(make(**options).fit(X, y, sample_weight=np.ones(len(y))), X)
    assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@ALL
@pytest.mark.parametrize("early_stopping", [False, True])
def test_rows_of_weight_zero_are_no_rows(make, early_stopping):
    X, y = problem()
    w = np.random.default_rng(1).uniform(0.5, 3, len(y)) * (np.arange(len(y)) % 3 > 0)
    there = w > 0
    X_wild = np.where(there[:, None], X, 1e6)
    options = WHOLE | {"batch_size": 16, "early_stopping": early_stopping}
    one = make(**options).fit(X_wild, y, sample_weight=w)
    other = make(**options).fit(X[there], y[there], sample_weight=w[there])
    assert_array_equal(outputs(one, X), outputs(other, X))
    assert one.t_ == other.t_


@ALL
def test_places_of_a_split_do_not_go_with_rows_of_weight_zero(make):
    X, y = problem()
    w = np.where(np.arange(60) % 5 == 0, 0.0, 1.0)
    net = make(**WHOLE, early_stopping=True, cv=[(np.arange(40), np.arange(40, 60))])
    with pytest.raises(ValueError, match=r"cv holds out rows by their places.*sample_weight=0"):
        net.fit(X, y, sample_weight=w)
    assert not hasattr(net, "net_")


@pytest.mark.parametrize("class_weight", ["balanced", {0: 3.0, 2: 0.5}])
def test_class_weights_multiply_those_of_rows(class_weight):
    X, y = problem(n_classes=3)
    y = np.where(np.arange(60) < 20, 0, y)
    w = np.random.default_rng(1).uniform(0.5, 3, len(y))
    factor = compute_sample_weight(class_weight, y)
    options = WHOLE | {"batch_size": 16}
    by_class = NeuralClassifier(class_weight=class_weight, **options)
    for weight in (None, w):
        found = by_class.fit(X, y, sample_weight=weight).predict_proba(X)
        product = factor if weight is None else weight * factor
        expected = NeuralClassifier(**options).fit(X, y, sample_weight=product).predict_proba(X)
        assert_array_equal(found, expected)


def test_a_class_without_weight_is_no_class():
    X, y = problem(n_classes=3)
    net = NeuralClassifier(**WHOLE).fit(X, y, sample_weight=(y != 1).astype(float))
    assert_array_equal(net.classes_, [0, 2])


class Started(torch.nn.Sequential):
    """A network that begins with the same numbers in both precisions."""

    def __init__(self, n_in, n_out, *, generator, dtype):
        super().__init__(MLP(n_in, n_out, (5,), generator=generator, dtype=torch.float32))


@pytest.mark.parametrize("make", [NeuralClassifier, NeuralRegressor])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_single_precision_is_double_precision_to_its_own(make, optimizer):
    X, y = problem()
    X = X.astype(np.float32)
    w = np.random.default_rng(1).uniform(0.5, 3, len(y))
    options = {"module": Started, "batch_size": 16, "optimizer": optimizer, "random_state": 0}
    options |= {"learning_rate_init": 0.01, "max_iter": 8}
    single = make(**options).fit(X, y, sample_weight=w)  # "auto" is the type of X
    double = make(dtype="float64", **options).fit(X, y, sample_weight=w)
    assert next(single.module_.parameters()).dtype == torch.float32
    assert next(double.module_.parameters()).dtype == torch.float64
    assert_allclose(single.loss_curve_, double.loss_curve_, rtol=1e-4)
    assert_allclose(outputs(single, X), outputs(double, X), rtol=1e-4, atol=1e-4)
    assert outputs(single, X).dtype == np.float64
    assert np.abs(outputs(single, X) - outputs(double, X)).max() > 0


@pytest.mark.parametrize("momentum", [0.1, 0.5])
def test_weighted_batch_normalisation_is_torchs_for_equal_weights(momentum):
    X = torch.tensor(np.random.default_rng(0).normal(size=(15, 4)) * 3 + 1)
    theirs = torch.nn.BatchNorm1d(4, momentum=momentum, dtype=torch.float64)
    for weight in (None, torch.full((15,), 0.3, dtype=torch.float64)):
        ours = WeightedBatchNorm1d(4, momentum=momentum, dtype=torch.float64)
        theirs.reset_running_stats()
        ours.sample_weight = weight
        left, right = X.clone().requires_grad_(), X.clone().requires_grad_()
        assert_allclose(ours(left).detach(), theirs(right).detach(), rtol=1e-12, atol=1e-13)
        torch.tanh(ours(left)).sum().backward()
        torch.tanh(theirs(right)).sum().backward()
        assert_allclose(left.grad, right.grad, rtol=1e-9, atol=1e-12)
        assert_allclose(ours.running_mean, theirs.running_mean, rtol=1e-12)
        # Theirs is unbiased: n / (n - 1) of ours, beside what is left of the beginning.
        left = (1 - momentum) ** 2
        assert_allclose(ours.running_var - left, (theirs.running_var - left) * 14 / 15, rtol=1e-12)
        # In prediction the batch does not matter.
        ours.eval()
        assert_allclose(ours(X[:1]).detach(), ours(X).detach()[:1], rtol=1e-15)


def test_weighted_batch_normalisation_counts_a_weight_of_two_twice():
    X = torch.tensor(np.random.default_rng(0).normal(size=(15, 4)))
    w = torch.arange(15) % 4
    one, other = (WeightedBatchNorm1d(4, dtype=torch.float64) for _ in range(2))
    one.sample_weight = w.double()
    repeated = torch.repeat_interleave(X, w, dim=0)
    assert_allclose(
        torch.repeat_interleave(one(X), w, dim=0).detach(), other(repeated).detach(), rtol=1e-12
    )
    assert_allclose(one.running_mean, other.running_mean, rtol=1e-12, atol=1e-14)
    assert_allclose(one.running_var, other.running_var, rtol=1e-12)


@ALL
@pytest.mark.parametrize(
    ("weight", "sentence"),
    [
        (-1.0, "sample_weight must be at least 0 everywhere"),
        (np.nan, "NaN"),
        (np.inf, "inf"),
        ([1.0, 1.0], r"sample_weight.shape == \(2,\)"),
    ],
)
def test_weights_that_are_none(make, weight, sentence):
    X, y = problem()
    w = np.ones(60)
    w[3] = weight if np.isscalar(weight) else 1
    net = make(**WHOLE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=sentence):
            net.fit(X, y, sample_weight=w if np.isscalar(weight) else weight)
        with pytest.raises(ValueError, match=r"all zeros|non-zero"):
            net.fit(X, y, sample_weight=np.zeros(60))
