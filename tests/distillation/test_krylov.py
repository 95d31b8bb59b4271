"""Krylov solvers, against residuals that are formed, direct solves and other forms of the rows."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from distillation_oracles import ORIGIN, PRECOMPUTED, RIDGE, by_step, rbf_data, refits
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.metrics.pairwise import rbf_kernel

from skweight.distillation._golub_kahan import golub_kahan
from skweight.distillation._kernel_products import KernelProduct
from skweight.distillation._krylov import convergence_message
from skweight.distillation._lanczos import lanczos
from skweight.distillation._spectrum import kernel_spectrum
from skweight.distillation._steps import run_steps

# name: (penalty, weight) of five steps
CHAINS = {
    "no ground truth": (0.3, 0.0),
    "the paper's": (0.3, 0.35),
    "ground truth alone": (0.3, 1.0),
    "twice the ground truth": (0.3, 2.0),
    "light penalty": (0.01, 0.35),
    "penalties by step": ([0.3, 0.1, 2.0, 0.05, 1.0], 0.35),
    "all by step": ([0.3, 0.1, 2.0, 0.05, 1.0], [0.2, 1.3, 0.0, 2.0]),
    "weights by target": (0.3, [[0.1, 1.5], [0.9, 0.0], [1.0, 0.2], [2.0, 0.6]]),
}
N_STEPS = 5


def arrays(chain):
    """Return penalties and weights of a chain as arrays by step."""
    alpha, weight = CHAINS[chain]
    return np.array(by_step(alpha, N_STEPS)), np.array(by_step(weight, N_STEPS - 1))


def steps_in(system, targets, penalties, weights):
    """Return coordinates of all steps in a basis or a spectrum."""
    same = bool((penalties == penalties[0]).all())
    respond, choose = system.response(penalties), lambda t, first, student: weights[t - 1]
    return run_steps(targets, respond, len(penalties), choose, same)[0]


def kernel_problem(weighted=False, n_targets=2, **options):
    """Return a scaled kernel matrix, scaled targets and the scale or None."""
    _, K, y, _, _ = rbf_data(n=70, n_targets=n_targets, **options)
    if not weighted:
        return K, y, None
    scale = np.sqrt(np.random.default_rng(1).uniform(0.1, 3.0, size=(len(K), 1)))
    return scale * K * scale.T, scale * y, scale


def row_problem(n=60, p=25, weighted=False, n_targets=2):
    """Return sparse rows far from 0, targets and weights or None."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(n, p)) + 4 * rng.uniform(size=p)
    X[rng.uniform(size=X.shape) < 0.6] = 0.0
    y = np.sin(X @ rng.normal(size=(p, n_targets)) / 5) + 2 + 0.3 * rng.normal(size=(n, n_targets))
    return sparse.csr_matrix(X), y, rng.uniform(0.1, 3.0, size=n) if weighted else None


def centred(X, y, weight=None, fit_intercept=True):
    """Return what `golub_kahan` wants: targets, scale and mean."""
    share = np.full(len(y), 1 / len(y)) if weight is None else weight / weight.sum()
    scale = None if weight is None else np.sqrt(weight)[:, None]
    mean = (X.T @ share)[None, :] if fit_intercept else None
    y = y - share @ y if fit_intercept else y
    return {"y": y if scale is None else scale * y, "scale": scale, "mean": mean}


def explicit_rows(X, scale, mean):
    """Return dense rows about their mean, scaled."""
    X = X.toarray() - (0.0 if mean is None else mean)
    return X if scale is None else scale * X


def assert_same_residuals(estimated, formed):
    """Hold residuals against each other, where they are not rounding."""
    seen = formed > 1e-10
    assert seen.any()
    assert_allclose(estimated[seen], formed[seen], rtol=0.05)
    assert (estimated[~seen] < 2e-10).all()


