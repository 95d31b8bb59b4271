"""Leave-one-out predictions of every step, as a function of arrays."""

import numpy as np

from skweight.distillation._kernel_rows import check_kernel
from skweight.distillation._leave_one_out import SpectralRows, check_enough_rows, leave_one_out
from skweight.distillation._spectrum import kernel_spectrum
from skweight.distillation._steps import check_steps
from skweight.distillation._weights import check_row_weights


def self_distillation_loo(K, y, alpha, ground_truth_weight, n_steps=None, *, sample_weight=None):
    """Predict each row by a chain of steps that never saw it, exactly, for every step.

    Leaving a row out changes the fitted values of all steps by a combination of powers of the
    smoother ``A = K (K + alpha I)^{-1}`` applied to a unit vector, so that the diagonals of these
    powers take the place of n chains of refits. The steps are those of [1]_.

    Parameters
    ----------
    K : array-like of shape (n_samples, n_samples)
        Kernel matrix of the rows, symmetric and positive semi-definite.
    y : array-like of shape (n_samples,) or (n_samples, n_targets)
        Targets.
    alpha : float or array-like of shape (n_steps,)
        Ridge penalty, above 0, as in scikit-learn; an array has one for each step.
    ground_truth_weight : float or array-like of shape (n_steps - 1,)
        Weight of the original targets in the second step and later ones.
    n_steps : int or None, default=None
        Number of steps, at least 1. None takes it from an array.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights of the rows, above 0; a row is left out with all its weight. None means 1 for all.

    Returns
    -------
    ndarray of shape (n_steps, n_samples) or (n_steps, n_samples, n_targets)
        Predictions.

    Raises
    ------
    ValueError
        If a value is out of its range, shapes do not agree, or there is one row alone.

    See Also
    --------
    SelfDistilledKernelRidge : Keeps these with ``store_loo=True``, and rows without weight, too.
    self_distillation_weights : The best weight of a step, from such predictions.

    References
    ----------
    .. [1] K. Borup, L. N. Andersen, "Even your Teacher Needs Guidance: Ground-Truth Targets Dampen
       Regularization Imposed by Self-Distillation", NeurIPS 2021, arXiv 2102.13088.

    Examples
    --------
    >>> import numpy as np
    >>> from skweight.distillation import self_distillation_loo
    >>> x = np.linspace(0, 1, 6)
    >>> K = np.exp(-20 * (x[:, None] - x) ** 2)
    >>> self_distillation_loo(K, x, alpha=0.1, ground_truth_weight=0.5, n_steps=2).round(2)
    array([[0.05, 0.11, 0.28, 0.36, 0.61, 0.3 ],
           [0.05, 0.11, 0.27, 0.35, 0.58, 0.28]])
    """
    K, y = np.asarray(K, dtype=float), np.asarray(y, dtype=float)
    if K.ndim != 2 or not np.isfinite(K).all():
        raise ValueError(f"K must be a matrix of finite numbers, got shape {K.shape}.")
    check_kernel(K, "K")
    if y.ndim not in (1, 2) or len(y) != len(K) or not np.isfinite(y).all():
        raise ValueError(
            f"y must have finite numbers for each of the {len(K)} rows of K, got shape {y.shape}."
        )
    check_enough_rows(len(K))
    weights, penalties = check_steps(ground_truth_weight, alpha, n_steps)
    weight = None if sample_weight is None else check_row_weights(sample_weight, len(K))
    if weight is not None and not weight.all():
        raise ValueError("sample_weight must be above 0 everywhere, got a weight of 0.")
    rows = SpectralRows(kernel_spectrum(K, weight), y.reshape(len(y), -1), penalties[:, None])
    predictions, _ = leave_one_out(rows, len(penalties), lambda t, *_: weights[t - 1])
    return np.stack(predictions).reshape(len(penalties), *y.shape)
