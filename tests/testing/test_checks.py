"""The checks themselves: honest estimators pass all, and each broken promise is caught."""

from contextlib import suppress
from unittest import SkipTest

import numpy as np
import pytest
from scipy import sparse
from sklearn.ensemble import RandomForestRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks
from toys import ToyClassifier, ToyTransformer

from skweight.testing import common_checks


@parametrize_with_checks([ToyClassifier(), ToyTransformer()])
def test_toys_pass_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", [ToyClassifier(), ToyTransformer()], ids=repr)
def test_toys_pass_our_checks(estimator):
    for check in common_checks(estimator):
        with suppress(SkipTest):
            check(estimator)


def check_named(estimator, name):
    checks = [check for check in common_checks(estimator) if check.__name__ == name]
    assert len(checks) == 1
    return checks[0]


class KeepsRows(ToyClassifier):
    def fit(self, X, y, sample_weight=None):
        self.rows_ = np.asarray(y, dtype=object).astype(str)
        return super().fit(X, y, sample_weight)


class IgnoresWeights(ToyClassifier):
    def fit(self, X, y, sample_weight=None):
        return super().fit(X, y)


class HoldsOutRows(ToyClassifier):
    """Holds out rows at random, as an early stop on a validation fraction does."""

    def fit(self, X, y, sample_weight=None):
        if sample_weight is None or np.ndim(sample_weight) != 1:
            sample_weight = np.ones(len(y))
        keep = np.random.default_rng(0).random(len(y)) < 0.8
        return super().fit(X, y, np.asarray(sample_weight) * keep)


class TakesNegativeWeights(ToyClassifier):
    def _checked_weights(self, sample_weight, X):
        return np.abs(super()._checked_weights(np.abs(sample_weight), X))


class WritesParameter(ToyClassifier):
    def fit(self, X, y, sample_weight=None):
        self.tol = self.tol * 1.0000001
        return super().fit(X, y, sample_weight)


class WritesInput(ToyClassifier):
    def fit(self, X, y, sample_weight=None):
        if isinstance(X, np.ndarray) and X.dtype == np.float64 and X.flags.writeable:
            X -= X.mean(axis=0)
        return super().fit(X, y, sample_weight)


class NarrowProbabilities(ToyClassifier):
    def predict_proba(self, X):
        return super().predict_proba(X).astype(np.float32)


class PredictsCodes(ToyClassifier):
    def predict(self, X):
        return super().predict_proba(X).argmax(axis=1)


class Remembers(ToyClassifier):
    def fit(self, X, y, sample_weight=None):
        fitted_before = hasattr(self, "coef_")
        super().fit(X, y, sample_weight)
        self.coef_ = self.coef_ * (1 + 1e-9 * fitted_before)
        return self


class LosesNames(ToyClassifier):
    def fit(self, X, y, sample_weight=None):
        X = X if sparse.issparse(X) else np.asarray(X, dtype=float)
        return super().fit(X, y, sample_weight)


class SkipsValidation(ToyClassifier):
    def fit(self, X, y, sample_weight=None):
        penalty, self.penalty = self.penalty, 0.01
        super().fit(X, y, sample_weight)
        self.penalty = penalty
        return self


class MixesUpSparse(ToyClassifier):
    def fit(self, X, y, sample_weight=None):
        return super().fit(abs(X) if sparse.issparse(X) else X, y, sample_weight)


class ProcessBound(ToyClassifier):
    """Draws from the state of the process: another process, another fit."""

    def fit(self, X, y, sample_weight=None):
        import multiprocessing

        super().fit(X, y, sample_weight)
        if multiprocessing.parent_process() is not None:
            self.intercept_ = self.intercept_[::-1]
        return self


class NeedsArgument(ToyClassifier):
    def __init__(self, penalty=0.01, max_iter=100, tol=1e-10, *, kind=None):
        super().__init__(penalty, max_iter, tol)
        self.kind = kind

    def fit(self, X, y, sample_weight=None):
        if self.kind is None:
            raise ValueError("kind must be given.")
        return super().fit(X, y, sample_weight)


BROKEN = [
    (KeepsRows(), "check_pickle_size_does_not_grow"),
    (IgnoresWeights(), "check_weights_matter"),
    (IgnoresWeights(), "check_weights_equal_repetition"),
    (HoldsOutRows(), "check_weights_equal_repetition"),
    (TakesNegativeWeights(), "check_bad_weights"),
    (WritesParameter(), "check_parameters_not_written"),
    (WritesInput(), "check_input_not_written"),
    (NarrowProbabilities(), "check_probabilities"),
    (NarrowProbabilities(), "check_other_dtypes"),
    (PredictsCodes(), "check_labels"),
    (Remembers(), "check_refit_forgets"),
    (SkipsValidation(), "check_nonsense_parameters"),
    (SkipsValidation(), "check_numbers_out_of_range"),
    (MixesUpSparse(), "check_sparse_input"),
    (NeedsArgument(), "check_fits_with_no_arguments"),
    (ProcessBound(), "check_grid_search_in_workers"),
]


def id_of(value):
    return value if isinstance(value, str) else type(value).__name__


@pytest.mark.parametrize(("estimator", "name"), BROKEN, ids=id_of)
def test_broken_promises_are_caught(estimator, name):
    check_named(ToyClassifier(), name)(ToyClassifier())
    with pytest.raises((AssertionError, ValueError)):
        check_named(estimator, name)(estimator)


def test_lost_column_names_are_caught():
    pytest.importorskip("pandas")
    for name in ("check_pandas", "check_column_names"):
        with pytest.raises((AssertionError, ValueError)):
            check_named(LosesNames(), name)(LosesNames())


def test_a_fit_that_cannot_be_stopped_is_caught(monkeypatch):
    pytest.importorskip("sklearn.callback")
    from skweight._core._callbacks import FitTask

    report = FitTask.iteration

    def deaf(self, *arguments, **keywords):
        report(self, *arguments, **keywords)
        return False

    monkeypatch.setattr(FitTask, "iteration", deaf)
    with pytest.raises(AssertionError, match="went on after it was stopped"):
        check_named(ToyClassifier(), "check_stopping_callback")(ToyClassifier())


def test_an_iterating_estimator_without_callbacks_is_caught():
    pytest.importorskip("sklearn.callback")
    check = check_named(ToyClassifier(), "check_what_iterates_takes_callbacks")
    with pytest.raises(AssertionError, match="iterates but has no set_callbacks"):
        check(RandomForestIterating())


class RandomForestIterating(RandomForestRegressor):
    @property
    def n_iter_(self):
        return 1
