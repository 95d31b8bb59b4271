"""Dependence of a batch of predictions on protected attributes, as a loss."""

import torch
from torch import nn

_MEASURES = ("ccdcov", "jdcov", "sum")
_STATISTICS = ("V", "U")


class DistanceCovarianceLoss(nn.Module):
    """Measure how much a batch of predictions depends on attributes.

    This is the squared distance covariance of predictions and attributes, as a term to add to the
    loss of a network [1]_. Minimised, it drives the predictions towards independence of the
    attributes and, for the joint measures, of their intersections.

    Parameters
    ----------
    measure : {"ccdcov", "jdcov", "sum"}, default="ccdcov"
        Distance covariance with all attributes taken as one vector, joint distance covariance, or
        the sum over the attributes, which does not see intersections.
    statistic : {"U", "V"}, default="U"
        The unbiased statistic, whose mean over random batches is that of all rows, or the biased
        one, which is never negative but on a batch mostly measures the batch's size.
    c : float, default=1.0
        Constant of "jdcov", above 0, in units of the attributes' distances.

    See Also
    --------
    skweight.fairness.FairNeuralClassifier : A classifier that is trained with it.
    skweight.fairness.concatenated_distance_covariance : The same for arrays, in linear memory.
    skweight.fairness.joint_distance_covariance : The measure "jdcov" for arrays.

    Notes
    -----
    A measure is a constant plus ``kappa * sum_ij w_i w_j M_ij |y_i - y_j|``, whose matrix M comes
    from the attributes alone. So M takes no part in the graph, the value is linear in the distances
    of predictions, and its gradient in the prediction i is exactly
    ``2 * kappa * w_i * sum_j w_j M_ij sign(y_i - y_j)``, where ties count 0. Second derivatives
    are 0. A batch of n rows takes memory and time in proportion to n**2.

    For "jdcov" with two attributes or more the value holds a constant that no prediction changes,
    and the mean over random batches is that of all rows only nearly.

    References
    ----------
    .. [1] H. M. Lee, K. Antonio, B. Avanzi, L. Marchi, R. Zhou, "Machine Learning with Multitype
       Protected Attributes: Intersectional Fairness through Regularisation", arXiv 2509.08163,
       2025.

    Examples
    --------
    The attributes a and b say nothing about y, except together.

    >>> import torch
    >>> from skweight.losses import DistanceCovarianceLoss
    >>> a = torch.tensor([0, 0, 1, 1], dtype=torch.float64).repeat(5)
    >>> b = torch.tensor([0, 1, 0, 1], dtype=torch.float64).repeat(5)
    >>> y_pred = (a - b).abs().requires_grad_()
    >>> loss = DistanceCovarianceLoss()(y_pred, [a, b])
    >>> round(loss.item(), 4)
    0.0597
    >>> loss.backward()
    >>> y_pred.grad[:4].round(decimals=4).tolist()
    [-0.006, 0.006, 0.006, -0.006]
    """

    def __init__(self, measure="ccdcov", statistic="U", c=1.0):
        super().__init__()
        for name, value, choices in (
            ("measure", measure, _MEASURES),
            ("statistic", statistic, _STATISTICS),
        ):
            if not (isinstance(value, str) and value in choices):
                raise ValueError(f"{name} must be one of {choices}, got {value!r}.")
        if not 0 < c < float("inf"):
            raise ValueError(f"c must be above 0 and finite, got {c!r}.")
        self.measure = measure
        self.statistic = statistic
        self.c = c

    def forward(self, y_pred, sensitive, weight=None):
        """Compute the loss of a batch.

        A network of skorch or a training loop adds it to another loss.

        Parameters
        ----------
        y_pred : Tensor of shape (n,) or (n, n_outputs)
            Predictions on the scale on which they are to be independent, such as probabilities.
            Each column is compared with the attributes alone, and the losses are added up.
        sensitive : Tensor of shape (n,) or (n, n_columns), or list of them
            The attributes as numbers, one tensor for each. A nominal one is a block of indicators;
            one tensor alone is one attribute.
        weight : Tensor of shape (n,) or None, default=None
            How often each row counts, at least 0; integer weights equal repeated rows.

        Returns
        -------
        Tensor of shape ()
            The loss, in units of `y_pred` times units of the attributes; 0 for the statistic "U" if
            weights sum to 3 or less, where it is not defined.

        Raises
        ------
        ValueError
            If lengths differ or there are no attributes.

        See Also
        --------
        skweight.fairness.dependence_score : The same for arrays and attributes of any type.

        Examples
        --------
        >>> import torch
        >>> from skweight.losses import DistanceCovarianceLoss
        >>> y_pred, age = torch.linspace(0, 1, 5), torch.linspace(20, 60, 5)
        >>> round(DistanceCovarianceLoss(statistic="V")(y_pred, age).item(), 2)
        3.04
        """
        y = y_pred[:, None] if y_pred.ndim == 1 else y_pred
        blocks = _blocks(sensitive, y)
        weight = y.new_ones(len(y)) if weight is None else weight.to(y.dtype)
        if weight.shape != y.shape[:1]:
            raise ValueError(
                f"weight must have the shape {tuple(y.shape[:1])}, got {tuple(weight.shape)}."
            )
        total = weight.sum()
        if not total > (3 if self.statistic == "U" else 0):
            return 0.0 * y.sum()
        with torch.no_grad():
            matrix, constant = self._functional(blocks, weight, total)
            signs = (torch.sign(s[:, None] - s) for s in y.unbind(dim=1))
            slopes = torch.stack([sign.mul_(matrix) @ weight for sign in signs], dim=1)
            slopes *= 2 * self._kappa(total) * weight[:, None]
        # By Euler: the value is linear in distances. Without the mean there is less to cancel.
        return (slopes * (y - y.detach().mean(dim=0))).sum() + y.shape[1] * constant

    def _functional(self, blocks, weight, total):
        """Return the matrix M and the part of the measure that no prediction changes."""
        if self.measure == "sum":
            parts = [self._centred(_distances(block), weight, total) for block in blocks]
            return sum(parts[1:], start=parts[0]), 0.0
        if self.measure == "ccdcov" or len(blocks) == 1:  # of two variables both are the same
            return self._centred(_distances(torch.cat(blocks, dim=1)), weight, total), 0.0
        product = 1.0
        for block in blocks:
            product = product * (self.c - self._centred(_distances(block), weight, total))
        sums = product @ weight
        power = self.c ** (len(blocks) + 1)
        if self.statistic == "V":
            constant = self.c * (weight @ sums) / total**2 - power
        else:  # a row and itself are no pair
            pairs = weight @ (sums - product.diagonal())
            constant = (self.c * pairs + total * power) / (total * (total - 3))
            constant = constant - total * power / (total - 3)
        return self._centred(product, weight, total).neg_(), constant

    def _centred(self, matrix, weight, total):
        """Centre a matrix of pairs of rows in both directions, and return it."""
        sums = matrix @ weight
        if self.statistic == "V":
            a, b = 1 / total, 1 / total**2
        else:
            sums = sums - matrix.diagonal()  # what is there between two copies of a row
            a, b = 1 / (total - 2), 1 / ((total - 1) * (total - 2))
        shift = a * sums - b / 2 * (weight @ sums)
        return matrix.sub_(shift).sub_(shift[:, None])

    def _kappa(self, total):
        return 1 / total**2 if self.statistic == "V" else 1 / (total * (total - 3))


def _blocks(sensitive, y):
    """Return attributes as matrices in the type of predictions."""
    listed = sensitive if isinstance(sensitive, (list, tuple)) else [sensitive]
    if not listed:
        raise ValueError("sensitive must hold at least one attribute, got none.")
    blocks = []
    for block in listed:
        if len(block) != len(y):
            raise ValueError(f"sensitive must have {len(y)} rows as y_pred, got {len(block)}.")
        block = block.detach().to(y.dtype)
        blocks.append(block[:, None] if block.ndim == 1 else block)
    return blocks


def _distances(block):
    # Not by products of rows, which lose half of the digits.
    return torch.cdist(block, block, compute_mode="donot_use_mm_for_euclid_dist")
