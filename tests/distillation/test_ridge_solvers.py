"""Linear models as estimators: shapes, types, memory, solvers and when they refuse."""

import pickle
import tracemalloc
import warnings

import numpy as np
import pytest
from distillation_oracles import RIDGE, predictions
from numpy.testing import assert_allclose, assert_array_equal
from ridge_cases import SHAPES, SOLVERS, data, peer
from scipy import sparse
from sklearn import config_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge

from skweight.distillation import SelfDistilledRidge, _ridge_base, _ridge_rows

# Shapes, types, what is kept


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("n_targets", [None, 1, 3])
def test_shapes_are_those_of_ridge(solver, fit_intercept, n_targets):
    X, y, _, new = data(n_targets=n_targets)
    model = SelfDistilledRidge(n_steps=4, fit_intercept=fit_intercept, solver=solver).fit(X, y)
    ridge = Ridge(fit_intercept=fit_intercept).fit(X, y)
    assert model.coef_path_.shape == (4, *np.reshape(ridge.coef_, (*y.shape[1:], -1)).shape)
    assert model.coef_.shape == np.reshape(ridge.coef_, (*y.shape[1:], -1)).shape
    assert model.intercept_path_.shape == (4, *y.shape[1:])
    assert np.shape(model.intercept_) == y.shape[1:]
    assert model.predict(new).shape == (len(new), *y.shape[1:])
    if not fit_intercept:
        assert not np.any(model.intercept_path_)


def test_best_step_has_the_coefficients():
    X, y, _, new = data("wide")
    model = SelfDistilledRidge(0.1, n_steps=4, ground_truth_weight=0.0, step_selection="loo").fit(
        X, y
    )
    best = int(np.argmin(model.loo_mse_)) + 1
    assert model.best_step_ == best
    assert_array_equal(model.coef_, model.coef_path_[best - 1])
    assert_array_equal(model.intercept_, model.intercept_path_[best - 1])
    assert_array_equal(model.predict(new), model.predict(new, step=best))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("share", [0.04, 0.4])
def test_float32_is_computed_in_float64(solver, shape, kind, share):
    X, y, s, new = data(shape, None, True, share)
    narrow = X.astype(np.float32)
    model = SelfDistilledRidge(solver=solver).fit(kind(narrow), y, s)
    exact = SelfDistilledRidge(solver=solver).fit(kind(narrow.astype(float)), y, s)
    assert model.coef_.dtype == model.predict(new.astype(np.float32)).dtype == np.float32
    assert model.predict(new).dtype == np.float64
    assert_array_equal(model.coef_path_, exact.coef_path_.astype(np.float32))
    assert_array_equal(model.intercept_path_, exact.intercept_path_.astype(np.float32))


@pytest.mark.parametrize("solver", SOLVERS)
def test_no_training_rows_are_kept(solver):
    X, y, s, new = data(weighted=True)
    small = SelfDistilledRidge(solver=solver).fit(X, y, s)
    large = SelfDistilledRidge(solver=solver).fit(np.tile(X, (9, 1)), np.tile(y, 9), np.tile(s, 9))
    assert abs(len(pickle.dumps(large)) - len(pickle.dumps(small))) < 100
    loaded = pickle.loads(pickle.dumps(small))
    assert_array_equal(loaded.predict(new, step=np.inf), small.predict(new, step=np.inf))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("shape", [(40_000, 40), (40, 40_000)])
def test_rows_are_not_copied(monkeypatch, dtype, fit_intercept, shape):
    monkeypatch.setattr(_ridge_rows, "_BLOCK", 20_000)
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=shape).astype(dtype), rng.normal(size=shape[0])
    model = SelfDistilledRidge(fit_intercept=fit_intercept)
    tracemalloc.start()
    with config_context(assume_finite=True):
        model.fit(X, y)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.5 * X.nbytes


# Solvers


def test_solver_is_chosen_by_what_is_asked():
    X, y, _, _ = data()
    for options, solver in (
        ({}, "cholesky"),
        ({"store_loo": True}, "svd"),
        ({"ground_truth_weight": "gcv"}, "svd"),
        ({"ground_truth_weight": "loo-joint"}, "svd"),
        ({"step_selection": "loo"}, "svd"),
    ):
        model = SelfDistilledRidge(10.0, **options).fit(X, y)
        assert (model.solver_, model.n_iter_) == (solver, 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_ridge_base, "_LARGE", 5)
        assert SelfDistilledRidge().fit(sparse.csr_matrix(X), y).solver_ == "lsqr"
        assert SelfDistilledRidge().fit(X, y).solver_ == "cholesky"


