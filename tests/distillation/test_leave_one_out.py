"""Leave-one-out predictions of every step against deletion of each row from all steps."""

import numpy as np
import pytest
from distillation_oracles import (
    ORIGIN,
    PRECOMPUTED,
    RIDGE,
    deletions,
    greedy,
    rbf_data,
    weighted_mse,
    weights_of,
)
from numpy.testing import assert_allclose
from sklearn.linear_model import RidgeCV

from skweight.distillation import self_distillation_loo
from skweight.distillation._cholesky import add_to_diagonal, inverse_of
from skweight.distillation._leave_one_out import (
    InverseRows,
    SpectralRows,
    check_enough_rows,
    leave_one_out,
    pooled_squared_error,
)
from skweight.distillation._spectrum import kernel_spectrum, row_spectrum
from skweight.distillation._weights import best_weight

MODELS = {"kernel": PRECOMPUTED, "origin": ORIGIN, "intercept": RIDGE}
WEIGHTS = ("none", "random", "tiny", "vanishing", "integer")
EXACT = 1e-12


def setting(kind, n_targets=None, n=60):
    """Return a model of scikit-learn, what it is fitted to, targets and the spectrum's maker."""
    X, K, y, _, _ = rbf_data(n=n, n_targets=n_targets, seed=2)
    y = y + 5.0
    rows = K if kind == "kernel" else X
    if kind == "kernel":
        return MODELS[kind], rows, y, lambda s: kernel_spectrum(rows, s)
    return MODELS[kind], rows, y, lambda s: row_spectrum(rows, s, kind == "intercept")[0]


def by_spectrum(spectrum, y, alpha, weight, n_steps):
    """Return leave-one-out predictions of all steps, in the shape of the targets."""
    matrix = y.reshape(len(y), -1)
    penalties = np.broadcast_to(alpha, n_steps).astype(float)
    weights = np.broadcast_to(weight, n_steps - 1)
    rows = SpectralRows(spectrum, matrix, penalties[:, None])
    steps, _ = leave_one_out(rows, n_steps, lambda t, first, student: weights[t - 1])
    return np.array(steps)[:, :, 0, :].reshape(n_steps, *y.shape)


CHAINS = {
    "no ground truth": (0.4, 0.0),
    "the paper's": (0.4, 0.35),
    "beyond both": (0.4, [1.6, -0.5, 2.1, 0.3]),
    "penalties by step": ([0.4, 0.1, 2.0, 0.05, 1.0], [0.35, 1.2, -0.2, 0.6]),
}


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("weights", WEIGHTS)
def test_every_step_is_deletion_from_all_steps(kind, chain, weights):
    model, rows, y, spectrum = setting(kind, n=20)
    s = weights_of(weights, len(y))
    alpha, weight = CHAINS[chain]
    found = by_spectrum(spectrum(s), y, alpha, weight, 5)
    assert_allclose(found, deletions(model, rows, y, alpha, weight, 5, s), rtol=0, atol=EXACT)


@pytest.mark.parametrize("kind", MODELS)
def test_every_step_is_deletion_of_more_rows(kind):
    model, rows, y, spectrum = setting(kind, n=60)
    s = weights_of("random", len(y))
    alpha, weight = CHAINS["penalties by step"]
    found = by_spectrum(spectrum(s), y, alpha, weight, 5)
    assert_allclose(found, deletions(model, rows, y, alpha, weight, 5, s), rtol=0, atol=EXACT)


@pytest.mark.parametrize("kind", MODELS)
def test_targets_do_not_mix(kind):
    model, rows, y, spectrum = setting(kind, n_targets=3, n=20)
    s = weights_of("random", len(y))
    alpha, weight = CHAINS["penalties by step"]
    found = by_spectrum(spectrum(s), y, alpha, weight, 5)
    assert_allclose(found, deletions(model, rows, y, alpha, weight, 5, s), rtol=0, atol=EXACT)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("alpha", [1e-2, 1.0, 100.0])
@pytest.mark.parametrize("n_targets", [None, 2])
def test_first_step_is_that_of_ridge_cv(weighted, alpha, n_targets):
    X, _, y, _, _ = rbf_data(n_targets=n_targets)
    s = weights_of("random", len(y)) if weighted else None
    found = by_spectrum(row_spectrum(X, s, False)[0], y, alpha, 0.5, 1)[0]
    search = RidgeCV(alphas=[alpha], fit_intercept=False, store_cv_results=True).fit(X, y, s)
    by_row = np.ones(len(y)) if s is None else s
    expected = (search.cv_results_[..., 0].T / by_row).T
    assert_allclose((y - found) ** 2, expected, rtol=1e-10)


