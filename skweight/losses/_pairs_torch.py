"""Losses of pairs of rows, for networks whose outputs are compared by their angle."""

import torch
from torch import nn

from skweight.losses._pair_options import check_pair_options


class GeneralPairWeighting(nn.Module):
    r"""A loss of the similarities of all pairs in a batch.

    The gradient of any such loss is that of a weighted sum of similarities, so that a loss is a way
    to weigh pairs [1]_. Five are here by name, and a function of one's own may give the weights.

    Parameters
    ----------
    loss : str or callable, default="multi_similarity"
        What to minimise: "multi_similarity", "contrastive", "triplet", "lifted" or "binomial", see
        Notes. A callable takes the similarities S, a mask of positive pairs and one of negative
        pairs, tensors of shape (n, n) outside the graph, and returns weights of that shape, at
        least 0.
    scale_pos : float, default=2.0
        Steepness for positive pairs, above 0, of "multi_similarity" and "binomial".
    scale_neg : float, default=50.0
        The same for negative pairs.
    threshold : float, default=0.5
        Similarity that positive pairs are to be above and negative pairs below; not of "triplet".
    mining : bool, default=True
        Whether "multi_similarity" leaves out pairs that are easier than those of the other kind.
    mining_margin : float, default=0.1
        By how much easier, at least 0; the margin of "triplet" as well.

    Raises
    ------
    ValueError
        If a parameter is not as described.

    See Also
    --------
    MultiSimilarityLoss : The first of them, under its own name.
    skweight.representation.pair_weights : The weights that the losses give, for arrays.
    skweight.representation.MultiSimilarityEmbedding : Trains a network with them.

    Notes
    -----
    Rows of the outputs are scaled to unit length, :math:`S_{ij}` is the product of two of them,
    :math:`P_i` and :math:`N_i` are the other rows of the same and of other classes. With a for
    `scale_pos`, b for `scale_neg`, :math:`\lambda` for `threshold` and :math:`\epsilon` for
    `mining_margin` the loss is the mean over rows i of

    - "multi_similarity": :math:`\frac1a \log[1 + \sum_{P_i} e^{-a(S_{ik} - \lambda)}] + \frac1b
      \log[1 + \sum_{N_i} e^{b(S_{ik} - \lambda)}]`, where mining keeps negatives that are more
      similar than the least similar positive less :math:`\epsilon`, and positives that are less
      similar than the most similar negative plus :math:`\epsilon`;
    - "contrastive": :math:`\sum_{P_i} (1 - S_{ik}) + \sum_{N_i} \max(0, S_{ij} - \lambda)`;
    - "triplet": :math:`\sum_{P_i} \sum_{N_i} \max(0, S_{ij} - S_{ik} + \epsilon)`;
    - "lifted": :math:`\max(0, \log \sum_{P_i} e^{\lambda - S_{ik}} + \log \sum_{N_i} e^{S_{ij} -
      \lambda})`;
    - "binomial": :math:`\frac{1}{|P_i|} \sum_{P_i} \log(1 + e^{-a(S_{ik} - \lambda)}) +
      \frac{1}{|N_i|} \sum_{N_i} \log(1 + e^{b(S_{ij} - \lambda)})`.

    With weights of one's own it is the mean of :math:`\sum_{N_i} w_{ij} S_{ij} - \sum_{P_i} w_{ik}
    S_{ik}`, in which only the gradient means something: the value need not fall.

    References
    ----------
    .. [1] X. Wang, X. Han, W. Huang, D. Dong and M. R. Scott, "Multi-Similarity Loss with General
       Pair Weighting for Deep Metric Learning", CVPR 2019, arXiv 1904.06627.

    Examples
    --------
    >>> import torch
    >>> from skweight.losses import GeneralPairWeighting
    >>> output = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]], requires_grad=True)
    >>> target = torch.tensor([0, 0, 1])
    >>> GeneralPairWeighting("contrastive")(output, target).item()
    0.20000000298023224
    >>> def nearest_negatives(S, positive, negative):
    ...     best = torch.where(negative, S, -torch.inf).amax(dim=1, keepdim=True)
    ...     return positive + (S == best).to(S.dtype)
    >>> GeneralPairWeighting(nearest_negatives)(output, target).backward()
    >>> output.grad[0].abs().sum() > 0
    tensor(True)
    """

    def __init__(
        self,
        loss="multi_similarity",
        *,
        scale_pos=2.0,
        scale_neg=50.0,
        threshold=0.5,
        mining=True,
        mining_margin=0.1,
    ):
        super().__init__()
        name = "multi_similarity" if callable(loss) else loss
        check_pair_options(name, scale_pos, scale_neg, threshold, mining_margin)
        self.loss = loss
        self.scale_pos, self.scale_neg = scale_pos, scale_neg
        self.threshold = threshold
        self.mining, self.mining_margin = mining, mining_margin

    def forward(self, output, target, rows=None):
        """Compute the loss.

        It is the mean over the rows of the batch; a row without positive or negative pairs counts.

        Parameters
        ----------
        output : Tensor of shape (n, n_components)
            Outputs of the network, of any length.
        target : Tensor of shape (n,)
            Classes, of which only equality matters.
        rows : Tensor of shape (n,) or None, default=None
            Which row of the data each is, for batches in which one occurs twice: it is no positive
            pair with itself. None means all differ.

        Returns
        -------
        Tensor
            A number.

        See Also
        --------
        skweight.representation.multi_similarity_loss : One of the losses for arrays.

        Examples
        --------
        >>> import torch
        >>> from skweight.losses import GeneralPairWeighting
        >>> output, target = torch.eye(3), torch.tensor([0, 0, 1])
        >>> GeneralPairWeighting("triplet").forward(output, target).round(decimals=4)
        tensor(0.0667)
        """
        output = nn.functional.normalize(output)
        S = output @ output.T
        same = target[:, None] == target
        negative = ~same
        if rows is None:
            rows = torch.arange(len(target), device=target.device)
        positive = same & (rows[:, None] != rows)
        if callable(self.loss):
            weights = self.loss(S.detach(), positive, negative)
            return _weighted_sums(S, weights * positive, weights * negative).mean()
        return _BY_NAME[self.loss](self, S, positive, negative).mean()


