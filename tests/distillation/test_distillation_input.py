"""Bad input of self-distilled models, and input that is odd but fine."""

import numpy as np
import pytest
from distillation_oracles import PRECOMPUTED, predictions, rbf_data
from numpy.testing import assert_allclose, assert_array_equal

from skweight.distillation import (
    SelfDistilledKernelRidge,
    SelfDistilledKernelRidgeClassifier,
    SelfDistilledRidge,
    SelfDistilledRidgeClassifier,
)

X, K, Y, NEW, K_NEW = rbf_data(n=20, n_targets=2)
REGRESSORS = (SelfDistilledKernelRidge, SelfDistilledRidge)
CLASSIFIERS = (SelfDistilledKernelRidgeClassifier, SelfDistilledRidgeClassifier)
LABELS = np.arange(20) % 3
EXACT = {
    SelfDistilledKernelRidge: "eigh",
    SelfDistilledKernelRidgeClassifier: "eigh",
    SelfDistilledRidge: "svd",
    SelfDistilledRidgeClassifier: "svd",
}


def targets_for(estimator):
    return LABELS if estimator in CLASSIFIERS else Y


# parameters, and what the message must say: the parameter, what it got
BAD = [
    ({"alpha": 0.0}, r"'alpha' .*Got 0.0"),
    ({"alpha": -1.0}, r"'alpha' .*Got -1.0"),
    ({"alpha": "much"}, r"'alpha' .*Got 'much'"),
    ({"alpha": np.nan}, r"'?alpha'? .*[Gg]ot nan"),
    ({"alpha": np.inf}, r"'?alpha'? .*[Gg]ot inf"),
    ({"alpha": [1.0, 0.0]}, r"alpha must be above 0, got 0"),
    ({"alpha": [1.0, np.nan]}, r"alpha must be finite, got \[1.0, nan\]"),
    ({"alpha": [1.0, 2.0, 3.0]}, r"alpha must be one number, .*n_steps=2.*\(3,\)"),
    ({"alpha": np.ones((2, 2))}, r"alpha must be one number, .*\(2, 2\); all targets share it"),
    ({"n_steps": 0}, r"'n_steps' .*Got 0"),
    ({"n_steps": 2.5}, r"'n_steps' .*Got 2.5"),
    ({"n_steps": None}, r"'n_steps' .*Got None"),
    ({"ground_truth_weight": np.nan}, r"ground_truth_weight.*[Gg]ot nan"),
    ({"ground_truth_weight": np.inf}, r"ground_truth_weight.*[Gg]ot inf"),
    ({"ground_truth_weight": None}, r"'ground_truth_weight' .*Got None"),
    ({"ground_truth_weight": "best"}, r"'ground_truth_weight' .*'loo'.*Got 'best'"),
    ({"ground_truth_weight": [np.nan]}, r"ground_truth_weight must be finite, got \[nan\]"),
    ({"ground_truth_weight": [0.5, 0.5]}, r"ground_truth_weight .*n_steps=2, got shape \(2,\)"),
    ({"ground_truth_weight": []}, r"ground_truth_weight .*n_steps=2, got shape \(0,\)"),
    ({"ground_truth_weight": np.ones((1, 7))}, r"ground_truth_weight .*got shape \(1, 7\)"),
    ({"ground_truth_weight": ["a"]}, r"ground_truth_weight must be a number .*got \['a'\]"),
    ({"weight_bounds": (1, 0)}, r"weight_bounds must have low <= high, got \(1, 0\)"),
    ({"weight_bounds": (0, np.nan)}, r"weight_bounds must have low <= high, got \(0, nan\)"),
    ({"weight_bounds": (0, 1, 2)}, r"weight_bounds must be a pair .*got \(0, 1, 2\)"),
    ({"weight_bounds": ("a", "b")}, r"weight_bounds must be a pair .*got \('a', 'b'\)"),
    ({"weight_bounds": 1.0}, r"'weight_bounds' .*Got 1.0"),
    ({"step_selection": "best"}, r"'step_selection' .*Got 'best'"),
    ({"solver": "qr"}, r"'solver' .*Got 'qr'"),
    ({"solver": "cholesky", "store_loo": True}, r"solver='cholesky' .*store_loo=True"),
    ({"solver": "cholesky", "ground_truth_weight": "loo"}, r"solver='cholesky' .*'loo'"),
    ({"solver": "cholesky", "ground_truth_weight": "gcv"}, r"solver='cholesky' .*'gcv'"),
    ({"solver": "cholesky", "step_selection": "loo"}, r"solver='cholesky' .*step_selection='loo'"),
    (
        {"ground_truth_weight": "loo-joint", "step_selection": "loo"},
        r"step_selection must be 'last' .*'loo-joint'.* got 'loo'",
    ),
    (
        {"ground_truth_weight": "loo-joint", "weight_bounds": (0, 1)},
        r"'loo-joint' .*weight_bounds None",
    ),
    (
        {"ground_truth_weight": "loo-joint", "alpha": [1.0, 2.0]},
        r"'loo-joint' needs one alpha .*got \[1.0, 2.0\]",
    ),
    ({"ground_truth_weight": "gcv", "alpha": [1.0, 2.0]}, r"'gcv' needs one alpha .*got \[1.0,"),
    ({"ground_truth_weight": "validation"}, r"'validation' needs X_val and y_val .*got none"),
    ({"tol": 0.0}, r"'tol' .*Got 0.0"),
    ({"max_iter": 0}, r"'max_iter' .*Got 0"),
    ({"store_loo": "yes"}, r"'store_loo' .*Got 'yes'"),
]


