"""Kernel ridge of several steps as an estimator: solvers, memory, kinds of rows, callbacks."""

import pickle
import tracemalloc
import warnings

import numpy as np
import pytest
from distillation_oracles import PRECOMPUTED, deletions, predictions, rbf_data
from joblib import parallel_backend
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skweight.distillation import SelfDistilledKernelRidge, _cholesky, _kernel_rows

SOLVERS = ("cholesky", "eigh", "lanczos")
GAMMA = 0.5


def data(n=40, n_targets=2, weighted=True, seed=3):
    """Return rows, targets, weights with zeros and new rows."""
    X, _, y, new, _ = rbf_data(n=n, n_targets=n_targets, seed=seed)
    weight = None
    if weighted:
        weight = np.random.default_rng(seed).uniform(0.1, 3.0, n)
        weight[::4] = 0.0
    return X, y, weight, new


def model(**params):
    return SelfDistilledKernelRidge(**{"alpha": 0.4, "gamma": GAMMA, "tol": 1e-13, **params})


def all_steps(fitted, new):
    return np.array(list(fitted.staged_predict(new)))


PEER = KernelRidge(kernel="rbf", gamma=GAMMA)


# Solvers


@pytest.mark.parametrize(
    ("params", "solver"),
    [
        ({}, "cholesky"),
        ({"n_steps": 1}, "cholesky"),
        ({"alpha": [0.1, 0.2, 0.3, 0.4], "n_steps": 4}, "cholesky"),
        ({"alpha": [0.1, 0.2, 0.3, 0.4, 0.5], "n_steps": 5}, "eigh"),
        ({"store_loo": True}, "cholesky"),
        ({"ground_truth_weight": "loo"}, "cholesky"),
        ({"ground_truth_weight": "gcv"}, "cholesky"),
        ({"ground_truth_weight": "gcv", "n_steps": 3}, "eigh"),
        ({"ground_truth_weight": "loo", "alpha": [0.4, 0.3]}, "eigh"),
        ({"ground_truth_weight": "loo-joint"}, "eigh"),
        ({"step_selection": "loo", "n_steps": 3}, "eigh"),
        ({"solver": "lanczos"}, "lanczos"),
    ],
)
def test_solver_is_chosen_by_what_is_asked(params, solver):
    X, y, s, _ = data()
    fitted = model(**params).fit(X, y, s)
    assert fitted.solver_ == solver
    assert (fitted.n_iter_ > 1) == (solver == "lanczos")


def test_one_factorisation_serves_all_steps(monkeypatch):
    X, y, _, _ = data()
    sizes = []
    monkeypatch.setattr(_cholesky, "factorise", _counted(_cholesky.factorise, sizes))
    model(n_steps=10).fit(X, y)
    assert sizes == [40]
    model(n_steps=6, alpha=[0.1, 0.1, 0.2, 0.2, 0.3, 0.3]).fit(X, y)
    assert sizes == [40] * 4


def _counted(function, sizes):
    def counting(matrix, *arguments, **options):
        sizes.append(len(matrix))
        return function(matrix, *arguments, **options)

    return counting


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("chain", [(0.4, 0.3), (0.4, [1.5, -0.4]), ([0.3, 1.0, 0.1], 0.35)])
@pytest.mark.parametrize("kernel", ["rbf", "precomputed"])
def test_lanczos_steps_are_refits(weighted, chain, kernel):
    X, y, s, new = data(weighted=weighted)
    alpha, weight = chain
    rows, others = X, new
    if kernel == "precomputed":
        rows, others = rbf_kernel(X, gamma=GAMMA), rbf_kernel(new, X, gamma=GAMMA)
    fitted = model(
        alpha=alpha, n_steps=3, ground_truth_weight=weight, solver="lanczos", kernel=kernel
    ).fit(rows, y, s)
    expected = predictions(PEER, X, y, alpha, weight, 3, s, new=new)
    assert_allclose(all_steps(fitted, others), expected, rtol=0, atol=1e-10)
    if s is not None:
        assert not fitted.dual_coef_path_[:, s == 0].any()


