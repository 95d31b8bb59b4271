"""From fit to fit, through pickles, and on threads: the same bits."""

import copy
import io
import pickle
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from neural_cases import ESTIMATORS, SMALL, assert_same_bits, outputs, problem, state
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skweight.neural import NeuralClassifier, NeuralRegressor, NeuralTransformer, ResidualMLP

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ALL = pytest.mark.parametrize("make", ESTIMATORS)
OPTIMIZERS = pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop"])


def dropping(n_in, n_out, *, generator, dtype):
    """Build a network that needs random numbers in every step."""
    return ResidualMLP(n_in, n_out, (4, 4), dropout=0.3, generator=generator, dtype=dtype)


def joblib_copy(estimator):
    file = io.BytesIO()
    joblib.dump(estimator, file)
    file.seek(0)
    return joblib.load(file)


def pickle_copy(estimator):
    return pickle.loads(pickle.dumps(estimator))


def classes_for(make):
    return {"classes": [0, 1]} if make is NeuralClassifier else {}


@ALL
def test_a_fit_repeats_itself(make):
    X, y = problem()
    net = make(**SMALL).fit(X, y)
    assert_same_bits(net, make(**SMALL).fit(X, y))
    first = state(net)
    assert_same_bits(net.fit(X, y), make(**SMALL).fit(X, y))
    assert any((left != right).any() for left, right in zip(first, state(net.fit(-X, y))))
    other = make(**SMALL | {"random_state": 1}).fit(X, y)
    assert any((left != right).any() for left, right in zip(first, state(other)))
    # The state of a generator goes on, as scikit-learn has it.
    random_state = np.random.RandomState(0)
    moving = make(**SMALL | {"random_state": random_state})
    one, other = (state(moving.fit(X, y)) for _ in range(2))
    assert any((left != right).any() for left, right in zip(one, other))


@ALL
@OPTIMIZERS
def test_a_warm_start_goes_on_as_one_longer_fit(make, optimizer):
    X, y = problem()
    options = SMALL | {"optimizer": optimizer}
    whole = make(**options | {"max_iter": 9}).fit(X, y)
    parts = make(**options | {"max_iter": 4}, warm_start=True).fit(X, y)
    old = parts.net_
    parts.set_params(max_iter=5).fit(X, y)
    assert parts.net_ is old
    assert parts.n_iter_ == 5
    assert parts.t_ == whole.t_ == 9 * 60
    assert len(parts.loss_curve_) == 9
    assert_same_bits(whole, parts)


@ALL
@OPTIMIZERS
def test_a_warm_start_goes_on_with_the_same_rows_held_out(make, optimizer):
    X, y = problem()
    # Steps so small that every epoch is the best so far, and no weights are taken back.
    options = SMALL | {"optimizer": optimizer, "learning_rate_init": 1e-4, "early_stopping": True}
    whole = make(**options | {"max_iter": 6}).fit(X, y)
    assert (np.diff(whole.validation_scores_) > 0).all()
    parts = make(**options | {"max_iter": 2}, warm_start=True).fit(X, y).fit(X, y).fit(X, y)
    assert parts.validation_scores_ == whole.validation_scores_
    assert_same_bits(whole, parts)


def test_a_warm_start_takes_over_the_penalty_and_the_step():
    X, y = problem()
    # A step of almost nothing at first: then the second fit is one from the beginning.
    options = {"hidden_layer_sizes": (), "optimizer": torch.optim.SGD, "shuffle": False}
    options |= {"max_iter": 3, "random_state": 0}
    warm = NeuralClassifier(**options, warm_start=True, learning_rate_init=1e-300, alpha=0).fit(
        X, y
    )
    warm.set_params(learning_rate_init=0.5, alpha=2.0).fit(X, y)
    anew = NeuralClassifier(**options, learning_rate_init=0.5, alpha=2.0).fit(X, y)
    assert_allclose(warm.loss_curve_[3:], anew.loss_curve_, rtol=1e-13)
    assert_allclose(warm.coef_, anew.coef_, rtol=1e-12)
    with pytest.raises(ValueError, match="optimizer SGD, got Adam: set warm_start=False"):
        warm.set_params(optimizer="adam").fit(X, y)


