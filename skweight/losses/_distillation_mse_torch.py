"""Squared errors of probabilities, beside labels and a teacher's."""

import torch
from torch import nn
from torch.nn import functional


def squared_error_of_probabilities(output, shares, reduction):
    """Return mean squared differences of the softmax of outputs and shares of classes.

    Parameters
    ----------
    output, shares : Tensor of shape (n, n_classes)
        Scores, and what their softmax shall be.
    reduction : {"none", "mean"}
        Whether to return the differences or their mean.
    """
    return functional.mse_loss(torch.softmax(output, dim=1), shares, reduction=reduction)


class DistillationMSELoss(nn.Module):
    r"""Squared error of probabilities beside labels, mixed with that beside a teacher's.

    Up to a number that does not depend on the outputs it is the squared error beside the mixture
    of labels and teacher [1]_.

    Parameters
    ----------
    ground_truth_weight : float, default=0.5
        Weight :math:`w` of the labels, any number; the teacher has :math:`1 - w`.

    See Also
    --------
    skweight.distillation.SelfDistilledMLPClassifier : Trains networks with it.
    skweight.distillation.self_distillation_weights : The best weight, from predictions.

    References
    ----------
    .. [1] K. Borup, L. N. Andersen, "Even your Teacher Needs Guidance: Ground-Truth Targets Dampen
       Regularization Imposed by Self-Distillation", NeurIPS 2021, arXiv 2102.13088.

    Examples
    --------
    >>> import torch
    >>> from skweight.losses import DistillationMSELoss
    >>> output, label = torch.tensor([[0.0, 0.0]]), torch.tensor([1])
    >>> teacher = torch.tensor([[0.5, 0.5]])
    >>> DistillationMSELoss(0.4)(output, label, teacher).item()  # .4 times a squared half
    0.10000000149011612
    """

    def __init__(self, ground_truth_weight=0.5):
        super().__init__()
        self.ground_truth_weight = ground_truth_weight

    def forward(self, output, target, teacher, weight=None):
        """Compute the loss.

        It is a mean over rows and classes, divided by the sum of the weights of the rows.

        Parameters
        ----------
        output : Tensor of shape (n, n_classes)
            Scores.
        target : Tensor of shape (n,)
            Classes, as whole numbers from 0 on.
        teacher : Tensor of shape (n, n_classes)
            Probabilities by a teacher.
        weight : Tensor of shape (n,) or None, default=None
            Weights of the rows.

        Returns
        -------
        Tensor
            A number.

        See Also
        --------
        torch.nn.functional.mse_loss : The squared error.

        Examples
        --------
        >>> import torch
        >>> from skweight.losses import DistillationMSELoss
        >>> output, label = torch.tensor([[0.0, 0.0]]), torch.tensor([1])
        >>> DistillationMSELoss(0.0)(output, label, torch.tensor([[0.5, 0.5]])).item()
        0.0
        """
        true = functional.one_hot(target, output.shape[1]).to(output.dtype)
        w = self.ground_truth_weight
        losses = w * squared_error_of_probabilities(output, true, "none")
        losses = losses + (1 - w) * squared_error_of_probabilities(output, teacher, "none")
        losses = losses.mean(dim=1)
        return losses.mean() if weight is None else weight.dot(losses) / weight.sum()
