"""A loss of rows that is weighted by itself, as the criterion of a network."""

import torch
from torch import nn

from skweight.losses._loss_based_weights import (
    RANGE_FLOOR,
    check_weighting,
    loss_based_weights,
)


class LossReweightedCriterion(nn.Module):
    r"""Weight the rows of every training batch by their current losses.

    It wraps a loss that gives a number for each row, and adds nothing to the cost of a step but a
    softmax [1]_. While not training (``eval()``) it is the plain mean.

    Parameters
    ----------
    criterion : callable
        Takes outputs and targets, returns the loss of each row: a loss of torch with
        ``reduction="none"``. Of more than one number for a row the mean is taken.
    strategy : str, default="linupper"
        "linupper", "quadratic", "extremes", "upper" or "uniform": which losses count more.
    temperature : float, default=1.0
        Above 0. The higher, the closer weights are to uniform. It may be set while training.
    delta : float, default=1.0
        Half the length of the interval that losses are mapped to, above 0.
    range_floor : float, default=1e-6
        Smallest range of losses that is told from equal losses, at least 0.
    burn_in : int, default=0
        Number of training batches at the start that are not reweighted, at least 0.

    Raises
    ------
    ValueError
        If an argument is not as described.

    See Also
    --------
    skweight.reweighting.loss_based_weights : The weights, with their formula.
    skweight.reweighting.DynamicLossReweightedClassifier : Weights any classifier's rows.

    Notes
    -----
    Weights are constants: the gradient is :math:`\sum_i w_i \nabla l_i`. The batches that were met
    are counted in the buffer ``n_batches``, which ``state_dict`` holds. A batch's weighted loss is
    curved up to :math:`n \max_i w_i` times as much as its mean, so that a learning rate that was
    just small enough may be too large.

    References
    ----------
    .. [1] D. Sow, H. Woisetschlaeger, S. Bulusu, S. Wang, H.-A. Jacobsen and Y. Liang, "Dynamic
       Loss-Based Sample Reweighting for Improved Large Language Model Pretraining", ICLR 2025,
       arXiv 2502.06733.

    Examples
    --------
    >>> import torch
    >>> from skweight.losses import LossReweightedCriterion
    >>> loss = LossReweightedCriterion(torch.nn.L1Loss(reduction="none"))
    >>> output, target = torch.zeros(5), torch.tensor([0.0, 0.5, 1.0, 2.0, 4.0])
    >>> round(loss(output, target).item(), 3), loss.eval()(output, target).item()
    (1.985, 1.5)
    """

    def __init__(
        self,
        criterion,
        strategy="linupper",
        temperature=1.0,
        delta=1.0,
        range_floor=RANGE_FLOOR,
        burn_in=0,
    ):
        super().__init__()
        check_weighting(strategy, temperature, delta, range_floor)
        if burn_in < 0:
            raise ValueError(f"burn_in must be at least 0, got {burn_in!r}.")
        self.criterion = criterion
        self.strategy = strategy
        self.temperature = temperature
        self.delta = delta
        self.range_floor = range_floor
        self.burn_in = burn_in
        self.register_buffer("n_batches", torch.zeros((), dtype=torch.long))

    def forward(self, output, target, weight=None):
        """Compute the loss.

        While training it counts the batch.

        Parameters
        ----------
        output : Tensor of shape (n, ...)
            Outputs of the network.
        target : Tensor of shape (n, ...)
            Targets, as the wrapped loss takes them.
        weight : Tensor of shape (n,) or None, default=None
            Weights of the rows: a row of weight 2 counts as two rows.

        Returns
        -------
        Tensor
            A number: the mean of the losses by their weights.

        Raises
        ------
        ValueError
            If the wrapped loss does not give a finite number for each row.

        See Also
        --------
        skweight.reweighting.loss_based_weights : The weights.

        Examples
        --------
        >>> import torch
        >>> from skweight.losses import LossReweightedCriterion
        >>> loss = LossReweightedCriterion(torch.nn.MSELoss(reduction="none"), burn_in=1)
        >>> output, target = torch.zeros(2), torch.tensor([0.0, 1.0])
        >>> [round(loss(output, target).item(), 3) for _ in range(2)]
        [0.5, 0.731]
        """
        losses = self.criterion(output, target)
        if losses.ndim == 0 or len(losses) != len(output):
            raise ValueError(
                "criterion must give the loss of each row (reduction='none'), got shape "
                f"{tuple(losses.shape)} for {len(output)} rows."
            )
        losses = losses.flatten(1).mean(dim=1) if losses.ndim > 1 else losses
        strategy = "uniform"
        if self.training:
            strategy = self.strategy if self.n_batches >= self.burn_in else "uniform"
            self.n_batches += 1
        elif weight is None:
            return losses.mean()
        options = {"sum_to": 1, "sample_weight": weight, "range_floor": self.range_floor}
        w = loss_based_weights(losses, strategy, self.temperature, self.delta, **options)
        return w @ losses
