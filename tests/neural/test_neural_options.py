"""Optimisers, batches, precision, devices and compilers of one's choice; searches over them."""

import pickle
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from neural_cases import ESTIMATORS, SMALL, assert_same_bits, outputs, problem, state
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader

from skweight.neural import MLP, NeuralClassifier, NeuralRegressor, ResidualMLP
from skweight.neural._net import move

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ALL = pytest.mark.parametrize("make", ESTIMATORS)
SUPERVISED = pytest.mark.parametrize("make", [NeuralClassifier, NeuralRegressor])


# ---------------------------------------------------------------- optimisers


@ALL
@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "rmsprop", "nadam", "radam"])
def test_optimisers_by_name_and_by_class(make, name):
    X, y = problem()
    options = {"momentum": 0.9, "nesterov": True} if name == "sgd" else {}
    cls = {"adamw": "AdamW", "rmsprop": "RMSprop", "nadam": "NAdam", "radam": "RAdam"}.get(name)
    cls = getattr(torch.optim, cls or {"adam": "Adam", "sgd": "SGD"}[name])
    one = make(**SMALL, optimizer=name).fit(X, y)
    other = make(**SMALL, optimizer=cls, optimizer_params=options).fit(X, y)
    assert type(one.net_.optimizer_) is cls
    # Fused steps round differently.
    for left, right in zip(state(one), state(other), strict=True):
        assert_allclose(left, right, rtol=1e-9, atol=1e-12)
    assert len(set(one.loss_curve_)) == 4


@ALL
def test_options_of_optimisers(make):
    X, y = problem()
    net = make(**SMALL, optimizer_params={"betas": (0.5, 0.6)}).fit(X, y)
    assert net.net_.optimizer_.param_groups[0]["betas"] == (0.5, 0.6)
    assert net.net_.optimizer_.param_groups[0]["lr"] == 1e-3
    plain = make(**SMALL).fit(X, y)
    assert np.abs(outputs(net, X) - outputs(plain, X)).max() > 0
    with pytest.raises(TypeError, match="speed"):
        make(**SMALL, optimizer_params={"speed": 1}).fit(X, y)


@SUPERVISED
@pytest.mark.parametrize("callbacks", [None, "some"])
def test_an_optimiser_that_asks_for_the_loss_several_times(make, callbacks):
    from skorch.callbacks import EpochTimer

    X, y = problem()
    net = make(
        **SMALL | {"batch_size": None, "max_iter": 5, "learning_rate_init": 1.0},
        optimizer=torch.optim.LBFGS,
        callbacks=[EpochTimer()] if callbacks else None,
    ).fit(X, y)
    # The loss of an epoch is that with which it began: the first is that of no training at all.
    begin = make(**SMALL | {"batch_size": None, "max_iter": 1}).fit(X, y)
    assert_allclose(net.loss_curve_[0], begin.loss_curve_[0], rtol=1e-12)
    assert net.loss_curve_[1] < 0.7 * net.loss_curve_[0]
    assert net.t_ == 5 * 60


# ---------------------------------------------------------------- batches


@SUPERVISED
@pytest.mark.parametrize("weighted", [False, True])
def test_loaders_of_torch(make, weighted):
    X, y = problem()
    w = np.random.default_rng(0).uniform(0.5, 2, 60) if weighted else None
    options = SMALL | {"shuffle": False}  # each has a way of its own to draw orders
    ours = make(**options).fit(X, y, sample_weight=w)
    theirs = make(**options, iterator_train=DataLoader).fit(X, y, sample_weight=w)
    assert isinstance(theirs.net_.get_iterator([0], training=True), DataLoader)
    assert_same_bits(ours, theirs)
    shuffled = SMALL | {"iterator_train": DataLoader}
    one, other = (make(**shuffled).fit(X, y, sample_weight=w) for _ in range(2))
    assert_same_bits(one, other)
    assert one.loss_curve_ != ours.loss_curve_
    assert_same_bits(pickle.loads(pickle.dumps(one)).partial_fit(X, y), one.partial_fit(X, y))


def first_rows_twice(dataset, batch_size, generator=None, shuffle=False):
    """Draw each batch from the first rows, which torch's samplers could do, too."""
    for _ in range(2):
        yield dataset[torch.arange(batch_size)]


def test_batches_by_a_function():
    X, y = problem()
    net = NeuralClassifier(**SMALL, iterator_train=first_rows_twice).fit(X, y)
    other = NeuralClassifier(**SMALL, iterator_train=first_rows_twice)
    other.fit(np.vstack([X[:16], -X[16:]]), y)
    assert_same_bits(net, other)


# ---------------------------------------------------------------- precision


@ALL
def test_mixed_precision(make):
    X, y = problem()
    seen = []

    def spy(self, input):
        output = torch.nn.functional.linear(input, self.weight, self.bias)
        seen.append(output.dtype)
        return output

    options = SMALL | {"max_iter": 20, "learning_rate_init": 0.02}
    single = make(**options, dtype="float32").fit(X, y)
    with mock.patch.object(torch.nn.Linear, "forward", spy):
        mixed = make(**options, amp=True).fit(X, y)
    assert set(seen) == {torch.bfloat16}
    assert all(part.dtype == torch.float32 for part in mixed.module_.parameters())
    # bfloat16 has 8 bits: the same path to about a hundredth, for as long as units switch alike.
    assert_allclose(mixed.loss_curve_[:5], single.loss_curve_[:5], rtol=0.01)
    assert mixed.loss_curve_[-1] < 0.8 * mixed.loss_curve_[0]
    assert mixed.loss_curve_ != single.loss_curve_
    assert outputs(mixed, X).dtype == np.float64
    with pytest.raises(ValueError, match=r"amp=True .* got dtype='float64'"):
        make(**SMALL, amp=True, dtype="float64").fit(X, y)


