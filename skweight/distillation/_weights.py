"""Weights of the ground truth in closed form, from predictions or from residuals."""

import warnings

import numpy as np

from skweight._core._array_api import namespace

# Two sets of predictions count as the same below this relative distance.
_SAME = 1e-12
# Below this relative move the generalised cross-validation of a step is dominated by rounding of
# its own approximation: see `gcv_self_distillation_weight`.
GCV_MOVE = 0.02


def self_distillation_weights(
    y_true, first, student, *, sample_weight=None, bounds=None, per_target=False
):
    """Return the weight of the ground truth that is best on held-out data, in closed form.

    A model fitted to ``w * y + (1 - w) * teacher`` predicts ``w * first + (1 - w) * student``, if
    it is linear in its targets, where `first` was fitted to y alone and `student` to the teacher's
    predictions alone [1]_. The squared error on held-out rows is then a parabola in w.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_targets)
        Held-out targets.
    first : array-like of shape (n_samples,) or (n_samples, n_targets)
        Predictions for the held-out rows by the model that was fitted to the ground truth.
    student : array-like of shape (n_samples,) or (n_samples, n_targets)
        Predictions for the held-out rows by the model that was fitted to the teacher's
        predictions alone.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights of the rows, at least 0. None means 1 for all.
    bounds : tuple of (float, float) or None, default=None
        Lowest and highest weight allowed; either may be infinite. None means any, below 0 and
        above 1 included. A parabola's minimum within bounds is its minimum, clipped.
    per_target : bool, default=False
        Whether each target gets a weight of its own.

    Returns
    -------
    float or ndarray of shape (n_targets,)
        The weight; 1 where `first` and `student` are the same.

    Raises
    ------
    ValueError
        If shapes differ, a value is not finite or bounds are in the wrong order.

    See Also
    --------
    joint_self_distillation_weights : All steps' weights at once.
    gcv_self_distillation_weight : Without held-out data.

    References
    ----------
    .. [1] K. Borup, L. N. Andersen, "Even your Teacher Needs Guidance: Ground-Truth Targets Dampen
       Regularization Imposed by Self-Distillation", NeurIPS 2021, arXiv 2102.13088.

    Examples
    --------
    >>> from skweight.distillation import self_distillation_weights
    >>> y, first, student = [1.0, 2.0, 3.0], [1.2, 2.4, 3.0], [1.1, 1.8, 2.8]
    >>> round(float(self_distillation_weights(y, first, student)), 3)
    0.366
    """
    y, p, g = (
        _predictions(a, name)
        for a, name in ((y_true, "y_true"), (first, "first"), (student, "student"))
    )
    if not y.shape == p.shape == g.shape:
        raise ValueError(
            "y_true, first and student must have the same shape, got "
            f"{y.shape}, {p.shape} and {g.shape}."
        )
    weight = check_row_weights(sample_weight, len(y))
    low, high = check_bounds(bounds, "bounds")
    chosen = best_weight(y, p, g, weight[:, None], per_target)
    chosen = np.clip(chosen, low, high)
    return chosen if per_target else float(chosen[0])


