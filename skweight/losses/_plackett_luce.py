"""Learn the order in which a teacher ranks the classes, the true one first: for arrays."""

from numbers import Real

import numpy as np
from scipy.special import softmax
from sklearn.utils import check_array, column_or_1d

from skweight._core._sklearn_compat import check_sample_weight
from skweight.losses._reductions import check_reduction

POSITION_WEIGHTS = ("teacher", "uniform", "first")
# Numbers of a block of rows, whose few temporaries then stay in the cache.
_BLOCK_NUMBERS = 2**17


def plackett_luce_distillation_loss(
    student_logits,
    teacher_logits,
    y,
    *,
    teacher_temperature=1.0,
    position_weights="teacher",
    sample_weight=None,
    reduction="mean",
    return_grad=False,
):
    r"""Compute how ill a student's logits agree with a teacher's order of the classes.

    The true class comes first, also where the teacher errs, then the others in the teacher's order
    [1]_. Choosing classes one after the other by the student's probabilities has to give this
    order; each choice counts as much as the teacher trusts the class that is chosen. The loss is
    convex in the student's logits.

    Parameters
    ----------
    student_logits : array-like of shape (n_samples, n_classes)
        The student's scores, whose softmax are probabilities.
    teacher_logits : array-like of shape (n_samples, n_classes)
        The teacher's; logarithms of probabilities will do. Of equal ones the first class comes
        first.
    y : array-like of shape (n_samples,)
        True classes, as whole numbers 0, 1, ..., n_classes - 1.
    teacher_temperature : float, default=1.0
        Temperature of the teacher's softmax, above 0: the higher, the more alike the weights of
        the choices.
    position_weights : str or array-like of shape (n_classes,), default="teacher"
        Weights of the choices: "teacher", the teacher's probability of the class that is chosen;
        "uniform", the same for all (ListMLE, over n_classes); "first", the first choice alone,
        which is the cross-entropy; or numbers of one's own, at least 0.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights of the rows, at least 0. None means 1 for all.
    reduction : {"mean", "sum", "none"}, default="mean"
        Weighted mean of the rows' losses, their weighted sum, or the unweighted loss of each row.
    return_grad : bool, default=False
        Whether to return the gradient, too.

    Returns
    -------
    loss : float or ndarray of shape (n_samples,)
        The loss, or that of each row for ``reduction="none"``.
    gradient : ndarray of shape (n_samples, n_classes)
        Its derivatives in the student's logits. Only with `return_grad`.

    Raises
    ------
    ValueError
        If logits or labels are none, or another argument is not as described.

    See Also
    --------
    PlackettLuceDistillationLoss : The same as a module of torch.
    skweight.distillation.DistilledClassifier : Trains a student with it.

    Notes
    -----
    For student logits :math:`s`, the order :math:`\pi` and weights :math:`\alpha` the loss of a
    row is

    .. math:: \sum_k \alpha_k \Bigl[ \log \sum_{l \ge k} \exp s_{\pi_l} - s_{\pi_k} \Bigr] .

    Of two classes it is the cross-entropy times the teacher's probability of the true class. It is
    no proper scoring rule: the minimiser is more sure than the truth, see the user guide. Value
    and gradient take one pass over the positions there and one back.

    References
    ----------
    .. [1] E. Bassam, D. Zhu and K. Bian, "PLD: A Choice-Theoretic List-Wise Knowledge
       Distillation", NeurIPS 2025, arXiv 2506.12542.

    Examples
    --------
    >>> from skweight.losses import plackett_luce_distillation_loss
    >>> student, teacher = [[0.3, -1.2, 2.0, 0.5, 0.0]], [[1.0, 3.0, -0.5, 2.0, 0.25]]
    >>> round(plackett_luce_distillation_loss(student, teacher, [2]), 6)
    1.924045
    >>> loss, gradient = plackett_luce_distillation_loss(student, teacher, [0], return_grad=True)
    >>> round(loss, 6), bool(abs(gradient.sum()) < 1e-12)
    (2.897662, True)
    """
    s = check_array(student_logits, dtype=np.float64, input_name="student_logits")
    t = check_array(teacher_logits, dtype=np.float64, input_name="teacher_logits")
    if s.shape != t.shape:
        raise ValueError(
            f"student_logits and teacher_logits must have one shape, got {s.shape} and {t.shape}."
        )
    check_ranking(teacher_temperature, position_weights, s.shape[1])
    check_reduction(reduction)
    y = _classes(y, *s.shape)
    weight = np.ones(len(s))
    if sample_weight is not None and reduction != "none":
        weight = check_sample_weight(sample_weight, s)
    if reduction == "mean":
        weight = weight / weight.sum()
    order, weights = teacher_ranking(t, y, teacher_temperature, position_weights)
    losses, gradient = ranking_loss(s, order, weights)
    loss = losses if reduction == "none" else float(weight @ losses)
    return (loss, weight[:, None] * gradient) if return_grad else loss


