"""What the steps of self-distillation do to each eigenvector: filters of eigenvalues.

With ``a = d / (d + alpha)`` for the eigenvalues d, the ordinary fit has filter a, and a step that
fits ``w * y + (1 - w) * (predictions of the step before)`` makes of a filter b the filter
``a * (w + (1 - w) * b)``.
"""

from numbers import Integral, Real

import numpy as np

from skweight._core._array_api import namespace, zeros


def self_distillation_filters(eigenvalues, alpha, ground_truth_weight, n_steps=None):
    """Return the filter factors of every step, by eigenvalue.

    Step t maps targets y to fitted values ``V @ diag(filters[t - 1]) @ V.T @ y``, where V are the
    eigenvectors of the kernel matrix [1]_. The first step is the ordinary ridge fit.

    Parameters
    ----------
    eigenvalues : array-like of shape (n_eigenvalues,)
        Eigenvalues of the kernel matrix, at least 0.
    alpha : float or array-like of shape (n_steps,)
        Ridge penalty, above 0, as in scikit-learn; an array has one for each step.
    ground_truth_weight : float or array-like of shape (n_steps - 1,)
        Weight of the original targets in the second step and later ones. Any number is allowed.
    n_steps : int or None, default=None
        Number of steps, at least 1. None takes it from an array.

    Returns
    -------
    ndarray of shape (n_steps, n_eigenvalues)
        Filter factors.

    Raises
    ------
    ValueError
        If a value is out of its range or lengths do not agree.

    See Also
    --------
    self_distillation_coefficients : The steps as polynomials.
    self_distillation_limit : The filter after infinitely many steps.

    References
    ----------
    .. [1] K. Borup, L. N. Andersen, "Even your Teacher Needs Guidance: Ground-Truth Targets Dampen
       Regularization Imposed by Self-Distillation", NeurIPS 2021, arXiv 2102.13088.

    Examples
    --------
    Without ground truth the steps are powers of the first.

    >>> from skweight.distillation import self_distillation_filters
    >>> self_distillation_filters([3.0, 1.0], alpha=1.0, ground_truth_weight=0.0, n_steps=3)
    array([[0.75    , 0.5     ],
           [0.5625  , 0.25    ],
           [0.421875, 0.125   ]])
    """
    values = np.asarray(eigenvalues, dtype=float)
    if values.ndim != 1 or not (values >= 0).all():
        raise ValueError("eigenvalues must be one array of numbers that are at least 0.")
    weights, penalties = check_steps(ground_truth_weight, alpha, n_steps)
    filters = np.empty((len(penalties), len(values)))
    for t, penalty in enumerate(penalties):
        a = values / (values + penalty)
        filters[t] = a if t == 0 else a * (weights[t - 1] + (1 - weights[t - 1]) * filters[t - 1])
    return filters


def self_distillation_coefficients(ground_truth_weight, n_steps=None):
    """Return every step as a polynomial of the smoother of the ordinary fit.

    The dual coefficients of step t are ``sum_k C[t - 1, k] * A^k @ c`` with the smoother
    ``A = K (K + alpha I)^{-1}`` and the coefficients c of the ordinary fit, for a penalty that all
    steps share [1]_.

    Parameters
    ----------
    ground_truth_weight : float or array-like of shape (n_steps - 1,)
        Weight of the original targets in the second step and later ones.
    n_steps : int or None, default=None
        Number of steps, at least 1. None takes it from an array.

    Returns
    -------
    ndarray of shape (n_steps, n_steps)
        Lower triangular; each row sums to 1.

    Raises
    ------
    ValueError
        If a value is out of its range or lengths do not agree.

    See Also
    --------
    self_distillation_filters : The same steps by eigenvalue.

    References
    ----------
    .. [1] K. Borup, L. N. Andersen, "Even your Teacher Needs Guidance: Ground-Truth Targets Dampen
       Regularization Imposed by Self-Distillation", NeurIPS 2021, arXiv 2102.13088.

    Examples
    --------
    >>> from skweight.distillation import self_distillation_coefficients
    >>> self_distillation_coefficients(0.25, n_steps=3)
    array([[1.    , 0.    , 0.    ],
           [0.25  , 0.75  , 0.    ],
           [0.25  , 0.1875, 0.5625]])
    """
    weights, penalties = check_steps(ground_truth_weight, 1.0, n_steps)
    n_steps = len(penalties)
    coefficients = np.zeros((n_steps, n_steps))
    coefficients[0, 0] = 1.0
    for t in range(1, n_steps):
        coefficients[t, 1:] = (1 - weights[t - 1]) * coefficients[t - 1, :-1]
        coefficients[t, 0] = weights[t - 1]
    return coefficients


