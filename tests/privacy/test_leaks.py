"""Nothing of private rows leaves but by the noisy sums: every private estimator of the room."""

import contextlib
import gc
import inspect
import io
import logging
import pickle
import re
import struct
import warnings
import weakref
from functools import partial
from unittest import mock

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils import estimator_html_repr

from skweight.privacy import PrivacyLeakWarning, PrivateDistanceSum
from skweight.privacy._lifecycle import PrivateEstimator
from skweight.privacy._outlier_offset import ScoreTree
from skweight.testing import all_estimators, cheap_instances

pytest.importorskip("cryptography")
pytest.importorskip("opendp")

# Two numbers of rows that nothing public in an estimator is as large as.
FEW, MANY = 211, 1013


def private_instances():
    """Every private estimator with public bounds and classes: new ones are found by themselves."""
    found = []
    for estimator in cheap_instances():
        if not isinstance(estimator, PrivateEstimator):
            continue
        public = {"bounds": (-4, 4), "classes": [0, 1, 2], "n_hint": 500, "random_state": None}
        known = estimator.get_params()
        estimator.set_params(**{name: value for name, value in public.items() if name in known})
        # So much noise that no noisy number is a true one by chance.
        found.append(estimator.set_params(epsilon=0.01))
    return found


each = pytest.mark.parametrize("estimator", private_instances(), ids=repr)


def data(n, seed, d=3):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(n, d)), rng.integers(0, 3, size=n)
    return X, y