def check_ranking(teacher_temperature, position_weights, n_classes=None):
    """Raise unless there are such a temperature and such weights of the choices."""
    number = isinstance(teacher_temperature, Real) and not isinstance(teacher_temperature, bool)
    if not number or not 0 < teacher_temperature < np.inf:
        raise ValueError(
            f"teacher_temperature must be a number above 0, got {teacher_temperature!r}."
        )
    if isinstance(position_weights, str):
        if position_weights not in POSITION_WEIGHTS:
            raise ValueError(
                f"position_weights must be one of {POSITION_WEIGHTS} or an array, got "
                f"{position_weights!r}."
            )
        return
    given = np.asarray(position_weights, dtype=np.float64)
    fits = given.ndim == 1 and n_classes in (None, len(given))
    if not fits or not np.isfinite(given).all() or (given < 0).any():
        raise ValueError(
            "position_weights must hold a finite number, at least 0, for each class, got "
            f"{position_weights!r}."
        )


def teacher_ranking(teacher_logits, y, temperature=1.0, position_weights="teacher"):
    """Return the order of the classes of each row, and the weight of each choice.

    Parameters
    ----------
    teacher_logits : ndarray of shape (n, n_classes)
        The teacher's logits.
    y : ndarray of int of shape (n,)
        True classes.
    temperature : float, default=1.0
        Of the teacher's softmax.
    position_weights : str or array-like of shape (n_classes,), default="teacher"
        Where weights come from.

    Returns
    -------
    order : ndarray of int of shape (n, n_classes)
        The true class, and the others by falling logits.
    weights : ndarray of shape (n, n_classes)
        Weights of the choices, in this order.
    """
    rank = -teacher_logits
    rank[np.arange(len(y)), y] = -np.inf
    order = np.argsort(rank, axis=1, kind="stable")
    fixed = fixed_weights(position_weights, order.shape[1])
    if fixed is not None:
        return order, np.broadcast_to(fixed, order.shape)
    shares = softmax(teacher_logits / temperature, axis=1)
    return order, np.take_along_axis(shares, order, axis=1)


def fixed_weights(position_weights, n_classes):
    """Return weights of the choices that are the same for all rows, None if a teacher has them."""
    if not isinstance(position_weights, str):
        return np.asarray(position_weights, dtype=np.float64)
    if position_weights == "teacher":
        return None
    return (
        np.eye(n_classes)[0] if position_weights == "first" else np.full(n_classes, 1 / n_classes)
    )


def ranking_loss(scores, order, weights):
    """Return the loss of each row, and its derivatives in the scores.

    Parameters
    ----------
    scores : ndarray of shape (n, n_classes)
        The student's logits.
    order : ndarray of int of shape (n, n_classes)
        Classes in the order in which they are to be chosen.
    weights : ndarray of shape (n, n_classes)
        Weights of the choices.

    Returns
    -------
    losses : ndarray of shape (n,)
        The losses.
    gradient : ndarray of shape (n, n_classes)
        The derivatives.
    """
    n, n_classes = scores.shape
    losses, gradient = np.empty(n), np.empty((n, n_classes))
    step = max(1, _BLOCK_NUMBERS // n_classes)
    for start in range(0, n, step):
        part = slice(start, start + step)
        _rank_block(scores[part], order[part], weights[part], losses[part], gradient[part])
    return losses, gradient


def _rank_block(scores, order, weights, losses, gradient):
    """Write losses and gradients of some rows, positions being the first axis inside."""
    n, n_classes = scores.shape
    places = np.ascontiguousarray(order.T) + np.arange(n) * n_classes
    s, weights = scores.ravel().take(places), np.ascontiguousarray(weights.T)
    # Each choice is among what is left; exponentials are relative to the largest that is left.
    largest = np.maximum.accumulate(s[::-1])[::-1]
    chosen = np.exp(s - largest)
    falls = np.exp(largest[1:] - largest[:-1])
    sums = chosen.copy()
    for k in range(n_classes - 2, -1, -1):
        sums[k] += sums[k + 1] * falls[k]
    losses[:] = (weights * (largest - s + np.log(sums))).sum(axis=0)
    chosen /= sums  # probabilities, each among those left
    # The weight of all choices so far, times the probability that they left this class over.
    reaching = np.zeros(n)
    for k in range(n_classes):
        reaching += weights[k]
        pushed = chosen[k] * reaching
        reaching -= pushed
        np.subtract(pushed, weights[k], out=s[k])
    flat = np.empty(n * n_classes)
    flat[places] = s
    gradient[:] = flat.reshape(n, n_classes)


def _classes(y, n, n_classes):
    """Return true classes as whole numbers."""
    y = column_or_1d(y)
    if len(y) != n:
        raise ValueError(f"y and student_logits must have as many rows, got {len(y)} and {n}.")
    if y.dtype.kind not in "biuf" or not np.isin(y, range(n_classes)).all():
        raise ValueError(
            f"y must hold whole numbers from 0 to {n_classes - 1}, got {np.unique(y)}."
        )
    if n_classes < 2:
        raise ValueError("student_logits must have at least 2 classes, got 1 column.")
    return y.astype(np.intp)
