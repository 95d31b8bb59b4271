"""Networks that are distilled into themselves, beside a training loop by hand."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("skorch")

import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import softmax
from sklearn.model_selection import PredefinedSplit
from torch.nn import functional

from skweight.distillation import SelfDistilledMLPClassifier, SelfDistilledMLPRegressor
from skweight.losses import DistillationMSELoss
from skweight.neural import MLP, NeuralClassifier, NeuralRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# All rows in each step, and few steps.
SMALL = {
    "hidden_layer_sizes": (6,),
    "optimizer": "sgd",
    "alpha": 0.0,
    "batch_size": None,
    "learning_rate_init": 0.2,
    "max_iter": 6,
    "dtype": "float64",
    "random_state": 0,
}
HELD = np.arange(40) % 4 == 0
SPLIT = PredefinedSplit(np.where(HELD, 0, -1))
KINDS = ["squared_error", "log_loss", "numbers"]


def problem(kind):
    """Return an estimator, rows and targets."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3))
    noisy = X @ [1.0, -1.0, 0.5] + rng.normal(size=40)
    if kind == "numbers":
        y = np.column_stack([noisy, X[:, 0] ** 2])
        return SelfDistilledMLPRegressor(**SMALL), X, y
    y = np.digitize(noisy, [-0.7, 0.7])
    return SelfDistilledMLPClassifier(loss=kind, **SMALL), X, np.array(list("cab"))[y]


def targets_of(kind, y, weight):
    """Return what networks learn: shares of classes, or targets in units of their deviations."""
    if kind != "numbers":
        return (y[:, None] == np.unique(y)).astype(float)
    mean = np.average(y, axis=0, weights=weight)
    return (y - mean) / np.sqrt(np.average((y - mean) ** 2, axis=0, weights=weight))


def trained(kind, X, targets, weight):
    """Train a network by a plain loop, and return a function that gives its answers."""
    seed = np.random.RandomState(0).randint(2**31 - 1, size=3)[0]
    net = MLP(
        X.shape[1], targets.shape[1], (6,), "relu",
        generator=torch.Generator().manual_seed(int(seed)), dtype=torch.float64,
    )  # fmt: skip
    optimizer = torch.optim.SGD(net.parameters(), 0.2, momentum=0.9, nesterov=True)
    rows, targets, weight = map(torch.as_tensor, (X, targets, weight))
    for _ in range(6):
        output = net(rows)
        if kind == "log_loss":
            losses = -(targets * torch.log_softmax(output, dim=1)).sum(dim=1)
        else:
            answers = output if kind == "numbers" else torch.softmax(output, dim=1)
            losses = ((answers - targets) ** 2).mean(dim=1)
        optimizer.zero_grad()
        ((weight * losses).sum() / weight.sum()).backward()
        optimizer.step()

    def answers(X):
        output = net(torch.as_tensor(X)).detach().numpy()
        return output if kind == "numbers" else softmax(output, axis=1)

    return answers


def predictions(model, X, y, weight):
    """Return a model's answers in the units of `targets_of`."""
    if not hasattr(model, "predict_proba"):
        mean = np.average(y, axis=0, weights=weight)
        scale = np.sqrt(np.average((y - mean) ** 2, axis=0, weights=weight))
        return (model.predict(X) - mean) / scale
    return model.predict_proba(X)


@pytest.mark.parametrize("kind", KINDS)
def test_a_chain_of_given_weights_by_hand(kind):
    model, X, y = problem(kind)
    weight = np.random.default_rng(1).uniform(0.2, 2, size=40)
    given = [0.3, 0.8]
    model.set_params(n_steps=3, ground_truth_weight=given).fit(X, y, sample_weight=weight)
    Z = mixed = targets_of(kind, y, weight)
    for w in given:
        mixed = w * Z + (1 - w) * trained(kind, X, mixed, weight)(X)
    last = trained(kind, X, mixed, weight)
    assert_allclose(predictions(model, X, y, weight), last(X), rtol=1e-9, atol=1e-12)
    assert_array_equal(model.ground_truth_weights_, given)
    assert model.validation_errors_ is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bounds", [None, (0.0, 0.2)])
def test_weights_are_found_on_rows_that_no_network_sees(kind, bounds):
    model, X, y = problem(kind)
    weight = np.random.default_rng(1).uniform(0.2, 2, size=40)
    model.set_params(n_steps=3, weight_bounds=bounds, cv=SPLIT).fit(X, y, sample_weight=weight)
    Z, kept = targets_of(kind, y, weight), ~HELD

    def train(targets):
        return trained(kind, X[kept], targets, weight[kept])

    def error(answers):
        return np.average(np.square(Z[HELD] - answers).mean(axis=1), weights=weight[HELD])

    lowest, highest = bounds or ((0, 1) if kind == "log_loss" else (-np.inf, np.inf))
    first = net = train(Z[kept])
    found, errors = [], [error(first(X[HELD]))]
    for _ in range(2):
        student = train(net(X[kept]))(X[HELD])
        direction = first(X[HELD]) - student
        product = (weight[HELD, None] * (Z[HELD] - student) * direction).sum()
        best = product / (weight[HELD, None] * direction**2).sum()
        found.append(np.clip(best, lowest, highest))
        net = train(found[-1] * Z[kept] + (1 - found[-1]) * net(X[kept]))
        errors.append(error(net(X[HELD])))
    assert_allclose(model.ground_truth_weights_, found, rtol=1e-7)
    assert_allclose(model.validation_errors_, errors, rtol=1e-9)
    assert_allclose(predictions(model, X, y, weight), net(X), rtol=1e-8, atol=1e-12)
    assert model.t_ == model.n_iter_ * kept.sum()


