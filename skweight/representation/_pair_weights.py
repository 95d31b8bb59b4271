"""What losses of pairs weigh each pair with, and one of the losses, for arrays."""

import numpy as np
from scipy.special import expit, logsumexp
from sklearn.utils import check_array, check_consistent_length, column_or_1d

from skweight.losses._pair_options import check_pair_options

# By how much rounding may push similarities of unit vectors beyond 1.
_ROUNDING = 1e-6
# Lengths below this one are taken for it.
_LEAST_LENGTH = 1e-12


def pair_weights(
    S,
    y,
    loss="multi_similarity",
    *,
    scale_pos=2.0,
    scale_neg=50.0,
    threshold=0.5,
    mining=True,
    mining_margin=0.1,
):
    r"""Compute how much each pair counts in the gradient of a loss of pairs.

    Any loss of the similarities of pairs has the gradient of a weighted sum of them, minus for
    positive pairs, of the same class, and plus for negative ones. The weights tell losses apart
    [1]_.

    Parameters
    ----------
    S : array-like of shape (n_samples, n_samples)
        Cosine similarities of rows, in [-1, 1].
    y : array-like of shape (n_samples,)
        Classes.
    loss : str, default="multi_similarity"
        The loss: "multi_similarity", "contrastive", "triplet", "lifted" or "binomial".
        :class:`~skweight.losses.GeneralPairWeighting` has the formulas.
    scale_pos : float, default=2.0
        Steepness for positive pairs, above 0, of "multi_similarity" and "binomial".
    scale_neg : float, default=50.0
        The same for negative pairs.
    threshold : float, default=0.5
        Similarity that positive pairs are to be above and negative pairs below; not of "triplet".
    mining : bool, default=True
        Whether "multi_similarity" gives 0 to pairs that are easier than those of the other kind.
    mining_margin : float, default=0.1
        By how much easier, at least 0; the margin of "triplet" as well.

    Returns
    -------
    ndarray of shape (n_samples, n_samples)
        Weights, at least 0 and 0 on the diagonal: n_samples times the absolute derivatives of the
        mean loss in the entries of `S`, each taken for itself.

    Raises
    ------
    ValueError
        If a parameter is not as described.

    See Also
    --------
    multi_similarity_loss : The value of one of the losses.
    skweight.losses.GeneralPairWeighting : The losses as a module of torch.

    References
    ----------
    .. [1] X. Wang, X. Han, W. Huang, D. Dong and M. R. Scott, "Multi-Similarity Loss with General
       Pair Weighting for Deep Metric Learning", CVPR 2019, arXiv 1904.06627.

    Examples
    --------
    The third row is nearer to the first than the second, which is of its class.

    >>> from skweight.representation import pair_weights
    >>> S = [[1.0, 0.6, 0.8], [0.6, 1.0, 0.1], [0.8, 0.1, 1.0]]
    >>> pair_weights(S, ["a", "a", "b"]).round(2)
    array([[0.  , 0.45, 1.  ],
           [0.  , 0.  , 0.  ],
           [0.  , 0.  , 0.  ]])
    """
    check_pair_options(loss, scale_pos, scale_neg, threshold, mining_margin)
    S = check_array(S, dtype=np.float64, input_name="S")
    y = column_or_1d(y)
    if S.shape != (len(y), len(y)):
        raise ValueError(
            f"S must have shape {(len(y), len(y))} for {len(y)} labels, got {S.shape}."
        )
    if np.abs(S).max() > 1 + _ROUNDING:
        raise ValueError(f"S must be in [-1, 1], got values from {S.min()} to {S.max()}.")
    positive, negative = _pairs(y)
    if loss == "multi_similarity" and mining:
        positive, negative = _mined(S, positive, negative, mining_margin)
    if loss == "triplet":
        return _triplet(S, positive, negative, mining_margin)
    above = S - threshold
    if loss == "contrastive":
        return np.where(positive, 1.0, negative & (above > 0.0))
    if loss == "lifted":
        return _lifted(above, positive, negative)
    weigh = _multi_similarity if loss == "multi_similarity" else _binomial
    return weigh(-scale_pos * above, positive, scale_pos) + weigh(
        scale_neg * above, negative, scale_neg
    )


