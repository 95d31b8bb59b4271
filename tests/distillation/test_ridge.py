"""Linear models of several steps against refits, deletions and other models, and their classes."""

import numpy as np
import pytest
from distillation_oracles import RIDGE, deletions, parabola_minimum, predictions, refits
from numpy.testing import assert_allclose, assert_array_equal
from ridge_cases import KINDS, SHAPES, SOLVERS, data, peer
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.kernel_approximation import Nystroem, RBFSampler
from sklearn.linear_model import Ridge, RidgeClassifier, RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelBinarizer

from skweight.distillation import (
    SelfDistilledKernelRidge,
    SelfDistilledRidge,
    SelfDistilledRidgeClassifier,
    _ridge_rows,
)

CHAINS = {
    "the paper's": (0.3, 0.35),
    "beyond both": (0.3, [1.5, -0.4, 2.2, 0.7]),
    "penalties by step": ([0.3, 0.1, 2.0, 0.05, 1.0], 0.35),
}


# Refits


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_every_step_is_a_refit(solver, kind, shape, weighted, fit_intercept):
    X, y, s, new = data(shape, 2, weighted)
    for alpha, weight in CHAINS.values():
        model = SelfDistilledRidge(
            alpha,
            n_steps=5,
            ground_truth_weight=weight,
            fit_intercept=fit_intercept,
            solver=solver,
            tol=1e-13,
        ).fit(KINDS[kind](X), y, sample_weight=s)
        assert model.solver_ == solver
        expected = predictions(peer(fit_intercept), X, y, alpha, weight, 5, s, new=new)
        found = list(model.staged_predict(KINDS[kind](new)))
        assert_allclose(found, expected, rtol=1e-10, atol=1e-10)
        assert_allclose(model.predict(new, step=2), expected[1], rtol=1e-10, atol=1e-10)


def test_models_of_refits_have_these_coefficients():
    X, y, s, _ = data(weighted=True)
    model = SelfDistilledRidge(n_steps=3).fit(X, y, s)
    steps = refits(RIDGE, X, y, 1.0, 0.5, 3, s)
    assert_allclose(model.coef_path_, [step.coef_ for step in steps], rtol=1e-10, atol=1e-11)
    assert_allclose(model.intercept_path_, [step.intercept_ for step in steps], rtol=1e-10)