@pytest.mark.parametrize("estimator", [*REGRESSORS, *CLASSIFIERS])
@pytest.mark.parametrize(("params", "message"), BAD)
def test_bad_parameters(estimator, params, message):
    with pytest.raises(ValueError, match=message) as error:
        estimator(**params).fit(X, targets_for(estimator))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"kernel": "round"}, r"'kernel' .*Got 'round'"),
        ({"gamma": -1.0}, r"'gamma' .*Got -1.0"),
        ({"degree": -1}, r"'degree' .*Got -1"),
        ({"solver": "lanczos", "store_loo": True}, r"solver='lanczos' .*store_loo=True"),
        ({"solver": "lanczos", "ground_truth_weight": "loo"}, r"solver='lanczos' .*'loo'"),
        ({"solver": "lanczos", "ground_truth_weight": "gcv"}, r"solver='lanczos' .*'gcv'"),
    ],
)
def test_bad_parameters_of_kernels(params, message):
    for estimator in (SelfDistilledKernelRidge, SelfDistilledKernelRidgeClassifier):
        with pytest.raises(ValueError, match=message):
            estimator(**params).fit(X, targets_for(estimator))


def test_joint_weights_are_one_for_all_targets():
    for estimator in REGRESSORS:
        model = estimator(ground_truth_weight="loo-joint", weight_per_target=True)
        with pytest.raises(ValueError, match=r"'loo-joint' .*weight_per_target must be False"):
            model.fit(X, Y)


@pytest.mark.parametrize("estimator", CLASSIFIERS)
def test_columns_of_a_classifier_share_weights(estimator):
    with pytest.raises(TypeError, match="weight_per_target"):
        estimator(weight_per_target=True)
    for n_columns in (1, 3):
        with pytest.raises(ValueError, match=rf"ground_truth_weight .*\(1, {n_columns}\)"):
            estimator(ground_truth_weight=np.full((1, n_columns), 0.5)).fit(X, LABELS)


@pytest.mark.parametrize("estimator", CLASSIFIERS)
def test_one_class_is_not_enough(estimator):
    with pytest.raises(ValueError, match="class"):
        estimator().fit(X, np.zeros(20))
    with pytest.raises(ValueError, match="class"):
        estimator().fit(X, LABELS, sample_weight=(LABELS == 1).astype(float))


# Kernel matrices


@pytest.mark.parametrize(
    "estimator", [SelfDistilledKernelRidge, SelfDistilledKernelRidgeClassifier]
)
def test_bad_kernel_matrices(estimator):
    model, y = estimator(kernel="precomputed"), targets_for(estimator)
    with pytest.raises(
        ValueError, match=r"X .*'precomputed' must be a square .*got shape \(20, 7\)"
    ):
        model.fit(K[:, :7], y)
    crooked = K.copy()
    crooked[0, 1] += 1e-3
    with pytest.raises(ValueError, match=r"X .*'precomputed' must be .*symmetric.*got .*0.001"):
        model.fit(crooked, y)
    crooked[0, 1] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        model.fit(crooked, y)
    model.fit(K + 1e-10 * np.triu(np.ones_like(K)), y)


