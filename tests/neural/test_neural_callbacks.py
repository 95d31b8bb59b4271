"""Callbacks of skorch and of scikit-learn see every epoch, and leave nothing behind."""

import pickle

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from neural_cases import ESTIMATORS, SMALL, assert_same_bits, outputs, problem, state
from numpy.testing import assert_allclose, assert_array_equal
from skorch.callbacks import Callback, Checkpoint, EarlyStopping, EpochTimer, Freezer, LRScheduler

from skweight.neural import NeuralClassifier, NeuralRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ALL = pytest.mark.parametrize("make", ESTIMATORS)


class Recorder(Callback):
    """Remember what a callback is told."""

    def __init__(self):
        self.events = []
        self.sizes = []

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        self.events.append("train_begin")

    def on_train_end(self, net, X=None, y=None, **kwargs):
        self.events.append("train_end")

    def on_epoch_end(self, net, **kwargs):
        self.events.append("epoch_end")

    def on_batch_end(self, net, batch=None, training=None, **kwargs):
        self.sizes.append((training, len(batch[0])))


# ---------------------------------------------------------------- skorch's


@ALL
def test_a_callback_changes_nothing_by_being_there(make):
    X, y = problem()
    w = np.random.default_rng(0).uniform(0.5, 2, 60)
    recorder = Recorder()
    for options in ({}, {"early_stopping": True}):
        plain = make(**SMALL, **options).fit(X, y, sample_weight=w)
        net = make(**SMALL, **options, callbacks=[recorder]).fit(X, y, sample_weight=w)
        assert_same_bits(plain, net)
        assert recorder.events == []  # a copy was told
        told = dict(net.net_.callbacks_)["Recorder"]
        assert told.events == ["train_begin", *["epoch_end"] * 4, "train_end"]
        if options:
            assert told.sizes == [(True, 16), (True, 16), (True, 16), (True, 6), (False, 6)] * 4
        else:
            assert told.sizes == [(True, 16), (True, 16), (True, 16), (True, 12)] * 4


@ALL
@pytest.mark.parametrize("callbacks", [EpochTimer(), (EpochTimer(),), [("timer", EpochTimer())]])
def test_forms_of_callbacks(make, callbacks):
    X, y = problem()
    net = make(**SMALL, callbacks=callbacks).fit(X, y)
    assert len(net.net_.history) == 4
    assert all(row["dur"] > 0 for row in net.net_.history)
    assert len(net.net_.callbacks_) == 1


@ALL
def test_the_history_has_the_losses(make):
    X, y = problem()
    net = make(**SMALL, early_stopping=True, callbacks=[EpochTimer()]).fit(X, y)
    history = net.net_.history
    assert list(history[:, "train_loss"]) == net.loss_curve_
    assert_allclose(history[:, "valid_loss"], -np.array(net.validation_scores_))
    losses = np.array(net.loss_curve_)
    assert list(history[:, "train_loss_best"]) == [
        bool(losses[i] < losses[:i].min(initial=np.inf)) for i in range(4)
    ]
    assert all(row["batches"] == [] for row in history)


@ALL
def test_schedulers(make):
    X, y = problem()
    schedule = LRScheduler(torch.optim.lr_scheduler.StepLR, step_size=1, gamma=0.1)
    net = make(**SMALL | {"optimizer": "sgd"}, callbacks=[schedule]).fit(X, y)
    assert_allclose(net.net_.optimizer_.param_groups[0]["lr"], 1e-7)
    assert_allclose(net.net_.history[:, "event_lr"], [1e-3, 1e-4, 1e-5, 1e-6])
    # The first epoch is that without a scheduler.
    assert net.loss_curve_[0] == make(**SMALL | {"optimizer": "sgd"}).fit(X, y).loss_curve_[0]


@ALL
def test_the_history_goes_on_after_a_warm_start(make):
    X, y = problem()
    schedule = LRScheduler(torch.optim.lr_scheduler.StepLR, step_size=2, gamma=0.5)
    net = make(**SMALL, callbacks=[schedule], warm_start=True).fit(X, y).fit(X, y)
    assert len(net.net_.history) == 8
    assert net.n_iter_ == 4


@ALL
def test_early_stopping_of_skorch(make):
    X, y = problem()
    stop = EarlyStopping("train_loss", patience=3, threshold=10.0, threshold_mode="abs")
    net = make(**SMALL | {"max_iter": 50}, callbacks=[stop]).fit(X, y)
    # The first epoch is the best; three more do not beat it by 10.
    assert net.n_iter_ == len(net.loss_curve_) == 4
    shorter = make(**SMALL).fit(X, y)
    assert_same_bits(net, shorter)


@ALL
def test_checkpoints(make, tmp_path):
    X, y = problem()
    save = Checkpoint(dirname=tmp_path, monitor="train_loss_best")
    net = make(**SMALL, callbacks=[save]).fit(X, y)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"params.pt", "optimizer.pt", "criterion.pt", "history.json"}
    saved = torch.load(tmp_path / "params.pt", weights_only=True)
    assert net.loss_curve_[-1] == min(net.loss_curve_)
    for left, right in zip(saved.values(), state(net), strict=True):
        assert_array_equal(left, right)


def test_frozen_layers():
    X, y = problem()
    options = SMALL | {"optimizer": "sgd", "alpha": 0.5}
    net = NeuralRegressor(**options, callbacks=[Freezer("0.*")]).fit(X, y)
    begin = NeuralRegressor(**options | {"max_iter": 1, "learning_rate_init": 1e-300}).fit(X, y)
    before, after = state(begin), state(net)
    assert_array_equal(before[0], after[0])
    assert_array_equal(before[1], after[1])
    assert np.abs(before[2] - after[2]).max() > 0