def multi_similarity_loss(
    E, y, *, scale_pos=2.0, scale_neg=50.0, threshold=0.5, mining=True, mining_margin=0.1
):
    r"""Compute the multi-similarity loss of embedded rows.

    It is small where rows of a class are similar, and rows of different classes are not [1]_.

    Parameters
    ----------
    E : array-like of shape (n_samples, n_components)
        Embedded rows, which are scaled to unit length.
    y : array-like of shape (n_samples,)
        Classes.
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

    Returns
    -------
    float
        The loss, at least 0: the mean over rows of
        :math:`\frac1a \log[1 + \sum_k e^{-a(S_{ik} - \lambda)}] + \frac1b \log[1 + \sum_j
        e^{b(S_{ij} - \lambda)}]`, with sums over the positive and the negative pairs of row i.

    Raises
    ------
    ValueError
        If a parameter is not as described.

    See Also
    --------
    pair_weights : Its gradient in the similarities.
    skweight.losses.MultiSimilarityLoss : The same as a module of torch.

    References
    ----------
    .. [1] X. Wang, X. Han, W. Huang, D. Dong and M. R. Scott, "Multi-Similarity Loss with General
       Pair Weighting for Deep Metric Learning", CVPR 2019, arXiv 1904.06627.

    Examples
    --------
    >>> from skweight.representation import multi_similarity_loss
    >>> E = [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9]]
    >>> multi_similarity_loss(E, [0, 0, 1, 1])
    0.0
    >>> round(multi_similarity_loss(E, [0, 1, 1, 0]), 3)
    1.072
    """
    check_pair_options("multi_similarity", scale_pos, scale_neg, threshold, mining_margin)
    E, y = check_array(E, dtype=np.float64, input_name="E"), column_or_1d(y)
    check_consistent_length(E, y)
    E = unit_rows(E)
    S = E @ E.T
    positive, negative = _pairs(y)
    if mining:
        positive, negative = _mined(S, positive, negative, mining_margin)
    above = S - threshold
    far = _log1p_sum(-scale_pos * above, positive) / scale_pos
    near = _log1p_sum(scale_neg * above, negative) / scale_neg
    return float(np.mean(far + near))


def unit_rows(E):
    """Return rows scaled to unit length; those of length 0 stay."""
    lengths = np.linalg.norm(E, axis=1, keepdims=True)
    return E / np.maximum(lengths, _LEAST_LENGTH)


def _pairs(y):
    """Return masks of positive and of negative pairs."""
    same = y[:, None] == y
    return same & ~np.eye(len(y), dtype=bool), ~same


def _mined(S, positive, negative, margin):
    """Keep pairs that are harder than the hardest of the other kind, less a margin."""
    lowest = np.where(positive, S, np.inf).min(axis=1, keepdims=True)
    highest = np.where(negative, S, -np.inf).max(axis=1, keepdims=True)
    hard, near = highest + margin, lowest - margin
    return positive & (hard > S), negative & (near < S)


def _log1p_sum(exponents, kept):
    """Return log(1 + the sum of exponentials) by row, without overflow."""
    terms = np.where(kept, exponents, -np.inf)
    return logsumexp(np.column_stack([np.zeros(len(terms)), terms]), axis=1)


def _multi_similarity(exponents, kept, scale):
    total = _log1p_sum(exponents, kept)
    return np.exp(np.where(kept, exponents - total[:, None], -np.inf))


def _binomial(exponents, kept, scale):
    count = np.maximum(kept.sum(axis=1, keepdims=True), 1)
    return scale * expit(exponents) * kept / count


def _lifted(above, positive, negative):
    sums, shares = 0.0, 0.0
    for exponents, kept in ((-above, positive), (above, negative)):
        # The least double stands for -inf, of which rows without a pair would make NaN.
        terms = np.where(kept, exponents, np.finfo(float).min)
        total = logsumexp(terms, axis=1, keepdims=True)
        sums, shares = sums + total, shares + np.exp(terms - total) * kept
    return shares * (sums > 0)


def _triplet(S, positive, negative, margin):
    eased = S - margin
    weights = np.zeros_like(S)
    for i, (near, far) in enumerate(zip(positive, negative, strict=True)):
        rivals = np.sort(S[i, far])
        weights[i, near] = len(rivals) - np.searchsorted(rivals, eased[i, near], side="right")
        weights[i, far] = np.searchsorted(np.sort(eased[i, near]), S[i, far])
    return weights