@pytest.mark.filterwarnings("ignore:The kernel matrix with alpha:UserWarning")
@pytest.mark.parametrize(
    "params", [{"solver": "eigh"}, {"solver": "cholesky"}, {"store_loo": True}]
)
def test_indefinite_kernel_matrix(params):
    """A similarity with a large negative eigenvalue is no kernel."""
    flipped = K - 3 * np.eye(20)
    model = SelfDistilledKernelRidge(kernel="precomputed", alpha=1e-3, **params)
    with pytest.raises(ValueError, match=r"kernel must be positive semi-definite, got .*-3 "):
        model.fit(flipped, Y)


def test_kernel_matrix_of_rows_held_out():
    model = SelfDistilledKernelRidge(kernel="precomputed", ground_truth_weight="validation")
    with pytest.raises(ValueError, match=r"X_val with kernel='precomputed' must be .*\(17, 5\)"):
        model.fit(K, Y, X_val=K_NEW[:, :5], y_val=np.ones((17, 2)))


# Data held out


@pytest.mark.parametrize("estimator", REGRESSORS)
def test_data_held_out(estimator):
    y_new = np.ones((len(NEW), 2))
    model = estimator(ground_truth_weight="validation")
    for given in (
        {"X_val": NEW},
        {"y_val": y_new},
        {"sample_weight_val": np.ones(len(NEW))},
    ):
        with pytest.raises(ValueError, match="X_val and y_val must be given together"):
            model.fit(X, Y, **given)
    with pytest.raises(ValueError, match=r"y_val must have 2 target.*\(17, 1\)"):
        model.fit(X, Y, X_val=NEW, y_val=y_new[:, 0])
    with pytest.raises(ValueError, match=r"y_val must .*17 rows.*\(5, 2\)"):
        model.fit(X, Y, X_val=NEW, y_val=y_new[:5])
    with pytest.raises(ValueError, match="2 features"):
        model.fit(X, Y, X_val=NEW[:, :2], y_val=y_new)
    with pytest.raises(ValueError, match="NaN"):
        model.fit(X, Y, X_val=NEW, y_val=np.where(y_new, np.nan, 0))
    with pytest.raises(ValueError, match="sample_weight"):
        model.fit(X, Y, X_val=NEW, y_val=y_new, sample_weight_val=np.ones(3))
    with pytest.raises(ValueError, match=r"weight.*zero"):
        model.fit(X, Y, X_val=NEW, y_val=y_new, sample_weight_val=np.zeros(len(NEW)))
    with pytest.raises(ValueError, match=r"X_val and y_val are for .*'validation', got 0.5"):
        estimator().fit(X, Y, X_val=NEW, y_val=y_new)


# Steps


@pytest.mark.parametrize("estimator", [*REGRESSORS, *CLASSIFIERS])
@pytest.mark.parametrize("step", [0, 4, -1, 1.5, 2.0, "last", True, np.nan, -np.inf])
def test_no_such_step(estimator, step):
    model = estimator(n_steps=3).fit(X, targets_for(estimator))
    with pytest.raises(ValueError, match=r"step must be None, inf or a whole number from 1 to 3"):
        model.predict(X, step=step)
    assert_array_equal(model.predict(X, step=np.int64(3)), model.predict(X))


# Rows


@pytest.mark.parametrize("estimator", [*REGRESSORS, *CLASSIFIERS])
@pytest.mark.parametrize(
    "params",
    [
        {"store_loo": True},
        {"step_selection": "loo"},
        {"ground_truth_weight": "loo"},
        {"ground_truth_weight": "loo-joint"},
        {"ground_truth_weight": "loo", "n_steps": 4},
    ],
)
def test_leave_one_out_needs_two_rows(estimator, params):
    y = targets_for(estimator)
    one = np.eye(20)[0]
    if estimator in REGRESSORS:
        with pytest.raises(ValueError, match=r"n_samples=1|1 sample"):
            estimator(**params).fit(X[:1], y[:1])
        with pytest.raises(ValueError, match=r"at least 2 rows .*n_samples=1"):
            estimator(**params).fit(X, y, sample_weight=one)