@ALL
def test_the_type_of_the_network(make):
    X, y = problem()

    def dtype(rows, **options):
        net = make(**SMALL | {"max_iter": 1}, **options).fit(rows, y)
        return next(net.module_.parameters()).dtype

    assert dtype(X) == dtype(X.round().astype(int)) == torch.float64
    assert dtype(X.astype(np.float32)) == dtype(X, dtype="float32") == torch.float32
    assert dtype(X.astype(np.float32), dtype="float64") == torch.float64


# ---------------------------------------------------------------- devices


@ALL
def test_devices(make):
    X, y = problem()
    expected = make(**SMALL, device="cpu").fit(X, y)
    if not torch.cuda.is_available():
        assert_same_bits(make(**SMALL).fit(X, y), expected)
        with pytest.raises(ValueError, match="device='cuda' is not available here"):
            make(**SMALL, device="cuda").fit(X, y)
    broken = make(**SMALL, device="toaster")
    with pytest.raises(ValueError, match="device='toaster' is not available here") as caught:
        broken.fit(X, y)
    assert "\n" not in str(caught.value)
    assert not [name for name in vars(broken) if name.endswith("_")]
    with pytest.raises(ValueError, match="device='toaster' is not available here"):
        outputs(expected.set_params(device="toaster"), X)


@pytest.mark.parametrize("fused", [False, True])
def test_what_an_optimiser_remembers_moves_with_the_network(fused):
    """To torch's device "meta", which is everywhere and holds no numbers."""
    module = torch.nn.Linear(3, 2, device="meta")
    optimizer = torch.optim.Adam(module.parameters())
    optimizer.param_groups[0]["fused"] = fused
    for parameter in module.parameters():
        there = {"step": torch.tensor(1.0), "exp_avg": torch.zeros(3), "old": [torch.zeros(3)]}
        optimizer.state[parameter] = there
    net = SimpleNamespace(
        device="cpu", module_=module, criterion_=torch.nn.MSELoss(), optimizer_=optimizer
    )
    move(net, "meta")
    assert net.device == "meta"
    for parameter in module.parameters():
        entries = optimizer.state[parameter]
        assert entries["exp_avg"].device.type == entries["old"][0].device.type == "meta"
        # Fused kernels count steps where they are, others on the CPU.
        assert entries["step"].device.type == ("meta" if fused else "cpu")
    before = optimizer.state[parameter]["exp_avg"]
    move(net, "meta")  # nothing to do
    assert optimizer.state[parameter]["exp_avg"] is before


# ---------------------------------------------------------------- compilers


class Compiled(torch.nn.Module):
    """What torch.compile returns, without the compiler."""

    def __init__(self, module):
        super().__init__()
        self._orig_mod = module

    def forward(self, *args, **kwargs):
        return self._orig_mod(*args, **kwargs)


@ALL
@pytest.mark.parametrize("early_stopping", [False, True])
def test_compiled_networks(make, early_stopping):
    X, y = problem()
    options = SMALL | {"early_stopping": early_stopping, "warm_start": True}
    plain = make(**options).fit(X, y)
    with mock.patch("torch.compile", side_effect=Compiled) as compiler:
        net = make(**options, compile=True).fit(X, y)
        modules = [call.args[0] for call in compiler.call_args_list]
        assert net.module_ in modules
        assert not isinstance(net.module_, Compiled)
        assert_same_bits(net, plain)
        assert_array_equal(outputs(pickle.loads(pickle.dumps(net)), X), outputs(plain, X))
        # What goes on is compiled again, and goes on as if it was not.
        assert_same_bits(net.fit(X, y), plain.fit(X, y))
        assert len(compiler.call_args_list) > len(modules)
    assert_array_equal(outputs(net, X), outputs(plain, X))
    with mock.patch("torch.compile", side_effect=Compiled) as compiler:
        make(**options).fit(X, y)
        assert not compiler.called


# ---------------------------------------------------------------- searches


def test_a_search_in_a_pipeline():
    X, y = problem(90)
    net = NeuralClassifier((4,), max_iter=3, batch_size=16, random_state=0)
    grid = {
        "neuralclassifier__module": [MLP, ResidualMLP],
        "neuralclassifier__optimizer": ["sgd", torch.optim.Adam],
        "neuralclassifier__alpha": [0.0, 10.0],
    }
    model = make_pipeline(StandardScaler(), net)
    one, other = (
        GridSearchCV(model, grid, cv=2, n_jobs=n_jobs, scoring="neg_log_loss").fit(X, y)
        for n_jobs in (1, 2)  # two are processes
    )
    scores = one.cv_results_["mean_test_score"]
    assert len(set(scores)) == 8
    assert_array_equal(other.cv_results_["mean_test_score"], scores)
    assert one.best_params_ == other.best_params_
    by_hand = model.set_params(**one.best_params_).fit(X, y)
    assert_array_equal(one.predict_proba(X), by_hand.predict_proba(X))
    assert_array_equal(other.predict_proba(X), by_hand.predict_proba(X))
