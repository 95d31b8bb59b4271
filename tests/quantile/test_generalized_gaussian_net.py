"""Networks that predict generalised Gaussian distributions: closed forms and invariances."""

import pickle

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import gennorm
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

torch = pytest.importorskip("torch")

from skweight.losses import GeneralizedGaussianNLL  # noqa: E402
from skweight.quantile import (  # noqa: E402
    GeneralizedGaussianRegressor,
    GeneralizedGaussianTDRegressor,
)
from skweight.quantile._generalized_gaussian_torch import (  # noqa: E402
    EnsembleLoss,
    EnsembleMLP,
    Heads,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# Transitions between four states, the last of which goes on for ever.
P = np.array([[0, 0.5, 0.5, 0], [0.2, 0, 0.3, 0.5], [0.5, 0.5, 0, 0], [0, 0, 0, 1.0]])
REWARD = np.array([1.0, -1.0, 0.5, 2.0])
STATES = np.eye(4)
FROM, TO = np.nonzero(P)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 2))
    return X, 3 + X[:, 0] + (0.5 + (X[:, 1] > 0)) * rng.laplace(size=100)


def net(cls=GeneralizedGaussianRegressor, **options):
    defaults = {"n_estimators": 3, "hidden_layer_sizes": (6,), "max_iter": 5, "random_state": 0}
    return cls(**{**defaults, **options})


# Squared errors, and steps that find their minimum to rounding.
EXACT = {
    "n_estimators": 1,
    "scale": 1.0,
    "shape_bounds": (2, 2),
    "epistemic_weight": 0,
    "hidden_layer_sizes": (),
    "optimizer": torch.optim.LBFGS,
    "optimizer_params": {"tolerance_grad": 1e-13, "tolerance_change": 0, "max_iter": 10},
    "learning_rate_init": 1.0,
    "alpha": 0.0,
    "batch_size": None,
}


def test_what_goes_on_learns_other_rewards():
    X = np.random.default_rng(0).normal(size=(80, 2))
    options = {"early_stopping": True, "warm_start": True, "max_iter": 60, "target_update": 10}
    model = net(GeneralizedGaussianTDRegressor, **options, discount=0.5, learning_rate_init=0.02)
    before = model.fit(X, X[:, 0], X[::-1]).predict(X)
    for _ in range(3):
        model.set_params(max_iter=10).fit(X, 3 * X[:, 1], X[::-1])
    assert np.abs(model.predict(X) - before).max() > 0.5


def test_what_did_not_settle_is_said():
    ring = np.roll(STATES, 1, axis=0)
    model = net(GeneralizedGaussianTDRegressor, discount=0.99)
    with pytest.warns(ConvergenceWarning, match="Targets still moved .* lower target_update"):
        model.fit(STATES, np.ones(4), ring)
    with pytest.warns(ConvergenceWarning, match="The loss still fell"):
        model.fit(STATES, np.ones(4))


def test_training_that_cannot_go_on_leaves_the_model(data):
    X, y = data
    model = net(warm_start=True).fit(X, y)
    before = model.predict_distribution(X)
    with pytest.raises(ValueError, match="optimizer"):
        model.set_params(shape_bounds=(1, 2), optimizer="sgd").fit(X, y)
    again = pickle.loads(pickle.dumps(model)).predict_distribution(X)
    for found, expected in zip(again, before, strict=True):
        assert_allclose(found, expected, rtol=1e-12)


def test_a_loss_without_a_number_says_what_to_do(data):
    X, y = data
    with pytest.raises(ValueError, match="scale X, lower learning_rate_init"):
        net(optimizer="sgd", learning_rate_init=1e200).fit(X, y)


def test_values_of_a_table_of_states_solve_bellmans_equation():
    options = {**EXACT, "discount": 0.3, "target_update": 1, "tol": 1e-12, "max_iter": 20}
    model = net(GeneralizedGaussianTDRegressor, **options)
    model.fit(STATES[FROM], REWARD[FROM], STATES[TO], sample_weight=P[FROM, TO])
    values = np.linalg.solve(np.eye(4) - 0.3 * P, REWARD)
    assert_allclose(model.predict(STATES), values, rtol=1e-7)


def test_targets_are_frozen_between_updates():
    X, ahead = STATES[:3], STATES[1:]
    options = {**EXACT, "optimizer": "sgd", "learning_rate_init": 0.1, "tol": 0.0}
    options["optimizer_params"] = {"momentum": 0.0, "nesterov": False}
    model = net(GeneralizedGaussianTDRegressor, **options, discount=0.8, target_update=4)
    start = clone(model).set_params(max_iter=1, learning_rate_init=1e-300)
    start.fit(X, REWARD[:3], ahead, done=[0, 0, 1])
    first = start.module_.network[0]
    w, c = (part.detach().numpy().copy() for part in (first.weight[0, :, 0], first.bias[:1]))
    unit = np.sqrt(np.mean(REWARD[:3] ** 2)) / (1 - 0.8)
    for epoch in range(10):
        if epoch % 4 == 0:
            target = REWARD[:3] / unit + 0.8 * np.array([1, 1, 0]) * (ahead @ w + c)
        slope = 2 * (X @ w + c - target) / 3
        w, c = w - 0.1 * X.T @ slope, c - 0.1 * slope.sum()
    model.set_params(max_iter=10).fit(X, REWARD[:3], ahead, done=[0, 0, 1])
    assert_allclose(model.predict(STATES), unit * (STATES @ w + c), rtol=1e-10)


