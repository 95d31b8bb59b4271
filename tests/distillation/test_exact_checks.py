"""Self-distilled ridge models against chains of scikit-learn's, and identities of their steps."""

from itertools import pairwise

import numpy as np
import pytest
from distillation_oracles import (
    ORIGIN,
    PRECOMPUTED,
    RIDGE,
    dual_coefficients,
    predictions,
    rbf_data,
    weighted_mse,
    weights_of,
)
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge

from skweight.datasets import load_self_distillation_toy
from skweight.distillation import SelfDistilledKernelRidge, SelfDistilledRidge

EXACT_SOLVERS = ("cholesky", "eigh", "auto")
CHAINS = {
    "no ground truth": (0.3, 0.0),
    "the paper's": (0.3, 0.35),
    "ground truth alone": (0.3, 1.0),
    "beyond both": (0.3, [1.5, -0.4, 2.2, 0.7]),
    "penalties by step": ([0.3, 0.1, 2.0, 0.05, 1.0], 0.35),
    "few penalties": ([0.3, 0.1, 0.3, 0.1, 0.3], [0.2, 1.3, -0.3, 0.6]),
}


def tolerance(K, alpha):
    condition = (np.linalg.eigvalsh(K)[-1] + np.min(alpha)) / np.min(alpha)
    return max(1e-10, 100 * np.finfo(float).eps * condition)


# Refits


@pytest.mark.parametrize("solver", EXACT_SOLVERS)
@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("weights", ["none", "zeros"])
@pytest.mark.parametrize("n_targets", [None, 3])
def test_every_step_is_a_refit(solver, chain, weights, n_targets):
    X, K, y, new, K_new = rbf_data(n_targets=n_targets)
    alpha, weight = CHAINS[chain]
    s = weights_of(weights, len(y))
    model = SelfDistilledKernelRidge(
        alpha, gamma=0.5, n_steps=5, ground_truth_weight=weight, solver=solver
    ).fit(X, y, sample_weight=s)
    rtol = tolerance(K, alpha)
    dual = dual_coefficients(K, y, alpha, weight, 5, s)
    assert_allclose(model.dual_coef_path_, dual, rtol=rtol, atol=rtol)
    assert_array_equal(model.dual_coef_, model.dual_coef_path_[-1])
    for rows, kernel in ((X, K), (new, K_new)):
        expected = predictions(PRECOMPUTED, K, y, alpha, weight, 5, s, new=kernel)
        assert_allclose(list(model.staged_predict(rows)), expected, rtol=rtol, atol=rtol)
        assert_allclose(model.predict(rows), expected[-1], rtol=rtol, atol=rtol)
        for step in range(1, 6):
            assert_allclose(
                model.predict(rows, step=step), expected[step - 1], rtol=rtol, atol=rtol
            )


@pytest.mark.parametrize("alpha", [1e-6, 1e-3, 1e3])
@pytest.mark.parametrize("solver", EXACT_SOLVERS)
def test_refits_with_small_and_large_penalties(solver, alpha):
    X, K, y, new, K_new = rbf_data(n=60, p=2)
    model = SelfDistilledKernelRidge(
        alpha, gamma=0.5, n_steps=10, ground_truth_weight=0.3, solver=solver
    ).fit(X, y)
    expected = predictions(PRECOMPUTED, K, y, alpha, 0.3, 10, new=K_new)
    rtol = tolerance(K, alpha)
    found = np.array(list(model.staged_predict(new)))
    assert_allclose(found, expected, rtol=rtol, atol=rtol * np.abs(expected).max())


@pytest.mark.parametrize("solver", EXACT_SOLVERS)
def test_one_weight_for_each_step_and_target(solver):
    X, K, y, new, K_new = rbf_data(n_targets=3)
    weight = np.random.default_rng(0).normal(size=(4, 3))
    model = SelfDistilledKernelRidge(
        0.3, gamma=0.5, n_steps=5, ground_truth_weight=weight, solver=solver
    ).fit(X, y)
    for j in range(3):
        alone = predictions(PRECOMPUTED, K, y[:, j], 0.3, weight[:, j], 5, new=K_new)
        assert_allclose(np.array(list(model.staged_predict(new)))[:, :, j], alone, atol=1e-11)


