"""Likelihood of generalised Gaussian errors as the criterion of a network."""

import math

import torch
from torch import nn

from skweight.losses._generalized_gaussian import agreement_weights
from skweight.losses._reductions import check_reduction, reduce_rows

# Errors below this many scales are 0: for shapes below 1, derivatives grow without bound there.
_LEAST_ERROR = 1e-8


class GeneralizedGaussianNLL(nn.Module):
    r"""Minus the log likelihood of generalised Gaussian distributions of one member, or several.

    The members of an ensemble predict location, scale and shape of each row. The loss of a row is
    a mean over them, in which those with light tails, of a large shape, may count more [1]_.

    Parameters
    ----------
    risk_averse : bool, default=True
        Whether a member counts in proportion to its shape. Without effect for one member.
    detach_weights : bool, default=False
        Whether these proportions are constants when derivatives are taken. If not, a member can
        change the loss of a row by moving its shape alone.
    reduction : {"mean", "sum", "none"}, default="mean"
        Weighted mean of the rows' losses, their weighted sum, or the unweighted loss of each row.

    Raises
    ------
    ValueError
        If `reduction` is none of the three.

    See Also
    --------
    ggd_nll : The loss of one member, of arrays.
    batch_inverse_error_variance_weights : Weights of rows by how well members agree.
    skweight.quantile.GeneralizedGaussianRegressor : Trains an ensemble with it.

    Notes
    -----
    With shapes :math:`b_k` and the loss :math:`\nu_k` of member :math:`k`, the loss of a row is
    :math:`\sum_k b_k \nu_k / \sum_k b_k`, or the plain mean of :math:`\nu_k`. Scales and shapes
    must be above 0 and away from it: rows that are fitted exactly have a likelihood without bound.

    References
    ----------
    .. [1] S. Kim, J. Lee, N. Cho, S. Han and W. Hwang, "Generalized Gaussian Temporal Difference
       Error for Uncertainty-aware Reinforcement Learning", 2024, arXiv 2408.02295.

    Examples
    --------
    >>> import torch
    >>> from skweight.losses import GeneralizedGaussianNLL
    >>> output = torch.tensor([[0.0, 1.0, 1.0]])  # location, scale, shape
    >>> round(GeneralizedGaussianNLL()(output, torch.tensor([3.0])).item(), 4)
    3.6931
    """

    def __init__(self, risk_averse=True, detach_weights=False, reduction="mean"):
        super().__init__()
        self.risk_averse = risk_averse
        self.detach_weights = detach_weights
        self.reduction = check_reduction(reduction)

    def forward(self, output, target, weight=None):
        """Compute the loss.

        Every member is compared with the same outcome.

        Parameters
        ----------
        output : Tensor of shape (n, 3) or (n, 3, n_members)
            Locations, scales above 0 and shapes above 0.
        target : Tensor of shape (n,) or (n, 1)
            Outcomes.
        weight : Tensor of shape (n,) or None, default=None
            Weights of the rows.

        Returns
        -------
        Tensor
            A number, or shape (n,) for ``reduction="none"``.

        See Also
        --------
        ggd_nll : The loss of one member, of arrays.

        Examples
        --------
        >>> import torch
        >>> from skweight.losses import GeneralizedGaussianNLL
        >>> members = torch.tensor([[[0.0, 3.0], [1.0, 1.0], [1.0, 1.0]]])
        >>> round(GeneralizedGaussianNLL().forward(members, torch.tensor([3.0])).item(), 4)
        2.1931
        """
        if output.ndim not in (2, 3) or output.shape[1] != 3:
            raise ValueError(
                "output must hold locations, scales and shapes, (n, 3) or (n, 3, n_members), got "
                f"shape {tuple(output.shape)}."
            )
        loc, scale, shape = output.reshape(len(output), 3, -1).unbind(dim=1)
        losses = ggd_nll(target.reshape(-1, 1) - loc, scale, shape)
        if self.risk_averse:
            counts = shape.detach() if self.detach_weights else shape
            losses = (counts * losses).sum(dim=1) / counts.sum(dim=1)
        else:
            losses = losses.mean(dim=1)
        return reduce_rows(losses, weight, self.reduction)


def ggd_nll(error, scale, shape):
    """Return minus the log density of errors, with derivatives that are finite."""
    distance = (error / scale).abs()
    # What is not taken must have finite derivatives too.
    power = distance.clamp(min=_LEAST_ERROR) ** shape
    power = torch.where(distance < _LEAST_ERROR, 0, power)
    return power + torch.log(scale / shape) + torch.lgamma(1 / shape) + math.log(2)


def batch_inverse_error_variance_weights(
    errors, min_effective_size=16, estimator="mbbe", sample_weight=None
):
    """Return the function of arrays of this name of a tensor (n, members), without derivatives."""
    values = errors.detach().double().cpu().numpy()
    if sample_weight is None:
        counts = torch.ones(len(values), dtype=torch.float64)
    else:
        counts = sample_weight.detach().double().cpu()
    weights = agreement_weights(values, min_effective_size, estimator, counts.numpy())
    return torch.as_tensor(weights).to(errors)