def test_terminal_transitions_are_outcomes(data):
    X, y = data
    plain = net(shape_bounds=(1.0, 4.0)).fit(X, y).predict_distribution(X)
    for more in ({}, {"done": np.ones(100)}, {"X_next": X * np.nan, "done": np.ones(100)}):
        terminal = net(GeneralizedGaussianTDRegressor).fit(X, y, **more)
        assert_array_equal(terminal.predict_distribution(X), plain)


def test_what_follows_a_terminal_transition_is_not_read(data):
    X, y = data
    done = np.arange(100) % 3 == 0
    lost = np.where(done[:, None], np.nan, X[::-1])
    read, unread = (
        net(GeneralizedGaussianTDRegressor, target_update=2).fit(X, y, ahead, done).predict(X)
        for ahead in (X[::-1], lost)
    )
    assert_array_equal(read, unread)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"done": np.zeros(4)}, "needs X_next"),
        ({"X_next": STATES, "done": [0, 1, 2, 0]}, "done must hold 4 numbers that are 0 or 1"),
        ({"X_next": STATES[:3]}, "X_next must have 4 rows"),
        ({"X_next": STATES[:, :3]}, "X_next must be as X is"),
        ({"X_next": STATES * np.nan}, "X_next must be as X is"),
    ],
)
def test_bad_transitions(more, message):
    with pytest.raises(ValueError, match=message):
        net(GeneralizedGaussianTDRegressor).fit(STATES, REWARD, **more)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_estimators": 1}, "needs n_estimators of 2"),
        ({"shape_bounds": (2, 1)}, "shape_bounds must be two numbers"),
        ({"shape_bounds": (0, 1)}, "shape_bounds must be two numbers"),
        ({"shape_bounds": (1, 30)}, "shape_bounds must be two numbers"),
        ({"scale": 0.0}, "scale"),
        ({"cls": GeneralizedGaussianTDRegressor, "discount": 1.0}, "discount"),
        ({"cls": GeneralizedGaussianTDRegressor, "target_update": 0}, "target_update"),
    ],
)
def test_bad_parameters(options, message):
    with pytest.raises(ValueError, match=message):
        net(**options).fit(STATES, REWARD)


def test_a_constant_outcome_warns():
    with pytest.warns(UserWarning, match="y is constant"):
        net(max_iter=1).fit(STATES, np.full(4, 1e8))


@pytest.mark.parametrize(
    "options",
    # Rounding grows with the epochs where densities have cusps, as for shapes below 1.
    [{"epistemic_weight": 2.0}, {"shape_bounds": (1.0, 4.0), "max_iter": 60}],
)
def test_weights_equal_repeated_rows_with_the_agreement_of_members(data, options):
    X, y = data[0][:50], data[1][:50]
    weight = np.random.default_rng(0).integers(0, 4, size=50)
    model = net(batch_size=None, learning_rate_init=0.02, **options)
    weighted = clone(model).fit(X, y, sample_weight=weight)
    repeated = clone(model).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    for found, expected in zip(weighted._members(X), repeated._members(X), strict=True):
        assert_allclose(found, expected, rtol=1e-7)


def test_weights_equal_repeated_transitions(data):
    X, y = data[0][:50], data[1][:50]
    weight = np.random.default_rng(0).integers(0, 4, size=50)
    done = np.arange(50) % 5 == 0
    model = net(GeneralizedGaussianTDRegressor, batch_size=None, target_update=2)
    weighted = clone(model).fit(X, y, X[::-1], done, sample_weight=weight)
    rows = np.repeat(np.arange(50), weight)
    repeated = clone(model).fit(X[rows], y[rows], X[::-1][rows], done[rows])
    assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-7)


def test_risk_aversion_is_nothing_to_a_single_member(data):
    X, y = data
    options = {"n_estimators": 1, "epistemic_weight": 0}
    averse, plain = (net(**options, risk_averse=how).fit(X, y) for how in (True, False))
    assert_allclose(averse.predict(X), plain.predict(X), rtol=1e-12)


def test_members_side_by_side_are_perceptrons():
    generator = torch.Generator().manual_seed(0)
    double = {"generator": generator, "dtype": torch.float64}
    module = EnsembleMLP(3, 6, 2, (4,), "tanh", **double)
    X = np.random.default_rng(0).normal(size=(5, 3))
    found = module(torch.tensor(X)).detach().numpy().reshape(5, 2, 3)
    for k in range(2):
        (W, b), (V, c) = (
            (part.weight[k].detach().numpy(), part.bias.view(2, -1)[k].detach().numpy())
            for part in (module[0], module[2])
        )
        assert_allclose(found[:, k], np.tanh(X @ W + b) @ V + c, rtol=1e-12)
    assert (found[:, :, 1:] == 0).all()