@pytest.mark.parametrize("share", [0.01, 0.04, 0.2])
@pytest.mark.parametrize("shape", [(300, 20), (20, 300)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_rows_nearly_all_zero(share, shape, weighted, fit_intercept, dtype):
    """Products of sparse rows, and of parts of them made dense, are those of dense rows."""
    X, y, s, new = data(shape, None, weighted, share)
    X = X.astype(dtype)
    assert sparse.csr_matrix(X).nnz > 0
    model = SelfDistilledRidge(n_steps=3, fit_intercept=fit_intercept)
    model.fit(sparse.csr_matrix(X), y, s)
    rows = _ridge_rows.RidgeRows(sparse.csr_matrix(X), y[:, None], s, fit_intercept)
    assert rows._is_thin == (share < 0.05)
    expected = predictions(peer(fit_intercept), X.astype(float), y, 1.0, 0.5, 3, s, new=new)
    digits = 1e-10 if dtype == np.float64 else 1e-4
    assert_allclose(list(model.staged_predict(new)), expected, rtol=digits, atol=digits)


@pytest.mark.parametrize("solver", ["cholesky", "svd"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_parts_add_up_to_the_whole(monkeypatch, solver, shape, fit_intercept):
    X, y, s, _ = data(shape, 2, weighted=True)
    for kind in KINDS.values():
        model = SelfDistilledRidge(fit_intercept=fit_intercept, solver=solver)
        whole = model.fit(kind(X), y, s).coef_path_
        with monkeypatch.context() as patch:
            patch.setattr(_ridge_rows, "_BLOCK", 100)
            parts = model.fit(kind(X), y, s).coef_path_
        assert_allclose(parts, whole, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("solver", SOLVERS)
def test_rows_far_from_their_origin(solver):
    """Rows are centred before they are multiplied: differences of large numbers cost nothing."""
    X, y, _, new = data()
    near = SelfDistilledRidge(solver=solver, tol=1e-13).fit(X, y)
    for kind in (np.asarray, sparse.csr_matrix):
        far = SelfDistilledRidge(solver=solver, tol=1e-13).fit(kind(X + 1e5), y)
        assert_allclose(far.predict(new + 1e5), near.predict(new), rtol=1e-8)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("factor", [1e-10, 1e10])
def test_scale_of_the_rows_is_that_of_the_penalty(solver, shape, factor):
    X, y, s, new = data(shape, None, weighted=True)
    for kind in (np.asarray, sparse.csr_matrix):
        model = SelfDistilledRidge(factor**2, solver=solver, tol=1e-13)
        scaled = model.fit(kind(factor * X), y, s).predict(factor * new)
        expected = predictions(RIDGE, X, y, 1.0, 0.5, 2, s, new=new)[-1]
        assert_allclose(scaled, expected, rtol=1e-10)


@pytest.mark.parametrize("solver", SOLVERS)
def test_one_weight_for_each_step_and_target(solver):
    X, y, _, new = data(n_targets=3)
    weight = np.random.default_rng(0).normal(size=(3, 3))
    model = SelfDistilledRidge(
        0.3, n_steps=4, ground_truth_weight=weight, solver=solver, tol=1e-13
    ).fit(X, y)
    for j in range(3):
        alone = predictions(RIDGE, X, y[:, j], 0.3, weight[:, j], 4, new=new)
        assert_allclose(np.array(list(model.staged_predict(new)))[:, :, j], alone, atol=1e-10)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("weighted", [False, True])
def test_linear_kernel_is_the_same_model(solver, shape, weighted):
    X, y, s, new = data(shape, 2, weighted)
    options = {"n_steps": 4, "ground_truth_weight": 0.2}
    model = SelfDistilledRidge(0.7, fit_intercept=False, solver=solver, tol=1e-13, **options)
    kernel = SelfDistilledKernelRidge(0.7, kernel="linear", **options).fit(X, y, s)
    found = np.array(list(model.fit(X, y, s).staged_predict(new)))
    assert_allclose(found, list(kernel.staged_predict(new)), rtol=0, atol=1e-10)
    assert_allclose(model.coef_.T, X.T @ kernel.dual_coef_, rtol=0, atol=1e-10)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
def test_integer_weights_are_repeated_rows(solver, kind):
    X, y, _, new = data(n_targets=2)
    s = np.random.default_rng(3).integers(0, 4, len(y))
    X_repeated, y_repeated = np.repeat(X, s, axis=0), np.repeat(y, s, axis=0)
    for weight, held_out in ((0.3, {}), ("validation", {"X_val": new, "y_val": y[: len(new)]})):
        model = SelfDistilledRidge(n_steps=3, ground_truth_weight=weight, solver=solver, tol=1e-13)
        weighted = model.fit(kind(X), y, s, **held_out).coef_path_
        repeated = model.fit(kind(X_repeated), y_repeated, **held_out).coef_path_
        assert_allclose(weighted, repeated, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("per_target", [False, True])
def test_weights_best_on_rows_held_out(solver, shape, fit_intercept, per_target):
    X, y, s, new = data(shape, 2, weighted=True)
    rng = np.random.default_rng(5)
    y_val, s_val = rng.normal(size=(len(new), 2)), rng.uniform(0, 2, len(new))
    model = SelfDistilledRidge(
        n_steps=3,
        ground_truth_weight="validation",
        weight_per_target=per_target,
        fit_intercept=fit_intercept,
        solver=solver,
        tol=1e-13,
    ).fit(X, y, s, X_val=sparse.csr_matrix(new), y_val=y_val, sample_weight_val=s_val)
    weights = []
    for t in range(2):
        chain = [*weights, np.zeros(2)]
        steps = predictions(peer(fit_intercept), X, y, 1.0, chain, t + 2, s, new=new)
        best = parabola_minimum(y_val, steps[0], steps[-1], s_val, per_target)
        weights.append(best * np.ones(2))
    expected = np.array(weights) if per_target else np.array(weights)[:, 0]
    assert_allclose(model.ground_truth_weights_, expected, rtol=1e-6)


# The limit


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("weight", [0.05, 1.0, 2.0])
def test_limit_is_ordinary_ridge(solver, kind, shape, weight):
    X, y, s, new = data(shape, 2, weighted=True)
    for n_steps in (1, 3):
        model = SelfDistilledRidge(
            3.0, n_steps=n_steps, ground_truth_weight=weight, solver=solver, tol=1e-13
        ).fit(kind(X), y, s)
        expected = Ridge(3.0 / weight, solver="svd").fit(X, y, s).predict(new)
        assert_allclose(model.predict(new, step=np.inf), expected, rtol=1e-10, atol=1e-10)


# Leave-one-out


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_stored_predictions_are_deletions(kind, shape, weighted, fit_intercept):
    """Rows without weight, which no deletion changes, are predicted plainly."""
    X, y, s, _ = data(shape, 2, weighted)
    model = SelfDistilledRidge(
        0.4,
        n_steps=4,
        ground_truth_weight=[0.3, -0.4, 1.4],
        fit_intercept=fit_intercept,
        store_loo=True,
    ).fit(kind(X), y, s)
    chain = (0.4, [0.3, -0.4, 1.4], 4)
    expected = deletions(peer(fit_intercept), X, y, *chain, s)
    assert model.solver_ == "svd"
    assert_allclose(model.loo_predictions_, expected, rtol=0, atol=1e-12)
    if weighted:
        plain = predictions(peer(fit_intercept), X, y, *chain, s)[:, s == 0]
        assert_allclose(model.loo_predictions_[:, s == 0], plain, rtol=0, atol=1e-12)
        assert_allclose(expected[:, s == 0], plain, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("alpha", [1e-2, 1.0, 100.0])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_errors_of_one_step_are_those_of_ridge_cv(kind, shape, alpha, fit_intercept):
    X, y, _, _ = data(shape, 2)
    model = SelfDistilledRidge(alpha, n_steps=1, fit_intercept=fit_intercept, store_loo=True)
    model.fit(kind(X), y)
    search = RidgeCV([alpha], fit_intercept=fit_intercept, store_cv_results=True).fit(X, y)
    expected = search.cv_results_[..., 0]
    assert_allclose((y - model.loo_predictions_[0]) ** 2, expected, rtol=1e-8, atol=1e-12)


def test_sparse_copies_of_rows_and_features():
    """Directions that copies leave empty are found also by products of sparse rows."""
    X, y, _, _ = data((12, 30), seed=4)
    X, y = np.vstack([X, X[:4]]), np.append(y, y[:4] + 1.0)
    X = np.hstack([X, X[:, :5]])
    for fit_intercept in (False, True):
        model = SelfDistilledRidge(0.3, fit_intercept=fit_intercept, store_loo=True)
        model.fit(sparse.csr_matrix(X), y)
        expected = deletions(peer(fit_intercept), X, y, 0.3, 0.5, 2)
        assert_allclose(model.loo_predictions_, expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("shape", SHAPES)
def test_rows_of_little_weight(kind, shape):
    X, y, _, _ = data(shape)
    s = np.random.default_rng(1).uniform(0.5, 2.0, len(y))
    s[::3] *= 1e-12
    model = SelfDistilledRidge(0.3, n_steps=3, store_loo=True).fit(kind(X), y, s)
    expected = deletions(RIDGE, X, y, 0.3, 0.5, 3, s)
    assert_allclose(model.loo_predictions_, expected, rtol=0, atol=1e-10)


# Approximate kernels


@pytest.mark.parametrize("features", [Nystroem, RBFSampler])
def test_pipeline_is_exact_for_its_approximate_kernel(features):
    rng = np.random.default_rng(0)
    X, new = rng.normal(size=(80, 3)), rng.normal(size=(10, 3))
    y, s = np.sin(X[:, 0]) + rng.normal(size=80), rng.integers(0, 3, 80)
    options = {"n_steps": 4, "ground_truth_weight": "loo"}
    pipeline = make_pipeline(
        features(gamma=0.3, n_components=15, random_state=0),
        SelfDistilledRidge(0.2, fit_intercept=False, **options),
    ).fit(X, y, selfdistilledridge__sample_weight=s)
    Z, Z_new = pipeline[0].transform(X), pipeline[0].transform(new)
    kernel = SelfDistilledKernelRidge(0.2, kernel="precomputed", **options).fit(Z @ Z.T, y, s)
    weights = pipeline[1].ground_truth_weights_
    assert_allclose(weights, kernel.ground_truth_weights_, rtol=1e-7)
    assert_allclose(pipeline[1].loo_predictions_, kernel.loo_predictions_, rtol=0, atol=1e-10)
    assert_allclose(pipeline.predict(new), kernel.predict(Z_new @ Z.T), rtol=0, atol=1e-10)


# Classes


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
@pytest.mark.parametrize("weighted", [False, True])
def test_scores_are_those_of_refits_to_coded_labels(solver, n_classes, class_weight, weighted):
    X, y = load_digits(return_X_y=True)
    X, y = X[y < n_classes] / 16, y[y < n_classes]
    rows, new, labels = X[:90], X[90:], y[:90]
    s = np.random.default_rng(0).integers(0, 3, 90) if weighted else None
    model = SelfDistilledRidgeClassifier(
        0.5,
        n_steps=3,
        ground_truth_weight=0.2,
        solver=solver,
        tol=1e-13,
        class_weight=class_weight,
    ).fit(rows, labels, s)
    total = np.ones(90) if s is None else s
    if class_weight == "balanced":
        by_class = np.bincount(labels, total)
        total = total * (by_class.sum() / n_classes / by_class)[labels]
    coded = LabelBinarizer(pos_label=1, neg_label=-1).fit_transform(labels)
    coded = coded[:, 0] if n_classes == 2 else coded
    expected = predictions(RIDGE, rows, coded, 0.5, 0.2, 3, total, new=new)
    scores = list(model.staged_decision_function(new))
    assert_allclose(scores, expected, rtol=0, atol=1e-10)
    chosen = expected > 0 if n_classes == 2 else expected.argmax(axis=2)
    assert_array_equal(list(model.staged_predict(new)), chosen)
    first = RidgeClassifier(0.5, class_weight=class_weight, solver="svd").fit(rows, labels, s)
    if class_weight is None or s is None:  # RidgeClassifier counts rows without weight
        assert_allclose(model.decision_function(new, 1), first.decision_function(new), atol=1e-10)
        assert_array_equal(model.predict(new, step=1), first.predict(new))
    n_columns = 1 if n_classes == 2 else n_classes
    assert model.coef_.shape == (n_columns, X.shape[1])
    assert model.intercept_.shape == (n_columns,)
    assert model.coef_path_.shape == (3, n_columns, X.shape[1])
    limit = Ridge(2.5, solver="svd").fit(rows, coded, total).predict(new)
    assert_allclose(model.decision_function(new, step=np.inf), limit, rtol=0, atol=1e-10)


def test_scores_left_out_are_deletions():
    X, y, s, _ = data("wide", weighted=True)
    labels = np.where(y > np.median(y), "high", "low")
    model = SelfDistilledRidgeClassifier(store_loo=True, step_selection="loo").fit(X, labels, s)
    coded = np.where(labels == "low", 1.0, -1.0)
    expected = deletions(RIDGE, X, coded, 1.0, 0.5, 2, s)
    assert_allclose(model.loo_predictions_, expected, rtol=0, atol=1e-11)
    mse = np.average((coded - expected) ** 2, axis=1, weights=s)
    assert_allclose(model.loo_mse_, mse, rtol=1e-10)


def test_validation_by_labels():
    X, y, _, new = data(weighted=True)
    labels, held = np.where(y > np.median(y), "high", "low"), np.repeat(["low", "high"], 5)[:9]
    model = SelfDistilledRidgeClassifier(ground_truth_weight="validation")
    model.fit(X, labels, X_val=new, y_val=held)
    coded, coded_held = (np.where(part == "low", 1.0, -1.0) for part in (labels, held))
    steps = predictions(RIDGE, X, coded, 1.0, 0.0, 2, new=new)
    expected = parabola_minimum(coded_held, *steps)
    assert_allclose(model.ground_truth_weights_, [expected], rtol=1e-7)