# ---- residuals ----------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("chain", CHAINS)
def test_residuals_of_lanczos_are_those_formed(chain, weighted):
    K, y, scale = kernel_problem(weighted)
    penalties, weights = arrays(chain)
    for k in (3, 10, 25):
        basis = lanczos(K.__matmul__, y, penalties, weights, tol=0.0, max_iter=k, scale=scale)
        coordinates = steps_in(basis, basis.targets, penalties, weights)
        dual = basis.path(coordinates) / (1.0 if scale is None else scale)
        formed = np.empty((N_STEPS, 2))
        for t in range(N_STEPS):
            z = y
            if t > 0:
                z = weights[t - 1] * y + (1 - weights[t - 1]) * (K @ dual[t - 1])
            formed[t] = np.linalg.norm(z - K @ dual[t] - penalties[t] * dual[t], axis=0)
        formed /= np.linalg.norm(y, axis=0)
        assert_same_residuals(basis.residuals(coordinates, penalties, weights), formed)
        assert_allclose(basis.residual, formed.max(), rtol=0.05)
        assert (basis.n_iter, basis.converged) == (k, False)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("chain", CHAINS)
def test_residuals_of_golub_kahan_are_those_formed(chain, weighted):
    X, y, weight = row_problem(weighted=weighted)
    penalties, weights = arrays(chain)
    options = centred(X, y, weight)
    rows = explicit_rows(X, options["scale"], options["mean"])
    size = np.linalg.norm(rows.T @ options["y"], axis=0)
    for k in (3, 8, 14):
        basis = golub_kahan(X, penalties=penalties, weights=weights, tol=0.0, max_iter=k, **options)
        coordinates = steps_in(basis, basis.targets, penalties, weights)
        coef = basis.path(coordinates)
        formed = np.empty((N_STEPS, 2))
        for t in range(N_STEPS):
            z = options["y"]
            if t > 0:
                z = weights[t - 1] * z + (1 - weights[t - 1]) * (rows @ coef[t - 1])
            left = rows.T @ (z - rows @ coef[t]) - penalties[t] * coef[t]
            formed[t] = np.linalg.norm(left, axis=0) / size
        assert_same_residuals(basis.residuals(coordinates, penalties, weights), formed)
        assert_allclose(basis.residual, formed.max(), rtol=0.05)
        assert (basis.n_iter, basis.converged) == (k, False)


# ---- steps --------------------------------------------------------------------------------------


@pytest.mark.parametrize("tol", [1e-4, 1e-8, 1e-11])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("chain", CHAINS)
def test_lanczos_gives_the_steps_of_eigenvalues(chain, weighted, tol):
    K, y, scale = kernel_problem(weighted)
    penalties, weights = arrays(chain)
    basis = lanczos(K.__matmul__, y, penalties, weights, tol, scale=scale)
    assert basis.converged
    assert basis.residual <= tol
    found = basis.path(steps_in(basis, basis.targets, penalties, weights))
    spectrum = kernel_spectrum(K.copy())
    coordinates = steps_in(spectrum, spectrum.project(y), penalties, weights)
    expected = np.array([spectrum.dual(part) for part in coordinates])
    expected = expected if scale is None else scale * expected
    condition = 1 + spectrum.values.max() / penalties.min()
    assert_allclose(
        found, expected, rtol=0, atol=N_STEPS * tol * condition * np.abs(expected).max()
    )


@pytest.mark.parametrize("tol", [1e-5, 1e-12])
def test_lanczos_gives_the_steps_of_refits(tol):
    K, y, _ = kernel_problem()
    weights = np.array([0.2, 1.3, 0.0, 2.0])
    basis = lanczos(K.__matmul__, y, np.full(N_STEPS, 0.3), weights, tol)
    found = basis.path(steps_in(basis, basis.targets, np.full(N_STEPS, 0.3), weights))
    expected = [step.dual_coef_ for step in refits(PRECOMPUTED, K, y, 0.3, weights, N_STEPS)]
    assert_allclose(found, expected, rtol=0, atol=100 * tol)


