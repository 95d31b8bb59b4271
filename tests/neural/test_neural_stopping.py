"""When training stops, which rows decide, and which weights stay."""

import warnings

import numpy as np
import pytest

pytest.importorskip("torch")

from neural_cases import ESTIMATORS, SMALL, assert_same_bits, outputs, problem, state
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import (
    GroupShuffleSplit,
    PredefinedSplit,
    ShuffleSplit,
    StratifiedShuffleSplit,
    TimeSeriesSplit,
)

from skweight.neural import NeuralClassifier, NeuralRegressor

ALL = pytest.mark.parametrize("make", ESTIMATORS)
QUIET = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def noisy(n=60):
    """Make rows with labels of little sense, on which long training does harm."""
    rng = np.random.default_rng(3)
    return rng.normal(size=(n, 3)), rng.permutation(np.arange(n) % 2)


def standardised(y, w):
    """Return targets of mean 0 and variance 1."""
    y = y - np.average(y, weights=w)
    return y / np.sqrt(np.average(y**2, weights=w))


@QUIET
@pytest.mark.parametrize("make", [NeuralClassifier, NeuralRegressor])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_best_weights_come_back(make, weighted):
    """Replay the epochs without early stopping, and look at the rows held out after each."""
    X, y = noisy()
    w = np.random.default_rng(1).uniform(0.2, 2, 60) if weighted else np.ones(60)
    held = np.arange(60) % 4 == 0
    kept = ~held
    if make is NeuralRegressor:  # so that the unit of all targets is that of the rows kept
        y = y.astype(float)
        y[kept], y[held] = standardised(y[kept], w[kept]), standardised(y[held], w[held])
    cv = PredefinedSplit(np.where(held, 0, -1))
    options = SMALL | {"learning_rate_init": 0.05}
    net = make(**options | {"max_iter": 30}, early_stopping=True, cv=cv, n_iter_no_change=5)
    net.fit(X, y, sample_weight=w)
    replay = make(**options | {"max_iter": 1}, warm_start=True)
    losses, states = [], []
    for _ in range(net.n_iter_):
        replay.fit(X[kept], y[kept], sample_weight=w[kept])
        if make is NeuralClassifier:
            loss = -np.log(replay.predict_proba(X[held])[np.arange(held.sum()), y[held]])
        else:
            loss = (replay.predict(X[held]) - y[held]) ** 2
        losses.append(np.average(loss, weights=w[held]))
        states.append(state(replay))
    assert_allclose(net.validation_scores_, -np.array(losses), rtol=1e-9)
    assert_allclose(net.loss_curve_, replay.loss_curve_, rtol=1e-9)
    best = int(np.argmin(losses))
    assert 0 < best < net.n_iter_ - 1 < 29
    for left, right in zip(state(net), states[best], strict=True):
        assert_allclose(left, right, rtol=1e-9, atol=1e-12)
    assert_allclose(net.best_loss_, losses[best], rtol=1e-9)
    assert net.t_ == net.n_iter_ * kept.sum()


@QUIET
@ALL
def test_best_weights_come_back_before_a_callback_of_skorch_stops(make):
    from skorch.callbacks import EarlyStopping

    X, y = noisy()
    options = SMALL | {"learning_rate_init": 0.05, "max_iter": 30, "early_stopping": True}
    net = make(**options, callbacks=[EarlyStopping("valid_loss", patience=2, threshold=0)])
    net.fit(X, y)
    best = int(np.argmax(net.validation_scores_)) + 1
    assert net.n_iter_ == best + 2
    # The hold-out is the same, and so are the epochs: one that ends at the best is equal.
    shorter = make(**options | {"max_iter": best}).fit(X, y)
    for left, right in zip(state(net), state(shorter), strict=True):
        assert_array_equal(left, right)


@QUIET
@ALL
def test_training_stops_after_epochs_without_improvement(make):
    X, y = noisy()
    for early_stopping in (False, True):
        net = make(
            **SMALL | {"max_iter": 40, "learning_rate_init": 0.05},
            early_stopping=early_stopping,
            tol=0.02,
            n_iter_no_change=3,
        ).fit(X, y)
        losses = -np.array(net.validation_scores_) if early_stopping else net.loss_curve_
        best, without, stop = np.inf, 0, None
        for epoch, loss in enumerate(losses, 1):
            without = without + 1 if loss > best - 0.02 else 0
            best = min(best, loss)
            if without > 3:
                stop = epoch
                break
        assert net.n_iter_ == stop == len(net.loss_curve_) < 40


@ALL
def test_a_warning_names_what_to_raise(make):
    X, y = problem()
    with pytest.warns(ConvergenceWarning, match=r"max_iter=2 epochs: raise max_iter"):
        make(**SMALL | {"max_iter": 2}).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(**SMALL | {"max_iter": 50}, tol=10.0, n_iter_no_change=1).fit(X, y)
        labels = {"classes": [0, 1]} if make is NeuralClassifier else {}
        make(**SMALL).partial_fit(X, y, **labels)


