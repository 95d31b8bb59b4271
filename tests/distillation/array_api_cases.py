"""Tensors in, tensors out: run by `test_array_api.py` in a process where scipy knows of them."""

import numpy as np
import pytest
from distillation_oracles import rbf_data
from numpy.testing import assert_allclose
from sklearn import config_context
from sklearn.base import clone
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.utils.estimator_checks import check_array_api_input

from skweight.distillation import (
    SelfDistilledKernelRidge,
    SelfDistilledKernelRidgeClassifier,
    SelfDistilledKernelRidgeClassifierCV,
    SelfDistilledKernelRidgeCV,
    SelfDistilledRidge,
    SelfDistilledRidgeClassifier,
    SelfDistilledRidgeClassifierCV,
    SelfDistilledRidgeCV,
)

torch = pytest.importorskip("torch")
strict = pytest.importorskip("array_api_strict")
LIBRARIES = {"torch": torch, "strict": strict}

KERNEL_MODELS = {
    "cholesky": {},
    "many steps": {"n_steps": 6, "ground_truth_weight": [0.3, 1.4, -0.2, 0.0, 2.0]},
    "one step": {"n_steps": 1},
    "penalties by step": {"n_steps": 3, "alpha": [0.4, 0.1, 1.0]},
    "eigh": {"solver": "eigh", "n_steps": 3},
    "lanczos": {"solver": "lanczos", "n_steps": 3, "tol": 1e-13},
    "inverse": {"store_loo": True},
    "loo by the inverse": {"ground_truth_weight": "loo"},
    "loo": {"ground_truth_weight": "loo", "n_steps": 4, "step_selection": "loo"},
    "loo with penalties by step": {
        "ground_truth_weight": "loo",
        "n_steps": 3,
        "alpha": [0.4, 0.1, 1.0],
    },
    "loo-joint": {"ground_truth_weight": "loo-joint", "n_steps": 3},
    "gcv by the inverse": {"ground_truth_weight": "gcv", "alpha": 3.0},
    "gcv": {"ground_truth_weight": "gcv", "n_steps": 3, "alpha": 3.0, "store_loo": True},
    "bounds": {"ground_truth_weight": "loo", "n_steps": 3, "weight_bounds": (0.1, 0.9)},
    "validation": {"ground_truth_weight": "validation", "n_steps": 3},
    "linear kernel": {"kernel": "linear", "n_steps": 3},
}
LINEAR_MODELS = {
    "cholesky": {"n_steps": 3},
    "svd": {"solver": "svd", "n_steps": 3, "fit_intercept": False},
    "lsqr": {"solver": "lsqr", "n_steps": 3, "tol": 1e-13},
    "loo": {"ground_truth_weight": "loo", "n_steps": 3, "step_selection": "loo"},
    "loo-joint": {"ground_truth_weight": "loo-joint", "n_steps": 3},
    "gcv": {"ground_truth_weight": "gcv", "alpha": 30.0, "store_loo": True},
    "validation": {"ground_truth_weight": "validation", "n_steps": 3},
}
SEARCHES = {
    "deletion": {},
    "errors kept": {"store_cv_results": True},
    "folds": {"cv": 3},
    "scored": {"cv": 3, "scoring": "r2"},
    "given weights": {"ground_truth_weight": 0.4},
}
PER_TARGET = {"loo": {"n_steps": 3}, "gcv": {"n_steps": 3, "alpha": 3.0}, "validation": {}}


@pytest.fixture(autouse=True)
def _dispatch():
    with config_context(array_api_dispatch=True):
        yield


def fit_both(model, library, n_targets=2, weighted=True, labels=False, p=3):
    """Return a model fitted to arrays of numpy and one fitted to a library's, and new rows."""
    X, _, y, new, _ = rbf_data(30, p, n_targets)
    weight = held_out = None
    if weighted:
        weight = np.random.default_rng(1).uniform(0.1, 3.0, len(y))
        weight[::4] = 0.0
    if labels:
        y = np.digitize(y, [-0.4, 0.4])
    given = {"X": X, "y": y, "sample_weight": weight}
    if model.ground_truth_weight == "validation":
        s_val = np.random.default_rng(2).uniform(0.1, 3.0, 17)
        held_out = {"X_val": new, "y_val": y[:17], "sample_weight_val": s_val}
    if getattr(model, "kernel", None) == "precomputed":
        given["X"], new = rbf_kernel(X, gamma=0.5), rbf_kernel(new, X, gamma=0.5)
    given |= held_out or {}
    as_theirs = {
        name: None if values is None else library.asarray(values) for name, values in given.items()
    }
    return clone(model).fit(**given), clone(model).fit(**as_theirs), new