def by_inverse(K, y, alpha, weight, n_steps, s=None):
    scale = None if s is None else np.sqrt(s)[:, None]
    scaled = K.copy() if s is None else scale * K * scale.T
    matrix = y.reshape(len(y), -1)
    rows = InverseRows(inverse_of(add_to_diagonal(scaled, alpha)), matrix, alpha, scale)
    steps, _ = leave_one_out(rows, n_steps, lambda t, first, student: weight)
    return np.array(steps)[:, :, 0, :].reshape(n_steps, *y.shape)


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("alpha", [1e-2, 0.4, 50.0])
@pytest.mark.parametrize("n_targets", [None, 2])
def test_two_steps_by_the_inverse_are_deletion(weights, alpha, n_targets):
    _, K, y, _ = setting("kernel", n_targets, n=20)
    s = weights_of(weights, len(y))
    found = by_inverse(K, y, alpha, -0.3, 2, s)
    expected = deletions(PRECOMPUTED, K, y, alpha, -0.3, 2, s)
    assert_allclose(found, expected, rtol=0, atol=EXACT * max(1.0, 1 / alpha))


# Small penalties, where differences of nearly equal numbers would show


def nearly_identity(n=30):
    """Return a kernel matrix whose rows are almost alone, and targets."""
    rng = np.random.default_rng(4)
    X = rng.normal(size=(n, 8))
    squares = ((X[:, None] - X[None, :]) ** 2).sum(axis=-1)
    return np.exp(-0.8 * squares), rng.normal(size=n)


@pytest.mark.parametrize("alpha", [1e-6, 1e-9, 1e-12])
@pytest.mark.parametrize("weights", WEIGHTS)
def test_small_penalty_keeps_its_digits(alpha, weights):
    K, y = nearly_identity()
    assert np.linalg.cond(K) < 100
    s = weights_of(weights, len(y))
    weight = [0.4, -0.3, 1.5]
    expected = deletions(PRECOMPUTED, K, y, alpha, weight, 4, s)
    assert_allclose(by_inverse(K, y, alpha, 0.4, 2, s), expected[:2], rtol=0, atol=1e-13)
    spectrum = kernel_spectrum(K, s)
    # Weights that span more than the digits of eigenvalues cost those that the penalty needs.
    spans = weights in ("tiny", "vanishing")
    lost = 10 * np.finfo(float).eps * spectrum.values.max() / alpha if spans else 1e-13
    found = by_spectrum(spectrum, y, alpha, weight, 4)
    assert_allclose(found, expected, rtol=0, atol=lost)


def test_small_penalty_by_step_keeps_its_digits():
    K, y = nearly_identity()
    alpha, weight = [1e-9, 1e-3, 1e-9, 1.0], [0.4, -0.3, 1.5]
    expected = deletions(PRECOMPUTED, K, y, alpha, weight, 4)
    assert_allclose(by_spectrum(kernel_spectrum(K), y, alpha, weight, 4), expected, atol=1e-10)


@pytest.mark.parametrize("kind", ["origin", "intercept"])
def test_more_features_than_rows(kind):
    rng = np.random.default_rng(6)
    X, y = rng.normal(size=(25, 60)), rng.normal(size=25) + 5.0
    s = weights_of("random", 25)
    spectrum, _, _ = row_spectrum(X, s, kind == "intercept")
    for alpha in (1e-8, 1.0):
        found = by_spectrum(spectrum, y, alpha, [0.3, -0.4], 3)
        expected = deletions(MODELS[kind], X, y, alpha, [0.3, -0.4], 3, s)
        assert_allclose(found, expected, rtol=0, atol=1e-11)


