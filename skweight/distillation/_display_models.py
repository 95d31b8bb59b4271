"""What the plots of this room read from fitted models: the rows' eigenvalues, the steps' filters.

Models keep no eigenvalues, which prediction does not need: they are computed from the rows anew.
"""

import numpy as np
from scipy import linalg
from sklearn.utils.validation import check_is_fitted, validate_data

from skweight._core._array_api import to_numpy
from skweight.distillation._display_common import name_each
from skweight.distillation._kernel_rows import KernelRows
from skweight.distillation._ridge_rows import RidgeRows
from skweight.distillation._steps import self_distillation_filters


def last_model(estimator, X=None):
    """Return the model at the end of a search or a pipeline, and the rows as it gets them."""
    check_is_fitted(estimator)
    estimator = getattr(estimator, "best_estimator_", estimator)
    if not hasattr(estimator, "steps"):
        return estimator, X
    if X is not None and len(estimator) > 1:
        X = estimator[:-1].transform(X)
    return estimator[-1], X


def named_models(estimator, X=None, name=None):
    """Return model and rows by name, of one estimator or of a dict of them."""
    found = {}
    for label, each in name_each(estimator, name, None, "estimator").items():
        model, rows = last_model(each, X)
        found[type(model).__name__ if label is None else label] = model, rows
    return found


def chosen_step(model):
    """Return the step that a fit chose by its data, or None if it takes the last one."""
    if getattr(model, "step_selection", "loo") == "last":
        return None
    return getattr(model, "best_step_", None)


def eigenvalues_of(model, X=None, sample_weight=None):
    """Return the eigenvalues of the kernel matrix of the rows that have weight.

    Parameters
    ----------
    model : estimator
        A fitted ridge or kernel ridge model of several steps.
    X : {array-like, sparse matrix} of shape (n_samples, n_features) or None, default=None
        Rows, or their kernel matrix if it is precomputed. None takes the rows, with their weights,
        that a kernel model keeps.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights of the rows.

    Returns
    -------
    ndarray of shape (n_eigenvalues,)
        At least 0, ascending.
    """
    is_kernel = hasattr(model, "dual_coef_path_")
    if not is_kernel and not hasattr(model, "coef_path_"):
        raise TypeError(
            "estimator must be a self-distilled ridge or kernel ridge model, whose steps are "
            f"filters of eigenvalues, got {type(model).__name__}."
        )
    if X is not None:
        X = validate_data(model, X, accept_sparse="csr", dtype=np.float64, reset=False)
    elif is_kernel:
        X, sample_weight = to_numpy(model.X_fit_), model._fit_weight
    else:
        raise ValueError("X must be given for a linear model, which keeps no rows, got None.")
    if is_kernel:
        K, owned = KernelRows(model, X, sample_weight, like=np.empty(0)).scaled_kernel()
    else:
        no_targets = np.zeros((X.shape[0], 1))
        rows = RidgeRows(X, no_targets, sample_weight, model.fit_intercept)
        K, owned = rows.scaled_kernel() if rows.is_wide else rows.gram()[0], True
    return np.clip(linalg.eigvalsh(K, overwrite_a=owned, check_finite=False), 0, None)


def filters_of(model, eigenvalues):
    """Return filters of all steps, one array of shape (n_steps, n_eigenvalues) for each target.

    Targets that share their weights have one array.
    """
    weights = to_numpy(model.ground_truth_weights_)
    n_steps = len(weights) + 1  # fewer than the parameter says, where a callback stopped the fit
    alpha = np.asarray(model.alpha_ if hasattr(model, "alpha_") else model.alpha)
    alpha = alpha[:n_steps] if alpha.ndim else alpha
    columns = weights.T if weights.ndim == 2 else [weights]
    return [self_distillation_filters(eigenvalues, alpha, w, n_steps) for w in columns]


def limit_filter(eigenvalues, limit_alpha):
    """Return the filter of the ordinary fit that infinitely many steps end in, or None."""
    if limit_alpha is None:
        return None
    return self_distillation_filters(eigenvalues, limit_alpha, 1.0, 1)[0]