def joint_self_distillation_weights(y_true, students, *, sample_weight=None, rcond=None):
    """Return the weights of all steps that are best together for the last one.

    A chain of steps with one penalty ends in ``sum_k v_k g_k`` with weights v that sum to 1, where
    ``g_0`` is the ordinary fit and ``g_k`` was fitted to the predictions of ``g_{k-1}`` alone. The
    best v on held-out data solve a least-squares problem [1]_, and are mapped back to the weights
    of the ground truth.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_targets)
        Held-out targets.
    students : array-like of shape (n_steps, n_samples) or (n_steps, n_samples, n_targets)
        Held-out predictions of ``g_0, g_1, ...``.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights of the rows, at least 0. None means 1 for all.
    rcond : float or None, default=None
        Singular values of the least-squares problem below ``rcond`` times the largest count as 0.
        None takes the machine's precision times the number of rows.

    Returns
    -------
    weights : ndarray of shape (n_steps - 1,)
        Weights of the ground truth in the second step and later ones; NaN from where on no such
        weights exist.
    mixture : ndarray of shape (n_steps,)
        The v, which sum to 1.
    condition : float
        Condition number of the least-squares problem, which grows fast with the number of steps.

    Raises
    ------
    ValueError
        If shapes differ or a value is not finite.

    See Also
    --------
    self_distillation_weights : One step after the other.

    Notes
    -----
    The error on the rows given never rises with the number of steps, so that it cannot choose that
    number. The steps before the last mean nothing by themselves.

    References
    ----------
    .. [1] D. Pareek, S. S. Du, S. Oh, "Understanding the Gains from Repeated Self-Distillation",
       NeurIPS 2024, arXiv 2407.04600.

    Examples
    --------
    >>> from skweight.distillation import joint_self_distillation_weights
    >>> y, students = [1.0, 2.0, 3.0], [[1.2, 2.4, 3.0], [1.1, 1.8, 2.8]]
    >>> weights, mixture, _ = joint_self_distillation_weights(y, students)
    >>> weights.round(3), mixture.round(3)
    (array([0.366]), array([0.366, 0.634]))
    """
    y = _predictions(y_true, "y_true")
    parts = [_predictions(part, "students") for part in students]
    shapes = [part.shape for part in parts]
    if not shapes or set(shapes) != {y.shape}:
        raise ValueError(
            f"students must have one set of predictions of shape {y.shape} for each step, got "
            f"shapes {shapes}."
        )
    g = np.stack(parts)
    weight = check_row_weights(sample_weight, len(y))
    if len(g) == 1:
        return np.empty(0), np.ones(1), 1.0
    root = np.sqrt(weight)[:, None]
    right = (root * (y - g[0])).ravel()
    columns = (root * (g[1:] - g[0])).reshape(len(g) - 1, -1).T
    if rcond is None:
        rcond = np.finfo(float).eps * max(columns.shape)
    solution, _, _, singular = np.linalg.lstsq(columns, right, rcond=rcond)
    mixture = np.concatenate([[1 - solution.sum()], solution])
    condition = singular[0] / singular[-1] if singular[-1] > 0 else np.inf
    return _weights_of_mixture(mixture), mixture, float(condition)


def _weights_of_mixture(mixture):
    """Return the weights of the steps, from the second one on, that end in a mixture."""
    n_steps = len(mixture)
    weights = np.full(n_steps - 1, np.nan)
    left = 1.0
    for k in range(n_steps - 1):
        if abs(left) <= 1e-10 * np.abs(mixture).max():
            break
        weights[n_steps - 2 - k] = mixture[k] / left
        left -= mixture[k]
    return weights


def gcv_self_distillation_weight(first, student, first_trace, student_trace, *, bounds=None):
    """Return the weight of the ground truth by generalised cross-validation.

    The residuals of the ordinary fit and of the student are divided by one minus their mean
    leverage, and the mixture of the two with the smallest sum of squares is taken [1]_. No data are
    held out. This is not the generalised cross-validation of the mixed smoother.

    Parameters
    ----------
    first : array-like of shape (n_samples,) or (n_samples, n_targets)
        Residuals of the ordinary fit, targets minus fitted values; with weights of rows each
        multiplied by the root of its weight, and rows without weight left out.
    student : array-like of shape (n_samples,) or (n_samples, n_targets)
        Residuals from the same targets of the fit to the teacher's predictions alone.
    first_trace : float
        Trace of the smoother of the ordinary fit, below n_samples.
    student_trace : float
        Trace of the smoother of the student, below n_samples.
    bounds : tuple of (float, float) or None, default=None
        Lowest and highest weight allowed. None means any.

    Returns
    -------
    float
        The weight; 1 where the two residuals are the same.

    Raises
    ------
    ValueError
        If shapes differ, a value is not finite, a trace is too large or bounds are in the wrong
        order.

    See Also
    --------
    self_distillation_weights : From held-out predictions.

    Notes
    -----
    As the penalty falls, teacher and student coincide, and the weight runs off with either sign.
    The estimators of this room take 1, and warn, where the student's fitted values are within 2 %
    of those of the ordinary fit.

    References
    ----------
    .. [1] H. Dang, P. Patil, A. Rinaldo, "Optimal Unconstrained Self-Distillation in Ridge
       Regression", arXiv 2602.17565, 2026.

    Examples
    --------
    >>> from skweight.distillation import gcv_self_distillation_weight
    >>> first, student = [0.2, -0.1, 0.1], [0.5, -0.3, 0.2]
    >>> round(gcv_self_distillation_weight(first, student, 2.0, 1.2), 3)
    3.198
    """
    r0, r1 = _predictions(first, "first"), _predictions(student, "student")
    if r0.shape != r1.shape:
        raise ValueError(
            f"first and student must have the same shape, got {r0.shape} and {r1.shape}."
        )
    low, high = check_bounds(bounds, "bounds")
    n = len(r0)
    for trace, name in ((first_trace, "first_trace"), (student_trace, "student_trace")):
        if not trace < n:
            raise ValueError(f"{name} must be below the number of rows, {n}, got {trace}.")
    inner = np.array([(r0**2).sum(), (r0 * r1).sum(), (r1**2).sum()])
    weight = gcv_weight(inner, first_trace / n, student_trace / n)
    return float(np.clip(weight, low, high))