def test_rows_held_out_say_the_weight_and_nothing_else():
    model, X, y = problem("squared_error")
    model.set_params(weight_bounds=(0.4, 0.4), cv=SPLIT)
    elsewhere = np.where(HELD[:, None], 1e3, X)
    expected = model.fit(X, y).predict_proba(X)
    assert_array_equal(model.fit(elsewhere, y).predict_proba(X), expected)
    model.set_params(ground_truth_weight=0.4, cv=None).fit(X[~HELD], y[~HELD])
    assert_array_equal(model.predict_proba(X), expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [{"ground_truth_weight": [0.5, 0.2]}, {"cv": SPLIT}])
def test_integer_weights_are_repeated_rows(kind, options):
    model, X, y = problem(kind)
    times = np.random.default_rng(2).integers(0, 3, size=40)
    model.set_params(n_steps=3, **options).fit(X, y, sample_weight=times)
    found, expected = model.ground_truth_weights_, model.predict(X)
    if "cv" in options:  # copies stay on one side
        model.set_params(cv=PredefinedSplit(SPLIT.test_fold.repeat(times)))
    model.fit(X.repeat(times, axis=0), y.repeat(times, axis=0))
    assert_allclose(model.ground_truth_weights_, found, rtol=1e-7)
    if kind == "numbers":
        assert_allclose(model.predict(X), expected, rtol=1e-8)
    else:
        assert_array_equal(model.predict(X), expected)


def test_one_step_is_the_ordinary_network():
    model, X, y = problem("log_loss")
    plain = NeuralClassifier(**SMALL).fit(X, y)
    assert_allclose(
        model.set_params(n_steps=1).fit(X, y).predict_proba(X), plain.predict_proba(X), rtol=1e-12
    )
    model, X, y = problem("numbers")
    plain = NeuralRegressor(**SMALL).fit(X, y)
    assert_allclose(model.set_params(n_steps=1).fit(X, y).predict(X), plain.predict(X), rtol=1e-12)
    assert len(model.ground_truth_weights_) == 0


def test_a_class_of_one_row_does_not_keep_others_from_being_held_out():
    model, X, y = problem("squared_error")
    y = np.where(np.arange(40) == 0, "rare", y)
    assert list(model.fit(X, y).classes_) == ["a", "b", "c", "rare"]
    assert model.predict_proba(X).shape == (40, 4)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ground_truth_weight": 1.5}, r"ground_truth_weight must be between 0\.0 and 1\.0"),
        ({"weight_bounds": (1.5, 2.0)}, r"weight_bounds must meet \[0\.0, 1\.0\]"),
        ({"weight_bounds": (0.7, 0.2)}, "weight_bounds"),
        ({"n_steps": 3, "ground_truth_weight": [0.5]}, "ground_truth_weight"),
    ],
)
def test_weights_without_a_meaning(options, words):
    model, X, y = problem("log_loss")
    with pytest.raises(ValueError, match=words):
        model.set_params(**options).fit(X, y)


def test_one_row_cannot_be_held_out_for_a_weight():
    model, X, y = problem("numbers")
    with pytest.raises(ValueError, match=r'ground_truth_weight="auto" holds rows out'):
        model.fit(X[:1], y[:1])


@pytest.mark.parametrize(("heavy", "words"), [(~HELD, "held out"), (HELD, "to train on")])
def test_rows_of_weight_0_alone_say_nothing(heavy, words):
    model, X, y = problem("numbers")
    with pytest.raises(ValueError, match=f"sample_weight must be above 0 .* of those {words}"):
        model.set_params(cv=SPLIT).fit(X, y, sample_weight=heavy.astype(float))


def test_the_loss_by_hand():
    rng = np.random.default_rng(3)
    output, label = rng.normal(size=(5, 4)), rng.integers(4, size=5)
    teacher, weight = softmax(rng.normal(size=(5, 4)), axis=1), rng.uniform(size=5)
    probabilities, true = softmax(output, axis=1), np.eye(4)[label]
    w = -0.7
    losses = w * (probabilities - true) ** 2 + (1 - w) * (probabilities - teacher) ** 2
    tensors = [torch.as_tensor(part) for part in (output, label, teacher, weight)]
    loss = DistillationMSELoss(w)
    assert_allclose(loss(*tensors[:3]).item(), losses.mean(), rtol=1e-12)
    weighted = np.average(losses.mean(axis=1), weights=weight)
    assert_allclose(loss(*tensors).item(), weighted, rtol=1e-12)


def test_the_loss_has_the_gradient_of_the_mixture():
    rng = np.random.default_rng(4)
    output = torch.tensor(rng.normal(size=(5, 4)), requires_grad=True)
    label = torch.as_tensor(rng.integers(4, size=5))
    teacher = torch.softmax(torch.as_tensor(rng.normal(size=(5, 4))), dim=1)
    (found,) = torch.autograd.grad(DistillationMSELoss(0.3)(output, label, teacher), output)
    mixture = 0.3 * functional.one_hot(label, 4).double() + 0.7 * teacher
    loss = functional.mse_loss(torch.softmax(output, dim=1), mixture)
    assert_allclose(found, torch.autograd.grad(loss, output)[0], rtol=1e-12, atol=1e-15)
