"""Callbacks: whatever iterates can be watched, scored and stopped."""

import pickle
import warnings

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skweight.testing._data import (
    assert_same_outputs,
    error_of,
    integer_weights,
    is_classifier,
    is_regressor,
    outputs,
    takes_weights,
    toy_problem,
)
from skweight.testing._registry import common_check


def takes_callbacks(estimator):
    """Tell whether the estimator iterates: it says so by a parameter or takes callbacks."""
    return "max_iter" in estimator.get_params(deep=False) or hasattr(estimator, "set_callbacks")


def _iterates(fitted):
    return hasattr(fitted, "max_iter") or hasattr(fitted, "n_iter_")


class Watcher:
    """Count tasks: how many each parent began and ended, and what its children brought."""

    stop = False

    def __init__(self):
        self.begun, self.ended, self.setups, self.teardowns = [], [], 0, 0
        self.fitted_estimators = 0

    def setup(self, estimator, context):
        """Count the set-up."""
        self.setups += 1

    def teardown(self, estimator, context):
        """Count the tear-down."""
        self.teardowns += 1

    def on_fit_task_begin(self, estimator, context):
        """Note a task that begins."""
        self.begun.append(id(context))

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        """Note a task that ends, and ask to stop if that is what this watcher is for."""
        self.ended.append((id(context), context))
        self.fitted_estimators += fitted_estimator is not None
        return self.stop

    def children(self):
        """Count the tasks that ended under each sequential parent."""
        counts = {}
        for _, context in self.ended:
            parent = context.parent
            if parent is not None and parent.sequential_subtasks:
                counts[id(parent)] = counts.get(id(parent), 0) + 1
        return counts


class Stopper(Watcher):
    """Stop every level of iterations at its first task."""

    stop = True


class Traveller(Watcher):
    """Be handed on by searches and pipelines to the estimators inside them."""

    max_propagation_depth = None


class Breaker(Watcher):
    """Fail at the end of a task."""

    def on_fit_task_end(self, estimator, context):
        """Fail."""
        raise RuntimeError("broken on purpose")


@common_check(needs=["sklearn.callback"])
def check_what_iterates_takes_callbacks(estimator):
    """An estimator with ``max_iter`` or ``n_iter_`` takes callbacks."""
    estimator.fit(*toy_problem(estimator))
    assert hasattr(estimator, "set_callbacks") or not _iterates(estimator), (
        f"{type(estimator).__name__} iterates but has no set_callbacks."
    )


@common_check(applies=takes_callbacks, needs=["sklearn.callback"])
def check_callbacks_see_the_fit(estimator):
    """Callbacks see every task begin and end, once set up and torn down, and change nothing."""
    X, y = toy_problem(estimator)
    expected = outputs(clone(estimator).fit(X, y), X)
    watcher = Watcher()
    estimator.set_callbacks(watcher).fit(X, y)
    assert (watcher.setups, watcher.teardowns) == (1, 1)
    assert sorted(watcher.begun) == sorted(key for key, _ in watcher.ended)
    if _iterates(estimator):
        assert watcher.children(), "no iteration was reported."
        assert watcher.fitted_estimators, "no task handed over a fitted estimator."
    assert watcher.ended[-1][1].parent is None, "the whole fit must end last."
    assert_same_outputs(outputs(estimator, X), expected, "watched by a callback")


@common_check(applies=takes_callbacks, needs=["sklearn.callback", "rich"])
def check_progress_bar(estimator):
    """scikit-learn's progress bar runs along and changes nothing."""
    from sklearn.callback import ProgressBar

    X, y = toy_problem(estimator)
    expected = outputs(clone(estimator).fit(X, y), X)
    estimator.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X, y)
    assert_same_outputs(outputs(estimator, X), expected, "with a progress bar")


def _is_scored(estimator):
    return takes_callbacks(estimator) and (is_classifier(estimator) or is_regressor(estimator))


