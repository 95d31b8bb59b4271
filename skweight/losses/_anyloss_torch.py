"""Metrics of the confusion matrix as the criterion of a network."""

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from skweight.losses._confusion_metrics import check_metric, metric_function, metric_of_counts


class AnyLoss(nn.Module):
    r"""1 minus a metric of soft decisions, as a loss of outputs of a network.

    Probabilities are pushed towards 0 and 1 by a steep curve, and the metric is computed from the
    soft decisions [1]_. It is no mean over rows: every batch needs rows of every class, and the
    loss of a small batch says little of that of all rows.

    Parameters
    ----------
    metric : str or callable, default="f1"
        "accuracy", "balanced_accuracy" (mean recall), "f1", "fbeta", "gmean" (geometric mean of
        the recalls), "jaccard" or "mcc" (Matthews' correlation). For more than two classes "f1",
        "fbeta" and "jaccard" are means over classes. A callable takes true positives, false
        negatives, false positives and true negatives, tensors of a number for two classes, else
        with an entry for each class, and returns a tensor of one number.
    beta : float, default=1.0
        Of "fbeta": how many times as important recall is as precision, at least 0.
    amplification : float, default=73.0
        Steepness of the soft decisions, above 0.
    pos_label : {0, 1}, default=1
        The positive class of two.

    Raises
    ------
    ValueError
        If there is no such metric, or another argument is not as described.

    See Also
    --------
    anyloss : The same for arrays of probabilities.
    skweight.imbalance.AnyLossClassifier : Trains a model with it.

    Notes
    -----
    For the probabilities :math:`p` of two classes, which are the sigmoid or softmax of the outputs,
    the soft decision is :math:`1 / (1 + \exp(-L (p - 1/2)))`; for more it is the softmax of
    :math:`L p / 2`. A row of which the network is sure has no gradient, also where it is wrong:
    scale the features, and start from small outputs.

    References
    ----------
    .. [1] D. Han, N. Moniz and N. V. Chawla, "AnyLoss: Transforming Classification Metrics into
       Loss Functions", 2024, arXiv 2405.14745.

    Examples
    --------
    >>> import torch
    >>> from skweight.losses import AnyLoss
    >>> loss = AnyLoss("f1")
    >>> output = torch.tensor([-1.0, 0.1, 0.0, 2.0], requires_grad=True)
    >>> loss(output, torch.tensor([0, 0, 1, 1])).backward()
    >>> output.grad.argmin().item()  # the row of class 1 at the border
    2
    """

    def __init__(self, metric="f1", *, beta=1.0, amplification=73.0, pos_label=1):
        super().__init__()
        check_metric(metric, beta, amplification)
        if pos_label not in (0, 1):
            raise ValueError(f"pos_label must be 0 or 1, got {pos_label!r}.")
        self.metric = metric
        self.beta = beta
        self.amplification = amplification
        self.pos_label = pos_label

    def forward(self, output, target, weight=None):
        """Compute the loss.

        It is a number for the whole batch, in which a row of weight 2 counts as two rows.

        Parameters
        ----------
        output : Tensor of shape (n,), (n, 1) or (n, n_classes)
            Outputs of the network: the log-odds of class 1, or a score for each class.
        target : Tensor of shape (n,) or (n, 1)
            Classes, as whole numbers from 0 on.
        weight : Tensor of shape (n,) or None, default=None
            Weights of the rows.

        Returns
        -------
        Tensor
            A number.

        See Also
        --------
        anyloss : The same for arrays of probabilities.

        Examples
        --------
        >>> import torch
        >>> from skweight.losses import AnyLoss
        >>> output, target = torch.tensor([[-0.5], [0.5], [0.5]]), torch.tensor([0, 0, 1])
        >>> AnyLoss("accuracy")(output, target, weight=torch.tensor([1.0, 2.0, 1.0])).item()
        0.5
        """
        soft = self._soft_decisions(output)
        K = soft.shape[1]
        true = nn.functional.one_hot(target.reshape(-1).long(), K).to(soft.dtype)
        if weight is not None:
            true = true * weight.reshape(-1, 1)
        matrix = true.T @ soft
        hits, rows, columns = matrix.diagonal(), true.sum(dim=0), matrix.sum(dim=0)
        if callable(self.metric):
            return 1 - metric_of_counts(self.metric, hits, rows, columns, self.pos_label)
        metric = metric_function(self.metric, self.beta, self.pos_label)
        return 1 - _Metric.apply(hits, columns, rows, metric)

    def _soft_decisions(self, output):
        if output.ndim == 2 and output.shape[1] == 2:  # of softmax the same, and faster
            output = output[:, 1] - output[:, 0]
        if output.ndim == 2 and output.shape[1] > 2:
            return torch.softmax(self.amplification / 2 * torch.softmax(output, dim=1), dim=1)
        steep = self.amplification * (torch.sigmoid(output.reshape(-1)) - 0.5)
        return torch.stack([torch.sigmoid(-steep), torch.sigmoid(steep)], dim=1)


class _Metric(torch.autograd.Function):
    """A metric with derivatives in closed form, which stay finite where those of torch do not."""

    @staticmethod
    def forward(ctx, hits, columns, rows, metric):
        value, by_hits, by_columns = metric(hits, rows, columns)
        ctx.save_for_backward(by_hits, by_columns)
        return value

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        by_hits, by_columns = ctx.saved_tensors
        return gradient * by_hits, gradient * by_columns, None, None