@ALL
def test_without_warm_start_a_fit_begins_anew(make):
    X, y = problem()
    net = make(**SMALL).fit(X[:, :2], y).partial_fit(X[:, :2], y)
    assert net.n_iter_ == 5
    net.fit(X, y)
    assert net.n_iter_ == len(net.loss_curve_) == 4
    assert net.t_ == 4 * 60
    assert net.n_features_in_ == 3


@ALL
@OPTIMIZERS
@pytest.mark.parametrize("weighted", [False, True])
def test_partial_fit_is_an_epoch_of_fit(make, optimizer, weighted):
    X, y = problem()
    w = np.random.default_rng(0).uniform(0.5, 2, 60) if weighted else None
    options = SMALL | {"optimizer": optimizer}
    once = make(**options | {"max_iter": 1}).fit(X, y, sample_weight=w)
    part = make(**options).partial_fit(X, y, sample_weight=w, **classes_for(make))
    assert_same_bits(once, part)
    assert part.n_iter_ == once.n_iter_ == 1
    assert part.t_ == once.t_ == 60
    many = make(**options).fit(X, y, sample_weight=w)
    for _ in range(3):
        part.partial_fit(X, y, sample_weight=w)
    assert_same_bits(many, part)
    assert part.n_iter_ == 4
    assert part.validation_scores_ is None


def test_partial_fit_takes_rows_of_one_class():
    X, y = problem()
    net = NeuralClassifier(**SMALL)
    net.partial_fit(X[y == 0], y[y == 0], classes=[0, 1, 2])
    net.partial_fit(X[y == 1], y[y == 1])
    net.partial_fit(X[:0:-1], y[:0:-1], classes=[2, 1, 0])  # of the first call, in any order
    assert_array_equal(net.classes_, [0, 1, 2])
    assert net.predict_proba(X).shape == (60, 3)
    assert net.t_ == 60 + 59


def test_partial_fit_keeps_the_first_unit_of_targets():
    X, y = problem()
    net = NeuralRegressor(hidden_layer_sizes=(), random_state=0, learning_rate_init=1e-300)
    net.partial_fit(X, y)
    before = net.predict(X)
    net.partial_fit(X, 1000.0 + 50 * y)
    assert_allclose(net.predict(X), before, rtol=1e-12)


@ALL
@OPTIMIZERS
@pytest.mark.parametrize("duplicate", [pickle_copy, joblib_copy, copy.deepcopy])
def test_a_copy_goes_on_as_the_original_would(make, optimizer, duplicate):
    X, y = problem()
    net = make(**SMALL | {"optimizer": optimizer}).fit(X, y)
    before = outputs(net, X)
    other = duplicate(net)
    assert other.module_ is other.net_.module_
    assert_array_equal(outputs(other, X), before)
    for _ in range(3):
        other.partial_fit(X, y)
    assert_array_equal(outputs(net, X), before)  # they share nothing
    for _ in range(3):
        net.partial_fit(X, y)
    assert_same_bits(net, other)
    assert_array_equal(outputs(net, X), outputs(other, X))
    assert np.abs(outputs(net, X) - before).max() > 0


@pytest.mark.parametrize("duplicate", [pickle_copy, joblib_copy, copy.deepcopy])
def test_a_copy_keeps_the_generators_of_layers(duplicate):
    X, y = problem()
    net = NeuralClassifier(**SMALL, module=dropping, warm_start=True).fit(X, y)
    other = duplicate(net)
    assert_same_bits(net.fit(X, y), other.fit(X, y))


@ALL
def test_the_size_of_a_pickle_does_not_depend_on_the_rows(make):
    sizes = []
    for n in (300, 10_000):
        X, y = problem(n)
        net = make(hidden_layer_sizes=(20,), max_iter=1, random_state=0, early_stopping=True)
        net.fit(X, y, sample_weight=np.ones(n))
        outputs(net, X)
        sizes.append(len(pickle.dumps(net)))
    assert abs(sizes[1] - sizes[0]) < 1000