def fitted(estimator, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return clone(estimator).fit(X, y)


def test_all_private_estimators_are_here():
    names = {
        name
        for name, cls in all_estimators()
        if cls.__module__.startswith("skweight.privacy") and issubclass(cls, PrivateEstimator)
    }
    assert {type(estimator).__name__ for estimator in private_instances()} == names
    # Whatever is private by its name is so by its base.
    assert all(
        issubclass(cls, PrivateEstimator)
        for name, cls in all_estimators()
        if name.startswith("Private")
    )


# ---------------------------------------------------------------- what is kept


@contextlib.contextmanager
def sums_of_nothing(cls):
    """Let every sum of rows be zero just before noise is added to it."""
    draw, cells = cls._draw, ScoreTree.cells

    def draw_of_nothing(self, public, arrays, source):
        return draw(self, public, {k: np.zeros_like(a) for k, a in arrays.items()}, source)

    def no_cells(self, scores, score_range):
        return np.zeros_like(cells(self, scores, score_range))

    with (
        mock.patch.object(cls, "_draw", draw_of_nothing),
        mock.patch.object(ScoreTree, "cells", no_cells),
    ):
        yield


def shown(model):
    """What `repr` tells of all attributes, but for addresses in memory."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(vars(model)))


@each
def test_without_the_noisy_sums_all_rows_look_the_same(estimator):
    # Other rows, more of them, and of other classes: the pickles are the same to the byte.
    estimator = clone(estimator).set_params(random_state=0)
    (X, y), (X2, y2) = (data(n, seed) for n, seed in ((FEW, 0), (MANY, 1)))
    X2[5], y2 = 4.0, np.minimum(y2, 1)
    with sums_of_nothing(type(estimator)):
        one, other = fitted(estimator, X, y), fitted(estimator, X2, y2)
        assert pickle.dumps(one) == pickle.dumps(other)
        assert shown(one) == shown(other)
    # And with them they do not: what was compared above is what depends on rows.
    assert pickle.dumps(fitted(estimator, X, y)) != pickle.dumps(fitted(estimator, X2, y2))


def walk(thing, seen=None, path="model"):
    """Yield whatever is in an object, with its path."""
    seen = set() if seen is None else seen
    if id(thing) in seen:
        return
    seen.add(id(thing))
    yield path, thing
    if isinstance(thing, dict):
        parts = [(f"{path}[{key!r}]", part) for key, part in thing.items()]
        parts += [(f"{path}.keys", key) for key in thing]
    elif isinstance(thing, (list, tuple, set, frozenset)):
        parts = [(f"{path}[{i}]", part) for i, part in enumerate(thing)]
    elif isinstance(thing, np.ndarray):
        parts = [(f"{path}.base", thing.base)] if thing.base is not None else []
        if thing.dtype == object:
            parts += [(f"{path}[...]", part) for part in thing.ravel().tolist()]
    elif inspect.isfunction(thing):
        parts = [(f"{path}.closure", cell.cell_contents) for cell in thing.__closure__ or ()]
    else:
        parts = [(f"{path}.{name}", part) for name, part in getattr(thing, "__dict__", {}).items()]
        for cls in type(thing).__mro__:
            for name in getattr(cls, "__slots__", ()):
                if hasattr(thing, name):
                    parts.append((f"{path}.{name}", getattr(thing, name)))
        if isinstance(thing, type) or inspect.ismodule(thing):
            parts = []
    for name, part in parts:
        yield from walk(part, seen, name)


def raw_values(X):
    """Private values in every form in which they might be kept."""
    scaled = [X, (X + 4) / 8, X / 4, X + 4, -X, np.abs(X), X**2]
    scaled.append(X / np.linalg.norm(X, axis=1, keepdims=True))
    return np.unique(np.concatenate([values.ravel() for values in scaled]))


@each
def test_no_row_and_no_number_of_rows_is_kept(estimator):
    X, y = data(MANY, 2)
    models = [fitted(estimator, X, y) for _ in range(3)]
    models[0] = pickle.loads(pickle.dumps(models[0]))
    private = raw_values(X)
    is_n = []
    for model in models:
        counted = set()
        for path, thing in walk(model):
            if isinstance(thing, np.ndarray) and thing.dtype.kind in "iuf":
                assert MANY not in thing.shape, path
                assert MANY * X.shape[1] not in thing.shape, path
                assert not np.isin(thing, private).any(), path
                counted |= {(path, int(i)) for i in np.flatnonzero(thing == MANY)}
            elif isinstance(thing, (int, float, np.number)) and not isinstance(thing, bool):
                assert thing not in private, path
                if thing == MANY:
                    counted.add((path, 0))
        is_n.append(counted)
    # A noisy number may be the true one by chance, but not in three releases.
    kept = set.intersection(*is_n)
    if estimator.adjacency == "add_remove":
        assert not kept
    else:  # where the number of rows is public
        assert all("_n_" in path or "total" in path or "count" in path for path, _ in kept)


@each
def test_no_raw_value_is_in_the_pickle(estimator):
    X, y = data(FEW, 3)
    # Four bytes of noise may be a value by chance, but not the same in two releases.
    blobs = [pickle.dumps(fitted(estimator, X, y)) for _ in range(2)]
    for value in raw_values(X):
        for kind in ("<d", ">d", "<f"):
            assert any(struct.pack(kind, value) not in blob for blob in blobs)


@each
def test_pickles_are_as_large_for_all_numbers_of_rows(estimator):
    sizes = [len(pickle.dumps(fitted(estimator, *data(n, 4)))) for n in (3, 30, 3000)]
    # Integers outside of arrays take as many bytes as they need.
    assert max(sizes) - min(sizes) <= 32


@each
def test_rows_are_let_go(estimator):
    X, y = data(FEW, 5)
    references = [weakref.ref(X), weakref.ref(y)]
    model = fitted(estimator, X, y)
    del X, y
    gc.collect()
    assert all(reference() is None for reference in references)
    assert model.privacy_spent_.valid


def blockwise(estimator):
    """The estimator in a form that takes blocks."""
    estimator = clone(estimator)
    if "offset" in estimator.get_params() and estimator.offset is None:
        estimator.set_params(offset=0.0)
    return estimator


@each
def test_sums_are_overwritten(estimator):
    X, y = data(FEW, 6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        model = blockwise(estimator).partial_fit(X, y)
        arrays = list(model._accumulator.arrays.values())
        assert any(array.any() for array in arrays)
        model.release()
    assert not any(array.any() for array in arrays)
    assert model._accumulator is None


@each
def test_pickling_raw_sums_warns(estimator):
    X, y = data(FEW, 7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        model = blockwise(estimator).partial_fit(X, y)
    with pytest.warns(PrivacyLeakWarning, match="raw private data"):
        pickle.dumps(model)
    # Not even they are shown.
    shown = repr(model) + repr(model._accumulator)
    for array in model._accumulator.arrays.values():
        assert str(array.ravel()[np.abs(array.ravel()).argmax()]) not in shown


# ---------------------------------------------------------------- what is said


def said(call):
    """Return all that a call says: what it prints, logs, warns of and raises."""
    printed, logged = io.StringIO(), io.StringIO()
    handler = logging.StreamHandler(logged)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    raised = None
    try:
        with (
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(printed),
            warnings.catch_warnings(record=True) as warned,
        ):
            warnings.simplefilter("always")
            try:
                call()
            except Exception as error:
                raised = error
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    return printed.getvalue(), logged.getvalue(), [str(w.message) for w in warned], raised


@each
def test_nothing_is_printed_or_logged(estimator):
    for n, seed in ((FEW, 8), (MANY, 9)):
        X, y = data(n, seed)
        printed, logged, warned, raised = said(lambda X=X, y=y: clone(estimator).fit(X, y))
        assert (printed, logged, raised) == ("", "", None)
        # The one thing that may be said is about public numbers.
        assert not [text for text in warned if "delta" not in text]


@each
def test_what_is_shown_of_a_model_is_its_parameters(estimator):
    models = [fitted(estimator, *data(n, n)) for n in (FEW, MANY)]
    assert repr(models[0]) == repr(models[1]) == repr(estimator)
    assert str(models[0].privacy_spent_) == str(models[1].privacy_spent_)
    pages = [estimator_html_repr(model) for model in models]
    if estimator.adjacency == "add_remove":  # else the number of rows is public
        for page, n in zip(pages, (FEW, MANY)):
            assert f">{n}<" not in page


def with_value(row, value):
    def change(X, y):
        X = X.copy()
        X[row % len(X), row % X.shape[1]] = value
        return X, y

    return change


def as_objects(row, value):
    def change(X, y):
        X = X.astype(object)
        X[row % len(X), 0] = value
        return X, y

    return change


def ragged(row):
    def change(X, y):
        X = X.tolist()
        X[row % len(X)] = X[row % len(X)][:-1]
        return X, y

    return change


# Pairs of one fault in two places and with two values.
FAULTS = {
    "nan": (with_value(3, np.nan), with_value(100, np.nan)),
    "infinity": (with_value(4, np.inf), with_value(77, -np.inf)),
    "text": (as_objects(2, "secret"), as_objects(50, "other")),
    "object": (as_objects(2, {"a": 1}), as_objects(50, {"b": 2})),
    "ragged": (ragged(1), ragged(90)),
    "complex": (lambda X, y: (X + 1j, y), lambda X, y: (X - 2j, y)),
    "one dimension": (lambda X, y: (X[:, 0], y), lambda X, y: (X[:, 1], y)),
    "a number": (lambda X, y: (X[0, 0], y), lambda X, y: (X[1, 1], y)),
    "three dimensions": (lambda X, y: (X[None], y), lambda X, y: (X[None], y)),
    "no columns": (lambda X, y: (X[:, :0], y), lambda X, y: (X[:, :0], y)),
    "short labels": (lambda X, y: (X, y[:-1]), lambda X, y: (X, y[:-7])),
    "two columns of labels": (
        lambda X, y: (X, np.column_stack([y, y])),
        lambda X, y: (X, np.column_stack([y, y])),
    ),
    "strange labels": (
        lambda X, y: (X, np.where(y == 1, "secret", "b")),
        lambda X, y: (X, np.where(y == 2, "other", "a")),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
@each
def test_errors_tell_nothing_of_rows(estimator, fault):
    heard = []
    for change, n, seed in zip(FAULTS[fault], (FEW, MANY), (10, 11)):
        X, y = change(*data(n, seed))
        printed, logged, warned, raised = said(lambda X=X, y=y: clone(estimator).fit(X, y))
        assert (printed, logged) == ("", "")
        if raised is not None:
            assert raised.__cause__ is None
            assert raised.__context__ is None
        heard.append((repr(raised), warned))
    assert heard[0] == heard[1]


@each
def test_weights_in_errors_tell_nothing(estimator):
    heard = []
    for n, seed, at, value in ((FEW, 12, 3, np.nan), (MANY, 13, 99, np.inf)):
        X, y = data(n, seed)
        weight = np.ones(n)
        weight[at] = value
        call = partial(clone(estimator).fit, X, y, sample_weight=weight)
        heard.append(repr(said(call)[3]))
    assert heard[0] == heard[1]
    assert "None" not in heard[0]


# ---------------------------------------------------------------- what the scan finds


class KeepsCount(PrivateDistanceSum):
    """Keep the number of rows."""

    def _accumulate(self, public, X, y, **weight):
        self._size = len(X)
        return super()._accumulate(public, X, y, **weight)


class KeepsValue(PrivateDistanceSum):
    """Keep a number of a row, in a place of its own."""

    def _accumulate(self, public, X, y, **weight):
        public.plan.hidden = {"first": [float(X[0, 0])]}
        self._plan = public.plan
        return super()._accumulate(public, X, y, **weight)


class KeepsRows(PrivateDistanceSum):
    """Keep the rows."""

    def _accumulate(self, public, X, y, **weight):
        self._view = X[:, :1]
        return super()._accumulate(public, X, y, **weight)


class Talks(PrivateDistanceSum):
    """Tell how many rows are bad."""

    def _checked(self, X, y, reset):
        if isinstance(X, np.ndarray) and X.dtype.kind == "f" and np.isnan(X).any():
            raise ValueError(f"NaN in row {np.argwhere(np.isnan(X))[0, 0]}.")
        return super()._checked(X, y, reset)


class Prints(PrivateDistanceSum):
    """Log that it is at work."""

    def _accumulate(self, public, X, y, **weight):
        logging.getLogger("skweight").debug("adding up")
        return super()._accumulate(public, X, y, **weight)


@pytest.mark.parametrize(
    ("leaky", "test"),
    [
        (KeepsCount, test_without_the_noisy_sums_all_rows_look_the_same),
        (KeepsCount, test_no_row_and_no_number_of_rows_is_kept),
        (KeepsValue, test_without_the_noisy_sums_all_rows_look_the_same),
        (KeepsValue, test_no_row_and_no_number_of_rows_is_kept),
        (KeepsValue, test_no_raw_value_is_in_the_pickle),
        (KeepsRows, test_no_row_and_no_number_of_rows_is_kept),
        (KeepsRows, test_pickles_are_as_large_for_all_numbers_of_rows),
        (KeepsRows, test_rows_are_let_go),
        (Talks, partial(test_errors_tell_nothing_of_rows, fault="nan")),
        (Prints, test_nothing_is_printed_or_logged),
    ],
)
def test_planted_leaks_are_found(leaky, test):
    with pytest.raises(AssertionError):
        test(leaky(bounds=(-4, 4), n_hint=500, epsilon=0.01))