@QUIET
@pytest.mark.parametrize(
    "cv",
    [
        PredefinedSplit(np.where(np.arange(60) < 45, -1, 0)),
        TimeSeriesSplit(3),
        ShuffleSplit(2, test_size=0.3, random_state=4),
        3,
    ],
    ids=lambda cv: type(cv).__name__,
)
@ALL
def test_the_first_split_of_cv_says_what_is_held_out(make, cv):
    from sklearn.model_selection import check_cv

    X, y = problem()
    classifier = make is NeuralClassifier
    kept, held = next(check_cv(cv, y, classifier=classifier).split(X, y))
    net = make(**SMALL, early_stopping=True, cv=cv).fit(X, y)
    assert net.t_ == 4 * len(kept)
    # What is held out, and nothing else, has no say in the steps.
    changed = X.copy()
    changed[held] = 7 * X[held]
    other = make(**SMALL, early_stopping=True, cv=cv).fit(changed, y)
    assert net.loss_curve_ == other.loss_curve_
    assert net.validation_scores_ != other.validation_scores_
    changed[kept[0]] += 1
    other.fit(changed, y)
    assert net.loss_curve_ != other.loss_curve_


@QUIET
def test_groups_are_held_out_by_an_iterable_of_splits():
    X, y = problem()
    groups = np.arange(60) // 6
    splits = list(GroupShuffleSplit(1, test_size=0.3, random_state=0).split(X, y, groups))
    net = NeuralClassifier(**SMALL, early_stopping=True, cv=splits).fit(X, y)
    assert net.t_ == 4 * len(splits[0][0])


@QUIET
@ALL
def test_a_share_of_every_class_is_held_out(make):
    X, y = problem(80)
    y = (np.arange(80) % 8 == 0).astype(int)
    net = make(**SMALL, early_stopping=True, validation_fraction=0.25).fit(X, y)
    assert net.t_ == 4 * 60
    split = StratifiedShuffleSplit if make is NeuralClassifier else ShuffleSplit
    kept, held = next(split(1, test_size=0.25, random_state=net._hold_out_seed).split(X, y))
    by_hand = make(**SMALL, early_stopping=True, cv=[(kept, held)]).fit(X, y)
    assert_same_bits(net, by_hand)


@pytest.mark.parametrize(
    ("counts", "fraction", "sentence"),
    [
        ((20, 1), 0.1, r"validation_fraction=0.1 holds 3 row.s. out.*got counts \[20, 1\]"),
        ((5, 5), 0.1, r"validation_fraction=0.1 holds 1 row.s. out.*got counts \[5, 5\]"),
    ],
)
def test_too_few_rows_to_hold_some_out(counts, fraction, sentence):
    X = problem(sum(counts))[0]
    net = NeuralClassifier(**SMALL, early_stopping=True, validation_fraction=fraction)
    with pytest.raises(ValueError, match=sentence):
        net.fit(X, np.repeat([0, 1], counts))
    assert not hasattr(net, "net_")


def test_one_row_cannot_be_held_out():
    net = NeuralRegressor(**SMALL, early_stopping=True)
    with pytest.raises(ValueError, match=r"needs 2 rows at least, got n_samples=1"):
        net.fit([[1.0]], [1.0])


@QUIET
@ALL
def test_a_split_that_is_not_used_is_warned_of(make):
    X, y = problem()
    with pytest.warns(UserWarning, match=r"cv .* early_stopping=True .* not used"):
        make(**SMALL, cv=3).fit(X, y)


@ALL
def test_partial_fit_holds_nothing_out(make):
    X, y = problem()
    labels = {"classes": [0, 1]} if make is NeuralClassifier else {}
    with pytest.raises(ValueError, match=r"partial_fit does not support early_stopping=True"):
        make(**SMALL, early_stopping=True).partial_fit(X, y, **labels)


@QUIET
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_loss_that_explodes_says_what_to_do(early_stopping):
    X, y = problem()
    net = NeuralRegressor(
        hidden_layer_sizes=(5,),
        optimizer="sgd",
        learning_rate_init=1e8,
        early_stopping=early_stopping,
        random_state=0,
    )
    with pytest.raises(ValueError, match=r"The loss is (inf|nan) after \d+ epoch.*scale X"):
        net.fit(1e4 * X, y)
    assert not hasattr(net, "net_")


@QUIET
@ALL
def test_the_best_weights_do_not_move_with_the_live_ones(make):
    """After early stopping the weights in use are not those that a later step changes."""
    X, y = noisy()
    net = make(**SMALL | {"max_iter": 12, "learning_rate_init": 0.05}, early_stopping=True)
    net.fit(X, y)
    before = outputs(net, X)
    net.set_params(early_stopping=False).partial_fit(X, y)
    assert np.abs(outputs(net, X) - before).max() > 0