@common_check(applies=_is_scored, needs=["sklearn.callback", "rich"])
def check_callbacks_inside_a_search(estimator):
    """Callbacks set on GridSearchCV reach the fits inside, here and in two workers."""
    from sklearn.callback import ProgressBar

    X, y = toy_problem(estimator)
    pipeline = make_pipeline(MinMaxScaler(), clone(estimator))
    search = GridSearchCV(pipeline, {}, cv=2, error_score="raise")
    traveller = Traveller()
    search.set_callbacks(traveller).fit(X, y)
    inside = [context for _, context in traveller.ended if context.parent is not None]
    name = type(estimator).__name__
    assert any(context.estimator_name == name for context in inside), "no task inside was seen."
    assert (traveller.setups, traveller.teardowns) == (1, 1)
    expected = search.best_estimator_.predict(X)
    bar = ProgressBar(max_propagation_depth=None)
    search.set_params(n_jobs=2).set_callbacks(bar).fit(X, y)
    np.testing.assert_array_equal(search.best_estimator_.predict(X), expected)


@common_check(applies=_is_scored, needs=["sklearn.callback"])
def check_scoring_monitor(estimator):
    """scikit-learn's monitor logs finite scores, weighted or not; the last is the model's."""
    from sklearn.callback import ScoringMonitor

    scoring = "accuracy" if is_classifier(estimator) else "r2"
    X, y = toy_problem(estimator)
    weighted = {"sample_weight": integer_weights(len(y))} if takes_weights(estimator) else {}
    for metadata in ({}, weighted):
        monitor = ScoringMonitor(scoring=scoring)
        model = clone(estimator).set_callbacks(monitor).fit(X, y, **metadata)
        scores = np.array([row[scoring] for row in monitor.get_logs().data if scoring in row])
        assert len(scores), "no score was logged."
        assert np.isfinite(scores).all()
        final = get_scorer(scoring)(model, X, y, **metadata)
        np.testing.assert_allclose(scores[-1], final, atol=1e-9)


@common_check(applies=takes_callbacks, needs=["sklearn.callback"])
def check_stopping_callback(estimator):
    """A callback that asks to stop is obeyed at once, and leaves a model that can be used."""
    X, y = toy_problem(estimator)
    watcher, stopper = Watcher(), Stopper()
    full = clone(estimator).set_callbacks(watcher).fit(X, y)
    short = clone(estimator).set_callbacks(stopper).fit(X, y)
    if not _iterates(full):
        return
    assert max(watcher.children().values(), default=0) > 1, (
        "the toy problem needs one iteration only; harden it in CHECK_PARAMETERS."
    )
    assert max(stopper.children().values()) == 1, "the fit went on after it was stopped."
    assert stopper.teardowns == 1
    for values in outputs(short, X).values():
        assert values.dtype.kind != "f" or np.isfinite(values).all()
    if hasattr(full, "n_iter_"):
        assert np.max(short.n_iter_) <= np.max(full.n_iter_)


@common_check(applies=takes_callbacks, needs=["sklearn.callback"])
def check_broken_callback(estimator):
    """A callback that fails is torn down, and the estimator can be fitted again."""
    X, y = toy_problem(estimator)
    expected = outputs(clone(estimator).fit(X, y), X)
    breaker = Breaker()
    estimator.set_callbacks(breaker)
    assert "on purpose" in error_of(estimator.fit, X, y, kinds=(RuntimeError,))
    assert (breaker.setups, breaker.teardowns) == (1, 1)
    estimator.set_callbacks().fit(X, y)
    assert_same_outputs(outputs(estimator, X), expected, "after a broken callback")


@common_check(applies=takes_callbacks, needs=["sklearn.callback"])
def check_callbacks_leave_nothing(estimator):
    """A fit with callbacks leaves no context behind: the model pickles to the same size."""
    X, y = toy_problem(estimator)
    plain = pickle.dumps(clone(estimator).fit(X, y))
    watched = estimator.set_callbacks(Stopper()).fit(X, y)
    watched = watched.set_callbacks(Watcher()).fit(X, y).set_callbacks()
    assert len(pickle.dumps(watched)) == len(plain)


@common_check(applies=lambda e: {"max_iter", "tol"} <= e.get_params(deep=False).keys())
def check_convergence_warning(estimator):
    """A fit that runs out of iterations warns, and the warning says what to raise."""
    X, y = toy_problem(estimator)
    estimator.set_params(max_iter=1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator.fit(X, y)
    messages = [str(w.message) for w in caught if issubclass(w.category, ConvergenceWarning)]
    assert messages, "max_iter=1 gave no ConvergenceWarning."
    assert any("max_iter" in message for message in messages), messages
