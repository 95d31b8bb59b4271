"""Independent oracles for self-distillation: refits, deletions and searches, slow and explicit.

Nothing here imports the package. A chain of steps is a loop of scikit-learn fits, each to targets
that are formed from the predictions of the one before; leaving a row out is a loop over rows, each
with a whole chain on the others; weights that are best are found by looking at all that matters.
"""

import numpy as np
from sklearn import config_context
from sklearn.base import clone
from sklearn.gaussian_process.kernels import RBF
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge

PRECOMPUTED = KernelRidge(kernel="precomputed")
# No iteration, no normal equations: the singular values say all.
RIDGE = Ridge(solver="svd")
ORIGIN = Ridge(solver="svd", fit_intercept=False)


def by_step(values, n):
    """Return one value for each of n, of one number or of an array."""
    return [values] * n if np.ndim(values) == 0 else list(values)


def refits(model, X, y, alpha, weight, n_steps, sample_weight=None):
    """Return one fitted estimator of scikit-learn for each step."""
    weights = by_step(weight, n_steps - 1)
    models, targets = [], y
    for t, penalty in enumerate(by_step(alpha, n_steps)):
        if t > 0:
            targets = weights[t - 1] * y + (1 - weights[t - 1]) * models[-1].predict(X)
        step = clone(model).set_params(alpha=penalty)
        models.append(step.fit(X, targets, sample_weight=sample_weight))
    return models


def predictions(model, X, y, alpha, weight, n_steps, sample_weight=None, new=None):
    """Return the predictions of every step, for the rows fitted or for new ones."""
    models = refits(model, X, y, alpha, weight, n_steps, sample_weight)
    return np.array([step.predict(X if new is None else new) for step in models])


def dual_coefficients(K, y, alpha, weight, n_steps, sample_weight=None):
    """Return the dual coefficients of every step of kernel ridge."""
    models = refits(PRECOMPUTED, K, y, alpha, weight, n_steps, sample_weight)
    return np.array([step.dual_coef_ for step in models])


def students(model, X, y, alpha, n_students, sample_weight=None, new=None):
    """Return the predictions of the ordinary fit, and of fits to fits alone."""
    return predictions(model, X, y, alpha, 0.0, n_students, sample_weight, new)


def is_precomputed(model):
    return getattr(model, "kernel", None) == "precomputed"


def deletions(model, X, y, alpha, weight, n_steps, sample_weight=None):
    """Return what every step predicts for each row when that row is in no step."""
    y = np.asarray(y, dtype=float)
    left_out = np.empty((n_steps, *y.shape))
    for i in range(len(y)):
        keep = np.arange(len(y)) != i
        rows, row = X[keep], X[i : i + 1]
        if is_precomputed(model):
            rows, row = rows[:, keep], row[:, keep]
        kept_weight = None if sample_weight is None else sample_weight[keep]
        with config_context(assume_finite=True, skip_parameter_validation=True):
            chain = refits(model, rows, y[keep], alpha, weight, n_steps, kept_weight)
            left_out[:, i] = [step.predict(row)[0] for step in chain]
    return left_out


def folds(model, X, y, splits, alpha, weight, n_steps, sample_weight=None):
    """Return what every step predicts for the rows that each split holds out, one after another."""
    parts = []
    for train, test in splits:
        rows, others = X[train], X[test]
        if is_precomputed(model):
            rows, others = rows[:, train], others[:, train]
        kept_weight = None if sample_weight is None else sample_weight[train]
        parts.append(
            predictions(model, rows, y[train], alpha, weight, n_steps, kept_weight, new=others)
        )
    return np.concatenate(parts, axis=1)


def greedy(chain, y, n_steps, sample_weight=None, per_target=False, bounds=(-np.inf, np.inf)):
    """Return the weight that is best at each step in turn, given those before.

    `chain(weights)` returns predictions of every step of the chain with one penalty and those
    weights. The error of step t is a parabola in its weight: three values tell its minimum.
    """
    weights = []
    for _ in range(n_steps - 1):
        first, *_, student = chain([*weights, 0.0 * np.ones(np.shape(y)[1:])])
        best = parabola_minimum(y, first, student, sample_weight, per_target)
        weights.append(np.clip(best, *bounds))
    return np.array(weights)


def parabola_minimum(y, first, student, sample_weight=None, per_target=False):
    """Return where the squared error of a mixture is smallest, by three values of the error."""

    def error(w):
        squares = (y - w * first - (1 - w) * student) ** 2
        by_target = np.average(squares, axis=0, weights=sample_weight)
        return by_target if per_target else np.mean(by_target)

    below, middle, above = error(-1.0), error(0.0), error(1.0)
    return (below - above) / (2 * (below + above - 2 * middle))


def weighted_mse(y, predicted, sample_weight=None):
    """Return the mean over rows, weighted, and targets of the squared error."""
    return np.mean(np.average((y - predicted) ** 2, axis=0, weights=sample_weight))


def hat_matrix(model, X, alpha, sample_weight=None):
    """Return the matrix that maps targets to fitted values, one refit for each column."""
    return predictions(model, X, np.eye(len(X)), alpha, 0.0, 1, sample_weight)[0]


def rbf_data(n=40, p=3, n_targets=None, seed=0, noise=0.3, gamma=0.5):
    """Return rows, their kernel matrix, noisy targets, new rows and their kernel."""
    rng = np.random.default_rng(seed)
    X, new = rng.normal(size=(n, p)), rng.normal(size=(17, p))
    shape = n if n_targets is None else (n, n_targets)
    signal = np.sin(X @ rng.normal(size=p))
    y = (signal if n_targets is None else signal[:, None]) + noise * rng.normal(size=shape)
    kernel = RBF(np.sqrt(0.5 / gamma))
    return X, kernel(X), y, new, kernel(new, X)


def weights_of(kind, n):
    """Return weights of rows of some kind, or None."""
    rng = np.random.default_rng(8)
    weight = rng.uniform(0.1, 3.0, n)
    if kind == "none":
        return None
    if kind == "zeros":
        weight[::4] = 0.0
    if kind in ("tiny", "vanishing"):
        weight[::4] *= 1e-6 if kind == "tiny" else 1e-30
        weight[1::4] *= 1e-12
    if kind == "integer":
        weight = rng.integers(1, 4, n).astype(float)
    return weight