def test_repeated_rows_and_directions():
    """Rank-deficient rows, copies of rows and features are fitted like any other."""
    rng = np.random.default_rng(7)
    X = rng.normal(size=(15, 3))
    X = np.vstack([X, X[:5]]) @ np.array([[1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 1, 0]])
    y = rng.normal(size=20)
    for kind in ("origin", "intercept"):
        spectrum, _, _ = row_spectrum(X, None, kind == "intercept")
        found = by_spectrum(spectrum, y, 0.3, [0.3, -0.4], 3)
        expected = deletions(MODELS[kind], X, y, 0.3, [0.3, -0.4], 3)
        assert_allclose(found, expected, rtol=0, atol=EXACT)
    K = X @ X.T
    found = by_spectrum(kernel_spectrum(K), y, 0.3, [0.3, -0.4], 3)
    expected = deletions(PRECOMPUTED, K, y, 0.3, [0.3, -0.4], 3)
    assert_allclose(found, expected, rtol=0, atol=EXACT)


def test_two_rows():
    for kind in MODELS:
        model, rows, y, _ = setting(kind, n=2)
        spectrum = (
            kernel_spectrum(rows)
            if kind == "kernel"
            else row_spectrum(rows, None, kind == "intercept")[0]
        )
        found = by_spectrum(spectrum, y, 0.4, [0.3, -0.5], 3)
        expected = deletions(model, rows, y, 0.4, [0.3, -0.5], 3)
        assert_allclose(found, expected, rtol=0, atol=EXACT)


def test_composite_smoother_has_other_diagonals():
    """One minus the diagonal of the composite smoother does not leave a row out."""
    _, K, y, spectrum = setting("kernel")
    smoother = K @ np.linalg.inv(K + 0.4 * np.eye(len(K)))
    composite = smoother @ (0.35 * np.eye(len(K)) + 0.65 * smoother)
    shortcut = y - (y - composite @ y) / (1 - np.diag(composite))
    found = by_spectrum(spectrum(None), y, 0.4, 0.35, 2)[1]
    assert np.abs(shortcut - found).max() > 0.01


# Weights found on leave-one-out predictions, several penalties at once


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("per_target", [False, True])
def test_weights_found_on_deletions(kind, per_target):
    model, rows, y, spectrum = setting(kind, n_targets=2, n=15)
    s = weights_of("random", len(y))

    def chain(weights):
        weights = [np.ones(2) * w for w in weights]
        return deletions(model, rows, y, 0.4, weights, len(weights) + 1, s)

    expected = greedy(chain, y, 3, s, per_target)
    steps, weights = leave_one_out(
        SpectralRows(spectrum(s), y, np.full((3, 1), 0.4)),
        3,
        lambda t, first, student: best_weight(y, first, student, s[:, None], per_target),
    )
    assert_allclose(np.squeeze(weights), expected, rtol=1e-7)
    assert_allclose(np.array(steps)[:, :, 0], chain(np.squeeze(weights)), rtol=0, atol=1e-11)


def test_penalties_side_by_side_are_those_alone():
    _, _, y, spectrum = setting("kernel", n_targets=2)
    s = weights_of("random", len(y))
    alphas = np.array([0.01, 0.4, 30.0])
    rows = SpectralRows(spectrum(s), y, np.broadcast_to(alphas, (4, 3)))
    steps, _ = leave_one_out(rows, 4, lambda t, first, student: 0.3)
    for place, alpha in enumerate(alphas):
        alone = by_spectrum(spectrum(s), y, alpha, 0.3, 4)
        assert_allclose(np.array(steps)[:, :, place], alone, rtol=0, atol=1e-13)
        pooled = [pooled_squared_error(y, step, s)[place] for step in steps]
        assert_allclose(pooled, [weighted_mse(y, step, s) for step in alone], rtol=1e-12)


def test_one_row_alone_has_nobody_to_predict_it():
    check_enough_rows(2)
    with pytest.raises(ValueError, match=r"at least 2 rows .*n_samples=1"):
        check_enough_rows(1)


# The function of arrays


@pytest.mark.parametrize("n_targets", [None, 2])
@pytest.mark.parametrize("weights", WEIGHTS)
def test_function_of_arrays_is_deletion(n_targets, weights):
    _, K, y, _ = setting("kernel", n_targets, n=20)
    s = weights_of(weights, len(y))
    alpha, weight = CHAINS["penalties by step"]
    found = self_distillation_loo(K, y, alpha, weight, sample_weight=s)
    expected = deletions(PRECOMPUTED, K, y, alpha, weight, 5, s)
    assert found.shape == (5, *y.shape)
    assert_allclose(found, expected, rtol=0, atol=EXACT)