KERNELS = {
    "linear": {},
    "poly": {"degree": 2, "gamma": 0.3, "coef0": 0.5},
    "laplacian": {"gamma": 0.2},
    "cosine": {},
    "rbf": {},
}


@pytest.mark.parametrize("kernel", KERNELS)
def test_kernels_are_those_of_kernel_ridge(kernel):
    X, _, y, new, _ = rbf_data()
    peer = KernelRidge(kernel=kernel, **KERNELS[kernel])
    model = SelfDistilledKernelRidge(0.5, kernel=kernel, **KERNELS[kernel], n_steps=3).fit(X, y)
    expected = predictions(peer, X, y, 0.5, 0.5, 3, new=new)
    assert_allclose(list(model.staged_predict(new)), expected, rtol=0, atol=1e-11)


def test_kernel_is_a_function_with_parameters():
    def kernel(a, b, width):
        return np.exp(-np.abs(a - b).sum() / width)

    X, _, y, new, _ = rbf_data(n=20)
    params = {"kernel": kernel, "kernel_params": {"width": 3.0}}
    model = SelfDistilledKernelRidge(0.5, **params, n_steps=3).fit(X, y)
    expected = predictions(KernelRidge(**params), X, y, 0.5, 0.5, 3, new=new)
    assert_allclose(list(model.staged_predict(new)), expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("solver", EXACT_SOLVERS)
def test_means_of_gaussian_processes(solver):
    X, _, y, new, _ = rbf_data()
    model = SelfDistilledKernelRidge(0.3, gamma=0.5, n_steps=4, solver=solver).fit(X, y)
    targets = y
    for step in range(1, 5):
        process = GaussianProcessRegressor(RBF(1.0), alpha=0.3, optimizer=None).fit(X, targets)
        assert_allclose(model.predict(new, step=step), process.predict(new), atol=1e-11)
        targets = 0.5 * y + 0.5 * process.predict(X)


@pytest.mark.parametrize("solver", ["cholesky", "svd", "auto"])
@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("weights", ["none", "zeros"])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("shape", [(40, 3), (15, 30)])
def test_every_linear_step_is_a_refit(solver, chain, weights, fit_intercept, shape):
    X, _, y, new, _ = rbf_data(*shape, n_targets=2)
    X, y, new = X + 1.0, y + 5.0, new + 1.0
    alpha, weight = CHAINS[chain]
    s = weights_of(weights, len(y))
    model = SelfDistilledRidge(
        alpha, n_steps=5, ground_truth_weight=weight, fit_intercept=fit_intercept, solver=solver
    ).fit(X, y, sample_weight=s)
    peer = RIDGE if fit_intercept else ORIGIN
    expected = predictions(peer, X, y, alpha, weight, 5, s, new=new)
    assert_allclose(list(model.staged_predict(new)), expected, rtol=0, atol=1e-10)
    assert_allclose(new @ model.coef_.T + model.intercept_, expected[-1], rtol=0, atol=1e-10)
    by_path = [new @ c.T + b for c, b in zip(model.coef_path_, model.intercept_path_)]
    assert_allclose(by_path, expected, rtol=0, atol=1e-10)


# The limit


@pytest.mark.parametrize("solver", EXACT_SOLVERS)
@pytest.mark.parametrize("weight", [0.05, 0.5, 1.0, 1.5, 2.0])
@pytest.mark.parametrize("weights", ["none", "zeros"])
@pytest.mark.parametrize("precomputed", [False, True])
def test_limit_is_ordinary_kernel_ridge(solver, weight, weights, precomputed):
    X, K, y, new, K_new = rbf_data(n_targets=2)
    s = weights_of(weights, len(y))
    model = SelfDistilledKernelRidge(
        0.3,
        kernel="precomputed" if precomputed else "rbf",
        gamma=0.5,
        n_steps=3,
        ground_truth_weight=weight,
        solver=solver,
    ).fit(K if precomputed else X, y, sample_weight=s)
    expected = predictions(PRECOMPUTED, K, y, 0.3 / weight, 0.0, 1, s, new=K_new)[0]
    found = model.predict(K_new if precomputed else new, step=np.inf)
    assert model.limit_alpha_ == pytest.approx(0.3 / weight)
    assert_allclose(found, expected, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("weight", [0.05, 0.5, 1.0, 1.5, 2.0])
@pytest.mark.parametrize("weights", ["none", "zeros"])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("solver", ["cholesky", "svd"])
def test_limit_is_ordinary_ridge(weight, weights, fit_intercept, solver):
    X, _, y, new, _ = rbf_data()
    y, s = y + 5.0, weights_of(weights, len(y))
    model = SelfDistilledRidge(
        3.0, fit_intercept=fit_intercept, n_steps=2, ground_truth_weight=weight, solver=solver
    ).fit(X, y, sample_weight=s)
    peer = Ridge(3.0 / weight, fit_intercept=fit_intercept, solver="svd").fit(X, y, s)
    assert_allclose(model.predict(new, step=np.inf), peer.predict(new), rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("weight", [0.0, -0.3, 2.5, [0.5, 0.6], "loo", "gcv"])
def test_no_limit(weight):
    X, _, y, new, _ = rbf_data()
    for model in (SelfDistilledKernelRidge(gamma=0.5), SelfDistilledRidge()):
        model.set_params(n_steps=3, ground_truth_weight=weight).fit(X, y)
        assert not hasattr(model, "limit_alpha_")
        with pytest.raises(ValueError, match=r"step=inf .*ground_truth_weight"):
            model.predict(new, step=np.inf)


def test_no_limit_with_penalties_by_step():
    X, _, y, new, _ = rbf_data()
    model = SelfDistilledKernelRidge([1.0, 2.0], n_steps=2).fit(X, y)
    with pytest.raises(ValueError, match=r"step=inf .*alpha"):
        model.predict(new, step=np.inf)


@pytest.mark.parametrize("solver", EXACT_SOLVERS)
def test_one_step_knows_its_limit(solver):
    X, K, y, new, K_new = rbf_data()
    model = SelfDistilledKernelRidge(
        0.3, gamma=0.5, n_steps=1, ground_truth_weight=0.25, solver=solver
    ).fit(X, y)
    first, limit = (
        predictions(PRECOMPUTED, K, y, alpha, 0.0, 1, new=K_new)[0] for alpha in (0.3, 1.2)
    )
    assert_allclose(model.predict(new), first, atol=1e-12)
    assert_allclose(model.predict(new, step=np.inf), limit, atol=1e-12)
    assert model.ground_truth_weights_.shape == (0,)


@pytest.mark.parametrize("weight", [0.05, 0.5, 1.5, 2.0])
def test_steps_approach_the_limit_geometrically(weight):
    X, K, y, _, _ = rbf_data()
    model = SelfDistilledKernelRidge(
        0.3, gamma=0.5, n_steps=15, ground_truth_weight=weight, solver="eigh"
    ).fit(X, y)
    largest = np.linalg.eigvalsh(K)[-1]
    factor = abs(1 - weight) * largest / (largest + 0.3)
    end = model.predict(X, step=np.inf)
    distance = [np.linalg.norm(step - end) for step in model.staged_predict(X)]
    assert distance[0] > 1e-3
    assert all(b <= factor * a + 1e-13 for a, b in pairwise(distance))


# Identities


@pytest.mark.parametrize("model", [SelfDistilledKernelRidge(0.3), SelfDistilledRidge(0.3)])
def test_ground_truth_alone_changes_nothing(model):
    X, _, y, new, _ = rbf_data()
    model.set_params(ground_truth_weight=1.0, n_steps=6).fit(X, y)
    first, *later = model.staged_predict(new)
    for step in later:
        assert_allclose(step, first, rtol=0, atol=1e-13)


@pytest.mark.parametrize("place", range(3))
def test_every_step_is_affine_in_every_weight(place):
    X, _, y, new, _ = rbf_data()

    def steps(w):
        weight = [0.3, -0.5, 1.4]
        weight[place] = w
        model = SelfDistilledKernelRidge(0.3, gamma=0.5, n_steps=4, ground_truth_weight=weight)
        return np.array(list(model.fit(X, y).staged_predict(new)))

    at_0, at_1 = steps(0.0), steps(1.0)
    for w in (-2.0, 0.3, 3.0):
        assert_allclose(steps(w), w * at_1 + (1 - w) * at_0, rtol=0, atol=1e-12)
    assert np.abs(at_1 - at_0).max() > 1e-3


def test_distilling_once_is_a_step_along_the_penalty():
    """The student is the first fit plus alpha times its derivative by alpha, anywhere."""
    X, _, y, new, _ = rbf_data()
    alpha, h = 0.3, 1e-3

    def first(penalty):
        return KernelRidge(alpha=penalty, kernel="rbf", gamma=0.5).fit(X, y).predict(new)

    ahead, behind = ((first(alpha + k * h) - first(alpha - k * h)) / (2 * k * h) for k in (1, 2))
    derivative = (4 * ahead - behind) / 3
    model = SelfDistilledKernelRidge(alpha, gamma=0.5, ground_truth_weight=0.0).fit(X, y)
    assert_allclose(model.predict(new), first(alpha) + alpha * derivative, rtol=0, atol=1e-9)


@pytest.mark.parametrize("alpha", [0.003, 0.03, 0.3, 3.0, 30.0])
def test_best_weight_says_where_the_penalty_should_go(alpha):
    """Above 1 where a larger penalty would lose more by leave-one-out, and below 1 elsewhere."""
    X, _, y, _, _ = rbf_data(n=60)

    def risk(penalty):
        model = SelfDistilledKernelRidge(penalty, gamma=0.5, n_steps=1, store_loo=True)
        return model.fit(X, y).loo_mse_[0]

    slope = (risk(alpha * 1.001) - risk(alpha / 1.001)) / alpha
    model = SelfDistilledKernelRidge(alpha, gamma=0.5, ground_truth_weight="loo").fit(X, y)
    assert abs(slope) > 1e-8
    assert np.sign(model.ground_truth_weights_[0] - 1) == np.sign(slope)
    assert model.loo_mse_[1] < model.loo_mse_[0]


# The toy of the paper's code

TOY = {
    0.0: [0.16477, 0.15076, 0.14915, 0.15561, 0.16735, 0.18251],
    0.25: [0.16477, 0.15309, 0.14958, 0.14903, 0.14946, 0.15011],
    0.35: [0.16477, 0.15424, 0.15089, 0.14983, 0.14954, 0.14948],
}
TOY_LIMIT = {0.25: 0.15250, 0.35: 0.14959}
TOY_Y = """0.38476636465198066 1.2333967683416893 1.33232242218057 0.69201594888895180
    -0.29756145531871736 -0.24189291901377769 -0.7964485769175675 -0.9616480167034174
    -0.49672509509916934 -0.3469066003991437 0.5589512650600734"""


def test_toy_points_are_those_of_the_paper():
    X, y = load_self_distillation_toy(return_X_y=True)
    assert_array_equal(y, np.array(TOY_Y.split(), dtype=float))
    assert_allclose(X, np.linspace(0, 1, 11)[:, None], rtol=0, atol=1e-15)


@pytest.mark.parametrize("solver", EXACT_SOLVERS)
@pytest.mark.parametrize("weight", TOY)
def test_toy_errors_are_those_of_the_paper(solver, weight):
    X, y = load_self_distillation_toy(return_X_y=True)
    grid = np.linspace(0, 1, 101)
    truth = np.sin(2 * np.pi * grid)
    model = SelfDistilledKernelRidge(
        0.2, gamma=80, n_steps=6, ground_truth_weight=weight, solver=solver
    ).fit(X, y)
    errors = [weighted_mse(truth, step) for step in model.staged_predict(grid[:, None])]
    assert_array_equal(np.round(errors, 5), TOY[weight])
    if weight:
        limit = model.predict(grid[:, None], step=np.inf)
        assert round(weighted_mse(truth, limit), 5) == TOY_LIMIT[weight]


def test_toy_without_ground_truth_ends_in_nothing():
    X, y = load_self_distillation_toy(return_X_y=True)
    grid = np.linspace(0, 1, 101)
    model = SelfDistilledKernelRidge(0.2, gamma=80, n_steps=400, ground_truth_weight=0.0).fit(X, y)
    last = model.predict(grid[:, None])
    assert np.abs(last).max() < 1e-12
    assert round(weighted_mse(np.sin(2 * np.pi * grid), last), 5) == 0.49505