def test_fewer_iterations_for_a_coarser_tolerance():
    X, y, _, new = data((200, 150))
    exact = SelfDistilledRidge(0.1, n_steps=4).fit(X, y)
    coarse, fine = (
        SelfDistilledRidge(0.1, n_steps=4, solver="lsqr", tol=tol).fit(X, y)
        for tol in (1e-3, 1e-10)
    )
    assert 1 < coarse.n_iter_ < fine.n_iter_ < 150
    error = [np.abs(m.predict(new) - exact.predict(new)).max() for m in (coarse, fine)]
    assert error[1] < 1e-7 < 1e-4 < error[0] < 1
    with pytest.warns(ConvergenceWarning, match=r"3 iterations .*raise max_iter"):
        short = SelfDistilledRidge(0.1, solver="lsqr", max_iter=3).fit(X, y)
    assert short.n_iter_ == 3


def test_callbacks_see_iterations_of_lsqr():
    pytest.importorskip("sklearn.callback")
    X, y, _, new = data((60, 40))
    seen = []

    class Watcher:
        def setup(self, estimator, context):
            pass

        def teardown(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
            if context.parent is not None:
                seen.append(fitted_estimator.predict(new))

    model = SelfDistilledRidge(solver="lsqr").set_callbacks(Watcher()).fit(X, y)
    assert len(seen) == model.n_iter_
    assert_allclose(seen[-1], model.predict(new), rtol=1e-10)
    error = [np.abs(values - seen[-1]).max() for values in seen]
    assert error[0] > 10 * error[len(seen) // 2] > 0


def test_penalty_that_is_lost_in_rounding():
    X, y, _, new = data((20, 6))
    X = np.hstack([1e4 * X, 1e4 * X])
    with pytest.warns(UserWarning, match=r"alpha=1e-12 .*Raise alpha"):
        model = SelfDistilledRidge(1e-12).fit(X, y)
    assert model.solver_ == "svd"
    expected = predictions(RIDGE, X, y, 1e-12, 0.5, 2, new=1e4 * np.hstack([new, new]))
    assert_allclose(model.predict(1e4 * np.hstack([new, new])), expected[-1], rtol=1e-7)


@pytest.mark.parametrize("solver", ["cholesky", "lsqr"])
@pytest.mark.parametrize(
    "options",
    [
        {"ground_truth_weight": "loo"},
        {"ground_truth_weight": "loo-joint"},
        {"ground_truth_weight": "gcv"},
        {"step_selection": "loo"},
        {"store_loo": True},
    ],
)
def test_solvers_without_leave_one_out(solver, options):
    X, y, _, _ = data()
    with pytest.raises(ValueError, match=rf"solver='{solver}' .*want solver='auto' or 'svd'"):
        SelfDistilledRidge(solver=solver, **options).fit(X, y)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_constant_targets_and_features(solver, fit_intercept, shape):
    X, _, _, new = data(shape)
    y = np.full(len(X), 3.0)
    for rows in (X, np.full_like(X, 0.1), np.zeros_like(X)):
        expected = predictions(peer(fit_intercept), rows, y, 1.0, 0.5, 2, new=new)[-1]
        for kind in (np.asarray, sparse.csr_matrix):
            model = SelfDistilledRidge(fit_intercept=fit_intercept, solver=solver)
            model.fit(kind(rows), y)
            assert_allclose(model.predict(new), expected, rtol=0, atol=1e-7)


def test_one_row_has_nobody_to_predict_it():
    X, y, _, _ = data()
    s = np.eye(len(y))[0]
    for rows, targets, weight in ((X[:1], y[:1], None), (X, y, s)):
        with pytest.raises(ValueError, match=r"at least 2 rows .*n_samples=1"):
            SelfDistilledRidge(store_loo=True).fit(rows, targets, weight)
        assert np.isfinite(SelfDistilledRidge().fit(rows, targets, weight).coef_).all()


def test_warnings_are_none_by_default():
    X, y, s, _ = data(weighted=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for solver in SOLVERS:
            SelfDistilledRidge(solver=solver).fit(X, y, s)