@pytest.mark.parametrize("weight", [0.05, 0.5, 1.0, 1.5, 2.0])
@pytest.mark.parametrize("kernel", ["rbf", "precomputed"])
def test_lanczos_limit_is_ordinary_kernel_ridge(weight, kernel):
    X, y, s, new = data()
    rows, others = X, new
    if kernel == "precomputed":
        rows, others = rbf_kernel(X, gamma=GAMMA), rbf_kernel(new, X, gamma=GAMMA)
    fitted = model(ground_truth_weight=weight, solver="lanczos", kernel=kernel).fit(rows, y, s)
    limit = clone(PEER).set_params(alpha=0.4 / weight).fit(X, y, sample_weight=s)
    assert_allclose(fitted.predict(others, step=np.inf), limit.predict(new), rtol=0, atol=1e-10)


def test_lanczos_finds_weights_on_data_held_out():
    X, y, s, new = data()
    X_val, y_val, s_val, _ = data(n=25, seed=9)
    held_out = {"X_val": X_val, "y_val": y_val, "sample_weight_val": s_val}
    for per_target in (False, True):
        params = {
            "n_steps": 4,
            "ground_truth_weight": "validation",
            "weight_per_target": per_target,
        }
        exact, by_lanczos = (
            model(solver=solver, **params).fit(X, y, s, **held_out)
            for solver in ("cholesky", "lanczos")
        )
        weights = exact.ground_truth_weights_
        assert weights.shape == ((3, 2) if per_target else (3,))
        assert_allclose(by_lanczos.ground_truth_weights_, weights, rtol=1e-7)
        assert_allclose(by_lanczos.predict(new), exact.predict(new), rtol=0, atol=1e-9)


def test_lanczos_stops_by_tolerance_or_number():
    X, y, _, new = data(n=100, weighted=False)
    exact = model(alpha=0.01).fit(X, y)
    coarse, fine = (model(alpha=0.01, solver="lanczos", tol=tol).fit(X, y) for tol in (1e-2, 1e-10))
    assert 1 < coarse.n_iter_ < fine.n_iter_ <= 100
    error = [np.abs(m.predict(new) - exact.predict(new)).max() for m in (coarse, fine)]
    assert error[1] < 1e-8 < 1e-4 < error[0]
    message = r"3 iterations \(max_iter=3\) with alpha=0.01 .*raise max_iter.*solver='cholesky'"
    with pytest.warns(ConvergenceWarning, match=message):
        short = model(alpha=0.01, solver="lanczos", max_iter=3).fit(X, y)
    assert short.n_iter_ == 3