def assert_same(found, expected, library):
    assert isinstance(found, type(library.asarray(0.0)))
    assert_allclose(np.asarray(found), expected, rtol=1e-8, atol=1e-8)


def assert_same_model(mine, theirs, new, library):
    for name, expected in vars(mine).items():
        if isinstance(expected, np.ndarray):
            assert_same(getattr(theirs, name), expected, library)
    assert theirs.best_step_ == mine.best_step_
    others = library.asarray(new)
    method = "decision_function" if hasattr(mine, "classes_") else "predict"
    steps = [None, np.inf] if hasattr(mine, "limit_alpha_") else [None]
    for step in steps:
        expected = getattr(mine, method)(new, step=step)
        assert_same(getattr(theirs, method)(others, step=step), expected, library)
    for found, expected in zip(theirs.staged_predict(others), mine.staged_predict(new)):
        assert_same(found, expected, library)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("params", KERNEL_MODELS)
@pytest.mark.parametrize(("n_targets", "weighted"), [(None, False), (2, True)])
def test_kernel_models(library, params, n_targets, weighted):
    model = SelfDistilledKernelRidge(**{"alpha": 0.4, "gamma": 0.5, **KERNEL_MODELS[params]})
    library = LIBRARIES[library]
    assert_same_model(*fit_both(model, library, n_targets, weighted), library)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("params", LINEAR_MODELS)
@pytest.mark.parametrize("p", [3, 50])
@pytest.mark.parametrize(("n_targets", "weighted"), [(None, False), (2, True)])
def test_linear_models(library, params, p, n_targets, weighted):
    model = SelfDistilledRidge(**LINEAR_MODELS[params])
    library = LIBRARIES[library]
    assert_same_model(*fit_both(model, library, n_targets, weighted, p=p), library)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("rule", PER_TARGET)
def test_weights_of_each_target(library, rule):
    params = {"ground_truth_weight": rule, "weight_per_target": True, **PER_TARGET[rule]}
    library = LIBRARIES[library]
    for model in (SelfDistilledKernelRidge(gamma=0.5), SelfDistilledRidge()):
        assert_same_model(*fit_both(model.set_params(**params), library), library)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("solver", ["cholesky", "eigh", "lanczos"])
def test_kernel_matrices(library, solver):
    model = SelfDistilledKernelRidge(0.4, kernel="precomputed", solver=solver, tol=1e-13)
    library = LIBRARIES[library]
    assert_same_model(*fit_both(model, library), library)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(
    "estimator", [SelfDistilledKernelRidgeClassifier, SelfDistilledRidgeClassifier]
)
@pytest.mark.parametrize("class_weight", [None, "balanced"])
@pytest.mark.parametrize("rule", [0.3, "loo", "validation"])
def test_classifiers(library, estimator, class_weight, rule):
    model = estimator(0.4, n_steps=3, ground_truth_weight=rule, class_weight=class_weight)
    library = LIBRARIES[library]
    mine, theirs, new = fit_both(model, library, n_targets=None, labels=True)
    assert_same_model(mine, theirs, new, library)
    others = library.asarray(new)
    assert_same(theirs.predict(others), mine.predict(new), library)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("params", SEARCHES)