@pytest.mark.parametrize("shape", [(60, 25), (25, 60)])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("chain", [name for name in CHAINS if name != "weights by target"])
def test_golub_kahan_gives_the_steps_of_refits(chain, weighted, fit_intercept, shape):
    X, y, weight = row_problem(*shape, weighted)
    penalties, weights = arrays(chain)
    options = centred(X, y, weight, fit_intercept)
    basis = golub_kahan(X, penalties=penalties, weights=weights, tol=1e-13, **options)
    assert basis.converged
    found = basis.path(steps_in(basis, basis.targets, penalties, weights))
    model = RIDGE if fit_intercept else ORIGIN
    steps = refits(model, X.toarray(), y, penalties, weights, N_STEPS, weight)
    expected = np.array([step.coef_.T for step in steps])
    assert_allclose(found, expected, rtol=0, atol=1e-10)


def test_sparse_rows_are_dense_rows_and_rows_that_were_centred():
    X, y, weight = row_problem(weighted=True)
    penalties, weights = arrays("all by step")
    options = centred(X, y, weight)
    explicit = explicit_rows(X, options["scale"], options["mean"])
    found = []
    for rows, kind in (
        (X, options),
        (X.tocsc(), options),
        (X.toarray(), options),
        (explicit, {"y": options["y"]}),
    ):
        basis = golub_kahan(rows, penalties=penalties, weights=weights, tol=1e-12, **kind)
        found.append(basis.path(steps_in(basis, basis.targets, penalties, weights)))
    for part in found[1:]:
        assert_allclose(part, found[0], rtol=0, atol=1e-11)


@pytest.mark.parametrize("chain", ["light penalty", "penalties by step"])
def test_weights_can_be_chosen_in_the_basis(chain):
    penalties, _ = arrays(chain)
    tol = 1e-9
    K, y, _ = kernel_problem()
    X, targets, _ = row_problem()
    for basis in (
        lanczos(K.__matmul__, y, penalties, None, tol),
        golub_kahan(X, penalties=penalties, weights=None, tol=tol, **centred(X, targets)),
    ):
        assert basis.converged
        for w in (0.0, 1.0, 0.4, 2.0, [0.3, 1.7, 0.0, 1.0]):
            weights = np.array(by_step(w, N_STEPS - 1))
            coordinates = steps_in(basis, basis.targets, penalties, weights)
            growth = np.prod(np.maximum(1, np.abs(1 - weights) + np.abs(weights)))
            residuals = basis.residuals(coordinates, penalties, weights)
            assert residuals.max() <= growth * tol
        # Nothing is built that these steps do not need.
        pure = [np.zeros(N_STEPS - 1), np.ones(N_STEPS - 1)]
        assert basis.residual == pytest.approx(
            max(
                basis.residuals(
                    steps_in(basis, basis.targets, penalties[s:], w[s:]), penalties[s:], w[s:]
                ).max()
                for s in range(N_STEPS)
                for w in pure
            )
        )


def test_targets_together_are_targets_alone():
    K, y, _ = kernel_problem(n_targets=3)
    X, targets, _ = row_problem(n_targets=3)
    penalties, weights = arrays("all by step")
    options = centred(X, targets)
    tol = 1e-12

    def by_kernel(part):
        return lanczos(K.__matmul__, part, penalties, weights, tol)

    def by_rows(part):
        return golub_kahan(
            X, penalties=penalties, weights=weights, tol=tol, **options | {"y": part}
        )

    for solve, columns in ((by_kernel, y), (by_rows, options["y"])):
        together = solve(columns)
        paths = together.path(steps_in(together, together.targets, penalties, weights))
        counts = []
        for j in range(3):
            alone = solve(columns[:, [j]])
            path = alone.path(steps_in(alone, alone.targets, penalties, weights))
            assert_allclose(paths[:, :, [j]], path, rtol=0, atol=1e-10)
            counts.append(alone.n_iter)
        assert together.n_iter == max(counts)