def test_stored_predictions_with_rows_of_no_weight_are_deletions():
    X, y, s, _ = data(n=16)
    for n_steps in (2, 3):
        fitted = model(n_steps=n_steps, store_loo=True).fit(X, y, s)
        expected = deletions(PEER, X, y, 0.4, 0.5, n_steps, s)
        assert_allclose(fitted.loo_predictions_, expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("n_steps", [2, 3])
@pytest.mark.parametrize("rule", [0.5, "gcv"])
def test_leave_one_out_is_there_only_if_asked_for(n_steps, rule):
    X, y, s, _ = data()
    fitted = model(n_steps=n_steps, ground_truth_weight=rule).fit(X, y, s)
    assert not hasattr(fitted, "loo_predictions_")
    assert not hasattr(fitted, "loo_mse_")
    fitted.set_params(store_loo=True).fit(X, y, s)
    assert fitted.loo_predictions_.shape == (n_steps, *y.shape)
    weights = fitted.ground_truth_weights_
    expected = deletions(PEER, X, y, 0.4, weights, n_steps, s)
    assert_allclose(fitted.loo_predictions_, expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("tiny", [1e-6, 1e-12])
@pytest.mark.parametrize("n_steps", [2, 3])
def test_rows_of_little_weight_are_left_out_exactly(tiny, n_steps):
    X, y, s, _ = data(n=16)
    s = s + tiny
    fitted = model(n_steps=n_steps, store_loo=True).fit(X, y, s)
    expected = deletions(PEER, X, y, 0.4, 0.5, n_steps, s)
    assert_allclose(fitted.loo_predictions_, expected, rtol=0, atol=1e-9)


# Memory


@pytest.mark.parametrize(
    ("params", "matrices"),
    [
        ({"n_steps": 5}, 1),
        ({"n_steps": 2, "ground_truth_weight": "loo"}, 2),
        ({"n_steps": 5, "ground_truth_weight": "loo"}, 2),
    ],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_memory_is_a_number_of_matrices(params, matrices, weighted):
    n = 500
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(n, 3)), rng.normal(size=n)
    s = rng.uniform(0.1, 2.0, n) if weighted else None
    tracemalloc.start()
    model(**params).fit(X, y, s)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < (matrices + 0.3) * 8 * n**2


def test_many_rows_are_predicted_in_parts(monkeypatch):
    X, y, s, new = data()
    K, K_new = rbf_kernel(X, gamma=GAMMA), rbf_kernel(new, X, gamma=GAMMA)
    held_out = {"X_val": new, "y_val": y[: len(new)]}
    whole = model(ground_truth_weight="validation").fit(X, y, s, **held_out)
    expected = all_steps(whole, new)
    limit = model().fit(X, y, s).predict(new, step=np.inf)
    sizes = []
    kernel_of = _kernel_rows.kernel_of
    monkeypatch.setattr(_kernel_rows, "_BLOCK", 3 * 40)
    monkeypatch.setattr(_kernel_rows, "_HELD", 0)

    def watched(model, X, Y=None):
        if Y is not None:
            sizes.append(X.shape[0])
        return kernel_of(model, X, Y)

    monkeypatch.setattr(_kernel_rows, "kernel_of", watched)
    parts = model(ground_truth_weight="validation").fit(X, y, s, **held_out)
    assert_allclose(parts.ground_truth_weights_, whole.ground_truth_weights_, rtol=1e-10)
    assert_allclose(all_steps(parts, new), expected, rtol=1e-12, atol=1e-13)
    found = model().fit(X, y, s).predict(new, step=np.inf)
    assert_allclose(found, limit, rtol=1e-10)
    assert len(sizes) > 10
    assert max(sizes) <= 4  # 30 rows have weight
    precomputed = model(kernel="precomputed").fit(K, y, s)
    assert_allclose(precomputed.predict(K_new), model().fit(X, y, s).predict(new), atol=1e-12)
    K[0, -1] += 1e-3
    with pytest.raises(ValueError, match="symmetric kernel matrix, got entries that differ by"):
        precomputed.fit(K, y)


@pytest.mark.parametrize("params", [{}, {"solver": "eigh"}, {"ground_truth_weight": "loo"}])
def test_too_many_rows_for_memory(params):
    def kernel(a, b):
        raise MemoryError

    X, y, _, _ = data()
    message = r"n_samples=40 .*solver='lanczos'.*Nystroem.*SelfDistilledRidge"
    with pytest.raises(MemoryError, match=message):
        model(kernel=kernel, **params).fit(X, y)


# Kinds of rows and targets


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("kernel", ["rbf", "linear", "poly"])
@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csc_array, sparse.coo_array])
def test_sparse_rows_are_dense_rows(solver, kernel, kind):
    X, y, s, new = data()
    X[X < 0.5] = 0.0
    dense = model(solver=solver, kernel=kernel, n_steps=3).fit(X, y, s)
    thin = model(solver=solver, kernel=kernel, n_steps=3).fit(kind(X), y, s)
    assert sparse.issparse(thin.X_fit_)
    for step in (None, 1, np.inf):
        expected = dense.predict(new, step=step)
        assert_allclose(thin.predict(kind(new), step=step), expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("solver", [*SOLVERS, "auto"])
@pytest.mark.parametrize("weighted", [False, True])
def test_float32_is_solved_in_float64(solver, weighted):
    X, y, s, new = data(weighted=weighted)
    narrow, others = X.astype(np.float32), new.astype(np.float32)
    rule = "loo" if solver in ("eigh", "auto") else 0.5
    fitted = model(solver=solver, ground_truth_weight=rule).fit(narrow, y, s)
    exact = model(solver=solver, ground_truth_weight=rule).fit(narrow.astype(float), y, s)
    for name in ("dual_coef_", "dual_coef_path_", "X_fit_", "loo_predictions_"):
        if hasattr(exact, name):
            assert getattr(fitted, name).dtype == np.float32
            assert_allclose(getattr(fitted, name), getattr(exact, name), rtol=1e-4, atol=1e-4)
    weights = fitted.ground_truth_weights_
    assert_allclose(weights, exact.ground_truth_weights_, rtol=1e-4)
    values = fitted.predict(others)
    assert values.dtype == np.float32
    assert_allclose(values, exact.predict(others.astype(float)), rtol=0, atol=1e-5)
    assert fitted.predict(new).dtype == exact.predict(others).dtype == np.float64
    if rule == 0.5:
        assert fitted.predict(others, step=np.inf).dtype == np.float32


def test_float32_does_not_lose_a_small_penalty():
    """The digits that float32 has are in the kernel alone: the solution keeps its own."""
    X, y, _, _ = data(n=30, n_targets=None, weighted=False)
    K = rbf_kernel(X, gamma=2.0).astype(np.float32)
    fitted = model(alpha=1e-3, kernel="precomputed").fit(K, y)
    exact = predictions(PRECOMPUTED, K.astype(float), y, 1e-3, 0.5, 2)
    assert_allclose(fitted.predict(K), exact[-1], rtol=0, atol=1e-4)


def test_shapes_follow_the_targets():
    X, y, s, new = data()
    params = {"n_steps": 3, "store_loo": True}
    several = model(**params).fit(X, y, s)
    one = model(**params).fit(X, y[:, 0], s)
    column = model(**params).fit(X, y[:, :1], s)
    assert several.dual_coef_path_.shape == (3, 40, 2)
    assert several.loo_predictions_.shape == (3, 40, 2)
    assert (one.dual_coef_path_.shape, one.dual_coef_.shape) == ((3, 40), (40,))
    assert (column.dual_coef_path_.shape, column.dual_coef_.shape) == ((3, 40, 1), (40, 1))
    assert one.predict(new).shape == (17,)
    assert column.predict(new).shape == (17, 1)
    assert_allclose(one.predict(new), several.predict(new)[:, 0], rtol=1e-10)
    assert_array_equal(one.predict(new), column.predict(new)[:, 0])
    assert_array_equal(one.dual_coef_, one.dual_coef_path_[-1])


class Subclass(np.ndarray):
    """An array that `numpy.asarray` makes another object of, with the same memory."""


@pytest.mark.parametrize("solver", [*SOLVERS, "auto"])
@pytest.mark.parametrize("weights", ["none", "positive", "zeros"])
def test_kernel_matrix_of_the_user_is_never_written(solver, weights):
    X, y, s, _ = data()
    s = {"none": None, "positive": s + 1.0, "zeros": s}[weights]
    K = rbf_kernel(X, gamma=GAMMA)
    params = {"kernel": "precomputed", "solver": solver, "store_loo": solver in ("auto", "eigh")}
    expected = model(**params).fit(K.copy(), y, s).dual_coef_
    frozen = K.copy()
    frozen.setflags(write=False)
    for same in (
        K.copy(),
        K.copy().view(Subclass),
        frozen,
        K.astype(np.float32),
        K.copy(order="F"),
    ):
        before = same.copy()
        fitted = model(**params).fit(same, y, s)
        assert_array_equal(same, before)
        assert_allclose(fitted.dual_coef_, expected, rtol=1e-4, atol=1e-5)
        fitted.predict(same, step=np.inf)
        assert_array_equal(same, before)


@pytest.mark.parametrize("solver", ["eigh", "lanczos"])
def test_kernel_matrix_with_negative_eigenvalues(solver):
    """Those of rounding are 0; others are no kernel's."""
    X, y, _, _ = data(weighted=False)
    values, vectors = np.linalg.eigh(rbf_kernel(X, gamma=GAMMA))
    params = {"kernel": "precomputed", "solver": solver}
    for lowest, is_rounding in ((-1e-8, True), (-0.1, False)):
        values[0] = lowest * values[-1]
        K = (vectors * values) @ vectors.T
        K = (K + K.T) / 2
        if is_rounding:
            values[0] = 0.0
            expected = model(kernel="precomputed").fit((vectors * values) @ vectors.T, y)
            found = model(**params).fit(K, y).predict(K)
            assert_allclose(found, expected.predict(K), rtol=0, atol=1e-5)
        else:
            with pytest.raises(ValueError, match="kernel must be positive semi-definite, got"):
                model(**params).fit(K, y)


def test_sparse_targets_and_kernel_matrices_are_refused():
    X, y, _, _ = data()
    with pytest.raises(TypeError, match="y must be dense"):
        model().fit(X, sparse.csr_array(y))
    with pytest.raises(TypeError, match="dense data is required"):
        model(kernel="precomputed").fit(sparse.csr_array(rbf_kernel(X)), y)


# Life


def test_second_fit_leaves_nothing_of_the_first():
    X, y, s, _ = data()
    first = model(n_steps=3, store_loo=True).fit(X, y, s)
    asked = {"loo_predictions_", "loo_mse_", "limit_alpha_"}
    assert asked <= set(vars(first))
    first.set_params(store_loo=False, ground_truth_weight=[0.1, 0.2]).fit(X, y, s)
    assert not asked & set(vars(first))
    assert first.set_params(solver="lanczos").fit(X, y).n_iter_ > 1
    assert first.set_params(solver="eigh").fit(X, y).n_iter_ == 1


def test_prediction_is_that_of_the_fit_whatever_is_set_later():
    X, y, s, new = data()
    fitted = model(n_steps=3).fit(X, y, s)
    steps, limit = all_steps(fitted, new), fitted.predict(new, step=np.inf)
    fitted.set_params(n_steps=1, alpha=7.0, ground_truth_weight="loo", solver="lanczos")
    assert_array_equal(all_steps(fitted, new), steps)
    assert_allclose(fitted.predict(new, step=3), steps[2], rtol=1e-11)
    assert_array_equal(fitted.predict(new, step=np.inf), limit)


@pytest.mark.parametrize("solver", SOLVERS)
def test_pickle_knows_the_limit(solver):
    X, y, s, new = data()
    fitted = model(solver=solver).fit(X, y, s)
    loaded = pickle.loads(pickle.dumps(fitted))
    for step in (1, 2, np.inf):
        assert_array_equal(loaded.predict(new, step=step), fitted.predict(new, step=step))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_search_over_kernel_matrices_is_one_over_rows(n_jobs):
    X, y, _, _ = data(n_targets=None)
    K = rbf_kernel(X, gamma=GAMMA)
    grid = {"alpha": [0.1, 1.0], "n_steps": [1, 3], "ground_truth_weight": [0.3, "loo"]}
    by_rows = GridSearchCV(model(), grid, cv=KFold(3)).fit(X, y)
    by_matrix = GridSearchCV(model(kernel="precomputed"), grid, cv=KFold(3), n_jobs=n_jobs)
    with parallel_backend("threading"):
        by_matrix.fit(K, y)
    scores = by_rows.cv_results_["mean_test_score"]
    assert_allclose(by_matrix.cv_results_["mean_test_score"], scores, rtol=1e-8)
    assert len(np.unique(scores.round(10))) > 4


def test_search_and_data_held_out():
    """What has the length of X is cut as X is, and a kernel matrix cannot be."""
    X, y, s, _ = data(n_targets=None)
    X_val, y_val, _, _ = data(n=25, n_targets=None, seed=9)
    search = GridSearchCV(model(ground_truth_weight="validation"), {"alpha": [0.1, 1.0]}, cv=2)
    with config_context(enable_metadata_routing=True):
        search.estimator.set_fit_request(
            sample_weight=True, X_val=True, y_val=True, sample_weight_val=False
        ).set_score_request(sample_weight=True)
        search.fit(X, y, sample_weight=s, X_val=X_val, y_val=y_val)
        best = model(ground_truth_weight="validation", **search.best_params_)
        best.fit(X, y, s, X_val=X_val, y_val=y_val)
        assert_array_equal(search.best_estimator_.dual_coef_, best.dual_coef_)
    search.set_params(estimator__kernel="precomputed", error_score="raise")
    K, K_val = rbf_kernel(X), rbf_kernel(X_val, X)
    message = r"X_val .*a search cuts the rows, and cannot cut"
    with config_context(enable_metadata_routing=True), pytest.raises(ValueError, match=message):
        search.fit(K, y, sample_weight=s, X_val=K_val, y_val=y_val)


def test_pipeline_transforms_what_is_held_out():
    X, y, s, new = data()
    scaler = StandardScaler().fit(X)
    with config_context(enable_metadata_routing=True):
        last = model(ground_truth_weight="validation").set_fit_request(
            sample_weight=True, X_val=True, y_val=True
        )
        pipeline = make_pipeline(StandardScaler(), last, transform_input=["X_val"])
        pipeline[0].set_fit_request(sample_weight=False)
        pipeline.fit(X, y, sample_weight=s, X_val=new, y_val=y[:17])
    direct = model(ground_truth_weight="validation")
    direct.fit(scaler.transform(X), y, s, X_val=scaler.transform(new), y_val=y[:17])
    assert_allclose(pipeline[-1].ground_truth_weights_, direct.ground_truth_weights_, rtol=1e-10)
    assert_allclose(pipeline.predict(new), direct.predict(scaler.transform(new)), rtol=1e-10)


def test_no_warning_by_default():
    X, y, s, new = data()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for solver in SOLVERS:
            model(solver=solver).fit(X, y, s).predict(new, step=np.inf)


# Callbacks


class Watcher:
    """Note what a copy of the estimator predicts after every task, and stop after some of them."""

    def __init__(self, new, stop_at=None):
        self.new, self.stop_at = new, stop_at
        self.names, self.seen = [], []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        if context.parent is None:
            return False
        self.names.append(context.task_name)
        self.seen.append(fitted_estimator.predict(self.new))
        return len(self.seen) == self.stop_at


@pytest.mark.parametrize("params", [{}, {"ground_truth_weight": "loo"}, {"solver": "eigh"}])
def test_callbacks_see_every_step(params):
    pytest.importorskip("sklearn.callback")
    X, y, s, new = data()
    watcher = Watcher(new)
    fitted = model(n_steps=4, **params).set_callbacks(watcher).fit(X, y, s)
    assert watcher.names == ["step"] * 4
    assert_allclose(watcher.seen, all_steps(fitted, new), rtol=1e-11)


@pytest.mark.parametrize("step_selection", ["last", "loo"])
def test_callbacks_can_stop_at_a_step(step_selection):
    pytest.importorskip("sklearn.callback")
    X, y, s, new = data(n=30)
    full = model(n_steps=4, store_loo=True, step_selection=step_selection).fit(X, y, s)
    short = clone(full).set_callbacks(Watcher(new, stop_at=2)).fit(X, y, s)
    assert short.dual_coef_path_.shape[0] == len(short.loo_mse_) == len(short.loo_predictions_) == 2
    assert short.ground_truth_weights_.shape == (1,)
    assert_allclose(all_steps(short, new), all_steps(full, new)[:2], rtol=1e-11)
    best = 2 if step_selection == "last" else 1 + np.argmin(full.loo_mse_[:2])
    assert short.best_step_ == best
    assert_array_equal(short.predict(new), short.predict(new, step=int(best)))
    with pytest.raises(ValueError, match="from 1 to 2"):
        short.predict(new, step=3)


def test_callbacks_see_the_joint_optimum_alone():
    pytest.importorskip("sklearn.callback")
    X, y, s, new = data()
    watcher = Watcher(new)
    fitted = model(n_steps=4, ground_truth_weight="loo-joint").set_callbacks(watcher).fit(X, y, s)
    assert watcher.names == ["step"]
    assert_array_equal(watcher.seen[0], fitted.predict(new))


def test_callbacks_see_and_stop_iterations_of_lanczos():
    pytest.importorskip("sklearn.callback")
    X, y, s, new = data()
    watcher = Watcher(new)
    fitted = model(solver="lanczos").set_callbacks(watcher).fit(X, y, s)
    assert watcher.names == ["lanczos"] * fitted.n_iter_
    error = [np.abs(values - fitted.predict(new)).max() for values in watcher.seen]
    assert error[-1] == 0
    assert error[0] > 100 * error[len(error) // 2] > 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # to stop is no failure to converge
        short = model(solver="lanczos").set_callbacks(Watcher(new, stop_at=5)).fit(X, y, s)
    assert short.n_iter_ == 5
    assert_array_equal(short.predict(new), watcher.seen[4])