def gcv_weight(inner, d1, d2):
    """Return the weight from <r0, r0>, <r0, r1>, <r1, r1> and the mean leverages.

    The products may have a second axis of targets; `d2` may have it, too.
    """
    A = inner[0] / (1 - d1) ** 2
    C = inner[1] / ((1 - d1) * (1 - d2))
    B = inner[2] / (1 - d2) ** 2
    spread = A + B - 2 * C
    with np.errstate(invalid="ignore", divide="ignore"):
        imitation = (A - C) / spread
    # Residuals that are the same, to rounding: there is nothing to choose.
    return np.where(spread > _SAME**2 * (A + B), 1 - imitation, 1.0)


def warn_of_small_move(step):
    """Say that generalised cross-validation left a step alone."""
    warnings.warn(
        f"Step {step} moves the fitted values by less than {GCV_MOVE:.0%}, where generalised "
        "cross-validation cannot tell its weight: ground_truth_weight 1 is taken, which is the "
        "ordinary fit. Raise alpha, or use ground_truth_weight='loo'.",
        UserWarning,
        stacklevel=2,
    )


def best_weight(y, first, student, weight, per_target):
    """Return the minimum of the parabola, shape (1,) or (m,) after leading axes.

    `y` has shape (n, m), predictions (n, ..., m), `weight` (n, 1); sums go over rows and, unless
    `per_target`, over targets.
    """
    xp = namespace(first)
    middle = (1,) * (first.ndim - 2)
    y = xp.reshape(y, (y.shape[0], *middle, y.shape[1]))
    weight = xp.reshape(weight, (-1, *middle, 1))
    move = first - student
    top = xp.sum(weight * (y - student) * move, axis=0)
    bottom = xp.sum(weight * move**2, axis=0)
    size = xp.sum(weight * first**2, axis=0)
    if not per_target:
        top, bottom, size = (xp.sum(a, axis=-1, keepdims=True) for a in (top, bottom, size))
    moved = bottom > _SAME**2 * size
    one = xp.ones_like(bottom)
    return xp.where(moved, top / xp.where(moved, bottom, one), one)


def check_bounds(bounds, name="weight_bounds"):
    """Return lowest and highest weight."""
    if bounds is None:
        return -np.inf, np.inf
    try:
        low, high = (float(value) for value in bounds)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be a pair (low, high) or None, got {bounds!r}.") from error
    if not low <= high:
        raise ValueError(f"{name} must have low <= high, got {bounds!r}.")
    return low, high


def _predictions(values, name):
    array = np.asarray(values, dtype=float)
    if array.ndim not in (1, 2) or not np.isfinite(array).all():
        raise ValueError(
            f"{name} must be finite numbers of shape (n_samples,) or (n_samples, "
            f"n_targets), got shape {array.shape}."
        )
    return array[:, None] if array.ndim == 1 else array


def check_row_weights(sample_weight, n):
    """Return the weights of n rows, ones where None is given."""
    if sample_weight is None:
        return np.ones(n)
    weight = np.asarray(sample_weight, dtype=float)
    if weight.shape != (n,) or not (weight >= 0).all() or not np.isfinite(weight).all():
        raise ValueError(
            f"sample_weight must be {n} finite numbers that are at least 0, got shape "
            f"{weight.shape}."
        )
    if not weight.any():
        raise ValueError("sample_weight must give some row a positive weight, got all zeros.")
    return weight