# ---- ends ---------------------------------------------------------------------------------------


def test_exact_spaces_end_early_and_columns_end_apart():
    K, y, _ = kernel_problem(n_targets=1)
    vectors = np.linalg.eigh(K)[1]
    eigenvector, two = vectors[:, [-1]], vectors[:, [-1]] + 3 * vectors[:, [-4]]
    alone = lanczos(K.__matmul__, eigenvector, [0.3, 0.3], [0.4], tol=0.0)
    assert (alone.n_iter, alone.residual, alone.converged) == (1, 0.0, True)
    assert lanczos(K.__matmul__, two, [0.3, 0.3], [0.4], tol=0.0).n_iter == 2

    together = np.hstack([np.zeros_like(y), eigenvector, y, two])
    basis = lanczos(K.__matmul__, together, [0.3, 0.3], [0.4], tol=1e-12)
    assert basis.converged
    penalties, weights = np.array([0.3, 0.3]), np.array([0.4])
    path = basis.path(steps_in(basis, basis.targets, penalties, weights))
    expected = [step.dual_coef_ for step in refits(PRECOMPUTED, K, together, 0.3, 0.4, 2)]
    assert_allclose(path, expected, rtol=0, atol=1e-11)
    assert_array_equal(path[:, :, 0], 0.0)


def test_low_rank_ends_with_the_rank():
    rng = np.random.default_rng(3)
    Z, y = rng.normal(size=(50, 6)), rng.normal(size=(50, 2))
    K = Z @ Z.T
    penalties, weights = np.array([1e-3, 1e-3]), np.array([0.5])
    basis = lanczos(K.__matmul__, y, penalties, weights, tol=0.0)
    assert basis.converged
    # One more for the part of y that is nowhere in K, and at most one for rounding on the way.
    assert basis.n_iter in (7, 8)
    path = basis.path(steps_in(basis, basis.targets, penalties, weights))
    H = K + 1e-3 * np.eye(50)
    first = np.linalg.solve(H, y)
    second = np.linalg.solve(H, 0.5 * y + 0.5 * K @ first)
    assert_allclose(path, [first, second], rtol=0, atol=1e-9 * np.abs(first).max())

    basis = golub_kahan(Z, y, penalties, weights, tol=0.0)
    assert basis.converged
    assert basis.n_iter == 6
    coef = basis.path(steps_in(basis, basis.targets, penalties, weights))
    assert_allclose(Z @ coef, K @ np.array([first, second]), rtol=0, atol=1e-9)


def test_targets_that_no_feature_reaches_have_no_coefficients():
    X = np.vstack([np.eye(3), np.zeros((2, 3))])
    y = np.array([[0.0, 1], [0, 2], [0, 3], [1, 0], [2, 0]])
    basis = golub_kahan(X, y, [0.5, 0.5], [0.3], tol=1e-12)
    assert basis.converged
    coef = basis.coef(basis.response([0.5])(0, basis.targets)[0])
    assert_allclose(coef, np.array([[0, 1], [0, 2], [0, 3]]) / 1.5, rtol=0, atol=1e-15)


def test_as_many_vectors_as_rows_are_exact():
    K, y, _ = kernel_problem()
    basis = lanczos(K.__matmul__, y, [1e-10], [], tol=0.0, max_iter=10**6)
    assert basis.n_iter <= len(K)
    assert (basis.residual, basis.converged) == (0.0, True)


@pytest.mark.parametrize("n_iter", [1, 4])
def test_hook_stops(n_iter):
    K, y, _ = kernel_problem()
    seen = []

    def hook(k, basis):
        seen.append((k, basis().targets.shape))
        return k == n_iter

    basis = lanczos(K.__matmul__, y, [0.3], [], tol=1e-8, on_iteration=hook)
    assert (basis.n_iter, basis.stopped, basis.converged) == (n_iter, True, False)
    assert seen == [(k, (k, 2)) for k in range(1, n_iter + 1)]