class MultiSimilarityLoss(GeneralPairWeighting):
    """The multi-similarity loss of a batch of outputs.

    Each row's positive pairs are weighted by how much less similar they are than a threshold and
    than the row's other positive pairs, and negative pairs the other way round [1]_.

    Parameters
    ----------
    scale_pos : float, default=2.0
        Steepness for positive pairs, above 0.
    scale_neg : float, default=50.0
        Steepness for negative pairs, above 0.
    threshold : float, default=0.5
        Similarity that positive pairs are to be above and negative pairs below.
    mining : bool, default=True
        Whether pairs that are easier than those of the other kind are left out.
    mining_margin : float, default=0.1
        By how much easier, at least 0.

    Raises
    ------
    ValueError
        If a parameter is not as described.

    See Also
    --------
    GeneralPairWeighting : Other losses of pairs, and the formulas.
    skweight.representation.multi_similarity_loss : The same for arrays.
    skweight.representation.MultiSimilarityEmbedding : Trains a network with it.

    References
    ----------
    .. [1] X. Wang, X. Han, W. Huang, D. Dong and M. R. Scott, "Multi-Similarity Loss with General
       Pair Weighting for Deep Metric Learning", CVPR 2019, arXiv 1904.06627.

    Examples
    --------
    Classes that do not overlap cost nothing.

    >>> import torch
    >>> from skweight.losses import MultiSimilarityLoss
    >>> output = torch.tensor([[2.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 3.0]])
    >>> MultiSimilarityLoss()(output, torch.tensor([0, 0, 1, 1])).item()
    0.0
    >>> MultiSimilarityLoss()(output, torch.tensor([0, 1, 1, 0])).item() > 1
    True
    """

    def __init__(
        self, *, scale_pos=2.0, scale_neg=50.0, threshold=0.5, mining=True, mining_margin=0.1
    ):
        super().__init__(
            scale_pos=scale_pos,
            scale_neg=scale_neg,
            threshold=threshold,
            mining=mining,
            mining_margin=mining_margin,
        )


def _multi_similarity(options, S, positive, negative):
    if options.mining:
        margin = options.mining_margin
        lowest = torch.where(positive, S, torch.inf).amin(dim=1, keepdim=True)
        highest = torch.where(negative, S, -torch.inf).amax(dim=1, keepdim=True)
        hard, near = highest + margin, lowest - margin
        positive, negative = positive & (hard > S), negative & (near < S)
    above = S - options.threshold
    a, b = options.scale_pos, options.scale_neg
    return _log1p_sum(-a * above, positive) / a + _log1p_sum(b * above, negative) / b


def _log1p_sum(exponents, kept):
    """Return log(1 + the sum of exponentials) by row: 0, with a gradient of 0, where none is kept.

    The 1 is one more exponential, of 0, so that nothing overflows.
    """
    terms = torch.where(kept, exponents, -torch.inf)
    return torch.logsumexp(torch.cat([terms.new_zeros(len(terms), 1), terms], dim=1), dim=1)


def _contrastive(options, S, positive, negative):
    return ((1 - S) * positive + (S - options.threshold).relu() * negative).sum(dim=1)


def _triplet(options, S, positive, negative):
    # Linear between places where a triplet begins to count: weights and a count are all there is.
    eased = S.detach() - options.mining_margin
    positives = torch.where(positive, eased, torch.inf).sort(dim=1).values
    negatives = torch.where(negative, S.detach(), -torch.inf).sort(dim=1).values
    harder = len(S) - torch.searchsorted(negatives, eased.contiguous(), right=True)
    easier = torch.searchsorted(positives, S.detach().contiguous())
    by_positive, by_negative = (harder * positive).to(S.dtype), (easier * negative).to(S.dtype)
    count = by_positive.sum(dim=1)
    return _weighted_sums(S, by_positive, by_negative) + options.mining_margin * count


def _lifted(options, S, positive, negative):
    above = S - options.threshold
    far = torch.where(positive, -above, -torch.inf).logsumexp(dim=1)
    near = torch.where(negative, above, -torch.inf).logsumexp(dim=1)
    return (far + near).relu()


def _binomial(options, S, positive, negative):
    above, zero = S - options.threshold, S.new_zeros(())
    far = torch.logaddexp(-options.scale_pos * above, zero) * positive
    near = torch.logaddexp(options.scale_neg * above, zero) * negative
    return _mean_of(far, positive) + _mean_of(near, negative)


def _mean_of(values, kept):
    return values.sum(dim=1) / kept.sum(dim=1).clamp(min=1)


def _weighted_sums(S, by_positive, by_negative):
    return ((by_negative - by_positive) * S).sum(dim=1)


_BY_NAME = {
    "binomial": _binomial,
    "contrastive": _contrastive,
    "lifted": _lifted,
    "multi_similarity": _multi_similarity,
    "triplet": _triplet,
}