def test_heads_begin_as_a_normal_distribution_and_stay_within_bounds():
    loc, scale, shape = Heads(1, None, 1e-3, (0.2, 4.0))(torch.zeros(1, 3)).flatten().tolist()
    assert_allclose((loc, scale, shape), (0, np.sqrt(2), 2), rtol=1e-6, atol=1e-12)
    for far in (-100.0, 100.0):
        _, scale, shape = Heads(1, None, 0.1, (0.5, 3.0))(torch.full((1, 3), far))[0, :, 0].tolist()
        assert_allclose(shape, 0.5 if far < 0 else 3.0, rtol=1e-6)
        assert scale >= 0.1
    assert Heads(1, 1.5, 1e-3, (2, 2))(torch.ones(1, 3))[0, 1:, 0].tolist() == [1.5, 2.0]


def test_loss_of_a_batch_is_the_sum_that_is_documented():
    rng = np.random.default_rng(0)
    loc, scale, shape = rng.normal(size=(6, 4)), *rng.uniform(0.5, 3, size=(2, 6, 4))
    y, s = rng.normal(size=6), rng.uniform(0.5, 2, size=6)
    nll = -gennorm.logpdf(y[:, None], shape, loc, scale)
    expected = np.average((shape * nll).sum(axis=1) / shape.sum(axis=1), weights=s)
    errors = y[:, None] - loc
    # No bound on the effective number of rows: inverse variances.
    w = s / errors.var(axis=1, ddof=1)
    expected += 0.7 * (w @ np.abs(errors).sum(axis=1)) / w.sum()
    agreement = {"min_effective_size": 1, "estimator": "sample"}
    loss = EnsembleLoss(GeneralizedGaussianNLL(), 0.7, **agreement)
    output = torch.tensor(np.stack([loc, scale, shape], axis=1))
    found = loss(output, torch.tensor(y), weight=torch.tensor(s)).item()
    assert_allclose(found, expected, rtol=1e-10)


def test_predictions_belong_to_one_distribution(data):
    X, y = data
    model = net(max_iter=20, learning_rate_init=0.02).fit(X, y)
    loc, scale, shape = model.predict_distribution(X)
    assert_array_equal(model.predict(X), loc)
    assert_allclose(model.score_samples(X, y), gennorm.logpdf(y, shape, loc, scale))
    assert_allclose(model.aleatoric_variance(X), gennorm.var(shape, scale=scale), rtol=1e-10)
    total = model.aleatoric_variance(X) + model.epistemic_variance(X)
    assert_allclose(model.predict(X, return_std=True)[1], np.sqrt(total))
    levels = np.array([0.05, 0.5, 0.95])
    quantiles = model.predict_quantile(X, levels)
    below = gennorm.cdf(quantiles, *(part[:, None] for part in (shape, loc, scale)))
    assert_allclose(below, np.tile(levels, (100, 1)), rtol=1e-10)
    assert_array_equal(model.predict_quantile(X, 0.95), quantiles[:, 2])
    with pytest.raises(ValueError, match="q must be"):
        model.predict_quantile(X, [0.5, 1.0])


def test_a_single_member_agrees_with_itself(data):
    model = net(n_estimators=1, epistemic_weight=0).fit(*data)
    assert_array_equal(model.epistemic_variance(data[0]), 0)


def test_the_unit_of_the_outcome_does_not_matter(data):
    X, y = data
    plain, scaled = net().fit(X, y), net().fit(X, 100 * y - 7)
    assert_allclose(scaled.predict(X), 100 * plain.predict(X) - 7, rtol=1e-6)
    difference = plain.score_samples(X, y) - scaled.score_samples(X, 100 * y - 7)
    assert_allclose(difference, np.log(100), rtol=1e-6)


def test_pickle_partial_fit_and_a_network_of_ones_own(data):
    X, y = data
    model = net(GeneralizedGaussianTDRegressor, module=torch.nn.Linear).fit(X, y, X[::-1])
    copy = pickle.loads(pickle.dumps(model))
    for each in (model, copy):
        each.set_params(shape_bounds=(1, 2)).partial_fit(X, y, X[::-1])
    assert_array_equal(copy.predict(X), model.predict(X))
    assert model.predict_distribution(X)[2].min() >= 1


@sklearn.config_context(enable_metadata_routing=True)
def test_a_pipeline_transforms_next_states_where_it_is_told_to(data):
    X, y = data
    X, ahead, done = 10 + X, 10 + X[::-1], np.arange(100) % 4 == 0
    model = net(GeneralizedGaussianTDRegressor, target_update=2)
    model.set_fit_request(X_next=True, done=True)
    pipe = Pipeline([("scale", StandardScaler()), ("net", model)], transform_input=["X_next"])
    pipe.fit(X, y, X_next=ahead, done=done)
    scaler = StandardScaler().fit(X)
    rows, rows_ahead = scaler.transform(X), scaler.transform(ahead)
    expected = clone(model).fit(rows, y, rows_ahead, done)
    assert_array_equal(pipe.predict(X), expected.predict(rows))
