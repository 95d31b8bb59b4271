"""The loss of a teacher's order of the classes as the criterion of a network."""

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from skweight.losses._plackett_luce import check_ranking, fixed_weights
from skweight.losses._reductions import check_reduction, reduce_rows


class PlackettLuceDistillationLoss(nn.Module):
    r"""How ill a student's logits agree with a teacher's order of the classes.

    The true class comes first, also where the teacher errs, then the others in the teacher's
    order; each choice has the teacher's probability of the class that is chosen as its weight [1]_.
    There is no second term to mix with: the first choice is the cross-entropy.

    Parameters
    ----------
    teacher_temperature : float, default=1.0
        Temperature of the teacher's softmax, above 0.
    position_weights : str or array-like of shape (n_classes,), default="teacher"
        Weights of the choices: "teacher", the teacher's probability of the class that is chosen;
        "uniform", the same for all (ListMLE, over n_classes); "first", the first choice alone,
        which is the cross-entropy; or numbers of one's own, at least 0.
    reduction : {"mean", "sum", "none"}, default="mean"
        Weighted mean of the rows' losses, their weighted sum, or the unweighted loss of each row.

    Raises
    ------
    ValueError
        If an argument is not as described.

    See Also
    --------
    plackett_luce_distillation_loss : The same for arrays, with the formula.
    skweight.distillation.DistilledClassifier : Trains a student with it.

    Notes
    -----
    The gradient is in closed form and finite for all finite logits. It is that in the student's
    logits: none goes to the teacher.

    References
    ----------
    .. [1] E. Bassam, D. Zhu and K. Bian, "PLD: A Choice-Theoretic List-Wise Knowledge
       Distillation", NeurIPS 2025, arXiv 2506.12542.

    Examples
    --------
    >>> import torch
    >>> from skweight.losses import PlackettLuceDistillationLoss
    >>> loss = PlackettLuceDistillationLoss()
    >>> student = torch.tensor([[0.3, -1.2, 2.0, 0.5, 0.0]], requires_grad=True)
    >>> teacher = torch.tensor([[1.0, 3.0, -0.5, 2.0, 0.25]])
    >>> loss(student, (teacher, torch.tensor([2]))).backward()
    >>> student.grad.argmin().item()  # the teacher's first choice
    1
    """

    def __init__(self, teacher_temperature=1.0, position_weights="teacher", reduction="mean"):
        super().__init__()
        check_ranking(teacher_temperature, position_weights)
        self.teacher_temperature = teacher_temperature
        self.position_weights = position_weights
        self.reduction = check_reduction(reduction)

    def forward(self, student_logits, target, weight=None):
        """Compute the loss.

        The target is a pair, as a data set of rows, teacher's logits and labels gives it.

        Parameters
        ----------
        student_logits : Tensor of shape (n, n_classes)
            Outputs of the network.
        target : pair of Tensor, of shape (n, n_classes) and (n,)
            The teacher's logits, and true classes as whole numbers from 0 on.
        weight : Tensor of shape (n,) or None, default=None
            Weights of the rows.

        Returns
        -------
        Tensor
            A number, or shape (n,) for ``reduction="none"``.

        Raises
        ------
        ValueError
            If shapes do not fit.

        See Also
        --------
        plackett_luce_distillation_loss : The same for arrays.

        Examples
        --------
        >>> import torch
        >>> from skweight.losses import PlackettLuceDistillationLoss
        >>> loss = PlackettLuceDistillationLoss(position_weights="first")  # the cross-entropy
        >>> student, teacher = torch.zeros(2, 4), torch.ones(2, 4)
        >>> round(loss(student, (teacher, torch.tensor([0, 3]))).item(), 4)
        1.3863
        """
        teacher_logits, y = target
        if teacher_logits.shape != student_logits.shape:
            raise ValueError(
                "student_logits and the teacher's must have one shape, got "
                f"{tuple(student_logits.shape)} and {tuple(teacher_logits.shape)}."
            )
        order, weights = self._ranking(teacher_logits.detach(), y.reshape(-1, 1).long())
        losses = ranking_losses(student_logits, order, weights.to(student_logits.dtype))
        return reduce_rows(losses, weight, self.reduction)

    def _ranking(self, teacher_logits, y):
        """Return the order of the classes and the weights of the choices, both (n, n_classes)."""
        first = teacher_logits.scatter(1, y, torch.inf)
        order = torch.sort(first, dim=1, descending=True, stable=True).indices
        check_ranking(self.teacher_temperature, self.position_weights, order.shape[1])
        fixed = fixed_weights(self.position_weights, order.shape[1])
        if fixed is None:
            shares = torch.softmax(teacher_logits / self.teacher_temperature, dim=1)
            return order, shares.gather(1, order)
        return order, torch.tensor(fixed, device=order.device).expand(order.shape)


def ranking_losses(scores, order, weights):
    """Return the loss of each row for classes in the order in which they are to be chosen.

    Parameters
    ----------
    scores : Tensor of shape (n, n_classes)
        The student's logits.
    order : Tensor of int64 of shape (n, n_classes)
        Classes, by position.
    weights : Tensor of shape (n, n_classes)
        Weights of the choices, by position.

    Returns
    -------
    Tensor of shape (n,)
        The losses.
    """
    return _Choices.apply(scores.gather(1, order), weights)


class _Choices(torch.autograd.Function):
    """The loss of scores by position, with derivatives in closed form."""

    @staticmethod
    def forward(ctx, s, weights):
        left = torch.logcumsumexp(s.flip(1), dim=1).flip(1)  # of each position and those after
        ctx.save_for_backward(s, weights, left)
        return (weights * (left - s)).sum(dim=1)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        s, weights, left = ctx.saved_tensors
        reaching = torch.logcumsumexp(weights.log() - left, dim=1)
        return gradient[:, None] * (torch.exp(s + reaching) - weights), None