def self_distillation_limit(alpha, ground_truth_weight):
    """Return the penalty of the ridge fit that infinitely many steps end in.

    For one weight w with ``0 < w <= 2`` at every step the steps converge to the ordinary ridge fit
    with penalty ``alpha / w`` on the original targets [1]_; for ``w = 0`` they shrink to 0, and for
    others there is no limit, or none for every data set.

    Parameters
    ----------
    alpha : float
        Ridge penalty, above 0.
    ground_truth_weight : float
        Weight of the original targets, above 0 and at most 2.

    Returns
    -------
    float
        The penalty of the limit.

    Raises
    ------
    ValueError
        If a value is out of its range.

    See Also
    --------
    self_distillation_filters : The filters of finitely many steps.

    References
    ----------
    .. [1] K. Borup, L. N. Andersen, "Even your Teacher Needs Guidance: Ground-Truth Targets Dampen
       Regularization Imposed by Self-Distillation", NeurIPS 2021, arXiv 2102.13088.

    Examples
    --------
    >>> from skweight.distillation import self_distillation_limit
    >>> self_distillation_limit(alpha=0.2, ground_truth_weight=0.25)
    0.8
    """
    check_steps(ground_truth_weight, alpha, 2)
    if not (isinstance(ground_truth_weight, Real) and 0 < ground_truth_weight <= 2):
        raise ValueError(
            "ground_truth_weight must be one number above 0 and at most 2 for a limit of the steps "
            f"to exist, got {ground_truth_weight!r}."
        )
    if not isinstance(alpha, Real):
        raise ValueError(f"alpha must be one number for a limit of the steps, got {alpha!r}.")
    return float(alpha / ground_truth_weight)


def check_steps(ground_truth_weight, alpha, n_steps=None, n_targets=None):
    """Return weights and penalties as arrays, one for each step.

    Parameters
    ----------
    ground_truth_weight : float or array-like of shape (n_steps - 1,) or (n_steps - 1, n_targets)
        Weights as the user gave them.
    alpha : float or array-like of shape (n_steps,)
        Penalties as the user gave them.
    n_steps : int or None, default=None
        Number of steps; None takes it from an array.
    n_targets : int or None, default=None
        Number of targets, if there may be one weight for each.

    Returns
    -------
    weights : ndarray of shape (n_steps - 1,) or (n_steps - 1, n_targets)
        Weights of the ground truth.
    penalties : ndarray of shape (n_steps,)
        Penalties.

    Raises
    ------
    ValueError
        If something is out of its range.
    """
    weights = _numbers(ground_truth_weight, "ground_truth_weight")
    penalties = _numbers(alpha, "alpha")
    if n_steps is None:
        if weights.ndim == penalties.ndim == 0:
            raise ValueError("n_steps must be given where no array tells it, got None.")
        n_steps = len(weights) + 1 if weights.ndim > 0 else len(penalties)
    if not isinstance(n_steps, Integral) or isinstance(n_steps, bool) or n_steps < 1:
        raise ValueError(f"n_steps must be a whole number of at least 1, got {n_steps!r}.")
    if weights.ndim == 0:
        weights = np.full(n_steps - 1, float(weights))
    wanted = [(n_steps - 1,)] + [(n_steps - 1, n_targets)] * (n_targets is not None)
    if weights.shape not in wanted:
        raise ValueError(
            f"ground_truth_weight must be a number or have shape {' or '.join(map(str, wanted))}, "
            f"one weight for each step after the first of n_steps={n_steps}, got shape "
            f"{weights.shape}."
        )
    return weights, check_penalties(penalties, n_steps)


def check_penalties(alpha, n_steps):
    """Return the penalties of all steps, shape (n_steps,)."""
    penalties = _numbers(alpha, "alpha")
    if penalties.ndim == 0:
        penalties = np.full(n_steps, float(penalties))
    if penalties.shape != (n_steps,):
        raise ValueError(
            f"alpha must be one number, or one for each of the n_steps={n_steps} steps, got shape "
            f"{penalties.shape}; all targets share it."
        )
    if not (penalties > 0).all():
        raise ValueError(f"alpha must be above 0, got {penalties.min():g}.")
    return penalties


def _numbers(values, name):
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be a number or an array of them, got {values!r}.") from error
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {values!r}.")
    return array


def run_steps(targets, respond, n_steps, choose, same_penalty=True):
    """Run all steps in any coordinates in which a fit is linear.

    Every step is ``w * (fit to the targets) + (1 - w) * (fit to the last step's predictions)``,
    so two solves give a step for all w.

    Parameters
    ----------
    targets : array of shape (r, m)
        The original targets in the coordinates of `respond`.
    respond : callable
        ``respond(t, targets)`` returns coefficients and fitted values of the ridge fit with the
        penalty of step t (from 0), both of the shape of the targets.
    n_steps : int
        Number of steps.
    choose : callable
        ``choose(t, first, student)`` returns the weight of the ground truth, a number or an array
        that broadcasts to (m,), given the coefficients of the two fits and, as attributes of the
        pairs, their fitted values.
    same_penalty : bool, default=True
        Whether all steps have one penalty, so that the fit to the targets is made once.

    Returns
    -------
    coefficients : array of shape (n_steps, r, m)
        Coefficients of every step.
    weights : list
        What `choose` returned for the second step and later ones.
    """
    xp = namespace(targets)
    first = current = respond(0, targets)
    path = zeros((n_steps, *targets.shape), like=targets)
    path[0, ...] = first[0]
    weights = []
    for t in range(1, n_steps):
        if not same_penalty:
            first = respond(t, targets)
        student = respond(t, current[1])
        w = choose(t, first, student)
        weights.append(w)
        current = tuple(w * one + (1 - w) * other for one, other in zip(first, student))
        path[t, ...] = current[0]
    return xp.asarray(path), weights