class Failing(Callback):
    """Fail in the second epoch."""

    def on_epoch_begin(self, net, **kwargs):
        if len(net.history) == 2:
            raise RuntimeError("no second epoch")


@ALL
@pytest.mark.parametrize("early_stopping", [False, True])
def test_an_exception_inside_a_fit(make, early_stopping):
    X, y = problem()
    net = make(**SMALL, callbacks=[Failing()], early_stopping=early_stopping)
    before = set(vars(net))
    with pytest.raises(RuntimeError, match="no second epoch"):
        net.fit(X, y)
    assert set(vars(net)) == before
    with pytest.raises(ValueError, match="not fitted"):
        outputs(net, X)
    net.set_params(callbacks=None).fit(X, y)
    assert_same_bits(net, make(**SMALL, early_stopping=early_stopping).fit(X, y))


class Interrupting(Callback):
    """Do what the keyboard does, in the middle of an epoch."""

    def on_batch_end(self, net, **kwargs):
        raise KeyboardInterrupt


@ALL
def test_the_keyboard_stops_a_fit(make):
    X, y = problem()
    net = make(**SMALL, callbacks=[Interrupting()])
    with pytest.raises(KeyboardInterrupt):
        net.fit(X, y)
    assert not hasattr(net, "net_")


@ALL
def test_a_failed_warm_start_keeps_what_was_learned(make):
    X, y = problem()
    net = make(**SMALL, warm_start=True, early_stopping=True).fit(X, y)
    before = outputs(net, X)
    net.set_params(early_stopping=False).fit(X[:40], y[:40])
    assert np.abs(outputs(net, X) - before).max() > 0
    kept = outputs(net, X)
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        net.set_params(hidden_layer_sizes=(6,)).fit(X, y)
    assert_array_equal(outputs(net, X), kept)


# ---------------------------------------------------------------- scikit-learn's


class Listener:
    """Predict after every epoch, with the estimator and with the copy that scikit-learn makes."""

    max_propagation_depth = None

    def __init__(self, X, stop_after=None, fail_after=None):
        self.X = X
        self.stop_after = stop_after
        self.fail_after = fail_after
        self.own = []
        self.copies = []
        self.seen = []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
        if fitted_estimator is None:
            return False
        self.own.append(outputs(estimator, self.X))
        self.copies.append(outputs(fitted_estimator, self.X))
        self.seen.append((X, y, metadata))
        if len(self.own) == self.fail_after:
            raise RuntimeError("a callback fails")
        return len(self.own) == self.stop_after


@pytest.fixture
def sklearn_callback():
    return pytest.importorskip("sklearn.callback")


@ALL
def test_epochs_of_scikit_learn(make, sklearn_callback):
    X, y = problem()
    labels = np.array(["no", "yes"])[y] if make is NeuralClassifier else y
    w = np.random.default_rng(0).uniform(0.5, 2, 60)
    listener = Listener(X)
    net = make(**SMALL)
    net.set_callbacks(listener)
    net.fit(X, labels, sample_weight=w)
    assert_same_bits(net, make(**SMALL).fit(X, labels, sample_weight=w))
    assert len(listener.own) == 4
    for epoch in range(4):
        expected = make(**SMALL | {"max_iter": epoch + 1}).fit(X, labels, sample_weight=w)
        assert_array_equal(listener.own[epoch], outputs(expected, X))
        assert_array_equal(listener.copies[epoch], outputs(expected, X))
    X_seen, y_seen, metadata = listener.seen[-1]
    assert_array_equal(X_seen, X)
    assert_array_equal(metadata["sample_weight"], w)
    if y_seen is not None:
        assert_array_equal(y_seen, labels)
    assert_array_equal(outputs(net, X), listener.own[-1])


@ALL
def test_a_callback_of_scikit_learn_stops_a_fit(make, sklearn_callback):
    X, y = problem()
    net = make(**SMALL | {"max_iter": 50})
    net.set_callbacks(Listener(X, stop_after=3))
    assert net.fit(X, y).n_iter_ == 3
    assert_same_bits(net, make(**SMALL | {"max_iter": 3}).fit(X, y))


@ALL
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_callback_of_scikit_learn_that_fails(make, sklearn_callback, early_stopping):
    X, y = problem()
    net = make(**SMALL, early_stopping=early_stopping)
    net.set_callbacks(Listener(X, fail_after=2))
    before = set(vars(net))
    with pytest.raises(RuntimeError, match="a callback fails"):
        net.fit(X, y)
    assert set(vars(net)) == before
    with pytest.raises(ValueError, match="not fitted"):
        outputs(net, X)


def test_scores_are_monitored(sklearn_callback):
    X, y = problem()
    labels = np.array(["no", "yes"])[y]
    monitor = sklearn_callback.ScoringMonitor(scoring="neg_log_loss")
    net = NeuralClassifier(**SMALL | {"batch_size": None, "alpha": 0.0})
    net.set_callbacks(monitor)
    net.fit(X, labels)
    scores = [row["neg_log_loss"] for row in monitor.get_logs().data if "neg_log_loss" in row]
    assert len(scores) == 4
    # A score is known after an epoch, a loss before its step.
    assert_allclose(scores[:3], -np.array(net.loss_curve_[1:]), rtol=1e-9)


@ALL
def test_a_listened_fit_is_no_larger(make, sklearn_callback):
    sizes = []
    for n in (300, 10_000):
        X, y = problem(n)
        net = make(hidden_layer_sizes=(5,), max_iter=2, random_state=0, callbacks=[EpochTimer()])
        net.fit(X, y)
        sizes.append(len(pickle.dumps(net)))
    assert abs(sizes[0] - sizes[1]) < 1000