@ALL
def test_predictions_between_fits_are_of_the_last(make):
    X, y = problem()
    seen, replayed = make(**SMALL), make(**SMALL)
    for _ in range(3):
        seen.partial_fit(X, y, **classes_for(make))
        outputs(seen, X)
        replayed.partial_fit(X, y, **classes_for(make))
    assert_array_equal(outputs(seen, X), outputs(replayed, X))


def fitted_in_threads(nets, X, y):
    """Return copies fitted in four threads at once."""
    # Bits are promised for equal numbers of torch's threads, and dcor, which other tests compare
    # with, leaves this thread with more than new ones have.
    alike = {"initializer": torch.set_num_threads, "initargs": (torch.get_num_threads(),)}
    with ThreadPoolExecutor(4, **alike) as pool:
        return list(pool.map(lambda net: clone(net).fit(X, y), nets))


@ALL
def test_threads_give_what_one_gives(make):
    X, y = problem()
    options = SMALL if make is NeuralTransformer else SMALL | {"module": dropping}
    nets = [make(**options | {"random_state": seed}) for seed in range(8)]
    serial = [clone(net).fit(X, y) for net in nets]
    threaded = fitted_in_threads(nets, X, y)
    for one, other in zip(serial, threaded, strict=True):
        assert_same_bits(one, other)


def plain_network(n_in, n_out):
    """Build a network that draws from the global generator."""
    return torch.nn.Sequential(torch.nn.Linear(n_in, 4), torch.nn.ReLU(), torch.nn.Linear(4, n_out))


def test_threads_give_what_one_gives_for_networks_without_a_generator():
    X, y = problem()
    nets = [NeuralClassifier(module=plain_network, max_iter=1, random_state=s) for s in range(12)]
    serial = [clone(net).fit(X, y) for net in nets]
    threaded = fitted_in_threads(nets, X, y)
    for one, other in zip(serial, threaded, strict=True):
        assert_same_bits(one, other)


@ALL
@pytest.mark.parametrize("early_stopping", [False, True])
def test_global_states_stay(make, early_stopping):
    X, y = problem()
    modules = [None] if make is NeuralTransformer else [None, dropping, plain_network]
    for module in modules:
        own = {} if module is None else {"module": module}
        torch.manual_seed(5)
        np.random.seed(5)  # noqa: NPY002
        torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
        threads = torch.get_num_threads(), torch.get_num_interop_threads()
        grad, dtype = torch.is_grad_enabled(), torch.get_default_dtype()
        net = make(**SMALL, **own, early_stopping=early_stopping).fit(X, y)
        outputs(net, X)
        assert torch.equal(torch.get_rng_state(), torch_state)
        for left, right in zip(np.random.get_state(), numpy_state, strict=True):  # noqa: NPY002
            assert_array_equal(left, right)
        assert (torch.get_num_threads(), torch.get_num_interop_threads()) == threads
        assert (torch.is_grad_enabled(), torch.get_default_dtype()) == (grad, dtype)
        # Nor do they matter.
        torch.manual_seed(6)
        assert_same_bits(net, make(**SMALL, **own, early_stopping=early_stopping).fit(X, y))


@ALL
def test_what_the_user_holds_stays(make):
    X, y = problem()
    w = np.ones(60)
    before = X.copy(), y.copy()
    net = make(**SMALL | {"batch_size": None}, optimizer_params={"weight_decay": 0.1})
    parameters = {name: repr(value) for name, value in net.get_params().items()}
    net.fit(X, y, sample_weight=w)
    assert_array_equal(X, before[0])
    assert_array_equal(y, before[1])
    assert_array_equal(w, 1)
    assert {name: repr(value) for name, value in net.get_params().items()} == parameters
    frozen = outputs(net, X)
    X += 1
    net.partial_fit(X, y)
    X.flags.writeable = False
    net.fit(X, y)
    assert_array_equal(outputs(net.fit(before[0], y), before[0]), frozen)