def test_message_says_what_to_raise():
    K, y, _ = kernel_problem()
    alphas = [0.01, 0.5]
    basis = lanczos(K.__matmul__, y, alphas, [0.5], tol=1e-8, max_iter=5)
    message = convergence_message(basis, alphas, 5, 1e-8, "cholesky")
    for part in ("max_iter=5", "alpha=0.01", "tol=1e-08", f"{basis.residual:.1e}", "'cholesky'"):
        assert part in message


# ---- products -----------------------------------------------------------------------------------


@pytest.mark.parametrize("m", [1, 3])
@pytest.mark.parametrize("block_size", [1, 3000, 2**27])
@pytest.mark.parametrize("budget", [0, 9000, 2**32])
def test_blocks_of_a_triangle_are_the_whole_matrix(budget, block_size, m):
    rng = np.random.default_rng(4)
    X, V = rng.normal(size=(61, 4)), rng.normal(size=(61, m))
    scale = rng.uniform(0.5, 2.0, size=(61, 1))
    K = rbf_kernel(X)
    product = KernelProduct(lambda r, c: rbf_kernel(X[r], X[c]), 61, scale, budget, block_size)
    expected = scale * (K @ (scale * V))
    assert_allclose(product(V), expected, rtol=0, atol=1e-13)
    once = product.n_computed
    assert_allclose(product(V), expected, rtol=0, atol=1e-13)
    again = product.n_computed - once
    assert once == 61**2 if block_size == 2**27 else once < 0.75 * 61**2
    # What fits is kept, and only the rest computed again.
    assert 8 * (once - again) <= budget
    assert again == 0 if budget == 2**32 else again > 0
    if budget == 9000 and block_size < 9000:
        assert once - again > 0.5 * 9000 / 8


def test_matrix_in_parts_gives_the_same_steps():
    X, K, y, _, _ = rbf_data(n=70, n_targets=2)
    product = KernelProduct(lambda r, c: rbf_kernel(X[r], X[c], 0.5), 70, None, 4000, 4000)
    penalties, weights = arrays("the paper's")
    paths = []
    for multiply in (K.__matmul__, product):
        basis = lanczos(multiply, y, penalties, weights, tol=1e-12)
        paths.append(basis.path(steps_in(basis, basis.targets, penalties, weights)))
    assert_allclose(paths[0], paths[1], rtol=0, atol=1e-10)


# ---- tensors ------------------------------------------------------------------------------------

TENSORS = """
import numpy as np, torch
from numpy.testing import assert_allclose
from sklearn import config_context
from test_krylov import *

K, y, scale = kernel_problem(weighted=True)
X, targets, weight = row_problem(weighted=True)
penalties, weights = arrays("all by step")
options = centred(X, targets, weight)

def solve(of):
    product = KernelProduct(lambda r, c: of(K)[r, c], len(K), None, 4000, 4000)
    options_of = {name: of(part) for name, part in options.items()}
    for basis in (
        lanczos(product, of(y), penalties, weights, 1e-12, scale=of(scale)),
        golub_kahan(of(X.toarray()), penalties=penalties, weights=weights, tol=1e-12, **options_of),
    ):
        yield basis.path(steps_in(basis, basis.targets, penalties, weights))

with config_context(array_api_dispatch=True):
    for expected, found in zip(solve(np.asarray), solve(torch.asarray)):
        assert isinstance(found, torch.Tensor)
        assert_allclose(found.numpy(), expected, rtol=0, atol=1e-10)
"""


def test_tensors_in_and_out():
    """In a process of its own: scipy has to know of other arrays before it is imported."""
    pytest.importorskip("torch")
    pytest.importorskip("array_api_compat")
    pytest.importorskip("sklearn", minversion="1.8")
    run = subprocess.run(
        [sys.executable, "-c", TENSORS],
        cwd=Path(__file__).parent,
        env={**os.environ, "SCIPY_ARRAY_API": "1"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