@pytest.mark.parametrize("estimator", REGRESSORS)
def test_one_row_is_enough_without_leave_one_out(estimator):
    model = estimator(n_steps=3).fit(X[:1], Y[:1])
    if estimator is SelfDistilledRidge:
        assert_allclose(model.predict(X), np.broadcast_to(Y[0], Y.shape), atol=1e-14)
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize("estimator", [*REGRESSORS, *CLASSIFIERS])
@pytest.mark.parametrize("weight", [np.zeros(20), -np.ones(20), np.full(20, np.nan), np.ones(3)])
def test_bad_sample_weights(estimator, weight):
    for params in ({}, {"store_loo": True}):
        with pytest.raises(ValueError, match=r"[Ss]ample.?weight|weight"):
            estimator(**params).fit(X, targets_for(estimator), sample_weight=weight)


@pytest.mark.parametrize("rule", [0.5, "loo", "gcv", "loo-joint"])
@pytest.mark.parametrize("estimator", REGRESSORS)
@pytest.mark.filterwarnings("ignore:Step .* moves:UserWarning")
def test_constant_targets(rule, estimator):
    for value in (0.0, 3.0):
        y = np.full(20, value)
        model = estimator(n_steps=3, ground_truth_weight=rule).fit(X, y)
        if value == 0 or estimator is SelfDistilledRidge:
            assert_allclose(model.predict(X), y, rtol=0, atol=1e-12)
        assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize("estimator", REGRESSORS)
@pytest.mark.parametrize("rule", ["loo", "gcv"])
@pytest.mark.filterwarnings("ignore:Step .* moves:UserWarning")
def test_targets_of_zeros_leave_the_ground_truth(estimator, rule):
    model = estimator(n_steps=3, ground_truth_weight=rule).fit(X, np.zeros(20))
    assert_array_equal(model.ground_truth_weights_, 1.0)


def test_copies_of_rows_are_fine():
    twice, y = np.vstack([X, X]), np.vstack([Y, -Y])
    kernel = np.block([[K, K], [K, K]])
    for solver in ("cholesky", "eigh"):
        model = SelfDistilledKernelRidge(1e-3, gamma=0.5, n_steps=3, solver=solver).fit(twice, y)
        expected = predictions(PRECOMPUTED, kernel, y, 1e-3, 0.5, 3, new=np.hstack([K_NEW, K_NEW]))
        assert_allclose(list(model.staged_predict(NEW)), expected, rtol=0, atol=1e-8)


def test_a_penalty_lost_in_rounding_falls_back_to_eigenvalues():
    twice = np.vstack([X, X])
    model = SelfDistilledKernelRidge(1e-18, gamma=0.5, solver="cholesky")
    with pytest.warns(UserWarning, match=r"alpha=1e-18 .*eigenvalues .*Raise alpha"):
        model.fit(twice, np.vstack([Y, Y]))
    assert model.solver_ == "eigh"
    assert_allclose(model.predict(X, step=1), Y, rtol=0, atol=1e-6)


@pytest.mark.parametrize("estimator", [*REGRESSORS, *CLASSIFIERS])
def test_growing_errors_are_announced(estimator):
    model = estimator(n_steps=8, ground_truth_weight=-9.0)
    with pytest.warns(UserWarning, match=r"multiply rounding errors by 1.0e\+07.*fewer steps"):
        model.fit(X, targets_for(estimator))


@pytest.mark.parametrize("estimator", [*REGRESSORS, *CLASSIFIERS])
def test_leave_one_out_by_a_named_solver_is_that_of_auto(estimator):
    params = {"n_steps": 2, "store_loo": True}
    y = targets_for(estimator)
    one = estimator(**params).fit(X, y)
    other = estimator(**params, solver=EXACT[estimator]).fit(X, y)
    assert_allclose(one.loo_predictions_, other.loo_predictions_, rtol=0, atol=1e-12)