@pytest.mark.parametrize("p", [3, 50])
@pytest.mark.parametrize(("n_targets", "weighted"), [(None, False), (2, True)])
def test_searches(library, params, p, n_targets, weighted):
    library = LIBRARIES[library]
    for estimator in (SelfDistilledKernelRidgeCV, SelfDistilledRidgeCV):
        model = estimator(n_steps=3, **SEARCHES[params])
        mine, theirs, new = fit_both(model, library, n_targets, weighted, p=p)
        assert_same_model(mine, theirs, new, library)
        assert theirs.alpha_ == mine.alpha_


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("cv", [None, 3])
def test_searches_of_classifiers(library, cv):
    library = LIBRARIES[library]
    for estimator in (SelfDistilledKernelRidgeClassifierCV, SelfDistilledRidgeClassifierCV):
        model = estimator(n_steps=3, cv=cv, scoring="accuracy")
        mine, theirs, new = fit_both(model, library, n_targets=None, labels=True)
        assert_same_model(mine, theirs, new, library)
        assert_same(theirs.predict(library.asarray(new)), mine.predict(new), library)


def test_labels_may_be_text_beside_tensors():
    X, _, y, new, _ = rbf_data(n=30)
    names = np.where(y > 0, "up", "down")
    model = SelfDistilledKernelRidgeClassifier().fit(torch.asarray(X), names)
    expected = SelfDistilledKernelRidgeClassifier().fit(X, names)
    assert list(model.predict(torch.asarray(new))) == list(expected.predict(new))
    assert_same(model.decision_function(torch.asarray(new)), expected.decision_function(new), torch)


def test_targets_and_weights_of_numpy_beside_tensors():
    X, _, y, new, _ = rbf_data(n=30, n_targets=2)
    s = np.random.default_rng(0).integers(0, 3, 30)
    model = SelfDistilledKernelRidge().fit(torch.asarray(X), y, s)
    expected = SelfDistilledKernelRidge().fit(X, y, s).predict(new)
    assert_same(model.predict(torch.asarray(new)), expected, torch)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("params", ["cholesky", "loo", "lanczos", "inverse"])
def test_float32(library, params):
    library = LIBRARIES[library]
    X, _, y, new, _ = rbf_data(n=30, n_targets=2)
    narrow, others = library.asarray(X.astype("f4")), library.asarray(new.astype("f4"))
    model = SelfDistilledKernelRidge(**{"alpha": 0.4, "gamma": 0.5, **KERNEL_MODELS[params]})
    found = model.fit(narrow, library.asarray(y.astype("f4"))).predict(others)
    assert found.dtype == model.dual_coef_.dtype == library.float32
    expected = clone(model).fit(X.astype("f4"), y.astype("f4")).predict(new.astype("f4"))
    assert_allclose(np.asarray(found), expected, rtol=0, atol=1e-5)


def test_penalty_lost_in_rounding_falls_back_to_eigenvalues():
    X = torch.asarray(np.repeat(np.random.default_rng(0).normal(size=(5, 2)), 4, axis=0))
    y = torch.arange(20, dtype=torch.float64)
    with pytest.warns(UserWarning, match="Raise alpha"):
        model = SelfDistilledKernelRidge(1e-18).fit(X, y)
    assert model.solver_ == "eigh"


def test_no_other_library_in_prediction():
    X, _, y, new, _ = rbf_data(n=30)
    model = SelfDistilledKernelRidge().fit(torch.asarray(X), torch.asarray(y))
    for method in (model.predict, lambda rows: next(model.staged_predict(rows))):
        with pytest.raises(ValueError, match="must use the same namespace"):
            method(new)


@pytest.mark.parametrize("library", ["numpy", "torch", "array_api_strict"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "model",
    [
        SelfDistilledKernelRidge(),
        SelfDistilledKernelRidge(n_steps=3, ground_truth_weight="loo", step_selection="loo"),
        SelfDistilledKernelRidgeClassifier(),
        SelfDistilledRidge(),
        SelfDistilledRidge(n_steps=3, ground_truth_weight="loo"),
        SelfDistilledRidgeClassifier(),
    ],
)
def test_check_of_scikit_learn_with_values(library, weighted, model):
    device = {"torch": "cpu", "array_api_strict": "CPU_DEVICE"}.get(library)
    check_array_api_input(
        type(model).__name__,
        model,
        array_namespace=library,
        device_name=device,
        dtype_name="float64",
        check_values=True,
        check_sample_weight=weighted,
    )
